//! A trigger.

/// A trigger.
#[derive(Debug)]
pub struct Trigger {}
