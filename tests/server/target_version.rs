//! `--target-version`: what is dumped for an older server loads into one without an error, and what it cannot have is
//! told by name.

use std::fs;
use std::path::Path;

use bstr::ByteSlice;

use super::objects::{ASIDE, cases_for, joins};
use crate::support::server::{MAJORS, psql_command};
use crate::support::{Server, TempDb, fixture, rsdump, rsrestore, run, stdout_of};

/// Makes the source's roles on a server that does not have them.
fn share_roles(from: &Server, to: &Server) {
    let roles = from.psql(
        "SELECT format('CREATE ROLE %I %s;', rolname, CASE WHEN rolsuper THEN 'SUPERUSER' ELSE '' END) \
         FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> 'postgres'",
    );
    for role in roles.lines() {
        // It may be there from another test.
        run(psql_command(&format!("{} dbname=postgres", to.conninfo())).args(["-c", &role.to_str_lossy()]));
    }
}

/// Dumps a database for a release and loads the dump there, as a script and as an archive.
fn carry(db: &TempDb<'_>, release: u32, directory: &Path) -> Result<(), String> {
    let server = Server::get(release);
    share_roles(db.server, server);
    let dump = |file: &Path, format: &str| {
        let target = format!("--target-version={release}");
        let options = ["--best-effort", "--no-tablespaces", "-F", format, "-f"];
        // The server 10 that there is crashes when a session ends that made a subscription.
        let without = (release == 10).then_some("--no-subscriptions");
        stdout_of(db.aim(rsdump()).arg(target).args(without).args(options).arg(file));
    };
    let failed = |what: &str, output: std::process::Output| {
        let told = output.stderr.as_bstr();
        match output.status.success() {
            true => Ok(()),
            false => Err(format!("{what} for {release} from {}: {told}", db.server.major)),
        }
    };
    let script = directory.join(format!("{release}.sql"));
    dump(&script, "p");
    let copy = TempDb::new(server);
    failed(
        "script",
        run(psql_command(&copy.conninfo()).arg("-f").arg(&script)),
    )?;
    // One release for each version of archives that older ones read.
    if ![10, 13, 16].contains(&release) {
        return Ok(());
    }
    let archive = directory.join(format!("{release}.dump"));
    dump(&archive, "c");
    let copy = TempDb::new(server);
    let restored = run(copy
        .aim(rsrestore())
        .args(["-e", "--no-tablespaces"])
        .arg(&archive));
    failed("archive", restored)
}

fn all_carried(db: &TempDb<'_>, releases: impl IntoIterator<Item = u32>) {
    let directory = tempfile::tempdir().expect("a directory");
    let failures: Vec<String> = releases
        .into_iter()
        .filter_map(|release| carry(db, release, directory.path()).err())
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// As many of the cases together in one database as get along and load again; the others have what these have, too.
fn mixture(server: &Server) -> TempDb<'_> {
    let directory = tempfile::tempdir().expect("a directory");
    let aside = directory.path().join("aside.sql");
    fs::write(&aside, ASIDE).expect("a script");
    let db = TempDb::new(server);
    let mut cases = cases_for(server.major);
    cases.retain(|case| !case.no_restore);
    let joined = (1..)
        .zip(&cases)
        .filter(|(number, case)| joins(&db, case, *number, &aside));
    assert!(joined.count() > cases.len() * 3 / 4);
    db
}

#[test]
fn cases_of_18_load_into_every_older_server() {
    all_carried(&mixture(Server::get(18)), MAJORS);
}

#[test]
fn cases_of_10_load_into_newer_servers() {
    all_carried(&mixture(Server::get(10)), [12, 14, 18]);
}

/// Everything in it, from 18: by name, with the release that it came with.
const NEWER: &[(&str, &str, u32)] = &[
    (
        "CREATE PROCEDURE p(a integer) LANGUAGE sql AS ''",
        "procedure public.p(integer)",
        11,
    ),
    (
        "CREATE INDEX covering ON t (a) INCLUDE (b)",
        "index public.covering",
        11,
    ),
    (
        "CREATE TABLE h (a integer) PARTITION BY HASH (a)",
        "table public.h",
        11,
    ),
    (
        "CREATE VIEW w AS SELECT sum(a) OVER (ORDER BY a GROUPS 1 PRECEDING) FROM t",
        "view public.w",
        11,
    ),
    (
        "CREATE TABLE g (a integer, s integer GENERATED ALWAYS AS (a * 2) STORED)",
        "column s of table public.g",
        12,
    ),
    ("CREATE TABLE j (p jsonpath)", "column p of table public.j", 12),
    (
        "CREATE TABLE u (i uuid DEFAULT gen_random_uuid())",
        "default of column i of table public.u",
        13,
    ),
    (
        "CREATE STATISTICS x (ndistinct) ON a, b FROM t; ALTER STATISTICS x SET STATISTICS 7",
        "statistics object public.x",
        13,
    ),
    (
        "CREATE FUNCTION s() RETURNS integer LANGUAGE sql SET enable_incremental_sort = off SET work_mem = '1MB' \
            SET an.extensions = 'x' AS 'SELECT 1'",
        "setting enable_incremental_sort (PostgreSQL 13) of function public.s()",
        13,
    ),
    (
        "CREATE FUNCTION f() RETURNS integer BEGIN ATOMIC SELECT 1; END",
        "function public.f()",
        14,
    ),
    (
        "CREATE TABLE m (r int4multirange)",
        "column r of table public.m",
        14,
    ),
    (
        "ALTER TABLE t ALTER b SET COMPRESSION pglz",
        "column b of table public.t",
        14,
    ),
    (
        "CREATE UNIQUE INDEX n ON t (a) NULLS NOT DISTINCT",
        "index public.n",
        15,
    ),
    (
        "CREATE VIEW i WITH (security_invoker) AS SELECT 1 AS a",
        "view public.i",
        15,
    ),
    (
        "CREATE TABLE d (n numeric(2, -3))",
        "column n of table public.d",
        15,
    ),
    (
        "CREATE VIEW o AS SELECT JSON_ARRAY(1, 2) AS a",
        "view public.o",
        16,
    ),
    (
        "CREATE COLLATION c (PROVIDER = builtin, LOCALE = 'C')",
        "collation public.c",
        17,
    ),
    (
        "CREATE TABLE v (a integer, z integer GENERATED ALWAYS AS (a * 2) VIRTUAL)",
        "column z of table public.v",
        18,
    ),
    (
        "ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0) NOT ENFORCED",
        "constraint k on table public.t",
        18,
    ),
];

#[test]
fn what_a_release_cannot_load_is_an_error_that_names_it() {
    let db = TempDb::new(Server::get(18));
    db.psql("CREATE TABLE t (a integer, b text)");
    for (sql, ..) in NEWER {
        db.psql(sql);
    }
    for release in MAJORS {
        let target = format!("--target-version={release}");
        let output = run(db.aim(rsdump()).arg(&target));
        let told = output.stderr.to_str_lossy();
        for (sql, name, since) in NEWER {
            // A generated column is generated on all releases that have it, whatever its kind.
            let is_told =
                told.contains(&format!("\n  {name}: ")) || told.contains(&format!("\n  {name} uses "));
            assert_eq!(is_told, release < *since, "{sql} for {release}:\n{told}");
        }
        let fits = release == 18;
        assert_eq!(
            (output.status.code(), output.stdout.is_empty()),
            (Some(i32::from(!fits)), !fits)
        );
    }
    all_carried(&db, MAJORS);
}

#[test]
fn the_sample_database_loads_everywhere() {
    let db = TempDb::new(Server::get(18));
    db.load(&fixture("sample/schema.sql"));
    all_carried(&db, MAJORS);
    db.load(&fixture("sample/data.sql"));
    all_carried(&db, [10]);
}

#[test]
fn what_every_release_has_needs_no_effort() {
    let db = TempDb::new(Server::get(18));
    db.psql(
        "CREATE TABLE p (id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT n NOT NULL, d date) \
            PARTITION BY RANGE (d); \
         CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2020-01-01') TO ('2021-01-01'); \
         CREATE TABLE t (id serial PRIMARY KEY, k integer REFERENCES t, CHECK (k > 0)); \
         CREATE VIEW v AS WITH w AS MATERIALIZED (SELECT extract(year FROM d) AS y FROM p) SELECT y FROM w; \
         CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; \
         CREATE TRIGGER f BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f(); \
         CREATE TYPE r AS RANGE (SUBTYPE = integer); \
         CREATE ROLE regress_all; GRANT ALL ON t TO regress_all; \
         INSERT INTO p (d) VALUES ('2020-02-02')",
    );
    let target = ["--target-version=10"];
    let script = db.rsdump(&target);
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("dump.sql");
    fs::write(&file, script).expect("a script");
    let old = Server::get(10);
    share_roles(db.server, old);
    let copy = TempDb::new(old);
    copy.load(&file);
    assert_eq!(
        copy.psql("SELECT y, pg_typeof(y) FROM v").as_bstr(),
        "2020|numeric\n"
    );
}

#[test]
fn generated_columns_keep_their_values_where_there_are_none() {
    let db = TempDb::new(Server::get(18));
    db.psql(
        "CREATE TABLE t (a integer, s integer GENERATED ALWAYS AS (a * 2) STORED, \
            v text GENERATED ALWAYS AS ('v' || a)); \
         INSERT INTO t VALUES (1), (2); CREATE TABLE c (b boolean) INHERITS (t); INSERT INTO c VALUES (3)",
    );
    for inserts in [false, true] {
        let mut command = db.aim(rsdump());
        command.args(["--target-version=11", "--best-effort"]);
        if inserts {
            command.arg("--inserts");
        }
        let script = stdout_of(&mut command);
        let copy = TempDb::new(Server::get(11));
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("dump.sql");
        fs::write(&file, script).expect("a script");
        copy.load(&file);
        let rows = copy.psql("SELECT tableoid::regclass, a, s, v FROM t ORDER BY a");
        assert_eq!(rows.as_bstr(), "t|1|2|v1\nt|2|4|v2\nc|3|6|v3\n");
    }
}

#[test]
fn archives_are_of_the_version_that_the_release_reads() {
    let db = TempDb::new(Server::get(18));
    for (release, version) in [
        (10, 13),
        (11, 13),
        (12, 14),
        (15, 14),
        (16, 15),
        (17, 16),
        (18, 16),
    ] {
        let archive = stdout_of(
            db.aim(rsdump())
                .args(["-Fc", &format!("--target-version={release}")]),
        );
        assert_eq!(
            archive.get(..7),
            Some(&[b'P', b'G', b'D', b'M', b'P', 1, version][..]),
            "{release}"
        );
    }
    let refused = run(db
        .aim(rsdump())
        .args(["-Fc", "--target-version=15", "--archive-version=1.16"]));
    assert!(
        refused
            .stderr
            .contains_str("archive version 1.16 cannot be read by PostgreSQL 15")
    );
}
