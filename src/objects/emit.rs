//! Making archive entries: the [`Emitter`] that kinds write into.

use bstr::BStr;

use super::{Catalog, Object};
use crate::toc::{Desc, DumpId, Entry, Section};

/// What emission must know of the user's wishes.
#[derive(Debug, Clone)]
pub struct EmitOptions {
    /// Schema definitions are wanted.
    pub schema: bool,
    /// Data are wanted.
    pub data: bool,
    /// Planner statistics are wanted.
    pub statistics: bool,
    /// Grants are left out.
    pub no_acl: bool,
    /// Comments are left out.
    pub no_comments: bool,
    /// Security labels are left out.
    pub no_security_labels: bool,
    /// Row security policies are left out.
    pub no_policies: bool,
    /// Publications are left out.
    pub no_publications: bool,
    /// Subscriptions are left out.
    pub no_subscriptions: bool,
    /// `SET COMPRESSION` clauses are left out.
    pub no_toast_compression: bool,
    /// Rows of unlogged tables are left out.
    pub no_unlogged_table_data: bool,
    /// Entries carry drop statements that name owners and databases for `--create`.
    pub create: bool,
    /// The archive version's large object entries are one per object (before 1.16).
    pub single_large_objects: bool,
}

/// Collects the entries of a dump, in order, and gives out numbers for those that are not objects
/// themselves (comments, grants).
#[derive(Debug)]
pub struct Emitter<'a> {
    /// Where everything is looked up.
    pub catalog: &'a Catalog,
    /// What is wanted.
    pub options: &'a EmitOptions,
    entries: Vec<Entry>,
    last_id: u32,
}

impl<'a> Emitter<'a> {
    /// An emitter that numbers what it makes after the catalog's objects.
    pub fn new(catalog: &'a Catalog, options: &'a EmitOptions) -> Self {
        let last_id = u32::try_from(catalog.objects().len()).unwrap_or(u32::MAX);
        Emitter {
            catalog,
            options,
            entries: Vec::new(),
            last_id,
        }
    }

    /// A number no entry has yet.
    pub fn next_id(&mut self) -> DumpId {
        self.last_id += 1;
        DumpId(self.last_id)
    }

    /// The beginning of an object's own entry: number, row, name, schema and owner are its own; statements and
    /// dependencies are to be filled in.
    pub fn entry(&self, object: &Object, desc: Desc, section: Section) -> Entry {
        let mut entry = Entry::new(object.id, desc, object.name.clone(), section);
        entry.catalog_id = object.catalog_id;
        entry.namespace = self.catalog.schema_name(object).map(BStr::to_owned);
        entry.owner = (object.owner != 0).then(|| self.catalog.owner_name(object).to_owned());
        entry
    }

    /// Adds an entry after all others.
    pub fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// The entries made so far.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The finished list.
    pub fn into_entries(self) -> Vec<Entry> {
        self.entries
    }
}
