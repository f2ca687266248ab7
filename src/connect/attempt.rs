//! Going through the hosts until one of them gives a session that fits.
//!
//! Failures to reach a server lead to the next one, and all are reported if none is left. A server that was
//! reached and refuses the user ends the search, as with libpq. Where `sslmode` leaves it open, an address is tried
//! with TLS and without.

use bstr::ByteSlice;
use rand::seq::SliceRandom;

use super::hosts::{Candidate, Host};
use super::settings::{SessionAttrs, Settings};
use super::socket::{Endpoint, TcpOptions, peer_name, reason};
use super::tls::{self, Negotiated, SslMode, Tls};
use crate::error::{Error, ErrorKind};
use crate::wire::{self, Channel, Established, Reopen, Startup, StartupError, Stream};

/// A password, and the file it came from.
#[derive(Debug, Clone, Default)]
pub(super) struct Password {
    pub(super) text: Option<Vec<u8>>,
    pub(super) file: Option<String>,
}

/// Everything an attempt needs but the host.
pub(super) struct Search<'a> {
    pub(super) settings: &'a Settings,
    pub(super) startup: &'a Startup,
    /// The password for a host.
    pub(super) password: &'a (dyn Fn(&Host) -> Password + Send + Sync),
}

/// Where a session was found, and how it is reached.
#[derive(Debug, Clone)]
pub(super) struct Way {
    host: Host,
    candidate: Candidate,
    encryption: Encryption,
}

/// Whether a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encryption {
    Plain,
    Tls,
}

impl Encryption {
    /// What is tried on an address, in order. `sslmode` is not for Unix-domain sockets.
    fn order(mode: SslMode, endpoint: &Endpoint) -> &'static [Encryption] {
        use Encryption::{Plain, Tls};
        match (endpoint, mode) {
            (Endpoint::Unix(_), _) | (_, SslMode::Disable) => &[Plain],
            (_, SslMode::Allow) => &[Plain, Tls],
            (_, SslMode::Prefer) => &[Tls, Plain],
            (_, SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull) => &[Tls],
        }
    }
}

/// Why no session came about.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    /// The server wanted a password and there was none.
    pub(super) password_needed: bool,
}

/// What to do after an attempt that failed.
enum Setback {
    NextAddress(String),
    NextHost(String),
    Stop {
        sentence: String,
        sqlstate: Option<String>,
        password_needed: bool,
        /// With encryption, or without it, the server may answer otherwise.
        may_differ: bool,
    },
}

impl Setback {
    /// Puts what went wrong before in front.
    fn after(self, earlier: &[String]) -> Setback {
        let join = |sentence: String| {
            let all: Vec<&str> = earlier
                .iter()
                .map(String::as_str)
                .chain([sentence.as_str()])
                .collect();
            all.join("\n")
        };
        match self {
            Setback::NextAddress(sentence) => Setback::NextAddress(join(sentence)),
            Setback::NextHost(sentence) => Setback::NextHost(join(sentence)),
            Setback::Stop {
                sentence,
                sqlstate,
                password_needed,
                may_differ,
            } => Setback::Stop {
                sentence: join(sentence),
                sqlstate,
                password_needed,
                may_differ,
            },
        }
    }
}

impl Search<'_> {
    /// Tries all hosts; returns the session and where it was found.
    pub(super) async fn run(&self, hosts: &[Host]) -> Result<(Established, Way), Failure> {
        let wanted = self.settings.attrs;
        if wanted == SessionAttrs::PreferStandby {
            if let Ok(found) = self.pass(hosts, SessionAttrs::Standby).await {
                return Ok(found);
            }
            return self.pass(hosts, SessionAttrs::Any).await;
        }
        self.pass(hosts, wanted).await
    }

    /// Connects once more to where a session was found.
    pub(super) async fn again(&self, way: &Way) -> Result<Established, Error> {
        self.attempt(&way.host, &way.candidate, SessionAttrs::Any, &[way.encryption])
            .await
            .map(|(established, _)| established)
            .map_err(|setback| match setback {
                Setback::NextAddress(sentence) | Setback::NextHost(sentence) => {
                    Error::new(ErrorKind::Connect, sentence)
                }
                Setback::Stop {
                    sentence, sqlstate, ..
                } => refusal(sentence, sqlstate),
            })
    }

    async fn pass(&self, hosts: &[Host], attrs: SessionAttrs) -> Result<(Established, Way), Failure> {
        let mut problems = Vec::new();
        let mut hosts: Vec<&Host> = hosts.iter().collect();
        self.shuffle(&mut hosts);
        for host in hosts {
            let mut candidates = match host.candidates().await {
                Ok(candidates) => candidates,
                Err(sentence) => {
                    problems.push(sentence);
                    continue;
                }
            };
            self.shuffle(&mut candidates);
            for candidate in candidates {
                let order = Encryption::order(self.settings.tls.mode, &candidate.endpoint);
                match self.attempt(host, &candidate, attrs, order).await {
                    Ok((established, encryption)) => {
                        let way = Way {
                            host: host.clone(),
                            candidate,
                            encryption,
                        };
                        return Ok((established, way));
                    }
                    Err(Setback::NextAddress(sentence)) => problems.push(sentence),
                    Err(Setback::NextHost(sentence)) => {
                        problems.push(sentence);
                        break;
                    }
                    Err(Setback::Stop {
                        sentence,
                        sqlstate,
                        password_needed,
                        may_differ: _,
                    }) => {
                        problems.push(sentence);
                        let error = refusal(problems.join("\n"), sqlstate);
                        return Err(Failure {
                            error,
                            password_needed,
                        });
                    }
                }
            }
        }
        let error = Error::new(ErrorKind::Connect, problems.join("\n"));
        Err(Failure {
            error,
            password_needed: false,
        })
    }

    fn shuffle<T>(&self, list: &mut [T]) {
        if self.settings.load_balance {
            list.shuffle(&mut rand::rng());
        }
    }

    /// One address, within the time allowed.
    async fn attempt(
        &self,
        host: &Host,
        candidate: &Candidate,
        attrs: SessionAttrs,
        order: &[Encryption],
    ) -> Result<(Established, Encryption), Setback> {
        let attempt = self.each(host, candidate, attrs, order);
        match self.settings.connect_timeout {
            None => attempt.await,
            Some(limit) => tokio::time::timeout(limit, attempt).await.unwrap_or_else(|_| {
                Err(Setback::NextAddress(format!(
                    "connection to {} failed: timeout expired",
                    candidate.label
                )))
            }),
        }
    }

    /// One address, encrypted or not as the order says.
    async fn each(
        &self,
        host: &Host,
        candidate: &Candidate,
        attrs: SessionAttrs,
        order: &[Encryption],
    ) -> Result<(Established, Encryption), Setback> {
        let mut earlier = Vec::new();
        let mut order = order.iter().copied().peekable();
        while let Some(encryption) = order.next() {
            match self.open(host, candidate, attrs, encryption).await {
                Err(Setback::Stop {
                    sentence,
                    may_differ: true,
                    ..
                }) if order.peek().is_some() => earlier.push(sentence),
                outcome => return outcome.map_err(|setback| setback.after(&earlier)),
            }
        }
        Err(Setback::NextAddress(earlier.join("\n")))
    }

    async fn open(
        &self,
        host: &Host,
        candidate: &Candidate,
        attrs: SessionAttrs,
        encryption: Encryption,
    ) -> Result<(Established, Encryption), Setback> {
        let failed = |what: &str| format!("connection to {} failed: {what}", candidate.label);
        let stream = self.socket(candidate).await?;
        let (stream, channel, tls) = match encryption {
            Encryption::Plain => (stream, Channel::Plain, None),
            Encryption::Tls => self.encrypted(host, candidate, stream).await?,
        };
        let reached = match tls {
            Some(_) => Encryption::Tls,
            None => Encryption::Plain,
        };
        let password = (self.password)(host);
        let startup = Startup {
            password: password.text.clone(),
            channel,
            ..self.startup.clone()
        };
        let mut established = wire::start(stream, &startup).await.map_err(|error| {
            // A server that has declined TLS would only say the same once more.
            let may_differ = reached == encryption && matches!(error, StartupError::Server(_));
            refused(error, candidate, password.file, may_differ)
        })?;
        established.reopen = Some(reopen(candidate.endpoint.clone(), self.settings.tcp.clone(), tls));
        match misfit(&mut established, attrs).await {
            Ok(None) => Ok((established, reached)),
            Ok(Some(reason)) => {
                established.dismiss();
                Err(Setback::NextHost(failed(reason)))
            }
            Err(error) => Err(Setback::NextHost(failed(&lost(&error)))),
        }
    }

    /// A stream after negotiation: encrypted, or as it was where that will do.
    async fn encrypted(
        &self,
        host: &Host,
        candidate: &Candidate,
        stream: Stream,
    ) -> Result<(Stream, Channel, Option<Tls>), Setback> {
        let stop = |what: &str, may_differ: bool| Setback::Stop {
            sentence: format!("connection to {} failed: {what}", candidate.label),
            sqlstate: None,
            password_needed: false,
            may_differ,
        };
        let tls = Tls::new(&self.settings.tls, host, &candidate.endpoint)
            .map_err(|sentence| stop(&sentence, true))?;
        let negotiated = tls.negotiate(stream).await;
        match negotiated.map_err(|sentence| stop(&sentence, true))? {
            Negotiated::Encrypted(stream, channel) => Ok((stream, channel, Some(tls))),
            Negotiated::Declined(stream) if self.settings.tls.mode < SslMode::Require => {
                Ok((stream, Channel::Plain, None))
            }
            Negotiated::Declined(_) => Err(stop("server does not support SSL, but SSL was required", false)),
        }
    }

    /// An open socket, whose other end is who it should be.
    async fn socket(&self, candidate: &Candidate) -> Result<Stream, Setback> {
        let failed = |what: &str| format!("connection to {} failed: {what}", candidate.label);
        let stop = |what: &str| Setback::Stop {
            sentence: failed(what),
            sqlstate: None,
            password_needed: false,
            may_differ: false,
        };
        let stream = candidate
            .endpoint
            .open(&self.settings.tcp)
            .await
            .map_err(|error| {
                let question = match candidate.endpoint {
                    Endpoint::Unix(_) => {
                        "Is the server running locally and accepting connections on that socket?"
                    }
                    Endpoint::Tcp(_) => {
                        "Is the server running on that host and accepting TCP/IP connections?"
                    }
                };
                Setback::NextAddress(failed(&format!("{}\n\t{question}", reason(&error))))
            })?;
        if let Some(required) = &self.settings.require_peer
            && let Some(actual) = peer_name(&stream).map_err(|sentence| stop(&sentence))?
            && *required != actual
        {
            let sentence =
                format!("requirepeer specifies \"{required}\", but actual peer user name is \"{actual}\"");
            return Err(stop(&sentence));
        }
        Ok(stream)
    }
}

/// A server that was reached and gave no session.
fn refused(
    error: StartupError,
    candidate: &Candidate,
    passfile: Option<String>,
    may_differ: bool,
) -> Setback {
    let failed = |what: &str| format!("connection to {} failed: {what}", candidate.label);
    let stop = |what: &str, password_needed: bool| Setback::Stop {
        sentence: failed(what),
        sqlstate: None,
        password_needed,
        may_differ,
    };
    match error {
        StartupError::Server(error) | StartupError::LoggedIn(error) => {
            let mut sentence = failed(&error.report(None));
            match (error.sqlstate.as_str(), passfile) {
                // The server is starting up or shutting down; another one may be better off.
                ("57P03", _) => return Setback::NextHost(sentence),
                ("28P01", Some(file)) => {
                    sentence.push_str(&format!("\npassword retrieved from file \"{file}\""));
                }
                _ => {}
            }
            Setback::Stop {
                sentence,
                sqlstate: Some(error.sqlstate),
                password_needed: false,
                may_differ,
            }
        }
        StartupError::PasswordNeeded => stop("fe_sendauth: no password supplied", true),
        StartupError::Refused(sentence) => stop(&sentence, false),
        StartupError::Io(error) => stop(&lost(&error), false),
    }
}

fn refusal(sentence: String, sqlstate: Option<String>) -> Error {
    let error = Error::new(ErrorKind::Connect, sentence);
    match sqlstate {
        Some(sqlstate) => error.sqlstate(sqlstate),
        None => error,
    }
}

/// libpq's words for a connection that broke during start-up.
fn lost(error: &std::io::Error) -> String {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset, InvalidData, UnexpectedEof};
    match error.kind() {
        UnexpectedEof | ConnectionReset | BrokenPipe => "server closed the connection unexpectedly\n\t\
            This probably means the server terminated abnormally\n\tbefore or while processing the request."
            .into(),
        InvalidData => tls::failure(error).unwrap_or_else(|| error.to_string()),
        _ => format!("could not receive data from server: {}", reason(error)),
    }
}

/// A request to cancel goes the way of its session, encrypted if that is.
fn reopen(endpoint: Endpoint, tcp: TcpOptions, tls: Option<Tls>) -> Reopen {
    std::sync::Arc::new(move || {
        let (endpoint, tcp, tls) = (endpoint.clone(), tcp.clone(), tls.clone());
        Box::pin(async move {
            let stream = endpoint.open(&tcp).await?;
            let Some(tls) = tls else { return Ok(stream) };
            match tls.negotiate(stream).await {
                Ok(Negotiated::Encrypted(stream, _)) => Ok(stream),
                Ok(Negotiated::Declined(_)) => {
                    Err(std::io::Error::other("the server does not support SSL any more"))
                }
                Err(sentence) => Err(std::io::Error::other(sentence)),
            }
        })
    })
}

/// Why the session is not of the wanted kind; `None` if it is.
async fn misfit(session: &mut Established, attrs: SessionAttrs) -> std::io::Result<Option<&'static str>> {
    Ok(match attrs {
        SessionAttrs::Any | SessionAttrs::PreferStandby => None,
        SessionAttrs::ReadWrite if is_read_only(session).await? => Some("session is read-only"),
        SessionAttrs::ReadOnly if !is_read_only(session).await? => Some("session is not read-only"),
        SessionAttrs::Primary if is_standby(session).await? => Some("server is in hot standby mode"),
        SessionAttrs::Standby if !is_standby(session).await? => Some("server is not in hot standby mode"),
        _ => None,
    })
}

/// Servers from 14 on say so at start-up; older ones are asked.
async fn is_read_only(session: &mut Established) -> std::io::Result<bool> {
    let reported = (
        session.parameters.get("default_transaction_read_only"),
        session.parameters.get("in_hot_standby"),
    );
    if let (Some(read_only), Some(standby)) = reported {
        return Ok(*read_only == b"on" || *standby == b"on");
    }
    Ok(session.ask(b"SHOW transaction_read_only").await?.as_bytes() == b"on")
}

async fn is_standby(session: &mut Established) -> std::io::Result<bool> {
    if let Some(standby) = session.parameters.get("in_hot_standby") {
        return Ok(*standby == b"on");
    }
    Ok(session
        .ask(b"SELECT pg_catalog.pg_is_in_recovery()")
        .await?
        .as_bytes()
        == b"t")
}
