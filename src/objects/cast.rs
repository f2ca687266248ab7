//! A cast between two types.

use bstr::BString;

use super::function::{self, Signature};
use super::row::{ObjectRow, read_rows};
use super::{Body, Catalog, Components, Emitter, Object, Reader, attributes, class};
use crate::error::Result;
use crate::sql::text;
use crate::toc::{Desc, Section};

/// A cast. The object's name is only there to be sorted by.
#[derive(Debug)]
pub struct Cast {
    /// The type it casts from, as SQL.
    pub source: BString,
    /// The type it casts to, as SQL.
    pub target: BString,
    /// `pg_cast.castmethod`.
    pub method: u8,
    /// `pg_cast.castcontext`.
    pub context: u8,
    /// The oid of that function, 0 if there is none.
    pub function_oid: u32,
    /// The function that does it, where one does.
    pub function: Option<Signature>,
}

/// Reads all casts that are not the system's own.
///
/// # Errors
/// If the query fails.
pub async fn read(reader: &Reader<'_>) -> Result<Vec<ObjectRow<Cast>>> {
    // The cast from a range to its multirange comes with the range type.
    let implied = reader.version.pick(
        14,
        "EXISTS (SELECT 1 FROM pg_catalog.pg_range r \
            WHERE r.rngtypid = c.castsource AND r.rngmultitypid = c.casttarget)",
        "false",
    );
    let signature = Signature::columns();
    let sql = format!(
        "SELECT c.oid, pg_catalog.concat(s.typname, ' ', t.typname), NULL::oid, NULL::oid, \
            pg_catalog.format_type(c.castsource, NULL), pg_catalog.format_type(c.casttarget, NULL), \
            c.castmethod, c.castcontext, c.castfunc, {signature} \
         FROM pg_catalog.pg_cast c \
         LEFT JOIN pg_catalog.pg_type s ON s.oid = c.castsource \
         LEFT JOIN pg_catalog.pg_type t ON t.oid = c.casttarget \
         LEFT JOIN pg_catalog.pg_proc p ON p.oid = c.castfunc \
         LEFT JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace \
         WHERE c.oid >= 16384 AND NOT {implied} ORDER BY c.oid"
    );
    read_rows(reader, "casts", &sql, |c| {
        Ok(Cast {
            source: c.text()?,
            target: c.text()?,
            method: c.char()?,
            context: c.char()?,
            function_oid: c.oid()?,
            function: Signature::read(c)?,
        })
    })
    .await
}

/// Adds them to the catalog.
///
/// # Errors
/// Never; a cast lives in no schema.
pub fn add(catalog: &mut Catalog, rows: Vec<ObjectRow<Cast>>) -> Result<()> {
    for row in rows {
        row.add(catalog, class::PG_CAST, Body::Cast)?;
    }
    Ok(())
}

/// CREATE CAST and its comment.
pub fn emit(object: &Object, cast: &Cast, out: &mut Emitter<'_>) {
    let types = text!("(", cast.source, " AS ", cast.target, ")");
    if object.dumps(Components::DEFINITION) {
        let mut entry = out.entry(object, Desc::Cast, Section::PreData);
        entry.tag = text!("CAST ", types);
        if cast.function.is_none() && cast.function_oid != 0 {
            out.fail(function::not_found(cast.function_oid));
        }
        let how = match (cast.method, &cast.function) {
            (b'b', _) => "WITHOUT FUNCTION".into(),
            (b'i', _) => "WITH INOUT".into(),
            (b'f', Some(function)) => text!("WITH FUNCTION ", function.to_sql(out.catalog.quoting)),
            (b'f', None) => bogus(out, "pg_cast.castfunc or pg_cast.castmethod"),
            _ => bogus(out, "pg_cast.castmethod"),
        };
        let context = match cast.context {
            b'a' => " AS ASSIGNMENT",
            b'i' => " AS IMPLICIT",
            _ => "",
        };
        entry.definition = Some(text!("CREATE CAST ", types, " ", how, context, ";\n"));
        entry.drop_statement = Some(text!("DROP CAST ", types, ";\n"));
        out.push(entry);
    }
    attributes::emit(out, object, "CAST", types.as_ref());
}

/// Nothing, where there should be a method, and a word about it.
fn bogus(out: &mut Emitter<'_>, field: &str) -> BString {
    out.warn(format!("bogus value in {field} field"));
    BString::default()
}
