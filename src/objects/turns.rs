//! Whose turn it is: dear queries on several sessions, one on each at a time, the dearest first.
//!
//! How long a query really takes shows only when it is done, so queries are not dealt out beforehand: a session
//! that is free takes the dearest of those that wait. Nothing here knows what a query is.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
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
    /// Places that nobody has, the next one last: the first place has other things to do, too.
    free: Vec<usize>,
    waiting: BinaryHeap<Waiting>,
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
            asked: 0,
        };
        Turns {
            queue: Arc::new(Mutex::new(queue)),
        }
    }

    /// Waits for a place; `None` if there are none.
    pub(super) async fn take(&self, cost: Cost) -> Option<Turn> {
        let (sender, turn) = oneshot::channel();
        lock(&self.queue).ask(cost, sender);
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
        lock(&self.queue).free.push(self.place);
        hand_out(&self.queue);
    }
}

impl Queue {
    fn ask(&mut self, cost: Cost, turn: oneshot::Sender<Turn>) {
        let rank = (cost, Reverse(self.asked));
        self.asked += 1;
        self.waiting.push(Waiting { rank, turn });
    }

    /// The next one to get a place, and the place.
    fn next(&mut self) -> Option<(oneshot::Sender<Turn>, usize)> {
        if self.free.is_empty() {
            return None;
        }
        let next = self.waiting.pop()?;
        Some((next.turn, self.free.pop()?))
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
