//! `tls-server-end-point` (RFC 5929): the hash of the server's certificate that SCRAM-SHA-256-PLUS signs.

use ring::digest::{self, Algorithm};
use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::Oid;
use x509_parser::oid_registry as oid;
use x509_parser::prelude::FromDer;
use x509_parser::signature_algorithm::SignatureAlgorithm;

/// The hash, with the function that the certificate's signature uses; `None` where the RFC defines none, as for
/// Ed25519.
pub(super) fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let algorithm = match SignatureAlgorithm::try_from(&parsed.signature_algorithm).ok() {
        Some(SignatureAlgorithm::RSASSA_PSS(parameters)) => by_hash(parameters.hash_algorithm_oid()),
        _ => by_signature(&parsed.signature_algorithm.algorithm),
    }?;
    Some(digest::digest(algorithm, certificate).as_ref().to_vec())
}

fn by_signature(signature: &Oid<'_>) -> Option<&'static Algorithm> {
    // MD5 and SHA-1 are not to be used: SHA-256 stands in for them.
    let sha256 = [
        oid::OID_PKCS1_MD5WITHRSAENC,
        oid::OID_PKCS1_SHA1WITHRSA,
        oid::OID_PKCS1_SHA256WITHRSA,
        oid::OID_SIG_ECDSA_WITH_SHA256,
    ];
    let sha384 = [oid::OID_PKCS1_SHA384WITHRSA, oid::OID_SIG_ECDSA_WITH_SHA384];
    let sha512 = [oid::OID_PKCS1_SHA512WITHRSA, oid::OID_SIG_ECDSA_WITH_SHA512];
    match signature {
        signature if sha256.contains(signature) => Some(&digest::SHA256),
        signature if sha384.contains(signature) => Some(&digest::SHA384),
        signature if sha512.contains(signature) => Some(&digest::SHA512),
        _ => None,
    }
}

fn by_hash(hash: &Oid<'_>) -> Option<&'static Algorithm> {
    match hash {
        hash if *hash == oid::OID_HASH_SHA1 || *hash == oid::OID_NIST_HASH_SHA256 => Some(&digest::SHA256),
        hash if *hash == oid::OID_NIST_HASH_SHA384 => Some(&digest::SHA384),
        hash if *hash == oid::OID_NIST_HASH_SHA512 => Some(&digest::SHA512),
        _ => None,
    }
}
