//! A schema (`pg_namespace`).

/// A schema (`pg_namespace`).
#[derive(Debug)]
pub struct Schema {}
