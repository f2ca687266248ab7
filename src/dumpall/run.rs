//! Running a dump of a cluster.

use std::sync::Arc;

use bstr::{BString, ByteSlice};

use super::archives;
use super::globals;
use super::options::{ClusterOptions, Parts};
use super::script::Writer;
use super::sink::Whole;
use crate::archive::{CreatedAt, file_or_stdout};
use crate::connect::{ConnectParams, Session};
use crate::dump::{self, Observer};
use crate::error::{Error, ErrorKind, Result};
use crate::script::{Drops, connect_command};
use crate::sql::{Quoting, put, text};
use crate::toc::list::one_line;

/// The databases that initdb makes, apart from the one nobody connects to.
const PRESENT: [&str; 2] = ["template1", "postgres"];

/// What stands after everything else.
const COMPLETE: &[u8] = b"--\n-- PostgreSQL database cluster dump complete\n--\n\n";

/// Who is told what while a cluster is dumped.
#[derive(Clone)]
pub struct ClusterObserver {
    /// Told what happens in each database.
    pub database: Observer,
    /// Told of each step.
    pub info: InfoSink,
    /// Told what the user should know although the dump goes on.
    pub warning: ClusterWarningSink,
}

/// Takes a sentence.
pub type InfoSink = Arc<dyn Fn(&[u8]) + Send + Sync>;
/// Takes a warning, with a detail that may come with it.
pub type ClusterWarningSink = Arc<dyn Fn(&[u8], Option<&str>) + Send + Sync>;

/// What a dump of a cluster was.
#[derive(Debug, Clone, Default)]
pub struct ClusterReport {
    /// The databases dumped, in order.
    pub databases: Vec<BString>,
}

/// Dumps a cluster to where the options say.
///
/// # Errors
/// If anything goes wrong: then no file is left that looks complete.
pub async fn dump_cluster(
    params: &ConnectParams,
    options: &ClusterOptions,
    observer: &ClusterObserver,
) -> Result<ClusterReport> {
    let session = connect(params, options).await?;
    let mut excluded = Vec::new();
    for pattern in &options.excluded {
        excluded.extend(globals::matching(&session, pattern).await?);
    }
    let mut names = match options.parts {
        Parts::All => globals::databases(&session).await?,
        Parts::Globals | Parts::Roles | Parts::Tablespaces => Vec::new(),
    };
    names.retain(|name| name != "template0");
    // What the others are made from comes first.
    names.sort_by_key(|name| name != "template1");
    let own = match options.globals {
        true => own_part(&session, options, &names, observer).await?,
        false => BString::default(),
    };
    let opening = opening(&session, options);
    let unrestrict = format!("\\unrestrict {}\n\n", options.restrict_key);
    // A session that only waits would keep its database from being dropped or copied.
    drop(session);
    if let Some(dump_options) = &options.archives {
        let path = options.file.as_ref();
        let path = path.ok_or_else(|| Error::new(ErrorKind::Usage, "no output directory specified"))?;
        names.retain(|name| !excluded.contains(name));
        let globals = [&opening, &own, unrestrict.as_bytes(), COMPLETE].concat();
        return archives::write(params, options, dump_options, path, globals, names, observer).await;
    }
    let own_runtime = options.databases.created.own_runtime;
    let sink = file_or_stdout(options.file.as_deref(), options.sync, own_runtime).await?;
    let whole = Whole::new(sink);
    whole.write(opening).await?;
    whole.write(own).await?;
    whole.write(unrestrict).await?;
    let mut report = ClusterReport::default();
    if options.parts == Parts::All {
        whole.write(&b"--\n-- Databases\n--\n\n"[..]).await?;
        for name in names {
            if excluded.contains(&name) {
                (observer.info)(&text!("excluding database \"", name, "\""));
                continue;
            }
            (observer.info)(&text!("dumping database \"", name, "\""));
            database(params, options, observer, &whole, &name).await?;
            report.databases.push(name);
        }
    }
    if options.verbose {
        whole
            .write(format!("-- Completed on {}\n\n", CreatedAt::now()))
            .await?;
    }
    whole.write(COMPLETE).await?;
    whole.finish().await?;
    Ok(report)
}

/// A session with the database that was asked for, or one that every cluster has.
async fn connect(params: &ConnectParams, options: &ClusterOptions) -> Result<Session> {
    let session = match &options.database {
        Some(name) => params
            .for_database(name.clone())
            .session()
            .await
            .map_err(|error| {
                let message = format!("could not connect to database \"{name}\"");
                Error::with_source(ErrorKind::Connect, message, error)
            })?,
        None => match params.for_database("postgres").session().await {
            Ok(session) => session,
            Err(first) => params.for_database("template1").session().await.map_err(|_| {
                let message = "could not connect to databases \"postgres\" or \"template1\"\n\
                     Please specify an alternative database.";
                Error::with_source(ErrorKind::Connect, message, first)
            })?,
        },
    };
    let mut sql = String::from("SELECT pg_catalog.set_config('search_path', '', false);\n");
    let quoting = Quoting::default();
    let mut set = |name: &str, value: &BString| {
        let value = value.to_str().map_err(|_| {
            Error::new(
                ErrorKind::Usage,
                format!("the value for {name} is not in UTF-8: \"{value}\""),
            )
        })?;
        sql.push_str(&format!("SET {name} = {};\n", quoting.literal(value)));
        Ok::<_, Error>(())
    };
    if let Some(encoding) = &options.encoding {
        set("client_encoding", encoding)?;
    }
    if let Some(role) = &options.role {
        set("role", role)?;
    }
    if options.quote_all_identifiers {
        sql.push_str("SET quote_all_identifiers = true;\n");
    }
    session.batch("setting up the session", &sql).await?;
    Ok(session)
}

/// What stands before everything else.
fn opening(session: &Session, options: &ClusterOptions) -> BString {
    let mut out = text!("--\n-- PostgreSQL database cluster dump\n--\n\n");
    if options.verbose {
        put!(out; "-- Started on ", CreatedAt::now().to_string(), "\n\n");
    }
    let encoding = match &options.encoding {
        Some(encoding) => encoding.as_slice(),
        None => session.parameter("client_encoding").unwrap_or_default(),
    };
    let strings = session.parameter("standard_conforming_strings").unwrap_or(b"on");
    put!(out; "\\restrict ", options.restrict_key, "\n\n");
    put!(out; "SET default_transaction_read_only = off;\n\n");
    put!(out; "SET client_encoding = '", encoding, "';\n");
    put!(out; "SET standard_conforming_strings = ", strings, ";\n");
    if strings == b"off" {
        put!(out; "SET escape_string_warning = off;\n");
    }
    put!(out; "\n");
    out
}

/// What belongs to no database.
async fn own_part(
    session: &Session,
    options: &ClusterOptions,
    databases: &[BString],
    observer: &ClusterObserver,
) -> Result<BString> {
    let writer = Writer {
        options,
        quoting: Quoting {
            all_identifiers: options.quote_all_identifiers,
            standard_strings: session.parameter("standard_conforming_strings") == Some(b"on"),
        },
    };
    let parts = options.parts;
    let with_tablespaces = parts.has_tablespaces() && !options.no_tablespaces;
    let mut with_passwords = !options.no_role_passwords;
    if with_passwords && parts.has_roles() && !globals::can_read_passwords(session).await? {
        with_passwords = false;
        (observer.warning)(
            b"the passwords of roles cannot be read by this user and are left out",
            None,
        );
    }
    // What is not wanted is not read: it may be much, or not allowed.
    let with_roles = async {
        match parts.has_roles() {
            true => futures_util::try_join!(
                globals::roles(session, with_passwords),
                globals::memberships(session),
                globals::parameters(session),
            ),
            false => Ok((Vec::new(), Vec::new(), Vec::new())),
        }
    };
    let tablespaces = async {
        match with_tablespaces {
            true => globals::tablespaces(session).await,
            false => Ok(Vec::new()),
        }
    };
    let ((roles, memberships, parameters), tablespaces) = futures_util::try_join!(with_roles, tablespaces)?;
    let mut out = BString::default();
    if options.drops != Drops::None {
        if parts == Parts::All {
            let others = databases
                .iter()
                .filter(|name| !PRESENT.iter().any(|present| *name == present));
            put!(out; writer.drops("Drop databases (except postgres and template1)", "DATABASE", others));
        }
        if with_tablespaces {
            let mut names: Vec<&BString> = tablespaces.iter().map(|tablespace| &tablespace.name).collect();
            names.sort();
            put!(out; writer.drops("Drop tablespaces", "TABLESPACE", names.into_iter()));
        }
        if parts.has_roles() {
            put!(out; writer.drops("Drop roles", "ROLE", roles.iter().map(|role| &role.name)));
        }
    }
    if parts.has_roles() {
        put!(out; writer.roles(&roles));
        let mut warn = |message: BString, detail: Option<&str>| (observer.warning)(&message, detail);
        let memberships = writer.memberships(&memberships, &mut warn).map_err(|role| {
            let message = format!("could not find a legal dump ordering for memberships in role \"{role}\"");
            Error::new(ErrorKind::Unsupported, message)
        })?;
        put!(out; memberships);
        if session.version().at_least(15) && !options.no_privileges {
            put!(out; writer.parameters(&parameters));
        }
    }
    if with_tablespaces {
        put!(out; writer.tablespaces(&tablespaces));
    }
    Ok(out)
}

/// One database, under its heading.
async fn database(
    params: &ConnectParams,
    options: &ClusterOptions,
    observer: &ClusterObserver,
    whole: &Whole,
    name: &BString,
) -> Result<()> {
    let mut out = text!("--\n-- Database \"", one_line(name.as_bstr()), "\" dump\n--\n\n");
    let is_present = PRESENT.iter().any(|present| name == present);
    let dump_options = match (is_present, options.drops) {
        (false, _) => &options.databases.created,
        (true, Drops::None) => {
            put!(out; connect_command(name.as_bstr())?);
            &options.databases.present
        }
        (true, _) => &options.databases.replaced,
    };
    whole.write(out).await?;
    let params = params.for_database(name.clone());
    let dumped = dump::dump_to(&params, dump_options, whole.part(), &observer.database).await;
    dumped
        .map(|_| ())
        .map_err(|error| error.context(format!("dumping database \"{name}\"")))
}
