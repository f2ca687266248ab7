//! A text search parser: what splits documents into tokens.

use bstr::BString;

use crate::error::Result;
use crate::objects::row::{ObjectRow, read_rows};
use crate::objects::{Body, Catalog, Components, Emitter, Object, Reader, attributes, class};
use crate::sql::{put, text};
use crate::toc::{Desc, Section};

/// A text search parser; its functions as SQL.
#[derive(Debug)]
pub struct Parser {
    /// Begins.
    pub start: BString,
    /// Gives the next token.
    pub token: BString,
    /// Ends.
    pub end: BString,
    /// Makes a headline.
    pub headline: Option<BString>,
    /// Lists the kinds of tokens.
    pub token_types: BString,
}

/// Reads all text search parsers that are not the system's own.
///
/// # Errors
/// If the query fails.
pub async fn read(reader: &Reader<'_>) -> Result<Vec<ObjectRow<Parser>>> {
    let first = reader.first_oid;
    let sql = &format!(
        "SELECT p.oid, p.prsname, p.prsnamespace, NULL::oid, p.prsstart::pg_catalog.text, \
            p.prstoken::pg_catalog.text, p.prsend::pg_catalog.text, \
            CASE WHEN p.prsheadline <> 0 THEN p.prsheadline::pg_catalog.text END, p.prslextype::pg_catalog.text \
         FROM pg_catalog.pg_ts_parser p WHERE p.oid >= {first} ORDER BY p.oid"
    );
    read_rows(reader, "text search parsers", sql, |c| {
        Ok(Parser {
            start: c.text()?,
            token: c.text()?,
            end: c.text()?,
            headline: c.opt_text()?,
            token_types: c.text()?,
        })
    })
    .await
}

/// Adds them to the catalog.
///
/// # Errors
/// If a parser's schema was not read.
pub fn add(catalog: &mut Catalog, rows: Vec<ObjectRow<Parser>>) -> Result<()> {
    for row in rows {
        row.add(catalog, class::PG_TS_PARSER, Body::TsParser)?;
    }
    Ok(())
}

/// CREATE TEXT SEARCH PARSER and its comment.
pub fn emit(object: &Object, parser: &Parser, out: &mut Emitter<'_>) {
    let catalog = out.catalog;
    if object.dumps(Components::DEFINITION) {
        let name = text!("TEXT SEARCH PARSER ", catalog.qualified(object));
        let mut create = text!("CREATE ", name, " (\n    START = ", parser.start);
        put!(create; ",\n    GETTOKEN = ", parser.token, ",\n    END = ", parser.end);
        if let Some(headline) = &parser.headline {
            put!(create; ",\n    HEADLINE = ", headline);
        }
        put!(create; ",\n    LEXTYPES = ", parser.token_types, " );\n");
        let mut entry = out.entry(object, Desc::TextSearchParser, Section::PreData);
        entry.definition = Some(create);
        entry.drop_statement = Some(text!("DROP ", name, ";\n"));
        out.push(entry);
    }
    attributes::emit(out, object, "TEXT SEARCH PARSER", catalog.ident(object).as_ref());
}
