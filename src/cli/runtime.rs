//! Running a dump to its end: the runtime, signals, how it ended.

use tokio::runtime::{Builder, Runtime};

use super::message::Messages;
use super::report::Ending;
use crate::error::Result;

/// A runtime, or how that ended: then it has been told why there is none.
pub(super) fn start(messages: &Messages) -> Result<Runtime, Ending> {
    told(messages, Builder::new_multi_thread().enable_all().build())
}

/// A runtime for work that consists of waiting for a server: where no rows are compressed, each hand-over from one
/// thread to another costs more than what is done there.
pub(super) fn start_single(messages: &Messages) -> Result<Runtime, Ending> {
    told(messages, Builder::new_current_thread().enable_all().build())
}

fn told(messages: &Messages, runtime: std::io::Result<Runtime>) -> Result<Runtime, Ending> {
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
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = dump => Some(outcome),
            () = interrupted() => None,
        }
    });
    runtime.shutdown_background();
    match outcome {
        Some(Ok(())) => Ending::Complete,
        Some(Err(error)) => {
            messages.error(error.to_string());
            Ending::Failed
        }
        None => {
            messages.plain("terminated by user");
            Ending::Interrupted
        }
    }
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
