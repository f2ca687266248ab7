//! Columns of relations: what the catalogs say about each, and which of them a CREATE TABLE prints.
//!
//! Defaults are objects of their own ([`super::attrdef`]); so are NOT NULL constraints that are not valid yet.

use bstr::BString;

use crate::toc::DumpId;

/// One column, dropped ones included: a column's place in [`Table::columns`](super::Table::columns) is its
/// attribute number minus one.
#[derive(Debug, Clone, Default)]
pub struct Column {
    /// Its bare name.
    pub name: BString,
    /// Its type as SQL, modifiers included; empty for dropped columns.
    pub type_name: BString,
    /// Its type's oid, 0 for dropped columns.
    pub type_oid: u32,
    /// The column was dropped; its place remains.
    pub dropped: bool,
    /// Its NOT NULL constraint, if it has a valid one (or one of unknown name, before 18).
    pub not_null: Option<NotNull>,
    /// The object of a NOT NULL constraint that is not valid yet.
    pub invalid_not_null: Option<DumpId>,
    /// Its default or generation expression.
    pub default: Option<DumpId>,
    /// `a` for GENERATED ALWAYS AS IDENTITY, `d` for BY DEFAULT, 0 for neither.
    pub identity: u8,
    /// `s` for a stored generated column, `v` for a virtual one, 0 for neither.
    pub generated: u8,
    /// `pg_attribute.attstorage`.
    pub storage: u8,
    /// The storage a column of its type has unless told otherwise.
    pub type_storage: u8,
    /// `p` for pglz, `l` for lz4, 0 for the default.
    pub compression: u8,
    /// The statistics target, if it was set.
    pub statistics_target: Option<i32>,
    /// Per-column options as they stand between the parentheses of SET; empty if there are none.
    pub options: BString,
    /// Options of a foreign table's column as they stand between the parentheses of OPTIONS; empty if there
    /// are none.
    pub fdw_options: BString,
    /// The collation where it is not the type's own: schema and name.
    pub collation: Option<(BString, BString)>,
    /// The column is declared in this table, not (only) inherited.
    pub is_local: bool,
}

/// What CREATE TABLE must say about a column's NOT NULL constraint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotNull {
    /// Its name, where it is not the one that the server would choose.
    pub name: Option<BString>,
    /// It is not inherited by children.
    pub no_inherit: bool,
    /// It is to be printed with this table: parents do not imply it.
    pub is_local: bool,
}
