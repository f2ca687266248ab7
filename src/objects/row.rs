//! A row of a catalog as most kinds read it: the columns that all kinds share, and then a kind's own.

use bstr::BString;

use super::{Acl, Body, Catalog, Object, Reader};
use crate::connect::Columns;
use crate::error::Result;
use crate::toc::CatalogId;

/// One object as its catalog has it.
#[derive(Debug)]
pub struct ObjectRow<B> {
    pub(super) oid: u32,
    pub(super) name: BString,
    /// `None` for kinds that live in no schema.
    pub(super) schema: Option<u32>,
    /// 0 for kinds without an owner.
    pub(super) owner: u32,
    pub(super) acl: Option<Box<Acl>>,
    pub(super) body: B,
}

impl<B> ObjectRow<B> {
    /// Adds the object to the catalog as a row of the catalog `class`.
    ///
    /// # Errors
    /// If its schema was not read.
    pub(super) fn add(
        self,
        catalog: &mut Catalog,
        class: u32,
        body: impl FnOnce(Box<B>) -> Body,
    ) -> Result<&mut Object> {
        let schema = self.schema.map(|oid| catalog.schema(oid)).transpose()?;
        let id = CatalogId {
            tableoid: class,
            oid: self.oid,
        };
        let object = catalog.add(id, self.name, body(Box::new(self.body)));
        object.schema = schema;
        object.owner = self.owner;
        object.set_acl(self.acl);
        Ok(object)
    }
}

/// Runs a query whose first columns are oid, name, schema (may be null) and owner (may be null), and whose other
/// columns `body` takes.
pub(super) async fn read_rows<B>(
    reader: &Reader<'_>,
    what: &'static str,
    sql: &str,
    body: impl Fn(&mut Columns<'_>) -> Result<B>,
) -> Result<Vec<ObjectRow<B>>> {
    let rows = reader.rows(what, sql, &[]).await?;
    rows.iter()
        .map(|row| {
            let mut c = Columns::new(row);
            Ok(ObjectRow {
                oid: c.oid()?,
                name: c.text()?,
                schema: c.opt_oid()?,
                owner: c.opt_oid()?.unwrap_or(0),
                acl: None,
                body: body(&mut c)?,
            })
        })
        .collect()
}

/// As [`read_rows`], with the grants in the last columns ([`super::acl::acl_columns`]).
pub(super) async fn read_rows_with_acl<B>(
    reader: &Reader<'_>,
    what: &'static str,
    sql: &str,
    body: impl Fn(&mut Columns<'_>) -> Result<B>,
) -> Result<Vec<ObjectRow<B>>> {
    let both = |c: &mut Columns<'_>| Ok((body(c)?, Acl::read(c)?));
    let rows = read_rows(reader, what, sql, both).await?;
    let split = |row: ObjectRow<(B, Option<Box<Acl>>)>| ObjectRow {
        oid: row.oid,
        name: row.name,
        schema: row.schema,
        owner: row.owner,
        acl: row.body.1,
        body: row.body.0,
    };
    Ok(rows.into_iter().map(split).collect())
}
