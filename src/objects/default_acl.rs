//! `ALTER DEFAULT PRIVILEGES`.

/// `ALTER DEFAULT PRIVILEGES`.
#[derive(Debug)]
pub struct DefaultAcl {}
