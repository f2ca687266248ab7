//! A restore over several lanes: one does what comes before the data, then all of them what the schedule gives out.
//!
//! This module owns the one who gives out: it starts lanes when there is work for them, passes on what they tell,
//! and ends all of them when one cannot go on. What a lane does is [`super::crew`]'s; what can be done when, the
//! [schedule](super::schedule)'s. Large tables that this run creates are loaded by several lanes from their
//! segments; if one of the parts fails, all of them count for nothing and one lane loads the table once more, so that what is
//! told and what is left is the same as with one lane.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bstr::BStr;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Restore;
use super::crew::{self, Event, Work};
use super::entries::{Entries, Load, Outcome};
use super::feed::{self, Feed};
use super::lane::{Ended, RestoreLane, Stop};
use super::parts::parts_of;
use super::report::{Observer, Report};
use super::schedule::{AHEAD, Job, Schedule};
use super::to_server::{Tables, inhibited};
use super::track::{Tracked, named};
use crate::archive::Archive;
use crate::error::{Error, ErrorKind, Result};
use crate::progress::Done;
use crate::script::{Plan, Script, ScriptOptions, Transactions};
use crate::toc::{self, DumpId};
use crate::wire::CancelToken;

/// How long sessions are given to hear that they are interrupted.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs a restore whose first session has just been opened.
pub(super) async fn run(restore: Restore, lane: RestoreLane<'_>) -> Result<Report> {
    let plan = Arc::new(restore.plan()?);
    restore.tell_planned(&plan, &*lane.progress).await;
    let sizes = Arc::new(restore.archive.data_sizes().await);
    let lanes = restore.options.jobs;
    let mut schedule = Schedule::new(&plan, &sizes, lanes);
    // What comes by a pipe comes in its order.
    let piped: Vec<DumpId> = if restore.archive.seekable() {
        Vec::new()
    } else {
        let data = restore.archive.toc().iter().filter(|entry| entry.had_dumper);
        data.map(|entry| entry.dump_id)
            .filter(|id| plan.wanted(*id).data)
            .collect()
    };
    schedule.hold(&piped);
    let progress = Arc::clone(&lane.progress);
    let managed = lane.managed.clone();
    let implied = restore.is_implied_data_only();
    let mut first = Entries::new(None, lane, Script::new(Arc::clone(&plan)));
    first.sizes = Arc::clone(&sizes);
    if implied {
        first.lane.info("implied no-schema restore");
    }
    let before = before_data(&mut first, &plan, &mut schedule).await;
    let Ended {
        params,
        observer,
        report,
        failed,
    } = first.lane.end().await;
    let created = match before {
        Ok(created) => created,
        Err(Stop::Failure) => {
            return Ok(Report {
                stopped: true,
                ..report
            });
        }
        Err(Stop::Error(error)) => return Err(error),
    };
    let tables = Tables::of(&plan);
    let parts = if restore.options.script.disable_triggers {
        HashMap::new()
    } else {
        parts_of(&restore.archive, &plan, &restore.options, |id| {
            let table = tables.of_rows(id);
            tables.is_fresh(id) && table.is_some_and(|t| created.contains(&t) && !failed.contains(&t))
        })
    };
    for (id, ranges) in &parts {
        schedule.split(*id, ranges.len());
    }
    let (events, told) = mpsc::unbounded_channel();
    let mut tasks = JoinSet::new();
    let large = restore.options.part_size;
    let archive = if restore.archive.seekable() {
        Some(restore.archive)
    } else {
        let reading = feed::read(restore.archive, piped, large, events.clone());
        tasks.spawn(async move { reading.await.map(|()| Report::default()).map_err(Stop::Error) });
        None
    };
    let crew = Crew {
        setting: Arc::new(crew::Setting {
            params,
            plan: lanes_plan(&plan)?,
            exit_on_error: restore.options.exit_on_error,
            sizes,
            progress,
            managed,
        }),
        is_feeding: archive.is_none(),
        feeds: HashMap::new(),
        waiting: None,
        refused: HashSet::new(),
        archive,
        inhibit: restore.options.no_data_for_failed_tables,
        analyze: restore.options.analyze,
        free: Vec::new(),
        plan,
        schedule,
        tables,
        created,
        parts,
        failed,
        report,
        observer,
        lanes: (0..lanes).map(|_| None).collect(),
        tasks,
        events,
        told,
        open: HashMap::new(),
    };
    crew.run().await
}

/// What one lane does before the others start: drops, and everything that precedes the data. Says which entries that were.
async fn before_data(
    first: &mut Entries<'_, '_>,
    plan: &Plan,
    schedule: &mut Schedule,
) -> Result<HashSet<DumpId>, Stop> {
    first.begin().await?;
    for id in plan.drops() {
        first.drop_object(id).await?;
    }
    first.script.after_drops();
    let mut created = HashSet::new();
    for id in schedule.first(plan) {
        if let Some(entry) = plan.entry(id) {
            first.lane.info(named("processing item", entry));
        }
        first.restore(id, &Load::All).await?;
        first.lane.report.entries += 1;
        created.insert(id);
    }
    // With transactions of so many actions this ends the last one.
    first.end().await?;
    first.lane.info("entering main parallel loop");
    Ok(created)
}

/// The plan for the lanes, where each entry is committed for itself: others wait for it.
fn lanes_plan(plan: &Plan) -> Result<Arc<Plan>> {
    let options = ScriptOptions {
        transactions: Transactions::Each,
        ..plan.options().clone()
    };
    let toc = plan.toc().to_vec();
    let wanted = toc.iter().map(|entry| plan.wanted(entry.dump_id)).collect();
    Ok(Arc::new(Plan::new(toc, wanted, options, plan.origin().clone())?))
}

/// All lanes and whoever gives out the work.
struct Crew<'o> {
    setting: Arc<crew::Setting>,
    /// To be opened by each lane for itself; none if it comes by a pipe.
    archive: Option<Archive>,
    /// Data is still to come by a pipe.
    is_feeding: bool,
    /// What has come, and whether it is much.
    feeds: HashMap<DumpId, (Feed, bool)>,
    /// The entry whose data has come and not been given to a lane.
    waiting: Option<DumpId>,
    /// Entries of which a part was refused.
    refused: HashSet<DumpId>,
    inhibit: bool,
    analyze: bool,
    /// Lanes with nothing to do, once everything is restored.
    free: Vec<usize>,
    plan: Arc<Plan>,
    schedule: Schedule,
    tables: Tables,
    /// What stood before the lanes started.
    created: HashSet<DumpId>,
    parts: HashMap<DumpId, Vec<Range<usize>>>,
    failed: HashSet<DumpId>,
    report: Report,
    observer: &'o mut dyn Observer,
    lanes: Vec<Option<At>>,
    tasks: JoinSet<Result<Report, Stop>>,
    events: mpsc::UnboundedSender<Event>,
    told: mpsc::UnboundedReceiver<Event>,
    /// Rows of which some may be loaded and others not, with what is counted of those that are.
    open: HashMap<DumpId, Done>,
}

/// What a lane's task left.
type Joined = Result<Result<Report, Stop>, tokio::task::JoinError>;

/// A lane as seen from here.
struct At {
    work: mpsc::Sender<Work>,
    cancel: Option<CancelToken>,
}

impl Crew<'_> {
    async fn run(mut self) -> Result<Report> {
        let outcome = match self.work().await {
            Ok(()) => self.finish().await,
            Err(stop) => Err(stop),
        };
        match outcome {
            Ok(()) => Ok(self.report),
            Err(stop) => {
                self.give_up().await;
                match stop {
                    Stop::Failure => Ok(Report {
                        stopped: true,
                        ..self.report
                    }),
                    Stop::Error(error) => Err(error),
                }
            }
        }
    }

    /// Gives out everything there is and waits for it.
    async fn work(&mut self) -> Result<(), Stop> {
        loop {
            self.give_out().await?;
            if self.schedule.is_idle() {
                if self.is_feeding {
                    // Nothing goes on that the data could have to wait for.
                    match self.waiting.take() {
                        Some(id) => self.schedule.admit(id, true),
                        None => self.hear().await?,
                    }
                    continue;
                }
                if self.schedule.advance() {
                    continue;
                }
                return self.analyze().await;
            }
            self.hear().await?;
        }
    }

    /// Gives every lane as much as it can take, in turns.
    async fn give_out(&mut self) -> Result<(), Stop> {
        loop {
            let mut given = false;
            for lane in 0..self.lanes.len() {
                let Some(job) = self.schedule.next(lane) else {
                    continue;
                };
                given = true;
                self.give(lane, job).await?;
            }
            if !given {
                return Ok(());
            }
        }
    }

    async fn give(&mut self, lane: usize, job: Job) -> Result<(), Stop> {
        let table = self.tables.of_rows(job.id);
        let failed = table.is_some_and(|table| self.failed.contains(&table));
        if failed && self.inhibit {
            // Whoever reads it finds that nobody wants it.
            self.feeds.remove(&job.id);
            self.waiting = self.waiting.filter(|id| *id != job.id);
            let message = inhibited(&self.plan, job.id);
            self.observer.info(BStr::new(&message));
            self.schedule.done(lane, job);
            return Ok(());
        }
        let created = !failed && table.is_some_and(|table| self.created.contains(&table));
        let load = match job.part {
            _ if self.feeds.contains_key(&job.id) => self.fed(job.id, created),
            Some(part) => {
                let range = self
                    .parts
                    .get(&job.id)
                    .and_then(|ranges| ranges.get(part))
                    .cloned();
                self.open.entry(job.id).or_default();
                if part == 0 {
                    self.tell_begun(job.id);
                }
                Load::Segments(range.unwrap_or_default())
            }
            None if self.open.contains_key(&job.id) => Load::Again,
            None if created && self.tables.is_fresh(job.id) => Load::Fresh,
            None => Load::All,
        };
        if job.part.unwrap_or(0) == 0
            && let Some(entry) = self.plan.entry(job.id)
        {
            self.observer.info(named("launching item", entry).as_ref());
        }
        self.send(lane, job, load).await
    }

    async fn send(&mut self, lane: usize, job: Job, load: Load) -> Result<(), Stop> {
        if self.lanes.get(lane).is_some_and(Option::is_none) {
            self.start(lane).await?;
        }
        let at = self.lanes.get(lane).and_then(Option::as_ref);
        // A lane that has ended says why.
        if let Some(at) = at {
            let _ = at.work.try_send(Work { job, load });
        }
        Ok(())
    }

    /// How a lane takes what comes by a pipe.
    fn fed(&mut self, id: DumpId, created: bool) -> Load {
        if self.waiting == Some(id) {
            self.waiting = None;
        }
        let Some((feed, is_large)) = self.feeds.get(&id).cloned() else {
            return Load::All;
        };
        if !created || !self.tables.is_fresh(id) || self.setting.plan.options().disable_triggers {
            return Load::Fed(feed);
        }
        if !is_large {
            return Load::FedFresh(feed);
        }
        if self.refused.contains(&id) {
            return Load::Nothing;
        }
        if let Entry::Vacant(place) = self.open.entry(id) {
            place.insert(Done::default());
            self.tell_begun(id);
            self.schedule.widen(id);
        }
        Load::FedShared(feed)
    }

    /// Tells the beginning of rows that several lanes load.
    fn tell_begun(&self, id: DumpId) {
        if let Some(entry) = self.plan.entry(id) {
            let tracked = Tracked::new(entry, self.plan.wanted(id), &self.setting.sizes);
            self.setting.progress.entry_begun(&tracked.item());
        }
    }

    async fn start(&mut self, lane: usize) -> Result<(), Stop> {
        let archive = match &self.archive {
            Some(archive) => archive.reopen().await?,
            None => None,
        };
        let (work, to_do) = mpsc::channel(AHEAD + 1);
        let task = crew::serve(
            lane,
            Arc::clone(&self.setting),
            archive,
            to_do,
            self.events.clone(),
        );
        self.tasks.spawn(task);
        if let Some(at) = self.lanes.get_mut(lane) {
            *at = Some(At { work, cancel: None });
        }
        Ok(())
    }

    /// Waits for what a lane has to tell.
    async fn hear(&mut self) -> Result<(), Stop> {
        tokio::select! {
            biased;
            event = self.told.recv() => match event {
                Some(event) => self.note(event),
                None => Ok(()),
            },
            ended = self.tasks.join_next() => {
                // What it told before it ended comes first.
                while let Ok(event) = self.told.try_recv() {
                    self.note(event)?;
                }
                self.ended(ended)
            }
        }
    }

    fn ended(&mut self, ended: Option<Joined>) -> Result<(), Stop> {
        match ended {
            Some(Ok(Ok(report))) => {
                self.report.rows += report.rows;
                self.report.large_objects += report.large_objects;
                Ok(())
            }
            Some(Ok(Err(stop))) => Err(stop),
            Some(Err(error)) => {
                let sentence = "a lane of the restore ended in an unforeseen way";
                Err(Error::with_source(ErrorKind::Connect, sentence, error).into())
            }
            None => Err(Error::new(ErrorKind::Connect, "no lane is left that could go on").into()),
        }
    }

    fn note(&mut self, event: Event) -> Result<(), Stop> {
        match event {
            Event::Info(message) => self.observer.info(BStr::new(&message)),
            Event::Warning(message) => self.observer.warning(BStr::new(&message)),
            Event::Failure(failure) => {
                self.report.errors += 1;
                self.failed
                    .extend(failure.entry.as_ref().map(|entry| entry.dump_id));
                self.observer.failure(&failure);
            }
            Event::Skipped(skip) => {
                self.report.skipped += 1;
                self.observer.skipped(&skip);
            }
            Event::Connected { lane, cancel } => {
                if let Some(Some(at)) = self.lanes.get_mut(lane) {
                    at.cancel = Some(cancel);
                }
            }
            Event::Fed { id, feed, is_large } => {
                self.feeds.insert(id, (feed, is_large));
                self.waiting = Some(id);
                self.schedule.admit(id, false);
            }
            Event::FedAll { id, bytes } => {
                if self.schedule.narrow(id, bytes) {
                    self.completed(id);
                }
            }
            Event::FeedEnded => self.is_feeding = false,
            Event::Done { lane, job, outcome } => self.done(lane, job, outcome),
        }
        Ok(())
    }

    /// Has every lane analyze one table after another, the largest first.
    async fn analyze(&mut self) -> Result<(), Stop> {
        let plan = Arc::clone(&self.plan);
        let mut tables: Vec<&toc::Entry> = plan
            .toc()
            .iter()
            .filter(|entry| self.analyze && plan.analyze(entry).is_some())
            .collect();
        tables.sort_by_key(|entry| self.setting.sizes.get(&entry.dump_id).copied());
        self.free = (0..self.lanes.len()).collect();
        loop {
            while let Some(lane) = self.free.pop() {
                let Some(entry) = tables.pop() else {
                    self.free.push(lane);
                    break;
                };
                let job = Job {
                    id: entry.dump_id,
                    part: None,
                };
                self.send(lane, job, Load::Analyze).await?;
            }
            if self.free.len() == self.lanes.len() {
                return Ok(());
            }
            self.hear().await?;
        }
    }

    fn done(&mut self, lane: usize, job: Job, outcome: Outcome) {
        if self.schedule.is_idle() {
            self.free.push(lane);
            return;
        }
        match outcome {
            Outcome::Told => {}
            Outcome::Part(part) => {
                let done = self.open.entry(job.id).or_default();
                done.rows += part.rows;
                done.bytes += part.bytes;
            }
            // One lane says what is wrong as it is said where there is but one.
            Outcome::Refused => {
                self.refused.insert(job.id);
                self.schedule.again(job.id);
            }
        }
        if self.schedule.done(lane, job) {
            self.completed(job.id);
        }
    }

    /// All of an entry is done.
    fn completed(&mut self, id: DumpId) {
        self.feeds.remove(&id);
        if let Some(done) = self.open.remove(&id) {
            self.tell_done(id, done);
        }
        self.report.entries += 1;
        if let Some(entry) = self.plan.entry(id) {
            self.observer.info(named("finished item", entry).as_ref());
        }
    }

    /// Tells the end of rows that several lanes have loaded, or had to leave to one.
    fn tell_done(&mut self, id: DumpId, done: Done) {
        let failed = self.failed.contains(&id);
        let done = if self.refused.contains(&id) {
            Done {
                failed,
                ..Done::default()
            }
        } else {
            self.report.rows += done.rows;
            Done { failed, ..done }
        };
        if let Some(entry) = self.plan.entry(id) {
            let tracked = Tracked::new(entry, self.plan.wanted(id), &self.setting.sizes);
            self.setting.progress.entry_done(&tracked.item(), &done);
        }
    }

    /// Lets the lanes end, and does what no order was found for.
    async fn finish(&mut self) -> Result<(), Stop> {
        self.observer.info(BStr::new("finished main parallel loop"));
        self.lanes.iter_mut().for_each(|at| *at = None);
        while let Some(ended) = self.tasks.join_next().await {
            while let Ok(event) = self.told.try_recv() {
                self.note(event)?;
            }
            self.ended(Some(ended))?;
        }
        for id in self.schedule.left_over() {
            self.missed(id).await?;
        }
        Ok(())
    }

    async fn missed(&mut self, id: DumpId) -> Result<(), Stop> {
        if let Some(entry) = self.plan.entry(id) {
            self.observer
                .info(named("processing missed item", entry).as_ref());
        }
        self.start(0).await?;
        if let Some(Some(at)) = self.lanes.first() {
            let job = Job { id, part: None };
            let _ = at.work.try_send(Work { job, load: Load::All });
        }
        self.lanes.iter_mut().for_each(|at| *at = None);
        let ended = self.tasks.join_next().await;
        while let Ok(event) = self.told.try_recv() {
            match event {
                Event::Done { .. } => self.report.entries += 1,
                event => self.note(event)?,
            }
        }
        self.ended(ended)
    }

    /// Interrupts whatever is under way, and leaves no table with a part of its rows.
    async fn give_up(&mut self) {
        let cancels = self.lanes.iter().flatten().filter_map(|at| at.cancel.clone());
        let cancels: Vec<_> = cancels.map(|token| async move { token.cancel().await }).collect();
        let _ = tokio::time::timeout(PATIENCE, futures_util::future::join_all(cancels)).await;
        self.lanes.clear();
        self.tasks.shutdown().await;
        if !self.open.is_empty() {
            let _ = tokio::time::timeout(PATIENCE, self.empty_open_tables()).await;
        }
    }

    /// Empties tables that are not loaded completely; when the server is gone there is nobody to do it.
    async fn empty_open_tables(&self) {
        let Ok(mut lane) = self.setting.params.lane().await else {
            return;
        };
        for id in self.open.keys() {
            let sql = self
                .plan
                .entry(*id)
                .and_then(|entry| self.plan.truncate_rows(entry));
            if let Some(sql) = sql {
                let _ = lane.simple(&sql).await;
            }
        }
        lane.close().await;
    }
}
