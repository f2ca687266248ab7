//! Reading custom archives: finding an entry's block by its offset or by walking, and the bytes in it.
//!
//! The reader keeps its place within a block, so that whoever stops reading in the middle hinders nobody:
//! the next search passes over the rest first.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::{BLOCK_DATA, BLOCK_LARGE_OBJECTS};
use crate::archive::codec::Offset;
use crate::archive::input::Input;
use crate::error::Result;
use crate::toc::DumpId;

/// The blocks of a custom archive.
pub(crate) struct CustomReader {
    input: Input,
    /// What the table of contents says of each entry's block.
    offsets: Arc<HashMap<DumpId, Offset>>,
    /// Blocks passed while walking.
    passed: HashMap<DumpId, u64>,
    /// Where walking goes on in a seekable archive.
    frontier: u64,
    place: Place,
}

/// Where in a block the input stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At the start of a block, or of nothing known.
    Between,
    /// In a run of chunks, with so many bytes left in the chunk that has begun.
    Chunks { left: u64, of_large_object: bool },
    /// In a block of large objects, before the next one.
    LargeObjects,
}

/// The kinds of block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Block {
    Data,
    LargeObjects,
}

impl CustomReader {
    /// A reader whose input stands behind the table of contents.
    pub(crate) fn new(input: Input, offsets: Arc<HashMap<DumpId, Offset>>) -> Self {
        let frontier = input.position();
        CustomReader {
            input,
            offsets,
            passed: HashMap::new(),
            frontier,
            place: Place::Between,
        }
    }

    /// Another reader of the same archive, if its source can be opened again.
    pub(crate) async fn reopen(&self) -> Result<Option<CustomReader>> {
        let Some(input) = self.input.reopen().await? else {
            return Ok(None);
        };
        Ok(Some(CustomReader {
            input,
            offsets: Arc::clone(&self.offsets),
            passed: self.passed.clone(),
            frontier: self.frontier,
            place: Place::Between,
        }))
    }

    /// Where the table of contents says that an entry's data is.
    pub(crate) fn position_of(&self, id: DumpId) -> Option<u64> {
        match self.offsets.get(&id) {
            Some(Offset::At(position)) => Some(*position),
            _ => None,
        }
    }

    pub(crate) fn seekable(&self) -> bool {
        self.input.seekable()
    }

    /// Bytes read from the source so far.
    pub(crate) fn delivered(&self) -> u64 {
        self.input.delivered()
    }

    /// Goes to the content of an entry's block.
    pub(crate) async fn locate(&mut self, id: DumpId) -> Result<Block> {
        if self.input.seekable() {
            self.place = Place::Between;
            let known = match self.offsets.get(&id) {
                Some(Offset::At(position)) => Some(*position),
                _ => self.passed.get(&id).copied(),
            };
            if let Some(position) = known {
                self.input.seek(position).await?;
                let (block, found) = self.block_start().await?;
                if found != i64::from(id.0) {
                    return Err(self.input.corrupt(&format!(
                        "found unexpected block ID ({found}) when reading data -- expected {id}"
                    )));
                }
                return Ok(block);
            }
            self.input.seek(self.frontier).await?;
        } else {
            self.finish_block().await?;
        }
        self.walk_to(id).await
    }

    async fn walk_to(&mut self, id: DumpId) -> Result<Block> {
        loop {
            let position = self.input.position();
            self.frontier = position;
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
            if let Ok(found) = u32::try_from(found) {
                self.passed.insert(DumpId(found), position);
            }
            if found == i64::from(id.0) {
                return Ok(block);
            }
            self.finish_block().await?;
        }
    }

    async fn block_start(&mut self) -> Result<(Block, i64)> {
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
    async fn finish_block(&mut self) -> Result<()> {
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
            self.input.skip(left).await?;
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

    /// The next stored bytes of the run of chunks, as many as are at hand; `None` at its end.
    pub(crate) async fn stored(&mut self) -> Result<Option<Bytes>> {
        self.stored_within(usize::MAX).await
    }

    /// The same, but at most so many.
    pub(crate) async fn stored_within(&mut self, at_most: usize) -> Result<Option<Bytes>> {
        self.chunk_start().await?;
        let Place::Chunks {
            left,
            of_large_object,
        } = self.place
        else {
            return Ok(None);
        };
        let bytes = self.input.bytes(left.min(at_most as u64)).await?;
        self.place = Place::Chunks {
            left: left - bytes.len() as u64,
            of_large_object,
        };
        Ok(Some(bytes))
    }

    /// Goes to the next large object of the block, passing over what is left of the last one.
    pub(crate) async fn next_large_object(&mut self) -> Result<Option<u32>> {
        self.skip_chunks().await?;
        if self.place != Place::LargeObjects {
            return Ok(None);
        }
        match self.input.int().await?.cast_unsigned() {
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
}
