//! Dumps by users who are no superusers, as far as they differ: what cannot be read is left out with a word.

use crate::support::{Server, TempDb, assert_same, normalize, rsdump, run, stdout_of, tool};

const SETUP: &str = r#"
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'regress_ordinary') THEN CREATE ROLE regress_ordinary LOGIN; END IF;
END $$;
CREATE SCHEMA own AUTHORIZATION regress_ordinary;
SET SESSION AUTHORIZATION regress_ordinary;
CREATE TABLE own.t (id integer PRIMARY KEY);
CREATE VIEW own.v AS SELECT * FROM own.t;
CREATE FUNCTION own.f() RETURNS integer LANGUAGE sql AS 'SELECT 1';
COMMENT ON FUNCTION own.f() IS 'own';
GRANT SELECT ON own.t TO PUBLIC;
SELECT lo_create(4711);
SELECT lo_from_bytea(4712, decode(repeat('ab01', 5000), 'hex'));
"#;

#[test]
fn subscriptions_that_cannot_be_read_are_left_out_with_a_warning() {
    const WARNING: &str = "warning: subscriptions not dumped because current user is not a superuser";
    let db = TempDb::new(Server::get(18));
    db.psql(SETUP);
    db.psql(
        "CREATE SUBSCRIPTION s CONNECTION 'host=nowhere' PUBLICATION p WITH (connect = false, slot_name = NONE)",
    );
    let by_user = ["-U", "regress_ordinary"];
    let ours = run(db.aim(rsdump()).args(by_user));
    assert!(ours.status.success());
    assert!(String::from_utf8_lossy(&ours.stderr).contains(WARNING));
    let theirs = stdout_of(db.aim(tool(18, "pg_dump")).args(by_user));
    assert_same(
        "an ordinary user's dump",
        &normalize(&theirs),
        &normalize(&ours.stdout),
    );

    let without = run(db.aim(rsdump()).args(by_user).arg("--no-subscriptions"));
    assert_eq!(String::from_utf8_lossy(&without.stderr), "");
}
