//! What is told during a restore and after it.

use std::sync::Arc;

use bstr::{BStr, BString};

use crate::progress::{NoProgress, Progress};
use crate::sql::text;
use crate::toc::{CatalogId, Desc, DumpId, Entry, Name};

/// Told about a run while it goes on. Everything is optional.
pub trait Observer: Send {
    /// What is being done, for verbose runs.
    fn info(&mut self, message: &BStr) {
        let _ = message;
    }

    /// What the user should know although nothing failed.
    fn warning(&mut self, message: &BStr) {
        let _ = message;
    }

    /// What failed.
    fn failure(&mut self, failure: &Failure) {
        let _ = failure;
    }

    /// What was left out because only others may do it; see [`RestoreOptions::managed`](super::RestoreOptions).
    fn skipped(&mut self, skip: &Skip) {
        let _ = skip;
    }

    /// Who is told how far the restore has come; asked once, before it begins.
    fn progress(&self) -> Arc<dyn Progress> {
        Arc::new(NoProgress)
    }
}

/// An [`Observer`] that keeps silent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {}

/// How far a restore was when something failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Settings of the session.
    Initializing,
    /// Drops and entries.
    ProcessingToc,
    /// A plain dump.
    Script,
}

/// The entry that something is told about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryName {
    /// Its number.
    pub dump_id: DumpId,
    /// Its object in the catalogs.
    pub catalog_id: CatalogId,
    /// Its kind.
    pub desc: Desc,
    /// Its schema.
    pub namespace: Option<Name>,
    /// Its name.
    pub tag: BString,
    /// Its owner.
    pub owner: Option<Name>,
}

impl EntryName {
    /// Its kind and its name, with the schema if it has one.
    pub fn text(&self) -> BString {
        let schema = self.namespace.as_ref().filter(|schema| !schema.is_empty());
        let desc = self.desc.text();
        match schema {
            // What these are about begins with its kind.
            Some(schema) if self.desc.follows_parent() => {
                text!(desc, " ", self.tag, " (schema ", schema, ")")
            }
            Some(schema) => text!(desc, " ", schema, ".", self.tag),
            None if self.tag.starts_with(desc) => self.tag.clone(),
            None => text!(desc, " ", self.tag),
        }
    }
}

impl From<&Entry> for EntryName {
    fn from(entry: &Entry) -> Self {
        EntryName {
            dump_id: entry.dump_id,
            catalog_id: entry.catalog_id,
            desc: entry.desc.clone(),
            namespace: entry.namespace.clone(),
            tag: entry.tag.clone(),
            owner: entry.owner.clone(),
        }
    }
}

/// Something the server refused; the restore goes on unless it was told to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// How far the restore was.
    pub stage: Stage,
    /// The entry it belongs to, if it belongs to one.
    pub entry: Option<EntryName>,
    /// What was tried and how the server answered, in the words of the C tools.
    pub message: BString,
    /// The statement that failed, unless it was one that carries data.
    pub statement: Option<BString>,
    /// The server's code.
    pub sqlstate: String,
}

/// Something that was left out of a restore by a user who is no superuser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skip {
    /// The entry it belongs to.
    pub entry: EntryName,
    /// Which part of the entry; empty for all of it.
    pub what: BString,
    /// Why.
    pub why: BString,
    /// The server's code, if it was the server that refused.
    pub sqlstate: Option<String>,
}

impl Skip {
    /// `TABLE public.t, owner "a": role "a" does not exist`.
    pub fn sentence(&self) -> BString {
        let mut out = self.entry.text();
        if !self.what.is_empty() {
            out.extend_from_slice(b", ");
            out.extend_from_slice(&self.what);
        }
        out.extend_from_slice(b": ");
        out.extend_from_slice(&self.why);
        out
    }
}

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Entries that were processed.
    pub entries: u64,
    /// Statements of a plain dump that were sent.
    pub statements: u64,
    /// Rows loaded with COPY.
    pub rows: u64,
    /// Large objects written.
    pub large_objects: u64,
    /// What failed and was passed over.
    pub errors: u64,
    /// What was left out because only others may do it.
    pub skipped: u64,
    /// Whether the run ended at an error, as it was told to.
    pub stopped: bool,
}
