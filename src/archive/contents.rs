//! Header and table of contents as they are read off the front of an archive, whatever the format adds to
//! each entry.

use std::collections::HashMap;

use bstr::BString;

use super::codec::{Cursor, Decoded};
use super::entry;
use super::input::Input;
use super::{Format, Header};
use crate::error::{Error, ErrorKind, Result};
use crate::toc::{DumpId, Entry};

/// What stands at the front of an archive.
pub(crate) struct Contents<T> {
    pub(crate) header: Header,
    pub(crate) toc: Vec<Entry>,
    /// What the format adds to each entry that has data.
    pub(crate) own: HashMap<DumpId, T>,
    /// CRC-32C of all of it, without what is filled in later.
    pub(crate) crc32c: u32,
}

impl Contents<BString> {
    /// Reads the `toc.dat` of a directory or tar archive, which adds a file's name to each entry.
    ///
    /// # Errors
    /// As [`Contents::read`], and if it is that of another format.
    pub(crate) async fn read_named(input: &mut Input) -> Result<Contents<BString>> {
        let name = |cursor: &mut Cursor<'_>| Ok(cursor.text()?.map(BString::from).unwrap_or_default());
        let contents = Contents::read(input, false, name).await?;
        if contents.header.format == Format::Tar {
            Ok(contents)
        } else {
            Err(Error::new(
                ErrorKind::Archive,
                "expected format (3) differs from format found in file (1)",
            ))
        }
    }
}

impl<T> Contents<T> {
    /// Reads header and table of contents; `own` reads what the format adds to an entry, which is summed up
    /// unless it is `patched` after the rest was written.
    ///
    /// # Errors
    /// `ErrorKind::Archive` if it is damaged, cut off or of an unknown version.
    pub(crate) async fn read(
        input: &mut Input,
        patched: bool,
        own: impl Fn(&mut Cursor<'_>) -> Decoded<T>,
    ) -> Result<Contents<T>> {
        input.start_sum(0);
        let header = input.item(Header::decode).await?;
        input.set_widths(header.widths());
        let count = input.int().await?;
        let mut contents = Contents {
            header,
            toc: Vec::new(),
            own: HashMap::new(),
            crc32c: 0,
        };
        for place in 0..usize::try_from(count).unwrap_or(0) {
            contents.entry(input, patched, &own).await.map_err(|e| {
                e.context(format!(
                    "reading entry {} of {count} of the table of contents",
                    place + 1
                ))
            })?;
        }
        contents.crc32c = input.stop_sum();
        Ok(contents)
    }

    async fn entry(
        &mut self,
        input: &mut Input,
        patched: bool,
        own: impl Fn(&mut Cursor<'_>) -> Decoded<T>,
    ) -> Result<()> {
        let version = self.header.version;
        let entry = input.item(|cursor| entry::decode(cursor, version)).await?;
        let own = if patched {
            let sum = input.stop_sum();
            let own = input.item(own).await?;
            input.start_sum(sum);
            own
        } else {
            input.item(own).await?
        };
        if entry.had_dumper {
            self.own.insert(entry.dump_id, own);
        }
        self.toc.push(entry);
        Ok(())
    }
}
