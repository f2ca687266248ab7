//! How far a run is, for people and programs that watch it: `--progress`, and what `--report` says of it afterwards.
//!
//! [`track`] keeps what the library tells, [`estimate`] makes a share and a time of it, [`display`] shows it. The report is
//! [`super::report`]'s.

pub(super) mod display;
mod estimate;
pub(super) mod track;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::checks::Refusal;
use super::message::Messages;
use display::Style;

/// The options as typed.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct ProgressArgs {
    /// Show how far it is: auto (a bar on a terminal, else a line every 30 seconds), never or json
    #[arg(long, value_name = "auto|never|json", help_heading = "General options")]
    progress: Option<String>,
    /// Write a report of the run to this file, in JSON
    #[arg(long, value_name = "FILENAME", value_parser = super::usage::path(), help_heading = "General options")]
    pub(super) report: Option<PathBuf>,
}

/// Seconds between two lines where there is no terminal: short runs say nothing.
const LINES: Duration = Duration::from_secs(30);
const BAR: Duration = Duration::from_millis(100);
const JSON: Duration = Duration::from_secs(1);

impl ProgressArgs {
    /// How progress is shown. `on_stdout`: the dump itself goes there, and must not be mixed with a bar on the same
    /// terminal. Under the names of PostgreSQL's tools nothing is shown unless it was asked for.
    pub(super) fn style(
        &self,
        messages: &Messages,
        on_stdout: bool,
    ) -> Result<Option<(Style, Duration)>, Refusal> {
        match self.progress.as_deref() {
            Some("never") => Ok(None),
            Some("json") => Ok(Some((Style::Json, JSON))),
            None if messages.like_pg_tools() => Ok(None),
            None | Some("auto") => {
                let mixed = on_stdout && std::io::stdout().is_terminal();
                let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
                Ok(Some(match std::io::stderr().is_terminal() && !mixed && !dumb {
                    true => (Style::Bar, BAR),
                    false => (Style::Lines, LINES),
                }))
            }
            Some(other) => Err(Refusal::with_hint(format!(
                "unrecognized kind of progress \"{other}\"; please specify \"auto\", \"never\", or \"json\""
            ))),
        }
    }
}
