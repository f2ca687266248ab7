//! The rows of a table on their way from a lane to the archive.
//!
//! A task reads a lane, cuts the rows into segments at row boundaries and has them compressed on blocking threads;
//! it hands them over in order through a short queue, and waits when that is full. Memory is bounded
//! by the queue and the length of a segment, however long the table is. Only a single row that is longer than a
//! segment takes more.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bstr::BString;
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::inserts;
use super::options::Inserts;
use crate::archive::{COPY_END, Framing, Segment, SegmentEncoder};
use crate::compress::Compression;
use crate::error::{Error, ErrorKind, Result};
use crate::objects::table::data::InsertSource;
use crate::sql::Quoting;
use crate::wire::Lane;

/// Plain bytes after which a segment ends.
const SEGMENT: usize = 1 << 20;
/// Plain bytes after which uncompressed rows are handed on: nothing is gained by gathering them.
const RAW_SEGMENT: usize = 128 << 10;

/// Makes segments for one archive, on as many threads as there are processors.
#[derive(Clone)]
pub(super) struct Encoders {
    framing: Framing,
    compression: Compression,
    /// Encoders that are not in use; making one costs more than a small segment does.
    idle: Arc<Mutex<Vec<SegmentEncoder>>>,
    /// How many segments of one table may be under way.
    depth: usize,
}

/// A segment that is being made.
pub(super) type Pending = JoinHandle<Result<Segment>>;

impl Encoders {
    /// Encoders for what the archive's writer wants.
    ///
    /// # Errors
    /// If this build cannot compress so.
    pub(super) fn new(framing: Framing, compression: Compression) -> Result<Encoders> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let first = SegmentEncoder::new(framing, &compression)?;
        Ok(Encoders {
            framing,
            compression,
            idle: Arc::new(Mutex::new(vec![first])),
            depth: processors.clamp(1, 8) + 1,
        })
    }

    /// Starts making a segment.
    pub(super) fn start(&self, plain: Vec<Bytes>, rows: u64) -> Pending {
        let encoders = self.clone();
        if self.framing == Framing::Raw {
            // Nothing to compute but a checksum, which is quicker than changing threads.
            let segment = encoders.encode(plain, rows);
            return tokio::spawn(std::future::ready(segment));
        }
        tokio::task::spawn_blocking(move || encoders.encode(plain, rows))
    }

    fn encode(&self, plain: Vec<Bytes>, rows: u64) -> Result<Segment> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut encoder = match idle {
            Some(encoder) => encoder,
            None => SegmentEncoder::new(self.framing, &self.compression)?,
        };
        for bytes in plain {
            encoder.push(bytes)?;
        }
        let segment = encoder.finish(rows)?;
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(encoder);
        Ok(segment)
    }

    /// Plain bytes after which a segment is long enough.
    pub(super) fn segment_length(&self) -> usize {
        match self.framing {
            Framing::Raw => RAW_SEGMENT,
            _ => SEGMENT,
        }
    }
}

/// The segments of one table, in order.
pub(super) struct Rows {
    segments: mpsc::Receiver<Pending>,
    task: JoinHandle<Result<Lane>>,
}

impl Rows {
    /// Starts reading the rows that `query`, a COPY statement, gives.
    pub(super) fn read(lane: Lane, query: BString, encoders: &Encoders) -> Rows {
        Rows::spawn(encoders, |sender| read(lane, query, encoders.clone(), sender))
    }

    /// Starts reading the rows of `source` as INSERT statements.
    pub(super) fn read_inserts(
        lane: Lane,
        source: InsertSource,
        style: Inserts,
        quoting: Quoting,
        encoders: &Encoders,
    ) -> Rows {
        Rows::spawn(encoders, |sender| {
            inserts::read(lane, source, style, quoting, encoders.clone(), sender)
        })
    }

    fn spawn<F>(encoders: &Encoders, read: impl FnOnce(mpsc::Sender<Pending>) -> F) -> Rows
    where
        F: Future<Output = Result<Lane>> + Send + 'static,
    {
        let (sender, segments) = mpsc::channel(encoders.depth);
        Rows {
            segments,
            task: tokio::spawn(read(sender)),
        }
    }

    /// The next segment, or `None` after the last.
    ///
    /// # Errors
    /// If the segment could not be compressed. That the rows ended too early is only told by [`Rows::finish`].
    pub(super) async fn next(&mut self) -> Result<Option<Segment>> {
        match self.segments.recv().await {
            Some(pending) => finished(pending).await.map(Some),
            None => Ok(None),
        }
    }

    /// Takes the lane back once all segments are there.
    ///
    /// # Errors
    /// If reading failed.
    pub(super) async fn finish(self) -> Result<Lane> {
        // A task that is still sending finds that out.
        drop(self.segments);
        self.task.await.unwrap_or_else(|error| Err(lost(error)))
    }
}

/// Waits for a segment.
pub(super) async fn finished(pending: Pending) -> Result<Segment> {
    pending.await.unwrap_or_else(|error| Err(lost(error)))
}

fn lost(error: tokio::task::JoinError) -> Error {
    Error::with_source(ErrorKind::Io, "a task of the dump ended early", error)
}

/// Whoever wanted the rows is gone.
pub(super) fn unwanted() -> Error {
    Error::new(ErrorKind::Io, "the rows are not wanted any more")
}

async fn read(
    mut lane: Lane,
    query: BString,
    encoders: Encoders,
    sender: mpsc::Sender<Pending>,
) -> Result<Lane> {
    let mut copy = lane.copy_out(&query).await?;
    let mut gathered: VecDeque<Bytes> = VecDeque::new();
    let (mut length, mut counted) = (0, 0);
    loop {
        let piece = copy.next().await?;
        let is_last = piece.is_none();
        let piece = piece.map_or(Bytes::from_static(COPY_END), |piece| piece.freeze());
        length += piece.len();
        gathered.push_back(piece);
        if length >= encoders.segment_length() || is_last {
            let rows = copy.rows() - counted;
            counted += rows;
            length = 0;
            let segment = encoders.start(gathered.drain(..).collect(), rows);
            sender.send(segment).await.map_err(|_| unwanted())?;
        }
        if is_last {
            break;
        }
    }
    drop(copy);
    Ok(lane)
}
