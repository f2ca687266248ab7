//! The settings of a script that decide how the rest of it is read.

use bstr::ByteSlice;

/// What a SET statement sets, if it is one of those settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Setting {
    /// `standard_conforming_strings`; nothing for its default.
    StandardStrings(Option<bool>),
    /// `client_encoding`.
    ClientEncoding(Vec<u8>),
}

impl Setting {
    /// Reads `SET [SESSION] name {=|TO} value`, as dump tools write it.
    pub(super) fn parse(statement: &[u8]) -> Option<Setting> {
        // Whoever sets something else may do so at any length.
        let statement = statement.get(..statement.len().min(200))?;
        let text = statement.to_str_lossy();
        let text = text.trim_end_matches(';').replace('=', " = ");
        let mut words = text.split_ascii_whitespace().skip(1).peekable();
        if words
            .peek()
            .is_some_and(|word| word.eq_ignore_ascii_case("session"))
        {
            words.next();
        }
        let name = words.next()?.to_ascii_lowercase();
        let value = words
            .find(|word| *word != "=" && !word.eq_ignore_ascii_case("to"))?
            .trim_matches('\'');
        match name.as_str() {
            "standard_conforming_strings" => Some(Setting::StandardStrings(
                match value.to_ascii_lowercase().as_str() {
                    "on" | "true" | "yes" | "1" => Some(true),
                    "off" | "false" | "no" | "0" => Some(false),
                    _ => None,
                },
            )),
            "client_encoding" | "names" => Some(Setting::ClientEncoding(value.into())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_settings_are_read_in_every_usual_form() {
        use Setting::{ClientEncoding, StandardStrings};
        let cases: [(&str, Option<Setting>); 7] = [
            (
                "SET standard_conforming_strings = off;",
                Some(StandardStrings(Some(false))),
            ),
            (
                "set session standard_conforming_strings to 'ON';",
                Some(StandardStrings(Some(true))),
            ),
            (
                "SET standard_conforming_strings TO DEFAULT;",
                Some(StandardStrings(None)),
            ),
            (
                "SET client_encoding = 'SJIS';",
                Some(ClientEncoding("SJIS".into())),
            ),
            ("SET client_encoding='SJIS';", Some(ClientEncoding("SJIS".into()))),
            ("SET search_path = a, b;", None),
            ("SET", None),
        ];
        for (statement, setting) in cases {
            assert_eq!(Setting::parse(statement.as_bytes()), setting, "{statement}");
        }
    }
}
