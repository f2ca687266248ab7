//! A conversion between two encodings.

use bstr::BString;

use super::row::{ObjectRow, read_rows};
use super::{Body, Catalog, Components, Emitter, Object, Reader, attributes, class};
use crate::error::Result;
use crate::sql::text;
use crate::toc::{Desc, Section};

/// A conversion.
#[derive(Debug)]
pub struct Conversion {
    /// The encoding it converts from.
    pub source: BString,
    /// The encoding it converts to.
    pub target: BString,
    /// The function that does it, as SQL.
    pub function: BString,
    /// It is the one for these encodings.
    pub is_default: bool,
}

/// Reads all conversions that are not the system's own.
///
/// # Errors
/// If the query fails.
pub async fn read(reader: &Reader<'_>) -> Result<Vec<ObjectRow<Conversion>>> {
    let first = reader.first_oid;
    let sql = &format!(
        "SELECT c.oid, c.conname, c.connamespace, c.conowner, \
            pg_catalog.pg_encoding_to_char(c.conforencoding), pg_catalog.pg_encoding_to_char(c.contoencoding), \
            c.conproc::pg_catalog.text, c.condefault \
         FROM pg_catalog.pg_conversion c WHERE c.oid >= {first} ORDER BY c.oid"
    );
    read_rows(reader, "conversions", sql, |c| {
        Ok(Conversion {
            source: c.text()?,
            target: c.text()?,
            function: c.text()?,
            is_default: c.bool()?,
        })
    })
    .await
}

/// Adds them to the catalog.
///
/// # Errors
/// If a conversion's schema was not read.
pub fn add(catalog: &mut Catalog, rows: Vec<ObjectRow<Conversion>>) -> Result<()> {
    for row in rows {
        row.add(catalog, class::PG_CONVERSION, Body::Conversion)?;
    }
    Ok(())
}

/// CREATE CONVERSION and its comment.
pub fn emit(object: &Object, conversion: &Conversion, out: &mut Emitter<'_>) {
    let catalog = out.catalog;
    if object.dumps(Components::DEFINITION) {
        let qualified = catalog.qualified(object);
        let default = if conversion.is_default { "DEFAULT " } else { "" };
        let mut entry = out.entry(object, Desc::Conversion, Section::PreData);
        entry.definition = Some(text!(
            "CREATE ",
            default,
            "CONVERSION ",
            qualified,
            " FOR ",
            catalog.quoting.literal(&conversion.source),
            " TO ",
            catalog.quoting.literal(&conversion.target),
            " FROM ",
            conversion.function,
            ";\n"
        ));
        entry.drop_statement = Some(text!("DROP CONVERSION ", qualified, ";\n"));
        out.push(entry);
    }
    attributes::emit(out, object, "CONVERSION", catalog.ident(object).as_ref());
}
