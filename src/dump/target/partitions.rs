//! Partitioned tables and their partitions, and what old releases do not let them have.

use std::collections::HashSet;

use bstr::{BString, ByteSlice};

use super::Pass;
use super::tables::table_of;
use super::tokens::Tokens;
use crate::objects::table::RelKind;
use crate::objects::table::constraint::ConstraintKind;
use crate::objects::trigger::Trigger;
use crate::objects::{Body, Catalog};
use crate::toc::DumpId;

fn is_partitioned(catalog: &Catalog, table: DumpId) -> bool {
    catalog
        .table(table)
        .is_some_and(|table| table.relkind == RelKind::Partitioned)
}

/// A table partitioned by hash becomes an ordinary one, and its partitions children that inherit from it.
pub(super) fn hash(pass: &mut Pass<'_>) {
    let mut ordinary = Vec::new();
    let is_hash = |key: &BString| key.starts_with(b"HASH ");
    let mut partitions = HashSet::new();
    for id in pass.wanted() {
        let Some(table) = pass.catalog.table_mut(id) else {
            continue;
        };
        if table.partition_key.take_if(|key| is_hash(key)).is_some() {
            table.relkind = RelKind::Table;
            if table.is_partition {
                partitions.insert(id);
            }
            pass.find(id);
        }
    }
    // Their indexes are nobody's parts any more.
    for id in pass.wanted() {
        if let Body::IndexAttach(attach) = &pass.catalog.object(id).body
            && let Some(index) = pass.catalog.index(attach.parent)
            && !is_partitioned(pass.catalog, index.table)
        {
            pass.lost.insert(id);
        }
    }
    // A table from which others inherit can be no partition.
    for id in pass.wanted() {
        if let Body::TableAttach(attach) = &pass.catalog.object(id).body
            && partitions.contains(&attach.partition)
        {
            let partition = attach.partition;
            pass.lost.insert(id);
            pass.stands_alone(partition);
        }
    }
    for id in pass.wanted() {
        if let Body::TableAttach(attach) = &pass.catalog.object(id).body
            && pass
                .catalog
                .table(attach.parent)
                .is_some_and(|table| table.partition_key.is_none())
        {
            ordinary.push((id, attach.partition));
        }
    }
    for (attach, partition) in ordinary {
        pass.lost.insert(attach);
        if let Some(table) = pass.catalog.table_mut(partition) {
            table.is_partition = false;
            table.partition_bound = None;
        }
        pass.says_all_itself(partition);
    }
}

pub(super) fn default(pass: &mut Pass<'_>) {
    for id in pass.wanted() {
        if let Body::TableAttach(attach) = &pass.catalog.object(id).body {
            let partition = attach.partition;
            let table = pass.catalog.table(partition);
            if table.is_some_and(|table| {
                table
                    .partition_bound
                    .as_ref()
                    .is_some_and(|bound| *bound == "DEFAULT")
            }) {
                pass.find(partition);
                pass.lost.insert(id);
                pass.stands_alone(partition);
            }
        }
    }
}

impl Pass<'_> {
    /// Makes a partition a table of its own.
    pub(super) fn stands_alone(&mut self, partition: DumpId) {
        if let Some(table) = self.catalog.table_mut(partition) {
            table.is_partition = false;
            table.partition_bound = None;
            table.parents.clear();
        }
        self.says_all_itself(partition);
    }

    /// Makes a table declare what it inherits, too; with parents both are merged.
    pub(super) fn says_all_itself(&mut self, table: DumpId) {
        let Some(table) = self.catalog.table_mut(table) else {
            return;
        };
        for column in &mut table.columns {
            column.is_local = true;
            if let Some(not_null) = &mut column.not_null {
                not_null.is_local = true;
            }
        }
        for check in table.checks.clone() {
            if let Body::Constraint(check) = &mut self.catalog.object_mut(check).body {
                check.is_local = true;
            }
        }
    }
}

pub(super) fn boolean_bounds(pass: &mut Pass<'_>) {
    pass.change(|body| match body {
        Body::Table(table) => match &mut table.partition_bound {
            Some(bound) => match quoted_booleans(bound) {
                Some(quoted) => {
                    *bound = quoted;
                    true
                }
                None => false,
            },
            None => false,
        },
        _ => false,
    });
}

fn quoted_booleans(bound: &BString) -> Option<BString> {
    let tokens = Tokens::of(bound);
    let pieces: Vec<_> = (0..tokens.len())
        .filter_map(|at| match tokens.text(at).as_bytes() {
            b"true" => Some((at..at + 1, &b"'true'"[..])),
            b"false" => Some((at..at + 1, &b"'false'"[..])),
            _ => None,
        })
        .collect();
    (!pieces.is_empty()).then(|| tokens.replaced(&pieces))
}

pub(super) fn constraints(pass: &mut Pass<'_>) {
    pass.leave_out_constraints(|catalog, constraint| {
        constraint.kind != ConstraintKind::Check
            && constraint.kind != ConstraintKind::NotNull
            && table_of(catalog, constraint).is_some_and(|table| table.relkind == RelKind::Partitioned)
    });
}

pub(super) fn exclusion(pass: &mut Pass<'_>) {
    pass.leave_out_constraints(|catalog, constraint| {
        constraint.kind == ConstraintKind::Exclusion
            && table_of(catalog, constraint).is_some_and(|table| table.relkind == RelKind::Partitioned)
    });
}

pub(super) fn indexes(pass: &mut Pass<'_>) {
    pass.leave_out(|catalog, body| {
        matches!(body, Body::Index(index) if index.constraint.is_none() && is_partitioned(catalog, index.table))
    });
}

/// Whether a trigger is for each row of a partitioned table, or a partition's copy of such a one.
fn is_row_trigger(catalog: &Catalog, trigger: &Trigger) -> bool {
    (trigger.inherited || is_partitioned(catalog, trigger.table))
        && Tokens::of(&trigger.definition)
            .find(&["FOR", "EACH", "ROW"])
            .is_some()
}

pub(super) fn row_triggers(pass: &mut Pass<'_>) {
    pass.leave_out(
        |catalog, body| matches!(body, Body::Trigger(trigger) if is_row_trigger(catalog, trigger)),
    );
}

pub(super) fn before_row_triggers(pass: &mut Pass<'_>) {
    pass.leave_out(|catalog, body| {
        matches!(body, Body::Trigger(trigger) if is_row_trigger(catalog, trigger)
            && Tokens::of(&trigger.definition).find(&["BEFORE"]).is_some())
    });
}

pub(super) fn foreign_keys_to(pass: &mut Pass<'_>) {
    pass.leave_out_constraints(|catalog, constraint| {
        constraint.kind == ConstraintKind::ForeignKey
            && constraint
                .referenced
                .is_some_and(|table| is_partitioned(catalog, table))
    });
}

pub(super) fn foreign_keys_not_valid(pass: &mut Pass<'_>) {
    pass.leave_out_constraints(|catalog, constraint| {
        constraint.kind == ConstraintKind::ForeignKey
            && !constraint.validated
            && table_of(catalog, constraint).is_some_and(|table| table.relkind == RelKind::Partitioned)
    });
}

pub(super) fn access_method(pass: &mut Pass<'_>) {
    for id in pass.wanted() {
        if is_partitioned(pass.catalog, id)
            && let Some(table) = pass.catalog.table_mut(id)
            && table.access_method.take().is_some()
        {
            pass.find(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_in_bounds_are_quoted_but_not_in_literals() {
        assert_eq!(
            quoted_booleans(&"FOR VALUES IN (true, 'false')".into()),
            Some("FOR VALUES IN ('true', 'false')".into())
        );
        assert_eq!(quoted_booleans(&"FOR VALUES IN (1)".into()), None);
    }
}
