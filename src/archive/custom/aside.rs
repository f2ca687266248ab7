//! What a reader of a pipe keeps for later: blocks that it passes by on its way to another one, though they
//! will be wanted as well.
//!
//! They go to a temporary file, in the form in which they stood in the archive, and are read from there with
//! the reader's own means. Only what has been announced is kept, so that a restore in the archive's order
//! needs no room at all.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;

use super::read::{CustomReader, Place};
use super::{BLOCK_DATA, BLOCK_LARGE_OBJECTS};
use crate::archive::backend::Block;
use crate::archive::codec::put_int;
use crate::archive::index::OURS;
use crate::archive::input::Input;
use crate::archive::spool::Spool;
use crate::error::Result;
use crate::toc::DumpId;

/// Blocks kept aside, and those still to be kept.
#[derive(Default)]
pub(super) struct Aside {
    /// Entries that will be read and have not been.
    pub(super) wanted: HashSet<DumpId>,
    spool: Option<Spool>,
    /// Where in the spool a block begins.
    kept: HashMap<DumpId, u64>,
    /// The pipe and the place in it, while a block that was kept is read.
    pub(super) left: Option<(Input, Place)>,
}

impl CustomReader {
    /// Announces which entries' data will be read: what of it is passed by in a pipe is kept.
    pub(crate) fn expect(&mut self, ids: impl Iterator<Item = DumpId>) {
        self.aside.wanted.extend(ids);
    }

    pub(super) fn is_aside(&self) -> bool {
        self.aside.left.is_some()
    }

    /// Goes back to the pipe.
    pub(super) fn leave_aside(&mut self) {
        if let Some((input, place)) = self.aside.left.take() {
            self.input = input;
            self.place = place;
        }
    }

    /// Goes to the start of an entry's block if it was kept.
    pub(super) async fn enter_aside(&mut self, id: DumpId) -> Result<bool> {
        self.aside.wanted.remove(&id);
        let (Some(position), Some(spool)) = (self.aside.kept.remove(&id), &mut self.aside.spool) else {
            return Ok(false);
        };
        let kept = Input::new(spool.source(position).await?);
        let pipe = std::mem::replace(&mut self.input, kept);
        self.aside.left = Some((pipe, self.place));
        self.place = Place::Between;
        Ok(true)
    }

    /// Keeps the block whose start has just been read, and its seal.
    pub(super) async fn put_aside(&mut self, id: DumpId, block: Block) -> Result<()> {
        let mut spool = match self.aside.spool.take() {
            Some(spool) => spool,
            None => Spool::create().await?,
        };
        self.aside.wanted.remove(&id);
        self.aside.kept.insert(id, spool.position());
        let copied = self.copy_block(id, block, &mut spool).await;
        self.aside.spool = Some(spool);
        // A block that breaks off is kept as far as it goes: whoever asks for it is told.
        if self.lost { Ok(()) } else { copied }
    }

    async fn copy_block(&mut self, id: DumpId, block: Block, spool: &mut Spool) -> Result<()> {
        let kind = match block {
            Block::Data => BLOCK_DATA,
            Block::LargeObjects => BLOCK_LARGE_OBJECTS,
        };
        spool.write(&start(kind, id)).await?;
        match block {
            Block::Data => self.copy_chunks(spool).await?,
            Block::LargeObjects => {
                while let Some(oid) = self.next_large_object().await? {
                    spool.write(&int(oid.cast_signed())).await?;
                    self.copy_chunks(spool).await?;
                }
                spool.write(&int(0)).await?;
            }
        }
        if self.sealed
            && let Some(seal) = self.seal().await?
        {
            let seal = seal.encode();
            spool.write(&start(BLOCK_DATA, OURS)).await?;
            copy_chunk(&Bytes::from(seal), spool).await?;
            spool.write(&int(0)).await?;
        }
        Ok(())
    }

    async fn copy_chunks(&mut self, spool: &mut Spool) -> Result<()> {
        while let Some(bytes) = self.stored(usize::MAX).await? {
            copy_chunk(&bytes, spool).await?;
        }
        spool.write(&int(0)).await
    }
}

async fn copy_chunk(bytes: &Bytes, spool: &mut Spool) -> Result<()> {
    // No piece is longer than what is read at once.
    spool
        .write(&int(i32::try_from(bytes.len()).unwrap_or(i32::MAX)))
        .await?;
    spool.write(bytes).await
}

fn start(kind: u8, id: DumpId) -> Vec<u8> {
    let mut out = vec![kind];
    put_int(&mut out, id.0.cast_signed());
    out
}

fn int(value: i32) -> Vec<u8> {
    let mut out = Vec::new();
    put_int(&mut out, value);
    out
}
