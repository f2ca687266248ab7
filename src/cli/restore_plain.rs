//! `rsrestore` on a plain dump: which of its options mean something there. All that choose or change entries of an
//! archive are refused, so that nobody believes that they were obeyed.

use clap::{Arg, CommandFactory};

use super::checks::Refusal;
use super::restore::Args;
use crate::restore::plain::PlainOptions;

/// The options that plain dumps can be restored with, by their names in [`Args`].
const FOLLOWED: [&str; 12] = [
    "dbname",
    "host",
    "port",
    "username",
    "no_password",
    "password",
    "role",
    "exit_on_error",
    "single_transaction",
    "verbose",
    "progress",
    "report",
];

/// Refuses what makes no sense among the options typed, given by their names, and reads the rest.
pub(super) fn check(args: &Args, typed: &[String]) -> Result<PlainOptions, Refusal> {
    let command = Args::command();
    let refused = command.get_arguments().find(|option| {
        let id = option.get_id().as_str();
        !FOLLOWED.contains(&id) && typed.iter().any(|typed| typed == id)
    });
    if let Some(option) = refused {
        return Err(format!(
            "option {} cannot be used with a plain-text dump, which is executed as it is",
            name(option)
        )
        .into());
    }
    Ok(PlainOptions {
        exit_on_error: args.exit_on_error,
        single_transaction: args.single_transaction,
        role: args.connection.role(),
        keep_roles_and_tablespaces: false,
    })
}

fn name(option: &Arg) -> String {
    match (option.get_short(), option.get_long()) {
        (Some(short), Some(long)) => format!("-{short}/--{long}"),
        (Some(short), None) => format!("-{short}"),
        (None, Some(long)) => format!("--{long}"),
        (None, None) => option.get_id().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn checked(line: &str, typed: &[&str]) -> Result<PlainOptions, String> {
        let args = Args::try_parse_from(line.split(' ')).unwrap();
        let typed: Vec<String> = typed.iter().map(ToString::to_string).collect();
        check(&args, &typed).map_err(|refusal| refusal.text)
    }

    #[test]
    fn only_what_a_script_can_follow_is_taken() {
        let typed = [
            "dbname",
            "host",
            "role",
            "exit_on_error",
            "single_transaction",
            "verbose",
        ];
        let options = checked("rsrestore -d a -h b --role=r -e -1 -v a.sql", &typed).unwrap();
        assert!(options.exit_on_error && options.single_transaction);
        assert_eq!(options.role.unwrap(), "r");
        for (id, option) in [
            ("list", "-l/--list"),
            ("section", "--section"),
            ("jobs", "-j/--jobs"),
            ("create", "-C/--create"),
        ] {
            let told = checked("rsrestore a.sql", &["dbname", id]).unwrap_err();
            assert!(told.starts_with(&format!("option {option} cannot")), "{told}");
        }
    }

    #[test]
    fn options_that_are_followed_exist() {
        let command = Args::command();
        let exists = |id: &&str| command.get_arguments().any(|option| option.get_id() == *id);
        assert!(FOLLOWED.iter().all(exists));
    }
}
