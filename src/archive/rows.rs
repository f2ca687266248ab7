//! The rows of a table without the end marker that stands behind them in an archive.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::{COPY_END, DataStream};
use crate::error::{Error, ErrorKind, Result};

/// The rows of one entry in COPY format, ready to be sent after `COPY … FROM stdin`.
pub struct CopyRows<'a> {
    stream: DataStream<'a>,
    tail: Tail,
}

impl<'a> CopyRows<'a> {
    pub(super) fn new(stream: DataStream<'a>) -> Self {
        CopyRows {
            stream,
            tail: Tail::default(),
        }
    }

    /// Also counts the rows, and holds their number against the one that the archive says, if it says any.
    #[must_use]
    pub fn counting(mut self) -> Self {
        self.stream.count_rows();
        self
    }

    /// How many rows there were, once all have been given and if they are [counted](CopyRows::counting).
    pub fn counted(&self) -> u64 {
        self.stream.counted_rows()
    }

    /// The next bytes, never none; `None` once all rows were given, found complete, and followed by
    /// [`COPY_END`].
    ///
    /// # Errors
    /// `ErrorKind::Archive`, naming the entry, if the data is damaged, cut off or without its end marker.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if let Some(bytes) = self.tail.ready.pop_front() {
                return Ok(Some(bytes));
            }
            match self.stream.next().await? {
                Some(bytes) => self.tail.push(bytes),
                None if self.tail.is_end() => return Ok(None),
                None => {
                    return Err(Error::new(
                        ErrorKind::Archive,
                        format!(
                            "{}: the data does not end with COPY's end marker",
                            self.stream.what()
                        ),
                    ));
                }
            }
        }
    }
}

/// Holds back as many bytes as the marker has.
#[derive(Debug, Default)]
struct Tail {
    held: BytesMut,
    ready: VecDeque<Bytes>,
    /// Whether the byte before those held is a line end, or there is none.
    mid_line: bool,
}

impl Tail {
    fn push(&mut self, mut bytes: Bytes) {
        if bytes.len() < COPY_END.len() {
            self.held.extend_from_slice(&bytes);
            let excess = self.held.len().saturating_sub(COPY_END.len());
            let freed = self.held.split_to(excess).freeze();
            self.give(freed);
            return;
        }
        let held = self.held.split().freeze();
        self.give(held);
        let rows = bytes.split_to(bytes.len() - COPY_END.len());
        self.give(rows);
        self.held.extend_from_slice(&bytes);
    }

    fn give(&mut self, bytes: Bytes) {
        if let Some(last) = bytes.last() {
            self.mid_line = *last != b'\n';
            self.ready.push_back(bytes);
        }
    }

    fn is_end(&self) -> bool {
        self.held == COPY_END && !self.mid_line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The rows, if the end marker was there.
    fn through(data: &[u8], step: usize) -> Option<Vec<u8>> {
        let mut tail = Tail::default();
        let mut rows = Vec::new();
        for piece in data.chunks(step) {
            tail.push(Bytes::copy_from_slice(piece));
            tail.ready
                .drain(..)
                .for_each(|bytes| rows.extend_from_slice(&bytes));
        }
        tail.is_end().then_some(rows)
    }

    proptest! {
        #[test]
        fn only_the_marker_is_taken_off(lines: Vec<Vec<u8>>, step in 1usize..20) {
            let mut rows = Vec::new();
            for line in &lines {
                rows.extend(line.iter().filter(|b| **b != b'\n'));
                rows.push(b'\n');
            }
            let data = [&rows, COPY_END].concat();
            prop_assert_eq!(through(&data, step), Some(rows));
            for cut in 1..=COPY_END.len() {
                prop_assert_eq!(through(&data[..data.len() - cut], step), None);
            }
        }
    }

    #[test]
    fn a_marker_within_a_line_is_none() {
        assert_eq!(through(b"a\tb\\.\n\n\n", 4), None);
        assert_eq!(through(b"\\.\n\n\n", 2), Some(Vec::new()));
    }
}
