//! The parts in which several lanes load one large table: runs of the segments that the archive's index lists.

use std::collections::HashMap;
use std::ops::Range;

use super::RestoreOptions;
use crate::archive::Archive;
use crate::script::Plan;
use crate::toc::DumpId;

/// The segments that make up the parts of each table that is loaded by several lanes.
pub(super) fn parts_of(
    archive: &Archive,
    plan: &Plan,
    options: &RestoreOptions,
    may_be_split: impl Fn(DumpId) -> bool,
) -> HashMap<DumpId, Vec<Range<usize>>> {
    let blocks = archive
        .index()
        .map(|index| index.blocks.as_slice())
        .unwrap_or_default();
    let mut parts = HashMap::new();
    for block in blocks
        .iter()
        .filter(|block| !block.large_objects && plan.wanted(block.id).data)
    {
        let sizes: Vec<u64> = block.segments.iter().map(|segment| segment.sums.plain).collect();
        let total = sizes.iter().fold(0, |sum: u64, size| sum.saturating_add(*size));
        if total < options.part_size.saturating_mul(4) || !may_be_split(block.id) {
            continue;
        }
        let ranges = cut(
            &sizes,
            options.part_size.max(total / (options.jobs as u64 * 8).max(1)),
        );
        if ranges.len() > 1 {
            parts.insert(block.id, ranges);
        }
    }
    parts
}

/// Runs of segments of at least so many bytes each; the last is no shorter than the others' least.
fn cut(sizes: &[u64], least: u64) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let (mut start, mut sum) = (0, 0_u64);
    for (at, size) in sizes.iter().enumerate() {
        sum = sum.saturating_add(*size);
        if sum >= least {
            ranges.push(start..at + 1);
            (start, sum) = (at + 1, 0);
        }
    }
    if start < sizes.len() {
        match ranges.last_mut() {
            Some(last) => last.end = sizes.len(),
            None => ranges.push(start..sizes.len()),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_all_segments_once_and_none_is_short() {
        assert_eq!(cut(&[5, 5, 5, 5, 2], 10), [0..2, 2..5]);
        assert_eq!(cut(&[20, 1, 1, 20], 10), [0..1, 1..4]);
        assert_eq!(cut(&[1, 2], 10).as_slice(), std::slice::from_ref(&(0..2)));
        assert!(cut(&[], 10).is_empty());
    }
}
