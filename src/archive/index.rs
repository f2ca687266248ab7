//! What our archives carry beyond PostgreSQL's: checksums behind the table of contents and behind each
//! entry's data, and an index of all segments at the end. `docs/FORMAT.md` describes it byte by byte.
//!
//! All of it hides in blocks of data for an entry that no archive has, which stock readers pass over. This
//! module owns the bytes within those blocks; where they stand is the formats' business.

use std::ops::Range;

use crate::toc::DumpId;

/// The entry number of our own blocks: the highest there can be, far above any real one.
pub(crate) const OURS: DumpId = DumpId(i32::MAX.cast_unsigned());

/// The first six bytes of everything of ours.
const MAGIC: &[u8; 6] = b"RSDUMP";
/// Version of what is described here.
const VERSION: u8 = 1;
/// Length of the footer at the end of the index.
pub(crate) const FOOTER: usize = 28;
/// Length of the longest seal.
pub(crate) const LONGEST_SEAL: usize = 44;

/// One segment, or a group of whole large objects: where it stands and what it adds up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentRecord {
    /// Position of its first chunk, or of its first large object.
    pub offset: u64,
    /// What it adds up to.
    pub sums: Sums,
}

/// One block of data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockRecord {
    /// The entry it belongs to.
    pub id: DumpId,
    /// Large objects rather than rows.
    pub large_objects: bool,
    /// Where the block stands, from its first byte to the one behind it.
    pub place: Range<u64>,
    /// Its segments in order.
    pub segments: Vec<SegmentRecord>,
}

/// The index at the end of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// CRC-32C of header and table of contents.
    pub toc_crc32c: u32,
    /// The blocks in the order in which they stand.
    pub blocks: Vec<BlockRecord>,
}

/// Lengths and checksum of stored data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    /// Bytes stored, chunk lengths not counted.
    pub stored: u64,
    /// Bytes before compression.
    pub plain: u64,
    /// Rows, or large objects.
    pub rows: u64,
    /// CRC-32C of the stored bytes; each large object's OID (little-endian) stands before its bytes.
    pub crc32c: u32,
}

impl BlockRecord {
    /// What all of it adds up to where nothing stands around the segments, as in directories and tar files.
    pub(crate) fn sums(&self) -> Sums {
        let mut sums = Sums::default();
        for segment in &self.segments {
            if self.large_objects {
                sums.join_group(&segment.sums);
            } else {
                sums.join(&segment.sums);
            }
        }
        sums
    }
}

impl Sums {
    /// Whether data that adds up to this is that of which `expected` was noted. `rows`: whether rows or objects
    /// were counted.
    pub(crate) fn are_those_of(&self, expected: &Sums, rows: bool) -> bool {
        let rows = if rows { self.rows } else { expected.rows };
        Sums { rows, ..*self } == *expected
    }

    /// Adds stored bytes that are no segment's (the frame of a zlib stream), or whose plain length and rows
    /// are counted elsewhere.
    pub(crate) fn add_stored(&mut self, bytes: &[u8]) {
        self.stored += bytes.len() as u64;
        self.crc32c = crc32c::crc32c_append(self.crc32c, bytes);
    }

    /// Adds the start of a large object.
    pub(crate) fn add_object(&mut self, oid: u32) {
        self.rows += 1;
        self.crc32c = crc32c::crc32c_append(self.crc32c, &oid.to_le_bytes());
    }

    /// Adds what was summed apart.
    pub(crate) fn join(&mut self, next: &Sums) {
        self.join_summed(next, next.stored);
    }

    /// Adds a group of large objects that was summed apart, OIDs included.
    pub(crate) fn join_group(&mut self, next: &Sums) {
        self.join_summed(next, next.stored.saturating_add(next.rows.saturating_mul(4)));
    }

    fn join_summed(&mut self, next: &Sums, summed: u64) {
        let summed = usize::try_from(summed).unwrap_or(usize::MAX);
        self.stored = self.stored.saturating_add(next.stored);
        self.plain = self.plain.saturating_add(next.plain);
        self.rows = self.rows.saturating_add(next.rows);
        self.crc32c = crc32c::crc32c_combine(self.crc32c, next.crc32c, summed);
    }

    fn put(&self, out: &mut Vec<u8>) {
        for number in [self.stored, self.plain, self.rows] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.crc32c.to_le_bytes());
    }

    fn take(bytes: &mut &[u8]) -> Option<Sums> {
        Some(Sums {
            stored: take_u64(bytes)?,
            plain: take_u64(bytes)?,
            rows: take_u64(bytes)?,
            crc32c: take_u32(bytes)?,
        })
    }
}

/// A short checksum that stands right behind what it seals, for readers that cannot look at the end first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seal {
    /// Header and table of contents.
    Toc { crc32c: u32 },
    /// The data of an entry.
    Data { id: DumpId, sums: Sums },
}

impl Seal {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        match self {
            Seal::Toc { crc32c } => {
                out.extend_from_slice(&[b'T', VERSION]);
                out.extend_from_slice(&crc32c.to_le_bytes());
            }
            Seal::Data { id, sums } => {
                out.extend_from_slice(&[b'D', VERSION]);
                out.extend_from_slice(&id.0.to_le_bytes());
                sums.put(&mut out);
            }
        }
        out
    }

    /// `None` if it is no seal.
    pub(crate) fn decode(mut bytes: &[u8]) -> Option<Seal> {
        let bytes = &mut bytes;
        let seal = match take_kind(bytes)? {
            b'T' => Seal::Toc {
                crc32c: take_u32(bytes)?,
            },
            b'D' => Seal::Data {
                id: DumpId(take_u32(bytes)?),
                sums: Sums::take(bytes)?,
            },
            _ => return None,
        };
        bytes.is_empty().then_some(seal)
    }
}

impl Index {
    /// The record of an entry's block.
    pub fn block(&self, id: DumpId) -> Option<&BlockRecord> {
        self.blocks.iter().find(|block| block.id == id)
    }

    /// The index's content, without the footer.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&[b'I', VERSION]);
        out.extend_from_slice(&self.toc_crc32c.to_le_bytes());
        put_count(&mut out, self.blocks.len());
        for block in &self.blocks {
            out.extend_from_slice(&block.id.0.to_le_bytes());
            out.push(u8::from(block.large_objects));
            out.extend_from_slice(&block.place.start.to_le_bytes());
            out.extend_from_slice(&block.place.end.to_le_bytes());
            put_count(&mut out, block.segments.len());
            for segment in &block.segments {
                out.extend_from_slice(&segment.offset.to_le_bytes());
                segment.sums.put(&mut out);
            }
        }
        out
    }

    /// `None` if it is no index.
    pub(crate) fn decode(mut bytes: &[u8]) -> Option<Index> {
        let bytes = &mut bytes;
        if take_kind(bytes)? != b'I' {
            return None;
        }
        let toc_crc32c = take_u32(bytes)?;
        let mut blocks = Vec::new();
        for _ in 0..take_u64(bytes)? {
            let id = DumpId(take_u32(bytes)?);
            let large_objects = take(bytes)? == [1];
            let place = take_u64(bytes)?..take_u64(bytes)?;
            let mut segments = Vec::new();
            for _ in 0..take_u64(bytes)? {
                segments.push(SegmentRecord {
                    offset: take_u64(bytes)?,
                    sums: Sums::take(bytes)?,
                });
            }
            blocks.push(BlockRecord {
                id,
                large_objects,
                place,
                segments,
            });
        }
        bytes.is_empty().then_some(Index { toc_crc32c, blocks })
    }
}

/// The last thing in the index's block, of fixed length: how to find the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Footer {
    /// Position of the index's block.
    pub(crate) start: u64,
    /// Length of the index's content.
    pub(crate) length: u64,
    /// CRC-32C of the index's content.
    pub(crate) crc32c: u32,
}

impl Footer {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = self.start.to_le_bytes().to_vec();
        out.extend_from_slice(&self.length.to_le_bytes());
        out.extend_from_slice(&self.crc32c.to_le_bytes());
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&[b'F', VERSION]);
        out
    }

    /// `None` if it is no footer.
    pub(crate) fn decode(mut bytes: &[u8]) -> Option<Footer> {
        let bytes = &mut bytes;
        let footer = Footer {
            start: take_u64(bytes)?,
            length: take_u64(bytes)?,
            crc32c: take_u32(bytes)?,
        };
        (take_kind(bytes)? == b'F' && bytes.is_empty()).then_some(footer)
    }
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(&(count as u64).to_le_bytes());
}

/// The kind of what follows, if it is ours and of our version.
fn take_kind(bytes: &mut &[u8]) -> Option<u8> {
    let magic: [u8; 6] = take(bytes)?;
    let [kind, version] = take(bytes)?;
    (&magic == MAGIC && version == VERSION).then_some(kind)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*taken)
}

fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    take(bytes).map(u32::from_le_bytes)
}

fn take_u64(bytes: &mut &[u8]) -> Option<u64> {
    take(bytes).map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sums() -> impl Strategy<Value = Sums> {
        any::<(u64, u64, u64, u32)>().prop_map(|(stored, plain, rows, crc32c)| Sums {
            stored,
            plain,
            rows,
            crc32c,
        })
    }

    fn indexes() -> impl Strategy<Value = Index> {
        let segment = (any::<u64>(), sums()).prop_map(|(offset, sums)| SegmentRecord { offset, sums });
        let segments = proptest::collection::vec(segment, 0..4);
        let block = (any::<(u32, bool, u64, u64)>(), segments).prop_map(|(head, segments)| BlockRecord {
            id: DumpId(head.0),
            large_objects: head.1,
            place: head.2..head.3,
            segments,
        });
        (any::<u32>(), proptest::collection::vec(block, 0..4))
            .prop_map(|(toc_crc32c, blocks)| Index { toc_crc32c, blocks })
    }

    proptest! {
        #[test]
        fn everything_comes_back(index in indexes(), sums in sums(), id: u32, start: u64) {
            let bytes = index.encode();
            for cut in 0..bytes.len() {
                prop_assert_eq!(Index::decode(&bytes[..cut]), None);
            }
            prop_assert_eq!(Index::decode(&bytes), Some(index));
            for seal in [Seal::Toc { crc32c: sums.crc32c }, Seal::Data { id: DumpId(id), sums }] {
                let bytes = seal.encode();
                prop_assert!(bytes.len() <= LONGEST_SEAL);
                prop_assert_eq!(Seal::decode(&bytes), Some(seal));
                prop_assert_eq!(Seal::decode(&bytes[1..]), None);
            }
            let footer = Footer { start, length: sums.stored, crc32c: sums.crc32c };
            let bytes = footer.encode();
            prop_assert_eq!(bytes.len(), FOOTER);
            prop_assert_eq!(Footer::decode(&bytes), Some(footer));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let mut index = b"RSDUMPI\x01".to_vec();
            index.extend_from_slice(&bytes);
            let _ = (Index::decode(&index), Seal::decode(&bytes), Footer::decode(&bytes));
        }

        #[test]
        fn sums_made_apart_join(left: Vec<u8>, right: Vec<u8>, oid: u32) {
            let mut whole = Sums::default();
            whole.add_object(oid);
            whole.add_stored(&[left.clone(), right.clone()].concat());
            let mut parts = Sums::default();
            parts.add_object(oid);
            parts.add_stored(&left);
            let mut apart = Sums::default();
            apart.add_stored(&right);
            parts.join(&apart);
            prop_assert_eq!(parts, whole);
        }
    }

    #[test]
    fn a_count_is_not_believed() {
        let mut bytes = b"RSDUMPI\x01\0\0\0\0".to_vec();
        bytes.extend_from_slice(&u64::MAX.to_le_bytes());
        assert_eq!(Index::decode(&bytes), None);
    }
}
