//! Restoring a cluster from a directory of archives: what belongs to no database, then each database that is wanted.
//!
//! Databases are created as their archives say; those that every cluster has (`postgres`, `template1`) are filled,
//! or replaced if drops are asked for. Nothing is restored into another database that is there already: that is an
//! error of that database, unless drops are asked for. Roles and tablespaces that are there already are kept, and
//! get the attributes of those in the archive.

use std::path::{Path, PathBuf};

use bstr::{BStr, BString, ByteSlice};
use regex::bytes::Regex;

use super::plain::{Input, PlainOptions};
use super::report::{Failure, Observer, Report, Stage};
use super::verify::{Verification, verify};
use super::{Restore, RestoreOptions};
use crate::archive::{
    Archive, BytesSource, CLUSTER_FILE, ClusterDatabase, ClusterList, FileSource, Format, GLOBALS_FILE,
    Source,
};
use crate::connect::{Columns, ConnectParams};
use crate::error::{Error, ErrorKind, Result};
use crate::script::Drops;
use crate::sql::{Pattern, text};

/// The databases that initdb makes and that are restored, and for each another one to drop it from.
const PRESENT: [(&str, &str); 2] = [("template1", "postgres"), ("postgres", "template1")];

/// A directory with the archives of a cluster.
#[derive(Debug, Clone)]
pub struct Cluster {
    path: PathBuf,
    list: ClusterList,
}

/// Which databases of a cluster are restored, and how.
#[derive(Debug, Clone, Default)]
pub struct ClusterOptions {
    /// Restore no databases.
    pub globals_only: bool,
    /// The databases to restore; none means all. What belongs to no database is restored with all only.
    pub included: Vec<Pattern>,
    /// The databases to leave out.
    pub excluded: Vec<Pattern>,
    /// How each is restored. Whether it is created is decided here.
    pub each: RestoreOptions,
}

impl Cluster {
    /// Opens a directory; `None` if it holds no cluster.
    ///
    /// # Errors
    /// `ErrorKind::Archive` if the list of what it holds is damaged, `ErrorKind::Io` if it cannot be read.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Option<Cluster>> {
        let path = path.into();
        let file = path.join(CLUSTER_FILE);
        match tokio::fs::read(&file).await {
            Ok(bytes) => {
                let list =
                    ClusterList::parse(&bytes).map_err(|error| error.context(path.display().to_string()))?;
                Ok(Some(Cluster { path, list }))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io(
                format!("could not read input file \"{}\"", file.display()),
                error,
            )),
        }
    }

    /// The databases, in the order in which they are restored.
    pub fn databases(&self) -> &[ClusterDatabase] {
        &self.list.databases
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a database's archive.
    ///
    /// # Errors
    /// If it is missing or damaged.
    pub async fn archive(&self, database: &ClusterDatabase) -> Result<Archive> {
        let path = self.path.join(&database.file);
        let archive = match database.format {
            Format::Directory => Archive::open_path(&path).await,
            _ => Archive::open(FileSource::open(&path).await?).await,
        };
        archive.map_err(|error| error.context(path.display().to_string()))
    }

    /// Reads the script of what belongs to no database.
    ///
    /// # Errors
    /// If it is missing or is not what was written.
    pub async fn globals(&self) -> Result<Vec<u8>> {
        let path = self.path.join(GLOBALS_FILE);
        let shown = path.display();
        let script = tokio::fs::read(&path)
            .await
            .map_err(|error| Error::io(format!("could not read input file \"{shown}\""), error))?;
        let sum = (script.len() as u64, crc32c::crc32c(&script));
        match sum == (self.list.globals_len, self.list.globals_crc32c) {
            true => Ok(script),
            false => Err(Error::new(
                ErrorKind::Archive,
                format!("\"{shown}\" does not match its checksum"),
            )),
        }
    }

    /// Checks everything without a server: for each database what was found, or why its archive cannot be opened.
    /// What belongs to no database comes first, under no name.
    pub async fn verify(&self) -> Vec<(Option<&ClusterDatabase>, Result<Verification>)> {
        let globals = self.globals().await.map(|_| Verification {
            checksums: true,
            ..Verification::default()
        });
        let mut found = vec![(None, globals)];
        for database in &self.list.databases {
            let checked = match self.archive(database).await {
                Ok(mut archive) => Ok(verify(&mut archive).await),
                Err(error) => Err(error),
            };
            found.push((Some(database), checked));
        }
        found
    }

    /// Restores to the server that `params` leads to, beginning in their database.
    ///
    /// What the server refuses is told to the observer and counted in the report; the rest is restored all the
    /// same, unless the options say to stop.
    ///
    /// # Errors
    /// A server that cannot be reached or goes away, a damaged archive, a pattern that is no regular expression or
    /// finds nothing.
    pub async fn to_server(
        &self,
        params: ConnectParams,
        options: &ClusterOptions,
        observer: &mut dyn Observer,
    ) -> Result<Report> {
        let wanted = self.wanted(options)?;
        let mut report = Report::default();
        if options.included.is_empty() && options.each.selection.definitions {
            let globals = self.restore_globals(&params, options, observer).await?;
            add(&mut report, globals);
        }
        for database in wanted {
            if report.stopped {
                break;
            }
            let name = &database.name;
            observer.info(text!("restoring database \"", name, "\"").as_bstr());
            let one = self.restore_one(&params, database, options, observer).await;
            add(
                &mut report,
                one.map_err(|error| error.context(format!("restoring database \"{name}\"")))?,
            );
        }
        Ok(report)
    }

    /// The databases that the options choose.
    fn wanted(&self, options: &ClusterOptions) -> Result<Vec<&ClusterDatabase>> {
        if options.globals_only {
            return Ok(Vec::new());
        }
        let included = expressions(&options.included)?;
        let excluded = expressions(&options.excluded)?;
        let names = || self.list.databases.iter().map(|database| &database.name);
        for (pattern, expression) in options.included.iter().zip(&included) {
            if !names().any(|name| expression.is_match(name)) {
                let message = format!(
                    "no matching databases were found for pattern \"{}\"",
                    pattern.text
                );
                return Err(Error::new(ErrorKind::Usage, message));
            }
        }
        let is_in = |expressions: &[Regex], name: &BString| {
            expressions.iter().any(|expression| expression.is_match(name))
        };
        let wanted = self.list.databases.iter().filter(|database| {
            (included.is_empty() || is_in(&included, &database.name)) && !is_in(&excluded, &database.name)
        });
        Ok(wanted.collect())
    }

    async fn restore_globals(
        &self,
        params: &ConnectParams,
        options: &ClusterOptions,
        observer: &mut dyn Observer,
    ) -> Result<Report> {
        let script = self.globals().await?;
        let source: Box<dyn Source> = Box::new(BytesSource::named(GLOBALS_FILE, script));
        let Input::Plain(script) = Input::recognize(source).await? else {
            let message = format!("\"{GLOBALS_FILE}\" is not a script of a cluster");
            return Err(Error::new(ErrorKind::Archive, message));
        };
        let plain = PlainOptions {
            exit_on_error: options.each.exit_on_error,
            single_transaction: false,
            role: options.each.script.role.clone(),
            keep_roles_and_tablespaces: true,
        };
        script.to_server(params.clone(), &plain, observer).await
    }

    async fn restore_one(
        &self,
        params: &ConnectParams,
        database: &ClusterDatabase,
        options: &ClusterOptions,
        observer: &mut dyn Observer,
    ) -> Result<Report> {
        let drops = options.each.script.drops != Drops::None;
        let mut each = options.each.clone();
        let present = PRESENT.iter().find(|(name, _)| database.name == *name);
        let params = match present {
            Some(_) if !drops => params.for_database(database.name.clone()),
            Some((_, other)) if params.database() == database.name => params.for_database(*other),
            _ => params.clone(),
        };
        let creates = each.selection.definitions && (drops || present.is_none());
        each.script.create_database = creates;
        each.selection.create_database = creates;
        if creates && !drops && exists(&params, database.name.as_bstr()).await? {
            let message = format!(
                "database \"{}\" is there already, and nothing is restored into it; --clean replaces it",
                database.name
            );
            observer.failure(&Failure {
                stage: Stage::Initializing,
                entry: None,
                message: message.into(),
                statement: None,
                // duplicate_database
                sqlstate: "42P04".into(),
            });
            return Ok(Report {
                errors: 1,
                stopped: each.exit_on_error,
                ..Report::default()
            });
        }
        // Data alone goes into the database of that name.
        let params = match creates {
            true => params,
            false => params.for_database(database.name.clone()),
        };
        let restore = Restore::new(self.archive(database).await?, each)?;
        restore.to_server(params, observer).await
    }
}

async fn exists(params: &ConnectParams, database: &BStr) -> Result<bool> {
    let session = params.session().await?;
    let sql = "SELECT d.datname FROM pg_catalog.pg_database d";
    for row in session.rows("databases", sql, &[]).await? {
        if Columns::new(&row).text()? == database {
            return Ok(true);
        }
    }
    Ok(false)
}

fn expressions(patterns: &[Pattern]) -> Result<Vec<Regex>> {
    let expressions = patterns.iter().map(|pattern| {
        let why = |error: &dyn std::fmt::Display| {
            let message = format!("\"{}\" is no pattern for names: {error}", pattern.text);
            Error::new(ErrorKind::Usage, message)
        };
        let text = pattern.name.to_str().map_err(|error| why(&error))?;
        Regex::new(text).map_err(|error| why(&error))
    });
    expressions.collect()
}

fn add(sum: &mut Report, one: Report) {
    sum.entries += one.entries;
    sum.statements += one.statements;
    sum.rows += one.rows;
    sum.large_objects += one.large_objects;
    sum.errors += one.errors;
    sum.stopped |= one.stopped;
}
