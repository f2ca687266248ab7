//! Moving a script into another database: psql's `\connect`.

use bstr::{BStr, BString};

use super::Step;
use crate::error::{Error, ErrorKind, Result};
use crate::sql::Quoting;

/// The step that connects to a database.
///
/// # Errors
/// A name with a line break, which no meta-command can hold.
pub(super) fn connect(database: &BStr, restrict_key: Option<&str>, quoting: Quoting) -> Result<Step> {
    if database.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("database name contains a newline or carriage return: \"{database}\""),
        ));
    }
    let mut text = Vec::new();
    if let Some(key) = restrict_key {
        text.extend_from_slice(format!("\\unrestrict {key}\n").as_bytes());
    }
    if database.iter().copied().all(is_plain) {
        text.extend_from_slice(b"\\connect ");
        text.extend_from_slice(&quoting.ident(database));
    } else {
        let conninfo = [b"dbname=".as_slice(), &conninfo_value(database)].concat();
        text.extend_from_slice(b"\\encoding SQL_ASCII\n\\connect -reuse-previous=on ");
        text.extend_from_slice(&quoting.ident(conninfo));
    }
    text.push(b'\n');
    if let Some(key) = restrict_key {
        text.extend_from_slice(format!("\\restrict {key}\n").as_bytes());
    }
    text.push(b'\n');
    Ok(Step::Connect {
        database: database.into(),
        text: text.into(),
    })
}

/// The lines that connect to a database, for scripts that are put together from several.
///
/// # Errors
/// A name with a line break, which no meta-command can hold.
pub fn connect_command(database: &BStr) -> Result<BString> {
    connect(database, None, Quoting::default()).map(|step| step.text().into())
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')
}

/// A value in a conninfo string, in quotes.
fn conninfo_value(value: &[u8]) -> BString {
    let mut out = vec![b'\''];
    for &byte in value {
        if matches!(byte, b'\'' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'\'');
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str, key: Option<&str>) -> BString {
        connect(name.into(), key, Quoting::default())
            .unwrap()
            .text()
            .into()
    }

    #[test]
    fn every_name_is_quoted_where_that_is_asked_for() {
        let quoting = Quoting {
            all_identifiers: true,
            ..Quoting::default()
        };
        let step = connect("db".into(), None, quoting).unwrap();
        assert_eq!(step.text(), "\\connect \"db\"\n\n");
    }

    #[test]
    fn plain_names_are_identifiers_and_others_conninfo_strings() {
        assert_eq!(text("film", None), "\\connect film\n\n");
        assert_eq!(text("Film.1", None), "\\connect \"Film.1\"\n\n");
        assert_eq!(
            text("rs \"odd\" db'x\\y", Some("K")),
            "\\unrestrict K\n\\encoding SQL_ASCII\n\
             \\connect -reuse-previous=on \"dbname='rs \"\"odd\"\" db\\'x\\\\y'\"\n\\restrict K\n\n"
        );
    }

    #[test]
    fn a_line_break_cannot_smuggle_in_a_command() {
        assert!(connect("a\n\\! rm".into(), None, Quoting::default()).is_err());
    }
}
