//! Views, sequences, access methods, statistics objects, triggers: what is about whole relations.

use bstr::BString;

use super::Pass;
use super::tokens::Tokens;
use crate::objects::table::{Persistence, RelKind};
use crate::objects::{Body, Components};
use crate::sql::text;

pub(super) fn table_access_methods(pass: &mut Pass<'_>) {
    pass.leave_out(|_, body| matches!(body, Body::AccessMethod(method) if method.kind == b't'));
}

pub(super) fn choice_of_access_method(pass: &mut Pass<'_>) {
    pass.change(|body| match body {
        Body::Table(table) => {
            let other = table.access_method.take_if(|method| *method != "heap");
            other.is_some()
        }
        _ => false,
    });
}

pub(super) fn heap(pass: &mut Pass<'_>) {
    pass.change(|body| match body {
        Body::Table(table) => table.access_method.take().is_some(),
        _ => false,
    });
}

pub(super) fn security_invoker(pass: &mut Pass<'_>) {
    let is_on = |option: &BString| {
        let value = option.strip_prefix(b"security_invoker=");
        value.is_some_and(|value| !matches!(value, b"false" | b"off" | b"0" | b"no"))
    };
    pass.leave_out(|_, body| match body {
        Body::Table(table) => table.relkind == RelKind::View && table.options.iter().any(is_on),
        _ => false,
    });
    for id in pass.wanted() {
        if let Some(table) = pass
            .catalog
            .table_mut(id)
            .filter(|table| table.relkind == RelKind::View)
        {
            table
                .options
                .retain(|option| !option.starts_with(b"security_invoker="));
        }
    }
}

/// Before 15 the sequences of an unlogged table's columns were logged: about those there is nothing to say.
pub(super) fn unlogged_sequences(pass: &mut Pass<'_>) {
    for id in pass.wanted() {
        let Some(table) = pass.catalog.table(id) else {
            continue;
        };
        if table.relkind != RelKind::Sequence {
            continue;
        }
        let owner = table
            .owned_by
            .and_then(|owned_by| pass.catalog.table(owned_by.table));
        let owner = owner.map(|owner| owner.persistence);
        let is_identity = table.owned_by.is_some_and(|owned_by| owned_by.identity);
        let is_alone = table.persistence == Persistence::Unlogged && owner != Some(Persistence::Unlogged);
        if let Some(table) = pass.catalog.table_mut(id) {
            // An identity column's sequence is as its table is, without a word.
            table.persistence = owner.filter(|_| is_identity).unwrap_or_default();
        }
        if is_alone {
            pass.find(id);
        }
    }
}

pub(super) fn mcv(pass: &mut Pass<'_>) {
    let mut alone = Vec::new();
    for id in pass.wanted() {
        let Body::ExtendedStatistics(statistics) = &mut pass.catalog.object_mut(id).body else {
            continue;
        };
        let tokens = Tokens::of(&statistics.definition);
        // The list of kinds is left out where it is of all kinds.
        let Some(open) = tokens
            .find(&["("])
            .filter(|open| Some(*open) < tokens.find(&["ON"]))
        else {
            continue;
        };
        let Some(close) = tokens.closing(open) else {
            continue;
        };
        let kinds: Vec<_> = (open + 1..close).step_by(2).map(|at| tokens.text(at)).collect();
        if !kinds.iter().any(|kind| *kind == "mcv") {
            continue;
        }
        let others: Vec<_> = kinds.into_iter().filter(|kind| *kind != "mcv").collect();
        if others.is_empty() {
            alone.push(id);
        }
        let list = text!("(", bstr::join(", ", others), ")");
        statistics.definition = tokens.replaced(&[(open..close + 1, list.as_slice())]);
        pass.find(id);
    }
    pass.lost.extend(alone);
}

pub(super) fn statistics_targets(pass: &mut Pass<'_>) {
    pass.change(|body| match body {
        Body::ExtendedStatistics(statistics) => statistics.target.take().is_some(),
        _ => false,
    });
}

pub(super) fn expression_statistics(pass: &mut Pass<'_>) {
    pass.leave_out(|_, body| match body {
        Body::ExtendedStatistics(statistics) => {
            let tokens = Tokens::of(&statistics.definition);
            // Expressions have parentheses, or are calls.
            tokens
                .find(&["ON"])
                .is_some_and(|on| (on..tokens.len()).any(|at| tokens.are(at, &["("])))
        }
        _ => false,
    });
}

pub(super) fn foreign_truncate_triggers(pass: &mut Pass<'_>) {
    pass.leave_out(|catalog, body| match body {
        Body::Trigger(trigger) => {
            let table = catalog.table(trigger.table);
            table.is_some_and(|table| table.relkind == RelKind::Foreign)
                && Tokens::of(&trigger.definition).find(&["TRUNCATE"]).is_some()
        }
        _ => false,
    });
}

pub(super) fn login_triggers(pass: &mut Pass<'_>) {
    pass.leave_out(|_, body| matches!(body, Body::EventTrigger(trigger) if trigger.event == "login"));
}

pub(super) fn planner_statistics(pass: &mut Pass<'_>) {
    let mut any = false;
    for object in pass.catalog.objects_mut() {
        if matches!(object.body, Body::RelationStatistics(_)) && object.dumps(Components::STATISTICS) {
            object.dump = Components::NONE;
            any = true;
        }
    }
    if any && pass.statistics {
        pass.found.push("planner statistics".into());
    }
}
