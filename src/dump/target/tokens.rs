//! The tokens of SQL as the server words it: expressions, queries, CREATE statements from `pg_get_…def`.
//!
//! Such text is well-formed and has no comments, so this is far simpler than [`crate::sql::splitter`], which reads
//! what people write. It finds syntax and cuts pieces out; it does not understand what it reads.

use std::ops::Range;

use bstr::{BStr, BString, ByteSlice};

/// A text and its tokens.
pub(super) struct Tokens<'a> {
    text: &'a [u8],
    tokens: Vec<Token>,
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A key word or a name without quotes.
    Word,
    /// A name in double quotes.
    Quoted,
    /// A literal, a number or a parameter.
    Literal,
    /// One character of anything else; `::` is one token.
    Symbol,
}

#[derive(Debug, Clone)]
struct Token {
    kind: Kind,
    range: Range<usize>,
}

impl<'a> Tokens<'a> {
    pub(super) fn of(text: &'a [u8]) -> Tokens<'a> {
        let mut tokens = Vec::new();
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            let (kind, length) = token(rest);
            if let Some(kind) = kind {
                tokens.push(Token {
                    kind,
                    range: at..at + length,
                });
            }
            at += length;
        }
        Tokens { text, tokens }
    }

    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// The text of a token; empty before the first and after the last.
    pub(super) fn text(&self, at: usize) -> &'a BStr {
        let range = self.tokens.get(at).map(|token| token.range.clone());
        range.map_or(BStr::new(b""), |range| self.text[range].as_bstr())
    }

    pub(super) fn kind(&self, at: usize) -> Option<Kind> {
        self.tokens.get(at).map(|token| token.kind)
    }

    /// Whether the tokens from `at` on are these words and symbols, as they stand in the text.
    pub(super) fn are(&self, at: usize, words: &[&str]) -> bool {
        let same = |(i, word): (usize, &&str)| {
            self.kind(at + i).is_some_and(|kind| kind != Kind::Quoted)
                && self.text(at + i) == BStr::new(word.as_bytes())
        };
        words.iter().enumerate().all(same)
    }

    /// Where these words and symbols stand, first to last.
    pub(super) fn find(&self, words: &[&str]) -> Option<usize> {
        (0..self.len()).find(|&at| self.are(at, words))
    }

    /// The parenthesis that closes the one at `open`, if there is one.
    pub(super) fn closing(&self, open: usize) -> Option<usize> {
        if !self.are(open, &["("]) {
            return None;
        }
        let mut depth = 0usize;
        for at in open..self.len() {
            if self.are(at, &["("]) {
                depth += 1;
            } else if self.are(at, &[")"]) {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
        }
        None
    }

    /// The text with other text in the places of tokens: ranges in order, none overlapping another. A blank before
    /// what is taken out goes, too.
    pub(super) fn replaced(&self, pieces: &[(Range<usize>, &[u8])]) -> BString {
        let mut out = BString::default();
        let mut from = 0;
        for (tokens, with) in pieces {
            let begin = self.tokens.get(tokens.start).map(|token| token.range.start);
            let end = tokens.end.checked_sub(1).and_then(|last| self.tokens.get(last));
            let (Some(begin), Some(end)) = (begin, end.map(|token| token.range.end)) else {
                continue;
            };
            let mut before = self.text.get(from..begin).unwrap_or_default();
            if with.is_empty() {
                before = before.strip_suffix(b" ").unwrap_or(before);
            }
            out.extend_from_slice(before);
            out.extend_from_slice(with);
            from = end;
        }
        out.extend_from_slice(self.text.get(from..).unwrap_or_default());
        out
    }
}

/// The first token of a text that is not empty, and its length; `None` for blanks.
fn token(text: &[u8]) -> (Option<Kind>, usize) {
    let while_ = |is: fn(u8) -> bool| text.iter().take_while(|byte| is(**byte)).count();
    match text {
        [b'E' | b'e', b'\'', ..] => (Some(Kind::Literal), 1 + quoted(&text[1..], true)),
        [b'B' | b'X' | b'b' | b'x', b'\'', ..] => (Some(Kind::Literal), 1 + quoted(&text[1..], false)),
        [b'\'', ..] => (Some(Kind::Literal), quoted(text, false)),
        [b'"', ..] => (Some(Kind::Quoted), quoted(text, false)),
        [b'0'..=b'9', ..] | [b'$', b'0'..=b'9', ..] => {
            let digits = 1 + text[1..]
                .iter()
                .take_while(|byte| is_word(**byte) || **byte == b'.')
                .count();
            (Some(Kind::Literal), digits)
        }
        [byte, ..] if byte.is_ascii_whitespace() => (None, while_(|byte| byte.is_ascii_whitespace())),
        [byte, ..] if is_word(*byte) => (Some(Kind::Word), while_(is_word)),
        [b':', b':', ..] => (Some(Kind::Symbol), 2),
        _ => (Some(Kind::Symbol), 1),
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// The length of what begins with a quote, to the same quote; two of them stand for one.
fn quoted(text: &[u8], backslashes: bool) -> usize {
    let Some(&quote) = text.first() else { return 0 };
    let mut at = 1;
    while let Some(&byte) = text.get(at) {
        at += match byte {
            b'\\' if backslashes => 2,
            _ if byte == quote && text.get(at + 1) == Some(&quote) => 2,
            _ if byte == quote => return at + 1,
            _ => 1,
        };
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let tokens = Tokens::of(text.as_bytes());
        (0..tokens.len()).map(|at| tokens.text(at).to_string()).collect()
    }

    #[test]
    fn quotes_hide_what_looks_like_syntax() {
        assert_eq!(
            words(r#"f(a.b, 'it''s ('::text, E'\'(', "we""ird", 1.5e3)"#),
            [
                "f",
                "(",
                "a",
                ".",
                "b",
                ",",
                "'it''s ('",
                "::",
                "text",
                ",",
                r"E'\'('",
                ",",
                "\"we\"\"ird\"",
                ",",
                "1.5e3",
                ")"
            ]
        );
        assert_eq!(words("'never ends"), ["'never ends"]);
        let tokens = Tokens::of(br#"CREATE INDEX "INCLUDE" ON t"#);
        assert_eq!(tokens.find(&["INCLUDE"]), None);
    }

    #[test]
    fn pieces_are_cut_out_with_the_blank_before_them() {
        let tokens = Tokens::of(b"CREATE INDEX i ON t USING btree (a) INCLUDE (b, f(c)) WITH (x='1')");
        let at = tokens.find(&["INCLUDE", "("]).expect("there");
        let end = tokens.closing(at + 1).expect("closed");
        assert_eq!(
            tokens.replaced(&[(at..end + 1, b"")]),
            "CREATE INDEX i ON t USING btree (a) WITH (x='1')"
        );
        assert_eq!(tokens.closing(at), None);
        assert_eq!(tokens.replaced(&[(99..100, b"x")]).len(), 66);
    }
}
