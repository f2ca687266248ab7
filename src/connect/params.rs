//! Where to connect, worked out from everything the user gave; opens any number of connections there.

use std::sync::Arc;

use bstr::ByteSlice;
use tokio::net::{TcpStream, UnixStream};

use super::conninfo::Conninfo;
use super::session::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::wire::{self, Established, Lane, NoticeSink, Startup, Stream};

/// A server to connect to.
#[derive(Clone)]
pub struct ConnectParams {
    info: Conninfo,
    notices: NoticeSink,
}

impl ConnectParams {
    /// Settings from a connection string or URI.
    ///
    /// # Errors
    /// When the string is malformed or names an unknown keyword.
    pub fn parse(text: &[u8]) -> Result<ConnectParams> {
        Ok(ConnectParams {
            info: Conninfo::parse(text)?,
            notices: Arc::new(|_| ()),
        })
    }

    /// Opens a session for catalog queries.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn session(&self) -> Result<Session> {
        Session::new(self.established().await?, self.notices.clone()).await
    }

    /// Opens a raw lane for COPY and scripts.
    ///
    /// # Errors
    /// See [`session`](Self::session).
    pub async fn lane(&self) -> Result<Lane> {
        Ok(Lane::new(self.established().await?, self.notices.clone()))
    }

    async fn established(&self) -> Result<Established> {
        let text = |keyword: &str, default: &str| {
            self.info
                .non_empty(keyword)
                .map_or(default.to_string(), |v| v.to_str_lossy().into_owned())
        };
        let host = text("host", "/tmp");
        let port = text("port", "5432");
        let failed = |error| {
            Error::with_source(
                ErrorKind::Connect,
                format!("connection to server at \"{host}\", port {port} failed"),
                error,
            )
        };
        let stream = if host.starts_with('/') {
            Stream::Unix(
                UnixStream::connect(format!("{host}/.s.PGSQL.{port}"))
                    .await
                    .map_err(failed)?,
            )
        } else {
            Stream::Tcp(
                TcpStream::connect(format!("{host}:{port}"))
                    .await
                    .map_err(failed)?,
            )
        };
        let user = text("user", "postgres");
        let startup = Startup {
            parameters: vec![(b"database".to_vec(), text("dbname", &user).into())],
            user: user.into(),
            password: self.info.non_empty("password").map(|p| p.to_vec()),
            ..Startup::default()
        };
        wire::start(stream, &startup)
            .await
            .map_err(|error| Error::new(ErrorKind::Connect, format!("connection failed: {error:?}")))
    }
}
