//! `-v` and `-vv`: what the programs say of what they are doing is what pg_dump, pg_restore and pg_dumpall 18 say.
//!
//! Not compared, because it differs on purpose: pg_dumpall shows its own queries; with `-j` the order in which workers say
//! what they do is nobody's promise, and pg_restore lists entries there that it does nothing for; of tar files the tools tell
//! positions, the making of `restore.sql` and each large object twice; and with `-vv` how many bytes of a large object they write.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::support::{Findings, Server, TempDb, rsdump, rsdumpall, rsrestore, run, stdout_of, tool};

const FIXTURE: &str = "databases/all_kinds.sql";

/// What a program says with these words, under a tool's name, and what it exits with. That some of it is refused makes no
/// difference.
fn said(mut program: Command, name: &str, words: &[&str]) -> Result<Vec<u8>, String> {
    if Path::new(program.get_program())
        .file_name()
        .is_some_and(|own| own != name)
    {
        program.arg0(name);
    }
    let output = run(program.args(words));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(format!("{said}exit {:?}\n", output.status.code()).into_bytes())
}

#[test]
fn dumps_say_what_they_do() {
    for major in [13, 18] {
        let db = TempDb::loaded(Server::get(major), FIXTURE);
        let mut findings = Findings::new("all kinds", major);
        let dir = tempfile::tempdir().expect("make a directory");
        let file = dir.path().join("archive").display().to_string();
        let forms: &[&[&str]] = &[
            &["-v"],
            &["-v", "-s", "-C"],
            &["-v", "--inserts"],
            &["-vv", "-Fc", "-f", &file],
            &["-v", "--binary-upgrade", "-s"],
            &["-v", "-n", "kinds", "--statistics"],
            &["-vv", "-a"],
        ];
        for words in forms {
            findings.same(
                &words.join(" "),
                said(db.aim(tool(18, "pg_dump")), "pg_dump", words),
                said(db.aim(rsdump()), "pg_dump", words),
            );
        }
    }
}

#[test]
fn restores_say_what_they_do() {
    let server = Server::get(18);
    let db = TempDb::loaded(server, FIXTURE);
    let mut findings = Findings::new("all kinds", 18);
    let dir = tempfile::tempdir().expect("make a directory");
    let path = |name: &str| dir.path().join(name).display().to_string();
    for format in ["-Fc", "-Fd"] {
        stdout_of(
            db.aim(tool(18, "pg_dump"))
                .args([format, "--no-subscriptions", "-f", &path(format)]),
        );
        for words in [
            &["-vv", "-f", "/dev/null"][..],
            &["-v", "-a", "-f", "/dev/null"],
            &["-vv", format, "-l"],
        ] {
            let archive = path(format);
            let words = [words, &[archive.as_str()]].concat();
            findings.same(
                &words.join(" "),
                said(tool(18, "pg_restore"), "pg_restore", &words),
                said(rsrestore(), "pg_restore", &words),
            );
        }
    }
    for words in [
        &["-v"][..],
        &["-v", "-c", "--if-exists"],
        &["-v", "-1"],
        &["-v", "-t", "plain"],
    ] {
        let archive = path("-Fc");
        let words = [words, &[archive.as_str()]].concat();
        let into_new = |program: Command| {
            let copy = TempDb::new(server);
            let said = said(copy.aim(program), "pg_restore", &words);
            said.map(|said| without_name(&said, &copy.name))
        };
        findings.same(
            &words.join(" "),
            into_new(tool(18, "pg_restore")),
            into_new(rsrestore()),
        );
    }
}

/// Without the name of a database that only one of the programs was given.
fn without_name(said: &[u8], name: &str) -> Vec<u8> {
    String::from_utf8_lossy(said)
        .replace(name, "database")
        .into_bytes()
}

#[test]
fn cluster_dumps_say_what_they_do() {
    let server = Server::get(15);
    let dir = tempfile::tempdir().expect("make a directory");
    let file = dir.path().join("script");
    let of = |program: Command, name: &str| {
        let words = [
            "-v",
            "-g",
            "-d",
            &format!("{} dbname=postgres", server.conninfo()),
            "-f",
        ];
        let words = [&words[..], &[path_text(&file)]].concat();
        let said = said(program, name, &words)?;
        let said = String::from_utf8_lossy(&said).into_owned();
        let lines = said.lines().filter(|line| !line.contains(": executing "));
        Ok(lines
            .map(|line| format!("{line}\n"))
            .collect::<String>()
            .into_bytes())
    };
    let mut findings = Findings::new("a cluster", 15);
    findings.same(
        "-v -g",
        of(tool(18, "pg_dumpall"), "pg_dumpall"),
        of(rsdumpall(), "pg_dumpall"),
    );
}

fn path_text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}
