//! Archives: the bytes of a dump, written and read.
//!
//! This module owns the header, the codec of the table of contents, and the formats behind two traits:
//! [`ArchiveWriter`] for whoever dumps and the reader for whoever lists, verifies or restores. It takes
//! data as [`Segment`]s, encoded elsewhere and appended in order, and gives data back as plain bytes. It
//! knows nothing of catalogs or SQL, and never assumes that an archive is a local file.

mod backend;
mod cluster;
mod codec;
mod contents;
mod created;
mod custom;
mod directory;
mod entry;
mod folder;
mod header;
mod index;
mod input;
mod ledger;
pub mod plain;
mod read;
mod replay;
mod rows;
mod segment;
mod sink;
mod sizes;
mod source;
mod spool;
mod stream;
mod tar;
mod turns;

use std::future::Future;
use std::sync::Arc;

use crate::error::Result;
use crate::toc::{DumpId, Entry};

pub use crate::compress::Framing;
pub use cluster::{CLUSTER_FILE, ClusterDatabase, ClusterList, GLOBALS_FILE, cluster_file_name};
pub use created::CreatedAt;
pub use custom::CustomWriter;
pub use directory::DirectoryWriter;
pub use folder::{Folder, FolderSource, LocalFolder, LocalFolderSource, MemoryFolder};
pub use header::{ArchiveVersion, Header};
pub use index::{BlockRecord, Index, SegmentRecord, Sums};
pub use plain::PlainWriter;
pub use read::Archive;
pub use replay::ReplayedSource;
pub use rows::CopyRows;
pub use segment::{Segment, SegmentEncoder, encode_segment};
pub(crate) use sink::file_or_stdout;
pub use sink::{AsyncWriteSink, FileSink, Sink, StdoutSink, VecSink};
pub use source::{BytesSource, FileSource, SeekSource, Source, StreamSource};
pub use stream::{DataStream, LargeObjects};
pub use tar::{TarOptions, TarWriter};

/// What stands after the last row in the data of a table: COPY's end marker, then the two line ends that
/// set it off in a script. It is part of the data, so whoever dumps appends it and whoever restores takes
/// it off.
pub const COPY_END: &[u8] = b"\\.\n\n\n";

/// The formats of a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// One SQL script.
    Plain,
    /// PostgreSQL's custom format: one file, compressed, entries reachable by offset.
    Custom,
    /// A directory with a file for every table.
    Directory,
    /// The same in a tar file.
    Tar,
}

/// What a writer wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WriteStats {
    /// Bytes of the whole archive.
    pub bytes: u64,
    /// Data before compression.
    pub plain_bytes: u64,
    /// Data as stored.
    pub stored_bytes: u64,
    /// Segments appended.
    pub segments: u64,
    /// Rows appended.
    pub rows: u64,
}

/// Something that is wrong with an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The entry whose data cannot be trusted for it, if it is that of one.
    pub entry: Option<DumpId>,
    /// What is wrong, in a sentence.
    pub text: String,
}

impl From<String> for Problem {
    fn from(text: String) -> Self {
        Problem { entry: None, text }
    }
}

/// Writes one archive: the table of contents first, then the data of each entry that has some, in any
/// order the caller likes (a restore is quickest when it is that of the table of contents).
///
/// Calls must nest: `begin`, then for each entry `begin_data`, `append`…, `end_data` or
/// `begin_large_objects`, (`begin_large_object`, `append`…, `end_large_object`)…, `end_large_objects`, then
/// `finish`. Anything else is an error of the caller's and is reported as one. A writer dropped before
/// `finish` leaves nothing under the archive's name.
pub trait ArchiveWriter: Send {
    /// How lanes must encode the segments they hand over.
    fn framing(&self) -> Framing;

    /// Writes header and table of contents.
    fn begin(&mut self, header: &Header, toc: &[Entry]) -> impl Future<Output = Result<()>> + Send;

    /// As [`begin`](Self::begin), with a table of contents that writers may keep without a copy of their own.
    fn begin_shared(
        &mut self,
        header: &Header,
        toc: &Arc<Vec<Entry>>,
    ) -> impl Future<Output = Result<()>> + Send {
        self.begin(header, toc)
    }

    /// Starts the rows of a table.
    fn begin_data(&mut self, id: DumpId) -> impl Future<Output = Result<()>> + Send;

    /// Appends a segment to the rows or to the large object that has been started.
    fn append(&mut self, segment: Segment) -> impl Future<Output = Result<()>> + Send;

    /// Ends the rows of a table.
    fn end_data(&mut self) -> impl Future<Output = Result<()>> + Send;

    /// Starts a group of large objects.
    fn begin_large_objects(&mut self, id: DumpId) -> impl Future<Output = Result<()>> + Send;

    /// Starts one large object.
    fn begin_large_object(&mut self, oid: u32) -> impl Future<Output = Result<()>> + Send;

    /// Ends one large object.
    fn end_large_object(&mut self) -> impl Future<Output = Result<()>> + Send;

    /// Ends the group.
    fn end_large_objects(&mut self) -> impl Future<Output = Result<()>> + Send;

    /// Completes the archive, syncs it and gives it its name.
    fn finish(self) -> impl Future<Output = Result<WriteStats>> + Send;
}
