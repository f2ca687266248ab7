//! What people see on a terminal: a bar that moves, and a prompt that hides what is typed.

use std::collections::BTreeSet;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::support::terminal::Terminal;
use crate::support::{Server, TempDb, rsdump, rsrestore, stdout_of};

/// Four indexes, each of which takes a moment to build.
const SLOW: &str = "CREATE FUNCTION slow(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN PERFORM pg_catalog.pg_sleep(0.3); RETURN $1; END $$;
    CREATE TABLE t (a integer);
    INSERT INTO t VALUES (1);
    CREATE INDEX one ON t (slow(a));
    CREATE INDEX two ON t (slow(a));
    CREATE INDEX three ON t (slow(a));
    CREATE INDEX four ON t (slow(a));";

#[test]
fn a_bar_moves_while_indexes_are_built() {
    let server = Server::get(18);
    let source = TempDb::new(server);
    source.psql(SLOW);
    let dir = tempfile::tempdir().expect("make a directory");
    let archive = dir.path().join("archive");
    stdout_of(source.aim(rsdump()).args(["-Fc", "-f"]).arg(&archive));
    let shown = |change: fn(&mut Command)| {
        let copy = TempDb::new(server);
        let mut command = copy.aim(rsrestore());
        change(command.arg(&archive));
        let (success, seen) = Terminal::start(&command).finish();
        assert!(success, "{seen}");
        seen
    };

    let seen = shown(|_| ());
    let indexes: BTreeSet<&str> = seen
        .match_indices("indexes ")
        .filter_map(|(at, word)| seen.get(at + word.len()..)?.split(',').next())
        .collect();
    assert!(indexes.contains("0/4") && indexes.contains("2/4"), "{seen:?}");
    let shares: BTreeSet<u32> = seen
        .match_indices('%')
        .filter_map(|(at, _)| seen.get(..at)?.rsplit(' ').next()?.parse().ok())
        .collect();
    assert!(shares.len() >= 3, "{shares:?} in {seen:?}");
    assert!(seen.contains("tables 1/1"), "{seen:?}");
    assert!(seen.contains("ETA 0:0"), "{seen:?}");
    assert!(seen.contains("\u{1b}[36m"), "it has a colour: {seen:?}");
    // What was drawn last is an empty line.
    let last = seen.rsplit('\r').find(|line| !line.trim().is_empty());
    assert!(
        last.is_some_and(|line| line.trim().ends_with("\u{1b}[2K")),
        "{seen:?}"
    );

    let plain = shown(|command| {
        command.env("NO_COLOR", "1");
    });
    assert!(plain.contains("] ") && !plain.contains("\u{1b}[3"), "{plain:?}");
    assert_eq!(
        shown(|command| {
            command.arg("--progress=never");
        }),
        ""
    );
    // arg0 cannot be given to a program in a terminal, a link can.
    let link = dir.path().join("pg_restore");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_rsrestore"), &link).expect("make a link");
    let copy = TempDb::new(server);
    let mut command = copy.aim(crate::support::programs::clean(Command::new(&link)));
    command.arg(&archive);
    assert_eq!(
        Terminal::start(&command).finish(),
        (true, String::new()),
        "pg_restore says nothing"
    );
}

#[test]
fn a_password_is_asked_for_without_showing_it() {
    let db = TempDb::new(Server::get(18));
    let dir = tempfile::tempdir().expect("make a directory");
    let file = dir.path().join("dump.sql");
    let mut command = db.aim(rsdump());
    command.arg("-W").arg("-f").arg(&file);
    let mut terminal = Terminal::start(&command);
    terminal.wait_for("Password: ");
    terminal.type_line("swordfish");
    let (success, seen) = terminal.finish();
    assert!(success, "{seen}");
    assert!(seen.starts_with("Password: \r\n"), "{seen:?}");
    assert!(!seen.contains("swordfish"), "{seen:?}");
    assert!(file.exists());
}

/// A dump that goes to the terminal has no bar in it.
#[test]
fn a_dump_on_the_terminal_stays_readable() {
    let db = TempDb::new(Server::get(18));
    let (success, seen) = Terminal::start(&db.aim(rsdump())).finish();
    assert!(
        success && seen.contains("-- PostgreSQL database dump complete"),
        "{seen}"
    );
    assert!(!seen.contains('%') && !seen.contains('\u{1b}'), "{seen:?}");
}

/// Nobody needs a terminal, and no line is written in a short run.
#[test]
fn without_a_terminal_a_short_run_says_nothing() {
    let db = TempDb::new(Server::get(18));
    let output = crate::support::run(db.aim(rsdump()).arg0("rsdump"));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
