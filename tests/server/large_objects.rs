//! Large objects that are cut into many pieces, and such with holes: every way of dumping and restoring gives what
//! pg_dump and pg_restore give.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Server, TempDb, assert_same, rsdump, rsrestore, stdout_of, tool};

const SUMS: &str =
    "SELECT oid, length(lo_get(oid)), md5(lo_get(oid)) FROM pg_largeobject_metadata ORDER BY oid";

/// Objects longer than a batch, and objects that have pages only here and there: what was never written reads as zeros.
fn with_holes(server: &Server) -> TempDb<'_> {
    let db = TempDb::new(server);
    db.psql(
        "SELECT lo_from_bytea(9000, decode(repeat(string_agg(md5(g::text), ''), 2), 'hex'))
           FROM generate_series(1, 165000) g;
         SELECT lo_from_bytea(9001, ''), lo_create(9002), lo_create(9003), lo_create(9004), lo_create(9005);
         SELECT lo_truncate64(lo_open(9001, 393216), 3000000);
         SELECT lo_put(9002, 2500000, 'end'), lo_put(9002, 1000, 'start');
         SELECT lo_put(9003, 5000, 'x');
         SELECT lo_put(9004, 0, 'abc'); SELECT lo_truncate64(lo_open(9004, 393216), 10000);
         SELECT lo_from_bytea(9006, 'short'), lo_from_bytea(9007, '\\x00');
         DO $$ BEGIN CREATE ROLE reads_large_objects LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
         DO $$ BEGIN FOR n IN 9000..9007 LOOP
           EXECUTE format('GRANT SELECT ON LARGE OBJECT %s TO reads_large_objects', n); END LOOP; END $$",
    );
    db
}

fn dumped(program: Command, options: &[&str], path: PathBuf) -> PathBuf {
    let mut program = program;
    stdout_of(program.args(options).arg("-f").arg(&path));
    path
}

#[test]
fn long_objects_and_those_with_holes_come_back_from_every_archive() {
    let server = Server::get(18);
    let source = with_holes(server);
    let expected = source.psql(SUMS);
    let dir = tempfile::tempdir().expect("make a directory");
    let at = |name: &str| dir.path().join(name);
    let ours = |options: &[&str], name: &str| dumped(source.aim(rsdump()), options, at(name));
    let restored = |what: &str, program: Command, options: &[&str], archive: &Path| {
        let copy = TempDb::new(server);
        stdout_of(copy.aim(program).args(options).arg(archive));
        assert_same(what, &expected, &copy.psql(SUMS));
    };
    let stock = dumped(source.aim(tool(18, "pg_dump")), &["-Fc"], at("stock"));
    restored("pg_dump's", rsrestore(), &["-j2"], &stock);
    for (name, options) in [
        ("gzip", &["-Fc", "-Zgzip"][..]),
        ("none", &["-Fc", "-Z0", "-j2"]),
        ("directory", &["-Fd", "-Zgzip"]),
        ("tar", &["-Ft"]),
        // Who may not read the catalog itself goes by the functions.
        ("user", &["-Fc", "-Z0", "-Ureads_large_objects"]),
    ] {
        let archive = ours(options, name);
        restored(name, tool(18, "pg_restore"), &[], &archive);
        restored(name, rsrestore(), &[], &archive);
        restored(name, rsrestore(), &["-j3"], &archive);
    }
    let zstd = ours(&["-Fc"], "zstd");
    restored("zstd", rsrestore(), &["-1"], &zstd);
    for jobs in ["-j1", "-j3"] {
        let (reader, mut writer) = std::io::pipe().expect("a pipe");
        let content = std::fs::read(&zstd).expect("read the archive");
        std::thread::spawn(move || writer.write_all(&content));
        let copy = TempDb::new(server);
        stdout_of(copy.aim(rsrestore()).arg(jobs).stdin(reader));
        assert_same("through a pipe", &expected, &copy.psql(SUMS));
    }
    let script = ours(&[], "script");
    let copy = TempDb::new(server);
    copy.load(&script);
    assert_same("a script", &expected, &copy.psql(SUMS));
}

#[test]
fn objects_of_others_are_given_to_them_and_ones_own_are_kept() {
    let server = Server::get(18);
    let source = TempDb::new(server);
    source.psql(
        "DO $$ BEGIN CREATE ROLE owns_large_objects LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
         SELECT lo_from_bytea(7000 + g, 'x') FROM generate_series(1, 20) g;
         DO $$ BEGIN FOR n IN 7011..7020 LOOP
           EXECUTE format('ALTER LARGE OBJECT %s OWNER TO owns_large_objects', n); END LOOP; END $$",
    );
    let dir = tempfile::tempdir().expect("make a directory");
    let archive = dumped(
        source.aim(rsdump()),
        &["-Fc", "-Zgzip"],
        dir.path().join("archive"),
    );
    let owners =
        "SELECT lomowner::regrole, min(oid), max(oid) FROM pg_largeobject_metadata GROUP BY 1 ORDER BY 1";
    for options in [
        &[][..],
        &["-j2"],
        &["--role=owns_large_objects"],
        &["-O"],
        &["-O", "--role=owns_large_objects"],
        &["--use-set-session-authorization"],
    ] {
        let [expected, actual] = [tool(18, "pg_restore"), rsrestore()].map(|program| {
            let copy = TempDb::new(server);
            copy.psql(&format!(
                "GRANT ALL ON DATABASE {} TO owns_large_objects",
                copy.name
            ));
            let mut program = copy.aim(program);
            let output = program.args(options).arg(&archive).output().expect("restore");
            (output.status.code(), copy.psql(owners))
        });
        assert_eq!(expected.0, actual.0, "{options:?}");
        assert_same(&options.join(" "), &expected.1, &actual.1);
    }
}
