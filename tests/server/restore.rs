//! Restoring into servers: what is told and left behind when things fail, with pg_restore as the judge.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::{
    Server, TempDb, assert_same, fixture, normalize, rsdump, rsrestore, run, stdout_of, tool,
};

/// An archive whose entries depend on roles that no server has, so that many of them fail.
fn objects() -> PathBuf {
    fixture("scripts/objects.dump")
}

fn pg_restore() -> Command {
    tool(18, "pg_restore")
}

fn dump_of(db: &TempDb<'_>, dir: &Path, options: &[&str]) -> PathBuf {
    let path = dir.join("archive");
    stdout_of(
        db.aim(tool(18, "pg_dump"))
            .args(["-Fc", "-f"])
            .arg(&path)
            .args(options),
    );
    path
}

/// What was told, in the name of pg_restore.
fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).replace("rsrestore: ", "pg_restore: ")
}

#[test]
fn failures_are_told_and_survived_as_by_pg_restore() {
    let server = Server::get(18);
    for options in [
        &[][..],
        &["-c"],
        &["-c", "--if-exists", "-O", "-x"],
        &["-e"],
        &["-1"],
        &["-1", "-O", "-x"],
        &["--transaction-size=5", "-O"],
        &["--no-data-for-failed-tables"],
        &["-a", "--disable-triggers"],
        &["-L", "edited.list", "-s"],
        &["-n", "public", "-O"],
    ] {
        let (theirs, ours) = (TempDb::new(server), TempDb::new(server));
        // A second run meets everything that the first has left.
        for round in ["first", "second"] {
            let restore = |db: &TempDb<'_>, program: Command| {
                run(db
                    .aim(program)
                    .current_dir(fixture("scripts"))
                    .args(options)
                    .arg(objects()))
            };
            let expected = restore(&theirs, pg_restore());
            let actual = restore(&ours, rsrestore());
            let what = format!("{round} rsrestore {}", options.join(" "));
            assert_same(&what, told(&expected).as_bytes(), told(&actual).as_bytes());
            assert_eq!(actual.status.code(), expected.status.code(), "{what}");
            let left = |db: &TempDb<'_>| normalize(&db.pg_dump(18, &[]));
            assert_same(&format!("what {what} left"), &left(&theirs), &left(&ours));
        }
    }
}

#[test]
fn verbose_restores_name_the_entry_of_each_failure() {
    let server = Server::get(18);
    let restore = |program: Command| {
        let db = TempDb::new(server);
        let output = run(db.aim(program).arg("-v").arg(objects()));
        told(&output)
    };
    assert_same(
        "what rsrestore -v tells",
        restore(pg_restore()).as_bytes(),
        restore(rsrestore()).as_bytes(),
    );
}

#[test]
fn an_archive_of_release_18_restores_into_every_server() {
    let source = TempDb::new(Server::get(18));
    source.psql(
        "CREATE TABLE t (a int PRIMARY KEY, b text) USING heap;
         INSERT INTO t SELECT g, 'row ' || g FROM generate_series(1, 1000) g;
         CREATE TABLE p (a int) PARTITION BY LIST (a);
         CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
         SELECT lo_from_bytea(77, 'seventy-seven');",
    );
    let dir = tempfile::tempdir().expect("make a directory");
    let archive = dump_of(&source, dir.path(), &[]);
    for major in [13, 14, 15, 16, 17, 18] {
        let copy = TempDb::new(Server::get(major));
        let output = run(copy.aim(rsrestore()).arg(&archive));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "on {major}");
        assert!(output.status.success());
        let rows = "SELECT count(*), min(b), sum(a), (SELECT convert_from(lo_get(77), 'UTF8')) FROM t";
        assert_eq!(copy.psql(rows), source.psql(rows), "on {major}");
    }
}

#[test]
fn large_objects_of_every_size_come_back() {
    let server = Server::get(15);
    let source = TempDb::new(server);
    // Around the sizes of a page, a chunk, a piece and a batch; the content is not the same anywhere.
    source.psql(
        "SELECT lo_from_bytea(0, (SELECT coalesce(string_agg(int4send(g # size), ''), '')
                                  FROM generate_series(1, size) g))
         FROM unnest('{0,1,511,512,4095,4096,4097,65535,65536,65537,200000}'::int[]) size;
         SELECT count(lo_from_bytea(0, int4send(g))) FROM generate_series(1, 2500) g;",
    );
    let dir = tempfile::tempdir().expect("make a directory");
    let archive = dump_of(&source, dir.path(), &[]);
    let copy = TempDb::new(server);
    stdout_of(copy.aim(rsrestore()).arg(&archive));
    let sums = "SELECT oid, length(lo_get(oid)), md5(lo_get(oid)) FROM pg_largeobject_metadata ORDER BY oid";
    assert_same("large objects", &source.psql(sums), &copy.psql(sums));
}

#[test]
fn the_database_is_created_dropped_and_created_again() {
    let server = Server::get(16);
    let source = TempDb::new(server);
    source.psql(&format!(
        "CREATE TABLE t AS SELECT 1 AS a; ALTER DATABASE {} SET work_mem TO '7MB'; COMMENT ON DATABASE {} IS 'here'",
        source.name, source.name
    ));
    let dir = tempfile::tempdir().expect("make a directory");
    let archive = dump_of(&source, dir.path(), &["-C"]);
    let before = normalize(&source.pg_dump(18, &["-C"]));
    let restore = |options: &[&str]| {
        let mut command = rsrestore();
        command.args(["-h", "127.0.0.1", "-U", "postgres", "-d", "postgres", "-p"]);
        stdout_of(command.arg(server.port.to_string()).args(options).arg(&archive))
    };
    server.psql(&format!("DROP DATABASE {}", source.name));
    restore(&["-C"]);
    assert_same(
        "the new database",
        &before,
        &normalize(&source.pg_dump(18, &["-C"])),
    );
    source.psql("DROP TABLE t");
    restore(&["-C", "-c", "-e"]);
    assert_same(
        "the database in its place",
        &before,
        &normalize(&source.pg_dump(18, &["-C"])),
    );
}

#[test]
fn a_damaged_archive_leaves_no_part_of_a_tables_rows() {
    let server = Server::get(15);
    let source = TempDb::new(server);
    source.psql("CREATE TABLE t AS SELECT g AS a, md5(g::text) AS b FROM generate_series(1, 50000) g");
    let dir = tempfile::tempdir().expect("make a directory");
    let archive = dump_of(&source, dir.path(), &["-Z0"]);
    let whole = std::fs::read(&archive).expect("read the archive");
    std::fs::write(&archive, &whole[..whole.len() / 2]).expect("cut the archive");
    let copy = TempDb::new(server);
    let output = run(copy.aim(rsrestore()).arg(&archive));
    assert_eq!(output.status.code(), Some(1));
    let told = told(&output);
    assert!(told.contains("TABLE DATA public.t"), "{told}");
    assert_eq!(copy.psql("SELECT count(*) FROM t"), b"0\n");
}

#[test]
fn data_written_as_commands_is_executed_one_by_one() {
    let server = Server::get(18);
    let source = TempDb::new(server);
    source.psql(
        "CREATE TABLE t (a int PRIMARY KEY, \"b;c\" text);
         INSERT INTO t VALUES (1, 'it''s; x'), (2, E'\\\\'), (3, E'line\nend;'), (4, NULL)",
    );
    let dir = tempfile::tempdir().expect("make a directory");
    let archive = dump_of(&source, dir.path(), &["--inserts"]);
    let copy = TempDb::new(server);
    copy.psql("CREATE TABLE t (a int PRIMARY KEY, \"b;c\" text); INSERT INTO t VALUES (3, 'mine')");
    let output = run(copy.aim(rsrestore()).args(["-a"]).arg(&archive));
    assert!(
        told(&output).contains("errors ignored on restore: 1\n"),
        "{}",
        told(&output)
    );
    let rows = "SELECT * FROM t WHERE a <> 3 ORDER BY a";
    assert_eq!(copy.psql(rows), source.psql(rows));
    assert_eq!(copy.psql("SELECT \"b;c\" FROM t WHERE a = 3"), b"mine\n");
}

/// Statements for many large objects go together, and what is refused costs only what it is about.
#[test]
fn a_large_object_that_is_there_keeps_no_other_from_coming() {
    let db = TempDb::new(Server::get(18));
    db.psql(
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'regress_keeper') \
         THEN CREATE ROLE regress_keeper; END IF; END $$; \
         SELECT lo_from_bytea(4000 + i, 'x') FROM generate_series(1, 20) i; \
         DO $$ BEGIN FOR i IN 4001..4020 LOOP EXECUTE format('ALTER LARGE OBJECT %s OWNER TO regress_keeper', i); \
         EXECUTE format('GRANT SELECT ON LARGE OBJECT %s TO PUBLIC', i); END LOOP; END $$",
    );
    let dir = tempfile::tempdir().expect("make a directory");
    let archive = dir.path().join("dump");
    stdout_of(db.aim(rsdump()).args(["-Fc", "-Z0", "-f"]).arg(&archive));
    let told = |program: std::process::Command| {
        let target = TempDb::new(Server::get(18));
        target.psql("SELECT lo_create(4007)");
        let output = run(target.aim(program).arg(&archive));
        assert_eq!(output.status.code(), Some(1));
        let facts = target.psql(
            "SELECT count(*), count(*) FILTER (WHERE lomowner = 'regress_keeper'::regrole), \
             count(*) FILTER (WHERE lomacl IS NOT NULL) FROM pg_largeobject_metadata",
        );
        let said = String::from_utf8_lossy(&output.stderr).replace("rsrestore", "pg_restore");
        (String::from_utf8_lossy(&facts).into_owned(), said)
    };
    let ours = told(rsrestore());
    assert!(ours.1.contains("(oid)=(4007) already exists"), "{}", ours.1);
    assert_eq!(ours, told(tool(18, "pg_restore")));
}

#[test]
fn small_statements_share_transactions_and_fail_alone() {
    let server = Server::get(18);
    let source = TempDb::new(server);
    source.psql(
        "DO $$ BEGIN FOR t IN 1..90 LOOP
           EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, n int CHECK (n > 0))', t);
           EXECUTE format('COMMENT ON TABLE t%s IS %L', t, 'Table; number ' || t);
         END LOOP; END $$;",
    );
    let dir = tempfile::tempdir().expect("make a directory");
    let archive = dump_of(&source, dir.path(), &["-s"]);
    for (what, before) in [
        ("nothing is refused", ""),
        ("one table is there", "CREATE TABLE t30 (id text)"),
        (
            "some comments are refused",
            "CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS
               $$ BEGIN RAISE NOTICE 'asked'; IF current_query() LIKE '%number 4%' THEN RAISE 'no'; END IF; END $$;
             CREATE EVENT TRIGGER refuse ON ddl_command_start WHEN TAG IN ('COMMENT') EXECUTE FUNCTION refuse()",
        ),
    ] {
        let restored = |program: Command| {
            let db = TempDb::new(server);
            db.psql(before);
            let number = || -> u64 { String::from_utf8_lossy(&db.psql("SELECT txid_current()")).trim().parse().expect("a number") };
            let first = number();
            let output = run(db.aim(program).arg(&archive));
            let spent = number() - first;
            (told(&output), normalize(&db.pg_dump(18, &[])), spent)
        };
        let (theirs, ours) = (restored(pg_restore()), restored(rsrestore()));
        assert_same(
            &format!("what is told when {what}"),
            theirs.0.as_bytes(),
            ours.0.as_bytes(),
        );
        assert_same(&format!("what is there when {what}"), &theirs.1, &ours.1);
        if before.is_empty() {
            assert!(ours.2 * 8 < theirs.2, "{} transactions instead of {}", ours.2, theirs.2);
        }
    }
}
