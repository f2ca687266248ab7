//! One lane among several: a task with a session and an archive of its own, which does what it is given and tells
//! what became of it.

use std::collections::HashMap;
use std::sync::Arc;

use bstr::{BStr, BString};
use tokio::sync::mpsc::{Receiver, UnboundedSender, error::TryRecvError};

use super::entries::{Entries, Load, Outcome};
use super::feed::Feed;
use super::lane::{RestoreLane, Stop};
use super::managed::Managed;
use super::report::{Failure, Observer, Report, Skip};
use super::schedule::Job;
use crate::archive::Archive;
use crate::connect::ConnectParams;
use crate::progress::Progress;
use crate::script::{Plan, Script};
use crate::toc::DumpId;
use crate::wire::CancelToken;

/// What all lanes have in common.
pub(super) struct Setting {
    pub(super) params: ConnectParams,
    pub(super) plan: Arc<Plan>,
    pub(super) exit_on_error: bool,
    pub(super) sizes: Arc<HashMap<DumpId, u64>>,
    pub(super) progress: Arc<dyn Progress>,
    pub(super) managed: Option<Arc<Managed>>,
}

/// Something to do.
pub(super) struct Work {
    pub(super) job: Job,
    pub(super) load: Load,
}

/// Something told.
pub(super) enum Event {
    Info(BString),
    Warning(BString),
    Failure(Failure),
    Skipped(Skip),
    /// An entry's data has begun to come.
    Fed {
        id: DumpId,
        feed: Feed,
        is_large: bool,
    },
    /// All of it, so many bytes, has come.
    FedAll {
        id: DumpId,
        bytes: u64,
    },
    /// The data of all entries has come.
    FeedEnded,
    /// A lane's session stands.
    Connected {
        lane: usize,
        cancel: CancelToken,
    },
    /// A job has been done.
    Done {
        lane: usize,
        job: Job,
        outcome: Outcome,
    },
}

/// Does the work that comes until no more can come.
///
/// # Errors
/// The end of this lane, and so of the restore.
pub(super) async fn serve(
    lane: usize,
    setting: Arc<Setting>,
    mut archive: Option<Archive>,
    mut to_do: Receiver<Work>,
    events: UnboundedSender<Event>,
) -> Result<Report, Stop> {
    let mut relay = Relay {
        events: events.clone(),
        progress: Arc::clone(&setting.progress),
    };
    let params = setting.params.clone();
    let mut session = RestoreLane::connect(params, &mut relay, setting.exit_on_error).await?;
    session.managed = setting.managed.clone();
    let tell = |event| {
        // Whoever does not listen any more is about to end this task.
        let _ = events.send(event);
    };
    tell(Event::Connected {
        lane,
        cancel: session.cancel_token(),
    });
    let script = Script::new(Arc::clone(&setting.plan));
    let mut at_work = Entries::new(archive.as_mut(), session, script);
    at_work.sizes = Arc::clone(&setting.sizes);
    at_work.begin().await?;
    loop {
        let next = if at_work.lane.is_idle() {
            to_do.recv().await
        } else {
            match to_do.try_recv() {
                Ok(work) => Some(work),
                Err(TryRecvError::Empty) => {
                    at_work.lane.receive().await?;
                    tell_finished(&mut at_work, lane, &tell);
                    continue;
                }
                Err(TryRecvError::Disconnected) => None,
            }
        };
        let Some(Work { job, load }) = next else { break };
        match at_work.restore(job.id, &load).await? {
            Outcome::Told => at_work.lane.end_of(job),
            outcome => tell(Event::Done { lane, job, outcome }),
        }
        tell_finished(&mut at_work, lane, &tell);
    }
    at_work.lane.drain().await?;
    tell_finished(&mut at_work, lane, &tell);
    Ok(at_work.lane.close().await)
}

fn tell_finished(at_work: &mut Entries<'_, '_>, lane: usize, tell: &impl Fn(Event)) {
    for job in at_work.lane.finished() {
        tell(Event::Done {
            lane,
            job,
            outcome: Outcome::Told,
        });
    }
}

/// Passes on what a session tells. Whoever listens does nothing else, so that little can pile up.
struct Relay {
    events: UnboundedSender<Event>,
    progress: Arc<dyn Progress>,
}

impl Observer for Relay {
    fn info(&mut self, message: &BStr) {
        let _ = self.events.send(Event::Info(message.into()));
    }

    fn warning(&mut self, message: &BStr) {
        let _ = self.events.send(Event::Warning(message.into()));
    }

    fn failure(&mut self, failure: &Failure) {
        let _ = self.events.send(Event::Failure(failure.clone()));
    }

    fn skipped(&mut self, skip: &Skip) {
        let _ = self.events.send(Event::Skipped(skip.clone()));
    }

    fn progress(&self) -> Arc<dyn Progress> {
        Arc::clone(&self.progress)
    }
}
