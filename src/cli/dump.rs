//! `rsdump`: argv as typed. What the options mean together is in `dump_options`.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{ArgAction, Parser};

use super::account::Account;
use super::connection::{self, ConnectionArgs};
use super::content::ContentArgs;
use super::dump_options::{self, Filters};
use super::message::Messages;
use super::progress::ProgressArgs;
use super::restore::Told;
use super::runtime;
use super::usage::{self, path};
use crate::copy;
use crate::dump::{self, DumpOptions, Observer};
use crate::error::{Error, ErrorKind, Result};
use crate::progress::{NoProgress, Progress};
use crate::restore::RestoreOptions;
use crate::script::ScriptOptions;
use crate::toc::Selection;

/// The options as typed.
#[derive(Debug, Parser)]
#[command(
    name = "rsdump",
    about = "rsdump dumps a PostgreSQL database as an SQL script or an archive.",
    version,
    disable_help_flag = true,
    disable_version_flag = true,
    args_override_self = true,
    override_usage = "rsdump [OPTION]... [DBNAME]",
    after_help = "If no database name is supplied, then the PGDATABASE environment variable is used."
)]
pub(super) struct Args {
    /// Output file; standard output if not given
    #[arg(short = 'f', long, value_parser = path(), value_name = "FILENAME", help_heading = "General options")]
    pub(super) file: Option<PathBuf>,
    /// Copy straight into this database, with no file in between: a name or a connection string
    #[arg(long, value_name = "CONNSTR", help_heading = "General options")]
    pub(super) to: Option<OsString>,
    /// Output format: plain (default), custom, directory or tar
    #[arg(short = 'F', long, value_name = "p|c|d|t", help_heading = "General options")]
    pub(super) format: Option<String>,
    /// Use this many parallel jobs
    #[arg(short = 'j', long, value_name = "NUM", help_heading = "General options")]
    pub(super) jobs: Option<String>,
    /// With several jobs: cut tables into segments of about this size (default 8MB)
    #[arg(long, value_name = "SIZE", help_heading = "General options")]
    pub(super) segment_size: Option<String>,
    /// Say what is being done; more of it if given twice
    #[arg(short = 'v', long, action = ArgAction::Count, help_heading = "General options")]
    pub(super) verbose: u8,
    /// Print the version, then exit
    #[arg(short = 'V', long, action = ArgAction::Version, help_heading = "General options")]
    version: Option<bool>,
    /// Compression: none, gzip, lz4 or zstd, with a level
    #[arg(
        short = 'Z',
        long,
        value_name = "METHOD[:DETAIL]",
        allow_hyphen_values = true,
        help_heading = "General options"
    )]
    pub(super) compress: Option<String>,
    /// Version of the archive's layout: 1.13 to 1.16 (default)
    #[arg(long, value_name = "VERSION", help_heading = "General options")]
    pub(super) archive_version: Option<String>,
    /// Write only what this major release of PostgreSQL can load: 10 to 18
    #[arg(long, value_name = "VERSION", help_heading = "General options")]
    pub(super) target_version: Option<String>,
    /// With --target-version: leave out or approximate what that release does not know
    #[arg(long, help_heading = "General options")]
    pub(super) best_effort: bool,
    /// Give up on a table lock after this time
    #[arg(long, value_name = "TIMEOUT", help_heading = "General options")]
    pub(super) lock_wait_timeout: Option<String>,
    /// Do not wait for the file to be safe on disk
    #[arg(long, help_heading = "General options")]
    pub(super) no_sync: bool,
    /// How to make sure that the file is safe on disk: fsync or syncfs
    #[arg(long, value_name = "METHOD", help_heading = "General options")]
    pub(super) sync_method: Option<String>,
    /// Show this help, then exit
    #[arg(short = '?', long, action = ArgAction::Help, help_heading = "General options")]
    help: Option<bool>,

    /// Include large objects
    #[arg(short = 'b', long, alias = "blobs")]
    pub(super) large_objects: bool,
    /// Leave out large objects
    #[arg(short = 'B', long, alias = "no-blobs")]
    pub(super) no_large_objects: bool,
    /// Dump only these extensions
    #[arg(short = 'e', long, value_name = "PATTERN", action = ArgAction::Append)]
    pub(super) extension: Vec<OsString>,
    /// Encoding of the dump
    #[arg(short = 'E', long, value_name = "ENCODING")]
    pub(super) encoding: Option<OsString>,
    /// Dump only these schemas
    #[arg(short = 'n', long, value_name = "PATTERN", action = ArgAction::Append)]
    pub(super) schema: Vec<OsString>,
    /// Leave out these schemas
    #[arg(short = 'N', long, value_name = "PATTERN", action = ArgAction::Append)]
    pub(super) exclude_schema: Vec<OsString>,
    /// Dump only these tables (views, sequences, …)
    #[arg(short = 't', long, value_name = "PATTERN", action = ArgAction::Append)]
    pub(super) table: Vec<OsString>,
    /// Leave out these tables
    #[arg(short = 'T', long, value_name = "PATTERN", action = ArgAction::Append)]
    pub(super) exclude_table: Vec<OsString>,
    /// Leave out these extensions
    #[arg(long, value_name = "PATTERN", action = ArgAction::Append)]
    pub(super) exclude_extension: Vec<OsString>,
    /// As -T, children and partitions too
    #[arg(long, value_name = "PATTERN", action = ArgAction::Append)]
    pub(super) exclude_table_and_children: Vec<OsString>,
    /// Leave out the rows of these tables
    #[arg(long, value_name = "PATTERN", action = ArgAction::Append)]
    pub(super) exclude_table_data: Vec<OsString>,
    /// The same, children and partitions too
    #[arg(long, value_name = "PATTERN", action = ArgAction::Append)]
    pub(super) exclude_table_data_and_children: Vec<OsString>,
    /// A choice of extensions is no choice of other objects; no option, but what filter files do.
    #[arg(skip)]
    pub(super) everything_else: bool,
    /// Refused: what it writes is for pg_upgrade alone
    #[arg(long, hide = true)]
    pub(super) binary_upgrade: bool,
    /// How exactly floats are written
    #[arg(long, value_name = "NUM", allow_hyphen_values = true)]
    pub(super) extra_float_digits: Option<String>,
    /// Include the rows of foreign tables on these servers
    #[arg(long, value_name = "PATTERN", action = ArgAction::Append)]
    pub(super) include_foreign_data: Vec<OsString>,
    /// Include or exclude objects and data as this file says (- for standard input)
    #[arg(long, value_name = "FILENAME", action = ArgAction::Append)]
    pub(super) filter: Vec<OsString>,
    /// Rows as INSERT commands, not COPY
    #[arg(long)]
    pub(super) inserts: bool,
    /// Rows as INSERT commands with column names
    #[arg(long, alias = "attribute-inserts")]
    pub(super) column_inserts: bool,
    /// Rows per INSERT; implies --inserts
    #[arg(long, value_name = "NROWS")]
    pub(super) rows_per_insert: Option<String>,
    /// INSERT commands with ON CONFLICT DO NOTHING
    #[arg(long)]
    pub(super) on_conflict_do_nothing: bool,
    /// Load the rows of partitions into the root table
    #[arg(long)]
    pub(super) load_via_partition_root: bool,
    /// SQL's own quoting for the bodies of functions
    #[arg(long)]
    pub(super) disable_dollar_quoting: bool,
    /// Leave out TOAST compression methods
    #[arg(long)]
    pub(super) no_toast_compression: bool,
    /// Leave out the rows of unlogged tables
    #[arg(long)]
    pub(super) no_unlogged_table_data: bool,
    /// Quote all identifiers, even if not key words
    #[arg(long)]
    pub(super) quote_all_identifiers: bool,
    /// Include sequence values even without other data
    #[arg(long)]
    pub(super) sequence_data: bool,
    /// Wait until no serialization anomaly can show
    #[arg(long)]
    pub(super) serializable_deferrable: bool,
    /// Read under this exported snapshot
    #[arg(long, value_name = "SNAPSHOT")]
    pub(super) snapshot: Option<String>,
    /// As -t, children and partitions too
    #[arg(long, value_name = "PATTERN", action = ArgAction::Append)]
    pub(super) table_and_children: Vec<OsString>,

    #[command(flatten)]
    pub(super) progress: ProgressArgs,
    #[command(flatten)]
    pub(super) content: ContentArgs,
    #[command(flatten)]
    pub(super) connection: ConnectionArgs,
    /// The database
    #[arg(value_name = "DBNAME", hide = true)]
    pub(super) database: Vec<OsString>,
}

/// pg_dump's long options in the order in which it lists them when an abbreviation is ambiguous.
#[rustfmt::skip]
const ABBREVIATED: &[&str] = &[
    "data-only", "blobs", "large-objects", "no-blobs", "no-large-objects", "clean", "create", "dbname", "extension",
    "file", "format", "host", "jobs", "no-reconnect", "no-owner", "port", "schema", "exclude-schema", "schema-only",
    "superuser", "table", "exclude-table", "no-password", "password", "username", "verbose", "no-privileges", "no-acl",
    "compress", "encoding", "help", "version", "attribute-inserts", "binary-upgrade", "column-inserts",
    "disable-dollar-quoting", "disable-triggers", "enable-row-security", "exclude-table-data", "extra-float-digits",
    "if-exists", "inserts", "lock-wait-timeout", "no-table-access-method", "no-tablespaces", "quote-all-identifiers",
    "load-via-partition-root", "role", "section", "serializable-deferrable", "snapshot", "statistics",
    "statistics-only", "strict-names", "use-set-session-authorization", "no-comments", "no-data", "no-policies",
    "no-publications", "no-schema", "no-security-labels", "no-statistics", "no-subscriptions", "no-toast-compression",
    "no-unlogged-table-data", "no-sync", "on-conflict-do-nothing", "rows-per-insert", "include-foreign-data",
    "table-and-children", "exclude-table-and-children", "exclude-table-data-and-children", "sync-method", "filter",
    "exclude-extension", "sequence-data", "restrict-key",
];

/// Runs the command.
pub fn main() -> ExitCode {
    let argv: Vec<OsString> = std::env::args_os().collect();
    let mut messages = Messages::of(argv.first(), "rsdump");
    let mut filters = Filters::default();
    let checked = |id: &str, value: &OsStr| dump_options::check_value(id, value, &mut filters);
    let mut args: Args = match usage::parse(argv, ABBREVIATED, &messages, checked) {
        Ok(args) => args,
        Err(code) => return code,
    };
    filters.add_to(&mut args);
    messages.set_verbose(args.verbose);
    // Whoever calls it pg_dump has scripts that rely on pg_dump's compression.
    let options = match dump_options::check(&args, messages.like_pg_tools()) {
        Ok(options) => options,
        Err(refusal) => return refusal.tell(&messages),
    };
    let to_stdout = options.output.file.is_none() && args.to.is_none();
    let account = match Account::open(&args.progress, &messages, to_stdout) {
        Ok(account) => account,
        Err(refusal) => return refusal.tell(&messages),
    };
    messages.debug_archive(options.output.file.as_deref(), Some(options.output.format));
    let observer = observer(&messages, account.progress());
    let runtime = match args.to {
        Some(_) => runtime::start(&messages, options.jobs),
        None => runtime::start_dump(&messages, options.jobs),
    };
    let ending = match &args.to {
        Some(target) => {
            let copying = copy_to(&args, target, &options, &observer, &messages);
            runtime::run_to_end(&messages, runtime, copying)
        }
        None => runtime::run_to_end(&messages, runtime, run(&args, &options, &observer, &messages)),
    };
    account.close(ending)
}

async fn run(args: &Args, options: &DumpOptions, observer: &Observer, messages: &Messages) -> Result<()> {
    let mut connection = args.connection.options(args.database.first(), "rsdump");
    connection::tell(&mut connection, messages);
    dump::dump(&connection.resolve()?, options, observer).await?;
    Ok(())
}

/// Copies into another database.
async fn copy_to(
    args: &Args,
    target: &OsString,
    options: &DumpOptions,
    observer: &Observer,
    messages: &Messages,
) -> Result<()> {
    let restore = RestoreOptions {
        selection: Selection {
            create_database: false,
            ..options.entries.clone()
        },
        script: ScriptOptions {
            role: None,
            ..options.script.clone()
        },
        jobs: options.jobs,
        ..RestoreOptions::default()
    };
    let mut source = args.connection.options(args.database.first(), "rsdump");
    connection::tell(&mut source, messages);
    let mut target = args.connection.of_target(target, "rsdump");
    connection::tell(&mut target, messages);
    // As in a restore, these are for those who want to know everything.
    let informed = messages.clone();
    target.notices = Arc::new(move |notice| informed.info(notice.report(None)));
    let mut told = Told::new(messages, Arc::new(NoProgress));
    let report = copy::copy(
        &source.resolve()?,
        target.resolve()?,
        options,
        restore,
        (observer, &mut told),
    )
    .await?;
    if report.errors == 0 {
        return Ok(());
    }
    let message = format!("errors ignored on restore: {}", report.errors);
    Err(Error::new(ErrorKind::Server, message))
}

/// Tells people what a dump tells.
pub(super) fn observer(messages: &Messages, progress: Arc<dyn Progress>) -> Observer {
    let (told, informed) = (messages.clone(), messages.clone());
    Observer {
        progress,
        info: Arc::new(move |line| informed.info(line)),
        warnings: Arc::new(move |warning| {
            told.warning(&warning.message);
            warning.details.iter().for_each(|detail| told.detail(detail));
            warning.hints.iter().for_each(|hint| told.hint(hint));
        }),
    }
}
