//! What a reader of a tar archive off a pipe keeps for later: members that it passes by on their way to another one,
//! though they will be wanted as well.
//!
//! Their contents go to a temporary file. Only what has been announced is kept, so that a restore in the archive's
//! order needs no room at all.

use std::collections::{HashMap, HashSet, VecDeque};

use bytes::Bytes;

use crate::archive::source::Source;
use crate::archive::spool::Spool;
use crate::error::{Error, Result};
use crate::toc::DumpId;

/// Members kept aside, and those still to be kept.
#[derive(Default)]
pub(super) struct Aside {
    /// Entries that will be read and have not been.
    wanted: HashSet<DumpId>,
    spool: Option<Spool>,
    kept: HashMap<DumpId, VecDeque<Part>>,
    /// What is read of it now.
    open: Option<Kept>,
}

/// A member in the spool.
struct Part {
    /// Of a large object, its number.
    oid: Option<u32>,
    position: u64,
    length: u64,
}

/// An entry's members while they are read.
struct Kept {
    parts: VecDeque<Part>,
    source: Option<Box<dyn Source>>,
    left: u64,
}

impl Aside {
    pub(super) fn expect(&mut self, ids: impl Iterator<Item = DumpId>) {
        self.wanted.extend(ids);
    }

    /// Whether an entry's data is to be kept when it is passed.
    pub(super) fn wants(&self, id: DumpId) -> bool {
        self.wanted.contains(&id)
    }

    /// Begins to keep a member of an entry, so many bytes of which follow.
    pub(super) async fn begin(&mut self, id: DumpId, oid: Option<u32>, length: u64) -> Result<()> {
        let position = match &self.spool {
            Some(spool) => spool.position(),
            None => self.spool.insert(Spool::create().await?).position(),
        };
        self.kept.entry(id).or_default().push_back(Part {
            oid,
            position,
            length,
        });
        Ok(())
    }

    /// Keeps bytes of the member that was begun last.
    pub(super) async fn keep(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.spool {
            Some(spool) => spool.write(bytes).await,
            None => Ok(()),
        }
    }

    /// The large objects kept of an entry, all of which have been passed now.
    pub(super) fn objects(&mut self, id: DumpId) -> Vec<u32> {
        let parts = self.kept.entry(id).or_default();
        parts.iter().filter_map(|part| part.oid).collect()
    }

    /// Goes to what was kept of an entry, which is not asked for again; says whether there is anything.
    pub(super) async fn enter(&mut self, id: DumpId) -> Result<bool> {
        self.wanted.remove(&id);
        self.open = self.kept.remove(&id).map(|parts| Kept {
            parts,
            source: None,
            left: 0,
        });
        let is_rows = |kept: &Kept| kept.parts.front().is_some_and(|part| part.oid.is_none());
        if self.open.as_ref().is_some_and(is_rows) {
            self.next_part().await?;
        }
        Ok(self.open.is_some())
    }

    pub(super) fn leave(&mut self) {
        self.open = None;
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Goes to the next member; its number if it is a large object.
    pub(super) async fn next_part(&mut self) -> Result<Option<u32>> {
        let (Some(kept), Some(spool)) = (&mut self.open, &mut self.spool) else {
            return Ok(None);
        };
        let Some(part) = kept.parts.pop_front() else {
            return Ok(None);
        };
        kept.source = Some(spool.source(part.position).await?);
        kept.left = part.length;
        Ok(part.oid)
    }

    /// The next bytes of the member.
    pub(super) async fn stored(&mut self, at_most: usize) -> Result<Option<Bytes>> {
        let Some(kept) = &mut self.open else {
            return Ok(None);
        };
        let Some(source) = kept.source.as_mut().filter(|_| kept.left > 0) else {
            return Ok(None);
        };
        let length = usize::try_from(kept.left).unwrap_or(usize::MAX).min(at_most);
        let failed = |e| Error::io("could not read a temporary file", e);
        let bytes = source.read(length.min(PIECE)).await.map_err(failed)?;
        if bytes.is_empty() {
            return Err(failed(std::io::ErrorKind::UnexpectedEof.into()));
        }
        kept.left -= bytes.len() as u64;
        Ok(Some(bytes))
    }
}

/// Bytes read at once.
const PIECE: usize = 256 * 1024;
