//! Command lines that cannot be parsed, in the words of the C tools; their help and version.

use std::io::Write;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::message::Messages;

/// Answers `--help` and `--version`, or says what is wrong with the command line.
pub(super) fn answer(error: &clap::Error, messages: &Messages) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let printed = write!(std::io::stdout().lock(), "{}", error.render());
        return if printed.is_ok() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        };
    }
    match in_getopts_words(error) {
        Some(text) => messages.plain(text),
        None => {
            let text = error.render().to_string();
            let first = text.lines().next().unwrap_or_default();
            messages.error(first.trim_start_matches("error: "));
        }
    }
    try_help(messages);
    ExitCode::FAILURE
}

/// Where more is to be found.
pub(super) fn try_help(messages: &Messages) {
    messages.hint(format!(
        "Try \"{} --help\" for more information.",
        messages.program()
    ));
}

fn in_getopts_words(error: &clap::Error) -> Option<String> {
    let argument = match error.get(ContextKind::InvalidArg)? {
        ContextValue::String(argument) => argument.as_str(),
        ContextValue::Strings(arguments) => arguments.first()?.as_str(),
        _ => return None,
    };
    // Clap names an option with its value's placeholder.
    let option = argument.split([' ', '=', '<']).next().unwrap_or(argument);
    let short = option.strip_prefix('-').filter(|rest| !rest.starts_with('-'));
    let has_value =
        matches!(error.get(ContextKind::InvalidValue), Some(ContextValue::String(v)) if !v.is_empty());
    match (error.kind(), short) {
        (ErrorKind::UnknownArgument, Some(letter)) => Some(format!("invalid option -- '{letter}'")),
        (ErrorKind::UnknownArgument, None) if option.starts_with("--") => {
            Some(format!("unrecognized option '{option}'"))
        }
        (ErrorKind::InvalidValue, Some(letter)) if !has_value => {
            Some(format!("option requires an argument -- '{letter}'"))
        }
        (ErrorKind::InvalidValue, None) if !has_value => {
            Some(format!("option '{option}' requires an argument"))
        }
        (ErrorKind::TooManyValues, None) => Some(format!("option '{option}' doesn't allow an argument")),
        _ => None,
    }
}
