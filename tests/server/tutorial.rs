//! The walk of a tutorial: each line as a person would type it, doing what the C tools do with it.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use crate::support::{Server, TempDb, assert_same, normalize, rsdump, rsrestore, run, stdout_of, tool};

const MAJORS: [u32; 2] = [15, 18];

/// `rsdump db > backup.sql`: the server comes from the environment, the output goes to standard output.
#[test]
fn a_database_into_a_script() {
    for major in MAJORS {
        let db = TempDb::loaded(Server::get(major), "databases/store.sql");
        let dir = tempfile::tempdir().expect("make a directory");
        let backup = dir.path().join("backup.sql");
        stdout_to(&backup, environment(rsdump(), &db).arg(&db.name));
        let theirs = stdout_of(environment(tool(18, "pg_dump"), &db).arg(&db.name));
        let ours = fs::read(&backup).expect("read the backup");
        assert_same("rsdump db > backup.sql", &normalize(&theirs), &normalize(&ours));

        // PostgreSQL 15 does not know one of the settings of the script, and psql goes on after the error.
        let copy = TempDb::new(db.server);
        stdout_of(
            environment(tool(18, "psql"), &copy)
                .args(["-X", "-q", "-d", &copy.name, "-f"])
                .arg(&backup),
        );
        assert_same(
            "the copy",
            &normalize(&theirs),
            &normalize(&copy.pg_dump(18, &[])),
        );
    }
}

/// `rsdump -U postgres -t Employee db`: an unquoted name folds, so that only `'"Employee"'` finds the table.
#[test]
fn one_table() {
    for major in MAJORS {
        let db = TempDb::loaded(Server::get(major), "databases/store.sql");
        for pattern in [
            "\"Employee\"",
            "\"Employee\"|\"Playlist\"*",
            "public.\"A\"?bum",
            "*.*rack*",
        ] {
            let args = ["-U", "postgres", "-t", pattern, &db.name];
            let theirs = stdout_of(environment(tool(18, "pg_dump"), &db).args(args));
            let ours = stdout_of(environment(rsdump(), &db).args(args));
            assert_same(
                &format!("rsdump -t {pattern}"),
                &normalize(&theirs),
                &normalize(&ours),
            );
        }
        let folded = run(environment(rsdump(), &db).args(["-U", "postgres", "-t", "Employee", &db.name]));
        assert_eq!(folded.status.code(), Some(1));
        assert_same(
            "the message",
            b"rsdump: error: no matching tables were found\n",
            &folded.stderr,
        );
    }
}

/// `rsdump -U postgres -Fc mydb > db.dump`, `rsrestore -l db.dump > db.list`, an editor,
/// `rsrestore -L db.list -d newdb db.dump`: what was removed is not there, and the order is that of the list.
#[test]
fn an_edited_list() {
    for major in MAJORS {
        let db = TempDb::loaded(Server::get(major), "databases/store.sql");
        let dir = tempfile::tempdir().expect("make a directory");
        let (dump, list) = (dir.path().join("db.dump"), dir.path().join("db.list"));
        stdout_to(
            &dump,
            environment(rsdump(), &db).args(["-U", "postgres", "-Fc", &db.name]),
        );
        stdout_to(&list, rsrestore().arg("-l").arg(&dump));

        let text = fs::read_to_string(&list).expect("read the list");
        let (mut data, other): (Vec<_>, Vec<_>) = (text.lines())
            .filter(|line| !line.contains("Playlist") && !line.contains("FK_TrackAlbumId"))
            .partition(|line| line.contains(" TABLE DATA "));
        data.reverse();
        let tables = other
            .iter()
            .rposition(|line| line.contains(" TABLE "))
            .expect("there are tables");
        let edited = [&other[..=tables], &[";a remark", ""], &data, &other[tables + 1..]]
            .concat()
            .join("\n");
        fs::write(&list, edited + "\n").expect("write the list");

        // Stock pg_restore cannot read zstd: it is asked about an archive of its own with the same entries.
        let script = stdout_of(rsrestore().arg("-L").arg(&list).args(["-f", "-"]).arg(&dump));
        let positions = |what: &str| script.windows(what.len()).position(|w| w == what.as_bytes());
        assert!(
            positions("COPY public.\"Track\"") < positions("COPY public.\"Album\""),
            "the list's order"
        );
        assert_eq!(positions("Playlist"), None);

        let copy = TempDb::new(db.server);
        stdout_of(
            environment(rsrestore(), &copy)
                .arg("-L")
                .arg(&list)
                .args(["-d", &copy.name])
                .arg(&dump),
        );
        let left = ["-T", "\"Playlist\"*"];
        let expected = without_entry(&normalize(&db.pg_dump(18, &left)), "FK_TrackAlbumId");
        assert_same("the selection", &expected, &normalize(&copy.pg_dump(18, &[])));
    }
}

/// `rsrestore -C -d postgres db.dump`, after the database was lost.
#[test]
fn a_lost_database() {
    for major in MAJORS {
        let db = TempDb::loaded(Server::get(major), "databases/store.sql");
        let dir = tempfile::tempdir().expect("make a directory");
        let dump = dir.path().join("db.dump");
        let before = normalize(&db.pg_dump(18, &["-C"]));
        stdout_to(
            &dump,
            environment(rsdump(), &db).args(["-U", "postgres", "-Fc", &db.name]),
        );
        db.server.psql(&format!("DROP DATABASE {}", db.name));
        stdout_of(
            environment(rsrestore(), &db)
                .args(["-C", "-d", "postgres"])
                .arg(&dump),
        );
        assert_same("the database", &before, &normalize(&db.pg_dump(18, &["-C"])));
    }
}

/// A dump read from standard input, and one that is no archive at all.
#[test]
fn an_archive_from_a_pipe() {
    let db = TempDb::loaded(Server::get(18), "databases/store.sql");
    let dir = tempfile::tempdir().expect("make a directory");
    let dump = dir.path().join("db.dump");
    stdout_to(&dump, environment(rsdump(), &db).args(["-Fc", &db.name]));
    let copy = TempDb::new(db.server);
    let mut restore = environment(rsrestore(), &copy);
    stdout_of(
        restore
            .args(["-d", &copy.name])
            .stdin(File::open(&dump).expect("open the archive")),
    );
    assert_same(
        "the copy",
        &normalize(&db.pg_dump(18, &[])),
        &normalize(&copy.pg_dump(18, &[])),
    );

    fs::write(&dump, "SELECT 1;\n").expect("write a file");
    let refused = run(rsrestore().args(["-l"]).arg(&dump));
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        refused.stderr.starts_with(b"rsrestore: error: "),
        "{:?}",
        String::from_utf8_lossy(&refused.stderr)
    );
}

/// As a person's shell would have it.
fn environment(mut command: Command, db: &TempDb<'_>) -> Command {
    let port = db.server.port.to_string();
    command.envs([("PGHOST", "127.0.0.1"), ("PGPORT", &port), ("PGUSER", "postgres")]);
    command
}

fn stdout_to(file: &Path, command: &mut Command) {
    let output = run(command.stdout(File::create(file).expect("create a file")));
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A plain dump without the one entry whose name holds `name`.
fn without_entry(dump: &[u8], name: &str) -> Vec<u8> {
    let text = String::from_utf8(dump.to_vec()).expect("the fixture is UTF-8");
    let entries = text
        .split_inclusive("\n\n\n")
        .filter(|entry| !entry.contains(name));
    entries.collect::<String>().into_bytes()
}
