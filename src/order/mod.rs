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
