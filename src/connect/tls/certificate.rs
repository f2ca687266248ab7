//! Server certificates that webpki refuses and OpenSSL accepts: those of version 1, which `openssl x509 -req` makes
//! without further options, and those that are marked as an authority's, as a self-signed certificate is.
//!
//! Such a certificate is accepted when it is one of the roots itself, self-issued, or when a root has signed it. Longer
//! chains and authorities with restrictions are left to webpki.

use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use x509_parser::der_parser::asn1_rs::Any;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::revocation_list::CertificateRevocationList;
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Version;

/// Whether this is a certificate that webpki does not look at any further.
pub(super) fn is_refused_by_webpki(certificate: &CertificateDer<'_>) -> bool {
    X509Certificate::from_der(certificate)
        .is_ok_and(|(_, parsed)| parsed.version() != X509Version::V3 || parsed.is_ca())
}

/// Verifies such a certificate.
///
/// # Errors
/// Why it is not trusted, in OpenSSL's words.
pub(super) fn verify(
    certificate: &CertificateDer<'_>,
    roots: &[CertificateDer<'_>],
    revoked: &[CertificateRevocationListDer<'_>],
    now: UnixTime,
) -> Result<(), String> {
    let unreadable = "the server's certificate could not be read";
    let (_, parsed) = X509Certificate::from_der(certificate).map_err(|_| unreadable)?;
    let now = i64::try_from(now.as_secs())
        .ok()
        .and_then(|seconds| ASN1Time::from_timestamp(seconds).ok())
        .ok_or("the time is out of range")?;
    let is_root = parsed.subject() == parsed.issuer() && roots.contains(certificate);
    let parsed_roots: Vec<X509Certificate<'_>> = roots
        .iter()
        .filter_map(|root| X509Certificate::from_der(root).ok())
        .map(|(_, root)| root)
        .collect();
    let issuer = parsed_roots.iter().find(|root| {
        if is_root {
            return root.tbs_certificate.as_ref() == parsed.tbs_certificate.as_ref();
        }
        root.subject() == parsed.issuer()
            && may_sign(root)
            && parsed.verify_signature(Some(root.public_key())).is_ok()
    });
    let Some(issuer) = issuer else {
        return Err(match parsed.subject() == parsed.issuer() {
            true => "self-signed certificate".into(),
            false => "unable to get local issuer certificate".into(),
        });
    };
    for checked in [&parsed, issuer] {
        if checked.validity().not_before > now {
            return Err("certificate is not yet valid".into());
        }
        if checked.validity().not_after < now {
            return Err("certificate has expired".into());
        }
    }
    check_purpose(&parsed)?;
    // OpenSSL looks for a use in a handshake, too.
    let is_for_handshakes = match parsed.key_usage() {
        Ok(Some(usage)) => {
            let usage = usage.value;
            usage.digital_signature() || usage.key_encipherment() || usage.key_agreement()
        }
        Ok(None) => true,
        Err(_) => false,
    };
    if !is_for_handshakes {
        return Err("unsuitable certificate purpose".into());
    }
    if revoked.is_empty() {
        return Ok(());
    }
    check_revocation(&parsed, issuer, revoked, now)
}

/// Whether a root may sign certificates of servers; one with restrictions is left to webpki.
fn may_sign(root: &X509Certificate<'_>) -> bool {
    let is_authority = root.version() != X509Version::V3 || root.is_ca();
    let signs = |usage: &X509Certificate<'_>| match usage.key_usage() {
        Ok(Some(usage)) => usage.value.key_cert_sign(),
        Ok(None) => true,
        Err(_) => false,
    };
    is_authority && signs(root) && matches!(root.name_constraints(), Ok(None)) && check_purpose(root).is_ok()
}

/// A certificate for something else is not for servers, and what is marked as critical must be understood.
fn check_purpose(certificate: &X509Certificate<'_>) -> Result<(), String> {
    match certificate.extended_key_usage() {
        Ok(Some(usage)) if !usage.value.server_auth && !usage.value.any => {
            return Err("unsuitable certificate purpose".into());
        }
        Err(_) => return Err("the certificate's purpose could not be read".into()),
        Ok(_) => {}
    }
    let known = |extension: &ParsedExtension<'_>| {
        matches!(
            extension,
            ParsedExtension::BasicConstraints(_)
                | ParsedExtension::KeyUsage(_)
                | ParsedExtension::ExtendedKeyUsage(_)
                | ParsedExtension::SubjectAlternativeName(_)
        )
    };
    let is_understood = certificate
        .extensions()
        .iter()
        .all(|extension| !extension.critical || known(extension.parsed_extension()));
    is_understood
        .then_some(())
        .ok_or_else(|| "unhandled critical extension".into())
}

fn check_revocation(
    certificate: &X509Certificate<'_>,
    issuer: &X509Certificate<'_>,
    revoked: &[CertificateRevocationListDer<'_>],
    now: ASN1Time,
) -> Result<(), String> {
    let parsed = revoked
        .iter()
        .filter_map(|list| CertificateRevocationList::from_der(list).ok())
        .map(|(_, list)| list)
        .find(|list| list.issuer() == issuer.subject() && list.verify_signature(issuer.public_key()).is_ok());
    let list = parsed.ok_or("unable to get certificate CRL")?;
    if list.next_update().is_some_and(|next| next < now) {
        return Err("CRL has expired".into());
    }
    match list
        .iter_revoked_certificates()
        .any(|entry| entry.user_certificate == certificate.tbs_certificate.serial)
    {
        true => Err("certificate revoked".into()),
        false => Ok(()),
    }
}

/// What stands inside the AlgorithmIdentifier of a SubjectPublicKeyInfo.
pub(super) fn algorithm_identifier(key: &[u8]) -> Option<&[u8]> {
    let (_, sequence) = Any::from_der(key).ok()?;
    let (_, algorithm) = Any::from_der(sequence.data).ok()?;
    Some(algorithm.data)
}
