//! Rows of a table and large objects, from the archive to the server.

use bstr::BString;

use super::batches::Batch;
use super::commands::Commands;
use super::incoming::Incoming;
use super::lane::{RestoreLane, Stop, server_error};
use super::report::EntryName;
use crate::error::{Error, Result};
use crate::script::large_object::{Contents, Style};
use crate::script::{Purpose, Statement};
use crate::toc::Entry;
use crate::wire::{CopyIn, ServerError};

/// How a COPY ended.
pub(super) enum Loaded {
    Rows(u64),
    /// The statement was not accepted.
    Refused(Box<ServerError>),
    /// The rows were not.
    Failed(Box<ServerError>),
    /// They were taken back, because those of another lane were refused.
    TakenBack,
}

impl RestoreLane<'_> {
    /// Streams rows into `COPY … FROM stdin`. A refusal ends the sending at once and costs these rows only.
    ///
    /// `frozen` is the statement to try first, if it is allowed to do more to the table than load rows.
    pub(super) async fn load(
        &mut self,
        copy: &[u8],
        frozen: Option<&[u8]>,
        rows: Incoming<'_>,
    ) -> Result<Loaded, Stop> {
        self.drain().await?;
        let mut count = |bytes| {
            self.done.bytes += bytes;
            self.progress.bytes(bytes);
        };
        if let Some(frozen) = frozen.filter(|_| !self.in_block) {
            match self.lane.copy_in(frozen).await {
                Ok(target) => return Ok(send(target, rows, &mut count).await?),
                // Whatever speaks against it, the rows can be loaded as ever, or it is told why not.
                Err(error) => {
                    let error = server_error(error)?;
                    if error.is_fatal() {
                        return Ok(Loaded::Refused(error));
                    }
                }
            }
        }
        match self.lane.copy_in(copy).await {
            Ok(target) => Ok(send(target, rows, &mut count).await?),
            Err(error) => Ok(Loaded::Refused(server_error(error)?)),
        }
    }

    /// Executes a statement that nothing is told about; says what the server has against it.
    pub(super) async fn refusal(&mut self, sql: &[u8]) -> Result<Option<Box<ServerError>>, Stop> {
        self.drain().await?;
        Ok(self.lane.simple(sql).await?.error)
    }

    /// Asks whom the server takes the session for, with nothing under way.
    pub(super) async fn current_user(&mut self) -> Result<BString, Stop> {
        let sql = b"SELECT current_user";
        let mut rows = self.lane.select(sql).await.map_err(Error::from)?;
        let mut user = BString::default();
        while let Some(row) = rows.next().await.map_err(Error::from)? {
            let text = row.values()?.next().transpose()?.flatten();
            user = text.unwrap_or_default().into();
        }
        Ok(user)
    }

    /// Tells how a COPY of all of an entry's rows ended.
    pub(super) fn loaded(&mut self, entry: &Entry, copy: &[u8], loaded: Loaded) -> Result<(), Stop> {
        let name = Some(EntryName::from(entry));
        match loaded {
            Loaded::Rows(count) => {
                self.report.rows += count;
                self.done.rows += count;
                Ok(())
            }
            Loaded::TakenBack => Ok(()),
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
        incoming: Incoming<'_>,
        entry: &Entry,
        standard_strings: bool,
    ) -> Result<(), Stop> {
        let mut stream = incoming.script().await?;
        let mut commands = Commands::new(standard_strings);
        while let Some(bytes) = stream.next().await? {
            self.count(bytes.len());
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
        incoming: Incoming<'_>,
        entry: &Entry,
        style: Style,
    ) -> Result<(), Stop> {
        // lo_put is there from 9.4 on; archives that create while opening predate it as well.
        if style.creates || !self.version().at_least(90_400) {
            return self.write_large_objects_one_by_one(incoming, entry, style).await;
        }
        let mut objects = incoming.objects().await?;
        let before = self.report.large_objects;
        let mut batch = Batch::new(style.standard_strings);
        while let Some(oid) = objects.next_object().await? {
            self.info(restoring_object(oid));
            let mut position = 0;
            while let Some(bytes) = objects.next().await? {
                self.count(bytes.len());
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

    fn count(&mut self, bytes: usize) {
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
        incoming: Incoming<'_>,
        entry: &Entry,
        style: Style,
    ) -> Result<(), Stop> {
        let mut objects = incoming.objects().await?;
        let before = self.report.large_objects;
        while let Some(oid) = objects.next_object().await? {
            self.info(restoring_object(oid));
            let mut sql = Vec::new();
            let mut contents = Contents::open(oid, style, &mut sql);
            while let Some(bytes) = objects.next().await? {
                self.count(bytes.len());
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

/// Sends rows to a COPY that has begun.
async fn send(
    mut target: CopyIn<'_>,
    rows: Incoming<'_>,
    count: &mut (dyn FnMut(u64) + Send),
) -> Result<Loaded> {
    let mut rows = match rows.rows().await {
        Ok(rows) => rows,
        Err(error) => return give_up(target, error).await,
    };
    loop {
        if rows.is_refused() {
            target.abort("another part of the rows was refused").await?;
            return Ok(Loaded::TakenBack);
        }
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
