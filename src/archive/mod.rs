//! Archives: the bytes of a dump, written and read.
//!
//! This module owns the header, the codec of the table of contents, and the formats behind two traits:
//! [`ArchiveWriter`] for whoever dumps and the reader for whoever lists, verifies or restores. It takes
//! data as [`Segment`]s, encoded elsewhere and appended in order, and gives data back as plain bytes. It
//! knows nothing of catalogs or SQL, and never assumes that an archive is a local file.

pub mod segment;

use std::future::Future;

use bstr::BString;

use crate::compress::Compression;
use crate::error::Result;
use crate::toc::{DumpId, Entry};

pub use crate::compress::Framing;
pub use segment::{Segment, SegmentEncoder, encode_segment};

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

/// The version of an archive's layout: major is always 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArchiveVersion {
    /// The minor version, 10 to 16 for what can be read, 14 to 16 for what can be written.
    pub minor: u8,
    /// The revision, 0 in everything known.
    pub revision: u8,
}

impl ArchiveVersion {
    /// Written by releases 12 to 15.
    pub const V1_14: ArchiveVersion = ArchiveVersion {
        minor: 14,
        revision: 0,
    };
    /// Written by release 16.
    pub const V1_15: ArchiveVersion = ArchiveVersion {
        minor: 15,
        revision: 0,
    };
    /// Written by releases 17 and 18.
    pub const V1_16: ArchiveVersion = ArchiveVersion {
        minor: 16,
        revision: 0,
    };
}

/// A point in time as archives hold it: the dumping machine's local time in the fields of C's `struct tm`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CreatedAt {
    /// 0 to 60.
    pub second: i32,
    /// 0 to 59.
    pub minute: i32,
    /// 0 to 23.
    pub hour: i32,
    /// 1 to 31.
    pub day: i32,
    /// 0 to 11.
    pub month: i32,
    /// Years since 1900.
    pub year: i32,
    /// Above 0 in daylight saving time.
    pub is_dst: i32,
}

/// What an archive says about itself before its table of contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Version of the layout.
    pub version: ArchiveVersion,
    /// The format; directory archives say tar in their file, which the reader undoes.
    pub format: Format,
    /// How data is compressed.
    pub compression: Compression,
    /// When it was made.
    pub created_at: CreatedAt,
    /// The database dumped.
    pub database: Option<BString>,
    /// The server's version as it gave it.
    pub server_version: Option<BString>,
    /// The dumping program's version.
    pub dumper_version: Option<BString>,
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
