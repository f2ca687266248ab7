//! An extension; its members are left out of the dump.

/// An extension; its members are left out of the dump.
#[derive(Debug)]
pub struct Extension {}
