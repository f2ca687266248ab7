//! What rsdump's options mean together: checked in pg_dump's order and words, and turned into what the
//! library takes.

use std::ffi::{OsStr, OsString};

use bstr::BString;

use super::checks::{self, POSITIVE, Refusal, exclusive, number, sections};
use super::connection::bytes;
use super::dump::Args;
use super::filter::{self, Command, Kind};
use crate::archive::{ArchiveVersion, Format};
use crate::compress::{Algorithm, Compression};
use crate::connect::{SetupOptions, Snapshot};
use crate::dump::{
    DumpOptions, Inserts, LargeObjects, OutputOptions, Patterns, RowFormat, TablePattern, Target,
};
use crate::error::Result;
use crate::script::{ScriptOptions, is_valid_restrict_key, random_restrict_key};
use crate::sql::Pattern;
use crate::toc::Selection;
use crate::toc::selection::Sections;

/// What filter files ask for.
#[derive(Debug, Default)]
pub(super) struct Filters(Vec<(Command, Kind, OsString)>);

impl Filters {
    fn read(&mut self, path: &OsStr) -> Result<(), Refusal> {
        filter::read(path, |command, kind, pattern| {
            let takes = matches!(
                (command, kind),
                (
                    _,
                    Kind::Extension | Kind::Schema | Kind::Table | Kind::TableAndChildren
                ) | (Command::Include, Kind::ForeignData)
                    | (Command::Exclude, Kind::TableData | Kind::TableDataAndChildren)
            );
            self.0.push((command, kind, pattern));
            takes
        })
    }

    /// Adds the items to the options that say the same.
    pub(super) fn add_to(self, args: &mut Args) {
        // In pg_dump, extensions that a file includes leave in what `-e` leaves out.
        args.everything_else = args.extension.is_empty();
        for (command, kind, pattern) in self.0 {
            let include = command == Command::Include;
            let patterns = match kind {
                Kind::Extension if include => &mut args.extension,
                Kind::Extension => &mut args.exclude_extension,
                Kind::Schema if include => &mut args.schema,
                Kind::Schema => &mut args.exclude_schema,
                Kind::Table if include => &mut args.table,
                Kind::Table => &mut args.exclude_table,
                Kind::TableAndChildren if include => &mut args.table_and_children,
                Kind::TableAndChildren => &mut args.exclude_table_and_children,
                Kind::ForeignData => &mut args.include_foreign_data,
                Kind::TableData => &mut args.exclude_table_data,
                Kind::TableDataAndChildren => &mut args.exclude_table_data_and_children,
                Kind::Database | Kind::Function | Kind::Index | Kind::Trigger => continue,
            };
            patterns.push(pattern);
        }
    }
}

/// Checks a value as it is typed, and reads filter files.
pub(super) fn check_value(id: &str, value: &OsStr, filters: &mut Filters) -> Result<(), Refusal> {
    let text = value.to_string_lossy();
    match id {
        "filter" => filters.read(value),
        "extra_float_digits" => number(Some(&text), "--extra-float-digits", -15..=3).map(|_| ()),
        "sync_method" => sync_method(&text),
        _ => checks::value(id, value).unwrap_or(Ok(())),
    }
}

fn sync_method(method: &str) -> Result<(), Refusal> {
    match method {
        "fsync" | "syncfs" => Ok(()),
        _ => Err(format!("unrecognized sync method: {method}").into()),
    }
}

/// Checks that the options agree. `like_pg_dump`: archives are compressed as pg_dump does unless told otherwise.
pub(super) fn check(args: &Args, like_pg_dump: bool) -> Result<DumpOptions, Refusal> {
    let sections = sections(&args.content.section)?;
    let jobs = number(args.jobs.as_deref(), "-j/--jobs", POSITIVE)?;
    let segment_size = segment_size(args.segment_size.as_deref())?;
    let digits = number(
        args.extra_float_digits.as_deref(),
        "--extra-float-digits",
        -15..=3,
    )?;
    // The database is either an argument or -d's, not both.
    let named = usize::from(args.connection.dbname.is_none());
    if let Some(extra) = args.database.get(named) {
        return Err(Refusal {
            text: format!(
                "too many command-line arguments (first is \"{}\")",
                extra.display()
            ),
            hint: true,
        });
    }
    check_parts(args)?;
    if jobs.is_some_and(|jobs| jobs > 1) && !args.include_foreign_data.is_empty() {
        let message = "option --include-foreign-data is not supported with parallel backup";
        return Err(String::from(message).into());
    }
    let [_, data_only, _] = args.content.only_parts();
    exclusive(&[((args.content.clean, "-c/--clean"), data_only)])?;
    if args.content.if_exists && !args.content.clean {
        return Err("option --if-exists requires option -c/--clean".into());
    }
    let to = (args.to.is_some(), "--to");
    exclusive(&[
        (to, (args.file.is_some(), "-f/--file")),
        (to, (args.format.is_some(), "-F/--format")),
        (to, (args.compress.is_some(), "-Z/--compress")),
        (to, (args.archive_version.is_some(), "--archive-version")),
        (to, (args.content.create, "-C/--create")),
    ])?;
    let rows = rows(args)?;
    let format = format(args.format.as_deref())?;
    let target = target(args)?;
    exclusive(&[(
        (args.binary_upgrade, "--binary-upgrade"),
        (target.is_some(), "--target-version"),
    )])?;
    let restrict_key = restrict_key(args, format, target)?;
    let output = output(args, format, target, like_pg_dump)?;
    Ok(DumpOptions {
        patterns: patterns(args)?,
        entries: entries(args, sections, format),
        script: ScriptOptions {
            restrict_key,
            verbose: args.verbose > 0,
            release: target.map(|target| target.release),
            quote_all_identifiers: args.quote_all_identifiers,
            ..args.content.script_options()
        },
        large_objects: match (args.large_objects, args.no_large_objects) {
            (true, _) => LargeObjects::Include,
            (false, true) => LargeObjects::Exclude,
            (false, false) => LargeObjects::WithEverything,
        },
        binary_upgrade: args.binary_upgrade,
        rows,
        load_via_partition_root: args.load_via_partition_root,
        no_dollar_quoting: args.disable_dollar_quoting,
        no_unlogged_table_data: args.no_unlogged_table_data,
        no_toast_compression: args.no_toast_compression,
        setup: SetupOptions {
            encoding: args.encoding.as_ref().map(bytes),
            role: args.connection.role(),
            extra_float_digits: digits.and_then(|digits| i32::try_from(digits).ok()),
            quote_all_identifiers: args.quote_all_identifiers,
            row_security: args.content.enable_row_security,
            foreign_tables: false,
        },
        snapshot: match (&args.snapshot, args.serializable_deferrable) {
            (Some(name), _) => Snapshot::Imported(name.clone()),
            (None, true) => Snapshot::SerializableDeferrable,
            (None, false) => Snapshot::New,
        },
        lock_wait_timeout: args.lock_wait_timeout.clone(),
        jobs: jobs.and_then(|jobs| usize::try_from(jobs).ok()).unwrap_or(1),
        segment_size,
        target,
        output,
        own_runtime: true,
        ..DumpOptions::default()
    })
}

/// Checks the options that say which parts are dumped.
fn check_parts(args: &Args) -> Result<(), Refusal> {
    let [schema_only, data_only, statistics_only] = args.content.only_parts();
    let statistics = (args.content.statistics, "--statistics");
    let no_statistics = (args.content.no_statistics, "--no-statistics");
    let foreign = (!args.include_foreign_data.is_empty(), "--include-foreign-data");
    let pairs = [
        (schema_only, data_only),
        (schema_only, statistics_only),
        (data_only, statistics_only),
        (data_only, (args.content.no_data, "--no-data")),
        (schema_only, (args.content.no_schema, "--no-schema")),
        (statistics_only, no_statistics),
        (statistics, no_statistics),
        (data_only, statistics),
        (schema_only, statistics),
        (schema_only, foreign),
    ];
    exclusive(&pairs)?;
    Ok(())
}

/// How rows are written.
fn rows(args: &Args) -> Result<RowFormat, Refusal> {
    let rows_per_insert = number(args.rows_per_insert.as_deref(), "--rows-per-insert", POSITIVE)?;
    if !args.inserts && !args.column_inserts && rows_per_insert.is_none() {
        if args.on_conflict_do_nothing {
            let message = "option --on-conflict-do-nothing requires option --inserts, --rows-per-insert, \
                           or --column-inserts";
            return Err(message.into());
        }
        return Ok(RowFormat::Copy);
    }
    Ok(RowFormat::Inserts(Inserts {
        columns: args.column_inserts,
        rows_per_statement: rows_per_insert
            .and_then(|rows| u32::try_from(rows).ok())
            .unwrap_or(1),
        on_conflict_do_nothing: args.on_conflict_do_nothing,
    }))
}

/// A number of bytes, with the units that PostgreSQL's settings have.
fn segment_size(text: Option<&str>) -> Result<u64, Refusal> {
    let Some(text) = text else {
        return Ok(DumpOptions::SEGMENT_SIZE);
    };
    let at = text
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(at);
    let factor = match unit.trim_start() {
        "" | "B" => Some(1),
        "kB" => Some(1u64 << 10),
        "MB" => Some(1 << 20),
        "GB" => Some(1 << 30),
        _ => None,
    };
    let bytes = digits
        .parse()
        .ok()
        .zip(factor)
        .and_then(|(number, factor): (u64, u64)| number.checked_mul(factor));
    match bytes {
        Some(bytes) if bytes > 0 => Ok(bytes),
        _ => Err(format!(
            "invalid value \"{text}\" for option --segment-size: a number of bytes, or of kB, MB or GB, is expected"
        )
        .into()),
    }
}

fn format(name: Option<&str>) -> Result<Format, Refusal> {
    match name.map(str::to_ascii_lowercase).as_deref() {
        None | Some("p" | "plain") => Ok(Format::Plain),
        Some("c" | "custom") => Ok(Format::Custom),
        Some("d" | "directory") => Ok(Format::Directory),
        Some("t" | "tar") => Ok(Format::Tar),
        Some(_) => Err(format!("invalid output format \"{}\" specified", name.unwrap_or_default()).into()),
    }
}

/// The server that the dump is for.
fn target(args: &Args) -> Result<Option<Target>, Refusal> {
    let Some(text) = &args.target_version else {
        return match args.best_effort {
            true => Err("option --best-effort requires option --target-version".into()),
            false => Ok(None),
        };
    };
    let release = text
        .parse()
        .ok()
        .filter(|release| Target::RELEASES.contains(release));
    let release = release.ok_or_else(|| {
        let (first, last) = (Target::RELEASES.start(), Target::RELEASES.end());
        format!("invalid target version \"{text}\": a major release from {first} to {last} is expected")
    })?;
    Ok(Some(Target {
        release,
        best_effort: args.best_effort,
    }))
}

fn restrict_key(args: &Args, format: Format, target: Option<Target>) -> Result<Option<String>, Refusal> {
    match (&args.content.restrict_key, format) {
        // No psql of releases before 13 knows \\restrict.
        (None, Format::Plain) if target.is_some_and(|target| target.release < 13) => Ok(None),
        (None, Format::Plain) => Ok(Some(random_restrict_key())),
        (Some(key), Format::Plain) if is_valid_restrict_key(key) => Ok(Some(key.clone())),
        (Some(_), Format::Plain) => Err(String::from("invalid restrict key").into()),
        (None, _) => Ok(None),
        (Some(_), _) => {
            Err(String::from("option --restrict-key can only be used with --format=plain").into())
        }
    }
}

fn output(
    args: &Args,
    format: Format,
    target: Option<Target>,
    like_pg_dump: bool,
) -> Result<OutputOptions, Refusal> {
    let newest = target.map_or(ArchiveVersion::V1_16, |target| {
        ArchiveVersion::for_release(target.release)
    });
    let version = match args.archive_version.as_deref() {
        None => newest,
        Some("1.16") => ArchiveVersion::V1_16,
        Some("1.15") => ArchiveVersion::V1_15,
        Some("1.14") => ArchiveVersion::V1_14,
        Some("1.13") => ArchiveVersion::V1_13,
        Some(other) => {
            return Err(
                format!("invalid archive version \"{other}\": only 1.13 to 1.16 can be written").into(),
            );
        }
    };
    if version > newest && format != Format::Plain {
        let release = target.map(|target| target.release).unwrap_or_default();
        let minor = version.minor;
        return Err(format!("archive version 1.{minor} cannot be read by PostgreSQL {release}").into());
    }
    let compression = match (&args.compress, format) {
        (Some(spec), _) => Compression::parse(spec)?,
        (None, Format::Plain | Format::Tar) => Compression::NONE,
        // Archives of older versions cannot say that they are compressed with anything else.
        (None, _) if like_pg_dump || version < ArchiveVersion::V1_15 => Compression::GZIP,
        (None, _) => Compression::ZSTD,
    };
    let is_compressed = compression.algorithm != Algorithm::None;
    match format {
        Format::Tar if is_compressed => {
            return Err(String::from("compression is not supported by tar archive format").into());
        }
        Format::Directory if args.file.is_none() => {
            return Err(String::from("no output directory specified").into());
        }
        _ => {}
    }
    if version < ArchiveVersion::V1_15 && !matches!(compression.algorithm, Algorithm::None | Algorithm::Gzip)
    {
        let name = compression.algorithm;
        let minor = version.minor;
        return Err(format!("archive version 1.{minor} cannot be compressed with {name}").into());
    }
    Ok(OutputOptions {
        file: args.file.clone(),
        format,
        compression,
        version,
        sync: !args.no_sync,
    })
}

fn entries(args: &Args, sections: Sections, format: Format) -> Selection {
    Selection {
        sequence_values: args.sequence_data,
        large_objects_as_definitions: args.binary_upgrade,
        // An archive always has the database's own entries; its restore decides.
        create_database: args.content.create || format != Format::Plain,
        ..args.content.selection(sections, false)
    }
}

fn patterns(args: &Args) -> Result<Patterns, Refusal> {
    Ok(Patterns {
        schemas: all(&args.schema, Pattern::schema)?,
        not_schemas: all(&args.exclude_schema, Pattern::schema)?,
        tables: tables(&args.table, &args.table_and_children)?,
        not_tables: tables(&args.exclude_table, &args.exclude_table_and_children)?,
        without_data: tables(&args.exclude_table_data, &args.exclude_table_data_and_children)?,
        extensions: all(&args.extension, Pattern::bare)?,
        not_extensions: all(&args.exclude_extension, Pattern::bare)?,
        foreign_servers: all(&args.include_foreign_data, Pattern::bare)?,
        everything_else: args.everything_else,
        strict: args.content.strict_names,
    })
}

fn all(texts: &[OsString], parse: fn(BString) -> Result<Pattern>) -> Result<Vec<Pattern>> {
    texts.iter().map(|text| parse(bytes(text))).collect()
}

fn tables(plain: &[OsString], with_children: &[OsString]) -> Result<Vec<TablePattern>> {
    let parse = |texts: &[OsString], with_children| -> Result<Vec<TablePattern>> {
        let patterns = all(texts, Pattern::relation)?.into_iter();
        let table = |pattern| TablePattern {
            pattern,
            with_children,
        };
        Ok(patterns.map(table).collect())
    };
    let mut tables = parse(plain, false)?;
    tables.extend(parse(with_children, true)?);
    Ok(tables)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn checked(line: &str) -> Result<DumpOptions, Refusal> {
        let words = std::iter::once("rsdump").chain(line.split(' ').filter(|word| !word.is_empty()));
        check(&Args::try_parse_from(words).unwrap(), false)
    }

    fn refused(line: &str) -> String {
        checked(line).unwrap_err().text
    }

    #[test]
    fn contradictions_are_refused_in_pg_dumps_words() {
        let together = |one: &str, other: &str| format!("options {one} and {other} cannot be used together");
        assert_eq!(refused("-s -a"), together("-s/--schema-only", "-a/--data-only"));
        assert_eq!(refused("-c -a"), together("-c/--clean", "-a/--data-only"));
        assert_eq!(
            refused("-s --no-schema"),
            together("-s/--schema-only", "--no-schema")
        );
        assert_eq!(
            refused("--if-exists"),
            "option --if-exists requires option -c/--clean"
        );
        assert_eq!(refused("-Fx"), "invalid output format \"x\" specified");
        assert_eq!(
            refused("-Ft -Z3"),
            "compression is not supported by tar archive format"
        );
        assert_eq!(refused("-j abc"), "invalid value \"abc\" for option -j/--jobs");
        assert_eq!(refused("-j 0"), "-j/--jobs must be in range 1..2147483647");
        assert_eq!(
            refused("--extra-float-digits=20"),
            "--extra-float-digits must be in range -15..3"
        );
        assert_eq!(refused("--restrict-key=a.b"), "invalid restrict key");
        assert_eq!(
            refused("-Fc --restrict-key=a"),
            "option --restrict-key can only be used with --format=plain"
        );
        assert_eq!(refused("--section=x"), "unrecognized section name: \"x\"");
    }

    #[test]
    fn one_database_may_be_named_once() {
        assert!(checked("shop").is_ok());
        assert_eq!(
            refused("shop other"),
            "too many command-line arguments (first is \"other\")"
        );
        assert_eq!(
            refused("-d shop other"),
            "too many command-line arguments (first is \"other\")"
        );
    }

    #[test]
    fn archives_are_compressed_unless_told_otherwise() {
        let of = |line: &str| checked(line).unwrap().output.compression.algorithm;
        assert_eq!(of(""), Algorithm::None);
        assert_eq!(of("-Fc"), Algorithm::Zstd);
        assert_eq!(of("-Fc -Z0"), Algorithm::None);
        assert_eq!(of("-Fc --archive-version=1.14"), Algorithm::Gzip);
        let args = Args::try_parse_from(["pg_dump", "-Fc"]).unwrap();
        assert_eq!(
            check(&args, true).unwrap().output.compression.algorithm,
            Algorithm::Gzip
        );
        assert!(refused("-Fc --archive-version=1.14 -Zzstd").contains("1.14"));
    }

    #[test]
    fn a_target_decides_the_version_of_the_archive_and_the_fence_of_the_script() {
        let of = |line: &str| checked(line).unwrap();
        for (target, minor) in [
            ("10", 13),
            ("12", 14),
            ("15", 14),
            ("16", 15),
            ("17", 16),
            ("18", 16),
        ] {
            let options = of(&format!("-Fc --target-version={target}"));
            assert_eq!(options.output.version.minor, minor, "{target}");
            assert_eq!(options.script.release, target.parse().ok());
        }
        assert_eq!(
            of("-Fc --target-version=15").output.compression.algorithm,
            Algorithm::Gzip
        );
        assert_eq!(
            of("-Fc --target-version=17 --archive-version=1.14")
                .output
                .version,
            ArchiveVersion::V1_14
        );
        assert_eq!(
            refused("-Fc --target-version=12 --archive-version=1.15"),
            "archive version 1.15 cannot be read by PostgreSQL 12"
        );
        assert!(of("--target-version=12").script.restrict_key.is_none());
        assert!(of("--target-version=13").script.restrict_key.is_some());
        assert!(
            of("--target-version=12 --restrict-key=abc")
                .script
                .restrict_key
                .is_some()
        );
        assert_eq!(
            refused("--best-effort"),
            "option --best-effort requires option --target-version"
        );
        for wrong in ["9", "19", "9.6", "x"] {
            let told = refused(&format!("--target-version={wrong}"));
            assert!(
                told.starts_with(&format!("invalid target version \"{wrong}\"")),
                "{told}"
            );
        }
    }

    #[test]
    fn segment_sizes_have_postgresqls_units() {
        let of = |size: &str| checked(&format!("--segment-size={size}")).map(|options| options.segment_size);
        assert_eq!(checked("").unwrap().segment_size, DumpOptions::SEGMENT_SIZE);
        for (size, bytes) in [
            ("8192", 8192),
            ("64kB", 65_536),
            ("2MB", 2 << 20),
            ("1GB", 1 << 30),
        ] {
            assert_eq!(of(size).unwrap(), bytes, "{size}");
        }
        for size in [
            "0",
            "MB",
            "1XB",
            "-1",
            "1.5MB",
            "99999999999999999999",
            "99999999999GB",
        ] {
            assert!(of(size).unwrap_err().text.contains("--segment-size"), "{size}");
        }
    }

    #[test]
    fn parts_are_told_apart() {
        let of = |line: &str| {
            let entries = checked(line).unwrap().entries;
            (entries.definitions, entries.data, entries.statistics)
        };
        assert_eq!(of(""), (true, true, false));
        assert_eq!(of("-s"), (true, false, false));
        assert_eq!(of("-a"), (false, true, false));
        assert_eq!(of("--no-data"), (true, false, false));
        assert_eq!(of("--statistics-only"), (false, false, true));
    }
}
