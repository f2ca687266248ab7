//! A text search template: the code of dictionaries.

use bstr::BString;

use crate::error::Result;
use crate::objects::row::{ObjectRow, read_rows};
use crate::objects::{Body, Catalog, Components, Emitter, Object, Reader, attributes, class};
use crate::sql::{put, text};
use crate::toc::{Desc, Section};

/// A text search template; its functions as SQL.
#[derive(Debug)]
pub struct Template {
    /// Sets a dictionary up.
    pub init: Option<BString>,
    /// Looks a token up.
    pub lexize: BString,
}

/// Reads all text search templates that are not the system's own.
///
/// # Errors
/// If the query fails.
pub async fn read(reader: &Reader<'_>) -> Result<Vec<ObjectRow<Template>>> {
    let first = reader.first_oid;
    let sql = &format!(
        "SELECT t.oid, t.tmplname, t.tmplnamespace, NULL::oid, \
            CASE WHEN t.tmplinit <> 0 THEN t.tmplinit::pg_catalog.text END, t.tmpllexize::pg_catalog.text \
         FROM pg_catalog.pg_ts_template t WHERE t.oid >= {first} ORDER BY t.oid"
    );
    read_rows(reader, "text search templates", sql, |c| {
        Ok(Template {
            init: c.opt_text()?,
            lexize: c.text()?,
        })
    })
    .await
}

/// Adds them to the catalog.
///
/// # Errors
/// If a template's schema was not read.
pub fn add(catalog: &mut Catalog, rows: Vec<ObjectRow<Template>>) -> Result<()> {
    for row in rows {
        row.add(catalog, class::PG_TS_TEMPLATE, Body::TsTemplate)?;
    }
    Ok(())
}

/// CREATE TEXT SEARCH TEMPLATE and its comment.
pub fn emit(object: &Object, template: &Template, out: &mut Emitter<'_>) {
    let catalog = out.catalog;
    if object.dumps(Components::DEFINITION) {
        let name = text!("TEXT SEARCH TEMPLATE ", catalog.qualified(object));
        let mut create = text!("CREATE ", name, " (\n");
        if let Some(init) = &template.init {
            put!(create; "    INIT = ", init, ",\n");
        }
        put!(create; "    LEXIZE = ", template.lexize, " );\n");
        let mut entry = out.entry(object, Desc::TextSearchTemplate, Section::PreData);
        entry.definition = Some(create);
        entry.drop_statement = Some(text!("DROP ", name, ";\n"));
        out.push(entry);
    }
    attributes::emit(
        out,
        object,
        "TEXT SEARCH TEMPLATE",
        catalog.ident(object).as_ref(),
    );
}
