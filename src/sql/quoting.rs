//! Identifiers, string literals and dollar quotes.

use bstr::{BString, ByteSlice};

use super::keywords;

/// How names and strings are written in a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quoting {
    /// Quote every identifier (`--quote-all-identifiers`).
    pub all_identifiers: bool,
    /// `standard_conforming_strings` of the session that will read the text: when off, backslashes in
    /// literals are doubled.
    pub standard_strings: bool,
}

impl Default for Quoting {
    fn default() -> Self {
        Quoting {
            all_identifiers: false,
            standard_strings: true,
        }
    }
}

impl Quoting {
    /// A name as an SQL identifier, quoted only where it has to be.
    pub fn ident(&self, name: impl AsRef<[u8]>) -> BString {
        let name = name.as_ref();
        let mut out = Vec::with_capacity(name.len() + self.quotes(name));
        self.put_ident(&mut out, name);
        out.into()
    }

    /// Appends a name as [`ident`](Self::ident) has it.
    pub fn put_ident(&self, out: &mut Vec<u8>, name: impl AsRef<[u8]>) {
        let name = name.as_ref();
        if self.quotes(name) == 0 {
            return out.extend_from_slice(name);
        }
        out.push(b'"');
        push_doubling(out, name, |byte| byte == b'"');
        out.push(b'"');
    }

    /// How many quotes stand around a name: two or none.
    fn quotes(&self, name: &[u8]) -> usize {
        match !self.all_identifiers && is_bare(name) {
            true => 0,
            false => 2,
        }
    }

    /// `schema.name`, each part quoted where it has to be.
    pub fn qualified(&self, schema: impl AsRef<[u8]>, name: impl AsRef<[u8]>) -> BString {
        let (schema, name) = (schema.as_ref(), name.as_ref());
        // Room for quotes is made where they are needed; few names need them.
        let mut out = Vec::with_capacity(schema.len() + name.len() + 1);
        self.put_ident(&mut out, schema);
        out.push(b'.');
        self.put_ident(&mut out, name);
        out.into()
    }

    /// A string literal.
    pub fn literal(&self, text: impl AsRef<[u8]>) -> BString {
        let text = text.as_ref();
        let mut out = Vec::with_capacity(text.len() + 2);
        out.push(b'\'');
        push_doubling(&mut out, text, |byte| {
            byte == b'\'' || (byte == b'\\' && !self.standard_strings)
        });
        out.push(b'\'');
        out.into()
    }

    /// A string literal that needs no setting to be read right: `E'…'` where there are backslashes.
    pub fn escape_literal(&self, text: impl AsRef<[u8]>) -> BString {
        let text = text.as_ref();
        if !text.contains(&b'\\') {
            return self.literal(text);
        }
        let doubling = Quoting {
            standard_strings: false,
            ..*self
        };
        let mut out = BString::from("E");
        out.extend_from_slice(&doubling.literal(text));
        out
    }

    /// A dollar-quoted string whose delimiter begins with `prefix` (may be empty) and does not occur in the
    /// text: `$prefix$`, or longer when it does.
    pub fn dollar(&self, text: impl AsRef<[u8]>, prefix: &str) -> BString {
        /// pg_dump lengthens a delimiter by these letters, round and round.
        const SUFFIXES: &[u8] = b"_XXXXXXX";
        let text = text.as_ref();
        let mut delimiter = Vec::from(b"$");
        delimiter.extend_from_slice(prefix.as_bytes());
        // The closing dollar is left out of the search: "$tag" at the end of the text would join it.
        let mut next = 0;
        while text.contains_str(&delimiter) {
            delimiter.push(SUFFIXES[next % SUFFIXES.len()]);
            next += 1;
        }
        delimiter.push(b'$');
        let mut out = delimiter.clone();
        out.extend_from_slice(text);
        out.extend_from_slice(&delimiter);
        out.into()
    }
}

/// True if a name is an identifier without quotes: lower case, and no key word.
fn is_bare(name: &[u8]) -> bool {
    let Some((first, rest)) = name.split_first() else {
        return false;
    };
    let letters = matches!(first, b'a'..=b'z' | b'_')
        && rest
            .iter()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    letters && !keywords::needs_quotes(name)
}

fn push_doubling(out: &mut Vec<u8>, text: &[u8], doubled: impl Fn(u8) -> bool) {
    for &byte in text {
        if doubled(byte) {
            out.push(byte);
        }
        out.push(byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const Q: Quoting = Quoting {
        all_identifiers: false,
        standard_strings: true,
    };

    #[test]
    fn names_are_quoted_only_where_they_have_to_be() {
        assert_eq!(Q.ident("film_actor"), "film_actor");
        assert_eq!(Q.ident("_1"), "_1");
        assert_eq!(Q.ident("1st"), "\"1st\"");
        assert_eq!(Q.ident("Film"), "\"Film\"");
        assert_eq!(Q.ident("a$b"), "\"a$b\"");
        assert_eq!(Q.ident("select"), "\"select\"");
        assert_eq!(Q.ident("a\"b"), "\"a\"\"b\"");
        assert_eq!(Q.ident(""), "\"\"");
        assert_eq!(Q.ident(b"\xff"), b"\"\xff\"".as_bstr());
        assert_eq!(
            Quoting {
                all_identifiers: true,
                ..Q
            }
            .qualified("s", "t"),
            "\"s\".\"t\""
        );
    }

    #[test]
    fn literals_double_quotes_and_backslashes_only_without_standard_strings() {
        assert_eq!(Q.literal("it's a \\"), "'it''s a \\'");
        assert_eq!(
            Quoting {
                standard_strings: false,
                ..Q
            }
            .literal("\\'"),
            "'\\\\'''"
        );
    }

    #[test]
    fn backslashes_make_an_escape_literal_an_escape_string() {
        assert_eq!(Q.escape_literal("it's"), "'it''s'");
        assert_eq!(Q.escape_literal("it's \\"), "E'it''s \\\\'");
    }

    #[test]
    fn a_dollar_quote_never_meets_its_delimiter_inside() {
        assert_eq!(Q.dollar("x", ""), "$$x$$");
        assert_eq!(Q.dollar("x", "_"), "$_$x$_$");
        assert_eq!(Q.dollar("a $$ b", ""), "$_$a $$ b$_$");
        assert_eq!(Q.dollar("a $_ b", ""), "$_X$a $_ b$_X$");
        assert_eq!(Q.dollar("ends in $", ""), "$_$ends in $$_$");
    }
}
