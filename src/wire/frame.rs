//! Messages on the wire: one tag byte, a length that counts itself, a body.
//!
//! [`Inbox`] owns the bytes that were read and not yet understood; [`Fields`] walks a body without
//! ever indexing past its end. What the messages mean is decided by whoever asks for them.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::stream::Stream;

/// Room asked for before each read: large enough that COPY costs few system calls.
pub(crate) const READ_CHUNK: usize = 256 * 1024;

/// Tags of the messages a server sends.
pub(crate) mod tag {
    pub(crate) const AUTHENTICATION: u8 = b'R';
    pub(crate) const BACKEND_KEY: u8 = b'K';
    pub(crate) const COMMAND_COMPLETE: u8 = b'C';
    pub(crate) const COPY_DATA: u8 = b'd';
    pub(crate) const COPY_DONE: u8 = b'c';
    pub(crate) const COPY_IN: u8 = b'G';
    pub(crate) const COPY_OUT: u8 = b'H';
    pub(crate) const DATA_ROW: u8 = b'D';
    pub(crate) const EMPTY_QUERY: u8 = b'I';
    pub(crate) const ERROR: u8 = b'E';
    pub(crate) const NEGOTIATE_VERSION: u8 = b'v';
    pub(crate) const NOTICE: u8 = b'N';
    pub(crate) const NOTIFICATION: u8 = b'A';
    pub(crate) const PARAMETER_STATUS: u8 = b'S';
    pub(crate) const READY: u8 = b'Z';
    pub(crate) const ROW_DESCRIPTION: u8 = b'T';
}

/// One whole message: its tag and its body.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) tag: u8,
    pub(crate) body: Bytes,
}

/// Tag and body length of the message that begins `buf`, once its five header bytes are there.
pub(crate) fn header(buf: &[u8]) -> io::Result<Option<(u8, usize)>> {
    let Some((&[tag, a, b, c, d], _)) = buf.split_first_chunk::<5>() else {
        return Ok(None);
    };
    match u32::from_be_bytes([a, b, c, d]) {
        length @ 4..=0x7fff_ffff => Ok(Some((tag, length as usize - 4))),
        length => Err(invalid(format!(
            "message \"{}\" has length {length}",
            tag.escape_ascii()
        ))),
    }
}

/// An error for bytes that break the protocol.
pub(crate) fn invalid(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

/// Bytes that arrived and are not consumed yet.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    pub(crate) buf: BytesMut,
}

impl Inbox {
    /// Takes one message if all of it is here.
    pub(crate) fn take(&mut self) -> io::Result<Option<Frame>> {
        let Some((tag, length)) = header(&self.buf)? else {
            return Ok(None);
        };
        if self.buf.len() < 5 + length {
            // The rest of a long message is read into one allocation, not by doubling.
            self.buf.reserve(5 + length - self.buf.len());
            return Ok(None);
        }
        self.buf.advance(5);
        Ok(Some(Frame {
            tag,
            body: self.buf.split_to(length).freeze(),
        }))
    }

    /// Reads what the stream has, at least one byte; end of file is an error.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>, stream: &mut Stream) -> Poll<io::Result<()>> {
        if self.buf.capacity() - self.buf.len() < READ_CHUNK / 8 {
            // Asking for no more than one chunk in all lets the buffer take back the memory of pieces
            // that were split off it and dropped since.
            let wanted = if self.buf.len() < READ_CHUNK / 2 {
                READ_CHUNK - self.buf.len()
            } else {
                READ_CHUNK
            };
            self.buf.reserve(wanted);
        }
        let mut room = (&mut self.buf).limit(READ_CHUNK);
        match poll_read_buf(Pin::new(stream), cx, &mut room) {
            Poll::Ready(Ok(0)) => Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
            Poll::Ready(Ok(_)) => Poll::Ready(Ok(())),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// The next message, reading as needed.
    pub(crate) async fn next(&mut self, stream: &mut Stream) -> io::Result<Frame> {
        loop {
            if let Some(frame) = self.take()? {
                return Ok(frame);
            }
            poll_fn(|cx| self.poll_fill(cx, stream)).await?;
        }
    }
}

/// One read into the spare capacity of `buf`, without zeroing it first.
fn poll_read_buf(
    stream: Pin<&mut Stream>,
    cx: &mut Context<'_>,
    buf: &mut impl BufMut,
) -> Poll<io::Result<usize>> {
    let mut read = std::pin::pin!(tokio::io::AsyncReadExt::read_buf(stream.get_mut(), buf));
    std::future::Future::poll(read.as_mut(), cx)
}

/// A cursor over a message body; every step checks that the bytes are there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn new(body: &'a [u8]) -> Self {
        Fields { rest: body }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn u8(&mut self) -> io::Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn i16(&mut self) -> io::Result<i16> {
        Ok(i16::from_be_bytes(self.array()?))
    }

    pub(crate) fn i32(&mut self) -> io::Result<i32> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    pub(crate) fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let (head, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or_else(|| invalid("a message is too short"))?;
        self.rest = rest;
        Ok(*head)
    }

    pub(crate) fn bytes(&mut self, length: usize) -> io::Result<&'a [u8]> {
        let (head, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or_else(|| invalid("a message is too short"))?;
        self.rest = rest;
        Ok(head)
    }

    /// The bytes before the next zero byte, which is skipped.
    pub(crate) fn cstr(&mut self) -> io::Result<&'a [u8]> {
        let end = memchr::memchr(0, self.rest).ok_or_else(|| invalid("a string in a message has no end"))?;
        let string = self.bytes(end)?;
        self.u8()?;
        Ok(string)
    }
}

/// Appends a message whose body `write` produces, filling in the length afterwards.
pub(crate) fn put(buf: &mut BytesMut, tag: Option<u8>, write: impl FnOnce(&mut BytesMut)) -> io::Result<()> {
    let begin = buf.len();
    if let Some(tag) = tag {
        buf.put_u8(tag);
    }
    let at = buf.len();
    buf.put_i32(0);
    write(buf);
    let Ok(length) = i32::try_from(buf.len() - at) else {
        buf.truncate(begin);
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "a message of 2 GB or more cannot be sent",
        ));
    };
    if let Some(slot) = buf.get_mut(at..at + 4) {
        slot.copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inbox(bytes: &[u8]) -> Inbox {
        Inbox {
            buf: BytesMut::from(bytes),
        }
    }

    #[test]
    fn a_message_is_taken_only_when_whole() {
        let mut part = inbox(b"Z\0\0\0\x05");
        assert!(part.take().unwrap().is_none());
        part.buf.put_u8(b'I');
        let frame = part.take().unwrap().unwrap();
        assert_eq!((frame.tag, &frame.body[..]), (b'Z', &b"I"[..]));
        assert!(part.buf.is_empty());
    }

    #[test]
    fn a_length_below_four_or_negative_is_refused() {
        assert!(inbox(b"Z\0\0\0\x03I").take().is_err());
        assert!(inbox(b"Z\xff\xff\xff\xffI").take().is_err());
    }

    #[test]
    fn fields_never_run_past_the_end() {
        let mut fields = Fields::new(b"ab\0\x00");
        assert_eq!(fields.cstr().unwrap(), b"ab");
        assert!(fields.clone().i16().is_err());
        assert!(fields.clone().bytes(2).is_err());
        assert_eq!(fields.cstr().unwrap(), b"");
        assert!(fields.cstr().is_err());
    }

    #[test]
    fn put_fills_in_the_length() {
        let mut buf = BytesMut::new();
        put(&mut buf, Some(b'Q'), |b| b.put_slice(b"x\0")).unwrap();
        assert_eq!(&buf[..], b"Q\0\0\0\x06x\0");
    }
}
