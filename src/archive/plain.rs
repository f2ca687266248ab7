//! Plain output: the script a restore would run, with the data inline.
//!
//! [`PlainWriter`] takes its text from [`crate::script`] and data in the order of the table of contents, as
//! [`Plan::order`] has it. Data comes as [`Framing::Raw`] segments, terminators included; large objects
//! become `lowrite` calls. It is written to whatever [`Sink`] it was given, and nothing is reordered or kept.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};
use bytes::{Bytes, BytesMut};

use super::sink::Sink;
use super::{ArchiveWriter, CreatedAt, Framing, Header, Segment, WriteStats};
use crate::error::{Error, ErrorKind, Result};
use crate::script::large_object::{Contents, Style};
use crate::script::{Drops, Origin, Plan, Script, ScriptOptions, Step};
use crate::toc::{DumpId, Entry, Selection};

/// Text is gathered up to this before it goes to the sink.
const GATHERED: usize = 64 * 1024;

/// What is told while a script is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told<'a> {
    /// What is being written.
    Info(&'a BStr),
    /// What the script cannot do as it should.
    Warning(&'a BStr),
}

/// Is told about the writing of a script.
pub type Listener = Arc<dyn Fn(Told<'_>) + Send + Sync>;

/// What a script holds and how.
#[derive(Clone)]
pub struct PlainOptions {
    /// How entries become SQL.
    pub script: ScriptOptions,
    /// Which entries.
    pub selection: Selection,
    /// Program and version for the script's first lines, as in `pg_dump version 18.6`.
    pub dumped_by: Option<BString>,
    /// Lines that verbose scripts show with an entry: where in an archive its data is.
    pub places: HashMap<DumpId, String>,
    /// Is told what happens.
    pub listener: Listener,
}

impl Default for PlainOptions {
    fn default() -> Self {
        PlainOptions {
            script: ScriptOptions::default(),
            selection: Selection::default(),
            dumped_by: None,
            places: HashMap::new(),
            listener: Arc::new(|_| ()),
        }
    }
}

/// Writes a script.
pub struct PlainWriter {
    out: Output,
    options: PlainOptions,
    run: Option<Run>,
    data: Data,
    stats: WriteStats,
}

/// What is left to write.
struct Run {
    script: Script,
    entries: VecDeque<DumpId>,
    /// What follows the data that is being written.
    rest: VecDeque<Step>,
}

/// Which data is being written.
enum Data {
    None,
    Rows,
    LargeObjects,
    LargeObject(Contents),
}

impl PlainWriter {
    /// A writer to `sink`.
    pub fn new(sink: Box<dyn Sink>, options: PlainOptions) -> PlainWriter {
        PlainWriter {
            out: Output {
                sink,
                text: BytesMut::new(),
                written: 0,
            },
            options,
            run: None,
            data: Data::None,
            stats: WriteStats::default(),
        }
    }

    /// The entries whose data is yet to be written, in the script's order; empty before it was begun.
    pub fn data_order(&self) -> Vec<DumpId> {
        let Some(run) = &self.run else {
            return Vec::new();
        };
        let plan = run.script.plan();
        let has_data =
            |id: &DumpId| plan.wanted(*id).data && plan.entry(*id).is_some_and(|entry| entry.had_dumper);
        run.entries.iter().copied().filter(has_data).collect()
    }

    /// Writes on to the data of an entry.
    async fn advance_to(&mut self, id: DumpId, is_data: fn(&Step) -> bool) -> Result<()> {
        if !matches!(self.data, Data::None) {
            return Err(misuse(format!("data of entry {id} begins within other data")));
        }
        while let Some(next) = self.next_entry()? {
            while let Some(step) = self.run()?.rest.pop_front() {
                if next == id && is_data(&step) {
                    return self.write_step(&step).await;
                }
                self.write_other(next, &step).await?;
            }
        }
        Err(misuse(format!(
            "data of entry {id} comes out of order, or none is wanted"
        )))
    }

    /// Writes what is left of the entry.
    async fn finish_entry(&mut self) -> Result<()> {
        while let Some(step) = self.run()?.rest.pop_front() {
            self.write_step(&step).await?;
        }
        Ok(())
    }

    /// Makes the steps of the next entry ready.
    fn next_entry(&mut self) -> Result<Option<DumpId>> {
        let places = &self.options.places;
        let run = self.run.as_mut().ok_or_else(not_begun)?;
        let Some(id) = run.entries.pop_front() else {
            return Ok(None);
        };
        let place = places.get(&id).map(|place| place.as_bytes().as_bstr());
        run.rest = run.script.restore(id, place)?.into();
        Ok(Some(id))
    }

    /// Writes a step for which no data was announced.
    async fn write_other(&mut self, id: DumpId, step: &Step) -> Result<()> {
        match step {
            Step::Rows(_) | Step::LargeObjects => Err(misuse(format!("the data of entry {id} is missing"))),
            step => self.write_step(step).await,
        }
    }

    async fn write_step(&mut self, step: &Step) -> Result<()> {
        match step {
            Step::Info(message) => (self.options.listener)(Told::Info(message.as_bstr())),
            Step::Warning(message) => (self.options.listener)(Told::Warning(message.as_bstr())),
            _ => {}
        }
        self.out.text(step.text()).await
    }

    async fn write_steps(&mut self, steps: Vec<Step>) -> Result<()> {
        for step in steps {
            self.write_step(&step).await?;
        }
        Ok(())
    }

    fn run(&mut self) -> Result<&mut Run> {
        self.run.as_mut().ok_or_else(not_begun)
    }

    fn large_object_style(&mut self) -> Result<Style> {
        let plan = self.run()?.script.plan();
        Ok(Style {
            standard_strings: plan.settings().standard_strings,
            creates: plan.origin().creates_large_objects,
            drops: plan.options().drops != Drops::None,
        })
    }
}

impl ArchiveWriter for PlainWriter {
    fn framing(&self) -> Framing {
        Framing::Raw
    }

    async fn begin(&mut self, header: &Header, toc: &[Entry]) -> Result<()> {
        let origin = Origin {
            server_version: header.server_version.clone(),
            dumped_by: self.options.dumped_by.clone(),
            started_on: Some(header.created_at.to_string()),
            creates_large_objects: header.version.minor < 12,
        };
        let wanted = self.options.selection.select(toc)?;
        let plan = Arc::new(Plan::new(
            toc.to_vec(),
            wanted,
            self.options.script.clone(),
            origin,
        )?);
        let mut script = Script::new(Arc::clone(&plan));
        self.write_steps(script.begin()).await?;
        for id in plan.drops() {
            self.write_steps(script.drop_object(id)).await?;
        }
        script.after_drops();
        self.run = Some(Run {
            script,
            entries: plan.order().into(),
            rest: VecDeque::new(),
        });
        Ok(())
    }

    async fn begin_data(&mut self, id: DumpId) -> Result<()> {
        self.advance_to(id, |step| matches!(step, Step::Rows(_))).await?;
        self.data = Data::Rows;
        Ok(())
    }

    async fn append(&mut self, segment: Segment) -> Result<()> {
        self.stats.plain_bytes += segment.plain_len;
        self.stats.stored_bytes += segment.stored_len;
        self.stats.segments += 1;
        self.stats.rows += segment.rows;
        match &mut self.data {
            Data::Rows => {
                for bytes in segment.stored {
                    self.out.bytes(bytes).await?;
                }
                Ok(())
            }
            Data::LargeObject(contents) => {
                for bytes in segment.stored {
                    let mut text = Vec::new();
                    contents.write(&bytes, &mut text);
                    self.out.bytes(text.into()).await?;
                }
                Ok(())
            }
            Data::None | Data::LargeObjects => Err(misuse("a segment comes where no data was begun")),
        }
    }

    async fn end_data(&mut self) -> Result<()> {
        match std::mem::replace(&mut self.data, Data::None) {
            Data::Rows => self.finish_entry().await,
            _ => Err(misuse("rows end that were not begun")),
        }
    }

    async fn begin_large_objects(&mut self, id: DumpId) -> Result<()> {
        self.advance_to(id, |step| matches!(step, Step::LargeObjects))
            .await?;
        self.data = Data::LargeObjects;
        Ok(())
    }

    async fn begin_large_object(&mut self, oid: u32) -> Result<()> {
        if !matches!(self.data, Data::LargeObjects) {
            return Err(misuse("a large object begins outside of a group"));
        }
        let mut text = Vec::new();
        self.data = Data::LargeObject(Contents::open(oid, self.large_object_style()?, &mut text));
        self.out.bytes(text.into()).await
    }

    async fn end_large_object(&mut self) -> Result<()> {
        match std::mem::replace(&mut self.data, Data::LargeObjects) {
            Data::LargeObject(contents) => {
                let mut text = Vec::new();
                contents.close(&mut text);
                self.out.bytes(text.into()).await
            }
            _ => Err(misuse("a large object ends that was not begun")),
        }
    }

    async fn end_large_objects(&mut self) -> Result<()> {
        match std::mem::replace(&mut self.data, Data::None) {
            Data::LargeObjects => self.finish_entry().await,
            _ => Err(misuse("large objects end that were not begun")),
        }
    }

    async fn finish(mut self) -> Result<WriteStats> {
        if !matches!(self.data, Data::None) {
            return Err(misuse("the script ends within data"));
        }
        while let Some(id) = self.next_entry()? {
            while let Some(step) = self.run()?.rest.pop_front() {
                self.write_other(id, &step).await?;
            }
        }
        let completed_on = CreatedAt::now().to_string();
        let last = self.run()?.script.end(Some(&completed_on));
        self.write_steps(last).await?;
        self.stats.bytes = self.out.finish().await?;
        Ok(self.stats)
    }
}

/// The sink, and text on its way there.
struct Output {
    sink: Box<dyn Sink>,
    text: BytesMut,
    written: u64,
}

impl Output {
    async fn text(&mut self, text: &[u8]) -> Result<()> {
        self.text.extend_from_slice(text);
        if self.text.len() < GATHERED {
            Ok(())
        } else {
            self.flush().await
        }
    }

    async fn bytes(&mut self, bytes: Bytes) -> Result<()> {
        if bytes.len() < GATHERED / 4 {
            return self.text(&bytes).await;
        }
        self.flush().await?;
        self.written += bytes.len() as u64;
        self.sink.write(bytes).await
    }

    async fn flush(&mut self) -> Result<()> {
        if self.text.is_empty() {
            return Ok(());
        }
        self.written += self.text.len() as u64;
        self.sink.write(self.text.split().freeze()).await
    }

    async fn finish(mut self) -> Result<u64> {
        self.flush().await?;
        self.sink.finish().await?;
        Ok(self.written)
    }
}

fn not_begun() -> Error {
    misuse("the script was not begun")
}

fn misuse(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Usage, what)
}
