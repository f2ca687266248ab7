//! Indexes: those of constraints carry what the constraint's statement needs, the others make entries.

use std::collections::HashMap;

use bstr::BString;
use postgres_types::Type;
use tokio_postgres::Row;

use super::details::rows_of;
use crate::connect::Columns;
use crate::error::Result;
use crate::objects::attributes::{self, Subject};
use crate::objects::{Body, Catalog, Components, Cost, Emitter, Object, Reader, class, upgrade};
use crate::sql::{put, text};
use crate::toc::{CatalogId, Desc, DumpId, Name, Names, Section};

/// An index. One that a constraint owns makes no entry of its own.
#[derive(Debug)]
pub struct Index {
    /// `CREATE INDEX …` as `pg_get_indexdef` gives it, without semicolon; empty if a constraint owns it.
    pub definition: BString,
    /// Its tablespace, empty for the database's default.
    pub tablespace: Name,
    /// Storage parameters, each `name=value`.
    pub options: Vec<BString>,
    /// Attribute numbers of the table's columns, 0 for expressions: keys first, then what INCLUDE adds.
    pub columns: Vec<i16>,
    /// How many of the columns are keys.
    pub key_count: usize,
    /// Statistics targets set on its columns: attribute number within the index, target.
    pub statistics_targets: Vec<(i16, i32)>,
    /// CLUSTER uses it.
    pub clustered: bool,
    /// It is the table's replica identity.
    pub replica_identity: bool,
    /// UNIQUE NULLS NOT DISTINCT.
    pub nulls_not_distinct: bool,
    /// `pg_class.relpages`.
    pub pages: i32,
    /// `pg_class.reltuples`.
    pub tuples: f32,
    /// `pg_class.relallvisible`.
    pub all_visible: i32,
    /// `pg_class.relallfrozen`, 0 before 18.
    pub all_frozen: i32,
    /// The indexed table or materialized view.
    pub table: DumpId,
    /// The partitioned index it is part of.
    pub parent: Option<DumpId>,
    /// The constraint that owns it.
    pub constraint: Option<DumpId>,
    /// Its [`IndexAttach`](super::index_attach::IndexAttach)es, where it is a partitioned index.
    pub attachments: Vec<DumpId>,
}

/// Indexes as the catalogs have them, and the statistics targets of their columns.
#[derive(Debug)]
pub struct Indexes {
    indexes: Vec<IndexRow>,
    /// Index, attribute number within it, target.
    targets: Vec<(u32, i16, i32)>,
}

/// One index, and by oid what [`add`] links it with.
#[derive(Debug)]
struct IndexRow {
    table: u32,
    oid: u32,
    name: BString,
    parent: u32,
    index: Box<Index>,
}

/// Reads the usable indexes of the relations `wanted`.
///
/// # Errors
/// If the server refuses a query.
pub async fn read(reader: &Reader<'_>, wanted: &[u32]) -> Result<Indexes> {
    let sql = indexes_sql(reader);
    let params = [(&wanted as _, Type::OID_ARRAY)];
    let (dear, cheaper) = (Cost::of(wanted.len(), 80), Cost::of(wanted.len(), 4));
    let mut names = Names::default();
    let index = |row: &_| IndexRow::from_row(row, &mut names);
    let target = |row: &Row| {
        let mut c = Columns::new(row);
        Ok((c.oid()?, c.int2()?, c.int4()?))
    };
    let (indexes, targets) = futures_util::try_join!(
        reader.each("indexes", dear, &sql, &params, index),
        reader.each(
            "statistics targets of indexes",
            cheaper,
            TARGETS_SQL,
            &params,
            target
        ),
    )?;
    Ok(Indexes { indexes, targets })
}

impl IndexRow {
    fn from_row(row: &Row, names: &mut Names) -> Result<IndexRow> {
        let mut c = Columns::new(row);
        let (table, oid, name, parent) = (c.oid()?, c.oid()?, c.text()?, c.oid()?);
        let index = Box::new(Index {
            definition: c.text()?,
            tablespace: names.name(c.bytes()?),
            options: c.opt_texts()?.unwrap_or_default(),
            columns: c.int2s()?,
            key_count: usize::try_from(c.int2()?).unwrap_or_default(),
            statistics_targets: Vec::new(),
            clustered: c.bool()?,
            replica_identity: c.bool()?,
            nulls_not_distinct: c.bool()?,
            pages: c.int4()?,
            tuples: c.float4()?,
            all_visible: c.int4()?,
            all_frozen: c.int4()?,
            // Not known before it is in the catalog.
            table: DumpId(0),
            parent: None,
            constraint: None,
            attachments: Vec::new(),
        });
        Ok(IndexRow {
            table,
            oid,
            name,
            parent,
            index,
        })
    }
}

/// Adds them, linked with their tables and parents; constraints make themselves known afterwards.
///
/// # Errors
/// If an index' table is not in the catalog.
pub fn add(catalog: &mut Catalog, rows: Indexes) -> Result<()> {
    let mut targets: HashMap<u32, Vec<(i16, i32)>> = HashMap::new();
    for (index, column, target) in rows.targets {
        targets.entry(index).or_default().push((column, target));
    }
    let mut children = Vec::new();
    for row in rows.indexes {
        let table_id = catalog.relation(row.table)?;
        let catalog_id = CatalogId {
            tableoid: class::PG_CLASS,
            oid: row.oid,
        };
        let mut index = row.index;
        index.statistics_targets = targets.remove(&row.oid).unwrap_or_default();
        index.table = table_id;
        let table = catalog.object(table_id);
        let (schema, owner, dump) = (table.schema, table.owner, table.dump);
        let object = catalog.add(catalog_id, row.name, Body::Index(index));
        object.schema = schema;
        object.owner = owner;
        object.dump = dump;
        let id = object.id;
        if row.parent != 0 {
            children.push((id, row.parent));
        }
        if let Some(table) = catalog.table_mut(table_id) {
            table.indexes.push(id);
        }
    }
    for (child, parent) in children {
        // A parent whose table is not interesting was not read, and is not dumped.
        let parent = catalog.find(class::PG_CLASS, parent);
        if let Some(index) = catalog.index_mut(child) {
            index.parent = parent;
        }
    }
    Ok(())
}

const TARGETS_SQL: &str = "SELECT a.attrelid, a.attnum, a.attstattarget::pg_catalog.int4 \
     FROM pg_catalog.unnest($1) wanted(oid) \
       JOIN pg_catalog.pg_index i ON i.indrelid = wanted.oid \
       JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indexrelid \
     WHERE a.attstattarget >= 0 ORDER BY a.attrelid, a.attnum";

fn indexes_sql(reader: &Reader<'_>) -> String {
    let v = reader.version;
    let key_count = v.pick(11, "i.indnkeyatts", "i.indnatts");
    let parent = v.pick(
        11,
        "COALESCE(inh.inhparent, 0::pg_catalog.oid)",
        "0::pg_catalog.oid",
    );
    let inherits = v.pick(
        11,
        "LEFT JOIN pg_catalog.pg_inherits inh ON inh.inhrelid = i.indexrelid",
        "",
    );
    let replica_identity = v.pick(90_400, "i.indisreplident", "false");
    let nulls_not_distinct = v.pick(15, "i.indnullsnotdistinct", "false");
    let all_frozen = v.pick(18, "ic.relallfrozen", "0");
    let (indexes, is_wanted) = rows_of(v, "pg_catalog.pg_index i", "i.indrelid");
    // A partitioned index is invalid until every partition has its part; it is dumped nevertheless. Texts
    // that a constraint makes superfluous are the dearest thing here: they are not asked for.
    format!(
        "SELECT i.indrelid, i.indexrelid, ic.relname, {parent}, \
           CASE WHEN con.oid IS NULL THEN pg_catalog.pg_get_indexdef(i.indexrelid) ELSE '' END, \
           COALESCE(ts.spcname, ''), ic.reloptions, i.indkey, {key_count}, i.indisclustered, \
           {replica_identity}, {nulls_not_distinct}, \
           ic.relpages, ic.reltuples, ic.relallvisible, {all_frozen} \
         FROM {indexes} \
           JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid \
           LEFT JOIN pg_catalog.pg_tablespace ts ON ts.oid = ic.reltablespace \
           LEFT JOIN pg_catalog.pg_constraint con ON con.conrelid = i.indrelid \
             AND con.conindid = i.indexrelid AND con.contype IN ('p', 'u', 'x') \
           {inherits} \
         WHERE (i.indisvalid OR ic.relkind = 'I') AND i.indisready AND {is_wanted} \
         ORDER BY i.indrelid, ic.relname"
    )
}

/// The index' own entry, unless it is its constraint's, and its comment.
pub fn emit(object: &Object, index: &Index, out: &mut Emitter<'_>) {
    let catalog = out.catalog;
    if index.constraint.is_none() && object.dumps(Components::DEFINITION) {
        let mut entry = out.entry(object, Desc::Index, Section::PostData);
        let oids = upgrade::relation_oids(out, object.catalog_id.oid);
        let mut definition = text!(oids, index.definition, ";\n");
        put_properties(&mut definition, catalog, object, index);
        entry.definition = Some(definition);
        // The server does not drop a part of a partitioned index alone; it goes with the whole or with its table.
        entry.drop_statement = Some(match index.parent {
            None => text!("DROP INDEX ", catalog.qualified(object), ";\n"),
            Some(_) => BString::default(),
        });
        entry.tablespace = Some(index.tablespace.clone());
        out.push(entry);
    }
    if object.dumps(Components::COMMENT) {
        let name = catalog.ident(object);
        let subject = Subject {
            after: index.constraint.unwrap_or(object.id),
            ..Subject::of(catalog, object, "INDEX", name.as_ref())
        };
        attributes::comment(out, &subject);
    }
}

/// Appends the statements for what neither CREATE INDEX nor ADD CONSTRAINT can say. Few indexes need any.
pub(super) fn put_properties(out: &mut BString, catalog: &Catalog, object: &Object, index: &Index) {
    let table = || catalog.qualified(catalog.object(index.table));
    if index.clustered {
        put!(out; "\nALTER TABLE ", table(), " CLUSTER ON ", catalog.ident(object), ";\n");
    }
    for (column, target) in &index.statistics_targets {
        put!(out; "ALTER INDEX ", catalog.qualified(object), " ALTER COLUMN ", column.to_string(),
            " SET STATISTICS ", target.to_string(), ";\n");
    }
    if catalog.attributes.depends_on_extensions(object.catalog_id) {
        let name = catalog.qualified(object);
        put!(out; attributes::depends_on_extensions(catalog, object, "INDEX", name.as_ref()));
    }
    if index.replica_identity {
        let name = catalog.ident(object);
        put!(out; "\nALTER TABLE ONLY ", table(), " REPLICA IDENTITY USING INDEX ", name, ";\n");
    }
}

impl Catalog {
    /// The index with this number, if the object is one.
    pub fn index(&self, id: DumpId) -> Option<&Index> {
        match &self.object(id).body {
            Body::Index(index) => Some(index),
            _ => None,
        }
    }

    /// The index with this number, to change it, if the object is one.
    pub fn index_mut(&mut self, id: DumpId) -> Option<&mut Index> {
        match &mut self.object_mut(id).body {
            Body::Index(index) => Some(index),
            _ => None,
        }
    }
}
