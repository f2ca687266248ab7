//! When to ask a person for a password, and through what.

use std::io;

/// When a password is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PasswordPolicy {
    /// Never (`-w`): a password that is missing is an error.
    Never,
    /// When the server wants one and none is known.
    #[default]
    IfNeeded,
    /// Before connecting (`-W`).
    Always,
}

/// Somebody who can be asked for a password.
pub trait PasswordPrompt: Send + Sync {
    /// Shows `prompt` and returns what was typed, without echo. Called on a thread that may block.
    ///
    /// # Errors
    /// When there is no terminal.
    fn ask(&self, prompt: &str) -> io::Result<String>;
}
