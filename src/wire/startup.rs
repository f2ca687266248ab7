//! Start-up and authentication: from an open [`Stream`] to a session that is ready for a query.
//!
//! Both kinds of connection go through here, the raw lane and the tokio-postgres session, so passwords
//! and failures behave alike. Which host, which password and whether to ask a person is decided by
//! `connect`; this module answers only what the server asks.

use std::collections::HashMap;
use std::future::poll_fn;
use std::io;

use bstr::BString;
use bytes::{BufMut, BytesMut};
use tokio::io::AsyncWriteExt;

use super::auth::{self, AuthRules, Channel, Exchange};
use super::cancel::Reopen;
use super::frame::{self, Fields, Frame, Inbox, invalid, tag};
use super::server_error::ServerError;
use super::stream::Stream;

/// Protocol 3.0, spoken by every server, and 3.2, which servers from 18 know.
pub const PROTOCOL_3_0: u32 = 0x0003_0000;
/// See [`PROTOCOL_3_0`].
pub const PROTOCOL_3_2: u32 = 0x0003_0002;

/// The longest message a server may send before the session is ready.
const MAX_MESSAGE: usize = 30_000;

/// What to tell the server, and what to accept from it.
#[derive(Debug, Clone, Default)]
pub struct Startup {
    /// The role to log in as.
    pub user: Vec<u8>,
    /// Further start-up parameters in order: `database`, `options`, `application_name`, settings.
    pub parameters: Vec<(Vec<u8>, Vec<u8>)>,
    /// The password, if one is known.
    pub password: Option<Vec<u8>>,
    /// Which authentication methods are acceptable.
    pub rules: AuthRules,
    /// What the stream is, for methods that bind the session to it.
    pub channel: Channel,
    /// The newest protocol to ask for; 0 means 3.0.
    pub max_protocol: u32,
    /// The oldest protocol to accept; 0 means 3.0.
    pub min_protocol: u32,
}

/// Why a session did not come about.
#[derive(Debug)]
pub enum StartupError {
    /// The server refused to log the user in.
    Server(Box<ServerError>),
    /// The server has logged the user in and failed then: there is no such role or database, say.
    LoggedIn(Box<ServerError>),
    /// The server wants a password and none is known.
    PasswordNeeded,
    /// Client and server do not agree on authentication or protocol; a sentence in libpq's words.
    Refused(String),
    /// The connection broke or what arrived was not the protocol.
    Io(io::Error),
}

impl From<io::Error> for StartupError {
    fn from(error: io::Error) -> Self {
        StartupError::Io(error)
    }
}

/// What identifies a session to CancelRequest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BackendKey {
    /// The server process.
    pub process_id: i32,
    /// Its secret, four bytes unless protocol 3.2 was agreed on.
    pub secret: Vec<u8>,
}

/// A session ready for its first query.
pub struct Established {
    pub(crate) stream: Stream,
    pub(crate) inbox: Inbox,
    /// How to reach the same server once more, for cancelling; whoever opened the stream sets it.
    pub reopen: Option<Reopen>,
    /// The settings the server reported, such as `server_version` and `client_encoding`.
    pub parameters: HashMap<String, Vec<u8>>,
    /// For cancelling.
    pub key: BackendKey,
    /// Whether the server asked for the password in `Startup`.
    pub password_used: bool,
    /// Notices that came before the session was ready.
    pub notices: Vec<ServerError>,
}

impl std::fmt::Debug for Established {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Established")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl Established {
    /// Runs one query before the session is put to use; the first column of its first row, or nothing.
    pub(crate) async fn ask(&mut self, sql: &[u8]) -> io::Result<BString> {
        let mut out = BytesMut::new();
        frame::put(&mut out, Some(b'Q'), |out| {
            out.put_slice(sql);
            out.put_u8(0);
        })?;
        send(&mut self.stream, &out).await?;
        let mut answer = BString::default();
        loop {
            let frame = self.inbox.next(&mut self.stream).await?;
            match frame.tag {
                tag::READY => return Ok(answer),
                tag::DATA_ROW => {
                    let mut fields = Fields::new(&frame.body);
                    let columns = fields.i16()?;
                    if columns > 0
                        && let Ok(length) = usize::try_from(fields.i32()?)
                    {
                        answer = fields.bytes(length)?.into();
                    }
                }
                tag::ERROR => return Err(io::Error::other(ServerError::parse(&frame.body)?)),
                _ => {}
            }
        }
    }

    /// Ends a session that is not wanted.
    pub(crate) fn dismiss(self) {
        self.stream.try_send(b"X\0\0\0\x04");
    }

    /// The stream, and what was read from it beyond the welcome.
    pub(crate) fn into_parts(self) -> (Stream, BytesMut) {
        (self.stream, self.inbox.buf)
    }
}

/// Sends the start-up packet and authenticates.
///
/// # Errors
/// See [`StartupError`]. The stream is gone after an error: the server has closed it or will.
pub async fn start(mut stream: Stream, startup: &Startup) -> Result<Established, StartupError> {
    let mut out = BytesMut::new();
    put_startup(&mut out, startup)?;
    // A server that refuses at once (too many clients, starting up) may close before it has read all of
    // the packet; what it said is then still to be read, and says more than the broken pipe.
    let sent = send(&mut stream, &out).await;
    let mut inbox = Inbox::default();
    let mut exchange = Exchange::new(startup);
    let mut notices = Vec::new();
    loop {
        let frame = next(&mut inbox, &mut stream, &sent).await?;
        match frame.tag {
            tag::AUTHENTICATION => {
                out.clear();
                if exchange.answer(&frame.body, &mut out)? {
                    break;
                }
                if !out.is_empty() {
                    send(&mut stream, &out).await?;
                }
            }
            tag::NEGOTIATE_VERSION => check_negotiated(&frame.body, startup)?,
            _ => common(&frame, &mut notices)?,
        }
    }
    let mut parameters = HashMap::new();
    let mut key = BackendKey::default();
    loop {
        let frame = next(&mut inbox, &mut stream, &sent).await?;
        match frame.tag {
            tag::PARAMETER_STATUS => {
                let mut fields = Fields::new(&frame.body);
                let name = String::from_utf8_lossy(fields.cstr()?).into_owned();
                parameters.insert(name, fields.cstr()?.to_vec());
            }
            tag::BACKEND_KEY => {
                let mut fields = Fields::new(&frame.body);
                key = BackendKey {
                    process_id: fields.i32()?,
                    secret: fields.rest().to_vec(),
                };
            }
            tag::NEGOTIATE_VERSION => check_negotiated(&frame.body, startup)?,
            tag::READY => break,
            _ => common(&frame, &mut notices).map_err(|error| match error {
                StartupError::Server(error) => StartupError::LoggedIn(error),
                other => other,
            })?,
        }
    }
    Ok(Established {
        stream,
        inbox,
        reopen: None,
        parameters,
        key,
        password_used: exchange.password_used(),
        notices,
    })
}

/// Writes all of it and sees it on its way: an encrypted stream may keep some back otherwise.
async fn send(stream: &mut Stream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

/// The next message; a failure to send counts only when there is nothing to read.
async fn next(inbox: &mut Inbox, stream: &mut Stream, sent: &io::Result<()>) -> Result<Frame, StartupError> {
    loop {
        if let Some((tag, length)) = frame::header(&inbox.buf)? {
            // Something that is no PostgreSQL server may claim a message of a gigabyte.
            if length > MAX_MESSAGE {
                return Err(not_expected(tag).into());
            }
            if let Some(frame) = inbox.take()? {
                return Ok(frame);
            }
        }
        if let Err(read) = poll_fn(|cx| inbox.poll_fill(cx, stream)).await {
            let closed = sent.is_err() || read.kind() == io::ErrorKind::ConnectionReset;
            let error = if closed {
                io::ErrorKind::UnexpectedEof.into()
            } else {
                read
            };
            return Err(StartupError::Io(error));
        }
    }
}

fn not_expected(tag: u8) -> io::Error {
    invalid(format!(
        "expected authentication request from server, but received {}",
        tag.escape_ascii()
    ))
}

/// Messages that may come at any time before the session is ready.
fn common(frame: &Frame, notices: &mut Vec<ServerError>) -> Result<(), StartupError> {
    match frame.tag {
        tag::ERROR => Err(StartupError::Server(Box::new(ServerError::parse(&frame.body)?))),
        tag::NOTICE => {
            notices.push(ServerError::parse(&frame.body)?);
            Ok(())
        }
        other => Err(not_expected(other).into()),
    }
}

/// The start-up packet.
fn put_startup(out: &mut BytesMut, startup: &Startup) -> Result<(), StartupError> {
    let user = (b"user".to_vec(), startup.user.clone());
    if startup
        .parameters
        .iter()
        .chain([&user])
        .any(|(k, v)| k.contains(&0) || v.contains(&0))
    {
        return Err(StartupError::Refused(
            "a connection parameter contains a zero byte".into(),
        ));
    }
    frame::put(out, None, |out| {
        out.put_u32(startup.max_protocol.max(PROTOCOL_3_0));
        for (name, value) in [&user].into_iter().chain(&startup.parameters) {
            out.put_slice(name);
            out.put_u8(0);
            out.put_slice(value);
            out.put_u8(0);
        }
        out.put_u8(0);
    })?;
    Ok(())
}

/// NegotiateProtocolVersion: the server knows only an older protocol, or not some of our options.
fn check_negotiated(body: &[u8], startup: &Startup) -> Result<(), StartupError> {
    let offered = Fields::new(body).i32()? as u32;
    if offered > startup.max_protocol.max(PROTOCOL_3_0) {
        return Err(StartupError::Refused(
            "received invalid protocol negotiation message: server requested downgrade to a higher-numbered version"
                .into(),
        ));
    }
    if offered < startup.min_protocol {
        return Err(StartupError::Refused(format!(
            "server only supports protocol version {}.{}, but \"min_protocol_version\" was set to {}.{}",
            offered >> 16,
            offered & 0xffff,
            startup.min_protocol >> 16,
            startup.min_protocol & 0xffff,
        )));
    }
    Ok(())
}

impl From<auth::Refusal> for StartupError {
    fn from(refusal: auth::Refusal) -> Self {
        match refusal {
            auth::Refusal::PasswordNeeded => StartupError::PasswordNeeded,
            auth::Refusal::Refused(sentence) => StartupError::Refused(sentence),
            auth::Refusal::Malformed(error) => StartupError::Io(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    /// Plays a server that reads the start-up packet and sends `reply`.
    async fn against(reply: &[u8], startup: Startup) -> (Result<Established, StartupError>, Vec<u8>) {
        let (ours, mut theirs) = tokio::io::duplex(65536);
        theirs.write_all(reply).await.unwrap();
        let result = start(Stream::Boxed(Box::new(ours)), &startup).await;
        let mut sent = vec![0; 4096];
        let n = theirs.read(&mut sent).await.unwrap();
        sent.truncate(n);
        (result, sent)
    }

    #[tokio::test]
    async fn trust_reaches_ready_with_parameters_and_key() {
        let reply = b"R\0\0\0\x08\0\0\0\0S\0\0\0\x0aa\0bcd\0K\0\0\0\x0c\0\0\0\x07abcdZ\0\0\0\x05I";
        let startup = Startup {
            user: b"u".to_vec(),
            parameters: vec![(b"database".to_vec(), b"d".to_vec())],
            ..Startup::default()
        };
        let (result, sent) = against(reply, startup).await;
        let established = result.unwrap();
        assert_eq!(established.parameters["a"], b"bcd");
        assert_eq!(
            established.key,
            BackendKey {
                process_id: 7,
                secret: b"abcd".to_vec()
            }
        );
        assert!(!established.password_used);
        assert_eq!(&sent[4..8], &[0, 3, 0, 0]);
        assert_eq!(&sent[8..], b"user\0u\0database\0d\0\0");
    }

    #[tokio::test]
    async fn an_error_response_is_the_servers_refusal() {
        let reply = b"E\0\0\0\x17SFATAL\0C28000\0Mno\0\0";
        match against(reply, Startup::default()).await.0 {
            Err(StartupError::Server(error)) => assert_eq!(error.report(None), "FATAL:  no"),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_wanted_password_that_is_missing_is_told_apart() {
        let reply = b"R\0\0\0\x08\0\0\0\x03";
        let result = against(reply, Startup::default()).await.0;
        assert!(matches!(result, Err(StartupError::PasswordNeeded)), "{result:?}");
    }

    #[tokio::test]
    async fn a_server_too_old_for_the_wanted_protocol_is_refused() {
        let startup = Startup {
            max_protocol: PROTOCOL_3_2,
            min_protocol: PROTOCOL_3_2,
            ..Startup::default()
        };
        let result = against(b"v\0\0\0\x0c\0\x03\0\0\0\0\0\0", startup).await.0;
        assert!(matches!(result, Err(StartupError::Refused(_))), "{result:?}");
    }
}
