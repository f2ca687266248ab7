//! An aggregate function.

/// An aggregate function.
#[derive(Debug)]
pub struct Aggregate {}
