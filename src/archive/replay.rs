//! A source from which something has been read that others want to see as well.

use std::io;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::source::Source;

/// Gives what has been read from a source once more, then what follows.
pub struct ReplayedSource {
    read: Bytes,
    source: Box<dyn Source>,
}

impl ReplayedSource {
    /// A source that begins with `read`, which has been taken from `source`.
    pub fn new(read: Bytes, source: Box<dyn Source>) -> ReplayedSource {
        ReplayedSource { read, source }
    }
}

impl Source for ReplayedSource {
    fn name(&self) -> &str {
        self.source.name()
    }

    fn read(&mut self, at_most: usize) -> BoxFuture<'_, io::Result<Bytes>> {
        if self.read.is_empty() {
            return self.source.read(at_most);
        }
        let bytes = self.read.split_to(at_most.min(self.read.len()));
        async { Ok(bytes) }.boxed()
    }
}
