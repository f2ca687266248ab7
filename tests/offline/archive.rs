//! Archives: those of the real tools are read whole, ours come back, and damage is never a panic.

#![allow(clippy::unwrap_used, reason = "a test's helper may fail the test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use proptest::prelude::*;
use rsdump::archive::{
    Archive, ArchiveVersion, ArchiveWriter, BytesSource, COPY_END, CustomWriter, Format, Header, VecSink,
    WriteStats, encode_segment,
};
use rsdump::compress::{Algorithm, Compression};
use rsdump::toc::list;
use rsdump::toc::{Desc, DumpId, Entry, Section};
use rsdump::{ErrorKind, Result};

/// Data by entry, large objects by entry and OID (0 for rows).
pub(crate) type Contents = BTreeMap<(u32, u32), Vec<u8>>;

pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/archives")
        .join(name)
}

fn read_fixture(name: &str) -> Vec<u8> {
    std::fs::read(fixture(name)).unwrap()
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

fn source(bytes: &[u8], pipe: bool) -> Box<BytesSource> {
    let bytes = Bytes::copy_from_slice(bytes);
    Box::new(if pipe {
        BytesSource::pipe(bytes)
    } else {
        BytesSource::new(bytes)
    })
}

pub(crate) async fn contents(archive: &mut Archive) -> Result<Contents> {
    let mut contents = Contents::new();
    for entry in archive.toc().clone().iter().filter(|entry| entry.had_dumper) {
        let id = entry.dump_id;
        if entry.desc.is_large_objects() {
            let mut objects = archive.open_large_objects(id).await?;
            while let Some(oid) = objects.next_object().await? {
                let data = contents.entry((id.0, oid)).or_default();
                while let Some(bytes) = objects.next().await? {
                    data.extend_from_slice(&bytes);
                }
            }
        } else {
            let data = contents.entry((id.0, 0)).or_default();
            let mut stream = archive.open_data(id).await?;
            while let Some(bytes) = stream.next().await? {
                data.extend_from_slice(&bytes);
            }
        }
    }
    Ok(contents)
}

fn read_all(bytes: &[u8], pipe: bool) -> Result<Contents> {
    block_on(async { contents(&mut Archive::open(source(bytes, pipe)).await?).await })
}

const STOCK: [&str; 10] = [
    "pg_dump_15.none",
    "pg_dump_15.gzip",
    "pg_dump_15.piped",
    "pg_dump_16.none",
    "pg_dump_16.gzip",
    "pg_dump_16.piped",
    "pg_dump_18.none",
    "pg_dump_18.gzip",
    "pg_dump_18.piped",
    "pg_dump_18.redirected",
];

/// Checks that an archive of the fixtures holds what `setup.sql` made.
pub(crate) fn check_stock(name: &str, archive: &mut Archive) {
    let rows: String = (1..=20).map(|n| format!("{n}\t{}\n", "x".repeat(n))).collect();
    let rows = [rows.as_bytes(), COPY_END].concat();
    let data = block_on(contents(archive)).unwrap_or_else(|e| panic!("{name}: {e}"));
    let of = |desc: Desc, tag: &str, oid: u32| {
        let entry = archive
            .toc()
            .iter()
            .find(|e| e.desc == desc && e.tag == tag)
            .unwrap();
        &data[&(entry.dump_id.0, oid)]
    };
    assert_eq!(of(Desc::TableData, "t", 0), &rows, "{name}");
    assert_eq!(of(Desc::TableData, "empty", 0), COPY_END, "{name}");
    let objects = if name.starts_with("pg_dump_18") {
        "5001..5003"
    } else {
        "BLOBS"
    };
    assert_eq!(of(Desc::Blobs, objects, 5001), &[1, 2, 3, 4, 5], "{name}");
    assert_eq!(
        of(Desc::Blobs, objects, 5002),
        "abc".repeat(1000).as_bytes(),
        "{name}"
    );
    assert_eq!(of(Desc::Blobs, objects, 5003), b"", "{name}");
    assert_eq!(data.len(), 6, "{name}");
}

#[test]
fn stock_archives_are_read_whole_from_files_and_pipes() {
    for name in STOCK {
        let bytes = read_fixture(&format!("{name}.dump"));
        for pipe in [false, true] {
            let mut archive = block_on(Archive::open(source(&bytes, pipe))).unwrap();
            assert_eq!(archive.seekable(), !pipe);
            check_stock(name, &mut archive);
        }
    }
}

/// The list of an archive as `rsrestore -l` prints it, in UTC.
pub(crate) fn list_of(archive: &Archive, verbose: bool) -> String {
    let mut heading = archive.header().heading();
    // The lists were made in UTC; this machine may be elsewhere.
    let zone = heading.created_at.rfind(' ').unwrap();
    heading.created_at.replace_range(zone.., " UTC");
    let mut out = Vec::new();
    list::write(&mut out, &heading, archive.toc(), verbose, |entry| {
        !entry.desc.is_special() && !entry.desc.is_database()
    });
    String::from_utf8(out).unwrap()
}

#[test]
fn lists_of_stock_archives_are_pg_restores() {
    for name in STOCK {
        let Ok(expected) = std::fs::read_to_string(fixture(&format!("{name}.list"))) else {
            continue;
        };
        let archive = block_on(Archive::open_path(fixture(&format!("{name}.dump")))).unwrap();
        assert_eq!(list_of(&archive, false), expected, "{name}");
        if let Ok(expected) = std::fs::read_to_string(fixture(&format!("{name}.verbose.list"))) {
            assert_eq!(list_of(&archive, true), expected, "{name}");
        }
    }
}

#[test]
fn a_stock_table_of_contents_is_written_again_byte_for_byte() {
    for name in ["pg_dump_15.piped", "pg_dump_16.piped", "pg_dump_18.piped"] {
        let stock = read_fixture(&format!("{name}.dump"));
        let archive = block_on(Archive::open(source(&stock, true))).unwrap();
        let sink = VecSink::new();
        block_on(async {
            let mut writer = CustomWriter::new(Box::new(sink.clone()), &archive.header().compression);
            writer.begin(archive.header(), archive.toc()).await?;
            writer.finish().await
        })
        .unwrap();
        let mut ours = sink.bytes();
        // What follows is a block of ours: its kind, an entry's number, a length and its magic.
        let end = ours.windows(7).position(|bytes| bytes == b"RSDUMPT").unwrap() - 11;
        ours.truncate(end);
        assert!(ours.len() > 4000 && ours == stock[..end], "{name}");
    }
}

#[test]
fn any_order_of_reading_works_where_it_can() {
    let bytes = read_fixture("pg_dump_18.piped.dump");
    block_on(async {
        let mut archive = Archive::open(source(&bytes, false)).await.unwrap();
        let toc = archive.toc().clone();
        let ids: Vec<_> = toc
            .iter()
            .filter(|e| e.desc == Desc::TableData)
            .map(|e| e.dump_id)
            .collect();
        // Backwards, and each given up after its first bytes.
        for id in ids.iter().rev().chain(&ids) {
            assert!(
                archive
                    .open_data(*id)
                    .await
                    .unwrap()
                    .next()
                    .await
                    .unwrap()
                    .is_some()
            );
        }
        let mut lane = archive.reopen().await.unwrap().unwrap();
        assert!(
            lane.open_data(ids[1])
                .await
                .unwrap()
                .next()
                .await
                .unwrap()
                .is_some()
        );

        let mut pipe = Archive::open(source(&bytes, true)).await.unwrap();
        assert!(pipe.reopen().await.unwrap().is_none());
        assert!(
            pipe.open_data(ids[1])
                .await
                .unwrap()
                .next()
                .await
                .unwrap()
                .is_some()
        );
        let error = pipe.open_data(ids[0]).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Archive);
        assert!(
            error.to_string().contains("due to non-seekable input file"),
            "{error}"
        );
    });
}

#[test]
fn what_is_no_archive_is_refused_in_pg_restores_words() {
    let refusal = |bytes: &[u8]| {
        block_on(Archive::open(source(bytes, true)))
            .err()
            .unwrap()
            .to_string()
    };
    assert_eq!(refusal(b""), "input file is too short (read 0, expected 5)");
    assert_eq!(refusal(b"PGD"), "input file is too short (read 3, expected 5)");
    assert_eq!(
        refusal(b"SELECT 1;"),
        "input file does not appear to be a valid archive (too short?)"
    );
    assert_eq!(
        refusal(&[b' '; 600]),
        "input file does not appear to be a valid archive"
    );
    for what in ["database", "database cluster"] {
        assert_eq!(
            refusal(format!("--\n-- PostgreSQL {what} dump\n--\n\nSELECT 1;").as_bytes()),
            "input file appears to be a text format dump. Please use psql."
        );
    }
    let stock = read_fixture("pg_dump_18.none.dump");
    let with = |at: usize, byte: u8| {
        let mut changed = stock.clone();
        changed[at] = byte;
        refusal(&changed)
    };
    assert!(with(6, 17).starts_with("unsupported version (1.17) in file header"));
    assert!(with(8, 64).starts_with("sanity check on integer size (64) failed"));
    assert!(refusal(&stock[..300]).contains("could not read from input file: end of file (at offset 300)"));
}

/// An archive to be: for each table its segments, and large objects of one entry.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) version: ArchiveVersion,
    pub(crate) compression: Compression,
    pub(crate) tables: Vec<Vec<Vec<u8>>>,
    pub(crate) objects: BTreeMap<u32, Vec<Vec<u8>>>,
}

impl Plan {
    /// What a reader must find.
    pub(crate) fn contents(&self) -> Contents {
        let mut expected = Contents::new();
        for (number, segments) in self.tables.iter().enumerate() {
            expected.insert((10 + number as u32, 0), segments.concat());
        }
        for (oid, segments) in &self.objects {
            expected.insert((1000, *oid), segments.concat());
        }
        expected
    }

    /// Whether the version knows the compression.
    pub(crate) fn possible(&self) -> bool {
        self.version != ArchiveVersion::V1_14 || self.compression.algorithm != Algorithm::Zstd
    }
}

pub(crate) fn plans() -> impl Strategy<Value = Plan> {
    let segments = || {
        let bytes =
            (proptest::collection::vec(any::<u8>(), 0..200), 1usize..20).prop_map(|(b, n)| b.repeat(n));
        proptest::collection::vec(bytes, 0..4)
    };
    let versions = vec![
        ArchiveVersion::V1_14,
        ArchiveVersion::V1_15,
        ArchiveVersion::V1_16,
    ];
    let compressions = vec![Compression::NONE, Compression::GZIP, Compression::ZSTD];
    (
        proptest::sample::select(versions),
        proptest::sample::select(compressions),
        proptest::collection::vec(segments(), 0..4),
        proptest::collection::btree_map(1u32.., segments(), 0..4),
    )
        .prop_map(|(version, compression, tables, objects)| Plan {
            version,
            compression,
            tables,
            objects,
        })
}

/// Writes a plan with any format's writer.
pub(crate) async fn write_with(
    plan: &Plan,
    mut writer: impl ArchiveWriter,
    format: Format,
) -> Result<WriteStats> {
    let objects_id = DumpId(1000);
    let mut toc = vec![Entry::new(DumpId(7), Desc::Schema, "s", Section::PreData)];
    for number in 0..plan.tables.len() {
        let mut entry = Entry::new(DumpId(10 + number as u32), Desc::TableData, "t", Section::Data);
        entry.had_dumper = true;
        toc.push(entry);
    }
    let mut objects = Entry::new(objects_id, Desc::Blobs, "BLOBS", Section::Data);
    objects.had_dumper = true;
    toc.push(objects);

    let framing = writer.framing();
    let segment =
        |plain: &Vec<u8>| encode_segment(framing, &plan.compression, [Bytes::from(plain.clone())], 1);
    writer
        .begin(&Header::new(plan.version, format, plan.compression), &toc)
        .await?;
    for (number, segments) in plan.tables.iter().enumerate() {
        writer.begin_data(DumpId(10 + number as u32)).await?;
        for plain in segments {
            writer.append(segment(plain)?).await?;
        }
        writer.end_data().await?;
    }
    writer.begin_large_objects(objects_id).await?;
    for (oid, segments) in &plan.objects {
        writer.begin_large_object(*oid).await?;
        for plain in segments {
            writer.append(segment(plain)?).await?;
        }
        writer.end_large_object().await?;
    }
    writer.end_large_objects().await?;
    writer.finish().await
}

async fn write(plan: &Plan, sink: VecSink) -> Result<WriteStats> {
    write_with(
        plan,
        CustomWriter::new(Box::new(sink), &plan.compression),
        Format::Custom,
    )
    .await
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn what_is_written_is_read(plan in plans(), patchable: bool, pipe: bool) {
        let sink = if patchable { VecSink::patchable() } else { VecSink::new() };
        let written = block_on(write(&plan, sink.clone()));
        if !plan.possible() {
            prop_assert_eq!(written.unwrap_err().kind(), ErrorKind::Unsupported);
            return Ok(());
        }
        let bytes = sink.bytes();
        prop_assert_eq!(written.unwrap().bytes, bytes.len() as u64);
        prop_assert_eq!(read_all(&bytes, pipe).unwrap(), plan.contents());
    }
}

/// Two tables and three large objects.
pub(crate) fn small_plan(compression: Compression) -> Plan {
    let rows = |n: u8| {
        vec![
            format!("{n}\tsome text {n}\n").repeat(4).into_bytes(),
            vec![b'0' + n; 9],
        ]
    };
    Plan {
        version: ArchiveVersion::V1_16,
        compression,
        tables: vec![rows(1), [rows(2), rows(3)].concat()],
        objects: BTreeMap::from([(5, rows(4)), (6, Vec::new()), (4_000_000_000, rows(7))]),
    }
}

/// A small archive of ours.
fn ours(compression: Compression, patchable: bool) -> (Vec<u8>, Plan) {
    let plan = small_plan(compression);
    let sink = if patchable {
        VecSink::patchable()
    } else {
        VecSink::new()
    };
    block_on(write(&plan, sink.clone())).unwrap();
    (sink.bytes(), plan)
}

#[test]
fn any_segment_can_be_read_without_the_others() {
    for compression in [Compression::NONE, Compression::GZIP, Compression::ZSTD] {
        // As if written to a pipe: the table of contents has no offsets.
        let (bytes, plan) = ours(compression, false);
        block_on(async {
            let mut archive = Archive::open(source(&bytes, false)).await.unwrap();
            assert!(archive.has_checksums());
            let index = archive.index().unwrap().clone();
            let id = DumpId(11);
            assert_eq!(index.block(id).unwrap().segments.len(), 4);
            for (first, last) in [(0, 4), (3, 4), (1, 3), (2, 3), (2, 2)] {
                let mut stream = archive.open_segments(id, first..last).await.unwrap();
                let mut data = Vec::new();
                while let Some(bytes) = stream.next().await.unwrap() {
                    data.extend_from_slice(&bytes);
                }
                assert_eq!(
                    data,
                    plan.tables[1][first..last].concat(),
                    "{compression:?} {first}..{last}"
                );
            }
            assert!(archive.open_segments(id, 3..5).await.is_err());
            let objects = DumpId(1000);
            assert_eq!(index.block(objects).unwrap().segments.len(), 1);
            let mut group = archive.open_large_object_group(objects, 0).await.unwrap();
            let mut seen = Vec::new();
            while let Some(oid) = group.next_object().await.unwrap() {
                seen.push(oid);
                while group.next().await.unwrap().is_some() {}
            }
            assert_eq!(seen, [5, 6, 4_000_000_000]);

            // A changed byte in a segment is told by whoever reads that segment, and by nobody else.
            let at = usize::try_from(index.block(id).unwrap().segments[2].offset).unwrap() + 8;
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let mut archive = Archive::open(source(&changed, false)).await.unwrap();
            for (segment, damaged) in [(0, false), (1, false), (2, true), (3, false)] {
                let mut stream = archive.open_segments(id, segment..segment + 1).await.unwrap();
                let result = loop {
                    match stream.next().await {
                        Ok(Some(_)) => {}
                        Ok(None) => break Ok(()),
                        Err(e) => break Err(e),
                    }
                };
                assert_eq!(result.is_err(), damaged, "{compression:?} {segment}");
            }
        });
    }
}

#[test]
fn a_stock_archive_has_no_checksums() {
    let archive = block_on(Archive::open_path(fixture("pg_dump_18.none.dump"))).unwrap();
    assert!(!archive.has_checksums() && archive.index().is_none());
}

#[test]
fn calls_out_of_turn_are_refused() {
    block_on(async {
        let mut entry = Entry::new(DumpId(1), Desc::TableData, "t", Section::Data);
        entry.had_dumper = true;
        let mut writer = CustomWriter::new(Box::new(VecSink::new()), &Compression::NONE);
        assert!(writer.begin_data(DumpId(1)).await.is_err());
        let header = Header::new(ArchiveVersion::V1_16, Format::Custom, Compression::NONE);
        writer.begin(&header, &[entry]).await.unwrap();
        assert!(writer.begin_data(DumpId(2)).await.is_err(), "no such entry");
        let mut writer = CustomWriter::new(Box::new(VecSink::new()), &Compression::NONE);
        let zstd = Header::new(ArchiveVersion::V1_16, Format::Custom, Compression::ZSTD);
        assert!(writer.begin(&zstd, &[]).await.is_err(), "another compression");
    });
}
