//! A tar file that can be read anywhere, as a folder of files.
//!
//! Headers are read one after another, once, and no further than what is asked for stands.

use std::collections::HashMap;
use std::io;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::Mutex;

use super::member::{end_of, next_member, skip_content};
use crate::archive::folder::FolderSource;
use crate::archive::input::Input;
use crate::archive::source::Source;
use crate::error::{Error, ErrorKind, Result};

/// The members of a tar file.
pub(crate) struct TarFolder {
    name: String,
    walk: Mutex<Walk>,
}

/// How far the headers have been read.
struct Walk {
    input: Input,
    /// Opens the members.
    source: Box<dyn Source>,
    /// Start and size of the members seen.
    seen: HashMap<String, (u64, u64)>,
    ended: bool,
}

impl TarFolder {
    /// The members of what `source` reads, which must be able to go anywhere.
    ///
    /// # Errors
    /// `ErrorKind::Io` if it cannot be opened again.
    pub(crate) async fn new(source: Box<dyn Source>) -> Result<TarFolder> {
        let name = source.name().to_owned();
        let again = source
            .reopen()
            .await
            .map_err(|e| unreadable(&name, e))?
            .ok_or_else(|| unreadable(&name, io::ErrorKind::Unsupported.into()))?;
        Ok(TarFolder {
            name,
            walk: Mutex::new(Walk {
                input: Input::new(again),
                source,
                seen: HashMap::new(),
                ended: false,
            }),
        })
    }
}

impl FolderSource for TarFolder {
    fn name(&self) -> &str {
        &self.name
    }

    fn open(&self, name: &str) -> BoxFuture<'_, Result<Option<Box<dyn Source>>>> {
        let name = name.to_owned();
        async move {
            let mut walk = self.walk.lock().await;
            let Some((start, size)) = walk.find(&name).await? else {
                return Ok(None);
            };
            let mut member = Member {
                source: walk
                    .source
                    .reopen()
                    .await
                    .map_err(|e| unreadable(&self.name, e))?
                    .ok_or_else(|| unreadable(&self.name, io::ErrorKind::Unsupported.into()))?,
                start,
                size,
                position: 0,
            };
            drop(walk);
            member.seek(0).await.map_err(|e| unreadable(&self.name, e))?;
            Ok(Some(Box::new(member) as Box<dyn Source>))
        }
        .boxed()
    }

    fn survey(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        async {
            let mut walk = self.walk.lock().await;
            // No member is called this, so that all are passed.
            walk.find("").await?;
            Ok(end_of(&mut walk.input).await?.into_iter().collect())
        }
        .boxed()
    }
}

impl Walk {
    async fn find(&mut self, name: &str) -> Result<Option<(u64, u64)>> {
        loop {
            if let Some(place) = self.seen.get(name) {
                return Ok(Some(*place));
            }
            if self.ended {
                return Ok(None);
            }
            let Some(member) = next_member(&mut self.input).await? else {
                self.ended = true;
                continue;
            };
            skip_content(&mut self.input, member.size).await?;
            if self
                .seen
                .insert(member.name.clone(), (member.start, member.size))
                .is_some()
            {
                return Err(Error::new(
                    ErrorKind::Archive,
                    format!("the tar file has two members called \"{}\"", member.name),
                ));
            }
        }
    }
}

fn unreadable(name: &str, source: io::Error) -> Error {
    Error::io(format!("could not read from input file \"{name}\""), source)
}

/// A stretch of a file.
struct Member {
    source: Box<dyn Source>,
    start: u64,
    size: u64,
    position: u64,
}

impl Source for Member {
    fn name(&self) -> &str {
        self.source.name()
    }

    fn read(&mut self, at_most: usize) -> BoxFuture<'_, io::Result<Bytes>> {
        async move {
            let left = self.size.saturating_sub(self.position);
            let at_most = usize::try_from(left).unwrap_or(usize::MAX).min(at_most);
            if at_most == 0 {
                return Ok(Bytes::new());
            }
            let bytes = self.source.read(at_most).await?;
            if bytes.is_empty() {
                // The header promised more.
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
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
        async move {
            self.source.seek(self.start.saturating_add(position)).await?;
            self.position = position;
            Ok(())
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::super::member::{header, padding};
    use super::*;
    use crate::archive::source::BytesSource;

    fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, content) in files {
            bytes.extend_from_slice(&header(name, content.len() as u64, 0).unwrap());
            bytes.extend_from_slice(content);
            bytes.extend_from_slice(&padding(content.len() as u64));
        }
        bytes
    }

    async fn read(folder: &TarFolder, name: &str) -> Result<Option<Vec<u8>>> {
        let Some(source) = folder.open(name).await? else {
            return Ok(None);
        };
        let mut input = Input::new(source);
        let mut content = Vec::new();
        while !input.at_end().await? {
            content.extend_from_slice(&input.bytes(3).await?);
        }
        Ok(Some(content))
    }

    #[tokio::test]
    async fn members_are_files_in_any_order() {
        let bytes = tar(&[("toc.dat", b"toc"), ("1.dat", b"one row"), ("2.dat", b"")]);
        let folder = TarFolder::new(Box::new(BytesSource::new(bytes))).await.unwrap();
        for (name, content) in [
            ("2.dat", Some("")),
            ("toc.dat", Some("toc")),
            ("1.dat", Some("one row")),
            ("3.dat", None),
        ] {
            assert_eq!(
                read(&folder, name).await.unwrap().as_deref(),
                content.map(str::as_bytes),
                "{name}"
            );
        }
    }

    #[tokio::test]
    async fn two_members_of_one_name_and_cut_members_are_errors() {
        let bytes = tar(&[("toc.dat", b"toc"), ("1.dat", b"one"), ("1.dat", b"two")]);
        let folder = TarFolder::new(Box::new(BytesSource::new(bytes.clone())))
            .await
            .unwrap();
        assert!(read(&folder, "toc.dat").await.is_ok());
        let error = read(&folder, "2.dat").await.unwrap_err();
        assert_eq!(error.to_string(), "the tar file has two members called \"1.dat\"");
        let cut = bytes[..1024 + 512 + 2].to_vec();
        let folder = TarFolder::new(Box::new(BytesSource::new(cut))).await.unwrap();
        assert!(read(&folder, "1.dat").await.is_err());
    }
}
