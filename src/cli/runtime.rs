//! Running a dump to its end: the runtime, signals, the exit code.

use std::process::ExitCode;

use super::message::Messages;
use crate::error::Result;

/// Runs a dump, tells how it failed, and ends early when the user gives up: dropping the dump removes what it has
/// written so far.
pub(super) fn run_to_end(messages: &Messages, dump: impl Future<Output = Result<()>>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            messages.error(format!("could not start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = dump => Some(outcome),
            () = interrupted() => None,
        }
    });
    runtime.shutdown_background();
    match outcome {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(error)) => {
            messages.error(error.to_string());
            ExitCode::FAILURE
        }
        None => {
            messages.plain("terminated by user");
            ExitCode::FAILURE
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
