//! A relation: table, partitioned table, foreign table, view, materialized view or sequence.

/// A relation: table, partitioned table, foreign table, view, materialized view or sequence.
#[derive(Debug)]
pub struct Table {}

pub mod attach;
pub mod attrdef;
pub mod constraint;
pub mod data;
pub mod index;
pub mod index_attach;
