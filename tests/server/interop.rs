//! Archives between PostgreSQL's tools and ours: every format, compression and version that one writes and
//! the other reads, with equal lists, equal scripts and equal databases in the end.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bstr::ByteSlice;
use rsdump::archive::{Archive, COPY_END};
use rsdump::toc::Desc;

use crate::support::{
    Findings, Server, TempDb, assert_same, normalize, rsdump, rsrestore, stdout_of, tool, try_stdout_of,
};

/// Formats with the compression they can have.
const KINDS: [(&str, &str); 5] = [
    ("custom", "none"),
    ("custom", "gzip"),
    ("directory", "none"),
    ("directory", "gzip"),
    ("tar", "none"),
];
/// How many sessions a restore has.
const JOBS: [&str; 2] = ["-j1", "-j2"];
/// What `pg_restore` of a release reads.
const READERS: [(u32, &[&str]); 3] = [
    (15, &["1.14"]),
    (16, &["1.14", "1.15"]),
    (18, &["1.14", "1.15", "1.16"]),
];

/// Words that make a dump program write an archive.
fn output(format: &str, compression: &str, path: &Path) -> Vec<String> {
    let path = path.display();
    vec![
        format!("--format={format}"),
        format!("--compress={compression}"),
        format!("--file={path}"),
    ]
}

/// The script that a program makes of an archive.
fn script(mut program: Command, archive: &Path) -> Result<Vec<u8>, String> {
    let script = try_stdout_of(program.args(["-f", "-"]).arg(archive))?;
    Ok(normalize(&script))
}

/// The script that a program makes of an archive in a pipe.
fn script_of_pipe(mut program: Command, archive: &Path) -> Result<Vec<u8>, String> {
    let mut cat = Command::new("cat")
        .arg(archive)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| e.to_string())?;
    let pipe = cat.stdout.take().ok_or("no pipe")?;
    let script = try_stdout_of(program.args(["-f", "-"]).stdin(pipe));
    cat.wait().map_err(|e| e.to_string())?;
    Ok(normalize(&script?))
}

/// The entries of a list, without the lines above them, in which the releases differ.
fn entries(list: Result<Vec<u8>, String>) -> Result<Vec<u8>, String> {
    let list = list?;
    let lines = list.split_inclusive(|byte| *byte == b'\n');
    Ok(lines
        .filter(|line| !line.starts_with(b";"))
        .collect::<Vec<_>>()
        .concat())
}

/// What a restore of an archive leaves in an empty database.
fn restored(server: &Server, program: Command, options: &[&str], archive: &Path) -> Result<Vec<u8>, String> {
    let db = TempDb::new(server);
    try_stdout_of(db.aim(program).args(options).arg(archive))?;
    Ok(contents(&db))
}

fn contents(db: &TempDb<'_>) -> Vec<u8> {
    // Servers from 16 on leave out the table's name where there is but one.
    let dump = normalize(&db.pg_dump(18, &[]));
    dump.replace("SELECT t.id,\n    t.v\n", "SELECT id,\n    v\n")
}

#[test]
fn what_pg_dump_writes_rsrestore_reads() {
    let server = Server::get(15);
    let source = TempDb::loaded(server, "archives/setup.sql");
    let expected = contents(&source);
    let mut found = Findings::new("archives of pg_dump", 15);
    for writer in [15, 16, 18] {
        for (format, compression) in KINDS {
            let cell = format!("pg_dump {writer} {format} {compression}");
            let directory = tempfile::tempdir().expect("a temporary directory");
            let archive = directory.path().join("archive");
            let number = if compression == "none" { "0" } else { "6" };
            // Release 15 knows levels only, and none for tar.
            let compression = if format == "tar" { "0" } else { number };
            source.pg_dump(
                writer,
                &words(&output(format, compression, &archive)).collect::<Vec<_>>(),
            );
            let list = |mut program: Command| try_stdout_of(program.arg("-l").arg(&archive));
            found.same(
                &format!("{cell}: list"),
                list(tool(18, "pg_restore")),
                list(rsrestore()),
            );
            let stock = script(tool(18, "pg_restore"), &archive);
            found.same(
                &format!("{cell}: script"),
                stock.clone(),
                script(rsrestore(), &archive),
            );
            if format != "directory" {
                found.same(
                    &format!("{cell}: script of a pipe"),
                    stock,
                    script_of_pipe(rsrestore(), &archive),
                );
            }
            for jobs in JOBS {
                let database = restored(server, rsrestore(), &[jobs], &archive);
                found.same(
                    &format!("{cell}: database, {jobs}"),
                    Ok(expected.clone()),
                    database,
                );
            }
        }
    }
}

fn words(owned: &[String]) -> impl Iterator<Item = &str> {
    owned.iter().map(String::as_str)
}

#[test]
fn what_rsdump_writes_every_pg_restore_reads() {
    let server = Server::get(15);
    let source = TempDb::loaded(server, "archives/setup.sql");
    let expected = contents(&source);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let written = |version: &str, format: &str, compression: &str| -> PathBuf {
        let path = directory.path().join(format!("{version}.{format}.{compression}"));
        if !path.exists() {
            let version = format!("--archive-version={version}");
            let output = output(format, compression, &path);
            source.rsdump(&words(&output).chain([version.as_str()]).collect::<Vec<_>>());
        }
        path
    };
    let mut found = Findings::new("archives of rsdump", 15);
    for (reader, versions) in READERS {
        for version in versions {
            let reference = script(tool(reader, "pg_restore"), &written(version, "custom", "none"));
            for (format, compression) in KINDS {
                let cell = format!("rsdump {version} {format} {compression}, pg_restore {reader}");
                let archive = written(version, format, compression);
                let list = |mut program: Command| entries(try_stdout_of(program.arg("-l").arg(&archive)));
                found.same(
                    &format!("{cell}: list"),
                    list(tool(reader, "pg_restore")),
                    list(rsrestore()),
                );
                let stock = script(tool(reader, "pg_restore"), &archive);
                found.same(&format!("{cell}: script"), reference.clone(), stock.clone());
                if reader == 18 {
                    found.same(
                        &format!("{cell}: our script"),
                        stock,
                        script(rsrestore(), &archive),
                    );
                }
                // A newer pg_restore's settings are unknown to this server.
                let target = Server::get(if reader == 18 { 18 } else { 15 });
                for jobs in JOBS {
                    let restored = restored(target, tool(reader, "pg_restore"), &[jobs], &archive);
                    if format == "tar" && jobs == "-j2" {
                        let refused = restored.expect_err("pg_restore reads tar files alone");
                        assert!(refused.contains("parallel restore is not supported"), "{refused}");
                        continue;
                    }
                    found.same(
                        &format!("{cell}: database, {jobs}"),
                        Ok(expected.clone()),
                        restored,
                    );
                }
            }
        }
    }
}

/// Puts bytes through a command.
fn through(program: &str, args: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("cannot run {program}, which these tests need: {e}"));
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    let writing = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("run the program");
    writing.join().expect("a thread").expect("write to the program");
    assert!(output.status.success(), "{program} refuses what rsdump wrote");
    output.stdout
}

/// The stored bytes of the chunks from a position on, which must end with a chunk after so many bytes.
fn chunks(archive: &[u8], position: u64, stored: u64) -> Vec<u8> {
    let mut rest = &archive[usize::try_from(position).expect("a small file")..];
    let mut joined = Vec::new();
    while (joined.len() as u64) < stored {
        let length = u32::from_le_bytes(rest[1..5].try_into().expect("four bytes")) as usize;
        joined.extend_from_slice(&rest[5..5 + length]);
        rest = &rest[5 + length..];
    }
    assert_eq!(joined.len() as u64, stored, "a frame ends inside a chunk");
    joined
}

#[test]
fn lz4_and_zstd_frames_are_those_of_their_own_programs() {
    let server = Server::get(15);
    let source = TempDb::loaded(server, "archives/setup.sql");
    source.psql("INSERT INTO empty SELECT g FROM generate_series(1, 400000) g");
    let plain = normalize(&source.rsdump(&[]));
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (method, program, ending) in [
        ("lz4", "lz4", "lz4"),
        ("lz4:4", "lz4", "lz4"),
        ("zstd", "zstd", "zst"),
    ] {
        let path = |name: &str| {
            directory
                .path()
                .join(format!("{}.{name}", method.replace(':', "_")))
        };
        let script = source.rsdump(&["--compress", method]);
        assert_same(method, &plain, &normalize(&through(program, &["-dc"], &script)));

        let (folder, custom) = (path("directory"), path("custom"));
        for (format, to) in [("directory", &folder), ("custom", &custom)] {
            source.rsdump(&words(&output(format, method, to)).collect::<Vec<_>>());
            let ours = stdout_of(rsrestore().args(["-f", "-"]).arg(to));
            assert_same(&format!("{method} {format}"), &plain, &normalize(&ours));
        }

        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        let archive = runtime.block_on(Archive::open_path(&custom)).expect("an archive");
        let index = archive.index().expect("an index").clone();
        let bytes = std::fs::read(&custom).expect("read the archive");
        for entry in archive.toc().iter().filter(|entry| entry.desc == Desc::TableData) {
            let block = index.block(entry.dump_id).expect("the table's block");
            let mut rows = Vec::new();
            for segment in &block.segments {
                let frame = chunks(&bytes, segment.offset, segment.sums.stored);
                let decoded = through(program, &["-dc"], &frame);
                assert_eq!(decoded.len() as u64, segment.sums.plain);
                rows.extend_from_slice(&decoded);
            }
            assert!(rows.ends_with(COPY_END));
            if entry.tag == "empty" {
                assert!(block.segments.len() > 1, "one segment tests little");
                assert_eq!(rows.iter().filter(|byte| **byte == b'\n').count(), 400_003);
            }
        }
        let file = std::fs::read_dir(&folder)
            .expect("a directory")
            .map(|file| file.expect("a file").path())
            .find(|path| {
                path.to_string_lossy()
                    .ends_with(&format!("blob_5002.dat.{ending}"))
            })
            .expect("the file of a large object");
        let stored = std::fs::read(file).expect("read the file");
        assert_eq!(through(program, &["-dc"], &stored), "abc".repeat(1000).as_bytes());
    }
}

/// A member of a tar file.
fn member(archive: &Path, name: &str) -> Vec<u8> {
    stdout_of(Command::new("tar").arg("xOf").arg(archive).arg(name))
}

/// `restore.sql` without the numbers of entries, which are any the dump program likes.
fn restore_script(archive: &Path) -> Vec<u8> {
    let script = normalize(&member(archive, "restore.sql"));
    let script = String::from_utf8(script).expect("UTF-8");
    let lines = script.lines().map(|line| match line.split_once("$$PATH$$/") {
        Some((before, file)) => {
            let number = file.trim_start_matches(|c: char| c.is_ascii_digit());
            format!("{before}$$PATH$$/N{number}\n")
        }
        None => format!("{line}\n"),
    });
    lines.collect::<String>().into_bytes()
}

#[test]
fn tar_files_hold_what_pg_dumps_do() {
    let server = Server::get(18);
    let source = TempDb::loaded(server, "archives/setup.sql");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let [stock, ours] = ["stock.tar", "ours.tar"].map(|name| directory.path().join(name));
    let mut found = Findings::new("restore.sql", 18);
    for options in [
        "",
        "-C -c --if-exists -O -x",
        "-a --disable-triggers -S postgres",
        "-s --no-comments --no-tablespaces",
        "--section=post-data -v",
        "--use-set-session-authorization --quote-all-identifiers",
        "-t t --statistics",
    ] {
        let words: Vec<&str> = options.split_whitespace().collect();
        for (program, path) in [(tool(18, "pg_dump"), &stock), (rsdump(), &ours)] {
            stdout_of(source.aim(program).args(&words).args(["-Ft", "-f"]).arg(path));
        }
        found.same(
            &format!("with {options}"),
            Ok(restore_script(&stock)),
            Ok(restore_script(&ours)),
        );
    }
    let piped = source.rsdump(&["-Ft"]);
    let members = |archive: &[u8]| String::from_utf8(through("tar", &["tf", "-"], archive)).expect("UTF-8");
    let shape = |list: String| -> Vec<String> {
        let digits = |name: &str| name.split(|c: char| c.is_ascii_digit()).collect::<String>();
        list.lines().map(digits).collect()
    };
    let mut expected = shape(members(&source.pg_dump(18, &["-Ft"])));
    expected.push("rsdump.index".into());
    assert_eq!(shape(members(&piped)), expected);
    let refused = try_stdout_of(source.aim(rsdump()).args(["-Ft", "-Z3"])).expect_err("no tar is compressed");
    assert!(
        refused.contains("compression is not supported by tar archive format"),
        "{refused}"
    );
}
