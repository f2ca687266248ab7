//! The bytes of a script on their way to the sink: text that is gathered, segments that are not touched.

use bytes::{Bytes, BytesMut};

use crate::archive::segment::SegmentEncoder;
use crate::archive::sink::Sink;
use crate::compress::{Algorithm, Compression, Framing, StreamDecoder};
use crate::error::Result;

/// Text is gathered up to this before it goes out, as a frame of its own where the script is compressed.
const GATHERED: usize = 256 * 1024;
/// Pieces in which segments are decoded.
const PIECE: usize = 64 * 1024;

/// A sink, and text on its way there.
pub(super) struct Output {
    sink: Box<dyn Sink>,
    framing: Framing,
    encoder: SegmentEncoder,
    text: BytesMut,
    written: u64,
}

impl Output {
    /// Compressed scripts are files that the compression's own tools read, zlib's format aside.
    pub(super) fn new(sink: Box<dyn Sink>, compression: &Compression) -> Result<Output> {
        let framing = match compression.algorithm {
            Algorithm::None => Framing::Raw,
            Algorithm::Gzip => Framing::GzipMember,
            Algorithm::Lz4 => Framing::Lz4Frame,
            Algorithm::Zstd => Framing::ZstdFrame,
        };
        let encoder = SegmentEncoder::new(framing, compression)?;
        Ok(Output {
            sink,
            framing,
            encoder,
            text: BytesMut::new(),
            written: 0,
        })
    }

    /// How segments must be encoded.
    pub(super) fn framing(&self) -> Framing {
        self.framing
    }

    /// Writes text.
    pub(super) async fn text(&mut self, text: &[u8]) -> Result<()> {
        self.text.extend_from_slice(text);
        if self.text.len() < GATHERED {
            Ok(())
        } else {
            self.flush().await
        }
    }

    /// Writes bytes that are encoded already.
    pub(super) async fn encoded(&mut self, stored: Vec<Bytes>) -> Result<()> {
        let length: usize = stored.iter().map(Bytes::len).sum();
        if self.framing == Framing::Raw && length < GATHERED / 16 {
            for bytes in stored {
                self.text(&bytes).await?;
            }
            return Ok(());
        }
        self.flush().await?;
        self.send(stored).await
    }

    /// The plain bytes of what a segment stores.
    pub(super) fn plain(&self, stored: Vec<Bytes>) -> Result<Plain> {
        Ok(Plain {
            decoder: StreamDecoder::new(self.framing)?,
            stored: stored.into_iter(),
            current: Bytes::new(),
        })
    }

    async fn flush(&mut self) -> Result<()> {
        if self.text.is_empty() {
            return Ok(());
        }
        let text = self.text.split().freeze();
        if self.framing == Framing::Raw {
            return self.send(vec![text]).await;
        }
        self.encoder.push(text)?;
        let stored = self.encoder.finish(0)?.stored;
        self.send(stored).await
    }

    async fn send(&mut self, stored: Vec<Bytes>) -> Result<()> {
        for bytes in stored {
            self.written += bytes.len() as u64;
            self.sink.write(bytes).await?;
        }
        Ok(())
    }

    /// Completes the script; returns how many bytes were written.
    pub(super) async fn finish(mut self) -> Result<u64> {
        self.flush().await?;
        self.sink.finish().await?;
        Ok(self.written)
    }
}

/// What a segment stores, on its way back to plain bytes.
pub(super) struct Plain {
    decoder: StreamDecoder,
    stored: std::vec::IntoIter<Bytes>,
    current: Bytes,
}

impl Plain {
    /// The next plain bytes, never none.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let mut piece = vec![0; PIECE];
            let mut input = &self.current[..];
            let filled = self.decoder.decode(&mut input, &mut piece)?;
            let rest = self.current.len() - input.len();
            self.current = self.current.split_off(rest);
            if filled > 0 {
                piece.truncate(filled);
                return Ok(Some(piece.into()));
            }
            match self.stored.next() {
                Some(bytes) => self.current = bytes,
                None => {
                    self.decoder.finish()?;
                    return Ok(None);
                }
            }
        }
    }
}
