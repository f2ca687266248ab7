//! argv as the C tools read it: abbreviations, joined short options, arguments anywhere, complaints in the words of
//! `getopt_long`.
//!
//! What options there are is said once, in the clap structs; this takes an argv apart by that list, shows each option
//! to whoever checks values in the order in which they were typed, and gives clap an argv without anything to complain
//! about. Options that PostgreSQL's tools do not have must be spelled out, so that every abbreviation
//! means here what it means there.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use clap::{Arg, ArgAction, Command};

use super::checks::Refusal;

/// Why an argv was not accepted.
pub(super) enum Complaint {
    /// It cannot be taken apart.
    Usage(String),
    /// A value was refused.
    Refused(Refusal),
}

/// One way to spell an option.
struct Spelling<'a> {
    name: &'a str,
    option: &'a Arg,
}

impl Spelling<'_> {
    fn takes_value(&self) -> bool {
        takes_value(self.option)
    }
}

fn takes_value(option: &Arg) -> bool {
    matches!(option.get_action(), ArgAction::Set | ArgAction::Append)
}

/// Takes `argv` apart. `abbreviated` are the long options that may be, in the order in which a C tool lists them.
///
/// # Errors
/// The first complaint, be it of the spelling or of `check`, which is given each option's id and value.
pub(super) fn take_apart(
    command: &Command,
    abbreviated: &[&str],
    argv: Vec<OsString>,
    mut check: impl FnMut(&str, &OsStr) -> Result<(), Refusal>,
) -> Result<Vec<OsString>, Complaint> {
    let mut argv = argv.into_iter();
    let mut options: Vec<OsString> = argv.next().into_iter().collect();
    let mut arguments: Vec<OsString> = vec!["--".into()];
    let mut found = |option: &Arg, value: Option<OsString>| {
        let id = option.get_id().as_str();
        check(id, value.as_deref().unwrap_or_default()).map_err(Complaint::Refused)?;
        let mut word = OsString::from("--");
        word.push(option.get_long().unwrap_or(id));
        if let Some(value) = value {
            word.push("=");
            word.push(value);
        }
        options.push(word);
        Ok(())
    };
    while let Some(word) = argv.next() {
        let bytes = word.as_bytes();
        if bytes == b"--" {
            arguments.extend(argv.by_ref());
        } else if let Some(long) = bytes.strip_prefix(b"--") {
            let (option, value) = long_option(command, abbreviated, long)?;
            let value = match value {
                None if option.takes_value() => Some(argv.next().ok_or_else(|| {
                    Complaint::Usage(format!("option '--{}' requires an argument", option.name))
                })?),
                value => value,
            };
            found(option.option, value)?;
        } else if bytes.len() > 1 && bytes.starts_with(b"-") {
            let mut letters = &bytes[1..];
            while let Some((&letter, rest)) = letters.split_first() {
                letters = rest;
                let option = short_option(command, letter)?;
                if !takes_value(option) {
                    found(option, None)?;
                    continue;
                }
                let value = match std::mem::take(&mut letters) {
                    [] => argv.next().ok_or_else(|| {
                        let letter = char::from(letter);
                        Complaint::Usage(format!("option requires an argument -- '{letter}'"))
                    })?,
                    joined => OsString::from_vec(joined.to_vec()),
                };
                found(option, Some(value))?;
            }
        } else {
            arguments.push(word);
        }
    }
    options.extend(arguments);
    Ok(options)
}

fn short_option(command: &Command, letter: u8) -> Result<&Arg, Complaint> {
    let wanted = Some(char::from(letter));
    let mut options = command.get_arguments();
    options
        .find(|option| option.get_short() == wanted)
        .ok_or_else(|| {
            let letter = String::from_utf8_lossy(&[letter]).into_owned();
            Complaint::Usage(format!("invalid option -- '{letter}'"))
        })
}

/// The long option that `text`, which stands behind two dashes, means, and the value behind an equals sign.
fn long_option<'a>(
    command: &'a Command,
    abbreviated: &[&str],
    text: &[u8],
) -> Result<(Spelling<'a>, Option<OsString>), Complaint> {
    let (name, value) = match text.iter().position(|byte| *byte == b'=') {
        Some(end) => (&text[..end], Some(OsString::from_vec(text[end + 1..].to_vec()))),
        None => (text, None),
    };
    let typed = String::from_utf8_lossy(text);
    let mut all = spellings(command);
    let place = |spelling: &Spelling| abbreviated.iter().position(|name| *name == spelling.name);
    let spelling = match all.iter().position(|spelling| spelling.name.as_bytes() == name) {
        Some(exact) => all.swap_remove(exact),
        None => {
            all.retain(|spelling| spelling.name.as_bytes().starts_with(name) && place(spelling).is_some());
            all.sort_by_key(place);
            let Some(first) = all.first().map(|spelling| spelling.option.get_id()) else {
                return Err(Complaint::Usage(format!("unrecognized option '--{typed}'")));
            };
            // Two spellings of the first one's option are no choice.
            let others = || all.iter().skip(1).filter(|s| s.option.get_id() != first);
            if others().next().is_some() {
                let names = all.iter().take(1).chain(others());
                let names: String = names.map(|spelling| format!(" '--{}'", spelling.name)).collect();
                return Err(Complaint::Usage(format!(
                    "option '--{typed}' is ambiguous; possibilities:{names}"
                )));
            }
            all.swap_remove(0)
        }
    };
    if value.is_some() && !spelling.takes_value() {
        return Err(Complaint::Usage(format!(
            "option '--{}' doesn't allow an argument",
            spelling.name
        )));
    }
    Ok((spelling, value))
}

/// All long names of all options.
fn spellings(command: &Command) -> Vec<Spelling<'_>> {
    let options = command.get_arguments();
    let names = options.flat_map(|option| {
        let aliases = option.get_all_aliases().unwrap_or_default();
        let names = option.get_long().into_iter().chain(aliases);
        names.map(move |name| Spelling { name, option })
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    #[command(disable_help_flag = true)]
    #[allow(dead_code, reason = "only the definitions are looked at")]
    struct Args {
        #[arg(short = 'x', long, alias = "no-acl")]
        no_privileges: bool,
        #[arg(short = 'O', long)]
        no_owner: bool,
        #[arg(short = 'f', long)]
        file: Option<OsString>,
        #[arg(long)]
        archive_version: Option<String>,
        #[arg(short = 't', long, action = ArgAction::Append)]
        table: Vec<OsString>,
        rest: Vec<OsString>,
    }

    const ABBREVIATED: [&str; 5] = ["no-owner", "no-privileges", "no-acl", "file", "table"];

    fn taken(words: &[&str]) -> Result<Vec<String>, String> {
        use clap::CommandFactory;
        let argv = std::iter::once("x").chain(words.iter().copied());
        let taken = take_apart(
            &Args::command(),
            &ABBREVIATED,
            argv.map(OsString::from).collect(),
            |id, value| match (id, value.to_str()) {
                ("table", Some("bad")) => Err("bad table".into()),
                _ => Ok(()),
            },
        );
        match taken {
            Ok(words) => Ok(words
                .into_iter()
                .skip(1)
                .map(|w| w.into_string().unwrap())
                .collect()),
            Err(Complaint::Usage(text)) => Err(text),
            Err(Complaint::Refused(refusal)) => Err(refusal.text),
        }
    }

    #[test]
    fn options_stand_anywhere_and_may_be_joined_or_abbreviated() {
        assert_eq!(
            taken(&["db", "-xOfout", "--tab", "a", "--fi=b=c", "-t", "-x"]).unwrap(),
            [
                "--no-privileges",
                "--no-owner",
                "--file=out",
                "--table=a",
                "--file=b=c",
                "--table=-x",
                "--",
                "db"
            ]
        );
        assert_eq!(
            taken(&["-x", "--", "-x", "--"]).unwrap(),
            ["--no-privileges", "--", "-x", "--"]
        );
        assert_eq!(taken(&["-", "--no-a"]).unwrap(), ["--no-privileges", "--", "-"]);
    }

    #[test]
    fn complaints_are_those_of_getopt() {
        let refused = |word: &str| taken(&[word]).unwrap_err();
        assert_eq!(refused("-q"), "invalid option -- 'q'");
        assert_eq!(refused("-xf"), "option requires an argument -- 'f'");
        assert_eq!(refused("--fil"), "option '--file' requires an argument");
        assert_eq!(
            refused("--no-o=1"),
            "option '--no-owner' doesn't allow an argument"
        );
        assert_eq!(refused("--nix=1"), "unrecognized option '--nix=1'");
        assert_eq!(
            refused("--no"),
            "option '--no' is ambiguous; possibilities: '--no-owner' '--no-privileges' '--no-acl'"
        );
    }

    #[test]
    fn our_own_options_are_not_abbreviated() {
        assert_eq!(
            taken(&["--archive-version=1.14"]).unwrap(),
            ["--archive-version=1.14", "--"]
        );
        assert!(taken(&["--archive=1.14"]).is_err());
    }

    #[test]
    fn the_first_complaint_counts() {
        assert_eq!(taken(&["-tbad", "--nix"]).unwrap_err(), "bad table");
        assert_eq!(
            taken(&["--nix", "-tbad"]).unwrap_err(),
            "unrecognized option '--nix'"
        );
    }
}
