//! Default privileges: what `ALTER DEFAULT PRIVILEGES` has arranged for objects yet to be made.

use bstr::BString;

use super::{Acl, Body, Catalog, Components, Emitter, Object, Reader, class};
use crate::connect::Columns;
use crate::error::{Error, ErrorKind, Result};
use crate::sql::{GrantTarget, Grantable, grants, put, text};
use crate::toc::{CatalogId, Desc, Section};

/// One role's default privileges for one kind of object, in one schema or in all.
///
/// The role is the object's owner, the grants are its grants.
#[derive(Debug)]
pub struct DefaultAcl {
    /// The kind of object that will have them.
    pub kind: Grantable,
}

/// One row of `pg_default_acl`.
#[derive(Debug)]
pub struct Row {
    oid: u32,
    role: u32,
    schema: u32,
    letter: u8,
    granted: Vec<BString>,
    default: Vec<BString>,
}

/// Reads all default privileges.
///
/// # Errors
/// If the query fails.
pub async fn read(reader: &Reader<'_>) -> Result<Vec<Row>> {
    // Those for all schemas replace the built-in default, those for one schema come on top of it. The
    // letter of sequences is another one in acldefault().
    let sql = "SELECT oid, defaclrole, defaclnamespace, defaclobjtype, defaclacl::pg_catalog.text[], \
            CASE WHEN defaclnamespace <> 0 THEN '{}' ELSE pg_catalog.acldefault( \
               CASE WHEN defaclobjtype = 'S' THEN 's' ELSE defaclobjtype END, defaclrole)::pg_catalog.text[] END \
         FROM pg_catalog.pg_default_acl ORDER BY oid";
    let rows = reader.rows("default privileges", sql, &[]).await?;
    rows.iter()
        .map(|row| {
            let mut c = Columns::new(row);
            Ok(Row {
                oid: c.oid()?,
                role: c.oid()?,
                schema: c.oid()?,
                letter: c.char()?,
                granted: c.texts()?,
                default: c.texts()?,
            })
        })
        .collect()
}

/// Adds them to the catalog.
///
/// # Errors
/// If they are for an unknown schema or kind of object.
pub fn add(catalog: &mut Catalog, rows: Vec<Row>) -> Result<()> {
    for row in rows {
        let schema = match row.schema {
            0 => None,
            oid => Some(catalog.schema(oid)?),
        };
        let id = CatalogId {
            tableoid: class::PG_DEFAULT_ACL,
            oid: row.oid,
        };
        let kind = kind(row.letter)?;
        let body = Body::DefaultAcl(Box::new(DefaultAcl { kind }));
        // The letter is all the name they have, and where they sort.
        let object = catalog.add(id, vec![row.letter], body);
        object.schema = schema;
        object.owner = row.role;
        object.has = Components::ACL;
        object.acl = Some(Box::new(Acl {
            granted: Some(row.granted),
            default: Some(row.default),
            ..Acl::default()
        }));
    }
    Ok(())
}

fn kind(letter: u8) -> Result<Grantable> {
    Ok(match letter {
        b'r' => Grantable::Tables,
        b'S' => Grantable::Sequences,
        b'f' => Grantable::Functions,
        b'T' => Grantable::Types,
        b'n' => Grantable::Schemas,
        b'L' => Grantable::LargeObjects,
        _ => {
            let message = format!(
                "unrecognized object type in default privileges: {}",
                char::from(letter)
            );
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
    })
}

/// `ALTER DEFAULT PRIVILEGES`.
pub fn emit(object: &Object, default_acl: &DefaultAcl, out: &mut Emitter<'_>) {
    let catalog = out.catalog;
    if !out.options.schema || out.options.no_acl || !object.dumps(Components::ACL) {
        return;
    }
    let Some(Acl {
        granted: Some(granted),
        default: Some(default),
        ..
    }) = object.acl.as_deref()
    else {
        return;
    };
    let owner = catalog.owner_name(object);
    let quoting = catalog.quoting;
    let mut prefix = text!("ALTER DEFAULT PRIVILEGES FOR ROLE ", quoting.ident(owner), " ");
    if let Some(schema) = catalog.schema_name(object) {
        put!(prefix; "IN SCHEMA ", quoting.ident(schema), " ");
    }
    let target = GrantTarget {
        kind: default_acl.kind,
        name: Default::default(),
        column: None,
        owner,
        prefix: prefix.as_ref(),
    };
    let mut entry = out.entry(object, Desc::DefaultAcl, Section::PostData);
    entry.tag = text!("DEFAULT PRIVILEGES FOR ", default_acl.kind.word());
    entry.definition = Some(grants(&target, granted, default, quoting));
    out.push(entry);
}
