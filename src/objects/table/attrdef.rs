//! A column's default or generation expression.
//!
//! Most stand within CREATE TABLE: then the object is there only for the order, so that what the expression
//! uses comes before the table. The others are statements of their own.

use bstr::BString;
use postgres_types::Type;
use tokio_postgres::Row;

use crate::connect::Columns;
use crate::error::{Error, ErrorKind, Result};
use crate::objects::{Body, Catalog, Components, Cost, Emitter, Object, Reader, class};
use crate::sql::text;
use crate::toc::{CatalogId, Desc, DumpId, Section};

use super::{RelKind, column};

/// A column's default or generation expression.
#[derive(Debug)]
pub struct AttrDef {
    /// The column's table.
    pub table: DumpId,
    /// The column's attribute number.
    pub column: i16,
    /// The expression as SQL.
    pub expression: BString,
    /// It is set by a statement of its own, not within CREATE TABLE.
    pub separate: bool,
}

/// One expression as the catalogs have it.
#[derive(Debug)]
pub struct AttrDefRow {
    oid: u32,
    table: u32,
    column: i16,
    expression: BString,
}

/// Reads the expressions of the relations `wanted`.
///
/// # Errors
/// If the server refuses the query or a row is not what was asked for.
pub async fn read(reader: &Reader<'_>, wanted: &[u32]) -> Result<Vec<AttrDefRow>> {
    // Told the table, the server looks up all of its columns, which takes ten times as long as all the rest.
    // Only generation expressions name columns.
    const SQL: &str = "SELECT d.oid, d.adrelid, d.adnum, pg_catalog.pg_get_expr(d.adbin, \
           CASE WHEN pg_catalog.strpos(d.adbin::pg_catalog.text, '{VAR ') > 0 \
             THEN d.adrelid ELSE 0::pg_catalog.oid END) \
         FROM pg_catalog.unnest($1) wanted(oid) \
           JOIN pg_catalog.pg_attrdef d ON d.adrelid = wanted.oid \
         ORDER BY d.adrelid, d.adnum";
    let (cost, params) = (Cost::of(wanted.len(), 20), [(&wanted as _, Type::OID_ARRAY)]);
    reader
        .each("column defaults", cost, SQL, &params, AttrDefRow::from_row)
        .await
}

/// Adds the expressions of columns that are in the catalog already.
///
/// # Errors
/// If an expression's table is not in the catalog.
pub fn add(catalog: &mut Catalog, rows: Vec<AttrDefRow>) -> Result<()> {
    for row in rows {
        let table_id = catalog.relation(row.table)?;
        let Some((table, column)) = catalog
            .table(table_id)
            .and_then(|table| Some((table, table.column(row.column)?)))
        else {
            let (name, column) = (&catalog.object(table_id).name, row.column);
            let message = format!("invalid adnum value {column} for table \"{name}\"");
            return Err(Error::new(ErrorKind::Protocol, message));
        };
        if column.dropped {
            continue;
        }
        // There is no statement that gives a column its generation expression afterwards. Views take theirs
        // only afterwards, and so do columns that CREATE TABLE does not mention.
        let separate =
            column.generated == 0 && (table.relkind == RelKind::View || !catalog.prints(table, column));
        let catalog_id = CatalogId {
            tableoid: class::PG_ATTRDEF,
            oid: row.oid,
        };
        let id = add_one(
            catalog,
            catalog_id,
            AttrDef {
                table: table_id,
                column: row.column,
                expression: row.expression,
                separate,
            },
        );
        if !separate {
            catalog.object_mut(table_id).dependencies.push(id);
        }
    }
    Ok(())
}

/// Adds one expression and tells its column.
pub(super) fn add_one(catalog: &mut Catalog, catalog_id: CatalogId, attrdef: AttrDef) -> DumpId {
    let (table_id, place) = (attrdef.table, column::place(attrdef.column));
    let table = catalog.object(table_id);
    let (name, schema, owner, dump) = (table.name.clone(), table.schema, table.owner, table.dump);
    let object = catalog.add(catalog_id, name, Body::AttrDef(Box::new(attrdef)));
    object.schema = schema;
    object.owner = owner;
    object.dump = dump;
    let id = object.id;
    if let Some(column) = catalog
        .table_mut(table_id)
        .and_then(|table| table.columns.get_mut(place?))
    {
        column.default = Some(id);
    }
    id
}

/// `ALTER TABLE … SET DEFAULT`, where that is not within CREATE TABLE.
pub fn emit(object: &Object, attrdef: &AttrDef, out: &mut Emitter<'_>) {
    if !attrdef.separate || !object.dumps(Components::DEFINITION) {
        return;
    }
    let catalog = out.catalog;
    let table_object = catalog.object(attrdef.table);
    let Some((table, column)) = catalog
        .table(attrdef.table)
        .and_then(|table| Some((table, table.column(attrdef.column)?)))
    else {
        return;
    };
    if !table_object.dumps(Components::DEFINITION) {
        return;
    }
    let foreign = table.foreign_word();
    let name = catalog.qualified(table_object);
    let ident = catalog.quoting.ident(&column.name);
    let mut entry = out.entry(object, Desc::Default, Section::PreData);
    entry.tag = text!(table_object.name, " ", column.name);
    entry.definition = Some(text!(
        "ALTER ",
        foreign,
        "TABLE ONLY ",
        name,
        " ALTER COLUMN ",
        ident,
        " SET DEFAULT ",
        attrdef.expression,
        ";\n"
    ));
    entry.drop_statement = Some(text!(
        "ALTER ",
        foreign,
        "TABLE ",
        name,
        " ALTER COLUMN ",
        ident,
        " DROP DEFAULT;\n"
    ));
    out.push(entry);
}

impl AttrDefRow {
    fn from_row(row: &Row) -> Result<AttrDefRow> {
        let mut c = Columns::new(row);
        Ok(AttrDefRow {
            oid: c.oid()?,
            table: c.oid()?,
            column: c.int2()?,
            expression: c.text()?,
        })
    }
}
