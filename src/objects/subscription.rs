//! Subscriptions: made unconnected, so that a restore does not touch the publisher.
//!
//! Their connection strings may hold passwords, so only superusers can read them; for others they
//! are left out with a warning.

use bstr::{BString, ByteSlice};

use super::{Body, Catalog, Components, Emitter, Object, Reader, attributes, class, upgrade};
use crate::connect::Columns;
use crate::error::Result;
use crate::sql::{Quoting, put, text};
use crate::toc::{CatalogId, Desc, Section};

/// A subscription.
#[derive(Debug)]
pub struct Subscription {
    /// How the publisher is reached.
    pub connection: BString,
    /// The replication slot.
    pub slot: Option<BString>,
    /// What is subscribed to.
    pub publications: Vec<BString>,
    /// `synchronous_commit` of the workers.
    pub synchronous_commit: BString,
    /// Rows come in binary form.
    pub binary: bool,
    /// `t`, `f` or `p` (parallel): transactions come before they end.
    pub streaming: BString,
    /// Prepared transactions are prepared here, too.
    pub two_phase: bool,
    /// An error disables it.
    pub disable_on_error: bool,
    /// Its owner must log in with a password.
    pub password_required: bool,
    /// Rows are written as its owner, not as the tables'.
    pub run_as_owner: bool,
    /// `any`, or `none` for rows that came from nowhere else.
    pub origin: BString,
    /// The slot survives a failover.
    pub failover: bool,
}

/// What [`read`] brings.
#[derive(Debug, Default)]
pub struct Rows {
    subscriptions: Vec<Row>,
    /// How many there are that could not be read.
    hidden: i64,
}

#[derive(Debug)]
struct Row {
    oid: u32,
    name: BString,
    owner: u32,
    body: Subscription,
}

/// Reads the subscriptions of this database.
///
/// # Errors
/// If the query fails.
pub async fn read(reader: &Reader<'_>) -> Result<Rows> {
    let v = reader.version;
    if !v.at_least(10) {
        return Ok(Rows::default());
    }
    let of_this_database = "FROM pg_catalog.pg_subscription s WHERE s.subdbid = \
         (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())";
    if !reader.is_superuser() {
        let sql = format!("SELECT pg_catalog.count(*) {of_this_database}");
        let rows = reader.rows("subscriptions", &sql, &[]).await?;
        let hidden = rows.first().map_or(Ok(0), |row| Columns::new(row).int8())?;
        return Ok(Rows {
            hidden,
            ..Rows::default()
        });
    }
    let binary = v.pick(14, "s.subbinary", "false");
    // A boolean until 16.
    let streaming = v.pick(
        16,
        "s.substream::text",
        v.pick(14, "CASE WHEN s.substream THEN 't' ELSE 'f' END", "'f'::text"),
    );
    let two_phase = v.pick(15, "s.subtwophasestate <> 'd'", "false");
    let disable_on_error = v.pick(15, "s.subdisableonerr", "false");
    let password_required = v.pick(16, "s.subpasswordrequired", "true");
    let run_as_owner = v.pick(16, "s.subrunasowner", "true");
    let origin = v.pick(16, "s.suborigin", "'any'::text");
    let failover = v.pick(17, "s.subfailover", "false");
    let sql = format!(
        "SELECT s.oid, s.subname, s.subowner, s.subconninfo, s.subslotname, s.subpublications, \
            s.subsynccommit, {binary}, {streaming}, {two_phase}, {disable_on_error}, {password_required}, \
            {run_as_owner}, {origin}, {failover} {of_this_database} ORDER BY s.oid"
    );
    let rows = reader.rows("subscriptions", &sql, &[]).await?;
    let subscriptions = rows
        .iter()
        .map(|row| {
            let mut c = Columns::new(row);
            Ok(Row {
                oid: c.oid()?,
                name: c.text()?,
                owner: c.oid()?,
                body: Subscription {
                    connection: c.text()?,
                    slot: c.opt_text()?,
                    publications: c.texts()?,
                    synchronous_commit: c.text()?,
                    binary: c.bool()?,
                    streaming: c.text()?,
                    two_phase: c.bool()?,
                    disable_on_error: c.bool()?,
                    password_required: c.bool()?,
                    run_as_owner: c.bool()?,
                    origin: c.text()?,
                    failover: c.bool()?,
                },
            })
        })
        .collect::<Result<_>>()?;
    Ok(Rows {
        subscriptions,
        hidden: 0,
    })
}

/// Adds them to the catalog, with a warning if there are some that could not be read.
pub fn add(catalog: &mut Catalog, rows: Rows) {
    if rows.hidden > 0 {
        let warning = "subscriptions not dumped because current user is not a superuser";
        catalog.warnings.push(warning.to_owned());
    }
    for row in rows.subscriptions {
        let id = CatalogId {
            tableoid: class::PG_SUBSCRIPTION,
            oid: row.oid,
        };
        let object = catalog.add(id, row.name, Body::Subscription(Box::new(row.body)));
        object.owner = row.owner;
    }
}

/// The subscription, its comment and security labels.
pub fn emit(object: &Object, subscription: &Subscription, out: &mut Emitter<'_>) {
    if out.options.no_subscriptions {
        return;
    }
    let name = out.catalog.ident(object);
    if object.dumps(Components::DEFINITION) {
        let mut entry = out.entry(object, Desc::Subscription, Section::PostData);
        entry.definition = Some(text!(
            "CREATE SUBSCRIPTION ",
            name,
            subscription.definition(out.catalog.quoting, out.options.knows(14)),
            upgrade::subscription_state(out, object)
        ));
        entry.drop_statement = Some(text!("DROP SUBSCRIPTION ", name, ";\n"));
        out.push(entry);
    }
    attributes::emit(out, object, "SUBSCRIPTION", name.as_ref());
}

impl Subscription {
    /// What follows the name.
    fn definition(&self, quoting: Quoting, can_stream: bool) -> BString {
        let publications = self.publications.iter().map(|name| quoting.ident(name));
        let mut out = text!(
            " CONNECTION ",
            quoting.literal(&self.connection),
            " PUBLICATION ",
            bstr::join(", ", publications),
            " WITH (connect = false, slot_name = "
        );
        match &self.slot {
            Some(slot) => put!(out; quoting.literal(slot)),
            None => put!(out; "NONE"),
        }
        if self.binary {
            put!(out; ", binary = true");
        }
        put!(out; match self.streaming.as_bytes() {
            b"t" => ", streaming = on",
            b"p" => ", streaming = parallel",
            _ if can_stream => ", streaming = off",
            _ => "",
        });
        let options = [
            (self.two_phase, ", two_phase = on"),
            (self.disable_on_error, ", disable_on_error = true"),
            (!self.password_required, ", password_required = false"),
            (self.run_as_owner, ", run_as_owner = true"),
            (self.failover, ", failover = true"),
        ];
        for (_, option) in options.iter().filter(|(set, _)| *set) {
            put!(out; option);
        }
        if self.synchronous_commit != "off" {
            put!(out; ", synchronous_commit = ", quoting.ident(&self.synchronous_commit));
        }
        if !self.origin.eq_ignore_ascii_case(b"any") {
            put!(out; ", origin = ", self.origin);
        }
        put!(out; ");\n");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Subscription {
        Subscription {
            connection: "host='h'".into(),
            slot: None,
            publications: vec!["p".into(), "Q".into()],
            synchronous_commit: "off".into(),
            binary: false,
            streaming: "f".into(),
            two_phase: false,
            disable_on_error: false,
            password_required: true,
            run_as_owner: false,
            origin: "any".into(),
            failover: false,
        }
    }

    #[test]
    fn options_with_their_defaults_are_not_mentioned() {
        assert_eq!(
            plain().definition(Quoting::default(), true),
            " CONNECTION 'host=''h''' PUBLICATION p, \"Q\" \
             WITH (connect = false, slot_name = NONE, streaming = off);\n"
        );
    }

    #[test]
    fn all_other_options_are() {
        let subscription = Subscription {
            slot: Some("s".into()),
            synchronous_commit: "on".into(),
            binary: true,
            streaming: "p".into(),
            two_phase: true,
            disable_on_error: true,
            password_required: false,
            run_as_owner: true,
            origin: "none".into(),
            failover: true,
            ..plain()
        };
        let sql = subscription.definition(Quoting::default(), true);
        let options = sql.split_once_str(" WITH (").expect("options").1;
        assert_eq!(
            options.as_bstr(),
            "connect = false, slot_name = 's', binary = true, streaming = parallel, two_phase = on, \
             disable_on_error = true, password_required = false, run_as_owner = true, failover = true, \
             synchronous_commit = \"on\", origin = none);\n"
        );
    }
}
