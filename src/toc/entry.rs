//! One entry of a table of contents.

use std::fmt;

use bstr::BString;

/// An entry's number in its archive; above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DumpId(pub u32);

impl fmt::Display for DumpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The row of a system catalog that something comes from; zeros for what has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct CatalogId {
    /// The catalog's own oid.
    pub tableoid: u32,
    /// The row's oid.
    pub oid: u32,
}

/// When an entry is restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// Belongs to no section (grants and comments go with their object).
    None,
    /// Definitions that the data need.
    PreData,
    /// Rows, large objects, sequence values, statistics.
    Data,
    /// What is quicker, or only possible, once the data are there.
    PostData,
}

/// One entry of a table of contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub dump_id: DumpId,
    /// True if it has data in the archive.
    pub had_dumper: bool,
    /// Where it comes from.
    pub catalog_id: CatalogId,
    /// Its name as lists and comments show it.
    pub tag: BString,
    /// Its kind, such as `TABLE DATA`.
    pub desc: BString,
    /// When it is restored.
    pub section: Section,
    /// The statements that make it.
    pub definition: BString,
    /// The statement that removes it.
    pub drop_statement: BString,
    /// The COPY statement its rows are loaded with.
    pub copy_statement: Option<BString>,
    /// The schema it lives in.
    pub namespace: Option<BString>,
    /// The tablespace to make it in; empty for the default.
    pub tablespace: Option<BString>,
    /// The table access method to make it with.
    pub table_am: Option<BString>,
    /// `pg_class.relkind` of relations, 0 of the rest.
    pub relkind: u8,
    /// Its owner's name.
    pub owner: BString,
    /// The entries that must be restored before it.
    pub dependencies: Vec<DumpId>,
}
