//! The rows of a table, as something that a dump orders and emits apart from the table.
//!
//! Which tables have rows worth dumping is decided in [`crate::objects::selection`]; reading the rows is
//! [`crate::dump`]'s.

use bstr::BString;

use crate::toc::DumpId;

/// The rows of a table.
#[derive(Debug)]
pub struct TableData {
    /// The table.
    pub table: DumpId,
    /// `WHERE …`, where an extension says that only some rows of its table are the user's.
    pub filter: Option<BString>,
}
