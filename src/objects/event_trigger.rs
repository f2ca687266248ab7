//! Event triggers.

use bstr::BString;

use super::{Body, Catalog, Components, Emitter, Object, Reader, attributes, class};
use crate::connect::Columns;
use crate::error::Result;
use crate::sql::{put, text};
use crate::toc::{CatalogId, Desc, Section};

/// An event trigger.
#[derive(Debug)]
pub struct EventTrigger {
    /// When it fires.
    pub event: BString,
    /// The command tags it fires for, as literals with commas between; empty for all.
    pub tags: BString,
    /// Its function as SQL, without arguments.
    pub function: BString,
    /// `pg_event_trigger.evtenabled`: `O`, `D`, `R` or `A`.
    pub enabled: u8,
}

/// One event trigger as the catalog has it.
#[derive(Debug)]
pub struct Row {
    oid: u32,
    name: BString,
    owner: u32,
    body: EventTrigger,
}

/// Reads all event triggers.
///
/// # Errors
/// If the query fails.
pub async fn read(reader: &Reader<'_>) -> Result<Vec<Row>> {
    let none = "(SELECT 0::oid AS oid, ''::name AS evtname, 0::oid AS evtowner, ''::name AS evtevent, \
         '{}'::text[] AS evttags, 0::oid AS evtfoid, 'O'::\"char\" AS evtenabled WHERE false)";
    let triggers = reader.version.pick(90_300, "pg_catalog.pg_event_trigger", none);
    let sql = format!(
        "SELECT e.oid, e.evtname, e.evtowner, e.evtevent, pg_catalog.array_to_string(ARRAY( \
               SELECT pg_catalog.quote_literal(x) FROM pg_catalog.unnest(e.evttags) AS t (x)), ', '), \
            e.evtfoid::pg_catalog.regproc::text, e.evtenabled \
         FROM {triggers} e ORDER BY e.oid"
    );
    let rows = reader.rows("event triggers", &sql, &[]).await?;
    rows.iter()
        .map(|row| {
            let mut c = Columns::new(row);
            Ok(Row {
                oid: c.oid()?,
                name: c.text()?,
                owner: c.oid()?,
                body: EventTrigger {
                    event: c.text()?,
                    tags: c.text()?,
                    function: c.text()?,
                    enabled: c.char()?,
                },
            })
        })
        .collect()
}

/// Adds them to the catalog.
pub fn add(catalog: &mut Catalog, rows: Vec<Row>) {
    for row in rows {
        let id = CatalogId {
            tableoid: class::PG_EVENT_TRIGGER,
            oid: row.oid,
        };
        let object = catalog.add(id, row.name, Body::EventTrigger(Box::new(row.body)));
        object.owner = row.owner;
    }
}

/// The event trigger, its comment and security labels.
pub fn emit(object: &Object, trigger: &EventTrigger, out: &mut Emitter<'_>) {
    let name = out.catalog.ident(object);
    if object.dumps(Components::DEFINITION) {
        let event = out.catalog.quoting.ident(&trigger.event);
        let mut sql = text!("CREATE EVENT TRIGGER ", name, " ON ", event);
        if !trigger.tags.is_empty() {
            put!(sql; "\n         WHEN TAG IN (", trigger.tags, ")");
        }
        let function = if out.options.knows(11) {
            "FUNCTION"
        } else {
            "PROCEDURE"
        };
        put!(sql; "\n   EXECUTE ", function, " ", trigger.function, "();\n");
        let firing = match trigger.enabled {
            b'D' => Some("DISABLE"),
            b'A' => Some("ENABLE ALWAYS"),
            b'R' => Some("ENABLE REPLICA"),
            _ => None,
        };
        if let Some(firing) = firing {
            put!(sql; "\nALTER EVENT TRIGGER ", name, " ", firing, ";\n");
        }
        let mut entry = out.entry(object, Desc::EventTrigger, Section::PostData);
        entry.definition = Some(sql);
        entry.drop_statement = Some(text!("DROP EVENT TRIGGER ", name, ";\n"));
        out.push(entry);
    }
    attributes::emit(out, object, "EVENT TRIGGER", name.as_ref());
}
