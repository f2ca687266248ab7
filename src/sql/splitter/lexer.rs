//! Where a statement begins and ends, byte by byte.
//!
//! A [`Lexer`] keeps its state between portions of text; positions count from the beginning of the statement. Words
//! are looked at only as far as they decide whether a semicolon ends the statement (function bodies) and what
//! follows it (rows, other settings): that is in [`Head`].

use memchr::{memchr, memchr2, memmem};

use super::encoding::MultiByte;

/// Why scanning stopped.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// A statement's first token is there; what lies before it is blanks and comments, and is to be dropped.
    Begins { at: usize },
    /// A statement ends.
    Statement { end: usize, kind: Kind },
    /// A backslash command, up to the end of its line.
    Backslash { at: usize, end: usize },
    /// More text is needed.
    Exhausted,
}

/// What a statement is, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Set,
    CopyIn,
    Other,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Lexer {
    /// Whether backslashes mean nothing in ordinary quotes.
    pub(super) standard_strings: bool,
    pub(super) multi_byte: MultiByte,
    at: usize,
    state: State,
    in_statement: bool,
    parentheses: usize,
    head: Head,
    last: Last,
    /// Whether the next byte belongs to a character that has begun.
    trail: bool,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Plain,
    Word {
        start: usize,
    },
    /// `'…'`, and whether backslashes escape.
    Single {
        escapes: bool,
    },
    /// After a backslash that escapes.
    Escaped,
    /// Behind a closing quote: another one, directly or on another line, goes on with the same string.
    Closed {
        escapes: bool,
        line_end: bool,
    },
    Double,
    /// `$…`, which may become the opening of a dollar quote.
    DollarTag {
        start: usize,
    },
    Dollar {
        tag: Vec<u8>,
    },
    LineComment,
    Comment {
        depth: usize,
    },
}

/// The token before, where it changes what the next one means.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Last {
    #[default]
    Other,
    /// A word that, with a quote directly behind it, makes a string with escapes.
    Escapes,
    /// One that makes a string without, whatever the setting.
    Verbatim,
    /// `U`, and then `&`, which make such a string, too.
    U,
    Begin,
    From,
}

/// What the first words of a statement, and the decisive ones behind them, have made of it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Head {
    #[default]
    Start,
    Set,
    Copy,
    CopyIn,
    Create,
    CreateOr,
    CreateOrReplace,
    /// A function or procedure, and how many ENDs its body waits for.
    Routine {
        depth: usize,
    },
    Other,
}

/// How to go on.
enum Next {
    Scan,
    More,
    Stop(Stop),
}

impl Lexer {
    pub(super) fn new() -> Lexer {
        Lexer {
            standard_strings: true,
            ..Lexer::default()
        }
    }

    /// Whether a token of a statement has been seen.
    pub(super) fn in_statement(&self) -> bool {
        self.in_statement
    }

    /// Whether the text seen so far ends within a comment that must be closed.
    pub(super) fn in_comment(&self) -> bool {
        matches!(self.state, State::Comment { .. })
    }

    /// Begins anew at the front of the text.
    pub(super) fn restart(&mut self) {
        *self = Lexer {
            standard_strings: self.standard_strings,
            multi_byte: self.multi_byte,
            ..Lexer::default()
        };
    }

    /// Outside of a statement, says how much has been seen and will not be looked at again.
    pub(super) fn forget(&mut self) -> usize {
        std::mem::take(&mut self.at)
    }

    /// Goes on where it stopped. `text` begins where the statement does; `ended` says that nothing follows it.
    pub(super) fn scan(&mut self, text: &[u8], ended: bool) -> Stop {
        loop {
            if self.trail {
                if self.at >= text.len() {
                    return Stop::Exhausted;
                }
                self.trail = false;
                self.at += 1;
            }
            match self.step(text, ended) {
                Next::Scan => {}
                Next::More => return Stop::Exhausted,
                Next::Stop(stop) => return stop,
            }
        }
    }

    fn step(&mut self, text: &[u8], ended: bool) -> Next {
        let rest = text.get(self.at..).unwrap_or_default();
        match &self.state {
            State::Plain => self.plain(text, ended),
            State::Word { start } => {
                let start = *start;
                let length = rest.iter().take_while(|byte| is_word(**byte)).count();
                let mut bytes = rest.iter().take(length);
                if let Some(lead) = bytes.position(|byte| self.multi_byte.is_lead(*byte)) {
                    self.trail = true;
                    self.at += lead + 1;
                    return Next::Scan;
                }
                self.at += length;
                if length == rest.len() && !ended {
                    return Next::More;
                }
                self.state = State::Plain;
                self.word(text.get(start..self.at).unwrap_or_default());
                Next::Scan
            }
            State::Single { escapes: false } => {
                let closed = State::Closed {
                    escapes: false,
                    line_end: false,
                };
                self.skip_to(memchr(b'\'', rest), rest, closed)
            }
            State::Single { escapes: true } => self.escaped_string(rest),
            State::Escaped => self.skip_to(
                (!rest.is_empty()).then_some(0),
                rest,
                State::Single { escapes: true },
            ),
            State::Closed { escapes, line_end } => match rest.first() {
                Some(b'\'') if *line_end || self.is_adjacent(text) => {
                    self.state = State::Single { escapes: *escapes };
                    self.at += 1;
                    Next::Scan
                }
                Some(byte) if is_blank(*byte) => {
                    self.state = State::Closed {
                        escapes: *escapes,
                        line_end: *line_end || matches!(byte, b'\n' | b'\r'),
                    };
                    self.at += 1;
                    Next::Scan
                }
                Some(_) => {
                    self.state = State::Plain;
                    Next::Scan
                }
                None => Next::More,
            },
            State::Double => self.skip_to(memchr(b'"', rest), rest, State::Plain),
            State::DollarTag { start } => self.dollar_tag(*start, text, ended),
            State::Dollar { tag } => match memmem::find(rest, tag) {
                Some(at) => {
                    self.at += at + tag.len();
                    self.state = State::Plain;
                    Next::Scan
                }
                None => {
                    // The end may be there in part.
                    self.at += rest.len().saturating_sub(tag.len() - 1);
                    Next::More
                }
            },
            State::LineComment => self.skip_to(memchr(b'\n', rest), rest, State::Plain),
            State::Comment { depth } => self.comment(*depth, rest),
        }
    }

    /// Goes behind the byte found, into another state; or to the end.
    fn skip_to(&mut self, found: Option<usize>, rest: &[u8], state: State) -> Next {
        match found {
            Some(at) => {
                self.at += at + 1;
                self.state = state;
                Next::Scan
            }
            None => {
                self.at += rest.len();
                Next::More
            }
        }
    }

    fn plain(&mut self, text: &[u8], ended: bool) -> Next {
        let Some(&byte) = text.get(self.at) else {
            return Next::More;
        };
        if is_blank(byte) {
            self.part();
            self.at += 1;
            return Next::Scan;
        }
        let following = text.get(self.at + 1).copied();
        if following.is_none() && !ended && matches!(byte, b'-' | b'/') {
            return Next::More;
        }
        match (byte, following) {
            (b'-', Some(b'-')) => {
                self.part();
                self.state = State::LineComment;
                self.at += 2;
                return Next::Scan;
            }
            (b'/', Some(b'*')) => {
                self.part();
                self.state = State::Comment { depth: 1 };
                self.at += 2;
                return Next::Scan;
            }
            (b'\\', _) => return self.backslash(text, ended),
            // A statement of nothing.
            (b';', _) if !self.in_statement => {
                self.at += 1;
                return Next::Scan;
            }
            _ => {}
        }
        if !self.in_statement {
            self.in_statement = true;
            let at = std::mem::take(&mut self.at);
            if at > 0 {
                return Next::Stop(Stop::Begins { at });
            }
        }
        self.token(byte)
    }

    /// Notes that the next token stands apart from the one before.
    fn part(&mut self) {
        if !matches!(self.last, Last::Begin | Last::From) {
            self.last = Last::Other;
        }
    }

    /// Begins a token of a statement.
    fn token(&mut self, byte: u8) -> Next {
        let start = self.at;
        let last = std::mem::take(&mut self.last);
        if is_word(byte) && byte != b'$' {
            self.last = match last {
                Last::Begin | Last::From => last,
                _ => Last::Other,
            };
            self.state = State::Word { start };
            return Next::Scan;
        }
        self.at += 1;
        match byte {
            b'\'' => {
                let escapes = match last {
                    Last::Escapes => true,
                    Last::Verbatim => false,
                    _ => !self.standard_strings,
                };
                self.state = State::Single { escapes };
            }
            b'"' => self.state = State::Double,
            b'$' => self.state = State::DollarTag { start },
            b'&' if last == Last::U => self.last = Last::Verbatim,
            b'(' => self.parentheses += 1,
            b')' => self.parentheses = self.parentheses.saturating_sub(1),
            b';' if self.parentheses == 0 && !matches!(self.head, Head::Routine { depth: 1.. }) => {
                let kind = match self.head {
                    Head::Set => Kind::Set,
                    Head::CopyIn => Kind::CopyIn,
                    _ => Kind::Other,
                };
                let end = self.at;
                self.restart();
                return Next::Stop(Stop::Statement { end, kind });
            }
            _ => {}
        }
        Next::Scan
    }

    fn word(&mut self, word: &[u8]) {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        let last = std::mem::take(&mut self.last);
        let top = self.parentheses == 0;
        self.head = match self.head {
            Head::Start if is("create") => Head::Create,
            Head::Start if is("copy") => Head::Copy,
            Head::Start if is("set") => Head::Set,
            Head::Create if is("or") => Head::CreateOr,
            Head::CreateOr if is("replace") => Head::CreateOrReplace,
            Head::Create | Head::CreateOrReplace if is("function") || is("procedure") => {
                Head::Routine { depth: 0 }
            }
            Head::Copy if top && last == Last::From && is("stdin") => Head::CopyIn,
            // BEGIN alone may be a name: ATOMIC makes it the beginning of a body.
            Head::Routine { depth: 0 } if top && last == Last::Begin && is("atomic") => {
                Head::Routine { depth: 1 }
            }
            Head::Routine { depth: depth @ 1.. } if top && is("case") => Head::Routine { depth: depth + 1 },
            Head::Routine { depth: depth @ 1.. } if top && is("end") => Head::Routine { depth: depth - 1 },
            keep @ (Head::Set | Head::Copy | Head::CopyIn | Head::Routine { .. }) => keep,
            _ => Head::Other,
        };
        self.last = match word {
            b"e" | b"E" => Last::Escapes,
            b"b" | b"B" | b"x" | b"X" => Last::Verbatim,
            b"u" | b"U" => Last::U,
            _ if is("begin") => Last::Begin,
            _ if is("from") => Last::From,
            _ => Last::Other,
        };
    }

    fn escaped_string(&mut self, rest: &[u8]) -> Next {
        let special = if self.multi_byte == MultiByte::Plain {
            memchr2(b'\'', b'\\', rest)
        } else {
            rest.iter()
                .position(|byte| matches!(byte, b'\'' | b'\\') || self.multi_byte.is_lead(*byte))
        };
        match special.and_then(|at| rest.get(at)) {
            Some(b'\'') => {
                let closed = State::Closed {
                    escapes: true,
                    line_end: false,
                };
                self.skip_to(special, rest, closed)
            }
            Some(b'\\') => self.skip_to(special, rest, State::Escaped),
            lead => {
                self.trail = lead.is_some();
                self.skip_to(special, rest, State::Single { escapes: true })
            }
        }
    }

    /// Whether the quote at hand stands directly behind the one that closed the string.
    fn is_adjacent(&self, text: &[u8]) -> bool {
        self.at.checked_sub(1).and_then(|at| text.get(at)) == Some(&b'\'')
    }

    fn dollar_tag(&mut self, start: usize, text: &[u8], ended: bool) -> Next {
        let seen = text.get(start + 1..).unwrap_or_default();
        let is_tag = |byte: &u8| *byte != b'$' && is_word(*byte);
        let name = seen.iter().take_while(|byte| is_tag(byte)).count();
        let is_parameter = seen.first().is_some_and(u8::is_ascii_digit);
        match seen.get(name) {
            Some(b'$') if !is_parameter => {
                let end = start + name + 2;
                let tag = text.get(start..end).unwrap_or_default().to_vec();
                self.at = end;
                self.state = State::Dollar { tag };
                Next::Scan
            }
            None if !ended && !is_parameter => Next::More,
            _ => {
                self.state = State::Plain;
                Next::Scan
            }
        }
    }

    fn comment(&mut self, depth: usize, rest: &[u8]) -> Next {
        let Some(at) = memchr2(b'*', b'/', rest) else {
            self.at += rest.len();
            return Next::More;
        };
        match (rest.get(at), rest.get(at + 1)) {
            (_, None) => {
                self.at += at;
                Next::More
            }
            (Some(b'/'), Some(b'*')) => {
                self.at += at + 2;
                self.state = State::Comment { depth: depth + 1 };
                Next::Scan
            }
            (Some(b'*'), Some(b'/')) => {
                self.at += at + 2;
                self.state = match depth {
                    0 | 1 => State::Plain,
                    _ => State::Comment { depth: depth - 1 },
                };
                Next::Scan
            }
            _ => {
                self.at += at + 1;
                Next::Scan
            }
        }
    }

    fn backslash(&self, text: &[u8], ended: bool) -> Next {
        let at = self.at;
        match memchr(b'\n', text.get(at..).unwrap_or_default()) {
            Some(length) => Next::Stop(Stop::Backslash {
                at,
                end: at + length + 1,
            }),
            None if ended => Next::Stop(Stop::Backslash { at, end: text.len() }),
            None => Next::More,
        }
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\x0b' | b'\x0c')
}

/// Whether a byte can go on a word; any but `$` can begin one (or a number, which is as good here).
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}
