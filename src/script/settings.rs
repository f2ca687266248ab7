//! The settings a dump was made under, and the SETs a script begins with.
//!
//! The three special entries (ENCODING, STDSTRINGS, SEARCHPATH) say what strings in the archive mean; the rest
//! keeps a restore from being timed out, filtered or distracted.

use bstr::{BString, ByteSlice};

use super::{ScriptOptions, Step, step::Purpose};
use crate::connect::ServerVersion;
use crate::error::{Error, ErrorKind, Result};
use crate::sql::Quoting;
use crate::toc::{Desc, Entry};

/// What an archive's texts rely on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The name of the texts' encoding.
    pub encoding: BString,
    /// `standard_conforming_strings`.
    pub standard_strings: bool,
    /// The statement that sets the search path, if the archive has one; if not, the path follows
    /// each entry's schema.
    pub search_path: Option<BString>,
}

impl Settings {
    /// Reads the special entries; what is missing is as it was before archives had them.
    ///
    /// # Errors
    /// A special entry whose definition is not what it must be.
    pub fn of(toc: &[Entry]) -> Result<Settings> {
        let mut settings = Settings {
            encoding: "SQL_ASCII".into(),
            standard_strings: false,
            search_path: None,
        };
        for entry in toc {
            match entry.desc {
                Desc::Encoding => {
                    settings.encoding = quoted_value(entry)?;
                    if !is_encoding(&settings.encoding) {
                        let message = format!("unrecognized encoding \"{}\"", settings.encoding);
                        return Err(Error::new(ErrorKind::Archive, message));
                    }
                }
                Desc::StdStrings => {
                    settings.standard_strings = match quoted_value(entry)?.as_slice() {
                        b"on" => true,
                        b"off" => false,
                        _ => return Err(invalid(entry)),
                    }
                }
                Desc::SearchPath => settings.search_path = entry.definition.clone(),
                _ => {}
            }
        }
        Ok(settings)
    }

    /// The statements, one for each setting.
    pub(super) fn steps(&self, options: &ScriptOptions, quoting: Quoting) -> Vec<Step> {
        let mut steps = Vec::new();
        let knows = |since| {
            options
                .release
                .is_none_or(|release| ServerVersion(release * 10_000).at_least(since))
        };
        let mut set = |since: u32, sql: BString| {
            if !knows(since) {
                return;
            }
            steps.push(Step::statement(sql, Purpose::Setting { since }));
        };
        set(0, "SET statement_timeout = 0;\n".into());
        set(90_300, "SET lock_timeout = 0;\n".into());
        set(90_600, "SET idle_in_transaction_session_timeout = 0;\n".into());
        set(17, "SET transaction_timeout = 0;\n".into());
        set(0, around(b"SET client_encoding = '", &self.encoding, b"';\n"));
        let standard = if self.standard_strings { "on" } else { "off" };
        set(
            0,
            format!("SET standard_conforming_strings = {standard};\n").into(),
        );
        if let Some(role) = &options.role {
            set(0, around(b"SET ROLE ", &quoting.ident(role), b";\n"));
        }
        if let Some(search_path) = &self.search_path {
            set(0, search_path.clone());
        }
        set(0, "SET check_function_bodies = false;\n".into());
        set(0, "SET xmloption = content;\n".into());
        set(0, "SET client_min_messages = warning;\n".into());
        if !self.standard_strings {
            set(0, "SET escape_string_warning = off;\n".into());
        }
        let row_security = if options.row_security { "on" } else { "off" };
        set(90_500, format!("SET row_security = {row_security};\n").into());
        steps
    }
}

pub(super) fn around(before: &[u8], text: &[u8], after: &[u8]) -> BString {
    [before, text, after].concat().into()
}

/// The text between the first two quotes of a definition such as `SET client_encoding = 'UTF8';`.
fn quoted_value(entry: &Entry) -> Result<BString> {
    let mut parts = entry.definition_text().split_str("'");
    match (parts.next(), parts.next(), parts.next()) {
        (Some(_), Some(value), Some(_)) => Ok(value.into()),
        _ => Err(invalid(entry)),
    }
}

fn invalid(entry: &Entry) -> Error {
    Error::new(
        ErrorKind::Archive,
        format!("invalid {} item: {}", entry.desc, entry.definition_text()),
    )
}

/// Whether PostgreSQL has an encoding of this name, of any age: case and all but letters and digits do not count.
fn is_encoding(name: &[u8]) -> bool {
    let plain: String = name
        .iter()
        .filter(|byte| byte.is_ascii_alphanumeric())
        .map(|byte| char::from(byte.to_ascii_lowercase()))
        .collect();
    let numbered = |prefixes: &[&str], numbers: &[&str]| {
        prefixes.iter().any(|prefix| {
            plain
                .strip_prefix(prefix)
                .is_some_and(|number| numbers.contains(&number))
        })
    };
    ENCODINGS.contains(&plain.as_str())
        || numbered(&["latin"], &["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"])
        || numbered(
            &["iso8859"],
            &[
                "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "13", "14", "15", "16",
            ],
        )
        || numbered(
            &["win", "windows"],
            &[
                "866", "874", "932", "936", "949", "950", "1250", "1251", "1252", "1253", "1254", "1255",
                "1256", "1257", "1258",
            ],
        )
}

/// The names of encodings that are not numbered, with their older ones.
#[rustfmt::skip]
const ENCODINGS: &[&str] = &[
    "abc", "alt", "big5", "euccn", "eucjis2004", "eucjp", "euckr", "euctw", "gb18030", "gbk", "johab", "koi8", "koi8r",
    "koi8u", "mskanji", "muleinternal", "shiftjis", "shiftjis2004", "sjis", "sqlascii", "tcvn", "tcvn5712", "uhc",
    "unicode", "utf8", "vscii", "win",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toc::{DumpId, Section};

    fn special(desc: Desc, definition: &str) -> Entry {
        Entry {
            definition: Some(definition.into()),
            ..Entry::new(DumpId(1), desc, "", Section::PreData)
        }
    }

    #[test]
    fn encodings_are_known_by_every_name_they_had() {
        for name in [
            "UTF8",
            "SQL_ASCII",
            "EUC_JIS_2004",
            "SHIFT_JIS_2004",
            "MULE_INTERNAL",
            "LATIN10",
            "ISO_8859_5",
            "KOI8R",
            "WIN1258",
            "WIN866",
            "UNICODE",
            "windows-1252",
            "ISO 8859-15",
        ] {
            assert!(is_encoding(name.as_bytes()), "{name}");
        }
        for name in ["UVF8", "", "LATIN11", "LATIN", "WIN1259", "ISO_8859_11"] {
            assert!(!is_encoding(name.as_bytes()), "{name}");
        }
        assert!(Settings::of(&[special(Desc::Encoding, "SET client_encoding = 'UVF8';\n")]).is_err());
    }

    #[test]
    fn special_entries_decide() {
        let settings = Settings::of(&[
            special(Desc::Encoding, "SET client_encoding = 'LATIN1';\n"),
            special(Desc::StdStrings, "SET standard_conforming_strings = 'on';\n"),
            special(Desc::SearchPath, "SELECT 1;\n"),
        ])
        .unwrap();
        assert_eq!(settings.encoding, "LATIN1");
        assert!(settings.standard_strings);
        assert_eq!(settings.search_path, Some("SELECT 1;\n".into()));
    }

    #[test]
    fn a_malformed_special_entry_is_refused() {
        let bad = special(Desc::StdStrings, "SET standard_conforming_strings = 'maybe';\n");
        assert!(Settings::of(&[bad]).is_err());
        assert!(Settings::of(&[special(Desc::Encoding, "SET client_encoding = UTF8")]).is_err());
    }

    #[test]
    fn without_standard_strings_the_warning_about_escapes_is_off() {
        let settings = Settings::of(&[]).unwrap();
        let steps = settings.steps(&ScriptOptions::default(), Quoting::default());
        let text: Vec<u8> = steps.iter().flat_map(|s| s.text().to_vec()).collect();
        assert!(text.contains_str("SET standard_conforming_strings = off;\n"));
        assert!(text.contains_str("warning;\nSET escape_string_warning = off;\nSET row_security = off;\n"));
    }
}
