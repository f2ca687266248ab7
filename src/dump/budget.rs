//! How much the lanes may have read that is not written yet.
//!
//! Segments are written in order, so those that are read ahead wait in memory. A fixed number of bytes bounds them
//! all. The unit that is being written is always let through, whatever the others hold: so nobody waits forever.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// What the unit that is being written may hold although the others have used everything up.
const FOR_FIRST: usize = 2 << 20;

/// Bytes for which lanes wait.
#[derive(Debug)]
pub(super) struct Budget {
    limit: usize,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// What all units hold.
    held: usize,
    /// What each unit holds.
    by_unit: HashMap<u64, usize>,
    /// The unit that is being written, or that will be next.
    first: u64,
}

impl Budget {
    /// A budget of so many bytes.
    pub(super) fn new(limit: usize) -> Budget {
        Budget {
            limit,
            state: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Waits until a unit may hold so many more bytes.
    pub(super) async fn take(&self, unit: u64, bytes: usize) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // From here on no change is missed.
            changed.as_mut().enable();
            if self.try_take(unit, bytes) {
                return;
            }
            changed.await;
        }
    }

    fn try_take(&self, unit: u64, bytes: usize) -> bool {
        let mut state = self.state();
        let own = state.by_unit.get(&unit).copied().unwrap_or(0);
        let has_room = state.held + bytes <= self.limit;
        if !has_room && (unit != state.first || own >= FOR_FIRST) {
            return false;
        }
        state.held += bytes;
        *state.by_unit.entry(unit).or_default() += bytes;
        true
    }

    /// Gives back what was written.
    pub(super) fn give_back(&self, unit: u64, bytes: usize) {
        let mut state = self.state();
        state.held = state.held.saturating_sub(bytes);
        if let Some(own) = state.by_unit.get_mut(&unit) {
            *own = own.saturating_sub(bytes);
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// A unit is written; the next one comes first now.
    pub(super) fn end(&self, unit: u64) {
        let mut state = self.state();
        let rest = state.by_unit.remove(&unit).unwrap_or(0);
        state.held = state.held.saturating_sub(rest);
        state.first = unit + 1;
        drop(state);
        self.changed.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn the_limit_holds_for_all_units_but_the_first() {
        let budget = Budget::new(10);
        assert!(budget.try_take(1, 6) && !budget.try_take(2, 5) && budget.try_take(2, 4));
        assert!(!budget.try_take(1, 1));
        assert!(budget.try_take(0, 100), "the first one is let through");
        assert!(budget.try_take(0, FOR_FIRST));
        assert!(!budget.try_take(0, 1), "but not without end");
        budget.end(0);
        assert!(budget.try_take(1, 1), "now this one is first");
        budget.give_back(1, 7);
        assert!(budget.try_take(2, 6) && !budget.try_take(2, 1));
    }

    #[test]
    fn whoever_waits_is_woken() {
        let budget = Budget::new(1);
        assert!(budget.take(1, 1).now_or_never().is_some());
        let mut waiting = Box::pin(budget.take(2, 1));
        assert!(waiting.as_mut().now_or_never().is_none());
        budget.give_back(1, 1);
        assert!(waiting.as_mut().now_or_never().is_some());
    }
}
