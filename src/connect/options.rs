//! What a user gives to say where to connect: settings in the order given, and whom to ask for a password.

use std::sync::Arc;

use bstr::BString;

use super::environment::Environment;
use super::interrupts::Interrupts;
use super::params::ConnectParams;
use super::prompt::{PasswordPolicy, PasswordPrompt};
use crate::error::Result;
use crate::wire::NoticeSink;

/// Called with a warning for people, such as that of an unsafe password file.
pub type WarningSink = Arc<dyn Fn(&str) + Send + Sync>;

/// Connection options as given; [`resolve`](Self::resolve) adds all defaults.
///
/// ```no_run
/// # async fn example() -> rsdump::Result<()> {
/// use rsdump::connect::ConnectOptions;
/// let mut options = ConnectOptions::new();
/// options.set("host", "db.example.org").set("dbname", "shop");
/// let params = options.resolve()?;
/// let session = params.session().await?;
/// println!("server {}", session.version());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ConnectOptions {
    settings: Vec<(String, BString)>,
    /// When a password is asked for.
    pub password_policy: PasswordPolicy,
    /// Who is asked; without anybody a missing password is an error.
    pub prompt: Option<Arc<dyn PasswordPrompt>>,
    /// Where PG* variables, home directory and user name come from.
    pub environment: Environment,
    /// Takes the server's notices.
    pub notices: NoticeSink,
    /// Takes warnings.
    pub warnings: WarningSink,
    /// Remembers the sessions, for whoever wants to interrupt them.
    pub interrupts: Interrupts,
}

impl ConnectOptions {
    /// No settings, the process's environment, nobody to ask; notices and warnings go to `tracing`.
    pub fn new() -> Self {
        ConnectOptions {
            settings: Vec::new(),
            password_policy: PasswordPolicy::default(),
            prompt: None,
            environment: Environment::of_process(),
            notices: Arc::new(|notice| tracing::info!("{}", notice.report(None))),
            warnings: Arc::new(|warning| tracing::warn!("{warning}")),
            interrupts: Interrupts::default(),
        }
    }

    /// Adds a setting; a later one replaces an earlier, and a `dbname` may be a connection string or URI.
    /// See [`Conninfo::from_settings`](super::Conninfo::from_settings).
    pub fn set(&mut self, keyword: &str, value: impl Into<BString>) -> &mut Self {
        self.settings.push((keyword.into(), value.into()));
        self
    }

    /// The settings in the order given.
    pub(super) fn settings(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.settings
            .iter()
            .map(|(keyword, value)| (keyword.as_str(), value.as_slice()))
    }

    /// Adds what service files, PG* variables and defaults say, and checks everything.
    ///
    /// # Errors
    /// In libpq's words: an unknown keyword, a malformed connection string, an unknown service, a value that
    /// cannot be.
    pub fn resolve(&self) -> Result<ConnectParams> {
        ConnectParams::resolve(self)
    }
}

impl Default for ConnectOptions {
    fn default() -> Self {
        ConnectOptions::new()
    }
}

impl std::fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let keywords: Vec<_> = self.settings.iter().map(|(keyword, _)| keyword).collect();
        f.debug_struct("ConnectOptions")
            .field("settings", &keywords)
            .field("password_policy", &self.password_policy)
            .finish_non_exhaustive()
    }
}
