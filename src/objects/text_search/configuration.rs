//! A text search configuration: a parser, and the dictionaries for each kind of its tokens.

use std::collections::HashMap;

use bstr::BString;

use crate::connect::Columns;
use crate::error::Result;
use crate::objects::row::{ObjectRow, read_rows};
use crate::objects::{Body, Catalog, Components, Emitter, Object, Reader, attributes, class};
use crate::sql::{put, text};
use crate::toc::{Desc, Section};

/// A text search configuration.
#[derive(Debug)]
pub struct Configuration {
    /// The schema of its parser.
    pub parser_schema: BString,
    /// The name of its parser.
    pub parser: BString,
    /// Which dictionaries look at which tokens.
    pub mappings: Vec<Mapping>,
}

/// The dictionaries for one kind of token.
#[derive(Debug)]
pub struct Mapping {
    /// The bare name of the kind of token.
    pub token: BString,
    /// The dictionaries in their order, as SQL.
    pub dictionaries: Vec<BString>,
}

/// What [`read`] brings.
#[derive(Debug)]
pub struct Rows {
    configurations: Vec<ObjectRow<Configuration>>,
    mappings: HashMap<u32, Vec<Mapping>>,
}

/// Reads all text search configurations that are not the system's own.
///
/// # Errors
/// If a query fails.
pub async fn read(reader: &Reader<'_>) -> Result<Rows> {
    let first = reader.first_oid;
    let configurations = &format!(
        "SELECT c.oid, c.cfgname, c.cfgnamespace, c.cfgowner, COALESCE(n.nspname, ''), COALESCE(p.prsname, '') \
         FROM pg_catalog.pg_ts_config c \
         LEFT JOIN pg_catalog.pg_ts_parser p ON p.oid = c.cfgparser \
         LEFT JOIN pg_catalog.pg_namespace n ON n.oid = p.prsnamespace \
         WHERE c.oid >= {first} ORDER BY c.oid"
    );
    let mappings = &format!(
        "SELECT m.mapcfg, \
            (SELECT t.alias FROM pg_catalog.ts_token_type(c.cfgparser) AS t WHERE t.tokid = m.maptokentype), \
            pg_catalog.array_agg(m.mapdict::pg_catalog.regdictionary::pg_catalog.text ORDER BY m.mapseqno) \
         FROM pg_catalog.pg_ts_config_map m JOIN pg_catalog.pg_ts_config c ON c.oid = m.mapcfg \
         WHERE c.oid >= {first} \
         GROUP BY m.mapcfg, m.maptokentype, c.cfgparser ORDER BY m.mapcfg, m.maptokentype"
    );
    let (configurations, mapping_rows) = futures_util::try_join!(
        read_rows(reader, "text search configurations", configurations, |c| {
            Ok(Configuration {
                parser_schema: c.text()?,
                parser: c.text()?,
                mappings: Vec::new(),
            })
        }),
        reader.rows("mappings of text search configurations", mappings, &[]),
    )?;
    let mut mappings: HashMap<u32, Vec<Mapping>> = HashMap::new();
    for row in &mapping_rows {
        let mut c = Columns::new(row);
        let of = mappings.entry(c.oid()?).or_default();
        of.push(Mapping {
            token: c.opt_text()?.unwrap_or_default(),
            dictionaries: c.texts()?,
        });
    }
    Ok(Rows {
        configurations,
        mappings,
    })
}

/// Adds them to the catalog.
///
/// # Errors
/// If a configuration's schema was not read.
pub fn add(catalog: &mut Catalog, rows: Rows) -> Result<()> {
    let mut mappings = rows.mappings;
    for mut row in rows.configurations {
        row.body.mappings = mappings.remove(&row.oid).unwrap_or_default();
        row.add(catalog, class::PG_TS_CONFIG, Body::TsConfiguration)?;
    }
    Ok(())
}

/// CREATE TEXT SEARCH CONFIGURATION with its mappings, and its comment.
pub fn emit(object: &Object, configuration: &Configuration, out: &mut Emitter<'_>) {
    let catalog = out.catalog;
    let quoting = catalog.quoting;
    if object.dumps(Components::DEFINITION) {
        if configuration.parser.is_empty() {
            out.fail_without("parser", object);
        }
        let name = text!("TEXT SEARCH CONFIGURATION ", catalog.qualified(object));
        let parser = quoting.qualified(&configuration.parser_schema, &configuration.parser);
        let mut create = text!("CREATE ", name, " (\n    PARSER = ", parser, " );\n");
        for mapping in &configuration.mappings {
            let token = quoting.ident(&mapping.token);
            let dictionaries = bstr::join(", ", &mapping.dictionaries);
            put!(create; "\nALTER ", name, "\n    ADD MAPPING FOR ", token, " WITH ", dictionaries, ";\n");
        }
        let mut entry = out.entry(object, Desc::TextSearchConfiguration, Section::PreData);
        entry.definition = Some(create);
        entry.drop_statement = Some(text!("DROP ", name, ";\n"));
        out.push(entry);
    }
    attributes::emit(
        out,
        object,
        "TEXT SEARCH CONFIGURATION",
        catalog.ident(object).as_ref(),
    );
}
