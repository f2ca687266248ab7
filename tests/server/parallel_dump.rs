//! Dumps over several lanes: the same bytes as over one, whatever is cut where, and nothing left of those that fail.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::support::{
    Findings, Server, TempDb, assert_same, normalize, rsdump, rsrestore, run, stdout_of, tool, try_stdout_of,
};

/// Tables of every sort that is cut or must not be.
const TABLES: &str = r#"
CREATE TABLE big (id int, gone text, v text, twice int GENERATED ALWAYS AS (id * 2) STORED, "Odd ""Name" text);
INSERT INTO big (id, gone, v, "Odd ""Name") SELECT i, 'x', md5(i::text), repeat('y', i % 50) FROM generate_series(1, 30000) i;
UPDATE big SET v = v || '!' WHERE id % 5 = 0;
DELETE FROM big WHERE id BETWEEN 8000 AND 16000;
ALTER TABLE big DROP COLUMN gone;
CREATE TABLE toasted (id int, t text);
ALTER TABLE toasted ALTER t SET STORAGE EXTERNAL;
INSERT INTO toasted SELECT i, repeat(md5(i::text), 200 + i % 300) FROM generate_series(1, 300) i;
CREATE TABLE part (k int, v text) PARTITION BY RANGE (k);
DO $$ BEGIN
    FOR i IN 0..9 LOOP
        EXECUTE format('CREATE TABLE part_%s PARTITION OF part FOR VALUES FROM (%s) TO (%s)', i, i * 1000, (i + 1) * 1000);
        EXECUTE format('CREATE TABLE small_%s AS SELECT i, md5(i::text) m FROM generate_series(1, %s) i', i, i * 200);
    END LOOP;
END $$;
INSERT INTO part SELECT i % 10000, 'v' || i FROM generate_series(1, 20000) i;
CREATE TABLE parent (a int);
CREATE TABLE child (b text) INHERITS (parent);
INSERT INTO parent SELECT generate_series(1, 5000);
INSERT INTO child SELECT i, 'c' || i FROM generate_series(1, 5000) i;
CREATE TABLE nothing (a int);
CREATE TABLE no_columns ();
INSERT INTO no_columns SELECT FROM generate_series(1, 3000);
SELECT lo_from_bytea(0, convert_to(repeat(md5(i::text), i * 3), 'UTF8')) FROM generate_series(1, 50) i;
SELECT lo_from_bytea(0, convert_to(repeat('0123456789', 500000), 'UTF8'));
"#;

#[test]
fn many_lanes_give_the_bytes_of_one() {
    for major in [13, 18] {
        let db = TempDb::new(Server::get(major));
        db.psql(TABLES);
        let mut findings = Findings::new("tables", major);
        let expected = normalize(&db.pg_dump(18, &[]));
        for args in [
            "-j1",
            "-j2 --segment-size=256kB",
            "-j4 --segment-size=8kB",
            "-j3 -Zgzip --segment-size=64kB",
        ] {
            let dumped = try_stdout_of(db.aim(rsdump()).args(args.split(' ')));
            let script = dumped.map(|script| normalize(&unzipped(script)));
            findings.same(args, Ok(expected.clone()), script);
        }
        let dir = tempfile::tempdir().expect("make a directory");
        for (name, args) in [
            ("none", "-Fc -Z0"),
            ("gzip", "-Fc -Zgzip"),
            ("zstd", "-Fc -Zzstd"),
            ("folder", "-Fd -Zgzip"),
            ("tar", "-Ft"),
        ] {
            let path = dir.path().join(name);
            let args = args.split(' ').chain(["-j4", "--segment-size=64kB", "-f"]);
            stdout_of(db.aim(rsdump()).args(args).arg(&path));
            let ours = try_stdout_of(rsrestore().arg("-f-").arg(&path));
            findings.same(name, Ok(expected.clone()), ours.map(|script| normalize(&script)));
            // The reference programs were built without zstd.
            if name != "zstd" {
                let theirs = try_stdout_of(tool(18, "pg_restore").arg("-f-").arg(&path));
                let what = format!("{name}, read by pg_restore");
                findings.same(
                    &what,
                    Ok(expected.clone()),
                    theirs.map(|script| normalize(&script)),
                );
            }
        }
    }
}

/// What a script is once the compression is taken off that it may have.
fn unzipped(script: Vec<u8>) -> Vec<u8> {
    if !script.starts_with(&[0x1f, 0x8b]) {
        return script;
    }
    let mut plain = Vec::new();
    flate2::read::MultiGzDecoder::new(&script[..])
        .read_to_end(&mut plain)
        .expect("a gzip file");
    plain
}

#[test]
fn an_ordinary_user_dumps_in_parallel_what_it_may_read() {
    let db = TempDb::new(Server::get(18));
    db.psql(
        "DO $$ BEGIN CREATE ROLE reads_in_parallel LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
         CREATE TABLE t AS SELECT i, md5(i::text) FROM generate_series(1, 5000) i;
         CREATE TABLE u AS SELECT 1 AS one; GRANT SELECT ON t, u TO reads_in_parallel",
    );
    let of = |args: &[&str]| {
        normalize(&stdout_of(
            db.aim(rsdump()).args(["-U", "reads_in_parallel"]).args(args),
        ))
    };
    assert_same("an ordinary user", &of(&[]), &of(&["-j3", "--segment-size=8kB"]));
    db.psql("REVOKE SELECT ON u FROM reads_in_parallel");
    let refused = run(db.aim(rsdump()).args(["-U", "reads_in_parallel", "-j3"]));
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("permission denied for table u"));
}

#[test]
fn a_lane_that_fails_ends_the_dump_and_leaves_nothing() {
    let db = TempDb::new(Server::get(18));
    db.psql(
        "CREATE TABLE latin AS SELECT i, repeat('é', 200) t FROM generate_series(1, 20000) i;
         UPDATE latin SET t = 'Ω' WHERE i = 15000;
         CREATE TABLE others AS SELECT i, md5(i::text) FROM generate_series(1, 20000) i",
    );
    let dir = tempfile::tempdir().expect("make a directory");
    for format in ["-Fc", "-Fp", "-Fd"] {
        let args = [format, "-j3", "--segment-size=64kB", "-ELATIN1", "-f"];
        let failed = run(db.aim(rsdump()).args(args).arg(dir.path().join("out")));
        let told = String::from_utf8_lossy(&failed.stderr).into_owned();
        assert_eq!(failed.status.code(), Some(1), "{format}: {told}");
        assert!(told.contains("\"latin\"") && told.contains("LATIN1"), "{told}");
        assert!(
            !told.contains("user request"),
            "the cause is not the cancelling: {told}"
        );
        assert_eq!(files(dir.path()), 0, "{format}");
    }
    assert_eq!(copying(&db), "0");
}

/// A database with tables neither of which can be read to its end while nobody takes the output.
fn with_long_table<'a>() -> TempDb<'a> {
    let db = TempDb::new(Server::get(18));
    db.psql(
        "CREATE TABLE a_long AS SELECT i, repeat(md5(i::text), 20) FROM generate_series(1, 120000) i;
         CREATE TABLE b_long AS SELECT * FROM a_long;
         CREATE TABLE c_short AS SELECT 1 AS one",
    );
    db
}

/// A dump whose lanes all wait for the output to be read.
fn stuck(db: &TempDb<'_>, jobs: usize) -> Child {
    let child = db
        .aim(rsdump())
        .args([&format!("-j{jobs}"), "--segment-size=1GB"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("start rsdump");
    wait_until(|| {
        let query = format!(
            "SELECT count(*) FILTER (WHERE wait_event = 'ClientWrite') >= {jobs} \
             FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%COPY%_long%' \
             AND state = 'active' AND pid <> pg_backend_pid() AND query_start < clock_timestamp() - interval '1s'"
        );
        db.psql(&query) == b"t\n"
    });
    child
}

#[test]
fn a_lane_whose_server_process_ends_fails_the_dump() {
    let db = with_long_table();
    let child = stuck(&db, 2);
    db.psql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND query LIKE '%COPY%_long%' \
         AND pid <> pg_backend_pid() LIMIT 1",
    );
    let output = child.wait_with_output().expect("wait for rsdump");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    // A server process that cannot write has no way to say why it ends.
    let causes = ["terminating connection", "server closed the connection"];
    let is_cause = causes.iter().any(|cause| told.contains(cause));
    assert!(told.contains("_long") && is_cause, "{told}");
    assert!(
        !output
            .stdout
            .ends_with(b"-- PostgreSQL database dump complete\n--\n\n")
    );
}

#[test]
fn a_lane_never_waits_for_whoever_waits_for_the_dump() {
    let db = with_long_table();
    for (jobs, succeeds) in [(2, false), (1, true)] {
        let child = stuck(&db, jobs);
        let mut alter = db
            .aim(tool(18, "psql"))
            .args(["-X", "-c", "ALTER TABLE c_short ADD COLUMN two int"])
            .stdout(Stdio::null())
            .spawn()
            .expect("start psql");
        wait_until(|| {
            db.psql("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'c_short'::regclass")
                == b"1\n"
        });
        let output = child.wait_with_output().expect("wait for rsdump");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.success(), succeeds, "-j{jobs}: {told}");
        let refused = told.contains("could not obtain lock on relation public.c_short");
        assert_eq!(refused, !succeeds, "-j{jobs}: {told}");
        assert!(alter.wait().expect("wait for psql").success());
        db.psql("ALTER TABLE c_short DROP COLUMN two");
    }
}

/// How many COPY statements run in the database, once those that were cancelled have had time to end.
fn copying(db: &TempDb<'_>) -> String {
    let query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
         AND state = 'active' AND query LIKE 'COPY%'";
    let count = || String::from_utf8_lossy(&db.psql(query)).trim().to_owned();
    let begun = Instant::now();
    while count() != "0" && begun.elapsed() < Duration::from_secs(5) {
        std::thread::sleep(Duration::from_millis(20));
    }
    count()
}

fn files(dir: &Path) -> usize {
    std::fs::read_dir(dir).expect("read the directory").count()
}

fn wait_until(done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing happens");
        std::thread::sleep(Duration::from_millis(20));
    }
}
