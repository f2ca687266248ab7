//! `--report` and `--progress=json`: what a run says of itself to programs (docs/REPORT.md).

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::support::{Server, TempDb, rsdump, rsdumpall, rsrestore, run, stdout_of};

const SETUP: &str = "CREATE SCHEMA s;
    CREATE TABLE s.t (a integer PRIMARY KEY, b text);
    INSERT INTO s.t SELECT i, repeat('x', 10) FROM generate_series(1, 1000) i;
    CREATE TABLE s.empty (a integer);
    SELECT lo_from_bytea(7001, '\\x00112233');";

fn read(path: &Path) -> Value {
    let text = std::fs::read(path).expect("there is a report");
    serde_json::from_slice(&text).expect("a report is JSON")
}

fn entry<'a>(report: &'a Value, kind: &str, name: &str) -> &'a Value {
    let mut entries = report["entries"].as_array().expect("a list").iter();
    entries
        .find(|entry| entry["kind"] == kind && entry["name"] == name)
        .unwrap_or_else(|| panic!("no {kind} {name} in {report:#}"))
}

#[test]
fn a_dump_and_its_restore_report_what_they_did() {
    let server = Server::get(18);
    let db = TempDb::new(server);
    db.psql(SETUP);
    let dir = tempfile::tempdir().expect("make a directory");
    let (archive, report) = (dir.path().join("archive"), dir.path().join("report.json"));
    std::fs::write(&report, "what was there before").expect("write a file");
    let mut dump = db.aim(rsdump());
    dump.args(["-Fc", "-j2", "-f"])
        .arg(&archive)
        .arg("--report")
        .arg(&report);
    stdout_of(&mut dump);
    let dumped = read(&report);
    assert_eq!(dumped["report_version"], 1);
    assert_eq!(dumped["program"], "rsdump");
    assert_eq!(dumped["database"], db.name.as_str());
    assert!(
        dumped["server_version"]
            .as_str()
            .is_some_and(|version| version.starts_with("18"))
    );
    assert_eq!(
        (&dumped["status"], &dumped["exit_code"]),
        (&"complete".into(), &0.into())
    );
    assert!(dumped["started"].as_str() <= dumped["ended"].as_str());
    assert_eq!(dumped["totals"]["rows"], 1001);
    let rows = entry(&dumped, "TABLE DATA", "t");
    // 1 to 999 have 9 + 180 + 2700 digits, 1000 has four; each row ten letters, a tab and a line end; then the end mark.
    assert_eq!((&rows["rows"], &rows["schema"]), (&1000.into(), &"s".into()));
    assert_eq!(rows["bytes"], 2893 + 12_000 + 5);
    assert_eq!(entry(&dumped, "TABLE DATA", "empty")["rows"], 0);
    assert_eq!(entry(&dumped, "BLOBS", "7001")["bytes"], 4);
    assert_eq!(entry(&dumped, "TABLE", "t").get("rows"), None);
    let entries = dumped["entries"].as_array().expect("a list").len();
    assert_eq!(dumped["totals"]["entries"], entries);

    let copy = TempDb::new(server);
    copy.psql("CREATE SCHEMA s; CREATE TABLE s.empty (b integer)");
    let restored = run(copy.aim(rsrestore()).arg("--report").arg(&report).arg(&archive));
    assert_eq!(restored.status.code(), Some(1));
    let restored = read(&report);
    assert_eq!(
        (&restored["status"], &restored["exit_code"]),
        (&"errors".into(), &1.into())
    );
    assert_eq!(restored["totals"]["rows"], 1001);
    assert_eq!(restored["totals"]["errors"], 3);
    let failed = entry(&restored, "TABLE", "empty");
    assert_eq!(failed["failed"], true);
    let error = restored["errors"].as_array().expect("a list").iter();
    let error = error
        .clone()
        .find(|error| error["id"] == failed["id"])
        .expect("its error");
    assert_eq!(error["sqlstate"], "42P07");
    assert!(
        error["message"]
            .as_str()
            .is_some_and(|text| text.contains("\"empty\" already exists"))
    );
    assert_eq!(restored["warnings"][0]["message"], "errors ignored on restore: 3");
    assert_eq!(entry(&restored, "CONSTRAINT", "t t_pkey").get("failed"), None);
}

#[test]
fn a_run_that_fails_reports_that() {
    let db = TempDb::new(Server::get(18));
    let dir = tempfile::tempdir().expect("make a directory");
    let report = dir.path().join("report.json");
    let failed = run(db.aim(rsdump()).args(["-t", "nothing", "--report"]).arg(&report));
    assert_eq!(failed.status.code(), Some(1));
    let reported = read(&report);
    assert_eq!(
        (&reported["status"], &reported["exit_code"]),
        (&"failed".into(), &1.into())
    );
    assert_eq!(reported["errors"][0]["message"], "no matching tables were found");
    assert_eq!(reported["entries"], serde_json::json!([]));

    let nowhere = run(rsrestore()
        .args(["-h", "/nonexistent", "-d", "x", "--report"])
        .arg(&report)
        .arg(crate::support::fixture("archives/pg_dump_18.none.dump")));
    assert_eq!(nowhere.status.code(), Some(1));
    assert_eq!(read(&report)["server_version"], Value::Null);

    let unwritable = run(db.aim(rsdump()).args(["-s", "--report", "/nonexistent/report"]));
    assert_eq!(unwritable.status.code(), Some(1));
    let told = String::from_utf8_lossy(&unwritable.stderr).into_owned();
    assert!(
        told.starts_with("rsdump: error: could not write report \"/nonexistent/report\""),
        "{told}"
    );
}

#[test]
fn who_gives_up_gets_a_report_of_that() {
    let db = TempDb::new(Server::get(18));
    db.psql("CREATE TABLE t (a integer)");
    let dir = tempfile::tempdir().expect("make a directory");
    let report = dir.path().join("report.json");
    let mut locking = crate::support::server::psql_command(&db.conninfo());
    locking.args(["-c", "BEGIN", "-c", "LOCK TABLE t", "-c", "SELECT pg_sleep(60)"]);
    let mut locking = locking.stdout(Stdio::null()).spawn().expect("run psql");
    let waiting = |what: &str| {
        let sql = format!("SELECT count(*) FROM pg_locks WHERE relation = 't'::regclass AND {what}");
        let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while db.psql(&sql).starts_with(b"0") {
            assert!(std::time::Instant::now() < end, "nobody comes to the lock");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    };
    waiting("granted AND mode = 'AccessExclusiveLock'");
    let mut dump = db.aim(rsdump());
    dump.arg("--report").arg(&report).stdout(Stdio::null());
    let mut dump = dump.spawn().expect("run rsdump");
    waiting("NOT granted");
    let id = dump.id().to_string();
    assert!(
        std::process::Command::new("kill")
            .args(["-INT", &id])
            .status()
            .expect("run kill")
            .success()
    );
    assert_eq!(dump.wait().expect("wait for rsdump").code(), Some(1));
    assert_eq!(read(&report)["status"], "interrupted");
    db.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
    locking.wait().expect("wait for psql");
}

/// Sent to the server when whoever restores gives up, and what was done until then is reported.
#[test]
fn who_gives_up_a_restore_stops_all_of_its_sessions() {
    let server = Server::get(18);
    let db = TempDb::new(server);
    // An index of such a function takes as long as there are rows; the dumped database has few.
    db.psql(
        "CREATE FUNCTION slow(a integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS \
         $$BEGIN IF current_database() <> '@' THEN PERFORM pg_sleep(60); END IF; RETURN a; END$$;
         CREATE TABLE t (a integer); CREATE INDEX ti ON t (slow(a)); ALTER TABLE t SET (autovacuum_enabled = off);
         CREATE TABLE u (a integer); CREATE INDEX ui ON u (slow(a));"
            .replace('@', &db.name)
            .as_str(),
    );
    db.psql("INSERT INTO t VALUES (1); INSERT INTO u VALUES (1)");
    let dir = tempfile::tempdir().expect("make a directory");
    let path = |name: &str| dir.path().join(name);
    let (archive, script, report) = (path("archive"), path("script"), path("report"));
    stdout_of(db.aim(rsdump()).args(["-Fc", "-f"]).arg(&archive));
    stdout_of(db.aim(rsdump()).arg("-f").arg(&script));
    for (input, jobs, signal) in [
        (&archive, "-j1", "-INT"),
        (&archive, "-j2", "-TERM"),
        (&script, "", "-TERM"),
    ] {
        let copy = TempDb::new(server);
        let mut restore = copy.aim(rsrestore());
        restore
            .args((!jobs.is_empty()).then_some(jobs))
            .arg("--report")
            .arg(&report)
            .arg(input);
        let restore = restore.stderr(Stdio::piped()).spawn().expect("run rsrestore");
        let sleeping = || {
            let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                 AND wait_event = 'PgSleep'";
            String::from_utf8_lossy(&copy.psql(sql)).trim().to_owned()
        };
        let wait_for = |count: &str| {
            let end = std::time::Instant::now() + std::time::Duration::from_secs(50);
            while sleeping() != count {
                assert!(std::time::Instant::now() < end, "{jobs}: {} sleep", sleeping());
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        };
        wait_for(if jobs == "-j2" { "2" } else { "1" });
        let begun = std::time::Instant::now();
        let id = restore.id().to_string();
        stdout_of(std::process::Command::new("kill").args([signal, &id]));
        let output = restore.wait_with_output().expect("wait for rsrestore");
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(
            String::from_utf8_lossy(&output.stderr),
            "rsrestore: terminated by user\n"
        );
        wait_for("0");
        assert!(
            begun.elapsed().as_secs() < 20,
            "{jobs}: the server was left to work"
        );
        let reported = read(&report);
        assert_eq!(
            (&reported["status"], &reported["exit_code"]),
            (&"interrupted".into(), &1.into())
        );
        assert_eq!(entry(&reported, "TABLE DATA", "t")["rows"], 1);
    }
}

#[test]
fn progress_is_told_in_objects() {
    let server = Server::get(18);
    let db = TempDb::new(server);
    db.psql(SETUP);
    let output = run(db.aim(rsdump()).args(["-v", "--progress=json"]));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let objects = told.lines().filter(|line| line.starts_with('{'));
    let objects: Vec<Value> = objects
        .map(|line| serde_json::from_str(line).expect("an object"))
        .collect();
    let events: Vec<&str> = objects
        .iter()
        .filter_map(|object| object["event"].as_str())
        .collect();
    assert_eq!(events.first(), Some(&"connected"), "{told}");
    assert_eq!(events.last(), Some(&"ended"), "{told}");
    let planned = objects
        .iter()
        .find(|object| object["event"] == "planned")
        .expect("a plan");
    assert_eq!(planned["with_data"], 3);
    assert!(
        planned["size"].as_u64().is_some_and(|size| size > 40_000),
        "{told}"
    );
    let done = objects.iter().filter(|object| object["event"] == "entry");
    let names: Vec<&str> = done.filter_map(|object| object["name"].as_str()).collect();
    assert_eq!(names, ["empty", "t", "7001"]);
    assert_eq!(objects.last().expect("an end")["exit_code"], 0);
}

#[test]
fn a_cluster_reports_each_database() {
    let server = Server::start(18, crate::support::Setup::default());
    server.psql("CREATE TABLE t (a integer)");
    server.psql("CREATE DATABASE other");
    let dir = tempfile::tempdir().expect("make a directory");
    let report = dir.path().join("report.json");
    let port = server.port.to_string();
    stdout_of(
        rsdumpall()
            .args(["-h", "127.0.0.1", "-U", "postgres", "-p", &port, "--report"])
            .arg(&report),
    );
    let report = read(&report);
    assert_eq!(report["program"], "rsdumpall");
    assert_eq!(report["database"], Value::Null);
    assert_eq!(report["totals"]["databases"], 3);
    assert_eq!(entry(&report, "TABLE", "t")["database"], "postgres");
}
