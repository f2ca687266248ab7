//! Whether a certificate is for a host, by libpq's rules: alternative names, and the common name where there are
//! none of the host's kind; a wildcard stands for one leading label.

use std::net::IpAddr;

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;

/// Checks that the certificate is for this host.
///
/// # Errors
/// A sentence in libpq's words, with the first of the certificate's names.
pub(super) fn check(certificate: &X509Certificate<'_>, host: &str) -> Result<(), String> {
    let address: Option<IpAddr> = host.parse().ok();
    let mut seen: Vec<String> = Vec::new();
    let mut use_common_name = true;
    let alternatives = certificate
        .subject_alternative_name()
        .map_err(|_| "SSL certificate's alternative names could not be read".to_string())?;
    for name in alternatives
        .iter()
        .flat_map(|extension| &extension.value.general_names)
    {
        match name {
            GeneralName::DNSName(name) => {
                use_common_name &= address.is_some();
                if matches(safe(name)?, host) {
                    return Ok(());
                }
                seen.push((*name).to_string());
            }
            GeneralName::IPAddress(bytes) => {
                use_common_name &= address.is_none();
                let named = ip_address(bytes).ok_or("certificate contains IP address with invalid length")?;
                if address == Some(named) {
                    return Ok(());
                }
                seen.push(named.to_string());
            }
            _ => {}
        }
    }
    if use_common_name && let Some(common_name) = certificate.subject().iter_common_name().next() {
        let name = common_name
            .as_str()
            .map_err(|_| "SSL certificate's name could not be read".to_string())?;
        if matches(safe(name)?, host) {
            return Ok(());
        }
        seen.push(name.to_string());
    }
    Err(mismatch(&seen, host))
}

fn mismatch(seen: &[String], host: &str) -> String {
    match seen {
        [] => "could not get server's host name from server certificate".into(),
        [only] => format!("server certificate for \"{only}\" does not match host name \"{host}\""),
        [first, others @ ..] => {
            let (count, plural) = (others.len(), if others.len() == 1 { "" } else { "s" });
            format!(
                "server certificate for \"{first}\" (and {count} other name{plural}) does not match host name \"{host}\""
            )
        }
    }
}

/// A zero byte in a name has been used to pass off one name for another.
fn safe(name: &str) -> Result<&str, String> {
    if name.contains('\0') {
        return Err("SSL certificate's name contains embedded null".into());
    }
    Ok(name)
}

fn ip_address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = || <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from);
    v4().or_else(|| <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from))
}

fn matches(pattern: &str, host: &str) -> bool {
    if pattern.eq_ignore_ascii_case(host) {
        return true;
    }
    // "*.example.org" is for "a.example.org", not for "a.b.example.org" nor ".example.org".
    let Some(suffix) = pattern.strip_prefix('*').filter(|suffix| suffix.starts_with('.')) else {
        return false;
    };
    let Some(split) = host
        .len()
        .checked_sub(suffix.len())
        .filter(|split| host.is_char_boundary(*split))
    else {
        return false;
    };
    let (label, rest) = host.split_at(split);
    !label.is_empty() && !label.contains('.') && rest.eq_ignore_ascii_case(suffix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_for_one_label() {
        assert!(matches("db.example.org", "DB.example.org"));
        assert!(matches("*.example.org", "db.example.org"));
        assert!(!matches("*.example.org", "a.b.example.org"));
        assert!(!matches("*.example.org", ".example.org"));
        assert!(!matches("*.example.org", "example.org"));
        assert!(!matches("*", "example"));
        assert!(!matches("d*.example.org", "db.example.org"));
        assert!(!matches("*.org", "ü.org.x"));
    }

    #[test]
    fn a_mismatch_names_the_first_name_and_counts_the_rest() {
        let names = ["a".to_string(), "b".to_string(), "c".to_string()];
        assert_eq!(
            mismatch(&names[..1], "h"),
            "server certificate for \"a\" does not match host name \"h\""
        );
        assert_eq!(
            mismatch(&names[..2], "h"),
            "server certificate for \"a\" (and 1 other name) does not match host name \"h\""
        );
        assert_eq!(
            mismatch(&names, "h"),
            "server certificate for \"a\" (and 2 other names) does not match host name \"h\""
        );
    }
}
