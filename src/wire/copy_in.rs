//! COPY IN on a lane: bytes go to the server as they come, and its objections come back at once.
//!
//! While data is written the lane also reads, so an error of row 1 ends the sending there and not after
//! the last row. A [`CopyIn`] dropped before [`finish`](CopyIn::finish) is failed, and no row stays.

use bytes::BufMut;

use super::frame::{self, tag};
use super::lane::{Abandoned, Lane, LaneError};
use super::query::{affected, command_tag};
use crate::error::{Error, ErrorKind};

/// Data is cut into messages of this size: the server holds one whole in memory.
const MESSAGE: usize = 128 * 1024;

/// Pieces below this size are joined, larger ones are written straight from the caller's memory.
const JOIN: usize = 16 * 1024;

/// A running `COPY … FROM STDIN`.
#[derive(Debug)]
pub struct CopyIn<'a> {
    lane: &'a mut Lane,
    done: bool,
}

impl Lane {
    /// Starts `COPY … FROM STDIN`; other statements may stand before it in the same text.
    ///
    /// # Errors
    /// When the server refuses, or the statement is something else.
    pub async fn copy_in(&mut self, sql: &[u8]) -> Result<CopyIn<'_>, LaneError> {
        self.begin(sql).await?;
        self.flush().await?;
        loop {
            let frame = self.next().await?;
            match frame.tag {
                tag::COPY_IN => {
                    return Ok(CopyIn {
                        lane: self,
                        done: false,
                    });
                }
                tag::COMMAND_COMPLETE | tag::ROW_DESCRIPTION | tag::DATA_ROW | tag::EMPTY_QUERY => {}
                // Of a COPY TO STDOUT, whose rows nobody wants.
                tag::COPY_OUT | tag::COPY_DATA | tag::COPY_DONE => {}
                tag::ERROR => {
                    let error = self.read_error(&frame)?;
                    return Err(self.after_error(error).await);
                }
                tag::READY => {
                    self.ready(&frame)?;
                    return Err(Error::new(ErrorKind::Usage, "the statement is no COPY from STDIN").into());
                }
                _ => return Err(self.unexpected(&frame).into()),
            }
        }
    }
}

impl CopyIn<'_> {
    /// Sends data; rows may be cut anywhere.
    ///
    /// # Errors
    /// When the server has objected to this or earlier data, or the connection breaks. The COPY is over then.
    pub async fn send(&mut self, data: &[u8]) -> Result<(), LaneError> {
        if self.done {
            return Err(Error::new(ErrorKind::Usage, "data was sent after the end of a COPY").into());
        }
        for message in data.chunks(MESSAGE) {
            let length = message.len() as u32 + 4;
            self.lane.out.put_u8(tag::COPY_DATA);
            self.lane.out.put_u32(length);
            if message.len() < JOIN {
                self.lane.out.put_slice(message);
                if self.lane.out.len() < 4 * JOIN {
                    continue;
                }
                self.lane.flush().await?;
            } else {
                self.lane.write_through(message).await?;
            }
            self.check().await?;
        }
        Ok(())
    }

    /// Ends the data and waits for the server; returns the number of rows it took.
    ///
    /// # Errors
    /// When the server objects to a row or a constraint, or the connection breaks.
    pub async fn finish(mut self) -> Result<u64, LaneError> {
        frame::put(&mut self.lane.out, Some(b'c'), |_| {}).map_err(|error| self.lane.broke(error))?;
        self.done = true;
        self.lane.flush().await?;
        let mut rows = 0;
        loop {
            let frame = self.lane.next().await?;
            match frame.tag {
                tag::COMMAND_COMPLETE => rows = affected(&command_tag(&frame)),
                tag::READY => {
                    self.lane.ready(&frame)?;
                    return Ok(rows);
                }
                tag::ERROR => {
                    let error = self.lane.read_error(&frame)?;
                    return Err(self.lane.after_error(error).await);
                }
                // Results of statements that stand behind the COPY.
                tag::ROW_DESCRIPTION | tag::DATA_ROW | tag::EMPTY_QUERY => {}
                _ => return Err(self.lane.unexpected(&frame).into()),
            }
        }
    }

    /// Gives up: the server drops the rows and fails the statement with `reason`, which is not an error here.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn abort(mut self, reason: &str) -> Result<(), Error> {
        self.done = true;
        self.lane.put_copy_fail(reason);
        self.lane.flush().await?;
        self.lane.owed += 1;
        self.lane.receive(false).await.map(|_| ())
    }

    /// Looks whether the server has objected.
    async fn check(&mut self) -> Result<(), LaneError> {
        // A server that went away may have said why: that is looked at before the end of the connection.
        let read = self.lane.read_available().await;
        while let Some(frame) = self.lane.inbox.take().map_err(|error| self.lane.broke(error))? {
            if self.lane.aside(&frame)? {
                continue;
            }
            self.done = true;
            if frame.tag != tag::ERROR {
                return Err(self.lane.unexpected(&frame).into());
            }
            let error = self.lane.read_error(&frame)?;
            // The server passes over data that is still on its way; the message begun must be completed.
            if !self.lane.is_broken() {
                self.lane.flush().await?;
            }
            return Err(self.lane.after_error(error).await);
        }
        Ok(read?)
    }
}

impl Drop for CopyIn<'_> {
    fn drop(&mut self) {
        if !self.done && !self.lane.is_broken() {
            self.lane.abandoned = Abandoned::CopyIn;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::testing::lane_against;
    use tokio::io::AsyncReadExt;

    const COPY_IN: &[u8] = b"G\0\0\0\x07\0\0\0";

    #[tokio::test]
    async fn data_arrives_in_messages_and_the_rows_are_counted() {
        let reply = [COPY_IN, b"C\0\0\0\x0bCOPY 2\0Z\0\0\0\x05I"].concat();
        let (mut lane, mut server) = lane_against(&reply).await;
        // The canned answer is there before the data; only the end may look at it.
        let mut copy = lane.copy_in(b"COPY t FROM STDIN").await.unwrap();
        copy.send(b"1\n").await.unwrap();
        copy.send(b"2\n").await.unwrap();
        assert_eq!(copy.finish().await.unwrap(), 2);
        let mut sent = vec![0; 23 + 7 + 7 + 5];
        server.read_exact(&mut sent).await.unwrap();
        assert_eq!(&sent[23..], b"d\0\0\0\x061\nd\0\0\0\x062\nc\0\0\0\x04");
    }

    #[tokio::test]
    async fn an_objection_ends_the_sending_at_once() {
        let reply = [
            COPY_IN,
            b"E\0\0\0\x17SERROR\0C22P04\0Mno\0\0Z\0\0\0\x05I",
            b"C\0\0\0\x0aBEGIN\0Z\0\0\0\x05T",
        ];
        let (mut lane, _server) = lane_against(&reply.concat()).await;
        let mut copy = lane.copy_in(b"COPY t FROM STDIN").await.unwrap();
        let error = copy.send(&vec![b'x'; 200_000]).await.unwrap_err();
        assert!(matches!(error, LaneError::Server(e) if e.sqlstate == "22P04"));
        assert!(copy.send(b"more").await.is_err());
        drop(copy);
        assert_eq!(lane.simple(b"BEGIN").await.unwrap().tags, ["BEGIN"]);
    }

    #[tokio::test]
    async fn a_copy_dropped_midway_is_failed_before_the_next_statement() {
        let reply = [
            COPY_IN,
            b"E\0\0\0\x17SERROR\0C57014\0Mno\0\0Z\0\0\0\x05I",
            b"C\0\0\0\x0aBEGIN\0Z\0\0\0\x05T",
        ];
        let (mut lane, mut server) = lane_against(&reply.concat()).await;
        drop(lane.copy_in(b"COPY t FROM STDIN").await.unwrap());
        assert_eq!(lane.simple(b"BEGIN").await.unwrap().tags, ["BEGIN"]);
        let mut sent = vec![0; 24];
        server.read_exact(&mut sent).await.unwrap();
        assert_eq!(sent[23], b'f');
    }
}
