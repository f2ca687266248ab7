//! Through a pooler in transaction mode nothing is dumped or restored.

use crate::support::{Server, TempDb, fixture, pooler, rsdump, rsrestore, run, stdout_of};

const REFUSAL: &str = "error: the server is behind a connection pooler in transaction mode, where settings and snapshots do \
    not outlast a transaction: connect to the server itself, or to a pool in session mode";

#[test]
fn a_pooler_in_transaction_mode_is_refused_with_advice() {
    let server = Server::get(18);
    let db = TempDb::new(server);
    let port = pooler::start(server.port, &db.name).to_string();
    let through = ["-h", "127.0.0.1", "-U", "postgres", "-p", &port, "-d", &db.name];
    let dump = run(rsdump().args(through));
    assert_eq!(
        String::from_utf8_lossy(&dump.stderr),
        format!("rsdump: {REFUSAL}\n")
    );
    assert_eq!(dump.status.code(), Some(1));
    assert!(dump.stdout.is_empty());
    let restore = run(rsrestore()
        .args(through)
        .arg(fixture("archives/pg_dump_18.none.dump")));
    assert_eq!(
        String::from_utf8_lossy(&restore.stderr),
        format!("rsrestore: {REFUSAL}\n")
    );
    assert_eq!(restore.status.code(), Some(1));
    assert_eq!(
        db.psql("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"),
        b"0\n"
    );
    stdout_of(&mut db.aim(rsdump()));
}
