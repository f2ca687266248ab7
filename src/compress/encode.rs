//! Plain bytes into frames: each can be decoded without what stands before it, so that lanes can compress
//! in parallel and a reader can start at any of them.

use bytes::Bytes;
use flate2::{Compress, FlushCompress, Status};
use zstd::stream::raw::{CParameter, Encoder as Zstd, InBuffer, Operation, OutBuffer};

use super::lz4::Lz4Encoder;
use super::{Adler32, Compression, Framing};
use crate::error::{Error, ErrorKind, Result};

/// Largest buffer of a frame's bytes.
const BUFFER: usize = 256 * 1024;
const SMALLEST_BUFFER: usize = 512;
/// A frame of up to so many plain bytes is short.
const SHORT: usize = 512;

/// The bytes of one frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The stored bytes, cut into buffers wherever it suited the encoder.
    pub stored: Vec<Bytes>,
    /// Adler-32 of the plain bytes, for [`Framing::ZlibPiece`]; that of nothing otherwise.
    pub adler: Adler32,
}

/// Makes frames one after another, keeping its working memory between them.
pub struct FrameEncoder {
    method: Method,
    stored: Vec<Bytes>,
    buffer: Vec<u8>,
    /// For short frames, if nobody asked for a level.
    quick: Quick,
}

/// Deflate without Huffman codes of its own, whose description is longer than what they save on few bytes.
enum Quick {
    Never,
    NotYet,
    Ready(Compress),
}

enum Method {
    Raw,
    Deflate {
        state: Compress,
        adler: Option<Adler32>,
        end: FlushCompress,
    },
    Zstd(Zstd<'static>),
    Lz4(Box<Lz4Encoder>),
}

impl FrameEncoder {
    /// An encoder for this framing; of the compression only level and search distance matter.
    ///
    /// # Errors
    /// `ErrorKind::Usage` for parameters that the library refuses.
    pub fn new(framing: Framing, compression: &Compression) -> Result<FrameEncoder> {
        let deflate_level = || match compression.level {
            Some(level) => flate2::Compression::new(level.clamp(0, 9).unsigned_abs()),
            None => flate2::Compression::default(),
        };
        let method = match framing {
            Framing::Raw => Method::Raw,
            Framing::ZlibPiece => Method::Deflate {
                state: Compress::new(deflate_level(), false),
                adler: Some(Adler32::default()),
                // What a full flush would do beyond this, forgetting what came before, is done by the reset.
                end: FlushCompress::Sync,
            },
            Framing::GzipMember => Method::Deflate {
                state: Compress::new_gzip(deflate_level(), 15),
                adler: None,
                end: FlushCompress::Finish,
            },
            Framing::ZstdFrame => Method::Zstd(zstd_encoder(compression).map_err(|e| {
                Error::with_source(ErrorKind::Usage, "could not initialize compression library", e)
            })?),
            Framing::Lz4Frame => Method::Lz4(Box::new(Lz4Encoder::new(compression.level.unwrap_or(0)))),
        };
        Ok(FrameEncoder {
            method,
            stored: Vec::new(),
            buffer: Vec::new(),
            quick: match (framing, compression.level) {
                (Framing::ZlibPiece, None) => Quick::NotYet,
                _ => Quick::Never,
            },
        })
    }

    /// Makes a frame of all of these bytes, in less time if they are few.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn whole(&mut self, plain: Bytes) -> Result<Frame> {
        if plain.len() > SHORT {
            self.push(plain)?;
            return self.finish();
        }
        self.switch();
        let frame = self.push(plain).and_then(|()| self.finish());
        self.switch();
        frame
    }

    /// Exchanges the usual state and that for short frames.
    fn switch(&mut self) {
        if let Quick::NotYet = self.quick {
            self.quick = Quick::Ready(Compress::new(flate2::Compression::fast(), false));
        }
        if let (Quick::Ready(quick), Method::Deflate { state, .. }) = (&mut self.quick, &mut self.method) {
            std::mem::swap(quick, state);
        }
    }

    /// Adds plain bytes to the frame.
    ///
    /// # Errors
    /// `ErrorKind::Io` if the compression library fails.
    pub fn push(&mut self, plain: Bytes) -> Result<()> {
        match &mut self.method {
            Method::Raw => {
                if !plain.is_empty() {
                    self.stored.push(plain);
                }
                return Ok(());
            }
            Method::Deflate {
                adler: Some(adler), ..
            } => adler.update(&plain),
            Method::Lz4(state) => {
                state.push(&plain, &mut self.buffer);
                return Ok(());
            }
            _ => {}
        }
        if self.buffer.capacity() == 0 {
            self.buffer = Vec::with_capacity(plain.len().clamp(SMALLEST_BUFFER, BUFFER));
        }
        let mut input = &plain[..];
        while !input.is_empty() {
            let read = match &mut self.method {
                Method::Raw | Method::Lz4(_) => input.len(),
                Method::Deflate { state, .. } => {
                    let before = state.total_in();
                    state
                        .compress_vec(input, &mut self.buffer, FlushCompress::None)
                        .map_err(|e| failed(e.to_string()))?;
                    (state.total_in() - before) as usize
                }
                Method::Zstd(state) => {
                    let mut source = InBuffer::around(input);
                    run(&mut self.buffer, |out| state.run(&mut source, out))?;
                    source.pos()
                }
            };
            input = input.get(read..).unwrap_or_default();
            self.spill();
        }
        Ok(())
    }

    /// Ends the frame and makes ready for the next one.
    ///
    /// # Errors
    /// `ErrorKind::Io` if the compression library fails.
    pub fn finish(&mut self) -> Result<Frame> {
        let mut plain_sum = Adler32::default();
        if !matches!(self.method, Method::Raw) && self.buffer.capacity() == 0 {
            self.buffer.reserve(SMALLEST_BUFFER);
        }
        loop {
            let done = match &mut self.method {
                Method::Raw => true,
                Method::Lz4(state) => {
                    state.finish(&mut self.buffer);
                    true
                }
                Method::Deflate { state, adler, end } => {
                    let status = state
                        .compress_vec(&[], &mut self.buffer, *end)
                        .map_err(|e| failed(e.to_string()))?;
                    let room_left = self.buffer.len() < self.buffer.capacity();
                    let done = match *end {
                        FlushCompress::Finish => status == Status::StreamEnd,
                        _ => room_left,
                    };
                    if done {
                        state.reset();
                        if let Some(adler) = adler {
                            plain_sum = std::mem::take(adler);
                        }
                    }
                    done
                }
                Method::Zstd(state) => {
                    let left = run(&mut self.buffer, |out| state.finish(out, true))?;
                    if left == 0 {
                        state.reinit().map_err(|e| failed(e.to_string()))?;
                    }
                    left == 0
                }
            };
            if done {
                break;
            }
            self.spill();
        }
        if !self.buffer.is_empty() {
            self.stored.push(Bytes::from(std::mem::take(&mut self.buffer)));
        }
        Ok(Frame {
            stored: std::mem::take(&mut self.stored),
            adler: plain_sum,
        })
    }

    /// Puts a full buffer aside and starts another.
    fn spill(&mut self) {
        if self.buffer.len() == self.buffer.capacity() && !self.buffer.is_empty() {
            let next = Vec::with_capacity((self.buffer.capacity() * 2).min(BUFFER));
            self.stored
                .push(Bytes::from(std::mem::replace(&mut self.buffer, next)));
        }
    }
}

fn zstd_encoder(compression: &Compression) -> std::io::Result<Zstd<'static>> {
    let mut encoder = Zstd::new(compression.level.unwrap_or(zstd::DEFAULT_COMPRESSION_LEVEL))?;
    encoder.set_parameter(CParameter::ChecksumFlag(true))?;
    if compression.long_distance {
        encoder.set_parameter(CParameter::EnableLongDistanceMatching(true))?;
    }
    Ok(encoder)
}

/// Lets zstd append to what a vector has room for.
fn run(
    buffer: &mut Vec<u8>,
    step: impl FnOnce(&mut OutBuffer<'_, Vec<u8>>) -> std::io::Result<usize>,
) -> Result<usize> {
    let at = buffer.len();
    let mut out = OutBuffer::around_pos(buffer, at);
    step(&mut out).map_err(|e| failed(e.to_string()))
}

fn failed(why: String) -> Error {
    Error::new(ErrorKind::Io, format!("could not compress data: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compress::StreamDecoder;
    use proptest::prelude::*;

    const FRAMINGS: [Framing; 5] = [
        Framing::Raw,
        Framing::ZlibPiece,
        Framing::GzipMember,
        Framing::ZstdFrame,
        Framing::Lz4Frame,
    ];

    fn decode(framing: Framing, stored: &[u8], step: usize, room: usize) -> Result<Vec<u8>> {
        let mut decoder = StreamDecoder::new(framing)?;
        let mut plain = Vec::new();
        let mut buffer = vec![0; room];
        for piece in stored.chunks(step) {
            let mut input = piece;
            loop {
                let n = decoder.decode(&mut input, &mut buffer)?;
                plain.extend_from_slice(&buffer[..n]);
                if n < room {
                    assert!(input.is_empty(), "room was left although input was");
                    break;
                }
            }
        }
        decoder.finish()?;
        Ok(plain)
    }

    fn stream(framing: Framing, segments: &[Vec<Vec<u8>>]) -> (Vec<u8>, Vec<u8>) {
        let mut encoder = FrameEncoder::new(framing, &Compression::NONE).unwrap();
        let mut stored = framing.prologue().to_vec();
        let mut plain = Vec::new();
        let mut adler = Adler32::default();
        for segment in segments {
            let start = plain.len();
            for piece in segment {
                encoder.push(Bytes::from(piece.clone())).unwrap();
                plain.extend_from_slice(piece);
            }
            let frame = encoder.finish().unwrap();
            frame.stored.iter().for_each(|b| stored.extend_from_slice(b));
            adler.join(&frame.adler, (plain.len() - start) as u64);
        }
        stored.extend_from_slice(&framing.epilogue(&adler));
        (plain, stored)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn frames_one_after_another_are_one_stream(
            segments in proptest::collection::vec(
                proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..100), 0..4),
                0..4,
            ),
            times in 1usize..100,
            step in 1usize..5000,
            room in 1usize..5000,
        ) {
            let segments: Vec<Vec<Vec<u8>>> =
                segments.iter().map(|s| s.iter().map(|p| p.repeat(times)).collect()).collect();
            for framing in FRAMINGS {
                let (plain, stored) = stream(framing, &segments);
                prop_assert!(decode(framing, &stored, step, room).unwrap() == plain, "{:?}", framing);
            }
        }
    }

    #[test]
    fn incompressible_megabytes_spill_over_many_buffers() {
        let mut state = 1u64;
        let noise: Vec<u8> = (0..1_500_000)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as u8
            })
            .collect();
        for framing in FRAMINGS {
            let (plain, stored) = stream(
                framing,
                &[vec![noise.clone()], vec![noise.clone(), b"x".to_vec()]],
            );
            assert!(
                decode(framing, &stored, 70_000, 65_536).unwrap() == plain,
                "{framing:?}"
            );
        }
    }

    #[test]
    fn a_cut_stream_is_an_error() {
        for framing in FRAMINGS.into_iter().skip(1) {
            let (_, stored) = stream(framing, &[vec![b"some rows of text".to_vec()]]);
            for len in 1..stored.len() {
                assert!(
                    decode(framing, &stored[..len], 7, 64).is_err(),
                    "{framing:?} cut at {len}"
                );
            }
        }
    }

    #[test]
    fn a_changed_checksum_is_an_error() {
        for framing in FRAMINGS.into_iter().skip(1) {
            let (_, mut stored) = stream(framing, &[vec![b"some rows of text".to_vec()]]);
            // gzip ends with the length, the checksum stands before it.
            let at = stored.len() - if framing == Framing::GzipMember { 5 } else { 1 };
            stored[at] ^= 1;
            assert!(decode(framing, &stored, 7, 64).is_err(), "{framing:?}");
        }
    }
}
