//! A tar archive off a pipe: member by member, each entry's data once, in the order in which it stands or, where that
//! was announced, in another.
//!
//! The list of large objects stands behind the objects, so that they are taken as they come and compared with
//! the list at the end.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bstr::{BString, ByteSlice};
use bytes::Bytes;

use super::aside::Aside;
use super::list_name;
use super::member::{content, end_of, next_member, skip_content, skip_padding};
use crate::archive::Problem;
use crate::archive::backend::Block;
use crate::archive::contents::Contents;
use crate::archive::directory::{INDEX_FILE, TOC_FILE, index_of, objects_of};
use crate::archive::index::{Index, SegmentRecord, Sums};
use crate::archive::input::Input;
use crate::archive::source::BytesSource;
use crate::compress::Framing;
use crate::error::{Error, ErrorKind, Result};
use crate::toc::{DumpId, Entry};

/// The members of a tar archive that can be read only once.
pub(crate) struct TarStream {
    input: Input,
    names: HashMap<DumpId, BString>,
    /// The lists of large objects in the archive's order, and how many of them have been passed.
    lists: Vec<(DumpId, String)>,
    passed_lists: usize,
    /// Members that have been passed, large objects aside.
    passed: HashSet<String>,
    /// Size of the member that has begun, and how much is left of it.
    size: u64,
    left: u64,
    group: Option<Group>,
    toc_crc32c: u32,
    /// What data has added up to that was read to its end, and whether rows or objects were counted.
    sums: HashMap<DumpId, (Sums, bool)>,
    /// What was passed and will be wanted.
    aside: Aside,
    /// The index came last, and what was read is what it says.
    proven: bool,
}

/// A group of large objects that is being read.
struct Group {
    list: String,
    /// The objects that came.
    seen: Vec<u32>,
    /// The next one, if its header has been read.
    next: Option<u32>,
}

impl TarStream {
    /// Reads the table of contents.
    ///
    /// # Errors
    /// `ErrorKind::Archive` if there is none or it is damaged.
    pub(crate) async fn open(mut input: Input) -> Result<(Contents<BString>, TarStream)> {
        let bytes = loop {
            let Some(member) = next_member(&mut input).await? else {
                return Err(missing(TOC_FILE));
            };
            if member.name == TOC_FILE {
                let bytes = content(&mut input, member.size).await?;
                skip_padding(&mut input, member.size).await?;
                break bytes;
            }
            skip_content(&mut input, member.size).await?;
        };
        let mut contents = Contents::read_named(&mut Input::new(Box::new(BytesSource::new(bytes)))).await?;
        let with_objects = |entry: &&Entry| entry.had_dumper && entry.desc.is_large_objects();
        let lists = contents
            .toc
            .iter()
            .filter(with_objects)
            .map(|entry| (entry.dump_id, list_name(entry.dump_id, contents.header.version)))
            .collect();
        let stream = TarStream {
            input,
            names: std::mem::take(&mut contents.own),
            lists,
            passed_lists: 0,
            passed: HashSet::new(),
            size: 0,
            left: 0,
            group: None,
            toc_crc32c: contents.crc32c,
            sums: HashMap::new(),
            aside: Aside::default(),
            proven: false,
        };
        Ok((contents, stream))
    }

    /// Bytes read from the source so far.
    pub(crate) fn delivered(&self) -> u64 {
        self.input.delivered()
    }

    pub(crate) fn seekable(&self) -> bool {
        false
    }

    /// What of a tar archive has checksums is told by its last member, which a pipe gives too late.
    pub(crate) fn sealed(&self) -> bool {
        self.proven
    }

    pub(crate) fn index(&self) -> Option<&Arc<Index>> {
        None
    }

    pub(crate) fn framing(&self) -> Framing {
        Framing::Raw
    }

    /// Keeps the sums for the index to come.
    pub(crate) async fn check(&mut self, id: DumpId, sums: &Sums, rows: bool) -> Result<()> {
        self.sums.insert(id, (*sums, rows));
        Ok(())
    }

    /// Passes over the rest, and says in a sentence each what is wrong with it and with what was read.
    ///
    /// # Errors
    /// `ErrorKind::Archive` if a header is damaged.
    pub(crate) async fn survey(&mut self) -> Result<Vec<Problem>> {
        let mut problems = Vec::new();
        while let Some(name) = self.next_name().await? {
            if name != INDEX_FILE {
                continue;
            }
            let content = content(&mut self.input, std::mem::take(&mut self.left)).await?;
            match index_of(&content) {
                Some(index) => problems.extend(self.against(&index)),
                None => problems.push(format!("the member \"{INDEX_FILE}\" is damaged").into()),
            }
            self.proven = problems.is_empty();
        }
        problems.extend(end_of(&mut self.input).await?.map(Problem::from));
        Ok(problems)
    }

    /// What was read and is not what the index says.
    fn against(&self, index: &Index) -> Vec<Problem> {
        let toc_is_right = index.toc_crc32c == self.toc_crc32c;
        let mut problems = Vec::new();
        if !toc_is_right {
            problems.push(Problem::from(
                "the table of contents does not match its checksum".to_owned(),
            ));
        }
        for (id, (sums, rows)) in &self.sums {
            let text = match index.block(*id) {
                _ if !toc_is_right => format!("what entry {id} is cannot be known for sure"),
                Some(block) if sums.are_those_of(&block.sums(), *rows) => continue,
                Some(_) => format!("the data of entry {id} does not match its checksum"),
                None => format!("the checksum of entry {id} is missing from the index"),
            };
            problems.push(Problem {
                entry: Some(*id),
                text,
            });
        }
        problems.sort_by_key(|problem| problem.entry);
        problems
    }

    pub(crate) async fn locate_segment(&mut self, _: DumpId, _: &SegmentRecord) -> Result<()> {
        Err(self.mismatch())
    }

    pub(crate) async fn locate_group(&mut self, _: DumpId, _: &SegmentRecord) -> Result<()> {
        Err(self.mismatch())
    }

    pub(crate) fn mismatch(&self) -> Error {
        Error::new(ErrorKind::Archive, "the data does not match its checksum")
    }

    /// What the table of contents says of an entry's data.
    pub(crate) fn place_note(&self, id: DumpId) -> Option<String> {
        self.names.get(&id).map(|name| format!("File: {name}"))
    }

    /// Announces which entries' data will be read: what of it is passed by is kept.
    pub(crate) fn expect(&mut self, ids: impl Iterator<Item = DumpId>) {
        self.aside.expect(ids);
    }

    /// Goes forward to an entry's data, or back to where it was kept.
    pub(crate) async fn locate(&mut self, entry: &Entry) -> Result<Block> {
        self.group = None;
        let list = self.lists.iter().position(|(id, _)| *id == entry.dump_id);
        if self.aside.enter(entry.dump_id).await? {
            return Ok(match list {
                Some(_) => Block::LargeObjects,
                None => Block::Data,
            });
        }
        if let Some(list) = list {
            self.locate_list(list).await?;
            return Ok(Block::LargeObjects);
        }
        let name = self.names.get(&entry.dump_id).map(|name| name.to_str_lossy());
        let name = name.unwrap_or_default().into_owned();
        if self.passed.contains(&name) {
            return Err(out_of_order(&name));
        }
        while let Some(found) = self.next_name().await? {
            if found == name {
                self.note_passed(&found);
                return Ok(Block::Data);
            }
            self.pass(&found).await?;
        }
        Err(missing(&name))
    }

    /// Goes to the first large object of a list.
    async fn locate_list(&mut self, at: usize) -> Result<()> {
        let list = self
            .lists
            .get(at)
            .map(|(_, name)| name.clone())
            .unwrap_or_default();
        if self.passed_lists > at {
            return Err(out_of_order(&list));
        }
        while let Some(name) = self.next_name().await? {
            // Objects that come before the list before this one are not of this group.
            let object = object_oid(&name).filter(|_| self.passed_lists == at);
            if object.is_some() || name == list {
                self.group = Some(Group {
                    list,
                    seen: Vec::new(),
                    next: object,
                });
                return match object {
                    Some(_) => Ok(()),
                    None => self.end_group().await,
                };
            }
            self.pass(&name).await?;
        }
        Err(missing(&list))
    }

    /// Passes the member that has begun, keeping its content if that will be wanted.
    async fn pass(&mut self, name: &str) -> Result<()> {
        let object = object_oid(name);
        let list = self
            .lists
            .iter()
            .find(|(_, list)| list == name)
            .map(|(id, _)| *id);
        let owner = match (list, object) {
            (Some(id), _) => Some(id),
            // Objects stand before their list.
            (None, Some(_)) => self.lists.get(self.passed_lists).map(|(id, _)| *id),
            (None, None) => self
                .names
                .iter()
                .find(|(_, of)| of.as_slice() == name.as_bytes())
                .map(|(id, _)| *id),
        };
        if let Some(id) = owner.filter(|id| self.aside.wants(*id)) {
            if list.is_some() {
                let seen = self.aside.objects(id);
                self.check_list(name, &seen).await?;
            } else {
                self.aside.begin(id, object, self.left).await?;
                while self.left > 0 {
                    let bytes = self.input.bytes(self.left).await?;
                    self.left -= bytes.len() as u64;
                    self.aside.keep(&bytes).await?;
                }
            }
        }
        self.note_passed(name);
        Ok(())
    }

    /// Goes to the next large object of the group; `None` after the last.
    pub(crate) async fn next_large_object(&mut self) -> Result<Option<u32>> {
        if self.aside.is_open() {
            return self.aside.next_part().await;
        }
        let Some(group) = &mut self.group else {
            return Ok(None);
        };
        if let Some(oid) = group.next.take() {
            group.seen.push(oid);
            return Ok(Some(oid));
        }
        let name = self.next_name().await?;
        let Some(group) = &mut self.group else {
            return Ok(None);
        };
        match name {
            Some(name) if name == group.list => {
                self.end_group().await?;
                Ok(None)
            }
            Some(name) => match object_oid(&name) {
                Some(oid) => {
                    group.seen.push(oid);
                    Ok(Some(oid))
                }
                None => Err(missing(&group.list)),
            },
            None => Err(missing(&group.list)),
        }
    }

    /// Reads the list that ends a group, whose header has been taken.
    async fn end_group(&mut self) -> Result<()> {
        let Some(group) = self.group.take() else {
            return Ok(());
        };
        self.note_passed(&group.list);
        self.check_list(&group.list, &group.seen).await
    }

    /// Reads the list that has begun, which must be of the objects that came.
    async fn check_list(&mut self, list: &str, seen: &[u32]) -> Result<()> {
        let content = content(&mut self.input, std::mem::take(&mut self.left)).await?;
        let listed = objects_of(&content, list)?;
        let named = listed.iter().all(|(oid, name)| object_oid(name) == Some(*oid));
        if named && listed.iter().map(|(oid, _)| oid).eq(seen) {
            Ok(())
        } else {
            Err(Error::new(
                ErrorKind::Archive,
                format!("the large objects in the archive are not those of its list \"{list}\""),
            ))
        }
    }

    /// The next bytes of the member, as many as are at hand but not more than `at_most`.
    pub(crate) async fn stored(&mut self, at_most: usize) -> Result<Option<Bytes>> {
        if self.aside.is_open() {
            return self.aside.stored(at_most).await;
        }
        if self.left == 0 {
            return Ok(None);
        }
        let bytes = self.input.bytes(self.left.min(at_most as u64)).await?;
        self.left -= bytes.len() as u64;
        Ok(Some(bytes))
    }

    /// Passes over what is left of the member and takes the next one's header.
    async fn next_name(&mut self) -> Result<Option<String>> {
        self.aside.leave();
        self.input.skip(std::mem::take(&mut self.left)).await?;
        skip_padding(&mut self.input, std::mem::take(&mut self.size)).await?;
        let member = next_member(&mut self.input).await?;
        Ok(member.map(|member| {
            self.size = member.size;
            self.left = member.size;
            member.name
        }))
    }

    fn note_passed(&mut self, name: &str) {
        if let Some(at) = self.lists.iter().position(|(_, list)| list == name) {
            self.passed_lists = self.passed_lists.max(at + 1);
        } else if object_oid(name).is_none() {
            self.passed.insert(name.to_owned());
        }
    }
}

fn object_oid(name: &str) -> Option<u32> {
    let oid = name.strip_prefix("blob_")?.strip_suffix(".dat")?.parse().ok()?;
    Some(oid).filter(|oid| *oid != 0)
}

/// What a member that is not there says to the user.
pub(crate) fn missing(name: &str) -> Error {
    Error::new(
        ErrorKind::Archive,
        format!("could not find header for file \"{name}\" in tar archive"),
    )
}

fn out_of_order(name: &str) -> Error {
    Error::new(
        ErrorKind::Archive,
        format!(
            "restoring data out of order is not supported in this archive format: \"{name}\" has been passed in \
             the non-seekable input file"
        ),
    )
}
