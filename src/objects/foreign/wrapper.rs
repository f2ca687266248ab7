//! A foreign-data wrapper.

use bstr::BString;

use super::options_column;
use crate::error::Result;
use crate::objects::acl::acl_columns;
use crate::objects::row::{ObjectRow, read_rows_with_acl};
use crate::objects::{Body, Catalog, Components, Emitter, Object, Reader, attributes, class};
use crate::sql::{Grantable, put, text};
use crate::toc::{Desc, Section};

/// A foreign-data wrapper.
#[derive(Debug)]
pub struct ForeignDataWrapper {
    /// The function that does the work, as SQL.
    pub handler: Option<BString>,
    /// The function that checks options, as SQL.
    pub validator: Option<BString>,
    /// Its options as SQL, empty if there are none.
    pub options: BString,
}

/// Reads all foreign-data wrappers.
///
/// # Errors
/// If the query fails.
pub async fn read(reader: &Reader<'_>) -> Result<Vec<ObjectRow<ForeignDataWrapper>>> {
    let options = options_column("f.fdwoptions");
    let acl = acl_columns("f.fdwacl", 'F', "f.fdwowner");
    let sql = format!(
        "SELECT f.oid, f.fdwname, NULL::oid, f.fdwowner, \
            CASE WHEN f.fdwhandler <> 0 THEN f.fdwhandler::pg_catalog.regproc::pg_catalog.text END, \
            CASE WHEN f.fdwvalidator <> 0 THEN f.fdwvalidator::pg_catalog.regproc::pg_catalog.text END, \
            {options}, {acl} \
         FROM pg_catalog.pg_foreign_data_wrapper f ORDER BY f.oid"
    );
    read_rows_with_acl(reader, "foreign-data wrappers", &sql, |c| {
        Ok(ForeignDataWrapper {
            handler: c.opt_text()?,
            validator: c.opt_text()?,
            options: c.text()?,
        })
    })
    .await
}

/// Adds them to the catalog.
///
/// # Errors
/// Never; a wrapper lives in no schema.
pub fn add(catalog: &mut Catalog, rows: Vec<ObjectRow<ForeignDataWrapper>>) -> Result<()> {
    for row in rows {
        row.add(catalog, class::PG_FOREIGN_DATA_WRAPPER, Body::ForeignDataWrapper)?;
    }
    Ok(())
}

/// CREATE FOREIGN DATA WRAPPER, and what hangs on it.
pub fn emit(object: &Object, wrapper: &ForeignDataWrapper, out: &mut Emitter<'_>) {
    let name = out.catalog.ident(object);
    if object.dumps(Components::DEFINITION) {
        let mut create = text!("CREATE FOREIGN DATA WRAPPER ", name);
        if let Some(handler) = &wrapper.handler {
            put!(create; " HANDLER ", handler);
        }
        if let Some(validator) = &wrapper.validator {
            put!(create; " VALIDATOR ", validator);
        }
        if !wrapper.options.is_empty() {
            put!(create; " OPTIONS (\n    ", wrapper.options, "\n)");
        }
        put!(create; ";\n");
        let mut entry = out.entry(object, Desc::ForeignDataWrapper, Section::PreData);
        entry.definition = Some(create);
        entry.drop_statement = Some(text!("DROP FOREIGN DATA WRAPPER ", name, ";\n"));
        out.push(entry);
    }
    attributes::emit(out, object, "FOREIGN DATA WRAPPER", name.as_ref());
    attributes::acl(out, object, Grantable::ForeignDataWrapper, name.as_ref());
}
