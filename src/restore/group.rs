//! Statements that are sent together and make one transaction: what a server does for each transaction may take as
//! long as a small statement itself.
//!
//! Nothing changes but the time. When one of them is refused, none has had an effect, and they are sent again one by one:
//! what can stand stands, and each failure is told of its own statement. After that, statements go by themselves for a while, for
//! a database where one is refused often refuses more. Which entries are quick enough, so that doing them again costs
//! little and nobody waits long for their locks, is decided here too.

use bstr::BString;

use super::lane::{RestoreLane, Stop, UnderWay};
use crate::script::{Plan, Purpose, Statement};
use crate::sql::splitter::{Item, Splitter};
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
            let outcome = self.lane.simple(&all).await?;
            let notices = self.lane.held_notices();
            match outcome.error {
                // Its notices will come again when the statements are sent again.
                Some(error) if !error.is_fatal() => self.groups.failed(),
                error => {
                    self.groups.succeeded();
                    let notices = Notices::of(notices, &waiting, outcome.tags.len());
                    return self.tell_group(waiting, notices, error);
                }
            }
        }
        for waiting in waiting {
            self.send_one(waiting).await?;
        }
        Ok(())
    }

    /// Tells of statements that have been answered: all were done, or the session is over.
    fn tell_group(
        &mut self,
        waiting: Vec<UnderWay>,
        mut notices: Notices,
        fatal: Option<Box<ServerError>>,
    ) -> Result<(), Stop> {
        for waiting in waiting {
            match waiting {
                UnderWay::Statement { entry, sql, purpose } => {
                    for notice in notices.of_next(&sql) {
                        self.lane.tell_notice(&notice);
                    }
                    if let Some(error) = &fatal {
                        self.statement_failed(entry, sql, purpose, error)?;
                    }
                }
                told => self.tell(told),
            }
        }
        Ok(())
    }
}

/// The notices of a group, to be told with the statements that they came from.
struct Notices {
    rest: std::vec::IntoIter<(usize, ServerError)>,
    /// Commands of the statements told so far; `None` if it is not known which commands are whose.
    commands: Option<usize>,
}

impl Notices {
    /// Those that came while so many commands of these statements were completed.
    fn of(notices: Vec<(usize, ServerError)>, given: &[UnderWay], completed: usize) -> Notices {
        let count = |given: &UnderWay| match given {
            UnderWay::Statement { sql, .. } => commands(sql),
            _ => 0,
        };
        let is_known = notices.is_empty() || given.iter().map(count).sum::<usize>() == completed;
        Notices {
            rest: notices.into_iter(),
            commands: is_known.then_some(0),
        }
    }

    /// Those of the next statement.
    fn of_next(&mut self, sql: &BString) -> Vec<ServerError> {
        if self.rest.len() == 0 {
            return Vec::new();
        }
        let end = match &mut self.commands {
            Some(so_far) => {
                *so_far += commands(sql);
                *so_far
            }
            None => usize::MAX,
        };
        let is_of_this = |notice: &&(usize, ServerError)| notice.0 < end;
        let count = self.rest.as_slice().iter().take_while(is_of_this).count();
        let notices = self.rest.by_ref().take(count);
        notices.map(|(_, notice)| notice).collect()
    }
}

/// How many commands a server finds in a text.
fn commands(sql: &BString) -> usize {
    let mut splitter = Splitter::new();
    splitter.push(sql);
    splitter.push(b"\n;\n");
    splitter.end();
    let mut commands = 0;
    while let Ok(Some(item)) = splitter.next() {
        commands += usize::from(matches!(item, Item::Statement(_)));
    }
    commands
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

    /// Whether restoring an entry takes next to no time, and may be done in one transaction with others. `is_restored`
    /// says which entries have been restored without a failure so far.
    pub(super) fn is_quick(&self, plan: &Plan, entry: &Entry, is_restored: impl Fn(DumpId) -> bool) -> bool {
        // A table that this run has created is empty until its rows are loaded.
        let are_created = || {
            let is_table = |id: &DumpId| plan.entry(*id).is_some_and(|entry| entry.desc == Desc::Table);
            let mut tables = entry.dependencies.iter().copied().filter(is_table).peekable();
            tables.peek().is_some() && tables.all(&is_restored)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_counted_as_servers_count_them() {
        let count = |sql: &str| commands(&sql.into());
        assert_eq!(count("CREATE TABLE t ();\n\nALTER TABLE t OWNER TO o;\n\n\n"), 2);
        assert_eq!(
            count("CREATE RULE r AS ON INSERT TO t DO (DELETE FROM a; DELETE FROM b);"),
            1
        );
        assert_eq!(
            count("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END;"),
            1
        );
        assert_eq!(count("SELECT 'a;b' -- ;"), 1);
        assert_eq!(count(""), 0);
    }

    #[test]
    fn groups_grow_and_stand_back_after_a_failure() {
        let mut groups = Groups::new();
        assert!(!groups.takes(&Purpose::Execute), "not what takes long");
        groups.is_open = true;
        assert!(!groups.takes(&Purpose::Begin) && !groups.takes(&Purpose::Commit));
        assert!(groups.takes(&Purpose::Execute));
        (0..10).for_each(|_| groups.succeeded());
        assert_eq!(groups.length, MOST);
        for apart in [APART, 2 * APART] {
            groups.failed();
            assert_eq!(groups.length, FIRST);
            assert!((0..apart).all(|_| !groups.takes(&Purpose::Execute)));
            assert!(groups.takes(&Purpose::Execute));
        }
        groups.succeeded();
        groups.failed();
        assert_eq!(groups.apart, APART);
    }
}
