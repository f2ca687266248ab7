//! Dependencies: `pg_depend` becomes edges between objects.
//!
//! Which objects belong to extensions is needed for selection ([`read_members`], [`add_members`]). All else of the
//! catalog is read at once, and its edges are drawn when all objects are there ([`add`]). Edges that no row of
//! pg_depend stands for (a rule and its view, rows and their table) are drawn by the kinds themselves; loops are
//! repaired in [`crate::order`].

use super::{Body, Catalog, Cost, Reader};
use crate::connect::Columns;
use crate::error::Result;
use crate::toc::{CatalogId, DumpId};

/// That one catalog row depends on another.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    dependent: CatalogId,
    on: CatalogId,
    /// `pg_depend.deptype`.
    letter: u8,
}

/// Reads which objects are members of extensions.
///
/// # Errors
/// If the query fails.
pub async fn read_members(reader: &Reader<'_>) -> Result<Vec<Row>> {
    let sql = "SELECT classid, objid, refclassid, refobjid, deptype FROM pg_catalog.pg_depend \
         WHERE refclassid = 3079 AND deptype = 'e'";
    let rows = reader.rows("members of extensions", sql, &[]).await?;
    let mut rows = rows.iter().map(from_row).collect::<Result<Vec<Row>>>()?;
    rows.sort_by_key(|row| row.dependent);
    Ok(rows)
}

/// Reads all dependencies but the members of extensions, those of what initdb made included: its views can be asked
/// for by name.
///
/// # Errors
/// If the query fails.
pub async fn read(reader: &Reader<'_>) -> Result<Vec<Row>> {
    // An operator or function in an operator family is no object of its own: the family stands for it.
    let sql = "SELECT classid, objid, refclassid, refobjid, deptype FROM pg_catalog.pg_depend \
            WHERE deptype NOT IN ('p', 'e') \
         UNION ALL \
         SELECT 2753, o.amopfamily, d.refclassid, d.refobjid, d.deptype \
            FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_amop o ON o.oid = d.objid \
            WHERE d.deptype NOT IN ('p', 'e', 'i') AND d.classid = 2602 \
              AND NOT (d.refclassid = 2753 AND d.refobjid = o.amopfamily) \
         UNION ALL \
         SELECT 2753, p.amprocfamily, d.refclassid, d.refobjid, d.deptype \
            FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_amproc p ON p.oid = d.objid \
            WHERE d.deptype NOT IN ('p', 'e', 'i') AND d.classid = 2603 \
              AND NOT (d.refclassid = 2753 AND d.refobjid = p.amprocfamily)";
    let mut rows = reader
        .each("dependencies", Cost(500_000), sql, &[], from_row)
        .await?;
    // The server would take longer.
    rows.sort_by_key(|row| row.dependent);
    Ok(rows)
}

fn from_row(row: &tokio_postgres::Row) -> Result<Row> {
    let mut c = Columns::new(row);
    let mut id = || {
        Ok::<_, crate::Error>(CatalogId {
            tableoid: c.oid()?,
            oid: c.oid()?,
        })
    };
    let (dependent, on) = (id()?, id()?);
    let letter = c.char()?;
    Ok(Row {
        dependent,
        on,
        letter,
    })
}

/// Notes which of the catalog's objects are members of extensions, and makes those wait for the extension.
pub fn add_members(catalog: &mut Catalog, members: &[Row]) {
    for row in members {
        if catalog.find(row.on.tableoid, row.on.oid).is_none() {
            let oid = row.on.oid;
            let warning = format!("could not find referenced extension {oid}");
            catalog.warnings.push(warning);
        }
        if let Some((member, extension)) = both(catalog, row) {
            let member = catalog.object_mut(member);
            member.extension = Some(extension);
            member.depend_on(extension);
        }
    }
}

/// Draws an edge for each dependency between objects of the catalog.
pub fn add(catalog: &mut Catalog, rows: &[Row]) {
    for row in rows {
        // Much of what pg_depend tells about is no object here: TOAST tables, for one.
        let Some((dependent, on)) = both(catalog, row) else {
            continue;
        };
        if is_relation_of_composite_type(catalog, row, dependent, on) {
            catalog.object_mut(on).depend_on(dependent);
        } else {
            catalog.object_mut(dependent).depend_on(on);
        }
    }
}

fn both(catalog: &Catalog, row: &Row) -> Option<(DumpId, DumpId)> {
    let find = |id: CatalogId| catalog.find(id.tableoid, id.oid);
    Some((find(row.dependent)?, find(row.on)?))
}

/// A composite type's relation belongs to the type, while a table's row type belongs to the table. For the
/// order both are the same: columns first.
fn is_relation_of_composite_type(catalog: &Catalog, row: &Row, dependent: DumpId, on: DumpId) -> bool {
    row.letter == b'i'
        && matches!(catalog.object(dependent).body, Body::Table(_))
        && matches!(catalog.object(on).body, Body::Type(_))
}

#[cfg(test)]
mod tests {
    use super::super::class::{PG_CLASS, PG_EXTENSION, PG_NAMESPACE};
    use super::*;
    use crate::connect::ServerVersion;
    use crate::sql::Quoting;

    fn row(dependent: (u32, u32), on: (u32, u32), letter: u8) -> Row {
        let id = |(tableoid, oid)| CatalogId { tableoid, oid };
        Row {
            dependent: id(dependent),
            on: id(on),
            letter,
        }
    }

    #[test]
    fn members_are_noted_and_edges_drawn_once_and_strangers_passed_over() {
        let mut catalog = Catalog::new(ServerVersion(180_006), Quoting::default());
        let ids = [(PG_EXTENSION, 20_000), (PG_NAMESPACE, 20_001), (PG_CLASS, 20_002)];
        let ids = ids.map(|(tableoid, oid)| {
            // The bodies do not matter here.
            catalog
                .add(CatalogId { tableoid, oid }, "x", Body::PreDataBoundary)
                .id
        });
        let [extension, schema, table] = ids;
        let members = [row((PG_CLASS, 20_002), (PG_EXTENSION, 20_000), b'e')];
        let rows = [
            row((PG_CLASS, 20_002), (PG_NAMESPACE, 20_001), b'n'),
            row((PG_CLASS, 20_002), (PG_NAMESPACE, 20_001), b'a'),
            row((PG_CLASS, 20_003), (PG_NAMESPACE, 20_001), b'n'),
            row((PG_CLASS, 20_002), (PG_NAMESPACE, 20_009), b'n'),
        ];
        add_members(&mut catalog, &members);
        assert_eq!(catalog.object(table).extension, Some(extension));
        add(&mut catalog, &rows);
        assert_eq!(catalog.object(table).dependencies, [extension, schema]);
        assert!(catalog.object(schema).dependencies.is_empty());
    }
}
