//! Writing to a file from async code: one blocking write under way while the next bytes are gathered, or, where
//! that was asked for, each write at once.

use std::fs::File;
use std::io::{self, IoSlice, Seek, SeekFrom, Write};
#[cfg(target_os = "linux")]
use std::num::NonZeroU64;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::error::{Error, Result};

/// How much is gathered before a write starts; twice this is held at most, besides one item.
const BATCH: usize = 512 * 1024;
/// How much is gathered before a write that is made at once: enough that the call costs little, and so little that
/// the bytes are still in the processor's cache.
const BATCH_AT_ONCE: usize = 64 * 1024;
/// So many bytes are sent on to the disk at once.
const WRITE_BACK: u64 = 8 << 20;
/// Items smaller than this are copied together.
const SMALL: usize = 16 * 1024;

/// A file and the bytes on their way to it.
pub(super) struct BlockingWriter {
    what: String,
    /// Not there while `job` has it, or after `job` was lost.
    file: Option<File>,
    job: Option<JoinHandle<(File, io::Result<()>)>>,
    /// Writes block the caller's thread.
    at_once: bool,
    /// What is written is sent on to the disk while more comes.
    write_back: bool,
    /// Bytes that were given to the file.
    given: u64,
    /// Those before this place are on their way to the disk.
    sent: u64,
    /// The thread that sends them.
    sending: Option<JoinHandle<()>>,
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
            at_once: false,
            write_back: false,
            given: 0,
            sent: 0,
            sending: None,
            queue: Vec::new(),
            tail: BytesMut::new(),
            queued: 0,
        }
    }

    /// Has each write block the caller's thread: where a file takes bytes as fast as memory does, handing them to
    /// another thread costs more than writing them.
    pub(super) fn at_once(mut self, at_once: bool) -> Self {
        self.at_once = at_once;
        self
    }

    /// Has the disk take in what is written while more comes, so that waiting until all of it is safe there does not
    /// begin with everything.
    pub(super) fn write_back(mut self, write_back: bool) -> Self {
        self.write_back = write_back;
        self
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
        let batch = if self.at_once { BATCH_AT_ONCE } else { BATCH };
        if self.queued >= batch {
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
        self.send_back();
        self.queue_tail();
        self.given += std::mem::take(&mut self.queued) as u64;
        let batch = std::mem::take(&mut self.queue);
        match &mut self.file {
            _ if batch.is_empty() => Ok(()),
            Some(file) if self.at_once => write_all(file, &batch).map_err(|e| self.failed(e)),
            _ => {
                self.start(move |file| write_all(file, &batch));
                Ok(())
            }
        }
    }

    /// Has another thread send on to the disk what was written, if that is enough and the last thread is done.
    fn send_back(&mut self) {
        let is_due = self.write_back && self.given - self.sent >= WRITE_BACK;
        if !is_due
            || self
                .sending
                .as_ref()
                .is_some_and(|sending| !sending.is_finished())
        {
            return;
        }
        // It is only a beginning: what fails here is found when all is synced.
        if let Some(Ok(file)) = self.file.as_ref().map(File::try_clone) {
            let range = self.sent..self.given;
            self.sent = self.given;
            self.sending = Some(spawn_blocking(move || begin_write_back(&file, range)));
        }
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

/// Starts sending part of a file to the disk, without waiting for it. That it need not stay in memory is true, and is
/// how the system is asked for it.
#[cfg(target_os = "linux")]
fn begin_write_back(file: &File, range: Range<u64>) {
    let length = NonZeroU64::new(range.end - range.start);
    let _ = rustix::fs::fadvise(file, range.start, length, rustix::fs::Advice::DontNeed);
}

#[cfg(not(target_os = "linux"))]
fn begin_write_back(_: &File, _: Range<u64>) {}

/// Overwrites runs of bytes and returns to the end.
pub(super) fn patch(file: &mut File, patches: &[(u64, Bytes)]) -> io::Result<()> {
    for (offset, bytes) in patches {
        file.seek(SeekFrom::Start(*offset))?;
        file.write_all(bytes)?;
    }
    file.seek(SeekFrom::End(0)).map(drop)
}
