//! One reader for all formats: what [`super::Archive`] and its streams ask of whichever it is.

use bytes::{Bytes, BytesMut};

use super::custom::CustomReader;
use super::directory::DirectoryReader;
use super::index::{Index, SegmentRecord, Sums};
use super::tar::TarStream;
use super::{Header, Problem};
use crate::compress::Framing;
use crate::error::{Error, ErrorKind, Result};
use crate::toc::{DumpId, Entry};

/// What an entry's data is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Block {
    /// Rows, or statements.
    Data,
    /// Large objects.
    LargeObjects,
}

/// The reader of an archive's format.
pub(crate) enum Backend {
    Custom(CustomReader),
    /// A directory, or a tar file as a folder of files.
    Directory(DirectoryReader),
    /// A tar file off a pipe.
    TarStream(Box<TarStream>),
}

macro_rules! each {
    ($backend:expr, $reader:ident => $call:expr) => {
        match $backend {
            Backend::Custom($reader) => $call,
            Backend::Directory($reader) => $call,
            Backend::TarStream($reader) => $call,
        }
    };
}

impl Backend {
    /// Another reader of the same archive, if its source can be opened again.
    pub(crate) async fn reopen(&self) -> Result<Option<Backend>> {
        Ok(match self {
            Backend::Custom(reader) => reader.reopen().await?.map(Backend::Custom),
            Backend::Directory(reader) => Some(Backend::Directory(reader.reopen())),
            Backend::TarStream(_) => None,
        })
    }

    /// Whether data can be read in any order.
    pub(crate) fn seekable(&self) -> bool {
        each!(self, reader => reader.seekable())
    }

    /// Bytes read from sources so far.
    pub(crate) fn delivered(&self) -> u64 {
        each!(self, reader => reader.delivered())
    }

    /// Whether everything has a checksum.
    pub(crate) fn sealed(&self) -> bool {
        each!(self, reader => reader.sealed())
    }

    pub(crate) fn index(&self) -> Option<&std::sync::Arc<Index>> {
        each!(self, reader => reader.index())
    }

    /// Where an entry's data is, in the words of verbose scripts.
    pub(crate) fn place_note(&self, id: DumpId) -> Option<String> {
        each!(self, reader => reader.place_note(id))
    }

    /// Goes to an entry's data.
    pub(crate) async fn locate(&mut self, entry: &Entry) -> Result<Block> {
        each!(self, reader => reader.locate(entry).await)
    }

    /// Goes to a segment of an entry's rows.
    pub(crate) async fn locate_segment(&mut self, id: DumpId, segment: &SegmentRecord) -> Result<()> {
        each!(self, reader => reader.locate_segment(id, segment).await)
    }

    /// Goes to a group of an entry's large objects.
    pub(crate) async fn locate_group(&mut self, id: DumpId, group: &SegmentRecord) -> Result<()> {
        each!(self, reader => reader.locate_group(id, group).await)
    }

    /// How the data that has been gone to is framed.
    pub(crate) fn framing(&self) -> Framing {
        each!(self, reader => reader.framing())
    }

    /// The next stored bytes, as many as are at hand but not more than `at_most`; `None` at the end.
    pub(crate) async fn stored(&mut self, at_most: usize) -> Result<Option<Bytes>> {
        each!(self, reader => reader.stored(at_most).await)
    }

    /// Takes small portions of stored bytes that are at hand, up to `room` bytes, to the end of `out`.
    pub(crate) fn stored_at_hand(&mut self, out: &mut BytesMut, room: usize) {
        if let Backend::Custom(reader) = self {
            reader.stored_at_hand(out, room);
        }
    }

    /// Goes to the next large object, passing over what is left of the last one.
    pub(crate) async fn next_large_object(&mut self) -> Result<Option<u32>> {
        each!(self, reader => reader.next_large_object().await)
    }

    /// Checks the data of an entry that has been read to its end, where the archive has checksums. `rows`:
    /// whether rows or objects were counted.
    pub(crate) async fn check(&mut self, id: DumpId, sums: &Sums, rows: bool) -> Result<()> {
        each!(self, reader => reader.check(id, sums, rows).await)
    }

    /// Announces which entries' data will be read.
    pub(crate) fn expect(&mut self, ids: impl Iterator<Item = DumpId>) {
        match self {
            Backend::Custom(reader) => reader.expect(ids),
            Backend::TarStream(reader) => reader.expect(ids),
            Backend::Directory(_) => {}
        }
    }

    /// What is wrong with the archive beside its entries' own data, in a sentence each.
    pub(crate) async fn survey(&mut self, header: &Header, toc: &[Entry]) -> Result<Vec<Problem>> {
        let problems = match self {
            Backend::Custom(reader) => reader.survey(header, toc).await?,
            Backend::Directory(reader) => reader.survey().await?,
            Backend::TarStream(reader) => return reader.survey().await,
        };
        Ok(problems.into_iter().map(Problem::from).collect())
    }

    /// Reads what stands behind the last data if only that can prove the data right, or if its writer waits for a
    /// reader.
    pub(crate) async fn finish(&mut self) -> Result<()> {
        let reader = match self {
            Backend::TarStream(reader) => reader,
            Backend::Custom(reader) => return reader.pass_index().await,
            Backend::Directory(_) => return Ok(()),
        };
        match reader.survey().await?.into_iter().next() {
            Some(problem) => Err(Error::new(ErrorKind::Archive, problem.text)),
            None => Ok(()),
        }
    }

    /// What data that is not what was written says to the user.
    pub(crate) fn mismatch(&self) -> Error {
        each!(self, reader => reader.mismatch())
    }
}
