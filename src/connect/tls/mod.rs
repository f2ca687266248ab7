//! TLS: what the `ssl*` keywords ask for, and the negotiation that turns an open socket into an encrypted stream.
//!
//! Semantics are libpq's (the manual's chapter "SSL Support"); the protocol is rustls'. Which attempt is made with
//! TLS and which without is decided in `attempt`; passwords and channel binding are in `wire::auth`.

mod binding;
mod certificate;
mod files;
mod name;
mod settings;
mod verify;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::ResolvesClientCert;
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, SignatureScheme};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;

pub(super) use settings::{SslMode, TlsSettings};

use super::hosts::Host;
use super::socket::{Endpoint, reason};
use crate::wire::{Channel, Stream};
use settings::CertMode;
use verify::Verifier;

/// SSLRequest, from the manual's chapter "Message Formats".
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// The protocol's name in the TLS extension ALPN.
const ALPN: &[u8] = b"postgresql";

/// What a negotiation led to.
pub(super) enum Negotiated {
    /// The stream is encrypted.
    Encrypted(Stream, Channel),
    /// The server has no TLS; the stream is as it was.
    Declined(Stream),
}

/// What TLS with one host needs, made ready once for all connections to it.
#[derive(Clone)]
pub(super) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
    asked: Arc<ClientCertificate>,
    direct: bool,
}

impl Tls {
    /// Reads the certificate files and puts the configuration together.
    ///
    /// # Errors
    /// A sentence in libpq's words: a file is missing, unsafe or malformed.
    pub(super) fn new(settings: &TlsSettings, host: &Host, endpoint: &Endpoint) -> Result<Tls, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let asked = Arc::new(ClientCertificate {
            key: files::client_certificate(settings, &provider)?,
            was_asked: AtomicBool::new(false),
            was_sent: AtomicBool::new(false),
            required: settings.certmode == CertMode::Require,
        });
        let verifier = Verifier::new(settings, host, &provider)?;
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&settings.versions)
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_cert_resolver(asked.clone());
        config.alpn_protocols = vec![ALPN.to_vec()];
        let name = host.tls_name().and_then(|name| ServerName::try_from(name).ok());
        config.enable_sni = settings.sni && matches!(name, Some(ServerName::DnsName(_)));
        let name = name.or_else(|| match endpoint {
            Endpoint::Tcp(address) => Some(ServerName::IpAddress(address.ip().into())),
            Endpoint::Unix(_) => None,
        });
        Ok(Tls {
            connector: TlsConnector::from(Arc::new(config)),
            name: name.ok_or("a host name is needed for TLS")?,
            asked,
            direct: settings.direct,
        })
    }

    /// Negotiates TLS on a fresh stream.
    ///
    /// # Errors
    /// A sentence in libpq's words.
    pub(super) async fn negotiate(&self, mut stream: Stream) -> Result<Negotiated, String> {
        if !self.direct {
            stream
                .write_all(&SSL_REQUEST)
                .await
                .map_err(|error| format!("could not send SSL negotiation packet: {}", reason(&error)))?;
            // One byte and no more: whatever came behind it in the clear would be taken for encrypted.
            match stream.read_u8().await {
                Ok(b'S') => {}
                Ok(b'N') => return Ok(Negotiated::Declined(stream)),
                Ok(b'E') => return Err("server sent an error response during SSL exchange".into()),
                Ok(other) => {
                    let other = other.escape_ascii();
                    return Err(format!("received invalid response to SSL negotiation: {other}"));
                }
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(CLOSED.into()),
                Err(error) => {
                    return Err(format!("could not receive data from server: {}", reason(&error)));
                }
            }
        }
        let encrypted = self
            .connector
            .connect(self.name.clone(), stream)
            .await
            .map_err(|error| handshake_failure(&error))?;
        let session = encrypted.get_ref().1;
        if self.direct && session.alpn_protocol() != Some(ALPN) {
            return Err(
                "direct SSL connection was established without ALPN protocol negotiation extension".into(),
            );
        }
        self.asked.check()?;
        let certificate = session.peer_certificates().and_then(<[_]>::first);
        let channel = Channel::Tls {
            end_point: certificate.and_then(|certificate| binding::end_point(certificate)),
        };
        Ok(Negotiated::Encrypted(Stream::Boxed(Box::new(encrypted)), channel))
    }
}

/// libpq's words for a connection that ends where an answer was due.
const CLOSED: &str = "server closed the connection unexpectedly\n\t\
    This probably means the server terminated abnormally\n\tbefore or while processing the request.";

/// Why a handshake failed: what the verifier or rustls says, or what the socket does.
fn handshake_failure(error: &io::Error) -> String {
    match failure(error) {
        Some(sentence) => sentence,
        None if error.kind() == io::ErrorKind::UnexpectedEof => "SSL SYSCALL error: EOF detected".into(),
        None => format!("SSL SYSCALL error: {}", reason(error)),
    }
}

/// What TLS has to say about a stream that broke; nothing if it was not TLS.
pub(super) fn failure(error: &io::Error) -> Option<String> {
    match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        // Our verifier's own sentence.
        rustls::Error::General(sentence) => Some(sentence.clone()),
        error => Some(format!("SSL error: {error}")),
    }
}

/// Gives the client's certificate when it is asked for, and notes whether it was.
#[derive(Debug)]
struct ClientCertificate {
    key: Option<Arc<CertifiedKey>>,
    was_asked: AtomicBool,
    was_sent: AtomicBool,
    required: bool,
}

impl ClientCertificate {
    /// `sslcertmode=require`: the server must have asked, and got an answer.
    fn check(&self) -> Result<(), String> {
        match () {
            () if !self.required => Ok(()),
            () if !self.was_asked.load(Ordering::Relaxed) => {
                Err("server did not request an SSL certificate".into())
            }
            () if !self.was_sent.load(Ordering::Relaxed) => {
                Err("server accepted connection without a valid SSL certificate".into())
            }
            () => Ok(()),
        }
    }
}

impl ResolvesClientCert for ClientCertificate {
    fn resolve(&self, _issuers: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.was_asked.store(true, Ordering::Relaxed);
        // Like libpq, whoever the server says it trusts: it decides.
        let key = self.key.clone()?;
        key.key.choose_scheme(schemes)?;
        self.was_sent.store(true, Ordering::Relaxed);
        Some(key)
    }

    fn has_certs(&self) -> bool {
        // Asking is noted even when there is none to give.
        true
    }
}
