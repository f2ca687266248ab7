//! What to dump, how, and where to: everything that a dump can be told, contradictions ruled out.
//!
//! Which entries are wanted and how they become SQL is said in the terms of [`crate::toc`] and
//! [`crate::script`], because a dump to a script decides the same things as a restore. Command lines become
//! this in [`crate::cli`]; where to connect is not here.

use std::path::PathBuf;

use super::Target;
use crate::archive::{ArchiveVersion, Format};
use crate::compress::Compression;
use crate::connect::{SetupOptions, Snapshot};
use crate::script::ScriptOptions;
use crate::sql::Pattern;
use crate::toc::Selection;

/// The options of a dump. The default is a script of the whole database on standard output.
#[derive(Debug, Clone)]
pub struct DumpOptions {
    /// Where the dump goes and in which form.
    pub output: OutputOptions,
    /// Which objects, by name.
    pub patterns: Patterns,
    /// Which parts and kinds of them.
    pub entries: Selection,
    /// How entries become SQL, in scripts; archives leave most of that to the restore.
    pub script: ScriptOptions,
    /// Whether large objects are dumped.
    pub large_objects: LargeObjects,
    /// How rows are written.
    pub rows: RowFormat,
    /// Rows of partitions are loaded into the root of the partitioned table, which finds their place anew.
    pub load_via_partition_root: bool,
    /// Bodies of functions are string literals, not dollar-quoted.
    pub no_dollar_quoting: bool,
    /// Leave out the rows of unlogged tables.
    pub no_unlogged_table_data: bool,
    /// Leave out `SET COMPRESSION` clauses.
    pub no_toast_compression: bool,
    /// How the server's sessions are set up.
    pub setup: SetupOptions,
    /// What the dump reads under.
    pub snapshot: Snapshot,
    /// For pg_upgrade: the dump makes objects with the numbers and files that they have.
    pub binary_upgrade: bool,
    /// How long to wait for a table's lock, as `statement_timeout` takes it.
    pub lock_wait_timeout: Option<String>,
    /// How many connections read at once, at least 1.
    pub jobs: usize,
    /// With several connections: a table that has more bytes on disk, TOAST included, is cut into segments of about
    /// this size, which are read side by side.
    pub segment_size: u64,
    /// The runtime runs nothing else, as it does in the tools: where it saves work, its threads may be blocked for less
    /// than a millisecond, and by writes to regular files.
    pub own_runtime: bool,
    /// The server that the dump is for, where it may be older than the one that is read.
    pub target: Option<Target>,
    /// The program's name and version, as scripts and archives show them.
    pub dumped_by: String,
}

/// Where a dump goes and in which form.
#[derive(Debug, Clone)]
pub struct OutputOptions {
    /// The file, or standard output.
    pub file: Option<PathBuf>,
    /// Script or archive.
    pub format: Format,
    /// How it is compressed.
    pub compression: Compression,
    /// The version of an archive's layout.
    pub version: ArchiveVersion,
    /// Wait until the file is safely on disk.
    pub sync: bool,
}

/// Which objects are wanted and which are not, by name patterns.
#[derive(Debug, Clone, Default)]
pub struct Patterns {
    /// `-n`
    pub schemas: Vec<Pattern>,
    /// `-N`
    pub not_schemas: Vec<Pattern>,
    /// `-t`
    pub tables: Vec<TablePattern>,
    /// `-T`
    pub not_tables: Vec<TablePattern>,
    /// `--exclude-table-data`
    pub without_data: Vec<TablePattern>,
    /// `-e`
    pub extensions: Vec<Pattern>,
    /// `--exclude-extension`
    pub not_extensions: Vec<Pattern>,
    /// `--include-foreign-data`
    pub foreign_servers: Vec<Pattern>,
    /// A choice of extensions leaves in all that belongs to no schema, which it else leaves out.
    pub everything_else: bool,
    /// A pattern that finds nothing is an error (`--strict-names`).
    pub strict: bool,
}

/// A pattern for relations.
#[derive(Debug, Clone)]
pub struct TablePattern {
    /// What they are called.
    pub pattern: Pattern,
    /// Their children and partitions too.
    pub with_children: bool,
}

/// Whether large objects are dumped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LargeObjects {
    /// With their data, if everything is dumped.
    #[default]
    WithEverything,
    /// Always (`-b`).
    Include,
    /// Never (`-B`).
    Exclude,
}

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RowFormat {
    /// As COPY has them.
    #[default]
    Copy,
    /// As INSERT statements.
    Inserts(Inserts),
}

/// How INSERT statements are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inserts {
    /// They name the columns.
    pub columns: bool,
    /// How many rows one statement holds, at least 1.
    pub rows_per_statement: u32,
    /// `ON CONFLICT DO NOTHING`
    pub on_conflict_do_nothing: bool,
}

impl Patterns {
    /// Whether nothing was picked out or left out by name.
    pub fn are_none(&self) -> bool {
        let plain = [
            &self.schemas,
            &self.not_schemas,
            &self.extensions,
            &self.not_extensions,
            &self.foreign_servers,
        ];
        let tables = [&self.tables, &self.not_tables, &self.without_data];
        plain.iter().all(|patterns| patterns.is_empty()) && tables.iter().all(|patterns| patterns.is_empty())
    }
}

impl DumpOptions {
    /// The size of segments where nothing else is said: large enough that starting to read one costs nothing beside
    /// reading it, small enough that one of them waits in memory for each lane.
    pub const SEGMENT_SIZE: u64 = 8 << 20;
}

impl Default for DumpOptions {
    fn default() -> Self {
        DumpOptions {
            output: OutputOptions::default(),
            patterns: Patterns::default(),
            entries: Selection {
                statistics: false,
                ..Selection::default()
            },
            script: ScriptOptions::default(),
            binary_upgrade: false,
            large_objects: LargeObjects::default(),
            rows: RowFormat::default(),
            load_via_partition_root: false,
            no_dollar_quoting: false,
            no_unlogged_table_data: false,
            no_toast_compression: false,
            setup: SetupOptions::default(),
            snapshot: Snapshot::New,
            lock_wait_timeout: None,
            jobs: 1,
            segment_size: DumpOptions::SEGMENT_SIZE,
            own_runtime: false,
            target: None,
            dumped_by: concat!("rsdump version ", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

impl Default for OutputOptions {
    fn default() -> Self {
        OutputOptions {
            file: None,
            format: Format::Plain,
            compression: Compression::NONE,
            version: ArchiveVersion::V1_16,
            sync: true,
        }
    }
}
