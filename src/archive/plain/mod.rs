//! Plain output: the script a restore would run, with the data inline.
//!
//! [`PlainWriter`] takes its text from [`crate::script`] and data in the order of the table of contents, as
//! [`Plan::order`] has it. Data comes in segments, terminators included; large objects
//! become `lowrite` calls. It is written to whatever [`Sink`] it was given, and nothing is reordered or kept.

mod output;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};

use super::sink::Sink;
use super::{ArchiveWriter, CreatedAt, Framing, Header, Segment, WriteStats};
use crate::compress::Compression;
use crate::error::{Error, ErrorKind, Result};
use crate::script::large_object::{Contents, Style};
use crate::script::{Drops, Origin, Plan, Script, ScriptOptions, Step};
use crate::toc::{DumpId, Entry, Selection};
use output::Output;

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
    /// How the script is compressed: into gzip members or zstd frames one after another.
    pub compression: Compression,
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
            compression: Compression::NONE,
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
    ///
    /// # Errors
    /// `ErrorKind::Unsupported` for a compression method that this build cannot do.
    pub fn new(sink: Box<dyn Sink>, options: PlainOptions) -> Result<PlainWriter> {
        Ok(PlainWriter {
            out: Output::new(sink, &options.compression)?,
            options,
            run: None,
            data: Data::None,
            stats: WriteStats::default(),
        })
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
        self.out.framing()
    }

    async fn begin(&mut self, header: &Header, toc: &[Entry]) -> Result<()> {
        self.begin_shared(header, &Arc::new(toc.to_vec())).await
    }

    async fn begin_shared(&mut self, header: &Header, toc: &Arc<Vec<Entry>>) -> Result<()> {
        let origin = Origin {
            server_version: header.server_version.clone(),
            dumped_by: self.options.dumped_by.clone(),
            started_on: Some(header.created_at.to_string()),
            creates_large_objects: header.version.minor < 12,
        };
        let wanted = self.options.selection.select(toc)?;
        let plan = Arc::new(Plan::new(
            Arc::clone(toc),
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
            Data::Rows => self.out.encoded(segment.stored).await,
            Data::LargeObject(contents) => {
                let mut plain = self.out.plain(segment.stored)?;
                while let Some(bytes) = plain.next()? {
                    let mut text = Vec::new();
                    contents.write(&bytes, &mut text);
                    self.out.text(&text).await?;
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
        self.out.text(&text).await
    }

    async fn end_large_object(&mut self) -> Result<()> {
        match std::mem::replace(&mut self.data, Data::LargeObjects) {
            Data::LargeObject(contents) => {
                let mut text = Vec::new();
                contents.close(&mut text);
                self.out.text(&text).await
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

fn not_begun() -> Error {
    misuse("the script was not begun")
}

fn misuse(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Usage, what)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::{ArchiveVersion, COPY_END, Format, VecSink, encode_segment};
    use super::*;
    use crate::compress::StreamDecoder;
    use crate::toc::{Desc, Section};

    fn header() -> Header {
        Header {
            version: ArchiveVersion::V1_16,
            format: Format::Plain,
            compression: Compression::NONE,
            created_at: CreatedAt::now(),
            database: Some("db".into()),
            server_version: Some("18.6".into()),
            dumper_version: None,
            int_size: 4,
            offset_size: 8,
        }
    }

    fn toc() -> Vec<Entry> {
        let data = |id, desc, tag: &str| Entry {
            had_dumper: true,
            copy_statement: (desc == Desc::TableData).then(|| "COPY t (a) FROM stdin;\n".into()),
            ..Entry::new(DumpId(id), desc, tag, Section::Data)
        };
        vec![
            data(1, Desc::TableData, "t"),
            data(2, Desc::TableData, "u"),
            data(3, Desc::Blobs, "BLOBS"),
        ]
    }

    /// A script of two tables and a large object; returns the sink's bytes.
    async fn script(compression: Compression) -> (Framing, Vec<u8>) {
        let sink = VecSink::new();
        let options = PlainOptions {
            compression,
            ..PlainOptions::default()
        };
        let mut writer = PlainWriter::new(Box::new(sink.clone()), options).unwrap();
        let framing = writer.framing();
        let segment = |bytes: &'static [u8]| {
            encode_segment(framing, &compression, [Bytes::from_static(bytes)], 1).unwrap()
        };
        writer.begin(&header(), &toc()).await.unwrap();
        assert_eq!(writer.data_order(), [DumpId(1), DumpId(2), DumpId(3)]);
        for id in [1, 2] {
            writer.begin_data(DumpId(id)).await.unwrap();
            writer.append(segment(b"1\n")).await.unwrap();
            writer.append(segment(COPY_END)).await.unwrap();
            writer.end_data().await.unwrap();
        }
        writer.begin_large_objects(DumpId(3)).await.unwrap();
        writer.begin_large_object(77).await.unwrap();
        writer.append(segment(b"\x01")).await.unwrap();
        writer.append(segment(b"\x02")).await.unwrap();
        writer.end_large_object().await.unwrap();
        writer.end_large_objects().await.unwrap();
        let stats = writer.finish().await.unwrap();
        let bytes = sink.bytes();
        assert_eq!((stats.bytes, stats.segments), (bytes.len() as u64, 6));
        (framing, bytes)
    }

    #[tokio::test]
    async fn a_compressed_script_is_the_same_script() {
        let (_, plain) = script(Compression::NONE).await;
        let text = plain.to_str().unwrap();
        assert!(
            text.contains("COPY t (a) FROM stdin;\n1\n\\.\n\n\n--\n-- Data for Name: u;"),
            "{text}"
        );
        assert!(text.contains(
            "BEGIN;\n\nSELECT pg_catalog.lo_open('77', 131072);\nSELECT pg_catalog.lowrite(0, '\\\\x0102');\n"
        ));
        for compression in [Compression::GZIP, Compression::ZSTD] {
            let (framing, stored) = script(compression).await;
            assert_ne!(stored, plain);
            let mut decoder = StreamDecoder::new(framing).unwrap();
            let mut decoded = vec![0; plain.len() + 1];
            let length = decoder.decode(&mut &stored[..], &mut decoded).unwrap();
            decoder.finish().unwrap();
            assert_eq!(decoded[..length].as_bstr(), plain.as_bstr());
        }
    }

    #[tokio::test]
    async fn data_that_is_missing_or_out_of_order_is_an_error() {
        let sink = VecSink::new();
        let mut writer = PlainWriter::new(Box::new(sink.clone()), PlainOptions::default()).unwrap();
        assert!(writer.begin_data(DumpId(1)).await.is_err(), "not begun");
        writer.begin(&header(), &toc()).await.unwrap();
        let error = writer.begin_data(DumpId(2)).await.unwrap_err();
        assert_eq!(error.to_string(), "the data of entry 1 is missing");

        let mut writer = PlainWriter::new(Box::new(sink), PlainOptions::default()).unwrap();
        writer.begin(&header(), &toc()).await.unwrap();
        writer.begin_data(DumpId(1)).await.unwrap();
        assert!(writer.begin_data(DumpId(2)).await.is_err(), "within other data");
        assert!(writer.end_large_objects().await.is_err());
    }
}
