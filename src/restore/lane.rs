//! Statements on their way to a server: sent ahead of their answers, and every answer attributed to its entry.
//!
//! A [`RestoreLane`] is one session. It skips settings the server does not know, tells failures to the
//! [`Observer`] in the order of the statements, and decides by the error policy whether the run goes on. How
//! far it runs ahead is bounded in statements and in bytes, and it waits wherever what comes next depends on
//! what came before.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};

use super::group::Groups;
use super::managed::Managed;
use super::report::{EntryName, Failure, Observer, Report, Skip, Stage};
use super::schedule::Job;
use super::track::{Mark, tell_connected};
use crate::connect::pooler::backend;
use crate::connect::{ConnectParams, ServerVersion};
use crate::error::{Error, ErrorKind, Result};
use crate::progress::{Done, Progress};
use crate::script::{Purpose, Statement};
use crate::toc::{DumpId, Entry};
use crate::wire::{CancelToken, Lane, LaneError, ServerError};

/// Statements under way at most; when that many are, half of them are waited for.
pub(super) const STATEMENTS: usize = 256;
/// Bytes of statements under way at most, one statement aside.
pub(super) const BYTES: usize = 1024 * 1024;

/// Why a run ends early.
#[derive(Debug)]
pub(super) enum Stop {
    /// Nothing can go on.
    Error(Error),
    /// A failure was told to the observer, and the run was to end at the first.
    Failure,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Error(error)
    }
}

/// A session that restores.
pub(super) struct RestoreLane<'o> {
    params: ConnectParams,
    pub(super) lane: Lane,
    version: ServerVersion,
    observer: &'o mut dyn Observer,
    pub(super) progress: Arc<dyn Progress>,
    /// For a user who is no superuser: what may be passed over.
    pub(super) managed: Option<Arc<Managed>>,
    pub(super) report: Report,
    /// What has been loaded of the entry under way.
    pub(super) done: Done,
    exit_on_error: bool,
    /// Whether statements stand in a transaction block that all of them share, so that what follows a
    /// failure in it has no effect.
    pub(super) in_block: bool,
    stage: Stage,
    under_way: VecDeque<UnderWay>,
    pub(super) groups: Groups,
    bytes: usize,
    failed: HashSet<DumpId>,
    finished: Vec<Job>,
}

/// What is left of a session.
pub(super) struct Ended<'o> {
    pub(super) params: ConnectParams,
    pub(super) observer: &'o mut dyn Observer,
    pub(super) report: Report,
    /// The entries that have failed.
    pub(super) failed: HashSet<DumpId>,
}

/// Something that waits for its turn to be told about.
pub(super) enum UnderWay {
    Info(BString),
    Mark(Mark),
    /// The job is done when this is reached.
    End(Job),
    Statement {
        entry: Option<EntryName>,
        sql: BString,
        purpose: Purpose,
    },
    LargeObjects {
        entry: Option<EntryName>,
        first: u32,
        last: u32,
        bytes: usize,
    },
}

impl UnderWay {
    pub(super) fn statement(entry: Option<&Entry>, statement: Statement) -> UnderWay {
        UnderWay::Statement {
            entry: entry.map(EntryName::from),
            sql: statement.sql,
            purpose: statement.purpose,
        }
    }
}

impl<'o> RestoreLane<'o> {
    /// Connects.
    pub(super) async fn connect(
        params: ConnectParams,
        observer: &'o mut dyn Observer,
        exit_on_error: bool,
    ) -> Result<RestoreLane<'o>> {
        let (mut lane, version) = open(&params, observer).await?;
        let backend = backend(&mut lane).await?;
        let told = lane.cancel_token().process_id();
        params.refuse_transaction_pooler(told, backend).await?;
        Ok(RestoreLane {
            params,
            lane,
            version,
            progress: observer.progress(),
            observer,
            managed: None,
            report: Report::default(),
            done: Done::default(),
            exit_on_error,
            in_block: false,
            stage: Stage::Initializing,
            under_way: VecDeque::new(),
            groups: Groups::new(),
            bytes: 0,
            failed: HashSet::new(),
            finished: Vec::new(),
        })
    }

    /// What interrupts the session.
    pub(super) fn cancel_token(&self) -> CancelToken {
        self.lane.cancel_token()
    }

    /// Whether everything sent has been answered.
    pub(super) fn is_idle(&self) -> bool {
        self.under_way.is_empty() && self.groups.is_empty()
    }

    /// Notes that what has been sent so far is all of a job.
    pub(super) fn end_of(&mut self, job: Job) {
        self.in_turn(UnderWay::End(job));
    }

    /// The jobs whose end has been reached since this was asked last.
    pub(super) fn finished(&mut self) -> Vec<Job> {
        std::mem::take(&mut self.finished)
    }

    pub(super) fn version(&self) -> ServerVersion {
        self.version
    }

    /// From now on failures belong to the table of contents.
    pub(super) fn process_toc(&mut self) {
        self.stage = Stage::ProcessingToc;
    }

    /// Whether restoring the entry has failed so far.
    pub(super) fn has_failed(&self, id: DumpId) -> bool {
        self.failed.contains(&id)
    }

    /// Tells what is being done, once everything before it is.
    pub(super) fn info(&mut self, message: impl Into<BString>) {
        self.in_turn(UnderWay::Info(message.into()));
    }

    /// Tells how far the restore is, once everything before it is done.
    pub(super) fn mark(&mut self, mark: Mark) {
        self.in_turn(UnderWay::Mark(mark));
    }

    /// Tells something that is no statement, once everything before it is done.
    fn in_turn(&mut self, told: UnderWay) {
        if !self.groups.is_empty() {
            self.groups.push(told);
        } else if self.under_way.is_empty() {
            self.tell(told);
        } else {
            self.under_way.push_back(told);
        }
    }

    /// Tells what is no statement, or notes it.
    pub(super) fn tell(&mut self, told: UnderWay) {
        match told {
            UnderWay::Info(message) => self.observer.info(BStr::new(&message)),
            UnderWay::Mark(mark) => mark.tell(&*self.progress, |id| self.failed.contains(&id)),
            UnderWay::End(job) => self.finished.push(job),
            UnderWay::Statement { .. } | UnderWay::LargeObjects { .. } => {}
        }
    }

    /// Counts and tells what was left out.
    pub(super) fn skip(&mut self, skip: &Skip) {
        self.report.skipped += 1;
        self.observer.skipped(skip);
    }

    pub(super) fn warning(&mut self, message: &BString) {
        self.observer.warning(message.as_bstr());
    }

    /// Moves to another database of the same server.
    pub(super) async fn reconnect(&mut self, database: &BStr) -> Result<(), Stop> {
        self.drain().await?;
        self.params = self.params.for_database(database);
        let (lane, version) = open(&self.params, self.observer).await?;
        std::mem::replace(&mut self.lane, lane).close().await;
        self.version = version;
        Ok(())
    }

    /// Sends a statement for an entry.
    pub(super) async fn statement(
        &mut self,
        entry: Option<&Entry>,
        statement: Statement,
    ) -> Result<(), Stop> {
        if self.is_unknown(&statement.purpose) {
            return Ok(());
        }
        match self.gather(entry, statement).await? {
            Some(statement) => self.send_one(UnderWay::statement(entry, statement)).await,
            None => Ok(()),
        }
    }

    /// Sends a statement by itself, or has something told after what was sent before.
    pub(super) async fn send_one(&mut self, given: UnderWay) -> Result<(), Stop> {
        let UnderWay::Statement { sql, purpose, .. } = &given else {
            self.in_turn(given);
            return Ok(());
        };
        let wait = self.must_wait(purpose);
        match purpose {
            Purpose::Begin => self.in_block = true,
            Purpose::Commit => self.in_block = false,
            _ => {}
        }
        self.lane.send_query(sql).await?;
        self.bytes += sql.len();
        self.under_way.push_back(given);
        if wait {
            self.settle().await
        } else {
            self.relieve().await
        }
    }

    /// Sends a statement that writes large objects, from the first to the last named.
    pub(super) async fn large_objects(
        &mut self,
        entry: &Entry,
        sql: &[u8],
        first: u32,
        last: u32,
    ) -> Result<(), Stop> {
        self.send_group().await?;
        self.lane.send_query(sql).await?;
        self.bytes += sql.len();
        let entry = Some(EntryName::from(entry));
        self.under_way.push_back(UnderWay::LargeObjects {
            entry,
            first,
            last,
            bytes: sql.len(),
        });
        self.relieve().await
    }

    /// Sends what waits to be sent, and waits for everything.
    pub(super) async fn drain(&mut self) -> Result<(), Stop> {
        self.send_group().await?;
        self.settle().await
    }

    /// Waits for everything that was sent.
    pub(super) async fn settle(&mut self) -> Result<(), Stop> {
        while !self.under_way.is_empty() {
            self.receive().await?;
        }
        Ok(())
    }

    /// Ends the session.
    pub(super) async fn close(self) -> Report {
        self.end().await.report
    }

    /// Ends the session and gives back what outlives it.
    pub(super) async fn end(self) -> Ended<'o> {
        self.lane.close().await;
        Ended {
            params: self.params,
            observer: self.observer,
            report: self.report,
            failed: self.failed,
        }
    }

    /// Settings of newer servers that an older one does without.
    fn is_unknown(&self, purpose: &Purpose) -> bool {
        match purpose {
            Purpose::Setting { since } => !self.version.at_least(*since),
            Purpose::TableAccessMethod(_) => !self.version.at_least(12),
            // The partitions that are restored have their own.
            Purpose::PartitionedAccessMethod => !self.version.at_least(17),
            _ => false,
        }
    }

    /// Whether what comes next must not be sent before this has succeeded.
    fn must_wait(&self, purpose: &Purpose) -> bool {
        match purpose {
            Purpose::SessionUser(_) => true,
            _ if !self.exit_on_error => false,
            // The end of a block decides; inside one, what follows a failure is refused by the server.
            Purpose::Commit => true,
            _ => !self.in_block,
        }
    }

    /// Waits if too much is under way.
    async fn relieve(&mut self) -> Result<(), Stop> {
        if self.under_way.len() < STATEMENTS && self.bytes < BYTES {
            return Ok(());
        }
        while self.under_way.len() > STATEMENTS / 2 || self.bytes > BYTES / 2 {
            self.receive().await?;
        }
        Ok(())
    }

    /// Waits for the oldest thing under way and tells about it.
    pub(super) async fn receive(&mut self) -> Result<(), Stop> {
        match self.under_way.pop_front() {
            None => Ok(()),
            Some(told @ (UnderWay::Info(_) | UnderWay::Mark(_) | UnderWay::End(_))) => {
                self.tell(told);
                Ok(())
            }
            Some(UnderWay::Statement { entry, sql, purpose }) => {
                self.bytes -= sql.len().min(self.bytes);
                match self.lane.recv_result().await?.error {
                    None => Ok(()),
                    Some(error) => self.statement_failed(entry, sql, purpose, &error),
                }
            }
            Some(UnderWay::LargeObjects {
                entry,
                first,
                last,
                bytes,
            }) => {
                self.bytes -= bytes.min(self.bytes);
                match self.lane.recv_result().await?.error {
                    None => Ok(()),
                    Some(error) => {
                        let what = if first == last {
                            format!("could not write large object {first}")
                        } else {
                            format!("could not write large objects {first} to {last}")
                        };
                        let message = format!("{what}: {}", error.report(None)).into();
                        self.failed(entry, message, None, &error)
                    }
                }
            }
        }
    }

    /// Tells of a statement that was refused, unless that may be passed over.
    pub(super) fn statement_failed(
        &mut self,
        entry: Option<EntryName>,
        sql: BString,
        purpose: Purpose,
        error: &ServerError,
    ) -> Result<(), Stop> {
        if let Some(managed) = self.managed.as_ref().filter(|_| purpose == Purpose::Execute)
            && let Some(skip) = managed.forgive(entry.as_ref(), sql.as_bstr(), error)
        {
            self.skip(&skip);
            return Ok(());
        }
        let report = error.report(Some(&sql));
        let message: BString = match purpose {
            Purpose::SessionUser(user) => {
                let sentence = format!("could not set session user to \"{user}\": {report}");
                return Err(Error::new(ErrorKind::Server, sentence)
                    .sqlstate(&error.sqlstate)
                    .into());
            }
            Purpose::SearchPath(schema) => {
                format!("could not set \"search_path\" to \"{schema}\": {report}").into()
            }
            Purpose::Tablespace(name) => {
                format!("could not set \"default_tablespace\" to {name}: {report}").into()
            }
            Purpose::TableAccessMethod(name) => {
                format!("could not set \"default_table_access_method\" to {name}: {report}").into()
            }
            Purpose::PartitionedAccessMethod => {
                format!("could not alter table access method: {report}").into()
            }
            Purpose::Execute | Purpose::Setting { .. } | Purpose::Begin | Purpose::Commit => {
                let lead = match purpose {
                    Purpose::Begin => "could not start database transaction",
                    Purpose::Commit => "could not commit database transaction",
                    _ => "could not execute query",
                };
                [
                    lead.as_bytes(),
                    b": ",
                    report.as_bytes(),
                    b"\nCommand was: ",
                    &sql,
                ]
                .concat()
                .into()
            }
        };
        self.failed(entry, message, Some(sql), error)
    }

    /// Counts and tells a failure; the policy says whether that was the end.
    pub(super) fn failed(
        &mut self,
        entry: Option<EntryName>,
        message: BString,
        statement: Option<BString>,
        error: &ServerError,
    ) -> Result<(), Stop> {
        self.report.errors += 1;
        self.failed.extend(entry.as_ref().map(|entry| entry.dump_id));
        self.observer.failure(&Failure {
            stage: self.stage,
            entry,
            message,
            statement,
            sqlstate: error.sqlstate.clone(),
        });
        if error.is_fatal() {
            let sentence = "the server ended the session".to_string();
            return Err(Error::new(ErrorKind::Connect, sentence)
                .sqlstate(&error.sqlstate)
                .into());
        }
        if self.exit_on_error {
            Err(Stop::Failure)
        } else {
            Ok(())
        }
    }
}

/// A session in which no name means anything but what its schema says.
async fn open(params: &ConnectParams, observer: &mut dyn Observer) -> Result<(Lane, ServerVersion)> {
    const SEARCH_PATH: &str = "SELECT pg_catalog.set_config('search_path', '', false);";
    let mut lane = params.lane().await?;
    let version = lane
        .parameter("server_version")
        .and_then(|text| ServerVersion::parse(&String::from_utf8_lossy(text)))
        .ok_or_else(|| Error::new(ErrorKind::Protocol, "the server does not tell its version"))?;
    tell_connected(
        &*observer.progress(),
        params.database(),
        lane.parameter("server_version"),
    );
    observer.info(BStr::new(&format!("executing {SEARCH_PATH}")));
    lane.simple(SEARCH_PATH.as_bytes())
        .await?
        .check("setting the search path")?;
    Ok((lane, version))
}

/// The server's error in a conversation, if it was that and not the connection.
pub(super) fn server_error(error: LaneError) -> Result<Box<ServerError>> {
    match error {
        LaneError::Server(error) => Ok(error),
        LaneError::Broken(error) => Err(error),
    }
}
