//! The `ssl*` keywords, checked as libpq checks them.

use std::path::PathBuf;
use std::sync::Arc;

use bstr::BString;
use rustls::SupportedProtocolVersion;

use super::files::Contents;
use crate::connect::conninfo::{Conninfo, usage};
use crate::connect::environment::{Environment, path};
use crate::connect::settings::{integer, one_of};
use crate::error::Result;

/// How much of a server's identity must be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::connect) enum SslMode {
    Disable,
    Allow,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

const MODES: [(&str, SslMode); 6] = [
    ("disable", SslMode::Disable),
    ("allow", SslMode::Allow),
    ("prefer", SslMode::Prefer),
    ("require", SslMode::Require),
    ("verify-ca", SslMode::VerifyCa),
    ("verify-full", SslMode::VerifyFull),
];

/// Whether the client shows a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CertMode {
    Disable,
    Allow,
    Require,
}

/// Whose signatures are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Roots {
    /// The certificates in this file, if it exists.
    File(Option<PathBuf>),
    /// What the operating system trusts.
    System,
}

/// What the `ssl*` keywords ask for.
#[derive(Debug, Clone)]
pub(in crate::connect) struct TlsSettings {
    pub(in crate::connect) mode: SslMode,
    /// Without asking the server first (`sslnegotiation=direct`).
    pub(super) direct: bool,
    pub(super) roots: Roots,
    pub(super) crl: Option<PathBuf>,
    pub(super) crl_directory: Option<PathBuf>,
    pub(super) certmode: CertMode,
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
    pub(super) key_password: Option<BString>,
    /// Whether the host's name is told before the server shows its certificate.
    pub(super) sni: bool,
    pub(super) versions: Vec<&'static SupportedProtocolVersion>,
    /// What the files hold, once one connection has needed it.
    pub(super) contents: Arc<Contents>,
}

impl TlsSettings {
    /// Reads and checks the keywords; files are read when a connection is made.
    ///
    /// # Errors
    /// In libpq's words: unknown values, values that contradict each other.
    pub(in crate::connect) fn read(info: &Conninfo, environment: &Environment) -> Result<TlsSettings> {
        let file = |keyword: &str, default: &str| match info.non_empty(keyword) {
            Some(file) => Some(path(file)),
            None => environment.in_home(default),
        };
        let roots = if info.value("sslrootcert").is_some_and(|value| value == "system") {
            Roots::System
        } else {
            Roots::File(file("sslrootcert", ".postgresql/root.crt"))
        };
        let (mode, name) = mode(info, &roots)?;
        let direct = one_of(info, "sslnegotiation", &["postgres", "direct"])? == Some("direct");
        if direct && mode < SslMode::Require {
            return Err(usage(format!(
                "weak sslmode \"{name}\" may not be used with sslnegotiation=direct (use \"require\", \"verify-ca\", or \"verify-full\")"
            )));
        }
        let certmode = match one_of(info, "sslcertmode", &["disable", "allow", "require"])? {
            Some("disable") => CertMode::Disable,
            Some("require") => CertMode::Require,
            _ => CertMode::Allow,
        };
        let sni = match info.non_empty("sslsni") {
            Some(value) => integer("sslsni", value).map_err(usage)? != 0,
            None => true,
        };
        let crl_directory = info.non_empty("sslcrldir").map(path);
        // The default list stands for both keywords.
        let crl = match (&crl_directory, info.non_empty("sslcrl")) {
            (_, Some(file)) => Some(path(file)),
            (None, None) => environment.in_home(".postgresql/root.crl"),
            (Some(_), None) => None,
        };
        Ok(TlsSettings {
            mode,
            direct,
            roots,
            crl,
            crl_directory,
            certmode,
            certificate: file("sslcert", ".postgresql/postgresql.crt"),
            key: file("sslkey", ".postgresql/postgresql.key"),
            key_password: info.non_empty("sslpassword").map(ToOwned::to_owned),
            sni,
            versions: versions(info)?,
            contents: Arc::default(),
        })
    }
}

/// The mode, and its name as given or implied.
fn mode(info: &Conninfo, roots: &Roots) -> Result<(SslMode, &'static str)> {
    let names = MODES.map(|(name, _)| name);
    let default = match roots {
        Roots::System => "verify-full",
        Roots::File(_) => "prefer",
    };
    let name = one_of(info, "sslmode", &names)?.unwrap_or(default);
    let mode = MODES.iter().find(|(known, _)| *known == name);
    let mode = mode.map_or(SslMode::Prefer, |(_, mode)| *mode);
    if *roots == Roots::System && mode != SslMode::VerifyFull {
        return Err(usage(format!(
            "weak sslmode \"{name}\" may not be used with sslrootcert=system (use \"verify-full\")"
        )));
    }
    Ok((mode, name))
}

/// The versions of TLS between the oldest and the newest allowed.
fn versions(info: &Conninfo) -> Result<Vec<&'static SupportedProtocolVersion>> {
    const NAMES: [&str; 4] = ["tlsv1", "tlsv1.1", "tlsv1.2", "tlsv1.3"];
    let place = |keyword: &str, default: usize| match info.non_empty(keyword) {
        None => Ok(default),
        Some(given) => NAMES
            .iter()
            .position(|name| given.eq_ignore_ascii_case(name.as_bytes()))
            .ok_or_else(|| usage(format!("invalid \"{keyword}\" value: \"{given}\""))),
    };
    let least = place("ssl_min_protocol_version", 2)?;
    let most = place("ssl_max_protocol_version", 3)?;
    if least > most {
        return Err(usage("invalid SSL protocol version range"));
    }
    let mut versions = Vec::new();
    for (place, version) in [(2, &rustls::version::TLS12), (3, &rustls::version::TLS13)] {
        if (least..=most).contains(&place) {
            versions.push(version);
        }
    }
    if versions.is_empty() {
        return Err(usage(
            "ssl_max_protocol_version must be TLSv1.2 or newer: older versions of TLS are not safe and not supported",
        ));
    }
    Ok(versions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<TlsSettings> {
        let environment = Environment::of("me", []).with_home("/home/me");
        TlsSettings::read(&Conninfo::parse(text.as_bytes())?, &environment)
    }

    fn refused(text: &str) -> String {
        read(text).unwrap_err().to_string()
    }

    #[test]
    fn files_are_read_once() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("crl.pem");
        std::fs::write(&file, "").unwrap();
        let settings = read(&format!("sslcrl={}", file.display())).unwrap();
        let first = super::super::files::revocation_lists(&settings).unwrap_err();
        assert!(first.contains("no revocation list found"), "{first}");
        // A copy, as each connection has one, does not look again.
        std::fs::remove_file(&file).unwrap();
        assert_eq!(
            super::super::files::revocation_lists(&settings.clone()),
            Err(first)
        );
        assert!(super::super::files::revocation_lists(&read("").unwrap()).is_ok());
    }

    #[test]
    fn encryption_is_preferred_and_the_systems_roots_ask_for_all_of_it() {
        assert_eq!(read("").unwrap().mode, SslMode::Prefer);
        assert_eq!(read("sslmode=allow").unwrap().mode, SslMode::Allow);
        assert_eq!(read("sslrootcert=system").unwrap().mode, SslMode::VerifyFull);
        assert_eq!(refused("sslmode=foo"), "invalid sslmode value: \"foo\"");
        assert_eq!(
            refused("sslrootcert=system sslmode=require"),
            "weak sslmode \"require\" may not be used with sslrootcert=system (use \"verify-full\")"
        );
        assert_eq!(
            refused("sslnegotiation=direct"),
            "weak sslmode \"prefer\" may not be used with sslnegotiation=direct (use \"require\", \"verify-ca\", or \"verify-full\")"
        );
        assert!(read("sslnegotiation=direct sslmode=require").unwrap().direct);
    }

    #[test]
    fn files_are_those_given_or_those_in_the_home_directory() {
        let settings = read("").unwrap();
        assert_eq!(
            settings.roots,
            Roots::File(Some("/home/me/.postgresql/root.crt".into()))
        );
        assert_eq!(settings.crl, Some("/home/me/.postgresql/root.crl".into()));
        assert_eq!(
            settings.certificate,
            Some("/home/me/.postgresql/postgresql.crt".into())
        );
        let settings = read("sslrootcert=a sslcert=b sslkey=c sslcrldir=d").unwrap();
        assert_eq!(settings.roots, Roots::File(Some("a".into())));
        assert_eq!(settings.certificate, Some("b".into()));
        assert_eq!(settings.key, Some("c".into()));
        assert_eq!((settings.crl, settings.crl_directory), (None, Some("d".into())));
    }

    #[test]
    fn versions_of_tls_lie_between_two_bounds() {
        let count = |text: &str| read(text).map(|settings| settings.versions.len()).unwrap_or(0);
        assert_eq!(count(""), 2);
        assert_eq!(count("ssl_min_protocol_version=TLSv1.3"), 1);
        assert_eq!(
            count("ssl_min_protocol_version=TLSv1 ssl_max_protocol_version=tlsv1.2"),
            1
        );
        assert_eq!(
            refused("ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=TLSv1.2"),
            "invalid SSL protocol version range"
        );
        assert!(
            refused("ssl_min_protocol_version=TLSv1 ssl_max_protocol_version=TLSv1.1").contains("TLSv1.2")
        );
        assert_eq!(
            refused("ssl_min_protocol_version=x"),
            "invalid \"ssl_min_protocol_version\" value: \"x\""
        );
    }
}
