//! Breaking dependency loops: one named function for each kind of loop that databases really have.
//!
//! A loop is repaired by forgetting a dependency that only the catalogs insist on, or by making a part of an
//! object separately and later. Such decisions are noted in the [`Outcome`], which [`super::arrange`] carries
//! over into the catalog. A loop that nothing here knows is broken anywhere, with a warning.

use super::graph::{Graph, Role};
use super::warning::Warning;
use crate::toc::DumpId;

/// Something to do differently because of a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// Make the view with dummy columns first and replace it where its rule stands.
    DummyView(DumpId),
    /// Make this rule, constraint or default by a statement of its own.
    Separate(DumpId),
    /// Make this materialized view or function after the data.
    Postpone(DumpId),
    /// Make the shell of a type if the function that needs it is made.
    MakeShell {
        /// The shell.
        shell: DumpId,
        /// The function.
        function: DumpId,
    },
}

/// What came of all repairs.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) decisions: Vec<Decision>,
    pub(super) warnings: Vec<Warning>,
}

/// Breaks one loop, in which each member waits for the next and the last for the first.
pub(super) fn repair(graph: &mut Graph, members: &[DumpId], outcome: &mut Outcome) {
    let mut known = |repair: Repair| repair(graph, members, &mut outcome.decisions);
    if !REPAIRS.iter().any(|repair| known(*repair)) {
        break_anywhere(graph, members, &mut outcome.warnings);
    }
}

/// Repairs a loop and says so, or leaves it alone.
type Repair = fn(&mut Graph, &[DumpId], &mut Vec<Decision>) -> bool;

/// The repairs in the order in which they are tried.
const REPAIRS: [Repair; 14] = [
    type_and_function,
    view_and_rule,
    view_and_rule_with_others,
    matview_over_boundary,
    matview_statistics_over_boundary,
    function_over_boundary,
    table_and_check,
    table_and_check_with_others,
    table_and_default,
    index_and_partition_index,
    table_and_default_with_others,
    domain_and_check,
    domain_and_check_with_others,
    table_and_itself,
];

/// A base type and one of its I/O or support functions: the function only needs the type's shell.
fn type_and_function(graph: &mut Graph, members: &[DumpId], decisions: &mut Vec<Decision>) -> bool {
    let Some((ty, function)) = pair(graph, members, |graph, ty, function| {
        matches!(graph.role(ty), Role::Type { .. }) && graph.role(function) == Role::Function
    }) else {
        return false;
    };
    graph.forget(function, ty);
    if let Role::Type { shell: Some(shell) } = graph.role(ty) {
        graph.depend(function, shell);
        decisions.push(Decision::MakeShell { shell, function });
    }
    true
}

/// A view or materialized view and its SELECT rule, which is part of the view's own statement.
fn view_and_rule(graph: &mut Graph, members: &[DumpId], _: &mut Vec<Decision>) -> bool {
    let Some((view, rule)) = pair(graph, members, |graph, view, rule| {
        matches!(graph.role(view), Role::View | Role::Matview)
            && graph.role(rule) == (Role::SelectRule { relation: view })
    }) else {
        return false;
    };
    graph.forget(rule, view);
    true
}

/// A view that is needed by what it shows, such as a function over its row type: a dummy view
/// comes first, the real query replaces it after the data.
fn view_and_rule_with_others(graph: &mut Graph, members: &[DumpId], decisions: &mut Vec<Decision>) -> bool {
    let Some((view, rule)) = any_pair(graph, members, |graph, view, rule| {
        graph.role(view) == Role::View && graph.role(rule) == (Role::SelectRule { relation: view })
    }) else {
        return false;
    };
    graph.forget(view, rule);
    decisions.push(Decision::DummyView(view));
    separate_after(graph, rule, view, true, decisions);
    true
}

/// A materialized view that needs something of post-data, such as a primary key that its GROUP BY
/// relies on, cannot stand before the data.
fn matview_over_boundary(graph: &mut Graph, members: &[DumpId], decisions: &mut Vec<Decision>) -> bool {
    over_boundary(graph, members, Role::PreDataBoundary, Role::Matview, decisions)
}

/// The statistics of such a materialized view cannot be restored before it.
fn matview_statistics_over_boundary(
    graph: &mut Graph,
    members: &[DumpId],
    decisions: &mut Vec<Decision>,
) -> bool {
    over_boundary(
        graph,
        members,
        Role::PostDataBoundary,
        Role::MatviewStatistics,
        decisions,
    )
}

/// A function with an SQL-standard body that needs something of post-data, likewise.
fn function_over_boundary(graph: &mut Graph, members: &[DumpId], decisions: &mut Vec<Decision>) -> bool {
    over_boundary(graph, members, Role::PreDataBoundary, Role::Function, decisions)
}

/// Frees the boundary from what it waits for in this loop, and postpones that if it is of the kind meant.
fn over_boundary(
    graph: &mut Graph,
    members: &[DumpId],
    boundary: Role,
    kind: Role,
    decisions: &mut Vec<Decision>,
) -> bool {
    if members.len() < 3 || !members.iter().any(|member| graph.role(*member) == kind) {
        return false;
    }
    let is_boundary = |member: &DumpId| graph.role(*member) == boundary;
    let Some(at) = members.iter().position(is_boundary) else {
        return false;
    };
    let next = members.get(at + 1).or(members.first());
    if let (Some(boundary), Some(next)) = (members.get(at), next) {
        graph.forget(*boundary, *next);
        if graph.role(*next) == kind {
            decisions.push(Decision::Postpone(*next));
        }
    }
    true
}

/// A table and its own check constraint, which is part of the table's statement.
fn table_and_check(graph: &mut Graph, members: &[DumpId], _: &mut Vec<Decision>) -> bool {
    let Some((table, check)) = pair(graph, members, |graph, table, check| {
        graph.role(check).is_table_check(graph.role(table), table)
    }) else {
        return false;
    };
    graph.forget(check, table);
    true
}

/// A table and a check constraint that needs something which needs the table: the constraint comes later.
fn table_and_check_with_others(graph: &mut Graph, members: &[DumpId], decisions: &mut Vec<Decision>) -> bool {
    let Some((table, check)) = any_pair(graph, members, |graph, table, check| {
        graph.role(check).is_table_check(graph.role(table), table)
    }) else {
        return false;
    };
    graph.forget(table, check);
    separate_after(graph, check, table, true, decisions);
    true
}

/// A table and the default of one of its columns, which is part of the table's statement.
fn table_and_default(graph: &mut Graph, members: &[DumpId], _: &mut Vec<Decision>) -> bool {
    let Some((table, default)) = pair(graph, members, |graph, table, default| {
        graph.role(default).is_default(graph.role(table), table)
    }) else {
        return false;
    };
    graph.forget(default, table);
    true
}

/// An index of a partition and that of the partitioned table: either may be made first.
fn index_and_partition_index(graph: &mut Graph, members: &[DumpId], _: &mut Vec<Decision>) -> bool {
    let Some((part, whole)) = pair(graph, members, |graph, part, whole| {
        matches!(graph.role(whole), Role::Index { .. })
            && graph.role(part) == (Role::Index { parent: Some(whole) })
    }) else {
        return false;
    };
    graph.forget(part, whole);
    true
}

/// A table and a default that needs something which needs the table: the default comes later.
fn table_and_default_with_others(
    graph: &mut Graph,
    members: &[DumpId],
    decisions: &mut Vec<Decision>,
) -> bool {
    let Some((table, default)) = any_pair(graph, members, |graph, table, default| {
        graph.role(default).is_default(graph.role(table), table)
    }) else {
        return false;
    };
    graph.forget(table, default);
    separate_after(graph, default, table, false, decisions);
    true
}

/// A domain and its own check constraint, which is part of the domain's statement.
fn domain_and_check(graph: &mut Graph, members: &[DumpId], _: &mut Vec<Decision>) -> bool {
    let Some((domain, check)) = pair(graph, members, |graph, domain, check| {
        graph.role(check).is_domain_check(graph.role(domain), domain)
    }) else {
        return false;
    };
    graph.forget(check, domain);
    true
}

/// A domain and a check constraint that needs something which needs the domain: the constraint comes later.
fn domain_and_check_with_others(
    graph: &mut Graph,
    members: &[DumpId],
    decisions: &mut Vec<Decision>,
) -> bool {
    let Some((domain, check)) = any_pair(graph, members, |graph, domain, check| {
        graph.role(check).is_domain_check(graph.role(domain), domain)
    }) else {
        return false;
    };
    graph.forget(domain, check);
    separate_after(graph, check, domain, true, decisions);
    true
}

/// A table and itself: one of its columns depends on another or on the whole, which the graph cannot tell apart.
fn table_and_itself(graph: &mut Graph, members: &[DumpId], _: &mut Vec<Decision>) -> bool {
    match members {
        [table] if matches!(graph.role(*table), Role::Relation | Role::View | Role::Matview) => {
            graph.forget(*table, *table);
            true
        }
        _ => false,
    }
}

/// Breaks a loop at its first member. Rows can be reloaded in any order without their
/// constraints, so a loop of rows alone has its own warning.
fn break_anywhere(graph: &mut Graph, members: &[DumpId], warnings: &mut Vec<Warning>) {
    let rows = |member: &DumpId| graph.role(*member) == Role::TableData;
    warnings.push(if members.iter().all(rows) {
        Warning::CircularForeignKeys(members.to_vec())
    } else {
        Warning::Unresolved(members.to_vec())
    });
    if let Some(first) = members.first() {
        graph.forget(*first, *members.get(1).unwrap_or(first));
    }
}

/// Makes `part` by a statement of its own after `whole`, and after the data if it can wait that long.
fn separate_after(
    graph: &mut Graph,
    part: DumpId,
    whole: DumpId,
    post_data: bool,
    decisions: &mut Vec<Decision>,
) {
    decisions.push(Decision::Separate(part));
    graph.depend(part, whole);
    if let (true, Some(boundary)) = (post_data, graph.post_data) {
        graph.depend(part, boundary);
    }
}

/// The two members of a loop of two, in the order that `fits`.
fn pair(
    graph: &Graph,
    members: &[DumpId],
    fits: fn(&Graph, DumpId, DumpId) -> bool,
) -> Option<(DumpId, DumpId)> {
    match *members {
        [a, b] if fits(graph, a, b) => Some((a, b)),
        [a, b] if fits(graph, b, a) => Some((b, a)),
        _ => None,
    }
}

/// The first two members of a loop of more than two that `fits`.
fn any_pair(
    graph: &Graph,
    members: &[DumpId],
    fits: fn(&Graph, DumpId, DumpId) -> bool,
) -> Option<(DumpId, DumpId)> {
    if members.len() < 3 {
        return None;
    }
    let with = |a: DumpId| members.iter().map(move |b| (a, *b));
    members
        .iter()
        .flat_map(|a| with(*a))
        .find(|(a, b)| fits(graph, *a, *b))
}

#[cfg(test)]
mod tests {
    use super::super::graph::graph;
    use super::*;

    const TYPE: Role = Role::Type {
        shell: Some(DumpId(3)),
    };
    const DOMAIN: Role = Role::Type { shell: None };

    fn rule(relation: u32) -> Role {
        Role::SelectRule {
            relation: DumpId(relation),
        }
    }

    fn check(of: u32) -> Role {
        Role::Check { of: DumpId(of) }
    }

    fn default(relation: u32) -> Role {
        Role::AttrDef {
            relation: DumpId(relation),
        }
    }

    /// Repairs the loop of `members` and gives the dependencies afterwards.
    fn repaired(nodes: &[(Role, &[u32])], members: &[u32]) -> (Vec<Vec<u32>>, Outcome) {
        let mut graph = graph(nodes);
        let members: Vec<_> = members.iter().map(|id| DumpId(*id)).collect();
        let mut outcome = Outcome::default();
        repair(&mut graph, &members, &mut outcome);
        let nodes = graph.into_nodes().into_iter();
        let dependencies = nodes.map(|node| node.dependencies.into_iter().map(|id| id.0).collect());
        (dependencies.collect(), outcome)
    }

    #[test]
    fn a_types_function_waits_for_the_shell_instead() {
        let nodes: &[(Role, &[u32])] = &[(TYPE, &[2]), (Role::Function, &[1]), (Role::Other, &[])];
        for members in [[1, 2], [2, 1]] {
            let (dependencies, outcome) = repaired(nodes, &members);
            assert_eq!(dependencies, [vec![2], vec![3], vec![]]);
            let shell = Decision::MakeShell {
                shell: DumpId(3),
                function: DumpId(2),
            };
            assert_eq!(outcome.decisions, [shell]);
        }
    }

    #[test]
    fn a_view_is_made_with_its_rule() {
        for view in [Role::View, Role::Matview] {
            let (dependencies, outcome) = repaired(&[(view, &[2]), (rule(1), &[1])], &[2, 1]);
            assert_eq!(dependencies, [vec![2], vec![]]);
            assert!(outcome.decisions.is_empty());
        }
    }

    #[test]
    fn a_view_that_its_query_needs_gets_a_dummy() {
        let nodes: &[(Role, &[u32])] = &[
            (Role::View, &[2]),
            (rule(1), &[1, 3]),
            (Role::Function, &[1]),
            (Role::PostDataBoundary, &[]),
        ];
        let (dependencies, outcome) = repaired(nodes, &[1, 2, 3]);
        assert_eq!(dependencies, [vec![], vec![1, 3, 1, 4], vec![1], vec![]]);
        let decisions = [Decision::DummyView(DumpId(1)), Decision::Separate(DumpId(2))];
        assert_eq!(outcome.decisions, decisions);
    }

    #[test]
    fn a_matview_that_needs_post_data_is_postponed() {
        let nodes: &[(Role, &[u32])] = &[
            (Role::PreDataBoundary, &[2]),
            (Role::Matview, &[3]),
            (Role::Other, &[4]),
            (Role::PostDataBoundary, &[1]),
        ];
        let (dependencies, outcome) = repaired(nodes, &[2, 3, 4, 1]);
        assert_eq!(dependencies[0], [] as [u32; 0]);
        assert_eq!(outcome.decisions, [Decision::Postpone(DumpId(2))]);
    }

    #[test]
    fn the_statistics_of_a_postponed_matview_follow_it() {
        let nodes: &[(Role, &[u32])] = &[
            (Role::PostDataBoundary, &[2]),
            (Role::MatviewStatistics, &[3]),
            (Role::Matview, &[4]),
            (Role::Other, &[1]),
        ];
        let (dependencies, outcome) = repaired(nodes, &[1, 2, 3, 4]);
        assert_eq!(dependencies[0], [] as [u32; 0]);
        assert_eq!(outcome.decisions, [Decision::Postpone(DumpId(2))]);
    }

    #[test]
    fn only_the_matview_itself_is_postponed() {
        // The boundary waits for a table between, which may stand after it; the matview is left for the next search.
        let nodes: &[(Role, &[u32])] = &[
            (Role::PreDataBoundary, &[2]),
            (Role::Relation, &[3]),
            (Role::Matview, &[1]),
        ];
        let (dependencies, outcome) = repaired(nodes, &[1, 2, 3]);
        assert_eq!(dependencies[0], [] as [u32; 0]);
        assert!(outcome.decisions.is_empty());
    }

    #[test]
    fn a_function_that_needs_post_data_is_postponed() {
        let nodes: &[(Role, &[u32])] = &[
            (Role::PreDataBoundary, &[2]),
            (Role::Function, &[3]),
            (Role::Other, &[1]),
        ];
        let (dependencies, outcome) = repaired(nodes, &[1, 2, 3]);
        assert_eq!(dependencies[0], [] as [u32; 0]);
        assert_eq!(outcome.decisions, [Decision::Postpone(DumpId(2))]);
    }

    #[test]
    fn a_check_is_part_of_its_table_unless_others_stand_between() {
        let (dependencies, outcome) = repaired(&[(Role::Relation, &[2]), (check(1), &[1])], &[1, 2]);
        assert_eq!(dependencies, [vec![2], vec![]]);
        assert!(outcome.decisions.is_empty());

        let nodes: &[(Role, &[u32])] = &[
            (Role::Relation, &[2]),
            (check(1), &[3]),
            (Role::Function, &[1]),
            (Role::PostDataBoundary, &[]),
        ];
        let (dependencies, outcome) = repaired(nodes, &[1, 2, 3]);
        assert_eq!(dependencies, [vec![], vec![3, 1, 4], vec![1], vec![]]);
        assert_eq!(outcome.decisions, [Decision::Separate(DumpId(2))]);
    }

    #[test]
    fn a_default_is_part_of_its_table_unless_others_stand_between() {
        let (dependencies, outcome) = repaired(&[(Role::Relation, &[2]), (default(1), &[1])], &[2, 1]);
        assert_eq!(dependencies, [vec![2], vec![]]);
        assert!(outcome.decisions.is_empty());

        let nodes: &[(Role, &[u32])] = &[
            (Role::Relation, &[2]),
            (default(1), &[3]),
            (Role::Function, &[1]),
            (Role::PostDataBoundary, &[]),
        ];
        let (dependencies, outcome) = repaired(nodes, &[3, 1, 2]);
        // A default need not wait for the data.
        assert_eq!(dependencies, [vec![], vec![3, 1], vec![1], vec![]]);
        assert_eq!(outcome.decisions, [Decision::Separate(DumpId(2))]);
    }

    #[test]
    fn a_domains_check_is_part_of_it_unless_others_stand_between() {
        let (dependencies, outcome) = repaired(&[(DOMAIN, &[2]), (check(1), &[1])], &[1, 2]);
        assert_eq!(dependencies, [vec![2], vec![]]);
        assert!(outcome.decisions.is_empty());

        let nodes: &[(Role, &[u32])] = &[
            (DOMAIN, &[2]),
            (check(1), &[3]),
            (Role::Function, &[1]),
            (Role::PostDataBoundary, &[]),
        ];
        let (dependencies, outcome) = repaired(nodes, &[1, 2, 3]);
        assert_eq!(dependencies, [vec![], vec![3, 1, 4], vec![1], vec![]]);
        assert_eq!(outcome.decisions, [Decision::Separate(DumpId(2))]);
    }

    #[test]
    fn an_index_of_a_partition_forgets_that_of_the_whole() {
        let part = Role::Index {
            parent: Some(DumpId(2)),
        };
        let nodes: &[(Role, &[u32])] = &[(part, &[2]), (Role::Index { parent: None }, &[1])];
        for members in [[1, 2], [2, 1]] {
            assert_eq!(repaired(nodes, &members).0, [vec![], vec![1]]);
        }
    }

    #[test]
    fn a_table_forgets_itself() {
        let (dependencies, outcome) = repaired(&[(Role::Relation, &[1])], &[1]);
        assert_eq!(dependencies, [Vec::<u32>::new()]);
        assert!(outcome.warnings.is_empty());
    }

    #[test]
    fn rows_that_refer_to_each_other_are_reported_as_such() {
        let nodes: &[(Role, &[u32])] = &[(Role::TableData, &[2]), (Role::TableData, &[1])];
        let (dependencies, outcome) = repaired(nodes, &[2, 1]);
        assert_eq!(dependencies, [vec![2], vec![]]);
        let circle = vec![DumpId(2), DumpId(1)];
        assert_eq!(outcome.warnings, [Warning::CircularForeignKeys(circle)]);

        let (dependencies, outcome) = repaired(&[(Role::TableData, &[1])], &[1]);
        assert_eq!(dependencies, [Vec::<u32>::new()]);
        assert_eq!(outcome.warnings.len(), 1);
    }

    #[test]
    fn any_other_loop_is_broken_with_a_warning() {
        let nodes: &[(Role, &[u32])] = &[(Role::Other, &[2]), (Role::Other, &[1])];
        let (dependencies, outcome) = repaired(nodes, &[1, 2]);
        assert_eq!(dependencies, [vec![], vec![1]]);
        let broken = vec![DumpId(1), DumpId(2)];
        assert_eq!(outcome.warnings, [Warning::Unresolved(broken)]);
    }
}
