//! The rows of a table.

/// The rows of a table.
#[derive(Debug)]
pub struct TableData {}
