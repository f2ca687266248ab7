//! `ALTER TABLE … ATTACH PARTITION`.

use crate::toc::DumpId;

/// `ALTER TABLE … ATTACH PARTITION`.
#[derive(Debug)]
pub struct TableAttach {
    /// The partitioned table.
    pub parent: DumpId,
    /// The table that becomes its partition.
    pub partition: DumpId,
}
