//! The rows of a query on a lane, one at a time, as the server prints them.
//!
//! For those who must know the values and types of columns; rows that only travel go through COPY
//! ([`copy_out`](super::CopyOut)). Rows are taken off the socket as they are asked for, so a long result is never
//! held. A [`Select`] dropped before its end cancels the statement.

use bstr::BString;
use bytes::Bytes;

use super::frame::{Fields, Frame, invalid, tag};
use super::lane::{Abandoned, Lane, LaneError};
use crate::error::{Error, ErrorKind};

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnInfo {
    /// Its name.
    pub name: BString,
    /// The oid of its type.
    pub type_oid: u32,
}

/// The rows of a running query.
#[derive(Debug)]
pub struct Select<'a> {
    lane: &'a mut Lane,
    columns: Vec<ColumnInfo>,
    done: bool,
}

/// One row: values as text, `None` for null.
#[derive(Debug)]
pub struct RowText {
    body: Bytes,
}

impl Lane {
    /// Starts a query that gives rows.
    ///
    /// # Errors
    /// When the server refuses, or the statement gives no rows.
    pub async fn select(&mut self, sql: &[u8]) -> Result<Select<'_>, LaneError> {
        self.begin(sql).await?;
        self.flush().await?;
        loop {
            let frame = self.next().await?;
            match frame.tag {
                tag::ROW_DESCRIPTION => {
                    let columns = columns(&frame).map_err(|error| self.broke(error))?;
                    return Ok(Select {
                        lane: self,
                        columns,
                        done: false,
                    });
                }
                tag::COMMAND_COMPLETE | tag::EMPTY_QUERY => {}
                tag::ERROR => {
                    let error = self.read_error(&frame)?;
                    return Err(self.after_error(error).await);
                }
                tag::READY => {
                    self.ready(&frame)?;
                    return Err(Error::new(ErrorKind::Usage, "the statement gives no rows").into());
                }
                _ => return Err(self.unexpected(&frame).into()),
            }
        }
    }
}

impl Select<'_> {
    /// The columns.
    pub fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    /// The next row; `None` after the last.
    ///
    /// # Errors
    /// When the server fails in the middle, or the connection breaks.
    pub async fn next(&mut self) -> Result<Option<RowText>, LaneError> {
        while !self.done {
            let frame = self.lane.next().await?;
            match frame.tag {
                tag::DATA_ROW => return Ok(Some(RowText { body: frame.body })),
                tag::COMMAND_COMPLETE => {}
                tag::READY => {
                    self.lane.ready(&frame)?;
                    self.done = true;
                }
                tag::ERROR => {
                    self.done = true;
                    let error = self.lane.read_error(&frame)?;
                    return Err(self.lane.after_error(error).await);
                }
                _ => return Err(self.lane.unexpected(&frame).into()),
            }
        }
        Ok(None)
    }
}

impl Drop for Select<'_> {
    fn drop(&mut self) {
        if self.done || self.lane.is_broken() {
            return;
        }
        let token = self.lane.cancel_token();
        let cancelling = tokio::runtime::Handle::try_current()
            .ok()
            .map(|runtime| runtime.spawn(async move { token.cancel().await }));
        self.lane.abandoned = Abandoned::CopyOut(cancelling);
    }
}

impl RowText {
    /// The values, in the order of the columns.
    ///
    /// # Errors
    /// If the message ends too early.
    pub fn values(&self) -> Result<impl Iterator<Item = Result<Option<&[u8]>, Error>>, Error> {
        let mut fields = Fields::new(&self.body);
        let count = fields.i16().map_err(garbled)?;
        Ok((0..count).map(move |_| {
            let length = fields.i32().map_err(garbled)?;
            match usize::try_from(length) {
                Ok(length) => fields.bytes(length).map(Some).map_err(garbled),
                Err(_) => Ok(None),
            }
        }))
    }
}

fn garbled(error: std::io::Error) -> Error {
    Error::with_source(ErrorKind::Protocol, "lost synchronization with server", error)
}

fn columns(frame: &Frame) -> std::io::Result<Vec<ColumnInfo>> {
    let mut fields = Fields::new(&frame.body);
    let count = usize::try_from(fields.i16()?).map_err(|_| invalid("a result has fewer than no columns"))?;
    let mut columns = Vec::with_capacity(count);
    for _ in 0..count {
        let name = fields.cstr()?.into();
        // The column's table and number come before its type, the type's length and modifier and the format after.
        fields.bytes(6)?;
        let type_oid = u32::from_be_bytes(fields.array()?);
        fields.bytes(8)?;
        columns.push(ColumnInfo { name, type_oid });
    }
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::testing::lane_against;

    /// A description of one int4 column `a`, and two rows.
    const ROWS: &[u8] = b"T\0\0\0\x1a\0\x01a\0\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0\
        D\0\0\0\x0c\0\x01\0\0\0\x0217D\0\0\0\x0a\0\x01\xff\xff\xff\xff";

    async fn values(select: &mut Select<'_>) -> Option<Vec<Option<Vec<u8>>>> {
        let row = select.next().await.unwrap()?;
        let values = row.values().unwrap();
        Some(values.map(|value| value.unwrap().map(<[u8]>::to_vec)).collect())
    }

    #[tokio::test]
    async fn rows_come_with_the_types_of_their_columns() {
        let reply = [ROWS, b"C\0\0\0\x0dSELECT 2\0Z\0\0\0\x05T"].concat();
        let (mut lane, _server) = lane_against(&reply).await;
        let mut select = lane.select(b"SELECT a FROM t").await.unwrap();
        let column = ColumnInfo {
            name: "a".into(),
            type_oid: 23,
        };
        assert_eq!(select.columns(), [column]);
        assert_eq!(values(&mut select).await, Some(vec![Some(b"17".to_vec())]));
        assert_eq!(values(&mut select).await, Some(vec![None]));
        assert_eq!(values(&mut select).await, None);
    }

    #[tokio::test]
    async fn an_error_in_the_middle_and_rows_left_unread_leave_the_lane_usable() {
        let next = b"C\0\0\0\x0aBEGIN\0Z\0\0\0\x05T";
        let failing = [ROWS, b"E\0\0\0\x17SERROR\0C57014\0Mno\0\0Z\0\0\0\x05I", next].concat();
        let (mut lane, _server) = lane_against(&failing).await;
        let mut select = lane.select(b"SELECT a FROM t").await.unwrap();
        assert!(select.next().await.is_ok() && select.next().await.is_ok());
        assert!(matches!(select.next().await, Err(LaneError::Server(e)) if e.sqlstate == "57014"));
        drop(select);
        assert_eq!(lane.simple(b"BEGIN").await.unwrap().tags, ["BEGIN"]);

        let unread = [ROWS, b"C\0\0\0\x0dSELECT 2\0Z\0\0\0\x05T", next].concat();
        let (mut lane, _server) = lane_against(&unread).await;
        drop(lane.select(b"SELECT a FROM t").await.unwrap());
        assert_eq!(lane.simple(b"BEGIN").await.unwrap().tags, ["BEGIN"]);
    }

    #[tokio::test]
    async fn a_row_that_is_cut_short_is_an_error() {
        let row = RowText {
            body: Bytes::from_static(b"\0\x01\0\0\0\x09short"),
        };
        assert!(row.values().unwrap().next().unwrap().is_err());
    }
}
