//! Writing to a file from async code: one blocking write under way while the next bytes are gathered.

use std::fs::File;
use std::io::{self, IoSlice, Seek, SeekFrom, Write};

use bytes::{Bytes, BytesMut};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::error::{Error, Result};

/// How much is gathered before a write starts; twice this is held at most, besides one item.
const BATCH: usize = 512 * 1024;
/// Items smaller than this are copied together.
const SMALL: usize = 16 * 1024;

/// A file and the bytes on their way to it.
pub(super) struct BlockingWriter {
    what: String,
    /// Not there while `job` has it, or after `job` was lost.
    file: Option<File>,
    job: Option<JoinHandle<(File, io::Result<()>)>>,
    queue: Vec<Bytes>,
    tail: BytesMut,
    queued: usize,
}

impl BlockingWriter {
    /// A writer to `file`, called `what` in messages.
    pub(super) fn new(what: String, file: File) -> Self {
        BlockingWriter {
            what,
            file: Some(file),
            job: None,
            queue: Vec::new(),
            tail: BytesMut::new(),
            queued: 0,
        }
    }

    /// Queues bytes, waiting for the write before last if there are too many.
    pub(super) async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.queued += bytes.len();
        if bytes.len() < SMALL {
            self.tail.extend_from_slice(&bytes);
        } else {
            self.queue_tail();
            self.queue.push(bytes);
        }
        if self.queued >= BATCH {
            self.launch().await
        } else {
            Ok(())
        }
    }

    /// Writes everything that is queued.
    pub(super) async fn drain(&mut self) -> Result<()> {
        self.launch().await?;
        self.settle().await
    }

    /// Runs `act` on the file once everything queued is written.
    pub(super) async fn with_file(
        &mut self,
        act: impl FnOnce(&mut File) -> io::Result<()> + Send + 'static,
    ) -> Result<()> {
        self.drain().await?;
        self.start(act);
        self.settle().await
    }

    fn queue_tail(&mut self) {
        if !self.tail.is_empty() {
            self.queue.push(self.tail.split().freeze());
        }
    }

    async fn launch(&mut self) -> Result<()> {
        self.settle().await?;
        self.queue_tail();
        self.queued = 0;
        let batch = std::mem::take(&mut self.queue);
        if !batch.is_empty() {
            self.start(move |file| write_all(file, &batch));
        }
        Ok(())
    }

    fn start(&mut self, act: impl FnOnce(&mut File) -> io::Result<()> + Send + 'static) {
        if let Some(mut file) = self.file.take() {
            self.job = Some(spawn_blocking(move || {
                let result = act(&mut file);
                (file, result)
            }));
        }
    }

    async fn settle(&mut self) -> Result<()> {
        if let Some(job) = &mut self.job {
            let finished = job.await;
            self.job = None;
            let (file, result) = finished.map_err(|e| self.failed(io::Error::other(e)))?;
            // Kept even after a failure: the owner may still want to remove or close it in order.
            self.file = Some(file);
            result.map_err(|e| self.failed(e))?;
        }
        match self.file {
            Some(_) => Ok(()),
            None => Err(self.failed(io::Error::other("an earlier write was given up"))),
        }
    }

    fn failed(&self, source: io::Error) -> Error {
        Error::io(format!("could not write to {}", self.what), source)
    }
}

fn write_all(file: &mut File, batch: &[Bytes]) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = batch.iter().map(|b| IoSlice::new(b)).collect();
    let mut rest = &mut slices[..];
    while !rest.is_empty() {
        match file.write_vectored(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => IoSlice::advance_slices(&mut rest, n),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Overwrites runs of bytes and returns to the end.
pub(super) fn patch(file: &mut File, patches: &[(u64, Bytes)]) -> io::Result<()> {
    for (offset, bytes) in patches {
        file.seek(SeekFrom::Start(*offset))?;
        file.write_all(bytes)?;
    }
    file.seek(SeekFrom::End(0)).map(drop)
}
