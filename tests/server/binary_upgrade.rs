//! `--binary-upgrade`: what pg_dump 18 writes for pg_upgrade, numbers and files included, from servers of every release;
//! and a server in pg_upgrade's mode takes it and then dumps the same.

use crate::generated::{generated, with_constraint_names_quoted};
use crate::objects::most_cases;
use crate::support::server::psql_command;
use crate::support::{
    Findings, Server, Setup, TempDb, normalize, rsdump, rsdumpall, stdout_of, try_stdout_of,
};

/// Puts the loose operators and functions of operator families in order: pg_dump's query leaves theirs to the server.
fn sorted_families(dump: &[u8]) -> Vec<u8> {
    let is_member = |line: &[u8]| line.starts_with(b"    OPERATOR ") || line.starts_with(b"    FUNCTION ");
    let lines: Vec<&[u8]> = dump.split_inclusive(|byte| *byte == b'\n').collect();
    let mut sorted = Vec::with_capacity(dump.len());
    for same in lines.chunk_by(|one, other| is_member(one) && is_member(other)) {
        let mut same: Vec<&[u8]> = same
            .iter()
            .map(|line| match is_member(line) {
                true => line
                    .strip_suffix(b" ,\n")
                    .or(line.strip_suffix(b";\n"))
                    .unwrap_or(line),
                false => line,
            })
            .collect();
        same.sort_unstable();
        sorted.extend(same);
    }
    sorted.concat()
}

/// Compares what both programs write with these words and `--binary-upgrade`.
fn compare(what: &str, db: &TempDb<'_>, choices: &[&[&str]]) {
    let mut findings = Findings::new(what, db.server.major);
    for choice in choices {
        let words = [&["--binary-upgrade"], *choice].concat();
        let ours = try_stdout_of(db.aim(rsdump()).args(&words));
        findings.same(
            &choice.join(" "),
            Ok(sorted_families(&with_constraint_names_quoted(&normalize(
                &db.pg_dump(18, &words),
            )))),
            ours.map(|dump| sorted_families(&normalize(&dump))),
        );
    }
}

/// pg_upgrade's own words.
const PG_UPGRADE: &[&str] = &[
    "--no-data",
    "--sequence-data",
    "--statistics",
    "--quote-all-identifiers",
];

fn dumps_equal(major: u32, seeds: &[u64]) {
    let server = Server::get(major);
    compare("most cases", &most_cases(server), &[&["-s", "-C"], PG_UPGRADE]);
    for seed in seeds {
        compare(
            &format!("generated {seed}"),
            &generated(server, *seed),
            &[&["-s"]],
        );
    }
}

#[test]
fn cases_are_dumped_for_pg_upgrade_on_10() {
    dumps_equal(10, &[]);
}

#[test]
fn cases_are_dumped_for_pg_upgrade_on_12() {
    dumps_equal(12, &[]);
}

#[test]
fn cases_are_dumped_for_pg_upgrade_on_13() {
    dumps_equal(13, &[151, 152, 153]);
}

#[test]
fn cases_are_dumped_for_pg_upgrade_on_15() {
    dumps_equal(15, &[154, 155, 156]);
}

#[test]
fn cases_are_dumped_for_pg_upgrade_on_16() {
    dumps_equal(16, &[]);
}

#[test]
fn cases_are_dumped_for_pg_upgrade_on_18() {
    dumps_equal(18, &[157, 158, 159, 160]);
}

/// What pg_upgrade keeps of subscriptions, and privileges that an extension's script gives: no case has them.
const PARTICULARS: &str = "
    CREATE TABLE followed (a int); CREATE TABLE also (a int); CREATE SCHEMA s; CREATE TABLE s.also (a int);
    CREATE SUBSCRIPTION \"Second\" CONNECTION 'host=nowhere' PUBLICATION p WITH (connect = false, slot_name = NONE);
    CREATE SUBSCRIPTION first CONNECTION 'host=nowhere' PUBLICATION p WITH (connect = false, slot_name = 'x');
    SET allow_system_table_mods = on;
    UPDATE pg_subscription SET subenabled = true WHERE subname = 'first';
    INSERT INTO pg_subscription_rel SELECT s.oid, r::regclass, k::\"char\", l::pg_lsn FROM pg_subscription s,
        (VALUES ('followed', 'i', NULL), ('s.also', 'r', '0/1234'), ('also', 's', '1/2')) v(r, k, l)
        WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database());
    SELECT pg_replication_origin_advance('pg_' || oid, '0/ABCD') FROM pg_subscription WHERE subname = 'first'
        AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database());
    CREATE EXTENSION pg_stat_statements;
    CREATE EXTENSION earthdistance CASCADE;
    GRANT EXECUTE ON FUNCTION pg_stat_statements_reset TO PUBLIC;
    REVOKE SELECT ON pg_stat_statements FROM PUBLIC;
    CREATE TABLE wide (a int, b text, c int, \"D\" bigint, e int);
    ALTER TABLE wide DROP a, DROP c, DROP \"D\";
    CREATE TABLE narrow () INHERITS (wide);
    ALTER TABLE narrow ALTER e SET DEFAULT 7;
";

fn particulars_are_equal(major: u32) {
    // Subscriptions and origins are everybody's.
    let server = Server::start(major, Setup::default());
    let db = TempDb::new(&server);
    db.psql(PARTICULARS);
    compare(
        "particulars",
        &db,
        &[
            &["-s"],
            &["-s", "-C", "-c"],
            &["-s", "--no-subscriptions"],
            &["-s", "-n", "s"],
            PG_UPGRADE,
        ],
    );
}

#[test]
fn what_only_pg_upgrade_needs_is_dumped_on_14() {
    particulars_are_equal(14);
}

#[test]
fn what_only_pg_upgrade_needs_is_dumped_on_17() {
    particulars_are_equal(17);
}

#[test]
fn what_only_pg_upgrade_needs_is_dumped_on_18() {
    particulars_are_equal(18);
}

/// A server that pg_upgrade has started takes the dumps, and gives the same again: with all oids, files and ages.
#[test]
fn a_server_in_upgrade_mode_takes_what_was_dumped() {
    let old = Server::start(18, Setup::default());
    let new = Server::start(
        18,
        Setup {
            binary_upgrade: true,
            ..Setup::default()
        },
    );
    let db = TempDb::loaded(&old, "databases/all_kinds.sql");
    let script = old.dir.join("script.sql");
    let execute = |script_text: &[u8]| {
        std::fs::write(&script, script_text).expect("write the script");
        let conninfo = format!("{} dbname=postgres", new.conninfo());
        stdout_of(psql_command(&conninfo).arg("-f").arg(&script));
    };
    let globals = |server: &Server| {
        let from = format!("{} dbname=postgres", server.conninfo());
        stdout_of(rsdumpall().args(["-g", "--binary-upgrade", "-d", &from]))
    };
    let dump = |server: &Server| {
        let from = format!("{} dbname={}", server.conninfo(), db.name);
        stdout_of(rsdump().args(["-s", "--sequence-data", "--binary-upgrade", "-C", "-d", &from]))
    };
    execute(&globals(&old));
    let dumped = dump(&old);
    execute(&dumped);
    let mut findings = Findings::new("an upgraded server", 18);
    findings.same(
        "globals",
        Ok(normalize(&globals(&old))),
        Ok(normalize(&globals(&new))),
    );
    findings.same("database", Ok(normalize(&dumped)), Ok(normalize(&dump(&new))));
}
