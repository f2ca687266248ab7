//! Asking the server: the one way in which kinds read the catalogs.
//!
//! A [`Reader`] spreads queries over the sessions it was given, all of which see one snapshot. A kind's
//! `read` neither knows nor cares how many there are; queries that are awaited together (`try_join!`) run
//! together, pipelined on one session and side by side on several. What is asked is each kind's own.

use std::sync::atomic::{AtomicUsize, Ordering};

use postgres_types::{ToSql, Type};
use tokio_postgres::Row;

use crate::connect::{ServerVersion, Session};
use crate::error::{Error, ErrorKind, Result};

/// A query's parameter and its type.
pub type Param<'p> = (&'p (dyn ToSql + Sync), Type);

/// Objects from this oid on were made after initdb.
const FIRST_USER_OID: u32 = 16_384;

/// Reads catalog rows over one or more sessions.
#[derive(Debug)]
pub struct Reader<'a> {
    /// The version of the server, for choosing SQL.
    pub version: ServerVersion,
    /// The first oid that matters among operators, collations and what else the system has many of: 0 where a
    /// user asked for the system's schema, the first one after initdb's where not.
    pub(super) first_oid: u32,
    sessions: &'a [Session],
    /// How many queries each session has yet to answer.
    waiting: Vec<AtomicUsize>,
}

impl<'a> Reader<'a> {
    /// A reader over sessions that see one snapshot of one server.
    pub fn new(version: ServerVersion, sessions: &'a [Session]) -> Reader<'a> {
        Reader {
            version,
            first_oid: FIRST_USER_OID,
            sessions,
            waiting: sessions.iter().map(|_| AtomicUsize::new(0)).collect(),
        }
    }

    /// The same reader, which reads the system's own objects of all kinds if they are `wanted`.
    #[must_use]
    pub fn with_system_objects(self, wanted: bool) -> Reader<'a> {
        Reader {
            first_oid: if wanted { 0 } else { FIRST_USER_OID },
            ..self
        }
    }

    /// True if the server takes the session's user for a superuser.
    pub fn is_superuser(&self) -> bool {
        let session = self.sessions.first();
        session.is_some_and(|session| session.parameter("is_superuser") == Some(b"on"))
    }

    /// Runs one query on the session with the fewest queries before it, and returns all its rows.
    ///
    /// `what` names the rows in errors, as in "policies".
    ///
    /// # Errors
    /// If the server refuses the query or the session breaks.
    pub async fn rows(&self, what: &'static str, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>> {
        let least = self
            .waiting
            .iter()
            .zip(self.sessions)
            .min_by_key(|(waiting, _)| waiting.load(Ordering::Relaxed));
        let Some((waiting, session)) = least else {
            return Err(Error::new(
                ErrorKind::Connect,
                format!("reading {what} without a session"),
            ));
        };
        waiting.fetch_add(1, Ordering::Relaxed);
        let rows = session.rows(what, sql, params).await;
        waiting.fetch_sub(1, Ordering::Relaxed);
        rows
    }
}
