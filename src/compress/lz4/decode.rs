//! LZ4 frames into plain bytes, in whatever portions they come.

use std::hash::Hasher;

use lz4_flex::block::decompress_into_with_dict;
use twox_hash::XxHash32;

use super::{
    BLOCK_CHECKSUMS, CONTENT_CHECKSUM, CONTENT_SIZE, DICTIONARY, INDEPENDENT_BLOCKS, MAGIC, RESERVED,
    SKIPPABLE, STORED, VERSION, header_checksum,
};
use crate::compress::decode::damaged;
use crate::error::Result;

/// How far back linked blocks refer.
const WINDOW: usize = 64 * 1024;

/// Decodes frames one after another.
pub(in crate::compress) struct Lz4Decoder {
    part: Part,
    /// Bytes of the part so far.
    gathered: Vec<u8>,
    frame: Frame,
    /// Plain bytes that linked blocks may refer to, then those of the last block.
    plain: Vec<u8>,
    /// How many of them have been given out.
    given: usize,
}

/// What is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Magic,
    Flags,
    /// The rest of a frame's header.
    Header,
    SkipLength,
    /// What is left of a frame that holds no data.
    Skip(usize),
    BlockLength,
    Block {
        length: usize,
        stored: bool,
    },
    ContentChecksum,
}

/// What a frame's header says, and what came of it.
struct Frame {
    flags: u8,
    /// The longest block.
    block: usize,
    /// The bytes that it says it holds.
    size: Option<u64>,
    came: u64,
    checksum: XxHash32,
}

impl Frame {
    fn new(flags: u8) -> Frame {
        Frame {
            flags,
            block: 0,
            size: None,
            came: 0,
            checksum: XxHash32::with_seed(0),
        }
    }

    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

impl Lz4Decoder {
    pub(in crate::compress) fn new() -> Lz4Decoder {
        Lz4Decoder {
            part: Part::Magic,
            gathered: Vec::new(),
            frame: Frame::new(0),
            plain: Vec::new(),
            given: 0,
        }
    }

    /// One step: bytes read, bytes written, and whether that is between two frames.
    pub(in crate::compress) fn step(
        &mut self,
        input: &[u8],
        room: &mut [u8],
    ) -> Result<(usize, usize, bool)> {
        let mut read = 0;
        loop {
            let ready = self.plain.get(self.given..).unwrap_or_default();
            if !ready.is_empty() {
                let n = ready.len().min(room.len());
                if let (Some(to), Some(from)) = (room.get_mut(..n), ready.get(..n)) {
                    to.copy_from_slice(from);
                }
                self.given += n;
                return Ok((read, n, self.is_between()));
            }
            let rest = input.get(read..).unwrap_or_default();
            if let Part::Skip(left) = self.part {
                let taken = left.min(rest.len());
                read += taken;
                if taken < left {
                    self.part = Part::Skip(left - taken);
                    return Ok((read, 0, false));
                }
                self.part = Part::Magic;
                continue;
            }
            let missing = self.needed().saturating_sub(self.gathered.len());
            let taken = rest.get(..missing.min(rest.len())).unwrap_or_default();
            self.gathered.extend_from_slice(taken);
            read += taken.len();
            if taken.len() < missing {
                return Ok((read, 0, self.is_between()));
            }
            let gathered = std::mem::take(&mut self.gathered);
            self.part = self.take(&gathered)?;
            // Its memory serves the next part.
            self.gathered = gathered;
            self.gathered.clear();
        }
    }

    fn is_between(&self) -> bool {
        self.part == Part::Magic && self.gathered.is_empty() && self.given == self.plain.len()
    }

    /// How long the part is.
    fn needed(&self) -> usize {
        match self.part {
            Part::Magic | Part::SkipLength | Part::BlockLength | Part::ContentChecksum => 4,
            Part::Flags => 1,
            Part::Header if self.frame.has(CONTENT_SIZE) => 10,
            Part::Header => 2,
            Part::Skip(left) => left,
            Part::Block { length, .. } if self.frame.has(BLOCK_CHECKSUMS) => length + 4,
            Part::Block { length, .. } => length,
        }
    }

    /// Makes sense of a whole part; returns what comes next.
    fn take(&mut self, part: &[u8]) -> Result<Part> {
        Ok(match self.part {
            Part::Magic => match number(part) {
                MAGIC => Part::Flags,
                magic if magic & !15 == SKIPPABLE => Part::SkipLength,
                _ => return Err(damaged("it is no LZ4 frame")),
            },
            Part::Flags => {
                self.frame = Frame::new(part.first().copied().unwrap_or(0));
                if self.frame.flags & 0b1100_0000 != VERSION || self.frame.has(RESERVED | DICTIONARY) {
                    return Err(damaged("the LZ4 frame is of an unknown kind"));
                }
                Part::Header
            }
            Part::Header => {
                self.header(part)?;
                Part::BlockLength
            }
            Part::SkipLength => Part::Skip(number(part) as usize),
            Part::Skip(left) => Part::Skip(left),
            Part::BlockLength => match number(part) {
                0 if self.frame.has(CONTENT_CHECKSUM) => Part::ContentChecksum,
                0 => {
                    self.end()?;
                    Part::Magic
                }
                length => {
                    let (stored, length) = (length & STORED != 0, (length & !STORED) as usize);
                    if length > self.frame.block {
                        return Err(damaged("a block of the LZ4 frame is too long"));
                    }
                    Part::Block { length, stored }
                }
            },
            Part::Block { length, stored } => {
                let (block, checksum) = part.split_at_checked(length).unwrap_or((part, &[]));
                if !checksum.is_empty() && number(checksum) != XxHash32::oneshot(0, block) {
                    return Err(damaged("a block of the LZ4 frame does not match its checksum"));
                }
                self.block(block, stored)?;
                Part::BlockLength
            }
            Part::ContentChecksum => {
                if number(part) != self.frame.checksum.finish_32() {
                    return Err(damaged("the LZ4 frame does not match its checksum"));
                }
                self.end()?;
                Part::Magic
            }
        })
    }

    fn header(&mut self, rest: &[u8]) -> Result<()> {
        let (Some((checksum, fields)), Some(code)) = (rest.split_last(), rest.first()) else {
            return Ok(());
        };
        if header_checksum(&[&[self.frame.flags], fields].concat()) != *checksum {
            return Err(damaged("the header of the LZ4 frame does not match its checksum"));
        }
        self.frame.block = match code {
            0x40 => 64 * 1024,
            0x50 => 256 * 1024,
            0x60 => 1024 * 1024,
            0x70 => 4 * 1024 * 1024,
            _ => return Err(damaged("the LZ4 frame is of an unknown kind")),
        };
        self.frame.size = fields
            .get(1..)
            .and_then(|size| size.first_chunk::<8>())
            .map(|size| u64::from_le_bytes(*size));
        // Nothing refers to another frame.
        self.plain.clear();
        self.given = 0;
        Ok(())
    }

    fn block(&mut self, block: &[u8], stored: bool) -> Result<()> {
        let window = if self.frame.has(INDEPENDENT_BLOCKS) {
            0
        } else {
            WINDOW
        };
        self.plain.drain(..self.plain.len().saturating_sub(window));
        let before = self.plain.len();
        if stored {
            self.plain.extend_from_slice(block);
        } else {
            self.plain.resize(before + self.frame.block, 0);
            let (dictionary, room) = self.plain.split_at_mut(before);
            let length =
                decompress_into_with_dict(block, room, dictionary).map_err(|e| damaged(&e.to_string()))?;
            self.plain.truncate(before + length);
        }
        self.given = before;
        let new = self.plain.get(before..).unwrap_or_default();
        self.frame.checksum.write(new);
        self.frame.came += new.len() as u64;
        Ok(())
    }

    fn end(&self) -> Result<()> {
        if self.frame.size.is_none_or(|size| size == self.frame.came) {
            Ok(())
        } else {
            Err(damaged("the LZ4 frame is not as long as it says"))
        }
    }
}

/// Four bytes as a number.
fn number(bytes: &[u8]) -> u32 {
    bytes
        .first_chunk::<4>()
        .map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(mut input: &[u8], portion: usize) -> Result<Vec<u8>> {
        let mut decoder = Lz4Decoder::new();
        let mut plain = Vec::new();
        let mut room = [0; 1000];
        loop {
            let (read, wrote, between) = decoder.step(&input[..portion.min(input.len())], &mut room)?;
            input = &input[read..];
            plain.extend_from_slice(&room[..wrote]);
            if read == 0 && wrote == 0 {
                assert!(input.is_empty());
                return if between {
                    Ok(plain)
                } else {
                    Err(damaged("cut off"))
                };
            }
        }
    }

    /// A frame that Debian's lz4 made of 10,000 times "linked blocks " with `-BD -B4 -BX --content-size`.
    const LINKED: &str = include_str!("linked.hex");

    fn linked() -> Vec<u8> {
        let digits: Vec<u8> = LINKED.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    #[test]
    fn frames_of_the_lz4_program_are_read() {
        let skipped = [&0x184d_2a53u32.to_le_bytes()[..], &3u32.to_le_bytes(), b"abc"].concat();
        let frame = linked();
        let expected = "linked blocks ".repeat(10_000).into_bytes();
        for portion in [1, 100_000] {
            assert!(decode(&frame, portion).unwrap() == expected);
            assert!(decode(&[&skipped[..], &frame, &skipped].concat(), portion).unwrap() == expected);
        }
        for at in (1..frame.len()).step_by(11) {
            assert!(decode(&frame[..at], 1000).is_err(), "cut at {at}");
            let mut changed = frame.clone();
            changed[at] ^= 4;
            assert!(decode(&changed, 1000).is_err(), "byte {at}");
        }
    }
}
