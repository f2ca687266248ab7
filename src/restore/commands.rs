//! Splitting data that is SQL commands (INSERTs, old comments on large objects) into single commands.
//!
//! Only what dump tools write as data has to be understood: commands ended by semicolons, with quoted strings
//! and names in which semicolons mean nothing. Pieces may be cut anywhere.

use bstr::BString;

/// Commands as they come in.
pub(super) struct Commands {
    standard_strings: bool,
    text: Vec<u8>,
    /// How much of `text` has been looked at.
    seen: usize,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Plain,
    /// Within single quotes; whether backslashes escape there.
    Single {
        escapes: bool,
    },
    /// After a backslash that escapes.
    Escaped,
    Double,
}

impl Commands {
    /// A splitter for text written under this setting of `standard_conforming_strings`.
    pub(super) fn new(standard_strings: bool) -> Commands {
        Commands {
            standard_strings,
            text: Vec::new(),
            seen: 0,
            state: State::Plain,
        }
    }

    /// Adds text.
    pub(super) fn push(&mut self, text: &[u8]) {
        self.text.extend_from_slice(text);
    }

    /// The next whole command with its semicolon.
    pub(super) fn next(&mut self) -> Option<BString> {
        while let Some(&byte) = self.text.get(self.seen) {
            let before = self.seen.checked_sub(1).and_then(|at| self.text.get(at)).copied();
            self.seen += 1;
            match (self.state, byte) {
                (State::Plain, b';') => return Some(self.cut()),
                (State::Plain, b'\'') => {
                    let escapes = !self.standard_strings || matches!(before, Some(b'E' | b'e'));
                    self.state = State::Single { escapes };
                }
                (State::Plain, b'"') => self.state = State::Double,
                (State::Single { escapes: true }, b'\\') => self.state = State::Escaped,
                (State::Escaped, _) => self.state = State::Single { escapes: true },
                (State::Single { .. }, b'\'') | (State::Double, b'"') => self.state = State::Plain,
                _ => {}
            }
        }
        None
    }

    fn cut(&mut self) -> BString {
        let rest = self.text.split_off(self.seen);
        let command = std::mem::replace(&mut self.text, rest);
        self.seen = 0;
        command.trim_ascii_start().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &[u8], standard_strings: bool, step: usize) -> Vec<BString> {
        let mut commands = Commands::new(standard_strings);
        let mut found = Vec::new();
        for piece in text.chunks(step) {
            commands.push(piece);
            while let Some(command) = commands.next() {
                found.push(command);
            }
        }
        found
    }

    #[test]
    fn semicolons_in_quotes_end_nothing_however_the_text_is_cut() {
        let text = b"INSERT INTO \"a;b\" VALUES ('it''s; \\', E'\\';');\n\nINSERT INTO c VALUES (1);\n\n";
        for step in 1..text.len() {
            assert_eq!(
                split(text, true, step),
                [
                    "INSERT INTO \"a;b\" VALUES ('it''s; \\', E'\\';');",
                    "INSERT INTO c VALUES (1);"
                ]
            );
        }
    }

    #[test]
    fn backslashes_escape_without_standard_strings() {
        assert_eq!(
            split(b"SELECT '\\';'; SELECT 2;", false, 5),
            ["SELECT '\\';';", "SELECT 2;"]
        );
    }
}
