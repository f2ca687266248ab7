//! Parallel restores that come to a bad end: a lane that is refused, a session that is ended, an archive that is damaged.
//! They say so, they end, and they leave nothing that looks whole and is not.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rsdump::archive::{Archive, StreamSource};
use rsdump::connect::ConnectParams;
use rsdump::restore::{Report, Restore, RestoreOptions, Silent};

use crate::support::{Server, TempDb, rsdump, rsrestore, run, stdout_of};

/// How long a session that nobody interrupts would sleep.
const SLEEP: Duration = Duration::from_secs(60);

/// Restores with parts of a few kilobytes over three lanes.
fn in_parts(db: &TempDb<'_>, path: &Path, piped: bool, exit_on_error: bool) -> rsdump::Result<Report> {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let archive = match piped {
            false => Archive::open_path(path).await?,
            true => {
                let file = tokio::fs::File::open(path).await.expect("open the file");
                Archive::open(Box::new(StreamSource::new("stream".into(), file))).await?
            }
        };
        let options = RestoreOptions {
            jobs: 3,
            part_size: 32 * 1024,
            exit_on_error,
            ..RestoreOptions::default()
        };
        let params = ConnectParams::parse(db.conninfo().as_bytes())?;
        let restore = Restore::new(archive, options)?;
        restore.to_server(params, &mut Silent).await
    })
}

/// A table that is cut into many segments; whoever restores row 15000 in another database gets an error or sleeps.
fn cut_table(db: &TempDb<'_>, otherwise: &str) {
    db.psql(&format!(
        "CREATE FUNCTION is_well() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
           IF current_database() <> '{}' THEN {otherwise}; END IF; RETURN true; END $$;
         CREATE TABLE large (id int, t text, CHECK (id <> 15000 OR public.is_well()));
         INSERT INTO large SELECT g, repeat(md5(g::text), 4) FROM generate_series(1, 20000) g;
         CREATE TABLE small AS SELECT g FROM generate_series(1, 100) g",
        db.name
    ));
}

fn archive(db: &TempDb<'_>, dir: &Path, options: &[&str]) -> PathBuf {
    let path = dir.join("archive");
    let cut = ["-Fc", "-j2", "--segment-size=64kB", "-f"];
    stdout_of(db.aim(rsdump()).args(options).args(cut).arg(&path));
    path
}

/// Waits until as many sessions as that sleep in a database.
fn wait_for_sleepers(db: &TempDb<'_>, count: usize) {
    let begun = Instant::now();
    let query =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
    while db.psql(query) != format!("{count}\n").as_bytes() {
        assert!(begun.elapsed() < SLEEP / 2, "no session came to sleep");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn end_one_sleeper(db: &TempDb<'_>) {
    db.psql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND wait_event = 'PgSleep' LIMIT 1",
    );
}

/// Sessions of others in a database, once those that are ending are gone.
fn sessions(db: &TempDb<'_>) -> Vec<u8> {
    let query = "SELECT count(*) FROM pg_stat_activity \
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
    let begun = Instant::now();
    while db.psql(query) != b"0\n" && begun.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(20));
    }
    db.psql(query)
}

#[test]
fn the_first_error_leaves_no_table_with_some_of_its_parts() {
    let server = Server::get(18);
    let source = TempDb::new(server);
    cut_table(&source, "RAISE 'not here'");
    let dir = tempfile::tempdir().expect("make a directory");
    let path = archive(&source, dir.path(), &[]);
    for piped in [false, true] {
        let copy = TempDb::new(server);
        let report = in_parts(&copy, &path, piped, true).expect("a report");
        assert!(report.stopped && report.errors == 1, "{report:?}");
        assert_eq!(copy.psql("SELECT count(*) FROM large"), b"0\n", "piped: {piped}");
        assert_eq!(sessions(&copy), b"0\n");
    }
}

#[test]
fn a_session_that_is_ended_leaves_no_table_with_some_of_its_parts() {
    let server = Server::get(18);
    let source = TempDb::new(server);
    cut_table(&source, &format!("PERFORM pg_sleep({})", SLEEP.as_secs()));
    let dir = tempfile::tempdir().expect("make a directory");
    let path = archive(&source, dir.path(), &[]);
    for (piped, exit_on_error) in [(false, false), (false, true), (true, false)] {
        let copy = TempDb::new(server);
        let outcome = std::thread::scope(|scope| {
            let restore = scope.spawn(|| in_parts(&copy, &path, piped, exit_on_error));
            wait_for_sleepers(&copy, 1);
            end_one_sleeper(&copy);
            restore.join().expect("the restore")
        });
        let told = outcome.expect_err("the session is gone").to_string();
        assert!(
            told.contains("the server ended the session") || told.contains("connection"),
            "{told}"
        );
        assert_eq!(copy.psql("SELECT count(*) FROM large"), b"0\n", "piped: {piped}");
        assert_eq!(sessions(&copy), b"0\n");
    }
}

#[test]
fn a_session_that_is_ended_ends_what_the_others_do() {
    let server = Server::get(18);
    let source = TempDb::new(server);
    source.psql(&format!(
        "CREATE FUNCTION is_well() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
           IF current_database() <> '{}' THEN PERFORM pg_sleep({}); END IF; RETURN true; END $$;
         CREATE TABLE one (a int CHECK (public.is_well())); INSERT INTO one VALUES (1);
         CREATE TABLE two (a int CHECK (public.is_well())); INSERT INTO two VALUES (1)",
        source.name,
        SLEEP.as_secs()
    ));
    let dir = tempfile::tempdir().expect("make a directory");
    let path = archive(&source, dir.path(), &[]);
    for options in [&["-j2"][..], &["-j2", "-e"]] {
        let copy = TempDb::new(server);
        let begun = Instant::now();
        let mut restore = copy.aim(rsrestore());
        let restore = restore.args(options).arg(&path).stderr(Stdio::piped());
        let child = restore.spawn().expect("start rsrestore");
        wait_for_sleepers(&copy, 2);
        end_one_sleeper(&copy);
        let output = child.wait_with_output().expect("wait for rsrestore");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(
            told.contains("terminating connection due to administrator command"),
            "{told}"
        );
        assert!(begun.elapsed() < SLEEP, "the other session slept on");
        assert_eq!(sessions(&copy), b"0\n");
        let rows = "SELECT (SELECT count(*) FROM one), (SELECT count(*) FROM two)";
        assert_eq!(copy.psql(rows), b"0|0\n");
    }
}

/// Whether a message says that the archive is at fault.
fn tells_damage(told: &str) -> bool {
    told.contains("the data does not match its checksum") || told.contains("could not decompress data")
}

/// Changes a byte of an archive's copy, near the given share of its length.
fn damaged(path: &Path, thousandths: usize) -> PathBuf {
    let mut bytes = std::fs::read(path).expect("read the archive");
    let at = bytes.len() * thousandths / 1000;
    // In an archive that is not compressed this is a letter for another, in a row like all others.
    let letters = bytes[at..]
        .windows(8)
        .position(|run| run.iter().all(u8::is_ascii_hexdigit));
    let at = at + letters.unwrap_or(0);
    bytes[at + 4] ^= 1;
    let copy = path.with_extension("damaged");
    std::fs::write(&copy, &bytes).expect("write the archive");
    copy
}

#[test]
fn no_rows_are_kept_of_a_damaged_archive() {
    let server = Server::get(18);
    let source = TempDb::new(server);
    cut_table(&source, "NULL");
    let dir = tempfile::tempdir().expect("make a directory");
    for compression in ["-Z0", "-Zgzip", "-Zzstd"] {
        let path = damaged(&archive(&source, dir.path(), &[compression]), 600);
        for piped in [false, true] {
            let copy = TempDb::new(server);
            let what = format!("{compression}, piped: {piped}");
            let told = in_parts(&copy, &path, piped, false).expect_err(&what).to_string();
            assert!(tells_damage(&told), "{what}: {told}");
            assert_eq!(copy.psql("SELECT count(*) FROM large"), b"0\n", "{what}");
            assert_eq!(sessions(&copy), b"0\n");
        }
        let copy = TempDb::new(server);
        let output = run(copy.aim(rsrestore()).arg("-j2").arg(&path));
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(tells_damage(&told), "{compression}: {told}");
        assert_eq!(copy.psql("SELECT count(*) FROM large"), b"0\n", "{compression}");
    }
}

#[test]
fn large_objects_come_over_several_lanes_and_damaged_ones_do_not() {
    let server = Server::get(18);
    let source = TempDb::new(server);
    source.psql("SELECT count(lo_from_bytea(0, convert_to(repeat(md5(g::text), 8), 'UTF8'))) FROM generate_series(1, 4500) g");
    let sums = "SELECT l.oid, md5(lo_get(l.oid)) FROM pg_largeobject_metadata l ORDER BY 1";
    let expected = String::from_utf8(source.psql(sums)).expect("numbers");
    let dir = tempfile::tempdir().expect("make a directory");
    let path = archive(&source, dir.path(), &["-Z0"]);
    let copy = TempDb::new(server);
    stdout_of(copy.aim(rsrestore()).arg("-j3").arg(&path));
    assert_eq!(String::from_utf8(copy.psql(sums)).expect("numbers"), expected);

    let path = damaged(&path, 700);
    for jobs in ["-j1", "-j3"] {
        let copy = TempDb::new(server);
        let output = run(copy.aim(rsrestore()).arg(jobs).arg(&path));
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(tells_damage(&told), "{jobs}: {told}");
        let empty = "d41d8cd98f00b204e9800998ecf8427e";
        let left = String::from_utf8(copy.psql(sums)).expect("numbers");
        for line in left.lines().filter(|line| !line.ends_with(empty)) {
            assert!(expected.contains(line), "{jobs}: {line}");
        }
    }
}
