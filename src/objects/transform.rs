//! A transform: how a type is handed to and taken from a procedural language.

use bstr::BString;

use super::function::{self, Signature};
use super::row::{ObjectRow, read_rows};
use super::{Body, Catalog, Components, Emitter, Object, Reader, attributes, class};
use crate::error::Result;
use crate::sql::{put, text};
use crate::toc::{Desc, Section};

/// A transform. The object's name is only there to be sorted by.
#[derive(Debug)]
pub struct Transform {
    /// The type, as SQL.
    pub of_type: BString,
    /// The bare name of the language.
    pub language: BString,
    /// The function that turns a value into one of the language.
    pub from_sql: Option<Signature>,
    /// The function that makes a value of one of the language.
    pub to_sql: Option<Signature>,
    /// The oids of both functions, 0 for none.
    pub functions: [u32; 2],
}

/// Reads all transforms.
///
/// # Errors
/// If the query fails.
pub async fn read(reader: &Reader<'_>) -> Result<Vec<ObjectRow<Transform>>> {
    // Transforms came with 9.5.
    let transforms = reader.version.pick(
        90_500,
        "pg_catalog.pg_transform",
        "(SELECT 0::oid AS oid, 0::oid AS trftype, 0::oid AS trflang, 0::oid AS trffromsql, 0::oid AS trftosql \
            WHERE false)",
    );
    let from_sql = Signature::columns();
    let to_sql = Signature::columns_of("q", "qn");
    let sql = format!(
        "SELECT f.oid, t.typname::pg_catalog.text || ' ' || pg_catalog.quote_ident(l.lanname), NULL::oid, NULL::oid, \
            pg_catalog.format_type(f.trftype, NULL), l.lanname, {from_sql}, {to_sql}, \
            f.trffromsql::pg_catalog.oid, f.trftosql::pg_catalog.oid \
         FROM {transforms} f \
         JOIN pg_catalog.pg_type t ON t.oid = f.trftype \
         JOIN pg_catalog.pg_language l ON l.oid = f.trflang \
         LEFT JOIN pg_catalog.pg_proc p ON p.oid = f.trffromsql \
         LEFT JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace \
         LEFT JOIN pg_catalog.pg_proc q ON q.oid = f.trftosql \
         LEFT JOIN pg_catalog.pg_namespace qn ON qn.oid = q.pronamespace \
         ORDER BY f.oid"
    );
    read_rows(reader, "transforms", &sql, |c| {
        Ok(Transform {
            of_type: c.text()?,
            language: c.text()?,
            from_sql: Signature::read(c)?,
            to_sql: Signature::read(c)?,
            functions: [c.oid()?, c.oid()?],
        })
    })
    .await
}

/// Adds them to the catalog.
///
/// # Errors
/// Never; a transform lives in no schema.
pub fn add(catalog: &mut Catalog, rows: Vec<ObjectRow<Transform>>) -> Result<()> {
    for row in rows {
        row.add(catalog, class::PG_TRANSFORM, Body::Transform)?;
    }
    Ok(())
}

/// CREATE TRANSFORM and its comment.
pub fn emit(object: &Object, transform: &Transform, out: &mut Emitter<'_>) {
    let quoting = out.catalog.quoting;
    let language = quoting.ident(&transform.language);
    let subject = text!("FOR ", transform.of_type, " LANGUAGE ", language);
    if object.dumps(Components::DEFINITION) {
        let mut entry = out.entry(object, Desc::Transform, Section::PreData);
        let name = text!("TRANSFORM ", subject);
        let mut create = text!("CREATE ", name, " (");
        let mut comma = "";
        let found = [transform.from_sql.is_some(), transform.to_sql.is_some()];
        for (oid, found) in transform.functions.iter().zip(found) {
            if *oid != 0 && !found {
                out.fail(function::not_found(*oid));
            }
        }
        if transform.functions == [0, 0] {
            out.warn(
                "bogus transform definition, at least one of trffromsql and trftosql should be nonzero"
                    .to_owned(),
            );
        }
        for (clause, function) in [("FROM SQL", &transform.from_sql), ("TO SQL", &transform.to_sql)] {
            if let Some(function) = function {
                put!(create; comma, clause, " WITH FUNCTION ", function.to_sql(quoting));
                comma = ", ";
            }
        }
        put!(create; ");\n");
        entry.definition = Some(create);
        entry.drop_statement = Some(text!("DROP ", name, ";\n"));
        entry.tag = name;
        out.push(entry);
    }
    attributes::emit(out, object, "TRANSFORM", subject.as_ref());
}
