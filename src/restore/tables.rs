//! What a table of contents says of its tables: where their rows are, and which are partitions of which.

use std::collections::HashMap;

use crate::toc::{Desc, DumpId, Entry};

/// The partitioned table that each partition belongs to; a table with rows is where its rows are.
pub(super) fn parents(
    toc: &[Entry],
    places: &HashMap<DumpId, usize>,
    rows_of: &HashMap<usize, usize>,
) -> HashMap<usize, usize> {
    let attached = toc.iter().filter(|entry| entry.desc == Desc::TableAttach);
    let pairs = attached.filter_map(|attach| {
        let tables = attach
            .dependencies
            .iter()
            .filter_map(|id| places.get(id).copied());
        // The entry has the name of the partition.
        let (partition, other): (Vec<usize>, Vec<usize>) = tables.partition(|at| {
            let table = toc.get(*at);
            table.is_some_and(|table| table.tag == attach.tag && table.namespace == attach.namespace)
        });
        let rows = |at: &usize| *rows_of.get(at).unwrap_or(at);
        Some((rows(partition.first()?), rows(other.first()?)))
    });
    pairs.collect()
}

/// Where the rows of each table are: the first thing that rows depend on is their table.
pub(super) fn rows_of(toc: &[Entry], places: &HashMap<DumpId, usize>) -> HashMap<usize, usize> {
    toc.iter()
        .enumerate()
        .filter(|(_, entry)| entry.desc == Desc::TableData)
        .filter_map(|(at, entry)| {
            let table = entry.dependencies.first()?;
            Some((*places.get(table)?, at))
        })
        .collect()
}
