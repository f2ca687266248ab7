//! Temporary databases, and running SQL and dump programs on them.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use super::programs::{rsdump, run, stdout_of, tool};
use super::server::{Server, psql_command};

/// A database with a name of its own, dropped at the end.
pub(crate) struct TempDb<'s> {
    pub(crate) server: &'s Server,
    pub(crate) name: String,
}

impl<'s> TempDb<'s> {
    /// An empty UTF-8 database.
    pub(crate) fn new(server: &'s Server) -> TempDb<'s> {
        TempDb::with(server, "")
    }

    /// An empty database with further options of `CREATE DATABASE`, such as `ENCODING 'LATIN1'`.
    pub(crate) fn with(server: &'s Server, options: &str) -> TempDb<'s> {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let name = format!(
            "test_{}_{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        server.psql(&format!("CREATE DATABASE {name} TEMPLATE template0 {options}"));
        TempDb { server, name }
    }

    /// A database that holds what a file under `fixtures/` makes.
    pub(crate) fn loaded(server: &'s Server, fixture: &str) -> TempDb<'s> {
        let db = TempDb::new(server);
        db.load(&super::fixture(fixture));
        db
    }

    /// Connection parameters as `keyword=value` words.
    pub(crate) fn conninfo(&self) -> String {
        format!("{} dbname={}", self.server.conninfo(), self.name)
    }

    /// Runs SQL; returns the rows, unaligned.
    pub(crate) fn psql(&self, sql: &str) -> Vec<u8> {
        stdout_of(psql_command(&self.conninfo()).args(["-c", sql]))
    }

    /// Runs a script, which psql reads as it is: backslash commands and COPY data included.
    pub(crate) fn load(&self, script: &Path) {
        stdout_of(psql_command(&self.conninfo()).arg("-f").arg(script));
    }

    /// What `pg_dump` of a version prints.
    pub(crate) fn pg_dump(&self, major: u32, args: &[&str]) -> Vec<u8> {
        stdout_of(self.aim(tool(major, "pg_dump")).args(args))
    }

    /// What `rsdump` prints.
    pub(crate) fn rsdump(&self, args: &[&str]) -> Vec<u8> {
        stdout_of(self.aim(rsdump()).args(args))
    }

    /// Points a program at this database with the options that all of PostgreSQL's programs share.
    pub(crate) fn aim(&self, mut command: Command) -> Command {
        command.args(["-h", "127.0.0.1", "-U", "postgres", "-p"]);
        command
            .arg(self.server.port.to_string())
            .arg("-d")
            .arg(&self.name);
        command
    }
}

impl Drop for TempDb<'_> {
    fn drop(&mut self) {
        // Not `psql()`: a failure here, perhaps while another one unwinds, must not panic.
        let force = if self.server.major >= 13 {
            " WITH (FORCE)"
        } else {
            ""
        };
        let sql = format!("DROP DATABASE IF EXISTS {}{force}", self.name);
        let postgres = format!("{} dbname=postgres", self.server.conninfo());
        if !run(psql_command(&postgres).args(["-c", &sql])).status.success() {
            // No database goes while it has subscriptions, and none of those may go in a transaction.
            let query = "SELECT subname FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid \
                 WHERE d.datname = current_database()";
            let names = run(psql_command(&self.conninfo()).args(["-c", query])).stdout;
            for name in String::from_utf8_lossy(&names).lines() {
                let name = name.replace('"', "\"\"");
                let drop = format!("DROP SUBSCRIPTION \"{name}\"");
                run(psql_command(&self.conninfo()).args(["-c", &drop]));
            }
            run(psql_command(&postgres).args(["-c", &sql]));
        }
    }
}
