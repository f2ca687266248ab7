//! Reading a database into a [`Catalog`]: every kind's queries, in two phases.
//!
//! The base phase reads all objects of all kinds, barely more than their names. Then selection decides, the
//! wanted tables are locked, and the details phase reads what only wanted objects need. Within a phase all
//! queries run together, so that the number of round trips does not grow with the number of objects.

use bstr::BString;
use postgres_types::Type;

use super::selection::{self, Selection};
use super::table::{RelKind, constraint::ConstraintKind, constraint::ConstraintOn};
use super::{
    Body, Catalog, Components, Object, Reader, aggregate, attributes, class, default_acl, depends,
    event_trigger, extended_statistics, extension, function, language, large_object, matview, policy,
    publication, rule, schema, sequence, subscription, table, trigger, types, upgrade, view, whole,
};
use crate::connect::Columns;
use crate::error::Result;
use crate::sql::{Quoting, put, text};
use crate::toc::DumpId;

/// What is read, besides which objects are.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// Definitions are wanted.
    pub schema: bool,
    /// Rows, sequence values and the population of materialized views are wanted.
    pub data: bool,
    /// Sequence values are wanted even without other data.
    pub sequence_values: bool,
    /// Planner statistics are wanted.
    pub statistics: bool,
    /// Subscriptions are wanted.
    pub subscriptions: bool,
    /// Large objects are wanted.
    pub large_objects: LargeObjects,
    /// The dump is for pg_upgrade.
    pub upgrade: bool,
    /// How long to wait for a table's lock, as `statement_timeout` takes it.
    pub lock_wait_timeout: Option<String>,
    /// How names are quoted.
    pub quoting: Quoting,
}

/// Whether and how large objects become entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LargeObjects {
    /// Left out.
    None,
    /// Those with the same owner and grants together.
    Grouped,
    /// Each by itself (archives before 1.16).
    Single,
}

/// The statements that lock the tables of a dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locks {
    /// Waiting for each lock, for no longer than was asked for.
    pub waiting: BString,
    /// Failing where a lock is not to be had at once.
    pub at_once: BString,
}

/// Reads what is wanted of a database, ready to be put in order.
///
/// `lock` runs the statements that lock tables, in a transaction that lasts as long as the dump.
///
/// # Errors
/// If the server refuses a query or a lock, or if the catalogs contradict each other.
pub async fn read(
    reader: &Reader<'_>,
    selection: &Selection,
    options: &ReadOptions,
    lock: impl AsyncFnOnce(&Locks) -> Result<()>,
) -> Result<Catalog> {
    let mut catalog = Catalog::new(reader.version, options.quoting);
    read_base(reader, selection, options, &mut catalog).await?;
    add_data(reader, selection, options, &mut catalog).await?;
    let lock_and_read = async {
        let waiting = lock_statements(options, &catalog, "");
        if !waiting.is_empty() {
            let at_once = lock_statements(options, &catalog, " NOWAIT");
            lock(&Locks { waiting, at_once }).await?;
        }
        read_details(reader, options, &mut catalog).await
    };
    // A further session has nothing else to do while the tables are locked.
    let ((), dependencies) = futures_util::try_join!(lock_and_read, depends::read(reader))?;

    depends::add(&mut catalog, &dependencies);
    matview::order_refreshes(&mut catalog);
    if options.data && !options.schema {
        let links = foreign_keys(&catalog);
        selection::order_data_by_foreign_keys(&mut catalog, links);
    }
    attributes::mark(&mut catalog)?;
    Ok(catalog)
}

/// The base phase: all objects, and what is wanted of each.
async fn read_base(
    reader: &Reader<'_>,
    selection: &Selection,
    options: &ReadOptions,
    catalog: &mut Catalog,
) -> Result<()> {
    let (
        attributes,
        members,
        extensions,
        schemas,
        relations,
        rules,
        functions,
        aggregates,
        types,
        languages,
        default_acls,
        large_objects,
        event_triggers,
        extended_statistics,
        publications,
        subscriptions,
        whole,
        upgrade,
    ) = futures_util::try_join!(
        attributes::read(reader),
        depends::read_members(reader),
        extension::read(reader),
        schema::read(reader),
        table::relation::read(reader),
        rule::read(reader),
        function::read(reader, options.upgrade),
        aggregate::read(reader),
        types::read(reader),
        language::read(reader),
        default_acl::read(reader),
        read_large_objects(reader, options),
        event_trigger::read(reader),
        extended_statistics::read(reader),
        publication::read(reader),
        read_subscriptions(reader, options),
        whole::read(reader),
        read_upgrade(reader, options),
    )?;
    catalog.upgrade = upgrade;
    extension::add(catalog, extensions);
    schema::add(catalog, schemas);
    table::relation::add(catalog, relations)?;
    function::add(catalog, functions)?;
    types::add(catalog, types)?;
    language::add(catalog, languages);
    aggregate::add(catalog, aggregates)?;
    default_acl::add(catalog, default_acls)?;
    event_trigger::add(catalog, event_triggers);
    extended_statistics::add(catalog, extended_statistics)?;
    let published = publication::add(catalog, publications);
    subscription::add(catalog, subscriptions);
    upgrade::add_subscription_tables(catalog);
    whole::add(catalog, whole)?;
    large_object::add(
        catalog,
        &large_objects,
        options.large_objects == LargeObjects::Single,
    );
    depends::add_members(catalog, &members);
    attributes::add(catalog, attributes);
    selection::select(catalog, selection);
    rule::add(catalog, rules)?;
    publication::add_members(catalog, published, selection.with_everything());
    Ok(())
}

async fn read_subscriptions(reader: &Reader<'_>, options: &ReadOptions) -> Result<subscription::Rows> {
    match options.subscriptions {
        true => subscription::read(reader).await,
        false => Ok(subscription::Rows::default()),
    }
}

async fn read_upgrade(reader: &Reader<'_>, options: &ReadOptions) -> Result<Option<Box<upgrade::Upgrade>>> {
    match options.upgrade {
        // On the heap: the future of all that is read at once would be the larger for it in every dump.
        true => Box::pin(upgrade::read(reader))
            .await
            .map(|upgrade| Some(Box::new(upgrade))),
        false => Ok(None),
    }
}

async fn read_large_objects(reader: &Reader<'_>, options: &ReadOptions) -> Result<Vec<large_object::Row>> {
    match options.large_objects {
        LargeObjects::None => Ok(Vec::new()),
        LargeObjects::Grouped | LargeObjects::Single => large_object::read(reader).await,
    }
}

/// Adds what the selected relations hold.
async fn add_data(
    reader: &Reader<'_>,
    selection: &Selection,
    options: &ReadOptions,
    catalog: &mut Catalog,
) -> Result<()> {
    let values = options.data || options.sequence_values;
    let configuration = selection::add_extension_data(catalog, selection, values);
    if !configuration.is_empty() {
        let links = read_foreign_keys(reader, catalog, &configuration).await?;
        selection::order_data_by_foreign_keys(catalog, links);
    }
    if options.data {
        selection::add_data(catalog, selection, |_| true);
    } else if options.sequence_values {
        selection::add_data(catalog, selection, |kind| kind == RelKind::Sequence);
    }
    Ok(())
}

/// The details phase: all that only wanted objects need.
async fn read_details(reader: &Reader<'_>, options: &ReadOptions, catalog: &mut Catalog) -> Result<()> {
    let tables = relations(catalog, |_, table| {
        table.interesting && table.relkind != RelKind::Sequence
    });
    let sequences = relations(catalog, |_, table| {
        table.interesting && table.relkind == RelKind::Sequence
    });
    let defined = |object: &Object| object.dump.intersects(Components::DEFINITION);
    let views = relations(catalog, |object, table| {
        defined(object) && matches!(table.relkind, RelKind::View | RelKind::MaterializedView)
    });
    let ruled = relations(catalog, |object, table| defined(object) && table.has_rules);
    let statistics = extended_statistics::wanted(catalog);
    let policed = policy::wanted(catalog);
    let triggered = relations(catalog, |object, table| defined(object) && table.has_triggers);
    let functions = function::wanted(catalog);
    let aggregates = aggregate::wanted(catalog);
    let data_types = types::wanted(catalog);
    let values = options.data || options.sequence_values;
    let counted = match options.statistics {
        true => table::statistics::wanted(catalog),
        false => Vec::new(),
    };

    let (
        tables,
        counts,
        sequences,
        views,
        rules,
        triggers,
        statistics,
        policies,
        functions,
        aggregates,
        data_types,
    ) = futures_util::try_join!(
        table::details::read(reader, &tables),
        table::statistics::read(reader, &counted),
        sequence::read_details(reader, &sequences, values),
        view::read_details(reader, &views),
        rule::read_details(reader, &ruled),
        trigger::read_details(reader, &triggered),
        extended_statistics::read_details(reader, &statistics),
        policy::read_details(reader, &policed),
        function::read_details(reader, &functions),
        aggregate::read_details(reader, &aggregates),
        types::read_details(reader, &data_types),
    )?;
    table::details::add(catalog, tables)?;
    table::statistics::add(catalog, counts)?;
    sequence::add_details(catalog, sequences)?;
    view::add_details(catalog, views)?;
    rule::add_details(catalog, rules);
    trigger::add_details(catalog, triggers);
    extended_statistics::add_details(catalog, statistics);
    policy::add_details(catalog, policies);
    function::add_details(catalog, functions);
    aggregate::add_details(catalog, aggregates);
    types::add_details(catalog, data_types);
    Ok(())
}

/// The oids of some relations.
fn relations(catalog: &Catalog, wanted: impl Fn(&Object, &table::Table) -> bool) -> Vec<u32> {
    let objects = catalog.objects().iter();
    objects
        .filter(|object| matches!(&object.body, Body::Table(table) if wanted(object, table)))
        .map(|object| object.catalog_id.oid)
        .collect()
}

/// What keeps the tables that are dumped from being dropped or altered until the dump is done.
fn lock_statements(options: &ReadOptions, catalog: &Catalog, how: &str) -> BString {
    /// A statement is ended when it is this long; the server keeps all of it in memory.
    const STATEMENT: usize = 100_000;
    let parts = Components::DEFINITION | Components::DATA | Components::STATISTICS | Components::POLICY;
    let tables = catalog.objects().iter().filter(|object| {
        object.dump.intersects(parts)
            && matches!(&object.body, Body::Table(table)
                if matches!(table.relkind, RelKind::Table | RelKind::Partitioned))
    });
    let mut statements = text!();
    let mut begun = None;
    for table in tables {
        let start = *begun.get_or_insert(statements.len());
        let word = if start == statements.len() {
            "LOCK TABLE "
        } else {
            ", "
        };
        put!(statements; word, catalog.qualified(table));
        if statements.len() - start > STATEMENT {
            put!(statements; " IN ACCESS SHARE MODE", how, ";\n");
            begun = None;
        }
    }
    if begun.is_some() {
        put!(statements; " IN ACCESS SHARE MODE", how, ";\n");
    }
    match &options.lock_wait_timeout {
        Some(timeout) if !statements.is_empty() => {
            let limit = text!(
                "SET statement_timeout = ",
                options.quoting.literal(timeout),
                ";\n"
            );
            text!(limit, statements, "SET statement_timeout = 0;\n")
        }
        _ => statements,
    }
}

/// The foreign keys among the objects: the table of each, and the one it references.
fn foreign_keys(catalog: &Catalog) -> Vec<(DumpId, DumpId)> {
    let keys = catalog.objects().iter().filter_map(|object| match &object.body {
        Body::Constraint(constraint) if constraint.kind == ConstraintKind::ForeignKey => {
            match (constraint.on, constraint.referenced) {
                (ConstraintOn::Table(table), Some(referenced)) => Some((table, referenced)),
                _ => None,
            }
        }
        _ => None,
    });
    keys.collect()
}

/// The same for tables of extensions, whose constraints are no objects.
async fn read_foreign_keys(
    reader: &Reader<'_>,
    catalog: &Catalog,
    tables: &[u32],
) -> Result<Vec<(DumpId, DumpId)>> {
    const SQL: &str = "SELECT conrelid, confrelid FROM pg_catalog.pg_constraint \
         WHERE contype = 'f' AND conrelid = ANY ($1) AND confrelid = ANY ($1) ORDER BY oid";
    let rows = reader
        .rows("foreign keys of extensions", SQL, &[(&tables, Type::OID_ARRAY)])
        .await?;
    let mut links = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut c = Columns::new(row);
        let mut table = || Ok::<_, crate::Error>(catalog.find(class::PG_CLASS, c.oid()?));
        if let (Some(table), Some(referenced)) = (table()?, table()?) {
            links.push((table, referenced));
        }
    }
    Ok(links)
}
