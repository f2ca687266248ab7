//! How large the data of each entry is, for estimates: what the index says, else the places of blocks or the lengths of
//! files. Nothing is read for it but directories' metadata, and nothing relies on it.

use std::collections::HashMap;

use super::Archive;
use super::backend::Backend;
use crate::toc::DumpId;

impl Archive {
    /// The sizes of the entries' data in bytes, as far as they can be known without reading: before compression where
    /// the archive has an index, else as stored.
    pub async fn data_sizes(&self) -> HashMap<DumpId, u64> {
        if let Some(index) = self.index() {
            let plain = |segments: &[super::SegmentRecord]| segments.iter().map(|s| s.sums.plain).sum();
            return (index.blocks.iter())
                .map(|block| (block.id, plain(&block.segments)))
                .collect();
        }
        match &self.reader {
            Backend::Custom(reader) => reader.block_sizes(),
            Backend::Directory(reader) => reader.file_sizes().await,
            Backend::TarStream(_) => HashMap::new(),
        }
    }
}

/// The lengths of blocks from where they begin and where the last one ends.
pub(super) fn between(mut starts: Vec<(u64, DumpId)>, end: u64) -> HashMap<DumpId, u64> {
    starts.sort_unstable();
    let ends: Vec<u64> = (starts.iter().skip(1).map(|(start, _)| *start))
        .chain([end])
        .collect();
    let pairs = starts.into_iter().zip(ends);
    pairs
        .map(|((start, id), end)| (id, end.saturating_sub(start)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_end_where_the_next_one_begins() {
        let sizes = between(vec![(70, DumpId(1)), (10, DumpId(2))], 100);
        assert_eq!(sizes[&DumpId(2)], 60);
        assert_eq!(sizes[&DumpId(1)], 30);
        assert!(between(Vec::new(), 5).is_empty());
        assert_eq!(
            between(vec![(9, DumpId(1))], 5)[&DumpId(1)],
            0,
            "a wrong place does no harm"
        );
    }
}
