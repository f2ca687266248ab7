//! What of an archive is restored and how.

use super::RoleMap;
use crate::script::ScriptOptions;
use crate::toc::Selection;
use crate::toc::list::Listed;

/// The options of a restore.
#[derive(Debug, Clone, Default)]
pub struct RestoreOptions {
    /// Which entries. Its `create_database` follows the script's.
    pub selection: Selection,
    /// How entries become SQL.
    pub script: ScriptOptions,
    /// A list file: which entries, in which order.
    pub list: Option<Listed>,
    /// Stop at the first error (`-e`).
    pub exit_on_error: bool,
    /// Load no rows into a table whose creation failed.
    pub no_data_for_failed_tables: bool,
    /// Roles that are called otherwise where the restore goes.
    pub roles: RoleMap,
    /// On a server: leave out what only a superuser may do, and what is said of roles that are not there. Not together with
    /// transactions of several statements.
    pub managed: bool,
}
