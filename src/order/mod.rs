//! The order of a dump: by kind and name first, then changed as little as dependencies demand.
//!
//! [`arrange`] takes a catalog whose objects know what they depend on, sorts them, repairs the loops that stand in
//! the way (which changes how some objects are made) and gives the order. It does no I/O and makes no
//! SQL. The steps are files: `priority` and `name` for the first order, `topological` for the second, `loops` and
//! `repair` for what cannot be sorted, `boundaries` for the sections.

mod boundaries;
mod discovery;
mod graph;
mod loops;
mod name;
mod priority;
mod repair;
mod topological;
mod warning;

use std::mem;

use crate::error::{Error, ErrorKind, Result};
use crate::objects::table::RelKind;
use crate::objects::table::constraint::{ConstraintKind, ConstraintOn};
use crate::objects::table::statistics::StatisticsOf;
use crate::objects::{Body, Catalog, Components, Object};
use crate::toc::{DumpId, Section};

use graph::{Graph, Node, Role};
use repair::{Decision, Outcome};
pub use warning::Warning;

/// The order that a catalog's objects are dumped in.
#[derive(Debug)]
pub struct Arrangement {
    /// Every object's number, once.
    pub order: Vec<DumpId>,
    /// What could only be ordered at a risk.
    pub warnings: Vec<Warning>,
}

/// Finds the order of all objects.
///
/// Adds the boundaries between sections to the catalog, and changes the dependencies and the ways of
/// making of those objects that were in a loop.
///
/// # Errors
/// If there is a loop that no search finds, which cannot be.
pub fn arrange(catalog: &mut Catalog) -> Result<Arrangement> {
    let mut discovered = discovery::sorted(catalog);
    discovered.extend(boundaries::add(catalog, &discovered));
    let wanted = name::sorted(catalog);
    let mut graph = take_graph(catalog);
    let mut outcome = Outcome::default();
    let order = loop {
        match topological::sort(&graph, &wanted) {
            Ok(order) => break order,
            Err(unsorted) => {
                if !loops::repair_all(&mut graph, &discovered, &unsorted, &mut outcome) {
                    return Err(Error::new(
                        ErrorKind::Protocol,
                        "could not identify dependency loop",
                    ));
                }
            }
        }
    };
    for (object, node) in catalog.objects_mut().iter_mut().zip(graph.into_nodes()) {
        object.dependencies = node.dependencies;
    }
    outcome
        .decisions
        .iter()
        .for_each(|decision| carry_out(catalog, *decision));
    Ok(Arrangement {
        order,
        warnings: outcome.warnings,
    })
}

/// The catalog's dependencies as a graph; they come back when the graph is done with.
fn take_graph(catalog: &mut Catalog) -> Graph {
    let roles: Vec<Role> = catalog.objects().iter().map(role).collect();
    let nodes = catalog
        .objects_mut()
        .iter_mut()
        .zip(roles)
        .map(|(object, role)| Node {
            role,
            dependencies: mem::take(&mut object.dependencies),
        });
    Graph::new(nodes.collect())
}

fn role(object: &Object) -> Role {
    match &object.body {
        Body::PreDataBoundary => Role::PreDataBoundary,
        Body::PostDataBoundary => Role::PostDataBoundary,
        Body::Type(ty) if !ty.kind.is_implied() => Role::Type { shell: ty.shell },
        Body::Function(_) => Role::Function,
        Body::Table(table) => match table.relkind {
            RelKind::View => Role::View,
            RelKind::MaterializedView => Role::Matview,
            _ => Role::Relation,
        },
        Body::Rule(rule) if rule.is_select => Role::SelectRule { relation: rule.table },
        Body::Constraint(constraint) => match (constraint.kind, constraint.on) {
            (ConstraintKind::Check, ConstraintOn::Table(of))
            // A domain's NOT NULL has a name since 18, and is a part of the domain just as its checks are.
            | (ConstraintKind::Check | ConstraintKind::NotNull, ConstraintOn::Domain(of)) => Role::Check { of },
            _ => Role::Other,
        },
        Body::AttrDef(default) => Role::AttrDef {
            relation: default.table,
        },
        Body::Index(index) => Role::Index { parent: index.parent },
        Body::TableData(_) => Role::TableData,
        Body::RelationStatistics(statistics) if statistics.of == StatisticsOf::MaterializedView => {
            Role::MatviewStatistics
        }
        _ => Role::Other,
    }
}

/// Lets an object be made as a repair has decided.
fn carry_out(catalog: &mut Catalog, decision: Decision) {
    match decision {
        Decision::DummyView(view) => {
            if let Body::Table(view) = &mut catalog.object_mut(view).body {
                view.dummy_view = true;
            }
        }
        Decision::Separate(part) => match &mut catalog.object_mut(part).body {
            Body::Rule(rule) => rule.separate = true,
            Body::Constraint(constraint) => constraint.separate = true,
            Body::AttrDef(default) => default.separate = true,
            _ => {}
        },
        Decision::Postpone(object) => match &mut catalog.object_mut(object).body {
            Body::Table(matview) => matview.postponed_definition = true,
            Body::Function(function) => function.postponed = true,
            Body::RelationStatistics(statistics) => statistics.section = Section::PostData,
            _ => {}
        },
        Decision::MakeShell { shell, function } => {
            // Whatever is wanted of the function, it can only be named once the shell's definition is there.
            let wanted = catalog.object(function).dump;
            if !wanted.is_empty() {
                catalog.object_mut(shell).dump = wanted | Components::DEFINITION;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::ServerVersion;
    use crate::objects::rule::Rule;
    use crate::objects::table::Table;
    use crate::objects::table::data::TableData;
    use crate::sql::Quoting;
    use crate::toc::CatalogId;

    fn add(catalog: &mut Catalog, name: &str, body: Body, dependencies: &[DumpId]) -> DumpId {
        let object = catalog.add(CatalogId::default(), name, body);
        object.dependencies = dependencies.to_vec();
        object.id
    }

    fn relation(catalog: &mut Catalog, name: &str, relkind: RelKind) -> DumpId {
        let table = Table {
            relkind,
            ..Table::default()
        };
        add(catalog, name, Body::Table(Box::new(table)), &[])
    }

    fn rows(catalog: &mut Catalog, table: DumpId, dependencies: &[DumpId]) -> DumpId {
        let body = Body::TableData(Box::new(TableData { table, filter: None }));
        let name = catalog.object(table).name.to_string();
        add(catalog, &name, body, dependencies)
    }

    #[test]
    fn a_view_whose_query_needs_what_needs_the_view_is_replaced_after_the_data() {
        let mut catalog = Catalog::new(ServerVersion(180_000), Quoting::default());
        let view = relation(&mut catalog, "v", RelKind::View);
        let table = relation(&mut catalog, "a", RelKind::Table);
        let rule = Rule {
            table: view,
            is_select: true,
            separate: false,
            enabled: b'O',
            definition: None,
        };
        let rule = add(
            &mut catalog,
            "_RETURN",
            Body::Rule(Box::new(rule)),
            &[view, table],
        );
        catalog.object_mut(view).depend_on(rule);
        // The table has a column of the view's row type, the view reads the table.
        catalog.object_mut(table).depend_on(view);
        let data = rows(&mut catalog, table, &[table]);
        let order = arrange(&mut catalog).unwrap().order;
        let lines: Vec<_> = catalog
            .objects()
            .iter()
            .rev()
            .take(2)
            .map(|object| object.id)
            .collect();
        assert_eq!(order, [view, table, lines[1], data, lines[0], rule]);
        assert!(catalog.table(view).unwrap().dummy_view);
        assert!(matches!(&catalog.object(rule).body, Body::Rule(rule) if rule.separate));
    }

    #[test]
    fn rows_that_wait_for_each_other_are_warned_of_by_table() {
        let mut catalog = Catalog::new(ServerVersion(180_000), Quoting::default());
        let (a, b) = (
            relation(&mut catalog, "a", RelKind::Table),
            relation(&mut catalog, "b", RelKind::Table),
        );
        let rows_a = rows(&mut catalog, a, &[a]);
        let rows_b = rows(&mut catalog, b, &[b, rows_a]);
        catalog.object_mut(rows_a).depend_on(rows_b);
        let arrangement = arrange(&mut catalog).unwrap();
        let [warning] = arrangement.warnings.as_slice() else {
            panic!("{:?}", arrangement.warnings);
        };
        assert_eq!(
            warning.message(),
            "there are circular foreign-key constraints among these tables:"
        );
        assert_eq!(warning.details(&catalog), ["a", "b"]);
        assert_eq!(arrangement.order.len(), catalog.objects().len());
    }
}
