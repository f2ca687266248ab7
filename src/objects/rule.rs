//! A rewrite rule, the `_RETURN` rules of views included.

/// A rewrite rule, the `_RETURN` rules of views included.
#[derive(Debug)]
pub struct Rule {}
