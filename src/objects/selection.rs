//! Which parts of which objects are dumped: schemas, extensions and tables by the user's choice, everything
//! else by where it lives.
//!
//! Pure: patterns have become oids before ([`crate::dump`] sees to that), and the base phase has read every
//! object. What only wanted objects have (columns, indexes, triggers, …) is read afterwards and takes after
//! its table.

use std::collections::HashSet;

use bstr::{BString, ByteSlice};

use super::schema::PG_DATABASE_OWNER;
use super::table::{Persistence, RelKind, data};
use super::types::TypeKind;
use super::{Body, Catalog, Components, Object, class, matview, sequence};
use crate::toc::DumpId;

/// Objects up to this oid were made by initdb.
const LAST_BUILTIN: u32 = 16_383;

/// The oid of the schema `pg_catalog`, everywhere.
const PG_CATALOG: u32 = 11;

/// Of one kind of object: those wanted and those not.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// Only these, if there is a list at all.
    pub only: Option<HashSet<u32>>,
    /// Not these, wherever they come from.
    pub not: HashSet<u32>,
}

impl Choice {
    fn has(&self, oid: u32, otherwise: Components) -> Components {
        let wanted = match &self.only {
            Some(only) if only.contains(&oid) => Components::ALL,
            Some(_) => Components::NONE,
            None => otherwise,
        };
        if self.not.contains(&oid) {
            Components::NONE
        } else {
            wanted
        }
    }
}

/// What a user asked for, as oids.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Schemas, with all that is in them.
    pub schemas: Choice,
    /// Relations. A choice of them turns everything else off.
    pub tables: Choice,
    /// Extensions.
    pub extensions: Choice,
    /// Tables without their rows.
    pub without_data: HashSet<u32>,
    /// Foreign servers whose tables have rows worth dumping.
    pub foreign_servers: HashSet<u32>,
    /// A choice of extensions leaves in all that belongs to no schema, which it else leaves out.
    pub everything_else: bool,
    /// Unlogged tables have no rows worth dumping.
    pub no_unlogged_data: bool,
}

impl Selection {
    /// Nothing was picked out: the dump is of a whole database, as far as it is not left out.
    pub fn is_of_everything(&self) -> bool {
        let none = |choice: &Choice| choice.only.is_none();
        none(&self.schemas) && none(&self.tables) && (none(&self.extensions) || self.everything_else)
    }

    /// Somebody asked for `pg_catalog`, and with it for what initdb made there.
    pub fn names_system_schema(&self) -> bool {
        let schemas = self.schemas.only.as_ref();
        schemas.is_some_and(|schemas| schemas.contains(&PG_CATALOG))
    }

    /// What is wanted of objects that live in no schema.
    pub(super) fn with_everything(&self) -> Components {
        if self.is_of_everything() {
            Components::ALL
        } else {
            Components::NONE
        }
    }
}

/// Decides for all objects of the base phase, once it is known which are members of extensions.
pub fn select(catalog: &mut Catalog, selection: &Selection) {
    // Each step only looks at objects that an earlier one has decided on.
    each(catalog, |_, object| match object.body {
        Body::Extension(_) => Some(extension(object, selection)),
        _ => None,
    });
    schemas(catalog, selection);
    each(catalog, |catalog, object| match &object.body {
        Body::Table(table) if table.relkind == RelKind::Composite => Some(Components::NONE),
        Body::Table(_) => Some(relation(catalog, object, selection)),
        _ => None,
    });
    owned_sequences(catalog);
    each(catalog, |catalog, object| other(catalog, object, selection));
    mark_interesting(catalog);
}

/// Adds the rows of tables, the values of sequences and the population of materialized views as objects.
pub fn add_data(catalog: &mut Catalog, selection: &Selection, kind: impl Fn(RelKind) -> bool) {
    for id in ids(catalog, |object| matches!(object.body, Body::Table(_))) {
        let wanted = catalog.object(id).dump.intersects(Components::DATA);
        if wanted && catalog.table(id).is_some_and(|table| kind(table.relkind)) {
            add_rows(catalog, selection, id);
        }
    }
}

/// Adds the rows of the configuration tables of extensions, which are the user's although the tables are not.
/// Returns the oids of those tables. Sequences take part only if their `values` are wanted.
pub fn add_extension_data(catalog: &mut Catalog, selection: &Selection, values: bool) -> Vec<u32> {
    let mut found: Vec<(DumpId, BString)> = Vec::new();
    for object in catalog.objects() {
        let Body::Extension(extension) = &object.body else {
            continue;
        };
        let conditions = extension
            .config_conditions
            .iter()
            .map(Some)
            .chain(std::iter::repeat(None));
        for (oid, condition) in extension.config_tables.iter().zip(conditions) {
            let Some(id) = catalog.find(class::PG_CLASS, *oid) else {
                continue;
            };
            let is_sequence = catalog
                .table(id)
                .is_some_and(|table| table.relkind == RelKind::Sequence);
            if (values || !is_sequence) && config_table_wanted(catalog, object, id, selection) {
                found.push((id, condition.cloned().unwrap_or_default()));
            }
        }
    }
    let mut oids = Vec::new();
    for (table, condition) in found {
        add_rows(catalog, selection, table);
        let rows = catalog.table(table).and_then(|table| table.data);
        if rows.is_some() {
            oids.push(catalog.object(table).catalog_id.oid);
        }
        if let Some(rows) = rows
            && let Body::TableData(rows) = &mut catalog.object_mut(rows).body
            && !condition.is_empty()
        {
            rows.filter = Some(condition);
        }
    }
    oids
}

/// Lets the rows of a table wait for those of the tables that its foreign keys reference: only needed where
/// the constraints are there already when the rows are loaded.
pub fn order_data_by_foreign_keys(catalog: &mut Catalog, links: impl IntoIterator<Item = (DumpId, DumpId)>) {
    let rows = |catalog: &Catalog, table| catalog.table(table).and_then(|table| table.data);
    for (table, referenced) in links {
        if let (Some(rows), Some(first)) = (rows(catalog, table), rows(catalog, referenced)) {
            catalog.object_mut(rows).depend_on(first);
        }
    }
}

/// Decides for those objects that `decide` has an opinion on.
fn each(catalog: &mut Catalog, decide: impl Fn(&Catalog, &Object) -> Option<Components>) {
    let decided: Vec<(DumpId, Components)> = catalog
        .objects()
        .iter()
        .filter_map(|object| Some((object.id, decide(catalog, object)?)))
        .collect();
    for (id, dump) in decided {
        catalog.object_mut(id).dump = dump;
    }
}

fn ids(catalog: &Catalog, wanted: impl Fn(&Object) -> bool) -> Vec<DumpId> {
    let objects = catalog.objects().iter();
    objects
        .filter(|object| wanted(object))
        .map(|object| object.id)
        .collect()
}

fn extension(object: &Object, selection: &Selection) -> Components {
    // What initdb installs is there everywhere; its owner may have granted things, though.
    if object.catalog_id.oid <= LAST_BUILTIN {
        return Components::ACL;
    }
    selection
        .extensions
        .has(object.catalog_id.oid, selection.with_everything())
}

/// What is wanted of an extension's member: the extension's script makes it, so only grants that
/// came later.
fn member(catalog: &Catalog, object: &Object) -> Option<Components> {
    let extension = catalog.object(object.extension?);
    // Older servers do not know what was granted at first.
    if catalog.upgrade.is_none() && !catalog.version.at_least(90_600) {
        return Some(Components::NONE);
    }
    Some(match catalog.upgrade {
        // No script is run then: the members are made one by one.
        Some(_) => extension.dump,
        None => extension.dump & Components::ACL,
    })
}

fn schemas(catalog: &mut Catalog, selection: &Selection) {
    for id in ids(catalog, |object| matches!(object.body, Body::Schema(_))) {
        let object = catalog.object(id);
        let oid = object.catalog_id.oid;
        let name = object.name.as_bytes();
        let mut create = true;
        let mut dump = Components::ALL;
        let contents = if selection.tables.only.is_some() {
            Components::NONE
        } else if selection.schemas.only.is_some() {
            selection.schemas.has(oid, Components::NONE)
        } else if name == b"pg_catalog" && catalog.version.at_least(90_600) {
            Components::ACL
        } else if name.starts_with(b"pg_") || name == b"information_schema" {
            Components::NONE
        } else {
            if name == b"public" {
                create = false;
                if object.owner == PG_DATABASE_OWNER {
                    dump = dump.without(Components::DEFINITION);
                }
            }
            Components::ALL
        };
        let contents = if selection.schemas.not.contains(&oid) {
            Components::NONE
        } else {
            contents
        };
        // Membership in an extension is about the schema alone, not about what else is in it.
        let dump = member(catalog, object).unwrap_or(dump & contents);
        let object = catalog.object_mut(id);
        object.dump = dump;
        if !create {
            // Its comment may have been removed, which has to be said as well.
            object.has |= Components::COMMENT;
        }
        if let Body::Schema(schema) = &mut object.body {
            schema.create = create;
            schema.contents = contents;
        }
    }
}

/// What is wanted of the objects in an object's schema; `None` for those that live in none.
fn contents(catalog: &Catalog, object: &Object) -> Option<Components> {
    match &catalog.object(object.schema?).body {
        Body::Schema(schema) => Some(schema.contents),
        _ => None,
    }
}

fn relation(catalog: &Catalog, object: &Object, selection: &Selection) -> Components {
    let otherwise = contents(catalog, object).unwrap_or(Components::NONE);
    let chosen = || selection.tables.has(object.catalog_id.oid, otherwise);
    member(catalog, object).unwrap_or_else(chosen)
}

/// A sequence that a column owns is dumped with the column's table, and one that an identity column is
/// made of never without it.
fn owned_sequences(catalog: &mut Catalog) {
    for id in ids(catalog, |object| matches!(object.body, Body::Table(_))) {
        let Some(owner) = catalog.table(id).and_then(|table| table.owned_by) else {
            continue;
        };
        let table = catalog.object(owner.table).dump;
        let sequence = catalog.object_mut(id);
        sequence.dump = if table.is_empty() && owner.identity {
            Components::NONE
        } else {
            sequence.dump | table
        };
    }
}

/// Everything that is neither extension nor schema nor relation.
fn other(catalog: &Catalog, object: &Object, selection: &Selection) -> Option<Components> {
    let is_builtin = object.catalog_id.oid <= LAST_BUILTIN;
    let with_everything = selection.with_everything();
    let in_schema = || contents(catalog, object).unwrap_or(with_everything);
    match &object.body {
        Body::Schema(_) | Body::Extension(_) | Body::Table(_) => None,
        Body::Type(ty) if ty.kind == TypeKind::RowType => {
            let relation = catalog.find(class::PG_CLASS, ty.relation);
            Some(relation.map_or(Components::NONE, |id| catalog.object(id).dump))
        }
        // Made only if a function needs it: see the repair of loops.
        Body::ShellType(_) => Some(Components::NONE),
        Body::DefaultAcl(_) => Some(in_schema()),
        Body::Language(_) => member(catalog, object).or(Some(if !is_builtin {
            with_everything
        } else if catalog.version.at_least(90_600) {
            with_everything & Components::ACL
        } else {
            Components::NONE
        })),
        Body::EventTrigger(_) | Body::Publication(_) | Body::Subscription(_) | Body::SubscriptionTable(_) => {
            Some(member(catalog, object).unwrap_or(with_everything))
        }
        Body::Type(_)
        | Body::Function(_)
        | Body::Aggregate(_)
        | Body::AccessMethod(_)
        | Body::Cast(_)
        | Body::Collation(_)
        | Body::Conversion(_)
        | Body::Operator(_)
        | Body::OpClass(_)
        | Body::OpFamily(_)
        | Body::Transform(_)
        | Body::TsParser(_)
        | Body::TsTemplate(_)
        | Body::TsDictionary(_)
        | Body::TsConfiguration(_)
        | Body::ForeignDataWrapper(_)
        | Body::ForeignServer(_) => Some(member(catalog, object).unwrap_or_else(in_schema)),
        // Never without their table.
        Body::ExtendedStatistics(statistics) => Some(member(catalog, object).unwrap_or_else(|| {
            let has_table = statistics
                .table
                .is_some_and(|id| catalog.object(id).dump.intersects(Components::DEFINITION));
            if has_table { in_schema() } else { Components::NONE }
        })),
        // What is read or made later takes after what it belongs to.
        _ => None,
    }
}

/// Marks the relations whose details are read: those that are dumped, and the parents of
/// those, which know what children inherit, as well as the tables that own sequences which are dumped: pg_dump
/// reads all of those, and a constraint that has been read may make a loop that one unread does not.
fn mark_interesting(catalog: &mut Catalog) {
    let parts = Components::DEFINITION | Components::DATA | Components::STATISTICS;
    let mut needed: Vec<DumpId> = Vec::new();
    for object in catalog.objects_mut() {
        let owned_and_wanted = !object.dump.is_empty();
        let dumped = object.dump.intersects(parts);
        if let Body::Table(table) = &mut object.body {
            table.interesting = dumped || table.owned_by.is_some() && owned_and_wanted;
            if table.interesting {
                needed.extend(table.owned_by.as_ref().map(|owner| owner.table));
            }
            let inherits = !matches!(
                table.relkind,
                RelKind::Sequence | RelKind::View | RelKind::MaterializedView
            );
            if table.interesting && inherits {
                needed.extend(&table.parents);
            }
        }
    }
    for table in needed {
        if let Some(table) = catalog.table_mut(table) {
            table.interesting = true;
        }
    }
}

fn config_table_wanted(catalog: &Catalog, extension: &Object, table: DumpId, selection: &Selection) -> bool {
    let table = catalog.object(table);
    let oid = table.catalog_id.oid;
    let schema = table.schema.map(|id| catalog.object(id));
    // Naming extensions, to take or to leave them out, is about the rows of all their tables, even of one named too.
    let here = extension.catalog_id.oid;
    let named = selection.extensions.only.as_ref();
    if named.is_some_and(|named| !named.contains(&here)) || selection.extensions.not.contains(&here) {
        return false;
    }
    if selection.tables.not.contains(&oid)
        || schema.is_some_and(|schema| selection.schemas.not.contains(&schema.catalog_id.oid))
    {
        return false;
    }
    // Without the extension the table is only wanted if it or its schema was asked for.
    extension.dump.intersects(Components::DEFINITION)
        || selection
            .tables
            .only
            .as_ref()
            .is_some_and(|only| only.contains(&oid))
        || schema.is_some_and(|schema| schema.dump.intersects(Components::DATA))
}

/// Adds what a relation holds as an object, if it holds anything that is worth dumping.
fn add_rows(catalog: &mut Catalog, selection: &Selection, id: DumpId) {
    let oid = catalog.object(id).catalog_id.oid;
    let Some(table) = catalog.table_mut(id) else {
        return;
    };
    let has_rows = match table.relkind {
        RelKind::Table | RelKind::Sequence | RelKind::MaterializedView => true,
        RelKind::Foreign => selection.foreign_servers.contains(&table.foreign_server),
        _ => false,
    };
    let unwanted = table.persistence == Persistence::Unlogged && selection.no_unlogged_data
        || selection.without_data.contains(&oid);
    if table.data.is_some() || !has_rows || unwanted {
        return;
    }
    // Columns are needed even of tables whose definition is not.
    table.interesting = true;
    match table.relkind {
        RelKind::MaterializedView => matview::add_refresh(catalog, id),
        RelKind::Sequence => sequence::add_set(catalog, id),
        _ => data::add(catalog, id),
    };
}

#[cfg(test)]
mod tests {
    use super::super::extension::Extension;
    use super::super::schema::Schema;
    use super::super::table::{OwnedBy, Table};
    use super::*;
    use crate::connect::ServerVersion;
    use crate::sql::Quoting;
    use crate::toc::CatalogId;

    /// A database with the schemas `pg_catalog`, `public` and `s`, and in the latter two tables.
    struct Sample {
        catalog: Catalog,
        schemas: [DumpId; 3],
        tables: [DumpId; 2],
    }

    const SCHEMAS: [(&str, u32); 3] = [("pg_catalog", 11), ("public", 2200), ("s", 20_000)];
    const TABLES: [(&str, u32); 2] = [("t", 20_001), ("u", 20_002)];

    fn sample() -> Sample {
        let mut catalog = Catalog::new(ServerVersion(180_000), Quoting::default());
        let schemas = SCHEMAS.map(|(name, oid)| {
            let row = CatalogId {
                tableoid: class::PG_NAMESPACE,
                oid,
            };
            let schema = Schema {
                create: true,
                contents: Components::ALL,
            };
            let object = catalog.add(row, name, Body::Schema(Box::new(schema)));
            object.owner = PG_DATABASE_OWNER;
            object.id
        });
        let [.., s] = schemas;
        let tables = TABLES.map(|(name, oid)| relation_in(&mut catalog, s, name, oid, Table::default()));
        Sample {
            catalog,
            schemas,
            tables,
        }
    }

    fn relation_in(catalog: &mut Catalog, schema: DumpId, name: &str, oid: u32, table: Table) -> DumpId {
        let row = CatalogId {
            tableoid: class::PG_CLASS,
            oid,
        };
        let object = catalog.add(row, name, Body::Table(Box::new(table)));
        object.schema = Some(schema);
        object.has |= Components::DATA;
        object.id
    }

    impl Sample {
        fn selected(&mut self, selection: &Selection) {
            select(&mut self.catalog, selection);
        }

        fn dumps(&self, id: DumpId) -> Components {
            self.catalog.object(id).dump
        }

        fn names_with_data(&mut self, selection: &Selection) -> Vec<String> {
            add_data(&mut self.catalog, selection, |_| true);
            let rows = self.catalog.objects().iter();
            rows.filter(|object| matches!(object.body, Body::TableData(_)))
                .map(|object| object.name.to_string())
                .collect()
        }
    }

    fn only(oids: &[u32]) -> Choice {
        Choice {
            only: Some(oids.iter().copied().collect()),
            ..Choice::default()
        }
    }

    fn not(oids: &[u32]) -> Choice {
        Choice {
            not: oids.iter().copied().collect(),
            ..Choice::default()
        }
    }

    #[test]
    fn everything_is_all_but_what_initdb_made() {
        let mut sample = sample();
        sample.selected(&Selection::default());
        let [pg_catalog, public, s] = sample.schemas;
        assert_eq!(sample.dumps(pg_catalog), Components::ACL);
        // A database's owner owns it everywhere, so that not even its definition is worth a word.
        assert!(!sample.dumps(public).intersects(Components::DEFINITION));
        assert!(sample.dumps(public).intersects(Components::COMMENT));
        assert_eq!(sample.dumps(s), Components::ALL);
        assert_eq!(sample.dumps(sample.tables[0]), Components::ALL);
    }

    #[test]
    fn chosen_tables_come_alone() {
        let mut sample = sample();
        let selection = Selection {
            tables: only(&[20_001]),
            ..Selection::default()
        };
        sample.selected(&selection);
        assert!(
            sample
                .schemas
                .iter()
                .all(|schema| sample.dumps(*schema).is_empty())
        );
        assert_eq!(
            sample.tables.map(|table| sample.dumps(table).is_empty()),
            [false, true]
        );
        assert_eq!(sample.names_with_data(&selection), ["t"]);
    }

    #[test]
    fn a_chosen_schema_comes_with_its_contents_and_a_left_out_one_without() {
        let mut sample = sample();
        sample.selected(&Selection {
            schemas: only(&[20_000]),
            tables: not(&[20_002]),
            ..Selection::default()
        });
        let [_, public, s] = sample.schemas;
        assert!(sample.dumps(public).is_empty() && !sample.dumps(s).is_empty());
        assert_eq!(
            sample.tables.map(|table| sample.dumps(table).is_empty()),
            [false, true]
        );

        sample.selected(&Selection {
            schemas: not(&[20_000]),
            ..Selection::default()
        });
        assert!(sample.dumps(s).is_empty() && sample.dumps(sample.tables[0]).is_empty());
    }

    #[test]
    fn a_member_of_an_extension_is_dumped_for_its_grants_only() {
        let mut sample = sample();
        let row = CatalogId {
            tableoid: class::PG_EXTENSION,
            oid: 20_010,
        };
        let body = Extension {
            namespace: "s".into(),
            relocatable: false,
            version: "1".into(),
            config_tables: vec![20_002],
            config_conditions: vec!["WHERE mine".into()],
        };
        let extension = sample.catalog.add(row, "x", Body::Extension(Box::new(body))).id;
        for table in sample.tables {
            sample.catalog.object_mut(table).extension = Some(extension);
        }
        let selection = Selection::default();
        sample.selected(&selection);
        assert_eq!(
            sample.tables.map(|table| sample.dumps(table)),
            [Components::ACL; 2]
        );
        // Leaving the extension out leaves its rows out, even of a table that is asked for.
        for extensions in [not(&[20_010]), only(&[20_011])] {
            let without = Selection {
                tables: only(&[20_002]),
                extensions,
                ..Selection::default()
            };
            assert!(add_extension_data(&mut sample.catalog, &without, true).is_empty());
        }
        // Rows of a configuration table are the user's, as far as the extension says.
        assert_eq!(
            add_extension_data(&mut sample.catalog, &selection, true),
            [20_002]
        );
        let rows = sample
            .catalog
            .objects()
            .iter()
            .find_map(|object| match &object.body {
                Body::TableData(rows) => rows.filter.clone(),
                _ => None,
            });
        assert_eq!(rows.unwrap(), "WHERE mine");
    }

    #[test]
    fn an_owned_sequence_follows_its_table() {
        for (identity, is_left_out) in [(true, true), (false, false)] {
            let mut sample = sample();
            let [_, public, _] = sample.schemas;
            let sequence = Table {
                relkind: RelKind::Sequence,
                owned_by: Some(OwnedBy {
                    table: sample.tables[0],
                    column: 1,
                    identity,
                }),
                ..Table::default()
            };
            let id = relation_in(&mut sample.catalog, public, "q", 20_020, sequence);
            sample.selected(&Selection {
                tables: only(&[20_001]),
                ..Selection::default()
            });
            assert_eq!(sample.dumps(id), Components::ALL);
            assert!(sample.catalog.table(id).unwrap().interesting);
            sample.selected(&Selection {
                tables: only(&[20_002, 20_020]),
                ..Selection::default()
            });
            assert_eq!(sample.dumps(id).is_empty(), is_left_out);
        }
    }

    #[test]
    fn what_holds_no_rows_or_none_worth_dumping_has_no_data() {
        let mut sample = sample();
        let s = sample.schemas[2];
        let relation = |relkind, persistence, foreign_server| Table {
            relkind,
            persistence,
            foreign_server,
            ..Table::default()
        };
        let more = [
            ("unlogged", relation(RelKind::Table, Persistence::Unlogged, 0)),
            ("whole", relation(RelKind::Partitioned, Persistence::Permanent, 0)),
            ("view", relation(RelKind::View, Persistence::Permanent, 0)),
            ("far", relation(RelKind::Foreign, Persistence::Permanent, 7)),
            ("near", relation(RelKind::Foreign, Persistence::Permanent, 8)),
        ];
        for (oid, (name, table)) in (20_100..).zip(more) {
            relation_in(&mut sample.catalog, s, name, oid, table);
        }
        let selection = Selection {
            without_data: [20_002].into(),
            foreign_servers: [8].into(),
            no_unlogged_data: true,
            ..Selection::default()
        };
        sample.selected(&selection);
        assert_eq!(sample.names_with_data(&selection), ["t", "near"]);
    }
}
