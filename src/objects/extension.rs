//! An extension; its members are left out of the dump.
//!
//! Which objects are members, and the rows of its configuration tables, are not decided here.

use bstr::BString;

use super::{Body, Catalog, Components, Emitter, Object, Reader, attributes, class, upgrade};
use crate::connect::Columns;
use crate::error::Result;
use crate::sql::text;
use crate::toc::{CatalogId, Desc, Section};

/// An extension.
#[derive(Debug)]
pub struct Extension {
    /// The schema it is installed in. It is no member of that schema, and may well own it.
    pub namespace: BString,
    /// Its objects can be moved to another schema.
    pub relocatable: bool,
    /// The installed version.
    pub version: BString,
    /// Its configuration tables (`extconfig`), whose rows are the user's.
    pub config_tables: Vec<u32>,
    /// For each of them the condition of the rows to dump, empty for all (`extcondition`).
    pub config_conditions: Vec<BString>,
}

/// One extension as the catalog has it.
#[derive(Debug)]
pub struct Row {
    oid: u32,
    name: BString,
    extension: Extension,
}

/// Reads all extensions.
///
/// # Errors
/// If the query fails.
pub async fn read(reader: &Reader<'_>) -> Result<Vec<Row>> {
    let sql = "SELECT x.oid, x.extname, n.nspname, x.extrelocatable, x.extversion, x.extconfig, x.extcondition \
         FROM pg_catalog.pg_extension x JOIN pg_catalog.pg_namespace n ON n.oid = x.extnamespace \
         ORDER BY x.oid";
    let rows = reader.rows("extensions", sql, &[]).await?;
    rows.iter()
        .map(|row| {
            let mut c = Columns::new(row);
            Ok(Row {
                oid: c.oid()?,
                name: c.text()?,
                extension: Extension {
                    namespace: c.text()?,
                    relocatable: c.bool()?,
                    version: c.text()?,
                    config_tables: c.opt_oids()?.unwrap_or_default(),
                    config_conditions: c.opt_texts()?.unwrap_or_default(),
                },
            })
        })
        .collect()
}

/// Adds them to the catalog.
pub fn add(catalog: &mut Catalog, rows: Vec<Row>) {
    for row in rows {
        let id = CatalogId {
            tableoid: class::PG_EXTENSION,
            oid: row.oid,
        };
        catalog.add(id, row.name, Body::Extension(Box::new(row.extension)));
    }
}

/// CREATE EXTENSION without a version: the target's default may be newer, and that is what users want.
pub fn emit(object: &Object, extension: &Extension, out: &mut Emitter<'_>) {
    let name = out.catalog.ident(object);
    if object.dumps(Components::DEFINITION) {
        let schema = out.catalog.quoting.ident(&extension.namespace);
        let mut entry = out.entry(object, Desc::Extension, Section::PreData);
        entry.definition = Some(match out.catalog.upgrade {
            Some(_) => upgrade::empty_extension(out, object, extension),
            None => text!(
                "CREATE EXTENSION IF NOT EXISTS ",
                name,
                " WITH SCHEMA ",
                schema,
                ";\n"
            ),
        });
        entry.drop_statement = Some(text!("DROP EXTENSION ", name, ";\n"));
        out.push(entry);
    }
    attributes::emit(out, object, "EXTENSION", name.as_ref());
}
