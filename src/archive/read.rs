//! Reading archives of any format: [`Archive`], and the streams of plain bytes it gives out.
//!
//! What is no archive is told apart here, in the words that users and scripts know from pg_restore. Which
//! bytes belong to which entry is the formats' business (see [`super::custom`]).

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::custom::{self, Block, CustomReader};
use super::header::MAGIC;
use super::input::Input;
use super::rows::CopyRows;
use super::source::{FileSource, Source};
use super::{Format, Header, entry};
use crate::compress::{Framing, StreamDecoder};
use crate::error::{Error, ErrorKind, Result};
use crate::toc::{DumpId, Entry};

/// Plain bytes are given out in pieces of up to this.
const PIECE: usize = 128 * 1024;
/// Uncompressed chunks smaller than this (stock tools make one for each row) are joined.
const SMALL: usize = 16 * 1024;

/// An archive that has been opened: header, table of contents, and the way to the data.
pub struct Archive {
    header: Arc<Header>,
    toc: Arc<[Entry]>,
    places: Arc<HashMap<DumpId, usize>>,
    reader: CustomReader,
}

impl Archive {
    /// Opens an archive file.
    ///
    /// # Errors
    /// `ErrorKind::Io` if it cannot be read, else as [`Archive::open`].
    pub async fn open_file(path: impl AsRef<Path>) -> Result<Archive> {
        Archive::open(FileSource::open(path).await?).await
    }

    /// Reads header and table of contents.
    ///
    /// # Errors
    /// `ErrorKind::Archive` if it is no archive, of an unknown version, cut off or damaged.
    pub async fn open(source: Box<dyn Source>) -> Result<Archive> {
        let mut input = Input::new(source);
        recognize(input.peek(TAR_BLOCK).await?)?;
        let header = input.item(Header::decode).await?;
        if header.format != Format::Custom {
            return Err(Error::new(
                ErrorKind::Archive,
                "expected format (1) differs from format found in file (3)",
            ));
        }
        input.set_widths(header.widths());
        let count = input.int().await?;
        let mut toc = Vec::new();
        let mut places = HashMap::new();
        let mut offsets = HashMap::new();
        for place in 0..usize::try_from(count).unwrap_or(0) {
            let (entry, offset) = input
                .item(|cursor| Ok((entry::decode(cursor, header.version)?, cursor.offset()?)))
                .await
                .map_err(|e| {
                    e.context(format!(
                        "reading entry {} of {count} of the table of contents",
                        place + 1
                    ))
                })?;
            if places.insert(entry.dump_id, place).is_some() {
                return Err(input.corrupt(&format!("entry ID {} stands twice in the TOC", entry.dump_id)));
            }
            if entry.had_dumper {
                offsets.insert(entry.dump_id, offset);
            }
            toc.push(entry);
        }
        Ok(Archive {
            header: Arc::new(header),
            toc: toc.into(),
            places: Arc::new(places),
            reader: CustomReader::new(input, Arc::new(offsets)),
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
    pub fn place_note(&self, id: DumpId) -> String {
        format!("Data Pos: {}", self.reader.position_of(id).unwrap_or(0))
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

    /// The data of an entry that is not large objects: for a table, rows in COPY format and the terminator
    /// [`COPY_END`](super::COPY_END), or INSERT statements.
    ///
    /// # Errors
    /// `ErrorKind::Archive` if it is not there, or has been passed by in a source that cannot seek.
    pub async fn open_data(&mut self, id: DumpId) -> Result<DataStream<'_>> {
        let what = self.describe(id);
        let decoding = Decoding::new(self.framing())?;
        let block = self.reader.locate(id).await.map_err(|e| e.context(&what))?;
        if block != Block::Data {
            return Err(Error::new(
                ErrorKind::Archive,
                format!("{what}: found large objects instead of rows"),
            ));
        }
        Ok(DataStream {
            reader: &mut self.reader,
            decoding,
            what,
        })
    }

    /// The large objects of an entry.
    ///
    /// # Errors
    /// As [`Archive::open_data`].
    pub async fn open_large_objects(&mut self, id: DumpId) -> Result<LargeObjects<'_>> {
        let what = self.describe(id);
        let framing = self.framing();
        // A method that cannot be decoded is told now rather than at the first object.
        let decoding = Decoding::new(framing)?;
        let block = self.reader.locate(id).await.map_err(|e| e.context(&what))?;
        if block != Block::LargeObjects {
            return Err(Error::new(
                ErrorKind::Archive,
                format!("{what}: found rows instead of large objects"),
            ));
        }
        Ok(LargeObjects {
            reader: &mut self.reader,
            framing,
            decoding,
            what,
        })
    }

    fn framing(&self) -> Framing {
        custom::framing(self.header.compression.algorithm)
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

/// The plain bytes of one entry's data.
pub struct DataStream<'a> {
    reader: &'a mut CustomReader,
    decoding: Decoding,
    what: String,
}

impl<'a> DataStream<'a> {
    /// The next bytes, never none; `None` once all were given and found complete.
    ///
    /// # Errors
    /// `ErrorKind::Archive`, naming the entry and the place, if the data is damaged or cut off.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        self.decoding
            .next(self.reader)
            .await
            .map_err(|e| e.context(&self.what))
    }

    /// The same as rows for COPY: without the end marker, which must be there.
    pub fn rows(self) -> CopyRows<'a> {
        CopyRows::new(self)
    }

    /// What is being read, for messages.
    pub(super) fn what(&self) -> &str {
        &self.what
    }
}

/// The large objects of one entry, one after another.
pub struct LargeObjects<'a> {
    reader: &'a mut CustomReader,
    framing: Framing,
    decoding: Decoding,
    what: String,
}

impl LargeObjects<'_> {
    /// Goes to the next large object, passing over what was not read of the last; `None` after the last.
    ///
    /// # Errors
    /// `ErrorKind::Archive` if the data is damaged or cut off.
    pub async fn next_object(&mut self) -> Result<Option<u32>> {
        self.decoding = Decoding::new(self.framing)?;
        self.reader
            .next_large_object()
            .await
            .map_err(|e| e.context(&self.what))
    }

    /// The next bytes of the large object, never none; `None` at its end.
    ///
    /// # Errors
    /// `ErrorKind::Archive` if the data is damaged or cut off.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        self.decoding
            .next(self.reader)
            .await
            .map_err(|e| e.context(&self.what))
    }
}

/// One stream of chunks on its way to plain bytes.
struct Decoding {
    /// `None` if what is stored is what is wanted.
    decoder: Option<StreamDecoder>,
    stored: Bytes,
    /// No more is stored.
    ended: bool,
}

impl Decoding {
    fn new(framing: Framing) -> Result<Decoding> {
        let decoder = match framing {
            Framing::Raw => None,
            framing => Some(StreamDecoder::new(framing)?),
        };
        Ok(Decoding {
            decoder,
            stored: Bytes::new(),
            ended: false,
        })
    }

    async fn next(&mut self, reader: &mut CustomReader) -> Result<Option<Bytes>> {
        let Some(decoder) = &mut self.decoder else {
            return joined(reader).await;
        };
        let mut piece = vec![0; PIECE];
        let mut filled = 0;
        loop {
            if self.stored.is_empty() && !self.ended {
                match reader.stored().await? {
                    Some(bytes) => self.stored = bytes,
                    None => self.ended = true,
                }
            }
            let mut input = &self.stored[..];
            filled += decoder.decode(&mut input, piece.get_mut(filled..).unwrap_or_default())?;
            let rest = self.stored.len() - input.len();
            self.stored = self.stored.split_off(rest);
            if filled == PIECE {
                break;
            }
            if self.ended {
                decoder.finish()?;
                break;
            }
        }
        piece.truncate(filled);
        Ok(if piece.is_empty() {
            None
        } else {
            Some(Bytes::from(piece))
        })
    }
}

/// The next stored bytes as they are: large chunks uncopied, small ones joined.
async fn joined(reader: &mut CustomReader) -> Result<Option<Bytes>> {
    let Some(first) = reader.stored().await? else {
        return Ok(None);
    };
    if first.len() >= SMALL {
        return Ok(Some(first));
    }
    let mut piece = BytesMut::with_capacity(PIECE);
    piece.extend_from_slice(&first);
    while piece.len() < PIECE - SMALL {
        match reader.stored_within(PIECE - piece.len()).await? {
            Some(bytes) => piece.extend_from_slice(&bytes),
            None => break,
        }
    }
    Ok(Some(piece.freeze()))
}

/// Length of a tar header, and of what stock tools look at to recognise one.
const TAR_BLOCK: usize = 512;

/// Refuses what is no archive, in pg_restore's words.
fn recognize(head: &[u8]) -> Result<()> {
    let refuse = |kind, why: String| Err(Error::new(kind, why));
    if head.starts_with(MAGIC) {
        return Ok(());
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
    if head.get(257..262) == Some(b"ustar") {
        return refuse(
            ErrorKind::Unsupported,
            "archives in tar format cannot be read".into(),
        );
    }
    refuse(
        ErrorKind::Archive,
        "input file does not appear to be a valid archive".into(),
    )
}
