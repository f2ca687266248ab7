//! What of an archive is restored and how.

use super::RoleMap;
use crate::script::ScriptOptions;
use crate::toc::Selection;
use crate::toc::list::Listed;

/// The options of a restore.
#[derive(Debug, Clone)]
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
    /// How many sessions restore data and what follows it (`-j`); 0 is 1.
    pub jobs: usize,
    /// Analyze what has rows when everything is restored.
    pub analyze: bool,
    /// The least of a table that is worth a COPY of its own, in bytes: several sessions load a table together that
    /// has four times as much.
    pub part_size: u64,
}

impl RestoreOptions {
    /// The usual [`part_size`](RestoreOptions::part_size).
    pub const PART_SIZE: u64 = 8 << 20;
}

impl Default for RestoreOptions {
    fn default() -> Self {
        RestoreOptions {
            selection: Selection::default(),
            script: ScriptOptions::default(),
            list: None,
            exit_on_error: false,
            no_data_for_failed_tables: false,
            roles: RoleMap::default(),
            managed: false,
            jobs: 1,
            analyze: false,
            part_size: RestoreOptions::PART_SIZE,
        }
    }
}
