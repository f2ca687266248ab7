//! Checking an archive without a server: is everything there, and is it what was dumped?
//!
//! Every entry's data is read as a restore would read it, so what passes here can be restored and what fails
//! cannot. Then comes the structure around it ([`Archive::survey`]). How much that proves depends on the archive:
//! those of this crate have checksums and row counts for everything, those of pg_dump what their compression
//! checks, COPY's end markers, and the order of things.

use crate::archive::Archive;
use crate::error::Result;
use crate::toc::{DumpId, Entry};

/// What a check has found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verification {
    /// Every part of the archive has a checksum.
    pub checksums: bool,
    /// The entries with data, in the archive's order.
    pub entries: Vec<VerifiedEntry>,
    /// What is wrong beside entries' own data, in a sentence each.
    pub problems: Vec<String>,
}

/// What a check has found of one entry's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedEntry {
    /// The entry.
    pub dump_id: DumpId,
    /// Rows in COPY format.
    pub rows: u64,
    /// Large objects.
    pub large_objects: u64,
    /// Bytes of data, decompressed.
    pub bytes: u64,
    /// Why it cannot be restored, if it cannot. The numbers above then say how far reading got.
    pub damage: Option<String>,
}

impl Verification {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty() && self.damaged().next().is_none()
    }

    /// The entries that cannot be restored.
    pub fn damaged(&self) -> impl Iterator<Item = &VerifiedEntry> {
        self.entries.iter().filter(|entry| entry.damage.is_some())
    }

    /// What was found of an entry, if it has data.
    pub fn entry(&self, id: DumpId) -> Option<&VerifiedEntry> {
        self.entries.iter().find(|entry| entry.dump_id == id)
    }
}

/// Checks an archive: header and table of contents have been read when it was opened, now all the rest is.
///
/// Nothing that is wrong with it is an error; all of it stands in the result.
pub async fn verify(archive: &mut Archive) -> Verification {
    let toc = archive.toc().clone();
    let data = || toc.iter().filter(|entry| entry.had_dumper);
    archive.expect(data().map(|entry| entry.dump_id));
    let mut verification = Verification::default();
    for entry in data() {
        let mut found = VerifiedEntry {
            dump_id: entry.dump_id,
            rows: 0,
            large_objects: 0,
            bytes: 0,
            damage: None,
        };
        if let Err(error) = read(archive, entry, &mut found).await {
            let mut damage = error.to_string();
            damage.push_str(&whole_segments(archive, entry.dump_id).await.unwrap_or_default());
            found.damage = Some(damage);
        }
        verification.entries.push(found);
    }
    let problems = archive.survey().await;
    for problem in problems.unwrap_or_else(|error| vec![error.to_string().into()]) {
        let entry = problem
            .entry
            .and_then(|id| verification.entries.iter_mut().find(|entry| entry.dump_id == id));
        match entry {
            Some(entry) => entry.damage = Some(problem.text),
            None => verification.problems.push(problem.text),
        }
    }
    // A tar file off a pipe has its checksums last.
    verification.checksums = archive.has_checksums();
    verification
}

async fn read(archive: &mut Archive, entry: &Entry, found: &mut VerifiedEntry) -> Result<()> {
    let id = entry.dump_id;
    if entry.desc.is_large_objects() {
        let mut objects = archive.open_large_objects(id).await?;
        while objects.next_object().await?.is_some() {
            found.large_objects += 1;
            while let Some(bytes) = objects.next().await? {
                found.bytes += bytes.len() as u64;
            }
        }
    } else if entry.copy_text().is_empty() {
        let mut data = archive.open_data(id).await?;
        while let Some(bytes) = data.next().await? {
            found.bytes += bytes.len() as u64;
        }
    } else {
        let mut rows = archive.open_data(id).await?.rows().counting();
        while let Some(bytes) = rows.next().await? {
            found.bytes += bytes.len() as u64;
        }
        found.rows = rows.counted();
    }
    Ok(())
}

/// What of a damaged entry's rows is whole, in a clause: `None` if the archive cannot tell.
async fn whole_segments(archive: &mut Archive, id: DumpId) -> Option<String> {
    let index = archive.index()?.clone();
    let block = index.block(id).filter(|block| !block.large_objects)?;
    let (mut damaged, mut rows) = (Vec::new(), 0);
    for (place, segment) in block.segments.iter().enumerate() {
        if read_segment(archive, id, place).await.is_ok() {
            rows += segment.sums.rows;
        } else {
            damaged.push((place + 1).to_string());
        }
    }
    let all = block.segments.len();
    (all > 1 && !damaged.is_empty() && damaged.len() < all).then(|| {
        format!(
            "; of its {all} segments these are damaged: {}; the others hold {rows} rows",
            damaged.join(", ")
        )
    })
}

async fn read_segment(archive: &mut Archive, id: DumpId, place: usize) -> Result<()> {
    let mut segment = archive.open_segments(id, place..place + 1).await?;
    while segment.next().await?.is_some() {}
    Ok(())
}
