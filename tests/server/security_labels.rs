//! Security labels, which no label provider has to be there for: they are put into the catalogs by hand.
//!
//! That is also why they cannot be fixtures like those of other kinds: without a provider they cannot be restored.

use crate::support::{Server, TempDb, assert_same, normalize};

/// A labelled object of each kind that can be dumped with a label.
const SETUP: &str = r#"
CREATE SCHEMA "L s";
CREATE TABLE "L s"."T t" (id integer, gone integer, "N n" text);
ALTER TABLE "L s"."T t" DROP COLUMN gone;
CREATE VIEW v AS SELECT 1 AS a;
CREATE MATERIALIZED VIEW m AS SELECT 1 AS a;
CREATE SEQUENCE q;
CREATE FUNCTION f(a integer, OUT b text) LANGUAGE sql AS 'SELECT $1::text';
CREATE AGGREGATE agg(integer) (SFUNC = int4pl, STYPE = integer);
CREATE TYPE e AS ENUM ('a');
CREATE DOMAIN d AS integer;
CREATE PUBLICATION p;
CREATE FUNCTION fire() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER et ON sql_drop EXECUTE PROCEDURE fire();
SELECT lo_create(4711), lo_create(4712);
SET allow_system_table_mods = on;
INSERT INTO pg_seclabel (classoid, objoid, objsubid, provider, label)
SELECT * FROM (VALUES
    ('pg_namespace'::regclass, '"L s"'::regnamespace::oid, 0, 'dummy', 'it''s \ a schema'),
    ('pg_class'::regclass, '"L s"."T t"'::regclass, 0, 'dummy', 'table'),
    ('pg_class'::regclass, '"L s"."T t"'::regclass, 1, 'dummy', 'column'),
    ('pg_class'::regclass, '"L s"."T t"'::regclass, 3, 'dummy', E'two\nlines'),
    ('pg_class'::regclass, 'v'::regclass, 0, 'Odd "provider"', 'view'),
    ('pg_class'::regclass, 'v'::regclass, 1, 'dummy', 'its column'),
    ('pg_class'::regclass, 'm'::regclass, 0, 'dummy', 'matview'),
    ('pg_class'::regclass, 'q'::regclass, 0, 'dummy', 'sequence'),
    ('pg_proc'::regclass, 'f(integer)'::regprocedure, 0, 'dummy', 'function'),
    ('pg_proc'::regclass, 'agg(integer)'::regprocedure, 0, 'dummy', 'aggregate'),
    ('pg_type'::regclass, 'e'::regtype, 0, 'dummy', 'type'),
    ('pg_type'::regclass, 'd'::regtype, 0, 'dummy', 'domain'),
    ('pg_publication'::regclass, (SELECT oid FROM pg_publication), 0, 'dummy', 'publication'),
    ('pg_event_trigger'::regclass, (SELECT oid FROM pg_event_trigger), 0, 'dummy', 'event trigger'),
    ('pg_largeobject'::regclass, 4712, 0, 'dummy', 'large object')
) AS label;
INSERT INTO pg_shseclabel (classoid, objoid, provider, label)
SELECT 'pg_database'::regclass, oid, 'dummy', 'a \ database' FROM pg_database WHERE datname = current_database();
"#;

fn labels_equal(major: u32) {
    let db = TempDb::new(Server::get(major));
    db.psql(SETUP);
    let labels = |dump: &[u8]| {
        String::from_utf8_lossy(dump)
            .matches("SECURITY LABEL FOR")
            .count()
    };
    for (form, expected) in [
        (&[][..], 15),
        (&["-s"], 14),
        (&["-a"], 1),
        (&["-c", "-C"], 16),
        (&["--no-security-labels"], 0),
    ] {
        let what = format!("security labels on {major} {}", form.join(" "));
        let dump = db.rsdump(form);
        assert_eq!(labels(&dump), expected, "{what}");
        assert_same(&what, &normalize(&db.pg_dump(18, form)), &normalize(&dump));
    }
}

#[test]
fn labels_of_every_kind_are_dumped_from_13() {
    labels_equal(13);
}

#[test]
fn labels_of_every_kind_are_dumped_from_18() {
    labels_equal(18);
}
