//! What a verbose dump says it is doing, in pg_dump's words and order, so that those who search a log find their line.
//!
//! Everything of a phase is read at once, so the lines of a phase come together, before the first phase and after
//! the second.

use bstr::BString;

use crate::objects::database::SessionSettings;
use crate::objects::table::constraint::{ConstraintKind, ConstraintOn};
use crate::objects::{Body, Catalog};
use crate::sql::text;
use crate::toc::Entry;

/// Once the session is set up.
pub(super) const CONNECTED: [&str; 1] = ["executing SELECT pg_catalog.set_config('search_path', '', false);"];

/// While the names of all objects are read.
pub(super) const BASE: [&str; 27] = [
    "last built-in OID is 16383",
    "reading extensions",
    "identifying extension members",
    "reading schemas",
    "reading user-defined tables",
    "reading user-defined functions",
    "reading user-defined types",
    "reading procedural languages",
    "reading user-defined aggregate functions",
    "reading user-defined operators",
    "reading user-defined access methods",
    "reading user-defined operator classes",
    "reading user-defined operator families",
    "reading user-defined text search parsers",
    "reading user-defined text search templates",
    "reading user-defined text search dictionaries",
    "reading user-defined text search configurations",
    "reading user-defined foreign-data wrappers",
    "reading user-defined foreign servers",
    "reading default privileges",
    "reading user-defined collations",
    "reading user-defined conversions",
    "reading type casts",
    "reading transforms",
    "reading table inheritance information",
    "reading event triggers",
    "finding extension tables",
];

/// What is read of the wanted objects, in three parts: what comes between them depends on what is there.
const DETAILS: [&[&str]; 2] = [
    &[
        "finding inheritance relationships",
        "reading column info for interesting tables",
    ],
    &[
        "flagging inherited columns in subtables",
        "reading partitioning data",
        "reading indexes",
        "flagging indexes in partitioned tables",
        "reading extended statistics",
        "reading constraints",
        "reading triggers",
        "reading rewrite rules",
        "reading policies",
        "reading row-level security policies",
        "reading publications",
        "reading publication membership of tables",
        "reading publication membership of schemas",
        "reading subscriptions",
        "reading subscription membership of tables",
    ],
];

/// What was read of the wanted objects.
pub(super) fn details(catalog: &Catalog, definitions: bool, large_objects: bool) -> Vec<&'static str> {
    let has = |wanted: fn(&Body) -> bool| {
        definitions && catalog.objects().iter().any(|object| wanted(&object.body))
    };
    let mut lines = DETAILS[0].to_vec();
    if has(|body| matches!(body, Body::AttrDef(_))) {
        lines.push("finding table default expressions");
    }
    if has(|body| is_table_constraint(body, ConstraintKind::NotNull)) {
        lines.push("finding invalid not-null constraints");
    }
    if has(|body| is_table_constraint(body, ConstraintKind::Check)) {
        lines.push("finding table check constraints");
    }
    lines.extend(DETAILS[1]);
    if large_objects {
        lines.push("reading large objects");
    }
    lines.push("reading dependency data");
    lines
}

fn is_table_constraint(body: &Body, kind: ConstraintKind) -> bool {
    matches!(body, Body::Constraint(constraint)
        if constraint.kind == kind && matches!(constraint.on, ConstraintOn::Table(_)))
}

/// The settings that the dump begins with.
pub(super) fn saving(session: &SessionSettings, has_database: bool) -> Vec<BString> {
    let strings = if session.standard_strings { "on" } else { "off" };
    let mut lines = vec![
        text!("saving encoding = ", session.encoding),
        text!("saving \"standard_conforming_strings = ", strings, "\""),
        text!("saving \"search_path = ", session.search_path, "\""),
    ];
    if has_database {
        lines.push("saving database definition".into());
    }
    lines
}

/// Before the rows of a table are read.
pub(super) fn rows(entry: &Entry) -> BString {
    match &entry.namespace {
        Some(schema) => text!("dumping contents of table \"", schema, ".", entry.tag, "\""),
        None => text!("dumping contents of table \"", entry.tag, "\""),
    }
}

/// Before large objects are read; their names are those of the entry that makes them.
pub(super) fn large_objects(entry: &Entry, entries: &[Entry]) -> BString {
    let of = |id| entries.iter().find(|other| other.dump_id == id);
    let group = entry.dependencies.first().and_then(|id| of(*id));
    text!("saving large objects \"", group.unwrap_or(entry).tag, "\"")
}
