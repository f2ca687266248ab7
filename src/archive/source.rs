//! Where an archive is read from: bytes in order, and perhaps from any position.
//!
//! A [`Source`] knows nothing of formats. Files can be read anywhere and opened again for parallel lanes;
//! standard input and callers' streams only from start to end.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncSeek, AsyncSeekExt};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use crate::error::{Error, Result};

/// A stretch of bytes that an archive is read from.
pub trait Source: Send {
    /// What to call it in messages.
    fn name(&self) -> &str;

    /// Reads the next bytes, at most `at_most` of them; none only at the end.
    fn read(&mut self, at_most: usize) -> BoxFuture<'_, io::Result<Bytes>>;

    /// The archive's length, where it is known before reading.
    fn size(&self) -> Option<u64> {
        None
    }

    /// Whether [`seek`](Source::seek) works.
    fn seekable(&self) -> bool {
        false
    }

    /// Goes to a position, counted from the archive's start.
    fn seek(&mut self, position: u64) -> BoxFuture<'_, io::Result<()>> {
        let _ = position;
        async { Err(io::ErrorKind::Unsupported.into()) }.boxed()
    }

    /// Another source on the same bytes with a position of its own, if there can be one.
    fn reopen(&self) -> BoxFuture<'_, io::Result<Option<Box<dyn Source>>>> {
        async { Ok(None) }.boxed()
    }
}

/// A regular file.
pub struct FileSource {
    name: String,
    path: PathBuf,
    /// Not there while a read has it, or after that read was given up.
    file: Option<File>,
    /// Length and time of change, to see that a file opened again is the same.
    identity: (u64, Option<SystemTime>),
}

impl FileSource {
    /// Opens a file; what is no regular file (a FIFO, a terminal) becomes a [`StreamSource`].
    ///
    /// # Errors
    /// `ErrorKind::Io` if it cannot be opened.
    pub async fn open(path: impl AsRef<Path>) -> Result<Box<dyn Source>> {
        let path = path.as_ref().to_path_buf();
        let name = path.display().to_string();
        let failed = |e| Error::io(format!("could not open input file \"{name}\""), e);
        let opened = {
            let path = path.clone();
            spawn_blocking(move || {
                let file = File::open(&path)?;
                let metadata = file.metadata()?;
                if metadata.is_dir() {
                    return Err(io::ErrorKind::IsADirectory.into());
                }
                Ok((file, metadata))
            })
            .await
            .map_err(io::Error::other)
            .flatten()
        };
        let (file, metadata) = opened.map_err(failed)?;
        if !metadata.is_file() {
            return Ok(Box::new(StreamSource::new(name, tokio::fs::File::from_std(file))));
        }
        let identity = (metadata.len(), metadata.modified().ok());
        Ok(Box::new(FileSource {
            name,
            path,
            file: Some(file),
            identity,
        }))
    }

    /// Standard input: a file if the shell redirected it from one, else a stream.
    ///
    /// # Errors
    /// `ErrorKind::Io` if it cannot be opened.
    pub async fn stdin() -> Result<Box<dyn Source>> {
        let redirected = Path::new("/dev/stdin");
        if tokio::fs::metadata(redirected).await.is_ok_and(|m| m.is_file()) {
            return FileSource::open(redirected).await;
        }
        Ok(Box::new(StreamSource::new(
            "standard input".into(),
            tokio::io::stdin(),
        )))
    }

    async fn with_file<T: Send + 'static>(
        &mut self,
        act: impl FnOnce(&mut File) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let mut file = self
            .file
            .take()
            .ok_or_else(|| io::Error::other("an earlier read was given up"))?;
        let (file, result) = spawn_blocking(move || {
            let result = act(&mut file);
            (file, result)
        })
        .await
        .map_err(io::Error::other)?;
        self.file = Some(file);
        result
    }
}

impl Source for FileSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn read(&mut self, at_most: usize) -> BoxFuture<'_, io::Result<Bytes>> {
        self.with_file(move |file| {
            // Unlike `read`, this fills memory that need not be zeroed first.
            let mut bytes = Vec::with_capacity(at_most);
            file.take(at_most as u64).read_to_end(&mut bytes)?;
            Ok(Bytes::from(bytes))
        })
        .boxed()
    }

    fn size(&self) -> Option<u64> {
        Some(self.identity.0)
    }

    fn seekable(&self) -> bool {
        true
    }

    fn seek(&mut self, position: u64) -> BoxFuture<'_, io::Result<()>> {
        self.with_file(move |file| file.seek(SeekFrom::Start(position)).map(drop))
            .boxed()
    }

    fn reopen(&self) -> BoxFuture<'_, io::Result<Option<Box<dyn Source>>>> {
        async move {
            let path = self.path.clone();
            let (file, metadata) = spawn_blocking(move || {
                let file = File::open(path)?;
                let metadata = file.metadata()?;
                io::Result::Ok((file, metadata))
            })
            .await
            .map_err(io::Error::other)
            .flatten()?;
            if (metadata.len(), metadata.modified().ok()) != self.identity {
                return Err(io::Error::other("the file was changed while it was read"));
            }
            let again = FileSource {
                name: self.name.clone(),
                path: self.path.clone(),
                file: Some(file),
                identity: self.identity,
            };
            Ok(Some(Box::new(again) as Box<dyn Source>))
        }
        .boxed()
    }
}

/// Any tokio stream.
pub struct StreamSource<R> {
    name: String,
    stream: R,
}

impl<R: AsyncRead + Send + Unpin> StreamSource<R> {
    /// A source that reads `stream`, called `name` in messages.
    pub fn new(name: String, stream: R) -> Self {
        StreamSource { name, stream }
    }
}

impl<R: AsyncRead + Send + Unpin> Source for StreamSource<R> {
    fn name(&self) -> &str {
        &self.name
    }

    fn read(&mut self, at_most: usize) -> BoxFuture<'_, io::Result<Bytes>> {
        read_some(&mut self.stream, at_most).boxed()
    }
}

/// Any tokio stream that can be read from any position: the caller's file, object store or memory.
///
/// The lanes of a parallel restore share it and read in turns.
///
/// ```
/// # async fn example(stored: Vec<u8>) -> rsdump::Result<()> {
/// use rsdump::archive::{Archive, SeekSource};
///
/// let source = SeekSource::new("backup".into(), std::io::Cursor::new(stored)).await?;
/// let archive = Archive::open(Box::new(source)).await?;
/// for entry in archive.toc().iter() {
///     println!("{} {}", entry.desc, entry.tag);
/// }
/// # Ok(())
/// # }
/// ```
pub struct SeekSource<R> {
    name: String,
    shared: Arc<Mutex<Shared<R>>>,
    /// Where the archive begins in the stream.
    start: u64,
    size: u64,
    /// Where this source reads next, counted from there.
    position: u64,
}

/// A stream that several sources read.
struct Shared<R> {
    stream: R,
    /// Where it stands; not known after a read that was given up.
    at: Option<u64>,
}

impl<R: AsyncRead + AsyncSeek + Send + Unpin> SeekSource<R> {
    /// A source that reads `stream` from where it stands, called `name` in messages.
    ///
    /// # Errors
    /// `ErrorKind::Io` if the stream's length cannot be found out.
    pub async fn new(name: String, mut stream: R) -> Result<Self> {
        let failed = |e| Error::io(format!("could not find the length of \"{name}\""), e);
        let start = stream.stream_position().await.map_err(failed)?;
        let end = stream.seek(SeekFrom::End(0)).await.map_err(failed)?;
        Ok(SeekSource {
            name,
            shared: Arc::new(Mutex::new(Shared {
                stream,
                at: Some(end),
            })),
            start,
            size: end.saturating_sub(start),
            position: 0,
        })
    }
}

impl<R: AsyncRead + AsyncSeek + Send + Unpin + 'static> Source for SeekSource<R> {
    fn name(&self) -> &str {
        &self.name
    }

    fn read(&mut self, at_most: usize) -> BoxFuture<'_, io::Result<Bytes>> {
        async move {
            let mut shared = self.shared.lock().await;
            let from = self.start.saturating_add(self.position);
            let at = shared.at.take();
            if at != Some(from) {
                shared.stream.seek(SeekFrom::Start(from)).await?;
            }
            let bytes = read_some(&mut shared.stream, at_most).await?;
            shared.at = Some(from + bytes.len() as u64);
            self.position += bytes.len() as u64;
            Ok(bytes)
        }
        .boxed()
    }

    fn size(&self) -> Option<u64> {
        Some(self.size)
    }

    fn seekable(&self) -> bool {
        true
    }

    fn seek(&mut self, position: u64) -> BoxFuture<'_, io::Result<()>> {
        self.position = position;
        async { Ok(()) }.boxed()
    }

    fn reopen(&self) -> BoxFuture<'_, io::Result<Option<Box<dyn Source>>>> {
        let again = SeekSource {
            name: self.name.clone(),
            shared: Arc::clone(&self.shared),
            position: 0,
            ..*self
        };
        async { Ok(Some(Box::new(again) as Box<dyn Source>)) }.boxed()
    }
}

async fn read_some(stream: &mut (impl AsyncRead + Unpin), at_most: usize) -> io::Result<Bytes> {
    let mut bytes = BytesMut::with_capacity(at_most);
    // A buffer with room grows as it likes; no more than was asked for is taken.
    stream.take(at_most as u64).read_buf(&mut bytes).await?;
    Ok(bytes.freeze())
}

/// An archive in memory.
#[derive(Debug, Clone)]
pub struct BytesSource {
    name: String,
    bytes: Bytes,
    position: usize,
    seekable: bool,
}

impl BytesSource {
    /// A source that can be read anywhere, like a file.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        BytesSource::named("archive in memory", bytes)
    }

    /// The same, with a name of its own for messages.
    pub fn named(name: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        BytesSource {
            name: name.into(),
            bytes: bytes.into(),
            position: 0,
            seekable: true,
        }
    }

    /// A source that can be read once from start to end, like a pipe.
    pub fn pipe(bytes: impl Into<Bytes>) -> Self {
        BytesSource {
            seekable: false,
            ..BytesSource::new(bytes)
        }
    }
}

impl Source for BytesSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn read(&mut self, at_most: usize) -> BoxFuture<'_, io::Result<Bytes>> {
        let start = self.position.min(self.bytes.len());
        let end = start.saturating_add(at_most).min(self.bytes.len());
        self.position = end;
        let bytes = self.bytes.slice(start..end);
        async { Ok(bytes) }.boxed()
    }

    fn size(&self) -> Option<u64> {
        self.seekable.then_some(self.bytes.len() as u64)
    }

    fn seekable(&self) -> bool {
        self.seekable
    }

    fn seek(&mut self, position: u64) -> BoxFuture<'_, io::Result<()>> {
        self.position = usize::try_from(position).unwrap_or(usize::MAX);
        async { Ok(()) }.boxed()
    }

    fn reopen(&self) -> BoxFuture<'_, io::Result<Option<Box<dyn Source>>>> {
        let again = self
            .seekable
            .then(|| Box::new(BytesSource::new(self.bytes.clone())) as Box<dyn Source>);
        async { Ok(again) }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_read_anywhere_and_again() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"0123456789").unwrap();
        let mut source = FileSource::open(file.path()).await.unwrap();
        assert!(source.seekable());
        source.seek(4).await.unwrap();
        assert_eq!(source.read(3).await.unwrap(), "456");
        let mut again = source.reopen().await.unwrap().unwrap();
        assert_eq!(again.read(100).await.unwrap(), "0123456789");
        assert_eq!(source.read(100).await.unwrap(), "789");
        assert_eq!(source.read(100).await.unwrap(), "");
        std::fs::write(file.path(), b"other").unwrap();
        assert!(source.reopen().await.is_err());
    }

    #[tokio::test]
    async fn a_missing_file_is_named() {
        let error = FileSource::open("/nonexistent").await.err().unwrap();
        assert!(
            error
                .to_string()
                .starts_with("could not open input file \"/nonexistent\": ")
        );
    }

    #[tokio::test]
    async fn what_can_seek_is_read_from_where_it_stood() {
        let mut stream = std::io::Cursor::new(b"head0123456789");
        stream.set_position(4);
        let mut source = SeekSource::new("s".into(), stream).await.unwrap();
        assert_eq!((source.size(), source.seekable()), (Some(10), true));
        assert_eq!(source.read(3).await.unwrap(), "012");
        source.seek(7).await.unwrap();
        assert_eq!(source.read(100).await.unwrap(), "789");
        assert_eq!(source.read(100).await.unwrap(), "");
        source.seek(2).await.unwrap();
        let mut again = source.reopen().await.unwrap().unwrap();
        assert_eq!(again.read(4).await.unwrap(), "0123");
        assert_eq!(source.read(4).await.unwrap(), "2345");
        assert_eq!(again.read(4).await.unwrap(), "4567");
    }

    #[tokio::test]
    async fn a_stream_is_read_to_its_end() {
        let mut source = StreamSource::new("s".into(), &b"abc"[..]);
        assert_eq!(source.read(2).await.unwrap(), "ab");
        assert_eq!(source.read(2).await.unwrap(), "c");
        assert_eq!(source.read(2).await.unwrap(), "");
        assert!(!source.seekable());
    }
}
