//! Gives tokio-postgres a session that `wire` has already started.
//!
//! tokio-postgres insists on its own start-up, which knows fewer passwords, settings and errors than
//! libpq. So the session is started by `wire`, and a [`Handover`] swallows tokio-postgres' start-up packet
//! and plays back the server's welcome. After that it is transparent.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::wire::{Established, Stream};

/// A started session that looks like one yet to be started.
pub(super) struct Handover {
    stream: Stream,
    /// Still to be read before the stream: the welcome, then what the server sent after its own.
    welcome: BytesMut,
    /// Of the start-up packet: its length field as far as it was seen, and what is left to swallow.
    length: [u8; 4],
    seen: usize,
    left: usize,
}

impl Handover {
    /// A welcome without parameters: the session keeps those itself, as bytes.
    pub(super) fn new(stream: Stream, unread: &[u8]) -> Self {
        let mut welcome = BytesMut::from(&b"R\0\0\0\x08\0\0\0\0K\0\0\0\x0c\0\0\0\0\0\0\0\0Z\0\0\0\x05I"[..]);
        welcome.extend_from_slice(unread);
        Handover {
            stream,
            welcome,
            length: [0; 4],
            seen: 0,
            left: 0,
        }
    }

    /// How much of `buf` belongs to the start-up packet.
    fn swallow(&mut self, buf: &[u8]) -> usize {
        let mut taken = 0;
        for byte in buf {
            let Some(slot) = self.length.get_mut(self.seen) else {
                break;
            };
            *slot = *byte;
            self.seen += 1;
            taken += 1;
            if self.seen == self.length.len() {
                self.left = (u32::from_be_bytes(self.length) as usize).saturating_sub(4);
            }
        }
        let body = self.left.min(buf.len() - taken);
        self.left -= body;
        taken + body
    }
}

impl From<Established> for Handover {
    fn from(established: Established) -> Self {
        let (stream, unread) = established.into_parts();
        Handover::new(stream, &unread)
    }
}

impl AsyncRead for Handover {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.welcome.is_empty() {
            return Pin::new(&mut this.stream).poll_read(cx, buf);
        }
        let length = this.welcome.len().min(buf.remaining());
        buf.put_slice(this.welcome.get(..length).unwrap_or_default());
        this.welcome.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Handover {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match this.swallow(buf) {
            0 => Pin::new(&mut this.stream).poll_write(cx, buf),
            taken => Poll::Ready(Ok(taken)),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn the_startup_packet_is_swallowed_however_it_is_cut() {
        for cut in 1..9 {
            let (ours, mut theirs) = tokio::io::duplex(1024);
            let mut handover = Handover::new(Stream::Boxed(Box::new(ours)), b"more");
            let (first, second) = b"\0\0\0\x09\0\x03\0\0\0Q...".split_at(cut);
            handover.write_all(first).await.unwrap();
            handover.write_all(second).await.unwrap();
            let mut got = [0; 4];
            theirs.read_exact(&mut got).await.unwrap();
            assert_eq!(&got, b"Q...");
            let mut welcome = vec![0; 32];
            handover.read_exact(&mut welcome).await.unwrap();
            assert_eq!(&welcome[28..], b"more");
        }
    }
}
