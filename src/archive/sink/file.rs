//! A file that is there completely or not at all.
//!
//! It grows under a name of its own beside the final one, is synced and renamed at the end, and removed if
//! it is dropped before. A device, FIFO or socket that exists under the name is written to directly.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::task::spawn_blocking;

use super::Sink;
use super::blocking::{BlockingWriter, patch};
use crate::error::{Error, Result};

/// A file in the making; see the module.
pub struct FileSink {
    writer: BlockingWriter,
    target: Target,
    sync: bool,
}

/// What stands where.
enum Target {
    /// Written under `partial`, to be renamed to `path`; `None` once that is done.
    Beside { path: PathBuf, partial: Option<PathBuf> },
    /// Not a regular file.
    Direct,
}

impl FileSink {
    /// Starts a file that will be called `path`. `sync`: whether to wait at the end until it is safe on
    /// disk (`--no-sync` says no).
    ///
    /// # Errors
    /// `ErrorKind::Io` if nothing can be written there.
    pub async fn create(path: impl Into<PathBuf>, sync: bool) -> Result<FileSink> {
        let path = path.into();
        let what = format!("output file \"{}\"", path.display());
        let opened = {
            let path = path.clone();
            // Opening a FIFO waits for its reader.
            spawn_blocking(move || open(&path))
                .await
                .map_err(io::Error::other)
                .flatten()
        };
        let (file, target) = opened.map_err(|e| Error::io(format!("could not open {what}"), e))?;
        Ok(FileSink {
            writer: BlockingWriter::new(what, file).write_back(sync && target.is_file()),
            target,
            sync,
        })
    }

    /// Whether writes to a regular file block the caller's thread, which saves handing the bytes to another one. For
    /// a runtime that has nothing else to do.
    #[must_use]
    pub fn blocking(mut self, blocking: bool) -> FileSink {
        // What is behind a pipe may keep a writer waiting for any time.
        self.writer = self.writer.at_once(blocking && self.target.is_file());
        self
    }
}

impl Sink for FileSink {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<()>> {
        self.writer.write(bytes).boxed()
    }

    fn can_patch(&self) -> bool {
        self.target.is_file()
    }

    fn patch(&mut self, patches: Vec<(u64, Bytes)>) -> BoxFuture<'_, Result<()>> {
        self.writer.with_file(move |file| patch(file, &patches)).boxed()
    }

    fn finish(mut self: Box<Self>) -> BoxFuture<'static, Result<()>> {
        async move {
            self.writer.drain().await?;
            let sync = self.sync;
            if let Target::Beside { path, partial } = &mut self.target
                && let Some(from) = partial.clone()
            {
                let to = path.clone();
                self.writer
                    .with_file(move |file| settle(file, &from, &to, sync))
                    .await?;
                *partial = None;
            }
            Ok(())
        }
        .boxed()
    }
}

impl Target {
    /// Whether it is a file of ours, and no device or pipe.
    fn is_file(&self) -> bool {
        matches!(self, Target::Beside { .. })
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Target::Beside {
            partial: Some(partial),
            ..
        } = self
        {
            // Nobody is left to tell if it cannot be removed.
            let _ = fs::remove_file(partial);
        }
    }
}

fn open(path: &Path) -> io::Result<(File, Target)> {
    let existing = match fs::metadata(path) {
        Ok(metadata) => Some(metadata),
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        Err(e) => return Err(e),
    };
    // What is under /dev and /proc may be another name for a file that the shell opened.
    let direct = ["/dev", "/proc"].iter().any(|top| path.starts_with(top));
    if let Some(metadata) = &existing
        && (direct || !metadata.is_file())
    {
        return Ok((OpenOptions::new().write(true).open(path)?, Target::Direct));
    }
    // A link stays a link: what it points to is replaced.
    let path = if existing.is_some() {
        fs::canonicalize(path)?
    } else {
        path.to_path_buf()
    };
    if path.as_os_str().is_empty() {
        // The system's words for it; 2 is ENOENT.
        return Err(io::Error::from_raw_os_error(2));
    }
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it is not the name of a file"))?;
    for attempt in 0.. {
        let mut partial_name = std::ffi::OsString::from(".");
        partial_name.push(name);
        partial_name.push(format!(".partial-{}", std::process::id()));
        if attempt > 0 {
            partial_name.push(format!("-{attempt}"));
        }
        let partial = path.with_file_name(partial_name);
        match OpenOptions::new().write(true).create_new(true).open(&partial) {
            Ok(file) => {
                let target = Target::Beside {
                    path: path.clone(),
                    partial: Some(partial),
                };
                if let Some(metadata) = &existing {
                    file.set_permissions(metadata.permissions())?;
                }
                return Ok((file, target));
            }
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && attempt < 1000 => {}
            Err(e) => return Err(e),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn settle(file: &File, from: &Path, to: &Path, sync: bool) -> io::Result<()> {
    if sync {
        file.sync_all()?;
    }
    fs::rename(from, to)?;
    if sync && let Some(directory) = to.parent() {
        let directory = if directory.as_os_str().is_empty() {
            Path::new(".")
        } else {
            directory
        };
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn the_name_appears_when_the_file_is_complete() {
        for blocking in [false, true] {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("dump");
            let sink = FileSink::create(&path, true).await.unwrap();
            let mut sink = Box::new(sink.blocking(blocking));
            sink.write(Bytes::from_static(b"head ")).await.unwrap();
            // So much that it is sent on to the disk before the end.
            let big = Bytes::from(vec![b'x'; 3_000_000]);
            for _ in 0..10 {
                sink.write(big.clone()).await.unwrap();
            }
            sink.write(Bytes::from_static(b" tail")).await.unwrap();
            assert!(!path.exists());
            assert!(sink.can_patch());
            sink.patch(vec![(0, Bytes::from_static(b"HE"))]).await.unwrap();
            sink.write(Bytes::from_static(b"!")).await.unwrap();
            sink.finish().await.unwrap();
            assert_eq!(names(directory.path()), ["dump"]);
            assert!(fs::read(&path).unwrap() == [b"HEad ", &big.repeat(10)[..], b" tail!"].concat());
        }
    }

    #[tokio::test]
    async fn a_full_disk_is_told_by_a_write_that_blocks() {
        let directory = tempfile::tempdir().unwrap();
        let sink = FileSink::create(directory.path().join("dump"), true)
            .await
            .unwrap();
        let mut sink = sink.blocking(true);
        if let Ok(full) = OpenOptions::new().write(true).open("/dev/full") {
            sink.writer = BlockingWriter::new("output file \"dump\"".into(), full).at_once(true);
            let error = sink.write(Bytes::from(vec![0; 1_000_000])).await.unwrap_err();
            assert!(
                error
                    .to_string()
                    .starts_with("could not write to output file \"dump\": ")
            );
            drop(sink);
            assert!(names(directory.path()).is_empty());
        }
    }

    #[tokio::test]
    async fn what_is_given_up_leaves_the_old_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("dump");
        fs::write(&path, "old").unwrap();
        let mut sink = FileSink::create(&path, true).await.unwrap();
        sink.write(Bytes::from(vec![b'x'; 3_000_000])).await.unwrap();
        drop(sink);
        assert_eq!(names(directory.path()), ["dump"]);
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }

    #[tokio::test]
    async fn two_at_once_do_not_meet() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("dump");
        let mut one = Box::new(FileSink::create(&path, false).await.unwrap());
        let two = FileSink::create(&path, false).await.unwrap();
        one.write(Bytes::from_static(b"one")).await.unwrap();
        drop(two);
        one.finish().await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
    }

    #[tokio::test]
    async fn a_device_is_written_to_and_stays() {
        let mut sink = Box::new(FileSink::create("/dev/null", true).await.unwrap());
        assert!(!sink.can_patch());
        sink.write(Bytes::from_static(b"gone")).await.unwrap();
        sink.finish().await.unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        let full = FileSink::create("/dev/full", true).await;
        if let Ok(mut full) = full {
            full.write(Bytes::from(vec![0; 1_000_000])).await.unwrap();
            let error = Box::new(full).finish().await.unwrap_err();
            assert!(
                error
                    .to_string()
                    .starts_with("could not write to output file \"/dev/full\": ")
            );
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_link_stays_a_link() {
        let directory = tempfile::tempdir().unwrap();
        let (real, link) = (directory.path().join("real"), directory.path().join("link"));
        fs::write(&real, "old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let mut sink = Box::new(FileSink::create(&link, false).await.unwrap());
        sink.write(Bytes::from_static(b"new")).await.unwrap();
        sink.finish().await.unwrap();
        assert_eq!(fs::read(&real).unwrap(), b"new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[tokio::test]
    async fn a_directory_that_is_not_there_is_named() {
        let error = FileSink::create("/nonexistent/dump", true).await.err().unwrap();
        assert!(
            error
                .to_string()
                .starts_with("could not open output file \"/nonexistent/dump\": ")
        );
    }
}
