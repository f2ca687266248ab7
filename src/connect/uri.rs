//! Connection URIs: `postgresql://user:password@host1:port1,host2/dbname?key=value`.
//!
//! The result is the same [`Conninfo`] that a string of pairs gives; only the URI's own syntax is here.

use bstr::ByteSlice;

use super::conninfo::{Conninfo, usage};
use crate::error::Result;

/// What follows `postgresql://` or `postgres://`, if the text begins so.
pub(super) fn strip_scheme(text: &[u8]) -> Option<&[u8]> {
    text.strip_prefix(b"postgresql://")
        .or_else(|| text.strip_prefix(b"postgres://"))
}

/// Reads a URI; `whole` is for messages, `rest` follows the scheme.
pub(super) fn parse(whole: &[u8], rest: &[u8]) -> Result<Conninfo> {
    let mut info = Conninfo::new();
    let mut rest = parse_credentials(rest, &mut info)?;
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    loop {
        let (host, tail) = parse_host(whole, rest)?;
        hosts.extend_from_slice(host);
        rest = tail;
        if let Some(tail) = rest.strip_prefix(b":") {
            let (port, tail) = split_at_any(tail, b"/?,");
            ports.extend_from_slice(port);
            rest = tail;
        }
        let Some(tail) = rest.strip_prefix(b",") else {
            break;
        };
        hosts.push(b',');
        ports.push(b',');
        rest = tail;
    }
    set_decoded(&mut info, "host", &hosts)?;
    set_decoded(&mut info, "port", &ports)?;
    if let Some(tail) = rest.strip_prefix(b"/") {
        let (dbname, tail) = split_at_any(tail, b"?");
        set_decoded(&mut info, "dbname", dbname)?;
        rest = tail;
    }
    if let Some(query) = rest.strip_prefix(b"?") {
        parse_query(query, &mut info)?;
    }
    Ok(info)
}

/// `user:password@`, if there is an `@` before the first slash.
fn parse_credentials<'a>(rest: &'a [u8], info: &mut Conninfo) -> Result<&'a [u8]> {
    let (credentials, tail) = split_at_any(rest, b"@/");
    let Some(tail) = tail.strip_prefix(b"@") else {
        return Ok(rest);
    };
    let (user, password) = split_at_any(credentials, b":");
    set_decoded(info, "user", user)?;
    set_decoded(info, "password", password.strip_prefix(b":").unwrap_or_default())?;
    Ok(tail)
}

/// A host name, address or `[IPv6 address]`, and what follows it.
fn parse_host<'a>(whole: &[u8], rest: &'a [u8]) -> Result<(&'a [u8], &'a [u8])> {
    let Some(bracketed) = rest.strip_prefix(b"[") else {
        return Ok(split_at_any(rest, b":/?,"));
    };
    let (host, tail) = split_at_any(bracketed, b"]");
    let Some(tail) = tail.strip_prefix(b"]") else {
        return Err(usage(format!(
            "end of string reached when looking for matching \"]\" in IPv6 host address in URI: \"{}\"",
            whole.as_bstr()
        )));
    };
    if host.is_empty() {
        return Err(usage(format!(
            "IPv6 host address may not be empty in URI: \"{}\"",
            whole.as_bstr()
        )));
    }
    match tail.first() {
        None | Some(b':' | b'/' | b'?' | b',') => Ok((host, tail)),
        Some(other) => Err(usage(format!(
            "unexpected character \"{}\" at position {} in URI (expected \":\" or \"/\"): \"{}\"",
            char::from(*other),
            whole.len() - tail.len() + 1,
            whole.as_bstr()
        ))),
    }
}

/// `key=value&key=value`.
fn parse_query(query: &[u8], info: &mut Conninfo) -> Result<()> {
    let pairs = query.strip_suffix(b"&").unwrap_or(query);
    if pairs.is_empty() && query.is_empty() {
        return Ok(());
    }
    for pair in pairs.split(|b| *b == b'&') {
        let mut parts = pair.split(|b| *b == b'=');
        let keyword = parts.next().unwrap_or_default();
        let value = parts.next().ok_or_else(|| {
            usage(format!(
                "missing key/value separator \"=\" in URI query parameter: \"{}\"",
                keyword.as_bstr()
            ))
        })?;
        if parts.next().is_some() {
            return Err(usage(format!(
                "extra key/value separator \"=\" in URI query parameter: \"{}\"",
                keyword.as_bstr()
            )));
        }
        let (mut keyword, mut value) = (decode(keyword)?, decode(value)?);
        if keyword == b"ssl" && value == b"true" {
            // JDBC's spelling.
            (keyword, value) = (b"sslmode".to_vec(), b"require".to_vec());
        }
        let name = keyword.to_str_lossy();
        if info.set(&name, value).is_err() {
            return Err(usage(format!("invalid URI query parameter: \"{name}\"")));
        }
    }
    Ok(())
}

fn set_decoded(info: &mut Conninfo, keyword: &str, value: &[u8]) -> Result<()> {
    if value.is_empty() {
        Ok(())
    } else {
        info.set(keyword, decode(value)?)
    }
}

/// Resolves `%XX`.
fn decode(text: &[u8]) -> Result<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let stripped = text.trim_ascii();
    if stripped.iter().any(u8::is_ascii_whitespace) {
        return Err(usage(format!(
            "unexpected spaces found in \"{}\", use percent-encoded spaces (%20) instead",
            text.as_bstr()
        )));
    }
    let mut bytes = stripped.iter();
    while let Some(byte) = bytes.next() {
        if *byte != b'%' {
            decoded.push(*byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|b| char::from(*b).to_digit(16));
        match (digit(), digit()) {
            (Some(0), Some(0)) => {
                return Err(usage(format!(
                    "forbidden value %00 in percent-encoded value: \"{}\"",
                    text.as_bstr()
                )));
            }
            (Some(high), Some(low)) => decoded.push((high * 16 + low) as u8),
            _ => {
                return Err(usage(format!(
                    "invalid percent-encoded token: \"{}\"",
                    text.as_bstr()
                )));
            }
        }
    }
    Ok(decoded)
}

/// Splits before the first byte that is one of `stops`.
fn split_at_any<'a>(text: &'a [u8], stops: &[u8]) -> (&'a [u8], &'a [u8]) {
    text.split_at(text.iter().position(|b| stops.contains(b)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> String {
        match Conninfo::parse(text.as_bytes()) {
            Ok(info) => info
                .iter()
                .map(|(k, v)| format!("{k}={v}"))
                .collect::<Vec<_>>()
                .join(" "),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_forms_of_the_manual() {
        assert_eq!(parsed("postgresql://"), "");
        assert_eq!(parsed("postgresql://localhost"), "host=localhost");
        assert_eq!(parsed("postgres://localhost:5433"), "host=localhost port=5433");
        assert_eq!(
            parsed("postgresql://localhost/mydb"),
            "dbname=mydb host=localhost"
        );
        assert_eq!(
            parsed("postgresql://user:secret@localhost"),
            "host=localhost password=secret user=user"
        );
        assert_eq!(
            parsed("postgresql://other@localhost/otherdb?connect_timeout=10&application_name=myapp"),
            "application_name=myapp connect_timeout=10 dbname=otherdb host=localhost user=other"
        );
        assert_eq!(
            parsed("postgresql://host1:123,host2:456/somedb?target_session_attrs=any"),
            "dbname=somedb host=host1,host2 port=123,456 target_session_attrs=any"
        );
        assert_eq!(
            parsed("postgresql:///mydb?host=localhost&port=5433"),
            "dbname=mydb host=localhost port=5433"
        );
        assert_eq!(
            parsed("postgresql://[2001:db8::1234]/database"),
            "dbname=database host=2001:db8::1234"
        );
        assert_eq!(
            parsed("postgresql:///dbname?host=/var/lib/postgresql"),
            "dbname=dbname host=/var/lib/postgresql"
        );
        assert_eq!(parsed("postgresql://%2Fvar%2Flib/db"), "dbname=db host=/var/lib");
    }

    #[test]
    fn mistakes_are_named_as_libpq_names_them() {
        assert!(parsed("postgresql://[::1").starts_with("end of string reached"));
        assert!(parsed("postgresql://[]").starts_with("IPv6 host address may not be empty"));
        assert_eq!(
            parsed("postgresql://[::1]x"),
            "unexpected character \"x\" at position 19 in URI (expected \":\" or \"/\"): \"postgresql://[::1]x\""
        );
        assert_eq!(
            parsed("postgresql://h?a"),
            "missing key/value separator \"=\" in URI query parameter: \"a\""
        );
        assert_eq!(
            parsed("postgresql://h?a=b=c"),
            "extra key/value separator \"=\" in URI query parameter: \"a\""
        );
        assert_eq!(
            parsed("postgresql://h?zzz=b"),
            "invalid URI query parameter: \"zzz\""
        );
        assert_eq!(
            parsed("postgresql://%zz"),
            "invalid percent-encoded token: \"%zz\""
        );
        assert_eq!(
            parsed("postgresql://a%00"),
            "forbidden value %00 in percent-encoded value: \"a%00\""
        );
    }
}
