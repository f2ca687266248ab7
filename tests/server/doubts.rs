//! What is said about objects that are dumped, but not as they stand in the catalogs, and what is refused because
//! the catalogs make no sense: pg_dump's words, and never a dump without the object.

use bstr::ByteSlice;

use crate::support::{Server, TempDb, assert_same, normalize, rsdump, run, tool};

/// What both programs write, and what they say; they must agree on both. Returns the latter.
fn both(db: &TempDb<'_>, what: &str) -> Vec<u8> {
    let said = |stderr: &[u8], program: &str| stderr.replace(format!("{program}: "), "");
    let theirs = run(&mut db.aim(tool(18, "pg_dump")));
    let ours = run(&mut db.aim(rsdump()));
    assert_eq!(theirs.status.code(), ours.status.code(), "{what}");
    assert_same(what, &normalize(&theirs.stdout), &normalize(&ours.stdout));
    let said = [said(&theirs.stderr, "pg_dump"), said(&ours.stderr, "rsdump")];
    assert_same(what, &said[0], &said[1]);
    let [said, _] = said;
    said
}

#[test]
fn what_newer_servers_cannot_make_is_warned_of() {
    let db = TempDb::new(Server::get(11));
    db.psql(
        "CREATE SCHEMA \"S s\"; CREATE TYPE pair AS (a integer, b integer); \
         CREATE TABLE \"S s\".\"T t\" (a integer) WITH OIDS; CREATE TABLE typed OF pair WITH OIDS; \
         CREATE TABLE parted (a integer) PARTITION BY LIST (a) WITH OIDS; \
         CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE ft (a integer) SERVER s; \
         ALTER FOREIGN TABLE ft SET WITH OIDS; CREATE TABLE without (a integer); \
         CREATE FUNCTION \"Op f\"(integer) RETURNS integer LANGUAGE sql AS 'SELECT $1'; \
         CREATE OPERATOR \"S s\".!!! (LEFTARG = integer, PROCEDURE = \"Op f\"); \
         CREATE COLLATION \"S s\".\"C c\" FROM \"C\"; UPDATE pg_collation SET collctype = '' WHERE collname = 'C c'; \
         CREATE COLLATION icu (PROVIDER = icu, LOCALE = 'de'); \
         CREATE COLLATION no_locale FROM icu; UPDATE pg_collation SET collcollate = '', collctype = '' WHERE collname = 'no_locale'",
    );
    let said = both(&db, "with OIDs");
    assert_eq!(said.lines().count(), 7, "{}", said.as_bstr());
}

#[test]
fn what_makes_no_sense_is_warned_of() {
    let db = TempDb::new(Server::get(18));
    db.psql(
        "SET allow_system_table_mods = on; \
         CREATE CAST (text AS circle) WITH INOUT; UPDATE pg_cast SET castmethod = 'f' WHERE castsource = 'text'::regtype AND oid >= 16384; \
         CREATE CAST (text AS box) WITH INOUT; UPDATE pg_cast SET castmethod = 'z' WHERE casttarget = 'box'::regtype AND oid >= 16384; \
         CREATE CAST (circle AS float8) WITH FUNCTION area(circle); UPDATE pg_cast SET castmethod = 'b' WHERE casttarget = 'float8'::regtype AND oid >= 16384; \
         CREATE CAST (text AS path) WITH INOUT; UPDATE pg_cast SET castsource = 99999 WHERE casttarget = 'path'::regtype AND oid >= 16384; \
         CREATE TYPE e AS ENUM ('a'); UPDATE pg_type SET typtype = 'x' WHERE typname = 'e'; \
         CREATE ACCESS METHOD \"M m\" TYPE INDEX HANDLER bthandler; UPDATE pg_am SET amtype = 'x' WHERE amname = 'M m'; \
         CREATE OPERATOR ==== (LEFTARG = int, RIGHTARG = int, PROCEDURE = int4eq); \
         UPDATE pg_operator SET oprcom = 99999, oprnegate = 88888 WHERE oprname = '===='; \
         CREATE AGGREGATE ag(int) (SFUNC = int4larger, STYPE = int); \
         UPDATE pg_aggregate SET aggsortop = 77777 WHERE aggfnoid = 'ag'::regproc; \
         CREATE TRANSFORM FOR int LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal)); UPDATE pg_transform SET trffromsql = 0; \
         CREATE COLLATION c1 FROM \"C\"; UPDATE pg_collation SET collprovider = 'b' WHERE collname = 'c1'; \
         CREATE COLLATION c2 FROM \"C\"; UPDATE pg_collation SET collprovider = 'd' WHERE collname = 'c2'; \
         CREATE COLLATION c3 FROM \"C\"; UPDATE pg_collation SET collicurules = 'x' WHERE collname = 'c3'; \
         CREATE COLLATION c4 FROM \"C\"; UPDATE pg_collation SET collprovider = 'i' WHERE collname = 'c4'; \
         CREATE COLLATION c5 FROM \"C\"; UPDATE pg_collation SET collcollate = NULL WHERE collname = 'c5'; \
         CREATE SCHEMA member; INSERT INTO pg_depend VALUES ('pg_namespace'::regclass, 'member'::regnamespace, 0, 'pg_extension'::regclass, 66666, 0, 'e')",
    );
    let said = both(&db, "without sense");
    assert_eq!(said.lines().count(), 14, "{}", said.as_bstr());
}

/// How to break the catalogs, what pg_dump says of it, and how to mend them. Where pg_dump's words are no sentence but a
/// query without an answer, there is a sentence here.
const BREAKS: &[(&str, Option<&str>, &str)] = &[
    (
        "UPDATE pg_proc SET provolatile = 'x' WHERE proname = 'f'",
        None,
        "UPDATE pg_proc SET provolatile = 'v' WHERE proname = 'f'",
    ),
    (
        "UPDATE pg_proc SET proparallel = 'x' WHERE proname = 'f'",
        None,
        "UPDATE pg_proc SET proparallel = 'u' WHERE proname = 'f'",
    ),
    (
        "UPDATE pg_proc SET prolang = 99999 WHERE proname = 'f'",
        Some("query to get definition of function \"f\""),
        "UPDATE pg_proc SET prolang = 14 WHERE proname = 'f'",
    ),
    (
        "UPDATE pg_aggregate SET aggfnoid = 99999 WHERE aggfnoid = 'ag'::regproc",
        Some("query to get definition of function \"ag\""),
        "UPDATE pg_aggregate SET aggfnoid = 'ag'::regproc WHERE aggfnoid::oid = 99999",
    ),
    (
        "UPDATE pg_cast SET castfunc = 99999 WHERE oid >= 16384",
        None,
        "UPDATE pg_cast SET castfunc = 'area(circle)'::regprocedure WHERE oid >= 16384",
    ),
    (
        "UPDATE pg_transform SET trffromsql = 99999",
        None,
        "UPDATE pg_transform SET trffromsql = 'prsd_lextype'::regproc",
    ),
    (
        "UPDATE pg_collation SET collprovider = 'x' WHERE collname = 'c'",
        None,
        "UPDATE pg_collation SET collprovider = 'c' WHERE collname = 'c'",
    ),
    (
        "UPDATE pg_sequence SET seqtypid = 25",
        None,
        "UPDATE pg_sequence SET seqtypid = 20",
    ),
    (
        "UPDATE pg_rewrite SET ev_class = 99999 WHERE rulename = 'r'",
        None,
        "UPDATE pg_rewrite SET ev_class = 't'::regclass WHERE rulename = 'r'",
    ),
    (
        "UPDATE pg_rewrite SET rulename = 'gone' WHERE ev_class = 'v'::regclass",
        None,
        "UPDATE pg_rewrite SET rulename = '_RETURN' WHERE rulename = 'gone'",
    ),
    (
        "UPDATE pg_attrdef SET adnum = 5",
        None,
        "UPDATE pg_attrdef SET adnum = 1",
    ),
    (
        "UPDATE pg_class SET relchecks = 3 WHERE relname = 't'",
        Some("expected 3 check constraints on table \"t\" but found 1"),
        "UPDATE pg_class SET relchecks = 1 WHERE relname = 't'",
    ),
    (
        "UPDATE pg_foreign_server SET srvfdw = 99999",
        Some("foreign-data wrapper of \"s\""),
        "UPDATE pg_foreign_server SET srvfdw = (SELECT oid FROM pg_foreign_data_wrapper)",
    ),
    (
        "UPDATE pg_foreign_table SET ftserver = 99999",
        Some("foreign server of \"ft\""),
        "UPDATE pg_foreign_table SET ftserver = (SELECT oid FROM pg_foreign_server)",
    ),
    (
        "UPDATE pg_ts_dict SET dicttemplate = 99999 WHERE dictname = 'd'",
        Some("template of \"d\""),
        "UPDATE pg_ts_dict SET dicttemplate = (SELECT oid FROM pg_ts_template WHERE tmplname = 'simple') WHERE dictname = 'd'",
    ),
    (
        "UPDATE pg_ts_config SET cfgparser = 99999 WHERE cfgname = 'c'",
        Some("parser of \"c\""),
        "UPDATE pg_ts_config SET cfgparser = 3722 WHERE cfgname = 'c'",
    ),
    (
        "UPDATE pg_range SET rngtypid = 99999 WHERE rngtypid = 'r'::regtype",
        Some("definition of \"r\""),
        "UPDATE pg_range SET rngtypid = 'r'::regtype WHERE rngtypid = 99999",
    ),
    (
        "UPDATE pg_inherits SET inhparent = 99999",
        None,
        "UPDATE pg_inherits SET inhparent = 'p'::regclass",
    ),
    (
        "UPDATE pg_inherits SET inhrelid = 't'::regclass",
        None,
        "UPDATE pg_inherits SET inhrelid = 'p1'::regclass",
    ),
];

#[test]
fn a_dump_without_an_object_that_makes_no_sense_is_refused() {
    let db = TempDb::new(Server::get(18));
    db.psql(
        "CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1'; CREATE AGGREGATE ag(integer) (SFUNC = int4pl, STYPE = integer); \
         CREATE CAST (circle AS float8) WITH FUNCTION area(circle); \
         CREATE TRANSFORM FOR integer LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal)); \
         CREATE COLLATION c FROM \"C\"; CREATE SEQUENCE sq; CREATE TABLE t (a integer DEFAULT 1 CHECK (a > 0)); \
         CREATE RULE r AS ON INSERT TO t DO ALSO NOTHING; CREATE VIEW v AS SELECT 1 AS a; \
         CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE ft (a integer) SERVER s; \
         CREATE TEXT SEARCH DICTIONARY d (TEMPLATE = simple); CREATE TEXT SEARCH CONFIGURATION c (PARSER = default); \
         CREATE TYPE r AS RANGE (SUBTYPE = integer); \
         CREATE TABLE p (a integer) PARTITION BY LIST (a); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)",
    );
    let whole = normalize(&db.rsdump(&["-s"]));
    for (break_it, sentence, mend_it) in BREAKS {
        let change = |sql: &str| db.psql(&format!("SET allow_system_table_mods = on; {sql}"));
        change(break_it);
        match sentence {
            None => assert!(both(&db, break_it).starts_with(b"error: "), "{break_it}"),
            Some(sentence) => {
                let ours = run(&mut db.aim(rsdump()));
                assert_eq!(ours.status.code(), Some(1), "{break_it}");
                assert!(
                    ours.stderr.contains_str(sentence),
                    "{break_it}: {}",
                    ours.stderr.as_bstr()
                );
                assert_eq!(
                    run(&mut db.aim(tool(18, "pg_dump"))).status.code(),
                    Some(1),
                    "{break_it}"
                );
            }
        }
        change(mend_it);
    }
    assert_same("mended", &whole, &normalize(&db.rsdump(&["-s"])));
}
