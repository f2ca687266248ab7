//! The shell of a base or range type, which the type's functions need before the type itself.
//!
//! A shell is no row of a catalog. It is wanted only when its type and a function of it depend on each
//! other; the repair of that loop ([`crate::order`]) finds out.

use super::{Type, type_mut};
use crate::objects::{Body, Catalog, Components, Emitter, Object, class, upgrade};
use crate::sql::text;
use crate::toc::{CatalogId, Desc, DumpId, Section};

/// The shell of a type.
#[derive(Debug)]
pub struct ShellType {
    /// The type.
    pub of: DumpId,
}

/// Adds the shell of the type with this oid, not wanted yet. A type that is not dumped has none.
pub(super) fn add(catalog: &mut Catalog, oid: u32) {
    let Some(of) = catalog.find(class::PG_TYPE, oid) else {
        return;
    };
    let object = catalog.object(of);
    if !object.dump.intersects(Components::DEFINITION) {
        return;
    }
    let (name, schema, owner) = (object.name.clone(), object.schema, object.owner);
    let body = Body::ShellType(Box::new(ShellType { of }));
    let shell = catalog.add(CatalogId::default(), name, body);
    shell.schema = schema;
    shell.owner = owner;
    shell.dump = Components::NONE;
    let id = shell.id;
    if let Some((_, Type { shell, .. })) = type_mut(catalog, oid) {
        *shell = Some(id);
    }
}

/// CREATE TYPE without a body. There is no DROP: that of the type itself is enough.
pub fn emit(object: &Object, shell: &ShellType, out: &mut Emitter<'_>) {
    if object.dumps(Components::DEFINITION) {
        let of = out.catalog.object(shell.of).catalog_id.oid;
        let oids = upgrade::type_oids(out, of, false, false);
        let mut entry = out.entry(object, Desc::ShellType, Section::PreData);
        entry.definition = Some(text!(oids, "CREATE TYPE ", out.catalog.qualified(object), ";\n"));
        out.push(entry);
    }
}
