//! Running a dump: from options to a finished script or archive.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bstr::{BStr, BString, ByteSlice};
use futures_util::future::BoxFuture;

use super::announce;
use super::large_objects::LargeObjectReader;
use super::options::{DumpOptions, LargeObjects};
use super::plan::{self, DataSource, Plan, PlanWarning};
use super::pool::{self, RowSource, Segments, TableRows};
use super::rows::Encoders;
use super::segments::{self, Cut, Size};
use super::session::Server;
use crate::archive::plain::{PlainOptions, Told};
use crate::archive::{
    ArchiveWriter, CustomWriter, DirectoryWriter, Format, Header, LocalFolder, PlainWriter, Sink, TarOptions,
    TarWriter, WriteStats, file_or_stdout,
};
use crate::connect::ConnectParams;
use crate::error::{Error, ErrorKind, Result};
use crate::objects::database::{self, Database, SessionSettings};
use crate::objects::read::{self, Locks, ReadOptions};
use crate::objects::{Reader, upgrade};
use crate::progress::{Done, Item, Progress, Work};
use crate::toc::Entry;
use crate::wire::Lane;

/// Bytes of segments, as stored, that may wait for the writer: so many for each lane.
const BUDGET: usize = 12 << 20;

/// Who is told what while a dump runs.
#[derive(Clone)]
pub struct Observer {
    /// Told how far the dump has come.
    pub progress: Arc<dyn Progress>,
    /// Told what is being done, in pg_dump's words.
    pub info: Arc<dyn Fn(&BStr) + Send + Sync>,
    /// Told what the user should know although the dump goes on.
    pub warnings: Arc<dyn Fn(&PlanWarning) + Send + Sync>,
}

/// What a dump was.
#[derive(Debug, Clone)]
pub struct DumpReport {
    /// Entries of the table of contents.
    pub entries: usize,
    /// What was written.
    pub written: WriteStats,
    /// How long it took.
    pub elapsed: Duration,
}

/// Dumps a database to where the options say.
///
/// # Errors
/// If anything goes wrong: then no file is left that looks complete.
pub async fn dump(params: &ConnectParams, options: &DumpOptions, observer: &Observer) -> Result<DumpReport> {
    let output = &options.output;
    if output.format == Format::Directory {
        let path = output.file.as_ref();
        let path = path.ok_or_else(|| Error::new(ErrorKind::Usage, "no output directory specified"))?;
        let folder = LocalFolder::create(path, output.sync)
            .await?
            .blocking(options.own_runtime);
        let writer = DirectoryWriter::new(Box::new(folder), &output.compression);
        return run(params, options, writer, observer).await;
    }
    let sink = file_or_stdout(output.file.as_deref(), output.sync, options.own_runtime).await?;
    dump_to(params, options, sink, observer).await
}

/// Dumps a database to a sink of the caller's; the file in the options is not looked at.
///
/// Anything that tokio can write to is one: here a pipe in memory, from whose other end the archive is restored while it is
/// made. Neither holds more of it than the pipe does.
///
/// ```no_run
/// # async fn example(observer: rsdump::dump::Observer) -> rsdump::Result<()> {
/// use rsdump::archive::{Archive, AsyncWriteSink, Format, StreamSource};
/// use rsdump::connect::ConnectParams;
/// use rsdump::dump::{self, DumpOptions};
/// use rsdump::restore::{Restore, RestoreOptions, Silent};
///
/// let (sender, receiver) = tokio::io::duplex(1 << 20);
/// let shop = ConnectParams::parse(b"dbname=shop")?;
/// let mut options = DumpOptions::default();
/// options.output.format = Format::Custom;
/// let dump = dump::dump_to(&shop, &options, Box::new(AsyncWriteSink::new(sender)), &observer);
///
/// let copy = ConnectParams::parse(b"dbname=copy")?;
/// let restore = async {
///     let source = StreamSource::new("the pipe".into(), receiver);
///     let archive = Archive::open(Box::new(source)).await?;
///     Restore::new(archive, RestoreOptions::default())?.to_server(copy, &mut Silent).await
/// };
/// let (dumped, restored) = tokio::try_join!(dump, restore)?;
/// println!("{} bytes, {} rows", dumped.written.bytes, restored.rows);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// If anything goes wrong: then the sink is dropped unfinished.
pub async fn dump_to(
    params: &ConnectParams,
    options: &DumpOptions,
    sink: Box<dyn Sink>,
    observer: &Observer,
) -> Result<DumpReport> {
    let output = &options.output;
    match output.format {
        Format::Plain => {
            let (warnings, info) = (Arc::clone(&observer.warnings), Arc::clone(&observer.info));
            let plain = PlainOptions {
                script: options.script.clone(),
                selection: options.entries.clone(),
                dumped_by: Some(options.dumped_by.as_str().into()),
                compression: output.compression,
                listener: Arc::new(move |told| match told {
                    Told::Warning(message) => warnings(&PlanWarning::of(message.to_string())),
                    Told::Info(message) => info(message),
                }),
                ..PlainOptions::default()
            };
            run(params, options, PlainWriter::new(sink, plain)?, observer).await
        }
        Format::Custom => {
            let writer = CustomWriter::new(sink, &output.compression);
            run(params, options, writer, observer).await
        }
        Format::Directory => Err(Error::new(
            ErrorKind::Usage,
            "a directory archive is many files, and cannot be written to one sink",
        )),
        Format::Tar => {
            let tar = TarOptions {
                script: options.script.clone(),
                dumped_by: Some(options.dumped_by.as_str().into()),
            };
            run(params, options, TarWriter::new(sink, tar), observer).await
        }
    }
}

/// Boxed, for what a dump needs is too much for the stack of a thread that runs other futures beside it.
fn run<'a, W: ArchiveWriter + 'a>(
    params: &'a ConnectParams,
    options: &'a DumpOptions,
    writer: W,
    observer: &'a Observer,
) -> BoxFuture<'a, Result<DumpReport>> {
    Box::pin(run_to_end(params, options, writer, observer))
}

async fn run_to_end<W: ArchiveWriter>(
    params: &ConnectParams,
    options: &DumpOptions,
    mut writer: W,
    observer: &Observer,
) -> Result<DumpReport> {
    let begun = Instant::now();
    let encoders = Encoders::new(writer.framing(), options.output.compression)?;
    let mut server = Server::connect(params, options).await?;
    let mut options = options.clone();
    // A standby has no rows of unlogged tables.
    options.no_unlogged_table_data |= server.parameter("in_hot_standby") == "on";
    let options = &options;
    (observer.progress).connected(params.database(), server.parameter("server_version").as_bstr());
    let planned = Box::pin(make_plan(&server, options, observer)).await;
    if planned.is_err() {
        server.cancel().await;
    }
    let (plan, _locks) = planned?;
    server.keep_one_session();
    writer
        .begin_shared(&header(&server, params, options), &plan.entries)
        .await?;
    Box::pin(write_data(
        &server,
        &plan,
        options,
        &encoders,
        &mut writer,
        observer,
    ))
    .await?;
    let entries = plan.entries.len();
    let written = writer.finish().await?;
    free_aside(plan);
    Ok(DumpReport {
        entries,
        written,
        elapsed: begun.elapsed(),
    })
}

/// Frees what may be large, and many small pieces, without anybody waiting for it.
fn free_aside<T: Send + 'static>(large: T) {
    // Where no thread is to be had, it is freed here.
    drop(std::thread::Builder::new().spawn(move || drop(large)));
}

/// Reads the catalogs and plans the dump. The locks last as long as the server's sessions and what is returned.
async fn make_plan(
    server: &Server,
    options: &DumpOptions,
    observer: &Observer,
) -> Result<(Plan, Option<Lane>)> {
    let tell = |line: &&str| (observer.info)(line.as_bytes().as_bstr());
    announce::CONNECTED.iter().for_each(tell);
    let mut selection = server.resolve(options).await?;
    selection.no_unlogged_data = options.no_unlogged_table_data;
    let session = SessionSettings {
        encoding: server.parameter("client_encoding"),
        standard_strings: server.quoting(options).standard_strings,
        search_path: BString::default(),
    };
    let entries = &options.entries;
    let read_options = ReadOptions {
        schema: entries.definitions,
        data: entries.data,
        sequence_values: entries.sequence_values,
        statistics: entries.statistics,
        subscriptions: entries.subscriptions,
        large_objects: match options.large_objects {
            _ if options.binary_upgrade => read::LargeObjects::Grouped,
            _ if !entries.data => read::LargeObjects::None,
            LargeObjects::Exclude => read::LargeObjects::None,
            LargeObjects::WithEverything if !selection.is_of_everything() => read::LargeObjects::None,
            _ if plan::single_large_objects(options) => read::LargeObjects::Single,
            _ => read::LargeObjects::Grouped,
        },
        upgrade: options.binary_upgrade,
        lock_wait_timeout: options.lock_wait_timeout.clone(),
        quoting: server.quoting(options),
    };
    announce::BASE.iter().for_each(tell);
    let reader = server
        .reader()
        .with_system_objects(selection.names_system_schema());
    let mut locks = None;
    let lock = async |statements: &Locks| {
        locks = server.lock(statements).await?;
        Ok(())
    };
    let catalog = read::read(&reader, &selection, &read_options, lock);
    let create = options.script.create_database || options.output.format != Format::Plain;
    let database = async {
        match create {
            true => read_database(&reader, options).await.map(Some),
            false => Ok(None),
        }
    };
    let (mut catalog, database) = futures_util::try_join!(catalog, database)?;
    let large_objects = read_options.large_objects != read::LargeObjects::None;
    announce::details(&catalog, entries.definitions, large_objects)
        .iter()
        .for_each(tell);
    let plan = plan::plan(&mut catalog, database.as_ref(), &session, options)?;
    free_aside(catalog);
    for warning in &plan.warnings {
        (observer.warnings)(warning);
    }
    for line in announce::saving(&session, database.is_some()) {
        (observer.info)(line.as_bstr());
    }
    Ok((plan, locks))
}

async fn read_database(reader: &Reader<'_>, options: &DumpOptions) -> Result<Database> {
    let mut database = database::read(reader).await?;
    if options.binary_upgrade {
        database.upgrade = Some(Box::pin(upgrade::read_database(reader)).await?);
    }
    Ok(database)
}

fn header(server: &Server, params: &ConnectParams, options: &DumpOptions) -> Header {
    let output = &options.output;
    let mut header = Header::new(output.version, output.format, output.compression);
    header.database = Some(params.database().to_owned());
    header.server_version = Some(server.parameter("server_version"));
    // Readers say "version" themselves.
    header.dumper_version = Some(options.dumped_by.replace(" version ", " ").into());
    header
}

/// Reads everything that has data, and writes it in the order of the entries.
async fn write_data<W: ArchiveWriter>(
    server: &Server,
    plan: &Plan,
    options: &DumpOptions,
    encoders: &Encoders,
    writer: &mut W,
    observer: &Observer,
) -> Result<()> {
    let sizes = sizes(server, plan, options, observer).await?;
    let tables = cut_tables(server, plan, options, &sizes);
    let budget = BUDGET.saturating_mul(options.jobs);
    let (mut lanes, segments) = pool::start(tables, options.jobs, budget, server.lanes(), encoders);
    let mut data = Data {
        encoders,
        segments,
        entries: &plan.entries,
        sizes: &sizes,
        progress: &*observer.progress,
        info: &*observer.info,
        large_objects: LargeObjectReader::new(server.reader(), plan.large_objects()),
    };
    let writing = async {
        for entry in plan.entries.iter() {
            match plan.sources.get(&entry.dump_id) {
                Some(source) => data.write(entry, source, writer).await?,
                None => data
                    .progress
                    .entry_done(&item(entry, None, &sizes), &Done::default()),
            }
        }
        server.check_alive()
    };
    let outcome = tokio::select! {
        biased;
        error = lanes.failure() => Err(error),
        outcome = writing => outcome,
    };
    match outcome {
        Ok(()) => lanes.finish().await,
        Err(error) => {
            lanes.cancel().await;
            Err(error)
        }
    }
}

/// The sizes of the tables whose rows are dumped, by their oids, as far as anybody wants them: whoever cuts tables or
/// estimates how long it will take. Tells what there is to be done.
async fn sizes(
    server: &Server,
    plan: &Plan,
    options: &DumpOptions,
    observer: &Observer,
) -> Result<HashMap<u32, Size>> {
    let rows = plan.entries.iter().filter(|entry| {
        let source = plan.sources.get(&entry.dump_id);
        source.is_some_and(|source| !matches!(source, DataSource::LargeObjects(_)))
    });
    let oids: Vec<u32> = rows.map(|entry| entry.catalog_id.oid).collect();
    let wanted = options.jobs > 1 || observer.progress.wants_sizes();
    let sizes = match wanted && !oids.is_empty() {
        true => segments::sizes(&server.reader(), &oids).await?,
        false => HashMap::new(),
    };
    observer.progress.planned(&Work {
        entries: plan.entries.len() as u64,
        with_data: plan.sources.len() as u64,
        indexes: 0,
        size: sizes.values().map(|size| size.bytes).sum(),
    });
    Ok(sizes)
}

/// What is told about an entry.
fn item<'a>(entry: &'a Entry, source: Option<&DataSource>, sizes: &HashMap<u32, Size>) -> Item<'a> {
    let size = source.and_then(|_| sizes.get(&entry.catalog_id.oid));
    Item {
        dump_id: entry.dump_id.0,
        kind: entry.desc.text(),
        schema: entry.schema(),
        name: entry.tag.as_bstr(),
        has_data: source.is_some(),
        is_index: false,
        size: size.map_or(0, |size| size.bytes),
    }
}

/// The tables whose rows are dumped, in the order of the entries, each with its segments.
fn cut_tables(
    server: &Server,
    plan: &Plan,
    options: &DumpOptions,
    sizes: &HashMap<u32, Size>,
) -> Vec<TableRows> {
    let sources = plan.entries.iter().filter_map(|entry| {
        let source = match plan.sources.get(&entry.dump_id)? {
            DataSource::Rows(query) => RowSource::Copy(query.clone()),
            DataSource::Inserts(source, style) => {
                RowSource::Inserts(source.clone(), *style, server.quoting(options))
            }
            DataSource::LargeObjects(_) => return None,
        };
        let cut = match &source {
            RowSource::Copy(query) if options.jobs > 1 && query.has_parts() => sizes
                .get(&query.table)
                .map_or(Cut::WHOLE, |size| Cut::new(*size, options.segment_size)),
            _ => Cut::WHOLE,
        };
        Some(TableRows {
            name: entry.tag.clone(),
            source,
            cut,
        })
    });
    sources.collect()
}

/// What is needed to write data.
struct Data<'a> {
    encoders: &'a Encoders,
    segments: Segments,
    entries: &'a [Entry],
    sizes: &'a HashMap<u32, Size>,
    progress: &'a dyn Progress,
    info: &'a (dyn Fn(&BStr) + Send + Sync),
    large_objects: LargeObjectReader<'a>,
}

impl Data<'_> {
    async fn write<W: ArchiveWriter>(
        &mut self,
        entry: &Entry,
        source: &DataSource,
        writer: &mut W,
    ) -> Result<()> {
        let item = item(entry, Some(source), self.sizes);
        self.progress.entry_begun(&item);
        let mut done = Done::default();
        match source {
            DataSource::Rows(_) | DataSource::Inserts(..) => {
                writer.begin_data(entry.dump_id).await?;
                // As pg_dump has it, of rows as INSERT commands nothing is said.
                if matches!(source, DataSource::Rows(_)) {
                    (self.info)(announce::rows(entry).as_bstr());
                }
                while let Some(segment) = self.segments.next().await {
                    self.progress.bytes(segment.plain_len);
                    done.rows += segment.rows;
                    done.bytes += segment.plain_len;
                    writer.append(segment).await?;
                }
                writer.end_data().await?;
            }
            DataSource::LargeObjects(oids) => {
                writer.begin_large_objects(entry.dump_id).await?;
                (self.info)(announce::large_objects(entry, self.entries).as_bstr());
                done.rows = oids.len() as u64;
                let contents = &mut self.large_objects;
                done.bytes = contents
                    .write(oids.len(), self.encoders, writer, self.progress)
                    .await?;
                writer.end_large_objects().await?;
            }
        }
        self.progress.entry_done(&item, &done);
        Ok(())
    }
}
