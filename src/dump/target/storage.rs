//! Storage parameters of tables, their TOAST tables and indexes, and operator classes of indexes, which the target does
//! not have. Those of other access methods than the server's own are not looked at.

use bstr::{BString, ByteSlice};

use super::Pass;
use super::tokens::{Kind, Tokens};
use crate::objects::Body;
use crate::objects::table::constraint::ConstraintKind;

/// Storage parameters by the release that they came with, of tables and indexes alike: no name means two things.
const PARAMETERS: &[(u32, &[&str])] = &[
    (11, &["toast_tuple_target", "vacuum_cleanup_index_scale_factor"]),
    (12, &["vacuum_index_cleanup", "vacuum_truncate"]),
    (
        13,
        &[
            "autovacuum_vacuum_insert_scale_factor",
            "autovacuum_vacuum_insert_threshold",
            "deduplicate_items",
        ],
    ),
    (
        18,
        &[
            "autovacuum_vacuum_max_threshold",
            "vacuum_max_eager_freeze_failure_rate",
        ],
    ),
];

/// Endings of the names of operator classes that came with 14.
const BRIN_OPCLASSES: [&str; 2] = ["_bloom_ops", "_minmax_multi_ops"];

/// Drops the parameters that came with a release.
pub(super) fn parameters<const RELEASE: u32>(pass: &mut Pass<'_>) {
    let newer: Vec<&[u8]> = PARAMETERS
        .iter()
        .filter(|(release, _)| *release == RELEASE)
        .flat_map(|(_, names)| names.iter().map(|name| name.as_bytes()))
        .collect();
    drop_parameters(pass, |name, _| newer.contains(&name));
}

/// Before 12 a cost delay was a whole number of milliseconds.
pub(super) fn fractional_delays(pass: &mut Pass<'_>) {
    drop_parameters(pass, |name, value| {
        name == b"autovacuum_vacuum_cost_delay" && value.contains(&b'.')
    });
}

/// Before 14 indexes were cleaned up or not; the server did not choose.
pub(super) fn automatic_index_cleanup(pass: &mut Pass<'_>) {
    drop_parameters(pass, |name, value| {
        name == b"vacuum_index_cleanup" && value.eq_ignore_ascii_case(b"auto")
    });
}

/// BRIN indexes get the default operator classes, of which there is one for each type that those classes are for.
pub(super) fn brin_opclasses(pass: &mut Pass<'_>) {
    pass.change(|body| match body {
        Body::Index(index) if index.constraint.is_none() => match without_opclasses(&index.definition) {
            Some(definition) => {
                index.definition = definition;
                true
            }
            None => false,
        },
        _ => false,
    });
}

/// Without the columns that indexes of some access methods hold besides their keys.
pub(super) fn include_in_gist(pass: &mut Pass<'_>) {
    include_in(pass, "gist");
}

/// See [`include_in_gist`].
pub(super) fn include_in_spgist(pass: &mut Pass<'_>) {
    include_in(pass, "spgist");
}

fn include_in(pass: &mut Pass<'_>, method: &str) {
    change_definitions(pass, |definition| {
        let tokens = Tokens::of(definition);
        tokens.find(&["USING", method])?;
        let at = tokens.find(&["INCLUDE", "("])?;
        let end = tokens.closing(at + 1)?;
        Some(tokens.replaced(&[(at..end + 1, b"")]))
    });
}

/// Drops each storage parameter, given by its name and value, of which `is_newer` is true.
fn drop_parameters(pass: &mut Pass<'_>, is_newer: impl Fn(&[u8], &[u8]) -> bool) {
    let keep = |option: &BString| match option.split_once_str("=") {
        Some((name, value)) => !is_newer(name, value),
        None => !is_newer(option, b""),
    };
    pass.change(|body| match body {
        Body::Table(table) => {
            let before = table.options.len() + table.toast_options.len();
            table.options.retain(keep);
            let mut toast = std::mem::take(&mut table.toast_options).into_vec();
            toast.retain(keep);
            table.toast_options = toast.into_boxed_slice();
            table.options.len() + table.toast_options.len() < before
        }
        Body::Index(index) => {
            let before = index.options.len();
            index.options.retain(keep);
            index.options.len() < before && index.constraint.is_some()
        }
        _ => false,
    });
    change_definitions(pass, |definition| without_parameters(definition, &is_newer));
}

/// Changes the definitions of indexes and exclusion constraints; where `changed` gives something else, the object is found.
fn change_definitions(pass: &mut Pass<'_>, changed: impl Fn(&BString) -> Option<BString>) {
    pass.change(|body| {
        let definition = match body {
            Body::Index(index) if index.constraint.is_none() => &mut index.definition,
            Body::Constraint(constraint) if constraint.kind == ConstraintKind::Exclusion => {
                &mut constraint.definition
            }
            _ => return false,
        };
        match changed(definition) {
            Some(text) => {
                *definition = text;
                true
            }
            None => false,
        }
    });
}

/// `… WITH (name='value', …)` without some of the parameters, and without the list if none is left.
fn without_parameters(definition: &BString, is_newer: impl Fn(&[u8], &[u8]) -> bool) -> Option<BString> {
    let tokens = Tokens::of(definition);
    let with = tokens.find(&["WITH", "("])?;
    let close = tokens.closing(with + 1)?;
    let mut items = Vec::new();
    let mut start = with + 2;
    for at in with + 2..=close {
        if tokens.are(at, &[","]) || at == close {
            items.push(start..at);
            start = at + 1;
        }
    }
    let is_kept = |item: &std::ops::Range<usize>| {
        let value = tokens
            .text(item.start + 2)
            .trim_with(|character| character == '\'');
        !is_newer(tokens.text(item.start), value)
    };
    let kept: Vec<_> = items.iter().filter(|item| is_kept(item)).collect();
    if kept.len() == items.len() {
        return None;
    }
    if kept.is_empty() {
        return Some(tokens.replaced(&[(with..close + 1, b"")]));
    }
    let kept: Vec<BString> = kept
        .iter()
        .map(|item| {
            (*item)
                .clone()
                .flat_map(|at| tokens.text(at).to_vec())
                .collect::<Vec<u8>>()
                .into()
        })
        .collect();
    Some(tokens.replaced(&[(with + 2..close, &bstr::join(", ", &kept))]))
}

/// A definition of a BRIN index without the names of newer operator classes and their parameters.
fn without_opclasses(definition: &BString) -> Option<BString> {
    let tokens = Tokens::of(definition);
    tokens.find(&["USING", "brin"])?;
    let mut pieces = Vec::new();
    for at in 1..tokens.len() {
        let is_newer = tokens.kind(at) == Some(Kind::Word)
            && !tokens.are(at - 1, &["."])
            && (tokens.are(at + 1, &[","]) || tokens.are(at + 1, &[")"]) || tokens.are(at + 1, &["("]))
            && BRIN_OPCLASSES.iter().any(|ending| tokens.text(at).ends_with(ending.as_bytes()))
            // What stands there alone is a column.
            && !tokens.are(at - 1, &["("])
            && !tokens.are(at - 1, &[","]);
        if is_newer {
            let end = tokens
                .are(at + 1, &["("])
                .then(|| tokens.closing(at + 1))
                .flatten();
            pieces.push((at..end.unwrap_or(at) + 1, &b""[..]));
        }
    }
    (!pieces.is_empty()).then(|| tokens.replaced(&pieces))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_leave_the_list_and_the_last_takes_it_along() {
        let without = |text: &str| {
            let text = without_parameters(&text.into(), |name, _| name.starts_with(b"new"))?;
            Some(text.to_string())
        };
        let two = "CREATE INDEX i ON s.t USING btree (a) WITH (fillfactor='70', new_one='off')";
        let left = "CREATE INDEX i ON s.t USING btree (a) WITH (fillfactor='70')";
        assert_eq!(without(two).as_deref(), Some(left));
        assert_eq!(without(left), None);
        let one = "EXCLUDE USING gist (a WITH &&) WITH (new_one='1') WHERE ((b > 0))";
        assert_eq!(
            without(one).as_deref(),
            Some("EXCLUDE USING gist (a WITH &&) WHERE ((b > 0))")
        );
    }

    #[test]
    fn operator_classes_go_with_their_parameters_and_columns_stay() {
        let without = |text: &str| without_opclasses(&text.into()).map(|text| text.to_string());
        let long = "CREATE INDEX i ON t USING brin (a int4_bloom_ops (n_distinct_per_range='9'), b_bloom_ops) WHERE (a > 0)";
        let short = "CREATE INDEX i ON t USING brin (a, b_bloom_ops) WHERE (a > 0)";
        assert_eq!(without(long).as_deref(), Some(short));
        assert_eq!(without(short), None);
        assert_eq!(
            without("CREATE INDEX i ON t USING brin (a, s.my_bloom_ops)"),
            None
        );
    }
}
