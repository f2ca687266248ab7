//! Damaged archives: every cut and every flipped bit of small ones, in every format. Where there are checksums,
//! damage is an error and never a wrong row, and `verify` says which entries are whole; without them damage is an
//! error or another archive, never a panic.

#![allow(clippy::unwrap_used, reason = "a test's helper may fail the test")]

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use rsdump::archive::{
    Archive, ArchiveVersion, ArchiveWriter, BytesSource, COPY_END, CustomWriter, DirectoryWriter, Format,
    Header, MemoryFolder, TarOptions, TarWriter, VecSink, encode_segment,
};
use rsdump::compress::Compression;
use rsdump::restore::{Verification, verify};
use rsdump::toc::{Desc, DumpId, Entry, Section};
use rsdump::{ErrorKind, Result};

use crate::archive::{Contents, block_on, contents, fixture};

/// How an archive is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    File,
    Pipe,
    Folder,
}

/// An archive, by its files; one that is a single file has one without a name.
struct Sample {
    name: String,
    form: Form,
    files: BTreeMap<String, Vec<u8>>,
}

impl Sample {
    fn file(name: impl Into<String>, pipe: bool, bytes: Vec<u8>) -> Sample {
        Sample {
            name: name.into(),
            form: if pipe { Form::Pipe } else { Form::File },
            files: BTreeMap::from([(String::new(), bytes)]),
        }
    }

    fn folder(name: impl Into<String>, files: BTreeMap<String, Vec<u8>>) -> Sample {
        Sample {
            name: name.into(),
            form: Form::Folder,
            files,
        }
    }

    /// Opens it with one file changed.
    async fn open(&self, file: &str, bytes: &[u8]) -> Result<Archive> {
        match self.form {
            Form::File => Archive::open(Box::new(BytesSource::new(bytes.to_vec()))).await,
            Form::Pipe => Archive::open(Box::new(BytesSource::pipe(bytes.to_vec()))).await,
            Form::Folder => {
                let folder = MemoryFolder::new();
                for (name, whole) in &self.files {
                    folder.insert(name, if name == file { bytes } else { whole });
                }
                Archive::open_folder(Arc::new(folder)).await
            }
        }
    }

    async fn whole(&self) -> (Arc<[Entry]>, Contents) {
        let (name, bytes) = self.files.first_key_value().unwrap();
        let mut archive = self.open(name, bytes).await.unwrap();
        (archive.toc().clone(), contents(&mut archive).await.unwrap())
    }
}

/// One thing done to a file of a sample.
struct Damage<'a> {
    sample: &'a Sample,
    file: &'a str,
    /// Where, and the bits that were flipped there; `None` if the file was cut.
    at: usize,
    bits: Option<u8>,
    bytes: Vec<u8>,
}

impl Damage<'_> {
    async fn open(&self) -> Result<Archive> {
        self.sample.open(self.file, &self.bytes).await
    }

    async fn read(&self) -> Result<(Arc<[Entry]>, Contents)> {
        let mut archive = self.open().await?;
        let read = contents(&mut archive).await?;
        archive.finish().await?;
        Ok((archive.toc().clone(), read))
    }

    async fn verify(&self) -> Result<Verification> {
        Ok(verify(&mut self.open().await?).await)
    }

    /// Whether what was flipped means nothing: an offset in a table of contents where none is set; in a tar
    /// file what fills blocks, another way to write a checksum, and the script for whoever unpacks it.
    fn is_meaningless(&self, places: &[Vec<u8>]) -> bool {
        let Some(bits) = self.bits else {
            // A list of large objects may end without a line end.
            return self.file.ends_with(".toc") && self.at + 1 == self.sample.files[self.file].len();
        };
        let mut bytes = self.bytes.clone();
        bytes[self.at] ^= bits;
        if self.sample.name == "tar" {
            let header = self.at - self.at % 512;
            let is_header = |at: usize| bytes[at + 257..].starts_with(b"ustar");
            let member = (0..=header).rev().step_by(512).find(|at| is_header(*at)).unwrap();
            let in_script = bytes[member..].starts_with(b"restore.sql");
            return (is_header(header) && (148..156).contains(&(self.at % 512)))
                || (!is_header(header) && (in_script || bytes[self.at] == 0));
        }
        let in_toc = find(&bytes, b"RSDUMPT").is_some_and(|seal| self.at < seal);
        let is_place = |place: &Vec<u8>| {
            let at = find(&bytes, place).unwrap();
            (at..at + place.len()).contains(&self.at)
        };
        in_toc && !places.iter().any(is_place)
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|bytes| bytes == what)
}

/// The offsets of data in an archive's table of contents, as they stand there.
fn places(archive: &Archive) -> Vec<Vec<u8>> {
    let data = archive.toc().iter().filter(|entry| entry.had_dumper);
    let places = data.filter_map(|entry| {
        let note = archive.place_note(entry.dump_id)?;
        let position: u64 = note.strip_prefix("Data Pos: ")?.parse().ok()?;
        Some(position).filter(|position| *position > 0)
    });
    places
        .map(|position| [&[2], &position.to_le_bytes()[..]].concat())
        .collect()
}

impl std::fmt::Display for Damage<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Sample { name, form, .. } = self.sample;
        match self.bits {
            Some(bits) => write!(f, "{name} {form:?} {:?} byte {} ^ {bits:#x}", self.file, self.at),
            None => write!(f, "{name} {form:?} {:?} cut at {}", self.file, self.at),
        }
    }
}

/// Every cut, and every byte with each of `masks` (turned by its place) flipped.
fn damages<'a>(sample: &'a Sample, masks: &'a [u8]) -> impl Iterator<Item = Damage<'a>> {
    sample.files.iter().flat_map(move |(file, bytes)| {
        // Of the zeros that fill a tar file's blocks some will do.
        let is_filling = |at: &usize| {
            let around = at.saturating_sub(16)..(at + 16).min(bytes.len());
            !at.is_multiple_of(8) && bytes[around].iter().all(|byte| *byte == 0)
        };
        let places = (0..bytes.len()).filter(move |at| !is_filling(at));
        places.flat_map(move |at| {
            let cut = Damage {
                sample,
                file,
                at,
                bits: None,
                bytes: bytes[..at].to_vec(),
            };
            let flips = masks.iter().map(move |mask| {
                let bits = mask.rotate_left(at as u32);
                let mut bytes = bytes.clone();
                bytes[at] ^= bits;
                Damage {
                    sample,
                    file,
                    at,
                    bits: Some(bits),
                    bytes,
                }
            });
            std::iter::once(cut).chain(flips)
        })
    })
}

const EVERY_BIT: [u8; 8] = [1, 2, 4, 8, 16, 32, 64, 128];
/// Where that would take too long.
const ONE_BIT: [u8; 1] = [1];

/// Two tables and three large objects.
async fn write(mut writer: impl ArchiveWriter, format: Format, compression: &Compression) -> Result<()> {
    let mut toc = vec![Entry::new(DumpId(7), Desc::Schema, "s", Section::PreData)];
    for (number, tag) in [(10, "t"), (11, "u")] {
        let mut entry = Entry::new(DumpId(number), Desc::TableData, tag, Section::Data);
        entry.copy_statement = Some(format!("COPY {tag} (a, b) FROM stdin;\n").into());
        entry.had_dumper = true;
        toc.push(entry);
    }
    let mut objects = Entry::new(DumpId(1000), Desc::Blobs, "5..7", Section::Data);
    objects.had_dumper = true;
    toc.push(objects);

    let framing = writer.framing();
    let segment = |plain: &[u8], rows| {
        let plain = Bytes::copy_from_slice(plain);
        encode_segment(framing, compression, [plain], rows)
    };
    let header = Header::new(ArchiveVersion::V1_16, format, *compression);
    writer.begin(&header, &toc).await?;
    for (number, segments) in [(10, 1u8..2), (11, 2..5)] {
        writer.begin_data(DumpId(number)).await?;
        for part in segments {
            let rows = format!("{part}\tsome text {part}\n").repeat(3);
            writer.append(segment(rows.as_bytes(), 3)?).await?;
        }
        writer.append(segment(COPY_END, 0)?).await?;
        writer.end_data().await?;
    }
    writer.begin_large_objects(DumpId(1000)).await?;
    for (oid, data) in [
        (5, &b"five five five five"[..]),
        (6, b""),
        (4_000_000_000, b"seven"),
    ] {
        writer.begin_large_object(oid).await?;
        if !data.is_empty() {
            writer.append(segment(data, 0)?).await?;
        }
        writer.end_large_object().await?;
    }
    writer.end_large_objects().await?;
    writer.finish().await.map(drop)
}

/// Archives of ours in every format, and in the custom format written to and read from files and pipes.
fn ours() -> Vec<Sample> {
    let mut samples = Vec::new();
    for compression in [Compression::NONE, Compression::GZIP, Compression::ZSTD] {
        let name = compression.algorithm.name();
        for (patchable, pipe) in [(true, false), (false, false), (false, true)] {
            let sink = if patchable {
                VecSink::patchable()
            } else {
                VecSink::new()
            };
            let writer = CustomWriter::new(Box::new(sink.clone()), &compression);
            block_on(write(writer, Format::Custom, &compression)).unwrap();
            samples.push(Sample::file(format!("custom {name}"), pipe, sink.bytes()));
        }
        if compression == Compression::NONE {
            let sink = VecSink::patchable();
            let writer = TarWriter::new(Box::new(sink.clone()), TarOptions::default());
            block_on(write(writer, Format::Tar, &compression)).unwrap();
            for pipe in [false, true] {
                samples.push(Sample::file("tar", pipe, sink.bytes()));
            }
        }
        let folder = MemoryFolder::new();
        let writer = DirectoryWriter::new(Box::new(folder.clone()), &compression);
        block_on(write(writer, Format::Directory, &compression)).unwrap();
        samples.push(Sample::folder(format!("directory {name}"), folder.files()));
    }
    samples
}

/// Archives that pg_dump made.
fn stock() -> Vec<Sample> {
    let mut samples = Vec::new();
    for (name, pipe) in [
        ("pg_dump_18.none.dump", false),
        ("pg_dump_15.piped.dump", true),
        ("pg_dump_18.tar", false),
    ] {
        let bytes = std::fs::read(fixture(name)).unwrap();
        samples.push(Sample::file(name, pipe, bytes));
    }
    for name in ["pg_dump_18.gzip"] {
        let mut files = BTreeMap::new();
        for file in std::fs::read_dir(fixture(&format!("{name}.directory"))).unwrap() {
            let path = file.unwrap().path();
            let file = path.file_name().unwrap().to_str().unwrap();
            files.insert(file.to_owned(), std::fs::read(&path).unwrap());
        }
        samples.push(Sample::folder(name, files));
    }
    samples
}

#[test]
fn with_checksums_damage_is_an_error_and_never_a_wrong_row() {
    for sample in ours() {
        block_on(async {
            let (toc, whole) = sample.whole().await;
            let masks = if sample.name == "tar" {
                &ONE_BIT[..]
            } else {
                &EVERY_BIT
            };
            for damage in damages(&sample, masks) {
                match damage.read().await {
                    Ok((read_toc, read)) => assert!(read_toc == toc && read == whole, "{damage}"),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Archive, "{damage}: {error}"),
                }
            }
        });
    }
}

#[test]
fn what_is_said_to_be_whole_is_and_nothing_is_passed_over() {
    for sample in ours() {
        block_on(async {
            let (_, whole) = sample.whole().await;
            let (name, bytes) = sample.files.first_key_value().unwrap();
            let places = places(&sample.open(name, bytes).await.unwrap());
            for damage in damages(&sample, &ONE_BIT) {
                let Ok(found) = damage.verify().await else {
                    continue;
                };
                assert!(!found.is_sound() || damage.is_meaningless(&places), "{damage}");
                // Without its index, which comes last in a pipe, a tar file proves nothing.
                let proven = found.checksums || sample.form != Form::Pipe;
                for entry in found
                    .entries
                    .iter()
                    .filter(|entry| entry.damage.is_none() && proven)
                {
                    let id = entry.dump_id;
                    let mut archive = damage.open().await.unwrap();
                    let read = entry_of(&mut archive, id).await;
                    let read = read.unwrap_or_else(|error| panic!("{damage}: {error}"));
                    assert!(read == part(&whole, id), "{damage}: entry {id}");
                }
                if found.is_sound() {
                    assert!(damage.read().await.unwrap().1 == whole, "{damage}");
                }
            }
        });
    }
}

/// The data of one entry.
async fn entry_of(archive: &mut Archive, id: DumpId) -> Result<Contents> {
    let mut read = Contents::new();
    if archive.entry(id).unwrap().desc.is_large_objects() {
        let mut objects = archive.open_large_objects(id).await?;
        while let Some(oid) = objects.next_object().await? {
            let data = read.entry((id.0, oid)).or_default();
            while let Some(bytes) = objects.next().await? {
                data.extend_from_slice(&bytes);
            }
        }
    } else {
        let mut data = archive.open_data(id).await?;
        let read = read.entry((id.0, 0)).or_default();
        while let Some(bytes) = data.next().await? {
            read.extend_from_slice(&bytes);
        }
    }
    Ok(read)
}

fn part(whole: &Contents, id: DumpId) -> Contents {
    let of_entry = whole.iter().filter(|((entry, _), _)| *entry == id.0);
    of_entry.map(|(key, data)| (*key, data.clone())).collect()
}

#[test]
fn without_checksums_damage_is_never_a_panic_and_cuts_are_noticed() {
    for sample in stock() {
        block_on(async {
            for damage in damages(&sample, &ONE_BIT) {
                match damage.verify().await {
                    Ok(found) if found.is_sound() => {
                        // Of large objects in files of their own nothing says how long they are.
                        let is_cut = damage.bits.is_none() && !damage.file.starts_with("blob");
                        assert!(!is_cut, "{damage} is said to be sound");
                        if let Err(error) = damage.read().await {
                            panic!("{damage} is said to be sound: {error}");
                        }
                    }
                    Ok(_) => {}
                    Err(error) => assert!(
                        matches!(error.kind(), ErrorKind::Archive | ErrorKind::Unsupported),
                        "{damage}: {error}"
                    ),
                }
            }
        });
    }
}

#[test]
fn whole_archives_are_sound() {
    for sample in ours().into_iter().chain(stock()) {
        let (name, bytes) = sample.files.first_key_value().unwrap();
        let (rows, objects, tables) = if sample.name.starts_with("pg_dump") {
            (20, 3, 3)
        } else {
            (12, 3, 3)
        };
        let found = block_on(async { verify(&mut sample.open(name, bytes).await.unwrap()).await });
        assert!(found.is_sound(), "{}: {found:?}", sample.name);
        assert_eq!(found.checksums, !sample.name.starts_with("pg_dump"));
        let sum = |of: fn(&rsdump::restore::VerifiedEntry) -> u64| found.entries.iter().map(of).sum::<u64>();
        let seen = (sum(|e| e.rows), sum(|e| e.large_objects), found.entries.len());
        assert!(
            seen.0 == rows && seen.1 == objects && seen.2 >= tables,
            "{}: {seen:?}",
            sample.name
        );
    }
    for name in ["pg_dump_15.none", "pg_dump_16.gzip", "pg_dump_18.redirected"] {
        let mut archive = block_on(Archive::open_path(fixture(&format!("{name}.dump")))).unwrap();
        let found = block_on(verify(&mut archive));
        assert!(found.is_sound(), "{name}: {found:?}");
    }
}

/// An archive of ours as a file, and its bytes up to where `what` begins.
fn up_to(what: &[u8]) -> (Vec<u8>, usize) {
    let whole = ours().remove(0).files.remove("").unwrap();
    let at = find(&whole, what).unwrap();
    (whole, at)
}

/// What `rsrestore --verify` says of an archive while it may take 400 MB of memory, and whether it is content.
fn verified_in_little_memory(bytes: &[u8]) -> (bool, String, String) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, bytes).unwrap();
    let script = format!(
        "ulimit -v 400000; exec {} --verify {}",
        env!("CARGO_BIN_EXE_rsrestore"),
        file.path().display()
    );
    let output = std::process::Command::new("sh")
        .args(["-c", &script])
        .env("TOKIO_WORKER_THREADS", "1")
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    assert!(output.status.code().is_some(), "{}", text(output.stderr));
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_length_that_is_claimed_costs_no_memory() {
    let long = [0, 0xff, 0xff, 0xff, 0x7f];
    let (whole, _) = up_to(b"PGDMP");
    let (sound, _, errors) = verified_in_little_memory(&whole);
    assert!(sound, "{errors}");
    // The length of a chunk of rows, of the first text of an entry, and the number of entries.
    let (_, rows) = up_to(b"1\tsome text");
    let (_, entry) = up_to(b"COPY t");
    let (_, entries) = up_to(&[0, 4, 0, 0, 0, 0, 7, 0, 0, 0]);
    for (at, says) in [
        (rows - 5, "end of file"),
        (entry - 5, "claims to be 2147483647 bytes long"),
        (entries, "of 2147483647 of the table of contents"),
    ] {
        let mut claimed = whole.clone();
        claimed[at..at + 5].copy_from_slice(&long);
        let (sound, _, errors) = verified_in_little_memory(&claimed);
        assert!(!sound && errors.contains(says), "{errors}");
    }
    // A footer that claims the longest of indexes.
    let (_, footer) = up_to(b"RSDUMPF");
    let mut claimed = whole.clone();
    claimed[footer - 12..footer - 4].copy_from_slice(&u64::MAX.to_le_bytes());
    let (sound, _, errors) = verified_in_little_memory(&claimed);
    assert!(
        !sound && errors.contains("the index at the end of the archive is missing or damaged"),
        "{errors}"
    );
}

#[test]
fn what_is_damaged_is_commented_out_of_a_list_of_the_rest() {
    let (mut bytes, at) = up_to(b"3\tsome text 3");
    bytes[at + 4] ^= 1;
    let (sound, list, errors) = verified_in_little_memory(&bytes);
    assert!(!sound);
    let lines: Vec<&str> = list.lines().filter(|line| !line.starts_with("; ")).collect();
    assert_eq!(
        lines
            .iter()
            .filter(|line| !line.starts_with(';'))
            .collect::<Vec<_>>(),
        [&"10; 0 0 TABLE DATA - t ", &"1000; 0 0 BLOBS - 5..7 "],
        "{list}"
    );
    assert!(
        list.contains("\n;damaged: 11; 0 0 TABLE DATA - u \n;\treading entry 11 "),
        "{list}"
    );
    assert_eq!(
        errors.lines().collect::<Vec<_>>(),
        [
            "rsrestore: error: reading entry 11 TABLE DATA u: the data does not match its checksum (at offset \
             931); of its 4 segments these are damaged: 2; the others hold 6 rows",
            "rsrestore: error: the archive is damaged: 1 of 3 entries with data cannot be restored"
        ]
    );
}
