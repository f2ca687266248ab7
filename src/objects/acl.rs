//! The grants of one object, as the catalogs hold them. How they become GRANT and REVOKE is
//! [`crate::sql`]'s.

use bstr::BString;

use crate::connect::Columns;
use crate::error::Result;

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

impl Acl {
    /// The next two columns of a row whose query has `acl_columns`; `None` if there are no grants but the default.
    ///
    /// # Errors
    /// If the columns are not there or not of these types.
    pub fn read(columns: &mut Columns<'_>) -> Result<Option<Box<Acl>>> {
        let granted = columns.opt_texts()?;
        let default = columns.opt_texts()?;
        Ok(granted.is_some().then(|| {
            Box::new(Acl {
                granted,
                default,
                initial: None,
                initial_kind: 0,
            })
        }))
    }
}

/// The SELECT list items that [`Acl::read`] takes: the grants in `column` and, where that is not null, the
/// default of the kind (a letter of `acldefault()`) for `owner`.
pub(crate) fn acl_columns(column: &str, kind: char, owner: &str) -> String {
    format!(
        "{column}::pg_catalog.text[], \
         CASE WHEN {column} IS NOT NULL THEN pg_catalog.acldefault('{kind}', {owner})::pg_catalog.text[] END"
    )
}
