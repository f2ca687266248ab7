//! Rows of a table and large objects, from the archive to the server.

use bstr::BString;

use super::batches::Batch;
use super::commands::Commands;
use super::lane::{RestoreLane, Stop, server_error};
use super::report::EntryName;
use crate::archive::Archive;
use crate::error::{Error, Result};
use crate::script::large_object::{Contents, Style};
use crate::script::{Purpose, Statement};
use crate::toc::Entry;
use crate::wire::{CopyIn, Lane, ServerError};

impl RestoreLane<'_> {
    /// Streams an entry's rows into `COPY … FROM stdin`. A refusal ends the sending at once and costs this
    /// entry only.
    pub(super) async fn copy_rows(
        &mut self,
        archive: &mut Archive,
        entry: &Entry,
        copy: &[u8],
    ) -> Result<(), Stop> {
        self.drain().await?;
        let name = Some(EntryName::from(entry));
        let mut count = |bytes| {
            self.done.bytes += bytes;
            self.progress.bytes(bytes);
        };
        match load(&mut self.lane, archive, entry, copy, &mut count).await? {
            Loaded::Rows(count) => {
                self.report.rows += count;
                self.done.rows += count;
                Ok(())
            }
            Loaded::Refused(error) => {
                let report = error.report(Some(copy));
                let message = [
                    b"could not execute query: ",
                    report.as_bytes(),
                    b"\nCommand was: ",
                    copy,
                ];
                self.failed(name, message.concat().into(), Some(copy.into()), &error)
            }
            Loaded::Failed(error) => {
                let message = format!("COPY failed for table \"{}\": {}", entry.tag, error.report(None));
                self.failed(name, message.into(), None, &error)
            }
        }
    }

    /// Executes an entry's data where it is SQL commands, one by one.
    pub(super) async fn run_commands(
        &mut self,
        archive: &mut Archive,
        entry: &Entry,
        standard_strings: bool,
    ) -> Result<(), Stop> {
        let mut stream = archive.open_data(entry.dump_id).await?;
        let mut commands = Commands::new(standard_strings);
        while let Some(bytes) = stream.next().await? {
            self.loaded(bytes.len());
            commands.push(&bytes);
            while let Some(sql) = commands.next() {
                let statement = Statement {
                    sql,
                    purpose: Purpose::Execute,
                };
                self.statement(Some(entry), statement).await?;
            }
        }
        Ok(())
    }

    /// Writes an entry's large objects, many in one statement.
    pub(super) async fn write_large_objects(
        &mut self,
        archive: &mut Archive,
        entry: &Entry,
        style: Style,
    ) -> Result<(), Stop> {
        // lo_put is there from 9.4 on; archives that create while opening predate it as well.
        if style.creates || !self.version().at_least(90_400) {
            return self.write_large_objects_one_by_one(archive, entry, style).await;
        }
        let mut objects = archive.open_large_objects(entry.dump_id).await?;
        let before = self.report.large_objects;
        let mut batch = Batch::new(style.standard_strings);
        while let Some(oid) = objects.next_object().await? {
            self.info(restoring_object(oid));
            let mut position = 0;
            while let Some(bytes) = objects.next().await? {
                self.loaded(bytes.len());
                batch.push(oid, position, &bytes);
                position += bytes.len() as u64;
                if batch.is_full() {
                    self.send_batch(entry, &mut batch).await?;
                }
            }
            self.report.large_objects += 1;
        }
        self.send_batch(entry, &mut batch).await?;
        self.tell_large_objects(before);
        Ok(())
    }

    fn loaded(&mut self, bytes: usize) {
        self.done.bytes += bytes as u64;
        self.progress.bytes(bytes as u64);
    }

    fn tell_large_objects(&mut self, before: u64) {
        let count = self.report.large_objects - before;
        self.done.rows += count;
        self.info(restored_objects(count));
    }

    async fn send_batch(&mut self, entry: &Entry, batch: &mut Batch) -> Result<(), Stop> {
        match batch.take() {
            Some((sql, first, last)) => self.large_objects(entry, &sql, first, last).await,
            None => Ok(()),
        }
    }

    async fn write_large_objects_one_by_one(
        &mut self,
        archive: &mut Archive,
        entry: &Entry,
        style: Style,
    ) -> Result<(), Stop> {
        let mut objects = archive.open_large_objects(entry.dump_id).await?;
        let before = self.report.large_objects;
        while let Some(oid) = objects.next_object().await? {
            self.info(restoring_object(oid));
            let mut sql = Vec::new();
            let mut contents = Contents::open(oid, style, &mut sql);
            while let Some(bytes) = objects.next().await? {
                self.loaded(bytes.len());
                contents.write(&bytes, &mut sql);
                self.large_objects(entry, &std::mem::take(&mut sql), oid, oid)
                    .await?;
            }
            contents.close(&mut sql);
            self.large_objects(entry, &sql, oid, oid).await?;
            self.report.large_objects += 1;
        }
        self.tell_large_objects(before);
        Ok(())
    }
}

/// Said before a large object is written.
pub(super) fn restoring_object(oid: u32) -> BString {
    format!("restoring large object with OID {oid}").into()
}

/// Said after an entry's large objects have been written.
pub(super) fn restored_objects(count: u64) -> BString {
    let plural = if count == 1 { "" } else { "s" };
    format!("restored {count} large object{plural}").into()
}

/// How a COPY ended.
enum Loaded {
    Rows(u64),
    /// The statement was not accepted.
    Refused(Box<ServerError>),
    /// The rows were not.
    Failed(Box<ServerError>),
}

async fn load(
    lane: &mut Lane,
    archive: &mut Archive,
    entry: &Entry,
    copy: &[u8],
    count: &mut (dyn FnMut(u64) + Send),
) -> Result<Loaded> {
    let mut target = match lane.copy_in(copy).await {
        Ok(target) => target,
        Err(error) => return Ok(Loaded::Refused(server_error(error)?)),
    };
    let mut rows = match archive.open_data(entry.dump_id).await {
        Ok(stream) => stream.rows(),
        Err(error) => return give_up(target, error).await,
    };
    loop {
        let sent = match rows.next().await {
            Ok(Some(bytes)) => {
                count(bytes.len() as u64);
                target.send(&bytes).await
            }
            Ok(None) => break,
            Err(error) => return give_up(target, error).await,
        };
        if let Err(error) = sent {
            return Ok(Loaded::Failed(server_error(error)?));
        }
    }
    match target.finish().await {
        Ok(count) => Ok(Loaded::Rows(count)),
        Err(error) => Ok(Loaded::Failed(server_error(error)?)),
    }
}

/// Takes back the rows sent so far: what the archive holds is damaged.
async fn give_up(target: CopyIn<'_>, error: Error) -> Result<Loaded> {
    target.abort("the archive is damaged").await?;
    Err(error)
}
