//! A range type, and with it its multirange type.

use bstr::{BStr, BString};
use postgres_types::Type as SqlType;

use crate::connect::Columns;
use crate::error::Result;
use crate::objects::Reader;
use crate::sql::{Quoting, put, text};

/// A range type.
#[derive(Debug)]
pub struct Range {
    /// What it is a range of, as SQL.
    pub subtype: BString,
    /// The multirange type as SQL; `None` before release 14.
    pub multirange: Option<BString>,
    /// The operator class, where it is not the subtype's default: schema and name.
    pub opclass: Option<(BString, BString)>,
    /// The collation, where it is not the subtype's own: schema and name.
    pub collation: Option<(BString, BString)>,
    /// The function that brings values into their canonical form, as SQL.
    pub canonical: Option<BString>,
    /// The function that subtracts values of the subtype, as SQL.
    pub subtype_diff: Option<BString>,
}

/// Reads the range types with these oids.
pub(super) async fn read(reader: &Reader<'_>, oids: &[u32]) -> Result<Vec<(u32, Range)>> {
    let multirange = reader.version.pick(
        14,
        "pg_catalog.format_type(r.rngmultitypid, NULL)",
        "NULL::pg_catalog.text",
    );
    let sql = format!(
        "SELECT r.rngtypid, pg_catalog.format_type(r.rngsubtype, NULL), {multirange}, \
            opn.nspname, op.opcname, cn.nspname, co.collname, \
            CASE WHEN r.rngcanonical <> 0 THEN r.rngcanonical::pg_catalog.text END, \
            CASE WHEN r.rngsubdiff <> 0 THEN r.rngsubdiff::pg_catalog.text END \
         FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS w(oid) \
         JOIN pg_catalog.pg_range r ON r.rngtypid = w.oid \
         JOIN pg_catalog.pg_type st ON st.oid = r.rngsubtype \
         LEFT JOIN pg_catalog.pg_opclass op ON op.oid = r.rngsubopc AND NOT op.opcdefault \
         LEFT JOIN pg_catalog.pg_namespace opn ON opn.oid = op.opcnamespace \
         LEFT JOIN pg_catalog.pg_collation co ON co.oid = r.rngcollation AND r.rngcollation <> st.typcollation \
         LEFT JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace"
    );
    let rows = reader
        .rows("range types", &sql, &[(&oids, SqlType::OID_ARRAY)])
        .await?;
    rows.iter()
        .map(|row| {
            let mut c = Columns::new(row);
            let oid = c.oid()?;
            let range = Range {
                subtype: c.text()?,
                multirange: c.opt_text()?,
                opclass: c.opt_text()?.zip(c.opt_text()?),
                collation: c.opt_text()?.zip(c.opt_text()?),
                canonical: c.opt_text()?,
                subtype_diff: c.opt_text()?,
            };
            Ok((oid, range))
        })
        .collect()
}

impl Range {
    pub(super) fn create(&self, name: &BStr, quoting: Quoting) -> BString {
        let qualified = |name: &(BString, BString)| quoting.qualified(&name.0, &name.1);
        let mut out = text!("CREATE TYPE ", name, " AS RANGE (\n    subtype = ", self.subtype);
        for (option, value) in [
            ("multirange_type_name", self.multirange.clone()),
            ("subtype_opclass", self.opclass.as_ref().map(qualified)),
            ("collation", self.collation.as_ref().map(qualified)),
            ("canonical", self.canonical.clone()),
            ("subtype_diff", self.subtype_diff.clone()),
        ] {
            if let Some(value) = value {
                put!(out; ",\n    ", option, " = ", value);
            }
        }
        put!(out; "\n);\n");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_subtype_has_anyway_is_not_said() {
        let mut range = Range {
            subtype: "text".into(),
            multirange: None,
            opclass: None,
            collation: None,
            canonical: None,
            subtype_diff: None,
        };
        assert_eq!(
            range.create("s.r".into(), Quoting::default()),
            "CREATE TYPE s.r AS RANGE (\n    subtype = text\n);\n"
        );
        range.multirange = Some("s.rs".into());
        range.opclass = Some(("S".into(), "ops".into()));
        range.collation = Some(("pg_catalog".into(), "C".into()));
        range.canonical = Some("s.f".into());
        range.subtype_diff = Some("s.g".into());
        assert_eq!(
            range.create("s.r".into(), Quoting::default()),
            "CREATE TYPE s.r AS RANGE (\n    subtype = text,\n    multirange_type_name = s.rs,\n    \
             subtype_opclass = \"S\".ops,\n    collation = pg_catalog.\"C\",\n    canonical = s.f,\n    \
             subtype_diff = s.g\n);\n"
        );
    }
}
