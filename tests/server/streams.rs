//! The library with sinks and sources of the caller's: what a program that embeds it does.

use std::io::Cursor;
use std::sync::Arc;

use rsdump::archive::{Archive, AsyncWriteSink, Format, SeekSource, Source, StreamSource, VecSink};
use rsdump::connect::ConnectParams;
use rsdump::dump::{self, DumpOptions, Observer};
use rsdump::progress::NoProgress;
use rsdump::restore::{Report, Restore, RestoreOptions, Silent};

use crate::support::{Server, TempDb, assert_same, normalize};

fn params(db: &TempDb<'_>) -> ConnectParams {
    ConnectParams::parse(db.conninfo().as_bytes()).expect("parameters")
}

fn observer() -> Observer {
    Observer {
        progress: Arc::new(NoProgress),
        info: Arc::new(|_| ()),
        warnings: Arc::new(|warning| panic!("{warning:?}")),
    }
}

fn options(format: Format, jobs: usize) -> DumpOptions {
    let mut options = DumpOptions {
        jobs,
        ..DumpOptions::default()
    };
    options.output.format = format;
    options
}

async fn restored(source: impl Source + 'static, jobs: usize, to: &TempDb<'_>) -> rsdump::Result<Report> {
    let archive = Archive::open(Box::new(source)).await?;
    let options = RestoreOptions {
        jobs,
        ..RestoreOptions::default()
    };
    let restore = Restore::new(archive, options)?;
    restore.to_server(params(to), &mut Silent).await
}

#[test]
fn what_was_dumped_into_memory_is_restored_from_a_cursor() {
    let server = Server::get(18);
    let db = TempDb::loaded(server, "databases/all_kinds.sql");
    let before = normalize(&db.pg_dump(18, &[]));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for format in [Format::Custom, Format::Tar] {
        let sink = VecSink::new();
        let (from, options, observer) = (params(&db), options(format, 2), observer());
        let dumped = dump::dump_to(&from, &options, Box::new(sink.clone()), &observer);
        runtime.block_on(dumped).expect("dump");
        for jobs in [1, 3] {
            let copy = TempDb::new(server);
            let report = runtime.block_on(async {
                let source = SeekSource::new("memory".into(), Cursor::new(sink.bytes())).await?;
                restored(source, jobs, &copy).await
            });
            assert_eq!(report.expect("restore").errors, 0, "{format:?}, {jobs}");
            let what = format!("{format:?} with {jobs} lanes");
            assert_same(&what, &before, &normalize(&copy.pg_dump(18, &[])));
        }
    }
}

#[test]
fn a_pipe_of_the_callers_joins_a_dump_and_a_restore() {
    let server = Server::get(18);
    let db = TempDb::loaded(server, "databases/all_kinds.sql");
    let before = normalize(&db.pg_dump(18, &[]));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for (format, jobs) in [(Format::Custom, 1), (Format::Custom, 3), (Format::Tar, 2)] {
        let copy = TempDb::new(server);
        let (report, _) = runtime.block_on(async {
            let (sender, receiver) = tokio::io::duplex(4096);
            let sink = Box::new(AsyncWriteSink::new(sender));
            let (from, options, observer) = (params(&db), options(format, jobs), observer());
            let dumped = dump::dump_to(&from, &options, sink, &observer);
            let source = StreamSource::new("the pipe".into(), receiver);
            let restored = Box::pin(restored(source, jobs, &copy));
            tokio::try_join!(restored, dumped).expect("copy")
        });
        assert_eq!(report.errors, 0, "{format:?}, {jobs}");
        let what = format!("{format:?} with {jobs} lanes");
        assert_same(&what, &before, &normalize(&copy.pg_dump(18, &[])));
    }
}

#[test]
fn a_sink_that_fails_ends_the_dump() {
    let db = TempDb::new(Server::get(18));
    db.psql("CREATE TABLE t AS SELECT g, md5(g::text) FROM generate_series(1, 50000) g");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let error = runtime.block_on(async {
        let (sender, receiver) = tokio::io::duplex(4096);
        drop(receiver);
        let sink = Box::new(AsyncWriteSink::new(sender));
        dump::dump_to(&params(&db), &options(Format::Custom, 2), sink, &observer())
            .await
            .expect_err("nobody reads")
    });
    let told = error.to_string();
    assert!(told.starts_with("could not write to the output stream"), "{told}");
}
