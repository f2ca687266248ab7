//! What surrounds the process: PG* variables, the home directory, the user's name.
//!
//! Gathered once into an [`Environment`], so that a test or an embedding program can bring its own, or none.

use std::collections::BTreeMap;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use bstr::{BStr, BString, ByteSlice};

/// Directory of the system-wide service file, as Debian's libpq has it.
const SYSTEM_CONFIGURATION: &str = "/etc/postgresql-common";

/// Variables, home directory and user name that supply defaults for a connection.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, BString>,
    home: Option<PathBuf>,
    user: Option<BString>,
}

impl Environment {
    /// That of this process.
    pub fn of_process() -> Environment {
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            let wanted = name.starts_with("PG") || name.starts_with("LC_") || name == "LANG";
            wanted.then(|| (name, BString::from(value.into_vec())))
        });
        Environment {
            variables: variables.collect(),
            home: std::env::home_dir(),
            user: whoami::username_os()
                .ok()
                .map(|name| BString::from(name.into_vec())),
        }
    }

    /// One made of the given variables; no home directory, and `user` as the user's name.
    pub fn of(user: &str, variables: impl IntoIterator<Item = (&'static str, &'static str)>) -> Environment {
        Environment {
            variables: variables
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            home: None,
            user: Some(user.into()),
        }
    }

    /// The same with another home directory.
    #[must_use]
    pub fn with_home(mut self, home: impl Into<PathBuf>) -> Environment {
        self.home = Some(home.into());
        self
    }

    /// A variable's value; an empty one counts as unset.
    pub(super) fn variable(&self, name: &str) -> Option<&BStr> {
        self.variables
            .get(name)
            .map(|value| value.as_bstr())
            .filter(|value| !value.is_empty())
    }

    /// The name of the operating system's user.
    pub(super) fn user(&self) -> Option<&BStr> {
        self.user.as_ref().map(|user| user.as_bstr())
    }

    /// A file in the home directory.
    pub(super) fn in_home(&self, file: &str) -> Option<PathBuf> {
        self.home.as_ref().map(|home| home.join(file))
    }

    /// The system-wide service file.
    pub(super) fn system_service_file(&self) -> PathBuf {
        let directory = self
            .variable("PGSYSCONFDIR")
            .unwrap_or(SYSTEM_CONFIGURATION.into());
        path(directory).join("pg_service.conf")
    }

    /// The encoding of the locale, in PostgreSQL's name; what `client_encoding=auto` means.
    pub(super) fn locale_encoding(&self) -> &'static str {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .find_map(|name| self.variable(name));
        let codeset = locale
            .and_then(|locale| locale.split_once_str("."))
            .map(|(_, codeset)| codeset);
        let codeset = codeset
            .map(|c| c.split_once_str("@").map_or(c, |(c, _)| c))
            .unwrap_or_default();
        let plain: String = codeset
            .iter()
            .filter(|b| b.is_ascii_alphanumeric())
            .map(|b| b.to_ascii_lowercase() as char)
            .collect();
        match plain.as_str() {
            "utf8" => "UTF8",
            "iso88591" => "LATIN1",
            "iso88592" => "LATIN2",
            "iso88595" => "ISO_8859_5",
            "iso88597" => "ISO_8859_7",
            "iso88599" => "LATIN5",
            "iso885913" => "LATIN7",
            "iso885915" => "LATIN9",
            "koi8r" => "KOI8R",
            "koi8u" => "KOI8U",
            "cp1251" => "WIN1251",
            "cp1252" => "WIN1252",
            "eucjp" => "EUC_JP",
            "euckr" => "EUC_KR",
            "euctw" => "EUC_TW",
            "gb2312" | "euccn" => "EUC_CN",
            "gb18030" => "GB18030",
            "gbk" => "GBK",
            "big5" => "BIG5",
            "sjis" | "shiftjis" => "SJIS",
            _ => "SQL_ASCII",
        }
    }
}

/// A path of any bytes.
pub(super) fn path(bytes: &BStr) -> PathBuf {
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_names_the_encoding() {
        let of = |variables: &[(&'static str, &'static str)]| {
            Environment::of("u", variables.iter().copied()).locale_encoding()
        };
        assert_eq!(of(&[("LANG", "en_US.UTF-8")]), "UTF8");
        assert_eq!(
            of(&[("LANG", "en_US.UTF-8"), ("LC_ALL", "de_DE.ISO-8859-15@euro")]),
            "LATIN9"
        );
        assert_eq!(of(&[("LC_ALL", "C")]), "SQL_ASCII");
        assert_eq!(of(&[]), "SQL_ASCII");
    }

    #[test]
    fn an_empty_variable_is_unset() {
        assert_eq!(Environment::of("u", [("PGHOST", "")]).variable("PGHOST"), None);
    }
}
