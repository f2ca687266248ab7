//! What must not grow with a database: round trips. And what must not change with the number of sessions: output.

use std::fmt::Write;
use std::process::Command;
use std::time::Duration;

use crate::support::proxy::Proxy;
use crate::support::{Findings, Server, TempDb, normalize, rsdump, run, stdout_of};

/// Long enough for all that is sent together to be under way before the first answer comes.
const DELAY: Duration = Duration::from_millis(20);

/// SQL for so many tables with a serial key, a check, an index, a comment and grants, with as many types and large objects,
/// and a view and a function on each fifth one.
fn objects(tables: usize) -> String {
    let mut sql = String::from("CREATE SCHEMA app;\n");
    for i in 1..=tables {
        write!(
            sql,
            "SELECT lo_create(0);\n\
             CREATE TYPE app.e{i} AS ENUM ('a');\n\
             CREATE TABLE app.t{i} (id serial PRIMARY KEY, name text NOT NULL, qty integer DEFAULT 0 CHECK (qty >= 0));\n\
             CREATE INDEX t{i}_name ON app.t{i} (lower(name));\n\
             COMMENT ON TABLE app.t{i} IS 'table number {i}';\n\
             GRANT SELECT ON app.t{i} TO PUBLIC;\n"
        )
        .expect("memory takes everything");
        if i % 5 == 0 {
            write!(
                sql,
                "CREATE VIEW app.v{i} AS SELECT t.id, u.qty FROM app.t{i} t JOIN app.t1 u ON u.id = t.id;\n\
                 GRANT SELECT ON app.v{i} TO PUBLIC;\n\
                 CREATE FUNCTION app.f{i}(x integer, y text DEFAULT 'z') RETURNS bigint LANGUAGE sql \
                 AS 'SELECT x + count(*) FROM app.t{i} WHERE name = y';\n\
                 REVOKE EXECUTE ON FUNCTION app.f{i} FROM PUBLIC;\n"
            )
            .expect("memory takes everything");
        }
    }
    sql
}

fn holding<'s>(server: &'s Server, tables: usize) -> TempDb<'s> {
    let db = TempDb::new(server);
    db.psql(&objects(tables));
    db
}

/// `rsdump` on a database, through a proxy.
fn through(proxy: &Proxy, db: &TempDb<'_>, args: &[&str]) -> Command {
    let mut command = rsdump();
    command.args(["-h", "127.0.0.1", "-U", "postgres", "-p", &proxy.port.to_string()]);
    command.args(["-d", &db.name]).args(args);
    command
}

#[test]
fn round_trips_do_not_grow_with_the_number_of_objects() {
    for major in [13, 18] {
        let server = Server::get(major);
        let trips = |tables| {
            let db = holding(server, tables);
            let proxy = Proxy::start(server.port, DELAY, |_| None);
            stdout_of(&mut through(&proxy, &db, &["-s"]));
            assert_eq!(proxy.connections(), 1);
            proxy.round_trips()
        };
        let (few, many) = (trips(1), trips(100));
        assert!(few <= 60, "{few} round trips on server {major}");
        // A program that is kept waiting for the processor may send in two pieces what belongs together.
        assert!(
            many <= few + 6,
            "server {major}: {few} round trips for few objects, {many} for many"
        );
    }
}

#[test]
fn several_sessions_write_what_one_writes() {
    for major in [13, 18] {
        let server = Server::get(major);
        let mut findings = Findings::new("jobs", major);
        for db in [holding(server, 300), TempDb::loaded(server, "sample/schema.sql")] {
            let output = |jobs| normalize(&db.rsdump(&["-s", "-j", jobs]));
            for jobs in ["2", "3", "9"] {
                findings.same(&format!("rsdump -s -j {jobs}"), Ok(output("1")), Ok(output(jobs)));
            }
        }
    }
}

#[test]
fn names_are_looked_up_along_the_users_search_path_with_several_sessions_too() {
    let db = holding(Server::get(18), 2);
    db.psql(&format!("ALTER DATABASE {} SET search_path = app", db.name));
    let output = String::from_utf8(db.rsdump(&["-s", "-j", "3", "-t", "t2"])).expect("plain names");
    assert!(
        output.contains("CREATE TABLE app.t2 (") && !output.contains("app.t1"),
        "{output}"
    );
}

#[test]
fn there_are_no_more_sessions_than_jobs_and_each_must_open() {
    let server = Server::get(18);
    let db = holding(server, 5);
    let proxy = Proxy::start(server.port, Duration::ZERO, |_| None);
    stdout_of(&mut through(&proxy, &db, &["-s", "-j", "3"]));
    assert_eq!(proxy.connections(), 3);

    let role = format!("{}_single", db.name);
    db.psql(&format!(
        "CREATE ROLE {role} LOGIN SUPERUSER CONNECTION LIMIT 1; ALTER ROLE {role} NOSUPERUSER; \
         GRANT USAGE ON SCHEMA app TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA app TO {role}; \
         GRANT SELECT ON ALL SEQUENCES IN SCHEMA app TO {role}"
    ));
    let mut command = db.aim(rsdump());
    let output = run(command.args(["-U", &role, "-s", "-j", "2"]));
    db.psql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && message.contains("too many connections for role"),
        "{message}"
    );
}

#[test]
fn a_session_that_breaks_ends_the_dump_and_is_reported() {
    let server = Server::get(18);
    let db = holding(server, 300);
    // Enough for the start, not for the answers to the first queries.
    let proxy = Proxy::start(server.port, Duration::ZERO, |number| {
        (number == 1).then_some(20_000)
    });
    let output = run(&mut through(&proxy, &db, &["-s", "-j", "2"]));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && output.stdout.is_empty() && message.contains("closed the connection"),
        "{message}"
    );
}
