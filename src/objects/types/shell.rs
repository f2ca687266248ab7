//! The shell of a base type, which its I/O functions need before the type itself.

/// The shell of a base type, which its I/O functions need before the type itself.
#[derive(Debug)]
pub struct ShellType {}
