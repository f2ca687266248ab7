//! The kinds that are read in one go, because few databases have many of them and each row says everything:
//! what lives beside types, functions and relations.
//!
//! Only the list of them is here; each has a file of its own.

use std::collections::HashMap;

use super::opfamily::Members;
use super::row::ObjectRow;
use super::{
    Catalog, Reader, access_method, cast, collation, conversion, foreign, opclass, operator, opfamily,
    text_search, transform,
};
use crate::error::Result;
use crate::toc::CatalogId;

/// What [`read`] brings.
#[derive(Debug)]
pub struct Rows {
    access_methods: Vec<ObjectRow<access_method::AccessMethod>>,
    casts: Vec<ObjectRow<cast::Cast>>,
    collations: Vec<ObjectRow<collation::Collation>>,
    conversions: Vec<ObjectRow<conversion::Conversion>>,
    operators: Vec<ObjectRow<operator::Operator>>,
    opclasses: Vec<ObjectRow<opclass::OpClass>>,
    opfamilies: Vec<ObjectRow<opfamily::OpFamily>>,
    members: HashMap<CatalogId, Members>,
    transforms: Vec<ObjectRow<transform::Transform>>,
    parsers: Vec<ObjectRow<text_search::parser::Parser>>,
    templates: Vec<ObjectRow<text_search::template::Template>>,
    dictionaries: Vec<ObjectRow<text_search::dictionary::Dictionary>>,
    configurations: text_search::configuration::Rows,
    wrappers: Vec<ObjectRow<foreign::wrapper::ForeignDataWrapper>>,
    servers: foreign::server::Rows,
}

/// Reads all objects of these kinds.
///
/// # Errors
/// If a query fails.
pub async fn read(reader: &Reader<'_>) -> Result<Rows> {
    let (
        access_methods,
        casts,
        collations,
        conversions,
        operators,
        opclasses,
        opfamilies,
        members,
        transforms,
        parsers,
        templates,
        dictionaries,
        configurations,
        wrappers,
        servers,
    ) = futures_util::try_join!(
        access_method::read(reader),
        cast::read(reader),
        collation::read(reader),
        conversion::read(reader),
        operator::read(reader),
        opclass::read(reader),
        opfamily::read(reader),
        opfamily::read_members(reader),
        transform::read(reader),
        text_search::parser::read(reader),
        text_search::template::read(reader),
        text_search::dictionary::read(reader),
        text_search::configuration::read(reader),
        foreign::wrapper::read(reader),
        foreign::server::read(reader),
    )?;
    Ok(Rows {
        access_methods,
        casts,
        collations,
        conversions,
        operators,
        opclasses,
        opfamilies,
        members,
        transforms,
        parsers,
        templates,
        dictionaries,
        configurations,
        wrappers,
        servers,
    })
}

/// Adds them to the catalog.
///
/// # Errors
/// If an object's schema was not read.
pub fn add(catalog: &mut Catalog, rows: Rows) -> Result<()> {
    access_method::add(catalog, rows.access_methods)?;
    cast::add(catalog, rows.casts)?;
    collation::add(catalog, rows.collations)?;
    conversion::add(catalog, rows.conversions)?;
    operator::add(catalog, rows.operators)?;
    opclass::add(catalog, rows.opclasses)?;
    opfamily::add(catalog, rows.opfamilies)?;
    opfamily::add_members(catalog, rows.members);
    transform::add(catalog, rows.transforms)?;
    text_search::parser::add(catalog, rows.parsers)?;
    text_search::template::add(catalog, rows.templates)?;
    text_search::dictionary::add(catalog, rows.dictionaries)?;
    text_search::configuration::add(catalog, rows.configurations)?;
    foreign::wrapper::add(catalog, rows.wrappers)?;
    foreign::server::add(catalog, rows.servers)
}
