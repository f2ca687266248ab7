//! Filter files (`--filter`): what to include and exclude, one item a line, in pg_dump's syntax.
//!
//! Each item is a command, a kind of object and a pattern; what a program makes of them is its own business, and so is
//! which kinds it can include or exclude. A double-quoted name may go on over several lines.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;

use super::checks::Refusal;
use crate::error::Error;

/// What to do with what an item finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    Include,
    Exclude,
}

/// The kind of object that an item is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Database,
    Extension,
    ForeignData,
    Function,
    Index,
    Schema,
    Table,
    TableAndChildren,
    TableData,
    TableDataAndChildren,
    Trigger,
}

/// The kinds as files and as messages spell them.
const KINDS: [(&str, &str, Kind); 11] = [
    ("table_data", "table data", Kind::TableData),
    (
        "table_data_and_children",
        "table data and children",
        Kind::TableDataAndChildren,
    ),
    ("database", "database", Kind::Database),
    ("extension", "extension", Kind::Extension),
    ("foreign_data", "foreign data", Kind::ForeignData),
    ("function", "function", Kind::Function),
    ("index", "index", Kind::Index),
    ("schema", "schema", Kind::Schema),
    ("table", "table", Kind::Table),
    ("table_and_children", "table and children", Kind::TableAndChildren),
    ("trigger", "trigger", Kind::Trigger),
];

/// Reads a file (`-` is standard input) and passes on its items, in order. `take` says whether the program can do what
/// an item asks for.
///
/// # Errors
/// If the file cannot be read, is malformed, or asks for what cannot be done.
pub(super) fn read(path: &OsStr, take: impl FnMut(Command, Kind, OsString) -> bool) -> Result<(), Refusal> {
    let mut text = Vec::new();
    let name = if path == "-" {
        let read = io::stdin().lock().read_to_end(&mut text);
        read.map_err(|error| could_not("read from", path, error))?;
        None
    } else {
        let mut file = fs::File::open(path).map_err(|error| could_not("open", path, error))?;
        file.read_to_end(&mut text)
            .map_err(|error| could_not("read from", path, error))?;
        Some(path)
    };
    parse(&text, take).map_err(|(line, why)| match name {
        None => format!("invalid format in filter read from standard input on line {line}: {why}").into(),
        Some(path) => {
            let path = path.display();
            format!("invalid format in filter read from file \"{path}\" on line {line}: {why}").into()
        }
    })
}

fn could_not(what: &str, path: &OsStr, error: io::Error) -> Refusal {
    Error::io(
        format!("could not {what} filter file \"{}\"", path.display()),
        error,
    )
    .into()
}

/// What is wrong, and in which line.
type Malformed = (usize, String);

fn parse(text: &[u8], mut take: impl FnMut(Command, Kind, OsString) -> bool) -> Result<(), Malformed> {
    let mut lines = Lines {
        rest: text,
        line: b"",
        number: 0,
    };
    while lines.next() {
        lines.skip_space();
        if matches!(lines.peek(), None | Some(b'#')) {
            continue;
        }
        let command = match lines.keyword() {
            word if word.eq_ignore_ascii_case(b"include") => Command::Include,
            word if word.eq_ignore_ascii_case(b"exclude") => Command::Exclude,
            _ => return Err(lines.malformed("invalid filter command (expected \"include\" or \"exclude\")")),
        };
        let word = lines.keyword();
        if word.is_empty() {
            return Err(lines.malformed("missing filter object type"));
        }
        let kind = KINDS
            .iter()
            .find(|(name, ..)| word.eq_ignore_ascii_case(name.as_bytes()));
        let Some((_, spoken, kind)) = kind else {
            let word = String::from_utf8_lossy(word);
            return Err(lines.malformed(format!("unsupported filter object type: \"{word}\"")));
        };
        let pattern = lines.pattern()?;
        if !take(command, *kind, OsString::from_vec(pattern)) {
            let command = match command {
                Command::Include => "include",
                Command::Exclude => "exclude",
            };
            return Err(lines.malformed(format!("{command} filter for \"{spoken}\" is not allowed")));
        }
    }
    Ok(())
}

/// A cursor over a file: what is left of the current line, and the lines behind it.
struct Lines<'a> {
    rest: &'a [u8],
    line: &'a [u8],
    number: usize,
}

impl<'a> Lines<'a> {
    /// Goes to the next line, whose end belongs to it.
    fn next(&mut self) -> bool {
        if self.rest.is_empty() {
            return false;
        }
        let end = memchr::memchr(b'\n', self.rest).map_or(self.rest.len(), |end| end + 1);
        let (line, rest) = self.rest.split_at(end);
        // To pg_dump a line ends at a zero byte.
        let end = memchr::memchr(0, line).unwrap_or(line.len());
        self.line = line.get(..end).unwrap_or(line);
        self.rest = rest;
        self.number += 1;
        true
    }

    fn malformed(&self, why: impl Into<String>) -> Malformed {
        (self.number, why.into())
    }

    fn peek(&self) -> Option<u8> {
        self.line.first().copied()
    }

    fn take(&mut self) -> Option<u8> {
        let (first, rest) = self.line.split_first()?;
        self.line = rest;
        Some(*first)
    }

    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.line.iter().position(|byte| !wanted(*byte));
        let (taken, rest) = self.line.split_at(end.unwrap_or(self.line.len()));
        self.line = rest;
        taken
    }

    /// Says whether there was any.
    fn skip_space(&mut self) -> bool {
        !self.take_while(is_space).is_empty()
    }

    /// Everything up to the next space; empty at the end of the line.
    fn keyword(&mut self) -> &'a [u8] {
        self.skip_space();
        self.take_while(|byte| !is_space(byte))
    }

    /// The pattern up to the end of the line or a comment. Space is only kept where it matters: single between words.
    fn pattern(&mut self) -> Result<Vec<u8>, Malformed> {
        self.skip_space();
        if self.peek().is_none() {
            return Err(self.malformed("missing object name pattern"));
        }
        let mut pattern = Vec::new();
        // Space at the beginning and behind punctuation means nothing.
        let mut drop_space = true;
        let mut space = false;
        while !matches!(self.peek(), None | Some(b'#')) {
            let word = self.take_while(|byte| !is_space(byte) && !b"#,.()\"".contains(&byte));
            if !word.is_empty() {
                if space && !drop_space {
                    pattern.push(b' ');
                }
                pattern.extend_from_slice(word);
            }
            drop_space = false;
            match self.peek() {
                Some(b'"') => {
                    if space {
                        pattern.push(b' ');
                    }
                    self.quoted(&mut pattern)?;
                }
                Some(b',') => {
                    self.take();
                    pattern.extend_from_slice(b", ");
                    drop_space = true;
                }
                Some(byte @ (b'.' | b'(' | b')')) => {
                    self.take();
                    pattern.push(byte);
                    drop_space = true;
                }
                _ => {}
            }
            space = self.skip_space();
        }
        Ok(pattern)
    }

    /// A name in double quotes, with them; it may go on in the next line.
    fn quoted(&mut self, pattern: &mut Vec<u8>) -> Result<(), Malformed> {
        self.take();
        pattern.push(b'"');
        loop {
            match self.take() {
                Some(b'\r' | b'\n') => {}
                None => {
                    if !self.next() {
                        return Err(self.malformed("unexpected end of file"));
                    }
                    pattern.push(b'\n');
                }
                Some(b'"') => {
                    pattern.push(b'"');
                    if self.peek() != Some(b'"') {
                        return Ok(());
                    }
                    self.take();
                    pattern.push(b'"');
                }
                Some(b'\\') => match self.take() {
                    Some(b'n') => pattern.push(b'\n'),
                    Some(b'\\') => pattern.push(b'\\'),
                    _ => {}
                },
                Some(byte) => pattern.push(byte),
            }
        }
    }
}

/// What C's `isspace` is true for.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(text: &str) -> Result<Vec<(Command, Kind, String)>, Malformed> {
        let mut items = Vec::new();
        parse(text.as_bytes(), |command, kind, pattern| {
            items.push((command, kind, pattern.into_string().unwrap()));
            kind != Kind::Trigger
        })?;
        Ok(items)
    }

    fn pattern(text: &str) -> String {
        let mut items = items(&format!("include table {text}")).unwrap();
        assert_eq!(items.len(), 1, "{text}");
        items.remove(0).2
    }

    #[test]
    fn items_stand_between_comments_and_empty_lines() {
        let text = "# all\n\n  include table t1 # but\r\nEXCLUDE\tTable_Data  t2\n   \nexclude schema s";
        assert_eq!(
            items(text).unwrap(),
            [
                (Command::Include, Kind::Table, "t1".into()),
                (Command::Exclude, Kind::TableData, "t2".into()),
                (Command::Exclude, Kind::Schema, "s".into()),
            ]
        );
    }

    #[test]
    fn patterns_lose_space_that_means_nothing() {
        assert_eq!(pattern("  s . t  "), "s.t");
        assert_eq!(
            pattern("f( int ,  double   precision )"),
            "f(int, double precision)"
        );
        assert_eq!(pattern("\"a # \" \"b\"# c"), "\"a # \" \"b\"");
        assert_eq!(pattern("s.\"T x\""), "s.\"T x\"");
    }

    #[test]
    fn quoted_names_may_hold_anything() {
        assert_eq!(pattern("\"a\"\"b\""), "\"a\"\"b\"");
        assert_eq!(pattern("\"a\nb\\nc\\\\d\""), "\"a\nb\nc\\d\"");
        assert_eq!(
            items("include table \"a\n").unwrap_err().1,
            "unexpected end of file"
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let told = |text: &str| items(text).unwrap_err();
        let command = "(expected \"include\" or \"exclude\")";
        assert_eq!(told("\n1"), (2, format!("invalid filter command {command}")));
        assert_eq!(told("only t"), (1, format!("invalid filter command {command}")));
        assert_eq!(told("include"), (1, "missing filter object type".into()));
        assert_eq!(
            told("include tables t"),
            (1, "unsupported filter object type: \"tables\"".into())
        );
        assert_eq!(told("include table "), (1, "missing object name pattern".into()));
        assert_eq!(
            told("include table \"a\nb\"\ninclude trigger t"),
            (3, "include filter for \"trigger\" is not allowed".into())
        );
    }
}
