//! The primitives that archives are made of: bytes, signed integers, texts and offsets.
//!
//! Encoding always uses the widths that every tool of today uses (4 and 8); decoding takes those that the
//! header names. Decoding works on a slice and says [`Fault::Incomplete`] when the slice ends too early, so
//! that whoever feeds it can read on and try again: no length from a file decides an allocation.

/// Width of an integer in what we write, without its sign byte.
pub(crate) const INT_SIZE: u8 = 4;
/// Width of an offset in what we write, without its state byte.
pub(crate) const OFFSET_SIZE: u8 = 8;

/// The longest text that is believed; PostgreSQL itself makes none longer than a gigabyte.
pub(crate) const LONGEST_TEXT: usize = 1 << 30;

/// Why something could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The bytes end before the item does.
    Incomplete,
    /// The bytes cannot be right, in one sentence.
    Corrupt(String),
}

/// The result of decoding one item.
pub(crate) type Decoded<T> = std::result::Result<T, Fault>;

/// The widths that an archive's header names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Widths {
    /// Bytes of an integer after the sign byte.
    pub(crate) int: u8,
    /// Bytes of an offset after the state byte.
    pub(crate) offset: u8,
}

/// Where an entry's data stands in a custom archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offset {
    /// There is data, but the writer could not say where.
    NotSet,
    /// The data's block starts here.
    At(u64),
    /// There is no data.
    NoData,
}

/// Appends an integer.
pub(crate) fn put_int(out: &mut Vec<u8>, value: i32) {
    out.push(u8::from(value < 0));
    out.extend_from_slice(&value.unsigned_abs().to_le_bytes());
}

/// Appends a text, or NULL. The caller sees to it that no text is longer than [`LONGEST_TEXT`].
pub(crate) fn put_text<T: AsRef<[u8]> + ?Sized>(out: &mut Vec<u8>, text: Option<&T>) {
    match text {
        None => put_int(out, -1),
        Some(text) => {
            let text = text.as_ref();
            put_int(out, i32::try_from(text.len()).unwrap_or(i32::MAX));
            out.extend_from_slice(text);
        }
    }
}

/// Appends an offset.
pub(crate) fn put_offset(out: &mut Vec<u8>, offset: Offset) {
    let (state, position) = match offset {
        Offset::NotSet => (1, 0),
        Offset::At(position) => (2, position),
        Offset::NoData => (3, 0),
    };
    out.push(state);
    out.extend_from_slice(&u64::to_le_bytes(position));
}

/// Reads items off the front of a slice.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
    widths: Widths,
}

impl<'a> Cursor<'a> {
    /// A cursor at the start of `input`.
    pub(crate) fn new(input: &'a [u8], widths: Widths) -> Self {
        Cursor { rest: input, widths }
    }

    /// What has not been read.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Sets the widths, once the header has named them.
    pub(crate) fn set_widths(&mut self, widths: Widths) {
        self.widths = widths;
    }

    /// The next `n` bytes.
    pub(crate) fn take(&mut self, n: usize) -> Decoded<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(n).ok_or(Fault::Incomplete)?;
        self.rest = rest;
        Ok(taken)
    }

    /// One byte.
    pub(crate) fn byte(&mut self) -> Decoded<u8> {
        let (first, rest) = self.rest.split_first().ok_or(Fault::Incomplete)?;
        self.rest = rest;
        Ok(*first)
    }

    /// A signed integer, in the one form in which writers write it. The sign applies to 32 bits as C's would, so that an OID above `i32::MAX`, which
    /// is written as a negative number, comes back with `as u32`.
    pub(crate) fn int(&mut self) -> Decoded<i32> {
        let sign = self.byte()?;
        let magnitude = little_endian(self.take(usize::from(self.widths.int))?)
            .and_then(|m| u32::try_from(m).ok())
            .ok_or_else(|| Fault::Corrupt("an integer in the archive is too large".into()))?;
        let value = match (sign, i64::from(magnitude)) {
            (0, magnitude) => magnitude,
            (1, magnitude) if magnitude > 0 => -magnitude,
            (sign, _) => {
                return Err(Fault::Corrupt(format!(
                    "an integer in the archive has an impossible sign ({sign})"
                )));
            }
        };
        i32::try_from(value)
            .map_err(|_| Fault::Corrupt(format!("the integer {value} in the archive is too large")))
    }

    /// A text, or NULL, which any negative length stands for.
    pub(crate) fn text(&mut self) -> Decoded<Option<&'a [u8]>> {
        let Ok(len) = usize::try_from(self.int()?) else {
            return Ok(None);
        };
        if len > LONGEST_TEXT {
            return Err(Fault::Corrupt(format!(
                "a text in the archive claims to be {len} bytes long"
            )));
        }
        let text = self.take(len)?;
        if memchr::memchr(0, text).is_some() {
            return Err(Fault::Corrupt("a text in the archive holds a zero byte".into()));
        }
        Ok(Some(text))
    }

    /// An offset.
    pub(crate) fn offset(&mut self) -> Decoded<Offset> {
        let state = self.byte()?;
        let position = little_endian(self.take(usize::from(self.widths.offset))?);
        match (state, position) {
            (1, _) => Ok(Offset::NotSet),
            (2, Some(position)) => Ok(Offset::At(position)),
            (2, None) => Err(Fault::Corrupt("file offset in dump file is too large".into())),
            (3, _) => Ok(Offset::NoData),
            (other, _) => Err(Fault::Corrupt(format!("unexpected data offset flag {other}"))),
        }
    }
}

/// The number in the bytes, unless it needs more than 64 bits.
fn little_endian(bytes: &[u8]) -> Option<u64> {
    let mut value = 0;
    for (place, byte) in bytes.iter().enumerate() {
        if place < 8 {
            value |= u64::from(*byte) << (8 * place);
        } else if *byte != 0 {
            return None;
        }
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WIDTHS: Widths = Widths {
        int: INT_SIZE,
        offset: OFFSET_SIZE,
    };

    proptest! {
        #[test]
        fn items_come_back(int: i32, text: Option<Vec<u8>>, position: u64) {
            let mut out = Vec::new();
            put_int(&mut out, int);
            put_text(&mut out, text.as_ref());
            put_offset(&mut out, Offset::At(position));
            put_offset(&mut out, Offset::NotSet);
            put_offset(&mut out, Offset::NoData);
            let mut cursor = Cursor::new(&out, WIDTHS);
            prop_assert_eq!(cursor.int(), Ok(int));
            match text.as_deref() {
                Some(text) if text.contains(&0) => prop_assert!(matches!(cursor.text(), Err(Fault::Corrupt(_)))),
                text => prop_assert_eq!(cursor.text(), Ok(text)),
            }
            prop_assert_eq!(cursor.offset(), Ok(Offset::At(position)));
            prop_assert_eq!(cursor.offset(), Ok(Offset::NotSet));
            prop_assert_eq!(cursor.offset(), Ok(Offset::NoData));
            prop_assert_eq!(cursor.rest().len(), 0);
            prop_assert_eq!(cursor.byte(), Err(Fault::Incomplete));
        }
    }

    #[test]
    fn the_bytes_are_those_of_pg_dump() {
        let mut out = Vec::new();
        put_int(&mut out, 2598);
        put_int(&mut out, -1);
        put_text(&mut out, Some("false"));
        put_text::<[u8]>(&mut out, None);
        assert_eq!(
            out,
            b"\0\x26\x0a\0\0\x01\x01\0\0\0\0\x05\0\0\0false\x01\x01\0\0\0"
        );
    }

    #[test]
    fn an_oid_above_the_largest_signed_number_survives() {
        let mut out = Vec::new();
        put_int(&mut out, 4_294_967_295u32.cast_signed());
        put_int(&mut out, 2_147_483_648u32.cast_signed());
        let mut cursor = Cursor::new(&out, WIDTHS);
        assert_eq!(cursor.int().unwrap().cast_unsigned(), 4_294_967_295);
        assert_eq!(cursor.int().unwrap().cast_unsigned(), 2_147_483_648);
    }

    #[test]
    fn no_number_has_two_forms() {
        for bytes in [[1, 0, 0, 0, 0], [2, 5, 0, 0, 0], [255, 0, 0, 0, 0]] {
            assert!(matches!(
                Cursor::new(&bytes, WIDTHS).int(),
                Err(Fault::Corrupt(_))
            ));
        }
    }

    #[test]
    fn other_widths_are_read_and_excess_is_refused() {
        let mut cursor = Cursor::new(&[1, 5, 0, 2, 9, 0, 0, 0], Widths { int: 2, offset: 4 });
        assert_eq!(cursor.int(), Ok(-5));
        assert_eq!(cursor.offset(), Ok(Offset::At(9)));
        let wide = [0, 1, 0, 0, 0, 1, 0, 0, 0];
        assert!(matches!(
            Cursor::new(&wide, Widths { int: 8, offset: 8 }).int(),
            Err(Fault::Corrupt(_))
        ));
        let mut huge = vec![2];
        huge.extend_from_slice(&[0; 8]);
        huge.push(1);
        assert!(matches!(
            Cursor::new(&huge, Widths { int: 4, offset: 9 }).offset(),
            Err(Fault::Corrupt(_))
        ));
    }

    #[test]
    fn a_claimed_length_is_not_believed() {
        let mut out = Vec::new();
        put_int(&mut out, i32::MAX);
        assert!(matches!(Cursor::new(&out, WIDTHS).text(), Err(Fault::Corrupt(_))));
        out.clear();
        put_int(&mut out, 100);
        assert_eq!(Cursor::new(&out, WIDTHS).text(), Err(Fault::Incomplete));
    }
}
