//! Large objects that share owner and grants (one or more).

/// Large objects that share owner and grants (one or more).
#[derive(Debug)]
pub struct LargeObject {}

/// The contents of those large objects.
#[derive(Debug)]
pub struct LargeObjectData {}
