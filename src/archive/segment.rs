//! A segment: a run of whole rows (or a piece of a large object) as one frame of its own, ready to be
//! appended to an archive.
//!
//! Segments are made by pure functions on whatever lane read the rows; a writer only appends them in order. The compression itself is [`crate::compress`]'s.

use bytes::Bytes;

/// How a writer wants segments encoded; a lane needs nothing else to make them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    /// The plain bytes as they are.
    Raw,
    /// A raw deflate piece ended by a full flush, part of a zlib stream that the writer opens and closes.
    ZlibPiece,
    /// A gzip member.
    GzipMember,
    /// A zstd frame with a content checksum.
    ZstdFrame,
    /// An LZ4 frame with a content checksum.
    Lz4Frame,
}

/// An encoded run of data.
#[derive(Debug, Clone)]
pub struct Segment {
    /// The stored bytes, in as many buffers as came about.
    pub stored: Vec<Bytes>,
    /// Length of all stored buffers together.
    pub stored_len: u64,
    /// Length before compression.
    pub plain_len: u64,
    /// Rows in the segment; 0 where the data is not rows.
    pub rows: u64,
    /// CRC-32C of the stored bytes.
    pub crc32c: u32,
    /// Adler-32 of the plain bytes, for [`Framing::ZlibPiece`] only; 1 otherwise.
    pub adler32: u32,
}
