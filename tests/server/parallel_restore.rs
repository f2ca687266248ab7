//! Restores over several lanes: the same database, the same errors and the same exit codes as over one.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use rsdump::archive::{Archive, StreamSource};
use rsdump::connect::ConnectParams;
use rsdump::restore::{Failure, Observer, Report, Restore, RestoreOptions};

use crate::support::proxy::Proxy;
use crate::support::{
    Server, TempDb, assert_same, fixture, normalize, rsdump, rsrestore, run, stdout_of, tool,
};

fn archive(db: &TempDb<'_>, dir: &Path, name: &str, options: &[&str]) -> PathBuf {
    let path = dir.join(name);
    stdout_of(db.aim(rsdump()).args(options).arg("-f").arg(&path));
    path
}

/// The lines of what was told, in an order of their own: which lane tells first is chance.
fn told(output: &Output) -> Vec<u8> {
    let text = String::from_utf8_lossy(&output.stderr);
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines.join("\n").into()
}

fn restored(db: &TempDb<'_>, options: &[&str], path: &Path) -> Output {
    run(db.aim(rsrestore()).args(options).arg(path))
}

/// The same with the archive coming through a pipe.
fn piped(db: &TempDb<'_>, options: &[&str], path: &Path) -> Output {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    let content = std::fs::read(path).expect("read the archive");
    std::thread::spawn(move || writer.write_all(&content));
    run(db.aim(rsrestore()).args(options).stdin(reader))
}

#[test]
fn every_format_gives_the_same_database_with_several_lanes() {
    let server = Server::get(18);
    let source = TempDb::loaded(server, "databases/all_kinds.sql");
    // Foreign keys that lead back to where they come from.
    source.psql(
        "CREATE TABLE a (id int PRIMARY KEY, b int, a int REFERENCES a);
         CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a);
         ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b DEFERRABLE;
         INSERT INTO a SELECT g, NULL, g / 2 + 1 FROM generate_series(1, 2000) g;
         INSERT INTO b SELECT g, g FROM generate_series(1, 2000) g;
         UPDATE a SET b = id",
    );
    let dir = tempfile::tempdir().expect("make a directory");
    let stock = dir.path().join("stock");
    stdout_of(source.aim(tool(18, "pg_dump")).args(["-Fc", "-f"]).arg(&stock));
    let archives = [
        stock,
        archive(&source, dir.path(), "custom", &["-Fc"]),
        archive(&source, dir.path(), "directory", &["-Fd", "-j2"]),
        archive(&source, dir.path(), "tar", &["-Ft"]),
    ];
    for path in archives {
        let [(dump, output), (expected, serial)] = ["-j4", "-j1"].map(|jobs| {
            let copy = TempDb::new(server);
            let output = restored(&copy, &[jobs], &path);
            (normalize(&copy.pg_dump(18, &[])), output)
        });
        let what = path.display();
        if path.is_file() {
            let copy = TempDb::new(server);
            let output = piped(&copy, &["-j4"], &path);
            let dump = normalize(&copy.pg_dump(18, &[]));
            assert_same(&format!("what {what} becomes through a pipe"), &expected, &dump);
            assert_same(
                &format!("what is told of {what} in a pipe"),
                &told(&serial),
                &told(&output),
            );
            assert_eq!(output.status.code(), serial.status.code(), "{what} in a pipe");
        }
        assert_same(&format!("what {what} becomes"), &expected, &dump);
        assert_same(&format!("what is told of {what}"), &told(&serial), &told(&output));
        assert_eq!(output.status.code(), serial.status.code(), "{what}");
    }
}

#[test]
fn errors_are_the_same_with_several_lanes() {
    let server = Server::get(18);
    let objects = fixture("scripts/objects.dump");
    for options in [
        &[][..],
        &["-c", "--if-exists", "-O", "-x"],
        &["--no-data-for-failed-tables"],
        &["-a", "--disable-triggers"],
        &["--transaction-size=5", "-O", "-x"],
    ] {
        let [one, several, streamed] = [(); 3].map(|()| TempDb::new(server));
        for round in ["first", "second"] {
            let with = |jobs| [options, &[jobs]].concat();
            let expected = restored(&one, &with("-j1"), &objects);
            let left = |db: &TempDb<'_>| normalize(&db.pg_dump(18, &[]));
            for (what, db, actual) in [
                ("file", &several, restored(&several, &with("-j3"), &objects)),
                ("pipe", &streamed, piped(&streamed, &with("-j3"), &objects)),
            ] {
                let what = format!("{round} rsrestore {} from a {what}", options.join(" "));
                assert_same(&what, &told(&expected), &told(&actual));
                assert_eq!(actual.status.code(), expected.status.code(), "{what}");
                assert_same(&format!("what {what} left"), &left(&one), &left(db));
            }
        }
    }
}

#[test]
fn the_first_error_ends_all_lanes_where_that_was_asked_for() {
    let server = Server::get(18);
    let source = TempDb::new(server);
    source.psql(&format!(
        "CREATE TABLE bad (a int CHECK (current_database() = '{}')); INSERT INTO bad VALUES (1);
         CREATE TABLE good AS SELECT g FROM generate_series(1, 1000) g",
        source.name
    ));
    let dir = tempfile::tempdir().expect("make a directory");
    let path = archive(&source, dir.path(), "archive", &["-Fc"]);
    let copy = TempDb::new(server);
    let output = restored(&copy, &["-e", "-j2"], &path);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("COPY failed for table \"bad\""), "{told}");
    assert!(!told.contains("errors ignored"), "{told}");
    assert_eq!(output.status.code(), Some(1));
}

/// A table that several lanes load in parts of some kilobytes, which one of its databases refuses.
fn large_table(db: &TempDb<'_>, check: &str) {
    db.psql(&format!(
        "CREATE TABLE large (id int, t text, CHECK ({check}));
         INSERT INTO large SELECT g, repeat(md5(g::text), 4) FROM generate_series(1, 20000) g;
         ALTER TABLE large ADD PRIMARY KEY (id); CREATE INDEX ON large (t)"
    ));
}

#[derive(Default)]
struct Heard {
    failures: Vec<Failure>,
    info: Vec<String>,
}

impl Observer for Heard {
    fn info(&mut self, message: &bstr::BStr) {
        self.info.push(message.to_string());
    }

    fn failure(&mut self, failure: &Failure) {
        self.failures.push(failure.clone());
    }
}

/// Restores with parts of a few kilobytes, from a file or from a stream.
fn with_parts(db: &TempDb<'_>, path: &Path, jobs: usize, piped: bool) -> (Report, Heard) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut heard = Heard::default();
    let report = runtime.block_on(async {
        let archive = match piped {
            false => Archive::open_path(path).await,
            true => {
                let file = tokio::fs::File::open(path).await.expect("open the file");
                Archive::open(Box::new(StreamSource::new("stream".into(), file))).await
            }
        };
        let archive = archive.expect("open the archive");
        let segments = archive
            .index()
            .map(|index| index.blocks.iter().map(|b| b.segments.len()).max());
        assert!(
            piped || segments.flatten() > Some(8),
            "the table has not been cut"
        );
        let options = RestoreOptions {
            jobs,
            part_size: 32 * 1024,
            ..RestoreOptions::default()
        };
        let restore = Restore::new(archive, options).expect("a restore");
        let params = ConnectParams::parse(db.conninfo().as_bytes()).expect("parameters");
        restore.to_server(params, &mut heard).await.expect("restore")
    });
    (report, heard)
}

#[test]
fn several_lanes_load_one_table() {
    let server = Server::get(18);
    let source = TempDb::new(server);
    large_table(&source, "true");
    let dir = tempfile::tempdir().expect("make a directory");
    let rows = "SELECT count(*), count(DISTINCT id), md5(string_agg(id || t, '' ORDER BY id)) FROM large";
    for (format, piped) in [
        ("-Fc", false),
        ("-Fd", false),
        ("-Ft", false),
        ("-Fc", true),
        ("-Ft", true),
    ] {
        let options = [format, "-j2", "--segment-size=64kB"];
        let path = archive(&source, dir.path(), &format!("{format}{piped}"), &options);
        let copy = TempDb::new(server);
        let (report, heard) = with_parts(&copy, &path, 3, piped);
        assert_eq!((report.rows, report.errors), (20000, 0));
        assert_same("rows", &source.psql(rows), &copy.psql(rows));
        let launched = heard
            .info
            .iter()
            .filter(|info| info.ends_with("TABLE DATA large"));
        assert_eq!(launched.count(), 2, "launching and finished");
        let schema = |db: &TempDb<'_>| normalize(&db.pg_dump(18, &["-s"]));
        assert_same("schemas", &schema(&source), &schema(&copy));
    }
}

#[test]
fn a_part_that_fails_costs_the_table_as_with_one_lane() {
    let server = Server::get(18);
    let source = TempDb::new(server);
    large_table(
        &source,
        &format!(
            "current_database() = '{}' OR id NOT IN (9000, 15000)",
            source.name
        ),
    );
    let dir = tempfile::tempdir().expect("make a directory");
    let path = archive(
        &source,
        dir.path(),
        "archive",
        &["-Fc", "-j2", "--segment-size=64kB"],
    );
    let [(one, serial), (several, parallel), (streamed, piped)] =
        [(1, false), (3, false), (3, true)].map(|(jobs, piped)| {
            let copy = TempDb::new(server);
            let outcome = with_parts(&copy, &path, jobs, piped);
            assert_eq!(copy.psql("SELECT count(*) FROM large"), b"0\n");
            outcome
        });
    // Here the numbers of lines are those of the part.
    assert_eq!(piped.failures.len(), 1);
    assert_eq!(piped.failures[0].entry, serial.failures[0].entry);
    assert_eq!(
        (one.rows, one.errors, one.entries),
        (streamed.rows, streamed.errors, streamed.entries)
    );
    assert_eq!(serial.failures.len(), 1);
    assert_eq!(serial.failures, parallel.failures);
    assert_eq!(
        (one.rows, one.errors, one.entries),
        (several.rows, several.errors, several.entries)
    );
}

#[test]
fn only_tables_of_this_run_are_emptied_and_frozen() {
    let server = Server::get(18);
    let source = TempDb::new(server);
    source.psql("CREATE TABLE t AS SELECT g FROM generate_series(1, 1000) g");
    let dir = tempfile::tempdir().expect("make a directory");
    let path = archive(&source, dir.path(), "archive", &["-Fc"]);
    for jobs in ["-j1", "-j2"] {
        let copy = TempDb::new(server);
        copy.psql("CREATE EXTENSION pg_visibility");
        stdout_of(copy.aim(rsrestore()).arg(jobs).arg(&path));
        let frozen = "SELECT bool_and(all_frozen), count(*) > 1 FROM pg_visibility_map('t')";
        assert_eq!(copy.psql(frozen), b"t|t\n", "{jobs}");
        // Rows that were there before stay, whatever the rows are restored with.
        for options in [&["-a"][..], &[]] {
            run(copy.aim(rsrestore()).arg(jobs).args(options).arg(&path));
        }
        assert_eq!(copy.psql("SELECT count(*) FROM t"), b"3000\n", "{jobs}");
    }
}

#[test]
fn a_lane_that_is_lost_ends_the_restore() {
    let server = Server::get(18);
    let source = TempDb::new(server);
    source.psql(
        "DO $$ BEGIN FOR n IN 1..30 LOOP
         EXECUTE format('CREATE TABLE t%s AS SELECT g AS a FROM generate_series(1, 30000) g', n);
         EXECUTE format('ALTER TABLE t%s ADD PRIMARY KEY (a)', n); END LOOP; END $$",
    );
    let dir = tempfile::tempdir().expect("make a directory");
    let path = archive(&source, dir.path(), "archive", &["-Fc"]);
    // Long enough to be welcomed, too short for all that is to be restored.
    let proxy = Proxy::start(server.port, Duration::ZERO, |number| {
        (number == 2).then_some(1000)
    });
    let copy = TempDb::new(server);
    let mut restore: Command = rsrestore();
    restore.args(["-h", "127.0.0.1", "-U", "postgres", "-j3", "-d", &copy.name, "-p"]);
    let output = run(restore.arg(proxy.port.to_string()).arg(&path));
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        told.contains("connection") || told.contains("server closed"),
        "{told}"
    );
}

#[test]
fn under_the_name_of_pg_restore_its_limits_are_kept() {
    let server = Server::get(18);
    let source = TempDb::new(server);
    source.psql("CREATE TABLE t AS SELECT 1 AS a");
    let dir = tempfile::tempdir().expect("make a directory");
    let called_pg_restore = dir.path().join("pg_restore");
    std::os::unix::fs::symlink(rsrestore().get_program(), &called_pg_restore).expect("make a link");
    let tar = archive(&source, dir.path(), "tar", &["-Ft"]);
    let custom = archive(&source, dir.path(), "custom", &["-Fc", "-Z0"]);
    let copy = TempDb::new(server);
    for program in [
        tool(18, "pg_restore").get_program().to_owned(),
        called_pg_restore.into(),
    ] {
        let output = restored_with(&copy, Command::new(&program).arg(&tar));
        assert_eq!(
            output,
            "pg_restore: error: parallel restore is not supported with this archive file format\n"
        );
        let input = std::fs::File::open(&custom).expect("open the archive");
        let output = restored_with(&copy, Command::new(&program).stdin(input));
        assert_eq!(
            output,
            "pg_restore: error: parallel restore from standard input is not supported\n"
        );
    }
    stdout_of(copy.aim(rsrestore()).arg("-j2").arg(&tar));
    assert_eq!(copy.psql("TABLE t"), b"1\n");
}

fn restored_with(db: &TempDb<'_>, program: &mut Command) -> String {
    let port = db.server.port.to_string();
    let output = run(program.args([
        "-h",
        "127.0.0.1",
        "-U",
        "postgres",
        "-j2",
        "-d",
        &db.name,
        "-p",
        &port,
    ]));
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Counts what is read of it.
struct Counted {
    file: tokio::fs::File,
    read: std::sync::Arc<std::sync::atomic::AtomicU64>,
}

impl tokio::io::AsyncRead for Counted {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let polled = std::pin::Pin::new(&mut self.file).poll_read(context, buffer);
        let count = (buffer.filled().len() - before) as u64;
        self.read.fetch_add(count, std::sync::atomic::Ordering::Relaxed);
        polled
    }
}

#[test]
fn what_was_loaded_is_analyzed_if_asked_for() {
    let server = Server::get(18);
    let source = TempDb::new(server);
    source.psql(
        "CREATE TABLE t AS SELECT g FROM generate_series(1, 1000) g; CREATE TABLE bare (a int);
         CREATE MATERIALIZED VIEW mv AS SELECT * FROM t WHERE g < 10",
    );
    let dir = tempfile::tempdir().expect("make a directory");
    let path = archive(&source, dir.path(), "archive", &["-Fc"]);
    let analyzed = "SELECT string_agg(relname || reltuples, ' ' ORDER BY relname) FROM pg_class
        WHERE relname IN ('t', 'mv') AND reltuples > 0";
    for jobs in ["-j1", "-j3"] {
        let copy = TempDb::new(server);
        let output = restored(&copy, &[jobs, "--analyze", "-n", "public"], &path);
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{jobs}");
        assert_eq!(copy.psql(analyzed), b"mv9 t1000\n", "{jobs}");
        let copy = TempDb::new(server);
        stdout_of(
            copy.aim(rsrestore())
                .args([jobs, "-e", "--no-statistics"])
                .arg(&path),
        );
        assert_eq!(
            copy.psql("SELECT reltuples FROM pg_class WHERE relname = 't'"),
            b"-1\n",
            "{jobs}"
        );
    }
}

#[test]
fn no_more_of_a_pipe_is_read_than_is_wanted() {
    let server = Server::get(18);
    let source = TempDb::new(server);
    source.psql(
        "DO $$ BEGIN FOR n IN 1..200 LOOP
         EXECUTE format('CREATE TABLE t%s AS SELECT md5((g * %s)::text) AS a FROM generate_series(1, 2000) g', n, n);
         END LOOP; END $$",
    );
    let dir = tempfile::tempdir().expect("make a directory");
    let path = archive(&source, dir.path(), "archive", &["-Fc", "-Z0"]);
    let length = std::fs::metadata(&path).expect("the archive").len();
    let copy = TempDb::new(server);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let read = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let report = runtime.block_on(async {
        let file = tokio::fs::File::open(&path).await.expect("open the file");
        let counted = Counted {
            file,
            read: std::sync::Arc::clone(&read),
        };
        let archive = Archive::open(Box::new(StreamSource::new("pipe".into(), counted))).await;
        let mut options = RestoreOptions {
            jobs: 2,
            ..RestoreOptions::default()
        };
        // In the order of names these stand among the first.
        options.selection.tables = ["t1", "t10", "t11"].map(Into::into).to_vec();
        let restore = Restore::new(archive.expect("open the archive"), options).expect("a restore");
        let params = ConnectParams::parse(copy.conninfo().as_bytes()).expect("parameters");
        restore
            .to_server(params, &mut rsdump::restore::Silent)
            .await
            .expect("restore")
    });
    assert_eq!((report.rows, report.errors), (6000, 0));
    let read = read.load(std::sync::atomic::Ordering::Relaxed);
    assert!(read * 10 < length, "{read} of {length} bytes were read");
}

/// `rsdump` into another database.
fn copied(source: &TempDb<'_>, options: &[&str], to: &str) -> Output {
    run(source.aim(rsdump()).args(options).args(["--to", to]))
}

#[test]
fn databases_are_copied_straight() {
    let server = Server::get(18);
    let source = TempDb::loaded(server, "databases/all_kinds.sql");
    let expected = normalize(&source.pg_dump(18, &[]));
    for jobs in ["-j1", "-j3"] {
        let copy = TempDb::new(server);
        let output = copied(&source, &[jobs], &copy.name);
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{jobs}");
        assert!(output.status.success(), "{jobs}");
        assert_same("the copy", &expected, &normalize(&copy.pg_dump(18, &[])));
    }
    // A part of it, to another server, over what is there.
    let copy = TempDb::new(Server::get(16));
    source.psql("CREATE TABLE public.few AS SELECT g FROM generate_series(1, 10) g");
    for _ in 0..2 {
        let options = ["-t", "public.few", "-c", "--if-exists"];
        let output = copied(&source, &options, &copy.conninfo());
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        assert_eq!(copy.psql("SELECT count(*) FROM few"), b"10\n");
    }
}

#[test]
fn a_copy_that_cannot_be_ends_on_both_sides() {
    let server = Server::get(18);
    let source = TempDb::new(server);
    large_table(&source, "true");
    let fails = |options: &[&str], to: &str| {
        let output = copied(&source, options, to);
        assert_eq!(output.status.code(), Some(1), "{options:?} to {to}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    for jobs in ["-j1", "-j3"] {
        let told = fails(&[jobs], &source.name);
        assert!(told.contains("cannot be copied into itself"), "{told}");
        let told = fails(&[jobs], "test_there_is_no_such_database");
        assert!(told.contains("does not exist"), "{told}");
        let copy = TempDb::new(server);
        let told = fails(&[jobs, "-t", "nosuchtable"], &copy.name);
        assert!(told.contains("no matching tables were found"), "{told}");
        // The table is there already, and is another one.
        copy.psql("CREATE TABLE large (a int)");
        let told = fails(&[jobs], &copy.name);
        assert!(told.contains("relation \"large\" already exists"), "{told}");
        assert_eq!(copy.psql("SELECT count(*) FROM large"), b"0\n");
    }
    let told = fails(&["-Fc"], "somewhere");
    assert!(
        told.contains("options --to and -F/--format cannot be used together"),
        "{told}"
    );
}
