//! Restores where one is not the superuser, and where roles are called otherwise: `--managed`, `--role-map`.

use std::path::PathBuf;

use crate::support::{Server, TempDb, assert_same, fixture, normalize, rsdump, rsrestore, run, stdout_of};

const KINDS: &str = "databases/all_kinds.sql";

/// A user who owns a database and nothing else.
const ROLE: &str = "DO $$ BEGIN
    CREATE ROLE regress_managed LOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;";

/// An archive of the database of all kinds as a superuser dumps it. No table is made with a type that only a superuser can
/// make: it could not be restored, and that would be an error.
fn archive(dir: &tempfile::TempDir) -> PathBuf {
    let db = TempDb::loaded(Server::get(18), KINDS);
    db.psql("ALTER TABLE kinds.main DROP COLUMN base CASCADE");
    db.psql(
        "CREATE FUNCTION kinds.tight(integer) RETURNS boolean LANGUAGE sql IMMUTABLE LEAKPROOF AS 'SELECT $1 > 0'",
    );
    db.psql(ROLE);
    let path = dir.path().join("kinds.dump");
    stdout_of(db.aim(rsdump()).args(["-Fc", "-f"]).arg(&path));
    path
}

/// A database of the ordinary user's.
fn own(server: &Server) -> TempDb<'_> {
    let db = TempDb::new(server);
    db.psql(&format!("ALTER DATABASE {} OWNER TO regress_managed", db.name));
    db
}

/// Every other tool stops at the first comment on an extension; here nothing is an error, nothing that an ordinary user
/// may have is missing, and everything else is told.
#[test]
fn an_ordinary_user_restores_what_he_may_and_is_told_the_rest() {
    let server = Server::get(18);
    let dir = tempfile::tempdir().expect("make a directory");
    let archive = archive(&dir);
    let db = own(server);
    let restored = run(db
        .aim(rsrestore())
        .args(["-U", "regress_managed", "--managed"])
        .arg(&archive));
    let told = String::from_utf8_lossy(&restored.stderr).into_owned();
    assert!(restored.status.success(), "{told}");
    let (owners, rest): (Vec<&str>, Vec<&str>) = told.lines().partition(|line| line.contains(", owner \""));
    assert!(
        owners
            .iter()
            .all(|line| line.contains("\": not a member of role \"")),
        "{told}"
    );
    let expected = std::fs::read(fixture("restores/managed.txt")).expect("read the list of what is skipped");
    let rest = format!("{}\n", rest.join("\n"));
    assert_same("what is skipped", &expected, rest.as_bytes());

    let count = |db: &TempDb<'_>, sql: &str| String::from_utf8_lossy(&db.psql(sql)).trim().to_owned();
    let tables = "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'i') \
        AND relnamespace IN ('kinds'::regnamespace, '\"Odd \"\"kinds\"\"\"'::regnamespace)";
    let original = TempDb::loaded(server, KINDS);
    original.psql("ALTER TABLE kinds.main DROP COLUMN base CASCADE");
    assert_eq!(count(&db, tables), count(&original, tables));
    // The order of what depends on each other in a circle goes by all that is there.
    let rows = |db: &TempDb<'_>| {
        let dump = normalize(&db.pg_dump(18, &["-a", "-O", "--inserts"]));
        let text = String::from_utf8(dump).expect("a dump in UTF-8");
        let mut rows: Vec<String> = text
            .lines()
            .filter(|line| line.starts_with("INSERT"))
            .map(String::from)
            .collect();
        rows.sort();
        rows
    };
    assert!(!rows(&original).is_empty());
    assert_eq!(rows(&db), rows(&original));
    assert_eq!(
        count(
            &db,
            "SELECT count(*) FROM pg_proc WHERE proname = 'tight' AND NOT proleakproof"
        ),
        "1"
    );
}

/// Who is a member of the owners gives them what is theirs. A role that is not there is not granted anything, and a policy
/// for it is not one for everybody.
#[test]
fn owners_that_one_is_a_member_of_are_kept_and_missing_roles_are_dropped() {
    let server = Server::get(18);
    let source = TempDb::new(server);
    source.psql(ROLE);
    source.psql(
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'regress_managed_team') THEN
            CREATE ROLE regress_managed_team; CREATE ROLE regress_managed_gone; GRANT regress_managed_team TO regress_managed;
         END IF; END $$;
         CREATE SCHEMA s AUTHORIZATION regress_managed_team;
         CREATE TABLE s.t (a integer);
         ALTER TABLE s.t OWNER TO regress_managed_team;
         GRANT SELECT ON s.t TO regress_managed_gone, regress_managed_team, PUBLIC;
         CREATE POLICY one ON s.t TO regress_managed_gone USING (true);
         CREATE POLICY two ON s.t TO regress_managed_gone, regress_managed_team USING (a > 0);
         ALTER DEFAULT PRIVILEGES FOR ROLE regress_managed_team GRANT SELECT ON TABLES TO regress_managed_gone;",
    );
    let dir = tempfile::tempdir().expect("make a directory");
    let archive = dir.path().join("archive");
    stdout_of(source.aim(rsdump()).args(["-Fc", "-f"]).arg(&archive));
    let db = own(server);
    let restored = run(db
        .aim(rsrestore())
        .args([
            "-U",
            "regress_managed",
            "--managed",
            "--role-map=regress_managed_gone=regress_nobody",
        ])
        .arg(&archive));
    assert_eq!(
        String::from_utf8_lossy(&restored.stderr)
            .lines()
            .collect::<Vec<_>>(),
        [
            "rsrestore: skipped: ACL TABLE t (schema s), GRANT SELECT ON TABLE s.t TO regress_nobody: \
             role \"regress_nobody\" does not exist",
            "rsrestore: skipped: POLICY s.t one, for role \"regress_nobody\": role \"regress_nobody\" does not exist",
            "rsrestore: skipped: POLICY s.t two, for role \"regress_nobody\": role \"regress_nobody\" does not exist",
            "rsrestore: skipped: DEFAULT ACL DEFAULT PRIVILEGES FOR TABLES, ALTER DEFAULT PRIVILEGES FOR ROLE \
             regress_managed_team GRANT SELECT ON TABLES TO regress_nobody: role \"regress_nobody\" does not exist",
        ]
    );
    assert!(restored.status.success());
    let found = db.psql(
        "SELECT relowner::regrole, relacl FROM pg_class WHERE relname = 't'
         UNION ALL SELECT polname::text::regrole, NULL FROM pg_policy WHERE polname = 'one'
         UNION ALL SELECT (polroles[1])::regrole, NULL FROM pg_policy WHERE polname = 'two'",
    );
    assert_eq!(
        String::from_utf8_lossy(&found),
        "regress_managed_team|{regress_managed_team=arwdDxtm/regress_managed_team,=r/regress_managed_team}\n\
         regress_managed_team|\n"
    );
}

/// In a script a renamed role is called so wherever its name stands, and nothing else is different.
#[test]
fn renamed_roles_are_renamed_everywhere() {
    let dir = tempfile::tempdir().expect("make a directory");
    let archive = archive(&dir);
    let pairs = dir.path().join("pairs");
    std::fs::write(&pairs, "# who is who\n\nregress_kinds_reader=Re \"ad\"er\n").expect("write the pairs");
    let script = |options: &[&std::ffi::OsStr]| {
        let script = stdout_of(rsrestore().args(["-C", "-f", "-"]).args(options).arg(&archive));
        String::from_utf8(normalize(&script)).expect("a script in UTF-8")
    };
    let mut file = std::ffi::OsString::from("--role-map-file=");
    file.push(&pairs);
    let renamed = script(&["--role-map=regress_kinds_owner=regress_renamed".as_ref(), &file]);
    let expected = script(&[])
        .replace("regress_kinds_owner", "regress_renamed")
        .replace("Owner: regress_kinds_reader", "Owner: Re \"ad\"er")
        .replace("regress_kinds_reader", "\"Re \"\"ad\"\"er\"");
    assert!(renamed.matches("regress_renamed").count() > 20);
    assert_same(
        "a script with renamed roles",
        expected.as_bytes(),
        renamed.as_bytes(),
    );
}

/// One grant that is refused does not take the others of its entry with it, and is named.
#[test]
fn grants_are_skipped_one_by_one() {
    let server = Server::get(18);
    let source = TempDb::new(server);
    source.psql(ROLE);
    source.psql(
        "CREATE TABLE t (a integer); ALTER TABLE t OWNER TO regress_managed;
         GRANT SELECT ON t TO PUBLIC; GRANT INSERT ON t TO pg_monitor; GRANT UPDATE ON t TO pg_signal_backend",
    );
    let dir = tempfile::tempdir().expect("make a directory");
    let archive = dir.path().join("archive");
    stdout_of(source.aim(rsdump()).args(["-Fc", "-f"]).arg(&archive));
    for jobs in ["-j1", "-j2"] {
        let db = own(server);
        db.psql(
            "GRANT ALL ON SCHEMA public TO regress_managed;
             CREATE FUNCTION guard() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN
                IF current_query() LIKE '%INSERT%' THEN
                    RAISE insufficient_privilege USING MESSAGE = 'no such grants here'; END IF; END$$;
             CREATE EVENT TRIGGER guard ON ddl_command_end WHEN TAG IN ('GRANT') EXECUTE FUNCTION guard()",
        );
        let restored = run(db
            .aim(rsrestore())
            .args(["-U", "regress_managed", "--managed", jobs])
            .arg(&archive));
        let told = String::from_utf8_lossy(&restored.stderr).into_owned();
        assert!(restored.status.success(), "{told}");
        let skipped: Vec<&str> = told.lines().filter(|line| line.contains("TABLE t")).collect();
        assert_eq!(
            skipped,
            [
                "rsrestore: skipped: ACL TABLE t (schema public), GRANT INSERT ON TABLE public.t TO pg_monitor: \
              no such grants here"
            ],
            "{told}"
        );
        let granted = db.psql("SELECT relacl FROM pg_class WHERE oid = 't'::regclass");
        let granted = String::from_utf8_lossy(&granted);
        assert!(
            granted.contains("=r/") && granted.contains("pg_signal_backend=w/"),
            "{granted}"
        );
        assert!(!granted.contains("pg_monitor"), "{granted}");
    }
}
