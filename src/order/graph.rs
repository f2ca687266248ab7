//! The graph that is sorted: what must come before what, and as much about each object as the repair of a
//! dependency loop has to know.
//!
//! It is made from a catalog and its outcome goes back into it (see [`super::arrange`]); neither names nor
//! SQL are here.

use crate::toc::DumpId;

/// What an object is to the repair of a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The line before the data.
    PreDataBoundary,
    /// The line after the data.
    PostDataBoundary,
    /// A data type that is made by a statement of its own, with its shell if it has one.
    Type { shell: Option<DumpId> },
    /// A function or procedure, not an aggregate.
    Function,
    /// A view.
    View,
    /// A materialized view.
    Matview,
    /// Any other relation.
    Relation,
    /// The `ON SELECT DO INSTEAD` rule of a view or materialized view.
    SelectRule { relation: DumpId },
    /// A check constraint of a relation or domain.
    Check { of: DumpId },
    /// A column's default.
    AttrDef { relation: DumpId },
    /// An index, with the index of the partitioned table that it is a part of.
    Index { parent: Option<DumpId> },
    /// The rows of a table.
    TableData,
    /// The planner statistics of a materialized view.
    MatviewStatistics,
    /// Nothing that a repair looks for.
    Other,
}

impl Role {
    /// True for what holds columns.
    fn is_relation(self) -> bool {
        matches!(self, Role::View | Role::Matview | Role::Relation)
    }

    /// True if this is a check constraint of the relation `relation` in the role `of`.
    pub(super) fn is_table_check(self, of: Role, relation: DumpId) -> bool {
        of.is_relation() && self == (Role::Check { of: relation })
    }

    /// True if this is a check constraint of the domain `domain` in the role `of`.
    pub(super) fn is_domain_check(self, of: Role, domain: DumpId) -> bool {
        matches!(of, Role::Type { .. }) && self == (Role::Check { of: domain })
    }

    /// True if this is a default of a column of `relation`.
    pub(super) fn is_default(self, of: Role, relation: DumpId) -> bool {
        of.is_relation() && self == (Role::AttrDef { relation })
    }
}

/// One object.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// What it is to repairs.
    pub(super) role: Role,
    /// What must come before it.
    pub(super) dependencies: Vec<DumpId>,
}

/// All objects, by number.
#[derive(Debug, Clone)]
pub(super) struct Graph {
    /// The object numbered n is at n - 1.
    nodes: Vec<Node>,
    /// The number of [`Role::PostDataBoundary`].
    pub(super) post_data: Option<DumpId>,
}

impl Graph {
    /// A graph of these objects, the first of which has number one.
    pub(super) fn new(nodes: Vec<Node>) -> Graph {
        let post_data = (1..)
            .zip(&nodes)
            .find(|(_, node)| node.role == Role::PostDataBoundary)
            .map(|(number, _)| DumpId(number));
        Graph { nodes, post_data }
    }

    /// The number of objects.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// What an object must wait for; nothing for a number that does not exist.
    pub(super) fn dependencies(&self, id: DumpId) -> &[DumpId] {
        self.place(id)
            .and_then(|place| self.nodes.get(place))
            .map_or(&[], |node| &node.dependencies)
    }

    /// An object's role.
    pub(super) fn role(&self, id: DumpId) -> Role {
        self.place(id)
            .and_then(|place| self.nodes.get(place))
            .map_or(Role::Other, |node| node.role)
    }

    /// Lets `id` wait for `other` as well.
    pub(super) fn depend(&mut self, id: DumpId, other: DumpId) {
        if let Some(node) = self.node_mut(id) {
            node.dependencies.push(other);
        }
    }

    /// Lets `id` no longer wait for `other`.
    pub(super) fn forget(&mut self, id: DumpId, other: DumpId) {
        if let Some(node) = self.node_mut(id) {
            node.dependencies.retain(|dependency| *dependency != other);
        }
    }

    /// The objects, in the order of their numbers.
    pub(super) fn into_nodes(self) -> Vec<Node> {
        self.nodes
    }

    /// Where an object stands among the nodes, if its number exists.
    pub(super) fn place(&self, id: DumpId) -> Option<usize> {
        let place = (id.0 as usize).checked_sub(1)?;
        (place < self.nodes.len()).then_some(place)
    }

    fn node_mut(&mut self, id: DumpId) -> Option<&mut Node> {
        let place = self.place(id)?;
        self.nodes.get_mut(place)
    }
}

#[cfg(test)]
pub(super) fn graph(nodes: &[(Role, &[u32])]) -> Graph {
    let node = |(role, dependencies): &(Role, &[u32])| Node {
        role: *role,
        dependencies: dependencies.iter().map(|id| DumpId(*id)).collect(),
    };
    Graph::new(nodes.iter().map(node).collect())
}
