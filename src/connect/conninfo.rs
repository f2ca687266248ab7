//! Connection settings as libpq names them: the table of keywords, `key = 'value'` strings, and the rules
//! by which several sources are laid over each other.
//!
//! URIs are read in `uri`, environment and service files in `defaults`. What a value means is decided
//! where it is used; here every keyword libpq 18 knows is accepted and kept as bytes.

use std::collections::BTreeMap;

use bstr::{BStr, BString, ByteSlice};

use super::uri;
use crate::error::{Error, ErrorKind, Result};

/// Keyword, and the environment variable that gives its default.
const KEYWORDS: &[(&str, Option<&str>)] = &[
    ("service", Some("PGSERVICE")),
    ("user", Some("PGUSER")),
    ("password", Some("PGPASSWORD")),
    ("passfile", Some("PGPASSFILE")),
    ("channel_binding", Some("PGCHANNELBINDING")),
    ("connect_timeout", Some("PGCONNECT_TIMEOUT")),
    ("dbname", Some("PGDATABASE")),
    ("host", Some("PGHOST")),
    ("hostaddr", Some("PGHOSTADDR")),
    ("port", Some("PGPORT")),
    ("client_encoding", Some("PGCLIENTENCODING")),
    ("options", Some("PGOPTIONS")),
    ("application_name", Some("PGAPPNAME")),
    ("fallback_application_name", None),
    ("keepalives", None),
    ("keepalives_idle", None),
    ("keepalives_interval", None),
    ("keepalives_count", None),
    ("tcp_user_timeout", None),
    ("sslmode", Some("PGSSLMODE")),
    ("sslnegotiation", Some("PGSSLNEGOTIATION")),
    ("sslcompression", Some("PGSSLCOMPRESSION")),
    ("sslcert", Some("PGSSLCERT")),
    ("sslkey", Some("PGSSLKEY")),
    ("sslcertmode", Some("PGSSLCERTMODE")),
    ("sslpassword", None),
    ("sslrootcert", Some("PGSSLROOTCERT")),
    ("sslcrl", Some("PGSSLCRL")),
    ("sslcrldir", Some("PGSSLCRLDIR")),
    ("sslsni", Some("PGSSLSNI")),
    ("requirepeer", Some("PGREQUIREPEER")),
    ("require_auth", Some("PGREQUIREAUTH")),
    ("min_protocol_version", Some("PGMINPROTOCOLVERSION")),
    ("max_protocol_version", Some("PGMAXPROTOCOLVERSION")),
    ("ssl_min_protocol_version", Some("PGSSLMINPROTOCOLVERSION")),
    ("ssl_max_protocol_version", Some("PGSSLMAXPROTOCOLVERSION")),
    ("gssencmode", Some("PGGSSENCMODE")),
    ("krbsrvname", Some("PGKRBSRVNAME")),
    ("gsslib", Some("PGGSSLIB")),
    ("gssdelegation", Some("PGGSSDELEGATION")),
    ("replication", None),
    ("target_session_attrs", Some("PGTARGETSESSIONATTRS")),
    ("load_balance_hosts", Some("PGLOADBALANCEHOSTS")),
    ("scram_client_key", None),
    ("scram_server_key", None),
    ("oauth_issuer", None),
    ("oauth_client_id", None),
    ("oauth_client_secret", None),
    ("oauth_scope", None),
    ("sslkeylogfile", None),
];

/// Settings of a connection, as given so far: a value per keyword of libpq.
///
/// ```
/// use rsdump::connect::Conninfo;
/// let given = Conninfo::parse(b"host = 'my host' port=5433")?;
/// assert_eq!(given.value("host").unwrap(), "my host");
/// # Ok::<(), rsdump::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Conninfo {
    values: BTreeMap<&'static str, BString>,
}

impl Conninfo {
    /// No settings at all.
    pub fn new() -> Self {
        Conninfo::default()
    }

    /// Reads a `postgresql://` or `postgres://` URI, or a string of `key=value` pairs.
    ///
    /// # Errors
    /// In libpq's words: a missing `=`, an unterminated quote, an unknown keyword, a malformed URI.
    pub fn parse(text: &[u8]) -> Result<Conninfo> {
        match uri::strip_scheme(text) {
            Some(rest) => uri::parse(text, rest),
            None => parse_pairs(text),
        }
    }

    /// Lays settings over each other in order, a later one replacing an earlier; empty values count as not given.
    ///
    /// The first `dbname` that is itself a URI or holds a `=` is read as a connection string, and all it sets
    /// replaces what came before it: so `-d 'host=x'` wins over an earlier `-h`, as in the C tools.
    ///
    /// # Errors
    /// An unknown keyword, or a malformed connection string.
    pub fn from_settings<'a>(settings: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Conninfo> {
        let mut info = Conninfo::new();
        let mut may_expand = true;
        for (keyword, value) in settings {
            if value.is_empty() {
                may_expand &= keyword != "dbname";
                continue;
            }
            if keyword == "dbname" && std::mem::take(&mut may_expand) && is_connection_string(value) {
                info.values.extend(Conninfo::parse(value)?.values);
            } else {
                info.set(keyword, value)?;
            }
        }
        Ok(info)
    }

    /// Gives `keyword` a value.
    ///
    /// # Errors
    /// `invalid connection option "x"` for a keyword libpq does not know.
    pub fn set(&mut self, keyword: &str, value: impl Into<BString>) -> Result<()> {
        let value = value.into();
        if keyword == "requiressl" {
            // Spelling of PostgreSQL 7.x that libpq still takes.
            let mode = if value.first() == Some(&b'1') {
                "require"
            } else {
                "prefer"
            };
            self.values.insert("sslmode", mode.into());
            return Ok(());
        }
        match known(keyword.as_bytes()) {
            Some(known) => {
                self.values.insert(known, value);
                Ok(())
            }
            None => Err(usage(format!("invalid connection option \"{keyword}\""))),
        }
    }

    /// Gives `keyword` a value unless it has one; false when the keyword is unknown.
    pub(super) fn set_default(&mut self, keyword: &[u8], value: impl Into<BString>) -> bool {
        match known(keyword) {
            Some(keyword) => {
                self.values.entry(keyword).or_insert_with(|| value.into());
                true
            }
            None => false,
        }
    }

    /// The value of a keyword, if it was given; it may be empty.
    pub fn value(&self, keyword: &str) -> Option<&BStr> {
        self.values.get(keyword).map(|value| value.as_bstr())
    }

    /// The value of a keyword if it was given and is not empty.
    pub fn non_empty(&self, keyword: &str) -> Option<&BStr> {
        self.value(keyword).filter(|value| !value.is_empty())
    }

    /// Takes a keyword's value away.
    pub fn remove(&mut self, keyword: &str) -> Option<BString> {
        self.values.remove(keyword)
    }

    /// All settings given, by keyword.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &BStr)> {
        self.values
            .iter()
            .map(|(keyword, value)| (*keyword, value.as_bstr()))
    }
}

impl std::fmt::Debug for Conninfo {
    /// Secrets are left out, so that settings can be logged.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let secret = |keyword| {
            matches!(
                keyword,
                "password" | "sslpassword" | "scram_client_key" | "scram_server_key" | "oauth_client_secret"
            )
        };
        f.debug_map()
            .entries(
                self.iter()
                    .map(|(k, v)| (k, if secret(k) { BStr::new("…") } else { v })),
            )
            .finish()
    }
}

/// Keywords that have a variable, with the variable.
pub(super) fn variables() -> impl Iterator<Item = (&'static str, &'static str)> {
    KEYWORDS
        .iter()
        .filter_map(|(keyword, variable)| Some((*keyword, (*variable)?)))
}

/// Whether a database name is to be read as a connection string.
pub fn is_connection_string(dbname: &[u8]) -> bool {
    uri::strip_scheme(dbname).is_some() || dbname.contains(&b'=')
}

fn known(keyword: &[u8]) -> Option<&'static str> {
    KEYWORDS
        .iter()
        .map(|(known, _)| *known)
        .find(|known| known.as_bytes() == keyword)
}

/// An error in what the user gave.
pub(super) fn usage(sentence: impl Into<String>) -> Error {
    Error::new(ErrorKind::Usage, sentence)
}

fn is_space(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// `key=value key = 'quoted value'`.
fn parse_pairs(text: &[u8]) -> Result<Conninfo> {
    let mut info = Conninfo::new();
    let mut rest = skip_space(text);
    while !rest.is_empty() {
        let end = rest
            .iter()
            .position(|b| *b == b'=' || is_space(b))
            .unwrap_or(rest.len());
        let (keyword, tail) = rest.split_at(end);
        let Some(tail) = skip_space(tail).strip_prefix(b"=") else {
            return Err(usage(format!(
                "missing \"=\" after \"{}\" in connection info string",
                keyword.as_bstr()
            )));
        };
        let (value, tail) = parse_value(skip_space(tail))?;
        info.set(&keyword.to_str_lossy(), value)?;
        rest = skip_space(tail);
    }
    Ok(info)
}

/// A bare or quoted value, and what follows it.
fn parse_value(text: &[u8]) -> Result<(Vec<u8>, &[u8])> {
    let quoted = text.first() == Some(&b'\'');
    let mut bytes = text.iter().enumerate().skip(usize::from(quoted));
    let mut value = Vec::new();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => value.extend(bytes.next().map(|(_, escaped)| *escaped)),
            b'\'' if quoted => return Ok((value, text.get(at + 1..).unwrap_or_default())),
            space if !quoted && is_space(space) => return Ok((value, text.get(at..).unwrap_or_default())),
            other => value.push(*other),
        }
    }
    if quoted {
        return Err(usage("unterminated quoted string in connection info string"));
    }
    Ok((value, &[]))
}

fn skip_space(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|b| is_space(b)).count();
    text.get(spaces..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<(&'static str, String)> {
        Conninfo::parse(text.as_bytes())
            .unwrap()
            .iter()
            .map(|(k, v)| (k, v.to_string()))
            .collect()
    }

    fn refused(text: &str) -> String {
        Conninfo::parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn pairs_with_spaces_quotes_and_escapes() {
        assert_eq!(
            parsed(r"  dbname = 'it\'s \\ here'	user=a\ b port="),
            [
                ("dbname", r"it's \ here".into()),
                ("port", String::new()),
                ("user", "a b".into())
            ]
        );
        assert_eq!(parsed(""), []);
        // The value is the next word, wherever it is: libpq reads it so.
        assert_eq!(parsed("host= port=1"), [("host", "port=1".into())]);
    }

    #[test]
    fn mistakes_are_named_as_libpq_names_them() {
        assert_eq!(
            refused("host"),
            "missing \"=\" after \"host\" in connection info string"
        );
        assert_eq!(
            refused("host x"),
            "missing \"=\" after \"host\" in connection info string"
        );
        assert_eq!(
            refused("host='x"),
            "unterminated quoted string in connection info string"
        );
        assert_eq!(refused("hoster=x"), "invalid connection option \"hoster\"");
    }

    #[test]
    fn requiressl_is_the_old_name_of_sslmode() {
        assert_eq!(parsed("requiressl=1"), [("sslmode", "require".into())]);
    }

    #[test]
    fn a_connection_string_in_dbname_replaces_what_came_before_and_not_what_follows() {
        let info = Conninfo::from_settings([
            ("host", &b"before"[..]),
            ("port", b"1"),
            ("dbname", b"host=inside user=u"),
            ("user", b"after"),
            ("dbname", b"a=b"),
        ])
        .unwrap();
        let all: Vec<_> = info.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(all, ["dbname=a=b", "host=inside", "port=1", "user=after"]);
    }

    #[test]
    fn debug_output_shows_no_password() {
        let info = Conninfo::parse(b"password=secret host=h").unwrap();
        let text = format!("{info:?}");
        assert!(text.contains('h') && !text.contains("secret"));
    }
}
