//! A restore that writes its SQL instead of executing it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bstr::{BStr, BString, ByteSlice};
use bytes::Bytes;

use super::Restore;
use super::report::{Observer, Report};
use crate::archive::plain::{Listener, PlainOptions, PlainWriter, Told};
use crate::archive::{Archive, ArchiveWriter, COPY_END, Framing, Sink, encode_segment};
use crate::compress::Compression;
use crate::error::Result;
use crate::toc::DumpId;

impl Restore {
    /// Writes the script to `sink`, which is complete when this returns.
    ///
    /// # Errors
    /// A damaged archive, an entry that cannot be made into SQL, or a sink that fails.
    pub async fn to_script(mut self, sink: Box<dyn Sink>, observer: &mut dyn Observer) -> Result<Report> {
        self.tell_implied(observer);
        let messages = Messages::default();
        let options = PlainOptions {
            script: self.options.script.clone(),
            selection: self.options.selection.clone(),
            dumped_by: self.dumped_by(),
            places: self.places(),
            listener: messages.listener(),
            ..PlainOptions::default()
        };
        let mut report = Report::default();
        let mut writer = PlainWriter::new(sink, options)?;
        writer.begin(self.archive.header(), &self.toc).await?;
        for id in writer.data_order() {
            copy(&mut self.archive, id, &mut writer, &messages, &mut report).await?;
            messages.pass_on(observer);
        }
        self.archive.finish().await?;
        writer.finish().await?;
        messages.pass_on(observer);
        report.entries = self.wanted.iter().filter(|wanted| wanted.is_any()).count() as u64;
        Ok(report)
    }
}

/// What the writer told, kept until the observer can be reached.
#[derive(Clone, Default)]
struct Messages {
    waiting: Arc<Mutex<Vec<(bool, BString)>>>,
}

impl Messages {
    fn listener(&self) -> Listener {
        let messages = self.clone();
        Arc::new(move |told| match told {
            Told::Info(message) => messages.push(false, message),
            Told::Warning(message) => messages.push(true, message),
        })
    }

    fn push(&self, is_warning: bool, message: &BStr) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push((is_warning, message.into()));
    }

    fn pass_on(&self, observer: &mut dyn Observer) {
        for (is_warning, message) in self
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .drain(..)
        {
            if is_warning {
                observer.warning(message.as_bstr());
            } else {
                observer.info(message.as_bstr());
            }
        }
    }
}

impl Restore {
    fn places(&self) -> HashMap<DumpId, String> {
        if !self.options.script.verbose {
            return HashMap::new();
        }
        self.toc
            .iter()
            .filter_map(|entry| Some((entry.dump_id, self.archive.place_note(entry.dump_id)?)))
            .collect()
    }
}

/// Copies the data of one entry.
async fn copy(
    archive: &mut Archive,
    id: DumpId,
    writer: &mut PlainWriter,
    messages: &Messages,
    report: &mut Report,
) -> Result<()> {
    let raw = |bytes| encode_segment(Framing::Raw, &Compression::NONE, [bytes], 0);
    if archive
        .entry(id)
        .is_some_and(|entry| entry.desc.is_large_objects())
    {
        writer.begin_large_objects(id).await?;
        let mut objects = archive.open_large_objects(id).await?;
        let before = report.large_objects;
        while let Some(oid) = objects.next_object().await? {
            messages.push(false, super::data::restoring_object(oid).as_bstr());
            writer.begin_large_object(oid).await?;
            while let Some(bytes) = objects.next().await? {
                writer.append(raw(bytes)?).await?;
            }
            writer.end_large_object().await?;
            report.large_objects += 1;
        }
        messages.push(
            false,
            super::data::restored_objects(report.large_objects - before).as_bstr(),
        );
        return writer.end_large_objects().await;
    }
    writer.begin_data(id).await?;
    let is_copy = archive
        .entry(id)
        .is_some_and(|entry| !entry.copy_text().is_empty());
    let mut data = archive.open_data(id).await?;
    if is_copy {
        // Rows without their end marker are not all of the rows.
        let mut rows = data.rows();
        while let Some(bytes) = rows.next().await? {
            writer.append(raw(bytes)?).await?;
        }
        writer.append(raw(Bytes::from_static(COPY_END))?).await?;
    } else {
        while let Some(bytes) = data.next().await? {
            writer.append(raw(bytes)?).await?;
        }
    }
    writer.end_data().await
}
