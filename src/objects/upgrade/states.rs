//! How far subscriptions are, which pg_upgrade keeps from release 17 on: tables that are known to them, the
//! position of each, whether it runs.

use std::collections::HashMap;

use bstr::BString;

use crate::connect::Columns;
use crate::error::Result;
use crate::objects::{Body, Catalog, Components, Emitter, Object, Reader, class};
use crate::sql::{put, text};
use crate::toc::{CatalogId, Desc, DumpId, Section};

/// What a subscription knows of one table.
#[derive(Debug)]
pub struct SubscriptionTable {
    /// The subscription.
    pub subscription: DumpId,
    /// The oid of the table.
    pub table: u32,
    /// `srsubstate`
    pub state: u8,
    /// `srsublsn`
    pub position: Option<BString>,
}

/// How far a subscription is.
#[derive(Debug, Default)]
pub(super) struct SubscriptionState {
    position: Option<BString>,
    enabled: bool,
}

/// A row of `pg_subscription_rel`.
#[derive(Debug)]
pub(super) struct Row {
    subscription: u32,
    table: u32,
    state: u8,
    position: Option<BString>,
}

type States = (HashMap<u32, SubscriptionState>, Vec<Row>);

/// Reads the states of this database's subscriptions.
pub(super) async fn read(reader: &Reader<'_>) -> Result<States> {
    const OF_THIS_DATABASE: &str = "s.subdbid = (SELECT d.oid FROM pg_catalog.pg_database d \
         WHERE d.datname = pg_catalog.current_database())";
    if !reader.is_superuser() {
        return Ok(States::default());
    }
    let subscriptions = format!(
        "SELECT s.oid, o.remote_lsn::pg_catalog.text, s.subenabled FROM pg_catalog.pg_subscription s \
         LEFT JOIN pg_catalog.pg_replication_origin_status o \
            ON o.external_id = pg_catalog.format('pg_%s', s.oid) \
         WHERE {OF_THIS_DATABASE}"
    );
    let tables = format!(
        "SELECT r.srsubid, r.srrelid, r.srsubstate, r.srsublsn::pg_catalog.text \
         FROM pg_catalog.pg_subscription_rel r JOIN pg_catalog.pg_subscription s ON s.oid = r.srsubid \
         WHERE {OF_THIS_DATABASE} ORDER BY r.srsubid, r.srrelid"
    );
    // pg_upgrade does not keep them of older servers.
    let v = reader.version;
    let no_subscriptions = "SELECT 0::oid, NULL::pg_catalog.text, false WHERE false";
    let no_tables = "SELECT 0::oid, 0::oid, 'r'::pg_catalog.\"char\", NULL::pg_catalog.text WHERE false";
    let subscriptions = v.pick(17, subscriptions.as_str(), no_subscriptions);
    let tables = v.pick(17, tables.as_str(), no_tables);
    let (subscriptions, tables) = futures_util::try_join!(
        reader.rows("states of subscriptions", subscriptions, &[]),
        reader.rows("tables of subscriptions", tables, &[]),
    )?;
    let mut states = States::default();
    for row in &subscriptions {
        let mut c = Columns::new(row);
        let oid = c.oid()?;
        let state = SubscriptionState {
            position: c.opt_text()?,
            enabled: c.bool()?,
        };
        states.0.insert(oid, state);
    }
    for row in &tables {
        let mut c = Columns::new(row);
        states.1.push(Row {
            subscription: c.oid()?,
            table: c.oid()?,
            state: c.char()?,
            position: c.opt_text()?,
        });
    }
    Ok(states)
}

/// Adds what the subscriptions know of their tables as objects, before it is decided what is wanted.
pub(in crate::objects) fn add_subscription_tables(catalog: &mut Catalog) {
    let Some(upgrade) = &mut catalog.upgrade else {
        return;
    };
    for row in std::mem::take(&mut upgrade.subscription_tables) {
        let found = (
            catalog.find(class::PG_SUBSCRIPTION, row.subscription),
            catalog.find(class::PG_CLASS, row.table),
        );
        let (Some(subscription), Some(table)) = found else {
            continue;
        };
        let of = catalog.object(table);
        let (name, schema, owner) = (of.name.clone(), of.schema, catalog.object(subscription).owner);
        let body = SubscriptionTable {
            subscription,
            table: row.table,
            state: row.state,
            position: row.position,
        };
        let object = catalog.add(
            CatalogId::default(),
            name,
            Body::SubscriptionTable(Box::new(body)),
        );
        object.schema = schema;
        object.owner = owner;
        object.dependencies = vec![subscription, table];
    }
}

/// What brings a subscription back to where it was, after it is made. Empty but for pg_upgrade.
pub(in crate::objects) fn subscription_state(out: &Emitter<'_>, object: &Object) -> BString {
    let catalog = out.catalog;
    let mut sql = BString::default();
    let upgrade = catalog.upgrade.as_deref();
    let Some(state) = upgrade.and_then(|upgrade| upgrade.subscriptions.get(&object.catalog_id.oid)) else {
        return sql;
    };
    if let Some(position) = &state.position {
        put!(sql; "\n-- For binary upgrade, must preserve the remote_lsn for the subscriber's replication origin.\n\
            SELECT pg_catalog.binary_upgrade_replorigin_advance(", catalog.quoting.literal(&object.name), ", '",
            position, "');\n");
    }
    if state.enabled {
        put!(sql; "\n-- For binary upgrade, must preserve the subscriber's running state.\nALTER SUBSCRIPTION ",
            catalog.ident(object), " ENABLE;\n");
    }
    sql
}

/// The entry of a subscription's table.
pub(in crate::objects) fn emit_subscription_table(
    object: &Object,
    body: &SubscriptionTable,
    out: &mut Emitter<'_>,
) {
    let catalog = out.catalog;
    if out.options.no_subscriptions || !object.dumps(Components::DEFINITION) {
        return;
    }
    let subscription = catalog.object(body.subscription);
    let mut entry = out.entry(object, Desc::SubscriptionTable, Section::PostData);
    entry.tag = text!(subscription.name, " ", object.name);
    let position = match &body.position {
        Some(position) => text!("'", position, "'"),
        None => "NULL".into(),
    };
    entry.definition = Some(text!(
        "\n-- For binary upgrade, must preserve the subscriber table.\n",
        "SELECT pg_catalog.binary_upgrade_add_sub_rel_state(",
        catalog.quoting.literal(&subscription.name),
        format!(", {}, '{}', ", body.table, char::from(body.state)),
        position,
        ");\n"
    ));
    out.push(entry);
}
