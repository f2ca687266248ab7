//! `ALTER TABLE … ATTACH PARTITION`.

/// `ALTER TABLE … ATTACH PARTITION`.
#[derive(Debug)]
pub struct TableAttach {}
