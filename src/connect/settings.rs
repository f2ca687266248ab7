//! What the values of the keywords mean: times, protocol versions, authentication rules, session attributes.
//!
//! A value that asks for more security than this build has is refused here; it is never passed over.

use std::time::Duration;

use bstr::{BStr, BString, ByteSlice};
use socket2::TcpKeepalive;

use super::conninfo::{Conninfo, usage};
use super::environment::Environment;
use super::socket::TcpOptions;
use super::tls::TlsSettings;
use crate::error::Result;
use crate::wire::{AuthMethod, AuthRules, Binding, PROTOCOL_3_0, PROTOCOL_3_2};

/// Which kind of server is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SessionAttrs {
    Any,
    ReadWrite,
    ReadOnly,
    Primary,
    Standby,
    PreferStandby,
}

/// The settings that steer how a connection is made.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) connect_timeout: Option<Duration>,
    pub(super) tcp: TcpOptions,
    pub(super) attrs: SessionAttrs,
    pub(super) load_balance: bool,
    pub(super) rules: AuthRules,
    pub(super) min_protocol: u32,
    pub(super) max_protocol: u32,
    pub(super) require_peer: Option<BString>,
    pub(super) tls: TlsSettings,
}

impl Settings {
    /// Reads and checks all settings.
    pub(super) fn read(info: &Conninfo, environment: &Environment) -> Result<Settings> {
        let rules = AuthRules {
            allowed: allowed_methods(info)?,
            require_auth: info.value("require_auth").unwrap_or_default().to_string(),
            channel_binding: match one_of(info, "channel_binding", &["disable", "prefer", "require"])? {
                Some("disable") => Binding::Disable,
                Some("require") => Binding::Require,
                _ => Binding::Prefer,
            },
        };
        check_gss(info)?;
        let (min_protocol, max_protocol) = protocols(info)?;
        let attrs = [
            "any",
            "read-write",
            "read-only",
            "primary",
            "standby",
            "prefer-standby",
        ];
        let attrs = match one_of(info, "target_session_attrs", &attrs)? {
            Some("read-write") => SessionAttrs::ReadWrite,
            Some("read-only") => SessionAttrs::ReadOnly,
            Some("primary") => SessionAttrs::Primary,
            Some("standby") => SessionAttrs::Standby,
            Some("prefer-standby") => SessionAttrs::PreferStandby,
            _ => SessionAttrs::Any,
        };
        let load_balance = one_of(info, "load_balance_hosts", &["disable", "random"])? == Some("random");
        // Less than two seconds could be over before anything was tried; libpq waits that long at least.
        let connect_timeout = positive(info, "connect_timeout")?.map(|s| Duration::from_secs(s.max(2)));
        Ok(Settings {
            connect_timeout,
            tcp: tcp_options(info)?,
            attrs,
            load_balance,
            rules,
            min_protocol,
            max_protocol,
            require_peer: info.non_empty("requirepeer").map(ToOwned::to_owned),
            tls: TlsSettings::read(info, environment)?,
        })
    }
}

/// An integer as libpq reads it: blanks around it are allowed.
pub(super) fn integer(keyword: &str, value: &BStr) -> Result<i32, String> {
    let text = value
        .to_str()
        .unwrap_or_default()
        .trim_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    text.parse()
        .map_err(|_| format!("invalid integer value \"{value}\" for connection option \"{keyword}\""))
}

/// A number above zero; others mean "not set".
fn positive(info: &Conninfo, keyword: &str) -> Result<Option<u64>> {
    let Some(value) = info.non_empty(keyword) else {
        return Ok(None);
    };
    let number = integer(keyword, value).map_err(usage)?;
    Ok(u64::try_from(number).ok().filter(|number| *number > 0))
}

/// The value of a keyword that has a fixed set of values.
pub(super) fn one_of<'a>(info: &Conninfo, keyword: &str, values: &[&'a str]) -> Result<Option<&'a str>> {
    let Some(given) = info.non_empty(keyword) else {
        return Ok(None);
    };
    match values.iter().find(|value| given == **value) {
        Some(value) => Ok(Some(value)),
        None => Err(usage(format!("invalid {keyword} value: \"{given}\""))),
    }
}

/// There is no GSSAPI: whoever insists on it gets no connection without it.
fn check_gss(info: &Conninfo) -> Result<()> {
    if one_of(info, "gssencmode", &["disable", "prefer", "require"])? == Some("require") {
        return Err(usage(
            "gssencmode value \"require\" invalid when GSSAPI support is not compiled in",
        ));
    }
    Ok(())
}

/// The oldest and newest protocol; the newest is 3.0 unless asked for, since some proxies know no other.
fn protocols(info: &Conninfo) -> Result<(u32, u32)> {
    let version = |keyword: &str| {
        Ok::<_, crate::Error>(match one_of(info, keyword, &["3.0", "3.2", "latest"])? {
            Some("3.0") => Some(PROTOCOL_3_0),
            Some(_) => Some(PROTOCOL_3_2),
            None => None,
        })
    };
    let min = version("min_protocol_version")?;
    let max = version("max_protocol_version")?;
    match (min, max) {
        (Some(min), Some(max)) if min > max => Err(usage(
            "\"min_protocol_version\" is greater than \"max_protocol_version\"",
        )),
        (min, max) => {
            let min = min.unwrap_or(PROTOCOL_3_0);
            Ok((min, max.unwrap_or(PROTOCOL_3_0.max(min))))
        }
    }
}

fn tcp_options(info: &Conninfo) -> Result<TcpOptions> {
    let wanted = match info.non_empty("keepalives") {
        Some(value) => integer("keepalives", value).map_err(usage)? != 0,
        None => true,
    };
    let mut keepalive = TcpKeepalive::new();
    if let Some(seconds) = positive(info, "keepalives_idle")? {
        keepalive = keepalive.with_time(Duration::from_secs(seconds));
    }
    if let Some(seconds) = positive(info, "keepalives_interval")? {
        keepalive = keepalive.with_interval(Duration::from_secs(seconds));
    }
    if let Some(count) = positive(info, "keepalives_count")? {
        keepalive = keepalive.with_retries(u32::try_from(count).unwrap_or(u32::MAX));
    }
    Ok(TcpOptions {
        keepalive: wanted.then_some(keepalive),
        user_timeout: positive(info, "tcp_user_timeout")?.map(Duration::from_millis),
    })
}

/// `require_auth`: a list of methods, all of them plain or all with `!` before them.
fn allowed_methods(info: &Conninfo) -> Result<Option<Vec<AuthMethod>>> {
    const ALL: [(&str, AuthMethod); 6] = [
        ("password", AuthMethod::Password),
        ("md5", AuthMethod::Md5),
        ("gss", AuthMethod::Gss),
        ("sspi", AuthMethod::Sspi),
        ("scram-sha-256", AuthMethod::ScramSha256),
        ("none", AuthMethod::None),
    ];
    let Some(list) = info.non_empty("require_auth") else {
        return Ok(None);
    };
    let mut named: Vec<&str> = Vec::new();
    let mut negative = None;
    for item in list.split(|b| *b == b',') {
        let item = item.as_bstr();
        let (is_negative, name) = match item.strip_prefix(b"!") {
            Some(name) => (true, name),
            None => (false, item.as_bytes()),
        };
        match negative.replace(is_negative) {
            Some(true) if !is_negative => {
                return Err(usage(format!(
                    "require_auth method \"{item}\" cannot be mixed with negative methods"
                )));
            }
            Some(false) if is_negative => {
                return Err(usage(format!(
                    "negative require_auth method \"{item}\" cannot be mixed with non-negative methods"
                )));
            }
            _ => {}
        }
        // OAuth is known and never used.
        let known = ALL
            .iter()
            .map(|(known, _)| *known)
            .chain(["oauth"])
            .find(|known| known.as_bytes() == name);
        let name = known.ok_or_else(|| usage(format!("invalid require_auth value: \"{item}\"")))?;
        if named.contains(&name) {
            return Err(usage(format!(
                "require_auth method \"{item}\" is specified more than once"
            )));
        }
        named.push(name);
    }
    let keep = |name: &str| named.contains(&name) != negative.unwrap_or(false);
    Ok(Some(
        ALL.iter()
            .filter(|(name, _)| keep(name))
            .map(|(_, method)| *method)
            .collect(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Settings> {
        Settings::read(&Conninfo::parse(text.as_bytes())?, &Environment::of("me", []))
    }

    fn refused(text: &str) -> String {
        read(text).unwrap_err().to_string()
    }

    #[test]
    fn gssapi_that_is_insisted_on_is_not_passed_over() {
        assert!(refused("gssencmode=require").ends_with("support is not compiled in"));
        assert!(read("gssencmode=prefer").is_ok());
    }

    #[test]
    fn values_nobody_knows_are_refused_in_libpqs_words() {
        assert_eq!(
            refused("channel_binding=x"),
            "invalid channel_binding value: \"x\""
        );
        assert_eq!(
            refused("target_session_attrs=x"),
            "invalid target_session_attrs value: \"x\""
        );
        assert_eq!(
            refused("min_protocol_version=3.1"),
            "invalid min_protocol_version value: \"3.1\""
        );
        assert_eq!(
            refused("min_protocol_version=3.2 max_protocol_version=3.0"),
            "\"min_protocol_version\" is greater than \"max_protocol_version\""
        );
        assert_eq!(
            refused("connect_timeout=x"),
            "invalid integer value \"x\" for connection option \"connect_timeout\""
        );
    }

    #[test]
    fn require_auth_lists_what_is_allowed_or_what_is_not() {
        let allowed = |text: &str| {
            read(&format!("require_auth={text}"))
                .unwrap()
                .rules
                .allowed
                .unwrap()
        };
        assert_eq!(allowed("md5,none"), [AuthMethod::Md5, AuthMethod::None]);
        assert!(!allowed("!password").contains(&AuthMethod::Password));
        assert_eq!(allowed("!password").len(), 5);
        assert_eq!(refused("require_auth=foo"), "invalid require_auth value: \"foo\"");
        assert_eq!(
            refused("require_auth=!none,md5"),
            "require_auth method \"md5\" cannot be mixed with negative methods"
        );
        assert_eq!(
            refused("require_auth=md5,!none"),
            "negative require_auth method \"!none\" cannot be mixed with non-negative methods"
        );
        assert_eq!(
            refused("require_auth=!md5,!md5"),
            "require_auth method \"!md5\" is specified more than once"
        );
    }

    #[test]
    fn times_are_seconds_and_milliseconds() {
        let settings = read("connect_timeout=' 10 ' tcp_user_timeout=1500 keepalives=0").unwrap();
        assert_eq!(settings.connect_timeout, Some(Duration::from_secs(10)));
        assert_eq!(settings.tcp.user_timeout, Some(Duration::from_millis(1500)));
        assert!(settings.tcp.keepalive.is_none());
        assert_eq!(
            read("connect_timeout=1").unwrap().connect_timeout,
            Some(Duration::from_secs(2))
        );
        assert_eq!(read("connect_timeout=-1").unwrap().connect_timeout, None);
    }
}
