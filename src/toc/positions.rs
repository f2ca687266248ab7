//! Where in a table of contents the entry of a number is.
//!
//! Numbers come from archives, where they can be anything; so they are sorted, not counted on. A table of contents has
//! them nearly in order, and looking one up takes no longer than hashing it.

use super::{DumpId, Entry};

/// The positions of all entries of one table of contents. Of entries with the same number the last one counts.
#[derive(Debug, Clone)]
pub(crate) struct Positions(Vec<(DumpId, usize)>);

impl Positions {
    /// The positions of these entries.
    pub(crate) fn of(toc: &[Entry]) -> Positions {
        let ids = toc.iter().map(|entry| entry.dump_id);
        let mut positions: Vec<(DumpId, usize)> = ids.zip(0..).collect();
        positions.sort();
        Positions(positions)
    }

    /// Where the entry of this number is.
    pub(crate) fn at(&self, id: DumpId) -> Option<usize> {
        let behind = self.0.partition_point(|(other, _)| *other <= id);
        let (found, at) = self.0.get(behind.checked_sub(1)?)?;
        (*found == id).then_some(*at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toc::{Desc, Section};

    #[test]
    fn entries_are_found_by_number_and_the_last_one_counts() {
        let ids = [7, -3_i32 as u32, 9, 7];
        let toc = ids.map(|id| Entry::new(DumpId(id), Desc::Table, "t", Section::PreData));
        let positions = Positions::of(&toc);
        let found = [7, 8, 9, 0, u32::MAX - 2, u32::MAX].map(|id| positions.at(DumpId(id)));
        assert_eq!(found, [Some(3), None, Some(2), None, Some(1), None]);
        assert_eq!(Positions::of(&[]).at(DumpId(1)), None);
    }
}
