//! Where an entry's data comes from: this session's own archive, or whoever reads a pipe for all of them.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::Bytes;

use super::feed::{FedObjects, Feed, Piece};
use crate::archive::{Archive, CopyRows, DataStream, LargeObjects};
use crate::error::{Error, ErrorKind, Result};
use crate::toc::DumpId;

/// The way to data that has not been gone yet: opening can fail, and by then the server may be waiting for rows.
pub(super) enum Incoming<'a> {
    /// All of an entry's.
    Entry(&'a mut Archive, DumpId),
    /// The rows of some of its segments.
    Segments(&'a mut Archive, DumpId, Range<usize>),
    /// What is handed out.
    Fed(Feed),
}

/// Rows, or a script, on their way.
pub(super) enum Stream<'a> {
    /// Rows with COPY's end marker behind them.
    Marked(CopyRows<'a>),
    /// Whatever it is.
    Bare(DataStream<'a>),
    /// As it is handed out.
    Fed { feed: Feed, ready: VecDeque<Bytes> },
}

impl<'a> Incoming<'a> {
    /// From this archive, or from the feed that there is instead.
    ///
    /// # Errors
    /// If there is neither.
    pub(super) fn of(
        archive: Option<&'a mut Archive>,
        id: DumpId,
        feed: Option<Feed>,
    ) -> Result<Incoming<'a>> {
        match (feed, archive) {
            (Some(feed), _) => Ok(Incoming::Fed(feed)),
            (None, Some(archive)) => Ok(Incoming::Entry(archive, id)),
            (None, None) => Err(Error::new(
                ErrorKind::Archive,
                format!("the data of entry {id} has been passed by"),
            )),
        }
    }

    /// Rows without the end marker.
    pub(super) async fn rows(self) -> Result<Stream<'a>> {
        match self {
            Incoming::Entry(archive, id) => Ok(Stream::Marked(archive.open_data(id).await?.rows())),
            Incoming::Segments(archive, id, range) => {
                let index = archive.index();
                let block = index.and_then(|index| index.block(id));
                let is_last = block.is_none_or(|block| range.end >= block.segments.len());
                let stream = archive.open_segments(id, range).await?;
                Ok(if is_last {
                    Stream::Marked(stream.rows())
                } else {
                    Stream::Bare(stream)
                })
            }
            Incoming::Fed(feed) => Ok(Stream::of(feed)),
        }
    }

    /// All of it as it is.
    pub(super) async fn script(self) -> Result<Stream<'a>> {
        match self {
            Incoming::Entry(archive, id) | Incoming::Segments(archive, id, _) => {
                Ok(Stream::Bare(archive.open_data(id).await?))
            }
            Incoming::Fed(feed) => Ok(Stream::of(feed)),
        }
    }

    /// Large objects.
    pub(super) async fn objects(self) -> Result<Objects<'a>> {
        match self {
            Incoming::Entry(archive, id) | Incoming::Segments(archive, id, _) => {
                let objects = archive.open_large_objects(id).await?;
                Ok(Objects::Archive(Box::new(objects)))
            }
            Incoming::Fed(feed) => Ok(Objects::Fed(FedObjects::new(feed))),
        }
    }
}

impl Stream<'_> {
    fn of(feed: Feed) -> Self {
        Stream::Fed {
            feed,
            ready: VecDeque::new(),
        }
    }

    /// The next bytes; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        match self {
            Stream::Marked(rows) => rows.next().await,
            Stream::Bare(stream) => stream.next().await,
            Stream::Fed { feed, ready } => loop {
                if let Some(bytes) = ready.pop_front() {
                    return Ok(Some(bytes));
                }
                match feed.next().await? {
                    Some(Piece::Bytes(bytes)) => ready.extend(bytes),
                    Some(Piece::Object(_)) => {}
                    None => return Ok(None),
                }
            },
        }
    }

    /// Whether another lane's part of the same data was refused.
    pub(super) fn is_refused(&self) -> bool {
        matches!(self, Stream::Fed { feed, .. } if feed.is_refused())
    }
}

/// Large objects on their way.
pub(super) enum Objects<'a> {
    /// Out of the archive.
    Archive(Box<LargeObjects<'a>>),
    /// As they are handed out.
    Fed(FedObjects),
}

impl Objects<'_> {
    /// Goes to the next one.
    pub(super) async fn next_object(&mut self) -> Result<Option<u32>> {
        match self {
            Objects::Archive(objects) => objects.next_object().await,
            Objects::Fed(objects) => objects.next_object().await,
        }
    }

    /// The next bytes of it; `None` at its end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        match self {
            Objects::Archive(objects) => objects.next().await,
            Objects::Fed(objects) => Ok(objects.next().await?.map(|bytes| bytes.concat().into())),
        }
    }
}
