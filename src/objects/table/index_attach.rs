//! `ALTER INDEX … ATTACH PARTITION`.

/// `ALTER INDEX … ATTACH PARTITION`.
#[derive(Debug)]
pub struct IndexAttach {}
