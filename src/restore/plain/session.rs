//! A session that executes a script: statements sent ahead of their answers, each failure told with its line.
//!
//! How far it runs ahead is bounded as in the restore of an archive; it waits before rows, before another session
//! and, where the first error is to be the end, after each statement.

use std::collections::VecDeque;
use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};

use super::super::lane::{BYTES, STATEMENTS, Stop};
use super::super::report::{Failure, Observer, Report, Stage};
use super::super::track::tell_connected;
use super::PlainOptions;
use crate::connect::ConnectParams;
use crate::error::{Error, ErrorKind, Result};
use crate::progress::Progress;
use crate::sql::Quoting;
use crate::sql::splitter::Piece;
use crate::wire::{Lane, ServerError};

/// See the module's documentation.
pub(super) struct Session<'o> {
    params: ConnectParams,
    pub(super) lane: Lane,
    options: PlainOptions,
    /// What the script is called in messages.
    script: String,
    observer: &'o mut dyn Observer,
    pub(super) report: Report,
    under_way: VecDeque<Piece>,
    bytes: usize,
}

impl<'o> Session<'o> {
    /// Connects.
    pub(super) async fn open(
        params: ConnectParams,
        options: &PlainOptions,
        script: &str,
        observer: &'o mut dyn Observer,
    ) -> Result<Session<'o>> {
        observer.info(BStr::new("connecting to database for restore"));
        let lane = open(&params, options).await?;
        tell_connected(
            &*observer.progress(),
            params.database(),
            lane.parameter("server_version"),
        );
        Ok(Session {
            params,
            lane,
            options: options.clone(),
            script: script.into(),
            observer,
            report: Report::default(),
            under_way: VecDeque::new(),
            bytes: 0,
        })
    }

    /// Begins a new session, perhaps in another database of the same server.
    pub(super) async fn reconnect(&mut self, database: Option<BString>) -> Result<(), Stop> {
        self.drain().await?;
        if let Some(database) = database {
            self.observer.info(
                format!("connecting to new database \"{database}\"")
                    .as_bytes()
                    .as_bstr(),
            );
            self.params = self.params.for_database(database);
        }
        let lane = open(&self.params, &self.options).await?;
        let version = lane.parameter("server_version");
        tell_connected(&*self.progress(), self.params.database(), version);
        std::mem::replace(&mut self.lane, lane).close().await;
        Ok(())
    }

    /// Opens the one transaction, if there is to be one.
    pub(super) async fn begin(&mut self) -> Result<()> {
        if self.options.single_transaction {
            self.lane.simple(b"BEGIN").await?.check("BEGIN")?;
        }
        Ok(())
    }

    /// Waits for everything and commits the one transaction.
    pub(super) async fn finish(&mut self) -> Result<(), Stop> {
        self.drain().await?;
        if self.options.single_transaction {
            self.lane.simple(b"COMMIT").await?.check("COMMIT")?;
        }
        Ok(())
    }

    /// Who is told how far it is.
    pub(super) fn progress(&self) -> Arc<dyn Progress> {
        self.observer.progress()
    }

    /// Sends a statement.
    pub(super) async fn statement(&mut self, piece: Piece) -> Result<(), Stop> {
        self.tell(&piece);
        if self.options.single_transaction && is_transaction_command(&piece.text) {
            return Ok(());
        }
        self.report.statements += 1;
        self.lane.send_query(&piece.text).await?;
        self.bytes += piece.text.len();
        self.under_way.push_back(piece);
        // In one transaction the server refuses what follows a failure.
        if self.options.exit_on_error && !self.options.single_transaction {
            return self.drain().await;
        }
        if self.under_way.len() < STATEMENTS && self.bytes < BYTES {
            return Ok(());
        }
        while self.under_way.len() > STATEMENTS / 2 || self.bytes > BYTES / 2 {
            self.receive().await?;
        }
        Ok(())
    }

    /// Tells what is being executed.
    pub(super) fn tell(&mut self, piece: &Piece) {
        let message = [
            format!("line {}: ", piece.line).as_bytes(),
            first_line(&piece.text),
        ]
        .concat();
        self.observer.info(message.as_bstr());
    }

    /// Waits for everything under way.
    pub(super) async fn drain(&mut self) -> Result<(), Stop> {
        while !self.under_way.is_empty() {
            self.receive().await?;
        }
        Ok(())
    }

    async fn receive(&mut self) -> Result<(), Stop> {
        let Some(piece) = self.under_way.pop_front() else {
            return Ok(());
        };
        self.bytes -= piece.text.len().min(self.bytes);
        match self.lane.recv_result().await?.error {
            None => Ok(()),
            Some(error) => self.failed(&piece, &error),
        }
    }

    /// Counts and tells a failure; the options say whether that was the end.
    pub(super) fn failed(&mut self, piece: &Piece, error: &ServerError) -> Result<(), Stop> {
        // duplicate_object
        if self.options.keep_roles_and_tablespaces && error.sqlstate == "42710" && creates_shared(&piece.text)
        {
            let message = [b"keeping what is there: ", error.message.as_bytes()].concat();
            self.observer.info(message.as_bstr());
            return Ok(());
        }
        let command = first_line(&piece.text);
        let message = [
            self.script.as_bytes(),
            format!(": line {}: could not execute query: ", piece.line).as_bytes(),
            error.report(Some(&piece.text)).as_bytes(),
            b"\nCommand was: ",
            command,
        ]
        .concat();
        self.report.errors += 1;
        self.observer.failure(&Failure {
            stage: Stage::Script,
            entry: None,
            message: message.into(),
            statement: Some(command.into()),
            sqlstate: error.sqlstate.clone(),
        });
        if error.is_fatal() {
            return Err(Error::new(ErrorKind::Connect, "the server ended the session")
                .sqlstate(&error.sqlstate)
                .into());
        }
        if self.options.exit_on_error || self.options.single_transaction {
            Err(Stop::Failure)
        } else {
            Ok(())
        }
    }

    /// Ends the session.
    pub(super) async fn close(self) -> Report {
        self.lane.close().await;
        self.report
    }
}

async fn open(params: &ConnectParams, options: &PlainOptions) -> Result<Lane> {
    let mut lane = params.lane().await?;
    if let Some(role) = &options.role {
        let mut sql = b"SET ROLE ".to_vec();
        sql.extend_from_slice(&Quoting::default().ident(role));
        let done = lane.simple(&sql).await?;
        done.check("could not set the role")?;
    }
    Ok(lane)
}

/// Whether a statement begins or ends a transaction as the scripts of dump tools do around large objects.
fn is_transaction_command(statement: &[u8]) -> bool {
    let words = statement.trim_end_with(|c| c == ';' || c.is_ascii_whitespace());
    [b"begin".as_slice(), b"commit"]
        .iter()
        .any(|command| words.eq_ignore_ascii_case(command))
}

/// Whether a statement of a dump creates what belongs to no database.
fn creates_shared(statement: &[u8]) -> bool {
    [b"CREATE ROLE ".as_slice(), b"CREATE TABLESPACE "]
        .iter()
        .any(|create| statement.starts_with(create))
}

fn first_line(statement: &[u8]) -> &[u8] {
    statement.lines().next().unwrap_or_default()
}
