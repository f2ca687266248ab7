//! A procedural language.

/// A procedural language.
#[derive(Debug)]
pub struct Language {}
