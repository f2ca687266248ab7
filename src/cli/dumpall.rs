//! `rsdumpall`: argv as typed, checked in pg_dumpall's order and words.
//!
//! What concerns single databases is passed on in rsdump's own words, so that it means the same in both.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{ArgAction, Parser};

use super::account::Account;
use super::checks::{self, Refusal, exclusive, number};
use super::connection::{self, ConnectionArgs, bytes};
use super::filter::{self, Command, Kind};
use super::message::Messages;
use super::progress::ProgressArgs;
use super::{dump, dump_options, runtime, usage};
use crate::archive::Format;
use crate::dump::{DumpOptions, Observer};
use crate::dumpall::{self, ClusterObserver, ClusterOptions, DatabaseOptions, Parts};
use crate::error::Result;
use crate::script::{Drops, is_valid_restrict_key, random_restrict_key};
use crate::sql::Pattern;

/// The options as typed.
#[derive(Debug, Parser)]
#[command(
    name = "rsdumpall",
    about = "rsdumpall dumps all databases of a PostgreSQL server, its roles and tablespaces as an SQL script.",
    version,
    disable_help_flag = true,
    disable_version_flag = true,
    args_override_self = true,
    override_usage = "rsdumpall [OPTION]..."
)]
pub(super) struct Args {
    /// Output file or directory; standard output if not given
    #[arg(short = 'f', long, value_name = "FILENAME", help_heading = "General options")]
    file: Option<PathBuf>,
    /// One script (plain), or a directory with an archive for each database
    #[arg(short = 'F', long, value_name = "c|d|t|p", help_heading = "General options")]
    format: Option<OsString>,
    /// Dump each database with this many parallel jobs
    #[arg(short = 'j', long, value_name = "NUM", help_heading = "General options")]
    jobs: Option<OsString>,
    /// Compress the archives as this says
    #[arg(
        short = 'Z',
        long,
        value_name = "METHOD[:DETAIL]",
        help_heading = "General options"
    )]
    compress: Option<OsString>,
    /// Say what is being done
    #[arg(short = 'v', long, action = ArgAction::Count, help_heading = "General options")]
    verbose: u8,
    /// Print the version, then exit
    #[arg(short = 'V', long, action = ArgAction::Version, help_heading = "General options")]
    version: Option<bool>,
    /// Do not wait for the file to be safe on disk
    #[arg(long, help_heading = "General options")]
    no_sync: bool,
    /// Show this help, then exit
    #[arg(short = '?', long, action = ArgAction::Help, help_heading = "General options")]
    help: Option<bool>,

    /// Dump only what belongs to no database
    #[arg(short = 'g', long)]
    globals_only: bool,
    /// Dump only roles
    #[arg(short = 'r', long)]
    roles_only: bool,
    /// Dump only tablespaces
    #[arg(short = 't', long)]
    tablespaces_only: bool,
    /// Leave out the databases that this pattern finds
    #[arg(long, value_name = "PATTERN", action = ArgAction::Append)]
    exclude_database: Vec<OsString>,
    /// Leave out the databases that this file names
    #[arg(long, value_name = "FILENAME", action = ArgAction::Append)]
    filter: Vec<OsString>,
    /// Leave out the passwords of roles
    #[arg(long)]
    no_role_passwords: bool,
    /// Database to read roles and tablespaces from
    #[arg(short = 'l', long, value_name = "DBNAME", help_heading = "Connection options")]
    database: Option<OsString>,

    #[command(flatten)]
    progress: ProgressArgs,
    #[command(flatten)]
    passed_on: PassedOn,
    #[command(flatten)]
    connection: ConnectionArgs,
    #[arg(hide = true)]
    arguments: Vec<OsString>,
}

/// Options of rsdump's that hold for every database.
#[derive(Debug, Clone, Default, clap::Args)]
struct PassedOn {
    /// Only the data, no schema
    #[arg(short = 'a', long)]
    data_only: bool,
    /// Drop databases, roles and tablespaces before creating them
    #[arg(short = 'c', long)]
    clean: bool,
    /// Encoding of the dump
    #[arg(short = 'E', long, value_name = "ENCODING")]
    encoding: Option<OsString>,
    /// Leave out the objects' owners
    #[arg(short = 'O', long)]
    no_owner: bool,
    /// Only the schema, no data
    #[arg(short = 's', long)]
    schema_only: bool,
    /// Superuser who disables triggers
    #[arg(short = 'S', long, value_name = "NAME")]
    superuser: Option<OsString>,
    /// Leave out privileges (GRANT and REVOKE)
    #[arg(short = 'x', long, alias = "no-acl")]
    no_privileges: bool,
    /// For use by upgrade utilities only
    #[arg(long, hide = true)]
    binary_upgrade: bool,
    /// Rows as INSERT commands with column names
    #[arg(long, alias = "attribute-inserts")]
    column_inserts: bool,
    /// Quote bodies as SQL does
    #[arg(long)]
    disable_dollar_quoting: bool,
    /// Disable triggers while data is restored alone
    #[arg(long)]
    disable_triggers: bool,
    /// How exactly floats are written
    #[arg(long, value_name = "NUM", allow_hyphen_values = true)]
    extra_float_digits: Option<OsString>,
    /// Use IF EXISTS when dropping
    #[arg(long)]
    if_exists: bool,
    /// Rows as INSERT commands
    #[arg(long)]
    inserts: bool,
    /// Load partitions through the root table
    #[arg(long)]
    load_via_partition_root: bool,
    /// Give up on a table lock after this time
    #[arg(long, value_name = "TIMEOUT")]
    lock_wait_timeout: Option<OsString>,
    /// Leave out comments
    #[arg(long)]
    no_comments: bool,
    /// Leave out data
    #[arg(long)]
    no_data: bool,
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
    /// Leave out TOAST compression methods
    #[arg(long)]
    no_toast_compression: bool,
    /// Leave out the rows of unlogged tables
    #[arg(long)]
    no_unlogged_table_data: bool,
    /// INSERT commands pass over rows that are there
    #[arg(long)]
    on_conflict_do_nothing: bool,
    /// Quote all identifiers, even if not key words
    #[arg(long)]
    quote_all_identifiers: bool,
    /// Key for psql's \restrict
    #[arg(long, value_name = "RESTRICT_KEY")]
    restrict_key: Option<String>,
    /// Rows per INSERT; implies --inserts
    #[arg(long, value_name = "NROWS")]
    rows_per_insert: Option<OsString>,
    /// Include sequence values even without other data
    #[arg(long)]
    sequence_data: bool,
    /// Include statistics
    #[arg(long)]
    statistics: bool,
    /// Only the statistics, not schema or data
    #[arg(long)]
    statistics_only: bool,
    /// SET SESSION AUTHORIZATION instead of ALTER OWNER
    #[arg(long)]
    use_set_session_authorization: bool,
}

impl PassedOn {
    /// The same in rsdump's words; what is cleaned is not among them.
    fn words(&self) -> Vec<OsString> {
        let flags = [
            (self.data_only, "--data-only"),
            (self.no_owner, "--no-owner"),
            (self.schema_only, "--schema-only"),
            (self.no_privileges, "--no-privileges"),
            (self.binary_upgrade, "--binary-upgrade"),
            (self.column_inserts, "--column-inserts"),
            (self.disable_dollar_quoting, "--disable-dollar-quoting"),
            (self.disable_triggers, "--disable-triggers"),
            (self.inserts, "--inserts"),
            (self.load_via_partition_root, "--load-via-partition-root"),
            (self.no_comments, "--no-comments"),
            (self.no_data, "--no-data"),
            (self.no_policies, "--no-policies"),
            (self.no_publications, "--no-publications"),
            (self.no_schema, "--no-schema"),
            (self.no_security_labels, "--no-security-labels"),
            (self.no_statistics, "--no-statistics"),
            (self.no_subscriptions, "--no-subscriptions"),
            (self.no_table_access_method, "--no-table-access-method"),
            (self.no_tablespaces, "--no-tablespaces"),
            (self.no_toast_compression, "--no-toast-compression"),
            (self.no_unlogged_table_data, "--no-unlogged-table-data"),
            (self.on_conflict_do_nothing, "--on-conflict-do-nothing"),
            (self.quote_all_identifiers, "--quote-all-identifiers"),
            (self.sequence_data, "--sequence-data"),
            (self.statistics, "--statistics"),
            (self.statistics_only, "--statistics-only"),
            (
                self.use_set_session_authorization,
                "--use-set-session-authorization",
            ),
        ];
        let restrict_key = self.restrict_key.as_ref().map(OsString::from);
        let values = [
            (&self.encoding, "--encoding="),
            (&self.superuser, "--superuser="),
            (&self.extra_float_digits, "--extra-float-digits="),
            (&self.lock_wait_timeout, "--lock-wait-timeout="),
            (&self.rows_per_insert, "--rows-per-insert="),
            (&restrict_key, "--restrict-key="),
        ];
        let flags = flags
            .iter()
            .filter(|(given, _)| *given)
            .map(|(_, word)| OsString::from(word));
        let values = values
            .iter()
            .filter_map(|(value, option)| Some(word(option, value.as_ref()?)));
        flags.chain(values).collect()
    }
}

/// An option and its value as one word.
fn word(option: &str, value: &OsStr) -> OsString {
    let mut word = OsString::from(option);
    word.push(value);
    word
}

/// pg_dumpall's long options in the order in which it lists them when an abbreviation is ambiguous.
#[rustfmt::skip]
const ABBREVIATED: &[&str] = &[
    "data-only", "clean", "encoding", "file", "globals-only", "host", "dbname", "database", "no-owner", "port",
    "roles-only", "schema-only", "superuser", "tablespaces-only", "username", "verbose", "no-password", "password",
    "no-privileges", "no-acl", "attribute-inserts", "binary-upgrade", "column-inserts", "disable-dollar-quoting",
    "disable-triggers", "exclude-database", "extra-float-digits", "if-exists", "inserts", "lock-wait-timeout",
    "no-table-access-method", "no-tablespaces", "quote-all-identifiers", "load-via-partition-root", "role",
    "use-set-session-authorization", "no-comments", "no-data", "no-policies", "no-publications", "no-role-passwords",
    "no-schema", "no-security-labels", "no-subscriptions", "no-statistics", "no-sync", "no-toast-compression",
    "no-unlogged-table-data", "on-conflict-do-nothing", "rows-per-insert", "statistics", "statistics-only", "filter",
    "sequence-data", "restrict-key", "help", "version",
];

/// Runs the command.
pub fn main() -> ExitCode {
    let argv: Vec<OsString> = std::env::args_os().collect();
    let mut messages = Messages::of(argv.first(), "rsdumpall");
    let mut filtered = Vec::new();
    let args: Args = match usage::parse(argv, ABBREVIATED, &messages, |id, value| {
        check_value(id, value, &mut filtered)
    }) {
        Ok(args) => args,
        Err(code) => return code,
    };
    messages.set_verbose(args.verbose);
    let options = match check(&args, filtered, &messages) {
        Ok(options) => options,
        Err(refusal) => return refusal.tell(&messages),
    };
    let account = match Account::open(&args.progress, &messages, args.file.is_none()) {
        Ok(account) => account,
        Err(refusal) => return refusal.tell(&messages),
    };
    let observer = dump::observer(&messages, account.progress());
    let jobs = options.archives.as_ref().map_or(1, |archives| archives.jobs);
    let ending = runtime::run_to_end(
        &messages,
        runtime::start_dump(&messages, jobs),
        run(&args, &options, observer, &messages),
    );
    account.close(ending)
}

async fn run(args: &Args, options: &ClusterOptions, database: Observer, messages: &Messages) -> Result<()> {
    let mut connection = args.connection.options_over_string("rsdumpall")?;
    connection::tell(&mut connection, messages);
    let (info, warning) = (messages.clone(), messages.clone());
    let observer = ClusterObserver {
        database,
        info: Arc::new(move |text| info.info(text)),
        warning: Arc::new(move |text, detail| {
            warning.warning(text);
            if let Some(detail) = detail {
                warning.detail(detail);
            }
        }),
    };
    dumpall::dump_cluster(&connection.resolve()?, options, &observer).await?;
    Ok(())
}

/// Checks a value as it is typed, and reads filter files: they can leave out databases and nothing else.
fn check_value(id: &str, value: &OsStr, filtered: &mut Vec<OsString>) -> Result<(), Refusal> {
    let text = value.to_string_lossy();
    match id {
        "filter" => filter::read(value, |command, kind, pattern| {
            let is_known = (command, kind) == (Command::Exclude, Kind::Database);
            if is_known {
                filtered.push(pattern);
            }
            is_known
        }),
        "extra_float_digits" => number(Some(&text), "--extra-float-digits", -15..=3).map(|_| ()),
        _ => checks::value(id, value).unwrap_or(Ok(())),
    }
}

/// Checks that the options agree.
fn check(args: &Args, filtered: Vec<OsString>, messages: &Messages) -> Result<ClusterOptions, Refusal> {
    let passed_on = &args.passed_on;
    if let Some(extra) = args.arguments.first() {
        let text = format!(
            "too many command-line arguments (first is \"{}\")",
            extra.display()
        );
        return Err(Refusal::with_hint(text));
    }
    let excluded: Vec<&OsString> = args.exclude_database.iter().chain(&filtered).collect();
    let parts_only = args.globals_only || args.roles_only || args.tablespaces_only;
    if !excluded.is_empty() && parts_only {
        return Err(Refusal::with_hint(
            "option --exclude-database cannot be used together with -g/--globals-only, -r/--roles-only, or -t/--tablespaces-only",
        ));
    }
    let globals = (args.globals_only, "-g/--globals-only");
    let roles = (args.roles_only, "-r/--roles-only");
    let tablespaces = (args.tablespaces_only, "-t/--tablespaces-only");
    exclusive(&[(globals, roles), (globals, tablespaces)])
        .map_err(|refusal| Refusal::with_hint(refusal.text))?;
    let archives = archives(args, messages)?.map(Box::new);
    if archives.is_some() && parts_only {
        return Err(Refusal::with_hint(
            "option -F/--format cannot be used together with -g/--globals-only, -r/--roles-only, or -t/--tablespaces-only",
        ));
    }
    if passed_on.if_exists && !passed_on.clean {
        return Err("option --if-exists requires option -c/--clean".into());
    }
    exclusive(&[(roles, tablespaces)]).map_err(|refusal| Refusal::with_hint(refusal.text))?;
    let restrict_key = match &passed_on.restrict_key {
        Some(key) if !is_valid_restrict_key(key) => return Err("invalid restrict key".into()),
        Some(key) => key.clone(),
        None => random_restrict_key(),
    };
    Ok(ClusterOptions {
        file: args.file.clone(),
        sync: !args.no_sync,
        binary_upgrade: passed_on.binary_upgrade,
        parts: match (args.globals_only, args.roles_only, args.tablespaces_only) {
            (true, ..) => Parts::Globals,
            (_, true, _) => Parts::Roles,
            (_, _, true) => Parts::Tablespaces,
            _ => Parts::All,
        },
        globals: !passed_on.data_only && !passed_on.statistics_only && !passed_on.no_schema,
        drops: match (passed_on.clean, passed_on.if_exists) {
            // What is dropped is decided when archives are restored.
            _ if archives.is_some() => Drops::None,
            (false, _) => Drops::None,
            (true, false) => Drops::Plain,
            (true, true) => Drops::IfExists,
        },
        excluded: excluded
            .into_iter()
            .map(|pattern| Pattern::bare(bytes(pattern)))
            .collect::<Result<_>>()?,
        no_role_passwords: args.no_role_passwords,
        no_privileges: passed_on.no_privileges,
        no_comments: passed_on.no_comments,
        no_security_labels: passed_on.no_security_labels,
        no_tablespaces: passed_on.no_tablespaces,
        quote_all_identifiers: passed_on.quote_all_identifiers,
        encoding: passed_on.encoding.as_ref().map(bytes),
        role: args.connection.role(),
        verbose: args.verbose > 0,
        restrict_key,
        database: args.database.as_ref().map(bytes),
        archives,
        databases: match parts_only {
            true => DatabaseOptions::default(),
            false => databases(args)?,
        },
    })
}

/// How each database becomes an archive, if one script is not what is wanted.
fn archives(args: &Args, messages: &Messages) -> Result<Option<DumpOptions>, Refusal> {
    let Some(format) = &args.format else {
        return match args.compress {
            Some(_) => Err(COMPRESSED_SCRIPT.into()),
            None => Ok(None),
        };
    };
    let mut words = vec![word("--format=", format)];
    words.extend(args.file.iter().map(|file| word("--file=", file.as_os_str())));
    words.extend(args.compress.iter().map(|detail| word("--compress=", detail)));
    let options = single(args, words, messages.like_pg_tools())?;
    match (options.output.format, &args.file, &args.compress) {
        (Format::Plain, _, Some(_)) => Err(COMPRESSED_SCRIPT.into()),
        (Format::Plain, ..) => Ok(None),
        (_, Some(_), _) => Ok(Some(options)),
        (_, None, _) => Err(Refusal::with_hint(
            "option -F/--format=c|d|t requires option -f/--file: a cluster's archives are a directory",
        )),
    }
}

const COMPRESSED_SCRIPT: &str = "option -Z/--compress requires option -F/--format=c|d|t";

/// The options of the single dumps.
fn databases(args: &Args) -> Result<DatabaseOptions, Refusal> {
    let with = |more: &[&str]| single(args, more.iter().map(OsString::from).collect(), false);
    Ok(DatabaseOptions {
        created: with(&["--create"])?,
        present: with(&[])?,
        replaced: match args.passed_on.clean {
            true => with(&["--clean", "--create"])?,
            false => DumpOptions::default(),
        },
    })
}

/// The options of one dump: what is passed on to all, and more words of rsdump's.
fn single(args: &Args, more: Vec<OsString>, like_pg_dump: bool) -> Result<DumpOptions, Refusal> {
    let is_archive = more
        .iter()
        .any(|word| word.to_string_lossy().starts_with("--format="));
    let mut words: Vec<OsString> = vec!["rsdump".into()];
    let passed_on = args.passed_on.words().into_iter();
    // An archive holds no backslash commands.
    words.extend(
        passed_on.filter(|word| !is_archive || !word.to_string_lossy().starts_with("--restrict-key=")),
    );
    words.extend(more);
    words.extend((args.verbose > 0).then(|| "--verbose".into()));
    words.extend(args.no_sync.then(|| "--no-sync".into()));
    words.extend(args.jobs.iter().map(|jobs| word("--jobs=", jobs)));
    words.extend(args.connection.role.iter().map(|role| word("--role=", role)));
    let args = dump::Args::try_parse_from(words).map_err(|error| Refusal::from(error.to_string()))?;
    dump_options::check(&args, like_pg_dump)
}
