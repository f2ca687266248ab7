//! Checks that several commands make of their options, in the words of the C tools.

use std::ffi::OsStr;
use std::ops::RangeInclusive;
use std::process::ExitCode;

use super::message::Messages;
use super::usage;
use crate::error::Error;
use crate::toc::selection::Sections;

/// A command line that is refused.
#[derive(Debug)]
pub(super) struct Refusal {
    /// Why.
    pub(super) text: String,
    /// Whether the help would help.
    pub(super) hint: bool,
}

impl From<String> for Refusal {
    fn from(text: String) -> Self {
        Refusal { text, hint: false }
    }
}

impl From<&str> for Refusal {
    fn from(text: &str) -> Self {
        text.to_string().into()
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        error.to_string().into()
    }
}

impl Refusal {
    /// A refusal after which the help is pointed at.
    pub(super) fn with_hint(text: impl Into<String>) -> Refusal {
        Refusal {
            text: text.into(),
            hint: true,
        }
    }

    /// Tells the user.
    pub(super) fn tell(&self, messages: &Messages) -> ExitCode {
        messages.error(&self.text);
        if self.hint {
            usage::try_help(messages);
        }
        ExitCode::FAILURE
    }
}

/// Whether an option was given, and how it is called.
pub(super) type Given = (bool, &'static str);

/// Refuses options of which two exclude each other.
pub(super) fn exclusive(pairs: &[(Given, Given)]) -> Result<(), Refusal> {
    for ((one, one_name), (other, other_name)) in pairs {
        if *one && *other {
            return Err(format!("options {one_name} and {other_name} cannot be used together").into());
        }
    }
    Ok(())
}

/// Checks one value as it is typed: what is the same in several programs. `None` where it is not.
pub(super) fn value(id: &str, value: &OsStr) -> Option<Result<(), Refusal>> {
    let text = value.to_string_lossy();
    let count = |option| number(Some(&text), option, POSITIVE).map(|_| ());
    Some(match id {
        "jobs" => count("-j/--jobs"),
        "rows_per_insert" => count("--rows-per-insert"),
        "transaction_size" => count("--transaction-size"),
        "section" => sections(&[text.into_owned()]).map(|_| ()),
        _ => return None,
    })
}

/// The numbers that counts may be.
pub(super) const POSITIVE: RangeInclusive<i64> = 1..=0x7fff_ffff;

/// The sections named, or all.
pub(super) fn sections(names: &[String]) -> Result<Sections, Refusal> {
    let mut sections = if names.is_empty() {
        Sections::ALL
    } else {
        Sections::NONE
    };
    for name in names {
        match name.as_str() {
            "pre-data" => sections.pre_data = true,
            "data" => sections.data = true,
            "post-data" => sections.post_data = true,
            _ => {
                return Err(Refusal::with_hint(format!(
                    "unrecognized section name: \"{name}\""
                )));
            }
        }
    }
    Ok(sections)
}

/// A number within bounds.
pub(super) fn number(
    text: Option<&str>,
    option: &str,
    range: RangeInclusive<i64>,
) -> Result<Option<i64>, Refusal> {
    let Some(text) = text else { return Ok(None) };
    let digits = text.trim();
    let number = match digits.parse::<i64>() {
        Ok(number) => Some(number),
        // Nothing is nought to the C tools.
        Err(_) if digits.is_empty() => Some(0),
        Err(_) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(i64::MAX),
        Err(_) => None,
    };
    let Some(number) = number else {
        return Err(format!("invalid value \"{text}\" for option {option}").into());
    };
    if !range.contains(&number) {
        let (least, most) = range.into_inner();
        return Err(format!("{option} must be in range {least}..{most}").into());
    }
    Ok(Some(number))
}
