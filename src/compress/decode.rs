//! Streams of frames back into plain bytes, in whatever portions they come.

use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{Decoder as Zstd, InBuffer, Operation, OutBuffer};

use super::Framing;
use super::lz4::Lz4Decoder;
use crate::error::{Error, ErrorKind, Result};

/// Decodes one stream: a zlib stream, or any number of gzip members or frames one after another.
pub struct StreamDecoder {
    method: Method,
    /// Input has been seen and the frame it belongs to has not ended.
    open: bool,
}

enum Method {
    Raw,
    Zlib(Decompress),
    /// Deflate pieces out of the middle of a zlib stream.
    Pieces(Decompress),
    Gzip(Decompress),
    Zstd(Box<Zstd<'static>>),
    Lz4(Box<Lz4Decoder>),
}

impl StreamDecoder {
    /// A decoder for streams of this framing.
    ///
    /// # Errors
    /// `ErrorKind::Io` if the compression library cannot start.
    pub fn new(framing: Framing) -> Result<StreamDecoder> {
        let method = match framing {
            Framing::Raw => Method::Raw,
            Framing::ZlibPiece => Method::Zlib(Decompress::new(true)),
            Framing::GzipMember => Method::Gzip(Decompress::new_gzip(15)),
            Framing::ZstdFrame => Method::Zstd(Box::new(Zstd::new().map_err(|e| {
                Error::with_source(ErrorKind::Io, "could not initialize compression library", e)
            })?)),
            Framing::Lz4Frame => Method::Lz4(Box::new(Lz4Decoder::new())),
        };
        // A zlib stream is one frame even if nothing is in it; of members and frames there may be none.
        let open = matches!(method, Method::Zlib(_));
        Ok(StreamDecoder { method, open })
    }

    /// A decoder that starts at some frame within a stream and stops at the end of another: of a zlib stream
    /// it sees neither prologue nor epilogue, so that nothing but its input's end tells where it ends.
    ///
    /// # Errors
    /// As [`StreamDecoder::new`].
    pub fn within(framing: Framing) -> Result<StreamDecoder> {
        match framing {
            Framing::ZlibPiece => Ok(StreamDecoder {
                method: Method::Pieces(Decompress::new(false)),
                open: false,
            }),
            framing => StreamDecoder::new(framing),
        }
    }

    /// Decodes into `output`, moving `input` past what was read; returns the bytes written.
    ///
    /// When `output` is full there may be more to come, even of no further input: call again. When it is
    /// not, all input has been read.
    ///
    /// # Errors
    /// `ErrorKind::Archive` if the data is damaged or goes on after its end.
    pub fn decode(&mut self, input: &mut &[u8], output: &mut [u8]) -> Result<usize> {
        let mut written = 0;
        while written < output.len() {
            let room = output.get_mut(written..).unwrap_or_default();
            let (read, wrote, ended) = match &mut self.method {
                Method::Raw => {
                    let n = room.len().min(input.len());
                    if let (Some(to), Some(from)) = (room.get_mut(..n), input.get(..n)) {
                        to.copy_from_slice(from);
                    }
                    (n, n, true)
                }
                Method::Zlib(state) => {
                    if !self.open {
                        if input.is_empty() {
                            return Ok(written);
                        }
                        return Err(damaged("data goes on after the end of the compressed stream"));
                    }
                    inflate(state, input, room)?
                }
                Method::Pieces(state) => {
                    let (read, wrote, _) = inflate(state, input, room)?;
                    (read, wrote, true)
                }
                Method::Gzip(state) => {
                    if !self.open {
                        if input.is_empty() {
                            return Ok(written);
                        }
                        *state = Decompress::new_gzip(15);
                    }
                    inflate(state, input, room)?
                }
                Method::Zstd(state) => {
                    if !self.open && input.is_empty() {
                        return Ok(written);
                    }
                    let mut source = InBuffer::around(input);
                    let mut target = OutBuffer::around(room);
                    let hint = state
                        .run(&mut source, &mut target)
                        .map_err(|e| damaged(&e.to_string()))?;
                    (source.pos(), target.pos(), hint == 0)
                }
                Method::Lz4(state) => state.step(input, room)?,
            };
            *input = input.get(read..).unwrap_or_default();
            written += wrote;
            self.open = !ended;
            if read == 0 && wrote == 0 {
                if !input.is_empty() {
                    return Err(damaged("the compressed data makes no sense"));
                }
                break;
            }
        }
        Ok(written)
    }

    /// Checks that the stream has come to an end.
    ///
    /// # Errors
    /// `ErrorKind::Archive` if it stops in the middle of a frame.
    pub fn finish(&self) -> Result<()> {
        if self.open {
            Err(damaged("the compressed data ends too early"))
        } else {
            Ok(())
        }
    }
}

/// One step of inflate: bytes read, bytes written, and whether the stream ended.
fn inflate(state: &mut Decompress, input: &[u8], output: &mut [u8]) -> Result<(usize, usize, bool)> {
    let (read, wrote) = (state.total_in(), state.total_out());
    let status = state
        .decompress(input, output, FlushDecompress::None)
        .map_err(|e| damaged(&e.to_string()))?;
    Ok((
        (state.total_in() - read) as usize,
        (state.total_out() - wrote) as usize,
        status == Status::StreamEnd,
    ))
}

pub(super) fn damaged(why: &str) -> Error {
    Error::new(ErrorKind::Archive, format!("could not decompress data: {why}"))
}
