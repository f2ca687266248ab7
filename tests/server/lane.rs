//! The raw lane against real servers: COPY both ways, errors in the middle, cancelling, pipelining.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rsdump::connect::ConnectParams;
use rsdump::wire::{Lane, LaneError, TransactionStatus};

use crate::support::server::MAJORS;
use crate::support::{Server, TempDb};

async fn lane(db: &TempDb<'_>) -> Lane {
    let params = ConnectParams::parse(db.conninfo().as_bytes()).expect("parameters");
    params.lane().await.expect("a lane")
}

async fn read_all(lane: &mut Lane, sql: &str) -> (Vec<u8>, u64) {
    let mut copy = lane.copy_out(sql.as_bytes()).await.expect("a COPY");
    let mut data = Vec::new();
    while let Some(piece) = copy.next().await.expect("rows") {
        data.extend_from_slice(&piece);
    }
    (data, copy.rows())
}

async fn scalar(lane: &mut Lane, sql: &str) -> String {
    let outcome = lane
        .rows(sql.as_bytes())
        .await
        .expect("an answer")
        .check("asking")
        .expect("no error");
    outcome.rows[0][0].as_ref().expect("a value").to_string()
}

fn sqlstate<T: std::fmt::Debug>(result: Result<T, LaneError>) -> String {
    match result.expect_err("an error") {
        LaneError::Server(error) => error.sqlstate,
        LaneError::Broken(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn rows_go_out_and_in_unchanged_on_every_version() {
    for major in MAJORS {
        let db = TempDb::new(Server::get(major));
        db.psql("CREATE TABLE t AS SELECT i, md5(i::text) AS m, E'a\\tb\\n\\\\' AS e FROM generate_series(1, 50000) i");
        db.psql("CREATE TABLE u (LIKE t)");
        let mut lane = lane(&db).await;
        let (data, rows) = read_all(&mut lane, "COPY t TO STDOUT").await;
        assert_eq!(rows, 50_000);
        assert!(
            data == db.psql("COPY t TO STDOUT"),
            "{major}: the rows differ from psql's"
        );
        let mut copy = lane.copy_in(b"COPY u FROM STDIN").await.expect("a COPY");
        for piece in data.chunks(77_777) {
            copy.send(piece).await.expect("sending");
        }
        assert_eq!(copy.finish().await.expect("the end"), 50_000);
        assert_eq!(
            scalar(&mut lane, "SELECT count(*) FROM (TABLE t EXCEPT TABLE u) d").await,
            "0"
        );
        assert_eq!(lane.transaction_status(), TransactionStatus::Idle);
    }
}

#[tokio::test]
async fn a_row_of_many_megabytes_comes_whole() {
    let db = TempDb::new(Server::get(18));
    let mut lane = lane(&db).await;
    let (data, rows) = read_all(
        &mut lane,
        "COPY (SELECT 'x' UNION ALL SELECT repeat('y', 40000000) UNION ALL SELECT 'z') TO STDOUT",
    )
    .await;
    assert_eq!(rows, 3);
    assert_eq!(data.len(), 40_000_000 + 5);
    assert!(data.starts_with(b"x\nyyy") && data.ends_with(b"yyy\nz\n"));
}

#[tokio::test]
async fn errors_of_copy_leave_the_lane_usable() {
    for major in [13, 18] {
        let db = TempDb::new(Server::get(major));
        db.psql(
            "CREATE TABLE t (i int PRIMARY KEY); CREATE TABLE v (i int); INSERT INTO v VALUES (1); \
             CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END'; \
             CREATE TABLE g (i int); \
             CREATE TRIGGER g BEFORE INSERT ON g FOR EACH STATEMENT EXECUTE FUNCTION no()",
        );
        let mut lane = lane(&db).await;
        // In the manners that put tokio-postgres out of step.
        let refusals = [
            ("COPY nosuch FROM STDIN", "42P01"),
            ("COPY v FROM STDIN WITH (FREEZE)", "55000"),
            ("COPY g FROM STDIN", "P0001"),
        ];
        for (sql, expected) in refusals {
            let refused = match lane.copy_in(sql.as_bytes()).await {
                Ok(copy) => sqlstate(copy.finish().await),
                refused => sqlstate(refused),
            };
            assert_eq!(refused, expected, "{sql}");
        }
        assert!(matches!(
            lane.copy_in(b"SELECT 1").await,
            Err(LaneError::Broken(_))
        ));
        assert!(matches!(
            lane.copy_out(b"SELECT 1").await,
            Err(LaneError::Broken(_))
        ));
        assert!(matches!(
            lane.copy_out(b"COPY v FROM STDIN").await,
            Err(LaneError::Server(_))
        ));
        // In the middle and at the end.
        let mut copy = lane.copy_in(b"COPY t FROM STDIN").await.expect("a COPY");
        copy.send(b"1\n1\n").await.expect("sending");
        assert_eq!(sqlstate(copy.finish().await), "23505");
        let mut copy = lane
            .copy_out(b"COPY (SELECT 1/(3-i) FROM generate_series(1,5) i) TO STDOUT")
            .await
            .expect("a COPY");
        let mut result = copy.next().await;
        while let Ok(Some(_)) = result {
            result = copy.next().await;
        }
        assert_eq!(sqlstate(result), "22012");
        drop(copy);
        let copy = lane.copy_in(b"COPY t FROM STDIN").await.expect("a COPY");
        copy.abort("enough").await.expect("an abort");
        assert_eq!(scalar(&mut lane, "SELECT count(*) FROM t").await, "0");
        // A statement that wants data where there is none does not hang.
        let outcome = lane.simple(b"COPY t FROM STDIN").await.expect("an answer");
        assert_eq!(outcome.error.expect("an error").sqlstate, "57014");
        let outcome = lane
            .simple(b"SELECT 1; SELECT nosuch; SELECT 2")
            .await
            .expect("an answer");
        assert_eq!(
            (outcome.tags.len(), outcome.error.expect("an error").position),
            (1, Some(18))
        );
    }
}

#[tokio::test]
async fn an_objection_to_the_first_row_stops_a_long_copy() {
    let db = TempDb::new(Server::get(18));
    db.psql("CREATE TABLE t (i int)");
    let mut lane = lane(&db).await;
    let mut copy = lane.copy_in(b"COPY t FROM STDIN").await.expect("a COPY");
    copy.send(b"nonsense\n").await.expect("sending");
    let rows = b"1\n".repeat(1 << 19);
    let mut sent = 0;
    let error = loop {
        match copy.send(&rows).await {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
        assert!(sent < 100, "the objection did not surface");
    };
    assert!(matches!(error, LaneError::Server(error) if error.sqlstate == "22P02"));
    drop(copy);
    assert_eq!(scalar(&mut lane, "SELECT count(*) FROM t").await, "0");
}

#[tokio::test]
async fn a_copy_dropped_midway_is_cancelled() {
    let db = TempDb::new(Server::get(18));
    let mut lane = lane(&db).await;
    let endless = b"COPY (SELECT repeat('x', 1000), generate_series(1, 1000000000000)) TO STDOUT";
    let begun = Instant::now();
    for _ in 0..5 {
        let mut copy = lane.copy_out(endless).await.expect("a COPY");
        copy.next().await.expect("rows").expect("a piece");
        drop(copy);
        assert_eq!(scalar(&mut lane, "SELECT 1").await, "1");
    }
    db.psql("CREATE TABLE t (i int)");
    let mut copy = lane.copy_in(b"COPY t FROM STDIN").await.expect("a COPY");
    copy.send(b"1\n2\n").await.expect("sending");
    drop(copy);
    assert_eq!(scalar(&mut lane, "SELECT count(*) FROM t").await, "0");
    assert!(begun.elapsed() < Duration::from_secs(60));
}

#[tokio::test]
async fn a_statement_can_be_cancelled_from_elsewhere() {
    let db = TempDb::new(Server::get(18));
    let conninfo = format!("{} max_protocol_version=latest", db.conninfo());
    for conninfo in [db.conninfo(), conninfo] {
        let params = ConnectParams::parse(conninfo.as_bytes()).expect("parameters");
        let mut lane = params.lane().await.expect("a lane");
        let token = lane.cancel_token();
        let cancelling = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(200)).await;
            token.cancel().await
        });
        let outcome = lane.simple(b"SELECT pg_sleep(60)").await.expect("an answer");
        assert_eq!(outcome.error.expect("an error").sqlstate, "57014");
        cancelling.await.expect("the task").expect("cancelling");
        let session = params.session().await.expect("a session");
        let token = session.cancel_token().expect("a token");
        let (slept, cancelled) = tokio::join!(session.rows("sleep", "SELECT pg_sleep(60)", &[]), async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            token.cancel().await
        });
        cancelled.expect("cancelling");
        assert_eq!(slept.expect_err("cancelled").code(), Some("57014"));
    }
}

#[tokio::test]
async fn many_statements_sent_ahead_do_not_lock_up() {
    let db = TempDb::new(Server::get(18));
    let heard = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&heard);
    let params = ConnectParams::parse(db.conninfo().as_bytes()).expect("parameters");
    let sink = Arc::new(move |notice: &rsdump::wire::ServerError| {
        assert_eq!(notice.severity, "NOTICE");
        count.fetch_add(1, Ordering::Relaxed);
    });
    let mut lane = params.with_notices(sink).lane().await.expect("a lane");
    let noisy = format!(
        "DO $$ BEGIN RAISE NOTICE '%', repeat('x', 20000); END $$ -- {}",
        "y".repeat(20_000)
    );
    for _ in 0..1000 {
        lane.send_query(noisy.as_bytes()).await.expect("sending");
    }
    lane.send_query(b"SELECT nosuch").await.expect("sending");
    lane.send_query(b"SELECT 1").await.expect("sending");
    assert_eq!(lane.results_owed(), 1002);
    for _ in 0..1000 {
        assert_eq!(lane.recv_result().await.expect("an answer").tags, ["DO"]);
    }
    assert!(lane.recv_result().await.expect("an answer").error.is_some());
    assert_eq!(lane.recv_result().await.expect("an answer").tags, ["SELECT 1"]);
    assert_eq!(heard.load(Ordering::Relaxed), 1000);
}

#[tokio::test]
async fn a_server_that_ends_the_session_is_quoted() {
    let db = TempDb::new(Server::get(18));
    let mut lane = lane(&db).await;
    let pid = scalar(&mut lane, "SELECT pg_backend_pid()").await;
    db.psql("CREATE TABLE t (i int)");
    let mut copy = lane.copy_in(b"COPY t FROM STDIN").await.expect("a COPY");
    copy.send(b"1\n").await.expect("sending");
    db.psql(&format!("SELECT pg_terminate_backend({pid})"));
    let rows = b"1\n".repeat(1 << 18);
    let error = loop {
        if let Err(error) = copy.send(&rows).await {
            break error;
        }
    };
    assert!(
        matches!(&error, LaneError::Server(error) if error.sqlstate == "57P01"),
        "{error:?}"
    );
    drop(copy);
    assert!(lane.is_broken());
    assert!(lane.simple(b"SELECT 1").await.is_err());
}
