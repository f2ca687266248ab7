//! Sequences: free ones, those of serial columns and those of identity columns, and their values.

use bstr::BString;

use crate::toc::DumpId;

/// A sequence's parameters and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SequenceDefinition {
    /// `smallint`, `integer` or `bigint`.
    pub type_name: BString,
    /// START WITH.
    pub start: i64,
    /// INCREMENT BY.
    pub increment: i64,
    /// MINVALUE.
    pub min: i64,
    /// MAXVALUE.
    pub max: i64,
    /// CACHE.
    pub cache: i64,
    /// CYCLE.
    pub cycle: bool,
    /// The value to set and whether it has been handed out; `None` if it could not be read.
    pub value: Option<(i64, bool)>,
}

/// The current value of a sequence.
#[derive(Debug)]
pub struct SequenceSet {
    /// The sequence.
    pub sequence: DumpId,
}
