//! The grants of one object, as the catalogs hold them. How they become GRANT and REVOKE is
//! [`crate::sql`]'s.

use bstr::BString;

/// An object's grants, each an `aclitem` in text form (`grantee=privileges/grantor`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Acl {
    /// The catalog's column; `None` where it is null, which means the built-in default.
    pub granted: Option<Vec<BString>>,
    /// What `acldefault()` gives for the kind and owner.
    pub default: Option<Vec<BString>>,
    /// The privileges the object had when initdb or its extension's script was through
    /// (`pg_init_privs`): only differences from these are dumped.
    pub initial: Option<Vec<BString>>,
    /// Whose initial privileges those are: `i` for initdb, `e` for an extension, 0 for none.
    pub initial_kind: u8,
}
