//! What people read on standard error: the program's name, the kind of message, the message.
//!
//! The forms are those of the C tools, which scripts match. Text goes out as bytes: names in a database may be
//! in any encoding.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;

use bstr::{BStr, BString};

/// Prints messages in a program's name.
#[derive(Debug, Clone)]
pub struct Messages {
    program: BString,
    verbose: bool,
}

impl Messages {
    /// Messages in the name under which the program was started, or `default` if that is not known.
    pub fn of(argv0: Option<&OsString>, default: &str) -> Messages {
        let name = argv0
            .and_then(|path| Path::new(path).file_name())
            .and_then(|name| name.to_str());
        let name = name.map(|name| name.strip_suffix(".exe").unwrap_or(name));
        Messages {
            program: name.unwrap_or(default).into(),
            verbose: false,
        }
    }

    /// The program's name.
    pub fn program(&self) -> &BStr {
        BStr::new(&self.program)
    }

    /// Whether the program goes by the name of one of PostgreSQL's tools, and should do as that one does.
    pub fn like_pg_tools(&self) -> bool {
        matches!(
            self.program.as_slice(),
            b"pg_dump" | b"pg_restore" | b"pg_dumpall"
        )
    }

    /// Shows or hides [`info`](Self::info).
    pub fn set_verbose(&mut self, verbose: bool) {
        self.verbose = verbose;
    }

    /// Something failed.
    pub fn error(&self, text: impl AsRef<[u8]>) {
        self.print(b"error: ", text.as_ref());
    }

    /// Something the user should know.
    pub fn warning(&self, text: impl AsRef<[u8]>) {
        self.print(b"warning: ", text.as_ref());
    }

    /// What a warning or error is about.
    pub fn detail(&self, text: impl AsRef<[u8]>) {
        self.print(b"detail: ", text.as_ref());
    }

    /// What helps after an error.
    pub fn hint(&self, text: impl AsRef<[u8]>) {
        self.print(b"hint: ", text.as_ref());
    }

    /// Something was left out, as the user wanted.
    pub fn skipped(&self, text: impl AsRef<[u8]>) {
        self.print(b"skipped: ", text.as_ref());
    }

    /// What is being done; shown with `-v`.
    pub fn info(&self, text: impl AsRef<[u8]>) {
        if self.verbose {
            self.print(b"", text.as_ref());
        }
    }

    /// A message without a kind, as argv's parser gives them.
    pub fn plain(&self, text: impl AsRef<[u8]>) {
        self.print(b"", text.as_ref());
    }

    fn print(&self, kind: &[u8], text: &[u8]) {
        // One trailing newline is the message's own.
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let line = [&self.program, b": ".as_slice(), kind, text, b"\n"].concat();
        // Where standard error is closed there is nobody to tell.
        let _ = std::io::stderr().lock().write_all(&line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_called_as_it_was_started() {
        let messages = Messages::of(Some(&"/usr/bin/pg_restore".into()), "rsrestore");
        assert_eq!(messages.program(), "pg_restore");
        assert_eq!(Messages::of(None, "rsrestore").program(), "rsrestore");
    }
}
