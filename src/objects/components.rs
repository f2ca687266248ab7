//! Which parts of an object are dumped: a small set of flags.

use std::ops::{BitAnd, BitOr, BitOrAssign, Not};

/// A set of an object's parts: its definition, its data, and what hangs on it.
///
/// An object carries two of these: what it has, and what is wanted of it. An extension's member, for
/// example, is wanted without its definition but with grants that differ from the extension's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Components(u16);

impl Components {
    /// Nothing.
    pub const NONE: Components = Components(0);
    /// The statement that makes the object.
    pub const DEFINITION: Components = Components(1);
    /// Its rows.
    pub const DATA: Components = Components(1 << 1);
    /// Its comment, and those of its columns.
    pub const COMMENT: Components = Components(1 << 2);
    /// Its security labels.
    pub const SECLABEL: Components = Components(1 << 3);
    /// Its grants.
    pub const ACL: Components = Components(1 << 4);
    /// Its row security policies.
    pub const POLICY: Components = Components(1 << 5);
    /// Its user mappings (foreign servers only).
    pub const USERMAP: Components = Components(1 << 6);
    /// Its planner statistics.
    pub const STATISTICS: Components = Components(1 << 7);
    /// Everything.
    pub const ALL: Components = Components(0xff);

    /// True if no part is in the set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// True if any part of `other` is in the set.
    pub fn intersects(self, other: Components) -> bool {
        self.0 & other.0 != 0
    }

    /// The set without the parts of `other`.
    #[must_use]
    pub fn without(self, other: Components) -> Components {
        Components(self.0 & !other.0)
    }
}

impl BitOr for Components {
    type Output = Components;
    fn bitor(self, other: Components) -> Components {
        Components(self.0 | other.0)
    }
}

impl BitOrAssign for Components {
    fn bitor_assign(&mut self, other: Components) {
        self.0 |= other.0;
    }
}

impl BitAnd for Components {
    type Output = Components;
    fn bitand(self, other: Components) -> Components {
        Components(self.0 & other.0)
    }
}

impl Not for Components {
    type Output = Components;
    fn not(self) -> Components {
        Components(!self.0 & Components::ALL.0)
    }
}
