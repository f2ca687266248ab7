//! Compression of archive data: what the user may ask for ([`Compression`]), frames that stand alone
//! ([`FrameEncoder`]) and streams of them back into plain bytes ([`StreamDecoder`]).
//!
//! Nothing here knows what it compresses or where the bytes go. Memory is bounded by the buffers that
//! callers hand in, never by a length that a file claims.

mod adler;
mod decode;
mod encode;
mod lz4;
mod spec;

pub use adler::Adler32;
pub use decode::StreamDecoder;
pub use encode::{Frame, FrameEncoder};
pub use spec::{Algorithm, Compression};

/// How compressed data is cut and wrapped: what an archive's format makes of an [`Algorithm`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    /// The plain bytes as they are.
    Raw,
    /// Raw deflate pieces, each ended by a full flush, joined to a zlib stream by [`Framing::prologue`] and
    /// [`Framing::epilogue`].
    ZlibPiece,
    /// gzip members.
    GzipMember,
    /// zstd frames with content checksums.
    ZstdFrame,
    /// LZ4 frames with content checksums.
    Lz4Frame,
}

impl Framing {
    /// What must stand before the first frame of a stream.
    pub fn prologue(self) -> &'static [u8] {
        match self {
            Framing::ZlibPiece => &[0x78, 0x9c],
            _ => &[],
        }
    }

    /// What must stand after the last frame of a stream whose plain bytes have this Adler-32.
    pub fn epilogue(self, plain: &Adler32) -> Vec<u8> {
        match self {
            // An empty block that is marked as the last one, then the checksum.
            Framing::ZlibPiece => {
                let mut end = vec![0x03, 0x00];
                end.extend_from_slice(&plain.sum().to_be_bytes());
                end
            }
            _ => Vec::new(),
        }
    }
}
