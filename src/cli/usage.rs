//! From argv to the options as typed; help, version, and command lines that cannot be parsed, in the words of the C
//! tools.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::error::ErrorKind;

use super::checks::Refusal;
use super::getopt::{self, Complaint};
use super::message::Messages;

/// Parses an argv, or answers it: with help, the version, or what is wrong with it. `abbreviated` and `check` are
/// [`getopt::take_apart`]'s.
pub(super) fn parse<A: Parser>(
    argv: Vec<OsString>,
    abbreviated: &[&str],
    messages: &Messages,
    check: impl FnMut(&str, &OsStr) -> Result<(), Refusal>,
) -> Result<A, ExitCode> {
    let command = A::command();
    let argv =
        getopt::take_apart(&command, abbreviated, argv, check).map_err(|complaint| match complaint {
            Complaint::Usage(text) => {
                messages.plain(text);
                try_help(messages);
                ExitCode::FAILURE
            }
            Complaint::Refused(refusal) => refusal.tell(messages),
        })?;
    A::try_parse_from(argv).map_err(|error| answer(&error, messages))
}

fn answer(error: &clap::Error, messages: &Messages) -> ExitCode {
    let text = match error.kind() {
        ErrorKind::DisplayVersion => version(messages),
        ErrorKind::DisplayHelp => error.render().to_string(),
        // The words were sorted out before: only a value that is no text can be wrong now.
        _ => {
            let text = error.render().to_string();
            let first = text.lines().next().unwrap_or_default();
            messages.error(first.trim_start_matches("error: "));
            try_help(messages);
            return ExitCode::FAILURE;
        }
    };
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// What `--version` prints. Programs that ask a pg_dump for its version want to know what servers it can dump, and
/// look for PostgreSQL's words.
fn version(messages: &Messages) -> String {
    let program = messages.program();
    let ours = env!("CARGO_PKG_VERSION");
    match messages.like_pg_tools() {
        true => format!("{program} (PostgreSQL) {COMPATIBLE_WITH} (rsdump {ours})\n"),
        false => format!("{program} {ours}\n"),
    }
}

/// The release whose tools are followed.
const COMPATIBLE_WITH: &str = "18.6";

/// A path as typed. The empty one is refused when it is opened, in the system's words.
pub(super) fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// Where more is to be found.
pub(super) fn try_help(messages: &Messages) {
    messages.hint(format!(
        "Try \"{} --help\" for more information.",
        messages.program()
    ));
}
