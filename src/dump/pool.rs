//! The lanes of a dump and the work they share.
//!
//! Work is cut into units: a segment of a table, or a whole one. Lanes take units in the order in which they are
//! written, so that those which are read ahead are few, and each unit's segments come through a channel of its own
//! to the one writer. What waits there is bounded by the [`Budget`]. A lane that fails ends the dump; then the
//! others' statements are cancelled.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bstr::{BString, ByteSlice};
use futures_util::future::join_all;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::budget::Budget;
use super::inserts;
use super::options::Inserts;
use super::rows::{self, Encoders, Pieces};
use super::segments::Cut;
use super::session::LaneSource;
use crate::archive::Segment;
use crate::error::{Error, ErrorKind, Result};
use crate::objects::table::data::{InsertSource, RowQuery};
use crate::sql::{Quoting, text};
use crate::wire::{CancelToken, Lane, LaneError};

/// What a unit is charged beyond the bytes of its segments.
const UNIT: usize = 4 << 10;
/// How long a failing dump waits for the server to take its cancel requests.
const PATIENCE: Duration = Duration::from_secs(3);

/// The rows of one table, and how they are cut.
#[derive(Debug)]
pub(super) struct TableRows {
    /// The table's name in messages.
    pub(super) name: BString,
    /// How they are read.
    pub(super) source: RowSource,
    /// Its segments.
    pub(super) cut: Cut,
}

/// How rows are read and written.
#[derive(Debug)]
pub(super) enum RowSource {
    /// As COPY has them.
    Copy(RowQuery),
    /// As INSERT statements.
    Inserts(InsertSource, Inserts, Quoting),
}

impl TableRows {
    /// The table's name, if LOCK TABLE takes it.
    fn lock(&self) -> Option<&BString> {
        match &self.source {
            RowSource::Copy(query) => query.lock.as_ref(),
            RowSource::Inserts(source, ..) => source.lock.as_ref(),
        }
    }

    /// Reads a segment, after other statements.
    async fn read(
        &self,
        lane: &mut Lane,
        first: BString,
        unit: &Unit,
        encoders: &Encoders,
    ) -> Result<(), LaneError> {
        let pieces = Pieces::new(unit, encoders);
        match &self.source {
            RowSource::Copy(query) => {
                let statement = text!(first, self.cut.statement(query, unit.segment));
                rows::read(lane, &statement, unit.ends_table, pieces).await
            }
            RowSource::Inserts(source, style, quoting) => {
                let statement = text!(first, source.query);
                inserts::read(lane, &statement, source, *style, *quoting, pieces).await
            }
        }
    }
}

/// A piece of work in the hands of a lane.
pub(super) struct Unit {
    /// Its place in the order of writing.
    number: u64,
    /// Which table.
    table: usize,
    /// Which of its segments.
    segment: u64,
    /// It is the table's last segment.
    ends_table: bool,
    sender: mpsc::UnboundedSender<Message>,
    budget: Arc<Budget>,
}

enum Message {
    Segment(Segment, usize),
    /// The unit is complete, and with it perhaps the table.
    End {
        ends_table: bool,
    },
}

impl Unit {
    /// Hands a segment over, waiting until there is room for it.
    pub(super) async fn send(&self, segment: Segment) {
        let bytes = usize::try_from(segment.stored_len).unwrap_or(usize::MAX);
        self.budget.take(self.number, bytes).await;
        // If nobody wants it any more, the dump has failed elsewhere and says so.
        let _ = self.sender.send(Message::Segment(segment, bytes));
    }
}

/// The work that has not been given to a lane.
struct Queue {
    tables: Vec<TableRows>,
    next: Mutex<Next>,
    budget: Arc<Budget>,
}

struct Next {
    table: usize,
    segment: u64,
    unit: u64,
    /// Where the writer is told of units, in order.
    started: mpsc::UnboundedSender<mpsc::UnboundedReceiver<Message>>,
}

impl Queue {
    fn next(&self) -> Option<Unit> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let table = self.tables.get(next.table)?;
        let (sender, receiver) = mpsc::unbounded_channel();
        let unit = Unit {
            number: next.unit,
            table: next.table,
            segment: next.segment,
            ends_table: next.segment + 1 >= table.cut.count(),
            sender,
            budget: Arc::clone(&self.budget),
        };
        // Told under the lock: the writer must hear of them in order.
        let _ = next.started.send(receiver);
        next.unit += 1;
        if unit.ends_table {
            next.table += 1;
            next.segment = 0;
        } else {
            next.segment += 1;
        }
        Some(unit)
    }
}

/// What the writer gets: the segments of one table after another.
pub(super) struct Segments {
    started: mpsc::UnboundedReceiver<mpsc::UnboundedReceiver<Message>>,
    current: Option<mpsc::UnboundedReceiver<Message>>,
    unit: u64,
    budget: Arc<Budget>,
}

impl Segments {
    /// The next segment of a table, `None` at its end. Every segment is to be written before the next is asked for.
    ///
    /// Never ready if a lane failed: that is told by [`Lanes::failure`].
    pub(super) async fn next(&mut self) -> Option<Segment> {
        loop {
            if self.current.is_none() {
                self.current = self.started.recv().await;
            }
            let message = match &mut self.current {
                Some(unit) => unit.recv().await,
                None => None,
            };
            match message {
                Some(Message::Segment(segment, bytes)) => {
                    self.budget.give_back(self.unit, bytes);
                    return Some(segment);
                }
                Some(Message::End { ends_table }) => {
                    self.current = None;
                    self.budget.end(self.unit);
                    self.unit += 1;
                    if ends_table {
                        return None;
                    }
                }
                None => std::future::pending().await,
            }
        }
    }
}

/// The lanes at work.
pub(super) struct Lanes {
    tasks: JoinSet<Result<()>>,
    cancel: Arc<Mutex<Vec<CancelToken>>>,
}

/// Starts up to `jobs` lanes on the rows of tables.
pub(super) fn start(
    tables: Vec<TableRows>,
    jobs: usize,
    budget: usize,
    source: &LaneSource,
    encoders: &Encoders,
) -> (Lanes, Segments) {
    let units = tables
        .iter()
        .fold(0u64, |sum, table| sum.saturating_add(table.cut.count()));
    let count = jobs.min(usize::try_from(units).unwrap_or(usize::MAX));
    let budget = Arc::new(Budget::new(budget));
    let (sender, started) = mpsc::unbounded_channel();
    let queue = Arc::new(Queue {
        tables,
        budget: Arc::clone(&budget),
        next: Mutex::new(Next {
            table: 0,
            segment: 0,
            unit: 0,
            started: sender,
        }),
    });
    let cancel = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = JoinSet::new();
    for _ in 0..count {
        tasks.spawn(work(
            source.clone(),
            Arc::clone(&queue),
            encoders.clone(),
            Arc::clone(&cancel),
        ));
    }
    let segments = Segments {
        started,
        current: None,
        unit: 0,
        budget,
    };
    (Lanes { tasks, cancel }, segments)
}

impl Lanes {
    /// Waits until a lane fails, and says why; never ready otherwise.
    pub(super) async fn failure(&mut self) -> Error {
        loop {
            match self.tasks.join_next().await {
                Some(Ok(Ok(()))) => {}
                Some(Ok(Err(error))) => return error,
                Some(Err(error)) => return rows::lost(error),
                None => std::future::pending().await,
            }
        }
    }

    /// Waits until all lanes have said good-bye.
    ///
    /// # Errors
    /// If one fails.
    pub(super) async fn finish(mut self) -> Result<()> {
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap_or_else(|error| Err(rows::lost(error)))?;
        }
        Ok(())
    }

    /// Cancels what the lanes are doing.
    pub(super) async fn cancel(mut self) {
        let tokens = std::mem::take(&mut *self.cancel.lock().unwrap_or_else(PoisonError::into_inner));
        self.tasks.abort_all();
        // A server that cannot be reached will find out by itself.
        let _ = tokio::time::timeout(PATIENCE, join_all(tokens.iter().map(CancelToken::cancel))).await;
    }
}

/// A lane's life.
async fn work(
    source: LaneSource,
    queue: Arc<Queue>,
    encoders: Encoders,
    cancel: Arc<Mutex<Vec<CancelToken>>>,
) -> Result<()> {
    let mut lane = source.lane().await?;
    cancel
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(lane.cancel_token());
    let mut locked = None;
    while let Some(unit) = queue.next() {
        let Some(table) = queue.tables.get(unit.table) else {
            break;
        };
        unit.budget.take(unit.number, UNIT).await;
        let first = match table.lock() {
            Some(name) if locked != Some(unit.table) => source.lock(name.as_ref()),
            _ => BString::default(),
        };
        let read = table.read(&mut lane, first, &unit, &encoders).await;
        read.map_err(|error| explain(error, table))?;
        locked = Some(unit.table);
        let _ = unit.sender.send(Message::End {
            ends_table: unit.ends_table,
        });
    }
    lane.close().await;
    Ok(())
}

/// Says which table it was.
fn explain(error: LaneError, table: &TableRows) -> Error {
    match error {
        // lock_not_available
        LaneError::Server(error) if error.sqlstate == "55P03" => {
            let name = table.lock().unwrap_or(&table.name);
            let message = format!(
                "could not obtain lock on relation {}\nThis usually means that someone requested an ACCESS EXCLUSIVE \
                 lock on the table after the dump had gotten its ACCESS SHARE lock: either would wait for the other.",
                name.as_bstr()
            );
            Error::new(ErrorKind::Server, message).sqlstate(&error.sqlstate)
        }
        error => Error::from(error).context(format!("dumping the contents of table \"{}\"", table.name)),
    }
}
