//! Finding dependency loops among the objects that could not be sorted.
//!
//! One search repairs every loop that shares no object with an earlier one of the same search; what is left
//! shows at the next attempt to sort. Which loop is found first decides which repair is made, and so what the
//! dump looks like: objects are tried in the order given, their dependencies in the order they were noted.

use std::mem;

use super::graph::Graph;
use super::repair::{self, Outcome};
use crate::toc::DumpId;

/// Repairs loops among `unsorted`, starting with each of them in the order in which they stand in `all`; false if
/// there was no loop, which cannot be unless the graph is broken.
pub(super) fn repair_all(
    graph: &mut Graph,
    all: &[DumpId],
    unsorted: &[DumpId],
    outcome: &mut Outcome,
) -> bool {
    let mut search = Search::new(graph.len());
    let mut is_unsorted = vec![false; graph.len()];
    for place in unsorted.iter().filter_map(|id| graph.place(*id)) {
        if let Some(is_unsorted) = is_unsorted.get_mut(place) {
            *is_unsorted = true;
        }
    }
    let is_unsorted =
        |graph: &Graph, id| graph.place(id).and_then(|place| is_unsorted.get(place)) == Some(&true);
    let mut found = false;
    for &start in all {
        if !is_unsorted(graph, start) || search.is_done(graph, start) {
            continue;
        }
        match search.find(graph, start) {
            Some(members) => {
                repair::repair(graph, &members, outcome);
                found = true;
                members.iter().for_each(|member| search.finish(graph, *member));
            }
            None => search.finish(graph, start),
        }
    }
    found
}

/// What the search knows of an object.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    /// It has been in a loop, or is known to be in none.
    done: bool,
    /// It is part of the way being tried.
    on_way: bool,
    /// The last start that it does not lead back to.
    dead_end_for: u32,
}

struct Search {
    marks: Vec<Mark>,
    /// The way being tried, and how many dependencies of each of its members were.
    way: Vec<(DumpId, usize)>,
}

impl Search {
    fn new(objects: usize) -> Search {
        Search {
            marks: vec![Mark::default(); objects],
            way: Vec::new(),
        }
    }

    fn mark(&mut self, graph: &Graph, id: DumpId) -> Option<&mut Mark> {
        let place = graph.place(id)?;
        self.marks.get_mut(place)
    }

    fn is_done(&mut self, graph: &Graph, id: DumpId) -> bool {
        self.mark(graph, id).is_none_or(|mark| mark.done)
    }

    fn finish(&mut self, graph: &Graph, id: DumpId) {
        if let Some(mark) = self.mark(graph, id) {
            mark.done = true;
        }
    }

    /// The first way, depth first, from `start` back to it: each member waits for the next, the last for the first.
    fn find(&mut self, graph: &Graph, start: DumpId) -> Option<Vec<DumpId>> {
        let mut way = mem::take(&mut self.way);
        let mut next = Some(start);
        let found = loop {
            if let Some(id) = next.take()
                && self.enter(graph, id, start)
            {
                way.push((id, 0));
                if graph.dependencies(id).contains(&start) {
                    break true;
                }
            }
            let Some((id, tried)) = way.last_mut() else {
                break false;
            };
            next = graph.dependencies(*id).get(*tried).copied();
            *tried += 1;
            if next.is_none() {
                let id = *id;
                way.pop();
                if let Some(mark) = self.mark(graph, id) {
                    mark.on_way = false;
                    mark.dead_end_for = start.0;
                }
            }
        };
        let members: Vec<DumpId> = way.drain(..).map(|(id, _)| id).collect();
        self.way = way;
        for id in &members {
            if let Some(mark) = self.mark(graph, *id) {
                mark.on_way = false;
            }
        }
        found.then_some(members)
    }

    /// Puts an object on the way unless it cannot lead anywhere new.
    fn enter(&mut self, graph: &Graph, id: DumpId, start: DumpId) -> bool {
        let Some(mark) = self.mark(graph, id) else {
            return false;
        };
        if mark.done || mark.on_way || mark.dead_end_for == start.0 {
            return false;
        }
        mark.on_way = true;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::graph::{Role, graph};
    use super::*;

    fn found(dependencies: &[&[u32]], start: u32) -> Option<Vec<u32>> {
        let nodes: Vec<_> = dependencies.iter().map(|on| (Role::Other, *on)).collect();
        let graph = graph(&nodes);
        let members = Search::new(graph.len()).find(&graph, DumpId(start))?;
        Some(members.into_iter().map(|id| id.0).collect())
    }

    #[test]
    fn the_first_way_back_is_found() {
        assert_eq!(found(&[&[2], &[3], &[1]], 1), Some(vec![1, 2, 3]));
        assert_eq!(found(&[&[1]], 1), Some(vec![1]));
        // From 2 the dependency on 3 is tried before the one on 4, but 3 is a dead end.
        assert_eq!(found(&[&[2], &[3, 4], &[], &[1]], 1), Some(vec![1, 2, 4]));
    }

    #[test]
    fn a_loop_that_does_not_hold_the_start_is_not_found_from_there() {
        assert_eq!(found(&[&[2], &[3], &[2]], 1), None);
        assert_eq!(found(&[&[2], &[3], &[2]], 2), Some(vec![2, 3]));
    }

    #[test]
    fn one_search_repairs_loops_that_share_nothing() {
        let nodes: Vec<(Role, &[u32])> = vec![
            (Role::Other, &[2]),
            (Role::Other, &[1]),
            (Role::Other, &[4]),
            (Role::Other, &[3]),
        ];
        let mut graph = graph(&nodes);
        let mut outcome = Outcome::default();
        let all: Vec<_> = (1..=4).map(DumpId).collect();
        assert!(repair_all(&mut graph, &all, &all, &mut outcome));
        assert_eq!(outcome.warnings.len(), 2);
        assert!(super::super::topological::sort(&graph, &all).is_ok());
    }
}
