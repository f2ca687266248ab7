//! PostgreSQL's own tools as the judge: the same database, the same options, the same bytes.
//!
//! Every check below runs for every fixture on every server. `pg_dump` and `pg_restore` 18 say what is right; those of
//! 15 and 16 stand in for the users who read our archives with an older tool, or hand us theirs.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};

use crate::support::{
    Findings, Server, TempDb, fixture, normalize, rsdump, rsrestore, stdout_of, tool, try_stdout_of,
};

/// Makes a module per fixture, in it one per server, in that a test per check.
macro_rules! judge {
    ($($name:ident $servers:ident: $files:expr;)*) => { $(
        mod $name {
            use super::super::*;
            const DATABASE: Fixture = Fixture { name: stringify!($name), files: &$files, options: "" };
            judge!(@$servers);
        }
    )* };
    (@on_all) => { judge!(@servers v13 13, v14 14, v15 15, v16 16, v17 17, v18 18); };
    (@on_two) => { judge!(@servers v15 15, v18 18); };
    (@servers $($module:ident $major:literal),*) => { $(
        mod $module {
            use super::*;
            #[test]
            fn plain_output_equals_that_of_pg_dump() {
                plain_output_equals_that_of_pg_dump_(&DATABASE, $major);
            }
            #[test]
            fn stock_tools_read_our_archives() {
                stock_tools_read_our_archives_(&DATABASE, $major);
            }
            #[test]
            fn we_read_archives_of_stock_tools() {
                we_read_archives_of_stock_tools_(&DATABASE, $major);
            }
            #[test]
            fn dump_restore_dump_is_the_same() {
                dump_restore_dump_is_the_same_(&DATABASE, $major);
            }
        }
    )* };
}

mod databases {
    judge! {
        all_kinds on_two: ["databases/all_kinds.sql"];
        empty on_all: ["databases/empty.sql"];
        large_objects on_all: ["databases/large_objects.sql"];
        latin1 on_all: ["databases/latin1.sql"];
        loops on_all: ["databases/loops.sql"];
        museum on_all: ["databases/museum.sql"];
        places on_all: ["databases/places.sql"];
        // Its rows take the most time of all.
        sample on_two: ["sample/schema.sql", "sample/data.sql"];
        sample_schema on_all: ["sample/schema.sql"];
        store on_all: ["databases/store.sql"];
    }
}

/// What `pg_dump` options are compared. Rows are in the first and the second only: they are the same in all.
const DUMP_OPTIONS: [&[&str]; 8] = [
    &[],
    &["-a"],
    &["-s"],
    &["-s", "-C"],
    &["-s", "-c"],
    &["-s", "-c", "--if-exists", "-C"],
    &["-s", "-O", "-x"],
    &["-s", "-O", "-c"],
];

/// What `pg_restore` options are compared on one archive.
const RESTORE_OPTIONS: [&[&str]; 8] = [
    &[],
    &["-s"],
    &["-a"],
    &["-s", "-c"],
    &["-s", "-c", "--if-exists", "-C"],
    &["-C", "-s"],
    &["-s", "-O", "-x"],
    &["-n", "public"],
];

fn plain_output_equals_that_of_pg_dump_(fixture: &Fixture, major: u32) {
    let db = fixture.on(major);
    let mut findings = Findings::new(fixture.name, major);
    for options in DUMP_OPTIONS {
        let theirs = db.pg_dump(18, options);
        let ours = try_stdout_of(db.aim(rsdump()).args(options));
        let what = format!("rsdump {}", options.join(" "));
        findings.same(&what, Ok(normalize(&theirs)), ours.map(|o| normalize(&o)));
    }
}

fn stock_tools_read_our_archives_(fixture: &Fixture, major: u32) {
    let db = fixture.on(major);
    let mut findings = Findings::new(fixture.name, major);
    let dir = tempfile::tempdir().expect("make a directory");
    let plain = normalize(&db.pg_dump(18, &[]));
    let stock_archive = archive_of(tool(18, "pg_dump"), db, dir.path(), "stock", &["-Fc"]);
    let stock_list = without_ids(&list(tool(18, "pg_restore"), &stock_archive).expect("pg_restore -l"));

    for (version, reader, compression) in [("1.14", 15, "gzip"), ("1.15", 16, "none"), ("1.16", 18, "gzip")] {
        let path = dir.path().join(version);
        let mut dump = db.aim(rsdump());
        dump.arg(format!("--archive-version={version}"))
            .args(["-Fc", "-Z", compression, "-f"])
            .arg(&path);
        if !findings.succeeds(&format!("rsdump of {version}"), &mut dump) {
            continue;
        }
        let listed = list(tool(18, "pg_restore"), &path);
        findings.same(
            &format!("rsrestore -l of {version}"),
            listed.clone(),
            list(rsrestore(), &path),
        );
        if version == "1.16" {
            let ours = listed.map(|l| without_ids(&l));
            findings.same("the entries of 1.16", Ok(stock_list.clone()), ours);
        }
        let what = format!("the script of pg_restore {reader} from {version}");
        let script = script(tool(reader, "pg_restore"), &path, &[]);
        if reader == 18 {
            findings.same(&what, Ok(plain.clone()), script.clone());
        }
        findings.same(
            &format!("rsrestore -f - of {version}"),
            self::script(tool(18, "pg_restore"), &path, &[]),
            self::script(rsrestore(), &path, &[]),
        );
        // An older pg_restore sets nothing that an older server does not know, so it can load without an error.
        if reader == stock_restorer(major) {
            let copy = TempDb::with(db.server, fixture.options);
            let what = format!("pg_restore {reader} of {version}");
            if findings.succeeds(&what, copy.aim(tool(reader, "pg_restore")).arg(&path)) {
                findings.same(&what, Ok(plain.clone()), Ok(normalize(&copy.pg_dump(18, &[]))));
            }
        } else if script.is_err() {
            findings.same(&what, Ok(Vec::new()), script);
        }
    }
}

fn we_read_archives_of_stock_tools_(fixture: &Fixture, major: u32) {
    let db = fixture.on(major);
    let mut findings = Findings::new(fixture.name, major);
    let dir = tempfile::tempdir().expect("make a directory");
    let plain = normalize(&db.pg_dump(18, &[]));
    for writer in [15, 16, 18].into_iter().filter(|writer| major <= *writer) {
        let compression = if writer == 16 { "-Z0" } else { "-Z6" };
        let path = archive_of(
            tool(writer, "pg_dump"),
            db,
            dir.path(),
            &writer.to_string(),
            &["-Fc", compression],
        );
        let what = format!("rsrestore -l of pg_dump {writer}'s");
        findings.same(
            &what,
            list(tool(18, "pg_restore"), &path),
            list(rsrestore(), &path),
        );
        for options in RESTORE_OPTIONS {
            let what = format!("rsrestore {} -f - of pg_dump {writer}'s", options.join(" "));
            findings.same(
                &what,
                script(tool(18, "pg_restore"), &path, options),
                script(rsrestore(), &path, options),
            );
        }
        let copy = TempDb::with(db.server, fixture.options);
        let what = format!("rsrestore of pg_dump {writer}'s into a database");
        if findings.succeeds(&what, copy.aim(rsrestore()).arg(&path)) {
            findings.same(&what, Ok(plain.clone()), Ok(normalize(&copy.pg_dump(18, &[]))));
        }
    }
}

fn dump_restore_dump_is_the_same_(fixture: &Fixture, major: u32) {
    let db = fixture.on(major);
    let mut findings = Findings::new(fixture.name, major);
    let dir = tempfile::tempdir().expect("make a directory");
    let path = dir.path().join("archive");
    let plain = try_stdout_of(&mut db.aim(rsdump())).map(|p| normalize(&p));
    // Ours by default: zstd, which this pg_restore cannot read.
    if !findings.succeeds("rsdump -Fc", db.aim(rsdump()).args(["-Fc", "-f"]).arg(&path)) {
        return;
    }
    findings.same("rsrestore -f -", plain.clone(), script(rsrestore(), &path, &[]));
    let copy = TempDb::with(db.server, fixture.options);
    if findings.succeeds("rsrestore", copy.aim(rsrestore()).arg(&path)) {
        findings.same(
            "the copy's dump",
            plain.clone(),
            try_stdout_of(&mut copy.aim(rsdump())).map(|p| normalize(&p)),
        );
        findings.same("the copy's pg_dump", plain, Ok(normalize(&copy.pg_dump(18, &[]))));
    }
}

/// A database in another encoding than UTF-8, whose bytes must come through as they are.
#[test]
fn a_latin1_database_keeps_its_bytes() {
    const LATIN1: Fixture = Fixture {
        name: "latin1_encoded",
        files: &["databases/latin1.sql"],
        options: "ENCODING 'LATIN1'",
    };
    for major in [15, 18] {
        assert!(
            LATIN1
                .on(major)
                .pg_dump(18, &[])
                .windows(4)
                .any(|w| w == b"Z\xfcri"),
            "the fixture is LATIN1"
        );
        plain_output_equals_that_of_pg_dump_(&LATIN1, major);
        we_read_archives_of_stock_tools_(&LATIN1, major);
        dump_restore_dump_is_the_same_(&LATIN1, major);
    }
}

/// `-C`: the database is gone, and comes back under its own name, with its own settings and grants.
#[test]
fn a_dropped_database_comes_back() {
    for major in [15, 18] {
        let dir = tempfile::tempdir().expect("make a directory");
        let path = dir.path().join("archive");
        let db = TempDb::loaded(Server::get(major), "sample/schema.sql");
        let before = normalize(&db.pg_dump(18, &["-C"]));
        stdout_of(db.aim(rsdump()).args(["-Fc", "-f"]).arg(&path));
        db.server.psql(&format!("DROP DATABASE {}", db.name));
        let postgres = format!("{} dbname=postgres", db.server.conninfo());
        stdout_of(rsrestore().args(["-C", "-d", &postgres]).arg(&path));
        let mut findings = Findings::new("sample", major);
        findings.same(
            "the database",
            Ok(before),
            Ok(normalize(&db.pg_dump(18, &["-C"]))),
        );
    }
}

/// SQL files that together make a database.
struct Fixture {
    name: &'static str,
    files: &'static [&'static str],
    /// Of `CREATE DATABASE`.
    options: &'static str,
}

impl Fixture {
    /// The database on a server, loaded once for all tests, none of which changes it.
    fn on(&self, major: u32) -> &'static TempDb<'static> {
        type Slots = HashMap<(&'static str, u32), Arc<OnceLock<&'static TempDb<'static>>>>;
        static LOADED: OnceLock<Mutex<Slots>> = OnceLock::new();
        let slots = LOADED.get_or_init(Mutex::default);
        let slot = {
            let mut slots = slots.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            Arc::clone(slots.entry((self.name, major)).or_default())
        };
        slot.get_or_init(|| {
            let db = TempDb::with(Server::get(major), self.options);
            for file in self.files {
                db.load(&fixture(file));
            }
            // Lives as long as its server does.
            Box::leak(Box::new(db))
        })
    }
}

/// The oldest `pg_restore` at hand whose settings a server of this version knows.
fn stock_restorer(major: u32) -> u32 {
    match major {
        ..=15 => 15,
        16 => 16,
        _ => 18,
    }
}

fn archive_of(program: Command, db: &TempDb<'_>, dir: &Path, name: &str, options: &[&str]) -> PathBuf {
    let path = dir.join(name);
    stdout_of(db.aim(program).args(options).arg("-f").arg(&path));
    path
}

fn list(mut program: Command, archive: &Path) -> Result<Vec<u8>, String> {
    try_stdout_of(program.arg("-l").arg(archive))
}

fn script(mut program: Command, archive: &Path, options: &[&str]) -> Result<Vec<u8>, String> {
    try_stdout_of(program.args(options).args(["-f", "-"]).arg(archive)).map(|s| normalize(&s))
}

/// A list's entries without comments and without dump ids, which are the writer's own choice.
fn without_ids(list: &[u8]) -> Vec<u8> {
    let entries = list
        .split_inclusive(|b| *b == b'\n')
        .filter(|line| !line.starts_with(b";"));
    let bare = entries.map(|line| line.splitn(2, |b| *b == b';').nth(1).unwrap_or(line));
    bare.collect::<Vec<_>>().concat()
}
