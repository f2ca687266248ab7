//! A script as it is written: what the session is set to so far decides what each entry needs.
//!
//! One [`Script`] belongs to one session, or to one file. It is told what to emit next; the order comes from
//! [`Plan`] or from whoever spreads entries over several sessions.

use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};

use super::step::Purpose;
use super::{Ownership, Plan, Step, Transactions, announce, banner, database, drops, settings::around};
use crate::error::Result;
use crate::toc::{DumpId, Entry, Name};

/// The state of a script: the session's user, schema, tablespace and access method, as far as known.
#[derive(Debug, Clone)]
pub struct Script {
    pub(super) plan: Arc<Plan>,
    user: Option<BString>,
    schema: Option<BString>,
    tablespace: Option<Name>,
    access_method: Option<Name>,
    /// Actions since the transaction began, where they are counted.
    actions: u32,
    pub(super) restores_definitions: bool,
}

impl Script {
    /// A script for a fresh session.
    pub fn new(plan: Arc<Plan>) -> Script {
        Script {
            user: None,
            schema: None,
            tablespace: None,
            access_method: None,
            actions: 0,
            restores_definitions: plan.restores_definitions(),
            plan,
        }
    }

    /// The plan it follows.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The first lines and the session's settings.
    pub fn begin(&mut self) -> Vec<Step> {
        let options = self.plan.options();
        let mut steps = vec![banner::opening(self.plan.origin(), options)];
        if options.transactions == Transactions::Single {
            steps.push(Step::statement("BEGIN;\n\n", Purpose::Begin));
        }
        self.push_settings(&mut steps);
        steps
    }

    /// The drop of one of [`Plan::drops`].
    pub fn drop_object(&mut self, id: DumpId) -> Vec<Step> {
        let plan = Arc::clone(&self.plan);
        let Some(entry) = plan.entry(id) else {
            return Vec::new();
        };
        let mut steps = vec![announce::dropping(entry)];
        let counted = self.counts_actions();
        // No transaction block may hold these.
        let alone = counted && entry.desc.is_database();
        if alone {
            steps.push(Step::statement("COMMIT;\n", Purpose::Commit));
        }
        self.become_owner(entry, &mut steps);
        self.select_schema(entry.namespace.as_ref().map(|n| n.as_ref()), &mut steps);
        let dropping = drops::steps(entry, plan.options().drops);
        let group = entry.desc.owner_form() == crate::toc::kind::OwnerForm::LargeObjects;
        for step in dropping {
            let is_statement = matches!(step, Step::Statement(_));
            steps.push(step);
            if group && is_statement {
                self.count_actions(1, "COMMIT;\n", "BEGIN;\n\n", &mut steps);
            }
        }
        if alone {
            steps.push(Step::statement("BEGIN;\n", Purpose::Begin));
            self.actions = 0;
        } else {
            self.count_actions(1, "COMMIT;\n", "BEGIN;\n", &mut steps);
        }
        steps
    }

    /// To be called once after all drops: the schema in the search path may be among what was dropped.
    pub fn after_drops(&mut self) {
        self.schema = None;
    }

    /// The last lines. `completed_on` is for verbose scripts.
    pub fn end(&mut self, completed_on: Option<&str>) -> Vec<Step> {
        let options = self.plan.options();
        let mut steps = Vec::new();
        if options.transactions != Transactions::Each {
            steps.push(Step::statement("COMMIT;\n\n", Purpose::Commit));
        }
        steps.push(banner::closing(options, completed_on));
        steps
    }

    /// Moves to another database, whose session starts with nothing set.
    pub(super) fn connect(&mut self, database: &BStr, steps: &mut Vec<Step>) -> Result<()> {
        steps.push(announce::connecting(database));
        steps.push(database::connect(
            database,
            self.plan.options().restrict_key.as_deref(),
            self.plan.quoting(),
        )?);
        *self = Script::new(Arc::clone(&self.plan));
        self.push_settings(steps);
        Ok(())
    }

    fn push_settings(&mut self, steps: &mut Vec<Step>) {
        let plan = &self.plan;
        steps.extend(plan.settings().steps(plan.options(), plan.quoting()));
        if self.counts_actions() {
            steps.push(Step::statement("\nBEGIN;\n", Purpose::Begin));
            self.actions = 0;
        }
        steps.push(Step::note("\n"));
    }

    pub(super) fn counts_actions(&self) -> bool {
        matches!(self.plan.options().transactions, Transactions::Every(_))
    }

    /// Adds to the count without ending the transaction.
    pub(super) fn add_actions(&mut self, count: u32) {
        self.actions = self.actions.saturating_add(count);
    }

    /// Counts actions, and when the transaction has had enough of them starts another.
    pub(super) fn count_actions(&mut self, count: u32, commit: &str, begin: &str, steps: &mut Vec<Step>) {
        let Transactions::Every(limit) = self.plan.options().transactions else {
            return;
        };
        self.add_actions(count);
        if self.actions >= limit {
            steps.push(Step::statement(commit, Purpose::Commit));
            steps.push(Step::statement(begin, Purpose::Begin));
            self.actions = 0;
        }
    }

    /// Becomes the entry's owner where that is how owners are restored.
    pub(super) fn become_owner(&mut self, entry: &Entry, steps: &mut Vec<Step>) {
        if self.plan.options().ownership == Ownership::SessionAuthorization {
            self.become_user(entry.owner_name(), steps);
        }
    }

    /// Becomes a user; the empty name is the session's own.
    pub(super) fn become_user(&mut self, user: &BStr, steps: &mut Vec<Step>) {
        if self.user.as_ref().is_some_and(|current| current == user) {
            return;
        }
        let name = if user.is_empty() {
            "DEFAULT".into()
        } else {
            self.plan.quoting().literal(user)
        };
        steps.push(Step::statement(
            around(b"SET SESSION AUTHORIZATION ", &name, b";\n\n"),
            Purpose::SessionUser(user.into()),
        ));
        self.user = Some(user.into());
    }

    /// Privileges may have changed the user behind our back.
    pub(super) fn forget_user(&mut self) {
        self.user = None;
    }

    /// Puts a schema first in the search path, in archives that rely on it.
    pub(super) fn select_schema(&mut self, schema: Option<&BStr>, steps: &mut Vec<Step>) {
        let Some(schema) = schema.filter(|schema| !schema.is_empty()) else {
            return;
        };
        if self.plan.settings().search_path.is_some() || self.schema.as_ref().is_some_and(|s| s == schema) {
            return;
        }
        let path = self.plan.ident(schema);
        let catalog: &[u8] = if schema == "pg_catalog" {
            b""
        } else {
            b", pg_catalog"
        };
        steps.push(Step::statement(
            [b"SET search_path = ", path.as_slice(), catalog, b";\n\n"].concat(),
            Purpose::SearchPath(schema.into()),
        ));
        self.schema = Some(schema.into());
    }

    /// Selects the tablespace that a definition relies on.
    pub(super) fn select_tablespace(&mut self, entry: &Entry, steps: &mut Vec<Step>) {
        let Some(wanted) = &entry.tablespace else { return };
        if !self.plan.options().tablespaces || self.tablespace.as_ref() == Some(wanted) {
            return;
        }
        let name = if wanted.is_empty() {
            "''".into()
        } else {
            self.plan.ident(wanted.as_bstr())
        };
        steps.push(Step::statement(
            around(b"SET default_tablespace = ", &name, b";\n\n"),
            Purpose::Tablespace(name),
        ));
        self.tablespace = Some(wanted.clone());
    }

    /// Selects the access method that a definition relies on.
    pub(super) fn select_access_method(&mut self, entry: &Entry, steps: &mut Vec<Step>) {
        let Some(wanted) = &entry.table_am else { return };
        if !self.plan.options().table_access_methods || self.access_method.as_ref() == Some(wanted) {
            return;
        }
        let name = self.plan.ident(wanted.as_bstr());
        steps.push(Step::statement(
            around(b"SET default_table_access_method = ", &name, b";\n\n"),
            Purpose::TableAccessMethod(name),
        ));
        self.access_method = Some(wanted.clone());
    }
}
