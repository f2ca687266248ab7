//! What a caller can choose about a dump of a cluster.

use std::path::PathBuf;

use bstr::BString;

use crate::dump::DumpOptions;
use crate::script::Drops;
use crate::sql::Pattern;

/// How a cluster is dumped.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// The script's file, standard output without one; or the directory of the archives.
    pub file: Option<PathBuf>,
    /// How each database becomes an archive of its own, if that is wanted and not one script. Drops are then left
    /// to the restore.
    pub archives: Option<Box<DumpOptions>>,
    /// Wait until the file is safely on disk.
    pub sync: bool,
    /// What is dumped.
    pub parts: Parts,
    /// The definitions of what belongs to no database are wanted: not in a dump of data alone.
    pub globals: bool,
    /// Whether what is there is dropped first.
    pub drops: Drops,
    /// The databases that are left out.
    pub excluded: Vec<Pattern>,
    /// Passwords are left out.
    pub no_role_passwords: bool,
    /// Grants are left out.
    pub no_privileges: bool,
    /// Comments are left out.
    pub no_comments: bool,
    /// Security labels are left out.
    pub no_security_labels: bool,
    /// Tablespaces are left out.
    pub no_tablespaces: bool,
    /// All identifiers are quoted.
    pub quote_all_identifiers: bool,
    /// For pg_upgrade: roles and tablespaces keep their numbers.
    pub binary_upgrade: bool,
    /// The encoding of the script.
    pub encoding: Option<BString>,
    /// A role to act as.
    pub role: Option<BString>,
    /// Tells when the dump began and ended.
    pub verbose: bool,
    /// The key of psql's `\restrict` around the script's own part.
    pub restrict_key: String,
    /// The database to read from, where `postgres` or `template1` will not do.
    pub database: Option<BString>,
    /// How the databases are dumped.
    pub databases: DatabaseOptions,
}

/// The options of the single dumps; their output is not looked at, they go into the script.
#[derive(Debug, Clone, Default)]
pub struct DatabaseOptions {
    /// For a database that the script creates.
    pub created: DumpOptions,
    /// For one that is there in every cluster, and stays.
    pub present: DumpOptions,
    /// For one that is there in every cluster, and is dropped first.
    pub replaced: DumpOptions,
}

/// Which parts of a cluster are dumped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Parts {
    /// Everything.
    #[default]
    All,
    /// No databases (`-g`).
    Globals,
    /// Roles alone (`-r`).
    Roles,
    /// Tablespaces alone (`-t`).
    Tablespaces,
}

impl Parts {
    pub(super) fn has_roles(self) -> bool {
        self != Parts::Tablespaces
    }

    pub(super) fn has_tablespaces(self) -> bool {
        self != Parts::Roles
    }
}
