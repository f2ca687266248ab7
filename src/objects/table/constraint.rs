//! A constraint of a table or domain: check, not null, primary key, unique, exclusion or foreign key.
//!
//! Some stand within CREATE TABLE or CREATE DOMAIN: then the object is there only for the order. The others are
//! statements of their own. Those of domains are read with their types; a valid NOT NULL constraint is no object
//! but part of its [`Column`](super::Column).

use bstr::BString;
use postgres_types::Type;
use tokio_postgres::Row;

use super::index::{self, Index};
use super::{RelKind, Table};
use crate::connect::Columns;
use crate::error::{Error, ErrorKind, Result};
use crate::objects::attributes::{self, Subject};
use crate::objects::types::domain;
use crate::objects::{Body, Catalog, Components, Cost, Emitter, Object, Reader, class, upgrade};
use crate::sql::{put, storage_parameters, text};
use crate::toc::{CatalogId, Desc, DumpId, Section};

/// A constraint of a table or domain.
#[derive(Debug)]
pub struct Constraint {
    /// What it constrains.
    pub on: ConstraintOn,
    /// What kind it is.
    pub kind: ConstraintKind,
    /// What `pg_get_constraintdef` gives; empty for primary keys and unique constraints, which are put
    /// together from their index.
    pub definition: BString,
    /// The index that enforces it.
    pub index: Option<DumpId>,
    /// The table a foreign key references.
    pub referenced: Option<DumpId>,
    /// DEFERRABLE.
    pub deferrable: bool,
    /// INITIALLY DEFERRED.
    pub deferred: bool,
    /// WITHOUT OVERLAPS or PERIOD.
    pub period: bool,
    /// It is declared here, not (only) inherited.
    pub is_local: bool,
    /// It has been checked against the rows.
    pub validated: bool,
    /// It makes a statement of its own, not a clause of CREATE TABLE or CREATE DOMAIN.
    pub separate: bool,
}

/// What a constraint belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConstraintOn {
    /// A table.
    Table(DumpId),
    /// A domain.
    Domain(DumpId),
}

/// `pg_constraint.contype`, as far as such constraints are dumped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConstraintKind {
    /// `c`
    Check,
    /// `n`
    NotNull,
    /// `p`
    PrimaryKey,
    /// `u`
    Unique,
    /// `x`
    Exclusion,
    /// `f`
    ForeignKey,
    /// `t`
    Trigger,
}

impl ConstraintKind {
    /// The kind of a `contype` letter.
    pub fn from_letter(letter: u8) -> Option<ConstraintKind> {
        Some(match letter {
            b'c' => ConstraintKind::Check,
            b'n' => ConstraintKind::NotNull,
            b'p' => ConstraintKind::PrimaryKey,
            b'u' => ConstraintKind::Unique,
            b'x' => ConstraintKind::Exclusion,
            b'f' => ConstraintKind::ForeignKey,
            b't' => ConstraintKind::Trigger,
            _ => return None,
        })
    }
}

/// One constraint as the catalogs have it.
#[derive(Debug)]
pub struct ConstraintRow {
    oid: u32,
    table: u32,
    name: BString,
    kind: ConstraintKind,
    definition: BString,
    index: u32,
    referenced: u32,
    deferrable: bool,
    deferred: bool,
    period: bool,
    is_local: bool,
    validated: bool,
}

/// Reads the constraints of the relations `wanted`, but for valid NOT NULL constraints and for what foreign
/// keys of partitioned tables imply for their partitions.
///
/// # Errors
/// If the server refuses the query or a row is not what was asked for.
pub async fn read(reader: &Reader<'_>, wanted: &[u32]) -> Result<Vec<ConstraintRow>> {
    let v = reader.version;
    let top_level = v.pick(11, "c.conparentid = 0", "true");
    let not_null = v.pick(18, "OR c.contype = 'n' AND NOT c.convalidated", "");
    let period = v.pick(18, "c.conperiod", "false");
    let sql = format!(
        "SELECT c.oid, c.conrelid, c.conname, c.contype, \
           CASE WHEN c.contype IN ('p', 'u') THEN '' ELSE pg_catalog.pg_get_constraintdef(c.oid) END, \
           c.conindid, c.confrelid, c.condeferrable, c.condeferred, {period}, c.conislocal, c.convalidated \
         FROM pg_catalog.unnest($1) wanted(oid) \
           JOIN pg_catalog.pg_constraint c ON c.conrelid = wanted.oid \
         WHERE c.contype IN ('c', 'p', 'u', 'x') OR c.contype = 'f' AND {top_level} {not_null} \
         ORDER BY c.conrelid, c.conname"
    );
    let (cost, params) = (Cost::of(wanted.len(), 40), [(&wanted as _, Type::OID_ARRAY)]);
    reader
        .each("constraints", cost, &sql, &params, ConstraintRow::from_row)
        .await
}

/// Adds the constraints of tables whose indexes are in the catalog already, index attachments included.
///
/// # Errors
/// If a constraint's table is not in the catalog.
pub fn add(catalog: &mut Catalog, rows: Vec<ConstraintRow>) -> Result<()> {
    for row in rows {
        let table_id = catalog.relation(row.table)?;
        let index = catalog.find(class::PG_CLASS, row.index);
        let mut dependencies = Vec::new();
        let separate = match row.kind {
            ConstraintKind::Check | ConstraintKind::NotNull => !row.validated,
            ConstraintKind::ForeignKey => {
                // Only a dumped table's foreign keys are wanted, even if its columns are for a child's sake.
                if !catalog.object(table_id).dumps(Components::DEFINITION) {
                    continue;
                }
                if let Some(referenced) = index {
                    put_attachments(catalog, referenced, &mut dependencies);
                }
                true
            }
            // An index that is not usable was not read; neither can its constraint be dumped.
            _ if index.is_none() => continue,
            _ => true,
        };
        let owns_index = matches!(
            row.kind,
            ConstraintKind::PrimaryKey | ConstraintKind::Unique | ConstraintKind::Exclusion
        );
        let constraint = Constraint {
            on: ConstraintOn::Table(table_id),
            kind: row.kind,
            definition: row.definition,
            index,
            referenced: catalog.find(class::PG_CLASS, row.referenced),
            deferrable: row.deferrable,
            deferred: row.deferred,
            period: row.period,
            is_local: row.is_local,
            validated: row.validated,
            separate,
        };
        let table = catalog.object(table_id);
        let (schema, owner, dump) = (table.schema, table.owner, table.dump);
        let catalog_id = CatalogId {
            tableoid: class::PG_CONSTRAINT,
            oid: row.oid,
        };
        let object = catalog.add(catalog_id, row.name, Body::Constraint(Box::new(constraint)));
        object.schema = schema;
        object.owner = owner;
        object.dump = dump;
        object.dependencies = dependencies;
        let id = object.id;
        if owns_index && let Some(index) = index.and_then(|index| catalog.index_mut(index)) {
            index.constraint = Some(id);
        }
        if matches!(row.kind, ConstraintKind::Check | ConstraintKind::NotNull) {
            let table = catalog.object_mut(table_id);
            if !separate {
                table.dependencies.push(id);
            }
            if let Body::Table(table) = &mut table.body {
                table.checks.push(id);
            }
        }
    }
    count_checks(catalog)
}

/// Holds the check constraints against the number that their tables know.
fn count_checks(catalog: &Catalog) -> Result<()> {
    let is_check = |id: &&DumpId| {
        matches!(&catalog.object(**id).body, Body::Constraint(constraint)
            if constraint.kind == ConstraintKind::Check)
    };
    for object in catalog.objects() {
        let Body::Table(table) = &object.body else {
            continue;
        };
        let (expected, found) = (
            usize::from(table.check_count.unsigned_abs()),
            table.checks.iter().filter(is_check).count(),
        );
        if table.interesting && expected != found {
            let (name, plural) = (&object.name, if expected == 1 { "" } else { "s" });
            let message = format!(
                "expected {expected} check constraint{plural} on table \"{name}\" but found {found}; \
                 the system catalogs might be corrupted"
            );
            return Err(Error::new(ErrorKind::Protocol, message));
        }
    }
    Ok(())
}

/// The attachments of a partitioned index' parts, of all levels: a foreign key that references the index can
/// only be made when it is complete.
fn put_attachments(catalog: &Catalog, index: DumpId, out: &mut Vec<DumpId>) {
    let Some(index) = catalog.index(index) else {
        return;
    };
    for attach in &index.attachments {
        out.push(*attach);
        if let Body::IndexAttach(attach) = &catalog.object(*attach).body {
            put_attachments(catalog, attach.partition, out);
        }
    }
}

/// The constraint's statement, if it has one of its own, and then its comment.
pub fn emit(object: &Object, constraint: &Constraint, out: &mut Emitter<'_>) {
    match constraint.on {
        ConstraintOn::Table(table) => emit_on_table(object, constraint, table, out),
        ConstraintOn::Domain(domain) => domain::emit_constraint(object, constraint, domain, out),
    }
}

fn emit_on_table(object: &Object, constraint: &Constraint, table_id: DumpId, out: &mut Emitter<'_>) {
    let catalog = out.catalog;
    let table_object = catalog.object(table_id);
    let Some(table) = catalog.table(table_id) else {
        return;
    };
    let statement = match constraint.kind {
        ConstraintKind::PrimaryKey | ConstraintKind::Unique | ConstraintKind::Exclusion => constraint
            .index
            .and_then(|id| Some((catalog.object(id), catalog.index(id)?)))
            .map(|(index_object, index)| {
                let mut definition = match constraint.kind {
                    ConstraintKind::Exclusion => constraint.definition.clone(),
                    _ => key_definition(catalog, constraint, table, index),
                };
                put!(definition; ";\n");
                index::put_properties(&mut definition, catalog, index_object, index);
                (
                    Desc::Constraint,
                    "ONLY ",
                    definition,
                    Some(index.tablespace.clone()),
                )
            }),
        // What partitions get from a partitioned table they get by the same statement; other children
        // inherit no foreign keys.
        ConstraintKind::ForeignKey => {
            let only = match table.relkind {
                RelKind::Partitioned => "",
                _ => "ONLY ",
            };
            Some((
                Desc::FkConstraint,
                only,
                text!(constraint.definition, ";\n"),
                None,
            ))
        }
        ConstraintKind::Check | ConstraintKind::NotNull if constraint.separate && constraint.is_local => {
            Some((
                separate_desc(constraint.kind),
                "",
                text!(constraint.definition, ";\n"),
                None,
            ))
        }
        _ => None,
    };
    if let Some((desc, only, definition, tablespace)) = statement
        && object.dumps(Components::DEFINITION)
    {
        let alter = text!(
            "ALTER ",
            table.foreign_word(),
            "TABLE ",
            only,
            catalog.qualified(table_object)
        );
        let name = catalog.ident(object);
        let index = constraint.index.filter(|_| desc == Desc::Constraint);
        let index = index.map_or(0, |index| catalog.object(index).catalog_id.oid);
        let oids = upgrade::relation_oids(out, index);
        let mut entry = out.entry(object, desc, Section::PostData);
        entry.tag = text!(table_object.name, " ", object.name);
        entry.definition = Some(text!(oids, alter, "\n    ADD CONSTRAINT ", name, " ", definition));
        entry.drop_statement = Some(text!(alter, " DROP CONSTRAINT ", name, ";\n"));
        entry.tablespace = tablespace;
        out.push(entry);
    }
    if constraint.separate {
        emit_comment(object, table_object, object.id, out);
    }
}

/// The comment on a table's constraint; `after` is the entry that makes the constraint.
pub(super) fn emit_comment(object: &Object, table: &Object, after: DumpId, out: &mut Emitter<'_>) {
    if !object.dumps(Components::COMMENT) {
        return;
    }
    let catalog = out.catalog;
    let word = text!("CONSTRAINT ", catalog.ident(object), " ON");
    let name = catalog.ident(table);
    let subject = Subject {
        row: object.catalog_id,
        word: word.as_ref(),
        name: name.as_ref(),
        namespace: catalog.schema_name(table),
        owner: catalog.owner_name(table),
        after,
    };
    attributes::comment(out, &subject);
}

fn separate_desc(kind: ConstraintKind) -> Desc {
    match kind {
        ConstraintKind::Check => Desc::CheckConstraint,
        _ => Desc::Constraint,
    }
}

/// `PRIMARY KEY (…)` or `UNIQUE (…)` with everything that follows, from the constraint's index.
fn key_definition(catalog: &Catalog, constraint: &Constraint, table: &Table, index: &Index) -> BString {
    let is_primary = constraint.kind == ConstraintKind::PrimaryKey;
    let mut out = BString::from(if is_primary { "PRIMARY KEY" } else { "UNIQUE" });
    // A primary key could once be made from such an index; the statement cannot say so.
    if index.nulls_not_distinct && !is_primary {
        put!(out; " NULLS NOT DISTINCT");
    }
    let (keys, included) = index.columns.split_at(index.key_count.min(index.columns.len()));
    put!(out; " (", column_list(catalog, table, keys));
    if constraint.period {
        put!(out; " WITHOUT OVERLAPS");
    }
    if !included.is_empty() {
        put!(out; ") INCLUDE (", column_list(catalog, table, included));
    }
    put!(out; ")");
    if !index.options.is_empty() {
        put!(out; " WITH (", storage_parameters(catalog.quoting, "", &index.options), ")");
    }
    if constraint.deferrable {
        put!(out; " DEFERRABLE");
        if constraint.deferred {
            put!(out; " INITIALLY DEFERRED");
        }
    }
    out
}

fn column_list(catalog: &Catalog, table: &Table, numbers: &[i16]) -> BString {
    let names: Vec<BString> = numbers
        .iter()
        .filter_map(|number| table.column(*number))
        .map(|column| catalog.quoting.ident(&column.name))
        .collect();
    bstr::join(", ", names).into()
}

impl ConstraintRow {
    fn from_row(row: &Row) -> Result<ConstraintRow> {
        let mut c = Columns::new(row);
        let (oid, table, name, letter) = (c.oid()?, c.oid()?, c.text()?, c.char()?);
        let kind = ConstraintKind::from_letter(letter).ok_or_else(|| {
            let letter = char::from(letter);
            Error::new(
                ErrorKind::Protocol,
                format!("constraint {name} is of unknown kind {letter:?}"),
            )
        })?;
        Ok(ConstraintRow {
            oid,
            table,
            name,
            kind,
            definition: c.text()?,
            index: c.oid()?,
            referenced: c.oid()?,
            deferrable: c.bool()?,
            deferred: c.bool()?,
            period: c.bool()?,
            is_local: c.bool()?,
            validated: c.bool()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Column;
    use super::*;
    use crate::connect::ServerVersion;
    use crate::sql::Quoting;

    fn definition(kind: ConstraintKind, change: impl FnOnce(&mut Constraint, &mut Index)) -> String {
        let catalog = Catalog::new(ServerVersion(180_000), Quoting::default());
        let column = |name: &str| Column {
            name: name.into(),
            ..Column::default()
        };
        let table = Table {
            columns: vec![column("a"), column("B"), column("c")],
            ..Table::default()
        };
        let mut index = Index {
            definition: BString::default(),
            tablespace: "".into(),
            options: Vec::new(),
            columns: vec![2, 1],
            key_count: 2,
            statistics_targets: Vec::new(),
            clustered: false,
            replica_identity: false,
            nulls_not_distinct: false,
            pages: 0,
            tuples: 0.0,
            all_visible: 0,
            all_frozen: 0,
            table: DumpId(1),
            parent: None,
            constraint: None,
            attachments: Vec::new(),
        };
        let mut constraint = Constraint {
            on: ConstraintOn::Table(DumpId(1)),
            kind,
            definition: BString::default(),
            index: None,
            referenced: None,
            deferrable: false,
            deferred: false,
            period: false,
            is_local: true,
            validated: true,
            separate: true,
        };
        change(&mut constraint, &mut index);
        key_definition(&catalog, &constraint, &table, &index).to_string()
    }

    #[test]
    fn a_key_is_put_together_from_its_index() {
        assert_eq!(
            definition(ConstraintKind::PrimaryKey, |_, _| {}),
            "PRIMARY KEY (\"B\", a)"
        );
        let everything = |constraint: &mut Constraint, index: &mut Index| {
            index.key_count = 1;
            index.columns.push(3);
            index.nulls_not_distinct = true;
            index.options = vec!["fillfactor=70".into()];
            constraint.deferrable = true;
            constraint.deferred = true;
        };
        assert_eq!(
            definition(ConstraintKind::Unique, everything),
            "UNIQUE NULLS NOT DISTINCT (\"B\") INCLUDE (a, c) WITH (fillfactor='70') DEFERRABLE INITIALLY DEFERRED"
        );
        assert_eq!(
            definition(ConstraintKind::PrimaryKey, |constraint, index| {
                index.nulls_not_distinct = true;
                constraint.period = true;
            }),
            "PRIMARY KEY (\"B\", a WITHOUT OVERLAPS)"
        );
    }

    #[test]
    fn columns_that_are_not_there_are_passed_over() {
        let strange = |_: &mut Constraint, index: &mut Index| {
            index.columns = vec![0, i16::MIN, 99, 1];
            index.key_count = 17;
        };
        assert_eq!(definition(ConstraintKind::Unique, strange), "UNIQUE (a)");
    }
}
