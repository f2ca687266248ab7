//! Extended statistics objects: what CREATE STATISTICS makes.
//!
//! Only what is to be collected belongs here, not what was.

use bstr::BString;
use postgres_types::Type;

use super::{Body, Catalog, Components, Emitter, Object, Reader, attributes, class};
use crate::connect::Columns;
use crate::error::Result;
use crate::sql::{put, text};
use crate::toc::{CatalogId, Desc, DumpId, Section};

/// An extended statistics object.
#[derive(Debug)]
pub struct ExtendedStatistics {
    /// The table it is about.
    pub table: Option<DumpId>,
    /// SET STATISTICS, if it was set.
    pub target: Option<i32>,
    /// CREATE STATISTICS without semicolon; read for wanted ones.
    pub definition: BString,
}

/// One row of `pg_statistic_ext`.
#[derive(Debug)]
pub struct StatisticsRow {
    oid: u32,
    name: BString,
    schema: u32,
    owner: u32,
    table: u32,
    target: Option<i32>,
}

/// Reads all extended statistics objects.
///
/// # Errors
/// If the query fails.
pub async fn read(reader: &Reader<'_>) -> Result<Vec<StatisticsRow>> {
    let v = reader.version;
    if !v.at_least(10) {
        return Ok(Vec::new());
    }
    let target = v.pick(13, "stxstattarget::pg_catalog.int4", "-1");
    let sql = format!(
        "SELECT oid, stxname, stxnamespace, stxowner, stxrelid, {target} \
         FROM pg_catalog.pg_statistic_ext ORDER BY oid"
    );
    let rows = reader.rows("extended statistics", &sql, &[]).await?;
    rows.iter()
        .map(|row| {
            let mut c = Columns::new(row);
            Ok(StatisticsRow {
                oid: c.oid()?,
                name: c.text()?,
                schema: c.oid()?,
                owner: c.oid()?,
                table: c.oid()?,
                target: c.opt_int4()?.filter(|target| *target >= 0),
            })
        })
        .collect()
}

/// Adds them to the catalog.
///
/// # Errors
/// If one's schema is not in the catalog.
pub fn add(catalog: &mut Catalog, rows: Vec<StatisticsRow>) -> Result<()> {
    for row in rows {
        let schema = catalog.schema(row.schema)?;
        let statistics = ExtendedStatistics {
            table: catalog.find(class::PG_CLASS, row.table),
            target: row.target,
            definition: BString::default(),
        };
        let catalog_id = CatalogId {
            tableoid: class::PG_STATISTIC_EXT,
            oid: row.oid,
        };
        let body = Body::ExtendedStatistics(Box::new(statistics));
        let object = catalog.add(catalog_id, row.name, body);
        object.schema = Some(schema);
        object.owner = row.owner;
    }
    Ok(())
}

/// The oids of those whose definitions are wanted.
pub fn wanted(catalog: &Catalog) -> Vec<u32> {
    let statistics = catalog.objects().iter().filter(|object| {
        matches!(object.body, Body::ExtendedStatistics(_)) && object.dumps(Components::DEFINITION)
    });
    statistics.map(|object| object.catalog_id.oid).collect()
}

/// Reads the definitions of the extended statistics objects `wanted`.
///
/// # Errors
/// If the query fails.
pub async fn read_details(reader: &Reader<'_>, wanted: &[u32]) -> Result<Vec<(u32, BString)>> {
    const SQL: &str = "SELECT oid, pg_catalog.pg_get_statisticsobjdef(oid) \
         FROM pg_catalog.pg_statistic_ext WHERE oid = ANY ($1)";
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let rows = reader
        .rows(
            "definitions of extended statistics",
            SQL,
            &[(&wanted, Type::OID_ARRAY)],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let mut c = Columns::new(row);
            Ok((c.oid()?, c.text()?))
        })
        .collect()
}

/// Gives the objects in the catalog their definitions.
pub fn add_details(catalog: &mut Catalog, details: Vec<(u32, BString)>) {
    for (oid, definition) in details {
        if let Some(id) = catalog.find(class::PG_STATISTIC_EXT, oid)
            && let Body::ExtendedStatistics(statistics) = &mut catalog.object_mut(id).body
        {
            statistics.definition = definition;
        }
    }
}

/// CREATE STATISTICS, the target, and the comment.
pub fn emit(object: &Object, statistics: &ExtendedStatistics, out: &mut Emitter<'_>) {
    let qualified = out.catalog.qualified(object);
    if object.dumps(Components::DEFINITION) {
        let mut definition = text!(statistics.definition, ";\n");
        if let Some(target) = statistics.target {
            put!(definition; "ALTER STATISTICS ", qualified, " SET STATISTICS ", target.to_string(), ";\n");
        }
        let mut entry = out.entry(object, Desc::Statistics, Section::PostData);
        entry.definition = Some(definition);
        entry.drop_statement = Some(text!("DROP STATISTICS ", qualified, ";\n"));
        out.push(entry);
    }
    let name = out.catalog.ident(object);
    attributes::emit(out, object, "STATISTICS", name.as_ref());
}
