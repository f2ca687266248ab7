//! Syntax within what the server words itself: queries of views and rules, expressions, bodies of functions that are
//! SQL.
//!
//! Only what can be told from the tokens alone is looked for. Text that is a string to the server, such as the body
//! of a PL/pgSQL function, is not looked into.

use bstr::BString;

use super::Pass;
use super::tokens::{Kind, Tokens};
use crate::objects::types::Definition;
use crate::objects::types::domain::TypeDefault;
use crate::objects::{Body, Catalog};

/// The texts of SQL that an object holds.
pub(super) fn texts(body: &Body) -> Vec<&BString> {
    match body {
        Body::Table(table) => table.view_definition.iter().chain(&table.partition_key).collect(),
        Body::Rule(rule) => rule.definition.iter().collect(),
        Body::Trigger(trigger) => vec![&trigger.definition],
        Body::Index(index) => vec![&index.definition],
        Body::Constraint(constraint) => vec![&constraint.definition],
        Body::AttrDef(attrdef) => vec![&attrdef.expression],
        Body::Policy(policy) => policy.expressions(),
        Body::Function(function) => {
            let details = function.details.iter();
            details
                .flat_map(|details| details.sql_body.iter().chain([&details.arguments]))
                .collect()
        }
        Body::ExtendedStatistics(statistics) => vec![&statistics.definition],
        Body::PublicationTable(member) => member.filter.iter().collect(),
        Body::Type(body) => match body.definition.as_deref() {
            Some(Definition::Domain(domain)) => match &domain.default {
                Some(TypeDefault::Expression(expression)) => vec![expression],
                _ => Vec::new(),
            },
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// The same texts, but for those that no rewriting concerns.
fn texts_mut(body: &mut Body) -> Vec<&mut BString> {
    match body {
        Body::Table(table) => table.view_definition.iter_mut().collect(),
        Body::Rule(rule) => rule.definition.iter_mut().collect(),
        Body::Trigger(trigger) => vec![&mut trigger.definition],
        Body::Index(index) => vec![&mut index.definition],
        Body::Constraint(constraint) => vec![&mut constraint.definition],
        Body::AttrDef(attrdef) => vec![&mut attrdef.expression],
        Body::Policy(policy) => policy.expressions_mut(),
        Body::Function(function) => {
            let details = function.details.iter_mut();
            details
                .flat_map(|details| details.sql_body.iter_mut().chain([&mut details.arguments]))
                .collect()
        }
        _ => Vec::new(),
    }
}

/// Leaves out every object with a text in which a token has this property.
fn leave_out(pass: &mut Pass<'_>, has: impl Fn(&Tokens<'_>, usize) -> bool) {
    pass.leave_out(|_: &Catalog, body| {
        texts(body).into_iter().any(|text| {
            let tokens = Tokens::of(text);
            (0..tokens.len()).any(|at| has(&tokens, at))
        })
    });
}

/// Leaves out every object with a text that has one of these sequences of words.
fn leave_out_words(pass: &mut Pass<'_>, sequences: &[&[&str]]) {
    leave_out(pass, |tokens, at| {
        sequences.iter().any(|words| tokens.are(at, words))
    });
}

fn rewrite(pass: &mut Pass<'_>, rewritten: impl Fn(&BString) -> Option<BString>) {
    pass.change(|body| {
        let mut changed = false;
        for text in texts_mut(body) {
            if let Some(new) = rewritten(text) {
                *text = new;
                changed = true;
            }
        }
        changed
    });
}

pub(super) fn window_frames(pass: &mut Pass<'_>) {
    // Such key words are in capitals; a column of that name would be in quotes.
    let bound = |tokens: &Tokens<'_>, at| tokens.are(at, &["UNBOUNDED"]) || tokens.are(at, &["CURRENT"]);
    leave_out(pass, |tokens, at| {
        let excludes = ["CURRENT", "GROUP", "TIES"];
        let ends_at_offset = tokens.are(at + 4, &["AND"]) && !bound(tokens, at + 5);
        let with_offset = match (tokens.are(at, &["RANGE", "BETWEEN"]), tokens.are(at, &["RANGE"])) {
            (true, _) => !bound(tokens, at + 2) || ends_at_offset,
            // A partition key begins with the word.
            (false, is_range) => at > 0 && is_range && !bound(tokens, at + 1),
        };
        let excludes = excludes.iter().any(|word| tokens.are(at, &["EXCLUDE", word]));
        tokens.are(at, &["GROUPS"]) || excludes || with_offset
    });
}

pub(super) fn materialized(pass: &mut Pass<'_>) {
    rewrite(pass, |text| {
        let tokens = Tokens::of(text);
        let mut pieces = Vec::new();
        for at in 0..tokens.len() {
            if tokens.are(at, &["AS", "MATERIALIZED", "("]) {
                pieces.push((at + 1..at + 2, &b""[..]));
            } else if tokens.are(at, &["AS", "NOT", "MATERIALIZED", "("]) {
                pieces.push((at + 1..at + 3, &b""[..]));
            }
        }
        (!pieces.is_empty()).then(|| tokens.replaced(&pieces))
    });
}

pub(super) fn with_ties(pass: &mut Pass<'_>) {
    leave_out_words(pass, &[&["WITH", "TIES"]]);
}

pub(super) fn is_normalized(pass: &mut Pass<'_>) {
    leave_out(pass, |tokens, at| {
        let forms = ["IS", "NOT", "NFC", "NFD", "NFKC", "NFKD"];
        tokens.are(at + 1, &["NORMALIZED"]) && forms.iter().any(|form| tokens.are(at, &[form]))
    });
}

pub(super) fn group_by_distinct(pass: &mut Pass<'_>) {
    leave_out_words(pass, &[&["GROUP", "BY", "DISTINCT"]]);
}

pub(super) fn search_and_cycle(pass: &mut Pass<'_>) {
    leave_out_words(
        pass,
        &[
            &[")", "SEARCH", "DEPTH"],
            &[")", "SEARCH", "BREADTH"],
            &[")", "CYCLE"],
        ],
    );
}

pub(super) fn join_using_alias(pass: &mut Pass<'_>) {
    leave_out(pass, |tokens, at| {
        tokens.are(at, &["USING", "("])
            && tokens
                .closing(at + 1)
                .is_some_and(|end| tokens.are(end + 1, &["AS"]))
    });
}

pub(super) fn substring_similar(pass: &mut Pass<'_>) {
    leave_out(pass, |tokens, at| {
        let end = tokens
            .closing(at + 1)
            .filter(|_| tokens.are(at, &["SUBSTRING", "("]));
        end.is_some_and(|end| (at..end).any(|at| tokens.are(at, &["SIMILAR"])))
    });
}

/// Before 14 EXTRACT gave a double.
pub(super) fn extract(pass: &mut Pass<'_>) {
    if !pass.catalog.version.at_least(14) {
        return;
    }
    rewrite(pass, |text| {
        // One at a time, outer ones first: one may stand within another.
        let mut text = text.clone();
        let mut from = 0;
        let mut changed = false;
        loop {
            let tokens = Tokens::of(&text);
            let found = (from..tokens.len()).find(|&at| tokens.are(at, &["EXTRACT", "("]));
            let Some((at, end)) = found.and_then(|at| Some((at, tokens.closing(at + 1)?))) else {
                return changed.then_some(text);
            };
            text = tokens.replaced(&[(at..at + 1, b"(EXTRACT"), (end..end + 1, b"))::numeric")]);
            from = at + 2;
            changed = true;
        }
    });
}

pub(super) fn merge(pass: &mut Pass<'_>) {
    leave_out_words(pass, &[&["MERGE", "INTO"]]);
}

pub(super) fn newer_merge(pass: &mut Pass<'_>) {
    leave_out(pass, |tokens, at| {
        let returning = tokens.are(at, &["MERGE", "INTO"])
            && (at..tokens.len())
                .take_while(|at| !tokens.are(*at, &[";"]))
                .any(|at| tokens.are(at, &["RETURNING"]));
        returning
            || tokens.are(at, &["MERGE_ACTION", "("])
            || tokens.are(at, &["NOT", "MATCHED", "BY", "SOURCE"])
    });
}

/// Calls that are syntax are worded in capitals, which tells them from functions of the same name.
fn leave_out_calls(pass: &mut Pass<'_>, names: &[&str]) {
    leave_out(pass, |tokens, at| {
        names.iter().any(|name| tokens.are(at, &[name, "("]))
    });
}

pub(super) fn json_constructors(pass: &mut Pass<'_>) {
    leave_out_calls(
        pass,
        &["JSON_ARRAY", "JSON_OBJECT", "JSON_ARRAYAGG", "JSON_OBJECTAGG"],
    );
    leave_out_words(pass, &[&["IS", "JSON"], &["IS", "NOT", "JSON"]]);
}

pub(super) fn json_queries(pass: &mut Pass<'_>) {
    let names = [
        "JSON",
        "JSON_SCALAR",
        "JSON_SERIALIZE",
        "JSON_EXISTS",
        "JSON_QUERY",
        "JSON_VALUE",
        "JSON_TABLE",
    ];
    leave_out_calls(pass, &names);
}

pub(super) fn system_user(pass: &mut Pass<'_>) {
    leave_out_words(pass, &[&["SYSTEM_USER"]]);
}

pub(super) fn no_indent(pass: &mut Pass<'_>) {
    rewrite(pass, |text| {
        let tokens = Tokens::of(text);
        let places = (0..tokens.len()).filter(|at| tokens.are(*at, &["NO", "INDENT", ")"]));
        let pieces: Vec<_> = places.map(|at| (at..at + 2, &b""[..])).collect();
        (!pieces.is_empty()).then(|| tokens.replaced(&pieces))
    });
}

pub(super) fn indent(pass: &mut Pass<'_>) {
    leave_out_words(pass, &[&["INDENT", ")"]]);
}

pub(super) fn at_local(pass: &mut Pass<'_>) {
    leave_out_words(pass, &[&["AT", "LOCAL"]]);
}

pub(super) fn returning_with(pass: &mut Pass<'_>) {
    leave_out_words(pass, &[&["RETURNING", "WITH", "("]]);
}

/// Whether a text has this name as one of its words, in quotes or not.
pub(super) fn mentions(text: &BString, ident: &BString) -> bool {
    let tokens = Tokens::of(text);
    (0..tokens.len()).any(|at| {
        matches!(tokens.kind(at), Some(Kind::Word | Kind::Quoted)) && tokens.text(at) == ident.as_slice()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::ServerVersion;
    use crate::objects::table::{RelKind, Table};
    use crate::sql::Quoting;
    use crate::toc::CatalogId;

    fn pass(catalog: &mut Catalog) -> Pass<'_> {
        Pass {
            catalog,
            database: None,
            release: 10,
            statistics: false,
            found: Vec::new(),
            lost: Default::default(),
            retyped: Vec::new(),
        }
    }

    /// Whether a view is left out, and its query if not.
    fn after(adapt: fn(&mut Pass<'_>), query: &str) -> Option<String> {
        let mut catalog = Catalog::new(ServerVersion(180_000), Quoting::default());
        let view = Table {
            relkind: RelKind::View,
            view_definition: Some(query.into()),
            ..Table::default()
        };
        let id = catalog
            .add(CatalogId::default(), "v", Body::Table(Box::new(view)))
            .id;
        let mut pass = pass(&mut catalog);
        adapt(&mut pass);
        let lost = pass.lost.contains(&id);
        let query = catalog.table(id).and_then(|table| table.view_definition.clone());
        query.filter(|_| !lost).map(|query| query.to_string())
    }

    #[test]
    fn syntax_that_is_newer_is_found_and_what_looks_like_it_is_not() {
        type Adapt = fn(&mut Pass<'_>);
        let cases: &[(Adapt, &str, &[&str])] = &[
            (
                window_frames,
                "sum(a) OVER (ORDER BY b GROUPS 1 PRECEDING)",
                &[
                    "sum(a) OVER (ORDER BY b RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)",
                    "SELECT \"GROUPS\" BETWEEN 1 AND 2",
                ],
            ),
            (window_frames, "sum(a) OVER (ORDER BY b RANGE 1 PRECEDING)", &[]),
            (
                window_frames,
                "sum(a) OVER (ORDER BY b RANGE BETWEEN CURRENT ROW AND 1 FOLLOWING)",
                &[],
            ),
            (
                window_frames,
                "sum(a) OVER (ROWS BETWEEN 1 PRECEDING AND CURRENT ROW EXCLUDE TIES)",
                &["sum(a) OVER (ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)"],
            ),
            (
                join_using_alias,
                "SELECT j.a FROM (x JOIN y USING (a) AS j)",
                &["SELECT a FROM (x JOIN y USING (a)) j"],
            ),
            (
                search_and_cycle,
                "WITH RECURSIVE t AS ( SELECT 1 ) CYCLE a SET c USING p SELECT 1",
                &["SELECT ')CYCLE'"],
            ),
            (
                json_constructors,
                "SELECT JSON_OBJECT('a' : 1)",
                &["SELECT json_object('{a,1}'::text[])"],
            ),
            (
                is_normalized,
                "SELECT (a IS NFC NORMALIZED)",
                &["SELECT normalized FROM t"],
            ),
            (
                newer_merge,
                "MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE RETURNING 1",
                &["MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE; INSERT INTO t RETURNING 1"],
            ),
        ];
        for (adapt, newer, fine) in cases {
            assert_eq!(after(*adapt, newer), None, "{newer}");
            for query in *fine {
                assert_eq!(after(*adapt, query).as_deref(), Some(*query));
            }
        }
    }

    #[test]
    fn a_range_that_tables_are_partitioned_by_is_no_window_frame() {
        let parted = Table {
            partition_key: Some("RANGE (d)".into()),
            ..Table::default()
        };
        let mut catalog = Catalog::new(ServerVersion(180_000), Quoting::default());
        catalog.add(CatalogId::default(), "p", Body::Table(Box::new(parted)));
        let mut pass = pass(&mut catalog);
        window_frames(&mut pass);
        assert!(pass.lost.is_empty());
    }

    #[test]
    fn what_means_the_same_is_reworded() {
        assert_eq!(
            after(
                materialized,
                "WITH a AS MATERIALIZED ( SELECT 1 ), b AS NOT MATERIALIZED ( SELECT 2 ) SELECT 3"
            ),
            Some("WITH a AS ( SELECT 1 ), b AS ( SELECT 2 ) SELECT 3".into())
        );
        assert_eq!(
            after(extract, "SELECT EXTRACT(year FROM (a + f(EXTRACT(day FROM b))))"),
            Some("SELECT (EXTRACT(year FROM (a + f((EXTRACT(day FROM b))::numeric))))::numeric".into())
        );
        assert_eq!(
            after(no_indent, "SELECT XMLSERIALIZE(CONTENT x AS text NO INDENT)"),
            Some("SELECT XMLSERIALIZE(CONTENT x AS text)".into())
        );
    }
}
