//! The server's side of a dump: sessions and lanes that all see the same moment of the database.
//!
//! The first session opens the transaction that the dump lives in, and exports its snapshot when others must
//! join. Further sessions join only for as long as the catalogs are read. How a session is set up is
//! [`crate::connect`]'s; what is read over them is not decided here.

use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};
use futures_util::future::{join_all, try_join_all};
use tokio::sync::Mutex;

use super::options::DumpOptions;
use super::patterns;
use crate::connect::{ConnectParams, ServerVersion, Session, SetupOptions, Snapshot, setup_lane};
use crate::error::{Error, ErrorKind, Result};
use crate::objects::Reader;
use crate::objects::read::Locks;
use crate::objects::selection::Selection;
use crate::sql::{Quoting, text};
use crate::wire::Lane;

/// How often both connections of a dump with one job try to lock the same tables.
const ATTEMPTS: usize = 20;

/// So many sessions at most read the catalogs: there are not enough dear queries for more.
const CATALOG_SESSIONS: usize = 4;

/// The connections of a dump.
#[derive(Debug)]
pub(super) struct Server {
    /// For the catalogs, all with the same snapshot; never empty. The first one is the dump's own.
    pub(super) sessions: Vec<Session>,
    /// The server's version.
    pub(super) version: ServerVersion,
    lanes: LaneSource,
}

/// Opens lanes within the dump's snapshot.
#[derive(Debug, Clone)]
pub(super) struct LaneSource {
    version: ServerVersion,
    params: ConnectParams,
    /// How further connections are set up.
    setup: SetupOptions,
    snapshot: Snapshot,
    /// The one lane of a dump with one job, once it has been opened; it holds locks of its own.
    only: Arc<Mutex<Option<Lane>>>,
    /// There are several lanes.
    parallel: bool,
    /// See [`DumpOptions::own_runtime`].
    own_runtime: bool,
}

impl Server {
    /// Opens the first session and its transaction, and further ones if there are jobs for them.
    ///
    /// # Errors
    /// If the server cannot be reached, or refuses a connection, a setting, the role or the snapshot.
    pub(super) async fn connect(params: &ConnectParams, options: &DumpOptions) -> Result<Server> {
        let mut session = params.session().await?;
        let setup = session.setup_dump(&options.setup, &options.snapshot).await;
        let backend = setup.map_err(|error| explain(error, options))?;
        if let Some(told) = session.cancel_token().map(|token| token.process_id()) {
            params.refuse_transaction_pooler(told, backend).await?;
        }
        let mut setup = options.setup.clone();
        // Everybody must write the same encoding, also where it was the database's.
        setup.encoding = session.parameter("client_encoding").map(Into::into);
        // Only rows are read over lanes, of tables that are locked.
        setup.foreign_tables = !options.patterns.foreign_servers.is_empty();
        let snapshot = match &options.snapshot {
            Snapshot::Imported(name) => Snapshot::Imported(name.clone()),
            _ if options.jobs > 1 || options.entries.data => {
                Snapshot::Imported(session.export_snapshot().await?)
            }
            other => other.clone(),
        };
        let further = 1..options.jobs.min(CATALOG_SESSIONS);
        let further = further.map(|_| further_session(params, &setup, &snapshot));
        let further = try_join_all(further).await?;
        let lanes = LaneSource {
            version: session.version(),
            params: params.clone(),
            setup,
            snapshot,
            only: Arc::default(),
            parallel: options.jobs > 1,
            own_runtime: options.own_runtime,
        };
        if options.entries.data && !lanes.parallel {
            let lane = lanes.lane().await?;
            *lanes.only.lock().await = Some(lane);
        }
        Ok(Server {
            version: session.version(),
            sessions: std::iter::once(session).chain(further).collect(),
            lanes,
        })
    }

    /// Closes all sessions but the dump's own: the catalogs are read.
    pub(super) fn keep_one_session(&mut self) {
        self.sessions.truncate(1);
    }

    /// Interrupts what the sessions are doing, because one of them has failed. A session that is alone has nothing
    /// left to do then.
    pub(super) async fn cancel(&self) {
        if self.sessions.len() < 2 {
            return;
        }
        let tokens = self.sessions.iter().filter_map(Session::cancel_token);
        // The failure is reported; that a server which may be gone cannot be asked to stop is not news.
        join_all(tokens.map(|token| async move { token.cancel().await.ok() })).await;
    }

    /// Reads catalogs.
    pub(super) fn reader(&self) -> Reader<'_> {
        Reader::new(self.version, &self.sessions)
    }

    /// What a parameter of the first session is set to.
    pub(super) fn parameter(&self, name: &str) -> BString {
        let session = self.sessions.first();
        session
            .and_then(|session| session.parameter(name))
            .unwrap_or_default()
            .into()
    }

    /// How names and strings are written in the dump.
    pub(super) fn quoting(&self, options: &DumpOptions) -> Quoting {
        Quoting {
            all_identifiers: options.setup.quote_all_identifiers,
            standard_strings: self.parameter("standard_conforming_strings") == "on",
        }
    }

    /// Finds out which objects the user's patterns mean.
    ///
    /// # Errors
    /// See [`patterns::resolve`].
    pub(super) async fn resolve(&self, options: &DumpOptions) -> Result<Selection> {
        // The others have not the user's search path.
        let first = self.sessions.get(..1).unwrap_or_default();
        let reader = Reader::new(self.version, first);
        let patterns = patterns::resolve(&reader, &options.patterns, self.lanes.params.database());
        let Some(session) = first.first().filter(|_| !options.patterns.are_none()) else {
            return patterns.await;
        };
        // Names without a schema are looked for along the user's own search path. The three are sent in this
        // order, and the server takes them so.
        let what = "changing the search path";
        let (opened, found, closed) = tokio::join!(
            session.batch(what, "RESET search_path"),
            patterns,
            session.batch(what, "SELECT pg_catalog.set_config('search_path', '', false)"),
        );
        opened?;
        // If it failed, so did what came after it, and only its own error says why.
        let found = found?;
        closed?;
        Ok(found)
    }

    /// Where lanes come from.
    pub(super) fn lanes(&self) -> &LaneSource {
        &self.lanes
    }

    /// Locks the tables of the dump. A lane that is returned must be kept for as long as the locks shall last.
    ///
    /// With several lanes, each locks the table that it reads when it comes to it. A single one locks all of them
    /// now: whoever asks for a stronger lock later then waits for both connections, and never for one while the
    /// other waits for it.
    ///
    /// # Errors
    /// If the server refuses a lock.
    pub(super) async fn lock(&self, locks: &Locks) -> Result<Option<Lane>> {
        const WHAT: &str = "locking tables";
        let mut only = self.lanes.only.lock().await;
        let by_session = (locks.waiting.to_str().ok()).zip(self.sessions.first());
        let Some(lane) = &mut *only else {
            if let Some((waiting, session)) = by_session {
                return session.batch(WHAT, waiting).await.map(|()| None);
            }
            // A session takes statements in UTF-8 only. The new lane is looked for where an old one would be.
            drop(only);
            let mut lane = self.lanes.lane().await?;
            lane.simple(&locks.waiting).await?.check(WHAT)?;
            return Ok(Some(lane));
        };
        let Some((waiting, session)) = by_session else {
            lane.simple(&locks.waiting).await?.check(WHAT)?;
            return Ok(None);
        };
        session.batch(WHAT, "SAVEPOINT tables").await?;
        lane.simple(b"SAVEPOINT tables").await?.check(WHAT)?;
        for attempt in 1.. {
            session.batch(WHAT, waiting).await?;
            let locked = lane.simple(&locks.at_once).await?.check(WHAT);
            match locked {
                // lock_not_available: somebody queued up behind the session's lock, and must be let through.
                Err(error) if error.code() == Some("55P03") && attempt < ATTEMPTS => {
                    const AGAIN: &str = "ROLLBACK TO SAVEPOINT tables";
                    lane.simple(AGAIN.as_bytes()).await?.check(WHAT)?;
                    session.batch(WHAT, AGAIN).await?;
                }
                other => return other.map(|_| None),
            }
        }
        Ok(None)
    }

    /// Checks that the session that holds the locks is still there.
    ///
    /// # Errors
    /// If it is not: then a table may have been rewritten, and look empty to the lanes.
    pub(super) fn check_alive(&self) -> Result<()> {
        match self.sessions.iter().any(Session::is_closed) {
            false => Ok(()),
            true => Err(Error::new(
                ErrorKind::Connect,
                "the server closed the connection that held the locks of the dump",
            )),
        }
    }
}

impl LaneSource {
    /// A raw connection within the dump's snapshot.
    ///
    /// # Errors
    /// If the server refuses another connection, or the snapshot is gone.
    pub(super) async fn lane(&self) -> Result<Lane> {
        if let Some(lane) = self.only.lock().await.take() {
            return Ok(lane);
        }
        let mut lane = self.params.lane().await?;
        lane.may_nap = self.own_runtime;
        setup_lane(&mut lane, &self.setup, &self.snapshot).await?;
        if self.parallel {
            // Rows must come in the order of their pages, from this process alone.
            let serial = self
                .version
                .pick(90_600, "SET max_parallel_workers_per_gather = 0; ", "");
            let sql = format!("SET enable_tidscan = on; {serial}SAVEPOINT tables");
            lane.simple(sql.as_bytes())
                .await?
                .check("setting up the session")?;
        }
        Ok(lane)
    }

    /// What a lane says before it reads a table, and after it has read another: it must not wait for the lock. The
    /// dump has one already, and whoever waits for that to go would keep both waiting.
    pub(super) fn lock(&self, table: &BStr) -> BString {
        match self.parallel {
            true => text!(
                "ROLLBACK TO SAVEPOINT tables; LOCK TABLE ",
                table,
                " IN ACCESS SHARE MODE NOWAIT; "
            ),
            false => BString::default(),
        }
    }
}

/// One more session with the settings and the snapshot of the first.
async fn further_session(
    params: &ConnectParams,
    setup: &SetupOptions,
    snapshot: &Snapshot,
) -> Result<Session> {
    let mut session = params.session().await?;
    session.setup_dump(setup, snapshot).await?;
    Ok(session)
}

/// The one setting that users mistype has a message of its own.
fn explain(error: Error, options: &DumpOptions) -> Error {
    match &options.setup.encoding {
        // invalid_parameter_value: no such encoding; feature_not_supported: none that the database's could become.
        Some(encoding)
            if matches!(error.code(), Some("22023" | "0A000"))
                && error.to_string().contains("client_encoding") =>
        {
            let message = format!("invalid client encoding \"{encoding}\" specified");
            Error::new(ErrorKind::Usage, message)
        }
        _ => error,
    }
}
