//! Indexes: those of constraints carry what the constraint's statement needs, the others make entries.

use bstr::BString;

use crate::toc::DumpId;

/// An index. One that a constraint owns makes no entry of its own.
#[derive(Debug)]
pub struct Index {
    /// The indexed table or materialized view.
    pub table: DumpId,
    /// `CREATE INDEX …` as `pg_get_indexdef` gives it, without semicolon.
    pub definition: BString,
    /// Its tablespace, empty for the database's default.
    pub tablespace: BString,
    /// Storage parameters, each `name=value`.
    pub options: Vec<BString>,
    /// Attribute numbers of the table's columns, 0 for expressions: keys first, then what INCLUDE adds.
    pub columns: Vec<i16>,
    /// How many of the columns are keys.
    pub key_count: usize,
    /// Statistics targets set on its columns: attribute number within the index, target.
    pub statistics_targets: Vec<(i16, i32)>,
    /// CLUSTER uses it.
    pub clustered: bool,
    /// It is the table's replica identity.
    pub replica_identity: bool,
    /// UNIQUE NULLS NOT DISTINCT.
    pub nulls_not_distinct: bool,
    /// The partitioned index it is part of.
    pub parent: Option<DumpId>,
    /// The constraint that owns it.
    pub constraint: Option<DumpId>,
    /// Its [`IndexAttach`](super::index_attach::IndexAttach)es, where it is a partitioned index.
    pub attachments: Vec<DumpId>,
    /// `pg_class.relpages`.
    pub pages: i32,
    /// `pg_class.reltuples`.
    pub tuples: f32,
    /// `pg_class.relallvisible`.
    pub all_visible: i32,
    /// `pg_class.relallfrozen`, 0 before 18.
    pub all_frozen: i32,
}
