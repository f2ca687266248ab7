//! Splitting scripts for psql into statements, rows and backslash commands.
//!
//! A [`Splitter`] is fed bytes in portions cut anywhere and gives [`Item`]s, each as soon as its last byte is there.
//! It follows psql's rules of where a statement ends: not in quotes of any form, comments, parentheses or SQL-standard
//! function bodies. It looks at each byte once or twice and holds one statement at most; rows pass through in the
//! portions they come in. What a backslash command means is in [`MetaCommand`]; executing anything is the
//! business of others.

mod encoding;
mod lexer;
mod meta;
mod rows;
mod setting;

use bytes::{Buf, Bytes, BytesMut};

use self::encoding::MultiByte;
use self::lexer::{Lexer, Stop};
use self::rows::Found;
use self::setting::Setting;
use crate::error::{Error, ErrorKind, Result};

pub use self::meta::MetaCommand;

/// The longest statement: servers take no longer message.
const LONGEST: usize = 0x3fff_fffe;

/// A piece of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A statement with its semicolon.
    Statement(Piece),
    /// A `COPY … FROM stdin`, whose rows follow.
    CopyIn(Piece),
    /// Bytes of rows, cut anywhere.
    Rows(Bytes),
    /// The end of the rows.
    RowsEnd,
    /// A line that begins with a backslash.
    Command(MetaCommand),
}

/// A stretch of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The line that it begins in, from 1.
    pub line: u64,
    /// Its text, without blanks and comments before it.
    pub text: Bytes,
}

/// See the module's documentation.
///
/// ```
/// use rsdump::sql::splitter::{Item, Splitter};
///
/// # fn main() -> rsdump::Result<()> {
/// let mut splitter = Splitter::new();
/// splitter.push(b"SELECT 'one; stat");
/// assert_eq!(splitter.next()?, None);
/// splitter.push(b"ement';\n");
/// let Some(Item::Statement(piece)) = splitter.next()? else { panic!() };
/// assert_eq!(piece.text, "SELECT 'one; statement';");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Splitter {
    /// What has been pushed and not given out; begins at the statement under way, if one is.
    buffer: BytesMut,
    /// The number of line ends before the buffer.
    lines: u64,
    lexer: Lexer,
    place: Place,
    ended: bool,
    /// What the script's settings were when it began, for `TO DEFAULT`.
    initial_standard_strings: bool,
}

/// What the buffer's first byte belongs to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    #[default]
    Script,
    /// Behind the semicolon of a COPY: rows begin with the next line.
    CopyHead,
    /// Rows; whether at the beginning of a line.
    Rows { line_start: bool },
}

impl Splitter {
    /// A splitter for a session with standard strings and an encoding whose ASCII bytes are always ASCII.
    pub fn new() -> Splitter {
        Splitter {
            lexer: Lexer::new(),
            initial_standard_strings: true,
            ..Splitter::default()
        }
    }

    /// Takes over the settings of a new session: `standard_conforming_strings` and `client_encoding`.
    pub fn set_session(&mut self, standard_strings: bool, client_encoding: &[u8]) {
        self.initial_standard_strings = standard_strings;
        self.lexer.standard_strings = standard_strings;
        self.set_client_encoding(client_encoding);
    }

    /// Says that another encoding has been set than by the script's statements, which are followed.
    pub fn set_client_encoding(&mut self, encoding: &[u8]) {
        self.lexer.multi_byte = MultiByte::of(encoding);
    }

    /// Adds text.
    pub fn push(&mut self, text: &[u8]) {
        self.buffer.extend_from_slice(text);
    }

    /// Says that there is no more text.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// The line that comes next, from 1.
    pub fn line(&self) -> u64 {
        self.lines + 1
    }

    /// The next item, or nothing until more text is pushed, or at the end.
    ///
    /// # Errors
    /// A statement that cannot be sent, or a script that ends in the middle of something.
    #[expect(clippy::should_implement_trait, reason = "it can go on after giving nothing")]
    pub fn next(&mut self) -> Result<Option<Item>> {
        loop {
            match self.place {
                Place::Script => return self.next_in_script(),
                Place::CopyHead => {
                    if !self.pass_copy_head()? {
                        return Ok(None);
                    }
                }
                Place::Rows { line_start } => return self.next_rows(line_start),
            }
        }
    }

    fn next_in_script(&mut self) -> Result<Option<Item>> {
        loop {
            match self.lexer.scan(&self.buffer, self.ended) {
                // Only blanks and comments lie before a statement's first token.
                Stop::Begins { at } => self.pass(at),
                Stop::Statement { end, kind } => {
                    let piece = self.take(end);
                    match kind {
                        lexer::Kind::Set => self.apply(&piece),
                        lexer::Kind::CopyIn => {
                            self.place = Place::CopyHead;
                            return Ok(Some(Item::CopyIn(piece)));
                        }
                        lexer::Kind::Other => {}
                    }
                    return Ok(Some(Item::Statement(piece)));
                }
                Stop::Backslash { at, end } => {
                    let command = self.command(at, end);
                    return Ok(Some(Item::Command(command)));
                }
                Stop::Exhausted => return self.exhausted().map(|()| None),
            }
        }
    }

    /// Takes a backslash command, and whatever of a statement stands before it.
    fn command(&mut self, at: usize, end: usize) -> MetaCommand {
        let within_statement = self.lexer.in_statement();
        let before = self.take(at);
        let piece = self.take(end.saturating_sub(before.text.len()));
        self.lexer.restart();
        MetaCommand::parse(piece.line, &piece.text, within_statement)
    }

    /// What to do where the text pushed so far ends.
    fn exhausted(&mut self) -> Result<()> {
        if !self.lexer.in_statement() {
            let seen = self.lexer.forget();
            self.pass(seen);
        }
        let what = if self.ended && self.lexer.in_comment() {
            "the script ends within a comment"
        } else if self.ended && self.lexer.in_statement() {
            "the script ends within a statement"
        } else if self.buffer.len() > LONGEST {
            "a statement is longer than a server accepts"
        } else {
            return Ok(());
        };
        Err(self.fault(what))
    }

    /// Passes over the rest of the line that a COPY stands in; false if it is not all there yet.
    fn pass_copy_head(&mut self) -> Result<bool> {
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\x0b' | b'\x0c');
        let blanks = self.buffer.iter().take_while(|byte| blank(byte)).count();
        match self.buffer.get(blanks) {
            Some(b'\n') => {
                self.pass(blanks + 1);
                self.place = Place::Rows { line_start: true };
                Ok(true)
            }
            Some(_) => Err(self.fault("something stands behind COPY FROM stdin in the same line")),
            None if self.ended => Err(self.fault("the script ends before the rows of a COPY")),
            None => Ok(false),
        }
    }

    fn next_rows(&mut self, line_start: bool) -> Result<Option<Item>> {
        match rows::find(&self.buffer, line_start, self.ended) {
            Found::Rows { end, line_start } => {
                self.place = Place::Rows { line_start };
                Ok(Some(Item::Rows(self.take(end).text)))
            }
            Found::End { length } => {
                self.pass(length);
                self.place = Place::Script;
                Ok(Some(Item::RowsEnd))
            }
            Found::Nothing if self.ended => Err(self.fault("the script ends within the rows of a COPY")),
            Found::Nothing => Ok(None),
        }
    }

    /// Follows what the script sets where it decides how the script is read.
    fn apply(&mut self, piece: &Piece) {
        match Setting::parse(&piece.text) {
            Some(Setting::StandardStrings(on)) => {
                self.lexer.standard_strings = on.unwrap_or(self.initial_standard_strings);
            }
            Some(Setting::ClientEncoding(name)) => self.lexer.multi_byte = MultiByte::of(&name),
            None => {}
        }
    }

    fn take(&mut self, end: usize) -> Piece {
        let line = self.line();
        let text = self.buffer.split_to(end.min(self.buffer.len())).freeze();
        self.lines += line_ends(&text);
        Piece { line, text }
    }

    fn pass(&mut self, count: usize) {
        let count = count.min(self.buffer.len());
        self.lines += line_ends(self.buffer.get(..count).unwrap_or_default());
        self.buffer.advance(count);
    }

    fn fault(&self, what: &str) -> Error {
        Error::new(ErrorKind::Archive, format!("line {}: {what}", self.line()))
    }
}

fn line_ends(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}
