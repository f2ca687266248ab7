//! Going through the hosts until one of them gives a session that fits.
//!
//! Failures to reach a server lead to the next one, and all are reported if none is left. A server that was
//! reached and refuses the user ends the search, as with libpq.

use bstr::ByteSlice;
use rand::seq::SliceRandom;

use super::hosts::{Candidate, Host};
use super::settings::{SessionAttrs, Settings};
use super::socket::{Endpoint, TcpOptions, peer_name, reason};
use crate::error::{Error, ErrorKind};
use crate::wire::{self, Established, Reopen, Startup, StartupError};

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
    },
}

impl Search<'_> {
    /// Tries all hosts; returns the session and where it was found.
    pub(super) async fn run(&self, hosts: &[Host]) -> Result<(Established, Host, Candidate), Failure> {
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
    pub(super) async fn again(&self, host: &Host, candidate: &Candidate) -> Result<Established, Error> {
        self.attempt(host, candidate, SessionAttrs::Any)
            .await
            .map_err(|setback| match setback {
                Setback::NextAddress(sentence) | Setback::NextHost(sentence) => {
                    Error::new(ErrorKind::Connect, sentence)
                }
                Setback::Stop {
                    sentence, sqlstate, ..
                } => refusal(sentence, sqlstate),
            })
    }

    async fn pass(
        &self,
        hosts: &[Host],
        attrs: SessionAttrs,
    ) -> Result<(Established, Host, Candidate), Failure> {
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
                match self.attempt(host, &candidate, attrs).await {
                    Ok(established) => return Ok((established, host.clone(), candidate)),
                    Err(Setback::NextAddress(sentence)) => problems.push(sentence),
                    Err(Setback::NextHost(sentence)) => {
                        problems.push(sentence);
                        break;
                    }
                    Err(Setback::Stop {
                        sentence,
                        sqlstate,
                        password_needed,
                    }) => {
                        problems.push(sentence);
                        let error = refusal(
                            problems.join(
                                "
",
                            ),
                            sqlstate,
                        );
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
    ) -> Result<Established, Setback> {
        let attempt = self.open(host, candidate, attrs);
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

    async fn open(
        &self,
        host: &Host,
        candidate: &Candidate,
        attrs: SessionAttrs,
    ) -> Result<Established, Setback> {
        let failed = |what: &str| format!("connection to {} failed: {what}", candidate.label);
        let stop = |what: &str| Setback::Stop {
            sentence: failed(what),
            sqlstate: None,
            password_needed: false,
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
        let password = (self.password)(host);
        let startup = Startup {
            password: password.text.clone(),
            ..self.startup.clone()
        };
        let mut established = wire::start(stream, &startup).await.map_err(|error| match error {
            StartupError::Server(error) => {
                let mut sentence = failed(&error.report(None));
                match (error.sqlstate.as_str(), password.file) {
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
                }
            }
            StartupError::PasswordNeeded => Setback::Stop {
                sentence: failed("fe_sendauth: no password supplied"),
                sqlstate: None,
                password_needed: true,
            },
            StartupError::Refused(sentence) => stop(&sentence),
            StartupError::Io(error) => stop(&lost(&error)),
        })?;
        established.reopen = Some(reopen(candidate.endpoint.clone(), self.settings.tcp.clone()));
        match misfit(&mut established, attrs).await {
            Ok(None) => Ok(established),
            Ok(Some(reason)) => {
                established.dismiss();
                Err(Setback::NextHost(failed(reason)))
            }
            Err(error) => Err(Setback::NextHost(failed(&lost(&error)))),
        }
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
        InvalidData => error.to_string(),
        _ => format!("could not receive data from server: {}", reason(error)),
    }
}

fn reopen(endpoint: Endpoint, tcp: TcpOptions) -> Reopen {
    std::sync::Arc::new(move || {
        let (endpoint, tcp) = (endpoint.clone(), tcp.clone());
        Box::pin(async move { endpoint.open(&tcp).await })
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
