//! The pieces a script is made of.
//!
//! A step carries its exact text for a file and enough meaning for a lane to send it, skip it, or report its
//! failure. It owns no bytes of data: rows and large objects are announced and come from the archive.

use bstr::{BStr, BString};

/// One piece of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Text for people and for psql: comments, meta-commands, blank lines. A lane passes over it.
    Note(BString),
    /// SQL to be executed.
    Statement(Statement),
    /// The entry's rows follow. The text is the COPY statement that takes them, or empty when the data is
    /// SQL commands itself.
    Rows(BString),
    /// The entry's large objects follow, each written as [`super::large_object`] says.
    LargeObjects,
    /// From here on the script runs in another database.
    Connect {
        /// The database's name.
        database: BString,
        /// psql's way of saying so.
        text: BString,
    },
    /// What is being done, for users who want to know; no part of the script.
    Info(BString),
    /// What the user should know; no part of the script.
    Warning(BString),
}

/// SQL sent in one piece: as one simple query, and thus one transaction outside of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The text as a file shows it, newlines that follow included.
    pub sql: BString,
    /// What it is there for.
    pub purpose: Purpose,
}

/// What a statement is there for: decides whether it is sent, and how its failure is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// Restores the entry.
    Execute,
    /// Sets up the session; a parameter that servers know since a release, as [`ServerVersion::at_least`]
    /// takes it, and that older ones can do without.
    ///
    /// [`ServerVersion::at_least`]: crate::connect::ServerVersion::at_least
    Setting {
        /// The first release that knows the parameter; 0 for one that all know.
        since: u32,
    },
    /// Becomes another user; the name is empty for the session's own.
    SessionUser(BString),
    /// Sets `search_path` to the schema named.
    SearchPath(BString),
    /// Sets `default_tablespace` to the quoted name.
    Tablespace(BString),
    /// Sets `default_table_access_method` (release 12 on) to the quoted name.
    TableAccessMethod(BString),
    /// Gives a partitioned table an access method, for its partitions to come (release 17 on).
    PartitionedAccessMethod,
    /// Opens a transaction block.
    Begin,
    /// Ends a transaction block.
    Commit,
}

impl Purpose {
    /// Whether it opens or ends a transaction block.
    pub fn is_block(&self) -> bool {
        matches!(self, Purpose::Begin | Purpose::Commit)
    }
}

impl Step {
    /// A statement that restores the entry.
    pub(super) fn execute(sql: impl Into<BString>) -> Step {
        Step::statement(sql, Purpose::Execute)
    }

    pub(super) fn statement(sql: impl Into<BString>, purpose: Purpose) -> Step {
        Step::Statement(Statement {
            sql: sql.into(),
            purpose,
        })
    }

    pub(super) fn note(text: impl Into<BString>) -> Step {
        Step::Note(text.into())
    }

    /// What a file shows for the step, data not counted.
    pub fn text(&self) -> &BStr {
        match self {
            Step::Note(text) | Step::Rows(text) | Step::Connect { text, .. } => text.as_ref(),
            Step::Statement(statement) => statement.sql.as_ref(),
            Step::LargeObjects | Step::Info(_) | Step::Warning(_) => BStr::new(b""),
        }
    }
}
