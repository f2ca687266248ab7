//! A procedural language (`pg_language`).

use bstr::BString;

use super::acl::acl_columns;
use super::{Acl, Body, Catalog, Components, Emitter, Object, Reader, attributes, class};
use crate::connect::Columns;
use crate::error::Result;
use crate::sql::{Grantable, put, text};
use crate::toc::{CatalogId, Desc, Section};

/// A procedural language.
#[derive(Debug)]
pub struct Language {
    /// Ordinary users may make functions in it.
    pub trusted: bool,
    /// The function that runs its functions.
    pub handler: u32,
    /// The function that runs DO blocks, 0 if there is none.
    pub inline: u32,
    /// The function that checks new functions, 0 if there is none.
    pub validator: u32,
}

/// One language as the catalog has it.
#[derive(Debug)]
pub struct Row {
    oid: u32,
    name: BString,
    owner: u32,
    acl: Option<Box<Acl>>,
    language: Language,
}

/// Reads all procedural languages.
///
/// # Errors
/// If the query fails.
pub async fn read(reader: &Reader<'_>) -> Result<Vec<Row>> {
    let acl = acl_columns("l.lanacl", 'l', "l.lanowner");
    let sql = format!(
        "SELECT l.oid, l.lanname, l.lanowner, {acl}, l.lanpltrusted, l.lanplcallfoid, l.laninline, l.lanvalidator \
         FROM pg_catalog.pg_language l WHERE l.lanispl ORDER BY l.oid"
    );
    let rows = reader.rows("languages", &sql, &[]).await?;
    rows.iter()
        .map(|row| {
            let mut c = Columns::new(row);
            Ok(Row {
                oid: c.oid()?,
                name: c.text()?,
                owner: c.oid()?,
                acl: Acl::read(&mut c)?,
                language: Language {
                    trusted: c.bool()?,
                    handler: c.oid()?,
                    inline: c.oid()?,
                    validator: c.oid()?,
                },
            })
        })
        .collect()
}

/// Adds them to the catalog.
pub fn add(catalog: &mut Catalog, rows: Vec<Row>) {
    for row in rows {
        let id = CatalogId {
            tableoid: class::PG_LANGUAGE,
            oid: row.oid,
        };
        let object = catalog.add(id, row.name, Body::Language(Box::new(row.language)));
        object.owner = row.owner;
        object.set_acl(row.acl);
    }
}

/// CREATE LANGUAGE, with its functions if they are dumped too. Without them the statement means CREATE EXTENSION,
/// which must not fail where the language is there already.
pub fn emit(object: &Object, language: &Language, out: &mut Emitter<'_>) {
    let catalog = out.catalog;
    let name = catalog.ident(object);
    if object.dumps(Components::DEFINITION) {
        let mut entry = out.entry(object, Desc::ProceduralLanguage, Section::PreData);
        entry.drop_statement = Some(text!("DROP PROCEDURAL LANGUAGE ", name, ";\n"));
        entry.definition = Some(match functions(catalog, language) {
            Some(functions) => {
                let trusted = if language.trusted { "TRUSTED " } else { "" };
                text!("CREATE ", trusted, "PROCEDURAL LANGUAGE ", name, functions, ";\n")
            }
            None => text!("CREATE OR REPLACE PROCEDURAL LANGUAGE ", name, ";\n"),
        });
        out.push(entry);
    }
    attributes::emit(out, object, "LANGUAGE", name.as_ref());
    if language.trusted {
        attributes::acl(out, object, Grantable::Language, name.as_ref());
    }
}

/// The clauses that name the language's functions; `None` unless all of them are dumped.
fn functions(catalog: &Catalog, language: &Language) -> Option<BString> {
    let mut out = BString::default();
    for (clause, oid) in [
        (" HANDLER ", language.handler),
        (" INLINE ", language.inline),
        (" VALIDATOR ", language.validator),
    ] {
        if oid == 0 && clause != " HANDLER " {
            continue;
        }
        let function = catalog.object(catalog.find(class::PG_PROC, oid)?);
        if function.dump.is_empty() {
            return None;
        }
        put!(out; clause, catalog.qualified(function));
    }
    Some(out)
}
