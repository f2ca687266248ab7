//! Poolers between us and the server: one that gives each transaction another backend is refused.
//!
//! There a setting made in one transaction is not there in the next, and was perhaps made for somebody else; a dump or
//! restore could come out wrong without an error. A pooler is known by the process id that it made up for the connection, and
//! its mode by two connections that share a backend.

use std::time::Duration;

use super::params::ConnectParams;
use crate::error::{Error, ErrorKind, Result};
use crate::wire::Lane;

/// How long a pooler may take to give a connection a backend.
const PATIENCE: Duration = Duration::from_secs(10);

const BACKEND: &str = "SELECT pg_catalog.pg_backend_pid()";

impl ConnectParams {
    /// Refuses a pooler in transaction mode. `told` is the process id that the start of a connection gave, `backend` the one
    /// that the backend behind it has.
    ///
    /// # Errors
    /// `ErrorKind::Connect` with advice, if there is such a pooler.
    pub(crate) async fn refuse_transaction_pooler(&self, told: i32, backend: i32) -> Result<()> {
        if told == backend || told == 0 {
            return Ok(());
        }
        let shared = tokio::time::timeout(PATIENCE, self.backends_are_shared()).await;
        match shared {
            Ok(Ok(false)) => Ok(()),
            Ok(Err(error)) => Err(error.context("looking for a connection pooler")),
            Ok(Ok(true)) => Err(refusal(
                "in transaction mode, where settings and snapshots do not outlast a transaction",
            )),
            Err(_) => Err(refusal("that gives no further connection")),
        }
    }

    /// Whether two connections that are there at once have the same backend, or one changes it.
    async fn backends_are_shared(&self) -> Result<bool> {
        let mut first = self.lane().await?;
        let before = backend(&mut first).await?;
        let mut second = self.lane().await?;
        let other = backend(&mut second).await?;
        let after = backend(&mut first).await?;
        first.close().await;
        second.close().await;
        Ok(other == before || after != before)
    }
}

/// The process id of a lane's backend.
pub(crate) async fn backend(lane: &mut Lane) -> Result<i32> {
    let mut rows = lane.select(BACKEND.as_bytes()).await?;
    let mut backend = 0;
    while let Some(row) = rows.next().await? {
        let text = row.values()?.next().transpose()?.flatten().unwrap_or_default();
        backend = String::from_utf8_lossy(text).parse().unwrap_or(0);
    }
    Ok(backend)
}

fn refusal(what: &str) -> Error {
    Error::new(
        ErrorKind::Connect,
        format!(
            "the server is behind a connection pooler {what}: connect to the server itself, or to a pool in session mode"
        ),
    )
}
