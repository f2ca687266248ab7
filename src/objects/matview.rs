//! The population of a materialized view.

/// The population of a materialized view.
#[derive(Debug)]
pub struct RefreshMatview {}
