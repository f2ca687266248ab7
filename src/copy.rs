//! A database copied straight into another one: a dump and a restore in one process, joined by a pipe in memory.
//!
//! The archive in between is the custom format, uncompressed, and is never whole anywhere: what the restore has not taken
//! makes the dump wait. Whichever side fails ends the other. Which entries, and how they become SQL, is said in
//! the options of the two sides.

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncWriteExt, DuplexStream};

use crate::archive::{Archive, Format, Sink, StreamSource};
use crate::compress::Compression;
use crate::connect::ConnectParams;
use crate::dump::{self, DumpOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::restore::{self, Restore, RestoreOptions};

/// Bytes that the dump may be ahead of the restore, beside what both keep for themselves.
const PIPE: usize = 1 << 20;

/// Copies what `dump` says of the database that `source` leads to into the one that `target` leads to, which must exist.
///
/// # Errors
/// If either side fails as a whole, or both are the same database. What the target's server refuses is counted in the
/// report as it is in a restore.
pub async fn copy(
    source: &ConnectParams,
    target: ConnectParams,
    dump: &DumpOptions,
    restore: RestoreOptions,
    told: (&dump::Observer, &mut dyn restore::Observer),
) -> Result<restore::Report> {
    if identity(source).await? == identity(&target).await? {
        let database = target.database();
        return Err(Error::new(
            ErrorKind::Usage,
            format!("database \"{database}\" cannot be copied into itself"),
        ));
    }
    let mut options = dump.clone();
    options.output.format = Format::Custom;
    options.output.compression = Compression::NONE;
    options.output.file = None;
    let (reader, writer) = tokio::io::duplex(PIPE);
    let (dump_told, restore_told) = told;
    let sink = Box::new(Pipe {
        writer,
        is_open: true,
    });
    let mut dumping = std::pin::pin!(dump::dump_to(source, &options, sink, dump_told));
    let mut restoring = std::pin::pin!(async {
        let archive = Archive::open(Box::new(StreamSource::new("the dump".into(), reader))).await?;
        Restore::new(archive, restore)?
            .to_server(target, restore_told)
            .await
    });
    // The dump is looked at first: when it fails, the restore only misses the rest.
    tokio::select! {
        biased;
        dumped = &mut dumping => dumped.map(drop)?,
        // Nothing more is wanted of the dump, or nothing can be done with it.
        restored = &mut restoring => return restored,
    }
    restoring.await
}

/// What tells a database from all others.
async fn identity(params: &ConnectParams) -> Result<Vec<Vec<Option<bstr::BString>>>> {
    const SQL: &[u8] = b"SELECT pg_catalog.pg_postmaster_start_time(), \
        (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()), \
        pg_catalog.current_setting('port')";
    let mut lane = params.lane().await?;
    let outcome = lane.rows(SQL).await?.check("asking which database this is")?;
    lane.close().await;
    Ok(outcome.rows)
}

/// The dump's end of the pipe. When the restore has all it wants and has gone, the rest goes nowhere.
struct Pipe {
    writer: DuplexStream,
    is_open: bool,
}

impl Sink for Pipe {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<()>> {
        async move {
            self.is_open = self.is_open && self.writer.write_all(&bytes).await.is_ok();
            Ok(())
        }
        .boxed()
    }

    fn finish(mut self: Box<Self>) -> BoxFuture<'static, Result<()>> {
        async move {
            if self.is_open {
                let _ = self.writer.shutdown().await;
            }
            Ok(())
        }
        .boxed()
    }
}
