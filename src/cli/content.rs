//! The options that say which parts of a database are wanted and how they are written: the same in rsdump and
//! rsrestore. Which of them exclude each other differs in order and is checked by each program.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use bstr::BString;
use clap::{ArgAction, Args};

use super::checks::Given;
use crate::script::{Drops, Ownership, ScriptOptions};
use crate::toc::Selection;
use crate::toc::selection::Sections;

/// The options as typed.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct ContentArgs {
    /// Only the data, no schema
    #[arg(short = 'a', long)]
    pub(super) data_only: bool,
    /// Drop database objects before creating them
    #[arg(short = 'c', long)]
    pub(super) clean: bool,
    /// Create the database and connect to it
    #[arg(short = 'C', long)]
    pub(super) create: bool,
    /// Leave out the objects' owners
    #[arg(short = 'O', long)]
    pub(super) no_owner: bool,
    /// Accepted for compatibility, does nothing
    #[arg(short = 'R', long, hide = true)]
    pub(super) no_reconnect: bool,
    /// Only the schema, no data
    #[arg(short = 's', long)]
    pub(super) schema_only: bool,
    /// Superuser who disables triggers
    #[arg(short = 'S', long, value_name = "NAME")]
    pub(super) superuser: Option<OsString>,
    /// Leave out privileges (GRANT and REVOKE)
    #[arg(short = 'x', long, alias = "no-acl")]
    pub(super) no_privileges: bool,
    /// Disable triggers while data is restored alone
    #[arg(long)]
    pub(super) disable_triggers: bool,
    /// Keep row security on: only the rows one has access to
    #[arg(long)]
    pub(super) enable_row_security: bool,
    /// Use IF EXISTS when dropping objects
    #[arg(long)]
    pub(super) if_exists: bool,
    /// Leave out comments
    #[arg(long)]
    pub(super) no_comments: bool,
    /// Leave out data
    #[arg(long)]
    pub(super) no_data: bool,
    /// Leave out row security policies
    #[arg(long)]
    pub(super) no_policies: bool,
    /// Leave out publications
    #[arg(long)]
    pub(super) no_publications: bool,
    /// Leave out the schema
    #[arg(long)]
    pub(super) no_schema: bool,
    /// Leave out security labels
    #[arg(long)]
    pub(super) no_security_labels: bool,
    /// Leave out statistics
    #[arg(long)]
    pub(super) no_statistics: bool,
    /// Leave out subscriptions
    #[arg(long)]
    pub(super) no_subscriptions: bool,
    /// Leave out table access methods
    #[arg(long)]
    pub(super) no_table_access_method: bool,
    /// Leave out tablespaces
    #[arg(long)]
    pub(super) no_tablespaces: bool,
    /// Key for psql's \restrict
    #[arg(long, value_name = "RESTRICT_KEY")]
    pub(super) restrict_key: Option<String>,
    /// Only this section (pre-data, data, or post-data)
    #[arg(long, value_name = "SECTION", action = ArgAction::Append)]
    pub(super) section: Vec<String>,
    /// Include statistics
    #[arg(long)]
    pub(super) statistics: bool,
    /// Only the statistics, not schema or data
    #[arg(long)]
    pub(super) statistics_only: bool,
    /// Require each name or pattern to match something
    #[arg(long)]
    pub(super) strict_names: bool,
    /// SET SESSION AUTHORIZATION instead of ALTER OWNER
    #[arg(long)]
    pub(super) use_set_session_authorization: bool,
}

impl ContentArgs {
    /// The options that leave one part alone, under their names.
    pub(super) fn only_parts(&self) -> [Given; 3] {
        [
            (self.schema_only, "-s/--schema-only"),
            (self.data_only, "-a/--data-only"),
            (self.statistics_only, "--statistics-only"),
        ]
    }

    /// What of a database is wanted. Statistics are taken when asked for, and else if `statistics` says so.
    pub(super) fn selection(&self, sections: Sections, statistics: bool) -> Selection {
        let only_one_part = self.only_parts().iter().any(|(given, _)| *given);
        let part = |only: bool, otherwise: bool| if only_one_part { only } else { otherwise };
        Selection {
            definitions: part(self.schema_only, !self.no_schema),
            data: part(self.data_only, !self.no_data),
            statistics: self.statistics || part(self.statistics_only, statistics),
            sections,
            privileges: !self.no_privileges,
            comments: !self.no_comments,
            policies: !self.no_policies,
            publications: !self.no_publications,
            security_labels: !self.no_security_labels,
            subscriptions: !self.no_subscriptions,
            ..Selection::default()
        }
    }

    /// How the statements are written.
    pub(super) fn script_options(&self) -> ScriptOptions {
        ScriptOptions {
            ownership: match (self.no_owner, self.use_set_session_authorization) {
                (true, _) => Ownership::Ignore,
                (false, true) => Ownership::SessionAuthorization,
                (false, false) => Ownership::Alter,
            },
            drops: match (self.clean, self.if_exists) {
                (false, _) => Drops::None,
                (true, false) => Drops::Plain,
                (true, true) => Drops::IfExists,
            },
            create_database: self.create,
            disable_triggers: self.disable_triggers,
            superuser: self.superuser.as_ref().map(|name| BString::from(name.as_bytes())),
            row_security: self.enable_row_security,
            tablespaces: !self.no_tablespaces,
            table_access_methods: !self.no_table_access_method,
            ..ScriptOptions::default()
        }
    }
}
