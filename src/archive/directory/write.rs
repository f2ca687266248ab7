//! Writing directory archives: each segment a gzip member or frame of its entry's file. `toc.dat` gets its
//! name last, so that what is not complete is no archive.

use std::collections::HashMap;

use bytes::Bytes;

use super::{INDEX_FILE, TOC_FILE, kind};
use crate::archive::codec::{put_int, put_text};
use crate::archive::folder::Folder;
use crate::archive::index::Footer;
use crate::archive::ledger::Ledger;
use crate::archive::sink::Sink;
use crate::archive::tar;
use crate::archive::turns::Turn;
use crate::archive::{
    ArchiveVersion, ArchiveWriter, Format, Framing, Header, Segment, WriteStats, encode_segment, entry,
};
use crate::compress::Compression;
use crate::error::{Error, ErrorKind, Result};
use crate::toc::{DumpId, Entry};

/// Writes one directory archive to a folder.
pub struct DirectoryWriter {
    folder: Box<dyn Folder>,
    format: Format,
    framing: Framing,
    ending: &'static str,
    turn: Turn,
    /// File names of entries with data, as in the table of contents.
    names: HashMap<DumpId, String>,
    toc: Option<Box<dyn Sink>>,
    /// The file that is being written, and how long it is.
    file: Option<(Box<dyn Sink>, u64)>,
    /// Name and content of the list of large objects that is being written, and how many are in it.
    list: (String, String, u64),
    ledger: Ledger,
    stats: WriteStats,
}

impl DirectoryWriter {
    /// A writer of an archive compressed so.
    pub fn new(folder: Box<dyn Folder>, compression: &Compression) -> DirectoryWriter {
        DirectoryWriter::within(folder, compression, Format::Directory)
    }

    /// A writer to a folder that is a directory, or the members of a tar file.
    pub(crate) fn within(
        folder: Box<dyn Folder>,
        compression: &Compression,
        format: Format,
    ) -> DirectoryWriter {
        let (framing, ending) = kind(compression.algorithm);
        DirectoryWriter {
            folder,
            format,
            framing,
            ending,
            turn: Turn::Begin,
            names: HashMap::new(),
            toc: None,
            file: None,
            list: Default::default(),
            ledger: Ledger::default(),
            stats: WriteStats::default(),
        }
    }

    fn name_of(&mut self, id: DumpId) -> Result<String> {
        self.names.remove(&id).ok_or_else(|| {
            Error::new(
                ErrorKind::Usage,
                format!("entry {id} has no data in this archive, or was given it twice"),
            )
        })
    }

    /// The file of an entry, without the ending that compression adds.
    fn file_name(&self, entry: &Entry, version: ArchiveVersion) -> String {
        match entry.desc.is_large_objects() {
            true => tar::list_name(entry.dump_id, version),
            false => tar::noted_name(entry),
        }
    }

    async fn open(&mut self, name: &str) -> Result<()> {
        let sink = self.folder.create(&format!("{name}{}", self.ending)).await?;
        self.file = Some((sink, 0));
        Ok(())
    }

    async fn close(&mut self) -> Result<()> {
        // A file of no frames at all is no valid gzip or zstd file.
        if self.framing != Framing::Raw && self.file.as_ref().is_some_and(|(_, length)| *length == 0) {
            self.append(encode_segment(self.framing, &Compression::NONE, [], 0)?)
                .await?;
        }
        match self.file.take() {
            Some((sink, length)) => {
                self.stats.bytes += length;
                sink.finish().await
            }
            None => Ok(()),
        }
    }

    async fn write_file(&mut self, name: &str, content: Vec<u8>) -> Result<()> {
        let mut sink = self.folder.create(name).await?;
        self.stats.bytes += content.len() as u64;
        sink.write(Bytes::from(content)).await?;
        sink.finish().await
    }
}

impl ArchiveWriter for DirectoryWriter {
    fn framing(&self) -> Framing {
        self.framing
    }

    async fn begin(&mut self, header: &Header, toc: &[Entry]) -> Result<()> {
        self.turn.step(Turn::Begin, Turn::Between, "begin")?;
        if kind(header.compression.algorithm).0 != self.framing || header.format != self.format {
            return Err(Error::new(
                ErrorKind::Usage,
                "the header describes another archive than the writer's",
            ));
        }
        let mut sink = self.folder.create(TOC_FILE).await?;
        let mut bytes = Vec::new();
        header.encode(&mut bytes)?;
        let count = i32::try_from(toc.len())
            .map_err(|_| Error::new(ErrorKind::Unsupported, "an archive cannot hold so many entries"))?;
        put_int(&mut bytes, count);
        for entry in toc {
            entry::encode(entry, header.version, &mut bytes)?;
            if entry.had_dumper {
                let name = self.file_name(entry, header.version);
                let noted = match self.format {
                    Format::Tar => &tar::noted_name(entry),
                    _ => &name,
                };
                put_text(&mut bytes, Some(noted));
                self.names.insert(entry.dump_id, name);
            } else {
                put_text(&mut bytes, Some(""));
            }
            self.ledger.toc_bytes(&bytes);
            self.stats.bytes += bytes.len() as u64;
            sink.write(Bytes::from(std::mem::take(&mut bytes))).await?;
        }
        self.ledger.toc_bytes(&bytes);
        self.stats.bytes += bytes.len() as u64;
        sink.write(Bytes::from(bytes)).await?;
        match self.format {
            // In a tar file it is the first member.
            Format::Tar => sink.finish().await?,
            _ => self.toc = Some(sink),
        }
        Ok(())
    }

    async fn begin_data(&mut self, id: DumpId) -> Result<()> {
        self.turn.step(Turn::Between, Turn::Data, "begin_data")?;
        let name = self.name_of(id)?;
        self.ledger.begin_block(id, false, 0);
        self.open(&name).await
    }

    async fn append(&mut self, segment: Segment) -> Result<()> {
        self.turn.check_append()?;
        let Some((sink, length)) = &mut self.file else {
            return Ok(());
        };
        self.stats.segments += 1;
        self.stats.rows += segment.rows;
        self.stats.plain_bytes += segment.plain_len;
        self.stats.stored_bytes += segment.stored_len;
        self.ledger.segment(&segment, *length);
        *length += segment.stored_len;
        for bytes in segment.stored {
            sink.write(bytes).await?;
        }
        Ok(())
    }

    async fn end_data(&mut self) -> Result<()> {
        let mut turn = self.turn;
        turn.step(Turn::Data, Turn::Between, "end_data")?;
        self.close().await?;
        self.turn = turn;
        self.ledger.end_block(0);
        Ok(())
    }

    async fn begin_large_objects(&mut self, id: DumpId) -> Result<()> {
        self.turn
            .step(Turn::Between, Turn::LargeObjects, "begin_large_objects")?;
        self.list = (self.name_of(id)?, String::new(), 0);
        self.ledger.begin_block(id, true, 0);
        Ok(())
    }

    async fn begin_large_object(&mut self, oid: u32) -> Result<()> {
        self.turn
            .step(Turn::LargeObjects, Turn::LargeObject, "begin_large_object")?;
        if oid == 0 {
            return Err(Error::new(ErrorKind::Usage, "invalid OID for large object"));
        }
        let name = format!("blob_{oid}.dat");
        self.ledger.begin_object(oid, self.list.2);
        self.list.1.push_str(&format!("{oid} {name}\n"));
        self.list.2 += 1;
        self.open(&name).await
    }

    async fn end_large_object(&mut self) -> Result<()> {
        let mut turn = self.turn;
        turn.step(Turn::LargeObject, Turn::LargeObjects, "end_large_object")?;
        self.close().await?;
        self.turn = turn;
        self.ledger.end_object();
        Ok(())
    }

    async fn end_large_objects(&mut self) -> Result<()> {
        self.turn
            .step(Turn::LargeObjects, Turn::Between, "end_large_objects")?;
        let (name, content, count) = std::mem::take(&mut self.list);
        self.ledger.end_block(count);
        self.write_file(&name, content.into_bytes()).await
    }

    async fn finish(mut self) -> Result<WriteStats> {
        self.turn.step(Turn::Between, Turn::Between, "finish")?;
        let mut index = std::mem::take(&mut self.ledger).index().encode();
        let footer = Footer {
            start: 0,
            length: index.len() as u64,
            crc32c: crc32c::crc32c(&index),
        };
        index.extend_from_slice(&footer.encode());
        self.write_file(INDEX_FILE, index).await?;
        if let Some(toc) = self.toc.take() {
            toc.finish().await?;
        }
        self.folder.finish().await?;
        Ok(self.stats)
    }
}
