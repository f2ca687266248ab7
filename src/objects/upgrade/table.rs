//! What tables and composite types need so that their rows mean the same in the new cluster: the places of dropped
//! columns, inheritance without a new order of columns, ages.

use bstr::BString;

use crate::objects::table::constraint::ConstraintKind;
use crate::objects::table::{RelKind, Table};
use crate::objects::{Body, Catalog, Emitter, Object};
use crate::sql::{put, text};

/// Appends what follows CREATE TABLE or CREATE MATERIALIZED VIEW. Nothing but for pg_upgrade.
pub(in crate::objects) fn put_table(sql: &mut BString, out: &Emitter<'_>, object: &Object, table: &Table) {
    let catalog = out.catalog;
    let Some(upgrade) = catalog.upgrade.as_deref() else {
        return;
    };
    let oid = object.catalog_id.oid;
    let name = catalog.qualified(object);
    let regclass = text!(catalog.quoting.literal(&name), "::pg_catalog.regclass");
    for (column, number) in table.columns.iter().zip(1..) {
        if let Some(value) = upgrade.missing.get(&(oid, number)) {
            let quoting = catalog.quoting;
            put!(sql; "\n-- set missing value.\nSELECT pg_catalog.binary_upgrade_set_missing_value(", regclass, ",",
                quoting.literal(&column.name), ",", quoting.literal(value), ");\n\n");
        }
    }
    if matches!(
        table.relkind,
        RelKind::Table | RelKind::Foreign | RelKind::Partitioned
    ) {
        put_dropped_columns(sql, catalog, object, table);
        put_inherited(sql, catalog, &regclass, table);
        put_inherited_checks(sql, catalog, &regclass, object, table);
        if !table.parents.is_empty() && !table.is_partition {
            put!(sql; "\n-- For binary upgrade, set up inheritance this way.\n");
            for parent in &table.parents {
                let parent = catalog.qualified(catalog.object(*parent));
                put!(sql; "ALTER ", table.foreign_word(), "TABLE ONLY ", name, " INHERIT ", parent, ";\n");
            }
        }
        if let Some(of_type) = &table.of_type {
            put!(sql; "\n-- For binary upgrade, set up typed tables this way.\nALTER ", table.foreign_word(),
                "TABLE ONLY ", name, " OF ", of_type, ";\n");
        }
    }
    let has_rows = matches!(table.relkind, RelKind::Table | RelKind::MaterializedView);
    if let Some(storage) = upgrade.storage.get(&oid).filter(|_| has_rows) {
        put!(sql; "\n-- For binary upgrade, set heap's relfrozenxid and relminmxid\n", storage.age.update(),
            "WHERE oid = ", regclass, ";\n");
        if storage.toast != 0 {
            put!(sql; "\n-- For binary upgrade, set toast's relfrozenxid and relminmxid\n",
                storage.toast_age.update(), format!("WHERE oid = '{}';\n", storage.toast));
        }
    }
    if table.relkind == RelKind::MaterializedView && table.populated {
        put!(sql; "\n-- For binary upgrade, mark materialized view as populated\nUPDATE pg_catalog.pg_class\n\
            SET relispopulated = 't'\nWHERE oid = ", regclass, ";\n");
    }
}

/// Drops the columns that were made to keep the places of dropped ones.
fn put_dropped_columns(sql: &mut BString, catalog: &Catalog, object: &Object, table: &Table) {
    let upgrade = catalog.upgrade.as_deref();
    let table_name = catalog.qualified(object);
    let (mut values, mut drops) = (Vec::new(), Vec::new());
    for (column, number) in table.columns.iter().zip(1..).filter(|(column, _)| column.dropped) {
        let place = (object.catalog_id.oid, number);
        let Some(was) = upgrade.and_then(|upgrade| upgrade.dropped.get(&place)) else {
            continue;
        };
        let (length, alignment) = (was.length, char::from(was.alignment));
        let name = catalog.quoting.literal(&column.name);
        values.push(text!("(", name, format!(", {length}, '{alignment}')")));
        let column = catalog.quoting.ident(&column.name);
        drops.push(text!(
            "ALTER ",
            table.foreign_word(),
            "TABLE ONLY ",
            table_name,
            " DROP COLUMN ",
            column,
            ";\n"
        ));
    }
    if values.is_empty() {
        return;
    }
    put!(
        sql;
        "\n-- For binary upgrade, recreate dropped columns.\nUPDATE pg_catalog.pg_attribute\n\
         SET attlen = v.dlen, attalign = v.dalign, attbyval = false\nFROM (VALUES ",
        bstr::join(",\n             ", values),
        ") v(dname, dlen, dalign)\nWHERE attrelid = ",
        catalog.quoting.literal(&table_name),
        "::pg_catalog.regclass\n  AND attname = v.dname;\n",
        bstr::concat(drops),
    );
}

/// Marks columns and NOT NULL constraints as inherited that were made as the table's own.
fn put_inherited(sql: &mut BString, catalog: &Catalog, regclass: &BString, table: &Table) {
    let quoting = catalog.quoting;
    let columns = table.columns.iter().filter(|column| !column.dropped);
    let inherited = columns.clone().filter(|column| !column.is_local);
    let inherited: Vec<BString> = inherited.map(|column| quoting.literal(&column.name)).collect();
    if !inherited.is_empty() {
        put!(sql; "\n-- For binary upgrade, recreate inherited columns.\nUPDATE pg_catalog.pg_attribute\n\
            SET attislocal = false\nWHERE attrelid = ", regclass, "\n  AND attname IN (",
            bstr::join(", ", inherited), ");\n");
    }
    let (mut names, mut keys) = (Vec::new(), Vec::new());
    for (column, number) in table.columns.iter().zip(1..) {
        match &column.not_null {
            Some(not_null) if !not_null.is_local && !column.dropped => match &not_null.name {
                Some(name) => names.push(quoting.literal(name)),
                None => keys.push(format!("'{{{number}}}'")),
            },
            _ => {}
        }
    }
    let mut put = |column: &str, values: Vec<u8>| {
        put!(sql; "UPDATE pg_catalog.pg_constraint\nSET conislocal = false\nWHERE contype = 'n' AND conrelid = ",
            regclass, " AND\n", column, " IN (", values, ");\n");
    };
    if !names.is_empty() {
        put("conname", bstr::join(", ", names));
    }
    if !keys.is_empty() {
        put("conkey", bstr::join(", ", keys));
    }
}

/// Adds the check constraints that the table inherits. Those of partitions are in CREATE TABLE.
fn put_inherited_checks(
    sql: &mut BString,
    catalog: &Catalog,
    regclass: &BString,
    object: &Object,
    table: &Table,
) {
    if table.is_partition {
        return;
    }
    let checks = table.checks.iter().map(|id| catalog.object(*id));
    let inherited = checks.filter_map(|check| match &check.body {
        Body::Constraint(constraint)
            if constraint.kind == ConstraintKind::Check && !constraint.separate && !constraint.is_local =>
        {
            Some((check, &constraint.definition))
        }
        _ => None,
    });
    let mut names = Vec::new();
    for (check, definition) in inherited {
        if names.is_empty() {
            put!(sql; "\n-- For binary upgrade, set up inherited constraints.\n");
        }
        put!(sql; "ALTER ", table.foreign_word(), "TABLE ONLY ", catalog.qualified(object), " ADD CONSTRAINT ",
            catalog.ident(check), " ", definition, ";\n");
        names.push(catalog.quoting.literal(&check.name));
    }
    if !names.is_empty() {
        put!(sql; "UPDATE pg_catalog.pg_constraint\nSET conislocal = false\nWHERE contype = 'c' AND conrelid = ",
            regclass, "\n  AND conname IN (", bstr::join(", ", names), ");\n");
    }
}

/// What drops a column that was made to keep the place of a dropped one of a composite type.
pub(in crate::objects) fn composite_column(
    catalog: &Catalog,
    relation: u32,
    number: i16,
    name: &BString,
    qualified: &bstr::BStr,
) -> Option<BString> {
    let was = catalog.upgrade.as_deref()?.dropped.get(&(relation, number))?;
    let quoting = catalog.quoting;
    let (length, alignment) = (was.length, char::from(was.alignment));
    Some(text!(
        "\n-- For binary upgrade, recreate dropped column.\nUPDATE pg_catalog.pg_attribute\n",
        format!("SET attlen = {length}, attalign = '{alignment}', attbyval = false\n"),
        "WHERE attname = ",
        quoting.literal(name),
        "\n  AND attrelid = ",
        quoting.literal(qualified),
        "::pg_catalog.regclass;\nALTER TYPE ",
        qualified,
        " DROP ATTRIBUTE ",
        quoting.ident(name),
        ";\n"
    ))
}
