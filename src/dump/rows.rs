//! The rows of one unit of work on their way from a lane to the writer.
//!
//! What the lane reads is gathered into pieces of whole rows, which are compressed on blocking threads while the lane
//! reads on, and handed over in order. A lane may always have one piece compressed; what processors are left over
//! go to whoever has more to do, so that one table that cannot be cut is still compressed by all of them. Only a
//! single row that is longer than a piece takes more memory.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

use super::pool::Unit;
use crate::archive::{COPY_END, Framing, Segment, SegmentEncoder};
use crate::compress::Compression;
use crate::error::{Error, ErrorKind, Result};
use crate::wire::{Lane, LaneError};

/// Plain bytes after which a piece ends.
const PIECE: usize = 1 << 20;
/// Plain bytes after which uncompressed rows are handed on: nothing is gained by gathering them.
const RAW_PIECE: usize = 128 << 10;
/// Of large objects at least so many are compressed by one thread after another.
const SHORTEST_RUN: usize = 64;

/// Makes segments for one archive, on as many threads as there are processors.
#[derive(Clone)]
pub(super) struct Encoders {
    framing: Framing,
    compression: Compression,
    /// Encoders that are not in use; making one costs more than a small segment does.
    idle: Arc<Mutex<Vec<SegmentEncoder>>>,
    /// How many segments may be under way besides one for each lane.
    spare: Arc<Semaphore>,
    processors: usize,
}

/// A segment that is being made.
enum Pending {
    /// It was not worth a thread.
    Made(Result<Segment>),
    /// Another thread has it.
    Making(JoinHandle<Result<Segment>>, Option<OwnedSemaphorePermit>),
}

impl Encoders {
    /// Encoders for what the archive's writer wants.
    ///
    /// # Errors
    /// If this build cannot compress so.
    pub(super) fn new(framing: Framing, compression: Compression) -> Result<Encoders> {
        let processors = std::thread::available_parallelism()
            .map_or(1, usize::from)
            .clamp(1, 16);
        let first = SegmentEncoder::new(framing, &compression)?;
        Ok(Encoders {
            framing,
            compression,
            idle: Arc::new(Mutex::new(vec![first])),
            spare: Arc::new(Semaphore::new(processors)),
            processors,
        })
    }

    /// Starts making a segment.
    fn start(&self, plain: Vec<Bytes>, rows: u64) -> Pending {
        if self.framing == Framing::Raw {
            // Nothing to compute but a checksum, which is quicker than changing threads.
            return Pending::Made(self.encode(plain, rows));
        }
        let encoders = self.clone();
        Pending::Making(
            tokio::task::spawn_blocking(move || encoders.encode(plain, rows)),
            None,
        )
    }

    /// Makes a segment at once.
    fn encode(&self, plain: Vec<Bytes>, rows: u64) -> Result<Segment> {
        self.with_encoder(|encoder| {
            for bytes in plain {
                encoder.push(bytes)?;
            }
            encoder.finish(rows)
        })
    }

    fn with_encoder<T>(&self, act: impl FnOnce(&mut SegmentEncoder) -> Result<T>) -> Result<T> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut encoder = match idle {
            Some(encoder) => encoder,
            None => SegmentEncoder::new(self.framing, &self.compression)?,
        };
        let made = act(&mut encoder)?;
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(encoder);
        Ok(made)
    }

    /// Makes a segment of each of these that is not empty. They are too many and too short to change threads for
    /// each, so every processor gets a run of them.
    pub(super) async fn encode_each(&self, mut plain: Vec<Bytes>) -> Result<Vec<Option<Segment>>> {
        if self.framing == Framing::Raw {
            return self.encode_run(plain);
        }
        let run = plain.len().div_ceil(self.processors).max(SHORTEST_RUN);
        let mut segments = Vec::with_capacity(plain.len());
        let mut runs = Vec::new();
        while !plain.is_empty() {
            let rest = plain.split_off(run.min(plain.len()));
            let (encoders, run) = (self.clone(), std::mem::replace(&mut plain, rest));
            runs.push(tokio::task::spawn_blocking(move || encoders.encode_run(run)));
        }
        for run in runs {
            segments.extend(run.await.unwrap_or_else(|error| Err(lost(error)))?);
        }
        Ok(segments)
    }

    fn encode_run(&self, plain: Vec<Bytes>) -> Result<Vec<Option<Segment>>> {
        self.with_encoder(|encoder| {
            let segment = |bytes: Bytes| match bytes.is_empty() {
                true => Ok(None),
                false => encoder.piece(bytes).map(Some),
            };
            plain.into_iter().map(segment).collect()
        })
    }

    /// Leave to have one more segment under way.
    fn spare(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.spare).try_acquire_owned().ok()
    }
}

impl Pending {
    /// Waits for the segment.
    async fn finished(self) -> Result<Segment> {
        match self {
            Pending::Made(segment) => segment,
            Pending::Making(task, _permit) => task.await.unwrap_or_else(|error| Err(lost(error))),
        }
    }

    fn is_finished(&self) -> bool {
        match self {
            Pending::Made(_) => true,
            Pending::Making(task, _) => task.is_finished(),
        }
    }
}

/// The error of a task that is no more.
pub(super) fn lost(error: tokio::task::JoinError) -> Error {
    Error::with_source(ErrorKind::Io, "a task of the dump ended early", error)
}

/// A unit's pieces on their way: compressed side by side, handed over in order.
pub(super) struct Pieces<'a> {
    unit: &'a Unit,
    encoders: &'a Encoders,
    pending: VecDeque<Pending>,
}

impl Pieces<'_> {
    /// Nothing yet.
    pub(super) fn new<'a>(unit: &'a Unit, encoders: &'a Encoders) -> Pieces<'a> {
        Pieces {
            unit,
            encoders,
            pending: VecDeque::new(),
        }
    }

    /// Plain bytes after which a piece is long enough.
    pub(super) fn length(&self) -> usize {
        match self.encoders.framing {
            Framing::Raw => RAW_PIECE,
            _ => PIECE,
        }
    }

    /// Takes a piece, waiting while too many are under way.
    pub(super) async fn push(&mut self, plain: Vec<Bytes>, rows: u64) -> Result<()> {
        let mut permit = None;
        while let Some(first) = self.pending.front() {
            if !first.is_finished() {
                permit = self.encoders.spare();
                if permit.is_some() {
                    break;
                }
            }
            self.hand_over().await?;
        }
        let mut segment = self.encoders.start(plain, rows);
        if let Pending::Making(_, slot) = &mut segment {
            *slot = permit;
        }
        self.pending.push_back(segment);
        match self.pending.front() {
            Some(first) if first.is_finished() => self.hand_over().await?,
            _ => {}
        }
        if self.encoders.framing == Framing::Raw {
            // What is written before more is read is still in the processor's cache, and its memory is free again.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Hands over what is left.
    pub(super) async fn finish(mut self) -> Result<()> {
        while !self.pending.is_empty() {
            self.hand_over().await?;
        }
        Ok(())
    }

    /// Hands over the first piece.
    async fn hand_over(&mut self) -> Result<()> {
        match self.pending.pop_front() {
            // The permit, if it has one, is kept until the budget has taken the segment in.
            Some(Pending::Making(task, permit)) => {
                let segment = Pending::Making(task, None).finished().await?;
                self.unit.send(segment).await;
                drop(permit);
            }
            Some(made) => self.unit.send(made.finished().await?).await,
            None => {}
        }
        Ok(())
    }
}

/// Reads the rows that a COPY statement gives.
///
/// # Errors
/// If the server fails or a segment cannot be made.
pub(super) async fn read(
    lane: &mut Lane,
    statement: &[u8],
    ends_table: bool,
    mut pieces: Pieces<'_>,
) -> Result<(), LaneError> {
    let mut copy = lane.copy_out(statement).await?;
    let mut gathered: Vec<Bytes> = Vec::new();
    let (mut length, mut counted) = (0, 0);
    let mut is_last = false;
    while !is_last {
        match copy.next().await? {
            Some(rows) => {
                length += rows.len();
                gathered.push(rows.freeze());
            }
            None => {
                is_last = true;
                if ends_table {
                    length += COPY_END.len();
                    gathered.push(Bytes::from_static(COPY_END));
                }
            }
        }
        if length > 0 && (is_last || length >= pieces.length()) {
            let rows = copy.rows() - counted;
            counted += rows;
            length = 0;
            pieces.push(std::mem::take(&mut gathered), rows).await?;
        }
    }
    Ok(pieces.finish().await?)
}
