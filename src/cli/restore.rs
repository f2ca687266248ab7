//! `rsrestore`: argv as typed, checked in pg_restore's order and words, turned into a restore.

use std::collections::HashSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};
use clap::{ArgAction, Parser};

use super::connection::ConnectionArgs;
use super::message::Messages;
use super::usage;
use crate::archive::{Archive, FileSink, FileSource, Sink, StdoutSink};
use crate::error::{Error, Result};
use crate::restore::{Failure, Observer, Report, Restore, RestoreOptions, Stage};
use crate::script::{
    Drops, Ownership, ScriptOptions, Transactions, is_valid_restrict_key, random_restrict_key,
};
use crate::toc::list::{self, Listed};
use crate::toc::selection::Sections;
use crate::toc::{DumpId, Selection};

/// The options as typed.
#[derive(Debug, Parser)]
#[command(
    name = "rsrestore",
    about = "rsrestore restores a PostgreSQL database from an archive made by rsdump or pg_dump.",
    version,
    disable_help_flag = true,
    disable_version_flag = true,
    infer_long_args = true,
    args_override_self = true,
    override_usage = "rsrestore [OPTION]... [FILE]",
    after_help = "If no input file name is supplied, then standard input is used."
)]
struct Args {
    /// Write a script to this file (- for standard output)
    #[arg(short = 'f', long, value_name = "FILENAME", help_heading = "General options")]
    file: Option<PathBuf>,
    /// Format of the archive; recognised without being told
    #[arg(short = 'F', long, value_name = "c|d|t", help_heading = "General options")]
    format: Option<String>,
    /// Print the archive's table of contents
    #[arg(short = 'l', long, help_heading = "General options")]
    list: bool,
    /// Say what is being done
    #[arg(short = 'v', long, action = ArgAction::Count, help_heading = "General options")]
    verbose: u8,
    /// Print the version, then exit
    #[arg(short = 'V', long, action = ArgAction::Version, help_heading = "General options")]
    version: Option<bool>,
    /// Show this help, then exit
    #[arg(short = '?', long, action = ArgAction::Help, help_heading = "General options")]
    help: Option<bool>,

    /// Restore only the data, no schema
    #[arg(short = 'a', long)]
    data_only: bool,
    /// Drop database objects before creating them
    #[arg(short = 'c', long)]
    clean: bool,
    /// Create the database and restore into it
    #[arg(short = 'C', long)]
    create: bool,
    /// Stop at the first error
    #[arg(short = 'e', long)]
    exit_on_error: bool,
    /// Restore this index
    #[arg(short = 'I', long, value_name = "NAME", action = ArgAction::Append)]
    index: Vec<OsString>,
    /// Use this many parallel jobs
    #[arg(short = 'j', long, value_name = "NUM")]
    jobs: Option<String>,
    /// Restore what this list file names, in its order
    #[arg(short = 'L', long, value_name = "FILENAME")]
    use_list: Option<PathBuf>,
    /// Restore only objects in this schema
    #[arg(short = 'n', long, value_name = "NAME", action = ArgAction::Append)]
    schema: Vec<OsString>,
    /// Restore no objects in this schema
    #[arg(short = 'N', long, value_name = "NAME", action = ArgAction::Append)]
    exclude_schema: Vec<OsString>,
    /// Leave out the objects' owners
    #[arg(short = 'O', long)]
    no_owner: bool,
    /// Restore this function
    #[arg(short = 'P', long, value_name = "NAME(args)", action = ArgAction::Append)]
    function: Vec<OsString>,
    /// Accepted for compatibility, does nothing
    #[arg(short = 'R', long, hide = true)]
    no_reconnect: bool,
    /// Restore only the schema, no data
    #[arg(short = 's', long)]
    schema_only: bool,
    /// Superuser who disables triggers
    #[arg(short = 'S', long, value_name = "NAME")]
    superuser: Option<OsString>,
    /// Restore this relation (table, view, etc.)
    #[arg(short = 't', long, value_name = "NAME", action = ArgAction::Append)]
    table: Vec<OsString>,
    /// Restore this trigger
    #[arg(short = 'T', long, value_name = "NAME", action = ArgAction::Append)]
    trigger: Vec<OsString>,
    /// Leave out privileges (GRANT and REVOKE)
    #[arg(short = 'x', long, alias = "no-acl")]
    no_privileges: bool,
    /// Restore in a single transaction
    #[arg(short = '1', long)]
    single_transaction: bool,
    /// Disable triggers while data is restored alone
    #[arg(long)]
    disable_triggers: bool,
    /// Restore under row security
    #[arg(long)]
    enable_row_security: bool,
    /// Use IF EXISTS when dropping objects
    #[arg(long)]
    if_exists: bool,
    /// Leave out comments
    #[arg(long)]
    no_comments: bool,
    /// Leave out data
    #[arg(long)]
    no_data: bool,
    /// Leave out the data of tables that could not be created
    #[arg(long)]
    no_data_for_failed_tables: bool,
    /// Leave out row security policies
    #[arg(long)]
    no_policies: bool,
    /// Leave out publications
    #[arg(long)]
    no_publications: bool,
    /// Leave out the schema
    #[arg(long)]
    no_schema: bool,
    /// Leave out security labels
    #[arg(long)]
    no_security_labels: bool,
    /// Leave out statistics
    #[arg(long)]
    no_statistics: bool,
    /// Leave out subscriptions
    #[arg(long)]
    no_subscriptions: bool,
    /// Leave out table access methods
    #[arg(long)]
    no_table_access_method: bool,
    /// Leave out tablespaces
    #[arg(long)]
    no_tablespaces: bool,
    /// Key for psql's \restrict
    #[arg(long, value_name = "RESTRICT_KEY")]
    restrict_key: Option<String>,
    /// Restore this section (pre-data, data, or post-data)
    #[arg(long, value_name = "SECTION", action = ArgAction::Append)]
    section: Vec<String>,
    /// Restore the statistics
    #[arg(long)]
    statistics: bool,
    /// Restore only the statistics, not schema or data
    #[arg(long)]
    statistics_only: bool,
    /// Require each name to match something
    #[arg(long)]
    strict_names: bool,
    /// Commit after every N objects
    #[arg(long, value_name = "N")]
    transaction_size: Option<String>,
    /// SET SESSION AUTHORIZATION instead of ALTER OWNER
    #[arg(long)]
    use_set_session_authorization: bool,

    #[command(flatten)]
    connection: ConnectionArgs,
    /// The archive
    #[arg(value_name = "FILE", hide = true)]
    input: Vec<OsString>,
}

/// What is to be done, once the options have been found to agree.
struct Job {
    action: Action,
    input: Option<PathBuf>,
    use_list: Option<PathBuf>,
    options: RestoreOptions,
}

enum Action {
    List(Option<PathBuf>),
    Script(Option<PathBuf>),
    Server,
}

/// A command line that is refused.
struct Refusal {
    text: String,
    /// Whether the help would help.
    hint: bool,
}

impl From<String> for Refusal {
    fn from(text: String) -> Self {
        Refusal { text, hint: false }
    }
}

/// Runs the command.
pub fn main() -> ExitCode {
    let argv: Vec<OsString> = std::env::args_os().collect();
    let mut messages = Messages::of(argv.first(), "rsrestore");
    let args = match Args::try_parse_from(argv) {
        Ok(args) => args,
        Err(error) => return usage::answer(&error, &messages),
    };
    messages.set_verbose(args.verbose > 0);
    let job = match job(&args) {
        Ok(job) => job,
        Err(refusal) => {
            messages.error(&refusal.text);
            if refusal.hint {
                usage::try_help(&messages);
            }
            return ExitCode::FAILURE;
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            messages.error(format!("could not start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(run(&args, job, &messages));
    // Reading standard input blocks a thread that nobody waits for any more.
    runtime.shutdown_background();
    match outcome {
        Ok(report) => {
            if report.errors > 0 && !report.stopped {
                messages.warning(format!("errors ignored on restore: {}", report.errors));
            }
            if report.errors > 0 {
                ExitCode::FAILURE
            } else {
                ExitCode::SUCCESS
            }
        }
        Err(error) => {
            messages.error(error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Checks that the options agree.
fn job(args: &Args) -> Result<Job, Refusal> {
    let format = args.format.as_deref();
    let sections = sections(&args.section)?;
    let jobs = number(args.jobs.as_deref(), "-j/--jobs")?.unwrap_or(1);
    let transaction_size = number(args.transaction_size.as_deref(), "--transaction-size")?;
    if let Some(extra) = args.input.get(1) {
        return Err(Refusal {
            text: format!(
                "too many command-line arguments (first is \"{}\")",
                extra.display()
            ),
            hint: true,
        });
    }
    if args.connection.dbname.is_none() && args.file.is_none() && !args.list {
        return Err("one of -d/--dbname and -f/--file must be specified"
            .to_string()
            .into());
    }
    if args.connection.dbname.is_some() && args.file.is_some() {
        return Err(Refusal {
            text: "options -d/--dbname and -f/--file cannot be used together".into(),
            hint: true,
        });
    }
    exclusive(
        args.connection.dbname.is_some(),
        "-d/--dbname",
        args.restrict_key.is_some(),
        "--restrict-key",
    )?;
    let restrict_key = restrict_key(args)?;
    check_parts(args)?;
    exclusive(
        args.create,
        "-C/--create",
        args.single_transaction,
        "-1/--single-transaction",
    )?;
    exclusive(
        args.single_transaction,
        "-1/--single-transaction",
        transaction_size.is_some(),
        "--transaction-size",
    )?;
    if args.single_transaction && jobs > 1 {
        return Err("cannot specify both --single-transaction and multiple jobs"
            .to_string()
            .into());
    }
    if args.if_exists && !args.clean {
        return Err("option --if-exists requires option -c/--clean".to_string().into());
    }
    check_format(format)?;
    let output = args.file.clone().filter(|file| file.as_os_str() != "-");
    let action = if args.list {
        Action::List(output)
    } else if args.connection.dbname.is_some() {
        Action::Server
    } else {
        Action::Script(output)
    };
    Ok(Job {
        action,
        input: args.input.first().map(PathBuf::from),
        use_list: args.use_list.clone(),
        options: RestoreOptions {
            selection: selection(args, sections),
            script: script_options(args, transaction_size, restrict_key),
            list: None,
            exit_on_error: args.exit_on_error || args.single_transaction || transaction_size.is_some(),
            no_data_for_failed_tables: args.no_data_for_failed_tables,
        },
    })
}

/// Checks the options that say which parts are restored.
fn check_parts(args: &Args) -> Result<(), Refusal> {
    let (schema_only, data_only) = (
        (args.schema_only, "-s/--schema-only"),
        (args.data_only, "-a/--data-only"),
    );
    let statistics_only = (args.statistics_only, "--statistics-only");
    let statistics = (args.statistics, "--statistics");
    let no_statistics = (args.no_statistics, "--no-statistics");
    let pairs = [
        (schema_only, data_only),
        (schema_only, statistics_only),
        (data_only, statistics_only),
        (schema_only, (args.no_schema, "--no-schema")),
        (data_only, (args.no_data, "--no-data")),
        (statistics_only, no_statistics),
        (schema_only, statistics),
        (data_only, statistics),
        (statistics, no_statistics),
        ((args.clean, "-c/--clean"), data_only),
    ];
    for ((one, one_name), (other, other_name)) in pairs {
        exclusive(one, one_name, other, other_name)?;
    }
    Ok(())
}

fn exclusive(one: bool, one_name: &str, other: bool, other_name: &str) -> Result<(), Refusal> {
    if one && other {
        return Err(format!("options {one_name} and {other_name} cannot be used together").into());
    }
    Ok(())
}

fn sections(names: &[String]) -> Result<Sections, Refusal> {
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
                return Err(Refusal {
                    text: format!("unrecognized section name: \"{name}\""),
                    hint: true,
                });
            }
        }
    }
    Ok(sections)
}

/// A positive number.
fn number(text: Option<&str>, option: &str) -> Result<Option<u32>, Refusal> {
    let Some(text) = text else { return Ok(None) };
    let Ok(number) = text.trim().parse::<i64>() else {
        return Err(format!("invalid value \"{text}\" for option {option}").into());
    };
    match u32::try_from(number) {
        Ok(number @ 1..=0x7fff_ffff) => Ok(Some(number)),
        _ => Err(format!("{option} must be in range 1..2147483647").into()),
    }
}

fn restrict_key(args: &Args) -> Result<Option<String>, Refusal> {
    match &args.restrict_key {
        _ if args.connection.dbname.is_some() => Ok(None),
        None => Ok(Some(random_restrict_key())),
        Some(key) if is_valid_restrict_key(key) => Ok(Some(key.clone())),
        Some(_) => Err("invalid restrict key".to_string().into()),
    }
}

fn check_format(format: Option<&str>) -> Result<(), Refusal> {
    match format
        .and_then(|name| name.chars().next())
        .map(|letter| letter.to_ascii_lowercase())
    {
        None | Some('c' | 'd' | 't') => Ok(()),
        Some('p') => Err("archive format \"p\" is not supported; please use psql"
            .to_string()
            .into()),
        Some(_) => Err(format!(
            "unrecognized archive format \"{}\"; please specify \"c\", \"d\", or \"t\"",
            format.unwrap_or_default()
        )
        .into()),
    }
}

fn selection(args: &Args, sections: Sections) -> Selection {
    let only_one_part = args.schema_only || args.data_only || args.statistics_only;
    Selection {
        definitions: if only_one_part {
            args.schema_only
        } else {
            !args.no_schema
        },
        data: if only_one_part {
            args.data_only
        } else {
            !args.no_data
        },
        statistics: args.statistics
            || if only_one_part {
                args.statistics_only
            } else {
                !args.no_statistics
            },
        sections,
        privileges: !args.no_privileges,
        comments: !args.no_comments,
        policies: !args.no_policies,
        publications: !args.no_publications,
        security_labels: !args.no_security_labels,
        subscriptions: !args.no_subscriptions,
        schemas: names(&args.schema),
        excluded_schemas: names(&args.exclude_schema),
        tables: names(&args.table),
        indexes: names(&args.index),
        functions: names(&args.function),
        triggers: names(&args.trigger),
        strict_names: args.strict_names,
        ..Selection::default()
    }
}

fn script_options(args: &Args, transaction_size: Option<u32>, restrict_key: Option<String>) -> ScriptOptions {
    ScriptOptions {
        ownership: match (args.no_owner, args.use_set_session_authorization) {
            (true, _) => Ownership::Ignore,
            (false, true) => Ownership::SessionAuthorization,
            (false, false) => Ownership::Alter,
        },
        drops: match (args.clean, args.if_exists) {
            (false, _) => Drops::None,
            (true, false) => Drops::Plain,
            (true, true) => Drops::IfExists,
        },
        create_database: args.create,
        transactions: match (args.single_transaction, transaction_size) {
            (true, _) => Transactions::Single,
            (false, Some(size)) => Transactions::Every(size),
            (false, None) => Transactions::Each,
        },
        disable_triggers: args.disable_triggers,
        superuser: args.superuser.as_ref().map(bytes),
        role: args.connection.role(),
        row_security: args.enable_row_security,
        tablespaces: !args.no_tablespaces,
        table_access_methods: !args.no_table_access_method,
        restrict_key,
        verbose: args.verbose > 0,
        quote_all_identifiers: false,
    }
}

fn names(values: &[OsString]) -> Vec<BString> {
    values.iter().map(bytes).collect()
}

fn bytes(value: &OsString) -> BString {
    value.as_bytes().into()
}

async fn run(args: &Args, mut job: Job, messages: &Messages) -> Result<Report> {
    let archive = match &job.input {
        Some(path) => Archive::open_path(path).await?,
        None => Archive::open(FileSource::stdin().await?).await?,
    };
    if let Some(path) = &job.use_list {
        let text = tokio::fs::read(path)
            .await
            .map_err(|error| Error::io(format!("could not open TOC file \"{}\"", path.display()), error))?;
        let listed = Listed::read(&text, archive.toc())?;
        listed
            .warnings
            .iter()
            .for_each(|warning| messages.warning(warning));
        job.options.list = Some(listed);
    }
    let mut observer = Told {
        messages,
        stage: None,
        entry: None,
    };
    let strict_names = std::mem::take(&mut job.options.selection.strict_names);
    let restore = Restore::new(archive, job.options)?;
    if strict_names && !matches!(job.action, Action::List(_)) {
        restore.check_names()?;
    }
    match &job.action {
        Action::List(output) => {
            let mut sink = sink(output.as_ref()).await?;
            sink.write(listing(&restore, args.verbose > 0).into()).await?;
            sink.finish().await?;
            // As in pg_restore, the list is there to show what the names should have been.
            if strict_names {
                restore.check_names()?;
            }
            Ok(Report::default())
        }
        Action::Script(output) => {
            restore
                .to_script(sink(output.as_ref()).await?, &mut observer)
                .await
        }
        Action::Server => {
            let mut options = args.connection.options(None, "rsrestore");
            let told = messages.clone();
            options.notices = Arc::new(move |notice| told.info(notice.report(None)));
            restore.to_server(options.resolve()?, &mut observer).await
        }
    }
}

async fn sink(path: Option<&PathBuf>) -> Result<Box<dyn Sink>> {
    Ok(match path {
        Some(path) => Box::new(FileSink::create(path, true).await?),
        None => Box::new(StdoutSink::new()?),
    })
}

/// What `-l` prints.
fn listing(restore: &Restore, verbose: bool) -> Vec<u8> {
    let selected: HashSet<DumpId> = restore
        .entries()
        .filter(|(_, wanted)| wanted.is_any())
        .map(|(entry, _)| entry.dump_id)
        .collect();
    let entries: Vec<_> = restore.entries().map(|(entry, _)| entry.clone()).collect();
    let mut out = Vec::new();
    list::write(
        &mut out,
        &restore.archive().header().heading(),
        &entries,
        verbose,
        |entry| selected.contains(&entry.dump_id),
    );
    out
}

/// Tells a run to the user as pg_restore does.
struct Told<'a> {
    messages: &'a Messages,
    stage: Option<Stage>,
    entry: Option<DumpId>,
}

impl Observer for Told<'_> {
    fn info(&mut self, message: &BStr) {
        self.messages.info(message);
    }

    fn warning(&mut self, message: &BStr) {
        self.messages.warning(message);
    }

    fn failure(&mut self, failure: &Failure) {
        if self.stage != Some(failure.stage) {
            self.messages.info(match failure.stage {
                Stage::Initializing => "while INITIALIZING:",
                Stage::ProcessingToc => "while PROCESSING TOC:",
            });
            self.stage = Some(failure.stage);
        }
        if let Some(entry) = failure
            .entry
            .as_ref()
            .filter(|entry| self.entry != Some(entry.dump_id))
        {
            self.messages.info(format!(
                "from TOC entry {}; {} {} {} {} {}",
                entry.dump_id,
                entry.catalog_id.tableoid,
                entry.catalog_id.oid,
                entry.desc,
                entry.tag,
                entry
                    .owner
                    .as_ref()
                    .map_or("(no owner)".as_bytes().as_bstr(), |owner| owner.as_bstr())
            ));
            self.entry = Some(entry.dump_id);
        }
        self.messages.error(&failure.message);
    }
}
