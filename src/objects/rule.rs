//! Rewrite rules.
//!
//! The rule that makes a view a view is an object too, because pg_depend hangs what the query needs on it:
//! the view waits for its rule. It has no entry of its own unless a loop was broken there; then it
//! is the view's second, real definition. All other rules are emitted as the server words them.

use bstr::{BStr, BString};
use postgres_types::Type;

use super::attributes::{self, Subject};
use super::table::{RelKind, Table};
use super::{Body, Catalog, Components, Cost, Emitter, Object, Reader, class, view};
use crate::connect::Columns;
use crate::error::{Error, ErrorKind, Result};
use crate::sql::{put, text};
use crate::toc::{CatalogId, Desc, DumpId, Section};

/// A rewrite rule, the `_RETURN` rules of views included.
#[derive(Debug)]
pub struct Rule {
    /// The relation it rewrites.
    pub table: DumpId,
    /// It is the query of a view or materialized view.
    pub is_select: bool,
    /// It has an entry of its own; false for a view's query that stands in CREATE VIEW.
    pub separate: bool,
    /// `pg_rewrite.ev_enabled`: `O`, `D`, `R` or `A`.
    pub enabled: u8,
    /// CREATE RULE as the server words it; `None` for the query of a view.
    pub definition: Option<BString>,
}

/// One row of `pg_rewrite`.
#[derive(Debug)]
pub struct Row {
    oid: u32,
    name: BString,
    table: u32,
    event: u8,
    instead: bool,
    enabled: u8,
}

/// The text of one rule.
#[derive(Debug)]
pub struct Definition {
    oid: u32,
    text: BString,
}

/// Reads all rules.
///
/// # Errors
/// If the query fails.
pub async fn read(reader: &Reader<'_>) -> Result<Vec<Row>> {
    let sql = "SELECT oid, rulename, ev_class, ev_type, is_instead, ev_enabled \
         FROM pg_catalog.pg_rewrite ORDER BY oid";
    let rows = reader.rows("rules", sql, &[]).await?;
    rows.iter()
        .map(|row| {
            let mut c = Columns::new(row);
            Ok(Row {
                oid: c.oid()?,
                name: c.text()?,
                table: c.oid()?,
                event: c.char()?,
                instead: c.bool()?,
                enabled: c.char()?,
            })
        })
        .collect()
}

/// Adds the rules of all relations in the catalog. Selection must have decided about the relations: a rule
/// is wanted as its relation is.
///
/// # Errors
/// If a rule is on no relation, which means that the catalogs contradict each other.
pub fn add(catalog: &mut Catalog, rows: Vec<Row>) -> Result<()> {
    for row in rows {
        let relation = catalog.find(class::PG_CLASS, row.table).ok_or_else(|| {
            let (table, rule) = (row.table, row.oid);
            Error::new(
                ErrorKind::Protocol,
                format!(
                    "failed sanity check, parent table with OID {table} of pg_rewrite entry with OID {rule} not found"
                ),
            )
        })?;
        let of = catalog.object(relation);
        let (schema, owner, dump) = (of.schema, of.owner, of.dump);
        let is_view = matches!(&of.body, Body::Table(table)
            if matches!(table.relkind, RelKind::View | RelKind::MaterializedView));
        // Event 1 is SELECT.
        let is_select = is_view && row.event == b'1' && row.instead;
        let rule = Rule {
            table: relation,
            is_select,
            separate: !is_select,
            enabled: row.enabled,
            definition: None,
        };
        let id = CatalogId {
            tableoid: class::PG_REWRITE,
            oid: row.oid,
        };
        let object = catalog.add(id, row.name, Body::Rule(Box::new(rule)));
        object.schema = schema;
        object.owner = owner;
        object.dump = dump;
        let id = object.id;
        if is_select {
            catalog.object_mut(relation).depend_on(id);
        } else {
            catalog.object_mut(id).depend_on(relation);
        }
    }
    Ok(())
}

/// Reads the texts of the rules on those of the `relations` that have any, views' queries left out.
///
/// # Errors
/// If the query fails.
pub async fn read_details(reader: &Reader<'_>, relations: &[u32]) -> Result<Vec<Definition>> {
    let sql = "SELECT oid, pg_catalog.pg_get_ruledef(oid) FROM pg_catalog.pg_rewrite \
         WHERE ev_class = ANY ($1) AND ev_type <> '1' ORDER BY oid";
    let (cost, params) = (
        Cost::of(relations.len(), 100),
        [(&relations as _, Type::OID_ARRAY)],
    );
    let from_row = |row: &_| {
        let mut c = Columns::new(row);
        Ok(Definition {
            oid: c.oid()?,
            text: c.text()?,
        })
    };
    reader
        .each_locking("rule definitions", cost, sql, &params, from_row)
        .await
}

/// Adds the texts to the rules that are in the catalog.
pub fn add_details(catalog: &mut Catalog, definitions: Vec<Definition>) {
    for definition in definitions {
        let Some(id) = catalog.find(class::PG_REWRITE, definition.oid) else {
            continue;
        };
        if let Body::Rule(rule) = &mut catalog.object_mut(id).body {
            rule.definition = Some(definition.text);
        }
    }
}

/// The rule and its comment, if it has an entry of its own.
pub fn emit(object: &Object, rule: &Rule, out: &mut Emitter<'_>) {
    let catalog = out.catalog;
    let relation = catalog.object(rule.table);
    let Body::Table(table) = &relation.body else {
        return;
    };
    if !out.options.schema || !rule.separate {
        return;
    }
    let name = catalog.ident(object);
    if object.dumps(Components::DEFINITION) {
        let (definition, drop) = statements(catalog, rule, name.as_ref(), relation, table);
        let mut entry = out.entry(object, Desc::Rule, Section::PostData);
        entry.tag = text!(relation.name, " ", object.name);
        entry.definition = Some(definition);
        entry.drop_statement = Some(drop);
        out.push(entry);
    }
    if object.dumps(Components::COMMENT) {
        let word = text!("RULE ", name, " ON");
        let on = catalog.ident(relation);
        let subject = Subject {
            word: word.as_ref(),
            ..Subject::of(catalog, object, "", on.as_ref())
        };
        attributes::comment(out, &subject);
    }
}

fn statements(
    catalog: &Catalog,
    rule: &Rule,
    name: &BStr,
    relation: &Object,
    table: &Table,
) -> (BString, BString) {
    let on = catalog.qualified(relation);
    let (mut definition, drop) = if rule.is_select {
        // A view's rule cannot be dropped, only be replaced by one that needs nothing.
        (
            view::replace(catalog, relation, table),
            view::undo_replace(catalog, relation, table),
        )
    } else {
        let text = rule.definition.as_ref().map_or(&b""[..], |text| text);
        (text!(text, "\n"), text!("DROP RULE ", name, " ON ", on, ";\n"))
    };
    let firing = match rule.enabled {
        b'A' => "ENABLE ALWAYS",
        b'R' => "ENABLE REPLICA",
        b'D' => "DISABLE",
        _ => return (definition, drop),
    };
    put!(definition; "ALTER TABLE ", on, " ", firing, " RULE ", name, ";\n");
    (definition, drop)
}
