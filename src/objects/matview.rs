//! Materialized views: CREATE MATERIALIZED VIEW and their population.
//!
//! A materialized view is a [`Table`] with a query, which [`super::view`] reads. It is made empty; its rows come
//! from a REFRESH after everything else ([`RefreshMatview`]), in the order in which materialized views read
//! each other. What else a materialized view shares with tables (storage, statistics) is emitted there.

use std::collections::HashMap;

use bstr::BString;

use super::table::{RelKind, Table, put_storage_parameters};
use super::{Body, Catalog, Components, Emitter, Object};
use crate::sql::{put, text};
use crate::toc::{CatalogId, Desc, DumpId, Section};

/// The population of a materialized view.
#[derive(Debug)]
pub struct RefreshMatview {
    /// The materialized view.
    pub view: DumpId,
}

/// `CREATE MATERIALIZED VIEW`, unpopulated.
pub fn create(catalog: &Catalog, view: &Object, table: &Table) -> BString {
    let mut out = text!("CREATE MATERIALIZED VIEW ", catalog.qualified(view));
    put_storage_parameters(&mut out, catalog, table);
    let query = table.view_definition.as_ref().map_or(&b""[..], |query| query);
    put!(out; " AS\n", query, "\n  WITH NO DATA;\n");
    out
}

/// Adds the population of a materialized view as an object: wanted as its data are.
pub fn add_refresh(catalog: &mut Catalog, view: DumpId) -> DumpId {
    let of = catalog.object(view);
    // Like a table's rows it is no row of a catalog, but remembers whose it is.
    let row = CatalogId {
        tableoid: 0,
        oid: of.catalog_id.oid,
    };
    let (name, schema, owner) = (of.name.clone(), of.schema, of.owner);
    let refresh = catalog.add(row, name, Body::RefreshMatview(Box::new(RefreshMatview { view })));
    refresh.schema = schema;
    refresh.owner = owner;
    refresh.has = Components::DATA;
    refresh.depend_on(view);
    let id = refresh.id;
    if let Body::Table(table) = &mut catalog.object_mut(view).body {
        table.data = Some(id);
    }
    id
}

/// Makes every REFRESH wait for those of the materialized views that its query reads, through any number of
/// views. What reads an unpopulated one cannot be populated itself.
///
/// The dependencies of rules must be in the catalog already, loops not yet repaired.
pub fn order_refreshes(catalog: &mut Catalog) {
    let sources = Sources::of(catalog);
    let matviews: Vec<DumpId> = catalog
        .objects()
        .iter()
        .filter(|object| is_kind(object, |kind| kind == RelKind::MaterializedView))
        .map(|object| object.id)
        .collect();
    for view in matviews {
        for source in sources.matviews_below(catalog, view) {
            let (Some(own), Some(other)) = (table(catalog, view), table(catalog, source)) else {
                continue;
            };
            let (refresh, after, populated) = (own.data, other.data, other.populated);
            if let (Some(refresh), Some(after)) = (refresh, after) {
                catalog.object_mut(refresh).depend_on(after);
            }
            if !populated && let Body::Table(table) = &mut catalog.object_mut(view).body {
                table.populated = false;
            }
        }
    }
}

/// `REFRESH MATERIALIZED VIEW`, unless it was not populated when it was dumped.
pub fn emit(object: &Object, refresh: &RefreshMatview, out: &mut Emitter<'_>) {
    let view = out.catalog.object(refresh.view);
    let populated = table(out.catalog, refresh.view).is_some_and(|table| table.populated);
    if !populated || !object.dumps(Components::DATA) {
        return;
    }
    let mut entry = out.entry(object, Desc::MaterializedViewData, Section::PostData);
    entry.definition = Some(text!(
        "REFRESH MATERIALIZED VIEW ",
        out.catalog.qualified(view),
        ";\n"
    ));
    entry.dependencies = object.dependencies.clone();
    out.push(entry);
}

/// Which views and materialized views the query of each one reads.
struct Sources(HashMap<DumpId, Vec<DumpId>>);

impl Sources {
    fn of(catalog: &Catalog) -> Sources {
        let mut sources: HashMap<DumpId, Vec<DumpId>> = HashMap::new();
        for object in catalog.objects() {
            if let Body::Rule(rule) = &object.body {
                let reads = object.dependencies.iter().copied().filter(|id| {
                    *id != rule.table
                        && is_kind(catalog.object(*id), |kind| {
                            matches!(kind, RelKind::View | RelKind::MaterializedView)
                        })
                });
                sources.entry(rule.table).or_default().extend(reads);
            }
        }
        Sources(sources)
    }

    /// The materialized views that `view` reads at any depth; never itself.
    fn matviews_below(&self, catalog: &Catalog, view: DumpId) -> Vec<DumpId> {
        let mut seen = vec![view];
        let mut next = 0;
        while let Some(at) = seen.get(next) {
            for source in self.0.get(at).into_iter().flatten() {
                if !seen.contains(source) {
                    seen.push(*source);
                }
            }
            next += 1;
        }
        seen.retain(|id| {
            *id != view && is_kind(catalog.object(*id), |kind| kind == RelKind::MaterializedView)
        });
        seen
    }
}

fn is_kind(object: &Object, is: impl FnOnce(RelKind) -> bool) -> bool {
    matches!(&object.body, Body::Table(table) if is(table.relkind))
}

fn table(catalog: &Catalog, id: DumpId) -> Option<&Table> {
    match &catalog.object(id).body {
        Body::Table(table) => Some(table),
        _ => None,
    }
}
