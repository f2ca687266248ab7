//! The one public error of the crate.
//!
//! An [`Error`] says what kind of failure it is, in one full sentence what was being done, and keeps the
//! cause. Areas with causes of their own keep those types private beside their code and pass them in as
//! `source`; nothing outside needs to match on them.

use std::error::Error as StdError;
use std::fmt;

/// What went wrong, coarsely: enough for a caller to decide what to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The options contradict each other or name something impossible.
    Usage,
    /// A server could not be reached, or refused the session.
    Connect,
    /// The server refused or failed a statement.
    Server,
    /// The bytes on the wire, or a row of a catalog, were not what the protocol or catalog promises.
    Protocol,
    /// An archive or list file is damaged, truncated or not an archive at all.
    Archive,
    /// Reading or writing a file or stream failed.
    Io,
    /// The requested thing cannot be done (an unsupported version, format or construct).
    Unsupported,
}

/// The crate's error: a kind, a sentence for people, and the cause if there is one.
pub struct Error {
    kind: ErrorKind,
    context: String,
    sqlstate: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync + 'static>>,
}

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error that is its own cause. `context` is one full sentence without a final stop.
    pub fn new(kind: ErrorKind, context: impl Into<String>) -> Self {
        Error {
            kind,
            context: context.into(),
            sqlstate: None,
            source: None,
        }
    }

    /// An error with a cause, which [`Display`](fmt::Display) appends after a colon.
    pub fn with_source(
        kind: ErrorKind,
        context: impl Into<String>,
        source: impl Into<Box<dyn StdError + Send + Sync + 'static>>,
    ) -> Self {
        Error {
            kind,
            context: context.into(),
            sqlstate: None,
            source: Some(source.into()),
        }
    }

    /// A failure to read or write `what` (a file name, or words such as "standard output").
    pub fn io(what: impl fmt::Display, source: std::io::Error) -> Self {
        Error::with_source(ErrorKind::Io, what.to_string(), source)
    }

    /// Puts `outer` before the sentence: `outer: inner`.
    #[must_use]
    pub fn context(mut self, outer: impl fmt::Display) -> Self {
        self.context = format!("{outer}: {}", self.context);
        self
    }

    /// Notes the SQLSTATE the server gave.
    #[must_use]
    pub fn sqlstate(mut self, code: impl Into<String>) -> Self {
        self.sqlstate = Some(code.into());
        self
    }

    /// The kind of failure.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The server's SQLSTATE, five characters, where the cause is an error the server reported.
    pub fn code(&self) -> Option<&str> {
        self.sqlstate.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.context)?;
        let mut source = self.source.as_deref().map(|s| s as &dyn StdError);
        while let Some(cause) = source {
            match cause.downcast_ref::<std::io::Error>() {
                Some(error) => write!(f, ": {}", without_number(error))?,
                None => write!(f, ": {cause}")?,
            }
            source = cause.source();
        }
        Ok(())
    }
}

/// The operating system's words without the number that Rust puts after them.
fn without_number(error: &std::io::Error) -> String {
    let words = error.to_string();
    match error.raw_os_error() {
        Some(number) => words.replace(&format!(" (os error {number})"), ""),
        None => words,
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.kind)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        // Display has said it already; reporters that walk the chain must not say it twice.
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_follow_the_sentence_in_the_systems_words() {
        let error = Error::io("could not open x", std::io::Error::from_raw_os_error(2));
        assert_eq!(error.to_string(), "could not open x: No such file or directory");
        let error = error.context("reading");
        assert_eq!(
            error.to_string(),
            "reading: could not open x: No such file or directory"
        );
    }
}
