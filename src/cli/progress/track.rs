//! What the library has told so far: counters for the display, and a record of each entry for the report.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use bstr::{BStr, BString};

use crate::progress::{Done, Item, Progress, Work};

/// Takes in what is told, from any thread.
pub(in crate::cli) struct Track {
    wants_sizes: bool,
    /// Whether the entries are remembered one by one.
    remembers: bool,
    state: Mutex<State>,
    /// Told at once of what happens.
    listener: OnceLock<Listener>,
}

type Listener = Box<dyn Fn(Event<'_>) + Send + Sync>;

/// Something that has happened.
#[derive(Debug)]
pub(super) enum Event<'a> {
    /// A connection is there: database, server version.
    Connected(&'a BStr, &'a BStr),
    /// It is known what there is to do.
    Planned(&'a Work),
    /// An entry is done.
    Done(&'a Record),
}

/// How far it is.
#[derive(Debug, Clone, Default)]
pub(in crate::cli) struct State {
    /// The last server that was connected to.
    pub(in crate::cli) server_version: Option<BString>,
    /// The last database.
    pub(in crate::cli) database: Option<BString>,
    /// What there is to do in it, once that is known, and since when.
    pub(super) work: Option<(Work, Instant)>,
    /// What of it is done.
    pub(super) entries_done: u64,
    pub(super) data_done: u64,
    pub(super) indexes_done: u64,
    pub(super) size_done: u64,
    /// Bytes of entries that are done, and of all that was read in this database.
    pub(super) bytes_done: u64,
    pub(super) bytes: u64,
    /// The entries under way, by their numbers.
    pub(super) active: BTreeMap<u32, Active>,
    /// What all databases had.
    pub(in crate::cli) totals: Totals,
    /// The entries, if they are remembered.
    pub(in crate::cli) records: Vec<Record>,
}

/// Sums over all databases.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::cli) struct Totals {
    pub(in crate::cli) databases: u64,
    pub(in crate::cli) entries: u64,
    pub(in crate::cli) rows: u64,
    pub(in crate::cli) bytes: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Active {
    pub(super) name: String,
    pub(super) size: u64,
    begun: Instant,
}

/// An entry that is done.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Record {
    pub(in crate::cli) database: Option<BString>,
    pub(in crate::cli) dump_id: u32,
    pub(in crate::cli) kind: String,
    pub(in crate::cli) schema: Option<String>,
    pub(in crate::cli) name: String,
    pub(in crate::cli) has_data: bool,
    pub(in crate::cli) is_index: bool,
    pub(in crate::cli) done: Done,
    pub(in crate::cli) seconds: f64,
}

impl Track {
    /// Nothing told yet. `shown`: somebody looks on, and wants estimates; `remembers`: there will be a report.
    pub(in crate::cli) fn new(shown: bool, remembers: bool) -> Track {
        Track {
            wants_sizes: shown,
            remembers,
            state: Mutex::default(),
            listener: OnceLock::new(),
        }
    }

    /// Has what happens told at once, too; only the first who asks for it is told.
    pub(super) fn listen(&self, listener: Listener) {
        // Whoever came first stays.
        let _ = self.listener.set(listener);
    }

    fn tell(&self, event: Event<'_>) {
        if let Some(listener) = self.listener.get() {
            listener(event);
        }
    }

    /// How far it is.
    pub(in crate::cli) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Track {
    fn wants_sizes(&self) -> bool {
        self.wants_sizes
    }

    fn connected(&self, database: &BStr, server_version: &BStr) {
        let mut state = self.state();
        state.server_version = Some(server_version.into());
        state.database = Some(database.into());
        self.tell(Event::Connected(database, server_version));
    }

    fn planned(&self, work: &Work) {
        let mut state = self.state();
        *state = State {
            server_version: state.server_version.take(),
            database: state.database.take(),
            work: Some((*work, Instant::now())),
            totals: Totals {
                databases: state.totals.databases + 1,
                ..state.totals
            },
            records: std::mem::take(&mut state.records),
            ..State::default()
        };
        self.tell(Event::Planned(work));
    }

    fn entry_begun(&self, item: &Item<'_>) {
        let name = match item.schema {
            Some(schema) => format!("{schema}.{}", item.name),
            None => item.name.to_string(),
        };
        let active = Active {
            name,
            size: item.size,
            begun: Instant::now(),
        };
        self.state().active.insert(item.dump_id, active);
    }

    fn bytes(&self, count: u64) {
        self.state().bytes += count;
    }

    fn entry_done(&self, item: &Item<'_>, done: &Done) {
        let mut state = self.state();
        let active = state.active.remove(&item.dump_id);
        state.entries_done += 1;
        state.data_done += u64::from(item.has_data);
        state.indexes_done += u64::from(item.is_index);
        state.size_done += item.size;
        state.bytes_done += done.bytes;
        state.totals.entries += 1;
        state.totals.rows += done.rows;
        state.totals.bytes += done.bytes;
        if !self.remembers && self.listener.get().is_none() {
            return;
        }
        let record = Record {
            database: state.database.clone(),
            dump_id: item.dump_id,
            kind: item.kind.to_string(),
            schema: item.schema.map(ToString::to_string),
            name: item.name.to_string(),
            has_data: item.has_data,
            is_index: item.is_index,
            done: *done,
            seconds: active.map_or(0.0, |active| active.begun.elapsed().as_secs_f64()),
        };
        self.tell(Event::Done(&record));
        if self.remembers {
            state.records.push(record);
        }
    }
}
