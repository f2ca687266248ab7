//! Every case under `fixtures/objects/<kind>/<case>/setup.sql`, on every server that knows its syntax, against
//! pg_dump 18.
//!
//! A first line `-- min: 14` names the oldest server that a case is for, `-- max: 17` the newest. Cases name the roles they need
//! with `regress_` in front and make them only when absent, because roles outlive a database. One that begins
//! `-- no round trip` and says why is not compared with its restored copy.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Server, TempDb, assert_same, fixture, normalize, rsdump, rsrestore, stdout_of, tool};

struct Case {
    name: String,
    setup: PathBuf,
    min: u32,
    max: u32,
    /// pg_dump's own output gives a database that it dumps otherwise.
    no_round_trip: bool,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in folders(&fixture("objects")) {
        for case in folders(&kind) {
            let setup = case.join("setup.sql");
            let text = fs::read(&setup).unwrap_or_else(|e| panic!("{}: {e}", setup.display()));
            let text = String::from_utf8_lossy(&text);
            let bound = |word: &str| {
                let line = text.lines().take(3).find_map(|line| line.strip_prefix(word))?;
                line.trim().parse().ok()
            };
            let name = case
                .strip_prefix(fixture("objects"))
                .expect("a folder below")
                .display()
                .to_string();
            let (min, max) = (
                bound("-- min:").unwrap_or(0),
                bound("-- max:").unwrap_or(u32::MAX),
            );
            cases.push(Case {
                name,
                setup,
                min,
                max,
                no_round_trip: text.starts_with("-- no round trip"),
            });
        }
    }
    cases
}

fn folders(of: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(of).unwrap_or_else(|e| panic!("{}: {e}", of.display()));
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a folder's entry").path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    found
}

fn cases_for(major: u32) -> Vec<Case> {
    let cases: Vec<Case> = cases()
        .into_iter()
        .filter(|case| (case.min..=case.max).contains(&major))
        .collect();
    assert!(
        cases.len() > 20,
        "only {} cases for {major}: are the fixtures there?",
        cases.len()
    );
    cases
}

fn loaded<'s>(server: &'s Server, case: &Case) -> TempDb<'s> {
    let db = TempDb::new(server);
    db.load(&case.setup);
    db
}

/// Runs a check on all cases and reports every failure, not only the first.
fn each_case(major: u32, check: impl Fn(&Server, &Case)) {
    let server = Server::get(major);
    let failed: Vec<String> = cases_for(major)
        .iter()
        .filter(|case| {
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(server, case))).is_err()
        })
        .map(|case| case.name.clone())
        .collect();
    assert!(
        failed.is_empty(),
        "on PostgreSQL {major} these cases differ: {}",
        failed.join(", ")
    );
}

fn dumps_equal(major: u32, forms: &[&[&str]]) {
    each_case(major, |server, case| {
        let db = loaded(server, case);
        for form in forms {
            let what = format!("{} on {major} {}", case.name, form.join(" "));
            assert_same(
                &what,
                &normalize(&db.pg_dump(18, form)),
                &normalize(&db.rsdump(form)),
            );
        }
    });
}

const ALL_FORMS: &[&[&str]] = &[&[], &["-s"], &["-c", "-C", "--if-exists"]];

#[test]
fn cases_dump_as_pg_dump_does_on_10() {
    dumps_equal(10, &[&[]]);
}

#[test]
fn cases_dump_as_pg_dump_does_on_11() {
    dumps_equal(11, &[&[]]);
}

#[test]
fn cases_dump_as_pg_dump_does_on_12() {
    dumps_equal(12, &[&[]]);
}

#[test]
fn cases_dump_as_pg_dump_does_on_13() {
    dumps_equal(13, &[&[]]);
}

#[test]
fn cases_dump_as_pg_dump_does_on_14() {
    dumps_equal(14, &[&[]]);
}

#[test]
fn cases_dump_as_pg_dump_does_on_15() {
    dumps_equal(15, ALL_FORMS);
}

#[test]
fn cases_dump_as_pg_dump_does_on_16() {
    dumps_equal(16, &[&[]]);
}

#[test]
fn cases_dump_as_pg_dump_does_on_17() {
    dumps_equal(17, &[&[]]);
}

#[test]
fn cases_dump_as_pg_dump_does_on_18() {
    dumps_equal(18, ALL_FORMS);
}

/// The archive of a case gives the same script through both restore programs, and the restored database the same
/// dump as the first one.
#[test]
fn cases_survive_an_archive_on_18() {
    each_case(18, |server, case| {
        let db = loaded(server, case);
        let archive = std::env::temp_dir().join(format!("{}.dump", db.name));
        stdout_of(db.aim(rsdump()).args(["-Fc", "-Z", "gzip", "-f"]).arg(&archive));
        let plain = normalize(&db.pg_dump(18, &[]));
        let script = stdout_of(rsrestore().args(["-f", "-"]).arg(&archive));
        assert_same(&format!("{} as a script", case.name), &plain, &normalize(&script));
        let stock = stdout_of(tool(18, "pg_restore").args(["-f", "-"]).arg(&archive));
        assert_same(
            &format!("{} as pg_restore's script", case.name),
            &plain,
            &normalize(&stock),
        );
        let copy = TempDb::new(server);
        stdout_of(copy.aim(rsrestore()).arg("-e").arg(&archive));
        if !case.no_round_trip {
            assert_same(
                &format!("{} restored", case.name),
                &plain,
                &normalize(&copy.rsdump(&[])),
            );
        }
        fs::remove_file(&archive).expect("the archive");
    });
}
