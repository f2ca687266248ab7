//! Where to connect, worked out from everything the user gave; opens any number of connections there.
//!
//! The first connection searches the hosts and may ask for a password. All later ones, of this value, its
//! clones and its siblings for other databases, go to the host that was found, with the password that worked.

use std::path::PathBuf;
use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};
use tokio::sync::Mutex;

use super::attempt::{Password, Search, Way};
use super::conninfo::{Conninfo, usage, variables};
use super::environment::{Environment, path};
use super::hosts::Host;
use super::interrupts::Interrupts;
use super::options::{ConnectOptions, WarningSink};
use super::passfile::{self, Wanted};
use super::prompt::{PasswordPolicy, PasswordPrompt};
use super::service;
use super::session::Session;
use super::settings::Settings;
use crate::error::{Error, Result};
use crate::wire::{Channel, Established, Lane, NoticeSink, Startup};

/// Start-up parameters that libpq takes from variables of their own.
const SETTING_VARIABLES: [(&str, &str); 3] = [
    ("datestyle", "PGDATESTYLE"),
    ("timezone", "PGTZ"),
    ("geqo", "PGGEQO"),
];

/// A database to connect to.
#[derive(Clone)]
pub struct ConnectParams {
    info: Arc<Conninfo>,
    hosts: Arc<Vec<Host>>,
    settings: Arc<Settings>,
    startup: Startup,
    database: BString,
    passfile: Option<PathBuf>,
    policy: PasswordPolicy,
    prompt: Option<Arc<dyn PasswordPrompt>>,
    notices: NoticeSink,
    warnings: WarningSink,
    interrupts: Interrupts,
    found: Arc<Mutex<Found>>,
}

/// What the first connection found out.
#[derive(Debug, Default)]
struct Found {
    /// The way to the server.
    way: Option<Way>,
    /// What a person typed.
    password: Option<Vec<u8>>,
}

impl ConnectParams {
    /// Settings from a connection string or URI, and the process's environment.
    ///
    /// # Errors
    /// See [`ConnectOptions::resolve`].
    pub fn parse(text: &[u8]) -> Result<ConnectParams> {
        let mut options = ConnectOptions::new();
        let info = Conninfo::parse(text)?;
        for (keyword, value) in info.iter().filter(|(keyword, _)| *keyword != "dbname") {
            options.set(keyword, value);
        }
        let params = options.resolve()?;
        Ok(match info.non_empty("dbname") {
            Some(database) => params.for_database(database),
            None => params,
        })
    }

    pub(super) fn resolve(options: &ConnectOptions) -> Result<ConnectParams> {
        let environment = &options.environment;
        let mut info = Conninfo::from_settings(options.settings())?;
        service::apply(&mut info, environment)?;
        add_variables(&mut info, environment);
        let hosts = Host::list(&info)?;
        if info.non_empty("user").is_none() {
            let user = environment
                .user()
                .ok_or_else(|| usage("could not look up the name of the local user"))?;
            info.set("user", user)?;
        }
        let user = info.value("user").unwrap_or_default().to_owned();
        let database = info.non_empty("dbname").unwrap_or(user.as_bstr()).to_owned();
        let settings = Settings::read(&info, environment)?;
        let passfile = match info.non_empty("passfile") {
            Some(file) => Some(path(file)),
            None => environment.in_home(".pgpass"),
        };
        let startup = Startup {
            user: user.into(),
            parameters: startup_parameters(&info, environment),
            password: info.non_empty("password").map(|password| password.to_vec()),
            rules: settings.rules.clone(),
            channel: Channel::Plain,
            min_protocol: settings.min_protocol,
            max_protocol: settings.max_protocol,
        };
        Ok(ConnectParams {
            info: Arc::new(info),
            hosts: Arc::new(hosts),
            settings: Arc::new(settings),
            startup,
            database,
            passfile,
            policy: options.password_policy,
            prompt: options.prompt.clone(),
            notices: options.notices.clone(),
            warnings: options.warnings.clone(),
            interrupts: options.interrupts.clone(),
            found: Arc::default(),
        })
    }

    /// The same server and user, another database; `database` is a name and nothing else.
    pub fn for_database(&self, database: impl Into<BString>) -> ConnectParams {
        ConnectParams {
            database: database.into(),
            ..self.clone()
        }
    }

    /// The same with another taker of notices.
    #[must_use]
    pub fn with_notices(mut self, notices: NoticeSink) -> ConnectParams {
        self.notices = notices;
        self
    }

    /// The database's name.
    pub fn database(&self) -> &BStr {
        self.database.as_bstr()
    }

    /// The role that logs in.
    pub fn user(&self) -> &BStr {
        self.startup.user.as_bstr()
    }

    /// All settings, defaults included, except that the database may be another one.
    pub fn settings(&self) -> &Conninfo {
        &self.info
    }

    /// Opens a session for catalog queries.
    ///
    /// # Errors
    /// In libpq's words when no server can be reached, or the one that was reached refuses.
    pub async fn session(&self) -> Result<Session> {
        let session = Session::new(self.connect().await?, self.notices.clone()).await?;
        if let Some(token) = session.cancel_token() {
            self.interrupts.note(token);
        }
        Ok(session)
    }

    /// Opens a raw lane for COPY and scripts.
    ///
    /// # Errors
    /// See [`session`](Self::session).
    pub async fn lane(&self) -> Result<Lane> {
        let lane = Lane::new(self.connect().await?, self.notices.clone());
        self.interrupts.note(lane.cancel_token());
        Ok(lane)
    }

    async fn connect(&self) -> Result<Established> {
        let mut found = self.found.lock().await;
        if let Some(way) = found.way.clone() {
            let typed = found.password.clone();
            // Lanes open side by side once the way is known.
            drop(found);
            return self.search(typed, async |search| search.again(&way).await).await;
        }
        if self.policy == PasswordPolicy::Always && found.password.is_none() {
            found.password = Some(self.ask().await?);
        }
        loop {
            let typed = found.password.clone();
            match self
                .search(typed, async |search| search.run(&self.hosts).await)
                .await
            {
                Ok((established, way)) => {
                    found.way = Some(way);
                    return Ok(established);
                }
                Err(failure) if failure.password_needed && found.password.is_none() && self.may_ask() => {
                    found.password = Some(self.ask().await?);
                }
                Err(failure) => return Err(failure.error),
            }
        }
    }

    /// Runs a search with the password that a person typed, or else the given one, or else the file's.
    async fn search<T>(&self, typed: Option<Vec<u8>>, run: impl AsyncFnOnce(Search<'_>) -> T) -> T {
        let password = |host: &Host| match typed.as_ref().or(self.startup.password.as_ref()) {
            Some(password) => Password {
                text: Some(password.clone()),
                file: None,
            },
            None => self.passfile_password(host),
        };
        let mut startup = self.startup.clone();
        startup
            .parameters
            .insert(0, (b"database".to_vec(), self.database.to_vec()));
        run(Search {
            settings: &self.settings,
            startup: &startup,
            password: &password,
        })
        .await
    }

    fn passfile_password(&self, host: &Host) -> Password {
        let Some(file) = &self.passfile else {
            return Password::default();
        };
        let wanted = Wanted {
            host: host.passfile_name(),
            port: &host.port,
            database: &self.database,
            user: &self.startup.user,
        };
        match passfile::look_up(file, wanted) {
            Ok(Some(text)) => Password {
                text: Some(text.into()),
                file: Some(file.display().to_string()),
            },
            Ok(None) => Password::default(),
            Err(warning) => {
                (self.warnings)(&warning);
                Password::default()
            }
        }
    }

    fn may_ask(&self) -> bool {
        self.policy != PasswordPolicy::Never && self.prompt.is_some()
    }

    /// Asks a person, on a thread of its own: that may take a while.
    async fn ask(&self) -> Result<Vec<u8>> {
        let prompt = self
            .prompt
            .clone()
            .ok_or_else(|| usage("there is nobody to ask for a password"))?;
        let answer = tokio::task::spawn_blocking(move || prompt.ask("Password: ")).await;
        answer
            .unwrap_or_else(|_| Err(std::io::Error::other("the prompt failed")))
            .map(String::into_bytes)
            .map_err(|error| Error::io("could not read a password", error))
    }
}

impl std::fmt::Debug for ConnectParams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectParams")
            .field("settings", &self.info)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

/// PG* variables, for what was not given.
fn add_variables(info: &mut Conninfo, environment: &Environment) {
    for (keyword, variable) in variables() {
        if let Some(value) = environment.variable(variable) {
            info.set_default(keyword.as_bytes(), value);
        }
    }
    if info.value("sslmode").is_none()
        && let Some(required) = environment.variable("PGREQUIRESSL")
        && required.starts_with(b"1")
    {
        info.set_default(b"sslmode", "require");
    }
}

/// What is told the server at start-up besides user and database, in libpq's order.
fn startup_parameters(info: &Conninfo, environment: &Environment) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut parameters = Vec::new();
    let mut add = |name: &str, value: Option<&BStr>| {
        parameters.extend(value.map(|value| (name.as_bytes().to_vec(), value.to_vec())));
    };
    add("replication", info.non_empty("replication"));
    add("options", info.non_empty("options"));
    let fallback = info.non_empty("fallback_application_name");
    add(
        "application_name",
        info.non_empty("application_name").or(fallback),
    );
    add(
        "client_encoding",
        info.non_empty("client_encoding").map(|encoding| {
            if encoding == "auto" {
                BStr::new(environment.locale_encoding())
            } else {
                encoding
            }
        }),
    );
    for (name, variable) in SETTING_VARIABLES {
        add(
            name,
            environment
                .variable(variable)
                .filter(|v| !v.eq_ignore_ascii_case(b"default")),
        );
    }
    parameters
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::tls::SslMode;

    fn options(settings: &[(&str, &str)], variables: &[(&'static str, &'static str)]) -> ConnectOptions {
        let mut options = ConnectOptions::new();
        options.environment = Environment::of("me", variables.iter().copied());
        for (keyword, value) in settings {
            options.set(keyword, *value);
        }
        options
    }

    fn told(params: &ConnectParams) -> Vec<String> {
        let show = |(k, v): &(Vec<u8>, Vec<u8>)| format!("{}={}", k.as_bstr(), v.as_bstr());
        params.startup.parameters.iter().map(show).collect()
    }

    #[test]
    fn user_and_database_default_to_the_name_of_the_user() {
        let params = options(&[], &[]).resolve().unwrap();
        assert_eq!((params.user(), params.database()), ("me".into(), "me".into()));
        let params = options(&[("user", "u")], &[]).resolve().unwrap();
        assert_eq!(params.database(), "u");
        let params = options(&[], &[("PGDATABASE", "d"), ("PGUSER", "v")])
            .resolve()
            .unwrap();
        assert_eq!((params.user(), params.database()), ("v".into(), "d".into()));
    }

    #[test]
    fn what_is_given_wins_over_variables() {
        let variables = [
            ("PGHOST", "envhost"),
            ("PGPORT", "1"),
            ("PGAPPNAME", "envapp"),
            ("PGTZ", "UTC"),
        ];
        let given = [
            ("host", "h"),
            ("dbname", "postgresql:///d?port=2"),
            ("fallback_application_name", "f"),
        ];
        let params = options(&given, &variables).resolve().unwrap();
        assert_eq!(params.settings().value("host").unwrap(), "h");
        assert_eq!(params.settings().value("port").unwrap(), "2");
        assert_eq!(params.database(), "d");
        assert_eq!(told(&params), ["application_name=envapp", "timezone=UTC"]);
    }

    #[test]
    fn start_up_parameters_come_from_settings_and_variables() {
        let given = [
            ("fallback_application_name", "pg_dump"),
            ("client_encoding", "auto"),
            ("options", "-c a=b"),
        ];
        let variables = [
            ("PGDATESTYLE", "default"),
            ("PGGEQO", "off"),
            ("LC_ALL", "C.UTF-8"),
        ];
        let params = options(&given, &variables).resolve().unwrap();
        assert_eq!(
            told(&params),
            [
                "options=-c a=b",
                "application_name=pg_dump",
                "client_encoding=UTF8",
                "geqo=off"
            ]
        );
    }

    #[test]
    fn encryption_may_be_demanded_by_a_variable() {
        let mode = |given: &[(&str, &str)], variables: &[(&'static str, &'static str)]| {
            options(given, variables).resolve().unwrap().settings.tls.mode
        };
        assert_eq!(mode(&[], &[]), SslMode::Prefer);
        assert_eq!(mode(&[], &[("PGSSLMODE", "require")]), SslMode::Require);
        assert_eq!(mode(&[], &[("PGREQUIRESSL", "1")]), SslMode::Require);
        assert_eq!(
            mode(&[("sslmode", "prefer")], &[("PGSSLMODE", "require")]),
            SslMode::Prefer
        );
    }

    #[test]
    fn a_database_chosen_later_is_a_name_only() {
        let params = options(&[], &[]).resolve().unwrap().for_database("host=evil");
        assert_eq!(params.database(), "host=evil");
        assert!(params.settings().value("host").is_none());
    }
}
