//! The database of all kinds of objects (`fixtures/databases/all_kinds.sql`): nothing that pg_dump can write is
//! missing from it, and choices among its objects give what they give with pg_dump.
//!
//! Whole dumps, archives and restores of it are compared with the other databases' in `oracle.rs`.

use bstr::ByteSlice;
use rsdump::toc::Desc;

use crate::support::{Findings, Server, TempDb, normalize, rsdump, rsrestore, stdout_of, try_stdout_of};

const FIXTURE: &str = "databases/all_kinds.sql";

/// Entries that pg_dump 18 does not write, or only for pg_upgrade.
const NOT_WRITTEN: [Desc; 7] = [
    // By releases long gone.
    Desc::AclLanguage,
    Desc::BlobComments,
    Desc::FuncProceduralLanguage,
    Desc::Init,
    // Before archive version 1.16.
    Desc::Blob,
    // With --binary-upgrade.
    Desc::PgLargeobject,
    Desc::SubscriptionTable,
];

/// The entries' descriptions in a listing: what follows the three numbers, as far as it is a description.
fn descriptions(list: &[u8]) -> Vec<Desc> {
    let kind = |line: &[u8]| {
        let text = line
            .splitn(2, |b| *b == b';')
            .nth(1)?
            .splitn(4, |b| *b == b' ')
            .nth(3)?;
        let begins = |desc: &&Desc| {
            let rest = text.strip_prefix(desc.text().as_bytes());
            rest.is_some_and(|rest| rest.starts_with(b" "))
        };
        let known = Desc::KNOWN.iter().filter(begins);
        Some(known.max_by_key(|desc| desc.text().len())?.clone())
    };
    let entries = list
        .lines()
        .filter(|line| !line.starts_with(b";") && !line.is_empty());
    entries
        .map(|line| kind(line).unwrap_or_else(|| panic!("of no known kind: {}", line.as_bstr())))
        .collect()
}

/// An object left out of a backup is a lost object, and an entry that no test has seen may be wrong.
#[test]
fn every_kind_of_entry_has_an_example() {
    let db = TempDb::loaded(Server::get(18), FIXTURE);
    // No server that tests use has a label provider; the catalog does not ask for one.
    db.psql(
        "SET allow_system_table_mods = on; \
         INSERT INTO pg_seclabel VALUES ('kinds.main'::regclass, 'pg_class'::regclass, 0, 'dummy', 'secret')",
    );
    let dir = tempfile::tempdir().expect("make a directory");
    for (name, program) in [("ours", rsdump()), ("stock", crate::support::tool(18, "pg_dump"))] {
        let archive = dir.path().join(name);
        stdout_of(
            db.aim(program)
                .args(["-Fc", "-Z0", "--statistics", "-f"])
                .arg(&archive),
        );
        let found = descriptions(&stdout_of(rsrestore().args(["-l", "-C"]).arg(&archive)));
        let bytes = std::fs::read(&archive).expect("the archive");
        let missing: Vec<String> = (Desc::KNOWN.iter())
            .filter(|desc| match desc.is_special() {
                // These are never listed.
                true => bytes.find(desc.text()).is_none(),
                false => NOT_WRITTEN.contains(desc) == found.contains(desc),
            })
            .map(Desc::to_string)
            .collect();
        assert!(missing.is_empty(), "{name}: {}", missing.join(", "));
    }
}

/// What can be chosen of a database, and left out of it.
const CHOICES: &[&[&str]] = &[
    &["-n", "kinds"],
    &["-n", "kinds", "-c", "--if-exists", "-s"],
    &["-N", "kinds"],
    &["-n", "public", "-n", "Odd*"],
    &["-t", "kinds.main"],
    &["-t", "*.main", "-t", "kinds.plain", "-c"],
    &["-t", "kinds.*_id_seq", "-t", "kinds.stored"],
    &["-T", "kinds.main"],
    &["--table-and-children=kinds.parted"],
    &["--exclude-table-and-children=kinds.main"],
    &["--exclude-table-data=kinds.p*"],
    &["-e", "hstore"],
    &["--exclude-extension=*"],
    &["--section=pre-data", "-c"],
    &["--section=post-data"],
    &[
        "--no-comments",
        "--no-policies",
        "--no-publications",
        "--no-subscriptions",
    ],
    &["--statistics-only"],
    &["--no-large-objects", "--quote-all-identifiers"],
    &["-n", "information_schema", "-s"],
    &["-n", "pg_catalog", "-s"],
];

/// The options that change how what is dumped is written, or that leave parts of it out.
const OPTIONS: &[&[&str]] = &[
    &["--inserts"],
    &[
        "--column-inserts",
        "--on-conflict-do-nothing",
        "--rows-per-insert=2",
    ],
    &["--load-via-partition-root", "-a"],
    &["--disable-dollar-quoting", "-s"],
    &["--disable-triggers", "-a", "-S", "some one"],
    &["--quote-all-identifiers", "-s"],
    &["--use-set-session-authorization"],
    &["-O", "-x"],
    &["-C", "-c", "--if-exists"],
    &["-c"],
    &["-E", "LATIN1", "-s"],
    &["--enable-row-security", "-t", "kinds.plain"],
    &["--extra-float-digits=-5", "-a"],
    &[
        "--no-tablespaces",
        "--no-table-access-method",
        "--no-toast-compression",
        "-s",
    ],
    &["--no-security-labels", "--no-unlogged-table-data"],
    &["--no-schema"],
    &["--no-data", "--sequence-data"],
    &["--statistics"],
    &["--section=data"],
    &["-b", "-n", "kinds"],
    &["--exclude-table-data-and-children=kinds.parted"],
    &["--role=regress_kinds_owner", "-t", "kinds.main", "-s"],
    &["--serializable-deferrable", "-s", "-n", "kinds"],
    &["--binary-upgrade", "-C"],
];

fn choices_equal(major: u32) {
    let db = TempDb::loaded(Server::get(major), FIXTURE);
    let mut findings = Findings::new("all kinds", major);
    // On 15 there is nothing that is not on one of the others.
    let options = OPTIONS.iter().filter(|_| major != 15);
    for choice in CHOICES.iter().chain(options) {
        findings.same(
            &choice.join(" "),
            Ok(normalize(&db.pg_dump(18, choice))),
            try_stdout_of(db.aim(rsdump()).args(*choice)).map(|dump| normalize(&dump)),
        );
    }
}

#[test]
fn choices_among_all_kinds_are_pg_dumps_on_13() {
    choices_equal(13);
}

#[test]
fn choices_among_all_kinds_are_pg_dumps_on_15() {
    choices_equal(15);
}

#[test]
fn choices_among_all_kinds_are_pg_dumps_on_18() {
    choices_equal(18);
}
