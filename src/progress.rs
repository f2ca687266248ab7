//! How far a dump or restore has come, for whoever wants to know.
//!
//! The library only reports; bars, lines, estimates and files are the caller's.

use bstr::BStr;

/// What is to be done in a database, as far as is known when it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Work {
    /// Entries of the table of contents that are dumped or restored.
    pub entries: u64,
    /// Those among them that have data.
    pub with_data: u64,
    /// Indexes, keys among them, that are built.
    pub indexes: u64,
    /// The sum of the entries' [sizes](Item::size).
    pub size: u64,
}

/// An entry that is being dumped or restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item<'a> {
    /// The entry's number.
    pub dump_id: u32,
    /// Its kind as in the table of contents, such as `TABLE DATA`.
    pub kind: &'a BStr,
    /// Its schema.
    pub schema: Option<&'a BStr>,
    /// Its name.
    pub name: &'a BStr,
    /// Whether it has data.
    pub has_data: bool,
    /// Whether an index is built for it.
    pub is_index: bool,
    /// What it is estimated to cost, in bytes on disk: of the relation that is dumped, or in the archive. Nothing to
    /// be added up with bytes that are really read; 0 where unknown.
    pub size: u64,
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Done {
    /// Rows or large objects.
    pub rows: u64,
    /// Bytes of data, before compression.
    pub bytes: u64,
    /// The server refused it, or a part of it.
    pub failed: bool,
}

/// Told what has been done. Every method does nothing unless it is implemented.
///
/// Several entries may be under way at once.
pub trait Progress: Send + Sync {
    /// Whether the sizes of what is dumped should be asked for.
    fn wants_sizes(&self) -> bool {
        false
    }

    /// A connection is there: with this database, on a server that gives this version.
    fn connected(&self, database: &BStr, server_version: &BStr) {
        let _ = (database, server_version);
    }

    /// It is known what is to be done.
    fn planned(&self, work: &Work) {
        let _ = work;
    }

    /// An entry begins.
    fn entry_begun(&self, item: &Item<'_>) {
        let _ = item;
    }

    /// So many more bytes of data, before compression, are done.
    fn bytes(&self, count: u64) {
        let _ = count;
    }

    /// An entry is complete. Entries of a dump that have no data are done without having begun.
    fn entry_done(&self, item: &Item<'_>, done: &Done) {
        let _ = (item, done);
    }
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {}
