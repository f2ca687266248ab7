//! Bytes kept aside in a temporary file, for readers of what can be read only once.
//!
//! The file has no name, so that nothing is left whatever happens, and is made where the environment says
//! (`TMPDIR`). What is in it, and when it is worth keeping, is the caller's business.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::task::spawn_blocking;

use super::source::Source;
use crate::error::{Error, Result};

/// How much is gathered in memory before it goes to the file.
const GATHERED: usize = 256 * 1024;

/// A temporary file that grows at its end and is read anywhere.
pub(crate) struct Spool {
    file: Arc<Mutex<File>>,
    /// Bytes in the file.
    length: u64,
    gathered: Vec<u8>,
}

impl Spool {
    /// Makes an empty one.
    ///
    /// # Errors
    /// `ErrorKind::Io` if there is no place for it.
    pub(crate) async fn create() -> Result<Spool> {
        let file = spawn_blocking(tempfile::tempfile)
            .await
            .map_err(io::Error::other)
            .flatten()
            .map_err(|e| Error::io("could not create a temporary file", e))?;
        Ok(Spool {
            file: Arc::new(Mutex::new(file)),
            length: 0,
            gathered: Vec::new(),
        })
    }

    /// Where the next byte will stand.
    pub(crate) fn position(&self) -> u64 {
        self.length + self.gathered.len() as u64
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// `ErrorKind::Io` if they cannot be written.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() >= GATHERED {
            self.flush().await?;
        }
        Ok(())
    }

    /// What has been written so far, to be read from `position` on.
    ///
    /// # Errors
    /// `ErrorKind::Io` if it cannot be written.
    pub(crate) async fn source(&mut self, position: u64) -> Result<Box<dyn Source>> {
        self.flush().await?;
        Ok(Box::new(SpoolSource {
            file: Arc::clone(&self.file),
            position,
        }))
    }

    async fn flush(&mut self) -> Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let bytes = std::mem::take(&mut self.gathered);
        self.length += bytes.len() as u64;
        with_file(&self.file, move |file| {
            file.seek(SeekFrom::End(0))?;
            file.write_all(&bytes)
        })
        .await
        .map_err(|e| Error::io("could not write to a temporary file", e))
    }
}

struct SpoolSource {
    file: Arc<Mutex<File>>,
    position: u64,
}

impl Source for SpoolSource {
    fn name(&self) -> &str {
        "temporary file"
    }

    fn read(&mut self, at_most: usize) -> BoxFuture<'_, io::Result<Bytes>> {
        async move {
            let position = self.position;
            let bytes = with_file(&self.file, move |file| {
                let mut bytes = Vec::new();
                file.seek(SeekFrom::Start(position))?;
                file.take(at_most as u64).read_to_end(&mut bytes)?;
                Ok(Bytes::from(bytes))
            })
            .await?;
            self.position += bytes.len() as u64;
            Ok(bytes)
        }
        .boxed()
    }

    fn seekable(&self) -> bool {
        true
    }

    fn seek(&mut self, position: u64) -> BoxFuture<'_, io::Result<()>> {
        self.position = position;
        async { Ok(()) }.boxed()
    }
}

async fn with_file<T: Send + 'static>(
    file: &Arc<Mutex<File>>,
    act: impl FnOnce(&mut File) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let file = Arc::clone(file);
    spawn_blocking(move || act(&mut file.lock().unwrap_or_else(PoisonError::into_inner)))
        .await
        .map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_kept_is_read_while_more_comes() {
        let mut spool = Spool::create().await.unwrap();
        spool.write(b"0123").await.unwrap();
        let mut first = spool.source(1).await.unwrap();
        assert_eq!(first.read(2).await.unwrap(), "12");
        let long = vec![b'x'; GATHERED];
        spool.write(&long).await.unwrap();
        spool.write(b"end").await.unwrap();
        assert_eq!(spool.position(), 4 + long.len() as u64 + 3);
        assert_eq!(first.read(1).await.unwrap(), "3");
        let mut last = spool.source(4 + long.len() as u64).await.unwrap();
        assert_eq!(last.read(100).await.unwrap(), "end");
        assert_eq!(last.read(100).await.unwrap(), "");
    }
}
