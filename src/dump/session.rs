//! The server's side of a dump: sessions and lanes that all see the same moment of the database.
//!
//! The first session opens the transaction that the dump lives in, and exports its snapshot when others must
//! join. How a session is set up is [`crate::connect`]'s; what is read over them is not decided here.

use bstr::{BStr, BString, ByteSlice};

use super::options::DumpOptions;
use super::patterns;
use crate::connect::{ConnectParams, ServerVersion, Session, SetupOptions, Snapshot, setup_lane};
use crate::error::{Error, ErrorKind, Result};
use crate::objects::Reader;
use crate::objects::selection::Selection;
use crate::sql::Quoting;
use crate::wire::Lane;

/// The connections of a dump.
#[derive(Debug)]
pub(super) struct Server {
    /// For the catalogs, all with the same snapshot; never empty.
    pub(super) sessions: Vec<Session>,
    /// The server's version.
    pub(super) version: ServerVersion,
    params: ConnectParams,
    /// How further connections are set up.
    setup: SetupOptions,
    snapshot: Snapshot,
}

impl Server {
    /// Opens the first session and its transaction.
    ///
    /// # Errors
    /// If the server cannot be reached, or refuses a setting, the role or the snapshot.
    pub(super) async fn connect(params: &ConnectParams, options: &DumpOptions) -> Result<Server> {
        let mut session = params.session().await?;
        let setup = session.setup_dump(&options.setup, &options.snapshot).await;
        setup.map_err(|error| explain(error, options))?;
        let mut setup = options.setup.clone();
        // Everybody must write the same encoding, also where it was the database's.
        setup.encoding = session.parameter("client_encoding").map(Into::into);
        let snapshot = match &options.snapshot {
            Snapshot::Imported(name) => Snapshot::Imported(name.clone()),
            _ if options.jobs > 1 || options.entries.data => {
                Snapshot::Imported(session.export_snapshot().await?)
            }
            other => other.clone(),
        };
        Ok(Server {
            version: session.version(),
            sessions: vec![session],
            params: params.clone(),
            setup,
            snapshot,
        })
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
        let reader = self.reader();
        let patterns = patterns::resolve(&reader, &options.patterns, self.params.database());
        let Some(session) = self.sessions.first().filter(|_| !options.patterns.are_none()) else {
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
        closed?;
        found
    }

    /// A raw connection within the dump's snapshot.
    ///
    /// # Errors
    /// If the server refuses another connection, or the snapshot is gone.
    pub(super) async fn lane(&self) -> Result<Lane> {
        let mut lane = self.params.lane().await?;
        setup_lane(&mut lane, &self.setup, &self.snapshot).await?;
        Ok(lane)
    }

    /// Runs statements in the dump's own transaction or, if they are not in UTF-8, in that of a lane, which
    /// is returned and must be kept for as long as what they did shall last.
    ///
    /// # Errors
    /// If the server refuses a statement.
    pub(super) async fn command(&self, what: &str, sql: &BStr) -> Result<Option<Lane>> {
        match (sql.to_str(), self.sessions.first()) {
            (Ok(sql), Some(session)) => session.batch(what, sql).await.map(|()| None),
            _ => {
                let mut lane = self.lane().await?;
                lane.simple(sql).await?.check(what)?;
                Ok(Some(lane))
            }
        }
    }
}

/// The one setting that users mistype has a message of its own.
fn explain(error: Error, options: &DumpOptions) -> Error {
    match &options.setup.encoding {
        // invalid_parameter_value
        Some(encoding) if error.code() == Some("22023") && error.to_string().contains("client_encoding") => {
            let message = format!("invalid client encoding \"{encoding}\" specified");
            Error::new(ErrorKind::Usage, message)
        }
        _ => error,
    }
}
