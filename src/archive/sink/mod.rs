//! Where an archive or script goes: bytes in order, and perhaps a few patched afterwards.
//!
//! A [`Sink`] knows nothing of formats. [`FileSink`] makes a file appear only when it is complete,
//! [`StdoutSink`] and [`AsyncWriteSink`] write to streams, [`VecSink`] keeps everything in memory.

mod blocking;
mod file;
mod stream;

use std::path::Path;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::error::{Error, ErrorKind, Result};

pub use file::FileSink;
pub use stream::{AsyncWriteSink, StdoutSink, VecSink};

/// A file of this name, or standard output without one. `sync` and `blocking` are those of [`FileSink`].
///
/// # Errors
/// `ErrorKind::Io` if nothing can be written there.
pub(crate) async fn file_or_stdout(path: Option<&Path>, sync: bool, blocking: bool) -> Result<Box<dyn Sink>> {
    Ok(match path {
        Some(path) => Box::new(FileSink::create(path, sync).await?.blocking(blocking)),
        None => Box::new(StdoutSink::new()?),
    })
}

/// A destination of bytes. Dropping it before [`finish`](Sink::finish) gives up what was written.
pub trait Sink: Send {
    /// Writes the bytes after all that was written before; may return before they have arrived, and then
    /// reports a failure later.
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<()>>;

    /// Whether [`patch`](Sink::patch) works.
    fn can_patch(&self) -> bool {
        false
    }

    /// Overwrites bytes written before, each run at its offset from the start.
    fn patch(&mut self, patches: Vec<(u64, Bytes)>) -> BoxFuture<'_, Result<()>> {
        drop(patches);
        Box::pin(async {
            Err(Error::new(
                ErrorKind::Unsupported,
                "what is written to a stream cannot be changed afterwards",
            ))
        })
    }

    /// Waits until everything has arrived and makes the result final.
    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<()>>;
}
