//! Writing tar archives: a directory archive whose files become members as they are finished.
//!
//! A member's length stands before its content. Small members wait in memory until it is known; for larger ones
//! the header is filled in afterwards where the sink can do that, and else they wait in a temporary file.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bstr::BString;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::Mutex;

use super::member::{header, padding};
use super::{BLOCK, script};
use crate::archive::directory::DirectoryWriter;
use crate::archive::folder::Folder;
use crate::archive::sink::Sink;
use crate::archive::spool::Spool;
use crate::archive::{ArchiveWriter, Format, Framing, Header, Segment, WriteStats};
use crate::compress::Compression;
use crate::error::{Error, ErrorKind, Result};
use crate::script::ScriptOptions;
use crate::toc::{DumpId, Entry};

/// The longest member that waits in memory.
const IN_MEMORY: usize = 1 << 20;
/// Pieces in which a temporary file is copied.
const PIECE: usize = 256 * 1024;
/// The script for whoever has unpacked the members.
const SCRIPT: &str = "restore.sql";

/// How `restore.sql` is written.
#[derive(Debug, Clone, Default)]
pub struct TarOptions {
    /// How entries become SQL.
    pub script: ScriptOptions,
    /// Program and version for the script's first lines, as in `pg_dump version 18.6`.
    pub dumped_by: Option<BString>,
}

/// Writes one tar archive to a sink.
pub struct TarWriter {
    directory: DirectoryWriter,
    tar: Arc<Mutex<Tar>>,
    options: TarOptions,
    script: Option<Spool>,
}

impl TarWriter {
    /// A writer to `sink`.
    pub fn new(sink: Box<dyn Sink>, options: TarOptions) -> TarWriter {
        let modified = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let tar = Arc::new(Mutex::new(Tar {
            sink: Some(sink),
            position: 0,
            patches: Vec::new(),
            modified,
        }));
        let folder = Box::new(TarFile(Arc::clone(&tar)));
        TarWriter {
            directory: DirectoryWriter::within(folder, &Compression::NONE, Format::Tar),
            tar,
            options,
            script: None,
        }
    }
}

impl ArchiveWriter for TarWriter {
    fn framing(&self) -> Framing {
        self.directory.framing()
    }

    async fn begin(&mut self, header: &Header, toc: &[Entry]) -> Result<()> {
        self.directory.begin(header, toc).await?;
        let mut spool = Spool::create().await?;
        script::write(header, toc, &self.options, &mut spool).await?;
        self.script = Some(spool);
        Ok(())
    }

    async fn begin_data(&mut self, id: DumpId) -> Result<()> {
        self.directory.begin_data(id).await
    }

    async fn append(&mut self, segment: Segment) -> Result<()> {
        self.directory.append(segment).await
    }

    async fn end_data(&mut self) -> Result<()> {
        self.directory.end_data().await
    }

    async fn begin_large_objects(&mut self, id: DumpId) -> Result<()> {
        self.directory.begin_large_objects(id).await
    }

    async fn begin_large_object(&mut self, oid: u32) -> Result<()> {
        self.directory.begin_large_object(oid).await
    }

    async fn end_large_object(&mut self) -> Result<()> {
        self.directory.end_large_object().await
    }

    async fn end_large_objects(&mut self) -> Result<()> {
        self.directory.end_large_objects().await
    }

    async fn finish(self) -> Result<WriteStats> {
        if let Some(mut spool) = self.script {
            let length = spool.position();
            let mut tar = self.tar.lock().await;
            tar.member_from(SCRIPT, &mut spool, length).await?;
        }
        let stats = self.directory.finish().await?;
        Ok(WriteStats {
            bytes: self.tar.lock().await.position,
            ..stats
        })
    }
}

/// A tar file in the making.
struct Tar {
    /// Not there once it is finished.
    sink: Option<Box<dyn Sink>>,
    position: u64,
    /// Headers to be filled in.
    patches: Vec<(u64, Bytes)>,
    /// The members' time, in seconds since 1970.
    modified: u64,
}

impl Tar {
    async fn put(&mut self, bytes: Bytes) -> Result<()> {
        let Some(sink) = &mut self.sink else {
            return Err(Error::new(ErrorKind::Usage, "the tar file has been finished"));
        };
        self.position += bytes.len() as u64;
        sink.write(bytes).await
    }

    fn can_patch(&self) -> bool {
        self.sink.as_ref().is_some_and(|sink| sink.can_patch())
    }

    fn header(&self, name: &str, size: u64) -> Result<Bytes> {
        header(name, size, self.modified)
    }

    /// Writes a member that waits in a temporary file.
    async fn member_from(&mut self, name: &str, spool: &mut Spool, length: u64) -> Result<()> {
        self.put(self.header(name, length)?).await?;
        let mut source = spool.source(0).await?;
        let mut left = length;
        while left > 0 {
            let at_most = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE);
            let failed = |e| Error::io("could not read from a temporary file", e);
            let bytes = source.read(at_most).await.map_err(failed)?;
            if bytes.is_empty() {
                return Err(failed(std::io::ErrorKind::UnexpectedEof.into()));
            }
            left -= bytes.len() as u64;
            self.put(bytes).await?;
        }
        self.put(padding(length)).await
    }
}

/// A tar file as a folder that members are put into, one at a time.
struct TarFile(Arc<Mutex<Tar>>);

impl Folder for TarFile {
    fn create(&mut self, name: &str) -> BoxFuture<'_, Result<Box<dyn Sink>>> {
        let member = MemberSink {
            tar: Arc::clone(&self.0),
            name: name.to_owned(),
            length: 0,
            content: Content::Memory(Vec::new()),
        };
        async { Ok(Box::new(member) as Box<dyn Sink>) }.boxed()
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<()>> {
        async move {
            let mut tar = self.0.lock().await;
            tar.put(Bytes::from_static(&[0; 2 * BLOCK])).await?;
            let patches = std::mem::take(&mut tar.patches);
            let Some(mut sink) = tar.sink.take() else {
                return Ok(());
            };
            if !patches.is_empty() {
                sink.patch(patches).await?;
            }
            sink.finish().await
        }
        .boxed()
    }
}

/// A member in the making.
struct MemberSink {
    tar: Arc<Mutex<Tar>>,
    name: String,
    length: u64,
    content: Content,
}

/// Where a member's content goes.
enum Content {
    Memory(Vec<Bytes>),
    /// To a temporary file.
    Spool(Spool),
    /// Where it belongs, behind a header at this position that is to be filled in.
    InPlace(u64),
}

impl MemberSink {
    async fn add(&mut self, bytes: Bytes) -> Result<()> {
        self.length += bytes.len() as u64;
        match &mut self.content {
            Content::Memory(kept) if self.length <= IN_MEMORY as u64 => {
                kept.push(bytes);
                Ok(())
            }
            Content::Memory(kept) => {
                let mut kept = std::mem::take(kept);
                kept.push(bytes);
                self.spill(kept).await
            }
            Content::Spool(spool) => spool.write(&bytes).await,
            Content::InPlace(_) => self.tar.lock().await.put(bytes).await,
        }
    }

    /// Finds another place than memory.
    async fn spill(&mut self, kept: Vec<Bytes>) -> Result<()> {
        let mut tar = self.tar.lock().await;
        if tar.can_patch() {
            self.content = Content::InPlace(tar.position);
            tar.put(Bytes::from_static(&[0; BLOCK])).await?;
            for bytes in kept {
                tar.put(bytes).await?;
            }
        } else {
            let mut spool = Spool::create().await?;
            for bytes in kept {
                spool.write(&bytes).await?;
            }
            self.content = Content::Spool(spool);
        }
        Ok(())
    }

    async fn complete(self) -> Result<()> {
        let mut tar = self.tar.lock().await;
        let length = self.length;
        match self.content {
            Content::Spool(mut spool) => return tar.member_from(&self.name, &mut spool, length).await,
            Content::Memory(kept) => {
                let header = tar.header(&self.name, length)?;
                tar.put(header).await?;
                for bytes in kept {
                    tar.put(bytes).await?;
                }
            }
            Content::InPlace(position) => {
                let header = tar.header(&self.name, length)?;
                tar.patches.push((position, header));
            }
        }
        tar.put(padding(length)).await
    }
}

impl Sink for MemberSink {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<()>> {
        self.add(bytes).boxed()
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<()>> {
        (*self).complete().boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::VecSink;

    /// The content of a tar file of two members, one long.
    async fn two_members(sink: VecSink) -> Vec<u8> {
        let tar = Arc::new(Mutex::new(Tar {
            sink: Some(Box::new(sink.clone())),
            position: 0,
            patches: Vec::new(),
            modified: 1,
        }));
        let mut folder = Box::new(TarFile(Arc::clone(&tar)));
        for (name, pieces) in [("a", 2), ("long", 40), ("empty", 0)] {
            let mut member = folder.create(name).await.unwrap();
            for piece in 0..pieces {
                member.write(Bytes::from(vec![piece; 100_000])).await.unwrap();
            }
            member.finish().await.unwrap();
        }
        folder.finish().await.unwrap();
        assert_eq!(tar.lock().await.position, sink.bytes().len() as u64);
        sink.bytes()
    }

    #[tokio::test]
    async fn what_waits_in_memory_in_place_or_in_a_file_is_the_same_tar_file() {
        let piped = two_members(VecSink::new()).await;
        assert!(piped == two_members(VecSink::patchable()).await);
        let mut archive = tar::Archive::new(&piped[..]);
        let seen: Vec<_> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let mut entry = entry.unwrap();
                let mut content = Vec::new();
                std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
                let expected: Vec<u8> = (0..content.len()).map(|at| (at / 100_000) as u8).collect();
                assert!(content == expected);
                (entry.path().unwrap().display().to_string(), content.len())
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("a".into(), 200_000),
                ("long".into(), 4_000_000),
                ("empty".into(), 0)
            ]
        );
    }
}
