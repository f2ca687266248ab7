//! `ALTER INDEX … ATTACH PARTITION`.

use crate::toc::DumpId;

/// `ALTER INDEX … ATTACH PARTITION`.
#[derive(Debug)]
pub struct IndexAttach {
    /// The partitioned index.
    pub parent: DumpId,
    /// The index of a partition that becomes part of it.
    pub partition: DumpId,
}
