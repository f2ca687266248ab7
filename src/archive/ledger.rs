//! What a writer notes while it writes, for the seals and the index.

use super::Segment;
use super::index::{BlockRecord, Index, Seal, SegmentRecord, Sums};
use crate::toc::DumpId;

/// Large objects are indexed in groups of at least this many stored bytes.
const GROUP: u64 = 1 << 20;

/// Up to so many bytes are summed again sooner than two sums are put together.
const SHORT: u64 = 32 << 10;

/// The book of blocks and segments.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    toc_crc32c: u32,
    blocks: Vec<BlockRecord>,
    /// Sums of the block that is open, if it is one of rows. Those of large objects are their groups'.
    block: Sums,
    /// The group of large objects that is open.
    group: Option<SegmentRecord>,
}

impl Ledger {
    /// Adds bytes of the header or the table of contents, but not the offsets in it.
    pub(crate) fn toc_bytes(&mut self, bytes: &[u8]) {
        self.toc_crc32c = crc32c::crc32c_append(self.toc_crc32c, bytes);
    }

    /// The seal of header and table of contents.
    pub(crate) fn toc_seal(&self) -> Seal {
        Seal::Toc {
            crc32c: self.toc_crc32c,
        }
    }

    /// Opens a block that starts at `position`.
    pub(crate) fn begin_block(&mut self, id: DumpId, large_objects: bool, position: u64) {
        self.block = Sums::default();
        let place = position..position;
        self.blocks.push(BlockRecord {
            id,
            large_objects,
            place,
            segments: Vec::new(),
        });
    }

    /// Opens a large object that starts at `position`.
    pub(crate) fn begin_object(&mut self, oid: u32, position: u64) {
        self.group
            .get_or_insert(SegmentRecord {
                offset: position,
                sums: Sums::default(),
            })
            .sums
            .add_object(oid);
    }

    /// Adds what stands around the segments of a stream.
    pub(crate) fn frame(&mut self, bytes: &[u8]) {
        match &mut self.group {
            Some(group) => group.sums.add_stored(bytes),
            None => self.block.add_stored(bytes),
        }
    }

    /// Adds a segment whose first chunk is at `position`.
    pub(crate) fn segment(&mut self, segment: &Segment, position: u64) {
        let mut sums = Sums {
            stored: segment.stored_len,
            plain: segment.plain_len,
            rows: segment.rows,
            crc32c: segment.crc32c,
        };
        if let Some(group) = &mut self.group {
            // What counts in a block of large objects is objects.
            sums.rows = 0;
            if segment.stored_len > SHORT {
                group.sums.join(&sums);
            } else {
                segment
                    .stored
                    .iter()
                    .for_each(|bytes| group.sums.add_stored(bytes));
                group.sums.plain += segment.plain_len;
            }
            return;
        }
        self.block.join(&sums);
        if let Some(block) = self.blocks.last_mut() {
            block.segments.push(SegmentRecord {
                offset: position,
                sums,
            });
        }
    }

    /// Closes a large object.
    pub(crate) fn end_object(&mut self) {
        if self.group.is_some_and(|group| group.sums.stored >= GROUP) {
            self.end_group();
        }
    }

    /// Closes the block, which ends at `position`; returns its seal.
    pub(crate) fn end_block(&mut self, position: u64) -> Option<Seal> {
        self.end_group();
        let block = self.blocks.last_mut()?;
        block.place.end = position;
        let sums = match block.large_objects {
            true => block.sums(),
            false => self.block,
        };
        Some(Seal::Data { id: block.id, sums })
    }

    /// The finished index.
    pub(crate) fn index(self) -> Index {
        Index {
            toc_crc32c: self.toc_crc32c,
            blocks: self.blocks,
        }
    }

    fn end_group(&mut self) {
        if let (Some(group), Some(block)) = (self.group.take(), self.blocks.last_mut()) {
            block.segments.push(group);
        }
    }
}
