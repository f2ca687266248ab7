//! What a server says in an ErrorResponse or NoticeResponse, field by field, and how libpq would print it.
//!
//! The texts come in the session's encoding; they are for people, so bytes that are not UTF-8 become
//! replacement characters here (and only here: nothing of a dump passes through this type).

use std::fmt;
use std::io;

use super::frame::Fields;

/// An error or notice of the server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerError {
    /// `ERROR`, `FATAL`, `WARNING`, `NOTICE` …, in the server's language.
    pub severity: String,
    /// Five characters.
    pub sqlstate: String,
    /// The primary message, usually one line.
    pub message: String,
    /// More about the problem.
    pub detail: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// Where in the statement, in characters from 1.
    pub position: Option<u32>,
    /// Where in `internal_query`, in characters from 1.
    pub internal_position: Option<u32>,
    /// The text of a statement the server itself generated.
    pub internal_query: Option<String>,
    /// The call stack of functions.
    pub context: Option<String>,
    /// Schema of the object concerned.
    pub schema: Option<String>,
    /// Table of the object concerned.
    pub table: Option<String>,
    /// Column concerned.
    pub column: Option<String>,
    /// Data type concerned.
    pub datatype: Option<String>,
    /// Constraint concerned.
    pub constraint: Option<String>,
}

impl ServerError {
    /// Reads the body of an ErrorResponse or NoticeResponse.
    pub(crate) fn parse(body: &[u8]) -> io::Result<ServerError> {
        let mut error = ServerError::default();
        let mut fields = Fields::new(body);
        while !fields.is_empty() {
            let kind = fields.u8()?;
            if kind == 0 {
                break;
            }
            let text = String::from_utf8_lossy(fields.cstr()?).into_owned();
            match kind {
                b'S' => error.severity = text,
                b'C' => error.sqlstate = text,
                b'M' => error.message = text,
                b'D' => error.detail = Some(text),
                b'H' => error.hint = Some(text),
                b'P' => error.position = text.parse().ok(),
                b'p' => error.internal_position = text.parse().ok(),
                b'q' => error.internal_query = Some(text),
                b'W' => error.context = Some(text),
                b's' => error.schema = Some(text),
                b't' => error.table = Some(text),
                b'c' => error.column = Some(text),
                b'd' => error.datatype = Some(text),
                b'n' => error.constraint = Some(text),
                _ => {}
            }
        }
        Ok(error)
    }

    /// Whether the server ends the session with this error.
    pub fn is_fatal(&self) -> bool {
        matches!(self.severity.as_str(), "FATAL" | "PANIC")
    }

    /// The text libpq gives for this error at its default verbosity, without the final newline:
    /// severity and message, the line of the statement with a caret, detail, hint and context.
    pub fn report(&self, statement: Option<&[u8]>) -> String {
        let mut text = format!("{}:  {}", self.severity, self.message);
        let excerpt = match (self.position, self.internal_position, &self.internal_query) {
            (Some(position), _, _) => statement.map(|s| (position, String::from_utf8_lossy(s))),
            (None, Some(position), Some(query)) => Some((position, query.as_str().into())),
            _ => None,
        };
        if let Some((position, query)) = excerpt {
            text.push_str(&excerpt_line(&query, position));
        } else if let Some(position) = self.position {
            text.push_str(&format!(" at character {position}"));
        }
        let more = [
            ("DETAIL", &self.detail),
            ("HINT", &self.hint),
            ("QUERY", &self.internal_query),
            ("CONTEXT", &self.context),
        ];
        for (label, value) in more {
            if let Some(value) = value {
                text.push_str(&format!("\n{label}:  {value}"));
            }
        }
        text
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.report(None))
    }
}

impl std::error::Error for ServerError {}

/// Columns of a terminal that an excerpt may take, and what is kept right of the caret.
const EXCERPT_WIDTH: usize = 60;
const EXCERPT_RIGHT: usize = 10;

/// `\nLINE n: text\n    ^` for the character at `position` (from 1), cut as libpq cuts long lines.
fn excerpt_line(query: &str, position: u32) -> String {
    let chars: Vec<char> = query.chars().map(|c| if c == '\t' { ' ' } else { c }).collect();
    let at = (position as usize).saturating_sub(1);
    if position == 0 || at > chars.len() {
        return String::new();
    }
    let before = chars.get(..at).unwrap_or_default();
    let is_end = |c: &char| matches!(c, '\n' | '\r');
    let line_number = 1 + line_breaks(before);
    let line_begin = before.iter().rposition(is_end).map_or(0, |i| i + 1);
    let line_end = chars
        .iter()
        .skip(at)
        .position(is_end)
        .map_or(chars.len(), |i| at + i);
    let (mut begin, mut end, mut left_cut, mut right_cut) = (line_begin, line_end, false, false);
    if end - begin > EXCERPT_WIDTH {
        if at + EXCERPT_RIGHT <= begin + EXCERPT_WIDTH {
            end = begin + EXCERPT_WIDTH;
            right_cut = true;
        } else {
            if at + EXCERPT_RIGHT < end {
                end = at + EXCERPT_RIGHT;
                right_cut = true;
            }
            if end - begin > EXCERPT_WIDTH {
                begin = end - EXCERPT_WIDTH;
                left_cut = true;
            }
        }
    }
    let mut line = format!("LINE {line_number}: ");
    if left_cut {
        line.push_str("...");
    }
    let indent = line.chars().count() + at.saturating_sub(begin);
    line.extend(chars.get(begin..end).unwrap_or_default());
    if right_cut {
        line.push_str("...");
    }
    format!("\n{line}\n{:indent$}^", "")
}

/// Line ends in `chars`; `\r\n` counts once.
fn line_breaks(chars: &[char]) -> usize {
    let mut count = 0;
    let mut previous = ' ';
    for &c in chars {
        if c == '\r' || (c == '\n' && previous != '\r') {
            count += 1;
        }
        previous = c;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_and_unknown_ones_skipped() {
        let body = b"SERROR\0VERROR\0C42601\0Msyntax error\0Ddet\0Hhint\0P8\0Fscan.l\0\0";
        let error = ServerError::parse(body).unwrap();
        assert_eq!(error.sqlstate, "42601");
        assert_eq!(error.position, Some(8));
        assert_eq!(
            error.report(None),
            "ERROR:  syntax error at character 8\nDETAIL:  det\nHINT:  hint"
        );
    }

    #[test]
    fn a_body_without_end_is_an_error() {
        assert!(ServerError::parse(b"SERROR").is_err());
    }

    #[test]
    fn the_statement_line_is_quoted_with_a_caret() {
        let error = ServerError {
            severity: "ERROR".into(),
            message: "relation \"x\" does not exist".into(),
            position: Some(17),
            ..ServerError::default()
        };
        assert_eq!(
            error.report(Some(b"SELECT 1,\n2 from x")),
            "ERROR:  relation \"x\" does not exist\nLINE 2: 2 from x\n              ^"
        );
    }

    #[test]
    fn a_long_line_is_cut_around_the_caret() {
        let query = format!("{}x{}", "a".repeat(100), "b".repeat(100));
        let text = excerpt_line(&query, 101);
        let lines: Vec<&str> = text.trim_start_matches('\n').lines().collect();
        assert_eq!(
            lines[0],
            format!("LINE 1: ...{}x{}...", "a".repeat(50), "b".repeat(9))
        );
        assert_eq!(lines[1].find('^'), lines[0].find('x'));
    }
}
