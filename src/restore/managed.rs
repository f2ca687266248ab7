//! Restores by a user who is no superuser, as managed services give one: what only others may do is left out, and each
//! thing that is left out is told as a [`Skip`].
//!
//! Some of it is known beforehand from the server's roles, tablespaces and access methods: [`Managed::prepare`] takes owners, grants
//! and attributes out of the entries. The rest is tried, because services differ in what they let their users do, and passed
//! over when the server says that it is not allowed, or when it needs something that was passed over. Tables, their rows,
//! sequences, schemas and large objects are never passed over: that they cannot be restored stays an error.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use bstr::{BStr, BString, ByteSlice};

use super::report::{EntryName, Skip};
use super::roles::names_roles;
use crate::connect::ServerVersion;
use crate::error::{Error, Result};
use crate::sql::Quoting;
use crate::sql::roles::{Does, RoleStatement, statements, without_superusers_attributes};
use crate::toc::kind::OwnerForm;
use crate::toc::{Desc, DumpId, Entry, Wanted};
use crate::wire::{Lane, LaneError, ServerError};

/// What the server lets the restore's user do, as far as it can be asked for.
#[derive(Debug, Default)]
pub(super) struct Rights {
    superuser: bool,
    /// Every role, and whether objects can be given to it.
    roles: HashMap<BString, bool>,
    /// Tablespaces that may be used.
    tablespaces: HashSet<BString>,
    /// Access methods for tables.
    access_methods: HashSet<BString>,
}

/// A restore by an ordinary user under way; shared by all its lanes.
#[derive(Debug, Default)]
pub(super) struct Managed {
    /// What each entry needs.
    dependencies: HashMap<DumpId, Vec<DumpId>>,
    /// What was passed over so far.
    skipped: Mutex<HashSet<DumpId>>,
}

impl Rights {
    /// Asks the server, as the role that will restore and in the encoding of the names to come.
    pub(super) async fn ask(
        lane: &mut Lane,
        version: ServerVersion,
        encoding: &BStr,
        role: Option<&BString>,
    ) -> Result<Rights> {
        const DOING: &str = "asking which roles there are";
        let quoting = Quoting::default();
        let mut setup = b"SET client_encoding = ".to_vec();
        setup.extend_from_slice(&quoting.literal(encoding));
        lane.simple(&setup).await?.check(DOING)?;
        if let Some(role) = role {
            let sql = [b"SET ROLE ", quoting.ident(role).as_slice()].concat();
            lane.simple(&sql).await?.check(DOING)?;
        }
        // Before release 16 every member may become the role; since then that is granted apart.
        let may_set = version.pick(
            16,
            "pg_catalog.pg_has_role(oid, 'USAGE') AND pg_catalog.pg_has_role(oid, 'SET')",
            "pg_catalog.pg_has_role(oid, 'USAGE')",
        );
        let mut rights = Rights::default();
        let roles = format!(
            "SELECT rolname, {may_set}, rolname = current_user AND rolsuper FROM pg_catalog.pg_roles"
        );
        for [name, usable, superuser] in rows(lane, DOING, &roles).await? {
            rights.superuser |= superuser == "t";
            rights.roles.insert(name, usable == "t");
        }
        let tablespaces = "SELECT spcname, '', '' FROM pg_catalog.pg_tablespace \
            WHERE pg_catalog.has_tablespace_privilege(oid, 'CREATE')";
        for [name, ..] in rows(lane, DOING, tablespaces).await? {
            rights.tablespaces.insert(name);
        }
        let methods = "SELECT amname, '', '' FROM pg_catalog.pg_am";
        for [name, ..] in rows(lane, DOING, methods).await? {
            rights.access_methods.insert(name);
        }
        Ok(rights)
    }

    /// Why objects cannot be given to a role, if they cannot.
    fn why_not_owner(&self, role: &BStr) -> Option<String> {
        match self.roles.get(role.as_bytes()) {
            None => Some(missing(role)),
            Some(true) => None,
            Some(false) => Some(format!("not a member of role \"{role}\"")),
        }
    }

    fn lacks(&self, role: &BStr) -> bool {
        !self.roles.contains_key(role.as_bytes())
    }
}

impl Managed {
    /// Takes out of the entries what cannot be restored, and tells what that was.
    pub(super) fn prepare(
        rights: &Rights,
        toc: &mut [Entry],
        wanted: &mut [Wanted],
    ) -> (Arc<Managed>, Vec<Skip>) {
        let mut skips = Vec::new();
        let managed = Managed {
            dependencies: needs(toc),
            skipped: Mutex::default(),
        };
        for (entry, wanted) in toc.iter_mut().zip(wanted) {
            // What has only data has no owner that would be set.
            if !wanted.definition && (entry.had_dumper || !wanted.data) {
                continue;
            }
            let mut taken = Taken {
                name: EntryName::from(&*entry),
                skips: &mut skips,
            };
            if !matches!(entry.desc.owner_form(), OwnerForm::None | OwnerForm::Unknown)
                && !entry.drop_text().is_empty()
                && !entry.owner_name().is_empty()
                && let Some(why) = rights.why_not_owner(entry.owner_name())
            {
                taken.skip(format!("owner \"{}\"", entry.owner_name()), why);
                entry.owner = None;
            }
            taken.places(rights, entry);
            if !rights.superuser && matches!(entry.desc, Desc::Function | Desc::Procedure) {
                taken.attributes(entry);
            }
            if entry.desc != Desc::Schema && names_roles(&entry.desc) && !taken.roles(rights, entry) {
                *wanted = Wanted::NOTHING;
                managed.skipped().insert(entry.dump_id);
            }
        }
        (Arc::new(managed), skips)
    }

    /// What to say instead of an error, if what failed can be passed over.
    pub(super) fn forgive(&self, entry: Option<&EntryName>, sql: &BStr, error: &ServerError) -> Option<Skip> {
        let entry = entry?;
        let denied = matches!(
            error.sqlstate.as_str(),
            // insufficient_privilege; a subscription without password is refused as prohibited.
            "42501" | "2F003"
        );
        let skip = |what: &str, why: &str| {
            Some(Skip {
                entry: entry.clone(),
                what: what.into(),
                why: why.into(),
                sqlstate: Some(error.sqlstate.clone()),
            })
        };
        if sets_owner(sql) {
            return skip("owner", &error.message).filter(|_| denied);
        }
        if holds_data(&entry.desc) {
            return None;
        }
        // Only a superuser may have an aggregate with such a state; the server has no code of its own for that.
        let denied = denied || entry.desc == Desc::Aggregate && sql.contains_str("STYPE = internal");
        // Of several grants on an object, it is said which.
        let is_grant = matches!(entry.desc, Desc::Acl | Desc::DefaultAcl);
        let shown = sql.trim_end_with(|c| matches!(c, '\n' | ';')).to_str_lossy();
        let shown = if is_grant { &*shown } else { "" };
        let needs_skipped = self.needs_skipped(entry.dump_id);
        if !denied && !needs_skipped {
            return None;
        }
        self.skipped().insert(entry.dump_id);
        match denied {
            true => skip(shown, &error.message),
            false => skip(shown, &format!("needs what was skipped: {}", error.message)),
        }
    }

    fn needs_skipped(&self, id: DumpId) -> bool {
        let skipped = self.skipped();
        let needs = self.dependencies.get(&id);
        needs.is_some_and(|needs| needs.iter().any(|id| skipped.contains(id)))
    }

    fn skipped(&self) -> std::sync::MutexGuard<'_, HashSet<DumpId>> {
        self.skipped.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is taken out of one entry.
struct Taken<'a> {
    name: EntryName,
    skips: &'a mut Vec<Skip>,
}

impl Taken<'_> {
    fn skip(&mut self, what: impl Into<BString>, why: impl Into<BString>) {
        self.skips.push(Skip {
            entry: self.name.clone(),
            what: what.into(),
            why: why.into(),
            sqlstate: None,
        });
    }

    /// A tablespace or access method that is not to be had gives way to the default.
    fn places(&mut self, rights: &Rights, entry: &mut Entry) {
        if let Some(tablespace) = entry.tablespace.as_mut().filter(|name| !name.is_empty())
            && !rights.tablespaces.contains(&***tablespace)
        {
            self.skip(
                format!("tablespace \"{tablespace}\""),
                "it is not there or must not be used",
            );
            *tablespace = "".into();
        }
        if let Some(method) = entry.table_am.as_mut().filter(|name| !name.is_empty())
            && !rights.access_methods.contains(&**method)
        {
            self.skip(format!("access method \"{method}\""), "it is not there");
            *method = "heap".into();
        }
    }

    fn attributes(&mut self, entry: &mut Entry) {
        if let Some(without) = without_superusers_attributes(entry.definition_text()) {
            entry.definition = Some(without);
            self.skip("LEAKPROOF, SUPPORT", "only a superuser may say so");
        }
    }

    /// Takes out what is said of roles that are missing, and changes of user; returns whether the entry is to be restored.
    fn roles(&mut self, rights: &Rights, entry: &mut Entry) -> bool {
        let Some(definition) = entry.definition.take() else {
            return true;
        };
        let mut kept = BString::default();
        let mut end = 0;
        let mut any = false;
        for statement in statements(definition.as_bstr()) {
            end = statement.range.end;
            let text = definition.get(statement.range.clone()).unwrap_or_default();
            let text = self.statement(rights, &statement, text.as_bstr());
            any |= !text.is_empty();
            kept.extend_from_slice(&text);
        }
        kept.extend_from_slice(definition.get(end..).unwrap_or_default());
        let nothing_left = end > 0 && !any;
        entry.definition = Some(if nothing_left { definition } else { kept });
        !nothing_left
    }

    /// What is left of a statement.
    fn statement(&mut self, rights: &Rights, statement: &RoleStatement, text: &BStr) -> BString {
        let shown = text.trim_end_with(|c| matches!(c, '\n' | ';')).as_bstr();
        match statement.does {
            Does::BecomeGrantor if !rights.superuser => {
                self.skip(shown, "only a superuser may; the owner grants instead");
                return BString::default();
            }
            Does::ResetGrantor if !rights.superuser => return BString::default(),
            Does::Policy => return self.policy(rights, statement, text),
            _ => {}
        }
        match statement
            .roles
            .iter()
            .find(|role| rights.lacks(role.name.as_bstr()))
        {
            Some(role) => {
                self.skip(shown, missing(role.name.as_bstr()));
                BString::default()
            }
            None => text.into(),
        }
    }

    /// A policy for some roles is for those of them that are there. One for none of them is not for everybody.
    fn policy(&mut self, rights: &Rights, statement: &RoleStatement, text: &BStr) -> BString {
        let roles = &statement.roles;
        let lacking = roles.iter().filter(|role| rights.lacks(role.name.as_bstr()));
        let names: Vec<&BStr> = lacking.map(|role| role.name.as_bstr()).collect();
        let (Some(first), Some(last), false) = (roles.first(), roles.last(), names.is_empty()) else {
            return text.into();
        };
        for name in &names {
            self.skip(format!("for role \"{name}\""), missing(name));
        }
        let left = roles.iter().filter(|role| !rights.lacks(role.name.as_bstr()));
        let left: Vec<BString> = left.map(|role| Quoting::default().ident(&role.name)).collect();
        if left.is_empty() {
            return BString::default();
        }
        let start = statement.range.start;
        let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default();
        let mut out = BString::from(part(0..first.range.start - start));
        out.extend_from_slice(&bstr::join(", ", &left));
        out.extend_from_slice(part(last.range.end - start..text.len()));
        out
    }
}

/// What each entry needs: what the archive says, and for user mappings, of which it says nothing, their server.
fn needs(toc: &[Entry]) -> HashMap<DumpId, Vec<DumpId>> {
    let servers: Vec<_> = toc.iter().filter(|entry| entry.desc == Desc::Server).collect();
    let mut needs = HashMap::with_capacity(toc.len());
    for entry in toc {
        let mut ids = entry.dependencies.clone();
        if entry.desc == Desc::UserMapping {
            let of = |server: &&&Entry| {
                entry
                    .tag
                    .ends_with(&[b" SERVER ", server.tag.as_slice()].concat())
            };
            ids.extend(servers.iter().filter(of).map(|server| server.dump_id));
        }
        needs.insert(entry.dump_id, ids);
    }
    needs
}

/// Whether a statement is the one that gives an object to its owner.
fn sets_owner(sql: &BStr) -> bool {
    sql.starts_with(b"ALTER ") && sql.contains_str(" OWNER TO ")
}

/// Whether passing over such an entry would lose data, or what holds it.
fn holds_data(desc: &Desc) -> bool {
    desc.counts_as_data()
        || desc.is_table_data()
        || desc.is_large_objects()
        || matches!(
            desc,
            Desc::Schema | Desc::Table | Desc::TableAttach | Desc::Sequence | Desc::Database
        )
}

fn missing(role: &BStr) -> String {
    format!("role \"{role}\" does not exist")
}

/// The rows of a query of three columns; null is nothing.
async fn rows(lane: &mut Lane, doing: &str, sql: &str) -> Result<Vec<[BString; 3]>> {
    let told = |error: LaneError| Error::from(error).context(doing);
    let mut select = lane.select(sql.as_bytes()).await.map_err(told)?;
    let mut rows = Vec::new();
    while let Some(row) = select.next().await.map_err(told)? {
        let mut values = row.values()?;
        let mut next = || match values.next() {
            Some(value) => Ok::<_, Error>(value?.unwrap_or_default().into()),
            None => Ok(BString::default()),
        };
        rows.push([next()?, next()?, next()?]);
    }
    Ok(rows)
}
