//! What can be wrong with the blocks of an archive beside what is in them: their order, their places, and what
//! stands between and behind them.

use std::collections::BTreeMap;
use std::ops::Range;

use super::read::{CustomReader, Place};
use crate::archive::Header;
use crate::archive::backend::Block;
use crate::archive::codec::Offset;
use crate::archive::entry;
use crate::archive::index::{FOOTER, Footer, Index, OURS, Seal};
use crate::error::Result;
use crate::toc::{DumpId, Entry};

/// The longest content of a block of ours that is looked at; an index of some ten million segments.
const LONGEST: usize = 1 << 30;

/// What walking over the blocks has found.
#[derive(Default)]
struct Survey {
    problems: Vec<String>,
    blocks: BTreeMap<DumpId, Range<u64>>,
    index: Option<Index>,
}

impl CustomReader {
    /// Walks over all blocks, in a pipe over those that have not been passed yet, and says in a sentence each
    /// what does not fit together. What is in the blocks of entries is not looked at.
    ///
    /// # Errors
    /// Only if the archive cannot be read at all.
    pub(crate) async fn survey(&mut self, header: &Header, toc: &[Entry]) -> Result<Vec<String>> {
        let mut survey = Survey::default();
        self.leave_aside();
        if self.input.seekable() {
            self.place = Place::Between;
            self.lost = false;
            self.input.seek(self.first).await?;
        } else if self.lost {
            // That has been told with the entry where it happened.
            return Ok(Vec::new());
        } else {
            self.finish_block().await?;
        }
        self.walk(header, toc, &mut survey).await?;
        for id in &self.repeated {
            survey.problem(format!("there is more than one block of data of entry {id}"));
        }
        for (id, offset) in self.offsets.iter() {
            match (offset, survey.blocks.get(id)) {
                (Offset::At(said), Some(block)) if *said != block.start => survey.problem(format!(
                    "the table of contents has the data of entry {id} at offset {said}, but it is at offset {}",
                    block.start
                )),
                (Offset::NoData, Some(_)) => survey.problem(format!(
                    "the table of contents denies that entry {id} has data, but it has"
                )),
                _ => {}
            }
        }
        if self.sealed {
            survey.check_index();
        }
        survey.problems.sort();
        Ok(survey.problems)
    }

    async fn walk(&mut self, header: &Header, toc: &[Entry], survey: &mut Survey) -> Result<()> {
        while !self.input.at_end().await? {
            let start = self.input.position();
            if !self.sealed && self.toc_stands_again(toc).await? {
                let again = self.pass_toc(header, toc).await;
                if !again.is_ok_and(|same| same) {
                    survey.problem(format!(
                        "the table of contents stands again at offset {start}, but not the same"
                    ));
                }
                return Ok(());
            }
            if survey.index.is_some() {
                survey.problem(format!("data goes on behind the index, at offset {start}"));
            }
            if let Err(error) = self.pass_block(start, survey).await {
                survey.problem(error.to_string());
                let Some(next) = self.next_known(start) else {
                    return Ok(());
                };
                self.place = Place::Between;
                self.input.seek(next).await?;
            }
        }
        Ok(())
    }

    async fn pass_block(&mut self, start: u64, survey: &mut Survey) -> Result<()> {
        let (block, found) = self.block_start().await?;
        self.note_passed(found, start);
        let id = u32::try_from(found).ok().map(DumpId);
        match id.filter(|id| *id == OURS || self.offsets.contains_key(id)) {
            Some(OURS) if block == Block::Data => self.pass_ours(start, survey).await?,
            None => {
                survey.problem(format!(
                    "the block at offset {start} belongs to no entry (its ID is {found})"
                ));
                self.finish_block().await?;
            }
            Some(id) => {
                self.finish_block().await?;
                survey.blocks.entry(id).or_insert(start..self.input.position());
            }
        }
        Ok(())
    }

    /// Passes over a block of ours; what is neither seal nor index is a later version's.
    async fn pass_ours(&mut self, start: u64, survey: &mut Survey) -> Result<()> {
        let mut content = Vec::new();
        while let Some(bytes) = self.stored(usize::MAX).await? {
            if content.len() <= LONGEST {
                content.extend_from_slice(&bytes);
            }
        }
        if Seal::decode(&content).is_some() {
            return Ok(());
        }
        let Some((index, footer)) = content
            .len()
            .checked_sub(FOOTER)
            .and_then(|at| content.split_at_checked(at))
        else {
            return Ok(());
        };
        let expected = Footer {
            start,
            length: index.len() as u64,
            crc32c: crc32c::crc32c(index),
        };
        if Footer::decode(footer) == Some(expected) {
            survey.index = Index::decode(index);
        }
        Ok(())
    }

    /// The next position behind `position` where a block is said to be, if the archive can be read there.
    fn next_known(&self, position: u64) -> Option<u64> {
        let offsets = self.offsets.values().filter_map(|offset| match offset {
            Offset::At(position) => Some(*position),
            _ => None,
        });
        let indexed = self
            .index
            .iter()
            .flat_map(|index| index.blocks.iter().map(|block| block.place.start));
        offsets
            .chain(indexed)
            .filter(|known| *known > position && self.input.seekable())
            .min()
    }

    /// Passes over the table of contents where it stands again; returns whether it says the same.
    async fn pass_toc(&mut self, header: &Header, toc: &[Entry]) -> Result<bool> {
        self.input.int().await?;
        for expected in toc {
            let version = header.version;
            let entry = self.input.item(|cursor| {
                let entry = entry::decode(cursor, version)?;
                cursor.offset()?;
                Ok(entry)
            });
            if entry.await? != *expected {
                return Ok(false);
            }
        }
        self.input.at_end().await
    }
}

impl Survey {
    fn problem(&mut self, problem: String) {
        self.problems.push(problem);
    }

    /// Compares what the index says with where blocks were found. From a pipe not all of them have been seen.
    fn check_index(&mut self) {
        let Some(index) = self.index.take() else {
            return self.problem("the index at the end of the archive is missing or damaged".into());
        };
        for block in &index.blocks {
            let place = &block.place;
            if self.blocks.get(&block.id).is_some_and(|found| found != place) {
                self.problem(format!(
                    "the index has the data of entry {} at offset {}, where it is not",
                    block.id, place.start
                ));
            }
            if block
                .segments
                .iter()
                .any(|segment| !place.contains(&segment.offset))
            {
                self.problem(format!(
                    "the index has segments of entry {} outside of its data",
                    block.id
                ));
            }
        }
    }
}
