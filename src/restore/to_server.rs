//! A restore that executes its SQL on a server, over one lane.

use std::collections::HashMap;
use std::sync::Arc;

use bstr::{BStr, ByteSlice};

use super::Restore;
use super::lane::{RestoreLane, Stop};
use super::managed::{Managed, Rights};
use super::report::{Observer, Report};
use super::track::{Mark, Tracked};
use crate::archive::Archive;
use crate::connect::ConnectParams;
use crate::error::Result;
use crate::script::large_object::Style;
use crate::script::{Drops, Origin, Plan, Script, ScriptOptions, Settings, Step};
use crate::toc::{Desc, DumpId, Entry};

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
        let stopped = match self.run(&mut lane).await {
            Ok(()) => false,
            Err(Stop::Failure) => true,
            Err(Stop::Error(error)) => return Err(error),
        };
        Ok(Report {
            stopped,
            ..lane.close().await
        })
    }

    async fn run(&mut self, lane: &mut RestoreLane<'_>) -> Result<(), Stop> {
        if self.is_implied_data_only() {
            lane.info("implied no-schema restore");
        }
        self.prepare_managed(lane).await?;
        let plan = Arc::new(Plan::new(
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
        )?);
        let sizes = self.tell_planned(&plan, &*lane.progress).await;
        let mut run = Run {
            sizes,
            archive: &mut self.archive,
            lane,
            rows_of: rows_of(plan.toc()),
            inhibit: self.options.no_data_for_failed_tables,
            script: Script::new(Arc::clone(&plan)),
        };
        let opening = run.script.begin();
        run.steps(None, opening).await?;
        run.lane.process_toc();
        for id in plan.drops() {
            run.drop_object(&plan, id).await?;
        }
        run.script.after_drops();
        for id in plan.order() {
            run.restore(&plan, id).await?;
        }
        run.archive.finish().await?;
        let closing = run.script.end(None);
        run.steps(None, closing).await?;
        run.lane.drain().await
    }
}

impl Restore {
    /// For a user who is no superuser: leaves out what is known not to be allowed.
    async fn prepare_managed(&mut self, lane: &mut RestoreLane<'_>) -> Result<(), Stop> {
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
}

/// A restore under way.
struct Run<'a, 'o> {
    archive: &'a mut Archive,
    lane: &'a mut RestoreLane<'o>,
    script: Script,
    /// For each table, the entry of its rows the other way round: which table an entry's rows belong to.
    rows_of: HashMap<DumpId, DumpId>,
    inhibit: bool,
    /// How large each entry's data is, for those who want to know.
    sizes: HashMap<DumpId, u64>,
}

impl Run<'_, '_> {
    async fn drop_object(&mut self, plan: &Plan, id: DumpId) -> Result<(), Stop> {
        let Some(entry) = plan.entry(id) else {
            return Ok(());
        };
        let steps = self.script.drop_object(id);
        self.steps(Some(entry), steps).await
    }

    async fn restore(&mut self, plan: &Plan, id: DumpId) -> Result<(), Stop> {
        let Some(entry) = plan.entry(id) else {
            return Ok(());
        };
        if self.is_inhibited(entry).await? {
            return Ok(());
        }
        let tracked = Tracked::new(entry, plan.wanted(id), &self.sizes);
        self.lane.mark(Mark::Begun(tracked.clone()));
        let steps = self.script.restore(id, None)?;
        self.steps(Some(entry), steps).await?;
        self.lane.report.entries += 1;
        let done = std::mem::take(&mut self.lane.done);
        self.lane.mark(Mark::Done(tracked, done));
        Ok(())
    }

    /// Whether these are rows of a table that could not be created.
    async fn is_inhibited(&mut self, entry: &Entry) -> Result<bool, Stop> {
        let table = self.rows_of.get(&entry.dump_id).copied();
        let Some(table) = table.filter(|_| self.inhibit) else {
            return Ok(false);
        };
        self.lane.drain().await?;
        let inhibited = self.lane.has_failed(table);
        if inhibited {
            let tag = &entry.tag;
            self.lane.info(format!(
                "table \"{tag}\" could not be created, will not restore its data"
            ));
        }
        Ok(inhibited)
    }

    async fn steps(&mut self, entry: Option<&Entry>, steps: Vec<Step>) -> Result<(), Stop> {
        for step in steps {
            self.step(entry, step).await?;
        }
        Ok(())
    }

    async fn step(&mut self, entry: Option<&Entry>, step: Step) -> Result<(), Stop> {
        match (step, entry) {
            (Step::Note(_), _) => Ok(()),
            (Step::Info(message), _) => {
                self.lane.info(message);
                Ok(())
            }
            (Step::Warning(message), _) => {
                self.lane.warning(&message);
                Ok(())
            }
            (Step::Statement(statement), _) => self.lane.statement(entry, statement).await,
            (Step::Connect { database, .. }, _) => self.lane.reconnect(BStr::new(&database)).await,
            (Step::Rows(copy), Some(entry)) if copy.is_empty() => {
                let standard_strings = self.script.plan().settings().standard_strings;
                self.lane
                    .run_commands(self.archive, entry, standard_strings)
                    .await
            }
            (Step::Rows(copy), Some(entry)) => self.lane.copy_rows(self.archive, entry, &copy).await,
            (Step::LargeObjects, Some(entry)) => {
                let plan = self.script.plan();
                let style = Style {
                    standard_strings: plan.settings().standard_strings,
                    creates: plan.origin().creates_large_objects,
                    drops: plan.options().drops != Drops::None,
                };
                self.lane.write_large_objects(self.archive, entry, style).await
            }
            // Data belongs to an entry; what belongs to none has no data.
            (Step::Rows(_) | Step::LargeObjects, None) => Ok(()),
        }
    }
}

/// Which table each entry of rows belongs to: the first thing it depends on.
fn rows_of(toc: &[Entry]) -> HashMap<DumpId, DumpId> {
    toc.iter()
        .filter(|entry| entry.desc == Desc::TableData)
        .filter_map(|entry| Some((entry.dump_id, *entry.dependencies.first()?)))
        .collect()
}
