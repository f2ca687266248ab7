//! What people read on standard error: the program's name, the kind of message, the message.
//!
//! The forms are those of the C tools, which scripts match. Text goes out as bytes: names in a database may be
//! in any encoding.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bstr::{BStr, BString};
use indicatif::ProgressBar;
use serde_json::Value;

use crate::archive::Format;
use crate::restore::{Failure, Skip};

/// Prints messages in a program's name, and remembers those that a report tells again.
#[derive(Debug, Clone)]
pub struct Messages {
    program: BString,
    verbose: bool,
    very_verbose: bool,
    shared: Arc<Shared>,
}

/// What all copies share.
#[derive(Debug, Default)]
struct Shared {
    journal: Mutex<Journal>,
    /// A bar that is in the way of messages.
    bar: Mutex<Option<ProgressBar>>,
}

/// What was told.
#[derive(Debug, Clone, Default)]
pub(super) struct Journal {
    pub(super) warnings: Vec<Noted>,
    pub(super) errors: Vec<Noted>,
    pub(super) skipped: Vec<Noted>,
    /// The last of them was an error.
    last_is_error: bool,
}

/// A message that was told.
#[derive(Debug, Clone, Default)]
pub(super) struct Noted {
    pub(super) text: String,
    /// Details and hints.
    pub(super) details: Vec<String>,
    /// The entry that it is about.
    pub(super) dump_id: Option<u32>,
    /// The server's code.
    pub(super) sqlstate: Option<String>,
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
            very_verbose: false,
            shared: Arc::default(),
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

    /// Shows or hides [`info`](Self::info), and from the second level on [`debug`](Self::debug).
    pub fn set_verbose(&mut self, level: u8) {
        self.verbose = level > 0;
        self.very_verbose = level > 1;
    }

    /// Something failed.
    pub fn error(&self, text: impl AsRef<[u8]>) {
        self.print(b"error: ", text.as_ref());
        self.journal().error(Noted::of(text.as_ref()));
    }

    /// The server refused something.
    pub(super) fn failure(&self, failure: &Failure) {
        self.print(b"error: ", &failure.message);
        self.journal().error(Noted {
            dump_id: failure.entry.as_ref().map(|entry| entry.dump_id.0),
            sqlstate: Some(failure.sqlstate.clone()),
            ..Noted::of(&failure.message)
        });
    }

    /// Something the user should know.
    pub fn warning(&self, text: impl AsRef<[u8]>) {
        self.print(b"warning: ", text.as_ref());
        self.journal().warning(Noted::of(text.as_ref()));
    }

    /// What a warning or error is about.
    pub fn detail(&self, text: impl AsRef<[u8]>) {
        self.print(b"detail: ", text.as_ref());
        self.journal().add(text.as_ref());
    }

    /// What helps after an error.
    pub fn hint(&self, text: impl AsRef<[u8]>) {
        self.print(b"hint: ", text.as_ref());
        self.journal().add(text.as_ref());
    }

    /// Something was left out, as the user wanted.
    pub fn skipped(&self, skip: &Skip) {
        let text = skip.sentence();
        self.print(b"skipped: ", &text);
        self.journal().skipped.push(Noted {
            dump_id: Some(skip.entry.dump_id.0),
            sqlstate: skip.sqlstate.clone(),
            ..Noted::of(&text)
        });
    }

    /// What is being done; shown with `-v`.
    pub fn info(&self, text: impl AsRef<[u8]>) {
        if self.verbose {
            self.print(b"", text.as_ref());
        }
    }

    /// What only those want to know who look for a fault; shown with `-vv`.
    pub fn debug(&self, text: impl AsRef<[u8]>) {
        if self.very_verbose {
            self.print(b"", text.as_ref());
        }
    }

    /// Of which archive it will be, and of which format: in the tools' words and numbers, where no format is one to be
    /// found out.
    pub(super) fn debug_archive(&self, file: Option<&Path>, format: Option<Format>) {
        let number = match format {
            None => 0,
            Some(Format::Custom) => 1,
            Some(Format::Tar) => 3,
            Some(Format::Plain) => 4,
            Some(Format::Directory) => 5,
        };
        let name = file.map_or("(stdio)".into(), |file| file.to_string_lossy());
        self.debug(format!("allocating AH for {name}, format {number}"));
    }

    /// A message without a kind, as argv's parser gives them.
    pub fn plain(&self, text: impl AsRef<[u8]>) {
        self.print(b"", text.as_ref());
    }

    /// Text that is not the program's own: the server's notices.
    pub fn raw(&self, text: impl AsRef<[u8]>) {
        self.write(&[text.as_ref(), b"\n"].concat());
    }

    /// An object on a line of its own.
    pub(super) fn json(&self, value: &Value) {
        self.raw(value.to_string());
    }

    /// What was told so far.
    pub(super) fn journal(&self) -> MutexGuard<'_, Journal> {
        self.shared.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bar that is shown, or a new one.
    pub(super) fn bar_or(&self, new: impl FnOnce() -> ProgressBar) -> ProgressBar {
        self.bar().get_or_insert_with(new).clone()
    }

    /// Shows another bar, or none.
    pub(super) fn set_bar(&self, bar: Option<ProgressBar>) {
        if let Some(old) = std::mem::replace(&mut *self.bar(), bar) {
            old.finish_and_clear();
        }
    }

    /// Does something on the terminal while no bar is drawn there.
    pub(super) fn without_bar<T>(&self, does: impl FnOnce() -> T) -> T {
        // Held meanwhile, so that none appears either.
        match &*self.bar() {
            Some(bar) => bar.suspend(does),
            None => does(),
        }
    }

    fn bar(&self) -> MutexGuard<'_, Option<ProgressBar>> {
        self.shared.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, line: &[u8]) {
        self.without_bar(|| {
            // Where standard error is closed there is nobody to tell.
            let _ = std::io::stderr().lock().write_all(line);
        });
    }

    fn print(&self, kind: &[u8], text: &[u8]) {
        // One trailing newline is the message's own.
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let line = [&self.program, b": ".as_slice(), kind, text, b"\n"].concat();
        self.write(&line);
    }
}

impl Journal {
    fn error(&mut self, noted: Noted) {
        self.errors.push(noted);
        self.last_is_error = true;
    }

    fn warning(&mut self, noted: Noted) {
        self.warnings.push(noted);
        self.last_is_error = false;
    }

    /// Adds a detail or hint to the message before it.
    fn add(&mut self, detail: &[u8]) {
        let last = match self.last_is_error {
            true => self.errors.last_mut(),
            false => self.warnings.last_mut(),
        };
        if let Some(last) = last {
            last.details.push(String::from_utf8_lossy(detail).into_owned());
        }
    }
}

impl Noted {
    fn of(text: &[u8]) -> Noted {
        Noted {
            text: String::from_utf8_lossy(text).trim_end().to_owned(),
            ..Noted::default()
        }
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
