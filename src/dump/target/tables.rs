//! Columns, constraints and indexes of tables.

use bstr::{BString, ByteSlice};

use super::Pass;
use super::describe;
use super::tokens::{Kind, Tokens};
use crate::objects::table::constraint::{Constraint, ConstraintKind, ConstraintOn};
use crate::objects::table::{Column, RelKind, Table};
use crate::objects::types::Definition;
use crate::objects::{Body, Catalog, Components};
use crate::toc::{DumpId, Name};

impl Pass<'_> {
    /// Calls `change` for each column of each wanted table, foreign tables included; where it says that it has changed something,
    /// the column is found.
    pub(super) fn change_columns(&mut self, mut change: impl FnMut(&Table, &mut Column) -> bool) {
        for id in self.wanted() {
            let mut changed = Vec::new();
            if let Some(table) = self.catalog.table_mut(id) {
                let mut columns = std::mem::take(&mut table.columns);
                for column in columns.iter_mut().filter(|column| !column.dropped) {
                    if change(table, column) {
                        changed.push(column.name.clone());
                    }
                }
                table.columns = columns;
            }
            for name in changed {
                self.found.push(describe::column(self.catalog, id, name.as_ref()));
            }
        }
    }

    /// Calls `change` for each wanted constraint, likewise.
    pub(super) fn change_constraints(&mut self, mut change: impl FnMut(&mut Constraint) -> bool) {
        self.change(|body| match body {
            Body::Constraint(constraint) => change(constraint),
            _ => false,
        });
    }

    /// Leaves out each wanted constraint of which `is` is true.
    pub(super) fn leave_out_constraints(&mut self, is: impl Fn(&Catalog, &Constraint) -> bool) {
        self.leave_out(
            |catalog, body| matches!(body, Body::Constraint(constraint) if is(catalog, constraint)),
        );
    }

    /// Rewrites definitions of indexes; where `rewritten` gives something else, the index is found.
    fn rewrite_indexes(&mut self, rewritten: impl Fn(&BString) -> Option<BString>) {
        self.change(|body| match body {
            Body::Index(index) if index.constraint.is_none() => match rewritten(&index.definition) {
                Some(text) => {
                    index.definition = text;
                    true
                }
                None => false,
            },
            _ => false,
        });
    }
}

/// The table that a constraint is on.
pub(super) fn table_of<'c>(catalog: &'c Catalog, constraint: &Constraint) -> Option<&'c Table> {
    match constraint.on {
        ConstraintOn::Table(table) => catalog.table(table),
        ConstraintOn::Domain(_) => None,
    }
}

/// A text without what stands from some words to the end of the parenthesis that the last of them opens.
fn without_list(text: &[u8], words: &[&str]) -> Option<BString> {
    let tokens = Tokens::of(text);
    let at = tokens.find(words)?;
    let end = tokens.closing(at + words.len() - 1)?;
    Some(tokens.replaced(&[(at..end + 1, b"")]))
}

fn without_words(text: &[u8], words: &[&str]) -> Option<BString> {
    let tokens = Tokens::of(text);
    let at = tokens.find(words)?;
    Some(tokens.replaced(&[(at..at + words.len(), b"")]))
}

pub(super) fn include(pass: &mut Pass<'_>) {
    pass.rewrite_indexes(|definition| without_list(definition, &["INCLUDE", "("]));
    let constraints: Vec<(DumpId, DumpId)> = pass
        .wanted()
        .into_iter()
        .filter_map(|id| match &pass.catalog.object(id).body {
            Body::Constraint(constraint) => Some((id, constraint.index?)),
            _ => None,
        })
        .collect();
    for (id, index) in constraints {
        let Body::Constraint(constraint) = &mut pass.catalog.object_mut(id).body else {
            continue;
        };
        let owns = matches!(
            constraint.kind,
            ConstraintKind::PrimaryKey | ConstraintKind::Unique | ConstraintKind::Exclusion
        );
        let mut changed = false;
        if let Some(text) = without_list(&constraint.definition, &["INCLUDE", "("]) {
            constraint.definition = text;
            changed = true;
        }
        if let Some(index) = pass.catalog.index_mut(index).filter(|_| owns)
            && index.columns.len() > index.key_count
        {
            index.columns.truncate(index.key_count);
            changed = true;
        }
        if changed {
            pass.find(id);
        }
    }
}

/// A table that is not partitioned any more.
pub(super) fn on_only(pass: &mut Pass<'_>) {
    pass.rewrite_indexes(|definition| {
        let tokens = Tokens::of(definition);
        let at = tokens.find(&["ON", "ONLY"])?;
        Some(tokens.replaced(&[(at + 1..at + 2, b"")]))
    });
}

pub(super) fn index_targets(pass: &mut Pass<'_>) {
    pass.change(|body| match body {
        Body::Index(index) => !std::mem::take(&mut index.statistics_targets).is_empty(),
        _ => false,
    });
}

pub(super) fn opclass_parameters(pass: &mut Pass<'_>) {
    pass.rewrite_indexes(without_parameters);
    pass.change_constraints(|constraint| match constraint.kind {
        ConstraintKind::Exclusion => match without_parameters(&constraint.definition) {
            Some(text) => {
                constraint.definition = text;
                true
            }
            None => false,
        },
        _ => false,
    });
}

/// A definition of an index without `(name='value', …)` behind names of operator classes. Behind WITH, which is a
/// key word and not a name, such a list is the index' own.
fn without_parameters(definition: &BString) -> Option<BString> {
    let tokens = Tokens::of(definition);
    let is_name =
        |at: usize| matches!(tokens.kind(at), Some(Kind::Word | Kind::Quoted)) && !tokens.are(at, &["WITH"]);
    let mut pieces = Vec::new();
    let mut at = 1;
    while at < tokens.len() {
        let is_list = tokens.are(at, &["("])
            && is_name(at - 1)
            && is_name(at + 1)
            && tokens.are(at + 2, &["="])
            && tokens.kind(at + 3) == Some(Kind::Literal)
            && (tokens.are(at + 4, &[")"]) || tokens.are(at + 4, &[","]));
        match tokens.closing(at).filter(|_| is_list) {
            Some(end) => {
                pieces.push((at..end + 1, &b""[..]));
                at = end;
            }
            None => at += 1,
        }
    }
    (!pieces.is_empty()).then(|| tokens.replaced(&pieces))
}

pub(super) fn with_oids_gone(pass: &mut Pass<'_>) {
    /// `pg_attribute.attnum` of the column that goes.
    const OID: i16 = -2;
    for id in pass.wanted() {
        if matches!(&pass.catalog.object(id).body, Body::Table(table) if table.with_oids) {
            pass.find(id);
            pass.retyped.push((id, OID, Name::from("oid")));
        }
    }
}

pub(super) fn compression(pass: &mut Pass<'_>) {
    pass.change_columns(|_, column| std::mem::take(&mut column.compression) != 0);
}

/// Generated columns become ordinary ones. Their rows' query must then read them.
pub(super) fn generated(pass: &mut Pass<'_>) {
    let mut defaults = Vec::new();
    pass.change_columns(|_, column| {
        let is_generated = column.generated != 0;
        if is_generated {
            column.generated = 0;
            column.was_generated = true;
            defaults.extend(column.default.take());
        }
        is_generated
    });
    pass.forget(&defaults);
}

pub(super) fn virtual_generated(pass: &mut Pass<'_>) {
    pass.change_columns(|_, column| {
        let is_virtual = column.generated == b'v';
        if is_virtual {
            column.generated = b's';
        }
        is_virtual
    });
}

pub(super) fn childs_generation(pass: &mut Pass<'_>) {
    let mut own = Vec::new();
    for id in pass.wanted() {
        let Some(table) = pass.catalog.table(id).filter(|table| !table.is_partition) else {
            continue;
        };
        for column in table.columns.iter().filter(|column| column.generated != 0) {
            let is_parents = table.parents.iter().any(|parent| {
                let parent = pass.catalog.table(*parent);
                let mut columns = parent.iter().flat_map(|parent| &parent.columns);
                columns.any(|of_parent| of_parent.name == column.name && of_parent.generated != 0)
            });
            let default = column
                .default
                .filter(|default| is_parents && pass.catalog.object(*default).dumps(Components::DEFINITION));
            own.extend(default.map(|default| (id, column.name.clone(), default)));
        }
    }
    for (id, name, default) in own {
        pass.forget(&[default]);
        pass.found.push(describe::column(pass.catalog, id, name.as_ref()));
    }
}

pub(super) fn numeric_scales(pass: &mut Pass<'_>) {
    pass.change_columns(|_, column| {
        let mut name = BString::from(&*column.type_name);
        let changed = plain_numeric(&mut name);
        if changed {
            column.type_name = name.into();
        }
        changed
    });
    pass.change(|body| match body {
        Body::Type(body) => match body.definition.as_deref_mut() {
            Some(Definition::Domain(domain)) => plain_numeric(&mut domain.base),
            Some(Definition::Composite(composite)) => {
                let types = composite
                    .columns
                    .iter_mut()
                    .filter_map(|column| column.definition.as_mut());
                types.map(plain_numeric).filter(|changed| *changed).count() > 0
            }
            _ => false,
        },
        _ => false,
    });
}

/// Makes `numeric(p,s)` `numeric` where only 15 and later take the scale; arrays keep their brackets.
fn plain_numeric(name: &mut BString) -> bool {
    let numbers = |text: &[u8]| -> Option<(i32, i32, BString)> {
        let (list, rest) = text.strip_prefix(b"numeric(")?.split_once_str(")")?;
        let (precision, scale) = list.split_once_str(",")?;
        let number = |text: &[u8]| text.to_str().ok()?.trim().parse().ok();
        Some((number(precision)?, number(scale)?, rest.into()))
    };
    let odd = numbers(name).filter(|(precision, scale, _)| *scale < 0 || scale > precision);
    if let Some((_, _, rest)) = &odd {
        *name = [b"numeric", rest.as_slice()].concat().into();
    }
    odd.is_some()
}

pub(super) fn nulls_not_distinct(pass: &mut Pass<'_>) {
    pass.rewrite_indexes(|definition| without_words(definition, &["NULLS", "NOT", "DISTINCT"]));
    for id in pass.wanted() {
        let index = match &pass.catalog.object(id).body {
            Body::Constraint(constraint) if constraint.kind == ConstraintKind::Unique => constraint.index,
            _ => None,
        };
        if let Some(index) = index.and_then(|index| pass.catalog.index_mut(index))
            && std::mem::take(&mut index.nulls_not_distinct)
        {
            pass.find(id);
        }
    }
}

pub(super) fn set_columns(pass: &mut Pass<'_>) {
    pass.change_constraints(|constraint| {
        if constraint.kind != ConstraintKind::ForeignKey {
            return false;
        }
        let tokens = Tokens::of(&constraint.definition);
        let list = ["NULL", "DEFAULT"].iter().find_map(|word| {
            let open = tokens.find(&["ON", "DELETE", "SET", word, "("])? + 4;
            Some(open..tokens.closing(open)? + 1)
        });
        let Some(list) = list else { return false };
        constraint.definition = tokens.replaced(&[(list, b"")]);
        true
    });
}

pub(super) fn not_enforced(pass: &mut Pass<'_>) {
    pass.leave_out_constraints(|_, constraint| {
        let kind = matches!(
            constraint.kind,
            ConstraintKind::Check | ConstraintKind::ForeignKey
        );
        kind && constraint.definition.ends_with(b" NOT ENFORCED")
    });
}

pub(super) fn temporal(pass: &mut Pass<'_>) {
    pass.leave_out_constraints(|_, constraint| constraint.period);
}

pub(super) fn not_null_not_valid(pass: &mut Pass<'_>) {
    pass.leave_out_constraints(|catalog, constraint| {
        constraint.kind == ConstraintKind::NotNull && table_of(catalog, constraint).is_some()
    });
}

pub(super) fn not_null_names(pass: &mut Pass<'_>) {
    pass.change_columns(|_, column| {
        let not_null = column
            .not_null
            .as_mut()
            .filter(|not_null| not_null.comment.is_none());
        not_null.is_some_and(|not_null| not_null.name.take().is_some())
    });
}

pub(super) fn not_null_comments(pass: &mut Pass<'_>) {
    pass.change_columns(|_, column| {
        let not_null = column.not_null.as_mut();
        not_null.is_some_and(|not_null| {
            not_null.name = None;
            not_null.comment.take().is_some()
        })
    });
}

/// A constraint that children would inherit could refuse their rows.
pub(super) fn not_null_no_inherit(pass: &mut Pass<'_>) {
    pass.change_columns(|_, column| column.not_null.take_if(|not_null| not_null.no_inherit).is_some());
}

/// A column that is declared again is merged with the inherited one.
pub(super) fn not_null_elements(pass: &mut Pass<'_>) {
    pass.change_columns(|table, column| {
        let is_element = table.relkind != RelKind::View
            && !table.prints(column)
            && column.not_null.as_ref().is_some_and(|not_null| not_null.is_local);
        column.is_local |= is_element;
        is_element
    });
}

/// A domain's constraint NOT NULL had no name, and so no comment; those that are not valid are clauses then.
pub(super) fn domain_not_null(pass: &mut Pass<'_>) {
    let mut named = Vec::new();
    pass.change(|body| match body {
        Body::Type(body) => match body.definition.as_deref_mut() {
            Some(Definition::Domain(domain)) => domain
                .not_null_constraint
                .take()
                .map(|id| named.push(id))
                .is_some(),
            _ => false,
        },
        _ => false,
    });
    pass.forget(&named);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_operator_classes_are_told_from_what_looks_alike() {
        let without = |text: &str| without_parameters(&text.into()).map(|text| text.to_string());
        assert_eq!(
            without(
                "CREATE INDEX i ON t USING gist (a s.ops (siglen='32', x='1'), b) WITH (fillfactor='70')"
            )
            .as_deref(),
            Some("CREATE INDEX i ON t USING gist (a s.ops, b) WITH (fillfactor='70')")
        );
        assert_eq!(
            without("CREATE INDEX i ON t USING btree (f((a = 'x'::text))) WITH (fillfactor='70')"),
            None
        );
        assert_eq!(
            without("CREATE INDEX i ON t USING btree (a) WHERE (a = 'x'::text)"),
            None
        );
    }

    #[test]
    fn only_scales_outside_of_the_precision_are_dropped() {
        let plain = |name: &str| {
            let mut name = BString::from(name);
            plain_numeric(&mut name);
            name.to_string()
        };
        assert_eq!(plain("numeric(3,-2)"), "numeric");
        assert_eq!(plain("numeric(2,5)[]"), "numeric[]");
        for kept in [
            "numeric(5,2)",
            "numeric(5,5)",
            "numeric",
            "text",
            "s.numeric(1,2)",
        ] {
            assert_eq!(plain(kept), kept);
        }
    }
}
