//! Large objects in scripts: the statements that create, open, fill and close them.
//!
//! An entry's groups of large objects (BLOB METADATA and its grants) list numbers, one a line, which become a
//! statement each; contents become `lowrite` calls of at most [`CHUNK`] bytes.

use bstr::{BStr, BString, ByteSlice};

use crate::error::{Error, ErrorKind, Result};

/// Bytes of content in one statement.
pub const CHUNK: usize = 16 * 1024;

/// `INV_WRITE`: open for writing.
const WRITE: u32 = 0x0002_0000;

/// How contents are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// `standard_conforming_strings` of the session.
    pub standard_strings: bool,
    /// The archive (before 1.12) has no entries that create the objects: opening does.
    pub creates: bool,
    /// With `creates`: an object of the same number is dropped before.
    pub drops: bool,
}

/// One object on its way into a script; fed with pieces of any length.
#[derive(Debug)]
pub struct Contents {
    style: Style,
    pending: Vec<u8>,
}

impl Contents {
    /// Starts an object.
    pub fn open(oid: u32, style: Style, out: &mut Vec<u8>) -> Contents {
        if style.creates && style.drops {
            out.extend_from_slice(&unlink_if_exists(oid));
        }
        let object = if style.creates {
            format!("pg_catalog.lo_create('{oid}')")
        } else {
            format!("'{oid}'")
        };
        out.extend_from_slice(format!("SELECT pg_catalog.lo_open({object}, {WRITE});\n").as_bytes());
        Contents {
            style,
            pending: Vec::new(),
        }
    }

    /// Appends a piece of content; whole chunks go out.
    pub fn write(&mut self, mut piece: &[u8], out: &mut Vec<u8>) {
        while self.pending.len() + piece.len() >= CHUNK {
            let (head, rest) = piece.split_at(CHUNK - self.pending.len());
            self.pending.extend_from_slice(head);
            piece = rest;
            self.flush(out);
        }
        self.pending.extend_from_slice(piece);
    }

    /// Ends the object.
    pub fn close(mut self, out: &mut Vec<u8>) {
        self.flush(out);
        out.extend_from_slice(b"SELECT pg_catalog.lo_close(0);\n\n");
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        if !self.pending.is_empty() {
            out.extend_from_slice(b"SELECT pg_catalog.lowrite(0, ");
            push_bytea(&self.pending, self.style.standard_strings, out);
            out.extend_from_slice(b");\n");
            self.pending.clear();
        }
    }
}

/// Appends `'\x…'`, the literal of a bytea.
pub fn push_bytea(bytes: &[u8], standard_strings: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(if standard_strings { b"'\\x" } else { b"'\\\\x" });
    push_hex(bytes, out);
    out.push(b'\'');
}

/// Appends two hexadecimal digits for each byte.
pub fn push_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.reserve(bytes.len() * 2 + 1);
    for byte in bytes {
        let pair = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
        out.extend_from_slice(&pair);
    }
}

/// Drops an object if it is there.
pub(super) fn unlink_if_exists(oid: u32) -> BString {
    format!("SELECT pg_catalog.lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata WHERE oid = '{oid}';\n")
        .into()
}

/// `before`, number, `after`, semicolon, newline: for each number that a group's definition lists.
pub(super) fn for_each(group: &BStr, before: &[u8], after: &[u8]) -> Vec<BString> {
    let mut numbers: Vec<&[u8]> = group.split_str("\n").collect();
    // What follows the last newline is no number.
    numbers.pop();
    numbers
        .into_iter()
        .map(|number| [before, number, after, b";\n"].concat().into())
        .collect()
}

/// The two halves of each command in a group's grants: what stands before the sample object's number, and
/// what stands between it and the semicolon.
///
/// # Errors
/// A command that names no large object.
pub(super) fn split_grants(commands: &BStr) -> Result<Vec<(BString, BString)>> {
    let mut halves = Vec::new();
    let mut rest: &[u8] = commands;
    while !rest.is_empty() {
        let end = command_end(rest).ok_or_else(|| malformed(commands))?;
        let (command, after) = rest.split_at(end);
        halves.push(split_grant(command).ok_or_else(|| malformed(commands))?);
        rest = after.get(1..).unwrap_or_default().trim_ascii_start();
    }
    Ok(halves)
}

/// Where the first semicolon outside of double quotes is.
fn command_end(text: &[u8]) -> Option<usize> {
    let mut quoted = false;
    text.iter().position(|&byte| {
        quoted ^= byte == b'"';
        byte == b';' && !quoted
    })
}

fn split_grant(command: &[u8]) -> Option<(BString, BString)> {
    const OBJECT: &[u8] = b"LARGE OBJECT ";
    let mut quoted = false;
    let at = (0..command.len()).find(|&at| {
        quoted ^= command.get(at) == Some(&b'"');
        !quoted && command.get(at..).is_some_and(|rest| rest.starts_with(OBJECT))
    })?;
    let (before, rest) = command.split_at_checked(at + OBJECT.len())?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 {
        return None;
    }
    Some((before.into(), rest.get(digits..)?.into()))
}

fn malformed(commands: &BStr) -> Error {
    Error::new(
        ErrorKind::Archive,
        format!("privileges of large objects are not as they must be: {commands}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: Style = Style {
        standard_strings: true,
        creates: false,
        drops: false,
    };

    fn written(pieces: &[&[u8]], style: Style) -> BString {
        let mut out = Vec::new();
        let mut contents = Contents::open(7, style, &mut out);
        for piece in pieces {
            contents.write(piece, &mut out);
        }
        contents.close(&mut out);
        out.into()
    }

    #[test]
    fn pieces_become_calls_of_one_chunk_each_however_they_were_cut() {
        let content = vec![0xab; CHUNK * 2 + 1];
        let whole = written(&[&content], STYLE);
        assert_eq!(whole.find_iter("lowrite").count(), 3);
        let (head, tail) = content.split_at(10);
        assert_eq!(written(&[head, tail], STYLE), whole);
        assert_eq!(
            written(&[&content[..CHUNK]], STYLE).find_iter("lowrite").count(),
            1
        );
    }

    #[test]
    fn an_empty_object_is_opened_and_closed() {
        assert_eq!(
            written(&[], STYLE),
            "SELECT pg_catalog.lo_open('7', 131072);\nSELECT pg_catalog.lo_close(0);\n\n"
        );
    }

    #[test]
    fn old_archives_create_while_opening_and_old_strings_double_backslashes() {
        let style = Style {
            standard_strings: false,
            creates: true,
            drops: true,
        };
        assert_eq!(
            written(&[b"\x00\xff"], style),
            "SELECT pg_catalog.lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata WHERE oid = '7';\n\
             SELECT pg_catalog.lo_open(pg_catalog.lo_create('7'), 131072);\n\
             SELECT pg_catalog.lowrite(0, '\\\\x00ff');\nSELECT pg_catalog.lo_close(0);\n\n"
        );
    }

    #[test]
    fn grants_are_split_around_the_number_and_quoted_names_left_alone() {
        let halves = split_grants(
            "GRANT SELECT ON LARGE OBJECT 12 TO \"a;LARGE OBJECT 3\";\nREVOKE ALL ON LARGE OBJECT 12 FROM b;\n".into(),
        )
        .unwrap();
        assert_eq!(
            halves,
            [
                (
                    "GRANT SELECT ON LARGE OBJECT ".into(),
                    " TO \"a;LARGE OBJECT 3\"".into()
                ),
                ("REVOKE ALL ON LARGE OBJECT ".into(), " FROM b".into()),
            ]
        );
        assert!(split_grants("GRANT SELECT ON TABLE x TO y;".into()).is_err());
        assert!(split_grants("GRANT SELECT ON LARGE OBJECT 1 TO y".into()).is_err());
    }

    #[test]
    fn a_group_gives_a_statement_for_each_line() {
        assert_eq!(
            for_each("1\n22\n".into(), b"SELECT f('", b"')"),
            ["SELECT f('1');\n", "SELECT f('22');\n"]
        );
    }
}
