//! The order in which an archive writer's functions are called, checked once for all formats.

use crate::error::{Error, ErrorKind, Result};

/// Where a writer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Before `begin`.
    Begin,
    /// Between the data of entries.
    Between,
    /// In the rows of a table.
    Data,
    /// In a group of large objects, between two.
    LargeObjects,
    /// In a large object.
    LargeObject,
}

impl Turn {
    /// Checks that a call comes in its turn, and moves on.
    pub(crate) fn step(&mut self, from: Turn, to: Turn, call: &str) -> Result<()> {
        if *self != from {
            return Err(self.refuse(call));
        }
        *self = to;
        Ok(())
    }

    /// Checks that data can be appended.
    pub(crate) fn check_append(self) -> Result<()> {
        if matches!(self, Turn::Data | Turn::LargeObject) {
            Ok(())
        } else {
            Err(self.refuse("append"))
        }
    }

    fn refuse(self, call: &str) -> Error {
        Error::new(
            ErrorKind::Usage,
            format!("{call} was called on an archive writer in state {self:?}"),
        )
    }
}
