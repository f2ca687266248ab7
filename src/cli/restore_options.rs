//! What rsrestore's options mean together: checked in pg_restore's order and words, and turned into what the
//! library takes.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use bstr::BString;

use super::checks::{self, POSITIVE, Refusal, exclusive, number, sections};
use super::connection::bytes;
use super::filter::{self, Command, Kind};
use super::restore::Args;
use crate::restore::RestoreOptions;
use crate::script::{ScriptOptions, Transactions, is_valid_restrict_key, random_restrict_key};
use crate::toc::Selection;
use crate::toc::selection::Sections;

/// What is to be done, once the options have been found to agree.
pub(super) struct Job {
    pub(super) action: Action,
    pub(super) input: Option<PathBuf>,
    pub(super) use_list: Option<PathBuf>,
    pub(super) options: RestoreOptions,
}

pub(super) enum Action {
    List(Option<PathBuf>),
    Verify(Option<PathBuf>),
    Script(Option<PathBuf>),
    Server,
}

/// What filter files ask for.
#[derive(Debug, Default)]
pub(super) struct Filters(Vec<(Command, Kind, OsString)>);

impl Filters {
    fn read(&mut self, path: &OsStr) -> Result<(), Refusal> {
        filter::read(path, |command, kind, pattern| {
            self.0.push((command, kind, pattern));
            match command {
                Command::Include => matches!(
                    kind,
                    Kind::Function | Kind::Index | Kind::Schema | Kind::Table | Kind::Trigger
                ),
                Command::Exclude => kind == Kind::Schema,
            }
        })
    }

    /// Adds the items to the options that say the same.
    pub(super) fn add_to(self, args: &mut Args) {
        for (command, kind, name) in self.0 {
            let names = match (command, kind) {
                (Command::Include, Kind::Function) => &mut args.function,
                (Command::Include, Kind::Index) => &mut args.index,
                (Command::Include, Kind::Schema) => &mut args.schema,
                (Command::Include, Kind::Table) => &mut args.table,
                (Command::Include, Kind::Trigger) => &mut args.trigger,
                (Command::Exclude, Kind::Schema) => &mut args.exclude_schema,
                _ => continue,
            };
            names.push(name);
        }
    }
}

/// Checks a value as it is typed, and reads filter files.
pub(super) fn check_value(id: &str, value: &OsStr, filters: &mut Filters) -> Result<(), Refusal> {
    match id {
        "filter" => filters.read(value),
        _ => checks::value(id, value).unwrap_or(Ok(())),
    }
}

/// Checks that the options agree.
pub(super) fn check(args: &Args) -> Result<Job, Refusal> {
    let format = args.format.as_deref();
    let sections = sections(&args.content.section)?;
    let jobs = number(args.jobs.as_deref(), "-j/--jobs", POSITIVE)?;
    let transaction_size = number(args.transaction_size.as_deref(), "--transaction-size", POSITIVE)?;
    if let Some(extra) = args.input.get(1) {
        let text = format!(
            "too many command-line arguments (first is \"{}\")",
            extra.display()
        );
        return Err(Refusal::with_hint(text));
    }
    let has_database = args.connection.dbname.is_some();
    if !has_database && args.file.is_none() && !args.list && !args.verify {
        return Err("one of -d/--dbname and -f/--file must be specified".into());
    }
    if has_database && args.file.is_some() {
        return Err(Refusal::with_hint(
            "options -d/--dbname and -f/--file cannot be used together",
        ));
    }
    let verify = (args.verify, "--verify");
    exclusive(&[
        (
            (has_database, "-d/--dbname"),
            (args.content.restrict_key.is_some(), "--restrict-key"),
        ),
        ((has_database, "-d/--dbname"), verify),
        ((args.list, "-l/--list"), verify),
    ])?;
    let restrict_key = restrict_key(args)?;
    check_parts(args)?;
    let single_transaction = (args.single_transaction, "-1/--single-transaction");
    exclusive(&[
        ((args.content.create, "-C/--create"), single_transaction),
        (
            single_transaction,
            (transaction_size.is_some(), "--transaction-size"),
        ),
    ])?;
    if args.single_transaction && jobs.is_some_and(|jobs| jobs > 1) {
        return Err("cannot specify both --single-transaction and multiple jobs".into());
    }
    if args.analyze && !has_database {
        return Err("option --analyze requires option -d/--dbname".into());
    }
    if args.content.if_exists && !args.content.clean {
        return Err("option --if-exists requires option -c/--clean".into());
    }
    args.managed.check(
        has_database,
        &[
            single_transaction,
            (transaction_size.is_some(), "--transaction-size"),
            (
                args.content.use_set_session_authorization,
                "--use-set-session-authorization",
            ),
        ],
    )?;
    let roles = args.managed.roles()?;
    check_format(format)?;
    let output = args.file.clone().filter(|file| file.as_os_str() != "-");
    let transaction_size = transaction_size.and_then(|size| u32::try_from(size).ok());
    let action = if args.verify {
        Action::Verify(output)
    } else if args.list {
        Action::List(output)
    } else if has_database {
        Action::Server
    } else {
        Action::Script(output)
    };
    Ok(Job {
        action,
        // Only where no stock tool takes it for the name of a file.
        input: args
            .input
            .first()
            .filter(|input| !(args.verify && input.as_os_str() == "-"))
            .map(PathBuf::from),
        use_list: args.use_list.clone(),
        options: RestoreOptions {
            selection: selection(args, sections),
            script: script_options(args, transaction_size, restrict_key),
            list: None,
            exit_on_error: args.exit_on_error || args.single_transaction || transaction_size.is_some(),
            no_data_for_failed_tables: args.no_data_for_failed_tables,
            roles,
            managed: args.managed.managed,
            analyze: args.analyze,
            jobs: jobs.and_then(|jobs| usize::try_from(jobs).ok()).unwrap_or(1),
            ..RestoreOptions::default()
        },
    })
}

/// Checks the options that say which parts are restored.
fn check_parts(args: &Args) -> Result<(), Refusal> {
    let [schema_only, data_only, statistics_only] = args.content.only_parts();
    let statistics = (args.content.statistics, "--statistics");
    let no_statistics = (args.content.no_statistics, "--no-statistics");
    let pairs = [
        (schema_only, data_only),
        (schema_only, statistics_only),
        (data_only, statistics_only),
        (schema_only, (args.content.no_schema, "--no-schema")),
        (data_only, (args.content.no_data, "--no-data")),
        (statistics_only, no_statistics),
        (schema_only, statistics),
        (data_only, statistics),
        (statistics, no_statistics),
        ((args.content.clean, "-c/--clean"), data_only),
    ];
    exclusive(&pairs)
}

fn restrict_key(args: &Args) -> Result<Option<String>, Refusal> {
    match &args.content.restrict_key {
        _ if args.connection.dbname.is_some() => Ok(None),
        None => Ok(Some(random_restrict_key())),
        Some(key) if is_valid_restrict_key(key) => Ok(Some(key.clone())),
        Some(_) => Err("invalid restrict key".into()),
    }
}

fn check_format(format: Option<&str>) -> Result<(), Refusal> {
    match format
        .and_then(|name| name.chars().next())
        .map(|letter| letter.to_ascii_lowercase())
    {
        None | Some('c' | 'd' | 't') => Ok(()),
        Some('p') => Err("archive format \"p\" is not supported; please use psql".into()),
        Some(_) => Err(format!(
            "unrecognized archive format \"{}\"; please specify \"c\", \"d\", or \"t\"",
            format.unwrap_or_default()
        )
        .into()),
    }
}

fn selection(args: &Args, sections: Sections) -> Selection {
    Selection {
        schemas: names(&args.schema),
        excluded_schemas: names(&args.exclude_schema),
        tables: names(&args.table),
        indexes: names(&args.index),
        functions: names(&args.function),
        triggers: names(&args.trigger),
        strict_names: args.content.strict_names,
        ..args.content.selection(sections, !args.content.no_statistics)
    }
}

fn script_options(args: &Args, transaction_size: Option<u32>, restrict_key: Option<String>) -> ScriptOptions {
    ScriptOptions {
        transactions: match (args.single_transaction, transaction_size) {
            (true, _) => Transactions::Single,
            (false, Some(size)) => Transactions::Every(size),
            (false, None) => Transactions::Each,
        },
        role: args.connection.role(),
        restrict_key,
        verbose: args.verbose > 0,
        ..args.content.script_options()
    }
}

fn names(values: &[OsString]) -> Vec<BString> {
    values.iter().map(bytes).collect()
}
