//! Reading archives of any format: [`Archive`], which gives out streams of plain bytes (see [`super::stream`]).
//!
//! What is no archive is told apart here, in the words that users and scripts know from pg_restore. Which
//! bytes belong to which entry is the formats' business (see [`super::custom`]).

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::backend::{Backend, Block};
use super::contents::Contents;
use super::custom::{self, CustomReader};
use super::directory::DirectoryReader;
use super::folder::{FolderSource, LocalFolderSource};
use super::header::MAGIC;
use super::index::{Index, SegmentRecord};
use super::input::Input;
use super::source::{FileSource, Source};
use super::stream::{DataStream, Decoding, LargeObjects};
use super::tar::{TarFolder, TarStream, is_tar_header};
use super::{Format, Header, Problem};
use crate::error::{Error, ErrorKind, Result};
use crate::toc::{DumpId, Entry};

/// An archive that has been opened: header, table of contents, and the way to the data.
pub struct Archive {
    header: Arc<Header>,
    toc: Arc<[Entry]>,
    places: Arc<HashMap<DumpId, usize>>,
    pub(super) reader: Backend,
}

impl Archive {
    /// Opens an archive by its path: a file, or a directory.
    ///
    /// # Errors
    /// `ErrorKind::Io` if it cannot be read, else as [`Archive::open`].
    pub async fn open_path(path: impl AsRef<Path>) -> Result<Archive> {
        let path = path.as_ref();
        if tokio::fs::metadata(path)
            .await
            .is_ok_and(|metadata| metadata.is_dir())
        {
            return Archive::open_folder(Arc::new(LocalFolderSource::new(path))).await;
        }
        Archive::open(FileSource::open(path).await?).await
    }

    /// Opens an archive that is one file or stream.
    ///
    /// # Errors
    /// `ErrorKind::Archive` if it is no archive, of an unknown version, cut off or damaged.
    pub async fn open(source: Box<dyn Source>) -> Result<Archive> {
        let mut input = Input::new(source);
        if recognize(input.peek(TAR_BLOCK).await?)? == Format::Tar {
            return Archive::open_tar(input).await;
        }
        let mut contents = Contents::read(&mut input, true, |cursor| cursor.offset()).await?;
        if contents.header.format != Format::Custom {
            return Err(Error::new(
                ErrorKind::Archive,
                "expected format (1) differs from format found in file (3)",
            ));
        }
        let offsets = Arc::new(std::mem::take(&mut contents.own));
        let framing = custom::framing(contents.header.compression.algorithm);
        let reader = CustomReader::new(input, framing, offsets, &contents.toc, contents.crc32c).await?;
        Archive::new(contents, Backend::Custom(reader))
    }

    /// Opens an archive that is a folder of files.
    ///
    /// # Errors
    /// As [`Archive::open`].
    pub async fn open_folder(folder: Arc<dyn FolderSource>) -> Result<Archive> {
        let (contents, reader) = DirectoryReader::open(folder, Format::Directory).await?;
        Archive::new(contents, Backend::Directory(reader))
    }

    async fn open_tar(input: Input) -> Result<Archive> {
        if input.seekable() {
            let folder = Arc::new(TarFolder::new(input.into_source()).await?);
            let (contents, reader) = DirectoryReader::open(folder, Format::Tar).await?;
            return Archive::new(contents, Backend::Directory(reader));
        }
        let (contents, reader) = TarStream::open(input).await?;
        Archive::new(contents, Backend::TarStream(Box::new(reader)))
    }

    fn new<T>(contents: Contents<T>, reader: Backend) -> Result<Archive> {
        let mut places = HashMap::new();
        for (place, entry) in contents.toc.iter().enumerate() {
            if places.insert(entry.dump_id, place).is_some() {
                return Err(Error::new(
                    ErrorKind::Archive,
                    format!("entry ID {} stands twice in the TOC", entry.dump_id),
                ));
            }
        }
        Ok(Archive {
            header: Arc::new(contents.header),
            toc: contents.toc.into(),
            places: Arc::new(places),
            reader,
        })
    }

    /// What the archive says about itself.
    pub fn header(&self) -> &Arc<Header> {
        &self.header
    }

    /// The table of contents, in the archive's order.
    pub fn toc(&self) -> &Arc<[Entry]> {
        &self.toc
    }

    /// The entry with this number.
    pub fn entry(&self, id: DumpId) -> Option<&Entry> {
        self.places.get(&id).and_then(|place| self.toc.get(*place))
    }

    /// The line that verbose scripts show with an entry: where its data is.
    pub fn place_note(&self, id: DumpId) -> Option<String> {
        self.reader.place_note(id)
    }

    /// Whether data can be read in any order; if not, only in that of the archive.
    pub fn seekable(&self) -> bool {
        self.reader.seekable()
    }

    /// Bytes read from the source so far.
    pub fn bytes_read(&self) -> u64 {
        self.reader.delivered()
    }

    /// The same archive once more, with a position of its own, for a lane that reads in parallel; `None` if
    /// the source can be read only once.
    ///
    /// # Errors
    /// `ErrorKind::Io` if it cannot be opened again or has changed.
    pub async fn reopen(&self) -> Result<Option<Archive>> {
        Ok(self.reader.reopen().await?.map(|reader| Archive {
            header: Arc::clone(&self.header),
            toc: Arc::clone(&self.toc),
            places: Arc::clone(&self.places),
            reader,
        }))
    }

    /// Whether every part of the archive has a checksum, which is the case for those that this crate wrote.
    pub fn has_checksums(&self) -> bool {
        self.reader.sealed()
    }

    /// The index of segments at the end: in archives that this crate wrote, from sources that can seek,
    /// unless it is cut off or damaged.
    pub fn index(&self) -> Option<&Arc<Index>> {
        self.reader.index()
    }

    /// Announces which entries' data will be read. From a source that cannot seek, each can then be read once in
    /// any order: what is passed by on the way to another is kept in a temporary file.
    pub fn expect(&mut self, ids: impl IntoIterator<Item = DumpId>) {
        self.reader.expect(ids.into_iter());
    }

    /// To be called when all data has been read that is wanted, and before it is committed: a tar file off a pipe
    /// has its checksums at the end, and what they prove is only known then. Of other archives off a pipe it takes the
    /// index at their end, for which the writer may be waiting.
    ///
    /// # Errors
    /// `ErrorKind::Archive` if anything that was read is damaged.
    pub async fn finish(&mut self) -> Result<()> {
        self.reader.finish().await
    }

    /// Looks at everything but the entries' own data: whether there are blocks that belong to no entry or twice
    /// to the same, whether places and index say what is, whether anything stands behind the end. From a source that cannot seek, no data can be read afterwards.
    ///
    /// # Errors
    /// `ErrorKind::Io` if the source fails.
    pub async fn survey(&mut self) -> Result<Vec<Problem>> {
        let (header, toc) = (Arc::clone(&self.header), Arc::clone(&self.toc));
        self.reader.survey(&header, &toc).await
    }

    /// The data of an entry that is not large objects: for a table, rows in COPY format and the terminator
    /// [`COPY_END`](super::COPY_END), or INSERT statements.
    ///
    /// # Errors
    /// `ErrorKind::Archive` if it is not there, or has been passed by in a source that cannot seek.
    pub async fn open_data(&mut self, id: DumpId) -> Result<DataStream<'_>> {
        let what = self.describe(id);
        if self.locate(id, &what).await? != Block::Data {
            return Err(Error::new(
                ErrorKind::Archive,
                format!("{what}: found large objects instead of rows"),
            ));
        }
        let decoding = Decoding::new(self.reader.framing())?;
        Ok(DataStream::new(&mut self.reader, id, decoding, what))
    }

    /// Some segments of an entry's rows, by their places in [`index`](Archive::index); only the last
    /// segment has the terminator.
    ///
    /// # Errors
    /// `ErrorKind::Usage` if the index has no such segments, else as [`Archive::open_data`].
    pub async fn open_segments(&mut self, id: DumpId, which: Range<usize>) -> Result<DataStream<'_>> {
        let what = self.describe(id);
        let segments = self.indexed(id, false, which)?;
        if let Some(first) = segments.first() {
            self.reader
                .locate_segment(id, first)
                .await
                .map_err(|e| e.context(&what))?;
        }
        let decoding = Decoding::within(self.reader.framing(), &segments)?;
        Ok(DataStream::new(&mut self.reader, id, decoding, what))
    }

    /// The large objects of an entry.
    ///
    /// # Errors
    /// As [`Archive::open_data`].
    pub async fn open_large_objects(&mut self, id: DumpId) -> Result<LargeObjects<'_>> {
        let what = self.describe(id);
        if self.locate(id, &what).await? != Block::LargeObjects {
            return Err(Error::new(
                ErrorKind::Archive,
                format!("{what}: found rows instead of large objects"),
            ));
        }
        Ok(LargeObjects::new(&mut self.reader, id, what))
    }

    /// One group of an entry's large objects, by its place in [`index`](Archive::index).
    ///
    /// # Errors
    /// As [`Archive::open_segments`].
    pub async fn open_large_object_group(&mut self, id: DumpId, which: usize) -> Result<LargeObjects<'_>> {
        let what = self.describe(id);
        let Some(group) = self
            .indexed(id, true, which..which.saturating_add(1))?
            .first()
            .copied()
        else {
            return Err(Error::new(
                ErrorKind::Usage,
                format!("{what}: there is no such group"),
            ));
        };
        self.reader
            .locate_group(id, &group)
            .await
            .map_err(|e| e.context(&what))?;
        Ok(LargeObjects::group(&mut self.reader, id, what, group))
    }

    async fn locate(&mut self, id: DumpId, what: &str) -> Result<Block> {
        let entry = self.places.get(&id).and_then(|place| self.toc.get(*place));
        let Some(entry) = entry else {
            return Err(Error::new(
                ErrorKind::Usage,
                format!("{what}: there is no such entry"),
            ));
        };
        self.reader.locate(entry).await.map_err(|e| e.context(what))
    }

    fn indexed(&self, id: DumpId, large_objects: bool, which: Range<usize>) -> Result<Vec<SegmentRecord>> {
        self.index()
            .and_then(|index| index.block(id))
            .filter(|block| block.large_objects == large_objects)
            .and_then(|block| block.segments.get(which))
            .map(<[SegmentRecord]>::to_vec)
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::Usage,
                    format!("{}: there are no such segments", self.describe(id)),
                )
            })
    }

    fn describe(&self, id: DumpId) -> String {
        match self.entry(id) {
            Some(entry) => {
                let schema = entry.schema().map(|s| format!("{s}.")).unwrap_or_default();
                format!("reading entry {id} {} {schema}{}", entry.desc, entry.tag)
            }
            None => format!("reading entry {id}"),
        }
    }
}

/// Length of a tar header, and of what stock tools look at to recognise one.
const TAR_BLOCK: usize = 512;

/// Tells custom and tar archives apart, and refuses what is neither in pg_restore's words.
fn recognize(head: &[u8]) -> Result<Format> {
    let refuse = |kind, why: String| Err(Error::new(kind, why));
    if head.starts_with(MAGIC) {
        return Ok(Format::Custom);
    }
    if head.len() < MAGIC.len() {
        return refuse(
            ErrorKind::Archive,
            format!(
                "input file is too short (read {}, expected {})",
                head.len(),
                MAGIC.len()
            ),
        );
    }
    let script = ["database", "database cluster"]
        .iter()
        .any(|what| head.starts_with(format!("--\n-- PostgreSQL {what} dump\n--\n\n").as_bytes()));
    if script {
        return refuse(
            ErrorKind::Unsupported,
            "input file appears to be a text format dump. Please use psql.".into(),
        );
    }
    if head.len() < TAR_BLOCK {
        return refuse(
            ErrorKind::Archive,
            "input file does not appear to be a valid archive (too short?)".into(),
        );
    }
    if is_tar_header(head) {
        return Ok(Format::Tar);
    }
    refuse(
        ErrorKind::Archive,
        "input file does not appear to be a valid archive".into(),
    )
}
