//! Triggers, constraint triggers included, those that implement foreign keys left out.
//!
//! A partition's copy of its parent's trigger is made with the parent's; it is an object here only if it was
//! switched on or off apart from it. Event triggers are not triggers: see [`super::event_trigger`].

use bstr::{BStr, BString};
use postgres_types::Type;

use super::attributes::{self, Subject};
use super::table::RelKind;
use super::{Body, Catalog, Components, Cost, Emitter, Object, Reader, class};
use crate::connect::Columns;
use crate::error::Result;
use crate::sql::{put, text};
use crate::toc::{CatalogId, Desc, DumpId, Section};

/// A trigger.
#[derive(Debug)]
pub struct Trigger {
    /// The table it is on.
    pub table: DumpId,
    /// CREATE TRIGGER as the server words it, without a semicolon.
    pub definition: BString,
    /// `pg_trigger.tgenabled`: `O`, `D`, `R` or `A`.
    pub enabled: u8,
    /// It exists because a parent's trigger does; only its state is its own.
    pub inherited: bool,
}

/// One trigger as the catalogs have it.
#[derive(Debug)]
pub struct Row {
    table: u32,
    oid: u32,
    name: BString,
    definition: BString,
    enabled: u8,
    inherited: bool,
}

/// Reads the triggers of these relations.
///
/// # Errors
/// If the query fails.
pub async fn read_details(reader: &Reader<'_>, relations: &[u32]) -> Result<Vec<Row>> {
    let v = reader.version;
    // Before 13 a clone's parent stands in pg_depend only, before 11 there are no clones.
    let parent_before_13 = "(SELECT d.refobjid FROM pg_catalog.pg_depend d WHERE d.classid = 2620 \
         AND d.objid = t.oid AND d.refclassid = 2620 AND d.deptype IN ('I', 'P', 'i'))";
    let parent = v.pick(13, "t.tgparentid", v.pick(11, parent_before_13, "0::oid"));
    // Clones were marked as internal until 15.
    let inherited = v.pick(15, "t.tgparentid <> 0", v.pick(11, "t.tgisinternal", "false"));
    let sql = format!(
        "SELECT t.tgrelid, t.oid, t.tgname, pg_catalog.pg_get_triggerdef(t.oid, false), t.tgenabled, {inherited} \
         FROM pg_catalog.pg_trigger t LEFT JOIN pg_catalog.pg_trigger p ON p.oid = {parent} \
         WHERE t.tgrelid = ANY ($1) \
           AND (NOT t.tgisinternal AND NOT ({inherited}) OR t.tgenabled <> p.tgenabled) \
         ORDER BY t.tgrelid, t.tgname"
    );
    let (cost, params) = (
        Cost::of(relations.len(), 40),
        [(&relations as _, Type::OID_ARRAY)],
    );
    let from_row = |row: &_| {
        let mut c = Columns::new(row);
        Ok(Row {
            table: c.oid()?,
            oid: c.oid()?,
            name: c.text()?,
            definition: c.text()?,
            enabled: c.char()?,
            inherited: c.bool()?,
        })
    };
    reader.each("triggers", cost, &sql, &params, from_row).await
}

/// Adds the triggers of tables that are in the catalog.
pub fn add_details(catalog: &mut Catalog, rows: Vec<Row>) {
    for row in rows {
        let Some(table) = catalog.find(class::PG_CLASS, row.table) else {
            continue;
        };
        let on = catalog.object(table);
        let (schema, owner) = (on.schema, on.owner);
        let id = CatalogId {
            tableoid: class::PG_TRIGGER,
            oid: row.oid,
        };
        let trigger = Trigger {
            table,
            definition: row.definition,
            enabled: row.enabled,
            inherited: row.inherited,
        };
        let object = catalog.add(id, row.name, Body::Trigger(Box::new(trigger)));
        object.schema = schema;
        object.owner = owner;
    }
}

/// The trigger and its comment.
pub fn emit(object: &Object, trigger: &Trigger, out: &mut Emitter<'_>) {
    if !out.options.schema {
        return;
    }
    let catalog = out.catalog;
    let table = catalog.object(trigger.table);
    let name = catalog.ident(object);
    if object.dumps(Components::DEFINITION) {
        let mut entry = out.entry(object, Desc::Trigger, Section::PostData);
        entry.tag = text!(table.name, " ", object.name);
        entry.definition = Some(create(catalog, object, trigger, name.as_ref(), table));
        if !trigger.inherited {
            entry.drop_statement = Some(text!(
                "DROP TRIGGER ",
                name,
                " ON ",
                catalog.qualified(table),
                ";\n"
            ));
        }
        out.push(entry);
    }
    if object.dumps(Components::COMMENT) {
        let word = text!("TRIGGER ", name, " ON");
        let on = catalog.ident(table);
        let subject = Subject {
            word: word.as_ref(),
            ..Subject::of(catalog, object, "", on.as_ref())
        };
        attributes::comment(out, &subject);
    }
}

fn create(catalog: &Catalog, object: &Object, trigger: &Trigger, name: &BStr, table: &Object) -> BString {
    let mut out = BString::default();
    if !trigger.inherited {
        let identity = text!(name, " ON ", catalog.qualified(table));
        put!(out; trigger.definition, ";\n");
        put!(out; attributes::depends_on_extensions(catalog, object, "TRIGGER", identity.as_ref()));
    }
    let firing = match trigger.enabled {
        b'D' => "DISABLE",
        b'R' => "ENABLE REPLICA",
        b'A' => "ENABLE ALWAYS",
        _ if trigger.inherited => "ENABLE",
        _ => return out,
    };
    let foreign = match &table.body {
        Body::Table(table) if table.relkind == RelKind::Foreign => "FOREIGN ",
        _ => "",
    };
    put!(out; "\nALTER ", foreign, "TABLE ", catalog.qualified(table), " ", firing, " TRIGGER ", name, ";\n");
    out
}
