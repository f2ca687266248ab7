//! Running a dump to its end: the runtime, signals, how it ended.

use std::sync::OnceLock;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use super::message::Messages;
use super::report::Ending;
use crate::connect::Interrupts;
use crate::error::Result;

/// How long a server has to take the requests to interrupt what it is doing.
const PATIENCE: Duration = Duration::from_secs(5);

/// So many lanes of a dump are served by one thread: what they do with a row takes a small part of the time that the
/// server needs for it, and each hand-over from one thread to another costs more than that. Compression has threads of
/// its own.
const LANES_OF_A_THREAD: usize = 4;

/// A runtime for a dump with so many jobs.
pub(super) fn start_dump(messages: &Messages, jobs: usize) -> Result<Runtime, Ending> {
    start(messages, jobs.div_ceil(LANES_OF_A_THREAD))
}

/// A runtime of so many threads, but no more than there are processors; or how that ended: then it has been told why
/// there is none.
pub(super) fn start(messages: &Messages, threads: usize) -> Result<Runtime, Ending> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = match threads.min(processors) {
        0 | 1 => Builder::new_current_thread().enable_all().build(),
        threads => Builder::new_multi_thread()
            .worker_threads(threads)
            .enable_all()
            .build(),
    };
    runtime.map_err(|error| {
        messages.error(format!("could not start: {error}"));
        Ending::Failed
    })
}

/// Runs a dump, tells how it failed, and ends early when the user gives up: dropping the dump removes what it has
/// written so far.
pub(super) fn run_to_end(
    messages: &Messages,
    runtime: Result<Runtime, Ending>,
    dump: impl Future<Output = Result<()>>,
) -> Ending {
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(ending) => return ending,
    };
    let outcome = runtime.block_on(unless_interrupted(dump));
    runtime.shutdown_background();
    match outcome {
        Some(Ok(())) => Ending::Complete,
        Some(Err(error)) => {
            messages.error(error.to_string());
            Ending::Failed
        }
        None => given_up(messages),
    }
}

/// Does the work, or nothing if the user gives up meanwhile: then what the server is doing for it is interrupted.
pub(super) async fn unless_interrupted<T>(work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        outcome = work => return Some(outcome),
        () = interrupted() => {}
    }
    // A server that does not answer is not waited for.
    let _ = tokio::time::timeout(PATIENCE, sessions().interrupt()).await;
    None
}

/// Tells that the user gave up.
pub(super) fn given_up(messages: &Messages) -> Ending {
    messages.plain("terminated by user");
    Ending::Interrupted
}

/// The sessions of this process: a signal, which is the process's, interrupts all of them.
pub(super) fn sessions() -> Interrupts {
    static SESSIONS: OnceLock<Interrupts> = OnceLock::new();
    SESSIONS.get_or_init(Interrupts::default).clone()
}

/// Waits for the user to give up.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut int), Ok(mut term)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        // Then a signal ends the process at once.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = int.recv() => {}
        _ = term.recv() => {}
    }
}
