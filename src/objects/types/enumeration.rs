//! An enum: a type that lists its values.

use bstr::{BStr, BString};
use postgres_types::Type as SqlType;

use super::{Definition, type_mut};
use crate::connect::Columns;
use crate::error::Result;
use crate::objects::{Catalog, Emitter, Reader, upgrade};
use crate::sql::{Quoting, put, text};

/// An enum's labels in their order.
#[derive(Debug, Default)]
pub struct Enum {
    /// The labels.
    pub labels: Vec<BString>,
}

/// One enum as the catalog has it.
#[derive(Debug)]
pub(super) struct Row {
    oid: u32,
    labels: Vec<BString>,
}

/// Reads the labels of the enums with these oids. One without labels brings no row.
pub(super) async fn read(reader: &Reader<'_>, oids: &[u32]) -> Result<Vec<Row>> {
    let sql = "SELECT e.enumtypid, pg_catalog.array_agg(e.enumlabel::pg_catalog.text ORDER BY e.enumsortorder) \
         FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS w(oid) \
         JOIN pg_catalog.pg_enum e ON e.enumtypid = w.oid \
         GROUP BY e.enumtypid";
    let rows = reader
        .rows("enum labels", sql, &[(&oids, SqlType::OID_ARRAY)])
        .await?;
    rows.iter()
        .map(|row| {
            let mut c = Columns::new(row);
            Ok(Row {
                oid: c.oid()?,
                labels: c.texts()?,
            })
        })
        .collect()
}

pub(super) fn add(catalog: &mut Catalog, rows: Vec<Row>) {
    for Row { oid, labels } in rows {
        if let Some((_, body)) = type_mut(catalog, oid) {
            body.definition = Some(Box::new(Definition::Enum(Enum { labels })));
        }
    }
}

impl Enum {
    /// The type and its labels: all in one statement, or one by one for pg_upgrade.
    pub(super) fn create(&self, out: &Emitter<'_>, oid: u32, name: &BStr) -> BString {
        match out.catalog.upgrade {
            Some(_) => {
                let mut create = Enum::default().create_whole(name, out.catalog.quoting);
                put!(create; upgrade::enum_labels(out, oid, name, &self.labels));
                create
            }
            None => self.create_whole(name, out.catalog.quoting),
        }
    }

    fn create_whole(&self, name: &BStr, quoting: Quoting) -> BString {
        let mut out = text!("CREATE TYPE ", name, " AS ENUM (");
        for (index, label) in self.labels.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            put!(out; comma, "\n    ", quoting.literal(label));
        }
        put!(out; "\n);\n");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_stand_one_a_line_and_an_enum_may_have_none() {
        let labels = vec!["a".into(), "it's".into()];
        assert_eq!(
            Enum { labels }.create_whole("s.e".into(), Quoting::default()),
            "CREATE TYPE s.e AS ENUM (\n    'a',\n    'it''s'\n);\n"
        );
        assert_eq!(
            Enum::default().create_whole("e".into(), Quoting::default()),
            "CREATE TYPE e AS ENUM (\n);\n"
        );
    }
}
