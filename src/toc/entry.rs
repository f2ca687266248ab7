//! One entry of the table of contents, and the small types it is made of.
//!
//! Only the shape: what kinds mean is in [`super::kind`], how entries are stored in [`crate::archive`].

use std::fmt;

use bstr::{BStr, BString};

use super::{Desc, Name};

/// The number of an entry within its archive, above 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DumpId(pub u32);

impl fmt::Display for DumpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where in the catalogs an entry's object came from; both zero where it is no single object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct CatalogId {
    /// OID of the catalog (`pg_class` for a table).
    pub tableoid: u32,
    /// OID of the object in that catalog.
    pub oid: u32,
}

/// The part of a dump an entry belongs to; `None` goes with whatever stands before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// Comments, labels and privileges: the section of the entry before.
    None,
    /// Definitions needed before rows can be loaded.
    PreData,
    /// Rows, large objects, sequence values.
    Data,
    /// Indexes, constraints, triggers, rules.
    PostData,
}

/// One entry of the table of contents.
///
/// Texts are bytes in the dump's encoding. `Option` texts keep apart what archives keep apart: NULL and the
/// empty string. An empty [`tablespace`](Entry::tablespace), for one, means "the database's default", and
/// `None` that the entry cannot have one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The entry's number.
    pub dump_id: DumpId,
    /// Whether data of its own (rows, large objects) stands in the archive.
    pub had_dumper: bool,
    /// The object in the source database's catalogs.
    pub catalog_id: CatalogId,
    /// The object's name for people and for selection; not quoted.
    pub tag: BString,
    /// The kind of entry.
    pub desc: Desc,
    /// The section the archive claims for it.
    pub section: Section,
    /// The SQL that creates the object.
    pub definition: Option<BString>,
    /// The SQL that drops it.
    pub drop_statement: Option<BString>,
    /// `COPY … FROM stdin;` for rows in COPY format.
    pub copy_statement: Option<BString>,
    /// Schema, not quoted.
    pub namespace: Option<Name>,
    /// Tablespace, empty for the database's default.
    pub tablespace: Option<Name>,
    /// Table access method.
    pub table_am: Option<Name>,
    /// `pg_class.relkind` for relations.
    pub relkind: Option<u8>,
    /// Owning role, not quoted.
    pub owner: Option<Name>,
    /// Whether the archive says the table was made WITH OIDS (servers before 12).
    pub with_oids: bool,
    /// Entries that must be restored before this one, in the archive's order, repetitions kept.
    pub dependencies: Vec<DumpId>,
}

impl Entry {
    /// An entry with a number, kind, name and section and nothing else; fill in the rest with `..`.
    pub fn new(dump_id: DumpId, desc: Desc, tag: impl Into<BString>, section: Section) -> Self {
        Entry {
            dump_id,
            had_dumper: false,
            catalog_id: CatalogId::default(),
            tag: tag.into(),
            desc,
            section,
            definition: None,
            drop_statement: None,
            copy_statement: None,
            namespace: None,
            tablespace: None,
            table_am: None,
            relkind: None,
            owner: None,
            with_oids: false,
            dependencies: Vec::new(),
        }
    }

    /// The definition, empty if there is none.
    pub fn definition_text(&self) -> &BStr {
        text(&self.definition)
    }

    /// The drop statement, empty if there is none.
    pub fn drop_text(&self) -> &BStr {
        text(&self.drop_statement)
    }

    /// The COPY statement, empty if there is none.
    pub fn copy_text(&self) -> &BStr {
        text(&self.copy_statement)
    }

    /// The owner's name, empty if there is none.
    pub fn owner_name(&self) -> &BStr {
        self.owner.as_deref().unwrap_or_default()
    }

    /// The schema's name, if it is there and not empty.
    pub fn schema(&self) -> Option<&BStr> {
        self.namespace.as_deref().filter(|name| !name.is_empty())
    }
}

fn text(field: &Option<BString>) -> &BStr {
    BStr::new(field.as_ref().map_or(&b""[..], |t| t.as_slice()))
}
