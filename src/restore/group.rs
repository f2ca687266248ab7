//! Statements that are sent together and make one transaction: what a server does for each transaction may take as
//! long as a small statement itself.
//!
//! Nothing changes but the time. When one of them is refused, none has had an effect, and they are sent again one by one:
//! what can stand stands, and each failure is told of its own statement. After that, statements go by themselves for a while, for
//! a database where one is refused often refuses more. Which entries are quick enough, so that doing them again costs
//! little and nobody waits long for their locks, is decided here too.

use super::lane::{RestoreLane, Stop, UnderWay};
use crate::script::{Plan, Purpose, Statement};
use crate::toc::{Desc, DumpId, Entry};
use crate::wire::ServerError;

/// Statements in the first group; each that succeeds is followed by one of twice as many.
const FIRST: usize = 16;
/// Statements in a group at most: their locks are all held until its end.
const MOST: usize = 128;
/// Bytes after which a group is sent.
const BYTES: usize = 128 * 1024;
/// So many statements go by themselves after the first failure, and twice as many after each further one.
const APART: usize = 256;
/// Statements that go by themselves at most before another group is tried.
const APART_MOST: usize = 16 * 1024;

/// Statements on their way into a group, and what becomes of groups.
pub(super) struct Groups {
    /// Those that were given and not sent, with what is told between them.
    waiting: Vec<UnderWay>,
    statements: usize,
    bytes: usize,
    /// Statements after which the group is sent.
    length: usize,
    /// Statements that go by themselves yet.
    apart: usize,
    /// How many will, after the next failure.
    next_apart: usize,
    /// What comes now is quick.
    pub(super) is_open: bool,
}

impl Groups {
    pub(super) fn new() -> Groups {
        Groups {
            waiting: Vec::new(),
            statements: 0,
            bytes: 0,
            length: FIRST,
            apart: 0,
            next_apart: APART,
            is_open: false,
        }
    }

    /// Whether nothing waits here.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Puts what is to be told behind the statements that wait.
    pub(super) fn push(&mut self, told: UnderWay) {
        self.waiting.push(told);
    }

    /// Whether this statement joins a group.
    fn takes(&mut self, purpose: &Purpose) -> bool {
        let may_join = match purpose {
            Purpose::SessionUser(_) | Purpose::Begin | Purpose::Commit => false,
            Purpose::Execute
            | Purpose::Setting { .. }
            | Purpose::SearchPath(_)
            | Purpose::Tablespace(_)
            | Purpose::TableAccessMethod(_)
            | Purpose::PartitionedAccessMethod => true,
        };
        if !self.is_open || !may_join {
            return false;
        }
        if self.apart > 0 {
            self.apart -= 1;
            return false;
        }
        true
    }

    fn is_full(&self) -> bool {
        self.statements >= self.length || self.bytes >= BYTES
    }

    /// The statements as one message. Each is a line or more, so that no comment at the end of one hides the next.
    fn joined(&self) -> Vec<u8> {
        let mut all = Vec::with_capacity(self.bytes + 2 * self.statements);
        for waiting in &self.waiting {
            if let UnderWay::Statement { sql, .. } = waiting {
                all.extend_from_slice(sql);
                all.extend_from_slice(b"\n;\n");
            }
        }
        all
    }

    fn take(&mut self) -> Vec<UnderWay> {
        self.statements = 0;
        self.bytes = 0;
        std::mem::take(&mut self.waiting)
    }

    fn succeeded(&mut self) {
        self.length = (2 * self.length).min(MOST);
        self.next_apart = APART;
    }

    fn failed(&mut self) {
        self.length = FIRST;
        self.apart = self.next_apart;
        self.next_apart = (2 * self.next_apart).min(APART_MOST);
    }
}

impl RestoreLane<'_> {
    /// Takes a statement into a group; gives it back if it goes by itself, after all that waited.
    pub(super) async fn gather(
        &mut self,
        entry: Option<&Entry>,
        statement: Statement,
    ) -> Result<Option<Statement>, Stop> {
        if self.in_block || !self.groups.takes(&statement.purpose) {
            self.send_group().await?;
            return Ok(Some(statement));
        }
        self.groups.statements += 1;
        self.groups.bytes += statement.sql.len();
        self.groups.push(UnderWay::statement(entry, statement));
        if self.groups.is_full() {
            self.send_group().await?;
        }
        Ok(None)
    }

    /// Sends what waits to be sent together, and sees it done.
    pub(super) async fn send_group(&mut self) -> Result<(), Stop> {
        if self.groups.is_empty() {
            return Ok(());
        }
        let is_group = self.groups.statements > 1;
        let all = self.groups.joined();
        let waiting = self.groups.take();
        if is_group {
            self.settle().await?;
            self.lane.hold_notices();
            let refused = self.lane.simple(&all).await?.error;
            // What a group that had no effect brought about will be told when its statements are sent again.
            self.lane.release_notices(refused.is_none());
            match refused {
                Some(error) if !error.is_fatal() => self.groups.failed(),
                refused => {
                    self.groups.succeeded();
                    return self.tell_group(waiting, refused);
                }
            }
        }
        for waiting in waiting {
            self.send_one(waiting).await?;
        }
        Ok(())
    }

    /// Tells of statements that have been answered: all were done, or the session is over.
    fn tell_group(&mut self, waiting: Vec<UnderWay>, fatal: Option<Box<ServerError>>) -> Result<(), Stop> {
        for waiting in waiting {
            match (waiting, &fatal) {
                (UnderWay::Statement { entry, sql, purpose }, Some(error)) => {
                    self.statement_failed(entry, sql, purpose, error)?;
                }
                (UnderWay::Statement { .. }, None) => {}
                (told, _) => self.tell(told),
            }
        }
        Ok(())
    }
}

/// What is quick to restore.
pub(super) struct Quick {
    loads_rows: bool,
}

impl Quick {
    pub(super) fn of(plan: &Plan) -> Quick {
        let loads = |entry: &Entry| entry.desc == Desc::TableData && plan.wanted(entry.dump_id).data;
        Quick {
            loads_rows: plan.toc().iter().any(loads),
        }
    }

    /// Whether restoring an entry takes next to no time, and may be done in one transaction with others.
    pub(super) fn is_quick(&self, plan: &Plan, entry: &Entry, failed: impl Fn(DumpId) -> bool) -> bool {
        // A table that this run has created is empty until its rows are loaded.
        let is_created = |id: &DumpId| {
            let table = plan.entry(*id).filter(|entry| entry.desc == Desc::Table);
            table.map(|table| plan.wanted(table.dump_id).definition && !failed(table.dump_id))
        };
        let are_created = || {
            let mut tables = entry.dependencies.iter().filter_map(is_created);
            tables
                .next()
                .is_some_and(|first| first && tables.all(|table| table))
        };
        match entry.desc {
            // These have rows, or cannot be made in a transaction with others, or run what others have written.
            Desc::Database
            | Desc::DatabaseProperties
            | Desc::Extension
            | Desc::Subscription
            | Desc::SubscriptionTable
            | Desc::EventTrigger
            | Desc::TableData
            | Desc::MaterializedViewData
            | Desc::Blob
            | Desc::Blobs
            | Desc::BlobMetadata
            | Desc::Other(_) => false,
            Desc::TableAttach => are_created(),
            Desc::Index
            | Desc::IndexAttach
            | Desc::Constraint
            | Desc::CheckConstraint
            | Desc::FkConstraint => !self.loads_rows && are_created(),
            _ => true,
        }
    }
}
