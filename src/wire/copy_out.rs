//! COPY OUT on a lane: the rows of a table in large pieces, headers of the protocol stripped in place.
//!
//! Each CopyData message of the server is one row of the text format; rows are counted and never looked
//! at. A [`CopyOut`] dropped before its end cancels the statement.

use std::time::Duration;

use bytes::{Buf, BytesMut};

use super::frame::{self, READ_CHUNK, tag};
use super::lane::{Abandoned, Lane, LaneError};
use super::query::{affected, command_tag};
use super::server_error::ServerError;
use crate::error::{Error, ErrorKind};

/// A piece is handed out when it has at least this many bytes, or when the rows end.
const PIECE: usize = READ_CHUNK / 2;

/// Reads that bring less than this are a sign that the server is slower than we are.
const SHORT_READ: usize = 64 << 10;
/// How long a lane that may do so sleeps after a short read; systems make it a little longer. In that time a server
/// fills less than its socket holds.
const NAP: Duration = Duration::from_micros(20);

/// The rows of a running `COPY … TO STDOUT`.
#[derive(Debug)]
pub struct CopyOut<'a> {
    lane: &'a mut Lane,
    /// What of the inbox is stripped and not handed out; kept here so that a caller may drop the future of
    /// [`next`](Self::next) and ask again.
    strip: Strip,
    rows: u64,
    done: bool,
    /// The last read brought little.
    was_short: bool,
}

impl Lane {
    /// Starts `COPY … TO STDOUT`.
    ///
    /// # Errors
    /// When the server refuses, or the statement is something else.
    pub async fn copy_out(&mut self, sql: &[u8]) -> Result<CopyOut<'_>, LaneError> {
        self.begin(sql).await?;
        self.flush().await?;
        loop {
            let frame = self.next().await?;
            match frame.tag {
                tag::COPY_OUT => {
                    return Ok(CopyOut {
                        lane: self,
                        strip: Strip::default(),
                        rows: 0,
                        done: false,
                        was_short: false,
                    });
                }
                tag::COMMAND_COMPLETE | tag::ROW_DESCRIPTION | tag::DATA_ROW | tag::EMPTY_QUERY => {}
                tag::ERROR => {
                    let error = self.read_error(&frame)?;
                    return Err(self.after_error(error).await);
                }
                tag::READY => {
                    self.ready(&frame)?;
                    return Err(Error::new(ErrorKind::Usage, "the statement is no COPY to STDOUT").into());
                }
                tag::COPY_IN => {
                    self.put_copy_fail("COPY TO STDOUT was expected");
                    self.flush().await?;
                }
                _ => return Err(self.unexpected(&frame).into()),
            }
        }
    }

    /// Reads what follows an error, up to ReadyForQuery, and returns the error.
    pub(super) async fn after_error(&mut self, error: Box<ServerError>) -> LaneError {
        while !self.is_broken() {
            match self.next().await {
                Ok(frame) if frame.tag == tag::READY => {
                    if let Err(error) = self.ready(&frame) {
                        return error.into();
                    }
                    break;
                }
                Ok(_) => {}
                // The error itself says more than the closing that followed it.
                Err(_) => break,
            }
        }
        LaneError::Server(error)
    }
}

impl CopyOut<'_> {
    /// The next rows, always whole ones; `None` after the last.
    ///
    /// A piece has 128 KB or more, except the last and those before a notice. A caller that drops each
    /// piece before asking for the next makes the lane reuse its memory.
    ///
    /// # Errors
    /// When the server fails in the middle, or the connection breaks. There are no rows after an error.
    pub async fn next(&mut self) -> Result<Option<BytesMut>, LaneError> {
        if self.done {
            return Ok(None);
        }
        loop {
            let whole = self.strip.advance(&mut self.lane.inbox.buf);
            let state = whole.map_err(|error| self.lane.broke(error))?;
            match state {
                State::Starved if self.strip.kept < PIECE => self.fill().await?,
                State::Starved => return Ok(Some(self.hand_out())),
                State::Other if self.strip.kept > 0 => return Ok(Some(self.hand_out())),
                State::Other => {
                    let frame = self.lane.next().await?;
                    match frame.tag {
                        tag::COPY_DONE => return self.finish().await.map(|()| None),
                        tag::ERROR => {
                            self.done = true;
                            let error = self.lane.read_error(&frame)?;
                            return Err(self.lane.after_error(error).await);
                        }
                        // A row that came behind a notice.
                        tag::COPY_DATA => {
                            self.rows += 1;
                            return Ok(Some(BytesMut::from(frame.body)));
                        }
                        _ => return Err(self.lane.unexpected(&frame).into()),
                    }
                }
            }
        }
    }

    /// Rows handed out so far; all of them once [`next`](Self::next) has returned `None`.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Waits for more bytes.
    ///
    /// A server that is slower than its reader writes 8 kB and wakes the reader, which takes them and falls asleep
    /// again; where both are on one machine this may cost either of them more than all else. So, where
    /// the lane's thread may be blocked, bytes are left to gather for a moment.
    async fn fill(&mut self) -> Result<(), LaneError> {
        if self.lane.may_nap && self.was_short {
            std::thread::sleep(NAP);
        }
        let before = self.lane.inbox.buf.len();
        self.lane.fill().await?;
        let read = self.lane.inbox.buf.len() - before;
        // The first read of a small table has all of it, and is no sign.
        self.was_short = read < SHORT_READ;
        Ok(())
    }

    /// Splits the stripped rows off the inbox.
    fn hand_out(&mut self) -> BytesMut {
        let strip = std::mem::take(&mut self.strip);
        self.rows += strip.rows;
        let buf = &mut self.lane.inbox.buf;
        let piece = buf.split_to(strip.kept);
        buf.advance(strip.seen - strip.kept);
        if piece.len() > 4 * READ_CHUNK {
            // One huge row must not keep its memory for the rest of the session.
            *buf = BytesMut::from(&buf[..]);
        }
        piece
    }

    /// Reads from CopyDone to ReadyForQuery.
    async fn finish(&mut self) -> Result<(), LaneError> {
        self.done = true;
        loop {
            let frame = self.lane.next().await?;
            match frame.tag {
                tag::COMMAND_COMPLETE => {
                    let told = affected(&command_tag(&frame));
                    if told != self.rows {
                        let sentence = format!(
                            "the server sent {} rows in COPY and says that there were {told}",
                            self.rows
                        );
                        let lost = self.lane.broke(frame::invalid(sentence));
                        return Err(lost.into());
                    }
                }
                tag::ERROR => {
                    let error = self.lane.read_error(&frame)?;
                    return Err(self.lane.after_error(error).await);
                }
                tag::READY => return Ok(self.lane.ready(&frame)?),
                _ => {}
            }
        }
    }
}

impl Drop for CopyOut<'_> {
    fn drop(&mut self) {
        if self.done || self.lane.is_broken() {
            return;
        }
        self.lane.inbox.buf.advance(self.strip.seen);
        let token = self.lane.cancel_token();
        let cancelling = tokio::runtime::Handle::try_current()
            .ok()
            .map(|runtime| runtime.spawn(async move { token.cancel().await }));
        self.lane.abandoned = Abandoned::CopyOut(cancelling);
    }
}

/// Strips the headers of CopyData messages inside the inbox: rows move to the front of it, one behind the other.
#[derive(Debug, Default)]
struct Strip {
    /// Bytes of rows at the front.
    kept: usize,
    /// Where the first message begins that has not been looked at.
    seen: usize,
    rows: u64,
}

/// Why stripping stopped.
#[derive(Debug, PartialEq, Eq)]
enum State {
    /// The bytes ran out.
    Starved,
    /// The next message is no CopyData.
    Other,
}

impl Strip {
    fn advance(&mut self, buf: &mut BytesMut) -> std::io::Result<State> {
        while let Some((kind, length)) = frame::header(buf.get(self.seen..).unwrap_or_default())? {
            if kind != tag::COPY_DATA {
                if self.kept == 0 {
                    // Only empty rows, or none, came before: let the message stand first.
                    buf.advance(self.seen);
                    self.seen = 0;
                }
                return Ok(State::Other);
            }
            let begin = self.seen + 5;
            let end = begin + length;
            if buf.len() < end {
                buf.reserve(end - buf.len());
                return Ok(State::Starved);
            }
            buf.copy_within(begin..end, self.kept);
            self.kept += length;
            self.seen = end;
            self.rows += 1;
        }
        Ok(State::Starved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::testing::lane_against;
    use bytes::BufMut;

    fn rows(count: usize, length: usize) -> BytesMut {
        let mut reply = BytesMut::from(&b"H\0\0\0\x07\0\0\0"[..]);
        for i in 0..count {
            frame::put(&mut reply, Some(b'd'), |out| {
                out.put_bytes(b'a' + (i % 26) as u8, length)
            })
            .unwrap();
        }
        reply
    }

    fn end(reply: &mut BytesMut, count: usize) {
        reply.put_slice(b"c\0\0\0\x04");
        frame::put(reply, Some(b'C'), |out| {
            out.put_slice(format!("COPY {count}\0").as_bytes())
        })
        .unwrap();
        reply.put_slice(b"Z\0\0\0\x05I");
    }

    async fn all(lane: &mut Lane) -> (Vec<u8>, u64) {
        let mut copy = lane.copy_out(b"COPY t TO STDOUT").await.unwrap();
        let mut data = Vec::new();
        while let Some(piece) = copy.next().await.unwrap() {
            assert!(!piece.is_empty());
            data.extend_from_slice(&piece);
        }
        (data, copy.rows())
    }

    #[tokio::test]
    async fn rows_come_out_joined_and_counted() {
        for (count, length) in [(0, 1), (3, 5), (10_000, 100), (7, 300_000)] {
            let mut reply = rows(count, length);
            end(&mut reply, count);
            let (mut lane, _server) = lane_against(&reply).await;
            let (data, told) = all(&mut lane).await;
            assert_eq!(told, count as u64);
            let expected: Vec<u8> = (0..count)
                .flat_map(|i| vec![b'a' + (i % 26) as u8; length])
                .collect();
            assert!(data == expected, "{count} rows of {length} bytes");
        }
    }

    #[tokio::test]
    async fn notices_between_rows_do_not_disturb_them() {
        let mut reply = rows(2, 3);
        reply.put_slice(b"N\0\0\0\x1aSWARNING\0C01000\0Mhey\0\0");
        reply.put_slice(b"d\0\0\0\x07xyz");
        end(&mut reply, 3);
        let (mut lane, _server) = lane_against(&reply).await;
        assert_eq!(all(&mut lane).await, (b"aaabbbxyz".to_vec(), 3));
    }

    #[tokio::test]
    async fn an_error_in_the_middle_leaves_the_lane_usable() {
        let mut reply = rows(1, 3);
        reply.put_slice(b"E\0\0\0\x17SERROR\0C57014\0Mno\0\0Z\0\0\0\x05I");
        reply.put_slice(b"C\0\0\0\x0aBEGIN\0Z\0\0\0\x05T");
        let (mut lane, _server) = lane_against(&reply).await;
        let mut copy = lane.copy_out(b"COPY t TO STDOUT").await.unwrap();
        assert_eq!(copy.next().await.unwrap().unwrap(), b"aaa"[..]);
        assert!(matches!(copy.next().await, Err(LaneError::Server(e)) if e.sqlstate == "57014"));
        drop(copy);
        assert_eq!(lane.simple(b"BEGIN").await.unwrap().tags, ["BEGIN"]);
    }

    #[tokio::test]
    async fn a_row_count_that_differs_is_an_error() {
        let mut reply = rows(2, 3);
        end(&mut reply, 3);
        let (mut lane, _server) = lane_against(&reply).await;
        let mut copy = lane.copy_out(b"COPY t TO STDOUT").await.unwrap();
        copy.next().await.unwrap();
        assert!(copy.next().await.is_err());
    }

    #[tokio::test]
    async fn rows_left_unread_are_passed_over_by_the_next_statement() {
        let mut reply = rows(5, 3);
        end(&mut reply, 5);
        reply.put_slice(b"C\0\0\0\x0aBEGIN\0Z\0\0\0\x05T");
        let (mut lane, _server) = lane_against(&reply).await;
        drop(lane.copy_out(b"COPY t TO STDOUT").await.unwrap());
        assert_eq!(lane.simple(b"BEGIN").await.unwrap().tags, ["BEGIN"]);
    }
}
