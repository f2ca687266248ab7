//! Custom and tar archives through pipes, at full length: written to one, read from one, restored in parts and in another
//! order.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use crate::support::{Server, TempDb, rsdump, rsrestore, stdout_of};

/// An archive of 200 tables that was written to a pipe, so that its table of contents has no offsets.
fn archive_of_200_tables(server: &Server, format: &str, path: &Path) {
    let db = TempDb::new(server);
    db.psql(
        "DO $$ BEGIN FOR n IN 1..200 LOOP \
         EXECUTE format('CREATE TABLE t%s AS SELECT i, %s AS n, md5(i::text) FROM generate_series(1, 500) i', n, n); \
         END LOOP; END $$",
    );
    let archive = stdout_of(db.aim(rsdump()).arg(format));
    std::fs::write(path, archive).expect("write the archive");
}

/// A program whose standard input is a pipe with a file's content.
fn fed(mut program: Command, path: &Path) -> Command {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    let content = std::fs::read(path).expect("read the archive");
    // Whoever has read enough closes the pipe.
    std::thread::spawn(move || writer.write_all(&content));
    program.stdin(reader);
    program
}

fn tables(db: &TempDb<'_>) -> String {
    let rows =
        db.psql("SELECT string_agg(relname, ' ' ORDER BY oid) FROM pg_class WHERE relname ~ '^t\\d+$'");
    String::from_utf8_lossy(&rows).trim().to_owned()
}

#[test]
fn tables_are_chosen_and_reordered_from_files_and_pipes() {
    chosen_and_reordered("-Fc");
}

#[test]
fn members_of_tar_archives_are_chosen_and_reordered_from_files_and_pipes() {
    chosen_and_reordered("-Ft");
}

fn chosen_and_reordered(format: &str) {
    let server = Server::get(18);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("archive");
    archive_of_200_tables(server, format, &path);
    let list = String::from_utf8_lossy(&stdout_of(rsrestore().arg("-l").arg(&path))).into_owned();

    for from_pipe in [false, true] {
        let input = |program: Command| {
            if from_pipe {
                return fed(program, &path);
            }
            let mut program = program;
            program.arg(&path);
            program
        };
        let db = TempDb::new(server);
        let mut restore = db.aim(rsrestore());
        restore.args(["-j2", "-t", "t7", "-t", "t150", "-t", "t199"]);
        stdout_of(&mut input(restore));
        assert_eq!(tables(&db).split(' ').count(), 3);
        let rows =
            db.psql("SELECT sum(n), count(*) FROM (TABLE t7 UNION ALL TABLE t150 UNION ALL TABLE t199) t");
        assert_eq!(String::from_utf8_lossy(&rows).trim(), "178000|1500");

        // Two tables, the later one first, definitions and rows.
        let wanted = |table: &str| {
            let ends = format!(" {table} postgres");
            list.lines()
                .filter(move |line| line.ends_with(&ends))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let edited = dir.path().join("edited.list");
        let lines = [wanted("t150"), wanted("t20")].concat();
        assert_eq!(lines.len(), 4);
        std::fs::write(&edited, lines.join("\n")).expect("write the list");
        for jobs in ["-j1", "-j2"] {
            let db = TempDb::new(server);
            let mut restore = db.aim(rsrestore());
            restore.args([jobs, "-L"]).arg(&edited);
            stdout_of(&mut input(restore));
            assert_eq!(tables(&db), "t150 t20");
            let rows = db.psql("SELECT (SELECT sum(n) FROM t150), (SELECT sum(n) FROM t20)");
            assert_eq!(String::from_utf8_lossy(&rows).trim(), "75000|10000");
        }
    }
}

#[test]
fn what_came_through_a_pipe_is_verified_from_one() {
    let server = Server::get(18);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("archive");
    archive_of_200_tables(server, "-Fc", &path);
    let list = stdout_of(fed(rsrestore(), &path).args(["--verify", "-"]));
    let list = String::from_utf8_lossy(&list);
    assert!(
        list.contains("; 200 entries with data are whole: 100000 rows, 0 large objects, "),
        "{list}"
    );
}

#[test]
fn large_objects_of_a_tar_archive_wait_in_a_pipe() {
    let server = Server::get(18);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("archive");
    let db = TempDb::new(server);
    db.psql(
        "SELECT lo_from_bytea(n, convert_to(repeat(md5(n::text), n % 7), 'UTF8')) FROM generate_series(1, 2100) n; \
         CREATE TABLE t AS SELECT 1 AS a",
    );
    let archive = stdout_of(db.aim(rsdump()).arg("-Ft"));
    std::fs::write(&path, archive).expect("write the archive");
    // The entries' data from the last to the first.
    let list = String::from_utf8_lossy(&stdout_of(rsrestore().arg("-l").arg(&path))).into_owned();
    let (data, rest): (Vec<&str>, Vec<&str>) = list
        .lines()
        .filter(|line| !line.starts_with(';'))
        .partition(|line| line.contains(" BLOBS ") || line.contains(" TABLE DATA "));
    assert!(data.len() >= 4, "{list}");
    let edited = dir.path().join("edited.list");
    let lines: Vec<&str> = rest.into_iter().chain(data.into_iter().rev()).collect();
    std::fs::write(&edited, lines.join("\n")).expect("write the list");
    let copy = TempDb::new(server);
    stdout_of(fed(copy.aim(rsrestore()), &path).arg("-L").arg(&edited));
    let sums = "SELECT count(*), sum(length(lo_get(oid))), md5(string_agg(lo_get(oid), '' ORDER BY oid)), \
         (SELECT count(*) FROM t) FROM pg_largeobject_metadata";
    assert_eq!(db.psql(sums), copy.psql(sums));
}
