//! The test harness itself: servers of every version answer, the wrong password is refused, nothing leaks.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::server::{MAJORS, psql_command};
use crate::support::{Server, Setup, TempDb, run};

#[test]
fn every_version_answers() {
    for major in MAJORS {
        let db = TempDb::new(Server::get(major));
        let version = db.psql("SHOW server_version_num");
        assert!(
            version.starts_with(major.to_string().as_bytes()),
            "asked for {major}: {version:?}"
        );
    }
}

#[test]
fn a_server_can_ask_for_passwords() {
    let hba = "host all scram 127.0.0.1/32 scram-sha-256";
    let server = Server::start(
        15,
        Setup {
            hba,
            ..Setup::default()
        },
    );
    server.psql("SET password_encryption = 'scram-sha-256'; CREATE ROLE scram LOGIN PASSWORD 'right'");
    let login = |password: &str| {
        let conninfo = format!("host=127.0.0.1 port={} user=scram dbname=postgres", server.port);
        run(psql_command(&conninfo)
            .env("PGPASSWORD", password)
            .args(["-c", "SELECT 1"]))
        .status
        .success()
    };
    assert!(login("right"));
    assert!(!login("wrong"));
}

#[test]
fn a_dropped_server_leaves_nothing() {
    let server = Server::start(18, Setup::default());
    let dir = server.dir.clone();
    assert!(dir.join("data/postmaster.pid").exists());
    drop(server);
    assert!(!dir.exists());
}

/// Runs this very test again in a process that aborts with a server running.
#[test]
fn an_aborted_test_process_leaves_nothing() {
    const INNER: &str = "RSDUMP_TEST_ABORTS";
    if let Some(note) = std::env::var_os(INNER) {
        let server = Server::start(18, Setup::default());
        std::fs::write(note, server.dir.to_str().expect("a plain name")).expect("note the directory");
        std::process::abort();
    }
    let note = tempfile::NamedTempFile::new().expect("make a file");
    let mut inner = Command::new(std::env::current_exe().expect("a test has a path"));
    inner.args(["--exact", "harness::an_aborted_test_process_leaves_nothing"]);
    assert!(!run(inner.env(INNER, note.path())).status.success());

    let dir = std::path::PathBuf::from(std::fs::read_to_string(note.path()).expect("read the note"));
    assert!(dir.is_absolute(), "the inner process did not come to its server");
    let end = Instant::now() + Duration::from_secs(30);
    while dir.exists() {
        assert!(Instant::now() < end, "{} is still there", dir.display());
        std::thread::sleep(Duration::from_millis(20));
    }
}
