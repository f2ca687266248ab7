//! The rows of a table, as something that a dump orders and emits apart from the table: the statement that
//! reads them, and the entry that says how they are loaded.
//!
//! Which tables have rows worth dumping is decided in [`crate::objects::selection`]; reading the rows is
//! [`crate::dump`]'s.

use bstr::BString;

use super::{Column, RelKind, Table};
use crate::objects::{Body, Catalog, Components, Emitter, Object};
use crate::sql::{put, text};
use crate::toc::list::one_line;
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

/// How rows are read and loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RowOptions {
    /// By INSERT statements, which are the entry's data; else by COPY.
    pub inserts: bool,
    /// INSERT statements name the columns.
    pub column_names: bool,
    /// Rows of a partition go into the root of its partitioned table.
    pub via_partition_root: bool,
}

/// Where the INSERT statements of a table's rows come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InsertSource {
    /// The table's name, if LOCK TABLE takes it.
    pub lock: Option<BString>,
    /// The query that gives the rows.
    pub query: BString,
    /// What a statement begins with; all of it, if the table has no columns.
    pub begin: BString,
    /// Of each column, whether the server computes it. Empty if there are no columns, although the query has one.
    pub generated: Vec<bool>,
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
    let options = out.options.rows;
    let mut entry = out.entry(object, Desc::TableData, Section::Data);
    entry.had_dumper = true;
    let target = target(catalog, data, options);
    let name = catalog.qualified(catalog.object(target));
    if target != data.table {
        // Restores look for this remark: what a partition's rows wait for is not enough for them then.
        entry.definition = Some(text!("-- load via partition root ", one_line(name.as_ref())));
    }
    if !options.inserts {
        let columns = column_list(catalog, table);
        entry.copy_statement = Some(text!("COPY ", name, " ", columns, " FROM stdin;\n"));
    }
    entry.dependencies = vec![data.table];
    out.push(entry);
}

/// The table that the rows are loaded into.
fn target(catalog: &Catalog, data: &TableData, options: RowOptions) -> DumpId {
    let parent = |id| {
        let table = catalog.table(id).filter(|table| table.is_partition)?;
        table.parents.first().copied()
    };
    let ancestors = std::iter::successors(parent(data.table), |id| parent(*id));
    let is_unsafe = |id: DumpId| catalog.table(id).is_some_and(|table| table.unsafe_partitions);
    match options.via_partition_root || ancestors.clone().any(is_unsafe) {
        true => ancestors.last().unwrap_or(data.table),
        false => data.table,
    }
}

/// How COPY reads the rows of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowQuery {
    /// The table's oid.
    pub table: u32,
    /// The COPY statement that gives all of them.
    pub all: BString,
    /// The table's name, if LOCK TABLE takes it.
    pub lock: Option<BString>,
    /// A table whose rows can be read in ranges of its pages: the columns and the table, as a query begins.
    parts: Option<BString>,
}

impl RowQuery {
    /// Whether [`RowQuery::part`] can be used: an ordinary table, on a server that finds a range of pages without
    /// reading the others.
    pub fn has_parts(&self) -> bool {
        self.parts.is_some()
    }

    /// The COPY statement for the rows in the pages from `first` on and before `end`, in the order in which
    /// [`RowQuery::all`] gives them.
    pub fn part(&self, first: u64, end: Option<u64>) -> BString {
        let Some(select) = &self.parts else {
            return self.all.clone();
        };
        let mut query = text!("COPY (", select, " WHERE ctid >= '(", first.to_string(), ",0)'");
        if let Some(end) = end {
            put!(query; " AND ctid < '(", end.to_string(), ",0)'");
        }
        put!(query; ") TO stdout;");
        query
    }
}

/// The statements that read the rows.
pub fn row_query(catalog: &Catalog, object: &Object, data: &TableData) -> Option<RowQuery> {
    let name = catalog.qualified(object);
    let table = catalog.table(data.table)?;
    let list = column_list(catalog, table);
    let columns = list
        .strip_prefix(b"(")
        .and_then(|columns| columns.strip_suffix(b")"));
    let filter = data.filter.as_ref();
    // COPY reads plain tables only, and all of their rows.
    let is_plain = filter.is_none() && table.foreign_server == 0;
    // Nor does it read generated columns.
    let has_generated = table.columns.iter().any(|column| column.was_generated);
    let all = match is_plain {
        true if !has_generated => text!("COPY ", name, " ", list, " TO stdout;"),
        true => text!(
            "COPY (SELECT ",
            columns.unwrap_or(b"*"),
            " FROM ONLY ",
            name,
            ") TO stdout;"
        ),
        false => {
            let mut query = text!("COPY (SELECT ", columns.unwrap_or(b"*"), " FROM ", name);
            if let Some(filter) = filter {
                put!(query; " ", filter);
            }
            put!(query; ") TO stdout;");
            query
        }
    };
    let is_ordinary = table.relkind == RelKind::Table;
    // Other access methods may number their rows as they please.
    let is_heap = matches!(table.access_method.as_deref(), Some(method) if *method == b"heap"[..]);
    let parts = columns
        .filter(|_| is_plain && is_ordinary && is_heap && catalog.version.at_least(14))
        .map(|columns| text!("SELECT ", columns, " FROM ONLY ", name));
    Some(RowQuery {
        table: catalog.object(data.table).catalog_id.oid,
        all,
        lock: is_ordinary.then_some(name),
        parts,
    })
}

/// The query for rows that are written as INSERT statements, and how those begin.
pub fn insert_source(
    catalog: &Catalog,
    object: &Object,
    data: &TableData,
    options: RowOptions,
) -> InsertSource {
    let table = catalog.table(data.table);
    let columns: &[Column] = table.map_or(&[], |table| &table.columns);
    // A statement that names columns need not name those that the server computes.
    let left_out = |column: &Column| column.dropped || options.column_names && column.generated != 0;
    let columns: Vec<&Column> = columns.iter().filter(|column| !left_out(column)).collect();
    let names = columns.iter().map(|column| catalog.quoting.ident(&column.name));
    let read = columns.iter().map(|column| match column.generated {
        0 => catalog.quoting.ident(&column.name),
        // The value is not looked at.
        _ => "NULL".into(),
    });
    let mut read: Vec<BString> = read.collect();
    let name = catalog.qualified(catalog.object(target(catalog, data, options)));
    let mut begin = text!("INSERT INTO ", name, " ");
    if columns.is_empty() {
        read.push("NULL".into());
        put!(begin; "DEFAULT VALUES;\n");
    } else {
        if options.column_names {
            put!(begin; "(", bstr::join(", ", names), ") ");
        }
        if columns.iter().any(|column| column.identity == b'a') {
            put!(begin; "OVERRIDING SYSTEM VALUE ");
        }
        put!(begin; "VALUES");
    }
    let from = catalog.qualified(object);
    let mut query = text!("SELECT ", bstr::join(", ", read), " FROM ONLY ", from);
    if let Some(filter) = &data.filter {
        put!(query; " ", filter);
    }
    let is_ordinary = table.is_some_and(|table| table.relkind == RelKind::Table);
    InsertSource {
        lock: is_ordinary.then_some(from),
        query,
        begin,
        generated: columns.iter().map(|column| column.generated != 0).collect(),
    }
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
