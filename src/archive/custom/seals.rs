//! What seals and index of ours say, and whether the data agrees (docs/FORMAT.md).

use super::BLOCK_DATA;
use super::read::{CustomReader, Place};
use crate::archive::backend::Block;
use crate::archive::codec::Cursor;
use crate::archive::index::{FOOTER, Footer, Index, LONGEST_SEAL, OURS, Seal, Sums};
use crate::error::{Error, Result};
use crate::toc::DumpId;

impl CustomReader {
    /// Checks the data that has been read to its block's end against the seal behind it, in an archive of
    /// ours. `rows`: whether rows or objects were counted.
    pub(crate) async fn check(&mut self, id: DumpId, sums: &Sums, rows: bool) -> Result<()> {
        if !self.sealed || self.place != Place::Between {
            return Ok(());
        }
        match self.seal().await? {
            Some(Seal::Data {
                id: sealed,
                sums: expected,
            }) if sealed == id => {
                if sums.are_those_of(&expected, rows) {
                    Ok(())
                } else {
                    Err(self.mismatch())
                }
            }
            _ => Err(self
                .input
                .corrupt("the checksum behind the data is missing or damaged")),
        }
    }

    /// What data that is not what was written says to the user.
    pub(crate) fn mismatch(&self) -> Error {
        self.input.corrupt("the data does not match its checksum")
    }

    /// Takes the seal at the input's place, if there is one.
    pub(super) async fn seal(&mut self) -> Result<Option<Seal>> {
        let widths = self.input.widths();
        let longest = 1 + 3 * (1 + usize::from(widths.int)) + LONGEST_SEAL;
        let bytes = self.input.peek(longest).await?;
        let mut cursor = Cursor::new(bytes, widths);
        let Some(seal) = seal_block(&mut cursor) else {
            return Ok(None);
        };
        let length = bytes.len() - cursor.rest().len();
        self.input.skip(length as u64).await?;
        Ok(Some(seal))
    }

    /// Takes what comes of the index from a pipe whose data has all been read, so that whoever writes it can come to its
    /// end. While there is more data, that is not waited for.
    pub(crate) async fn pass_index(&mut self) -> Result<()> {
        if self.input.seekable() || !self.sealed || self.place != Place::Between {
            return Ok(());
        }
        if let (Some(BLOCK_DATA), Some(id)) = self.peek_block().await?
            && id.cast_unsigned() == OURS.0
        {
            self.block_start().await?;
            self.finish_block().await?;
        }
        Ok(())
    }

    /// Reads the index at the end, if the source can go there and it is whole, and comes back.
    pub(super) async fn read_index(&mut self) -> Result<Option<Index>> {
        let end_of_block = 1 + u64::from(self.input.widths().int);
        let back = self.input.position();
        let footer_at = self
            .input
            .size()
            .and_then(|size| size.checked_sub(FOOTER as u64 + end_of_block));
        let Some(footer_at) = footer_at.filter(|_| self.input.seekable()) else {
            return Ok(None);
        };
        self.input.seek(footer_at).await?;
        let footer = self.input.peek(FOOTER).await?;
        let footer = footer.get(..FOOTER).and_then(Footer::decode).filter(|footer| {
            // The content lies between the index's own start and its footer.
            footer.start < footer_at && footer.length < footer_at - footer.start
        });
        let mut index = None;
        if let Some(footer) = footer {
            self.input.seek(footer.start).await?;
            index = self.index_block(&footer).await.ok().flatten();
        }
        self.place = Place::Between;
        self.input.seek(back).await?;
        Ok(index)
    }

    async fn index_block(&mut self, footer: &Footer) -> Result<Option<Index>> {
        if self.block_start().await? != (Block::Data, i64::from(OURS.0)) {
            return Ok(None);
        }
        let length = usize::try_from(footer.length).unwrap_or(usize::MAX);
        let mut content = Vec::new();
        while content.len() < length {
            match self.stored(length - content.len()).await? {
                Some(bytes) => content.extend_from_slice(&bytes),
                None => return Ok(None),
            }
        }
        if crc32c::crc32c(&content) != footer.crc32c {
            return Ok(None);
        }
        Ok(Index::decode(&content))
    }
}

/// Reads a block of ours that holds a seal.
fn seal_block(cursor: &mut Cursor<'_>) -> Option<Seal> {
    if cursor.byte().ok()? != BLOCK_DATA || cursor.int().ok()?.cast_unsigned() != OURS.0 {
        return None;
    }
    let length = usize::try_from(cursor.int().ok()?).ok()?;
    let seal = Seal::decode(cursor.take(length).ok()?)?;
    (cursor.int().ok()? == 0).then_some(seal)
}
