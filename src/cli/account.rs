//! What a run tells of itself beside its messages: progress while it goes on, a report when it has ended.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use jiff::Timestamp;

use super::checks::Refusal;
use super::message::Messages;
use super::progress::ProgressArgs;
use super::progress::display::{Display, Style};
use super::progress::track::Track;
use super::report::{self, Ending};
use crate::progress::Progress;

/// The account of one run.
pub(super) struct Account {
    messages: Messages,
    track: Arc<Track>,
    display: Option<Display>,
    json: bool,
    report: Option<PathBuf>,
    started: Timestamp,
}

impl Account {
    /// Opens an account. `on_stdout`: what is dumped goes there.
    pub(super) fn open(
        args: &ProgressArgs,
        messages: &Messages,
        on_stdout: bool,
    ) -> Result<Account, Refusal> {
        let style = args.style(messages, on_stdout)?;
        let track = Arc::new(Track::new(style.is_some(), args.report.is_some()));
        let display = style.map(|(style, pace)| Display::start(style, pace, Arc::clone(&track), messages));
        Ok(Account {
            messages: messages.clone(),
            track,
            display,
            json: style.is_some_and(|(style, _)| style == Style::Json),
            report: args.report.clone(),
            started: Timestamp::now(),
        })
    }

    /// Who is told how far it is.
    pub(super) fn progress(&self) -> Arc<dyn Progress> {
        Arc::<Track>::clone(&self.track)
    }

    /// Ends the display and writes the report; returns what to exit with.
    pub(super) fn close(mut self, mut ending: Ending) -> ExitCode {
        self.display = None;
        if let Some(path) = &self.report {
            let report = report::report(
                &self.messages.program().to_string(),
                (self.started, Timestamp::now()),
                ending,
                &self.track.state(),
                &self.messages.journal(),
            );
            if let Err(error) = report::write(path, &report) {
                let path = path.display();
                self.messages
                    .error(format!("could not write report \"{path}\": {error}"));
                ending = Ending::Failed;
            }
        }
        if self.json {
            self.messages.json(&report::ended(ending));
        }
        ExitCode::from(ending.code())
    }
}
