//! Items and chunks off a [`Source`], with the position and a sentence for whatever goes wrong.
//!
//! One block is held at a time; an item that crosses a block's end makes the block grow until the item is
//! whole, which costs memory only for bytes that are really there.

use bytes::{Bytes, BytesMut};

use super::codec::{Cursor, Decoded, Fault, Widths};
use super::source::Source;
use crate::error::{Error, ErrorKind, Result};

/// How much is asked of the source at once.
const BLOCK: usize = 256 * 1024;

/// A source with a block of its bytes.
pub(crate) struct Input {
    source: Box<dyn Source>,
    /// What has been read from the source and not yet been taken.
    block: Bytes,
    /// Position of the block's first byte.
    position: u64,
    widths: Widths,
    /// Bytes that the source has delivered.
    delivered: u64,
    /// CRC-32C of what has been taken since [`start_sum`](Input::start_sum).
    sum: Option<u32>,
}

impl Input {
    pub(crate) fn new(source: Box<dyn Source>) -> Self {
        let widths = Widths {
            int: super::codec::INT_SIZE,
            offset: super::codec::OFFSET_SIZE,
        };
        Input {
            source,
            block: Bytes::new(),
            position: 0,
            widths,
            delivered: 0,
            sum: None,
        }
    }

    /// The source, wherever it stands.
    pub(crate) fn into_source(self) -> Box<dyn Source> {
        self.source
    }

    /// Sets the widths of integers and offsets, once the header has named them.
    pub(crate) fn set_widths(&mut self, widths: Widths) {
        self.widths = widths;
    }

    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    pub(crate) fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Begins or goes on to sum up what is taken, from `sum`.
    pub(crate) fn start_sum(&mut self, sum: u32) {
        self.sum = Some(sum);
    }

    /// Stops summing up.
    pub(crate) fn stop_sum(&mut self) -> u32 {
        self.sum.take().unwrap_or(0)
    }

    /// The archive's length, where it is known.
    pub(crate) fn size(&self) -> Option<u64> {
        self.source.size()
    }

    pub(crate) fn widths(&self) -> Widths {
        self.widths
    }

    pub(crate) fn seekable(&self) -> bool {
        self.source.seekable()
    }

    /// Another input on the same bytes, at their start, if there can be one.
    pub(crate) async fn reopen(&self) -> Result<Option<Input>> {
        let again = self.source.reopen().await.map_err(|e| self.unreadable(e))?;
        Ok(again.map(|source| Input {
            widths: self.widths,
            ..Input::new(source)
        }))
    }

    /// The next bytes, at least `n` of them if there are as many, without taking them.
    pub(crate) async fn peek(&mut self, n: usize) -> Result<&[u8]> {
        while self.block.len() < n && self.grow().await? {}
        Ok(&self.block)
    }

    /// Whether everything has been taken.
    pub(crate) async fn at_end(&mut self) -> Result<bool> {
        Ok(self.peek(1).await?.is_empty())
    }

    /// Takes one item. `read` may be called several times, each time from the item's start.
    pub(crate) async fn item<T>(&mut self, mut read: impl FnMut(&mut Cursor<'_>) -> Decoded<T>) -> Result<T> {
        loop {
            let mut cursor = Cursor::new(&self.block, self.widths);
            match read(&mut cursor) {
                Ok(item) => {
                    let taken = self.block.len() - cursor.rest().len();
                    self.take_front(taken);
                    return Ok(item);
                }
                Err(Fault::Corrupt(why)) => return Err(self.corrupt(&why)),
                Err(Fault::Incomplete) => {
                    if !self.grow().await? {
                        return Err(self.ends_early());
                    }
                }
            }
        }
    }

    /// Takes an integer.
    pub(crate) async fn int(&mut self) -> Result<i32> {
        self.item(|cursor| cursor.int()).await
    }

    /// Takes some of the next bytes, between one and `at_most`, without copying them.
    pub(crate) async fn bytes(&mut self, at_most: u64) -> Result<Bytes> {
        if self.block.is_empty() && !self.grow().await? {
            return Err(self.ends_early());
        }
        let n = usize::try_from(at_most)
            .unwrap_or(usize::MAX)
            .min(self.block.len());
        Ok(self.take_front(n))
    }

    /// What has been read from the source and can be taken without waiting.
    pub(crate) fn at_hand(&self) -> &[u8] {
        &self.block
    }

    /// Passes over bytes that are at hand.
    pub(crate) fn pass(&mut self, n: usize) {
        self.take_front(n);
    }

    /// Passes over bytes.
    pub(crate) async fn skip(&mut self, mut n: u64) -> Result<()> {
        if n > self.block.len() as u64 && self.source.seekable() {
            return self.seek(self.position.saturating_add(n)).await;
        }
        while n > 0 {
            n -= self.bytes(n).await?.len() as u64;
        }
        Ok(())
    }

    /// Goes to a position; only for seekable sources, or forwards within the block.
    pub(crate) async fn seek(&mut self, position: u64) -> Result<()> {
        let ahead = position
            .checked_sub(self.position)
            .and_then(|n| usize::try_from(n).ok());
        match ahead {
            Some(n) if n <= self.block.len() => {
                self.take_front(n);
            }
            _ if self.source.size().is_some_and(|size| position > size) => return Err(self.ends_early()),
            _ => {
                self.source.seek(position).await.map_err(|e| self.unreadable(e))?;
                self.block = Bytes::new();
                self.position = position;
            }
        }
        Ok(())
    }

    /// What an item that cannot be right says to the user.
    pub(crate) fn corrupt(&self, why: &str) -> Error {
        // Before the first item there is no place in the file worth naming.
        let place = if self.position == 0 {
            String::new()
        } else {
            format!(" (at offset {})", self.position)
        };
        Error::new(ErrorKind::Archive, format!("{why}{place}"))
    }

    fn ends_early(&self) -> Error {
        let end = self.position + self.block.len() as u64;
        Error::new(
            ErrorKind::Archive,
            format!("could not read from input file: end of file (at offset {end})"),
        )
    }

    fn unreadable(&self, source: std::io::Error) -> Error {
        if source.kind() == std::io::ErrorKind::UnexpectedEof {
            return self.ends_early();
        }
        Error::io(
            format!("could not read from input file \"{}\"", self.source.name()),
            source,
        )
    }

    fn take_front(&mut self, n: usize) -> Bytes {
        self.position += n as u64;
        let taken = self.block.split_to(n.min(self.block.len()));
        if let Some(sum) = &mut self.sum {
            *sum = crc32c::crc32c_append(*sum, &taken);
        }
        taken
    }

    /// Adds to the block at least as much as it holds already, so that growing by copying stays cheap.
    async fn grow(&mut self) -> Result<bool> {
        let wanted = BLOCK.max(self.block.len());
        let mut gained = 0;
        while gained < wanted {
            let bytes = self
                .source
                .read((wanted - gained).min(4 * BLOCK))
                .await
                .map_err(|e| self.unreadable(e))?;
            if bytes.is_empty() {
                break;
            }
            gained += bytes.len();
            self.delivered += bytes.len() as u64;
            if self.block.is_empty() {
                self.block = bytes;
                // A pipe gives what it has; more is asked for only when an item needs it.
                break;
            }
            let mut joined = BytesMut::with_capacity(self.block.len() + wanted.max(bytes.len()));
            joined.extend_from_slice(&self.block);
            joined.extend_from_slice(&bytes);
            self.block = joined.freeze();
        }
        Ok(gained > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::source::{BytesSource, StreamSource};

    #[tokio::test]
    async fn an_item_longer_than_many_blocks_is_joined() {
        let text = vec![b'x'; 3 * BLOCK + 5];
        let mut bytes = Vec::new();
        crate::archive::codec::put_text(&mut bytes, Some(&text));
        bytes.push(9);
        for pipe in [false, true] {
            let source: Box<dyn Source> = if pipe {
                Box::new(StreamSource::new("s".into(), std::io::Cursor::new(bytes.clone())))
            } else {
                Box::new(BytesSource::new(bytes.clone()))
            };
            let mut input = Input::new(source);
            let got = input.item(|c| Ok(c.text()?.map(<[u8]>::to_vec))).await.unwrap();
            assert!(got.as_deref() == Some(&text[..]));
            assert_eq!(input.position(), bytes.len() as u64 - 1);
            assert_eq!(input.bytes(100).await.unwrap(), [9][..]);
            assert!(input.at_end().await.unwrap());
            assert!(
                input
                    .bytes(1)
                    .await
                    .unwrap_err()
                    .to_string()
                    .contains("end of file")
            );
        }
    }

    #[tokio::test]
    async fn seeking_forwards_within_the_block_reads_nothing() {
        let mut input = Input::new(Box::new(BytesSource::new(vec![1, 2, 3, 4, 5])));
        assert_eq!(input.peek(1).await.unwrap().len(), 5);
        input.seek(3).await.unwrap();
        assert_eq!(input.bytes(1).await.unwrap(), [4][..]);
        assert_eq!(input.delivered(), 5);
        input.seek(1).await.unwrap();
        assert_eq!(input.bytes(1).await.unwrap(), [2][..]);
    }
}
