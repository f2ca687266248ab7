//! Whose turn it is: dear queries on several sessions, one on each at a time, the dearest first.
//!
//! How long a query really takes shows only when it is done, so queries are not dealt out beforehand: a session
//! that is free takes the dearest of those that wait. Nothing here knows what a query is.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeSet, BinaryHeap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::Cost;

/// Hands out the places of sessions.
#[derive(Debug)]
pub(super) struct Turns {
    queue: Arc<Mutex<Queue>>,
}

/// The right to one place, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    place: usize,
    queue: Arc<Mutex<Queue>>,
}

#[derive(Debug)]
struct Queue {
    /// Places that nobody has. The greatest is given first: the first place has other things to do, too.
    free: BTreeSet<usize>,
    waiting: BinaryHeap<Waiting>,
    /// Those who want no place but the first.
    waiting_for_first: BinaryHeap<Waiting>,
    asked: u64,
}

/// One who waits. The dearest is the greatest, and of the same cost the one that came first.
#[derive(Debug)]
struct Waiting {
    rank: (Cost, Reverse<u64>),
    turn: oneshot::Sender<Turn>,
}

impl Turns {
    /// Turns for this many places.
    pub(super) fn new(places: usize) -> Turns {
        let queue = Queue {
            free: (0..places).collect(),
            waiting: BinaryHeap::new(),
            waiting_for_first: BinaryHeap::new(),
            asked: 0,
        };
        Turns {
            queue: Arc::new(Mutex::new(queue)),
        }
    }

    /// Waits for a place; `None` if there are none.
    pub(super) async fn take(&self, cost: Cost) -> Option<Turn> {
        self.wait(cost, false).await
    }

    /// Waits for the first place.
    pub(super) async fn take_first(&self, cost: Cost) -> Option<Turn> {
        self.wait(cost, true).await
    }

    async fn wait(&self, cost: Cost, for_first: bool) -> Option<Turn> {
        let (sender, turn) = oneshot::channel();
        lock(&self.queue).ask(cost, for_first, sender);
        // Whoever else is about to ask does so now: the first place is not for the first that comes along.
        tokio::task::yield_now().await;
        hand_out(&self.queue);
        turn.await.ok()
    }
}

impl Turn {
    /// The place.
    pub(super) fn place(&self) -> usize {
        self.place
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        lock(&self.queue).free.insert(self.place);
        hand_out(&self.queue);
    }
}

impl Queue {
    fn ask(&mut self, cost: Cost, for_first: bool, turn: oneshot::Sender<Turn>) {
        let rank = (cost, Reverse(self.asked));
        self.asked += 1;
        let queue = match for_first {
            true => &mut self.waiting_for_first,
            false => &mut self.waiting,
        };
        queue.push(Waiting { rank, turn });
    }

    /// The next one to get a place, and the place.
    fn next(&mut self) -> Option<(oneshot::Sender<Turn>, usize)> {
        let place = *self.free.last()?;
        if place > 0
            && let Some(next) = self.waiting.pop()
        {
            self.free.remove(&place);
            return Some((next.turn, place));
        }
        if !self.free.contains(&0) {
            return None;
        }
        let next = match self.waiting_for_first.peek() > self.waiting.peek() {
            true => self.waiting_for_first.pop()?,
            false => self.waiting.pop()?,
        };
        self.free.remove(&0);
        Some((next.turn, 0))
    }
}

/// Gives the free places to those who wait. The queue is not locked while a turn is sent: one that nobody waits for
/// any more comes back at once.
fn hand_out(queue: &Arc<Mutex<Queue>>) {
    loop {
        let next = lock(queue).next();
        let Some((waiting, place)) = next else {
            return;
        };
        let queue = Arc::clone(queue);
        drop(waiting.send(Turn { place, queue }));
    }
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.cmp(&other.rank)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use futures_util::future::join_all;

    use super::*;

    /// Who got which place, in the order in which they got it.
    async fn served(places: usize, costs: &[u64]) -> Vec<(u64, usize)> {
        let turns = Turns::new(places);
        let served = RefCell::new(Vec::new());
        let one = async |cost: u64| {
            if let Some(turn) = turns.take(Cost(cost)).await {
                served.borrow_mut().push((cost, turn.place()));
                // A dear one takes longer.
                for _ in 0..cost {
                    tokio::task::yield_now().await;
                }
            }
        };
        join_all(costs.iter().map(|cost| one(*cost))).await;
        served.into_inner()
    }

    #[tokio::test]
    async fn the_dearest_goes_first_and_the_free_place_takes_the_next() {
        let order = served(2, &[10, 500, 20, 100, 200]).await;
        // While the last place is busy with the dearest, the other one works through the rest.
        assert_eq!(order, [(500, 1), (200, 0), (100, 0), (20, 0), (10, 0)]);
    }

    #[tokio::test]
    async fn the_greatest_place_is_the_next_whichever_came_back_first() {
        let turns = Turns::new(2);
        let (last, first) = (turns.take(Cost(1)).await, turns.take(Cost(1)).await);
        drop(last);
        drop(first);
        assert_eq!(turns.take(Cost(1)).await.map(|turn| turn.place()), Some(1));
    }

    #[tokio::test]
    async fn who_wants_the_first_place_gets_it_when_there_is_nothing_dearer_for_it() {
        let turns = Turns::new(2);
        let served = RefCell::new(Vec::new());
        let one = async |cost: u64, for_first: bool| {
            if let Some(turn) = turns.wait(Cost(cost), for_first).await {
                served.borrow_mut().push((cost, turn.place()));
                for _ in 0..cost {
                    tokio::task::yield_now().await;
                }
            }
        };
        let asked = [(100, false), (50, true), (70, false), (40, true), (10, false)];
        join_all(asked.map(|(cost, for_first)| one(cost, for_first))).await;
        let served = served.into_inner();
        assert_eq!(served, [(100, 1), (70, 0), (50, 0), (10, 1), (40, 0)]);
    }

    #[tokio::test]
    async fn those_of_the_same_cost_are_served_as_they_came() {
        let order = served(1, &[3, 3, 3]).await;
        assert_eq!(order, [(3, 0), (3, 0), (3, 0)]);
        assert!(served(0, &[]).await.is_empty());
    }

    #[tokio::test]
    async fn a_place_comes_back_from_those_who_no_longer_wait() {
        let turns = Turns::new(1);
        let first = turns.take(Cost(1)).await;
        let mut given_up = Box::pin(turns.take(Cost(9)));
        assert!(futures_util::poll!(&mut given_up).is_pending());
        assert!(futures_util::poll!(&mut given_up).is_pending());
        drop(first);
        // The place was sent, and nobody takes it.
        drop(given_up);
        assert_eq!(turns.take(Cost(1)).await.map(|turn| turn.place()), Some(0));
    }
}
