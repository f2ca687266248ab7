//! Restoring entries in one session: what a script says of each, executed, with rows from the archive.
//!
//! Which entries, and in which order, is decided elsewhere: by the plan for a single lane, by the schedule for
//! several.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};

use super::batches;
use super::data::Loaded;
use super::feed::Feed;
use super::incoming::Incoming;
use super::lane::{RestoreLane, Stop};
use super::track::{Mark, Tracked};
use crate::archive::Archive;
use crate::progress::Done;
use crate::script::large_object::Style;
use crate::script::{Drops, Purpose, Script, Statement, Step};
use crate::sql::roles::statements;
use crate::sql::text;
use crate::toc::{Desc, DumpId, Entry};

/// Which rows of an entry are loaded, and how.
#[derive(Clone)]
pub(super) enum Load {
    /// All of them, into a table that may hold others.
    All,
    /// All of them, into a table that this run has created: what it holds may be thrown away.
    Fresh,
    /// Those of some segments, into such a table, beside other lanes.
    Segments(Range<usize>),
    /// All of them, after those of some segments could not be loaded: the others are thrown away.
    Again,
    /// What is handed out, into a table that may hold other rows.
    Fed(Feed),
    /// What is handed out, all of it, into a table that this run has created.
    FedFresh(Feed),
    /// What is handed out to this lane and others, into such a table.
    FedShared(Feed),
    /// None, after those handed out could not be loaded: the others are thrown away.
    Nothing,
    /// None: what has been loaded is analyzed.
    Analyze,
}

impl Load {
    fn feed(&self) -> Option<Feed> {
        match self {
            Load::Fed(feed) | Load::FedFresh(feed) | Load::FedShared(feed) => Some(feed.clone()),
            _ => None,
        }
    }
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was restored, or told why not.
    Told,
    /// These rows of segments were loaded.
    Part(Done),
    /// A part of the rows was refused; with segments nothing was told about it.
    Refused,
}

/// A session at work.
pub(super) struct Entries<'a, 'o> {
    pub(super) archive: Option<&'a mut Archive>,
    pub(super) lane: RestoreLane<'o>,
    pub(super) script: Script,
    /// How large each entry's data is, for those who want to know.
    pub(super) sizes: Arc<HashMap<DumpId, u64>>,
    user: Option<BString>,
}

impl<'a, 'o> Entries<'a, 'o> {
    /// A session that has just been opened.
    pub(super) fn new(
        archive: Option<&'a mut Archive>,
        lane: RestoreLane<'o>,
        script: Script,
    ) -> Entries<'a, 'o> {
        Entries {
            archive,
            lane,
            script,
            sizes: Arc::default(),
            user: None,
        }
    }

    /// Sets up the session.
    pub(super) async fn begin(&mut self) -> Result<(), Stop> {
        let opening = self.script.begin();
        self.steps(None, opening, &Load::All).await?;
        self.lane.process_toc();
        Ok(())
    }

    /// Ends the script.
    pub(super) async fn end(&mut self) -> Result<(), Stop> {
        let closing = self.script.end(None);
        self.steps(None, closing, &Load::All).await?;
        self.lane.drain().await
    }

    /// Drops an entry's object.
    pub(super) async fn drop_object(&mut self, id: DumpId) -> Result<(), Stop> {
        let plan = self.script.plan().clone();
        let Some(entry) = plan.entry(id) else {
            return Ok(());
        };
        let steps = self.script.drop_object(id);
        self.steps(Some(entry), steps, &Load::All).await.map(drop)
    }

    /// Restores an entry, or some of its rows.
    pub(super) async fn restore(&mut self, id: DumpId, load: &Load) -> Result<Outcome, Stop> {
        let plan = self.script.plan().clone();
        let Some(entry) = plan.entry(id) else {
            return Ok(Outcome::Told);
        };
        if matches!(load, Load::Analyze) {
            self.analyze(entry).await?;
            return Ok(Outcome::Told);
        }
        // Whoever gives out parts tells of the whole.
        let tracked = match load {
            Load::All | Load::Fresh | Load::Fed(_) | Load::FedFresh(_) => {
                Some(Tracked::new(entry, plan.wanted(id), &self.sizes))
            }
            Load::Again | Load::Nothing | Load::Analyze | Load::Segments(_) | Load::FedShared(_) => None,
        };
        if let Some(tracked) = &tracked {
            self.lane.mark(Mark::Begun(tracked.clone()));
        }
        let steps = self.script.restore(id, None)?;
        let outcome = self.steps(Some(entry), steps, load).await?;
        let done = std::mem::take(&mut self.lane.done);
        if let Some(tracked) = tracked {
            self.lane.mark(Mark::Done(tracked, done));
        }
        Ok(match outcome {
            Outcome::Part(part) => Outcome::Part(Done {
                bytes: done.bytes,
                ..part
            }),
            outcome => outcome,
        })
    }

    async fn analyze(&mut self, entry: &Entry) -> Result<(), Stop> {
        let Some(sql) = self.script.plan().analyze(entry) else {
            return Ok(());
        };
        self.lane.info(text!("analyzing \"", entry.tag, "\""));
        let purpose = Purpose::Execute;
        self.lane.statement(Some(entry), Statement { sql, purpose }).await
    }

    async fn steps(&mut self, entry: Option<&Entry>, steps: Vec<Step>, load: &Load) -> Result<Outcome, Stop> {
        let mut outcome = Outcome::Told;
        let group = entry.filter(|entry| self.is_for_many(entry));
        let mut together = Vec::new();
        for step in steps {
            if let Some(entry) = group {
                match step {
                    Step::Statement(statement) if statement.purpose == Purpose::Execute => {
                        together.push(statement);
                        continue;
                    }
                    Step::Note(_) => continue,
                    _ => self.together(entry, std::mem::take(&mut together)).await?,
                }
            }
            match (step, entry) {
                (Step::Rows(copy), Some(entry)) if !copy.is_empty() => {
                    outcome = self.rows(entry, &copy, load).await?;
                }
                // That the entry is being restored is said with its first part.
                (Step::Info(_), _) if matches!(load, Load::Segments(range) if range.start > 0) => {}
                (step, entry) => self.step(entry, step, load).await?,
            }
        }
        if let Some(entry) = group {
            self.together(entry, together).await?;
        }
        Ok(outcome)
    }

    /// Whether an entry's statements are the same one for each of many large objects, and each would be a transaction
    /// of its own.
    fn is_for_many(&self, entry: &Entry) -> bool {
        let is_group = entry.desc == Desc::BlobMetadata
            || entry.desc == Desc::Acl && entry.tag.starts_with(b"LARGE OBJECTS");
        is_group && !self.lane.in_block
    }

    /// Executes statements in one transaction; one by one if anything is refused, so that only that is missing.
    async fn together(&mut self, entry: &Entry, statements: Vec<Statement>) -> Result<(), Stop> {
        if statements.len() > 1 {
            let is_owner = self.user().await? == entry.owner_name();
            let all = batches::joined(&statements, is_owner);
            if self.lane.refusal(&all).await?.is_none() {
                return Ok(());
            }
        }
        for statement in statements {
            self.lane.statement(Some(entry), statement).await?;
        }
        Ok(())
    }

    /// The role to which what the session creates belongs.
    async fn user(&mut self) -> Result<&BStr, Stop> {
        if self.user.is_none() {
            self.lane.drain().await?;
            self.user = Some(self.lane.current_user().await?);
        }
        Ok(self.user.as_ref().map_or(BStr::new(""), |user| user.as_ref()))
    }

    async fn step(&mut self, entry: Option<&Entry>, step: Step, load: &Load) -> Result<(), Stop> {
        match (step, entry) {
            (Step::Note(_), _) => {}
            (Step::Info(message), _) => self.lane.info(message),
            (Step::Warning(message), _) => self.lane.warning(&message),
            (Step::Statement(statement), Some(entry)) if self.is_one_by_one(entry, &statement) => {
                for sql in one_by_one(&statement.sql) {
                    let purpose = Purpose::Execute;
                    self.lane
                        .statement(Some(entry), Statement { sql, purpose })
                        .await?;
                }
            }
            (Step::Statement(statement), _) => self.lane.statement(entry, statement).await?,
            (Step::Connect { database, .. }, _) => self.lane.reconnect(BStr::new(&database)).await?,
            (Step::Rows(_), Some(entry)) => {
                // Without a COPY statement the data is commands.
                let standard_strings = self.script.plan().settings().standard_strings;
                let incoming = Incoming::of(self.archive.as_deref_mut(), entry.dump_id, load.feed())?;
                self.lane.run_commands(incoming, entry, standard_strings).await?;
            }
            (Step::LargeObjects, Some(entry)) => {
                let plan = self.script.plan();
                let style = Style {
                    standard_strings: plan.settings().standard_strings,
                    creates: plan.origin().creates_large_objects,
                    drops: plan.options().drops != Drops::None,
                };
                let incoming = Incoming::of(self.archive.as_deref_mut(), entry.dump_id, load.feed())?;
                self.lane.write_large_objects(incoming, entry, style).await?;
            }
            // Data belongs to an entry; what belongs to none has no data.
            (Step::Rows(_) | Step::LargeObjects, None) => {}
        }
        Ok(())
    }

    /// Whether each of an entry's grants stands for itself: where one may be refused, the others are to be there.
    fn is_one_by_one(&self, entry: &Entry, statement: &Statement) -> bool {
        self.lane.managed.is_some()
            && statement.purpose == Purpose::Execute
            && matches!(entry.desc, Desc::Acl | Desc::DefaultAcl)
    }

    async fn rows(&mut self, entry: &Entry, copy: &[u8], load: &Load) -> Result<Outcome, Stop> {
        let id = entry.dump_id;
        if matches!(load, Load::Again | Load::Nothing) {
            // For itself: it is to stand even if the rows are refused.
            let truncate = self.script.plan().truncate_rows(entry).unwrap_or_default();
            if let Some(error) = self.lane.refusal(&truncate).await? {
                self.lane.loaded(entry, &truncate, Loaded::Refused(error))?;
                return Ok(Outcome::Told);
            }
        }
        let archive = self.archive.as_deref_mut();
        let incoming = match (load, archive) {
            (Load::Nothing, _) => return Ok(Outcome::Told),
            (Load::Segments(range), Some(archive)) => Incoming::Segments(archive, id, range.clone()),
            (load, archive) => Incoming::of(archive, id, load.feed())?,
        };
        let frozen = match load {
            Load::Fresh | Load::FedFresh(_) => self.script.plan().load_frozen(entry),
            _ => None,
        };
        let frozen = frozen.as_ref().map(|sql| sql.as_slice());
        let loaded = self.lane.load(copy, frozen, incoming).await?;
        match (load, loaded) {
            (Load::Segments(_) | Load::FedShared(_), Loaded::Rows(count)) => {
                return Ok(Outcome::Part(Done {
                    rows: count,
                    ..Done::default()
                }));
            }
            (Load::Segments(_), Loaded::Refused(error) | Loaded::Failed(error)) if !error.is_fatal() => {
                return Ok(Outcome::Refused);
            }
            (Load::FedShared(feed), loaded) => {
                if feed.refuse() {
                    self.lane.loaded(entry, copy, loaded)?;
                }
                return Ok(Outcome::Refused);
            }
            (_, loaded) => self.lane.loaded(entry, copy, loaded)?,
        }
        Ok(Outcome::Told)
    }
}

/// The statements of a text; the text itself if it has none that is ended.
fn one_by_one(sql: &BString) -> Vec<BString> {
    let found = statements(sql.as_bstr());
    let parts = found.into_iter().filter_map(|found| sql.get(found.range));
    let parts: Vec<BString> = parts.map(BString::from).collect();
    if parts.is_empty() {
        vec![sql.clone()]
    } else {
        parts
    }
}
