//! A column's default or generation expression.

use bstr::BString;

use crate::toc::DumpId;

/// A column's default or generation expression.
#[derive(Debug)]
pub struct AttrDef {
    /// The column's table.
    pub table: DumpId,
    /// The column's attribute number.
    pub column: i16,
    /// The expression as SQL.
    pub expression: BString,
    /// It is set by a statement of its own, not within CREATE TABLE.
    pub separate: bool,
}
