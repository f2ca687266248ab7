//! The command lines of the three binaries: argv as typed, turned into the library's options, and the
//! messages people read. Nothing here decides what is dumped or restored.

mod account;
mod checks;
pub mod connection;
mod content;
pub mod dump;
mod dump_options;
pub mod dumpall;
mod filter;
mod getopt;
mod managed;
pub mod message;
mod progress;
mod report;
pub mod restore;
mod restore_cluster;
mod restore_options;
mod restore_plain;
mod runtime;
mod usage;
mod verify;

use clap::{CommandFactory, ValueHint};

/// The three programs as clap describes them: for completions and manual pages.
pub fn commands() -> [clap::Command; 3] {
    [
        dump::Args::command(),
        restore::Args::command(),
        dumpall::Args::command(),
    ]
    .map(|command| {
        command.mut_args(|option| {
            let is_file = option.get_value_names().is_some_and(|names| {
                names
                    .iter()
                    .any(|name| matches!(name.as_str(), "FILENAME" | "FILE"))
            });
            if is_file {
                option.value_hint(ValueHint::FilePath)
            } else {
                option
            }
        })
    })
}

#[cfg(test)]
#[path = "../../examples/pages.rs"]
mod pages;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::pages;

    #[test]
    fn pages_and_completions_are_up_to_date() {
        let share = Path::new(env!("CARGO_MANIFEST_DIR")).join("share");
        for (path, text) in pages::pages().unwrap() {
            let there = std::fs::read(share.join(&path)).unwrap_or_default();
            let path = path.display();
            assert!(
                there == text,
                "share/{path} is not up to date: cargo run --example pages"
            );
        }
    }

    #[test]
    fn every_option_is_in_every_page() {
        let pages = pages::pages().unwrap();
        for command in super::commands() {
            let name = command.get_name();
            let texts = pages.iter().filter(|(path, _)| {
                let file = path
                    .file_stem()
                    .and_then(|stem| stem.to_str())
                    .unwrap_or_default();
                file.trim_start_matches('_') == name
            });
            let texts: Vec<String> = texts
                .map(|(_, text)| String::from_utf8_lossy(text).replace('\\', ""))
                .collect();
            assert_eq!(texts.len(), 4, "{name}");
            let options = command.get_arguments().filter(|option| !option.is_hide_set());
            for long in options.filter_map(clap::Arg::get_long) {
                let with = texts.iter().filter(|text| text.contains(long)).count();
                assert_eq!(with, 4, "{name} --{long}");
            }
        }
    }
}
