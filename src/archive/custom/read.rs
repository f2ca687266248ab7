//! Reading custom archives: finding an entry's block by its offset or by walking, and the bytes in it.
//!
//! The reader keeps its place within a block, so that whoever stops reading in the middle hinders nobody:
//! the next search passes over the rest first.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::aside::Aside;
use super::{BLOCK_DATA, BLOCK_LARGE_OBJECTS};
use crate::archive::backend::Block;
use crate::archive::codec::{Cursor, INT_SIZE, Offset};
use crate::archive::index::{Index, OURS, Seal, SegmentRecord};
use crate::archive::input::Input;
use crate::archive::sizes::between;
use crate::compress::Framing;
use crate::error::Result;
use crate::toc::{DumpId, Entry};

/// The blocks of a custom archive.
pub(crate) struct CustomReader {
    pub(super) input: Input,
    framing: Framing,
    /// What the table of contents says of each entry's block.
    pub(super) offsets: Arc<HashMap<DumpId, Offset>>,
    /// Blocks passed while walking.
    pub(super) passed: HashMap<DumpId, u64>,
    /// Entries of which walking has passed more than one block.
    pub(super) repeated: BTreeSet<DumpId>,
    /// Where the first block begins.
    pub(super) first: u64,
    /// Where walking goes on in a seekable archive.
    frontier: u64,
    pub(super) place: Place,
    /// Whether the archive is of ours: every block is followed by its seal.
    pub(super) sealed: bool,
    pub(super) index: Option<Arc<Index>>,
    /// What a pipe's reader keeps for later.
    pub(super) aside: Box<Aside>,
    /// In a pipe nothing is found any more behind framing that is broken.
    pub(super) lost: bool,
}

/// Where in a block the input stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// At the start of a block, or of nothing known.
    Between,
    /// In a run of chunks, with so many bytes left in the chunk that has begun.
    Chunks { left: u64, of_large_object: bool },
    /// In a block of large objects, before the next one.
    LargeObjects,
}

impl CustomReader {
    /// A reader whose input stands behind the table of contents, which has this CRC-32C.
    ///
    /// # Errors
    /// `ErrorKind::Archive` if the table of contents is sealed with another.
    pub(crate) async fn new(
        input: Input,
        framing: Framing,
        offsets: Arc<HashMap<DumpId, Offset>>,
        toc: &[Entry],
        toc_crc32c: u32,
    ) -> Result<Self> {
        let frontier = input.position();
        let mut reader = CustomReader {
            input,
            framing,
            offsets,
            passed: HashMap::new(),
            repeated: BTreeSet::new(),
            first: frontier,
            frontier,
            place: Place::Between,
            sealed: false,
            index: None,
            aside: Box::default(),
            lost: false,
        };
        match reader.seal().await? {
            Some(Seal::Toc { crc32c }) if crc32c == toc_crc32c => {
                reader.sealed = true;
                reader.first = reader.input.position();
                reader.frontier = reader.first;
                reader.index = reader
                    .read_index()
                    .await?
                    .filter(|i| i.toc_crc32c == toc_crc32c)
                    .map(Arc::new);
            }
            Some(_) => {
                return Err(reader
                    .input
                    .corrupt("the table of contents does not match its checksum"));
            }
            None => reader.check_stock(toc).await?,
        }
        Ok(reader)
    }

    /// Checks that what stands behind a table of contents without a seal can stand there: nothing, or a block
    /// of one of its entries. Otherwise it was read wrong, and more or fewer entries than it has.
    async fn check_stock(&mut self, toc: &[Entry]) -> Result<()> {
        let known = match self.peek_block().await? {
            (None, _) => true,
            (Some(BLOCK_DATA | BLOCK_LARGE_OBJECTS), Some(id)) => {
                self.offsets.contains_key(&DumpId(id.cast_unsigned()))
            }
            _ => self.toc_stands_again(toc).await?,
        };
        if known {
            Ok(())
        } else {
            Err(self
                .input
                .corrupt("the table of contents does not end where data begins -- perhaps a corrupt TOC"))
        }
    }

    /// Whether the table of contents begins here once more: pg_dump 16 to 18 write it behind everything when the
    /// shell has opened the file for them.
    pub(super) async fn toc_stands_again(&mut self, toc: &[Entry]) -> Result<bool> {
        let widths = self.input.widths();
        let bytes = self.input.peek(2 * (1 + usize::from(widths.int))).await?;
        let mut again = Cursor::new(bytes, widths);
        Ok(toc.first().is_some_and(|first| {
            again
                .int()
                .is_ok_and(|count| usize::try_from(count) == Ok(toc.len()))
                && again.int().is_ok_and(|id| id.cast_unsigned() == first.dump_id.0)
        }))
    }

    /// Whether this is an archive of ours, where everything has a checksum.
    pub(crate) fn sealed(&self) -> bool {
        self.sealed
    }

    pub(crate) fn index(&self) -> Option<&Arc<Index>> {
        self.index.as_ref()
    }

    /// Another reader of the same archive, if its source can be opened again.
    pub(crate) async fn reopen(&self) -> Result<Option<CustomReader>> {
        let Some(input) = self.input.reopen().await? else {
            return Ok(None);
        };
        Ok(Some(CustomReader {
            input,
            framing: self.framing,
            offsets: Arc::clone(&self.offsets),
            passed: self.passed.clone(),
            repeated: self.repeated.clone(),
            first: self.first,
            frontier: self.frontier,
            place: Place::Between,
            sealed: self.sealed,
            index: self.index.clone(),
            aside: Box::default(),
            lost: false,
        }))
    }

    pub(crate) fn place_note(&self, id: DumpId) -> Option<String> {
        let position = match self.offsets.get(&id) {
            Some(Offset::At(position)) => *position,
            _ => 0,
        };
        Some(format!("Data Pos: {position}"))
    }

    /// The lengths of the blocks whose places are known.
    pub(crate) fn block_sizes(&self) -> HashMap<DumpId, u64> {
        let starts = self.offsets.iter().filter_map(|(id, offset)| match offset {
            Offset::At(start) => Some((*start, *id)),
            Offset::NotSet | Offset::NoData => None,
        });
        between(starts.collect(), self.input.size().unwrap_or_default())
    }

    pub(crate) fn framing(&self) -> Framing {
        self.framing
    }

    pub(crate) fn seekable(&self) -> bool {
        !self.is_aside() && self.input.seekable()
    }

    /// Bytes read from the source so far.
    pub(crate) fn delivered(&self) -> u64 {
        self.aside
            .left
            .as_ref()
            .map_or(self.input.delivered(), |(input, _)| input.delivered())
    }

    /// Goes to the content of an entry's block.
    pub(crate) async fn locate(&mut self, entry: &Entry) -> Result<Block> {
        let id = entry.dump_id;
        self.leave_aside();
        if self.input.seekable() {
            self.place = Place::Between;
            // Offsets in the table of contents are the only thing in an archive of ours without a checksum.
            let indexed = self
                .index
                .as_ref()
                .and_then(|index| index.block(id).map(|block| block.place.start));
            let known = match (indexed, self.offsets.get(&id).copied()) {
                (Some(position), _) | (None, Some(Offset::At(position))) => Some(position),
                _ => self.passed.get(&id).copied(),
            };
            if let Some(position) = known {
                self.input.seek(position).await?;
                return self.expect_block(id).await;
            }
            self.input.seek(self.frontier).await?;
        } else if self.enter_aside(id).await? {
            return self.expect_block(id).await;
        } else if !self.lost {
            self.finish_block().await?;
        }
        self.walk_to(id).await
    }

    /// Reads the start of a block that must be this entry's.
    async fn expect_block(&mut self, id: DumpId) -> Result<Block> {
        let (block, found) = self.block_start().await?;
        if found == i64::from(id.0) {
            return Ok(block);
        }
        Err(self.input.corrupt(&format!(
            "found unexpected block ID ({found}) when reading data -- expected {id}"
        )))
    }

    async fn walk_to(&mut self, id: DumpId) -> Result<Block> {
        loop {
            let position = self.input.position();
            self.frontier = position;
            if self.lost {
                return Err(self.input.corrupt(
                    "the data stands behind damage that cannot be passed in a non-seekable input file",
                ));
            }
            if self.input.at_end().await? {
                return Err(self.input.corrupt(&if self.passed.contains_key(&id) {
                    format!(
                        "could not find block ID {id} in archive -- possibly due to out-of-order restore \
                         request, which cannot be handled due to non-seekable input file"
                    )
                } else {
                    format!("could not find block ID {id} in archive -- possibly corrupt archive")
                }));
            }
            let (block, found) = self.block_start().await?;
            self.note_passed(found, position);
            if found == i64::from(id.0) {
                return Ok(block);
            }
            match u32::try_from(found).map(DumpId) {
                Ok(found) if self.aside.wanted.contains(&found) && !self.input.seekable() => {
                    self.put_aside(found, block).await?;
                }
                _ => self.finish_block().await?,
            }
        }
    }

    /// Notes where walking has seen a block.
    pub(super) fn note_passed(&mut self, found: i64, position: u64) {
        let Ok(id) = u32::try_from(found).map(DumpId) else {
            return;
        };
        if *self.passed.entry(id).or_insert(position) != position && id != OURS {
            self.repeated.insert(id);
        }
    }

    /// What the start of a block says if one stands here: its kind and the number of its entry, as far as there are bytes.
    pub(super) async fn peek_block(&mut self) -> Result<(Option<u8>, Option<i32>)> {
        let widths = self.input.widths();
        let bytes = self.input.peek(1 + 1 + usize::from(widths.int)).await?;
        let mut block = Cursor::new(bytes, widths);
        Ok((block.byte().ok(), block.int().ok()))
    }

    /// Reads the start of a block: what it holds, and the number of its entry.
    pub(super) async fn block_start(&mut self) -> Result<(Block, i64)> {
        let start = self.read_block_start().await;
        self.lost |= start.is_err();
        start
    }

    async fn read_block_start(&mut self) -> Result<(Block, i64)> {
        let (kind, id) = self
            .input
            .item(|cursor| Ok((cursor.byte()?, cursor.int()?)))
            .await?;
        let block = match kind {
            BLOCK_DATA => {
                self.place = Place::Chunks {
                    left: 0,
                    of_large_object: false,
                };
                Block::Data
            }
            BLOCK_LARGE_OBJECTS => {
                self.place = Place::LargeObjects;
                Block::LargeObjects
            }
            other => {
                return Err(self.input.corrupt(&format!(
                    "unrecognized data block type ({other}) while searching archive"
                )));
            }
        };
        Ok((block, i64::from(id)))
    }

    /// Passes over whatever is left of the block.
    pub(super) async fn finish_block(&mut self) -> Result<()> {
        loop {
            match self.place {
                Place::Between => return Ok(()),
                Place::Chunks { .. } => self.skip_chunks().await?,
                Place::LargeObjects => {
                    self.next_large_object().await?;
                }
            }
        }
    }

    async fn skip_chunks(&mut self) -> Result<()> {
        while let Place::Chunks {
            left,
            of_large_object,
        } = self.place
        {
            let skipped = self.input.skip(left).await;
            self.lost |= skipped.is_err();
            skipped?;
            self.place = Place::Chunks {
                left: 0,
                of_large_object,
            };
            self.chunk_start().await?;
        }
        Ok(())
    }

    /// Reads the length of the next chunk, or the end of the run.
    async fn chunk_start(&mut self) -> Result<()> {
        let start = self.read_chunk_start().await;
        self.lost |= start.is_err();
        start
    }

    async fn read_chunk_start(&mut self) -> Result<()> {
        let Place::Chunks {
            left: 0,
            of_large_object,
        } = self.place
        else {
            return Ok(());
        };
        let length = self.input.int().await?;
        self.place = match u64::try_from(length) {
            Ok(0) if of_large_object => Place::LargeObjects,
            Ok(0) => Place::Between,
            Ok(left) => Place::Chunks {
                left,
                of_large_object,
            },
            Err(_) => {
                return Err(self
                    .input
                    .corrupt(&format!("a chunk of data claims to be {length} bytes long")));
            }
        };
        Ok(())
    }

    /// The next stored bytes of the run of chunks, as many as are at hand but not more than `at_most`; `None`
    /// at its end.
    pub(crate) async fn stored(&mut self, at_most: usize) -> Result<Option<Bytes>> {
        self.chunk_start().await?;
        let Place::Chunks {
            left,
            of_large_object,
        } = self.place
        else {
            return Ok(None);
        };
        let bytes = self.input.bytes(left.min(at_most as u64)).await;
        self.lost |= bytes.is_err();
        let bytes = bytes?;
        self.place = Place::Chunks {
            left: left - bytes.len() as u64,
            of_large_object,
        };
        Ok(Some(bytes))
    }

    /// Takes whole chunks that are at hand, up to `room` bytes of them, to the end of `out`. This is for
    /// archives of stock tools, which make a chunk of each row where nothing is compressed.
    pub(crate) fn stored_at_hand(&mut self, out: &mut BytesMut, room: usize) {
        if self.input.widths().int != INT_SIZE || !matches!(self.place, Place::Chunks { left: 0, .. }) {
            return;
        }
        let full = out.len() + room;
        let mut rest = self.input.at_hand();
        let whole = rest.len();
        while let Some(([0, length @ ..], after)) = rest.split_first_chunk::<5>() {
            let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
            // The end of the run and whatever does not fit take the long way.
            match after.split_at_checked(length) {
                Some((chunk, next)) if length > 0 && length <= full - out.len() => {
                    out.extend_from_slice(chunk);
                    rest = next;
                }
                _ => break,
            }
        }
        let taken = whole - rest.len();
        self.input.pass(taken);
    }

    /// Goes to the next large object of the block, passing over what is left of the last one.
    pub(crate) async fn next_large_object(&mut self) -> Result<Option<u32>> {
        self.skip_chunks().await?;
        if self.place != Place::LargeObjects {
            return Ok(None);
        }
        let oid = self.input.int().await;
        self.lost |= oid.is_err();
        match oid?.cast_unsigned() {
            0 => {
                self.place = Place::Between;
                Ok(None)
            }
            oid => {
                self.place = Place::Chunks {
                    left: 0,
                    of_large_object: true,
                };
                Ok(Some(oid))
            }
        }
    }

    /// Goes to a segment of rows.
    pub(crate) async fn locate_segment(&mut self, _: DumpId, segment: &SegmentRecord) -> Result<()> {
        self.input.seek(segment.offset).await?;
        self.place = Place::Chunks {
            left: 0,
            of_large_object: false,
        };
        Ok(())
    }

    /// Goes to a group of large objects.
    pub(crate) async fn locate_group(&mut self, _: DumpId, group: &SegmentRecord) -> Result<()> {
        self.input.seek(group.offset).await?;
        self.place = Place::LargeObjects;
        Ok(())
    }
}
