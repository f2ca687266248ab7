//! Name patterns as psql and pg_dump know them (`-t 'sales.ord*'`), turned into regular expressions that the
//! server applies to its catalogs.
//!
//! Outside double quotes letters are folded to lower case, `*` and `?` are wild, a dot separates, and
//! everything else that regular expressions know means what it means there. Inside them all of that is plain
//! text. Which objects a pattern finds is not decided here.

use bstr::{BStr, BString, ByteSlice};

use crate::error::{Error, ErrorKind, Result};

/// A name pattern, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// What the user wrote.
    pub text: BString,
    /// The database, if one was named: plain text, which must be the name of the database connected to.
    pub database: Option<BString>,
    /// A regular expression for the schema, if one was given.
    pub schema: Option<BString>,
    /// A regular expression for the name.
    pub name: BString,
}

impl Pattern {
    /// A pattern for relations: `name`, `schema.name` or `database.schema.name`.
    ///
    /// # Errors
    /// If there are more dots than that.
    pub fn relation(text: impl Into<BString>) -> Result<Pattern> {
        let text = text.into();
        let mut parts = split(text.as_ref()).into_iter().rev();
        let (name, schema, database) = (parts.next(), parts.next(), parts.next());
        if parts.next().is_some() {
            return Err(too_many("relation", &text));
        }
        Ok(Pattern::new(text, database, schema, name.unwrap_or_default()))
    }

    /// A pattern for schemas: `name` or `database.name`.
    ///
    /// # Errors
    /// If there are more dots than that.
    pub fn schema(text: impl Into<BString>) -> Result<Pattern> {
        let text = text.into();
        let mut parts = split(text.as_ref()).into_iter().rev();
        let (name, database) = (parts.next(), parts.next());
        if parts.next().is_some() {
            return Err(too_many("qualified", &text));
        }
        Ok(Pattern::new(text, database, None, name.unwrap_or_default()))
    }

    /// A pattern for things that live in no schema, such as extensions: `name`.
    ///
    /// # Errors
    /// If there are dots.
    pub fn bare(text: impl Into<BString>) -> Result<Pattern> {
        let text = text.into();
        let mut parts = split(text.as_ref()).into_iter();
        match (parts.next(), parts.next()) {
            (Some(name), None) => Ok(Pattern::new(text, None, None, name)),
            _ => Err(too_many("qualified", &text)),
        }
    }

    fn new(text: BString, database: Option<Part>, schema: Option<Part>, name: Part) -> Pattern {
        Pattern {
            text,
            database: database.map(|part| part.plain),
            schema: schema.map(|part| anchored(&part.regex)),
            name: anchored(&name.regex),
        }
    }

    /// Refuses a pattern that names another database than `current`.
    ///
    /// # Errors
    /// If it does.
    pub fn check_database(&self, current: &BStr) -> Result<()> {
        match &self.database {
            Some(database) if database != current => Err(Error::new(
                ErrorKind::Usage,
                format!("cross-database references are not implemented: {}", self.text),
            )),
            _ => Ok(()),
        }
    }
}

/// What stands between two dots.
#[derive(Debug, Default)]
struct Part {
    regex: BString,
    /// The same without anything that a regular expression needs.
    plain: BString,
}

impl Part {
    fn push(&mut self, byte: u8) {
        self.regex.push(byte);
        self.plain.push(byte);
    }

    fn push_quoted(&mut self, byte: u8) {
        self.regex.push(b'\\');
        self.push(byte);
    }
}

fn too_many(kind: &str, text: &BString) -> Error {
    let message = format!("improper {kind} name (too many dotted names): {text}");
    Error::new(ErrorKind::Usage, message)
}

fn anchored(regex: &[u8]) -> BString {
    [b"^(", regex, b")$"].concat().into()
}

/// The parts of a pattern; at least one.
fn split(text: &BStr) -> Vec<Part> {
    let mut done = Vec::new();
    let mut part = Part::default();
    let mut quoted = false;
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        let next = bytes.peek().copied();
        match byte {
            b'"' if quoted && next == Some(b'"') => {
                bytes.next();
                part.push(b'"');
            }
            b'"' => quoted = !quoted,
            // A dollar is far more likely in a name than at the end of an expression.
            b'$' => part.push_quoted(b'$'),
            _ if quoted && b"|*+?()[]{}.^\\".contains(&byte) => part.push_quoted(byte),
            _ if quoted => part.push(byte),
            b'.' => done.push(std::mem::take(&mut part)),
            b'*' => {
                part.regex.extend_from_slice(b".*");
                part.plain.push(b'*');
            }
            b'?' => {
                part.regex.push(b'.');
                part.plain.push(b'?');
            }
            // The names of array types end so; an empty bracket expression would be an error.
            b'[' if next == Some(b']') => part.push_quoted(b'['),
            _ => part.push(byte.to_ascii_lowercase()),
        }
    }
    done.push(part);
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (Option<String>, String) {
        let pattern = Pattern::relation(text).unwrap();
        (pattern.schema.map(|s| s.to_string()), pattern.name.to_string())
    }

    fn name(text: &str) -> String {
        parts(text).1
    }

    #[test]
    fn wildcards_and_case_count_outside_quotes_only() {
        assert_eq!(name("Film*"), "^(film.*)$");
        assert_eq!(name("f?lm"), "^(f.lm)$");
        assert_eq!(name("\"Film*\""), "^(Film\\*)$");
        assert_eq!(name("a\"B\"C"), "^(aBc)$");
        assert_eq!(name("\"a\"\"b\""), "^(a\"b)$");
    }

    #[test]
    fn dots_separate_unless_quoted() {
        assert_eq!(parts("S.t"), (Some("^(s)$".into()), "^(t)$".into()));
        assert_eq!(parts("\"s.t\""), (None, "^(s\\.t)$".into()));
        assert_eq!(parts(".t"), (Some("^()$".into()), "^(t)$".into()));
    }

    #[test]
    fn regular_expressions_pass_but_dollars_are_names() {
        assert_eq!(name("t[0-9]+|u"), "^(t[0-9]+|u)$");
        assert_eq!(name("a$b"), "^(a\\$b)$");
        assert_eq!(name("\"a$b\""), "^(a\\$b)$");
        assert_eq!(name("int[]"), "^(int\\[])$");
    }

    #[test]
    fn too_many_dots_are_refused() {
        let error = |pattern: Result<Pattern>| pattern.unwrap_err().to_string();
        let message = "improper relation name (too many dotted names): a.b.c.d";
        assert_eq!(error(Pattern::relation("a.b.c.d")), message);
        let message = "improper qualified name (too many dotted names): a.b.c";
        assert_eq!(error(Pattern::schema("a.b.c")), message);
        let message = "improper qualified name (too many dotted names): a.b";
        assert_eq!(error(Pattern::bare("a.b")), message);
    }

    #[test]
    fn another_database_is_refused() {
        let pattern = Pattern::relation("\"My Db\".s.t").unwrap();
        assert!(pattern.check_database("My Db".into()).is_ok());
        let error = pattern.check_database("other".into()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cross-database references are not implemented: \"My Db\".s.t"
        );
        assert!(
            Pattern::schema("s")
                .unwrap()
                .check_database("other".into())
                .is_ok()
        );
    }
}
