//! The rows of a table, as something that a dump orders and emits apart from the table: the statement that
//! reads them, and the entry that says how they are loaded.
//!
//! Which tables have rows worth dumping is decided in [`crate::objects::selection`]; reading the rows is
//! [`crate::dump`]'s.

use bstr::BString;

use super::Table;
use crate::objects::{Body, Catalog, Components, Emitter, Object};
use crate::sql::{put, text};
use crate::toc::{CatalogId, Desc, DumpId, Section};

/// The rows of a table.
#[derive(Debug)]
pub struct TableData {
    /// The table.
    pub table: DumpId,
    /// `WHERE …`, where an extension says that only some rows of its table are the user's.
    pub filter: Option<BString>,
}

/// Adds the rows of a table as an object.
pub fn add(catalog: &mut Catalog, table: DumpId) -> DumpId {
    let of = catalog.object(table);
    // No row of a catalog, lest it be taken for the table, but it remembers whose it is.
    let row = CatalogId {
        tableoid: 0,
        oid: of.catalog_id.oid,
    };
    let (name, schema, owner) = (of.name.clone(), of.schema, of.owner);
    let body = Body::TableData(Box::new(TableData { table, filter: None }));
    let data = catalog.add(row, name, body);
    data.schema = schema;
    data.owner = owner;
    data.has = Components::DATA;
    data.depend_on(table);
    let id = data.id;
    if let Some(table) = catalog.table_mut(table) {
        table.data = Some(id);
    }
    id
}

/// The entry of the rows; whoever writes the archive streams them.
pub fn emit(object: &Object, data: &TableData, out: &mut Emitter<'_>) {
    let catalog = out.catalog;
    let Some(table) = catalog.table(data.table) else {
        return;
    };
    if !object.dumps(Components::DATA) {
        return;
    }
    let mut entry = out.entry(object, Desc::TableData, Section::Data);
    entry.had_dumper = true;
    entry.copy_statement = Some(text!(
        "COPY ",
        catalog.qualified(object),
        " ",
        column_list(catalog, table),
        " FROM stdin;\n"
    ));
    entry.dependencies = vec![data.table];
    out.push(entry);
}

/// The COPY statement that reads the rows.
pub fn copy_query(catalog: &Catalog, object: &Object, data: &TableData) -> BString {
    let name = catalog.qualified(object);
    let Some(table) = catalog.table(data.table) else {
        return BString::default();
    };
    let columns = column_list(catalog, table);
    let filter = data.filter.as_ref();
    // COPY reads plain tables only, and all of their rows.
    if filter.is_none() && table.foreign_server == 0 {
        return text!("COPY ", name, " ", columns, " TO stdout;");
    }
    let columns = columns
        .strip_prefix(b"(")
        .and_then(|columns| columns.strip_suffix(b")"))
        .unwrap_or(b"*");
    let mut query = text!("COPY (SELECT ", columns, " FROM ", name);
    if let Some(filter) = filter {
        put!(query; " ", filter);
    }
    put!(query; ") TO stdout;");
    query
}

/// `(a, b)`: the columns that rows are loaded into, which leaves out those that the server computes; empty
/// if there are none.
fn column_list(catalog: &Catalog, table: &Table) -> BString {
    let mut list = BString::default();
    let columns = table.columns.iter();
    for column in columns.filter(|column| !column.dropped && column.generated == 0) {
        let before = if list.is_empty() { "(" } else { ", " };
        put!(list; before, catalog.quoting.ident(&column.name));
    }
    if !list.is_empty() {
        list.push(b')');
    }
    list
}
