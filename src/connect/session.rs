//! The session for catalog queries: a tokio-postgres client that was started by `wire`.
//!
//! Each [`Session::rows`] is one round trip, and several of them run at once are pipelined. SQL texts of
//! a dump's set-up are in `setup`; which server to talk to is decided in `params`.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::pin;

use futures_util::StreamExt;
use postgres_types::{ToSql, Type};
use tokio_postgres::{AsyncMessage, Client, NoTls, Row};

use super::handover::Handover;
use super::version::ServerVersion;
use crate::error::{Error, ErrorKind, Result};
use crate::wire::{CancelToken, Established, NoticeSink, ServerError};

/// A connection for catalog queries.
pub struct Session {
    client: Client,
    version: ServerVersion,
    parameters: HashMap<String, Vec<u8>>,
    cancel: Option<CancelToken>,
}

impl Session {
    /// Takes over a started connection; a task on the current runtime drives it until the session is dropped.
    ///
    /// # Errors
    /// When the server did not report a version.
    pub async fn new(mut established: Established, notices: NoticeSink) -> Result<Session> {
        let parameters = std::mem::take(&mut established.parameters);
        let cancel = CancelToken::new(established.reopen.take(), established.key.clone());
        for notice in &established.notices {
            notices(notice);
        }
        let version = parameters
            .get("server_version")
            .and_then(|v| ServerVersion::parse(&String::from_utf8_lossy(v)))
            .ok_or_else(|| Error::new(ErrorKind::Protocol, "the server did not report its version"))?;
        let mut config = tokio_postgres::Config::new();
        config
            .user("-")
            .ssl_mode(tokio_postgres::config::SslMode::Disable);
        let (client, mut connection) = config
            .connect_raw(Handover::from(established), NoTls)
            .await
            .map_err(|error| Error::with_source(ErrorKind::Protocol, "taking over the connection", error))?;
        tokio::spawn(async move {
            // An error here also ends every query that waits, which reports it.
            while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
                if let AsyncMessage::Notice(notice) = message {
                    notices(&notice.into());
                }
            }
        });
        Ok(Session {
            client,
            version,
            parameters,
            cancel: Some(cancel),
        })
    }

    /// A session over a caller's own client, whose connection the caller drives.
    ///
    /// # Errors
    /// When the server does not tell its version.
    pub async fn from_client(client: Client) -> Result<Session> {
        let mut session = Session {
            client,
            version: ServerVersion(0),
            parameters: HashMap::new(),
            cancel: None,
        };
        let rows = session
            .rows(
                "the server's version",
                "SELECT current_setting('server_version')",
                &[],
            )
            .await?;
        let text = rows
            .first()
            .and_then(|row| row.try_get::<_, &str>(0).ok())
            .unwrap_or_default();
        session.version = ServerVersion::parse(text)
            .ok_or_else(|| Error::new(ErrorKind::Protocol, "the server did not report its version"))?;
        Ok(session)
    }

    /// The server's version.
    pub fn version(&self) -> ServerVersion {
        self.version
    }

    /// A setting the server reported at start-up, such as `client_encoding` or `in_hot_standby`.
    pub fn parameter(&self, name: &str) -> Option<&[u8]> {
        self.parameters.get(name).map(Vec::as_slice)
    }

    /// Notes what a setting has become.
    pub(super) fn note_parameter(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.parameters.insert(name.into(), value.into());
    }

    /// The tokio-postgres client underneath.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// For interrupting this session's queries; `None` over a caller's client, which has a token of its own.
    pub fn cancel_token(&self) -> Option<CancelToken> {
        self.cancel.clone()
    }

    /// Whether the connection is gone.
    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Runs one query in one round trip and returns all its rows.
    ///
    /// `what` names the things read, as in "policies"; the types of the parameters are stated, so that
    /// the server need not be asked for them.
    ///
    /// # Errors
    /// "reading WHAT on server 15.18: message (SQLSTATE)".
    pub async fn rows(
        &self,
        what: &str,
        sql: &str,
        params: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>> {
        self.each(what, sql, params, Ok).await
    }

    /// As [`rows`](Self::rows), but returns what `make` makes of each row; it is called as rows arrive.
    ///
    /// # Errors
    /// As with `rows`, or if `make` fails.
    pub async fn each<T>(
        &self,
        what: &str,
        sql: &str,
        params: &[(&(dyn ToSql + Sync), Type)],
        mut make: impl FnMut(Row) -> Result<T>,
    ) -> Result<Vec<T>> {
        tracing::debug!(what, sql, "reading");
        let failed = |error| self.failure("reading", what, error);
        let params = params.iter().map(|(value, ty)| (*value, ty.clone()));
        let rows = self.client.query_typed_raw(sql, params).await.map_err(failed)?;
        let mut rows = pin!(rows);
        let mut made = Vec::new();
        while let Some(row) = rows.next().await {
            made.push(make(row.map_err(failed)?)?);
        }
        Ok(made)
    }

    /// Runs statements that return nothing, in one round trip.
    ///
    /// # Errors
    /// "WHAT on server 15.18: message (SQLSTATE)"; the statements after the failed one did not run.
    pub async fn batch(&self, what: &str, sql: &str) -> Result<()> {
        self.client
            .batch_execute(sql)
            .await
            .map_err(|error| self.failure("", what, error))
    }

    /// An error sentence for a query that failed.
    fn failure(&self, doing: &str, what: &str, error: tokio_postgres::Error) -> Error {
        let doing = if doing.is_empty() {
            String::new()
        } else {
            format!("{doing} ")
        };
        let server = match self.version {
            ServerVersion(0) => "the server".to_string(),
            version => format!("server {version}"),
        };
        match error.as_db_error() {
            Some(db) => {
                let code = db.code().code();
                let mut sentence = format!("{doing}{what} on {server}: {} ({code})", db.message());
                for (label, text) in [("DETAIL", db.detail()), ("HINT", db.hint())] {
                    if let Some(text) = text {
                        sentence.push_str(&format!("\n{label}:  {text}"));
                    }
                }
                Error::new(ErrorKind::Server, sentence).sqlstate(code)
            }
            None if error.is_closed() => Error::new(
                ErrorKind::Connect,
                format!("{doing}{what} on {server}: the server closed the connection"),
            ),
            None => Error::with_source(ErrorKind::Protocol, format!("{doing}{what} on {server}"), error),
        }
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl From<tokio_postgres::error::DbError> for ServerError {
    fn from(error: tokio_postgres::error::DbError) -> Self {
        use tokio_postgres::error::ErrorPosition::{Internal, Original};
        let own = |text: Option<&str>| text.map(str::to_string);
        let (position, internal_position, internal_query) = match error.position() {
            Some(Original(position)) => (Some(*position), None, None),
            Some(Internal { position, query }) => (None, Some(*position), Some(query.clone())),
            None => (None, None, None),
        };
        ServerError {
            severity: error.severity().to_string(),
            sqlstate: error.code().code().to_string(),
            message: error.message().to_string(),
            detail: own(error.detail()),
            hint: own(error.hint()),
            position,
            internal_position,
            internal_query,
            context: own(error.where_()),
            schema: own(error.schema()),
            table: own(error.table()),
            column: own(error.column()),
            datatype: own(error.datatype()),
            constraint: own(error.constraint()),
        }
    }
}
