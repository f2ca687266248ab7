//! The statements that give objects their old numbers and files, and what else is not about tables alone.

use bstr::BString;

use super::{Age, DatabaseUpgrade};
use crate::objects::extension::Extension;
use crate::objects::{Acl, Body, Catalog, Emitter, Object};
use crate::sql::{GrantTarget, grants, put, text};
use crate::toc::Desc;

/// Oids from this one on are given to what users make.
const FIRST_USER_OID: u32 = 16_384;

/// The letters of `pg_class.relkind` that matter here.
const INDEX: u8 = b'i';
const PARTITIONED_INDEX: u8 = b'I';
const PARTITIONED: u8 = b'p';

/// `SELECT pg_catalog.binary_upgrade_set_next_…`
fn next(what: &str, oid: u32) -> String {
    format!("SELECT pg_catalog.binary_upgrade_set_next_{what}('{oid}'::pg_catalog.oid);\n")
}

fn preserve(what: &str, statement: String) -> BString {
    text!(
        "\n-- For binary upgrade, must preserve ",
        what,
        "\n",
        statement,
        "\n"
    )
}

/// What gives a type its oid and those of the types that come with it, before the type is made. Empty but for
/// pg_upgrade.
///
/// `array`: it will have an array type even if it has none on this server; `multirange`: the same of a multirange.
pub(in crate::objects) fn type_oids(out: &Emitter<'_>, oid: u32, array: bool, multirange: bool) -> BString {
    let Some(upgrade) = out.catalog.upgrade.as_deref().filter(|_| oid != 0) else {
        return BString::default();
    };
    let mut sql = preserve("pg_type oid", next("pg_type_oid", oid));
    let array = match upgrade.arrays.get(&oid) {
        Some(array) if *array != 0 => Some(*array),
        _ => array.then(|| free_type_oid(out)),
    };
    if let Some(array) = array {
        put!(sql; preserve("pg_type array oid", next("array_pg_type_oid", array)));
    }
    if multirange {
        let known = upgrade.multiranges.get(&oid).copied();
        let (own, array) = known.unwrap_or_else(|| (free_type_oid(out), free_type_oid(out)));
        put!(
            sql;
            preserve("multirange pg_type oid", next("multirange_pg_type_oid", own)),
            preserve("multirange pg_type array oid", next("multirange_array_pg_type_oid", array)),
        );
    }
    sql
}

/// An oid that no type of the old cluster has, for a type that it does not have.
fn free_type_oid(out: &Emitter<'_>) -> u32 {
    let upgrade = out.catalog.upgrade.as_deref();
    let is_free = |oid: &u32| upgrade.is_none_or(|upgrade| !upgrade.arrays.contains_key(oid));
    let last = out.last_free_type.get().max(FIRST_USER_OID);
    let oid = (last.saturating_add(1)..u32::MAX)
        .find(is_free)
        .unwrap_or(u32::MAX);
    out.last_free_type.set(oid);
    oid
}

/// What gives a relation or an index, its TOAST table and that one's index their oids and files. Empty but for
/// pg_upgrade.
pub(in crate::objects) fn relation_oids(out: &Emitter<'_>, oid: u32) -> BString {
    let Some(storage) = (out.catalog.upgrade.as_deref()).and_then(|upgrade| upgrade.storage.get(&oid)) else {
        return BString::default();
    };
    let mut sql = text!("\n-- For binary upgrade, must preserve pg_class oids and relfilenodes\n");
    if matches!(storage.kind, INDEX | PARTITIONED_INDEX) {
        put!(sql; next("index_pg_class_oid", oid), next("index_relfilenode", storage.file));
    } else {
        put!(sql; next("heap_pg_class_oid", oid));
        // Before 12, partitioned tables had files and TOAST tables, of no use to anybody.
        let has_storage = storage.kind != PARTITIONED;
        if storage.file != 0 && has_storage {
            put!(sql; next("heap_relfilenode", storage.file));
        }
        if storage.toast != 0 && has_storage {
            put!(
                sql;
                next("toast_pg_class_oid", storage.toast),
                next("toast_relfilenode", storage.toast_file),
                next("index_pg_class_oid", storage.toast_index),
                next("index_relfilenode", storage.toast_index_file),
            );
        }
    }
    put!(sql; "\n");
    sql
}

/// The statements that add an enum's labels, each with its oid. Empty but for pg_upgrade, where CREATE TYPE names none.
pub(in crate::objects) fn enum_labels(
    out: &Emitter<'_>,
    oid: u32,
    qualified: &bstr::BStr,
    labels: &[BString],
) -> BString {
    let Some(upgrade) = out.catalog.upgrade.as_deref() else {
        return BString::default();
    };
    let mut sql = BString::default();
    let oids = upgrade.labels.get(&oid).map_or(&[][..], Vec::as_slice);
    for (at, (oid, label)) in oids.iter().zip(labels).enumerate() {
        if at == 0 {
            put!(sql; "\n-- For binary upgrade, must preserve pg_enum oids\n");
        }
        let label = out.catalog.quoting.literal(label);
        put!(sql; next("pg_enum_oid", *oid), "ALTER TYPE ", qualified, " ADD VALUE ", label, ";\n\n");
    }
    sql
}

/// What makes an extension without running its script: its members follow one by one.
pub(in crate::objects) fn empty_extension(
    out: &Emitter<'_>,
    object: &Object,
    extension: &Extension,
) -> BString {
    let quoting = out.catalog.quoting;
    let upgrade = out.catalog.upgrade.as_deref();
    let config = upgrade.and_then(|upgrade| upgrade.extensions.get(&object.catalog_id.oid));
    // An empty array is as good as none.
    let array = |text: Option<&BString>| match text {
        Some(text) if text.len() > 2 => quoting.literal(text),
        _ => "NULL".into(),
    };
    let required = object.dependencies.iter().map(|id| out.catalog.object(*id));
    let required = required.filter(|object| matches!(object.body, Body::Extension(_)));
    let required: Vec<BString> = required.map(|object| quoting.literal(&object.name)).collect();
    text!(
        "-- For binary upgrade, create an empty extension and insert objects into it\n",
        "DROP EXTENSION IF EXISTS ",
        out.catalog.ident(object),
        ";\nSELECT pg_catalog.binary_upgrade_create_empty_extension(",
        quoting.literal(&object.name),
        ", ",
        quoting.literal(&extension.namespace),
        if extension.relocatable {
            ", true, "
        } else {
            ", false, "
        },
        quoting.literal(&extension.version),
        ", ",
        array(config.and_then(|config| config.0.as_ref())),
        ", ",
        array(config.and_then(|config| config.1.as_ref())),
        ", ARRAY[",
        bstr::join(",", required),
        "]::pg_catalog.text[]);\n"
    )
}

/// Adds the statement that makes an object a member of its extension again to the object's own entry, which is
/// among those from place `first` on. Nothing happens but for pg_upgrade.
pub(in crate::objects) fn add_to_extension(out: &mut Emitter<'_>, object: &Object, first: usize) {
    let catalog = out.catalog;
    let Some(extension) = object.extension.filter(|_| catalog.upgrade.is_some()) else {
        return;
    };
    let extension = catalog.ident(catalog.object(extension));
    let own = |entry: &&mut crate::toc::Entry| entry.dump_id == object.id;
    let Some(entry) = out.entries_from(first).iter_mut().find(own) else {
        return;
    };
    let member = match (&entry.desc, &object.body) {
        (_, Body::Schema(_)) => text!("SCHEMA ", catalog.ident(object)),
        (Desc::ProceduralLanguage, _) => text!("LANGUAGE ", catalog.ident(object)),
        (Desc::Sequence, _) => text!("SEQUENCE ", catalog.qualified(object)),
        (
            Desc::ShellType | Desc::Index | Desc::Constraint | Desc::FkConstraint | Desc::CheckConstraint,
            _,
        )
        | (Desc::Rule | Desc::Trigger | Desc::Policy | Desc::Statistics | Desc::Publication, _) => return,
        // What DROP calls it, ALTER EXTENSION does too.
        _ => {
            let drop = entry
                .drop_statement
                .as_ref()
                .and_then(|drop| drop.strip_prefix(b"DROP "));
            let Some(name) = drop.and_then(|name| name.strip_suffix(b";\n")) else {
                return;
            };
            let is_type = matches!(entry.desc, Desc::Type);
            let cascade = if is_type { &b" CASCADE"[..] } else { b"" };
            BString::from(name.strip_suffix(cascade).unwrap_or(name))
        }
    };
    if let Some(definition) = &mut entry.definition {
        put!(definition; "\n-- For binary upgrade, handle extension membership the hard way\nALTER EXTENSION ",
            extension, " ADD ", member, ";\n");
    }
}

/// What an extension's script granted, to be granted again and remembered as such. Empty but for pg_upgrade.
pub(in crate::objects) fn initial_grants(catalog: &Catalog, target: &GrantTarget<'_>, acl: &Acl) -> BString {
    let (Some(_), b'e', Some(initial)) = (&catalog.upgrade, acl.initial_kind, &acl.initial) else {
        return BString::default();
    };
    let default = acl.default.as_deref().unwrap_or_default();
    let initial = grants(target, initial, default, catalog.quoting);
    let record = "SELECT pg_catalog.binary_upgrade_set_record_init_privs(";
    text!(record, "true);\n", initial, record, "false);\n")
}

/// What CREATE DATABASE says of its default collation's version.
pub(in crate::objects) fn database_version(upgrade: &DatabaseUpgrade) -> Option<&BString> {
    upgrade.collation_version.as_ref()
}

/// What gives the database its age.
pub(in crate::objects) fn datfrozenxid(upgrade: &DatabaseUpgrade, name: &BString) -> BString {
    let (frozen, min_multi) = (upgrade.frozen, upgrade.min_multi);
    text!(
        "\n-- For binary upgrade, set datfrozenxid and datminmxid.\nUPDATE pg_catalog.pg_database\n",
        format!("SET datfrozenxid = '{frozen}', datminmxid = '{min_multi}'\n"),
        "WHERE datname = ",
        name,
        ";\n"
    )
}

/// What gives `pg_largeobject`, which is taken over as a file like any table, its file and age.
pub(in crate::objects) fn large_objects(upgrade: &DatabaseUpgrade) -> BString {
    let mut files = String::from("\n-- For binary upgrade, preserve pg_largeobject and index relfilenodes\n");
    let mut ages = String::from("\n-- For binary upgrade, set pg_largeobject relfrozenxid and relminmxid\n");
    for (oid, file, age) in &upgrade.large_objects {
        let what = if *oid == 2613 {
            "heap_relfilenode"
        } else {
            "index_relfilenode"
        };
        files.push_str(&next(what, *file));
        ages.push_str(&format!("{}WHERE oid = {oid};\n", age.update()));
    }
    text!(files, "TRUNCATE pg_catalog.pg_largeobject;\n", ages)
}

impl Age {
    /// The beginning of the statement that sets it.
    pub(super) fn update(self) -> String {
        let Age { frozen, min_multi } = self;
        format!("UPDATE pg_catalog.pg_class\nSET relfrozenxid = '{frozen}', relminmxid = '{min_multi}'\n")
    }
}
