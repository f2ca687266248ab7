//! The custom format: header and table of contents, then blocks of data that can be found by offset or by
//! walking.
//!
//! Blocks are a byte for the kind, the entry's number, and chunks (a length and as many bytes) ended by a
//! zero; a block of large objects holds such a run of chunks for each. All chunks of a run are one
//! compressed stream.

mod aside;
mod read;
mod seals;
mod survey;
mod write;

use crate::compress::{Algorithm, Framing};

pub(crate) use read::CustomReader;
pub use write::CustomWriter;

/// Marks a block of rows.
const BLOCK_DATA: u8 = 1;
/// Marks a block of large objects.
const BLOCK_LARGE_OBJECTS: u8 = 3;

/// How custom archives frame data of this compression method.
pub(crate) fn framing(algorithm: Algorithm) -> Framing {
    match algorithm {
        Algorithm::None => Framing::Raw,
        Algorithm::Gzip => Framing::ZlibPiece,
        Algorithm::Lz4 => Framing::Lz4Frame,
        Algorithm::Zstd => Framing::ZstdFrame,
    }
}
