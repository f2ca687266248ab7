//! A cluster as a directory of archives: dumped, checked, restored whole and in parts.

use std::path::{Path, PathBuf};
use std::process::Output;

use crate::dumpall::odd_cluster;
use crate::support::server::psql_command;
use crate::support::{Server, Setup, normalize, rsdumpall, rsrestore, run, stdout_of, tool};

/// A directory with the archives of the server's databases.
fn dumped(server: &Server, words: &[&str]) -> (tempfile::TempDir, PathBuf) {
    let outer = tempfile::tempdir().expect("a directory");
    let path = outer.path().join("cluster");
    let conninfo = format!("{} dbname=ignored", server.conninfo());
    // A tablespace's directory belongs to the server that has it.
    let output = run(rsdumpall()
        .args(["-d", &conninfo, "--no-tablespaces", "-f"])
        .arg(&path)
        .args(words));
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(std::fs::read_dir(outer.path()).expect("the directory").count(), 1);
    (outer, path)
}

fn restored(server: &Server, path: &Path, words: &[&str]) -> Output {
    let conninfo = format!("{} dbname=postgres", server.conninfo());
    run(rsrestore().args(["-d", &conninfo]).args(words).arg(path))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// All of a cluster but its tablespaces, as one script.
fn script(server: &Server) -> String {
    let conninfo = format!("{} dbname=ignored", server.conninfo());
    let script = stdout_of(rsdumpall().args(["-d", &conninfo, "--no-tablespaces"]));
    String::from_utf8(normalize(&script)).expect("the script is in UTF-8")
}

/// What a query gives in a database.
fn asked(server: &Server, database: &str, sql: &str) -> String {
    let conninfo = format!("{} dbname={database}", server.conninfo());
    let answer = stdout_of(psql_command(&conninfo).args(["-At", "-c", sql]));
    String::from_utf8_lossy(&answer).trim_end().to_owned()
}

fn databases(server: &Server) -> String {
    let sql =
        "SELECT string_agg(datname, ',' ORDER BY datname COLLATE \"C\") FROM pg_database WHERE datallowconn";
    asked(server, "postgres", sql)
}

#[test]
fn a_cluster_comes_back_from_its_archives_in_every_format() {
    let server = odd_cluster(18);
    let expected = script(&server);
    for words in [["-Fc", "-j2"], ["-Fd", "-Zgzip"], ["-Ft", "-j1"]] {
        let (_outer, path) = dumped(&server, &words);
        let verified = stdout_of(rsrestore().arg("--verify").arg(&path));
        let verified = String::from_utf8_lossy(&verified).into_owned();
        assert!(verified.contains("whole: database \"Odd DB\"\n"), "{verified}");
        assert!(!verified.contains("damaged"), "{verified}");
        let other = Server::start(18, Setup::default());
        let output = restored(&other, &path, &["-C", "-e"]);
        assert!(output.status.success(), "{words:?}: {}", said(&output));
        assert_eq!(said(&output), "");
        assert_eq!(script(&other), expected, "{words:?}");
        if words[0] != "-Fc" {
            continue;
        }
        // Replacing everything gives the same again.
        let output = restored(&other, &path, &["-C", "-c", "--if-exists"]);
        assert!(output.status.success(), "{words:?}, replaced: {}", said(&output));
        assert_eq!(script(&other), expected, "{words:?}, replaced");
    }
}

#[test]
fn stock_tools_read_each_database_and_the_globals() {
    let server = odd_cluster(15);
    let (_outer, path) = dumped(&server, &["-Fc", "-Zgzip"]);
    let list = stdout_of(rsrestore().arg("-l").arg(&path));
    let list = String::from_utf8_lossy(&list).into_owned();
    assert!(list.contains("\nodd.dump; odd\n"), "{list}");
    let ours = stdout_of(rsrestore().args(["-C", "-f", "-"]).arg(path.join("odd.dump")));
    let theirs = stdout_of(
        tool(18, "pg_restore")
            .args(["-C", "-f", "-"])
            .arg(path.join("odd.dump")),
    );
    assert_eq!(normalize(&ours), normalize(&theirs));
    let conninfo = format!("{} dbname=ignored", server.conninfo());
    let globals = stdout_of(rsdumpall().args(["-d", &conninfo, "--no-tablespaces", "-g"]));
    let file = std::fs::read(path.join("globals.sql")).expect("the globals");
    assert_eq!(normalize(&file), normalize(&globals));
}

#[test]
fn chosen_databases_are_restored_and_none_is_overwritten() {
    let server = odd_cluster(18);
    let (_outer, path) = dumped(&server, &["-Fc"]);
    let other = Server::start(18, Setup::default());
    let output = restored(&other, &path, &["-g"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(databases(&other), "postgres,template1");
    assert_eq!(
        asked(
            &other,
            "postgres",
            "SELECT count(*) FROM pg_roles WHERE rolname = 'gruppe ä'"
        ),
        "1"
    );
    let output = restored(
        &other,
        &path,
        &["-C", "--include-database=o*", "--include-database=\"Odd DB\""],
    );
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(databases(&other), "Odd DB,odd,postgres,template1");
    // It is there now.
    asked(&other, "odd", "DELETE FROM public.t");
    let output = restored(
        &other,
        &path,
        &["-C", "--exclude-database=pattern", "--exclude-database=p*"],
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains(
            "rsrestore: error: database \"odd\" is there already, and nothing is restored into it; --clean replaces it"
        ),
        "{}",
        said(&output)
    );
    assert!(
        said(&output).contains("errors ignored on restore: 2"),
        "{}",
        said(&output)
    );
    assert_eq!(asked(&other, "odd", "SELECT count(*) FROM public.t"), "0");
    assert_eq!(databases(&other), "Odd DB,odd,postgres,template1");
    let output = restored(&other, &path, &["-C", "-c", "--include-database=odd"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(asked(&other, "odd", "SELECT count(*) FROM public.t"), "2");
}

#[test]
fn what_cannot_be_is_refused() {
    let server = Server::start(15, Setup::default());
    let (outer, path) = dumped(&server, &["-Fd"]);
    let refused = |words: &[&str], what: &str| {
        let output = restored(&server, &path, words);
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        assert!(said(&output).contains(what), "{words:?}: {}", said(&output));
    };
    refused(&[], "option -C/--create must be given to restore a cluster");
    refused(
        &["-C", "-L", "list"],
        "option -L/--use-list cannot be used with a cluster",
    );
    refused(
        &["-C", "--include-database=nosuch"],
        "no matching databases were found for pattern \"nosuch\"",
    );
    let output = run(rsrestore().args(["-f", "-"]).arg(&path));
    assert!(said(&output).contains("option -f/--file cannot be used with a cluster"));
    let output = run(rsrestore().args(["-l", "-g"]).arg(path.join("postgres")));
    assert!(
        said(&output).contains("option -g/--globals-only can only be used with the directory of a cluster")
    );
    let dump = |words: &[&str]| {
        let conninfo = format!("{} dbname=ignored", server.conninfo());
        said(&run(rsdumpall().args(["-d", &conninfo]).args(words)))
    };
    assert!(dump(&["-Fc"]).contains("requires option -f/--file"));
    assert!(dump(&["-Fc", "-g", "-f", "x"]).contains("cannot be used together with -g/--globals-only"));
    assert!(dump(&["-Z1"]).contains("option -Z/--compress requires option -F/--format=c|d|t"));
    let full = path.display().to_string();
    assert!(dump(&["-Fc", "-f", &full]).contains("is not empty"));
    // A dump that fails leaves nothing behind.
    let before = std::fs::read_dir(outer.path()).expect("the directory").count();
    let failed = outer.path().join("failed").display().to_string();
    assert!(dump(&["-Fc", "-E", "no such encoding", "-f", &failed]).contains("no such encoding"));
    assert_eq!(
        std::fs::read_dir(outer.path()).expect("the directory").count(),
        before
    );
}

#[test]
fn damage_is_found() {
    let server = Server::start(15, Setup::default());
    let (_outer, path) = dumped(&server, &["-Fc"]);
    let spoil = |file: &str, at: usize| {
        let file = path.join(file);
        let whole = std::fs::read(&file).expect("the file");
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        std::fs::write(&file, bytes).expect("spoil it");
        let output = run(rsrestore().arg("--verify").arg(&path));
        std::fs::write(&file, whole).expect("mend it");
        assert_eq!(output.status.code(), Some(1), "{}", file.display());
        String::from_utf8_lossy(&output.stdout).into_owned() + &said(&output)
    };
    assert!(spoil("globals.sql", 60).contains("does not match its checksum"));
    assert!(spoil("template1.dump", 60).contains("damaged: database \"template1\""));
    assert!(spoil("cluster.dat", 60).contains("is damaged"));
    std::fs::remove_file(path.join("postgres.dump")).expect("remove an archive");
    let output = run(rsrestore().arg("--verify").arg(&path));
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("postgres.dump"), "{}", said(&output));
}
