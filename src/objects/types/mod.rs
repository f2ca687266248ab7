//! A data type: enum, domain, composite, range, base, or the row type of a relation.

/// A data type: enum, domain, composite, range, base, or the row type of a relation.
#[derive(Debug)]
pub struct Type {}

pub mod shell;
