//! Whether a server is who it should be: the chain of certificates, revocation, the host's name.
//!
//! Chains are verified by webpki. Two kinds of certificate that webpki refuses and PostgreSQL's users have are
//! verified in `certificate`. Without roots nothing about the certificate is checked (`sslmode=require` without a
//! root file), but that the server holds its key always is.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::settings::{SslMode, TlsSettings};
use super::{certificate, files, name};
use crate::connect::hosts::Host;

/// `rsa_pss_pss_sha256` and its siblings (RFC 8446, 4.2.3), for keys that may be used with RSASSA-PSS alone; rustls has no
/// names for them. Beside each stands the scheme that computes the same with an ordinary RSA key.
const PSS_KEYS: [(SignatureScheme, SignatureScheme); 3] = [
    (SignatureScheme::Unknown(0x0809), SignatureScheme::RSA_PSS_SHA256),
    (SignatureScheme::Unknown(0x080a), SignatureScheme::RSA_PSS_SHA384),
    (SignatureScheme::Unknown(0x080b), SignatureScheme::RSA_PSS_SHA512),
];

/// Checks a server's certificate as `sslmode` asks.
#[derive(Debug)]
pub(super) struct Verifier {
    trust: Option<Trust>,
    /// The name that must be the certificate's.
    host: Option<String>,
    algorithms: WebPkiSupportedAlgorithms,
}

#[derive(Debug)]
struct Trust {
    chains: Arc<WebPkiServerVerifier>,
    roots: Vec<CertificateDer<'static>>,
    revoked: Vec<CertificateRevocationListDer<'static>>,
}

impl Verifier {
    pub(super) fn new(
        settings: &TlsSettings,
        host: &Host,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Verifier, String> {
        let host = match settings.mode {
            SslMode::VerifyFull => {
                let name = host
                    .tls_name()
                    .ok_or("host name must be specified for a verified SSL connection")?;
                Some(name)
            }
            _ => None,
        };
        let trust = match files::roots(settings)? {
            Some(roots) => Some(Trust::new(roots, files::revocation_lists(settings)?, provider)?),
            None => None,
        };
        Ok(Verifier {
            trust,
            host,
            algorithms: provider.signature_verification_algorithms,
        })
    }
}

impl Trust {
    fn new(
        roots: Vec<CertificateDer<'static>>,
        revoked: Vec<CertificateRevocationListDer<'static>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Trust, String> {
        let mut store = RootCertStore::empty();
        // One odd certificate among the system's hundred is no reason to trust none of them.
        let (added, _) = store.add_parsable_certificates(roots.iter().cloned());
        if added == 0 {
            return Err("none of the root certificates could be read".into());
        }
        let chains = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider.clone())
            .with_crls(revoked.iter().cloned())
            .enforce_revocation_expiration()
            .build()
            .map_err(|error| format!("could not read the certificate revocation lists: {error}"))?;
        Ok(Trust {
            chains,
            roots,
            revoked,
        })
    }

    /// Whether the chain ends at a trusted certificate; the name is not looked at.
    fn verify(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), String> {
        use CertificateError::{NotValidForName, NotValidForNameContext};
        match self
            .chains
            .verify_server_cert(end_entity, intermediates, name, &[], now)
        {
            // Names come after chains: then the chain was good.
            Ok(_) | Err(Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. })) => Ok(()),
            Err(Error::InvalidCertificate(error)) => {
                if certificate::is_refused_by_webpki(end_entity) {
                    return certificate::verify(end_entity, &self.roots, &self.revoked, now);
                }
                Err(describe(&error))
            }
            Err(error) => Err(error.to_string()),
        }
    }
}

/// OpenSSL's words where there are some.
fn describe(error: &CertificateError) -> String {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "certificate has expired".into()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "certificate is not yet valid".into()
        }
        CertificateError::Revoked => "certificate revoked".into(),
        CertificateError::UnknownIssuer => "unable to get local issuer certificate".into(),
        CertificateError::UnknownRevocationStatus => "unable to get certificate CRL".into(),
        CertificateError::ExpiredRevocationList | CertificateError::ExpiredRevocationListContext { .. } => {
            "CRL has expired".into()
        }
        error => error.to_string(),
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(trust) = &self.trust {
            trust
                .verify(end_entity, intermediates, server_name, now)
                .map_err(|why| Error::General(format!("SSL error: certificate verify failed: {why}")))?;
        }
        if let Some(host) = &self.host {
            let (_, parsed) = X509Certificate::from_der(end_entity)
                .map_err(|_| Error::General("the server's certificate could not be read".into()))?;
            name::check(&parsed, host).map_err(Error::General)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let mut schemes = self.algorithms.supported_schemes();
        schemes.extend(PSS_KEYS.map(|(scheme, _)| scheme));
        schemes
    }
}

impl Verifier {
    /// Whether the server holds the certificate's key. The certificate may be of a kind that webpki does not read,
    /// so its key is taken out here.
    fn verify_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let (_, parsed) =
            X509Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
        let key = parsed.public_key();
        let equivalent = PSS_KEYS.iter().find(|(scheme, _)| *scheme == signed.scheme);
        let scheme = equivalent.map_or(signed.scheme, |(_, equivalent)| *equivalent);
        let candidates = self
            .algorithms
            .mapping
            .iter()
            .filter(|(known, _)| *known == scheme);
        let is_valid = candidates
            .flat_map(|(_, algorithms)| algorithms.iter())
            .any(|algorithm| {
                // The identifier is what stands inside the outer tag and length of the key's algorithm.
                let identifier = algorithm.public_key_alg_id();
                let is_for_key = match equivalent {
                    Some(_) => key.algorithm.algorithm == x509_parser::oid_registry::OID_PKCS1_RSASSAPSS,
                    None => certificate::algorithm_identifier(key.raw)
                        .is_some_and(|found| found == identifier.as_ref()),
                };
                is_for_key
                    && algorithm
                        .verify_signature(&key.subject_public_key.data, message, signed.signature())
                        .is_ok()
            });
        match is_valid {
            true => Ok(HandshakeSignatureValid::assertion()),
            false => Err(CertificateError::BadSignature.into()),
        }
    }
}
