//! Publications, and what is published: tables one by one, or all of a schema.
//!
//! Each membership is an object of its own, because it has a row of its own and waits for both sides.

use bstr::BString;

use super::{Body, Catalog, Components, Emitter, Object, Reader, attributes, class};
use crate::connect::Columns;
use crate::error::Result;
use crate::sql::{put, text};
use crate::toc::{CatalogId, Desc, DumpId, Section};

/// A publication.
#[derive(Debug)]
pub struct Publication {
    /// It is of all tables, present and future.
    pub all_tables: bool,
    /// What is published, as the option takes it: `insert, update`.
    pub publish: BString,
    /// Changes of partitions are published as their root's.
    pub via_root: bool,
    /// Stored generated columns are published.
    pub stored_generated: bool,
}

/// A table in a publication.
#[derive(Debug)]
pub struct PublicationTable {
    /// The publication.
    pub publication: DumpId,
    /// The table.
    pub table: DumpId,
    /// Which columns are published; empty for all.
    pub columns: Vec<BString>,
    /// Which rows are published.
    pub filter: Option<BString>,
}

/// A schema in a publication.
#[derive(Debug)]
pub struct PublicationSchema {
    /// The publication.
    pub publication: DumpId,
    /// The schema.
    pub schema: DumpId,
}

/// What [`read`] brings.
#[derive(Debug)]
pub struct Rows {
    publications: Vec<PublicationRow>,
    tables: Vec<TableRow>,
    schemas: Vec<SchemaRow>,
}

#[derive(Debug)]
struct PublicationRow {
    oid: u32,
    name: BString,
    owner: u32,
    body: Publication,
}

#[derive(Debug)]
struct TableRow {
    oid: u32,
    publication: u32,
    table: u32,
    columns: Vec<BString>,
    filter: Option<BString>,
}

#[derive(Debug)]
struct SchemaRow {
    oid: u32,
    publication: u32,
    schema: u32,
}

/// Reads all publications and what is in them.
///
/// # Errors
/// If a query fails.
pub async fn read(reader: &Reader<'_>) -> Result<Rows> {
    let v = reader.version;
    if !v.at_least(10) {
        return Ok(Rows {
            publications: Vec::new(),
            tables: Vec::new(),
            schemas: Vec::new(),
        });
    }
    let truncate = v.pick(11, "p.pubtruncate", "false");
    let via_root = v.pick(13, "p.pubviaroot", "false");
    let generated = v.pick(18, "p.pubgencols", "'n'::\"char\"");
    let publications = format!(
        "SELECT p.oid, p.pubname, p.pubowner, p.puballtables, pg_catalog.concat_ws(', ', \
               CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END, \
               CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN {truncate} THEN 'truncate' END), \
            {via_root}, {generated} = 's' \
         FROM pg_catalog.pg_publication p ORDER BY p.oid"
    );
    let columns = v.pick(
        15,
        "ARRAY(SELECT a.attname FROM pg_catalog.pg_attribute a \
            WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs) ORDER BY a.attnum)",
        "'{}'::name[]",
    );
    let filter = v.pick(15, "pg_catalog.pg_get_expr(r.prqual, r.prrelid)", "NULL::text");
    let tables = format!(
        "SELECT r.oid, r.prpubid, r.prrelid, {columns}, {filter} \
         FROM pg_catalog.pg_publication_rel r ORDER BY r.oid"
    );
    let schemas = v.pick(
        15,
        "SELECT n.oid, n.pnpubid, n.pnnspid FROM pg_catalog.pg_publication_namespace n ORDER BY n.oid",
        "SELECT 0::oid, 0::oid, 0::oid WHERE false",
    );
    let (publications, tables, schemas) = futures_util::try_join!(
        reader.rows("publications", &publications, &[]),
        reader.rows("published tables", &tables, &[]),
        reader.rows("published schemas", schemas, &[]),
    )?;
    Ok(Rows {
        publications: publications
            .iter()
            .map(PublicationRow::from_row)
            .collect::<Result<_>>()?,
        tables: tables.iter().map(TableRow::from_row).collect::<Result<_>>()?,
        schemas: schemas.iter().map(SchemaRow::from_row).collect::<Result<_>>()?,
    })
}

impl PublicationRow {
    fn from_row(row: &tokio_postgres::Row) -> Result<PublicationRow> {
        let mut c = Columns::new(row);
        Ok(PublicationRow {
            oid: c.oid()?,
            name: c.text()?,
            owner: c.oid()?,
            body: Publication {
                all_tables: c.bool()?,
                publish: c.text()?,
                via_root: c.bool()?,
                stored_generated: c.bool()?,
            },
        })
    }
}

impl TableRow {
    fn from_row(row: &tokio_postgres::Row) -> Result<TableRow> {
        let mut c = Columns::new(row);
        Ok(TableRow {
            oid: c.oid()?,
            publication: c.oid()?,
            table: c.oid()?,
            columns: c.texts()?,
            filter: c.opt_text()?,
        })
    }
}

impl SchemaRow {
    fn from_row(row: &tokio_postgres::Row) -> Result<SchemaRow> {
        let mut c = Columns::new(row);
        Ok(SchemaRow {
            oid: c.oid()?,
            publication: c.oid()?,
            schema: c.oid()?,
        })
    }
}

/// Adds the publications to the catalog. Returns their members, to be added by [`add_members`] once it is known
/// what is wanted of objects.
pub fn add(catalog: &mut Catalog, mut rows: Rows) -> Rows {
    for row in rows.publications.drain(..) {
        let id = CatalogId {
            tableoid: class::PG_PUBLICATION,
            oid: row.oid,
        };
        let object = catalog.add(id, row.name, Body::Publication(Box::new(row.body)));
        object.owner = row.owner;
    }
    rows
}

/// Adds the memberships; `dump` is what is wanted of them. They belong to the publication: that a table or schema is
/// left out of the dump does not matter.
pub fn add_members(catalog: &mut Catalog, rows: Rows, dump: Components) {
    for row in rows.tables {
        let publication = catalog.find(class::PG_PUBLICATION, row.publication);
        let table = catalog.find(class::PG_CLASS, row.table);
        let (Some(publication), Some(table)) = (publication, table) else {
            continue;
        };
        let of = catalog.object(table);
        let (name, schema, owner) = (of.name.clone(), of.schema, catalog.object(publication).owner);
        let id = CatalogId {
            tableoid: class::PG_PUBLICATION_REL,
            oid: row.oid,
        };
        let body = PublicationTable {
            publication,
            table,
            columns: row.columns,
            filter: row.filter,
        };
        let object = catalog.add(id, name, Body::PublicationTable(Box::new(body)));
        object.schema = schema;
        object.owner = owner;
        object.dump = dump;
    }
    for row in rows.schemas {
        let publication = catalog.find(class::PG_PUBLICATION, row.publication);
        let schema = catalog.find(class::PG_NAMESPACE, row.schema);
        let (Some(publication), Some(schema)) = (publication, schema) else {
            continue;
        };
        let of = catalog.object(schema);
        let (name, owner) = (of.name.clone(), catalog.object(publication).owner);
        let id = CatalogId {
            tableoid: class::PG_PUBLICATION_NAMESPACE,
            oid: row.oid,
        };
        let body = PublicationSchema { publication, schema };
        let object = catalog.add(id, name, Body::PublicationSchema(Box::new(body)));
        object.owner = owner;
        object.dump = dump;
    }
}

/// The publication, its comment and security labels.
pub fn emit(object: &Object, publication: &Publication, out: &mut Emitter<'_>) {
    if out.options.no_publications {
        return;
    }
    let name = out.catalog.ident(object);
    if object.dumps(Components::DEFINITION) {
        let mut sql = text!("CREATE PUBLICATION ", name);
        if publication.all_tables {
            put!(sql; " FOR ALL TABLES");
        }
        put!(sql; " WITH (publish = '", publication.publish, "'");
        if publication.via_root {
            put!(sql; ", publish_via_partition_root = true");
        }
        if publication.stored_generated {
            put!(sql; ", publish_generated_columns = stored");
        }
        put!(sql; ");\n");
        let mut entry = out.entry(object, Desc::Publication, Section::PostData);
        entry.definition = Some(sql);
        entry.drop_statement = Some(text!("DROP PUBLICATION ", name, ";\n"));
        out.push(entry);
    }
    attributes::emit(out, object, "PUBLICATION", name.as_ref());
}

/// `ALTER PUBLICATION … ADD TABLE`. There is no statement to undo it, because it goes with the table.
pub fn emit_table(object: &Object, member: &PublicationTable, out: &mut Emitter<'_>) {
    if out.options.no_publications || !object.dumps(Components::DEFINITION) {
        return;
    }
    let catalog = out.catalog;
    let publication = catalog.object(member.publication);
    let table = catalog.object(member.table);
    let mut sql = text!(
        "ALTER PUBLICATION ",
        catalog.ident(publication),
        " ADD TABLE ONLY ",
        catalog.qualified(table)
    );
    if !member.columns.is_empty() {
        let columns = member.columns.iter().map(|column| catalog.quoting.ident(column));
        put!(sql; " (", bstr::join(", ", columns), ")");
    }
    if let Some(filter) = &member.filter {
        // Not every expression comes with parentheses of its own.
        put!(sql; " WHERE (", filter, ")");
    }
    put!(sql; ";\n");
    let mut entry = out.entry(object, Desc::PublicationTable, Section::PostData);
    entry.tag = text!(publication.name, " ", table.name);
    entry.definition = Some(sql);
    out.push(entry);
}

/// `ALTER PUBLICATION … ADD TABLES IN SCHEMA`. There is no statement to undo it either.
pub fn emit_schema(object: &Object, member: &PublicationSchema, out: &mut Emitter<'_>) {
    if out.options.no_publications || !object.dumps(Components::DEFINITION) {
        return;
    }
    let catalog = out.catalog;
    let publication = catalog.object(member.publication);
    let schema = catalog.object(member.schema);
    let mut entry = out.entry(object, Desc::PublicationTablesInSchema, Section::PostData);
    entry.tag = text!(publication.name, " ", schema.name);
    entry.namespace = Some(out.name(schema.name()));
    entry.definition = Some(text!(
        "ALTER PUBLICATION ",
        catalog.ident(publication),
        " ADD TABLES IN SCHEMA ",
        catalog.ident(schema),
        ";\n"
    ));
    out.push(entry);
}
