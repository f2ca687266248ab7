//! The current value of a sequence.

/// The current value of a sequence.
#[derive(Debug)]
pub struct SequenceSet {}
