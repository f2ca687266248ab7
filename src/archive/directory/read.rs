//! Reading directory archives: the file of an entry, or the files of its large objects one after another.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bstr::{BString, ByteSlice};
use bytes::Bytes;

use super::{INDEX_FILE, KINDS, TOC_FILE, safe_name};
use crate::archive::backend::Block;
use crate::archive::contents::Contents;
use crate::archive::folder::FolderSource;
use crate::archive::index::{FOOTER, Footer, Index, SegmentRecord, Sums};
use crate::archive::input::Input;
use crate::archive::tar;
use crate::archive::{ArchiveVersion, Format};
use crate::compress::Framing;
use crate::error::{Error, ErrorKind, Result};
use crate::toc::{DumpId, Entry};

/// The longest list of large objects, or index, that is read; some hundred million objects.
const LONGEST_LIST: u64 = 1 << 32;

/// The files of a directory archive.
pub(crate) struct DirectoryReader {
    folder: Arc<dyn FolderSource>,
    names: Arc<HashMap<DumpId, BString>>,
    /// The version of an archive that is a tar file, where lists of large objects are not called what the table
    /// of contents says.
    tar_version: Option<ArchiveVersion>,
    index: Option<Arc<Index>>,
    /// The file that is being read.
    file: Option<Input>,
    framing: Framing,
    /// The large objects to come.
    objects: VecDeque<(u32, String)>,
    /// Bytes read from files that are closed.
    delivered: u64,
}

impl DirectoryReader {
    /// Reads `toc.dat` and, where there is one, the index. `format`: whether the files are those of a directory or
    /// members of a tar file.
    ///
    /// # Errors
    /// `ErrorKind::Archive` if there is no `toc.dat`, or it or the index is damaged.
    pub(crate) async fn open(
        folder: Arc<dyn FolderSource>,
        format: Format,
    ) -> Result<(Contents<BString>, DirectoryReader)> {
        let Some(source) = folder.open(TOC_FILE).await? else {
            if format == Format::Tar {
                return Err(tar::missing(TOC_FILE));
            }
            return Err(Error::new(
                ErrorKind::Archive,
                format!(
                    "directory \"{}\" does not appear to be a valid archive (\"{TOC_FILE}\" does not exist)",
                    folder.name()
                ),
            ));
        };
        let mut input = Input::new(source);
        let mut contents = Contents::read_named(&mut input).await?;
        contents.header.format = format;
        let index = read_index(&folder).await?;
        if index
            .as_ref()
            .is_some_and(|index| index.toc_crc32c != contents.crc32c)
        {
            return Err(Error::new(
                ErrorKind::Archive,
                "the table of contents does not match its checksum",
            ));
        }
        let reader = DirectoryReader {
            names: Arc::new(std::mem::take(&mut contents.own)),
            folder,
            tar_version: Some(contents.header.version).filter(|_| format == Format::Tar),
            index: index.map(Arc::new),
            file: None,
            framing: Framing::Raw,
            objects: VecDeque::new(),
            delivered: input.delivered(),
        };
        Ok((contents, reader))
    }

    /// Another reader of the same files.
    pub(crate) fn reopen(&self) -> DirectoryReader {
        DirectoryReader {
            folder: Arc::clone(&self.folder),
            names: Arc::clone(&self.names),
            tar_version: self.tar_version,
            index: self.index.clone(),
            file: None,
            framing: Framing::Raw,
            objects: VecDeque::new(),
            delivered: 0,
        }
    }

    pub(crate) fn seekable(&self) -> bool {
        true
    }

    pub(crate) fn delivered(&self) -> u64 {
        self.delivered + self.file.as_ref().map_or(0, Input::delivered)
    }

    pub(crate) fn sealed(&self) -> bool {
        self.index.is_some()
    }

    pub(crate) fn index(&self) -> Option<&Arc<Index>> {
        self.index.as_ref()
    }

    pub(crate) fn place_note(&self, id: DumpId) -> Option<String> {
        self.names
            .get(&id)
            .filter(|name| !name.is_empty())
            .map(|name| format!("File: {name}"))
    }

    /// The lengths of the entries' files, as far as they are known; one that cannot be opened has none.
    pub(crate) async fn file_sizes(&self) -> HashMap<DumpId, u64> {
        let mut sizes = HashMap::new();
        for (id, name) in self.names.iter().filter(|(_, name)| !name.is_empty()) {
            let Ok(name) = name.to_str() else { continue };
            if !safe_name(name) {
                continue;
            }
            for (_, _, ending) in KINDS {
                let file = self.folder.open(&format!("{name}{ending}")).await;
                if let Ok(Some(file)) = file
                    && let Some(size) = file.size()
                {
                    sizes.insert(*id, size);
                    break;
                }
            }
        }
        sizes
    }

    pub(crate) fn framing(&self) -> Framing {
        self.framing
    }

    pub(crate) async fn locate(&mut self, entry: &Entry) -> Result<Block> {
        if entry.desc.is_large_objects() {
            self.open_list_of(entry.dump_id).await?;
            Ok(Block::LargeObjects)
        } else {
            let name = self.name_of(entry.dump_id)?;
            self.open_file(&name).await?;
            Ok(Block::Data)
        }
    }

    pub(crate) async fn locate_segment(&mut self, id: DumpId, segment: &SegmentRecord) -> Result<()> {
        let name = self.name_of(id)?;
        self.open_file(&name).await?;
        match &mut self.file {
            Some(file) => file.seek(segment.offset).await,
            None => Ok(()),
        }
    }

    pub(crate) async fn locate_group(&mut self, id: DumpId, group: &SegmentRecord) -> Result<()> {
        self.open_list_of(id).await?;
        let before = usize::try_from(group.offset)
            .unwrap_or(usize::MAX)
            .min(self.objects.len());
        self.objects.drain(..before);
        Ok(())
    }

    pub(crate) async fn stored(&mut self, at_most: usize) -> Result<Option<Bytes>> {
        let Some(file) = &mut self.file else {
            return Ok(None);
        };
        if file.at_end().await? {
            self.close();
            return Ok(None);
        }
        file.bytes(at_most as u64).await.map(Some)
    }

    pub(crate) async fn next_large_object(&mut self) -> Result<Option<u32>> {
        self.close();
        let Some((oid, name)) = self.objects.pop_front() else {
            return Ok(None);
        };
        self.open_file(&name).await?;
        Ok(Some(oid))
    }

    pub(crate) async fn check(&mut self, id: DumpId, sums: &Sums, rows: bool) -> Result<()> {
        let Some(index) = &self.index else { return Ok(()) };
        let Some(block) = index.block(id) else {
            return Err(Error::new(
                ErrorKind::Archive,
                "the checksum of the data is missing from the index",
            ));
        };
        if sums.are_those_of(&block.sums(), rows) {
            Ok(())
        } else {
            Err(self.mismatch())
        }
    }

    /// What is wrong with the folder, and what of the index belongs to no entry.
    ///
    /// # Errors
    /// `ErrorKind::Io` if the folder cannot be read.
    pub(crate) async fn survey(&self) -> Result<Vec<String>> {
        let mut problems = self.folder.survey().await?;
        let blocks = self.index.iter().flat_map(|index| &index.blocks);
        let strays = blocks.filter(|block| !self.names.contains_key(&block.id));
        problems.extend(strays.map(|block| {
            format!(
                "the index has data of entry {}, which is not in the table of contents",
                block.id
            )
        }));
        Ok(problems)
    }

    pub(crate) fn mismatch(&self) -> Error {
        Error::new(ErrorKind::Archive, "the data does not match its checksum")
    }

    fn name_of(&self, id: DumpId) -> Result<String> {
        let name = self
            .names
            .get(&id)
            .map(|name| name.to_str_lossy().into_owned())
            .unwrap_or_default();
        if safe_name(&name) {
            return Ok(name);
        }
        Err(Error::new(
            ErrorKind::Archive,
            format!("invalid file name \"{}\" in the TOC", name.escape_debug()),
        ))
    }

    fn close(&mut self) {
        if let Some(file) = self.file.take() {
            self.delivered += file.delivered();
        }
    }

    /// Opens a file under its name, or with the ending of a compression method.
    async fn open_file(&mut self, name: &str) -> Result<()> {
        self.close();
        for (_, framing, ending) in KINDS {
            if let Some(source) = self.folder.open(&format!("{name}{ending}")).await? {
                self.file = Some(Input::new(source));
                self.framing = framing;
                return Ok(());
            }
        }
        if self.tar_version.is_some() {
            return Err(tar::missing(name));
        }
        Err(Error::new(
            ErrorKind::Archive,
            format!(
                "could not open input file \"{}/{name}\": No such file or directory",
                self.folder.name()
            ),
        ))
    }

    /// Reads an entry's list of large objects: lines of an OID and a file name.
    async fn open_list_of(&mut self, id: DumpId) -> Result<()> {
        let name = match self.tar_version {
            Some(version) => tar::list_name(id, version),
            None => self.name_of(id)?,
        };
        let name = name.as_str();
        self.open_file(name).await?;
        let mut content = Vec::new();
        while let Some(bytes) = self.stored(usize::MAX).await? {
            content.extend_from_slice(&bytes);
            if content.len() as u64 > LONGEST_LIST {
                return Err(Error::new(
                    ErrorKind::Archive,
                    format!("the list \"{name}\" is too long"),
                ));
            }
        }
        self.objects = objects_of(&content, name)?.into();
        Ok(())
    }
}

/// The objects of a list, with the names of their files.
pub(crate) fn objects_of(content: &[u8], name: &str) -> Result<Vec<(u32, String)>> {
    let object = |line: &[u8]| {
        let parsed = line.to_str().ok().and_then(|line| {
            let (oid, name) = line.split_once(' ')?;
            Some((oid.parse().ok().filter(|oid| *oid > 0)?, name)).filter(|(_, name)| safe_name(name))
        });
        let (oid, file) = parsed.ok_or_else(|| {
            Error::new(
                ErrorKind::Archive,
                format!(
                    "invalid line in large object TOC file \"{name}\": \"{}\"",
                    line.escape_ascii()
                ),
            )
        })?;
        Ok((oid, file.to_owned()))
    };
    content.lines().map(object).collect()
}

async fn read_index(folder: &Arc<dyn FolderSource>) -> Result<Option<Index>> {
    let Some(source) = folder.open(INDEX_FILE).await? else {
        return Ok(None);
    };
    let mut input = Input::new(source);
    let mut content = Vec::new();
    while !input.at_end().await? && (content.len() as u64) < LONGEST_LIST {
        content.extend_from_slice(&input.bytes(u64::MAX).await?);
    }
    let index = index_of(&content);
    index.map(Some).ok_or_else(|| {
        Error::new(
            ErrorKind::Archive,
            format!(
                "file \"{}/{INDEX_FILE}\" is damaged; without it the archive can be read unchecked",
                folder.name()
            ),
        )
    })
}

/// The index in the content of its file, if it is whole.
pub(crate) fn index_of(content: &[u8]) -> Option<Index> {
    let (content, footer) = content.split_at_checked(content.len().checked_sub(FOOTER)?)?;
    let expected = Footer {
        start: 0,
        length: content.len() as u64,
        crc32c: crc32c::crc32c(content),
    };
    if Footer::decode(footer)? == expected {
        Index::decode(content)
    } else {
        None
    }
}
