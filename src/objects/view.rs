//! Views: the queries behind them, and CREATE VIEW.
//!
//! A view is a [`Table`] whose definition is read here, as is a materialized view's ([`super::matview`] has its
//! statement). What it selects from becomes known through its `_RETURN` rule ([`super::rule`]). A view
//! that takes part in a loop is made twice: first as a stand-in with the right columns and no query,
//! later, in the place of its rule, in full.

use bstr::BString;
use postgres_types::Type;

use super::table::Table;
use super::{Body, Catalog, Cost, Object, Reader, class};
use crate::connect::Columns;
use crate::error::{Error, ErrorKind, Result};
use crate::sql::{put, storage_parameters, text};

/// The query of one view or materialized view.
#[derive(Debug)]
pub struct Definition {
    view: u32,
    query: BString,
}

/// Reads the queries of those among `relations` that are views or materialized views.
///
/// # Errors
/// If the query fails.
pub async fn read_details(reader: &Reader<'_>, relations: &[u32]) -> Result<Vec<Definition>> {
    let sql = "SELECT c.oid, pg_catalog.pg_get_viewdef(c.oid) FROM pg_catalog.pg_class c \
         WHERE c.oid = ANY ($1) AND c.relkind IN ('v', 'm') ORDER BY c.oid";
    let (cost, params) = (
        Cost::of(relations.len(), 250),
        [(&relations as _, Type::OID_ARRAY)],
    );
    let definition = |row: &_| {
        let mut c = Columns::new(row);
        Ok(Definition {
            view: c.oid()?,
            query: c.opt_text()?.unwrap_or_default(),
        })
    };
    reader
        .each_locking("view definitions", cost, sql, &params, definition)
        .await
}

/// Adds the queries to the relations that are in the catalog.
///
/// # Errors
/// If the server gave an empty query.
pub fn add_details(catalog: &mut Catalog, definitions: Vec<Definition>) -> Result<()> {
    for Definition { view, query } in definitions {
        let Some(id) = catalog.find(class::PG_CLASS, view) else {
            continue;
        };
        let object = catalog.object_mut(id);
        let query = query.strip_suffix(b";").unwrap_or(&query);
        if query.is_empty() {
            let name = &object.name;
            let message = format!("definition of view \"{name}\" appears to be empty (length zero)");
            return Err(Error::new(ErrorKind::Protocol, message));
        }
        if let Body::Table(table) = &mut object.body {
            table.view_definition = Some(query.into());
        }
    }
    Ok(())
}

/// `CREATE VIEW`: of the stand-in if the view is to be replaced later, of the real thing otherwise.
pub fn create(catalog: &Catalog, view: &Object, table: &Table) -> BString {
    if table.dummy_view {
        return text!(
            "CREATE VIEW ",
            catalog.qualified(view),
            stand_in(catalog, table),
            ";\n"
        );
    }
    text!("CREATE VIEW ", catalog.qualified(view), real(catalog, table))
}

/// `CREATE OR REPLACE VIEW` with the real query, to follow [`create`] where that made a stand-in.
pub fn replace(catalog: &Catalog, view: &Object, table: &Table) -> BString {
    text!(
        "CREATE OR REPLACE VIEW ",
        catalog.qualified(view),
        real(catalog, table)
    )
}

/// `CREATE OR REPLACE VIEW` with the stand-in: as near as one gets to dropping the rule of a view.
pub fn undo_replace(catalog: &Catalog, view: &Object, table: &Table) -> BString {
    text!(
        "CREATE OR REPLACE VIEW ",
        catalog.qualified(view),
        stand_in(catalog, table),
        ";\n"
    )
}

/// What follows the name, with the semicolon.
fn real(catalog: &Catalog, table: &Table) -> BString {
    let mut out = BString::default();
    if !table.options.is_empty() {
        put!(out; " WITH (", storage_parameters(catalog.quoting, "", &table.options), ")");
    }
    put!(out; " AS\n", table.view_definition.as_ref().map_or(&b""[..], |query| query));
    if let Some(check) = table.check_option {
        put!(out; "\n  WITH ", check, " CHECK OPTION");
    }
    put!(out; ";\n");
    out
}

/// ` AS SELECT NULL::type AS column, …`: the view's columns without anything they depend on.
fn stand_in(catalog: &Catalog, table: &Table) -> BString {
    let quoting = catalog.quoting;
    let mut out = text!(" AS\nSELECT");
    let mut separator = "\n    ";
    for column in &table.columns {
        put!(out; separator, "NULL::", column.type_name);
        // CREATE OR REPLACE VIEW refuses to change a column's collation.
        if let Some((schema, name)) = column.collation.as_deref() {
            put!(out; " COLLATE ", quoting.qualified(schema, name));
        }
        put!(out; " AS ", quoting.ident(&column.name));
        separator = ",\n    ";
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::table::{Column, RelKind};
    use super::*;
    use crate::connect::ServerVersion;
    use crate::sql::Quoting;
    use crate::toc::{CatalogId, DumpId};

    fn catalog() -> (Catalog, DumpId) {
        let mut catalog = Catalog::new(ServerVersion(180_006), Quoting::default());
        let row = CatalogId {
            tableoid: class::PG_CLASS,
            oid: 20_000,
        };
        let column = |name: &str, type_name: &str| Column {
            name: name.into(),
            type_name: type_name.into(),
            ..Column::default()
        };
        let table = Table {
            relkind: RelKind::View,
            columns: vec![column("id", "integer"), column("Name", "text")],
            ..Table::default()
        };
        let id = catalog.add(row, "v", Body::Table(Box::new(table))).id;
        let definition = Definition {
            view: 20_000,
            query: " SELECT 1;".into(),
        };
        add_details(&mut catalog, vec![definition]).expect("a query");
        (catalog, id)
    }

    fn with_table<T>(
        catalog: &mut Catalog,
        id: DumpId,
        change: impl FnOnce(&mut Table),
        then: impl FnOnce(&Catalog, &Object, &Table) -> T,
    ) -> T {
        if let Body::Table(table) = &mut catalog.object_mut(id).body {
            change(table);
        }
        match &catalog.object(id).body {
            Body::Table(table) => then(catalog, catalog.object(id), table),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn options_and_check_option_surround_the_query() {
        let (mut catalog, id) = catalog();
        let change = |table: &mut Table| {
            table.options = vec!["security_barrier=true".into()];
            table.check_option = Some("LOCAL");
        };
        assert_eq!(
            with_table(&mut catalog, id, change, create),
            "CREATE VIEW v WITH (security_barrier='true') AS\n SELECT 1\n  WITH LOCAL CHECK OPTION;\n"
        );
    }

    #[test]
    fn a_stand_in_has_the_columns_and_nothing_else() {
        let (mut catalog, id) = catalog();
        let change = |table: &mut Table| {
            table.dummy_view = true;
            table.check_option = Some("LOCAL");
            table.columns[1].collation = Some(Box::new(("pg_catalog".into(), "C".into())));
        };
        assert_eq!(
            with_table(&mut catalog, id, change, create),
            "CREATE VIEW v AS\nSELECT\n    NULL::integer AS id,\n    \
             NULL::text COLLATE pg_catalog.\"C\" AS \"Name\";\n"
        );
        assert_eq!(
            with_table(&mut catalog, id, |_| {}, replace),
            "CREATE OR REPLACE VIEW v AS\n SELECT 1\n  WITH LOCAL CHECK OPTION;\n"
        );
        assert!(
            with_table(&mut catalog, id, |_| {}, undo_replace)
                .starts_with(b"CREATE OR REPLACE VIEW v AS\nSELECT\n")
        );
    }

    #[test]
    fn an_empty_query_is_refused() {
        let (mut catalog, _) = catalog();
        let empty = Definition {
            view: 20_000,
            query: "".into(),
        };
        let error = add_details(&mut catalog, vec![empty]).expect_err("nothing");
        assert!(error.to_string().contains("definition of view \"v\""), "{error}");
    }
}
