//! The contents of large objects: read many at a time, long ones piece by piece.
//!
//! Their lengths are asked for first, so that a batch never holds more than a fixed number of bytes. The number
//! of round trips grows with the bytes, not with the objects. Whoever may read `pg_largeobject` itself gets short objects
//! from there, page by page, which costs the server a part of opening each, and those of one page come with their
//! lengths; everybody else, and long objects, go by the functions for large objects.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use futures_util::try_join;
use postgres_types::Type;

use super::rows::Encoders;
use crate::archive::ArchiveWriter;
use crate::connect::{Columns, ServerVersion};
use crate::error::{Error, ErrorKind, Result};
use crate::objects::Reader;
use crate::progress::Progress;

/// Bytes of contents in one batch.
const BATCH: i64 = 2 << 20;
/// How many objects' lengths are asked for at once.
const GROUP: usize = 1_000;

/// A piece of an object to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    oid: u32,
    start: i64,
    length: i32,
    /// The object ends with it.
    is_last: bool,
}

/// How short objects are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// From `pg_largeobject`, in pages of so many bytes.
    Pages(i64),
    /// By the functions for large objects.
    Functions,
}

impl Way {
    /// The way that is open to the user.
    ///
    /// # Errors
    /// If the server cannot be asked.
    async fn find(reader: &Reader<'_>) -> Result<Way> {
        // LOBLKSIZE is a quarter of a block.
        let sql = "SELECT pg_catalog.has_table_privilege('pg_catalog.pg_largeobject', 'SELECT'), \
             pg_catalog.current_setting('block_size')::pg_catalog.int8 / 4";
        let rows = reader.rows("who may read large objects", sql, &[]).await?;
        let Some(row) = rows.first() else {
            return Ok(Way::Functions);
        };
        let mut c = Columns::new(row);
        Ok(match (c.bool()?, c.int8()?) {
            (true, page) if page > 0 => Way::Pages(page),
            _ => Way::Functions,
        })
    }
}

/// The contents of all large objects of a dump, entry by entry.
pub(super) struct LargeObjectReader<'a> {
    reader: Reader<'a>,
    /// How they are read, once that has been asked.
    way: Option<Way>,
    /// The groups that are still to come, in the order in which they are written.
    groups: VecDeque<&'a [u32]>,
    /// What is known of the first of these.
    ahead: Option<(Lengths, Known)>,
}

impl<'a> LargeObjectReader<'a> {
    /// For entries of these objects, in this order.
    pub(super) fn new(reader: Reader<'a>, entries: impl Iterator<Item = &'a [u32]>) -> LargeObjectReader<'a> {
        LargeObjectReader {
            reader,
            way: None,
            groups: entries.flat_map(|oids| oids.chunks(GROUP)).collect(),
            ahead: None,
        }
    }

    /// Writes the contents of the next entry's objects, so many; returns how many bytes that was.
    ///
    /// # Errors
    /// If the server refuses to give an object, or the archive cannot be written.
    pub(super) async fn write<W: ArchiveWriter>(
        &mut self,
        count: usize,
        encoders: &Encoders,
        writer: &mut W,
        progress: &dyn Progress,
    ) -> Result<u64> {
        let (mut bytes, mut left) = (0, count);
        let way = match self.way {
            Some(way) => way,
            None => *self.way.insert(Way::find(&self.reader).await?),
        };
        while left > 0
            && let Some(group) = self.groups.pop_front()
        {
            left = left.saturating_sub(group.len());
            let reader = &self.reader;
            let (lengths, known) = match self.ahead.take() {
                Some(ahead) => ahead,
                None => lengths(reader, way, group).await?,
            };
            bytes += lengths.values().map(|length| length.unsigned_abs()).sum::<u64>();
            let batches = batches(group, &lengths);
            let written = write_batches(reader, way, batches, known, encoders, writer, progress);
            // Short objects come with their lengths: then this is all there is to read.
            let next = self.groups.front();
            let ahead = async {
                match next {
                    Some(next) => self::lengths(reader, way, next).await.map(Some),
                    None => Ok(None),
                }
            };
            (self.ahead, ()) = try_join!(ahead, written)?;
        }
        Ok(bytes)
    }
}

/// Writes batches while the next one is read.
async fn write_batches<W: ArchiveWriter>(
    reader: &Reader<'_>,
    way: Way,
    batches: Vec<Vec<Piece>>,
    mut known: Known,
    encoders: &Encoders,
    writer: &mut W,
    progress: &dyn Progress,
) -> Result<()> {
    let mut batches = batches.iter();
    let Some(mut batch) = batches.next() else {
        return Ok(());
    };
    let mut pieces = contents(reader, way, &mut known, batch).await?;
    for next in batches {
        let written = write_batch(batch, pieces, encoders, writer, progress);
        (pieces, ()) = try_join!(contents(reader, way, &mut known, next), written)?;
        batch = next;
    }
    write_batch(batch, pieces, encoders, writer, progress).await
}

async fn write_batch<W: ArchiveWriter>(
    batch: &[Piece],
    contents: Vec<Bytes>,
    encoders: &Encoders,
    writer: &mut W,
    progress: &dyn Progress,
) -> Result<()> {
    let segments = encoders.encode_each(contents).await?;
    for (piece, segment) in batch.iter().zip(segments) {
        if piece.start == 0 {
            writer.begin_large_object(piece.oid).await?;
        }
        // An object without contents has no segment at all.
        if let Some(segment) = segment {
            progress.bytes(segment.plain_len);
            writer.append(segment).await?;
        }
        if piece.is_last {
            writer.end_large_object().await?;
        }
    }
    Ok(())
}

/// The contents of objects that came with their lengths.
type Known = HashMap<u32, Bytes>;
type Lengths = HashMap<u32, i64>;

/// The lengths of objects; an object without one is empty.
async fn lengths(reader: &Reader<'_>, way: Way, oids: &[u32]) -> Result<(Lengths, Known)> {
    let seek = reader.version.pick(90_300, "lo_lseek64", "lo_lseek");
    let sql = match way {
        // The last page says how long an object is. The first one, if it is that, is all of it.
        Way::Pages(page) => format!(
            "SELECT w.oid, last.pageno::pg_catalog.int8 * {page} + pg_catalog.length(last.data), \
                CASE last.pageno WHEN 0 THEN last.data END \
             FROM pg_catalog.unnest($1) w(oid), LATERAL (SELECT o.pageno, o.data FROM pg_catalog.pg_largeobject o \
                WHERE o.loid = w.oid ORDER BY o.pageno DESC LIMIT 1) last"
        ),
        // 262144 is INV_READ; 2 is SEEK_END.
        Way::Functions => format!(
            "SELECT o.oid, pg_catalog.{seek}(o.fd, 0, 2)::pg_catalog.int8, NULL::pg_catalog.bytea, \
                pg_catalog.lo_close(o.fd) \
             FROM (SELECT w.oid, pg_catalog.lo_open(w.oid, 262144) AS fd \
                FROM pg_catalog.unnest($1) w(oid) OFFSET 0) o"
        ),
    };
    let rows = reader
        .rows("the lengths of large objects", &sql, &[(&oids, Type::OID_ARRAY)])
        .await?;
    let mut lengths = Lengths::with_capacity(rows.len());
    let mut known = Known::new();
    for row in &rows {
        let mut c = Columns::new(row);
        let oid = c.oid()?;
        lengths.insert(oid, c.int8()?);
        if let Some(content) = c.opt_text()? {
            known.insert(oid, bytes_of(content));
        }
    }
    Ok((lengths, known))
}

/// The objects cut into pieces, and the pieces gathered into batches, of no more than [`BATCH`] bytes.
fn batches(oids: &[u32], lengths: &Lengths) -> Vec<Vec<Piece>> {
    let mut batches = Vec::new();
    let mut batch: Vec<Piece> = Vec::new();
    let mut held = 0;
    for oid in oids {
        let length = lengths.get(oid).copied().unwrap_or(0);
        let mut start = 0;
        loop {
            if held >= BATCH || batch.len() >= GROUP {
                batches.push(std::mem::take(&mut batch));
                held = 0;
            }
            let taken = (length - start).min(BATCH - held);
            held += taken;
            batch.push(Piece {
                oid: *oid,
                start,
                length: i32::try_from(taken).unwrap_or(i32::MAX),
                is_last: start + taken == length,
            });
            start += taken;
            if start == length {
                break;
            }
        }
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}

/// The bytes of each piece of a batch.
async fn contents(reader: &Reader<'_>, way: Way, known: &mut Known, batch: &[Piece]) -> Result<Vec<Bytes>> {
    let is_short = |piece: &Piece| matches!(way, Way::Pages(_)) && piece.start == 0 && piece.is_last;
    let (short, parts): (Vec<Piece>, Vec<Piece>) = batch.iter().copied().partition(is_short);
    let (short, parts) = try_join!(
        from_pages(reader, way, known, &short),
        by_functions(reader, &parts)
    )?;
    let (mut short, mut parts) = (short.into_iter(), parts.into_iter());
    let contents: Vec<Bytes> = batch
        .iter()
        .filter_map(|piece| {
            if is_short(piece) {
                short.next()
            } else {
                parts.next()
            }
        })
        .collect();
    for (piece, bytes) in batch.iter().zip(&contents) {
        if bytes.len() as i64 != i64::from(piece.length) {
            let message = format!("large object {} is shorter than the server said", piece.oid);
            return Err(Error::new(ErrorKind::Protocol, message));
        }
    }
    if contents.len() != batch.len() {
        let message = "the server did not give all large objects that were asked for";
        return Err(Error::new(ErrorKind::Protocol, message));
    }
    Ok(contents)
}

async fn by_functions(reader: &Reader<'_>, batch: &[Piece]) -> Result<Vec<Bytes>> {
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    let oids: Vec<u32> = batch.iter().map(|piece| piece.oid).collect();
    let starts: Vec<i64> = batch.iter().map(|piece| piece.start).collect();
    let lengths: Vec<i32> = batch.iter().map(|piece| piece.length).collect();
    let rows = reader
        .rows(
            "large objects",
            contents_sql(reader.version),
            &[
                (&oids, Type::OID_ARRAY),
                (&starts, Type::INT8_ARRAY),
                (&lengths, Type::INT4_ARRAY),
            ],
        )
        .await?;
    let bytes = rows.iter().map(|row| Ok(bytes_of(Columns::new(row).text()?)));
    bytes.collect()
}

/// Whole objects, put together from their pages. What was never written has no page, and reads as zeros.
async fn from_pages(reader: &Reader<'_>, way: Way, known: &mut Known, batch: &[Piece]) -> Result<Vec<Bytes>> {
    let Way::Pages(page) = way else {
        return Ok(Vec::new());
    };
    let unknown = |piece: &&Piece| piece.length > 0 && !known.contains_key(&piece.oid);
    let oids: Vec<u32> = batch.iter().filter(unknown).map(|piece| piece.oid).collect();
    let sql = "SELECT w.oid, p.pageno, p.data FROM pg_catalog.unnest($1) w(oid), LATERAL (SELECT o.pageno, o.data \
         FROM pg_catalog.pg_largeobject o WHERE o.loid = w.oid ORDER BY o.pageno OFFSET 0) p";
    let rows = match oids.is_empty() {
        true => Vec::new(),
        false => {
            reader
                .rows("pages of large objects", sql, &[(&oids, Type::OID_ARRAY)])
                .await?
        }
    };
    let mut objects: HashMap<u32, Vec<u8>> = HashMap::with_capacity(batch.len());
    for row in &rows {
        let mut c = Columns::new(row);
        let (oid, number, data) = (c.oid()?, c.int4()?, c.text()?);
        let start = usize::try_from(i64::from(number).saturating_mul(page)).unwrap_or_default();
        // The batch is bounded by lengths, and so must be what is filled up here.
        let longest = BATCH.unsigned_abs() as usize;
        let object = objects.entry(oid).or_default();
        if start > longest || object.len() > start {
            let message = format!("the pages of large object {oid} do not follow each other");
            return Err(Error::new(ErrorKind::Protocol, message));
        }
        object.resize(start, 0);
        object.extend_from_slice(&data);
    }
    let whole = |piece: &Piece| match known.remove(&piece.oid) {
        Some(content) => content,
        None => objects.remove(&piece.oid).unwrap_or_default().into(),
    };
    Ok(batch.iter().map(whole).collect())
}

fn bytes_of(text: bstr::BString) -> Bytes {
    Bytes::from(Vec::from(text))
}

fn contents_sql(version: ServerVersion) -> &'static str {
    // Before 9.4 contents are only to be had through descriptors, which stay open until the dump's end.
    version.pick(
        90_400,
        "SELECT pg_catalog.lo_get(($1)[p.place], ($2)[p.place], ($3)[p.place]) \
         FROM pg_catalog.generate_subscripts($1, 1) p(place) ORDER BY p.place",
        "SELECT (SELECT pg_catalog.loread(o.fd, ($3)[p.place]) \
            FROM (SELECT pg_catalog.lo_open(($1)[p.place], 262144) AS fd OFFSET 0) o \
            WHERE pg_catalog.lo_lseek(o.fd, ($2)[p.place]::pg_catalog.int4, 0) >= 0) \
         FROM pg_catalog.generate_subscripts($1, 1) p(place) ORDER BY p.place",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(lengths: &[(u32, i64)]) -> Vec<Vec<(u32, i64, i64, bool)>> {
        let oids: Vec<u32> = lengths.iter().map(|(oid, _)| *oid).collect();
        let plain = |piece: Piece| (piece.oid, piece.start, i64::from(piece.length), piece.is_last);
        batches(&oids, &lengths.iter().copied().collect())
            .into_iter()
            .map(|batch| batch.into_iter().map(plain).collect())
            .collect()
    }

    #[test]
    fn short_objects_share_a_batch_and_empty_ones_are_there() {
        assert_eq!(
            cut(&[(1, 10), (2, 0), (3, 5)]),
            [[(1, 0, 10, true), (2, 0, 0, true), (3, 0, 5, true)]]
        );
        assert!(cut(&[]).is_empty());
    }

    #[test]
    fn long_objects_are_cut_and_no_batch_is_too_long() {
        let long = 2 * BATCH + 5;
        assert_eq!(
            cut(&[(1, 1), (2, long), (3, 1)]),
            [
                vec![(1, 0, 1, true), (2, 0, BATCH - 1, false)],
                vec![(2, BATCH - 1, BATCH, false)],
                vec![(2, 2 * BATCH - 1, 6, true), (3, 0, 1, true)],
            ]
        );
        // One that ends with the batch leaves no empty piece behind.
        assert_eq!(
            cut(&[(1, BATCH), (2, 1)]),
            [vec![(1, 0, BATCH, true)], vec![(2, 0, 1, true)]]
        );
    }
}
