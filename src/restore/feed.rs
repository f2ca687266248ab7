//! Data off a pipe for several lanes: one task reads the archive in its order and hands out what it has read.
//!
//! A pipe can be read once, by one reader. Where an entry's data has gone to a lane the reader goes on to the next entry, for
//! another lane; a large table's rows go to all lanes that load it, cut at the ends of rows. Nothing is spooled but
//! what stands in the archive's way, and what has been read waits in channels of a few megabytes until a lane takes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{Receiver, UnboundedSender, channel};

use super::crew::Event;
use crate::archive::{Archive, CopyRows, DataStream, LargeObjects};
use crate::error::{Error, ErrorKind, Result};
use crate::toc::DumpId;

/// Pieces that wait for a lane; each is about 128 KB.
const PIECES: usize = 24;

/// What is handed out at once.
pub(super) enum Piece {
    /// The next large object begins.
    Object(u32),
    /// Its bytes, or whole rows, or a piece of a script.
    Bytes(Vec<Bytes>),
}

/// The data of one entry on its way to the lanes that load it.
#[derive(Clone)]
pub(super) struct Feed {
    pieces: Arc<Mutex<Receiver<Piece>>>,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// All of the data has been handed out.
    complete: AtomicBool,
    /// A lane's server has refused a part of it.
    refused: AtomicBool,
}

impl Feed {
    /// The next piece, of which other lanes see nothing; `None` at the end.
    ///
    /// # Errors
    /// If the archive broke off; the reader says how.
    pub(super) async fn next(&self) -> Result<Option<Piece>> {
        if let Some(piece) = self.pieces.lock().await.recv().await {
            return Ok(Some(piece));
        }
        if self.state.complete.load(Ordering::Acquire) {
            return Ok(None);
        }
        Err(Error::new(
            ErrorKind::Archive,
            "the archive could not be read to its end",
        ))
    }

    /// Notes that a lane could not load its part; true if none had noted that before.
    pub(super) fn refuse(&self) -> bool {
        !self.state.refused.swap(true, Ordering::AcqRel)
    }

    /// Whether the other lanes' parts count for nothing.
    pub(super) fn is_refused(&self) -> bool {
        self.state.refused.load(Ordering::Acquire)
    }
}

/// Large objects as they are handed out.
pub(super) struct FedObjects {
    feed: Feed,
    /// The one that begins next, if its beginning has been seen.
    next: Option<u32>,
}

impl FedObjects {
    pub(super) fn new(feed: Feed) -> FedObjects {
        FedObjects { feed, next: None }
    }

    /// Goes to the next large object.
    pub(super) async fn next_object(&mut self) -> Result<Option<u32>> {
        if let Some(oid) = self.next.take() {
            return Ok(Some(oid));
        }
        loop {
            match self.feed.next().await? {
                Some(Piece::Object(oid)) => return Ok(Some(oid)),
                Some(Piece::Bytes(_)) => {}
                None => return Ok(None),
            }
        }
    }

    /// The next bytes of the object.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Bytes>>> {
        if self.next.is_some() {
            return Ok(None);
        }
        match self.feed.next().await? {
            Some(Piece::Object(oid)) => {
                self.next = Some(oid);
                Ok(None)
            }
            Some(Piece::Bytes(bytes)) => Ok(Some(bytes)),
            None => Ok(None),
        }
    }
}

/// An entry's data as the reader meets it.
enum Reading<'a> {
    Rows {
        rows: CopyRows<'a>,
        /// The beginning of a row whose end has not been read.
        begun: Vec<Bytes>,
    },
    Script(DataStream<'a>),
    Objects {
        objects: LargeObjects<'a>,
        within: bool,
    },
}

impl Reading<'_> {
    async fn open(archive: &mut Archive, id: DumpId) -> Result<Reading<'_>> {
        let entry = archive.entry(id);
        let large_objects = entry.is_some_and(|entry| entry.desc.is_large_objects());
        let has_rows = entry.is_some_and(|entry| !entry.copy_text().is_empty());
        Ok(if large_objects {
            Reading::Objects {
                objects: archive.open_large_objects(id).await?,
                within: false,
            }
        } else if has_rows {
            Reading::Rows {
                rows: archive.open_data(id).await?.rows(),
                begun: Vec::new(),
            }
        } else {
            Reading::Script(archive.open_data(id).await?)
        })
    }

    async fn next(&mut self) -> Result<Option<Piece>> {
        match self {
            Reading::Rows { rows, begun } => {
                while let Some(bytes) = rows.next().await? {
                    if let Some(piece) = cut_at_row(begun, bytes) {
                        return Ok(Some(Piece::Bytes(piece)));
                    }
                }
                Ok(Some(std::mem::take(begun))
                    .filter(|rest| !rest.is_empty())
                    .map(Piece::Bytes))
            }
            Reading::Script(stream) => Ok(stream.next().await?.map(|bytes| Piece::Bytes(vec![bytes]))),
            Reading::Objects { objects, within } => {
                if *within && let Some(bytes) = objects.next().await? {
                    return Ok(Some(Piece::Bytes(vec![bytes])));
                }
                let next = objects.next_object().await?;
                *within = next.is_some();
                Ok(next.map(Piece::Object))
            }
        }
    }
}

/// Whole rows: those begun before with the bytes up to the last line end, behind which others begin. `None` if there is no
/// line end in the bytes.
fn cut_at_row(begun: &mut Vec<Bytes>, mut bytes: Bytes) -> Option<Vec<Bytes>> {
    let Some(end) = memchr::memrchr(b'\n', &bytes) else {
        begun.push(bytes);
        return None;
    };
    let rest = bytes.split_off(end + 1);
    let mut rows = std::mem::take(begun);
    rows.push(bytes);
    begun.extend((!rest.is_empty()).then_some(rest));
    Some(rows)
}

fn length(piece: &Piece) -> u64 {
    match piece {
        Piece::Object(_) => 4,
        Piece::Bytes(bytes) => bytes.iter().map(|bytes| bytes.len() as u64).sum(),
    }
}

/// Reads entries in this order and hands out their data. `large`: from how many bytes on data counts as large.
///
/// # Errors
/// A damaged archive.
pub(super) async fn read(
    mut archive: Archive,
    order: Vec<DumpId>,
    large: u64,
    events: UnboundedSender<Event>,
) -> Result<()> {
    for id in order {
        read_entry(&mut archive, id, large, &events).await?;
    }
    archive.finish().await?;
    let _ = events.send(Event::FeedEnded);
    Ok(())
}

async fn read_entry(
    archive: &mut Archive,
    id: DumpId,
    large: u64,
    events: &UnboundedSender<Event>,
) -> Result<()> {
    let (pieces, taken) = channel(PIECES);
    let feed = Feed {
        pieces: Arc::new(Mutex::new(taken)),
        state: Arc::default(),
    };
    let state = Arc::clone(&feed.state);
    let mut reading = Reading::open(archive, id).await?;
    // How it is to be loaded depends on whether it is large.
    let (mut start, mut bytes, mut ended) = (Vec::new(), 0, false);
    while bytes < large && !ended {
        match reading.next().await? {
            Some(piece) => {
                bytes += length(&piece);
                start.push(piece);
            }
            None => ended = true,
        }
    }
    let is_large = !ended;
    let _ = events.send(Event::Fed { id, feed, is_large });
    let mut is_wanted = true;
    for piece in start {
        is_wanted = is_wanted && pieces.send(piece).await.is_ok();
    }
    while is_wanted && !ended {
        match reading.next().await? {
            Some(piece) => {
                bytes += length(&piece);
                is_wanted = pieces.send(piece).await.is_ok();
            }
            None => ended = true,
        }
    }
    state.complete.store(true, Ordering::Release);
    // What is known of it now is told before a lane can come to its end.
    let _ = events.send(Event::FedAll { id, bytes });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_handed_out_whole() {
        let mut begun = Vec::new();
        let mut cut = |bytes: &'static str| {
            let rows = cut_at_row(&mut begun, Bytes::from_static(bytes.as_bytes()))?;
            Some(String::from_utf8(rows.concat()).unwrap())
        };
        assert_eq!(cut("1\tone\n2\ttw").as_deref(), Some("1\tone\n"));
        assert_eq!(cut("o an"), None);
        assert_eq!(cut("d a half\n").as_deref(), Some("2\ttwo and a half\n"));
        assert_eq!(cut("3\n4\n").as_deref(), Some("3\n4\n"));
        assert!(begun.is_empty());
    }
}
