//! Sinks that are not files of ours: standard output, a caller's stream, memory.

use std::fs::File;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::Sink;
use super::blocking::BlockingWriter;
use crate::error::{Error, Result};

/// Bytes that a pipe should hold: all that Linux allows to everybody.
#[cfg(target_os = "linux")]
const PIPE: usize = 1 << 20;

/// Standard output, past the standard library's line buffer.
pub struct StdoutSink {
    writer: BlockingWriter,
}

impl StdoutSink {
    /// A sink on a handle of its own.
    ///
    /// # Errors
    /// `ErrorKind::Io` if standard output is closed.
    pub fn new() -> Result<StdoutSink> {
        let handle = std::io::stdout()
            .as_fd()
            .try_clone_to_owned()
            .map_err(|e| Error::io("could not open standard output", e))?;
        // A pipe that holds more lets its reader and us go on side by side. That some systems do not allow it, and that
        // what is not a pipe has no size, changes nothing.
        #[cfg(target_os = "linux")]
        let _ = rustix::pipe::fcntl_setpipe_size(&handle, PIPE);
        Ok(StdoutSink {
            writer: BlockingWriter::new("standard output".into(), File::from(handle)),
        })
    }
}

impl Sink for StdoutSink {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<()>> {
        self.writer.write(bytes).boxed()
    }

    fn finish(mut self: Box<Self>) -> BoxFuture<'static, Result<()>> {
        async move { self.writer.drain().await }.boxed()
    }
}

/// Any tokio stream, for programs that embed this crate; shut down at the end.
pub struct AsyncWriteSink<W> {
    stream: W,
}

impl<W: AsyncWrite + Send + Unpin> AsyncWriteSink<W> {
    /// A sink that writes to `stream`.
    pub fn new(stream: W) -> Self {
        AsyncWriteSink { stream }
    }
}

impl<W: AsyncWrite + Send + Unpin + 'static> Sink for AsyncWriteSink<W> {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<()>> {
        async move { self.stream.write_all(&bytes).await.map_err(failed) }.boxed()
    }

    fn finish(mut self: Box<Self>) -> BoxFuture<'static, Result<()>> {
        async move { self.stream.shutdown().await.map_err(failed) }.boxed()
    }
}

fn failed(source: std::io::Error) -> Error {
    Error::io("could not write to the output stream", source)
}

/// Memory that its clones share: hand one to a writer and look at the bytes through another.
#[derive(Debug, Clone, Default)]
pub struct VecSink {
    bytes: Arc<Mutex<Vec<u8>>>,
    patchable: bool,
}

impl VecSink {
    /// An empty sink that cannot be patched, like a pipe.
    pub fn new() -> VecSink {
        VecSink::default()
    }

    /// An empty sink that can be patched, like a file.
    pub fn patchable() -> VecSink {
        VecSink {
            patchable: true,
            ..VecSink::default()
        }
    }

    /// A sink that holds something already.
    pub(crate) fn holding(bytes: Vec<u8>) -> VecSink {
        VecSink {
            bytes: Arc::new(Mutex::new(bytes)),
            patchable: false,
        }
    }

    /// A copy of what has been written.
    pub fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Sink for VecSink {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<()>> {
        self.bytes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(&bytes);
        async { Ok(()) }.boxed()
    }

    fn can_patch(&self) -> bool {
        self.patchable
    }

    fn patch(&mut self, patches: Vec<(u64, Bytes)>) -> BoxFuture<'_, Result<()>> {
        let mut all = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut result = Ok(());
        for (offset, bytes) in patches {
            let start = usize::try_from(offset).unwrap_or(usize::MAX);
            match all.get_mut(start..start.saturating_add(bytes.len())) {
                Some(place) => place.copy_from_slice(&bytes),
                None => result = Err(failed(std::io::ErrorKind::InvalidInput.into())),
            }
        }
        drop(all);
        async { result }.boxed()
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<()>> {
        async { Ok(()) }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn memory_is_shared_and_patched_within_its_bounds() {
        let seen = VecSink::patchable();
        let mut sink = Box::new(seen.clone());
        sink.write(Bytes::from_static(b"abc")).await.unwrap();
        sink.patch(vec![(1, Bytes::from_static(b"XY"))]).await.unwrap();
        assert!(sink.patch(vec![(2, Bytes::from_static(b"XY"))]).await.is_err());
        sink.finish().await.unwrap();
        assert_eq!(seen.bytes(), b"aXY");
    }

    #[tokio::test]
    async fn a_stream_gets_everything_and_its_end() {
        let (near, mut far) = tokio::io::duplex(16);
        let mut sink = Box::new(AsyncWriteSink::new(near));
        let writing = tokio::spawn(async move {
            sink.write(Bytes::from(vec![7; 1000])).await.unwrap();
            assert!(sink.patch(Vec::new()).await.is_err());
            sink.finish().await.unwrap();
        });
        let mut got = Vec::new();
        tokio::io::AsyncReadExt::read_to_end(&mut far, &mut got)
            .await
            .unwrap();
        assert_eq!(got, vec![7; 1000]);
        writing.await.unwrap();
    }
}
