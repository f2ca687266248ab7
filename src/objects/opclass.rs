//! An operator class.

use bstr::BString;

use super::opfamily::{MEMBER_SEPARATOR, Members};
use super::row::{ObjectRow, read_rows};
use super::{Body, Catalog, Components, Emitter, Object, Reader, attributes, class};
use crate::error::Result;
use crate::sql::text;
use crate::toc::{Desc, Section};

/// An operator class.
#[derive(Debug)]
pub struct OpClass {
    /// The bare name of its access method, empty if that is gone.
    pub method: BString,
    /// The type it is for, as SQL.
    pub input_type: BString,
    /// The type of the index's entries where that is another, as SQL.
    pub key_type: Option<BString>,
    /// It is the one for its type.
    pub is_default: bool,
    /// Its family: schema and name.
    pub family: Option<(BString, BString)>,
    /// The members of the family that came with it.
    pub members: Members,
}

/// Reads all operator classes that are not the system's own. Their members come with
/// [`opfamily::read_members`](super::opfamily::read_members).
///
/// # Errors
/// If the query fails.
pub async fn read(reader: &Reader<'_>) -> Result<Vec<ObjectRow<OpClass>>> {
    let first = reader.first_oid;
    let sql = &format!(
        "SELECT c.oid, c.opcname, c.opcnamespace, c.opcowner, COALESCE(a.amname, ''), \
            c.opcintype::pg_catalog.regtype::pg_catalog.text, \
            CASE WHEN c.opckeytype <> 0 THEN c.opckeytype::pg_catalog.regtype::pg_catalog.text END, \
            c.opcdefault, n.nspname, f.opfname \
         FROM pg_catalog.pg_opclass c \
         LEFT JOIN pg_catalog.pg_am a ON a.oid = c.opcmethod \
         LEFT JOIN pg_catalog.pg_opfamily f ON f.oid = c.opcfamily \
         LEFT JOIN pg_catalog.pg_namespace n ON n.oid = f.opfnamespace \
         WHERE c.oid >= {first} ORDER BY c.oid"
    );
    read_rows(reader, "operator classes", sql, |c| {
        Ok(OpClass {
            method: c.text()?,
            input_type: c.text()?,
            key_type: c.opt_text()?,
            is_default: c.bool()?,
            family: c.opt_text()?.zip(c.opt_text()?),
            members: Members::default(),
        })
    })
    .await
}

/// Adds them to the catalog.
///
/// # Errors
/// If a class's schema was not read.
pub fn add(catalog: &mut Catalog, rows: Vec<ObjectRow<OpClass>>) -> Result<()> {
    for row in rows {
        row.add(catalog, class::PG_OPCLASS, Body::OpClass)?;
    }
    Ok(())
}

/// CREATE OPERATOR CLASS and its comment.
pub fn emit(object: &Object, class: &OpClass, out: &mut Emitter<'_>) {
    let catalog = out.catalog;
    let quoting = catalog.quoting;
    let method = quoting.ident(&class.method);
    if object.dumps(Components::DEFINITION) {
        if class.method.is_empty() {
            out.fail_without("access method", object);
        }
        let qualified = catalog.qualified(object);
        let default = if class.is_default { "DEFAULT " } else { "" };
        let family = match &class.family {
            Some((schema, name)) => text!(" FAMILY ", quoting.qualified(schema, name)),
            None => BString::default(),
        };
        let storage = |name: &BString| text!("STORAGE ", name);
        let mut members: Vec<BString> = class.key_type.iter().map(storage).collect();
        members.extend(class.members.clauses(quoting));
        if members.is_empty() {
            // The syntax wants a member; to store the type as itself says nothing.
            members.push(storage(&class.input_type));
        }
        let mut entry = out.entry(object, Desc::OperatorClass, Section::PreData);
        entry.definition = Some(text!(
            "CREATE OPERATOR CLASS ",
            qualified,
            "\n    ",
            default,
            "FOR TYPE ",
            class.input_type,
            " USING ",
            method,
            family,
            " AS\n    ",
            bstr::join(MEMBER_SEPARATOR, members),
            ";\n"
        ));
        entry.drop_statement = Some(text!("DROP OPERATOR CLASS ", qualified, " USING ", method, ";\n"));
        out.push(entry);
    }
    let name = text!(catalog.ident(object), " USING ", method);
    attributes::emit(out, object, "OPERATOR CLASS", name.as_ref());
}
