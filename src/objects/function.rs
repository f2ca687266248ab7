//! A function, procedure or window function.

/// A function, procedure or window function.
#[derive(Debug)]
pub struct Function {}
