//! Client encodings in which the second byte of a character may look like ASCII, a backslash for one.
//!
//! No server stores text in them, but a dump may have been written for such a client.

/// How characters of more than one byte are recognised where their second byte may be anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum MultiByte {
    /// All bytes of such characters are beyond ASCII.
    #[default]
    Plain,
    /// Any byte from 0x81 on is followed by one of the same character.
    Pairs,
    /// So are some, while others are characters of one byte.
    ShiftJis,
}

impl MultiByte {
    /// That of an encoding, by any name that PostgreSQL knows it by.
    pub(super) fn of(encoding: &[u8]) -> MultiByte {
        let mut name: Vec<u8> = encoding.to_ascii_lowercase();
        name.retain(u8::is_ascii_alphanumeric);
        match name.as_slice() {
            b"sjis" | b"shiftjis" | b"mskanji" | b"win932" | b"windows932" | b"shiftjis2004"
            | b"sjis2004" => MultiByte::ShiftJis,
            b"big5" | b"win950" | b"windows950" | b"gbk" | b"win936" | b"windows936" | b"uhc" | b"win949"
            | b"windows949" | b"gb18030" | b"johab" => MultiByte::Pairs,
            _ => MultiByte::Plain,
        }
    }

    /// Whether the byte after this one belongs to the same character, whatever it looks like.
    pub(super) fn is_lead(self, byte: u8) -> bool {
        match self {
            MultiByte::Plain => false,
            MultiByte::Pairs => byte >= 0x81,
            MultiByte::ShiftJis => matches!(byte, 0x81..=0x9f | 0xe0..=0xfc),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_go_by_many_names() {
        assert_eq!(MultiByte::of(b"Shift_JIS_2004"), MultiByte::ShiftJis);
        assert_eq!(MultiByte::of(b"WIN-950"), MultiByte::Pairs);
        assert_eq!(MultiByte::of(b"EUC_JP"), MultiByte::Plain);
        assert!(!MultiByte::ShiftJis.is_lead(0xb1), "half-width katakana");
    }
}
