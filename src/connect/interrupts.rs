//! The sessions that are open, so that all of them can be interrupted at once when a user gives up.
//!
//! Who gives up, and what becomes of the sessions then, is not here.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join_all;

use crate::wire::CancelToken;

/// Remembers every session that is opened with it; copies share what they remember.
#[derive(Debug, Clone, Default)]
pub struct Interrupts(Arc<Mutex<Vec<CancelToken>>>);

impl Interrupts {
    /// One more session.
    pub(super) fn note(&self, token: CancelToken) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(token);
    }

    /// Asks the server to interrupt what all of them are doing, and waits until it has taken the requests. Sessions that have
    /// ended, and servers that are gone, are passed over.
    pub async fn interrupt(&self) {
        let tokens = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        join_all(tokens.iter().map(CancelToken::cancel)).await;
    }
}
