//! LZ4 frames: the framing is here, and so is the thorough search for matches; quick compression and decoding
//! of blocks are lz4_flex's.
//!
//! Frames of ours have independent blocks of up to 256 KiB and a content checksum. Read is whatever the format
//! allows but for dictionaries: linked blocks, block checksums, sizes, frames to be skipped.

mod decode;
mod encode;
mod search;

pub(super) use decode::Lz4Decoder;
pub(super) use encode::Lz4Encoder;

const MAGIC: u32 = 0x184d_2204;
/// Sixteen magic numbers, from this on, mark frames that hold no data.
const SKIPPABLE: u32 = 0x184d_2a50;
/// Version 1.
const VERSION: u8 = 0b0100_0000;
const INDEPENDENT_BLOCKS: u8 = 0b0010_0000;
const BLOCK_CHECKSUMS: u8 = 0b0001_0000;
const CONTENT_SIZE: u8 = 0b0000_1000;
const CONTENT_CHECKSUM: u8 = 0b0000_0100;
const RESERVED: u8 = 0b0000_0010;
const DICTIONARY: u8 = 0b0000_0001;
/// Marks a block that is stored as it is.
const STORED: u32 = 1 << 31;

/// The checksum of what a header says.
fn header_checksum(descriptor: &[u8]) -> u8 {
    twox_hash::XxHash32::oneshot(0, descriptor).to_le_bytes()[1]
}
