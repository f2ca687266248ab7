//! What a dump for pg_upgrade (`--binary-upgrade`) says besides: the numbers and files of objects, which the new
//! cluster must give them again because it takes over the old one's files.
//!
//! [`Upgrade`] holds what is read for this alone; it is in the catalog only for such a dump, and that it is there
//! is how kinds know. The statements are in `emit`; what tables need is in `table`. Which objects are dumped
//! and in which order is not decided here.

mod emit;
mod states;
mod table;

use std::collections::HashMap;

use bstr::BString;

pub(super) use emit::{
    add_to_extension, database_version, datfrozenxid, empty_extension, enum_labels, initial_grants,
    large_objects, relation_oids, type_oids,
};
pub use states::SubscriptionTable;
pub(super) use states::{add_subscription_tables, emit_subscription_table, subscription_state};
pub(super) use table::{composite_column, put_table};

use super::{Cost, Reader};
use crate::connect::Columns;
use crate::error::Result;

/// What a dump for pg_upgrade needs to know of a database, by the oids of its objects.
#[derive(Debug, Default)]
pub struct Upgrade {
    storage: HashMap<u32, Storage>,
    /// The array types of types, 0 for those without. Every type is in it.
    arrays: HashMap<u32, u32>,
    /// By the range type: the multirange type and its array type.
    multiranges: HashMap<u32, (u32, u32)>,
    /// By relation and attribute number.
    dropped: HashMap<(u32, i16), DroppedColumn>,
    /// The same: the value of rows that are older than the column, as an array of one element.
    missing: HashMap<(u32, i16), BString>,
    /// By the enum: the oids of its labels, in their order.
    labels: HashMap<u32, Vec<u32>>,
    collations: HashMap<u32, BString>,
    /// By extension: `extconfig` and `extcondition` as text.
    extensions: HashMap<u32, (Option<BString>, Option<BString>)>,
    subscriptions: HashMap<u32, states::SubscriptionState>,
    subscription_tables: Vec<states::Row>,
}

/// Where a relation's rows are, and how old.
#[derive(Debug, Clone, Default)]
struct Storage {
    kind: u8,
    file: u32,
    age: Age,
    toast: u32,
    toast_file: u32,
    toast_age: Age,
    toast_index: u32,
    toast_index_file: u32,
}

/// `relfrozenxid` and `relminmxid`.
#[derive(Debug, Clone, Copy, Default)]
struct Age {
    frozen: u32,
    min_multi: u32,
}

/// What is left of a dropped column.
#[derive(Debug, Clone, Copy)]
struct DroppedColumn {
    length: i16,
    alignment: u8,
}

/// What a dump for pg_upgrade needs to know of the database itself.
#[derive(Debug, Clone, Default)]
pub struct DatabaseUpgrade {
    frozen: u32,
    min_multi: u32,
    collation_version: Option<BString>,
    /// `pg_largeobject` and its index: oid, file, age.
    large_objects: Vec<(u32, u32, Age)>,
}

/// Reads it.
///
/// # Errors
/// If the server refuses a query.
pub async fn read(reader: &Reader<'_>) -> Result<Upgrade> {
    let v = reader.version;
    let min_multi = |table: &str| match v.at_least(90_300) {
        true => format!("{table}.relminmxid"),
        false => String::from("0::oid"),
    };
    let (own, toast) = (min_multi("c"), min_multi("t"));
    let storage = format!(
        "SELECT c.oid, c.relkind, c.relfilenode, c.relfrozenxid, {own}, COALESCE(t.oid, 0::oid), \
            COALESCE(t.relfilenode, 0::oid), t.relfrozenxid, {toast}, COALESCE(x.oid, 0::oid), \
            COALESCE(x.relfilenode, 0::oid) \
         FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_class t ON t.oid = c.reltoastrelid \
            LEFT JOIN pg_catalog.pg_index i ON i.indrelid = t.oid AND i.indisvalid \
            LEFT JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid"
    );
    let multiranges = v.pick(
        14,
        "SELECT r.rngtypid, r.rngmultitypid, t.typarray FROM pg_catalog.pg_range r \
            JOIN pg_catalog.pg_type t ON t.oid = r.rngmultitypid",
        "SELECT 0::oid, 0::oid, 0::oid WHERE false",
    );
    let dropped = "SELECT attrelid, attnum, attlen, attalign FROM pg_catalog.pg_attribute \
         WHERE attisdropped AND attnum > 0";
    let missing = v.pick(
        11,
        "SELECT attrelid, attnum, attmissingval::pg_catalog.text FROM pg_catalog.pg_attribute \
            WHERE atthasmissing AND NOT attisdropped AND attmissingval IS NOT NULL",
        "SELECT 0::oid, 0::pg_catalog.int2, ''::pg_catalog.text WHERE false",
    );
    let labels = "SELECT enumtypid, oid FROM pg_catalog.pg_enum ORDER BY enumtypid, enumsortorder";
    let collations = v.pick(
        10,
        "SELECT oid, collversion FROM pg_catalog.pg_collation WHERE collversion IS NOT NULL",
        "SELECT 0::oid, ''::pg_catalog.text WHERE false",
    );
    let extensions = "SELECT oid, extconfig::pg_catalog.text, extcondition::pg_catalog.text \
         FROM pg_catalog.pg_extension";
    let pair = |row: &_| {
        let mut c = Columns::new(row);
        Ok((c.oid()?, c.oid()?))
    };
    let (storage, arrays, multiranges, dropped, missing, labels, collations, extensions, subscriptions) = futures_util::try_join!(
        reader.each(
            "files of relations",
            Cost(100_000),
            &storage,
            &[],
            storage_from_row
        ),
        reader.each(
            "array types",
            Cost(20_000),
            "SELECT oid, typarray FROM pg_catalog.pg_type",
            &[],
            pair
        ),
        reader.rows("multiranges", multiranges, &[]),
        reader.rows("dropped columns", dropped, &[]),
        reader.rows("missing values", missing, &[]),
        reader.each("oids of enum labels", Cost(0), labels, &[], pair),
        reader.rows("versions of collations", collations, &[]),
        reader.rows("configuration of extensions", extensions, &[]),
        states::read(reader),
    )?;
    let mut upgrade = Upgrade {
        storage: storage.into_iter().collect(),
        arrays: arrays.into_iter().collect(),
        subscriptions: subscriptions.0,
        subscription_tables: subscriptions.1,
        ..Upgrade::default()
    };
    for row in &multiranges {
        let mut c = Columns::new(row);
        upgrade.multiranges.insert(c.oid()?, (c.oid()?, c.oid()?));
    }
    for row in &dropped {
        let mut c = Columns::new(row);
        let place = (c.oid()?, c.int2()?);
        let column = DroppedColumn {
            length: c.int2()?,
            alignment: c.char()?,
        };
        upgrade.dropped.insert(place, column);
    }
    for row in &missing {
        let mut c = Columns::new(row);
        let place = (c.oid()?, c.int2()?);
        upgrade.missing.insert(place, c.text()?);
    }
    for (of, label) in labels {
        upgrade.labels.entry(of).or_default().push(label);
    }
    for row in &collations {
        let mut c = Columns::new(row);
        upgrade.collations.insert(c.oid()?, c.text()?);
    }
    for row in &extensions {
        let mut c = Columns::new(row);
        let oid = c.oid()?;
        upgrade.extensions.insert(oid, (c.opt_text()?, c.opt_text()?));
    }
    Ok(upgrade)
}

fn storage_from_row(row: &tokio_postgres::Row) -> Result<(u32, Storage)> {
    let mut c = Columns::new(row);
    let oid = c.oid()?;
    let storage = Storage {
        kind: c.char()?,
        file: c.oid()?,
        age: Age {
            frozen: c.oid()?,
            min_multi: c.oid()?,
        },
        toast: c.oid()?,
        toast_file: c.oid()?,
        toast_age: Age {
            frozen: c.opt_oid()?.unwrap_or(0),
            min_multi: c.opt_oid()?.unwrap_or(0),
        },
        toast_index: c.oid()?,
        toast_index_file: c.oid()?,
    };
    Ok((oid, storage))
}

/// Reads what concerns the database itself.
///
/// # Errors
/// If the server refuses a query.
pub async fn read_database(reader: &Reader<'_>) -> Result<DatabaseUpgrade> {
    let v = reader.version;
    let min_multi = v.pick(90_300, "datminmxid", "0::oid");
    let version = v.pick(15, "datcollversion", "NULL::pg_catalog.text");
    let database = format!(
        "SELECT datfrozenxid, {min_multi}, {version} FROM pg_catalog.pg_database \
         WHERE datname = pg_catalog.current_database()"
    );
    // In the order in which the server finds them, as with pg_dump.
    let min_multi = v.pick(90_300, "relminmxid", "0::oid");
    let relations = format!(
        "SELECT oid, relfilenode, relfrozenxid, {min_multi} FROM pg_catalog.pg_class WHERE oid IN (2613, 2683)"
    );
    let (database, relations) = futures_util::try_join!(
        reader.rows("the database's age", &database, &[]),
        reader.rows("files of large objects", &relations, &[]),
    )?;
    let mut upgrade = DatabaseUpgrade::default();
    if let Some(row) = database.first() {
        let mut c = Columns::new(row);
        (upgrade.frozen, upgrade.min_multi) = (c.oid()?, c.oid()?);
        upgrade.collation_version = c.opt_text()?;
    }
    for row in &relations {
        let mut c = Columns::new(row);
        let (oid, file) = (c.oid()?, c.oid()?);
        let age = Age {
            frozen: c.oid()?,
            min_multi: c.oid()?,
        };
        upgrade.large_objects.push((oid, file, age));
    }
    Ok(upgrade)
}

impl Upgrade {
    /// The version of a collation, if it has one.
    pub(super) fn collation_version(&self, oid: u32) -> Option<&BString> {
        self.collations.get(&oid)
    }
}
