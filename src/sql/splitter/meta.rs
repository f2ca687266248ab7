//! psql's backslash commands, read by psql's rules for their arguments; what they do is not known here.

use bstr::{BString, ByteSlice};

/// A backslash command of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetaCommand {
    /// The line that it stands in, from 1.
    pub line: u64,
    /// Its name, without the backslash.
    pub name: BString,
    /// Its arguments, if all of them are plain or quoted text: none of psql's variables, nothing that a shell would
    /// execute, no further command.
    pub arguments: Option<Vec<BString>>,
    /// Whether it stands in the middle of a statement.
    pub within_statement: bool,
}

impl MetaCommand {
    /// Reads a line that begins with a backslash.
    pub(super) fn parse(line: u64, text: &[u8], within_statement: bool) -> MetaCommand {
        let text = text.strip_prefix(b"\\").unwrap_or(text);
        let end = text
            .iter()
            .position(|byte| is_blank(*byte) || *byte == b'\\')
            .unwrap_or(text.len());
        let (name, rest) = text.split_at_checked(end).unwrap_or((text, b""));
        MetaCommand {
            line,
            name: name.into(),
            arguments: arguments(rest),
            within_statement,
        }
    }
}

fn arguments(mut rest: &[u8]) -> Option<Vec<BString>> {
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start_with(|c| c.is_ascii() && is_blank(c as u8));
        if rest.is_empty() {
            return Some(found);
        }
        let (argument, after) = argument(rest)?;
        found.push(argument);
        rest = after;
    }
}

/// One argument, made of plain and quoted stretches, and what follows it.
fn argument(text: &[u8]) -> Option<(BString, &[u8])> {
    let mut value = BString::default();
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        match byte {
            _ if is_blank(byte) => break,
            // A further command, a variable, a command for the shell.
            b'\\' | b':' | b'`' => return None,
            b'"' => rest = double_quoted(after, &mut value)?,
            b'\'' => rest = single_quoted(after, &mut value)?,
            _ => {
                value.push(byte);
                rest = after;
            }
        }
    }
    Some((value, rest))
}

fn double_quoted<'t>(mut text: &'t [u8], value: &mut BString) -> Option<&'t [u8]> {
    loop {
        let end = text.find_byte(b'"')?;
        value.extend_from_slice(text.get(..end)?);
        text = text.get(end + 1..)?;
        if text.first() != Some(&b'"') {
            return Some(text);
        }
        value.push(b'"');
        text = text.get(1..)?;
    }
}

fn single_quoted<'t>(mut text: &'t [u8], value: &mut BString) -> Option<&'t [u8]> {
    loop {
        let (&byte, after) = text.split_first()?;
        text = after;
        match (byte, text.first()) {
            (b'\'', Some(b'\'')) => {
                value.push(b'\'');
                text = text.get(1..)?;
            }
            (b'\'', _) => return Some(text),
            (b'\\', escaped) => {
                let plain = match escaped? {
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'b' => b'\x08',
                    b'r' => b'\r',
                    b'f' => b'\x0c',
                    // Characters by their number, which no dump tool writes.
                    b'0'..=b'7' | b'x' => return None,
                    other => *other,
                };
                value.push(plain);
                text = text.get(1..)?;
            }
            _ => value.push(byte),
        }
    }
}

fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == b'\x0b'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (String, Option<Vec<String>>) {
        let command = MetaCommand::parse(1, text.as_bytes(), false);
        let arguments = command
            .arguments
            .map(|all| all.iter().map(ToString::to_string).collect());
        (command.name.to_string(), arguments)
    }

    fn arguments_of(text: &str) -> Option<Vec<String>> {
        parsed(text).1
    }

    #[test]
    fn names_end_at_blanks_and_arguments_lose_their_quotes() {
        assert_eq!(
            parsed("\\connect shop\n"),
            ("connect".into(), Some(vec!["shop".into()]))
        );
        assert_eq!(parsed("\\.\r\n"), (".".into(), Some(vec![])));
        assert_eq!(
            arguments_of("\\connect -reuse-previous=on \"dbname='a \"\"b\\\\'\"\n").unwrap(),
            ["-reuse-previous=on", "dbname='a \"b\\\\'"]
        );
        assert_eq!(arguments_of("\\x 'it''s\\t' \"\"").unwrap(), ["it's\t", ""]);
        assert_eq!(arguments_of("\\x a'b'\"c\"d").unwrap(), ["abcd"]);
    }

    #[test]
    fn what_psql_would_replace_or_execute_is_no_text() {
        for line in [
            "\\connect `whoami`",
            "\\connect :name",
            "\\connect a\\! x",
            "\\connect \"a",
            "\\connect 'a",
        ] {
            assert_eq!(arguments_of(line), None, "{line}");
        }
        assert_eq!(parsed("\\!\\x").0, "!");
    }
}
