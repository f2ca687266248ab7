//! Asking the server: the one way in which kinds read the catalogs.
//!
//! A [`Reader`] spreads queries over the sessions it was given, all of which see one snapshot. A kind's
//! `read` neither knows nor cares how many there are; queries that are awaited together (`try_join!`) run
//! together, pipelined on one session and side by side on several. What is asked is each kind's own, and so is
//! a guess at what a query costs, by which several sessions get done at about the same time.

use std::sync::atomic::{AtomicUsize, Ordering};

use postgres_types::{ToSql, Type};
use tokio_postgres::Row;

use super::turns::{Turn, Turns};
use crate::connect::{ServerVersion, Session};
use crate::error::{Error, ErrorKind, Result};

/// A query's parameter and its type.
pub type Param<'p> = (&'p (dyn ToSql + Sync), Type);

/// Objects from this oid on were made after initdb.
const FIRST_USER_OID: u32 = 16_384;

/// A guess at how long the server works on a query, in microseconds. Only the order of guesses matters, and
/// which queries are dear enough to wait for a session that has no other dear one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cost(pub u64);

impl Cost {
    /// What is cheap is sent at once, however many queries are before it.
    const CHEAP: Cost = Cost(5_000);

    /// So many microseconds for each of so many objects.
    pub fn of(objects: usize, each: u64) -> Cost {
        Cost(each.saturating_mul(u64::try_from(objects).unwrap_or(u64::MAX)))
    }
}

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
    turns: Turns,
}

impl<'a> Reader<'a> {
    /// A reader over sessions that see one snapshot of one server.
    pub fn new(version: ServerVersion, sessions: &'a [Session]) -> Reader<'a> {
        Reader {
            version,
            first_oid: FIRST_USER_OID,
            sessions,
            waiting: sessions.iter().map(|_| AtomicUsize::new(0)).collect(),
            turns: Turns::new(sessions.len()),
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

    /// Runs one cheap query on the session with the fewest queries before it, and returns all its rows.
    ///
    /// `what` names the rows in errors, as in "policies".
    ///
    /// # Errors
    /// If the server refuses the query or the session breaks.
    pub async fn rows(&self, what: &'static str, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>> {
        self.run(what, self.least_busy(), sql, params, Ok).await
    }

    /// Runs one query and returns what `make` makes of each row. Rows are not kept: they are many times
    /// larger than what is needed of them.
    ///
    /// With several sessions, a query that is not cheap waits until one has no other such query to answer; of those
    /// that wait the dearest goes first.
    ///
    /// # Errors
    /// If the server refuses the query, the session breaks or `make` fails.
    pub async fn each<T>(
        &self,
        what: &'static str,
        cost: Cost,
        sql: &str,
        params: &[Param<'_>],
        mut make: impl FnMut(&Row) -> Result<T>,
    ) -> Result<Vec<T>> {
        let turn = match self.sessions.len() > 1 && cost > Cost::CHEAP {
            true => self.turns.take(cost).await,
            false => None,
        };
        let place = turn.as_ref().map_or_else(|| self.least_busy(), Turn::place);
        let made = self.run(what, place, sql, params, |row| make(&row)).await;
        drop(turn);
        made
    }

    /// As [`each`](Self::each) for a query that locks the wanted relations, on the session that has them locked already:
    /// on another one, each lock would take its place in the server's memory once more.
    ///
    /// # Errors
    /// As with `each`.
    pub async fn each_locking<T>(
        &self,
        what: &'static str,
        cost: Cost,
        sql: &str,
        params: &[Param<'_>],
        mut make: impl FnMut(&Row) -> Result<T>,
    ) -> Result<Vec<T>> {
        let turn = match self.sessions.len() > 1 && cost > Cost::CHEAP {
            true => self.turns.take_first(cost).await,
            false => None,
        };
        let made = self.run(what, 0, sql, params, |row| make(&row)).await;
        drop(turn);
        made
    }

    async fn run<T>(
        &self,
        what: &'static str,
        place: usize,
        sql: &str,
        params: &[Param<'_>],
        make: impl FnMut(Row) -> Result<T>,
    ) -> Result<Vec<T>> {
        let (Some(session), Some(waiting)) = (self.sessions.get(place), self.waiting.get(place)) else {
            return Err(Error::new(
                ErrorKind::Connect,
                format!("reading {what} without a session"),
            ));
        };
        waiting.fetch_add(1, Ordering::Relaxed);
        let made = session.each(what, sql, params, make).await;
        waiting.fetch_sub(1, Ordering::Relaxed);
        made
    }

    fn least_busy(&self) -> usize {
        let places = 0..self.waiting.len();
        let least = places
            .zip(&self.waiting)
            .min_by_key(|(_, waiting)| waiting.load(Ordering::Relaxed));
        least.map_or(0, |(place, _)| place)
    }
}
