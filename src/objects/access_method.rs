//! An access method for indexes or tables.

use bstr::BString;

use super::row::{ObjectRow, read_rows};
use super::{Body, Catalog, Components, Emitter, Object, Reader, attributes, class};
use crate::error::Result;
use crate::sql::text;
use crate::toc::{Desc, Section};

/// An access method.
#[derive(Debug)]
pub struct AccessMethod {
    /// `pg_am.amtype`: `i` for indexes, `t` for tables.
    pub kind: u8,
    /// The function that knows everything about it, as SQL.
    pub handler: BString,
}

/// Reads all access methods that are not the system's own.
///
/// # Errors
/// If the query fails.
pub async fn read(reader: &Reader<'_>) -> Result<Vec<ObjectRow<AccessMethod>>> {
    // Before 9.6 nobody could make one.
    let columns = reader.version.pick(
        90_600,
        "a.amtype, a.amhandler::pg_catalog.text",
        "'i'::\"char\", '-'::pg_catalog.text",
    );
    let sql = format!(
        "SELECT a.oid, a.amname, NULL::oid, NULL::oid, {columns} \
         FROM pg_catalog.pg_am a WHERE a.oid >= 16384 ORDER BY a.oid"
    );
    read_rows(reader, "access methods", &sql, |c| {
        Ok(AccessMethod {
            kind: c.char()?,
            handler: c.text()?,
        })
    })
    .await
}

/// Adds them to the catalog.
///
/// # Errors
/// Never; an access method lives in no schema.
pub fn add(catalog: &mut Catalog, rows: Vec<ObjectRow<AccessMethod>>) -> Result<()> {
    for row in rows {
        row.add(catalog, class::PG_AM, Body::AccessMethod)?;
    }
    Ok(())
}

/// CREATE ACCESS METHOD and its comment.
pub fn emit(object: &Object, method: &AccessMethod, out: &mut Emitter<'_>) {
    let name = out.catalog.ident(object);
    let kind = match method.kind {
        b'i' => "INDEX",
        b't' => "TABLE",
        // An archive with half a statement would be worse than one without it.
        other if object.dumps(Components::DEFINITION) => {
            let letter = char::from(other);
            out.warn(format!("invalid type \"{letter}\" of access method \"{name}\""));
            return;
        }
        _ => return,
    };
    if object.dumps(Components::DEFINITION) {
        let mut entry = out.entry(object, Desc::AccessMethod, Section::PreData);
        entry.definition = Some(text!(
            "CREATE ACCESS METHOD ",
            name,
            " TYPE ",
            kind,
            " HANDLER ",
            method.handler,
            ";\n"
        ));
        entry.drop_statement = Some(text!("DROP ACCESS METHOD ", name, ";\n"));
        out.push(entry);
    }
    attributes::emit(out, object, "ACCESS METHOD", name.as_ref());
}
