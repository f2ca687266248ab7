//! Functions, aggregates, operators, operator classes, types.

use std::collections::HashSet;

use bstr::BString;

use super::Pass;
use super::tokens::Tokens;
use crate::objects::aggregate;
use crate::objects::function::{Details, FunctionKind};
use crate::objects::opfamily::Members;
use crate::objects::types::{Definition, TypeKind};
use crate::objects::{Body, Catalog};
use crate::toc::DumpId;

fn details(body: &mut Body) -> Option<&mut Details> {
    match body {
        Body::Function(function) => function.details.as_deref_mut(),
        _ => None,
    }
}

fn is_procedure(body: &Body) -> bool {
    matches!(body, Body::Function(function)
        if function.details.as_ref().is_some_and(|details| details.kind == FunctionKind::Procedure))
}

pub(super) fn procedures(pass: &mut Pass<'_>) {
    pass.leave_out(|_, body| is_procedure(body));
}

pub(super) fn procedure_outputs(pass: &mut Pass<'_>) {
    pass.leave_out(|_, body| match body {
        Body::Function(function) if is_procedure(body) => {
            let arguments = function
                .details
                .as_ref()
                .map(|details| Tokens::of(&details.arguments));
            arguments.is_some_and(|tokens| tokens.find(&["OUT"]).is_some())
        }
        _ => false,
    });
}

pub(super) fn execute_function(pass: &mut Pass<'_>) {
    pass.change(|body| match body {
        Body::Trigger(trigger) => {
            let tokens = Tokens::of(&trigger.definition);
            let Some(at) = tokens.find(&["EXECUTE", "FUNCTION"]) else {
                return false;
            };
            trigger.definition = tokens.replaced(&[(at + 1..at + 2, b"PROCEDURE")]);
            true
        }
        _ => false,
    });
}

pub(super) fn support(pass: &mut Pass<'_>) {
    pass.change(|body| details(body).is_some_and(|details| details.support.take().is_some()));
}

/// The body becomes a string. Names in it are complete already, so that it means the same under any search path.
pub(super) fn sql_bodies(pass: &mut Pass<'_>) {
    pass.change(|body| {
        let Some(details) = details(body) else {
            return false;
        };
        let Some(sql) = details.sql_body.take() else {
            return false;
        };
        details.source = as_string(&sql);
        true
    });
}

fn as_string(sql: &BString) -> BString {
    let text = sql.trim_ascii();
    let statements = text
        .strip_prefix(b"BEGIN ATOMIC")
        .and_then(|rest| rest.strip_suffix(b"END"));
    match (statements, text.strip_prefix(b"RETURN ")) {
        (Some(statements), _) => statements.into(),
        (None, Some(expression)) => [b"SELECT ".as_slice(), expression].concat().into(),
        (None, None) => text.into(),
    }
}

pub(super) fn domains_over_composites(pass: &mut Pass<'_>) {
    let is_composite = |catalog: &Catalog, id: DumpId| match &catalog.object(id).body {
        Body::Type(body) => matches!(body.kind, TypeKind::Composite | TypeKind::RowType),
        Body::Table(_) => true,
        _ => false,
    };
    for id in pass.wanted() {
        let object = pass.catalog.object(id);
        let is_domain = matches!(&object.body, Body::Type(body) if body.kind == TypeKind::Domain);
        let on = |dependency: &DumpId| {
            let of = pass.catalog.object(*dependency);
            match &of.body {
                Body::Type(body) if body.kind == TypeKind::Array => of
                    .dependencies
                    .iter()
                    .any(|element| is_composite(pass.catalog, *element)),
                _ => is_composite(pass.catalog, *dependency),
            }
        };
        if is_domain && object.dependencies.iter().any(on) {
            pass.lose(id);
        }
    }
}

/// Columns of such types become text, and what else uses them is lost.
pub(super) fn arrays_of_domains(pass: &mut Pass<'_>) {
    let domains: HashSet<u32> = pass
        .catalog
        .objects()
        .iter()
        .filter(|object| matches!(&object.body, Body::Type(body) if body.kind == TypeKind::Domain))
        .map(|object| object.catalog_id.oid)
        .collect();
    let arrays = pass.catalog.objects().iter().filter(|object| {
        matches!(&object.body, Body::Type(body) if body.kind == TypeKind::Array && domains.contains(&body.element))
    });
    pass.lost.extend(arrays.map(|object| object.id));
}

pub(super) fn gist_without_compress(pass: &mut Pass<'_>) {
    pass.leave_out(|_, body| match body {
        Body::OpClass(class) if class.method == "gist" => {
            let has = |number| {
                class
                    .members
                    .functions
                    .iter()
                    .any(|member| member.number == number)
            };
            !has(3) || !has(4)
        }
        _ => false,
    });
}

pub(super) fn final_modify(pass: &mut Pass<'_>) {
    pass.change(|body| {
        let Body::Aggregate(aggregate) = body else {
            return false;
        };
        let Some(details) = &mut aggregate.details else {
            return false;
        };
        let default = if details.kind == b'n' { b'r' } else { b'w' };
        let mut changed = false;
        for mode in std::iter::once(&mut details.ordinary).chain(&mut details.moving) {
            changed |= mode.last.is_some() && mode.last_modify != default;
            mode.last_modify = default;
        }
        changed
    });
}

/// The functions whose arguments are `anycompatible` since 14 and were `anyelement` before.
const ARRAY_FUNCTIONS: &[&[u8]] = &[
    b"array_append",
    b"array_prepend",
    b"array_cat",
    b"array_remove",
    b"array_replace",
];

const FORMER: [(&str, &str); 2] = [
    ("anyelement", "anycompatible"),
    ("anyarray", "anycompatiblearray"),
];
const PRESENT: [(&str, &str); 2] = [
    ("anycompatible", "anyelement"),
    ("anycompatiblearray", "anyarray"),
];

pub(super) fn former_array_functions(pass: &mut Pass<'_>) {
    rename_types(pass, &FORMER);
}

pub(super) fn present_array_functions(pass: &mut Pass<'_>) {
    rename_types(pass, &PRESENT);
}

fn rename_types(pass: &mut Pass<'_>, names: &[(&str, &str)]) {
    pass.change(|body| {
        let Body::Aggregate(aggregate) = body else {
            return false;
        };
        let Some(details) = &mut aggregate.details else {
            return false;
        };
        let is_one = ARRAY_FUNCTIONS.contains(&details.ordinary.transition.as_slice());
        is_one && rename_in(details, names)
    });
}

fn rename_in(details: &mut aggregate::Details, names: &[(&str, &str)]) -> bool {
    let texts = [
        &mut details.arguments,
        &mut details.identity_arguments,
        &mut details.ordinary.state,
    ];
    let mut changed = false;
    for text in texts.into_iter().chain(&mut details.argument_types) {
        let tokens = Tokens::of(text);
        let pieces: Vec<_> = (0..tokens.len())
            .filter_map(|at| {
                let (_, to) = names.iter().find(|(from, _)| tokens.are(at, &[from]))?;
                Some((at..at + 1, to.as_bytes()))
            })
            .collect();
        if !pieces.is_empty() {
            *text = tokens.replaced(&pieces);
            changed = true;
        }
    }
    changed
}

pub(super) fn postfix_operators(pass: &mut Pass<'_>) {
    pass.leave_out(|_, body| matches!(body, Body::Operator(operator) if operator.kind == b'r'));
}

/// What uses them is lost with them; every range type has one, so that the range type itself loses nothing.
pub(super) fn multiranges(pass: &mut Pass<'_>) {
    let multiranges = pass
        .catalog
        .objects()
        .iter()
        .filter(|object| matches!(&object.body, Body::Type(body) if body.kind == TypeKind::Multirange));
    pass.lost.extend(multiranges.map(|object| object.id));
    pass.change(|body| match body {
        Body::Type(body) => match body.definition.as_deref_mut() {
            Some(Definition::Range(range)) => range.multirange.take().is_some(),
            _ => false,
        },
        _ => false,
    });
}

pub(super) fn subscripting(pass: &mut Pass<'_>) {
    pass.change(|body| match body {
        Body::Type(body) => match body.definition.as_deref_mut() {
            Some(Definition::Base(base)) => base.subscript.take().is_some(),
            _ => false,
        },
        _ => false,
    });
}

/// Support functions that an access method did not always ask for: method, number, and the first release that does.
const SUPPORT_FUNCTIONS: &[(&[u8], i16, u32)] = &[
    (b"btree", 3, 11),
    (b"hash", 2, 11),
    (b"spgist", 6, 11),
    (b"btree", 4, 13),
    (b"btree", 5, 13),
    (b"hash", 3, 13),
    (b"gist", 10, 13),
    (b"gin", 7, 13),
    (b"spgist", 7, 13),
    (b"brin", 5, 13),
    (b"gist", 11, 14),
    (b"btree", 6, 18),
    (b"gist", 12, 18),
];

/// Removes the support functions that came with a release from operator classes and families.
pub(super) fn support_functions<const SINCE: u32>(pass: &mut Pass<'_>) {
    let remove = |method: &BString, members: &mut Members| {
        let before = members.functions.len();
        members.functions.retain(|member| {
            let is_new = |(of, number, since): &(&[u8], i16, u32)| {
                *since == SINCE && *method == *of && *number == member.number
            };
            !SUPPORT_FUNCTIONS.iter().any(is_new)
        });
        members.functions.len() < before
    };
    pass.change(|body| match body {
        Body::OpClass(class) => remove(&class.method, &mut class.members),
        Body::OpFamily(family) => remove(&family.method, &mut family.members),
        _ => false,
    });
}

/// Servers before 12 kept all options of dictionaries in quotes, where later ones want numbers for truth values.
pub(super) fn quoted_numbers(pass: &mut Pass<'_>) {
    pass.change(|body| match body {
        Body::TsDictionary(dictionary) => match dictionary.options.as_ref().and_then(without_quotes) {
            Some(options) => {
                dictionary.options = Some(options);
                true
            }
            None => false,
        },
        _ => false,
    });
}

fn without_quotes(options: &BString) -> Option<BString> {
    let tokens = Tokens::of(options);
    let bare: Vec<_> = (1..tokens.len())
        .filter(|at| tokens.are(at - 1, &["="]))
        .filter_map(|at| {
            let number = tokens.text(at).strip_prefix(b"'")?.strip_suffix(b"'")?;
            let is_number = !number.is_empty() && number.iter().all(u8::is_ascii_digit);
            is_number.then_some((at..at + 1, number))
        })
        .collect();
    (!bare.is_empty()).then(|| tokens.replaced(&bare))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_of_statements_or_an_expression_becomes_a_string() {
        assert_eq!(
            as_string(&"BEGIN ATOMIC\n SELECT 1;\nEND".into()),
            "\n SELECT 1;\n"
        );
        assert_eq!(as_string(&"RETURN (a + 1)".into()), "SELECT (a + 1)");
    }

    #[test]
    fn numbers_lose_their_quotes_and_texts_keep_them() {
        let options = "synonyms = '1x''= ''2', casesensitive = '1', x = ''".into();
        let bare = without_quotes(&options).expect("a number");
        assert_eq!(bare, "synonyms = '1x''= ''2', casesensitive = 1, x = ''");
        assert_eq!(without_quotes(&bare), None);
    }
}
