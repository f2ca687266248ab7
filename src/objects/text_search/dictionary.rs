//! A text search dictionary: a template with options.

use bstr::BString;

use crate::error::Result;
use crate::objects::row::{ObjectRow, read_rows};
use crate::objects::{Body, Catalog, Components, Emitter, Object, Reader, attributes, class};
use crate::sql::{put, text};
use crate::toc::{Desc, Section};

/// A text search dictionary.
#[derive(Debug)]
pub struct Dictionary {
    /// The schema of its template.
    pub template_schema: BString,
    /// The name of its template, empty if that is gone.
    pub template: BString,
    /// Its options as SQL, which is how the catalog keeps them.
    pub options: Option<BString>,
}

/// Reads all text search dictionaries that are not the system's own.
///
/// # Errors
/// If the query fails.
pub async fn read(reader: &Reader<'_>) -> Result<Vec<ObjectRow<Dictionary>>> {
    let first = reader.first_oid;
    let sql = &format!(
        "SELECT d.oid, d.dictname, d.dictnamespace, d.dictowner, COALESCE(n.nspname, ''), COALESCE(t.tmplname, ''), d.dictinitoption \
         FROM pg_catalog.pg_ts_dict d \
         LEFT JOIN pg_catalog.pg_ts_template t ON t.oid = d.dicttemplate \
         LEFT JOIN pg_catalog.pg_namespace n ON n.oid = t.tmplnamespace \
         WHERE d.oid >= {first} ORDER BY d.oid"
    );
    read_rows(reader, "text search dictionaries", sql, |c| {
        Ok(Dictionary {
            template_schema: c.text()?,
            template: c.text()?,
            options: c.opt_text()?,
        })
    })
    .await
}

/// Adds them to the catalog.
///
/// # Errors
/// If a dictionary's schema was not read.
pub fn add(catalog: &mut Catalog, rows: Vec<ObjectRow<Dictionary>>) -> Result<()> {
    for row in rows {
        row.add(catalog, class::PG_TS_DICT, Body::TsDictionary)?;
    }
    Ok(())
}

/// CREATE TEXT SEARCH DICTIONARY and its comment.
pub fn emit(object: &Object, dictionary: &Dictionary, out: &mut Emitter<'_>) {
    let catalog = out.catalog;
    if object.dumps(Components::DEFINITION) {
        if dictionary.template.is_empty() {
            out.fail_without("template", object);
        }
        let name = text!("TEXT SEARCH DICTIONARY ", catalog.qualified(object));
        let template = catalog
            .quoting
            .qualified(&dictionary.template_schema, &dictionary.template);
        let mut create = text!("CREATE ", name, " (\n    TEMPLATE = ", template);
        if let Some(options) = &dictionary.options {
            put!(create; ",\n    ", options);
        }
        put!(create; " );\n");
        let mut entry = out.entry(object, Desc::TextSearchDictionary, Section::PreData);
        entry.definition = Some(create);
        entry.drop_statement = Some(text!("DROP ", name, ";\n"));
        out.push(entry);
    }
    attributes::emit(
        out,
        object,
        "TEXT SEARCH DICTIONARY",
        catalog.ident(object).as_ref(),
    );
}
