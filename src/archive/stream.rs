//! The data of an entry on its way out of an archive: decoded, checked, in pieces of bounded size.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::backend::Backend;
use super::index::{SegmentRecord, Sums};
use super::rows::CopyRows;
use crate::compress::{Framing, StreamDecoder};
use crate::error::{Error, ErrorKind, Result};
use crate::toc::DumpId;

/// Plain bytes are given out in pieces of up to this.
const PIECE: usize = 128 * 1024;
/// Uncompressed chunks smaller than this (stock tools make one for each row) are joined.
const SMALL: usize = 16 * 1024;

/// Line ends in COPY's end marker.
const END_LINES: u64 = 3;

/// The plain bytes of one entry's data, or of some of its segments.
pub struct DataStream<'a> {
    reader: &'a mut Backend,
    id: DumpId,
    decoding: Decoding,
    sums: Sums,
    what: String,
    checked: bool,
    /// Line ends given out, if rows are counted.
    lines: Option<u64>,
}

impl<'a> DataStream<'a> {
    pub(super) fn new(reader: &'a mut Backend, id: DumpId, decoding: Decoding, what: String) -> Self {
        DataStream {
            reader,
            id,
            decoding,
            sums: Sums::default(),
            what,
            checked: false,
            lines: None,
        }
    }

    /// The next bytes, never none; `None` once all were given and found complete. Where the archive has
    /// checksums, the bytes are only proven right by that `None`: whoever loads them commits after it.
    ///
    /// # Errors
    /// `ErrorKind::Archive`, naming the entry and the place, if the data is damaged or cut off.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        self.step().await.map_err(|e| e.context(&self.what))
    }

    /// The same as rows for COPY: without the end marker, which must be there.
    pub fn rows(self) -> CopyRows<'a> {
        CopyRows::new(self)
    }

    /// Counts the rows of COPY data from now on, to compare their number with the archive's own, if it says.
    pub(super) fn count_rows(&mut self) {
        self.lines = Some(0);
    }

    /// The rows given out, if they are counted and the end marker has been given out too.
    pub(super) fn counted_rows(&self) -> u64 {
        self.lines.unwrap_or(0).saturating_sub(END_LINES)
    }

    /// What is being read, for messages.
    pub(super) fn what(&self) -> &str {
        &self.what
    }

    async fn step(&mut self) -> Result<Option<Bytes>> {
        let piece = self.decoding.next(self.reader, &mut self.sums).await?;
        if let (Some(lines), Some(bytes)) = (&mut self.lines, &piece) {
            *lines += memchr::memchr_iter(b'\n', bytes).count() as u64;
        }
        if piece.is_none() && !self.checked {
            self.checked = true;
            if self.decoding.segments.is_none() {
                self.sums.rows = self.counted_rows();
                self.reader
                    .check(self.id, &self.sums, self.lines.is_some())
                    .await?;
            }
        }
        Ok(piece)
    }
}

/// The large objects of one entry, one after another, or those of a group.
pub struct LargeObjects<'a> {
    reader: &'a mut Backend,
    id: DumpId,
    /// What remains of the object that was begun last.
    decoding: Option<Decoding>,
    sums: Sums,
    what: String,
    /// No object was left before its end, so that the sums are those of all.
    complete: bool,
    group: Option<SegmentRecord>,
}

impl<'a> LargeObjects<'a> {
    pub(super) fn new(reader: &'a mut Backend, id: DumpId, what: String) -> Self {
        LargeObjects {
            reader,
            id,
            decoding: None,
            sums: Sums::default(),
            what,
            complete: true,
            group: None,
        }
    }

    pub(super) fn group(reader: &'a mut Backend, id: DumpId, what: String, group: SegmentRecord) -> Self {
        LargeObjects {
            group: Some(group),
            ..LargeObjects::new(reader, id, what)
        }
    }

    /// Goes to the next large object, passing over what was not read of the last; `None` after the last.
    /// Where the archive has checksums, they are checked then, unless something was passed over.
    ///
    /// # Errors
    /// `ErrorKind::Archive` if the data is damaged or cut off.
    pub async fn next_object(&mut self) -> Result<Option<u32>> {
        self.step_object().await.map_err(|e| e.context(&self.what))
    }

    /// The next bytes of the large object, never none; `None` at its end.
    ///
    /// # Errors
    /// `ErrorKind::Archive` if the data is damaged or cut off.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        let Some(decoding) = &mut self.decoding else {
            return Ok(None);
        };
        let piece = decoding
            .next(self.reader, &mut self.sums)
            .await
            .map_err(|e| e.context(&self.what))?;
        if piece.is_none() {
            self.decoding = None;
        }
        Ok(piece)
    }

    async fn step_object(&mut self) -> Result<Option<u32>> {
        if self.decoding.take().is_some() {
            self.complete = false;
        }
        if let Some(group) = self.group
            && group.sums.rows == self.sums.rows
        {
            return if self.complete && group.sums != self.sums {
                Err(self.reader.mismatch())
            } else {
                Ok(None)
            };
        }
        let Some(oid) = self.reader.next_large_object().await? else {
            if self.group.is_some() {
                return Err(self.reader.mismatch());
            }
            if self.complete {
                self.complete = false;
                self.reader.check(self.id, &self.sums, true).await?;
            }
            return Ok(None);
        };
        self.sums.add_object(oid);
        self.decoding = Some(Decoding::new(self.reader.framing())?);
        Ok(Some(oid))
    }
}

/// Stored bytes on their way to plain ones.
pub(super) struct Decoding {
    /// `None` if what is stored is what is wanted.
    decoder: Option<StreamDecoder>,
    stored: Bytes,
    /// No more is stored.
    ended: bool,
    /// The segments to be read, if not everything.
    segments: Option<Segments>,
}

/// A run of segments that is read and checked one after another.
struct Segments {
    left: VecDeque<SegmentRecord>,
    /// Those being read, and what they have added up to.
    current: Option<(SegmentRecord, Sums)>,
    /// Plain bytes of all.
    plain: u64,
}

impl Decoding {
    /// Decodes a whole stream.
    pub(super) fn new(framing: Framing) -> Result<Decoding> {
        let decoder = match framing {
            Framing::Raw => None,
            framing => Some(StreamDecoder::new(framing)?),
        };
        Ok(Decoding {
            decoder,
            stored: Bytes::new(),
            ended: false,
            segments: None,
        })
    }

    /// Decodes some segments of a stream.
    pub(super) fn within(framing: Framing, segments: &[SegmentRecord]) -> Result<Decoding> {
        let decoder = match framing {
            Framing::Raw => None,
            framing => Some(StreamDecoder::within(framing)?),
        };
        let plain = segments.iter().map(|s| s.sums.plain).fold(0, u64::saturating_add);
        let segments = Segments {
            left: segments.iter().copied().collect(),
            current: None,
            plain,
        };
        Ok(Decoding {
            decoder,
            stored: Bytes::new(),
            ended: false,
            segments: Some(segments),
        })
    }

    /// The next plain bytes, added up; `None` at the end.
    async fn next(&mut self, reader: &mut Backend, sums: &mut Sums) -> Result<Option<Bytes>> {
        let piece = if self.decoder.is_some() {
            self.decoded(reader, sums).await?
        } else {
            self.joined(reader, sums).await?
        };
        match &piece {
            Some(bytes) => sums.plain += bytes.len() as u64,
            None if self.segments.as_ref().is_some_and(|s| s.plain != sums.plain) => {
                return Err(reader.mismatch());
            }
            None => {}
        }
        Ok(piece)
    }

    async fn decoded(&mut self, reader: &mut Backend, sums: &mut Sums) -> Result<Option<Bytes>> {
        let mut piece = vec![0; PIECE];
        let mut filled = 0;
        loop {
            if self.stored.is_empty() && !self.ended {
                match self.take(reader, sums, usize::MAX).await? {
                    Some(bytes) => self.stored = bytes,
                    None => self.ended = true,
                }
            }
            let Some(decoder) = &mut self.decoder else { break };
            let mut input = &self.stored[..];
            filled += decoder.decode(&mut input, piece.get_mut(filled..).unwrap_or_default())?;
            let read = self.stored.len() - input.len();
            self.stored = self.stored.split_off(read);
            if filled == PIECE {
                break;
            }
            if self.ended {
                decoder.finish()?;
                break;
            }
        }
        piece.truncate(filled);
        Ok(if piece.is_empty() {
            None
        } else {
            Some(Bytes::from(piece))
        })
    }

    /// The next stored bytes as they are: large chunks uncopied, small ones joined.
    async fn joined(&mut self, reader: &mut Backend, sums: &mut Sums) -> Result<Option<Bytes>> {
        let Some(first) = self.take(reader, sums, usize::MAX).await? else {
            return Ok(None);
        };
        if first.len() >= SMALL {
            return Ok(Some(first));
        }
        let mut piece = BytesMut::with_capacity(PIECE);
        piece.extend_from_slice(&first);
        while piece.len() < PIECE - SMALL {
            if self.segments.is_none() {
                let before = piece.len();
                reader.stored_at_hand(&mut piece, PIECE - before);
                sums.add_stored(piece.get(before..).unwrap_or_default());
            }
            match self.take(reader, sums, PIECE - piece.len()).await? {
                Some(bytes) => piece.extend_from_slice(&bytes),
                None => break,
            }
        }
        Ok(Some(piece.freeze()))
    }

    /// Takes stored bytes off the reader, those of the wanted segments only, and adds them up.
    async fn take(&mut self, reader: &mut Backend, sums: &mut Sums, at_most: usize) -> Result<Option<Bytes>> {
        let Some(segments) = &mut self.segments else {
            let bytes = reader.stored(at_most).await?;
            if let Some(bytes) = &bytes {
                sums.add_stored(bytes);
            }
            return Ok(bytes);
        };
        loop {
            if let Some((record, seen)) = &mut segments.current {
                let left = record.sums.stored.saturating_sub(seen.stored);
                if left > 0 {
                    let at_most = usize::try_from(left).unwrap_or(usize::MAX).min(at_most);
                    let Some(bytes) = reader.stored(at_most).await? else {
                        return Err(Error::new(
                            ErrorKind::Archive,
                            "the data ends before its last segment",
                        ));
                    };
                    seen.add_stored(&bytes);
                    sums.stored += bytes.len() as u64;
                    return Ok(Some(bytes));
                }
                if seen.crc32c != record.sums.crc32c {
                    return Err(reader.mismatch());
                }
            }
            match segments.left.pop_front() {
                Some(next) => segments.current = Some((next, Sums::default())),
                None => return Ok(None),
            }
        }
    }
}
