//! A column's default or generation expression.

/// A column's default or generation expression.
#[derive(Debug)]
pub struct AttrDef {}
