//! Plain dumps as rsrestore's input: databases as psql would make them, failures with their lines, refusals.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support::server::psql_command;
use crate::support::{
    Server, Setup, TempDb, assert_same, normalize, rsdump, rsrestore, run, stdout_of, tool,
};

/// Databases, roles and settings with names and contents that a splitter of scripts could stumble over.
const CLUSTER: &str = r#"
CREATE ROLE "odd ""role'" LOGIN VALID UNTIL 'infinity';
CREATE ROLE "back\slash";
GRANT "back\slash" TO "odd ""role'";
ALTER ROLE "back\slash" SET work_mem = '7MB';
CREATE TABLESPACE "in place" LOCATION '';
CREATE DATABASE "UPPER" OWNER "odd ""role'" TABLESPACE "in place";
CREATE DATABASE "a b'c""d\e=f" CONNECTION LIMIT 7;
CREATE DATABASE latin1 ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C';
CREATE DATABASE off;
ALTER DATABASE off SET standard_conforming_strings = off;
ALTER DATABASE off SET backslash_quote = on;
ALTER DATABASE "UPPER" SET search_path = "a;b", public;
ALTER ROLE "odd ""role'" IN DATABASE "UPPER" SET work_mem = '9MB';
COMMENT ON DATABASE latin1 IS E'semi;colon ''quote'' \\ back';
"#;

/// What is in each of the databases.
const OBJECTS: &str = r#"
CREATE SCHEMA "a;b";
CREATE TABLE "a;b"."t;'" ("x;""y" int PRIMARY KEY, "from stdin" text DEFAULT ';''\'::text);
INSERT INTO "a;b"."t;'" VALUES (1, '\.'), (2, E'line\nend;\t\\.\n\\.'), (3, NULL), (4, ''), (5, $$';"$$);
CREATE TABLE empty ();
CREATE TABLE log (what text);
CREATE RULE r AS ON INSERT TO "a;b"."t;'" DO ALSO (INSERT INTO log VALUES (';'); INSERT INTO log VALUES ('('));
CREATE FUNCTION "begin"(x int) RETURNS int LANGUAGE sql BEGIN ATOMIC
    SELECT CASE x WHEN 1 THEN (CASE WHEN x > 0 THEN 2 END) ELSE 3 END; SELECT x AS begin; END;
CREATE FUNCTION dollars() RETURNS text LANGUAGE plpgsql AS $f$ BEGIN RETURN $$;'$$ || '$_$;' || $_$'$_$; END; $f$;
CREATE PROCEDURE p() LANGUAGE sql BEGIN ATOMIC INSERT INTO log VALUES ('p;'); DELETE FROM log; END;
CREATE VIEW v AS SELECT ';' AS a, E'\\;''' AS b, U&'\0041;' AS c /* ; */;
COMMENT ON VIEW v IS E'-- ; /* \'\\ \n\\connect postgres\n\\! false';
SELECT lo_from_bytea(7001, '\x00ff5c27'), lo_from_bytea(7002, 'seven; thousand'' and two');
COMMENT ON LARGE OBJECT 7001 IS 'large;';
"#;

fn psql_in(server: &Server, database: &str) -> Command {
    let quoted = database.replace('\\', "\\\\").replace('\'', "\\'");
    psql_command(&format!("{} dbname='{quoted}'", server.conninfo()))
}

fn aim(mut command: Command, server: &Server) -> Command {
    command.args([
        "-h",
        "127.0.0.1",
        "-U",
        "postgres",
        "-p",
        &server.port.to_string(),
    ]);
    command
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn write(dir: &Path, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, text).expect("write a script");
    path
}

/// A script that is recognised as a dump.
fn dump_like(text: &str) -> String {
    format!("--\n-- PostgreSQL database dump\n--\n\n{text}")
}

#[test]
fn a_whole_cluster_comes_out_of_the_script_of_pg_dumpall() {
    let setup = Setup {
        conf: "allow_in_place_tablespaces = on",
        ..Setup::default()
    };
    let (source, copy) = (Server::start(18, setup), Server::start(18, setup));
    let script: String = CLUSTER.lines().map(|line| format!("{line}\n")).collect();
    for statement in script.split(";\n").filter(|text| !text.trim().is_empty()) {
        source.psql(statement);
    }
    for database in ["UPPER", "a b'c\"d\\e=f", "latin1", "off", "template1", "postgres"] {
        stdout_of(
            psql_in(&source, database)
                .args(["-c", OBJECTS])
                .env("PGOPTIONS", "-c standard_conforming_strings=on"),
        );
    }
    let dump_of = |server: &Server| stdout_of(&mut aim(tool(18, "pg_dumpall"), server));
    let dump = dump_of(&source);
    let dir = tempfile::tempdir().expect("make a directory");
    let file = write(dir.path(), "cluster.sql", &dump);
    let output = run(aim(rsrestore(), &copy).args(["-d", "postgres"]).arg(&file));
    // The role that restores is there already.
    let expected = format!(
        "rsrestore: error: {}: line 14: could not execute query: ERROR:  role \"postgres\" already exists\n\
         Command was: CREATE ROLE postgres;\nrsrestore: warning: errors ignored on restore: 1\n",
        file.display()
    );
    let line = dump
        .split(|byte| *byte == b'\n')
        .position(|line| line == b"CREATE ROLE postgres;");
    let expected = expected.replace(
        "line 14",
        &format!("line {}", line.expect("the role is dumped") + 1),
    );
    assert_eq!(told(&output), expected);
    assert_eq!(output.status.code(), Some(1));
    assert_same("the cluster", &normalize(&dump), &normalize(&dump_of(&copy)));
}

#[test]
fn a_dump_becomes_what_psql_makes_of_it() {
    let server = Server::get(18);
    let source = TempDb::new(server);
    // Within functions, psql takes any word of this sort for the beginning of a body and waits in vain for its end.
    source.psql(&OBJECTS.replace("\"begin\"(", "started(").replace(" AS begin", ""));
    source.psql(
        "CREATE TABLE many AS SELECT g AS a, repeat(chr(92) || '.' || chr(10), 3) AS b FROM generate_series(1, 20000) g;
         CREATE TABLE japanese AS SELECT '表;ソ\\'::text AS \"ソ\"; COMMENT ON TABLE japanese IS E'表\\'';",
    );
    let dir = tempfile::tempdir().expect("make a directory");
    for (what, options) in [
        ("as it is", &[][..]),
        ("with inserts", &["--inserts"]),
        ("for Shift JIS", &["-E", "SJIS"]),
    ] {
        let script = write(dir.path(), "dump.sql", source.pg_dump(18, options));
        let (theirs, ours) = (TempDb::new(server), TempDb::new(server));
        theirs.load(&script);
        let output = run(ours.aim(rsrestore()).arg(&script));
        assert_eq!(told(&output), "", "{what}");
        let expected = normalize(&theirs.pg_dump(18, &[]));
        assert_same(
            &format!("a dump {what}"),
            &expected,
            &normalize(&ours.pg_dump(18, &[])),
        );
        assert_same(what, &normalize(&source.pg_dump(18, &[])), &expected);
    }
}

#[test]
fn compressed_dumps_and_standard_input_are_read() {
    let server = Server::get(18);
    let source = TempDb::new(server);
    source.psql(OBJECTS);
    let expected = normalize(&source.pg_dump(18, &[]));
    let dir = tempfile::tempdir().expect("make a directory");
    for method in ["none", "gzip", "lz4", "zstd"] {
        let path = dir.path().join(method);
        stdout_of(source.aim(rsdump()).args(["-Z", method, "-f"]).arg(&path));
        let from_file = TempDb::new(server);
        stdout_of(from_file.aim(rsrestore()).arg(&path));
        assert_same(method, &expected, &normalize(&from_file.pg_dump(18, &[])));

        let from_pipe = TempDb::new(server);
        let mut child = from_pipe
            .aim(rsrestore())
            .arg("-1")
            .stdin(Stdio::piped())
            .spawn()
            .expect("start rsrestore");
        let mut pipe = child.stdin.take().expect("a pipe");
        pipe.write_all(&std::fs::read(&path).expect("read the dump"))
            .expect("write to the pipe");
        drop(pipe);
        assert!(child.wait().expect("wait for rsrestore").success());
        assert_same(method, &expected, &normalize(&from_pipe.pg_dump(18, &[])));
    }
}

#[test]
fn failures_are_told_with_their_lines_and_end_the_run_where_they_should() {
    let server = Server::get(15);
    let dir = tempfile::tempdir().expect("make a directory");
    let script = write(
        dir.path(),
        "dump.sql",
        dump_like(
            "CREATE TABLE t (a int);\nSELECT\n  nonsense;\nCOPY t FROM stdin;\n1\nx\n3\n\\.\nCOPY missing FROM stdin;\n\
             DROP TABLE t;\n\\.\nINSERT INTO t VALUES (4);\nBEGIN;\nINSERT INTO t VALUES (5);\nCOMMIT;\n",
        ),
    );
    let name = script.display();
    let first = format!(
        "rsrestore: error: {name}: line 6: could not execute query: ERROR:  column \"nonsense\" does not exist\n\
         LINE 2:   nonsense;\n          ^\nCommand was: SELECT\n"
    );
    let others = format!(
        "rsrestore: error: {name}: line 8: could not execute query: ERROR:  invalid input syntax for type integer: \
         \"x\"\nCONTEXT:  COPY t, line 2, column a: \"x\"\nCommand was: COPY t FROM stdin;\n\
         rsrestore: error: {name}: line 13: could not execute query: ERROR:  relation \"missing\" does not exist\n\
         Command was: COPY missing FROM stdin;\nrsrestore: warning: errors ignored on restore: 3\n"
    );
    for (options, stderr, rows) in [
        (&[][..], first.clone() + &others, "4\n5\n"),
        (&["-e"], first.clone(), ""),
        (&["-1"], first.clone(), "none"),
    ] {
        let db = TempDb::new(server);
        let output = run(db.aim(rsrestore()).args(options).arg(&script));
        assert_eq!(told(&output), stderr, "{options:?}");
        assert_eq!(output.status.code(), Some(1), "{options:?}");
        let exists = db.psql("SELECT to_regclass('t') IS NOT NULL") == b"t\n";
        let left = if exists {
            db.psql("SELECT a FROM t ORDER BY a")
        } else {
            b"none".to_vec()
        };
        assert_eq!(String::from_utf8_lossy(&left), rows, "{options:?}");
    }
}

#[test]
fn what_cannot_be_followed_is_refused_where_it_stands() {
    let server = Server::get(15);
    let dir = tempfile::tempdir().expect("make a directory");
    let restricted = "backslash commands are restricted; only \\unrestrict is allowed";
    for (script, options, line, why) in [
        (
            "\\! touch x\n",
            "-v",
            6,
            "backslash command \\! is not supported; please use psql",
        ),
        (
            "\\i x\n",
            "-v",
            6,
            "backslash command \\i is not supported; please use psql",
        ),
        ("\\restrict k\n\\! touch x\n", "-v", 7, restricted),
        ("\\restrict k\n\\connect postgres\n", "-v", 7, restricted),
        (
            "\\restrict k\n\\unrestrict K\n",
            "-v",
            7,
            "\\unrestrict: wrong key",
        ),
        (
            "\\connect \"host=elsewhere\"\n",
            "-v",
            6,
            "\\connect: only another database of the same server can be gone to",
        ),
        (
            "\\connect postgres\n",
            "-1",
            6,
            "\\connect cannot be followed in a single transaction",
        ),
        ("SELECT 1 \\gexec\n", "-v", 6, "\\gexec stands within a statement"),
        (
            "\\restrict k\n",
            "-v",
            7,
            "the script ends without the \\unrestrict of its \\restrict: it has been cut off",
        ),
        ("SELECT 'a;\n", "-v", 6, "the script ends within a statement"),
        (
            "COPY made FROM stdin;\n1\n",
            "-v",
            8,
            "the script ends within the rows of a COPY",
        ),
    ] {
        let db = TempDb::new(server);
        let text = dump_like(&format!("CREATE TABLE made (a int);\n{script}"));
        let path = write(dir.path(), "dump.sql", text);
        let output = run(db
            .aim(rsrestore())
            .arg(options)
            .arg(&path)
            .current_dir(dir.path()));
        let expected = format!("rsrestore: error: {}: line {line}: {why}\n", path.display());
        assert!(told(&output).ends_with(&expected), "{script}: {}", told(&output));
        assert_eq!(output.status.code(), Some(1));
        let rows = match options {
            "-1" => db.psql("SELECT to_regclass('made')"),
            _ => db.psql("SELECT count(*) FROM made"),
        };
        assert_eq!(
            rows,
            if options == "-1" {
                b"\n".to_vec()
            } else {
                b"0\n".to_vec()
            },
            "{script}"
        );
        assert!(!dir.path().join("x").exists());
    }
    let path = write(dir.path(), "dump.sql", dump_like("SELECT 1;\n"));
    let output = run(rsrestore().arg("-l").arg(&path));
    assert_eq!(
        told(&output),
        "rsrestore: error: option -l/--list cannot be used with a plain-text dump, which is executed as it is\n"
    );
    let called_pg_restore = dir.path().join("pg_restore");
    std::os::unix::fs::symlink(rsrestore().get_program(), &called_pg_restore).expect("make a link");
    let output = run(Command::new(called_pg_restore).arg("-l").arg(&path));
    assert_eq!(
        told(&output),
        "pg_restore: error: input file appears to be a text format dump. Please use psql.\n"
    );
}
