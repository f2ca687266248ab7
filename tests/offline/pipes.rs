//! Custom archives that were written to a pipe, and those that are read from one: how much is read, and in which
//! order it may be wanted.

#![allow(clippy::unwrap_used, reason = "a test's helper may fail the test")]

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use rsdump::archive::{
    Archive, ArchiveVersion, ArchiveWriter, BytesSource, COPY_END, CustomWriter, Format, Header, Source,
    VecSink, encode_segment,
};
use rsdump::compress::Compression;
use rsdump::restore::{Restore, RestoreOptions, Silent, verify};
use rsdump::toc::list::Listed;
use rsdump::toc::{Desc, DumpId, Entry, Section};

use crate::archive::{block_on, fixture};

const TABLES: u32 = 200;

fn row(table: u32) -> Vec<u8> {
    format!("{table}\t{}\n", "x".repeat(1000)).into_bytes()
}

/// An archive of 200 tables of 100 rows each, written to a pipe.
fn piped() -> Bytes {
    piped_in_parts(1)
}

/// The same with as many segments of each table, all but the last without rows.
fn piped_in_parts(parts: usize) -> Bytes {
    let sink = VecSink::new();
    let mut writer = CustomWriter::new(Box::new(sink.clone()), &Compression::NONE);
    let entry = |number| {
        let tag = format!("t{number:03}");
        let mut entry = Entry::new(DumpId(number), Desc::TableData, tag, Section::Data);
        entry.copy_statement = Some(format!("COPY t{number:03} (a, b) FROM stdin;\n").into());
        entry.namespace = Some("public".into());
        entry.had_dumper = true;
        entry
    };
    let toc: Vec<Entry> = (1..=TABLES).map(entry).collect();
    block_on(async {
        let header = Header::new(ArchiveVersion::V1_16, Format::Custom, Compression::NONE);
        writer.begin(&header, &toc).await.unwrap();
        for number in 1..=TABLES {
            writer.begin_data(DumpId(number)).await.unwrap();
            for _ in 1..parts {
                let empty = encode_segment(writer.framing(), &Compression::NONE, [Bytes::new()], 0);
                writer.append(empty.unwrap()).await.unwrap();
            }
            let rows = [row(number).repeat(100), COPY_END.to_vec()].concat();
            let segment = encode_segment(writer.framing(), &Compression::NONE, [Bytes::from(rows)], 100);
            writer.append(segment.unwrap()).await.unwrap();
            writer.end_data().await.unwrap();
        }
        writer.finish().await.unwrap();
    });
    Bytes::from(sink.bytes())
}

/// A source that counts what is read of it.
struct Counted {
    source: BytesSource,
    read: Arc<AtomicU64>,
}

impl Source for Counted {
    fn name(&self) -> &str {
        self.source.name()
    }

    fn read(&mut self, at_most: usize) -> BoxFuture<'_, io::Result<Bytes>> {
        Box::pin(async move {
            let bytes = self.source.read(at_most).await?;
            self.read.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            Ok(bytes)
        })
    }

    fn size(&self) -> Option<u64> {
        self.source.size()
    }

    fn seekable(&self) -> bool {
        self.source.seekable()
    }

    fn seek(&mut self, position: u64) -> BoxFuture<'_, io::Result<()>> {
        self.source.seek(position)
    }
}

/// The script of a restore, and how many bytes of the archive it took.
fn script(source: BytesSource, mut options: RestoreOptions, list: Option<&str>) -> (Vec<u8>, u64) {
    let read = Arc::new(AtomicU64::new(0));
    let counted = Counted {
        source,
        read: Arc::clone(&read),
    };
    let sink = VecSink::new();
    block_on(async {
        let archive = Archive::open(Box::new(counted)).await.unwrap();
        options.list = list.map(|list| Listed::read(list.as_bytes(), archive.toc()).unwrap());
        let restore = Restore::new(archive, options).unwrap();
        restore
            .to_script(Box::new(sink.clone()), &mut Silent)
            .await
            .unwrap();
    });
    (sink.bytes(), read.load(Ordering::Relaxed))
}

/// Where in a script the rows of a table begin, if they are there.
fn place_of(table: u32, sql: &[u8]) -> Option<usize> {
    let copy = format!("COPY t{table:03} (a, b) FROM stdin;\n{table}\txxx");
    sql.windows(copy.len()).position(|bytes| bytes == copy.as_bytes())
}

#[test]
fn the_index_is_taken_too_for_its_writer_waits_for_that() {
    let archive = piped_in_parts(200);
    assert!(
        archive.len() > piped().len() + (1 << 20),
        "it is longer than pipes are"
    );
    let (_, read) = script(
        BytesSource::pipe(archive.clone()),
        RestoreOptions::default(),
        None,
    );
    assert_eq!(read, archive.len() as u64);
}

#[test]
fn three_tables_of_two_hundred_are_restored_without_reading_the_rest() {
    let archive = piped();
    let mut options = RestoreOptions::default();
    options.selection.tables = vec!["t190".into(), "t017".into(), "t100".into()];
    let (sql, read) = script(BytesSource::new(archive.clone()), options, None);
    for number in 1..=TABLES {
        let wanted = matches!(number, 17 | 100 | 190);
        assert_eq!(place_of(number, &sql).is_some(), wanted, "table {number}");
    }
    assert!(
        read * 8 < archive.len() as u64,
        "{read} bytes of {} were read",
        archive.len()
    );
}

#[test]
fn a_pipe_gives_any_order() {
    let archive = piped();
    let list = "150;\n20;\n180;\n3;\n21;\n";
    let (expected, _) = script(
        BytesSource::new(archive.clone()),
        RestoreOptions::default(),
        Some(list),
    );
    let (sql, read) = script(
        BytesSource::pipe(archive.clone()),
        RestoreOptions::default(),
        Some(list),
    );
    assert!(expected.len() > 5 * 100 * 1000 && sql == expected);
    // What stands behind the last table wanted is not read.
    assert!(read < archive.len() as u64 * 95 / 100, "{read}");
    let at = |number| place_of(number, &sql);
    assert!(at(150) < at(20) && at(20) < at(180) && at(180) < at(3) && at(3) < at(21));
}

#[test]
fn large_objects_wait_their_turn_too() {
    let stock = std::fs::read(fixture("pg_dump_18.piped.dump")).unwrap();
    let archive = block_on(Archive::open(Box::new(BytesSource::new(stock.clone())))).unwrap();
    let mut ids: Vec<String> = archive
        .toc()
        .iter()
        .map(|entry| entry.dump_id.to_string())
        .collect();
    ids.reverse();
    let backwards = ids.join("\n");
    let restored = |source| script(source, RestoreOptions::default(), Some(&backwards)).0;
    let expected = restored(BytesSource::new(stock.clone()));
    assert!(expected.windows(7).any(|bytes| bytes == b"lowrite"));
    assert!(restored(BytesSource::pipe(stock)) == expected);
}

#[test]
fn damage_in_a_pipe_costs_what_stands_behind_it_and_nothing_before() {
    let mut archive = piped().to_vec();
    // The length of a chunk, so that nothing tells any more where blocks begin.
    let rows = row(100);
    let at = archive
        .windows(rows.len())
        .position(|bytes| bytes == rows)
        .unwrap();
    archive[at - 2] = 0x7f;
    let open = |source| block_on(Archive::open(Box::new(source))).unwrap();
    let damaged = |archive: &mut Archive| -> Vec<u32> {
        let found = block_on(verify(archive));
        found.damaged().map(|entry| entry.dump_id.0).collect()
    };
    assert_eq!(damaged(&mut open(BytesSource::new(archive.clone()))), [100]);
    assert_eq!(
        damaged(&mut open(BytesSource::pipe(archive))),
        (100..=TABLES).collect::<Vec<_>>()
    );
}
