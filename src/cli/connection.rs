//! The connection options that all three programs share, as typed, and how a terminal asks for a password.
//!
//! `-h` is the host here, as in the C tools, so a program that flattens these options in must give clap's own
//! `-h` away (`disable_help_flag`). What the values mean is decided in [`connect`](crate::connect).

use std::ffi::OsString;
use std::io::{self, BufRead, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::sync::Arc;

use bstr::BString;
use clap::Args;

use super::message::Messages;
use super::runtime;
use crate::connect::{ConnectOptions, Conninfo, PasswordPolicy, PasswordPrompt, is_connection_string};
use crate::error::Result;

/// `-d -h -p -U -w -W --role`.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Connection options")]
pub struct ConnectionArgs {
    /// Database to connect to: a name, a connection string or a URI
    #[arg(short = 'd', long, value_name = "DBNAME")]
    pub dbname: Option<OsString>,
    /// Database server host or socket directory
    #[arg(short = 'h', long, value_name = "HOSTNAME")]
    pub host: Option<OsString>,
    /// Database server port number
    #[arg(short = 'p', long, value_name = "PORT")]
    pub port: Option<OsString>,
    /// Connect as specified database user
    #[arg(short = 'U', long, value_name = "NAME")]
    pub username: Option<OsString>,
    /// Never prompt for password
    #[arg(short = 'w', long, overrides_with = "password")]
    pub no_password: bool,
    /// Force password prompt (should happen automatically)
    #[arg(short = 'W', long, overrides_with = "no_password")]
    pub password: bool,
    /// Do SET ROLE before anything else
    #[arg(long, value_name = "ROLENAME")]
    pub role: Option<OsString>,
}

impl ConnectionArgs {
    /// Options for connecting to `positional`, or else to `--dbname`. A connection string there wins over `--host`
    /// and the others. `application` names the program to the server.
    pub fn options(&self, positional: Option<&OsString>, application: &str) -> ConnectOptions {
        let mut options = self.asking();
        self.set_single(&mut options);
        if let Some(dbname) = positional.or(self.dbname.as_ref()) {
            options.set("dbname", bytes(dbname));
        }
        options.set("fallback_application_name", application);
        options
    }

    /// Options for connecting to a database that another one is copied into: on the same server if it is a name, else
    /// as the connection string says.
    pub fn of_target(&self, target: &OsString, application: &str) -> ConnectOptions {
        if is_connection_string(target.as_bytes()) {
            let alone = ConnectionArgs {
                no_password: self.no_password,
                password: self.password,
                ..ConnectionArgs::default()
            };
            return alone.options(Some(target), application);
        }
        self.options(Some(target), application)
    }

    /// Like [`options`](Self::options), but `--dbname` is always a connection string and `--host` and the others win
    /// over it, as in pg_dumpall.
    ///
    /// # Errors
    /// When the connection string is malformed.
    pub fn options_over_string(&self, application: &str) -> Result<ConnectOptions> {
        let mut options = self.asking();
        if let Some(dbname) = &self.dbname {
            for (keyword, value) in Conninfo::parse(&bytes(dbname))?.iter() {
                options.set(keyword, value);
            }
        }
        self.set_single(&mut options);
        options.set("fallback_application_name", application);
        Ok(options)
    }

    /// The role to act as.
    pub fn role(&self) -> Option<BString> {
        self.role.as_ref().map(bytes)
    }

    fn set_single(&self, options: &mut ConnectOptions) {
        for (keyword, value) in [
            ("host", &self.host),
            ("port", &self.port),
            ("user", &self.username),
        ] {
            if let Some(value) = value {
                options.set(keyword, bytes(value));
            }
        }
    }

    /// No settings; questions, notices and warnings go to the terminal.
    fn asking(&self) -> ConnectOptions {
        let mut options = ConnectOptions::new();
        options.password_policy = match (self.no_password, self.password) {
            (true, _) => PasswordPolicy::Never,
            (_, true) => PasswordPolicy::Always,
            _ => PasswordPolicy::IfNeeded,
        };
        options.prompt = Some(Arc::new(Terminal { messages: None }));
        options.notices = Arc::new(|notice| eprintln!("{}", notice.report(None)));
        options.warnings = Arc::new(|warning| eprintln!("{warning}"));
        options
    }
}

/// Has warnings, notices and questions told in the program's name, and no bar drawn over them; a signal interrupts what
/// the sessions do.
pub(super) fn tell(options: &mut ConnectOptions, messages: &Messages) {
    options.interrupts = runtime::sessions();
    let told = messages.clone();
    options.warnings = Arc::new(move |warning| told.plain(warning));
    let told = messages.clone();
    options.notices = Arc::new(move |notice| told.raw(notice.report(None)));
    let messages = messages.clone();
    options.prompt = Some(Arc::new(Terminal {
        messages: Some(messages),
    }));
}

/// What was typed, as the bytes that it was.
pub(super) fn bytes(text: &OsString) -> BString {
    text.clone().into_vec().into()
}

/// Asks on the terminal; without one, on standard error and input.
struct Terminal {
    /// Whose bar must not be in the way.
    messages: Option<Messages>,
}

impl PasswordPrompt for Terminal {
    fn ask(&self, prompt: &str) -> io::Result<String> {
        match &self.messages {
            Some(messages) => messages.without_bar(|| ask(prompt)),
            None => ask(prompt),
        }
    }
}

fn ask(prompt: &str) -> io::Result<String> {
    if std::fs::File::open("/dev/tty").is_ok() {
        return rpassword::prompt_password(prompt);
    }
    io::stderr().write_all(prompt.as_bytes())?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    // The line break that was typed is not seen in a terminal without echo, nor in a log.
    eprintln!();
    Ok(line.trim_end_matches(['\r', '\n']).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    #[command(disable_help_flag = true)]
    struct Program {
        #[command(flatten)]
        connection: ConnectionArgs,
        positional: Option<OsString>,
    }

    fn typed(line: &str) -> Program {
        Program::try_parse_from(line.split(' ')).unwrap()
    }

    fn resolved(line: &str) -> (String, String) {
        let program = typed(line);
        let mut options = program.connection.options(program.positional.as_ref(), "rsdump");
        options.environment = crate::connect::Environment::of("me", []);
        let params = options.resolve().unwrap();
        let host = params
            .settings()
            .value("host")
            .map(ToString::to_string)
            .unwrap_or_default();
        (host, params.database().to_string())
    }

    #[test]
    fn h_is_the_host_and_the_database_may_stand_alone() {
        assert_eq!(resolved("rsdump -h a mydb"), ("a".into(), "mydb".into()));
        assert_eq!(resolved("rsdump -h a -d mydb"), ("a".into(), "mydb".into()));
        assert_eq!(resolved("rsdump"), (String::new(), "me".into()));
    }

    #[test]
    fn a_connection_string_wins_over_host_except_in_dumpall() {
        assert_eq!(resolved("rsdump -h a host=b"), ("b".into(), "me".into()));
        let mut options = typed("rsdumpall -h a -d host=b")
            .connection
            .options_over_string("rsdumpall")
            .unwrap();
        options.environment = crate::connect::Environment::of("me", []);
        assert_eq!(options.resolve().unwrap().settings().value("host").unwrap(), "a");
    }

    #[test]
    fn the_last_of_w_and_capital_w_counts() {
        let policy = |line| typed(line).connection.options(None, "x").password_policy;
        assert_eq!(policy("rsdump"), PasswordPolicy::IfNeeded);
        assert_eq!(policy("rsdump -W -w"), PasswordPolicy::Never);
        assert_eq!(policy("rsdump -w -W"), PasswordPolicy::Always);
    }
}
