//! A segment: a run of whole rows (or a piece of a large object) as one frame of its own, ready to be
//! appended to an archive.
//!
//! Segments are made by pure functions on whatever lane read the rows ([`SegmentEncoder`]); a writer only
//! appends them in order. The compression itself is [`crate::compress`]'s.

use bytes::Bytes;

use crate::compress::{Compression, Frame, FrameEncoder, Framing};
use crate::error::Result;

/// An encoded run of data.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// Makes segments one after another; a lane keeps one for all its work.
pub struct SegmentEncoder {
    frames: FrameEncoder,
    plain_len: u64,
}

impl SegmentEncoder {
    /// An encoder for the framing that a writer asks for.
    ///
    /// # Errors
    /// As [`FrameEncoder::new`].
    pub fn new(framing: Framing, compression: &Compression) -> Result<SegmentEncoder> {
        Ok(SegmentEncoder {
            frames: FrameEncoder::new(framing, compression)?,
            plain_len: 0,
        })
    }

    /// Adds plain bytes to the segment, compressing them now.
    ///
    /// # Errors
    /// `ErrorKind::Io` if the compression library fails.
    pub fn push(&mut self, plain: Bytes) -> Result<()> {
        self.plain_len += plain.len() as u64;
        self.frames.push(plain)
    }

    /// Plain bytes in the segment so far.
    pub fn plain_len(&self) -> u64 {
        self.plain_len
    }

    /// Ends the segment and makes ready for the next.
    ///
    /// # Errors
    /// `ErrorKind::Io` if the compression library fails.
    pub fn finish(&mut self, rows: u64) -> Result<Segment> {
        let frame = self.frames.finish()?;
        Ok(self.segment(frame, rows))
    }

    /// Makes a segment of a piece of a large object, which may be short and one of many.
    ///
    /// # Errors
    /// `ErrorKind::Io` if the compression library fails.
    pub fn piece(&mut self, plain: Bytes) -> Result<Segment> {
        self.plain_len += plain.len() as u64;
        let frame = self.frames.whole(plain)?;
        Ok(self.segment(frame, 0))
    }

    fn segment(&mut self, frame: Frame, rows: u64) -> Segment {
        let crc32c = frame
            .stored
            .iter()
            .fold(0, |crc, bytes| crc32c::crc32c_append(crc, bytes));
        Segment {
            stored_len: frame.stored.iter().map(|b| b.len() as u64).sum(),
            stored: frame.stored,
            plain_len: std::mem::take(&mut self.plain_len),
            rows,
            crc32c,
            adler32: frame.adler.sum(),
        }
    }
}

/// Makes one segment of plain bytes.
///
/// # Errors
/// As [`SegmentEncoder`]'s functions.
pub fn encode_segment(
    framing: Framing,
    compression: &Compression,
    plain: impl IntoIterator<Item = Bytes>,
    rows: u64,
) -> Result<Segment> {
    let mut encoder = SegmentEncoder::new(framing, compression)?;
    for bytes in plain {
        encoder.push(bytes)?;
    }
    encoder.finish(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_knows_its_lengths_and_sums() {
        let plain = [Bytes::from_static(b"1\tone\n"), Bytes::from_static(b"2\ttwo\n")];
        let raw = encode_segment(Framing::Raw, &Compression::NONE, plain.clone(), 2).unwrap();
        assert_eq!((raw.stored_len, raw.plain_len, raw.rows), (12, 12, 2));
        assert_eq!(raw.crc32c, crc32c::crc32c(b"1\tone\n2\ttwo\n"));
        let zstd = encode_segment(Framing::ZstdFrame, &Compression::ZSTD, plain, 2).unwrap();
        assert_eq!(zstd.plain_len, 12);
        assert_eq!(
            zstd.stored_len,
            zstd.stored.iter().map(|b| b.len() as u64).sum::<u64>()
        );
    }

    #[test]
    fn an_encoder_starts_afresh_after_each_segment() {
        for framing in [
            Framing::Raw,
            Framing::ZlibPiece,
            Framing::GzipMember,
            Framing::ZstdFrame,
        ] {
            let mut encoder = SegmentEncoder::new(framing, &Compression::NONE).unwrap();
            encoder.push(Bytes::from_static(b"the same bytes twice")).unwrap();
            let first = encoder.finish(1).unwrap();
            encoder.push(Bytes::from_static(b"the same bytes twice")).unwrap();
            assert_eq!(encoder.finish(1).unwrap(), first);
        }
    }
}
