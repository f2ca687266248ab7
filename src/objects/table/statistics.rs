//! Planner statistics of relations: what ANALYZE and VACUUM found out, as calls that put it back
//! (`pg_restore_relation_stats`, `pg_restore_attribute_stats`; servers before 18 cannot run them).
//!
//! Only read if the user wants statistics. Extended statistics objects are not here.

use std::collections::HashMap;

use bstr::BString;
use postgres_types::Type;
use tokio_postgres::Row;

use super::RelKind;
use crate::connect::{Columns, ServerVersion};
use crate::error::Result;
use crate::objects::{Body, Catalog, Components, Emitter, Object, Reader, class};
use crate::sql::{put, text};
use crate::toc::{CatalogId, Desc, DumpId, Section};

/// The statistics of a table, materialized view or index.
#[derive(Debug)]
pub struct RelationStatistics {
    /// The relation.
    pub relation: DumpId,
    /// What kind of relation it is.
    pub of: StatisticsOf,
    /// When they are restored: with the data, or after what only stands afterwards.
    pub section: Section,
    /// Of the relation as a whole: the values of [`relation_arguments`].
    values: Vec<Option<BString>>,
    /// Of its columns, by name, an index' by number.
    columns: Vec<ColumnStatistics>,
}

/// Kinds of relations, as far as their statistics differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatisticsOf {
    /// A table of any kind.
    Table,
    /// A materialized view.
    MaterializedView,
    /// An index of any kind.
    Index,
}

/// The statistics of one column, with or without those of the relation's children.
#[derive(Debug)]
struct ColumnStatistics {
    name: BString,
    /// The column's number within an index, whose columns have no lasting names; `None` for tables.
    number: Option<i16>,
    inherited: bool,
    /// The values of [`COLUMN_ARGUMENTS`].
    values: Vec<Option<BString>>,
}

/// All statistics as the catalogs have them.
#[derive(Debug, Default)]
pub struct Rows {
    relations: Vec<Row>,
    columns: Vec<Row>,
}

/// An argument of the functions that restore statistics: name and type.
type Argument = (&'static str, &'static str);

/// What is known of a relation: the names are also those of columns of `pg_class`.
fn relation_arguments(version: ServerVersion) -> &'static [Argument] {
    const ALL: &[Argument] = &[
        ("relpages", "integer"),
        ("reltuples", "real"),
        ("relallvisible", "integer"),
        ("relallfrozen", "integer"),
    ];
    &ALL[..version.pick(18, 4, 3)]
}

/// What is known of a column: the names are also those of columns of `pg_stats`.
const COLUMN_ARGUMENTS: &[Argument] = &[
    ("null_frac", "real"),
    ("avg_width", "integer"),
    ("n_distinct", "real"),
    ("most_common_vals", "text"),
    ("most_common_freqs", "real[]"),
    ("histogram_bounds", "text"),
    ("correlation", "real"),
    ("most_common_elems", "text"),
    ("most_common_elem_freqs", "real[]"),
    ("elem_count_histogram", "real[]"),
    ("range_length_histogram", "text"),
    ("range_empty_frac", "real"),
    ("range_bounds_histogram", "text"),
];

/// The oids of the relations whose statistics are wanted, their indexes not counted.
pub fn wanted(catalog: &Catalog) -> Vec<u32> {
    let parts = Components::DEFINITION | Components::DATA | Components::STATISTICS;
    let relations = catalog.objects().iter().filter(|object| {
        object.dump.intersects(parts)
            && matches!(&object.body, Body::Table(table) if matches!(
                table.relkind,
                RelKind::Table | RelKind::Partitioned | RelKind::MaterializedView | RelKind::Foreign
            ))
    });
    relations.map(|object| object.catalog_id.oid).collect()
}

/// Reads the statistics of the relations `wanted` and of their indexes.
///
/// # Errors
/// If a query fails.
pub async fn read(reader: &Reader<'_>, wanted: &[u32]) -> Result<Rows> {
    if wanted.is_empty() {
        return Ok(Rows::default());
    }
    let (relations_sql, columns_sql) = queries(reader.version);
    let params = [(&wanted as _, Type::OID_ARRAY)];
    let (relations, columns) = futures_util::try_join!(
        reader.rows("statistics of relations", &relations_sql, &params),
        reader.rows("statistics of columns", &columns_sql, &params),
    )?;
    Ok(Rows { relations, columns })
}

/// The queries for relations and for columns. All values come as text: they are only passed on.
/// They are not cast to it, for users can make casts of their own.
fn queries(version: ServerVersion) -> (String, String) {
    let with_indexes = "c.oid = ANY ($1) OR c.oid IN \
         (SELECT i.indexrelid FROM pg_catalog.pg_index i WHERE i.indrelid = ANY ($1))";
    let as_text = |columns: &[Argument], table: &str| {
        let columns = columns.iter().map(|(name, _)| {
            // Range types have statistics in the view since 17.
            match name.starts_with("range_") && !version.at_least(17) {
                true => "NULL::pg_catalog.text".to_owned(),
                false => format!("NULLIF(pg_catalog.format('%s', {table}.{name}), '')"),
            }
        });
        columns.collect::<Vec<_>>().join(", ")
    };
    let relations = format!(
        "SELECT c.oid, {} FROM pg_catalog.pg_class c WHERE {with_indexes}",
        as_text(relation_arguments(version), "c")
    );
    let columns = format!(
        "SELECT c.oid, s.attname, a.attnum, s.inherited, {} \
         FROM pg_catalog.pg_class c \
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
           JOIN pg_catalog.pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname \
           LEFT JOIN pg_catalog.pg_attribute a ON c.relkind IN ('i', 'I') \
             AND a.attrelid = c.oid AND a.attname = s.attname \
         WHERE {with_indexes}",
        as_text(COLUMN_ARGUMENTS, "s")
    );
    (relations, columns)
}

/// Adds the statistics of those relations that are in the catalog, rows and constraints included.
///
/// # Errors
/// If a row is not what was asked for.
pub fn add(catalog: &mut Catalog, rows: Rows) -> Result<()> {
    let mut columns: HashMap<u32, Vec<ColumnStatistics>> = HashMap::new();
    for row in &rows.columns {
        let mut c = Columns::new(row);
        let relation = c.oid()?;
        columns.entry(relation).or_default().push(ColumnStatistics {
            name: c.text()?,
            number: c.opt_int2()?,
            inherited: c.bool()?,
            values: texts(&mut c)?,
        });
    }
    for row in &rows.relations {
        let mut c = Columns::new(row);
        let oid = c.oid()?;
        // An index that is not usable is no object.
        let Some(relation) = catalog.find(class::PG_CLASS, oid) else {
            continue;
        };
        let mut values = texts(&mut c)?;
        if !catalog.version.at_least(14) {
            mark_unknown_count(&mut values);
        }
        let mut columns = columns.remove(&oid).unwrap_or_default();
        columns.sort_by(|a, b| (&a.name, a.inherited).cmp(&(&b.name, b.inherited)));
        add_one(catalog, relation, values, columns);
    }
    Ok(())
}

fn texts(columns: &mut Columns<'_>) -> Result<Vec<Option<BString>>> {
    let mut values = Vec::with_capacity(columns.left());
    while columns.left() > 0 {
        values.push(columns.opt_text()?);
    }
    Ok(values)
}

/// Before 14 a relation of no rows and one that was never counted looked the same; the latter is likelier, and
/// taking it for the former makes bad plans.
fn mark_unknown_count(values: &mut [Option<BString>]) {
    if let Some(Some(count)) = values.get_mut(1)
        && *count == "0"
    {
        *count = "-1".into();
    }
}

fn add_one(
    catalog: &mut Catalog,
    relation: DumpId,
    values: Vec<Option<BString>>,
    columns: Vec<ColumnStatistics>,
) {
    let of = catalog.object(relation);
    let (kind, section, after) = match &of.body {
        Body::Index(index) => (StatisticsOf::Index, Section::PostData, index.constraint),
        Body::Table(table) if table.relkind == RelKind::MaterializedView => {
            // Filling it would overwrite them.
            let section = if table.data.is_some() {
                Section::PostData
            } else {
                Section::Data
            };
            (StatisticsOf::MaterializedView, section, table.data)
        }
        _ => (StatisticsOf::Table, Section::Data, None),
    };
    let (name, schema) = (of.name.clone(), of.schema);
    let statistics = RelationStatistics {
        relation,
        of: kind,
        section,
        values,
        columns,
    };
    let body = Body::RelationStatistics(Box::new(statistics));
    let object = catalog.add(CatalogId::default(), name, body);
    object.schema = schema;
    object.has = Components::STATISTICS;
    object.depend_on(relation);
    if let Some(after) = after {
        object.depend_on(after);
    }
}

/// One entry with a call for the relation and one for each column.
pub fn emit(object: &Object, statistics: &RelationStatistics, out: &mut Emitter<'_>) {
    if !object.dumps(Components::STATISTICS) {
        return;
    }
    let catalog = out.catalog;
    let mut calls = BString::default();
    let mut call = Call::begin(&mut calls, catalog, object, "pg_restore_relation_stats");
    for (argument, value) in relation_arguments(catalog.version).iter().zip(&statistics.values) {
        call.argument(*argument, value.as_ref());
    }
    call.end();
    for column in &statistics.columns {
        let mut call = Call::begin(&mut calls, catalog, object, "pg_restore_attribute_stats");
        match column.number {
            Some(number) => call.argument(("attnum", "smallint"), Some(&number.to_string().into())),
            None => call.name("attname", &column.name),
        }
        let inherited = if column.inherited { "t" } else { "f" };
        call.argument(("inherited", "boolean"), Some(&inherited.into()));
        for (argument, value) in COLUMN_ARGUMENTS.iter().zip(&column.values) {
            call.argument(*argument, value.as_ref());
        }
        call.end();
    }
    let mut entry = out.entry(object, Desc::StatisticsData, statistics.section);
    entry.definition = Some(calls);
    out.push(entry);
}

/// A call with named arguments, as it is written.
struct Call<'a> {
    out: &'a mut BString,
    catalog: &'a Catalog,
}

impl<'a> Call<'a> {
    fn begin(out: &'a mut BString, catalog: &'a Catalog, object: &Object, function: &str) -> Call<'a> {
        let version = catalog.version.0.to_string();
        put!(out; "SELECT * FROM pg_catalog.", function, "(\n\t'version', '", version, "'::integer");
        let mut call = Call { out, catalog };
        let schema = catalog.schema_name(object).unwrap_or_default();
        call.name("schemaname", schema);
        call.name("relname", &object.name);
        call
    }

    fn name(&mut self, argument: &str, name: impl AsRef<[u8]>) {
        put!(self.out; ",\n\t'", argument, "', ", self.catalog.quoting.literal(name));
    }

    fn argument(&mut self, (name, type_name): Argument, value: Option<&BString>) {
        if let Some(value) = value {
            put!(self.out; text!(",\n\t'", name, "', "), self.catalog.quoting.literal(value), "::", type_name);
        }
    }

    fn end(self) {
        put!(self.out; "\n);\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_rows_means_unknown_on_servers_that_cannot_tell() {
        let counted = |count: &str| {
            let mut values = vec![Some("0".into()), Some(count.into()), None];
            mark_unknown_count(&mut values);
            values[1].clone()
        };
        assert_eq!(counted("0"), Some("-1".into()));
        assert_eq!(counted("10"), Some("10".into()));
    }

    #[test]
    fn every_query_asks_for_what_the_calls_name() {
        let (relations, columns) = queries(ServerVersion(160_004));
        assert!(relations.contains("c.relallvisible)") && !relations.contains("relallfrozen"));
        assert!(columns.contains("s.elem_count_histogram)") && !columns.contains("s.range_"));
        let (relations, columns) = queries(ServerVersion(180_000));
        assert!(relations.contains("c.relallfrozen)") && columns.contains("s.range_empty_frac)"));
    }
}
