//! What every connection of a dump is told first: pg_dump's session settings, and the snapshot.
//!
//! The SQL is text, so that a [`Session`] and a raw [`Lane`] say the same. `standard_conforming_strings` is
//! left as the database has it, and told in the dump, as pg_dump does.

use bstr::{BStr, BString, ByteSlice};

use super::row::Columns;
use super::session::Session;
use super::version::ServerVersion;
use crate::error::Result;
use crate::wire::Lane;

/// The choices a dump leaves to its user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SetupOptions {
    /// The encoding of the dump; without it that of the database, or of PGCLIENTENCODING.
    pub encoding: Option<BString>,
    /// A role to act as.
    pub role: Option<BString>,
    /// `extra_float_digits`; without it 3, which loses nothing.
    pub extra_float_digits: Option<i32>,
    /// Whether the server quotes all identifiers in the definitions it writes.
    pub quote_all_identifiers: bool,
    /// Whether row security filters what is read; otherwise reading a table that has it fails.
    pub row_security: bool,
    /// Whether foreign tables may be read.
    pub foreign_tables: bool,
}

/// What a dump reads under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Snapshot {
    /// A new one.
    New,
    /// A new one that no serializable transaction can have been in the way of; taking it may wait.
    SerializableDeferrable,
    /// That of another session, by the name that [`Session::export_snapshot`] gave it.
    Imported(String),
}

/// The settings for a server of `version`, as one text of several statements.
pub fn setup_sql(version: ServerVersion, options: &SetupOptions) -> String {
    let mut sql = String::from("SELECT pg_catalog.set_config('search_path', '', false);\n");
    let mut set = |name: &str, value: &str| sql.push_str(&format!("SET {name} = {value};\n"));
    if let Some(encoding) = &options.encoding {
        set("client_encoding", &literal(encoding.as_bstr()));
    }
    if let Some(role) = &options.role {
        set("role", &literal(role.as_bstr()));
    }
    set("datestyle", "ISO");
    set("intervalstyle", "postgres");
    set(
        "extra_float_digits",
        &options.extra_float_digits.unwrap_or(3).to_string(),
    );
    set("synchronize_seqscans", "off");
    set("statement_timeout", "0");
    let newer = [
        (90_300, "lock_timeout", "0"),
        (90_600, "idle_in_transaction_session_timeout", "0"),
        (17, "transaction_timeout", "0"),
        (
            90_500,
            "row_security",
            if options.row_security { "on" } else { "off" },
        ),
    ];
    for (since, name, value) in newer {
        if version.at_least(since) {
            set(name, value);
        }
    }
    if options.quote_all_identifiers {
        set("quote_all_identifiers", "on");
    }
    // Minor releases brought this setting, so the server is asked. Without it, a view or foreign table that its
    // owner put in the place of a table would run the owner's code with our rights.
    let kinds = match options.foreign_tables {
        true => "view",
        false => "view, foreign-table",
    };
    if version.at_least(90_600) {
        sql.push_str(&format!(
            "SELECT pg_catalog.set_config(s.n, '{kinds}', false) \
             FROM (VALUES ('restrict_nonsystem_relation_kind')) s(n) \
             WHERE pg_catalog.current_setting(s.n, true) IS NOT NULL;\n"
        ));
    }
    sql
}

impl Snapshot {
    /// The statements that begin the one read-only transaction of a dump.
    pub fn begin_sql(&self) -> String {
        let repeatable = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";
        match self {
            Snapshot::New => repeatable.into(),
            Snapshot::SerializableDeferrable => {
                "BEGIN TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE".into()
            }
            Snapshot::Imported(name) => {
                format!(
                    "{repeatable}; SET TRANSACTION SNAPSHOT {}",
                    literal(name.as_str().into())
                )
            }
        }
    }
}

/// A string literal that reads the same whatever `standard_conforming_strings` says. Bytes that are not UTF-8
/// cannot stand in a statement and are written as escapes.
fn literal(text: &BStr) -> String {
    let mut out = String::from(if text.contains(&b'\\') || text.to_str().is_err() {
        "E'"
    } else {
        "'"
    });
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            if matches!(c, '\'' | '\\') {
                out.push(c);
            }
            out.push(c);
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out.push('\'');
    out
}

impl Session {
    /// Applies the settings and begins the transaction, in one round trip. Afterwards
    /// [`parameter`](Session::parameter) tells `client_encoding` (that of the dump),
    /// `standard_conforming_strings` and `in_hot_standby`, for every server. Returns the process id of the backend.
    ///
    /// # Errors
    /// When the server refuses a setting, the role or the snapshot.
    pub async fn setup_dump(&mut self, options: &SetupOptions, snapshot: &Snapshot) -> Result<i32> {
        let (setup, begin) = (setup_sql(self.version(), options), snapshot.begin_sql());
        let facts = "SELECT pg_catalog.pg_client_encoding(), \
             pg_catalog.current_setting('standard_conforming_strings'), \
             pg_catalog.current_setting('is_superuser'), \
             CASE WHEN pg_catalog.pg_is_in_recovery() THEN 'on' ELSE 'off' END, \
             pg_catalog.pg_backend_pid()";
        let (setup, begin, rows) = tokio::join!(
            self.batch("setting up the session", &setup),
            self.batch("beginning the transaction", &begin),
            self.rows("settings", facts, &[]),
        );
        setup?;
        begin?;
        let rows = rows?;
        if let Some(row) = rows.first() {
            let mut columns = Columns::new(row);
            // A role may have been taken on, which need not be a superuser even if who logged in is one.
            for name in [
                "client_encoding",
                "standard_conforming_strings",
                "is_superuser",
                "in_hot_standby",
            ] {
                self.note_parameter(name, columns.text()?);
            }
            return columns.int4();
        }
        Ok(0)
    }

    /// Publishes this transaction's snapshot for other sessions and lanes, as long as the transaction lasts.
    ///
    /// # Errors
    /// When the server cannot: a hot standby before version 10.
    pub async fn export_snapshot(&self) -> Result<String> {
        let rows = self
            .rows(
                "the snapshot's name",
                "SELECT pg_catalog.pg_export_snapshot()",
                &[],
            )
            .await?;
        let name = rows.first().map(|row| Columns::new(row).text()).transpose()?;
        Ok(name.unwrap_or_default().to_string())
    }
}

/// Applies the settings to a lane and begins the transaction, in one round trip.
///
/// # Errors
/// When the server refuses a setting, the role or the snapshot, or the connection breaks.
pub async fn setup_lane(lane: &mut Lane, options: &SetupOptions, snapshot: &Snapshot) -> Result<()> {
    let version = lane
        .parameter("server_version")
        .map(|v| v.to_str_lossy().into_owned());
    let version = version
        .and_then(|v| ServerVersion::parse(&v))
        .unwrap_or(ServerVersion(0));
    lane.send_query(setup_sql(version, options).as_bytes()).await?;
    lane.send_query(snapshot.begin_sql().as_bytes()).await?;
    let (setup, begin) = (lane.recv_result().await?, lane.recv_result().await?);
    setup.check("setting up the session")?;
    begin.check("beginning the transaction")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_those_the_server_knows() {
        let options = SetupOptions::default();
        let old = setup_sql(ServerVersion(90_224), &options);
        for name in [
            "lock_timeout",
            "idle_in",
            "transaction_timeout",
            "row_security",
            "restrict_",
            "quote_all",
        ] {
            assert!(!old.contains(name), "{name}");
        }
        let new = setup_sql(ServerVersion(170_000), &options);
        for name in [
            "lock_timeout",
            "idle_in",
            "transaction_timeout",
            "row_security = off",
            "restrict_",
        ] {
            assert!(new.contains(name), "{name}");
        }
        assert!(!setup_sql(ServerVersion(160_004), &options).contains("transaction_timeout"));
    }

    #[test]
    fn the_search_path_is_emptied_before_anything_else() {
        let first = "SELECT pg_catalog.set_config('search_path', '', false);";
        assert!(setup_sql(ServerVersion(180_000), &SetupOptions::default()).starts_with(first));
    }

    #[test]
    fn names_are_quoted_so_that_they_stay_names() {
        assert_eq!(literal("o'role".into()), "'o''role'");
        assert_eq!(literal(r"a\b".into()), r"E'a\\b'");
        assert_eq!(literal(BStr::new(b"caf\xe9")), r"E'caf\xe9'");
        assert_eq!(literal("é".into()), "'é'");
        let begin = Snapshot::Imported("0'1".into()).begin_sql();
        assert!(begin.ends_with("SET TRANSACTION SNAPSHOT '0''1'"));
    }
}
