//! A composite type that stands alone, not the row type of a relation.

use bstr::{BStr, BString};
use postgres_types::Type as SqlType;

use super::{Definition, type_mut};
use crate::connect::Columns;
use crate::error::Result;
use crate::objects::attributes::{self, Subject};
use crate::objects::{Catalog, Components, Cost, Emitter, Object, Reader, class, upgrade};
use crate::sql::{put, text};
use crate::toc::CatalogId;

/// A composite type's columns.
#[derive(Debug, Default)]
pub struct Composite {
    /// The columns by attribute number, dropped ones included.
    pub columns: Vec<Column>,
}

/// One column of a composite type.
#[derive(Debug)]
pub struct Column {
    /// Its name.
    pub name: BString,
    /// Its type as SQL; `None` if the column was dropped.
    pub definition: Option<BString>,
    /// Its collation where that is not the type's own: schema and name.
    pub collation: Option<(BString, BString)>,
}

/// One column as the catalog has it.
#[derive(Debug)]
pub(super) struct Row {
    oid: u32,
    column: Column,
}

/// Reads the columns of the composite types with these oids, in order.
pub(super) async fn read(reader: &Reader<'_>, oids: &[u32]) -> Result<Vec<Row>> {
    let sql = "SELECT t.oid, a.attname, \
            CASE WHEN NOT a.attisdropped THEN pg_catalog.format_type(a.atttypid, a.atttypmod) END, \
            cn.nspname, co.collname \
         FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS w(oid) \
         JOIN pg_catalog.pg_type t ON t.oid = w.oid AND t.typtype = 'c' \
         JOIN pg_catalog.pg_attribute a ON a.attrelid = t.typrelid AND a.attnum > 0 \
         LEFT JOIN pg_catalog.pg_type at ON at.oid = a.atttypid \
         LEFT JOIN pg_catalog.pg_collation co ON co.oid = a.attcollation AND a.attcollation <> at.typcollation \
         LEFT JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace \
         ORDER BY t.oid, a.attnum";
    let (cost, params) = (Cost::of(oids.len(), 20), [(&oids as _, SqlType::OID_ARRAY)]);
    let from_row = |row: &_| {
        let mut c = Columns::new(row);
        Ok(Row {
            oid: c.oid()?,
            column: Column {
                name: c.text()?,
                definition: c.opt_text()?,
                collation: c.opt_text()?.zip(c.opt_text()?),
            },
        })
    };
    reader
        .each("columns of composite types", cost, sql, &params, from_row)
        .await
}

pub(super) fn add(catalog: &mut Catalog, rows: Vec<Row>) {
    for Row { oid, column } in rows {
        let Some((_, body)) = type_mut(catalog, oid) else {
            continue;
        };
        if let Some(Definition::Composite(composite)) = body.definition.as_deref_mut() {
            composite.columns.push(column);
        } else {
            let columns = vec![column];
            body.definition = Some(Box::new(Definition::Composite(Composite { columns })));
        }
    }
}

impl Composite {
    /// `relation` is the type's row in `pg_class`.
    pub(super) fn create(&self, name: &BStr, relation: u32, catalog: &Catalog) -> BString {
        let quoting = catalog.quoting;
        let mut out = text!("CREATE TYPE ", name, " AS (");
        let mut comma = "";
        let mut drops = BString::default();
        for (column, number) in self.columns.iter().zip(1..) {
            let Some(definition) = &column.definition else {
                if let Some(drop) = upgrade::composite_column(catalog, relation, number, &column.name, name) {
                    put!(out; comma, "\n\t", quoting.ident(&column.name), " INTEGER /* dummy */");
                    put!(drops; drop);
                    comma = ",";
                }
                continue;
            };
            put!(out; comma, "\n\t", quoting.ident(&column.name), " ", definition);
            if let Some((schema, name)) = &column.collation {
                put!(out; " COLLATE ", quoting.qualified(schema, name));
            }
            comma = ",";
        }
        put!(out; "\n);\n", drops);
        out
    }

    /// The comments on its columns, which the catalog keeps with the type's row in `pg_class`.
    pub(super) fn emit_column_comments(&self, object: &Object, relation: u32, out: &mut Emitter<'_>) {
        if !object.dump.intersects(Components::COMMENT) {
            return;
        }
        let name = out.catalog.ident(object);
        let subject = Subject {
            row: CatalogId {
                tableoid: class::PG_CLASS,
                oid: relation,
            },
            ..Subject::of(out.catalog, object, "TYPE", name.as_ref())
        };
        let columns: Vec<&BStr> = self.columns.iter().map(|column| column.name.as_ref()).collect();
        attributes::column_comments(out, &subject, &columns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::ServerVersion;
    use crate::sql::Quoting;

    #[test]
    fn dropped_columns_leave_no_trace() {
        let column = |name: &str, definition: Option<&str>| Column {
            name: name.into(),
            definition: definition.map(BString::from),
            collation: None,
        };
        let mut columns = vec![
            column("........pg.dropped.1........", None),
            column("A", Some("integer")),
            column("b", Some("text")),
        ];
        let catalog = Catalog::new(ServerVersion(180_000), Quoting::default());
        columns[2].collation = Some(("pg_catalog".into(), "C".into()));
        assert_eq!(
            Composite { columns }.create("s.c".into(), 0, &catalog),
            "CREATE TYPE s.c AS (\n\t\"A\" integer,\n\tb text COLLATE pg_catalog.\"C\"\n);\n"
        );
    }
}
