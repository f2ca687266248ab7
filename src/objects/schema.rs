//! A schema (`pg_namespace`).
//!
//! The schema `public` is a beast of its own: initdb makes it, so a dump of everything neither creates nor
//! drops it, but says where its owner, grants or comment differ from what the restored-into database has.

use bstr::{BString, ByteSlice};

use super::attributes::Subject;
use super::{Acl, Body, Catalog, Components, Emitter, Object, Reader, attributes, class};
use crate::connect::Columns;
use crate::error::Result;
use crate::sql::{Grantable, text};
use crate::toc::{CatalogId, Desc, Section};

/// The predefined role `pg_database_owner`, which owns `public` from release 15 on.
pub const PG_DATABASE_OWNER: u32 = 6171;

/// A schema.
#[derive(Debug)]
pub struct Schema {
    /// A statement makes it; false for the `public` of a whole database, which initdb makes.
    pub create: bool,
    /// What is wanted of the objects in it. Set by selection.
    pub contents: Components,
}

/// One schema as the catalog has it.
#[derive(Debug)]
pub struct Row {
    oid: u32,
    name: BString,
    owner: u32,
    owner_name: BString,
    granted: Option<Vec<BString>>,
    default: Option<Vec<BString>>,
}

/// Reads all schemas.
///
/// # Errors
/// If the query fails.
pub async fn read(reader: &Reader<'_>) -> Result<Vec<Row>> {
    let sql = "SELECT n.oid, n.nspname, n.nspowner, pg_catalog.pg_get_userbyid(n.nspowner), \
            n.nspacl::pg_catalog.text[], pg_catalog.acldefault('n', n.nspowner)::pg_catalog.text[] \
         FROM pg_catalog.pg_namespace n ORDER BY n.oid";
    let rows = reader.rows("schemas", sql, &[]).await?;
    rows.iter()
        .map(|row| {
            let mut c = Columns::new(row);
            Ok(Row {
                oid: c.oid()?,
                name: c.text()?,
                owner: c.oid()?,
                owner_name: c.text()?,
                granted: c.opt_texts()?,
                default: c.opt_texts()?,
            })
        })
        .collect()
}

/// Adds them to the catalog.
pub fn add(catalog: &mut Catalog, rows: Vec<Row>) {
    for row in rows {
        let id = CatalogId {
            tableoid: class::PG_NAMESPACE,
            oid: row.oid,
        };
        let is_public = row.name == "public";
        let schema = Schema {
            create: true,
            contents: Components::ALL,
        };
        let object = catalog.add(id, row.name, Body::Schema(Box::new(schema)));
        object.owner = row.owner;
        if is_public || row.granted.is_some() {
            let mut acl = Acl {
                granted: row.granted,
                default: row.default,
                ..Acl::default()
            };
            if is_public {
                // The base is what release 15 grants, whatever this server's initdb did.
                acl.initial = Some(public_acl(&row.owner_name));
                acl.initial_kind = b'i';
            }
            object.set_acl(Some(Box::new(acl)));
        }
    }
}

/// What a database of release 15 or later grants on `public` when `owner` owns it.
fn public_acl(owner: &BString) -> Vec<BString> {
    let owner = acl_role(owner);
    vec![text!(owner, "=UC/", owner), text!("=U/", owner)]
}

/// A role's name as it stands in an `aclitem`.
fn acl_role(name: &BString) -> BString {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    if name.iter().all(plain) {
        return name.clone();
    }
    text!("\"", name.replace("\"", "\"\""), "\"")
}

/// CREATE SCHEMA, or the note that it is not needed, and what hangs on the schema.
pub fn emit(object: &Object, schema: &Schema, out: &mut Emitter<'_>) {
    let name = out.catalog.ident(object);
    if object.dumps(Components::DEFINITION) {
        let mut entry = out.entry(object, Desc::Schema, Section::PreData);
        if schema.create {
            entry.definition = Some(text!("CREATE SCHEMA ", name, ";\n"));
            entry.drop_statement = Some(text!("DROP SCHEMA ", name, ";\n"));
        } else {
            entry.definition = Some("-- *not* creating schema, since initdb creates it\n".into());
            entry.drop_statement = Some("-- *not* dropping schema, since initdb creates it\n".into());
        }
        out.push(entry);
    }
    // pg_dump compares the name as SQL, so that with all names quoted the schema is like any other.
    if !schema.create && name == "public" {
        let subject = Subject::of(out.catalog, object, "SCHEMA", name.as_ref());
        // Even without a comment: then initdb's was removed, and the dump has to say so.
        if object.dump.intersects(Components::COMMENT) {
            attributes::comment_unless(out, &subject, "standard public schema");
        }
        if object.dumps(Components::SECLABEL) {
            attributes::security_labels(out, &subject);
        }
    } else {
        attributes::emit(out, object, "SCHEMA", name.as_ref());
    }
    attributes::acl(out, object, Grantable::Schema, name.as_ref());
}
