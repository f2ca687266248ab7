//! The steps of one entry: heading, definition, owner, rows.

use std::sync::Arc;

use bstr::{BStr, ByteSlice};

use super::settings::around;
use super::step::Purpose;
use super::{Ownership, Plan, Script, Step, Transactions, announce, banner, large_object, owner};
use crate::error::{Error, ErrorKind, Result};
use crate::toc::DumpId;
use crate::toc::kind::OwnerForm;
use crate::toc::{Desc, Entry};

/// `pg_class.relkind` of a partitioned table, which has an access method only to hand it down.
const PARTITIONED_TABLE: u8 = b'p';

impl Script {
    /// The steps that restore an entry, or the part of it that is wanted. `place` says where in the archive
    /// its data is, for verbose scripts.
    ///
    /// # Errors
    /// An entry whose texts cannot be made into SQL.
    pub fn restore(&mut self, id: DumpId, place: Option<&BStr>) -> Result<Vec<Step>> {
        let plan = Arc::clone(&self.plan);
        let Some(entry) = plan.entry(id) else {
            return Ok(Vec::new());
        };
        let wanted = plan.wanted(id);
        // Most entries are announced, headed, defined and given to their owner.
        let mut steps = Vec::with_capacity(4);
        if wanted.definition {
            self.definition_part(&plan, entry, place, &mut steps)?;
        }
        if wanted.data {
            if entry.had_dumper {
                self.data_part(&plan, entry, place, &mut steps)?;
            } else if !wanted.definition {
                steps.push(announce::executing(entry));
                self.statements(&plan, entry, "", place, &mut steps)?;
            }
        }
        if wanted.statistics {
            self.statements(&plan, entry, "Statistics for ", place, &mut steps)?;
        }
        if wanted.is_any() {
            self.count_actions(1, "COMMIT;\n", "BEGIN;\n\n", &mut steps);
        }
        Ok(steps)
    }

    fn definition_part(
        &mut self,
        plan: &Plan,
        entry: &Entry,
        place: Option<&BStr>,
        steps: &mut Vec<Step>,
    ) -> Result<()> {
        let is_database = entry.desc.is_database();
        if is_database && self.counts_actions() {
            steps.push(Step::statement("COMMIT;\n\n", Purpose::Commit));
        }
        steps.push(announce::creating(entry));
        self.statements(plan, entry, "", place, steps)?;
        if is_database {
            self.connect(entry.tag.as_bstr(), steps)?;
        }
        Ok(())
    }

    fn data_part(
        &mut self,
        plan: &Plan,
        entry: &Entry,
        place: Option<&BStr>,
        steps: &mut Vec<Step>,
    ) -> Result<()> {
        // Rows that go to a partition's root have a definition, which is a remark.
        self.statements(plan, entry, "Data for ", place, steps)?;
        if entry.desc.is_large_objects() {
            steps.push(announce::processing(entry));
            self.select_schema(Some("pg_catalog".into()), steps);
            let own_block = plan.options().transactions == Transactions::Each;
            if own_block {
                steps.push(Step::statement("BEGIN;\n\n", Purpose::Begin));
            }
            steps.push(Step::LargeObjects);
            if own_block {
                steps.push(Step::statement("COMMIT;\n\n", Purpose::Commit));
            }
            return Ok(());
        }
        let disable = plan.options().disable_triggers && !self.restores_definitions;
        if disable {
            self.switch_triggers(plan, entry, false, steps);
        }
        self.become_owner(entry, steps);
        self.select_schema(entry.namespace.as_ref().map(|n| n.as_ref()), steps);
        steps.push(announce::processing(entry));
        steps.push(Step::Rows(entry.copy_text().into()));
        if disable {
            self.switch_triggers(plan, entry, true, steps);
        }
        Ok(())
    }

    /// Only a superuser may disable the triggers of constraints.
    fn switch_triggers(&mut self, plan: &Plan, entry: &Entry, enable: bool, steps: &mut Vec<Step>) {
        steps.push(announce::switching_triggers(entry, enable));
        let superuser = plan.options().superuser.as_ref();
        self.become_user(superuser.map_or(BStr::new(""), |name| name.as_ref()), steps);
        let switch: &[u8] = if enable {
            b" ENABLE TRIGGER ALL;

"
        } else {
            b" DISABLE TRIGGER ALL;

"
        };
        steps.push(Step::execute(around(
            b"ALTER TABLE ",
            &plan.name_of(entry),
            switch,
        )));
    }

    /// Heading, definition, owner.
    fn statements(
        &mut self,
        plan: &Plan,
        entry: &Entry,
        prefix: &str,
        place: Option<&BStr>,
        steps: &mut Vec<Step>,
    ) -> Result<()> {
        self.prepare(entry, steps);
        steps.push(banner::heading(entry, prefix, plan.options(), place));
        self.definition(plan, entry, steps)?;
        let owners = owner::statements(plan, entry)?;
        let group = entry.desc.owner_form() == OwnerForm::LargeObjects && !owners.is_empty();
        self.each(owners, group, steps);
        if entry.relkind == Some(PARTITIONED_TABLE)
            && plan.options().table_access_methods
            && let Some(method) = &entry.table_am
        {
            let switch = around(
                b" SET ACCESS METHOD ",
                &plan.ident(method.as_bstr()),
                b";

",
            );
            steps.push(Step::statement(
                around(b"ALTER TABLE ", &plan.name_of(entry), &switch),
                Purpose::PartitionedAccessMethod,
            ));
        }
        if entry.desc.is_acl() {
            self.forget_user();
        }
        Ok(())
    }

    /// What the session must be set to for the entry.
    fn prepare(&mut self, entry: &Entry, steps: &mut Vec<Step>) {
        self.become_owner(entry, steps);
        self.select_schema(entry.namespace.as_ref().map(|n| n.as_ref()), steps);
        self.select_tablespace(entry, steps);
        if entry.relkind != Some(PARTITIONED_TABLE) {
            self.select_access_method(entry, steps);
        }
    }

    fn definition(&mut self, plan: &Plan, entry: &Entry, steps: &mut Vec<Step>) -> Result<()> {
        let definition = entry.definition_text();
        if entry.desc == Desc::Schema
            && plan.options().ownership == Ownership::Ignore
            && !definition.starts_with(b"--")
        {
            // Very old dumps have an AUTHORIZATION clause here.
            let sql = around(b"CREATE SCHEMA ", &plan.ident(entry.tag.as_bstr()), b";\n\n\n");
            steps.push(Step::execute(sql));
        } else if entry.desc == Desc::BlobMetadata {
            let creates = large_object::for_each(definition, b"SELECT pg_catalog.lo_create('", b"')");
            self.each(creates, true, steps);
        } else if entry.desc == Desc::Acl && entry.tag.starts_with(b"LARGE OBJECTS") {
            let group = group_of(plan, entry)?.definition_text();
            for (before, after) in large_object::split_grants(definition)? {
                self.each(large_object::for_each(group, &before, &after), true, steps);
            }
        } else if is_comment(definition) {
            steps.push(Step::note(around(b"", definition, b"\n\n")));
        } else if !definition.is_empty() {
            steps.push(Step::execute(around(b"", definition, b"\n\n")));
            // A definition of several commands counts as that many actions. In the bodies of functions
            // semicolons mean something else.
            if self.counts_actions() && !matches!(entry.desc, Desc::Function | Desc::Procedure) {
                let commands = u32::try_from(definition.find_iter(";").count()).unwrap_or(u32::MAX);
                self.add_actions(commands.saturating_sub(1));
            }
        }
        Ok(())
    }

    /// Statements of which each is an action of its own (`group`, with a blank line after them), or not.
    fn each(&mut self, statements: Vec<bstr::BString>, group: bool, steps: &mut Vec<Step>) {
        for sql in statements {
            steps.push(Step::execute(sql));
            if group {
                self.count_actions(1, "COMMIT;\n", "BEGIN;\n\n", steps);
            }
        }
        if group {
            steps.push(Step::note("\n"));
        }
    }
}

/// Whether a text has lines of comment only: there is nothing to send.
fn is_comment(text: &BStr) -> bool {
    !text.is_empty()
        && text
            .lines()
            .all(|line| line.is_empty() || line.starts_with(b"--"))
}

/// The group of large objects that grants are about: what they depend on first.
fn group_of<'p>(plan: &'p Plan, entry: &Entry) -> Result<&'p Entry> {
    let group = entry.dependencies.first().and_then(|&id| plan.entry(id));
    group
        .filter(|group| group.desc == Desc::BlobMetadata)
        .ok_or_else(|| {
            Error::new(
                ErrorKind::Archive,
                format!(
                    "entry {} speaks about large objects that are not in the table of contents",
                    entry.dump_id
                ),
            )
        })
}
