//! The entries of relations: CREATE TABLE and CREATE FOREIGN TABLE, and the statements that say what these
//! cannot. The texts of views, materialized views and sequences come from their own files.

use bstr::{BStr, BString};

use super::constraint::ConstraintKind;
use super::{Column, Persistence, RelKind, ReplicaIdentity, Table, constraint};
use crate::objects::{
    Body, Catalog, Components, Emitter, Object, attributes, matview, sequence, upgrade, view,
};
use crate::sql::{Grantable, Quoting, put, storage_parameters, text};
use crate::toc::{Desc, Entry, Section};

/// A relation's own entry, and those of what hangs on it: comments, security labels, grants.
pub fn emit(object: &Object, table: &Table, out: &mut Emitter<'_>) {
    if table.relkind == RelKind::Sequence {
        sequence::emit(object, table, out);
        attributes::relation_acls(out, object, Grantable::Sequence);
        return;
    }
    let desc = match table.relkind {
        RelKind::View => Desc::View,
        RelKind::MaterializedView => Desc::MaterializedView,
        RelKind::Foreign => Desc::ForeignTable,
        _ => Desc::Table,
    };
    let word = table.relkind.keyword();
    if object.dumps(Components::DEFINITION) {
        if table.with_oids {
            let name = out.catalog.ident(object);
            out.warn(format!("WITH OIDS is not supported anymore (table \"{name}\")"));
        }
        if table.relkind == RelKind::Foreign && table.foreign.is_none() {
            out.fail_without("foreign server", object);
        }
        let mut entry = relation_entry(object, table, desc, out);
        entry.definition = Some(definition(out, object, table));
        entry.drop_statement = Some(text!("DROP ", word, " ", out.catalog.qualified(object), ";\n"));
        out.push(entry);
    }
    let columns: Vec<&BStr> = table.columns.iter().map(|column| column.name.as_ref()).collect();
    attributes::emit_relation(out, object, word, &columns);
    emit_not_null_comments(object, table, out);
    for id in &table.checks {
        let check = out.catalog.object(*id);
        if let Body::Constraint(constraint) = &check.body
            && !constraint.separate
            && constraint.is_local
        {
            constraint::emit_comment(check, object, object.id, out);
        }
    }
    attributes::relation_acls(out, object, Grantable::Table);
}

/// What follows CREATE, to the end of all that must be said with it.
fn definition(emitter: &Emitter<'_>, object: &Object, table: &Table) -> BString {
    let catalog = emitter.catalog;
    let mut out = upgrade::type_oids(emitter, table.row_type, false, false);
    put!(out; upgrade::relation_oids(emitter, object.catalog_id.oid), match table.relkind {
        RelKind::View => view::create(catalog, object, table),
        RelKind::MaterializedView => matview::create(catalog, object, table),
        _ => create_table(catalog, object, table),
    });
    if table.relkind == RelKind::MaterializedView {
        let name = catalog.qualified(object);
        put!(out; attributes::depends_on_extensions(catalog, object, "MATERIALIZED VIEW", name.as_ref()));
    }
    if table.relkind != RelKind::View {
        upgrade::put_table(&mut out, emitter, object, table);
        put_column_properties(&mut out, emitter, object, table);
        put_relation_properties(&mut out, catalog, object, table);
    }
    out
}

/// The beginning of the entry of a relation that has storage, or could have.
fn relation_entry(object: &Object, table: &Table, desc: Desc, out: &Emitter<'_>) -> Entry {
    let section = match table.postponed_definition {
        true => Section::PostData,
        false => Section::PreData,
    };
    let mut entry = out.entry(object, desc, section);
    entry.relkind = Some(table.relkind.letter());
    let (has_tablespace, has_access_method) = match table.relkind {
        RelKind::Table | RelKind::Partitioned | RelKind::MaterializedView => (true, true),
        _ => (false, false),
    };
    entry.tablespace = has_tablespace.then(|| table.tablespace.clone());
    entry.table_am = table.access_method.clone().filter(|_| has_access_method);
    entry
}

/// The comments on NOT NULL constraints, which have no objects of their own.
fn emit_not_null_comments(object: &Object, table: &Table, out: &mut Emitter<'_>) {
    if out.options.no_comments || !out.options.schema {
        return;
    }
    let catalog = out.catalog;
    for column in &table.columns {
        let Some((name, comment)) = column
            .not_null
            .as_ref()
            .and_then(|not_null| Some((not_null.name.as_ref()?, not_null.comment.as_ref()?)))
        else {
            continue;
        };
        let name = catalog.quoting.ident(name);
        let tag = text!("CONSTRAINT ", name, " ON ", catalog.ident(object));
        let mut entry = Entry::new(out.next_id(), Desc::Comment, tag, Section::None);
        entry.definition = Some(text!(
            "COMMENT ON CONSTRAINT ",
            name,
            " ON ",
            catalog.qualified(object),
            " IS ",
            catalog.quoting.literal(comment),
            ";\n"
        ));
        entry.namespace = catalog.schema_name(object).map(|name| out.name(name));
        entry.owner = Some(out.name(catalog.owner_name(object)));
        entry.dependencies = vec![object.id];
        out.push(entry);
    }
}

/// CREATE TABLE or CREATE FOREIGN TABLE.
fn create_table(catalog: &Catalog, object: &Object, table: &Table) -> BString {
    let name = catalog.qualified(object);
    // A partitioned table has no storage that could be unlogged, though old servers let it say so.
    let unlogged = match (table.persistence, table.relkind) {
        (Persistence::Unlogged, RelKind::Table | RelKind::Foreign) => "UNLOGGED ",
        _ => "",
    };
    let mut out = text!("CREATE ", unlogged, table.foreign_word(), "TABLE ", name);
    // For pg_upgrade, columns keep their places: what gives columns to the table comes afterwards.
    let by_columns = catalog.upgrade.is_some();
    let of_type = table.of_type.as_ref().filter(|_| !by_columns);
    if let Some(of_type) = of_type {
        put!(out; " OF ", of_type);
    }
    let mut before = " (\n    ";
    for element in elements(catalog, table) {
        put!(out; before, element);
        before = ",\n    ";
    }
    if before == ",\n    " {
        put!(out; "\n)");
    } else if of_type.is_none() {
        // Without a type the parentheses have to be there even around nothing.
        put!(out; " (\n)");
    }
    if !table.parents.is_empty() && !table.is_partition && !by_columns {
        let parents = table
            .parents
            .iter()
            .map(|parent| catalog.qualified(catalog.object(*parent)));
        put!(out; "\nINHERITS (", bstr::join(", ", parents), ")");
    }
    if let Some(key) = &table.partition_key {
        put!(out; "\nPARTITION BY ", key);
    }
    if let Some(foreign) = &table.foreign {
        put!(out; "\nSERVER ", catalog.quoting.ident(&foreign.server));
    }
    put_storage_parameters(&mut out, catalog, table);
    if let Some(foreign) = table
        .foreign
        .as_ref()
        .filter(|foreign| !foreign.options.is_empty())
    {
        put!(out; "\nOPTIONS (\n    ", foreign.options, "\n)");
    }
    put!(out; ";\n");
    out
}

/// What stands within the parentheses of CREATE TABLE: columns, then constraints.
fn elements(catalog: &Catalog, table: &Table) -> impl Iterator<Item = BString> {
    let columns = table
        .columns
        .iter()
        .filter(|column| !column.dropped || catalog.upgrade.is_some())
        .filter_map(|column| match catalog.prints(table, column) {
            true => column_element(catalog, table, column),
            false => not_null_element(catalog, column),
        });
    let checks = table.checks.iter().filter_map(|id| {
        let object = catalog.object(*id);
        match &object.body {
            Body::Constraint(check)
                if check.kind == ConstraintKind::Check
                    && !check.separate
                    && (check.is_local || table.is_partition) =>
            {
                Some(text!("CONSTRAINT ", catalog.ident(object), " ", check.definition))
            }
            _ => None,
        }
    });
    columns.chain(checks)
}

/// A column within CREATE TABLE; `None` if the table's type says it all.
fn column_element(catalog: &Catalog, table: &Table, column: &Column) -> Option<BString> {
    if column.dropped {
        // Any type will do for what is dropped right afterwards.
        return Some(text!(catalog.quoting.ident(&column.name), " INTEGER /* dummy */"));
    }
    let default = column.default.and_then(|id| {
        let object = catalog.object(id);
        match &object.body {
            Body::AttrDef(attrdef) if !attrdef.separate && object.dumps(Components::DEFINITION) => {
                Some(&attrdef.expression)
            }
            _ => None,
        }
    });
    let not_null = column
        .not_null
        .as_ref()
        .filter(|not_null| not_null.is_local || table.is_partition || catalog.upgrade.is_some());
    let of_type = table.of_type.as_ref().filter(|_| catalog.upgrade.is_none());
    if of_type.is_some() && default.is_none() && not_null.is_none() {
        return None;
    }
    let mut out = catalog.quoting.ident(&column.name);
    if of_type.is_none() {
        put!(out; " ", column.type_name);
    }
    if let Some(default) = default {
        match column.generated {
            b's' => put!(out; " GENERATED ALWAYS AS (", default, ") STORED"),
            0 => put!(out; " DEFAULT ", default),
            _ => put!(out; " GENERATED ALWAYS AS (", default, ")"),
        }
    }
    if let Some(not_null) = not_null {
        if let Some(name) = &not_null.name {
            put!(out; " CONSTRAINT ", catalog.quoting.ident(name));
        }
        put!(out; " NOT NULL");
        if not_null.no_inherit {
            put!(out; " NO INHERIT");
        }
    }
    if let Some((schema, name)) = column.collation.as_deref() {
        put!(out; " COLLATE ", catalog.quoting.qualified(schema, name));
    }
    Some(out)
}

/// The NOT NULL constraint that a table adds to a column it inherits.
fn not_null_element(catalog: &Catalog, column: &Column) -> Option<BString> {
    let not_null = column.not_null.as_ref().filter(|not_null| not_null.is_local)?;
    let mut out = BString::default();
    if let Some(name) = &not_null.name {
        // pg_dump writes the name as it is, which not every name survives; --quote-all-identifiers does not
        // reach it either.
        let quoting = Quoting {
            all_identifiers: false,
            ..catalog.quoting
        };
        put!(out; "CONSTRAINT ", quoting.ident(name), " ");
    }
    put!(out; "NOT NULL ", catalog.quoting.ident(&column.name));
    if not_null.no_inherit {
        put!(out; " NO INHERIT");
    }
    Some(out)
}

/// `WITH (…)` for a table or materialized view, on a line of its own.
pub(in crate::objects) fn put_storage_parameters(out: &mut BString, catalog: &Catalog, table: &Table) {
    let own = storage_parameters(catalog.quoting, "", &table.options);
    let toast = storage_parameters(catalog.quoting, "toast.", &table.toast_options);
    let separator = match own.is_empty() || toast.is_empty() {
        true => "",
        false => ", ",
    };
    if !own.is_empty() || !toast.is_empty() {
        put!(out; "\nWITH (", own, separator, toast, ")");
    }
}

/// Appends what only ALTER TABLE can say about columns: statistics targets, storage, compression, options.
fn put_column_properties(out: &mut BString, emitter: &Emitter<'_>, object: &Object, table: &Table) {
    let catalog = emitter.catalog;
    for column in table.columns.iter().filter(|column| !column.dropped) {
        let alter = || {
            text!(
                "ALTER ",
                table.foreign_word(),
                "TABLE ONLY ",
                catalog.qualified(object),
                " ALTER COLUMN ",
                catalog.quoting.ident(&column.name)
            )
        };
        if let Some(target) = column.statistics_target {
            put!(out; alter(), " SET STATISTICS ", target.to_string(), ";\n");
        }
        if column.storage != column.type_storage {
            let storage = match column.storage {
                b'p' => Some("PLAIN"),
                b'e' => Some("EXTERNAL"),
                b'm' => Some("MAIN"),
                b'x' => Some("EXTENDED"),
                _ => None,
            };
            if let Some(storage) = storage {
                put!(out; alter(), " SET STORAGE ", storage, ";\n");
            }
        }
        let compression = match column.compression {
            b'p' => Some("pglz"),
            b'l' => Some("lz4"),
            _ => None,
        };
        if let Some(compression) = compression.filter(|_| !emitter.options.no_toast_compression) {
            put!(out; alter(), " SET COMPRESSION ", compression, ";\n");
        }
        if !column.options.is_empty() {
            put!(out; alter(), " SET (", column.options, ");\n");
        }
        if table.relkind == RelKind::Foreign && !column.fdw_options.is_empty() {
            put!(out; alter(), " OPTIONS (\n    ", column.fdw_options, "\n);\n");
        }
    }
}

/// Appends what only ALTER TABLE can say about a table or materialized view as a whole.
fn put_relation_properties(out: &mut BString, catalog: &Catalog, object: &Object, table: &Table) {
    let name = || catalog.qualified(object);
    let identity = match table.replica_identity {
        // The index says it.
        ReplicaIdentity::Default | ReplicaIdentity::Index => None,
        ReplicaIdentity::Nothing => Some("NOTHING"),
        ReplicaIdentity::Full => Some("FULL"),
    };
    if let Some(identity) = identity.filter(|_| table.relkind != RelKind::Foreign) {
        put!(out; "\nALTER TABLE ONLY ", name(), " REPLICA IDENTITY ", identity, ";\n");
    }
    if table.force_row_security {
        put!(out; "\nALTER TABLE ONLY ", name(), " FORCE ROW LEVEL SECURITY;\n");
    }
}

#[cfg(test)]
mod tests {
    use super::super::attrdef::{self, AttrDef};
    use super::super::constraint::{Constraint, ConstraintOn};
    use super::super::{ForeignTable, NotNull};
    use super::*;
    use crate::connect::ServerVersion;
    use crate::toc::{CatalogId, DumpId};

    fn column(name: &str) -> Column {
        Column {
            name: name.into(),
            type_name: "integer".into(),
            is_local: true,
            ..Column::default()
        }
    }

    fn not_null(name: Option<&str>) -> Option<NotNull> {
        Some(NotNull {
            name: name.map(Into::into),
            is_local: true,
            ..NotNull::default()
        })
    }

    fn catalog() -> Catalog {
        Catalog::new(ServerVersion(180_006), Quoting::default())
    }

    fn add(catalog: &mut Catalog, name: &str, table: Table) -> DumpId {
        catalog
            .add(CatalogId::default(), name, Body::Table(Box::new(table)))
            .id
    }

    fn created(catalog: &Catalog, id: DumpId) -> String {
        let table = catalog.table(id).expect("a table");
        create_table(catalog, catalog.object(id), table).to_string()
    }

    #[test]
    fn a_table_without_columns_keeps_its_parentheses_unless_a_type_says_its_columns() {
        let mut catalog = catalog();
        let empty = add(&mut catalog, "Empty", Table::default());
        assert_eq!(created(&catalog, empty), "CREATE TABLE \"Empty\" (\n);\n");
        let typed = Table {
            of_type: Some("s.two".into()),
            columns: vec![
                column("a"),
                Column {
                    not_null: not_null(None),
                    ..column("b")
                },
            ],
            ..Table::default()
        };
        let typed = add(&mut catalog, "t", typed);
        assert_eq!(
            created(&catalog, typed),
            "CREATE TABLE t OF s.two (\n    b NOT NULL\n);\n"
        );
    }

    #[test]
    fn inherited_columns_are_left_out_but_not_what_the_child_adds_to_them() {
        let mut catalog = catalog();
        let parent = add(&mut catalog, "parent", Table::default());
        let inherited = |name: &str, not_null| Column {
            is_local: false,
            not_null,
            ..column(name)
        };
        let mut child = Table {
            parents: vec![parent],
            columns: vec![
                inherited("a", None),
                inherited("b", not_null(Some("B is"))),
                Column {
                    dropped: true,
                    ..column("gone")
                },
                column("own"),
            ],
            ..Table::default()
        };
        child.columns[3].collation = Some(Box::new(("pg_catalog".into(), "C".into())));
        let child = add(&mut catalog, "child", child);
        assert_eq!(
            created(&catalog, child),
            "CREATE TABLE child (\n    CONSTRAINT \"B is\" NOT NULL b,\n    own integer COLLATE pg_catalog.\"C\"\n)\n\
             INHERITS (parent);\n"
        );
        if let Some(table) = catalog.table_mut(child) {
            table.is_partition = true;
        }
        assert_eq!(
            created(&catalog, child),
            "CREATE TABLE child (\n    a integer,\n    b integer CONSTRAINT \"B is\" NOT NULL,\n    \
             own integer COLLATE pg_catalog.\"C\"\n);\n"
        );
    }

    #[test]
    fn defaults_and_checks_stand_inline_unless_they_are_separate() {
        let mut catalog = catalog();
        let table = Table {
            columns: vec![
                column("a"),
                Column {
                    generated: b's',
                    ..column("b")
                },
                Column {
                    generated: b'v',
                    ..column("c")
                },
                column("d"),
            ],
            ..Table::default()
        };
        let id = add(&mut catalog, "t", table);
        for number in 1..=4 {
            let attrdef = AttrDef {
                table: id,
                column: number,
                expression: format!("({number})").into(),
                separate: number == 4,
            };
            attrdef::add_one(&mut catalog, CatalogId::default(), attrdef);
        }
        for (name, separate, is_local) in [
            ("now", false, true),
            ("later", true, true),
            ("parents", false, false),
        ] {
            let check = Constraint {
                on: ConstraintOn::Table(id),
                kind: ConstraintKind::Check,
                definition: "CHECK (true)".into(),
                index: None,
                referenced: None,
                deferrable: false,
                deferred: false,
                period: false,
                is_local,
                validated: !separate,
                separate,
            };
            let body = Body::Constraint(Box::new(check));
            let check = catalog.add(CatalogId::default(), name, body).id;
            if let Some(table) = catalog.table_mut(id) {
                table.checks.push(check);
            }
        }
        assert_eq!(
            created(&catalog, id),
            "CREATE TABLE t (\n    a integer DEFAULT (1),\n    b integer GENERATED ALWAYS AS ((2)) STORED,\n    \
             c integer GENERATED ALWAYS AS ((3)),\n    d integer,\n    CONSTRAINT now CHECK (true)\n);\n"
        );
    }

    #[test]
    fn what_follows_the_columns_has_its_order() {
        let mut catalog = catalog();
        let foreign = Table {
            relkind: RelKind::Foreign,
            foreign: Some(Box::new(ForeignTable {
                server: "My server".into(),
                options: "a 'b'".into(),
            })),
            ..Table::default()
        };
        let foreign = add(&mut catalog, "f", foreign);
        assert_eq!(
            created(&catalog, foreign),
            "CREATE FOREIGN TABLE f (\n)\nSERVER \"My server\"\nOPTIONS (\n    a 'b'\n);\n"
        );
        let parted = Table {
            relkind: RelKind::Partitioned,
            persistence: Persistence::Unlogged,
            partition_key: Some("LIST (a)".into()),
            options: vec!["fillfactor=70".into()],
            toast_options: Box::new(["autovacuum_enabled=false".into()]),
            ..Table::default()
        };
        let parted = add(&mut catalog, "p", parted);
        assert_eq!(
            created(&catalog, parted),
            "CREATE TABLE p (\n)\nPARTITION BY LIST (a)\n\
             WITH (fillfactor='70', toast.autovacuum_enabled='false');\n"
        );
    }
}
