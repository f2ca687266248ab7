//! Reading what only wanted relations need: columns, expressions, constraints, indexes, partitioning.
//!
//! Everything is read at once, by a fixed number of queries filtered by the wanted relations; then it is added
//! piece by piece, because constraints look for indexes and inheritance looks at columns.

use bstr::BString;
use postgres_types::Type;
use tokio_postgres::Row;

use super::attrdef::AttrDefRow;
use super::column::ColumnRow;
use super::constraint::ConstraintRow;
use super::index::Indexes;
use super::{ForeignTable, attach, attrdef, column, constraint, index, index_attach, inheritance};
use crate::connect::{Columns, ServerVersion};
use crate::error::Result;
use crate::objects::{Catalog, Reader};

/// Everything [`read`] brings.
#[derive(Debug)]
pub struct Details {
    columns: Vec<ColumnRow>,
    attrdefs: Vec<AttrDefRow>,
    constraints: Vec<ConstraintRow>,
    indexes: Indexes,
    partitioning: Vec<Partitioning>,
    foreign: Vec<(u32, ForeignTable)>,
}

/// How a table is partitioned, and of what it is a partition.
#[derive(Debug)]
struct Partitioning {
    table: u32,
    key: Option<BString>,
    bound: Option<BString>,
}

/// Reads the details of the relations `wanted`; sequences have none.
///
/// # Errors
/// If the server refuses a query or a row is not what was asked for.
pub async fn read(reader: &Reader<'_>, wanted: &[u32]) -> Result<Details> {
    let (columns, attrdefs, constraints, indexes, partitioning, foreign) = futures_util::try_join!(
        column::read(reader, wanted),
        attrdef::read(reader, wanted),
        constraint::read(reader, wanted),
        index::read(reader, wanted),
        read_partitioning(reader, wanted),
        read_foreign(reader, wanted),
    )?;
    Ok(Details {
        columns,
        attrdefs,
        constraints,
        indexes,
        partitioning,
        foreign,
    })
}

/// The rows of `table` whose `column` is one of the oids `$1`: what to select from, and the condition.
///
/// Since 14 the server looks a row up among many oids quickly, and knows that none of them finds it twice. Older servers
/// would compare each row with each oid.
pub(super) fn rows_of(v: ServerVersion, table: &str, column: &str) -> (String, String) {
    if v.at_least(14) {
        (table.to_owned(), format!("{column} = ANY ($1)"))
    } else {
        let joined = format!("pg_catalog.unnest($1) wanted(oid) JOIN {table} ON {column} = wanted.oid");
        (joined, "true".to_owned())
    }
}

/// Adds the details to relations that are in the catalog already, with `dump` and `interesting` set.
///
/// # Errors
/// If the catalogs contradict each other.
pub fn add(catalog: &mut Catalog, details: Details) -> Result<()> {
    column::add(catalog, details.columns)?;
    attrdef::add(catalog, details.attrdefs)?;
    inheritance::mark(catalog);
    index::add(catalog, details.indexes)?;
    index_attach::add(catalog);
    constraint::add(catalog, details.constraints)?;
    for row in details.partitioning {
        let id = catalog.relation(row.table)?;
        if let Some(table) = catalog.table_mut(id) {
            table.partition_key = row.key;
            table.partition_bound = row.bound;
        }
    }
    for (table, foreign) in details.foreign {
        let id = catalog.relation(table)?;
        if let Some(table) = catalog.table_mut(id) {
            table.foreign = Some(Box::new(foreign));
        }
    }
    attach::add(catalog)
}

async fn read_partitioning(reader: &Reader<'_>, wanted: &[u32]) -> Result<Vec<Partitioning>> {
    const SQL: &str = "SELECT c.oid, \
           CASE WHEN c.relkind = 'p' THEN pg_catalog.pg_get_partkeydef(c.oid) END, \
           CASE WHEN c.relispartition THEN pg_catalog.pg_get_expr(c.relpartbound, c.oid) END \
         FROM pg_catalog.unnest($1) wanted(oid) JOIN pg_catalog.pg_class c ON c.oid = wanted.oid \
         WHERE c.relkind = 'p' OR c.relispartition";
    if !reader.version.at_least(10) {
        return Ok(Vec::new());
    }
    let rows = reader
        .rows("partitions", SQL, &[(&wanted, Type::OID_ARRAY)])
        .await?;
    rows.iter()
        .map(|row| {
            let mut c = Columns::new(row);
            Ok(Partitioning {
                table: c.oid()?,
                key: c.opt_text()?,
                bound: c.opt_text()?,
            })
        })
        .collect()
}

async fn read_foreign(reader: &Reader<'_>, wanted: &[u32]) -> Result<Vec<(u32, ForeignTable)>> {
    const SQL: &str = "SELECT ft.ftrelid, s.srvname, COALESCE((SELECT pg_catalog.string_agg(\
             pg_catalog.quote_ident(option_name) || ' ' || pg_catalog.quote_literal(option_value), \
             E',\\n    ' ORDER BY option_name) FROM pg_catalog.pg_options_to_table(ft.ftoptions)), '') \
         FROM pg_catalog.pg_foreign_table ft \
           JOIN pg_catalog.pg_foreign_server s ON s.oid = ft.ftserver \
         WHERE ft.ftrelid = ANY ($1)";
    let rows = reader
        .rows("foreign tables", SQL, &[(&wanted, Type::OID_ARRAY)])
        .await?;
    rows.iter().map(foreign_from_row).collect()
}

fn foreign_from_row(row: &Row) -> Result<(u32, ForeignTable)> {
    let mut c = Columns::new(row);
    Ok((
        c.oid()?,
        ForeignTable {
            server: c.text()?,
            options: c.text()?,
        },
    ))
}
