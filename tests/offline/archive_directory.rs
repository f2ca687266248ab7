//! Directory archives: those of pg_dump are read, ours come back, damage is noticed and no file name leads out.

#![allow(clippy::unwrap_used, reason = "a test's helper may fail the test")]

use std::sync::Arc;

use proptest::prelude::*;
use rsdump::ErrorKind;
use rsdump::archive::{Archive, DirectoryWriter, Format, LocalFolder, MemoryFolder};
use rsdump::compress::Compression;
use rsdump::toc::{Desc, DumpId};

use crate::archive::{
    Contents, block_on, check_stock, contents, fixture, list_of, plans, small_plan, write_with,
};

const STOCK: [&str; 6] = [
    "pg_dump_15.none",
    "pg_dump_15.gzip",
    "pg_dump_16.none",
    "pg_dump_16.gzip",
    "pg_dump_18.none",
    "pg_dump_18.gzip",
];

/// The files of a stock archive, in memory.
fn stock_folder(name: &str) -> MemoryFolder {
    let folder = MemoryFolder::new();
    for file in std::fs::read_dir(fixture(&format!("{name}.directory"))).unwrap() {
        let file = file.unwrap();
        folder.insert(
            file.file_name().to_str().unwrap(),
            &std::fs::read(file.path()).unwrap(),
        );
    }
    folder
}

fn read_all(folder: &MemoryFolder) -> rsdump::Result<Contents> {
    block_on(async { contents(&mut Archive::open_folder(Arc::new(folder.clone())).await?).await })
}

#[test]
fn stock_directories_are_read_whole_and_listed() {
    for name in STOCK {
        let path = fixture(&format!("{name}.directory"));
        let mut archive = block_on(async { Archive::open_path(&path).await }).unwrap();
        check_stock(name, &mut archive);
        check_stock(name, &mut block_on(archive.reopen()).unwrap().unwrap());
        if let Ok(expected) = std::fs::read_to_string(fixture(&format!("{name}.directory.list"))) {
            assert_eq!(list_of(&archive, false), expected, "{name}");
        }
    }
}

#[test]
fn a_directory_without_a_table_of_contents_is_no_archive() {
    let directory = tempfile::tempdir().unwrap();
    let error = block_on(Archive::open_path(directory.path())).err().unwrap();
    assert_eq!(
        error.to_string(),
        format!(
            "directory \"{}\" does not appear to be a valid archive (\"toc.dat\" does not exist)",
            directory.path().display()
        )
    );
}

#[test]
fn file_names_stay_in_their_directory() {
    let folder = stock_folder("pg_dump_18.none");
    let files = folder.files();
    let list = files
        .keys()
        .find(|name| name.starts_with("blobs_"))
        .unwrap()
        .clone();
    for hostile in ["../secret", "/etc/passwd", "..", "a/b", ""] {
        folder.insert(&list, format!("5001 {hostile}\n").as_bytes());
        let error = read_all(&folder).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Archive);
        assert!(
            error
                .to_string()
                .contains("invalid line in large object TOC file"),
            "{error}"
        );
    }
    let folder = stock_folder("pg_dump_18.none");
    let toc = &files["toc.dat"];
    let at = toc.windows(8).position(|bytes| bytes == b"2592.dat").unwrap();
    let mut hostile = toc.clone();
    hostile[at..at + 8].copy_from_slice(b"../2.dat");
    folder.insert("toc.dat", &hostile);
    let error = read_all(&folder).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("invalid file name \"../2.dat\" in the TOC"),
        "{error}"
    );
}

#[test]
fn a_missing_file_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("copy");
    std::fs::create_dir(&copy).unwrap();
    for (name, bytes) in stock_folder("pg_dump_18.gzip").files() {
        if name != "2592.dat.gz" {
            std::fs::write(copy.join(name), bytes).unwrap();
        }
    }
    let error = block_on(async { contents(&mut Archive::open_path(&copy).await?).await }).unwrap_err();
    let message = format!("could not open input file \"{}/2592.dat\"", copy.display());
    assert!(error.to_string().contains(&message), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]
    #[test]
    fn what_is_written_is_read(plan in plans()) {
        let folder = MemoryFolder::new();
        let writer = DirectoryWriter::new(Box::new(folder.clone()), &plan.compression);
        let written = block_on(write_with(&plan, writer, Format::Directory));
        if !plan.possible() {
            prop_assert_eq!(written.unwrap_err().kind(), ErrorKind::Unsupported);
            return Ok(());
        }
        let length: usize = folder.files().values().map(Vec::len).sum();
        prop_assert_eq!(written.unwrap().bytes, length as u64);
        prop_assert_eq!(read_all(&folder).unwrap(), plan.contents());
    }
}

#[test]
fn any_segment_can_be_read_without_the_others() {
    for compression in [Compression::NONE, Compression::GZIP, Compression::ZSTD] {
        let plan = small_plan(compression);
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("dump");
        block_on(async {
            let folder = LocalFolder::create(&path, false).await.unwrap();
            let writer = DirectoryWriter::new(Box::new(folder), &compression);
            write_with(&plan, writer, Format::Directory).await.unwrap();
            let mut archive = Archive::open_path(&path).await.unwrap();
            for (first, last) in [(0, 4), (3, 4), (1, 3), (2, 2)] {
                let mut stream = archive.open_segments(DumpId(11), first..last).await.unwrap();
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
            let id = archive
                .toc()
                .iter()
                .find(|e| e.desc == Desc::Blobs)
                .unwrap()
                .dump_id;
            let mut group = archive.open_large_object_group(id, 0).await.unwrap();
            let mut seen = Vec::new();
            while let Some(oid) = group.next_object().await.unwrap() {
                seen.push(oid);
                while group.next().await.unwrap().is_some() {}
            }
            assert_eq!(seen, [5, 6, 4_000_000_000]);
        });
    }
}
