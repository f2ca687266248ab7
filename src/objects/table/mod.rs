//! Relations: tables, partitioned tables, foreign tables, views, materialized views and sequences.
//!
//! This module owns the [`Table`] and what hangs on it in the catalogs: columns, defaults, constraints,
//! indexes, inheritance and partitioning, each in a file of its own. The text of views and materialized views is
//! not here (they have files of their own), nor are rules, triggers and policies.

pub mod attach;
pub mod attrdef;
pub mod column;
pub mod constraint;
pub mod data;
pub mod details;
mod emit;
pub mod index;
pub mod index_attach;
mod inheritance;
pub mod relation;
pub mod statistics;

use bstr::BString;

pub use column::{Column, NotNull};
pub use emit::emit;
pub(super) use emit::put_storage_parameters;

use super::sequence::SequenceDefinition;
use crate::toc::{DumpId, Name};

/// A relation: table, partitioned table, foreign table, view, materialized view or sequence.
#[derive(Debug, Default)]
pub struct Table {
    /// What kind of relation it is.
    pub relkind: RelKind,
    /// Whether it survives a crash or even a session.
    pub persistence: Persistence,
    /// The oid of its row type, 0 if it has none.
    pub row_type: u32,
    /// The composite type it was made OF, as SQL.
    pub of_type: Option<Name>,
    /// It is a partition of its one parent.
    pub is_partition: bool,
    /// A partitioned table whose rows another server may spread over other partitions: those hashed by an enum,
    /// whose oids are not the same everywhere.
    pub unsafe_partitions: bool,
    /// A materialized view that has been populated; true for other kinds.
    pub populated: bool,
    /// Pages of the heap, as the planner last heard.
    pub pages: i32,
    /// Rows, as the planner last heard; negative if unknown.
    pub tuples: f32,
    /// All-visible pages, as the planner last heard.
    pub all_visible: i32,
    /// All-frozen pages, as the planner last heard; 0 before 18.
    pub all_frozen: i32,
    /// Pages of the TOAST table, as the planner last heard.
    pub toast_pages: i32,
    /// Its tablespace, empty for the database's default.
    pub tablespace: Name,
    /// Its access method, for kinds that have one on servers that know them.
    pub access_method: Option<Name>,
    /// Storage parameters, each `name=value`, a view's check option left out.
    pub options: Vec<BString>,
    /// Storage parameters of its TOAST table, each `name=value`.
    pub toast_options: Box<[BString]>,
    /// `LOCAL` or `CASCADED`, for views with a check option.
    pub check_option: Option<&'static str>,
    /// What identifies rows in logical replication.
    pub replica_identity: ReplicaIdentity,
    /// Row security is on.
    pub row_security: bool,
    /// Row security is on for the owner too.
    pub force_row_security: bool,
    /// WITH OIDS (servers before 12).
    pub with_oids: bool,
    /// `pg_class.relchecks`.
    pub check_count: i16,
    /// `pg_class.relhasindex`.
    pub has_indexes: bool,
    /// `pg_class.relhasrules`.
    pub has_rules: bool,
    /// `pg_class.relhastriggers`.
    pub has_triggers: bool,
    /// The oid of a foreign table's server, 0 for other kinds.
    pub foreign_server: u32,
    /// For a sequence that belongs to a column: which.
    pub owned_by: Option<OwnedBy>,
    /// The tables it inherits from or is a partition of, in order.
    pub parents: Vec<DumpId>,
    /// Its details are wanted: set by selection, obeyed by everything that reads details.
    pub interesting: bool,
    /// The rows as an object, once selection has decided that they are dumped.
    pub data: Option<DumpId>,

    // What follows is read for interesting relations only.
    /// Its columns by attribute number, dropped ones included; empty for sequences.
    pub columns: Vec<Column>,
    /// Its check constraints and its NOT NULL constraints that are not valid.
    pub checks: Vec<DumpId>,
    /// Its indexes, those of constraints included.
    pub indexes: Vec<DumpId>,
    /// What stands after PARTITION BY.
    pub partition_key: Option<BString>,
    /// What stands after the table's name in ATTACH PARTITION.
    pub partition_bound: Option<BString>,
    /// What a foreign table has besides columns.
    pub foreign: Option<Box<ForeignTable>>,
    /// A view's or materialized view's query as `pg_get_viewdef` gives it.
    pub view_definition: Option<BString>,
    /// A sequence's parameters and value.
    pub sequence: Option<Box<SequenceDefinition>>,

    // What follows is set while loops of dependencies are repaired.
    /// A view that is first made as a stand-in without its query, because its rule comes later.
    pub dummy_view: bool,
    /// A materialized view that can only be made after the data.
    pub postponed_definition: bool,
}

/// `pg_class.relkind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RelKind {
    /// `r`
    #[default]
    Table,
    /// `p`
    Partitioned,
    /// `v`
    View,
    /// `m`
    MaterializedView,
    /// `S`
    Sequence,
    /// `f`
    Foreign,
    /// `c`
    Composite,
    /// `t`
    Toast,
    /// `i`
    Index,
    /// `I`
    PartitionedIndex,
}

/// `pg_class.relpersistence`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Persistence {
    /// An ordinary, logged relation.
    #[default]
    Permanent,
    /// Emptied by a crash.
    Unlogged,
    /// Gone with the session; never dumped.
    Temporary,
}

/// `pg_class.relreplident`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ReplicaIdentity {
    /// The primary key.
    #[default]
    Default,
    /// Nothing.
    Nothing,
    /// All columns.
    Full,
    /// The index that says so itself ([`index::Index::replica_identity`]).
    Index,
}

/// The column that a sequence belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnedBy {
    /// The column's table.
    pub table: DumpId,
    /// The column's attribute number.
    pub column: i16,
    /// The sequence is the implementation of an identity column.
    pub identity: bool,
}

/// What a foreign table has besides columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignTable {
    /// The server's name, bare.
    pub server: BString,
    /// What stands between the parentheses of OPTIONS, empty if there are none.
    pub options: BString,
}

impl RelKind {
    /// The kind of a `relkind` letter; `None` for letters that no server up to 18 uses.
    pub fn from_letter(letter: u8) -> Option<RelKind> {
        Some(match letter {
            b'r' => RelKind::Table,
            b'p' => RelKind::Partitioned,
            b'v' => RelKind::View,
            b'm' => RelKind::MaterializedView,
            b'S' => RelKind::Sequence,
            b'f' => RelKind::Foreign,
            b'c' => RelKind::Composite,
            b't' => RelKind::Toast,
            b'i' => RelKind::Index,
            b'I' => RelKind::PartitionedIndex,
            _ => return None,
        })
    }

    /// The letter in the catalogs and in archives.
    pub fn letter(self) -> u8 {
        match self {
            RelKind::Table => b'r',
            RelKind::Partitioned => b'p',
            RelKind::View => b'v',
            RelKind::MaterializedView => b'm',
            RelKind::Sequence => b'S',
            RelKind::Foreign => b'f',
            RelKind::Composite => b'c',
            RelKind::Toast => b't',
            RelKind::Index => b'i',
            RelKind::PartitionedIndex => b'I',
        }
    }

    /// How CREATE, ALTER and DROP name the kind.
    pub fn keyword(self) -> &'static str {
        match self {
            RelKind::View => "VIEW",
            RelKind::MaterializedView => "MATERIALIZED VIEW",
            RelKind::Sequence => "SEQUENCE",
            RelKind::Foreign => "FOREIGN TABLE",
            RelKind::Composite => "TYPE",
            RelKind::Index | RelKind::PartitionedIndex => "INDEX",
            RelKind::Table | RelKind::Partitioned | RelKind::Toast => "TABLE",
        }
    }
}
