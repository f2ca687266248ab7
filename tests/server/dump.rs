//! Choosing what to dump, being refused, being interrupted: `rsdump` beside `pg_dump`.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Findings, Server, TempDb, normalize, rsdump, run, stdout_of, tool, try_stdout_of};

/// Objects picked out and left out, by name and by kind.
const CHOICES: &[&str] = &[
    "-t people.employee",
    "-t people.employee -t catalogue.author -c --if-exists",
    "-t *.*order* -a",
    "-t sales.orders_2024 -s",
    "--table-and-children=sales.orders -s",
    "-t people.* -T people.department -s",
    "-T *.* -s",
    "-n sales -s",
    "-n sales -n people -T *line -s",
    "-N sales -s",
    "-N Archiv* -s",
    "-n \"Archiv*\" -n people",
    "-n \"Archiv \"\"alt\"\" 2019\"",
    "--exclude-table-data=sales.* -N catalogue",
    "--exclude-table-data-and-children=sales.orders -n sales",
    "-e plpgsql -s",
    "-n people -b -s",
    "-n people -b -a",
    "-B -a -n people",
    "--no-data --no-comments --no-security-labels --no-tablespaces",
    "--no-schema -n people",
    "--section=pre-data",
    "--section=post-data --section=pre-data",
    "--section=data -n people",
    "--quote-all-identifiers -n people -n sales",
    "--use-set-session-authorization -s",
    "--disable-triggers -a -n people -S books_owner",
    "--enable-row-security -s",
    "--no-unlogged-table-data --no-toast-compression --no-table-access-method -s",
    "--sequence-data -s",
    "-E LATIN1 -n people -s",
    "--strict-names -t people.employee -s",
    "--serializable-deferrable --lock-wait-timeout=10s -s",
];

#[test]
fn what_is_chosen_is_dumped_as_pg_dump_does() {
    for major in [13, 15, 18] {
        let db = TempDb::loaded(Server::get(major), "sample/schema.sql");
        let mut findings = Findings::new("sample", major);
        for choice in CHOICES {
            let args = words(choice);
            let theirs = try_stdout_of(db.aim(tool(18, "pg_dump")).args(&args));
            let ours = try_stdout_of(db.aim(rsdump()).args(&args));
            let what = format!("rsdump {choice}");
            findings.same(&what, theirs.map(|o| normalize(&o)), ours.map(|o| normalize(&o)));
        }
    }
}

/// Command lines that are refused, before or after a connection was made.
const REFUSED: &[&str] = &[
    "-s -a",
    "-c -a",
    "-a --no-data",
    "-s --no-schema",
    "-s --statistics",
    "-s --statistics-only",
    "--if-exists",
    "-Fx",
    "-Ft -Z3",
    "-Fd",
    "-Fc --restrict-key=a",
    "--restrict-key=a.b",
    "-Zfoo",
    "-Z33",
    "-Zgzip:foo",
    "-j abc",
    "-j 0",
    "--extra-float-digits=20",
    "--section=foo",
    "--sync-method=foo",
    "-E nope",
    "-t nope",
    "-n nope",
    "-e nope",
    "--table-and-children=nope",
    "--strict-names -t nope -t *",
    "--strict-names -n nope -n *",
    "-t a.b.c.d",
    "-n a.b.c",
    "-t other.a.b",
    "-n other.a",
    "-f /nonexistent/x",
    "--bogus",
];

#[test]
fn what_pg_dump_refuses_is_refused_in_its_words() {
    let db = TempDb::new(Server::get(18));
    let told = |program: Command, choice: &str| {
        let output = run(db.aim(program).args(words(choice)));
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        // argv's parser gives the path, everything else the name.
        let lines = stderr.lines().map(|line| match line.split_once("pg_dump: ") {
            Some((_, rest)) => format!("rsdump: {rest}"),
            None => line.to_owned(),
        });
        let told: Vec<_> = lines
            .map(|line| line.replace("\"pg_dump --help\"", "\"rsdump --help\""))
            .collect();
        (output.status.code(), told)
    };
    for choice in REFUSED {
        assert_eq!(
            told(rsdump(), choice),
            told(tool(18, "pg_dump"), choice),
            "{choice}"
        );
    }
}

/// Whose an object was cannot be told when its owner is gone: that must not go unnoticed.
#[test]
fn an_owner_who_is_gone_is_an_error() {
    let server = Server::get(18);
    let db = TempDb::new(server);
    let role = format!("gone_{}", std::process::id());
    db.psql(&format!(
        "CREATE ROLE {role}; CREATE TABLE public.t (a integer); ALTER TABLE public.t OWNER TO {role}; \
         DELETE FROM pg_catalog.pg_authid WHERE rolname = '{role}'"
    ));
    let said = |mut command: Command, program: &str| {
        let output = run(command.args(["-s", "-d", &db.conninfo()]));
        let text = String::from_utf8_lossy(&output.stderr).replace(program, "dump");
        (output.status.code(), text)
    };
    let (code, text) = said(rsdump(), "rsdump");
    assert_eq!((code, text), said(tool(18, "pg_dump"), "pg_dump"));
    assert_eq!(code, Some(1));
}

#[test]
fn an_interrupted_or_failed_dump_leaves_nothing() {
    let db = TempDb::new(Server::get(18));
    db.psql("CREATE TABLE long AS SELECT i, md5(i::text) FROM generate_series(1, 3000000) i");
    let dir = tempfile::tempdir().expect("make a directory");
    let path = dir.path().join("archive");
    let files = || std::fs::read_dir(dir.path()).expect("read the directory").count();

    let mut child = db
        .aim(rsdump())
        .args(["-Fc", "-f"])
        .arg(&path)
        .stderr(Stdio::null())
        .spawn()
        .expect("start rsdump");
    wait_until(|| files() > 0);
    stdout_of(Command::new("kill").args(["-INT", &child.id().to_string()]));
    assert_eq!(child.wait().expect("wait for rsdump").code(), Some(1));
    assert_eq!(files(), 0);

    db.psql("CREATE ROLE reads_nothing");
    let failed = run(db
        .aim(rsdump())
        .args(["-Fc", "--role=reads_nothing", "-f"])
        .arg(&path));
    db.psql("DROP ROLE reads_nothing");
    assert_eq!(failed.status.code(), Some(1));
    assert_eq!(files(), 0);
}

fn wait_until(done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(30), "nothing happens");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The words of a command line; double quotes keep their content together and stay.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for letter in line.chars() {
        quoted ^= letter == '"';
        match (letter, quoted, words.last_mut()) {
            (' ', false, _) => words.push(String::new()),
            (_, _, Some(word)) => word.push(letter),
            _ => {}
        }
    }
    words
}
