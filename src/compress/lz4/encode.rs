//! Plain bytes into LZ4 frames.

use std::hash::Hasher;

use lz4_flex::block::{CompressTable, compress_into_with_table, get_maximum_output_size};
use twox_hash::XxHash32;

use super::search::Search;
use super::{CONTENT_CHECKSUM, INDEPENDENT_BLOCKS, MAGIC, STORED, VERSION, header_checksum};

/// The longest block, and how a header says so.
const BLOCK: usize = 256 * 1024;
const BLOCK_CODE: u8 = 5 << 4;
/// The lowest level that searches thoroughly.
const THOROUGH: i32 = 3;

/// Makes frames one after another.
pub(in crate::compress) struct Lz4Encoder {
    method: Method,
    /// Plain bytes of the block to come.
    plain: Vec<u8>,
    checksum: XxHash32,
    /// Whether the frame's header has been written.
    open: bool,
}

enum Method {
    Quick(CompressTable),
    Thorough(Search),
}

impl Lz4Encoder {
    /// An encoder at this level; levels below 3 are all the quickest one.
    pub(in crate::compress) fn new(level: i32) -> Lz4Encoder {
        Lz4Encoder {
            method: if level < THOROUGH {
                Method::Quick(CompressTable::large())
            } else {
                Method::Thorough(Search::new(level))
            },
            plain: Vec::new(),
            checksum: XxHash32::with_seed(0),
            open: false,
        }
    }

    /// Adds plain bytes; whole blocks go to `out`.
    pub(in crate::compress) fn push(&mut self, mut plain: &[u8], out: &mut Vec<u8>) {
        self.checksum.write(plain);
        while !plain.is_empty() {
            let room = BLOCK - self.plain.len();
            let (now, later) = plain.split_at(room.min(plain.len()));
            self.plain.extend_from_slice(now);
            plain = later;
            if self.plain.len() == BLOCK {
                self.write_block(out);
            }
        }
    }

    /// Ends the frame and makes ready for the next one.
    pub(in crate::compress) fn finish(&mut self, out: &mut Vec<u8>) {
        self.write_block(out);
        self.write_header(out);
        out.extend_from_slice(&0u32.to_le_bytes());
        let checksum = std::mem::replace(&mut self.checksum, XxHash32::with_seed(0));
        out.extend_from_slice(&checksum.finish_32().to_le_bytes());
        self.open = false;
    }

    fn write_header(&mut self, out: &mut Vec<u8>) {
        if self.open {
            return;
        }
        self.open = true;
        let descriptor = [VERSION | INDEPENDENT_BLOCKS | CONTENT_CHECKSUM, BLOCK_CODE];
        out.extend_from_slice(&MAGIC.to_le_bytes());
        out.extend_from_slice(&descriptor);
        out.push(header_checksum(&descriptor));
    }

    fn write_block(&mut self, out: &mut Vec<u8>) {
        if self.plain.is_empty() {
            return;
        }
        self.write_header(out);
        let compressed = match &mut self.method {
            Method::Quick(table) => {
                let mut compressed = vec![0; get_maximum_output_size(self.plain.len())];
                // There is room for whatever comes, so this cannot fail; if it did, the block would be stored.
                let length = compress_into_with_table(&self.plain, &mut compressed, table);
                compressed.truncate(length.unwrap_or(usize::MAX));
                compressed
            }
            Method::Thorough(search) => search.compress(&self.plain),
        };
        let (marked, bytes) = if compressed.len() < self.plain.len() {
            (0, &compressed)
        } else {
            (STORED, &self.plain)
        };
        // No block is longer than 256 KiB.
        let length = bytes.len() as u32;
        out.extend_from_slice(&(length | marked).to_le_bytes());
        out.extend_from_slice(bytes);
        self.plain.clear();
    }
}
