//! Simple queries on a lane: one at a time, or many sent ahead and their answers collected in order.

use bstr::BString;

use super::frame::{Fields, Frame, tag};
use super::lane::{Lane, LaneError, TransactionStatus};
use super::server_error::ServerError;
use crate::error::{Error, ErrorKind};

/// Bytes of statements gathered before they are written.
const SEND_CHUNK: usize = 64 * 1024;

/// What became of one Query message, which may hold several statements.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The command tags of the statements that succeeded, in order.
    pub tags: Vec<String>,
    /// The error that stopped the message; it struck statement number `tags.len()`, counted from 0.
    pub error: Option<Box<ServerError>>,
    /// The rows of all statements, as text, if they were asked for.
    pub rows: Vec<Vec<Option<BString>>>,
    /// Whether a transaction is open afterwards.
    pub status: TransactionStatus,
}

impl Outcome {
    /// The outcome, or the server's error with `what` before it.
    ///
    /// # Errors
    /// If a statement failed.
    pub fn check(self, what: &str) -> Result<Outcome, Error> {
        match self.error {
            Some(error) => Err(Error::from(LaneError::Server(error)).context(what)),
            None => Ok(self),
        }
    }
}

impl Lane {
    /// Runs one or more statements and waits for all of them; rows are passed over.
    ///
    /// # Errors
    /// Only when the connection breaks: what the server objects to is in the [`Outcome`].
    pub async fn simple(&mut self, sql: &[u8]) -> Result<Outcome, Error> {
        self.begin(sql).await?;
        self.owed += 1;
        self.flush().await?;
        self.receive(false).await
    }

    /// Like [`simple`](Self::simple), and keeps the rows.
    ///
    /// # Errors
    /// See [`simple`](Self::simple).
    pub async fn rows(&mut self, sql: &[u8]) -> Result<Outcome, Error> {
        self.begin(sql).await?;
        self.owed += 1;
        self.flush().await?;
        self.receive(true).await
    }

    /// Sends a Query message without waiting for its answer, which [`recv_result`](Self::recv_result) collects.
    ///
    /// Small messages are gathered; they leave at the latest when an answer is asked for. Each message is a
    /// transaction of its own unless it opens one. Do not send `COPY … FROM STDIN` this way.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn send_query(&mut self, sql: &[u8]) -> Result<(), Error> {
        self.settle().await?;
        self.put_query(sql)?;
        self.owed += 1;
        if self.out.len() >= SEND_CHUNK {
            self.flush().await
        } else {
            Ok(())
        }
    }

    /// How many answers can be collected.
    pub fn results_owed(&self) -> usize {
        self.owed
    }

    /// The answer to the oldest message not yet answered.
    ///
    /// # Errors
    /// When the connection breaks, or nothing was sent.
    pub async fn recv_result(&mut self) -> Result<Outcome, Error> {
        if self.owed == 0 {
            return Err(Error::new(
                ErrorKind::Usage,
                "no statement is waiting for a result",
            ));
        }
        self.flush().await?;
        self.receive(false).await
    }

    /// Puts the message for a conversation of its own into `out`.
    pub(super) async fn begin(&mut self, sql: &[u8]) -> Result<(), Error> {
        if self.owed > 0 {
            let sentence = format!(
                "{} statements are waiting for their results to be collected",
                self.owed
            );
            return Err(Error::new(ErrorKind::Usage, sentence));
        }
        self.settle().await?;
        self.put_query(sql)
    }

    /// Reads up to and including the next ReadyForQuery.
    pub(super) async fn receive(&mut self, keep_rows: bool) -> Result<Outcome, Error> {
        let mut outcome = Outcome {
            tags: Vec::new(),
            error: None,
            rows: Vec::new(),
            status: self.transaction_status(),
        };
        loop {
            let frame = match self.next().await {
                Ok(frame) => frame,
                // What the server said before it closed the connection tells more than the closing.
                Err(_) if outcome.error.as_ref().is_some_and(|e| e.is_fatal()) => {
                    self.owed = self.owed.saturating_sub(1);
                    return Ok(outcome);
                }
                Err(error) => return Err(error),
            };
            match frame.tag {
                tag::COMMAND_COMPLETE => {
                    outcome.tags.push(command_tag(&frame));
                    if let Some(held) = &mut self.held {
                        held.commands += 1;
                    }
                }
                tag::EMPTY_QUERY => outcome.tags.push(String::new()),
                tag::ERROR => outcome.error = Some(self.read_error(&frame)?),
                tag::DATA_ROW if keep_rows => {
                    let row = read_row(&frame).map_err(|error| self.broke(error))?;
                    outcome.rows.push(row);
                }
                tag::DATA_ROW | tag::ROW_DESCRIPTION => {}
                tag::COPY_IN => {
                    self.put_copy_fail("COPY FROM STDIN has no data here");
                    self.flush().await?;
                }
                tag::COPY_OUT | tag::COPY_DATA | tag::COPY_DONE => {}
                tag::READY => {
                    self.ready(&frame)?;
                    self.owed = self.owed.saturating_sub(1);
                    outcome.status = self.transaction_status();
                    return Ok(outcome);
                }
                _ => return Err(self.unexpected(&frame)),
            }
        }
    }
}

/// The tag of a CommandComplete, as in `COPY 5`.
pub(super) fn command_tag(frame: &Frame) -> String {
    String::from_utf8_lossy(frame.body.strip_suffix(b"\0").unwrap_or(&frame.body)).into_owned()
}

/// The number at the end of a command tag; 0 if there is none.
pub(super) fn affected(tag: &str) -> u64 {
    tag.rsplit(' ')
        .next()
        .and_then(|count| count.parse().ok())
        .unwrap_or(0)
}

fn read_row(frame: &Frame) -> std::io::Result<Vec<Option<BString>>> {
    let mut fields = Fields::new(&frame.body);
    let count = fields.i16()?;
    let mut row = Vec::with_capacity(usize::try_from(count).unwrap_or(0));
    for _ in 0..count {
        row.push(match usize::try_from(fields.i32()?) {
            Ok(length) => Some(BString::from(fields.bytes(length)?)),
            Err(_) => None,
        });
    }
    Ok(row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::testing::lane_against;

    #[tokio::test]
    async fn tags_rows_and_the_first_error_are_told_apart() {
        let reply = b"T\0\0\0\x06\0\0D\0\0\0\x0f\0\x02\0\0\0\x01x\xff\xff\xff\xffC\0\0\0\x0dSELECT 1\0\
            E\0\0\0\x17SERROR\0C42601\0Mno\0\0Z\0\0\0\x05E";
        let (mut lane, _server) = lane_against(reply).await;
        let outcome = lane.rows(b"SELECT 'x', NULL; nonsense").await.unwrap();
        assert_eq!(outcome.tags, ["SELECT 1"]);
        assert_eq!(outcome.rows, [vec![Some(BString::from("x")), None]]);
        assert_eq!(outcome.error.as_ref().map(|e| e.sqlstate.as_str()), Some("42601"));
        assert_eq!(outcome.status, TransactionStatus::Failed);
        assert!(!lane.is_broken());
        assert_eq!(
            outcome.check("running it").unwrap_err().to_string(),
            "running it: no (42601)"
        );
    }

    #[tokio::test]
    async fn answers_come_in_the_order_of_the_statements() {
        let reply = b"C\0\0\0\x0aBEGIN\0Z\0\0\0\x05TC\0\0\0\x0bCOMMIT\0Z\0\0\0\x05I";
        let (mut lane, _server) = lane_against(reply).await;
        lane.send_query(b"BEGIN").await.unwrap();
        lane.send_query(b"COMMIT").await.unwrap();
        assert!(lane.simple(b"SELECT 1").await.is_err(), "answers are still owed");
        assert_eq!(lane.recv_result().await.unwrap().tags, ["BEGIN"]);
        assert_eq!(lane.recv_result().await.unwrap().status, TransactionStatus::Idle);
        assert!(lane.recv_result().await.is_err());
    }

    #[tokio::test]
    async fn a_fatal_error_is_reported_although_the_connection_closes() {
        let (mut lane, server) = lane_against(b"E\0\0\0\x17SFATAL\0C57P01\0Mno\0\0").await;
        drop(server);
        let outcome = lane.simple(b"SELECT 1").await.unwrap();
        assert_eq!(outcome.error.map(|e| e.sqlstate), Some("57P01".into()));
        assert!(lane.is_broken());
    }

    #[tokio::test]
    async fn a_statement_with_a_zero_byte_is_not_sent() {
        let (mut lane, _server) = lane_against(b"").await;
        assert!(lane.simple(b"SELECT '\0'").await.is_err());
        assert!(!lane.is_broken());
    }
}
