//! Tar archives: those of pg_dump are read from files and pipes, ours come back, and damage is never a panic.

#![allow(clippy::unwrap_used, reason = "a test's helper may fail the test")]

use proptest::prelude::*;
use rsdump::ErrorKind;
use rsdump::archive::{Archive, BytesSource, Format, TarOptions, TarWriter, VecSink};
use rsdump::compress::Compression;
use rsdump::restore::{Restore, RestoreOptions, Silent};
use rsdump::toc::{Desc, DumpId};

use crate::archive::{
    Contents, Plan, block_on, check_stock, contents, fixture, list_of, plans, small_plan, write_with,
};

const STOCK: [&str; 3] = ["pg_dump_15", "pg_dump_16", "pg_dump_18"];

fn open(bytes: &[u8], pipe: bool) -> rsdump::Result<Archive> {
    let source = match pipe {
        true => BytesSource::pipe(bytes.to_vec()),
        false => BytesSource::new(bytes.to_vec()),
    };
    block_on(Archive::open(Box::new(source)))
}

fn read_all(bytes: &[u8], pipe: bool) -> rsdump::Result<Contents> {
    let mut archive = open(bytes, pipe)?;
    block_on(contents(&mut archive))
}

fn stock(name: &str) -> Vec<u8> {
    std::fs::read(fixture(&format!("{name}.tar"))).unwrap()
}

#[test]
fn stock_tar_files_are_read_whole_from_files_and_pipes() {
    for name in STOCK {
        for pipe in [false, true] {
            let mut archive = open(&stock(name), pipe).unwrap();
            assert_eq!(archive.seekable(), !pipe);
            assert_eq!(archive.header().format, Format::Tar);
            check_stock(name, &mut archive);
        }
        let mut archive = block_on(Archive::open_path(fixture(&format!("{name}.tar")))).unwrap();
        check_stock(name, &mut archive);
        check_stock(name, &mut block_on(archive.reopen()).unwrap().unwrap());
        if let Ok(expected) = std::fs::read_to_string(fixture(&format!("{name}.tar.list"))) {
            assert_eq!(list_of(&archive, false), expected, "{name}");
        }
    }
}

const VARYING: [&str; 4] = ["-- Dumped from ", "-- Dumped by ", "\\restrict ", "\\unrestrict "];

/// The script of an archive, without the lines that name versions or carry a key.
fn script(archive: Archive) -> String {
    let sink = VecSink::new();
    block_on(async {
        let mut options = RestoreOptions::default();
        options.script.restrict_key = Some("K".into());
        let restore = Restore::new(archive, options).unwrap();
        restore
            .to_script(Box::new(sink.clone()), &mut Silent)
            .await
            .unwrap();
    });
    let script = String::from_utf8(sink.bytes()).unwrap();
    let lines = script
        .split_inclusive('\n')
        .filter(|line| !VARYING.iter().any(|varying| line.starts_with(varying)));
    lines.collect()
}

#[test]
fn stock_archives_of_every_format_make_the_script_that_pg_restore_makes() {
    for name in STOCK {
        let expected = std::fs::read_to_string(fixture(&format!("{name}.sql"))).unwrap();
        for kind in [
            "none.dump",
            "gzip.dump",
            "piped.dump",
            "none.directory",
            "gzip.directory",
            "tar",
        ] {
            let path = fixture(&format!("{name}.{kind}"));
            let archive = block_on(Archive::open_path(&path)).unwrap();
            assert!(script(archive) == expected, "{name}.{kind}");
            if path.is_file() {
                let piped = open(&std::fs::read(&path).unwrap(), true).unwrap();
                assert!(script(piped) == expected, "{name}.{kind}, piped");
            }
        }
    }
}

#[test]
fn what_was_not_announced_comes_from_a_pipe_in_its_order_only() {
    let bytes = stock("pg_dump_18");
    let mut archive = open(&bytes, true).unwrap();
    let toc = archive.toc().clone();
    let rows: Vec<DumpId> = toc
        .iter()
        .filter(|entry| entry.desc == Desc::TableData)
        .map(|entry| entry.dump_id)
        .collect();
    let objects = toc.iter().find(|entry| entry.desc == Desc::Blobs).unwrap();
    block_on(async {
        assert!(archive.open_data(rows[1]).await.is_ok());
        let error = archive.open_data(rows[0]).await.err().unwrap();
        assert!(
            error.to_string().contains("restoring data out of order"),
            "{error}"
        );
        let mut group = archive.open_large_objects(objects.dump_id).await.unwrap();
        // One read, one passed over.
        assert_eq!(group.next_object().await.unwrap(), Some(5001));
        assert_eq!(group.next().await.unwrap().unwrap(), [1, 2, 3, 4, 5][..]);
        assert_eq!(group.next_object().await.unwrap(), Some(5002));
        assert_eq!(group.next_object().await.unwrap(), Some(5003));
        assert_eq!(group.next_object().await.unwrap(), None);
        let error = archive.open_data(rows[2]).await.err().unwrap();
        assert!(
            error.to_string().contains("restoring data out of order"),
            "{error}"
        );
    });
}

#[test]
fn what_is_no_tar_archive_is_refused() {
    let bytes = stock("pg_dump_18");
    let refused = |bytes: &[u8], pipe| open(bytes, pipe).err().unwrap().to_string();
    for pipe in [false, true] {
        // Another name in place of toc.dat's, with the checksum that belongs to it.
        let mut other = bytes.clone();
        other[0] = b'u';
        let sum = String::from_utf8(other[148..154].to_vec()).unwrap();
        let sum = u32::from_str_radix(sum.trim(), 8).unwrap();
        assert!(refused(&other, pipe).contains("does not appear to be a valid archive"));
        let octal = format!("{:07o}", sum_of(&other));
        other[148..155].copy_from_slice(octal.as_bytes());
        assert_ne!(sum_of(&other), sum);
        assert_eq!(
            refused(&other, pipe),
            "could not find header for file \"toc.dat\" in tar archive"
        );
    }
}

/// The checksum of the first header.
fn sum_of(bytes: &[u8]) -> u32 {
    let counted = |at: usize| if (148..156).contains(&at) { b' ' } else { bytes[at] };
    (0..512).map(|at| u32::from(counted(at))).sum()
}

#[test]
fn damage_to_a_stock_tar_file_is_never_a_panic() {
    let bytes = stock("pg_dump_18");
    // Every byte of the first header and of what the table of contents begins with, and some of the rest.
    for at in (0..700).chain((700..bytes.len()).step_by(23)) {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        let _ = read_all(&changed, at % 2 == 0);
    }
    let whole = read_all(&bytes, false).unwrap();
    for at in (0..bytes.len()).step_by(97) {
        for pipe in [false, true] {
            if let Ok(contents) = read_all(&bytes[..at], pipe) {
                assert!(contents == whole, "cut at {at}");
            }
        }
    }
}

fn writer(sink: &VecSink) -> TarWriter {
    TarWriter::new(Box::new(sink.clone()), TarOptions::default())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]
    #[test]
    fn what_is_written_is_read(plan in plans(), patchable: bool) {
        let plan = Plan { compression: Compression::NONE, ..plan };
        let sink = if patchable { VecSink::patchable() } else { VecSink::new() };
        let written = block_on(write_with(&plan, writer(&sink), Format::Tar));
        if !plan.possible() {
            prop_assert_eq!(written.unwrap_err().kind(), ErrorKind::Unsupported);
            return Ok(());
        }
        let bytes = sink.bytes();
        prop_assert_eq!(written.unwrap().bytes, bytes.len() as u64);
        for pipe in [false, true] {
            prop_assert_eq!(read_all(&bytes, pipe).unwrap(), plan.contents());
        }
    }
}

#[test]
fn other_programs_see_the_same_members() {
    let plan = small_plan(Compression::NONE);
    let sink = VecSink::new();
    block_on(write_with(&plan, writer(&sink), Format::Tar)).unwrap();
    let bytes = sink.bytes();
    let mut archive = tar::Archive::new(&bytes[..]);
    let members: Vec<String> = archive
        .entries()
        .unwrap()
        .map(|entry| entry.unwrap().path().unwrap().display().to_string())
        .collect();
    assert_eq!(members.first().map(String::as_str), Some("toc.dat"));
    let last: Vec<_> = members.iter().rev().take(2).rev().collect();
    assert_eq!(last, ["restore.sql", "rsdump.index"]);
    assert!(
        members.iter().any(|name| name == "blob_4000000000.dat"),
        "{members:?}"
    );
    assert!(bytes.ends_with(&[0; 1024]));
    assert_eq!(bytes.len() % 512, 0);
}

#[test]
fn segments_are_found_in_a_file() {
    let plan = small_plan(Compression::NONE);
    let sink = VecSink::patchable();
    block_on(write_with(&plan, writer(&sink), Format::Tar)).unwrap();
    let mut archive = open(&sink.bytes(), false).unwrap();
    assert!(archive.has_checksums());
    block_on(async {
        for (first, last) in [(0, 4), (3, 4), (1, 3), (2, 2)] {
            let mut stream = archive.open_segments(DumpId(11), first..last).await.unwrap();
            let mut data = Vec::new();
            while let Some(bytes) = stream.next().await.unwrap() {
                data.extend_from_slice(&bytes);
            }
            assert_eq!(data, plan.tables[1][first..last].concat(), "{first}..{last}");
        }
    });
}
