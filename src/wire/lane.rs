//! The raw lane: a session for scripts and COPY, without a parser per row and without prepared statements.
//!
//! A [`Lane`] owns the socket and the two buffers and keeps count of the answers the server still owes. The
//! conversations are each in a file of their own: `query`, `copy_out`, `copy_in`. After an error of the
//! server the lane is usable again; after a broken connection nothing is.

use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, BytesMut};
use tokio::io::AsyncWrite;
use tokio::task::JoinHandle;

use super::cancel::CancelToken;
use super::frame::{self, Fields, Frame, Inbox, invalid, tag};
use super::server_error::ServerError;
use super::startup::Established;
use super::stream::Stream;
use crate::error::{Error, ErrorKind};

/// Called for every notice and warning of a server.
pub type NoticeSink = Arc<dyn Fn(&ServerError) + Send + Sync>;

/// Whether a session is in a transaction, as of the last answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionStatus {
    /// No transaction is open.
    Idle,
    /// A transaction is open.
    InTransaction,
    /// A transaction is open and failed: only its end is accepted.
    Failed,
}

/// Why a conversation on a lane ended.
#[derive(Debug)]
pub enum LaneError {
    /// The server reported an error; the lane is usable again, unless the error was fatal.
    Server(Box<ServerError>),
    /// The connection or the protocol broke, or what was asked for was no COPY of that kind;
    /// [`Lane::is_broken`] tells whether the lane is of more use.
    Broken(Error),
}

impl From<LaneError> for Error {
    fn from(error: LaneError) -> Self {
        match error {
            LaneError::Server(error) => server_failure(&error),
            LaneError::Broken(error) => error,
        }
    }
}

impl From<Error> for LaneError {
    fn from(error: Error) -> Self {
        LaneError::Broken(error)
    }
}

impl From<Box<ServerError>> for LaneError {
    fn from(error: Box<ServerError>) -> Self {
        LaneError::Server(error)
    }
}

/// The crate's error for an error of the server: "message (SQLSTATE)" and what the server added.
fn server_failure(error: &ServerError) -> Error {
    let mut sentence = format!("{} ({})", error.message, error.sqlstate);
    for (label, text) in [
        ("DETAIL", &error.detail),
        ("HINT", &error.hint),
        ("CONTEXT", &error.context),
    ] {
        if let Some(text) = text {
            sentence.push_str(&format!("\n{label}:  {text}"));
        }
    }
    Error::new(ErrorKind::Server, sentence).sqlstate(&error.sqlstate)
}

/// A raw connection for scripts and COPY.
pub struct Lane {
    stream: Stream,
    pub(super) inbox: Inbox,
    /// Messages put together and not yet written.
    pub(super) out: BytesMut,
    parameters: HashMap<String, Vec<u8>>,
    notices: NoticeSink,
    /// Notices that are kept until it is known whether they are to be told.
    pub(super) held: Option<Held>,
    cancel: CancelToken,
    status: TransactionStatus,
    /// Statements sent whose answers nobody has collected yet.
    pub(super) owed: usize,
    /// What was left behind by a conversation dropped midway.
    pub(super) abandoned: Abandoned,
    broken: bool,
    /// See [`CopyOut::next`](super::CopyOut::next).
    pub(crate) may_nap: bool,
}

/// Notices that are kept back.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// The commands completed since then.
    pub(super) commands: usize,
    notices: Vec<(usize, ServerError)>,
}

/// See [`Lane::abandoned`].
#[derive(Debug, Default)]
pub(super) enum Abandoned {
    #[default]
    Nothing,
    /// A COPY OUT whose rows are still arriving, and the cancel request under way.
    CopyOut(Option<JoinHandle<io::Result<()>>>),
    /// A COPY IN that the server still waits for.
    CopyIn,
}

impl Lane {
    /// Makes a lane of a started session.
    pub fn new(mut established: Established, notices: NoticeSink) -> Lane {
        for notice in &established.notices {
            notices(notice);
        }
        let cancel = CancelToken::new(established.reopen.take(), established.key.clone());
        Lane {
            stream: established.stream,
            inbox: established.inbox,
            out: BytesMut::new(),
            parameters: established.parameters,
            notices,
            held: None,
            cancel,
            status: TransactionStatus::Idle,
            owed: 0,
            abandoned: Abandoned::Nothing,
            broken: false,
            may_nap: false,
        }
    }

    /// A setting the server reports, such as `server_version` or `client_encoding`, as of the last answer.
    pub fn parameter(&self, name: &str) -> Option<&[u8]> {
        self.parameters.get(name).map(Vec::as_slice)
    }

    /// For interrupting this lane's statement from elsewhere.
    pub fn cancel_token(&self) -> CancelToken {
        self.cancel.clone()
    }

    /// Whether a transaction is open, as of the last answer.
    pub fn transaction_status(&self) -> TransactionStatus {
        self.status
    }

    /// Keeps notices back from now on, until [`held_notices`](Self::held_notices).
    pub(crate) fn hold_notices(&mut self) {
        self.held = Some(Held::default());
    }

    /// The notices that were kept back, each with the number of commands that were complete when it came. From now on they
    /// are told again.
    pub(crate) fn held_notices(&mut self) -> Vec<(usize, ServerError)> {
        self.held.take().unwrap_or_default().notices
    }

    /// Tells a notice.
    pub(crate) fn tell_notice(&self, notice: &ServerError) {
        (self.notices)(notice);
    }

    /// Whether the connection is gone.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Says good-bye and closes the connection.
    pub async fn close(mut self) {
        if !self.broken && frame::put(&mut self.out, Some(b'X'), |_| {}).is_ok() {
            // The server ends the session either way; there is nobody left to tell of a failure.
            let _ = self.flush().await;
        }
        self.broken = true;
    }

    /// Marks the connection as lost and says how.
    pub(super) fn broke(&mut self, error: io::Error) -> Error {
        self.broken = true;
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                Error::new(ErrorKind::Connect, "server closed the connection unexpectedly")
            }
            io::ErrorKind::InvalidData => {
                Error::with_source(ErrorKind::Protocol, "lost synchronization with server", error)
            }
            _ => Error::with_source(ErrorKind::Connect, "the connection to the server failed", error),
        }
    }

    /// Writes all that is waiting in `out`, reading meanwhile whatever arrives: a server that waits for us
    /// to read would otherwise never read from us.
    pub(super) async fn flush(&mut self) -> Result<(), Error> {
        let done = poll_fn(|cx| self.poll_flush(cx)).await;
        done.map_err(|error| self.broke(error))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.out.has_remaining() {
            let written = poll_write_or_read(&mut self.stream, &mut self.inbox, &self.out, cx);
            let count = ready!(written)?;
            self.out.advance(count);
        }
        match Pin::new(&mut self.stream).poll_flush(cx) {
            // An encrypted stream keeps back what the socket does not take; the server may wait for us to read.
            Poll::Pending => match self.inbox.poll_fill(cx, &mut self.stream) {
                Poll::Ready(Ok(())) => {
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
                Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                Poll::Pending => Poll::Pending,
            },
            done => done,
        }
    }

    /// Writes `data` straight from the caller's memory, after what is waiting in `out`.
    pub(super) async fn write_through(&mut self, mut data: &[u8]) -> Result<(), Error> {
        // If the caller drops this future midway, the rest of a message is lost and so is the connection.
        self.broken = true;
        let done = poll_fn(|cx| {
            ready!(self.poll_flush(cx))?;
            while !data.is_empty() {
                let written = poll_write_or_read(&mut self.stream, &mut self.inbox, data, cx);
                let count = ready!(written)?;
                data = data.get(count..).unwrap_or_default();
            }
            Poll::Ready(Ok(()))
        });
        done.await.map_err(|error| self.broke(error))?;
        self.broken = false;
        Ok(())
    }

    /// Reads once without waiting for more than there is.
    pub(super) async fn read_available(&mut self) -> Result<(), Error> {
        let read = poll_fn(|cx| match self.inbox.poll_fill(cx, &mut self.stream) {
            Poll::Pending => Poll::Ready(Ok(())),
            ready => ready,
        });
        read.await.map_err(|error| self.broke(error))
    }

    /// Waits for more bytes.
    pub(super) async fn fill(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.inbox.poll_fill(cx, &mut self.stream))
            .await
            .map_err(|error| self.broke(error))
    }

    /// The next message that belongs to a conversation.
    pub(super) async fn next(&mut self) -> Result<Frame, Error> {
        loop {
            let taken = self.inbox.take().map_err(|error| self.broke(error))?;
            match taken {
                Some(frame) => {
                    if !self.aside(&frame)? {
                        return Ok(frame);
                    }
                }
                None => self.fill().await?,
            }
        }
    }

    /// Deals with a message that may come at any time; false if it belongs to the conversation.
    pub(super) fn aside(&mut self, frame: &Frame) -> Result<bool, Error> {
        match frame.tag {
            tag::NOTICE => {
                let notice = ServerError::parse(&frame.body).map_err(|error| self.broke(error))?;
                match &mut self.held {
                    Some(held) => held.notices.push((held.commands, notice)),
                    None => (self.notices)(&notice),
                }
            }
            tag::PARAMETER_STATUS => {
                let mut fields = Fields::new(&frame.body);
                let pair = (|| Ok((fields.cstr()?, fields.cstr()?)))();
                let (name, value) = pair.map_err(|error| self.broke(error))?;
                self.parameters
                    .insert(String::from_utf8_lossy(name).into_owned(), value.to_vec());
            }
            tag::NOTIFICATION => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Reads an ErrorResponse. After a fatal one the server closes the connection.
    pub(super) fn read_error(&mut self, frame: &Frame) -> Result<Box<ServerError>, Error> {
        let error = ServerError::parse(&frame.body).map_err(|error| self.broke(error))?;
        self.broken |= error.is_fatal();
        Ok(Box::new(error))
    }

    /// Notes a ReadyForQuery.
    pub(super) fn ready(&mut self, frame: &Frame) -> Result<(), Error> {
        self.status = match frame.body.first() {
            Some(b'I') => TransactionStatus::Idle,
            Some(b'T') => TransactionStatus::InTransaction,
            Some(b'E') => TransactionStatus::Failed,
            _ => return Err(self.unexpected(frame)),
        };
        Ok(())
    }

    /// A message that does not belong here.
    pub(super) fn unexpected(&mut self, frame: &Frame) -> Error {
        let what = format!(
            "unexpected message \"{}\" from the server",
            frame.tag.escape_ascii()
        );
        self.broke(invalid(what))
    }

    /// Puts a Query message into `out`.
    pub(super) fn put_query(&mut self, sql: &[u8]) -> Result<(), Error> {
        if self.broken {
            return Err(Error::new(ErrorKind::Connect, "no connection to the server"));
        }
        if memchr::memchr(0, sql).is_some() {
            return Err(Error::new(ErrorKind::Usage, "a statement contains a zero byte"));
        }
        frame::put(&mut self.out, Some(b'Q'), |out| {
            out.put_slice(sql);
            out.put_u8(0);
        })
        .map_err(|error| Error::with_source(ErrorKind::Usage, "a statement cannot be sent", error))
    }

    /// Brings the lane back to rest after a conversation that was dropped midway.
    pub(super) async fn settle(&mut self) -> Result<(), Error> {
        match std::mem::take(&mut self.abandoned) {
            Abandoned::Nothing => return Ok(()),
            Abandoned::CopyOut(cancelling) => {
                if let Some(cancelling) = cancelling {
                    // Until the request has been served, it could hit the next statement. If it failed,
                    // the rest of the rows arrive, and are read away all the same.
                    let _ = cancelling.await;
                }
            }
            Abandoned::CopyIn => {
                self.put_copy_fail("the sender gave up");
                self.flush().await?;
            }
        }
        loop {
            let frame = self.next().await?;
            match frame.tag {
                tag::READY => return self.ready(&frame),
                tag::ERROR => {
                    let error = self.read_error(&frame)?;
                    if error.is_fatal() {
                        return Err(server_failure(&error));
                    }
                }
                _ => {}
            }
        }
    }

    /// Puts a CopyFail message into `out`.
    pub(super) fn put_copy_fail(&mut self, reason: &str) {
        let reason: Vec<u8> = reason.bytes().filter(|b| *b != 0).collect();
        // Only a message of 2 GB could be refused.
        let _ = frame::put(&mut self.out, Some(b'f'), |out| {
            out.put_slice(&reason);
            out.put_u8(0);
        });
    }
}

/// Writes what the socket takes; while it takes nothing, reads into `inbox`.
fn poll_write_or_read(
    stream: &mut Stream,
    inbox: &mut Inbox,
    data: &[u8],
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let failure = match Pin::new(&mut *stream).poll_write(cx, data) {
        Poll::Ready(Ok(count)) if count > 0 => return Poll::Ready(Ok(count)),
        Poll::Ready(Ok(_)) => Some(io::ErrorKind::BrokenPipe.into()),
        Poll::Ready(Err(error)) => Some(error),
        Poll::Pending => None,
    };
    // Either the socket is full, or gone: then reading ends soon, perhaps after the server's reason for it.
    loop {
        match inbox.poll_fill(cx, stream) {
            Poll::Ready(Ok(())) => {}
            Poll::Pending => return Poll::Pending,
            // The conversation goes on to find the reason in the inbox, and then the end of the connection.
            Poll::Ready(Err(_)) if !inbox.buf.is_empty() => return Poll::Ready(Ok(data.len())),
            Poll::Ready(Err(error)) => return Poll::Ready(Err(failure.unwrap_or(error))),
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        // Without this the server logs an end of file in the middle of a transaction.
        let idle = self.out.is_empty() && matches!(self.abandoned, Abandoned::Nothing);
        if !self.broken && idle {
            self.stream.try_send(b"X\0\0\0\x04");
        }
    }
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lane")
            .field("cancel", &self.cancel)
            .field("status", &self.status)
            .field("owed", &self.owed)
            .field("broken", &self.broken)
            .finish_non_exhaustive()
    }
}
