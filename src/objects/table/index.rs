//! An index that no constraint owns.

/// An index that no constraint owns.
#[derive(Debug)]
pub struct Index {}
