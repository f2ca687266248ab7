//! A restore that executes its SQL on a server.
//!
//! With one lane, entries are restored in the plan's order; what several lanes do is [`super::parallel`]'s.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bstr::{BStr, ByteSlice};

use super::Restore;
use super::entries::{Entries, Load};
use super::group::Quick;
use super::lane::{RestoreLane, Stop};
use super::managed::{Managed, Rights};
use super::parallel;
use super::report::{Observer, Report};
use crate::connect::ConnectParams;
use crate::error::Result;
use crate::script::{Origin, Plan, Script, ScriptOptions, Settings, Transactions};
use crate::toc::{Desc, DumpId, Entry};

/// `pg_class.relkind` of an ordinary table.
const ORDINARY_TABLE: u8 = b'r';

impl Restore {
    /// Executes the restore in the database that `params` leads to.
    ///
    /// What the server refuses is told to the observer and counted in the report; the rest is restored all the
    /// same, unless the options say to stop.
    ///
    /// # Errors
    /// A server that cannot be reached or goes away, a damaged archive, or an entry that cannot be made into
    /// SQL.
    pub async fn to_server(mut self, params: ConnectParams, observer: &mut dyn Observer) -> Result<Report> {
        observer.info(BStr::new("connecting to database for restore"));
        let mut lane = RestoreLane::connect(params, observer, self.options.exit_on_error).await?;
        self.prepare_managed(&mut lane).await?;
        if self.is_in_parallel() {
            return parallel::run(self, lane).await;
        }
        let plan = Arc::new(self.plan()?);
        let implied = self.is_implied_data_only();
        let analyze = self.options.analyze;
        let inhibit = self.options.no_data_for_failed_tables;
        let sizes = self.tell_planned(&plan, &*lane.progress).await;
        let mut at_work = Entries::new(Some(&mut self.archive), lane, Script::new(Arc::clone(&plan)));
        at_work.sizes = Arc::new(sizes);
        let quick = Quick::of(&plan);
        let mut run = Serial {
            quick,
            at_work,
            tables: Tables::of(&plan),
            inhibit,
            analyze,
            restored: HashSet::new(),
        };
        if implied {
            run.at_work.lane.info("implied no-schema restore");
        }
        let stopped = match run.run(&plan).await {
            Ok(()) => false,
            Err(Stop::Failure) => true,
            Err(Stop::Error(error)) => return Err(error),
        };
        Ok(Report {
            stopped,
            ..run.at_work.lane.close().await
        })
    }

    /// Whether several lanes are wanted and can do it.
    fn is_in_parallel(&self) -> bool {
        self.options.jobs > 1 && self.options.script.transactions != Transactions::Single
    }

    /// For a user who is no superuser: leaves out what is known not to be allowed.
    async fn prepare_managed(&mut self, lane: &mut RestoreLane<'_>) -> Result<()> {
        if !self.options.managed {
            return Ok(());
        }
        let encoding = Settings::of(&self.toc)?.encoding;
        let role = self.options.script.role.as_ref();
        let version = lane.version();
        let rights = Rights::ask(&mut lane.lane, version, encoding.as_bstr(), role).await?;
        let (managed, skips) = Managed::prepare(&rights, &mut self.toc, &mut self.wanted);
        skips.iter().for_each(|skip| lane.skip(skip));
        lane.managed = Some(managed);
        Ok(())
    }

    /// What is restored, and how.
    pub(super) fn plan(&self) -> Result<Plan> {
        Plan::new(
            self.toc.clone(),
            self.wanted.clone(),
            // Meta-commands are for psql.
            ScriptOptions {
                restrict_key: None,
                ..self.options.script.clone()
            },
            Origin {
                creates_large_objects: self.archive.header().version.minor < 12,
                ..Origin::default()
            },
        )
    }
}

/// A restore under way in one session.
struct Serial<'a, 'o> {
    quick: Quick,
    at_work: Entries<'a, 'o>,
    tables: Tables,
    inhibit: bool,
    analyze: bool,
    restored: HashSet<DumpId>,
}

impl Serial<'_, '_> {
    async fn run(&mut self, plan: &Plan) -> Result<(), Stop> {
        self.at_work.begin().await?;
        for id in plan.drops() {
            self.at_work.drop_object(id).await?;
        }
        self.at_work.script.after_drops();
        for id in plan.order() {
            self.restore(plan, id).await?;
        }
        self.at_work.lane.groups.is_open = false;
        if let Some(archive) = self.at_work.archive.as_deref_mut() {
            archive.finish().await?;
        }
        self.at_work.end().await?;
        if self.analyze {
            for id in plan.order() {
                self.at_work.restore(id, &Load::Analyze).await?;
            }
        }
        self.at_work.lane.drain().await
    }

    async fn restore(&mut self, plan: &Plan, id: DumpId) -> Result<(), Stop> {
        let mut load = Load::All;
        if let Some(table) = self.tables.of_rows(id) {
            self.at_work.lane.drain().await?;
            let failed = self.at_work.lane.has_failed(table);
            if failed && self.inhibit {
                self.at_work.lane.info(inhibited(plan, id));
                return Ok(());
            }
            // A list file can put rows before their table: then it is not this run's.
            if !failed && self.tables.is_fresh(id) && self.restored.contains(&table) {
                load = Load::Fresh;
            }
        }
        let lane = &mut self.at_work.lane;
        let is_quick = |entry| {
            self.quick.is_quick(plan, entry, |id| {
                self.restored.contains(&id) && !lane.has_failed(id)
            })
        };
        lane.groups.is_open = plan.entry(id).is_some_and(is_quick);
        self.at_work.restore(id, &load).await?;
        self.restored.insert(id);
        self.at_work.lane.report.entries += 1;
        Ok(())
    }
}

/// Said of rows that are left out because their table is not there.
pub(super) fn inhibited(plan: &Plan, rows: DumpId) -> Vec<u8> {
    let tag = plan.entry(rows).map(|entry| entry.tag.as_slice());
    [
        b"table \"",
        tag.unwrap_or_default(),
        b"\" could not be created, will not restore its data",
    ]
    .concat()
}

/// Which tables entries of rows belong to, and which of these this run creates.
pub(super) struct Tables {
    of_rows: HashMap<DumpId, Table>,
}

struct Table {
    id: DumpId,
    created: bool,
}

impl Tables {
    pub(super) fn of(plan: &Plan) -> Tables {
        let table_of = |entry: &Entry| {
            let id = *entry.dependencies.first()?;
            let is_ordinary = |table: &Entry| {
                table.desc == Desc::Table && table.relkind.is_none_or(|kind| kind == ORDINARY_TABLE)
            };
            Some(Table {
                id,
                created: plan.entry(id).is_some_and(is_ordinary)
                    && plan.wanted(id).definition
                    && plan.truncate_rows(entry).is_some(),
            })
        };
        let rows = plan.toc().iter().filter(|entry| entry.desc == Desc::TableData);
        Tables {
            of_rows: rows
                .filter_map(|entry| Some((entry.dump_id, table_of(entry)?)))
                .collect(),
        }
    }

    /// The table that an entry's rows belong to: the first thing the entry depends on.
    pub(super) fn of_rows(&self, rows: DumpId) -> Option<DumpId> {
        self.of_rows.get(&rows).map(|table| table.id)
    }

    /// Whether an entry's rows go into a table that this run creates, if nothing fails.
    pub(super) fn is_fresh(&self, rows: DumpId) -> bool {
        self.of_rows.get(&rows).is_some_and(|table| table.created)
    }
}
