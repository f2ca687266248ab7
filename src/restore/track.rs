//! What a restore tells [`Progress`]: what there is to do, and which entry begins and ends when.
//!
//! Statements are sent ahead of their answers, so a lane queues these marks behind the statements that they are about.

use std::collections::HashMap;

use bstr::{BStr, BString, ByteSlice};

use super::Restore;
use super::report::EntryName;
use crate::progress::{Done, Item, Progress, Work};
use crate::script::Plan;
use crate::toc::{Desc, DumpId, Entry, Wanted};

/// An entry whose beginning or end is told in its turn.
#[derive(Debug, Clone)]
pub(super) struct Tracked {
    pub(super) entry: EntryName,
    has_data: bool,
    size: u64,
}

impl Tracked {
    /// What is told of an entry of which this is restored.
    pub(super) fn new(entry: &Entry, wanted: Wanted, sizes: &HashMap<DumpId, u64>) -> Tracked {
        let has_data = wanted.data && entry.had_dumper;
        let size = sizes.get(&entry.dump_id).copied();
        Tracked {
            entry: EntryName::from(entry),
            has_data,
            size: size.filter(|_| has_data).unwrap_or_default(),
        }
    }

    pub(super) fn item(&self) -> Item<'_> {
        Item {
            dump_id: self.entry.dump_id.0,
            kind: self.entry.desc.text(),
            schema: self.entry.namespace.as_ref().map(|name| name.as_bstr()),
            name: self.entry.tag.as_bstr(),
            has_data: self.has_data,
            is_index: is_index(&self.entry.desc),
            size: self.size,
        }
    }
}

/// What is told of an entry that a lane is given: `launching item 12 TABLE DATA t`.
pub(super) fn named(what: &str, entry: &Entry) -> BString {
    let mut text = BString::from(format!("{what} {} {} ", entry.dump_id, entry.desc));
    text.extend_from_slice(&entry.tag);
    text
}

/// A mark in a lane's queue.
#[derive(Debug)]
pub(super) enum Mark {
    /// The entry begins.
    Begun(Tracked),
    /// All of the entry has been answered.
    Done(Tracked, Done),
}

impl Mark {
    /// Tells it; `failed` says which entries were refused.
    pub(super) fn tell(self, progress: &dyn Progress, failed: impl Fn(DumpId) -> bool) {
        match self {
            Mark::Begun(tracked) => progress.entry_begun(&tracked.item()),
            Mark::Done(tracked, done) => {
                let failed = failed(tracked.entry.dump_id);
                progress.entry_done(&tracked.item(), &Done { failed, ..done });
            }
        }
    }
}

impl Restore {
    /// Tells what there is to do in a database; returns the sizes of the entries' data, if anybody wants them.
    pub(super) async fn tell_planned(&self, plan: &Plan, progress: &dyn Progress) -> HashMap<DumpId, u64> {
        let sizes = match progress.wants_sizes() {
            true => self.archive.data_sizes().await,
            false => HashMap::new(),
        };
        let mut work = Work::default();
        for id in plan.order() {
            let Some(entry) = plan.entry(id) else { continue };
            let tracked = Tracked::new(entry, plan.wanted(id), &sizes);
            work.entries += 1;
            work.with_data += u64::from(tracked.has_data);
            work.indexes += u64::from(is_index(&entry.desc));
            work.size += tracked.size;
        }
        progress.planned(&work);
        sizes
    }
}

/// Whether restoring it builds an index; of constraints, those that stand by themselves mostly do.
fn is_index(desc: &Desc) -> bool {
    matches!(desc, Desc::Index | Desc::Constraint)
}

/// What a connection says of itself.
pub(super) fn tell_connected(progress: &dyn Progress, database: &BStr, version: Option<&[u8]>) {
    progress.connected(database, version.unwrap_or_default().as_bstr());
}
