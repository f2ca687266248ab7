//! `rsrestore`: argv as typed, checked in pg_restore's order and words, turned into a restore.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use bstr::{BStr, ByteSlice};
use clap::{ArgAction, Parser};

use super::account::Account;
use super::connection::{self, ConnectionArgs};
use super::content::ContentArgs;
use super::managed::ManagedArgs;
use super::message::Messages;
use super::progress::ProgressArgs;
use super::report::Ending;
use super::restore_options::{self, Action, Filters, Job};
use super::usage::{self, path};
use super::{restore_cluster, restore_plain, runtime, verify};
use crate::archive::{Archive, FileSource, Format, Sink, file_or_stdout};
use crate::connect::ConnectOptions;
use crate::error::{Error, ErrorKind, Result};
use crate::progress::Progress;
use crate::restore::plain::{Input, PlainDump};
use crate::restore::{Cluster, Failure, Observer, Report, Restore, Skip, Stage};
use crate::toc::DumpId;
use crate::toc::list::{self, Listed};

/// The options as typed.
#[derive(Debug, Parser)]
#[command(
    name = "rsrestore",
    about = "rsrestore restores a PostgreSQL database from an archive made by rsdump or pg_dump.",
    version,
    disable_help_flag = true,
    disable_version_flag = true,
    args_override_self = true,
    override_usage = "rsrestore [OPTION]... [FILE]",
    after_help = "If no input file name is supplied, then standard input is used."
)]
pub(super) struct Args {
    /// Write a script to this file (- for standard output)
    #[arg(short = 'f', long, value_parser = path(), value_name = "FILENAME", help_heading = "General options")]
    pub(super) file: Option<PathBuf>,
    /// Format of the archive; recognised without being told
    #[arg(short = 'F', long, value_name = "c|d|t", help_heading = "General options")]
    pub(super) format: Option<String>,
    /// Print the archive's table of contents
    #[arg(short = 'l', long, help_heading = "General options")]
    pub(super) list: bool,
    /// Check all of the archive, without a server
    #[arg(long, help_heading = "General options")]
    pub(super) verify: bool,
    /// Say what is being done; more of it if given twice
    #[arg(short = 'v', long, action = ArgAction::Count, help_heading = "General options")]
    pub(super) verbose: u8,
    /// Print the version, then exit
    #[arg(short = 'V', long, action = ArgAction::Version, help_heading = "General options")]
    pub(super) version: Option<bool>,
    /// Show this help, then exit
    #[arg(short = '?', long, action = ArgAction::Help, help_heading = "General options")]
    pub(super) help: Option<bool>,

    /// Of a cluster, restore only what belongs to no database
    #[arg(short = 'g', long)]
    pub(super) globals_only: bool,
    /// Of a cluster, restore only the databases that this pattern finds
    #[arg(long, value_name = "PATTERN", action = ArgAction::Append)]
    pub(super) include_database: Vec<OsString>,
    /// Of a cluster, leave out the databases that this pattern finds
    #[arg(long, value_name = "PATTERN", action = ArgAction::Append)]
    pub(super) exclude_database: Vec<OsString>,
    /// Stop at the first error
    #[arg(short = 'e', long)]
    pub(super) exit_on_error: bool,
    /// Restore this index
    #[arg(short = 'I', long, value_name = "NAME", action = ArgAction::Append)]
    pub(super) index: Vec<OsString>,
    /// Use this many parallel jobs
    #[arg(short = 'j', long, value_name = "NUM")]
    pub(super) jobs: Option<String>,
    /// Restore what this list file names, in its order
    #[arg(short = 'L', long, value_name = "FILENAME")]
    pub(super) use_list: Option<PathBuf>,
    /// Restore only objects in this schema
    #[arg(short = 'n', long, value_name = "NAME", action = ArgAction::Append)]
    pub(super) schema: Vec<OsString>,
    /// Restore no objects in this schema
    #[arg(short = 'N', long, value_name = "NAME", action = ArgAction::Append)]
    pub(super) exclude_schema: Vec<OsString>,
    /// Restore this function
    #[arg(short = 'P', long, value_name = "NAME(args)", action = ArgAction::Append)]
    pub(super) function: Vec<OsString>,
    /// Restore this relation (table, view, etc.)
    #[arg(short = 't', long, value_name = "NAME", action = ArgAction::Append)]
    pub(super) table: Vec<OsString>,
    /// Restore this trigger
    #[arg(short = 'T', long, value_name = "NAME", action = ArgAction::Append)]
    pub(super) trigger: Vec<OsString>,
    /// Restore in a single transaction
    #[arg(short = '1', long)]
    pub(super) single_transaction: bool,
    /// Restore or skip objects as this file says (- for standard input)
    #[arg(long, value_name = "FILENAME", action = ArgAction::Append)]
    pub(super) filter: Vec<OsString>,
    /// Leave out the data of tables that could not be created
    #[arg(long)]
    pub(super) no_data_for_failed_tables: bool,
    /// Analyze the tables that have been loaded, when all is restored
    #[arg(long)]
    pub(super) analyze: bool,
    /// Commit after every N objects
    #[arg(long, value_name = "N")]
    pub(super) transaction_size: Option<String>,

    #[command(flatten)]
    pub(super) progress: ProgressArgs,
    #[command(flatten)]
    pub(super) managed: ManagedArgs,
    #[command(flatten)]
    pub(super) content: ContentArgs,
    #[command(flatten)]
    pub(super) connection: ConnectionArgs,
    /// The archive
    #[arg(value_name = "FILE", hide = true)]
    pub(super) input: Vec<OsString>,
}

/// pg_restore's long options in the order in which it lists them when an abbreviation is ambiguous.
#[rustfmt::skip]
const ABBREVIATED: &[&str] = &[
    "clean", "create", "data-only", "dbname", "exit-on-error", "exclude-schema", "file", "format", "function", "host",
    "index", "jobs", "list", "no-privileges", "no-acl", "no-owner", "no-reconnect", "port", "no-password", "password",
    "schema", "schema-only", "superuser", "table", "trigger", "use-list", "username", "verbose", "single-transaction",
    "disable-triggers", "enable-row-security", "if-exists", "no-data-for-failed-tables",
    "no-table-access-method", "no-tablespaces", "role", "section", "strict-names", "transaction-size",
    "use-set-session-authorization", "no-comments", "no-data", "no-policies", "no-publications", "no-schema",
    "no-security-labels", "no-subscriptions", "no-statistics", "statistics", "statistics-only", "filter",
    "restrict-key",
];

/// Runs the command.
pub fn main() -> ExitCode {
    let argv: Vec<OsString> = std::env::args_os().collect();
    let mut messages = Messages::of(argv.first(), "rsrestore");
    let mut filters = Filters::default();
    let mut typed = Vec::new();
    let checked = |id: &str, value: &OsStr| {
        typed.push(id.to_owned());
        restore_options::check_value(id, value, &mut filters)
    };
    let mut args: Args = match usage::parse(argv, ABBREVIATED, &messages, checked) {
        Ok(args) => args,
        Err(code) => return code,
    };
    filters.add_to(&mut args);
    messages.set_verbose(args.verbose);
    let job = match restore_options::check(&args) {
        Ok(job) => job,
        Err(refusal) => return refusal.tell(&messages),
    };
    let account = match Account::open(
        &args.progress,
        &messages,
        matches!(job.action, Action::Script(None)),
    ) {
        Ok(account) => account,
        Err(refusal) => return refusal.tell(&messages),
    };
    let ending = run_to_end(&args, &typed, job, account.progress(), &messages);
    account.close(ending)
}

fn run_to_end(
    args: &Args,
    typed: &[String],
    job: Job,
    progress: Arc<dyn Progress>,
    messages: &Messages,
) -> Ending {
    let runtime = match runtime::start(messages, job.options.jobs) {
        Ok(runtime) => runtime,
        Err(ending) => return ending,
    };
    let work = run(args, typed, job, progress, messages);
    let outcome = runtime.block_on(runtime::unless_interrupted(work));
    // Reading standard input blocks a thread that nobody waits for any more.
    runtime.shutdown_background();
    let Some(outcome) = outcome else {
        return runtime::given_up(messages);
    };
    match outcome {
        Ok(report) => {
            if report.errors > 0 && !report.stopped {
                messages.warning(format!("errors ignored on restore: {}", report.errors));
            }
            match (report.errors, report.stopped) {
                (0, _) => Ending::Complete,
                (_, false) => Ending::WithErrors,
                (_, true) => Ending::Failed,
            }
        }
        Err(error) => {
            messages.error(error.to_string());
            Ending::Failed
        }
    }
}

async fn run(
    args: &Args,
    typed: &[String],
    mut job: Job,
    progress: Arc<dyn Progress>,
    messages: &Messages,
) -> Result<Report> {
    let mut observer = Told::new(messages, progress);
    let said = said_format(args.format.as_deref());
    messages.debug_archive(job.input.as_deref(), said);
    if said.is_none() {
        messages.debug("attempting to ascertain archive format");
    }
    let archive = match open(job.input.as_ref(), messages).await? {
        Opened::Archive(archive) => {
            if let Some(option) = restore_cluster::typed(args) {
                let message = format!("option {option} can only be used with the directory of a cluster");
                return Err(Error::new(ErrorKind::Usage, message));
            }
            *archive
        }
        Opened::Cluster(cluster) => {
            let options = match restore_cluster::check(args, &job) {
                Ok(options) => options,
                Err(refusal) => return Err(Error::new(ErrorKind::Usage, refusal.text)),
            };
            if !matches!(job.action, Action::Server) {
                return restore_cluster::without_server(&cluster, &job.action, args.verbose > 0, messages)
                    .await;
            }
            let params = connect_options(args, messages).resolve()?;
            return cluster.to_server(params, &options, &mut observer).await;
        }
        Opened::Plain(dump) => {
            let options = match restore_plain::check(args, typed) {
                Ok(options) => options,
                Err(refusal) => return Err(Error::new(ErrorKind::Usage, refusal.text)),
            };
            let params = connect_options(args, messages).resolve()?;
            return dump.to_server(params, &options, &mut observer).await;
        }
    };
    for (number, entry) in archive.toc().iter().enumerate() {
        let (id, desc) = (entry.dump_id, &entry.desc);
        let text = format!("read TOC entry {number} (ID {id}) for {desc} ");
        messages.debug([text.as_bytes(), &entry.tag].concat());
    }
    check_format(said, archive.header().format, job.input.as_ref())?;
    if messages.like_pg_tools() && job.options.jobs > 1 && matches!(job.action, Action::Server) {
        check_parallel(&archive, job.input.as_ref())?;
    }
    if let Some(path) = &job.use_list {
        let text = tokio::fs::read(path)
            .await
            .map_err(|error| Error::io(format!("could not open TOC file \"{}\"", path.display()), error))?;
        let listed = Listed::read_telling(&text, archive.toc(), |warning| messages.warning(warning))?;
        job.options.list = Some(listed);
    }
    let strict_names = std::mem::take(&mut job.options.selection.strict_names);
    let mut restore = Restore::new(archive, job.options)?;
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
        Action::Verify(output) => {
            let found = restore.verify().await;
            let mut sink = sink(output.as_ref()).await?;
            sink.write(verify::listing(&restore, &found, args.verbose > 0).into())
                .await?;
            sink.finish().await?;
            Ok(Report {
                errors: verify::tell(&found, messages),
                stopped: true,
                ..Report::default()
            })
        }
        Action::Script(output) => {
            restore
                .to_script(sink(output.as_ref()).await?, &mut observer)
                .await
        }
        Action::Server => {
            let params = connect_options(args, messages).resolve()?;
            restore.to_server(params, &mut observer).await
        }
    }
}

/// What was found under the input's name.
enum Opened {
    Archive(Box<Archive>),
    Plain(Box<PlainDump>),
    Cluster(Cluster),
}

/// Opens the input. Whoever calls the program pg_restore expects it to refuse plain dumps, which opening them as
/// an archive does.
async fn open(path: Option<&PathBuf>, messages: &Messages) -> Result<Opened> {
    let source = match path {
        Some(path) if path.is_dir() => {
            if let Some(cluster) = Cluster::open(path).await? {
                return Ok(Opened::Cluster(cluster));
            }
            None
        }
        Some(path) => Some(FileSource::open(path).await?),
        None => Some(FileSource::stdin().await?),
    };
    let archive = match (source, path) {
        (Some(source), _) if messages.like_pg_tools() => Archive::open(source).await?,
        (Some(source), _) => match Input::recognize(source).await? {
            Input::Plain(dump) => return Ok(Opened::Plain(dump)),
            Input::Other(source) => Archive::open(source).await?,
        },
        (None, path) => Archive::open_path(path.map_or("".as_ref(), PathBuf::as_path)).await?,
    };
    Ok(Opened::Archive(Box::new(archive)))
}

fn connect_options(args: &Args, messages: &Messages) -> ConnectOptions {
    let mut options = args.connection.options(None, "rsrestore");
    connection::tell(&mut options, messages);
    let told = messages.clone();
    options.notices = Arc::new(move |notice| told.info(notice.report(None)));
    options
}

/// The format that the archive is said to be of.
fn said_format(name: Option<&str>) -> Option<Format> {
    let letter = name.and_then(|name| name.chars().next());
    match letter.map(|letter| letter.to_ascii_lowercase()) {
        Some('c') => Some(Format::Custom),
        Some('d') => Some(Format::Directory),
        Some('t') => Some(Format::Tar),
        _ => None,
    }
}

/// Refuses an archive that is not of the format it was said to be of, in pg_restore's words.
fn check_format(said: Option<Format>, found: Format, input: Option<&PathBuf>) -> Result<()> {
    let Some(said) = said else {
        return Ok(());
    };
    let why = match (said, found, input) {
        _ if said == found => return Ok(()),
        (Format::Directory, _, Some(path)) => format!(
            "could not open input file \"{}/toc.dat\": Not a directory",
            path.display()
        ),
        (Format::Directory, _, None) => "no output directory specified".into(),
        (_, Format::Directory, _) => "could not read from input file: Is a directory".into(),
        (Format::Tar, ..) => "corrupt tar header found in PGDMP".into(),
        _ => "did not find magic string in file header".into(),
    };
    Err(Error::new(ErrorKind::Archive, why))
}

/// Refuses what pg_restore cannot restore in parallel, in its words.
fn check_parallel(archive: &Archive, input: Option<&PathBuf>) -> Result<()> {
    let why = if archive.header().format == Format::Tar {
        "parallel restore is not supported with this archive file format"
    } else if input.is_none() {
        "parallel restore from standard input is not supported"
    } else if !archive.seekable() {
        "parallel restore from non-seekable file is not supported"
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::Unsupported, why))
}

pub(super) async fn sink(path: Option<&PathBuf>) -> Result<Box<dyn Sink>> {
    file_or_stdout(path.map(PathBuf::as_path), true, false).await
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
pub(super) struct Told<'a> {
    messages: &'a Messages,
    progress: Arc<dyn Progress>,
    stage: Option<Stage>,
    entry: Option<DumpId>,
}

impl<'a> Told<'a> {
    pub(super) fn new(messages: &'a Messages, progress: Arc<dyn Progress>) -> Told<'a> {
        Told {
            messages,
            progress,
            stage: None,
            entry: None,
        }
    }
}

impl Observer for Told<'_> {
    fn info(&mut self, message: &BStr) {
        self.messages.info(message);
    }

    fn warning(&mut self, message: &BStr) {
        self.messages.warning(message);
    }

    fn skipped(&mut self, skip: &Skip) {
        self.messages.skipped(skip);
    }

    fn progress(&self) -> Arc<dyn Progress> {
        Arc::clone(&self.progress)
    }

    fn failure(&mut self, failure: &Failure) {
        if self.stage != Some(failure.stage) {
            self.messages.info(match failure.stage {
                Stage::Initializing => "while INITIALIZING:",
                Stage::ProcessingToc => "while PROCESSING TOC:",
                Stage::Script => "while EXECUTING THE SCRIPT:",
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
        self.messages.failure(failure);
    }
}
