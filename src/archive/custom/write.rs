//! Writing custom archives: segments become chunks, offsets are filled in at the end where the sink can, and
//! seals and an index of ours go in between and behind (see [`crate::archive::index`]).

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};

use super::{BLOCK_DATA, BLOCK_LARGE_OBJECTS, framing};
use crate::archive::codec::{Offset, put_int, put_offset};
use crate::archive::index::{Footer, OURS};
use crate::archive::ledger::Ledger;
use crate::archive::sink::Sink;
use crate::archive::turns::Turn;
use crate::archive::{ArchiveWriter, Format, Framing, Header, Segment, WriteStats, entry};
use crate::compress::{Adler32, Compression};
use crate::error::{Error, ErrorKind, Result};
use crate::toc::{DumpId, Entry};

/// Longest chunk. A stock reader allocates a chunk's length, and a frame may go on in the next chunk.
const CHUNK: usize = 1 << 20;
/// Small items are gathered up to this.
const GATHER: usize = 64 * 1024;

/// Writes one custom archive to a sink.
pub struct CustomWriter {
    sink: Box<dyn Sink>,
    framing: Framing,
    turn: Turn,
    /// Where the offset field of each entry with data stands in the file.
    fields: HashMap<DumpId, u64>,
    /// Fields to fill in, with the position of the entry's block.
    found: Vec<(u64, u64)>,
    /// Bytes not yet handed to the sink.
    gathered: BytesMut,
    /// Bytes handed over or gathered so far.
    position: u64,
    /// The checksum of the stream that is being written.
    adler: Adler32,
    ledger: Ledger,
    stats: WriteStats,
}

impl CustomWriter {
    /// A writer of an archive compressed so.
    pub fn new(sink: Box<dyn Sink>, compression: &Compression) -> CustomWriter {
        CustomWriter {
            sink,
            framing: framing(compression.algorithm),
            turn: Turn::Begin,
            fields: HashMap::new(),
            found: Vec::new(),
            gathered: BytesMut::new(),
            position: 0,
            adler: Adler32::default(),
            ledger: Ledger::default(),
            stats: WriteStats::default(),
        }
    }

    async fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.position += bytes.len() as u64;
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() >= GATHER {
            self.flush().await
        } else {
            Ok(())
        }
    }

    async fn put_int(&mut self, value: i32) -> Result<()> {
        let mut bytes = Vec::with_capacity(5);
        put_int(&mut bytes, value);
        self.put(&bytes).await
    }

    async fn flush(&mut self) -> Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let bytes = self.gathered.split().freeze();
        self.sink.write(bytes).await
    }

    /// Writes buffers as chunks, whose ends need not be those of the buffers; the last chunk ends with the
    /// last buffer, as a frame must.
    async fn put_chunks(&mut self, buffers: Vec<Bytes>) -> Result<()> {
        let mut left: usize = buffers.iter().map(Bytes::len).sum();
        let mut room = 0;
        for mut buffer in buffers {
            while !buffer.is_empty() {
                if room == 0 {
                    room = left.min(CHUNK);
                    left -= room;
                    self.put_int(i32::try_from(room).unwrap_or(i32::MAX)).await?;
                }
                let part = buffer.split_to(room.min(buffer.len()));
                room -= part.len();
                if part.len() < GATHER / 4 {
                    self.put(&part).await?;
                } else {
                    self.flush().await?;
                    self.position += part.len() as u64;
                    self.sink.write(part).await?;
                }
            }
        }
        Ok(())
    }

    async fn begin_block(&mut self, kind: u8, id: DumpId) -> Result<()> {
        let Some(field) = self.fields.remove(&id) else {
            return Err(Error::new(
                ErrorKind::Usage,
                format!("entry {id} has no data in this archive, or was given it twice"),
            ));
        };
        self.found.push((field, self.position));
        self.ledger
            .begin_block(id, kind == BLOCK_LARGE_OBJECTS, self.position);
        self.put(&[kind]).await?;
        self.put_int(id.0.cast_signed()).await
    }

    async fn begin_stream(&mut self) -> Result<()> {
        self.adler = Adler32::default();
        let start = self.framing.prologue();
        self.ledger.frame(start);
        self.put_chunks(vec![Bytes::from_static(start)]).await
    }

    async fn end_stream(&mut self) -> Result<()> {
        let end = self.framing.epilogue(&self.adler);
        self.ledger.frame(&end);
        self.put_chunks(vec![Bytes::from(end)]).await?;
        self.put_int(0).await
    }

    async fn end_block(&mut self) -> Result<()> {
        match self.ledger.end_block(self.position) {
            Some(seal) => self.put_ours(vec![seal.encode()]).await,
            None => Ok(()),
        }
    }

    /// Writes a block of our own, each part in chunks of its own.
    async fn put_ours(&mut self, parts: Vec<Vec<u8>>) -> Result<()> {
        self.put(&[BLOCK_DATA]).await?;
        self.put_int(OURS.0.cast_signed()).await?;
        for part in parts {
            self.put_chunks(vec![Bytes::from(part)]).await?;
        }
        self.put_int(0).await
    }

    async fn put_index(&mut self) -> Result<()> {
        let start = self.position;
        let index = std::mem::take(&mut self.ledger).index().encode();
        let footer = Footer {
            start,
            length: index.len() as u64,
            crc32c: crc32c::crc32c(&index),
        };
        self.put_ours(vec![index, footer.encode()]).await
    }
}

impl ArchiveWriter for CustomWriter {
    fn framing(&self) -> Framing {
        self.framing
    }

    async fn begin(&mut self, header: &Header, toc: &[Entry]) -> Result<()> {
        self.turn.step(Turn::Begin, Turn::Between, "begin")?;
        if framing(header.compression.algorithm) != self.framing || header.format != Format::Custom {
            return Err(Error::new(
                ErrorKind::Usage,
                "the header describes another archive than the writer's",
            ));
        }
        let mut bytes = Vec::new();
        header.encode(&mut bytes)?;
        let count = i32::try_from(toc.len())
            .map_err(|_| Error::new(ErrorKind::Unsupported, "an archive cannot hold so many entries"))?;
        put_int(&mut bytes, count);
        for entry in toc {
            entry::encode(entry, header.version, &mut bytes)?;
            self.ledger.toc_bytes(&bytes);
            self.put(&bytes).await?;
            bytes.clear();
            if entry.had_dumper {
                self.fields.insert(entry.dump_id, self.position);
                put_offset(&mut bytes, Offset::NotSet);
            } else {
                put_offset(&mut bytes, Offset::NoData);
            }
            self.put(&bytes).await?;
            bytes.clear();
        }
        self.ledger.toc_bytes(&bytes);
        self.put(&bytes).await?;
        let seal = self.ledger.toc_seal();
        self.put_ours(vec![seal.encode()]).await
    }

    async fn begin_data(&mut self, id: DumpId) -> Result<()> {
        self.turn.step(Turn::Between, Turn::Data, "begin_data")?;
        self.begin_block(BLOCK_DATA, id).await?;
        self.begin_stream().await
    }

    async fn append(&mut self, segment: Segment) -> Result<()> {
        self.turn.check_append()?;
        self.stats.segments += 1;
        self.stats.rows += segment.rows;
        self.stats.plain_bytes += segment.plain_len;
        self.stats.stored_bytes += segment.stored_len;
        self.ledger.segment(&segment, self.position);
        self.adler
            .join(&Adler32::from_sum(segment.adler32), segment.plain_len);
        self.put_chunks(segment.stored).await
    }

    async fn end_data(&mut self) -> Result<()> {
        self.turn.step(Turn::Data, Turn::Between, "end_data")?;
        self.end_stream().await?;
        self.end_block().await
    }

    async fn begin_large_objects(&mut self, id: DumpId) -> Result<()> {
        self.turn
            .step(Turn::Between, Turn::LargeObjects, "begin_large_objects")?;
        self.begin_block(BLOCK_LARGE_OBJECTS, id).await
    }

    async fn begin_large_object(&mut self, oid: u32) -> Result<()> {
        self.turn
            .step(Turn::LargeObjects, Turn::LargeObject, "begin_large_object")?;
        if oid == 0 {
            return Err(Error::new(ErrorKind::Usage, "invalid OID for large object"));
        }
        self.ledger.begin_object(oid, self.position);
        self.put_int(oid.cast_signed()).await?;
        self.begin_stream().await
    }

    async fn end_large_object(&mut self) -> Result<()> {
        self.turn
            .step(Turn::LargeObject, Turn::LargeObjects, "end_large_object")?;
        self.end_stream().await?;
        self.ledger.end_object();
        Ok(())
    }

    async fn end_large_objects(&mut self) -> Result<()> {
        self.turn
            .step(Turn::LargeObjects, Turn::Between, "end_large_objects")?;
        self.put_int(0).await?;
        self.end_block().await
    }

    async fn finish(mut self) -> Result<WriteStats> {
        self.turn.step(Turn::Between, Turn::Between, "finish")?;
        self.put_index().await?;
        self.flush().await?;
        if self.sink.can_patch() {
            let patches = std::mem::take(&mut self.found)
                .into_iter()
                .map(|(field, position)| {
                    let mut bytes = Vec::with_capacity(9);
                    put_offset(&mut bytes, Offset::At(position));
                    (field, Bytes::from(bytes))
                });
            self.sink.patch(patches.collect()).await?;
        }
        self.sink.finish().await?;
        self.stats.bytes = self.position;
        Ok(self.stats)
    }
}
