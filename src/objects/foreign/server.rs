//! A foreign server, and who is mapped to whom on it.
//!
//! User mappings are no objects of their own: nothing depends on them, and they are dumped right behind their server.

use std::collections::HashMap;

use bstr::BString;

use super::options_column;
use crate::connect::Columns;
use crate::error::Result;
use crate::objects::acl::acl_columns;
use crate::objects::row::{ObjectRow, read_rows_with_acl};
use crate::objects::{Body, Catalog, Components, Emitter, Object, Reader, attributes, class};
use crate::sql::{Grantable, put, text};
use crate::toc::{Desc, Entry, Section};

/// A foreign server.
#[derive(Debug)]
pub struct ForeignServer {
    /// The bare name of its foreign-data wrapper, empty if that is gone.
    pub wrapper: BString,
    /// What kind of server it is.
    pub kind: Option<BString>,
    /// Its version.
    pub version: Option<BString>,
    /// Its options as SQL, empty if there are none.
    pub options: BString,
    /// Its user mappings, by user name.
    pub mappings: Vec<UserMapping>,
}

/// A user mapping.
#[derive(Debug)]
pub struct UserMapping {
    /// The bare name of the user here, `public` for all.
    pub user: BString,
    /// Its options as SQL, empty if there are none or the session may not see them.
    pub options: BString,
}

/// What [`read`] brings.
#[derive(Debug)]
pub struct Rows {
    servers: Vec<ObjectRow<ForeignServer>>,
    mappings: HashMap<u32, Vec<UserMapping>>,
}

/// Reads all foreign servers and user mappings.
///
/// # Errors
/// If a query fails.
pub async fn read(reader: &Reader<'_>) -> Result<Rows> {
    let options = options_column("s.srvoptions");
    let acl = acl_columns("s.srvacl", 'S', "s.srvowner");
    let servers = format!(
        "SELECT s.oid, s.srvname, NULL::oid, s.srvowner, COALESCE(w.fdwname, ''), s.srvtype, s.srvversion, {options}, {acl} \
         FROM pg_catalog.pg_foreign_server s \
         LEFT JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = s.srvfdw \
         ORDER BY s.oid"
    );
    // The view shows everybody everything but the options.
    let options = options_column("m.umoptions");
    let mappings = format!(
        "SELECT m.srvid, m.usename, {options} FROM pg_catalog.pg_user_mappings m \
         WHERE m.usename IS NOT NULL ORDER BY m.srvid, m.usename"
    );
    let (servers, mapping_rows) = futures_util::try_join!(
        read_rows_with_acl(reader, "foreign servers", &servers, |c| {
            Ok(ForeignServer {
                wrapper: c.text()?,
                kind: c.opt_text()?.filter(|kind| !kind.is_empty()),
                version: c.opt_text()?.filter(|version| !version.is_empty()),
                options: c.text()?,
                mappings: Vec::new(),
            })
        }),
        reader.rows("user mappings", &mappings, &[]),
    )?;
    let mut mappings: HashMap<u32, Vec<UserMapping>> = HashMap::new();
    for row in &mapping_rows {
        let mut c = Columns::new(row);
        let of = mappings.entry(c.oid()?).or_default();
        of.push(UserMapping {
            user: c.text()?,
            options: c.text()?,
        });
    }
    Ok(Rows { servers, mappings })
}

/// Adds them to the catalog.
///
/// # Errors
/// Never; a server lives in no schema.
pub fn add(catalog: &mut Catalog, rows: Rows) -> Result<()> {
    let mut mappings = rows.mappings;
    for mut row in rows.servers {
        row.body.mappings = mappings.remove(&row.oid).unwrap_or_default();
        let server = row.add(catalog, class::PG_FOREIGN_SERVER, Body::ForeignServer)?;
        server.has |= Components::USERMAP;
    }
    Ok(())
}

/// CREATE SERVER, what hangs on it, and its user mappings.
pub fn emit(object: &Object, server: &ForeignServer, out: &mut Emitter<'_>) {
    let quoting = out.catalog.quoting;
    let name = quoting.ident(&object.name);
    if object.dumps(Components::DEFINITION) {
        if server.wrapper.is_empty() {
            out.fail_without("foreign-data wrapper", object);
        }
        let mut create = text!("CREATE SERVER ", name);
        if let Some(kind) = &server.kind {
            put!(create; " TYPE ", quoting.literal(kind));
        }
        if let Some(version) = &server.version {
            put!(create; " VERSION ", quoting.literal(version));
        }
        put!(create; " FOREIGN DATA WRAPPER ", quoting.ident(&server.wrapper));
        put_options(&mut create, &server.options);
        let mut entry = out.entry(object, Desc::Server, Section::PreData);
        entry.definition = Some(create);
        entry.drop_statement = Some(text!("DROP SERVER ", name, ";\n"));
        out.push(entry);
    }
    attributes::emit(out, object, "SERVER", name.as_ref());
    attributes::acl(out, object, Grantable::ForeignServer, name.as_ref());
    if object.dumps(Components::USERMAP) {
        for mapping in &server.mappings {
            emit_mapping(object, mapping, out);
        }
    }
}

fn emit_mapping(server: &Object, mapping: &UserMapping, out: &mut Emitter<'_>) {
    let catalog = out.catalog;
    let name = text!(
        "USER MAPPING FOR ",
        catalog.quoting.ident(&mapping.user),
        " SERVER ",
        catalog.ident(server)
    );
    let tag = text!("USER MAPPING ", mapping.user, " SERVER ", server.name);
    let mut entry = Entry::new(out.next_id(), Desc::UserMapping, tag, Section::PreData);
    let mut create = text!("CREATE ", name);
    put_options(&mut create, &mapping.options);
    entry.definition = Some(create);
    entry.drop_statement = Some(text!("DROP ", name, ";\n"));
    entry.owner = Some(out.name(catalog.owner_name(server)));
    out.push(entry);
}

fn put_options(out: &mut BString, options: &BString) {
    if !options.is_empty() {
        put!(out; " OPTIONS (\n    ", options, "\n)");
    }
    put!(out; ";\n");
}
