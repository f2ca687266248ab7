//! Where a directory archive lives: files by name, written once and read.
//!
//! The traits ask so little that a store of objects can stand behind them; [`LocalFolder`] and
//! [`LocalFolderSource`] are directories, [`MemoryFolder`] is for tests and embedding.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::task::spawn_blocking;

use super::sink::{FileSink, Sink, VecSink};
use super::source::{BytesSource, FileSource, Source};
use crate::error::{Error, ErrorKind, Result};

/// Files in the making. Dropping it before [`finish`](Folder::finish) gives up all of them.
pub trait Folder: Send {
    /// Starts a file; it is there when its sink is finished.
    fn create(&mut self, name: &str) -> BoxFuture<'_, Result<Box<dyn Sink>>>;

    /// Makes everything final, once all sinks are finished.
    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<()>>;
}

/// Files that can be read.
pub trait FolderSource: Send + Sync {
    /// What to call it in messages.
    fn name(&self) -> &str;

    /// Opens a file; `None` if there is none of that name.
    fn open(&self, name: &str) -> BoxFuture<'_, Result<Option<Box<dyn Source>>>>;

    /// What is wrong with the folder itself, in a sentence each.
    fn survey(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        async { Ok(Vec::new()) }.boxed()
    }
}

/// A directory in the making: a new one gets its name at the end, one that is there (and empty) is filled.
pub struct LocalFolder {
    target: Target,
    sync: bool,
    blocking: bool,
}

enum Target {
    /// Filled under `partial`, to be renamed to `path`.
    New { path: PathBuf, partial: Option<PathBuf> },
    /// Filled where it is; what was made so far, to be removed if it comes to nothing.
    Existing { path: PathBuf, made: Vec<PathBuf> },
}

impl LocalFolder {
    /// Starts a directory that will be called `path`. `sync`: whether to wait until everything is safe on
    /// disk.
    ///
    /// # Errors
    /// `ErrorKind::Io` if it cannot be made, `ErrorKind::Usage` if it is there and not empty.
    pub async fn create(path: impl Into<PathBuf>, sync: bool) -> Result<LocalFolder> {
        let path = path.into();
        let shown = path.display().to_string();
        let target = spawn_blocking(move || start(path))
            .await
            .map_err(io::Error::other)
            .flatten()
            .map_err(|e| Error::io(format!("could not create directory \"{shown}\""), e))?;
        match target {
            Some(target) => Ok(LocalFolder {
                target,
                sync,
                blocking: false,
            }),
            None => Err(Error::new(
                ErrorKind::Usage,
                format!("directory \"{shown}\" is not empty"),
            )),
        }
    }

    /// See [`FileSink::blocking`].
    #[must_use]
    pub fn blocking(mut self, blocking: bool) -> LocalFolder {
        self.blocking = blocking;
        self
    }

    /// Where something of this name is to be made, a file or a directory; it is given up with all the rest.
    pub fn place(&mut self, name: &str) -> PathBuf {
        match &mut self.target {
            Target::New { path, partial } => partial.as_ref().unwrap_or(path).join(name),
            Target::Existing { path, made } => {
                made.push(path.join(name));
                path.join(name)
            }
        }
    }
}

/// `None` if there is something in it already.
fn start(path: PathBuf) -> io::Result<Option<Target>> {
    match fs::read_dir(&path) {
        Ok(mut entries) => {
            return Ok(match entries.next() {
                Some(_) => None,
                None => Some(Target::Existing {
                    path,
                    made: Vec::new(),
                }),
            });
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(e),
    }
    let mut name = std::ffi::OsString::from(".");
    name.push(
        path.file_name()
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?,
    );
    name.push(format!(".partial-{}", std::process::id()));
    let partial = path.with_file_name(name);
    make_private(&partial)?;
    Ok(Some(Target::New {
        path,
        partial: Some(partial),
    }))
}

/// A dump may hold what only its maker may see.
fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

impl Folder for LocalFolder {
    fn create(&mut self, name: &str) -> BoxFuture<'_, Result<Box<dyn Sink>>> {
        let path = self.place(name);
        let (sync, blocking) = (self.sync, self.blocking);
        async move {
            let sink = FileSink::create(path, sync).await?.blocking(blocking);
            Ok(Box::new(sink) as Box<dyn Sink>)
        }
        .boxed()
    }

    fn finish(mut self: Box<Self>) -> BoxFuture<'static, Result<()>> {
        async move {
            let sync = self.sync;
            match &mut self.target {
                Target::New { path, partial } => {
                    if let Some(from) = partial.clone() {
                        let to = path.clone();
                        spawn_blocking(move || settle(&from, &to, sync))
                            .await
                            .map_err(io::Error::other)
                            .flatten()
                            .map_err(|e| {
                                Error::io(format!("could not finish directory \"{}\"", path.display()), e)
                            })?;
                        *partial = None;
                    }
                }
                Target::Existing { made, .. } => made.clear(),
            }
            Ok(())
        }
        .boxed()
    }
}

fn settle(from: &Path, to: &Path, sync: bool) -> io::Result<()> {
    fs::rename(from, to)?;
    if sync {
        fs::File::open(to)?.sync_all()?;
        if let Some(parent) = to.parent() {
            let parent = if parent.as_os_str().is_empty() {
                Path::new(".")
            } else {
                parent
            };
            fs::File::open(parent)?.sync_all()?;
        }
    }
    Ok(())
}

impl Drop for LocalFolder {
    fn drop(&mut self) {
        // Nobody is left to tell what cannot be removed.
        match &self.target {
            Target::New {
                partial: Some(partial),
                ..
            } => {
                let _ = fs::remove_dir_all(partial);
            }
            Target::New { partial: None, .. } => {}
            Target::Existing { made, .. } => made.iter().for_each(|path| {
                let _ = fs::remove_file(path).or_else(|_| fs::remove_dir_all(path));
            }),
        }
    }
}

/// A directory to read from.
#[derive(Debug, Clone)]
pub struct LocalFolderSource {
    path: PathBuf,
    name: String,
}

impl LocalFolderSource {
    /// The files in `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let name = path.display().to_string();
        LocalFolderSource { path, name }
    }
}

impl FolderSource for LocalFolderSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn open(&self, name: &str) -> BoxFuture<'_, Result<Option<Box<dyn Source>>>> {
        let path = self.path.join(name);
        async move {
            match tokio::fs::try_exists(&path).await {
                Ok(true) => FileSource::open(path).await.map(Some),
                Ok(false) => Ok(None),
                Err(e) => Err(Error::io(
                    format!("could not open input file \"{}\"", path.display()),
                    e,
                )),
            }
        }
        .boxed()
    }
}

/// Files in memory that clones share.
#[derive(Debug, Clone, Default)]
pub struct MemoryFolder {
    files: Arc<Mutex<BTreeMap<String, VecSink>>>,
}

impl MemoryFolder {
    /// An empty folder.
    pub fn new() -> Self {
        MemoryFolder::default()
    }

    /// Copies of all files by name.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files
            .iter()
            .map(|(name, sink)| (name.clone(), sink.bytes()))
            .collect()
    }

    /// Puts a file in, or another in its place.
    pub fn insert(&self, name: &str, bytes: &[u8]) {
        let sink = VecSink::holding(bytes.to_vec());
        self.files
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.into(), sink);
    }
}

impl Folder for MemoryFolder {
    fn create(&mut self, name: &str) -> BoxFuture<'_, Result<Box<dyn Sink>>> {
        let sink = VecSink::new();
        self.files
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.into(), sink.clone());
        async { Ok(Box::new(sink) as Box<dyn Sink>) }.boxed()
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<()>> {
        async { Ok(()) }.boxed()
    }
}

impl FolderSource for MemoryFolder {
    fn name(&self) -> &str {
        "archive in memory"
    }

    fn open(&self, name: &str) -> BoxFuture<'_, Result<Option<Box<dyn Source>>>> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = files.get(name).map(|sink| Bytes::from(sink.bytes()));
        async { Ok(bytes.map(|bytes| Box::new(BytesSource::new(bytes)) as Box<dyn Source>)) }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn put(folder: &mut LocalFolder, name: &str) {
        let mut sink = Folder::create(folder, name).await.unwrap();
        sink.write(Bytes::from_static(b"x")).await.unwrap();
        sink.finish().await.unwrap();
    }

    fn count(path: &Path) -> usize {
        fs::read_dir(path).unwrap().count()
    }

    #[tokio::test]
    async fn a_new_directory_appears_when_it_is_complete() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("dump");
        let mut folder = LocalFolder::create(&path, true).await.unwrap();
        put(&mut folder, "toc.dat").await;
        assert!(!path.exists());
        Box::new(folder).finish().await.unwrap();
        assert_eq!((count(outer.path()), count(&path)), (1, 1));
        let error = LocalFolder::create(&path, true).await.err().unwrap();
        assert_eq!(
            error.to_string(),
            format!("directory \"{}\" is not empty", path.display())
        );
    }

    #[tokio::test]
    async fn what_is_given_up_leaves_nothing() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("dump");
        let mut folder = LocalFolder::create(&path, false).await.unwrap();
        put(&mut folder, "toc.dat").await;
        drop(folder);
        assert_eq!(count(outer.path()), 0);
        fs::create_dir(&path).unwrap();
        let mut folder = LocalFolder::create(&path, false).await.unwrap();
        put(&mut folder, "toc.dat").await;
        assert_eq!(count(&path), 1);
        drop(folder);
        assert_eq!(count(&path), 0);
    }
}
