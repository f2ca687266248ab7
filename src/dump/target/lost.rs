//! What goes with what is left out: everything that depends on it, unless it can do without.

use std::collections::{HashMap, HashSet};

use bstr::BString;

use super::{Pass, describe, syntax};
use crate::objects::table::constraint::{ConstraintKind, ConstraintOn};
use crate::objects::types::{Definition, TypeKind};
use crate::objects::{Body, Components};
use crate::sql::text;
use crate::toc::DumpId;

impl Pass<'_> {
    /// Leaves out parts of other objects that these can be made without: defaults and comments.
    pub(super) fn forget(&mut self, parts: &[DumpId]) {
        for &part in parts {
            let object = self.catalog.object_mut(part);
            object.dump = Components::NONE;
            object.dependencies.clear();
        }
    }
}

/// Marks all that is lost as not wanted, and what depends on it, step by step.
pub(super) fn leave_out(pass: &mut Pass<'_>) {
    let mut dependents: HashMap<DumpId, Vec<DumpId>> = HashMap::new();
    for object in pass.catalog.objects() {
        for on in &object.dependencies {
            dependents.entry(*on).or_default().push(object.id);
        }
    }
    let mut done: HashSet<DumpId> = HashSet::new();
    loop {
        lose_users_of_retyped_columns(pass);
        let mut left: Vec<DumpId> = pass.lost.difference(&done).copied().collect();
        if left.is_empty() {
            return;
        }
        left.sort_unstable_by(|a, b| b.cmp(a));
        take_out_all(pass, left, &dependents, &mut done);
    }
}

/// Takes out what is in the list, and what turns out to be lost by that.
fn take_out_all(
    pass: &mut Pass<'_>,
    mut left: Vec<DumpId>,
    dependents: &HashMap<DumpId, Vec<DumpId>>,
    done: &mut HashSet<DumpId>,
) {
    while let Some(id) = left.pop() {
        done.insert(id);
        take_out(pass, id);
        for &dependent in dependents.get(&id).into_iter().flatten() {
            if pass.lost.contains(&dependent) || does_without(pass, dependent, id) {
                continue;
            }
            if is_worth_a_word(pass, dependent) {
                pass.find(dependent);
            }
            pass.lost.insert(dependent);
            left.push(dependent);
        }
    }
}

/// Indexes and expressions that use a column which is text now do not work on text.
fn lose_users_of_retyped_columns(pass: &mut Pass<'_>) {
    for (table, number, name) in std::mem::take(&mut pass.retyped) {
        let ident = pass.catalog.quoting.ident(&name);
        for id in pass.wanted() {
            let object = pass.catalog.object(id);
            let uses = match &object.body {
                Body::Index(index) if index.table == table => {
                    index.columns.contains(&number) || syntax::mentions(&index.definition, &ident)
                }
                Body::Table(_) if id == table => false,
                Body::Rule(rule) if rule.is_select => false,
                body => {
                    let on_it = |other: &DumpId| *other == table || is_rule_on(pass, *other, table);
                    object.dependencies.iter().any(on_it)
                        && syntax::texts(body)
                            .iter()
                            .any(|text| syntax::mentions(text, &ident))
                }
            };
            if uses {
                pass.lose(id);
            }
        }
    }
}

/// Whether an object is a view's rule that reads a table.
fn is_rule_on(pass: &Pass<'_>, rule: DumpId, table: DumpId) -> bool {
    let object = pass.catalog.object(rule);
    matches!(&object.body, Body::Rule(rule) if rule.is_select) && object.dependencies.contains(&table)
}

/// Takes a lost object out of the dump, and out of what says it in its own statement.
fn take_out(pass: &mut Pass<'_>, id: DumpId) {
    pass.catalog.object_mut(id).dump = Components::NONE;
    let Body::Constraint(constraint) = &pass.catalog.object(id).body else {
        return;
    };
    match constraint.on {
        ConstraintOn::Table(table) => {
            if let Some(table) = pass.catalog.table_mut(table) {
                table.checks.retain(|check| *check != id);
            }
        }
        ConstraintOn::Domain(domain) => {
            if let Body::Type(body) = &mut pass.catalog.object_mut(domain).body
                && let Some(Definition::Domain(domain)) = body.definition.as_deref_mut()
            {
                domain.checks.retain(|check| *check != id);
            }
        }
    }
}

/// Whether an object can be dumped although something that it depends on is not. Changes it so that it can.
fn does_without(pass: &mut Pass<'_>, id: DumpId, lost: DumpId) -> bool {
    let can = match (&pass.catalog.object(id).body, &pass.catalog.object(lost).body) {
        (Body::Table(table), Body::Type(body)) => {
            let of_type = table.of_type.is_some();
            let oids = HashSet::from([pass.catalog.object(lost).catalog_id.oid]);
            let is_of = body.kind == TypeKind::Composite && of_type;
            let before = pass.retyped.len();
            pass.retype(&oids);
            if is_of
                && pass.retyped.len() == before
                && let Some(table) = pass.catalog.table_mut(id)
            {
                table.of_type = None;
            }
            true
        }
        (Body::Table(table), Body::Table(_)) if table.parents.contains(&lost) => {
            let name = text!(describe::object(pass.catalog, id), ", which stands alone");
            pass.found.push(name);
            pass.stands_alone(id);
            true
        }
        (Body::Table(_), Body::AccessMethod(_)) => {
            if let Some(table) = pass.catalog.table_mut(id) {
                table.access_method = None;
            }
            true
        }
        (Body::Table(_), Body::AttrDef(attrdef)) => {
            let number = attrdef.column;
            let place = usize::try_from(number)
                .ok()
                .and_then(|number| number.checked_sub(1));
            if let Some(table) = pass.catalog.table_mut(id)
                && let Some(column) = place.and_then(|place| table.columns.get_mut(place))
            {
                column.default = None;
                column.was_generated |= column.generated != 0;
                column.generated = 0;
            }
            true
        }
        (Body::Table(_), Body::Collation(_)) => {
            let (schema, name) = {
                let object = pass.catalog.object(lost);
                (
                    pass.catalog
                        .schema_name(object)
                        .map(|name| BString::from(name.to_vec())),
                    object.name.clone(),
                )
            };
            if let Some(table) = pass.catalog.table_mut(id) {
                for column in &mut table.columns {
                    let is_it = column.collation.as_deref().is_some_and(|(of, called)| {
                        schema.as_ref().is_some_and(|schema| of == schema) && *called == name
                    });
                    if is_it {
                        column.collation = None;
                    }
                }
            }
            true
        }
        // A check constraint that is a clause; the others depend on the table.
        (Body::Table(_) | Body::Type(_), Body::Constraint(_)) => true,
        // A partition's index or key is its own once it is attached to nothing.
        (Body::Index(index), Body::Index(parent)) => index.table != parent.table,
        (Body::Index(index), Body::Constraint(_)) => index.constraint != Some(lost),
        (Body::Index(index), Body::Table(_)) => index.table != lost,
        (Body::Constraint(constraint), Body::Constraint(_)) => constraint.kind != ConstraintKind::ForeignKey,
        (Body::Constraint(constraint), Body::Table(_)) => {
            constraint.on != ConstraintOn::Table(lost) && constraint.kind != ConstraintKind::ForeignKey
        }
        // The order of objects, not a need.
        (Body::Type(body), Body::Type(_)) if body.kind == TypeKind::Undefined => true,
        _ => false,
    };
    if can {
        pass.catalog.object_mut(id).forget(lost);
    }
    can
}

/// Whether people know the object by a name of its own.
fn is_worth_a_word(pass: &Pass<'_>, id: DumpId) -> bool {
    let object = pass.catalog.object(id);
    let is_part = match &object.body {
        Body::Type(body) => body.kind.is_implied(),
        Body::Index(index) => index.constraint.is_some(),
        Body::Rule(rule) => rule.is_select,
        Body::IndexAttach(_) | Body::TableAttach(_) | Body::ShellType(_) | Body::TableData(_) => true,
        Body::SequenceSet(_) | Body::RefreshMatview(_) | Body::RelationStatistics(_) => true,
        _ => false,
    };
    !is_part && object.dumps(Components::DEFINITION)
}
