//! Every case under `fixtures/objects/<kind>/<case>/setup.sql`, on every server that knows its syntax, against
//! pg_dump 18.
//!
//! A first line `-- min: 14` names the oldest server that a case is for, `-- max: 17` the newest. Cases name the roles they need
//! with `regress_` in front and make them only when absent, because roles outlive a database. One that begins
//! `-- no round trip` and says why is not compared with its restored copy; one that begins `-- no restore` has none, because
//! nothing that pg_dump writes for it would make what it needs.
//!
//! On 15 and 18 every case has a database of its own. On the others nearly all share one: making databases is what takes
//! the time, and such a mixture is worth a look, too.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::server::psql_command;
use crate::support::{
    Server, TempDb, assert_same, fixture, normalize, rsdump, rsrestore, run, stdout_of, tool,
};

pub(super) struct Case {
    name: String,
    setup: PathBuf,
    min: u32,
    max: u32,
    /// pg_dump's own output gives a database that it dumps otherwise.
    no_round_trip: bool,
    /// pg_dump's own output does not load.
    pub(super) no_restore: bool,
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
                no_restore: text.starts_with("-- no restore"),
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

pub(super) fn cases_for(major: u32) -> Vec<Case> {
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

/// Moves everything that a case has made out of the next one's way: its schemas get the prefix `:aside`.
pub(super) const ASIDE: &str = r#"
RESET ROLE;
SET client_min_messages = warning;
SELECT set_config('regress.aside', :'aside', false) \g /dev/null
DO $$
DECLARE made name;
BEGIN
    FOR made IN SELECT nspname FROM pg_namespace
        WHERE (oid >= 16384 OR nspname = 'public') AND nspname !~ '^(case_|pg_)'
    LOOP
        EXECUTE format('ALTER SCHEMA %I RENAME TO %I', made, current_setting('regress.aside') || made);
    END LOOP;
END $$;
CREATE SCHEMA public;
GRANT ALL ON SCHEMA public TO PUBLIC;
"#;

/// Loads a case into a database that holds others, if it gets along with them. It is there wholly or not at all.
pub(super) fn joins(db: &TempDb<'_>, case: &Case, number: usize, aside: &Path) -> bool {
    run(psql_command(&db.conninfo())
        .args(["-1", "-v", &format!("aside=case_{number}_"), "-f"])
        .arg(&case.setup)
        .arg("-f")
        .arg(aside))
    .status
    .success()
}

/// Runs a check on the databases that cases make, and reports every failure, not only the first.
struct Failures {
    major: u32,
    names: Vec<String>,
}

impl Failures {
    fn of(major: u32) -> Failures {
        Failures {
            major,
            names: Vec::new(),
        }
    }

    fn check(&mut self, name: &str, check: impl FnOnce()) {
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(check)).is_err() {
            self.names.push(name.to_owned());
        }
    }

    fn none(self) {
        assert!(
            self.names.is_empty(),
            "on PostgreSQL {} these cases differ: {}",
            self.major,
            self.names.join(", ")
        );
    }
}

fn each_case(major: u32, check: impl Fn(&Server, &Case)) {
    let server = Server::get(major);
    let mut failures = Failures::of(major);
    for case in cases_for(major) {
        failures.check(&case.name, || check(server, &case));
    }
    failures.none();
}

fn dumps_equal(major: u32) {
    each_case(major, |server, case| compare(&loaded(server, case), &case.name));
}

fn compare(db: &TempDb<'_>, name: &str) {
    const FORMS: [&[&str]; 3] = [&[], &["-s"], &["-c", "-C", "--if-exists"]];
    let mut plain = Vec::new();
    for form in FORMS {
        let what = format!("{name} on {} {}", db.server.major, form.join(" "));
        let theirs = normalize(&db.pg_dump(18, form));
        assert_same(&what, &theirs, &normalize(&db.rsdump(form)));
        if form.is_empty() {
            plain = theirs;
        }
    }
    // On 18 an archive has a test of its own.
    if db.server.major < 18 {
        let archive = std::env::temp_dir().join(format!("{}.dump", db.name));
        stdout_of(db.aim(rsdump()).args(["-Fc", "-Z0", "-f"]).arg(&archive));
        let script = stdout_of(rsrestore().args(["-f", "-"]).arg(&archive));
        let what = format!("{name} on {} as an archive's script", db.server.major);
        assert_same(&what, &plain, &normalize(&script));
        fs::remove_file(&archive).expect("the archive");
    }
}

/// As many cases together in one database as get along, then those that are left over.
/// A database of as many cases as get along.
pub(super) fn most_cases(server: &Server) -> TempDb<'_> {
    let directory = tempfile::tempdir().expect("a directory");
    let aside = directory.path().join("aside.sql");
    fs::write(&aside, ASIDE).expect("a script");
    let db = TempDb::new(server);
    let mut joined = 0;
    for (number, case) in cases_for(server.major).iter().enumerate() {
        joined += usize::from(joins(&db, case, number, &aside));
    }
    assert!(joined > 20, "only {joined} cases get along");
    db
}

fn dumps_of_all_equal(major: u32) {
    let server = Server::get(major);
    let mut failures = Failures::of(major);
    let directory = tempfile::tempdir().expect("a directory");
    let aside = directory.path().join("aside.sql");
    fs::write(&aside, ASIDE).expect("a script");
    let mut left = cases_for(major);
    let all = left.len();
    for round in ["most cases", "some cases"] {
        let db = TempDb::new(server);
        let mut number = 0;
        left.retain(|case| {
            number += 1;
            !joins(&db, case, number, &aside)
        });
        failures.check(round, || compare(&db, round));
    }
    assert!(
        left.len() < all / 10,
        "{} of {all} cases get along with nothing",
        left.len()
    );
    for case in left {
        failures.check(&case.name, || compare(&loaded(server, &case), &case.name));
    }
    failures.none();
}

#[test]
fn cases_dump_as_pg_dump_does_on_10() {
    dumps_of_all_equal(10);
}

#[test]
fn cases_dump_as_pg_dump_does_on_11() {
    dumps_of_all_equal(11);
}

#[test]
fn cases_dump_as_pg_dump_does_on_12() {
    dumps_of_all_equal(12);
}

#[test]
fn cases_dump_as_pg_dump_does_on_13() {
    dumps_of_all_equal(13);
}

#[test]
fn cases_dump_as_pg_dump_does_on_14() {
    dumps_of_all_equal(14);
}

#[test]
fn cases_dump_as_pg_dump_does_on_15() {
    dumps_equal(15);
}

#[test]
fn cases_dump_as_pg_dump_does_on_16() {
    dumps_of_all_equal(16);
}

#[test]
fn cases_dump_as_pg_dump_does_on_17() {
    dumps_of_all_equal(17);
}

#[test]
fn cases_dump_as_pg_dump_does_on_18() {
    dumps_equal(18);
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
        if !case.no_restore {
            let copy = TempDb::new(server);
            stdout_of(copy.aim(rsrestore()).arg("-e").arg(&archive));
            if !case.no_round_trip {
                let again = normalize(&copy.rsdump(&[]));
                assert_same(&format!("{} restored", case.name), &plain, &again);
            }
        }
        fs::remove_file(&archive).expect("the archive");
    });
}
