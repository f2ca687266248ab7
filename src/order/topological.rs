//! The topological sort: the order nearest to a given one in which nothing comes before what it waits for.
//!
//! The result is filled from the back: of all objects that nothing unplaced waits for, the last one of the given
//! order goes to the last free place. So an object moves towards the front only when another one needs it there.

use std::collections::BinaryHeap;

use super::graph::Graph;
use crate::toc::DumpId;

/// Sorts `wanted`, which holds every object once.
///
/// # Errors
/// If that cannot be done: the objects that wait for each other, and those before them, in the order of their numbers
/// and so, within a kind, mostly of their making: the search for loops begins with the oldest.
pub(super) fn sort(graph: &Graph, wanted: &[DumpId]) -> Result<Vec<DumpId>, Vec<DumpId>> {
    /// How many unplaced objects wait for an object, and where it stands in the order wanted.
    #[derive(Clone, Copy, Default)]
    struct State {
        waiting: u32,
        position: usize,
    }
    let mut states = vec![State::default(); graph.len()];
    for (position, id) in wanted.iter().enumerate() {
        if let Some(state) = graph.place(*id).and_then(|place| states.get_mut(place)) {
            state.position = position;
        }
        for dependency in graph.dependencies(*id) {
            if let Some(state) = graph.place(*dependency).and_then(|place| states.get_mut(place)) {
                state.waiting += 1;
            }
        }
    }
    let waited_for = |states: &[State], id: DumpId| {
        let state = graph.place(id).and_then(|place| states.get(place));
        state.is_some_and(|state| state.waiting > 0)
    };

    let mut free: BinaryHeap<usize> = (0..wanted.len())
        .zip(wanted)
        .filter(|(_, id)| !waited_for(&states, **id))
        .map(|(position, _)| position)
        .collect();
    let mut backwards = Vec::with_capacity(wanted.len());
    while let Some(id) = free.pop().and_then(|position| wanted.get(position)) {
        backwards.push(*id);
        for dependency in graph.dependencies(*id) {
            let place = graph.place(*dependency);
            if let Some(state) = place.and_then(|place| states.get_mut(place)) {
                state.waiting -= 1;
                if state.waiting == 0 {
                    free.push(state.position);
                }
            }
        }
    }
    if backwards.len() == wanted.len() {
        backwards.reverse();
        return Ok(backwards);
    }
    let mut unsorted: Vec<DumpId> = wanted
        .iter()
        .copied()
        .filter(|id| waited_for(&states, *id))
        .collect();
    unsorted.sort_unstable();
    Err(unsorted)
}

#[cfg(test)]
mod tests {
    use super::super::graph::{Role, graph};
    use super::*;

    fn sorted(dependencies: &[&[u32]]) -> Result<Vec<u32>, Vec<u32>> {
        let nodes: Vec<_> = dependencies.iter().map(|on| (Role::Other, *on)).collect();
        let wanted: Vec<_> = (1..=dependencies.len() as u32).map(DumpId).collect();
        let plain = |ids: Vec<DumpId>| ids.into_iter().map(|id| id.0).collect();
        sort(&graph(&nodes), &wanted).map(plain).map_err(plain)
    }

    #[test]
    fn without_dependencies_nothing_moves() {
        assert_eq!(sorted(&[&[], &[], &[]]), Ok(vec![1, 2, 3]));
    }

    #[test]
    fn what_is_needed_moves_forward_and_no_further_than_it_must() {
        // 2 waits for 5, which therefore stands just before it; 3 and 4 stay behind.
        assert_eq!(sorted(&[&[], &[5], &[], &[], &[]]), Ok(vec![1, 5, 2, 3, 4]));
        // 1 waits for 4 and 4 for 3: of the two, 2 is not needed and stays.
        assert_eq!(sorted(&[&[4], &[], &[], &[3]]), Ok(vec![3, 4, 1, 2]));
    }

    #[test]
    fn repeated_dependencies_count_once_for_the_result() {
        assert_eq!(sorted(&[&[2, 2, 2], &[]]), Ok(vec![2, 1]));
    }

    #[test]
    fn a_loop_is_given_back_with_what_it_waits_for() {
        // 1 and 2 wait for each other and for 3; 4 waits for 1 but is in no loop itself.
        assert_eq!(sorted(&[&[2], &[1, 3], &[], &[1]]), Err(vec![1, 2, 3]));
    }

    #[test]
    fn a_hundred_thousand_objects_are_no_trouble() {
        // Every object waits for the next one: the longest chain there can be, all turned round.
        let count = 100_000;
        let chain: Vec<[u32; 1]> = (2..=count + 1).map(|next| [next]).collect();
        let dependencies: Vec<&[u32]> = chain
            .iter()
            .map(|next| if next[0] > count { &[][..] } else { &next[..] })
            .collect();
        let backwards: Vec<u32> = (1..=count).rev().collect();
        assert_eq!(sorted(&dependencies), Ok(backwards));
    }
}
