//! Reading the files that the `ssl*` keywords name: roots, revocation lists, the client's certificate and key.

use std::fmt;
use std::fs;
use std::io::ErrorKind::{NotADirectory, NotFound};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use bstr::ByteSlice;
use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::der::pem::PemLabel;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

use super::settings::{CertMode, Roots, SslMode, TlsSettings};
use crate::connect::socket::reason;

/// What the files hold: all connections of a run use what the first one has read, whatever becomes of the files.
#[derive(Default)]
pub(super) struct Contents {
    roots: OnceLock<Result<Option<Vec<CertificateDer<'static>>>, String>>,
    revocation_lists: OnceLock<Result<Vec<CertificateRevocationListDer<'static>>, String>>,
    certificate: OnceLock<Result<Option<Arc<CertifiedKey>>, String>>,
}

impl fmt::Debug for Contents {
    // Among it is a private key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contents").finish_non_exhaustive()
    }
}

/// The trusted certificates; see [`read_roots`].
pub(super) fn roots(settings: &TlsSettings) -> Result<Option<Vec<CertificateDer<'static>>>, String> {
    let contents = &settings.contents.roots;
    contents.get_or_init(|| read_roots(settings)).clone()
}

/// The revocation lists; see [`read_revocation_lists`].
pub(super) fn revocation_lists(
    settings: &TlsSettings,
) -> Result<Vec<CertificateRevocationListDer<'static>>, String> {
    let contents = &settings.contents.revocation_lists;
    contents.get_or_init(|| read_revocation_lists(settings)).clone()
}

/// The client's certificate and key; see [`read_client_certificate`].
pub(super) fn client_certificate(
    settings: &TlsSettings,
    provider: &CryptoProvider,
) -> Result<Option<Arc<CertifiedKey>>, String> {
    let contents = &settings.contents.certificate;
    contents
        .get_or_init(|| read_client_certificate(settings, provider))
        .clone()
}

/// The trusted certificates; `None` if there is no file with any and none is needed.
///
/// # Errors
/// The file is needed and missing, or cannot be read.
fn read_roots(settings: &TlsSettings) -> Result<Option<Vec<CertificateDer<'static>>>, String> {
    let file = match &settings.roots {
        Roots::System => {
            let found = rustls_native_certs::load_native_certs();
            return match found.errors.first() {
                Some(error) if found.certs.is_empty() => {
                    Err(format!("could not load system root certificate paths: {error}"))
                }
                _ => Ok(Some(found.certs)),
            };
        }
        Roots::File(file) => file.as_deref(),
    };
    let is_needed = settings.mode >= SslMode::VerifyCa;
    let Some(file) = file else {
        return match is_needed {
            true => Err(format!(
                "could not get home directory to locate root certificate file\n{REMEDY}"
            )),
            false => Ok(None),
        };
    };
    if !file.exists() {
        return match is_needed {
            true => Err(format!(
                "root certificate file \"{}\" does not exist\n{REMEDY}",
                file.display()
            )),
            false => Ok(None),
        };
    }
    let failed = |why: &str| {
        format!(
            "could not read root certificate file \"{}\": {why}",
            file.display()
        )
    };
    let certificates = certificates(file).map_err(|why| failed(&why))?;
    if certificates.is_empty() {
        return Err(failed("no certificate found"));
    }
    Ok(Some(certificates))
}

const REMEDY: &str = "Either provide the file, use the system's trusted roots with sslrootcert=system, or \
    change sslmode to disable server certificate verification.";

/// The revocation lists, from the file and the directory, as far as they exist.
///
/// # Errors
/// A file exists and cannot be read or has no list in it.
fn read_revocation_lists(
    settings: &TlsSettings,
) -> Result<Vec<CertificateRevocationListDer<'static>>, String> {
    let failed = |file: &Path, why: &str| {
        format!(
            "could not read certificate revocation list \"{}\": {why}",
            file.display()
        )
    };
    let mut lists = Vec::new();
    let mut add = |file: &Path| {
        let text = fs::read(file).map_err(|error| failed(file, &reason(&error)))?;
        let found: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&text).collect();
        match found {
            Ok(found) if !found.is_empty() => lists.extend(found),
            Ok(_) => return Err(failed(file, "no revocation list found")),
            Err(error) => return Err(failed(file, &error.to_string())),
        }
        Ok(())
    };
    if let Some(file) = settings.crl.as_deref().filter(|file| file.exists()) {
        add(file)?;
    }
    let directory = settings.crl_directory.as_deref();
    if let Some(entries) = directory.and_then(|directory| fs::read_dir(directory).ok()) {
        for file in entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|file| file.is_file())
        {
            add(&file)?;
        }
    }
    Ok(lists)
}

/// The client's certificate and key, if there is a certificate.
///
/// # Errors
/// In libpq's words: the certificate cannot be read, its key is missing, open to others or does not fit.
fn read_client_certificate(
    settings: &TlsSettings,
    provider: &CryptoProvider,
) -> Result<Option<Arc<CertifiedKey>>, String> {
    let file = match (&settings.certificate, settings.certmode) {
        (None, _) | (_, CertMode::Disable) => return Ok(None),
        (Some(file), _) => file,
    };
    let failed =
        |what: &str, why: &str| format!("could not {what} certificate file \"{}\": {why}", file.display());
    match fs::metadata(file) {
        Ok(_) => {}
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => return Ok(None),
        Err(error) => return Err(failed("open", &reason(&error))),
    }
    let chain = certificates(file).map_err(|why| failed("read", &why))?;
    if chain.is_empty() {
        return Err(failed("read", "no certificate found"));
    }
    let key = match &settings.key {
        Some(key) if key.exists() => private_key(key, settings)?,
        key => {
            let key = key.as_deref().unwrap_or(Path::new("")).display();
            return Err(format!("certificate present, but not private key file \"{key}\""));
        }
    };
    CertifiedKey::from_der(chain, key, provider)
        .map(|key| Some(Arc::new(key)))
        .map_err(|error| {
            let key = settings.key.as_deref().unwrap_or(Path::new("")).display();
            format!("could not load private key file \"{key}\": {error}")
        })
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = fs::read(file).map_err(|error| reason(&error))?;
    CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())
}

fn private_key(file: &Path, settings: &TlsSettings) -> Result<PrivateKeyDer<'static>, String> {
    let shown = file.display();
    let failed = |why: &str| format!("could not load private key file \"{shown}\": {why}");
    let metadata = fs::metadata(file).map_err(|error| failed(&reason(&error)))?;
    if !metadata.is_file() {
        return Err(format!("private key file \"{shown}\" is not a regular file"));
    }
    // A group may read what root has set up for it.
    let forbidden = if metadata.uid() == 0 { 0o037 } else { 0o077 };
    if metadata.mode() & forbidden != 0 {
        return Err(format!(
            "private key file \"{shown}\" has group or world access; file must have permissions u=rw (0600) or \
             less if owned by the current user, or permissions u=rw,g=r (0640) or less if owned by root"
        ));
    }
    let text = fs::read(file).map_err(|error| failed(&reason(&error)))?;
    if text.contains_str("BEGIN ENCRYPTED PRIVATE KEY") {
        let text = String::from_utf8_lossy(&text);
        let (label, der) =
            pkcs8::SecretDocument::from_pem(&text).map_err(|error| failed(&error.to_string()))?;
        EncryptedPrivateKeyInfoRef::validate_pem_label(label).map_err(|error| failed(&error.to_string()))?;
        let password = settings
            .key_password
            .as_ref()
            .ok_or_else(|| failed("it is encrypted and there is no sslpassword"))?;
        let key = EncryptedPrivateKeyInfoRef::try_from(der.as_bytes())
            .and_then(|key| key.decrypt(password.as_slice()))
            .map_err(|_| failed("bad decrypt"))?;
        return Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into());
    }
    if text.contains_str("Proc-Type: 4,ENCRYPTED") {
        return Err(failed(
            "it is encrypted in OpenSSL's traditional form; \"openssl pkcs8 -topk8\" makes it readable here",
        ));
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| failed(&error.to_string()))
}
