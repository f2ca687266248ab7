//! `rsrestore` on the directory of a cluster: which of its options mean something there, and what it does without a
//! server.

use std::ffi::OsString;
use std::io::Write;

use super::checks::Refusal;
use super::connection::bytes;
use super::message::Messages;
use super::restore::{Args, sink};
use super::restore_options::{Action, Job};
use super::verify;
use crate::error::{Error, ErrorKind, Result};
use crate::restore::{Cluster, ClusterOptions, Report};
use crate::sql::Pattern;
use crate::toc::list::one_line;

/// The first of the options for clusters alone that was typed.
pub(super) fn typed(args: &Args) -> Option<&'static str> {
    [
        (args.globals_only, "-g/--globals-only"),
        (!args.include_database.is_empty(), "--include-database"),
        (!args.exclude_database.is_empty(), "--exclude-database"),
    ]
    .into_iter()
    .find_map(|(typed, option)| typed.then_some(option))
}

/// Refuses what makes no sense for many databases, and reads the rest.
pub(super) fn check(args: &Args, job: &Job) -> Result<ClusterOptions, Refusal> {
    let refused = [
        (args.use_list.is_some(), "-L/--use-list"),
        (args.single_transaction, "-1/--single-transaction"),
        (matches!(job.action, Action::Script(_)), "-f/--file"),
    ];
    if let Some((_, option)) = refused.into_iter().find(|(given, _)| *given) {
        return Err(format!(
            "option {option} cannot be used with a cluster; its databases' own archives take it"
        )
        .into());
    }
    let restores = matches!(job.action, Action::Server);
    if restores && job.options.selection.definitions && !args.content.create && !args.globals_only {
        return Err(
            "option -C/--create must be given to restore a cluster: its databases are created".into(),
        );
    }
    let patterns = |texts: &[OsString]| -> Result<Vec<Pattern>, Refusal> {
        Ok(texts
            .iter()
            .map(|text| Pattern::bare(bytes(text)))
            .collect::<Result<_>>()?)
    };
    Ok(ClusterOptions {
        globals_only: args.globals_only,
        included: patterns(&args.include_database)?,
        excluded: patterns(&args.exclude_database)?,
        each: job.options.clone(),
    })
}

/// Lists or checks.
pub(super) async fn without_server(
    cluster: &Cluster,
    action: &Action,
    verbose: bool,
    messages: &Messages,
) -> Result<Report> {
    let mut report = Report::default();
    let (output, text) = match action {
        Action::List(output) => (output, listing(cluster)),
        Action::Verify(output) => (output, checked(cluster, verbose, messages, &mut report).await),
        Action::Script(_) | Action::Server => {
            return Err(Error::new(ErrorKind::Usage, "a cluster is restored to a server"));
        }
    };
    let mut sink = sink(output.as_ref()).await?;
    sink.write(text.into()).await?;
    sink.finish().await?;
    Ok(report)
}

/// The databases with their archives, each of which has a list of its own.
fn listing(cluster: &Cluster) -> Vec<u8> {
    let mut out = format!(";\n; Archives of a cluster in {}\n", cluster.path().display()).into_bytes();
    let count = cluster.databases().len();
    // Writing to a vector cannot fail.
    let _ = writeln!(out, ";     Databases: {count}\n;");
    for database in cluster.databases() {
        let _ = writeln!(out, "{}; {}", database.file, one_line(database.name.as_ref()));
    }
    out
}

/// A line for each part: what was found. What is wrong is told besides.
async fn checked(cluster: &Cluster, verbose: bool, messages: &Messages, report: &mut Report) -> Vec<u8> {
    let mut out = Vec::new();
    for (database, found) in cluster.verify().await {
        let name = match database {
            Some(database) => format!("database \"{}\"", one_line(database.name.as_ref())),
            None => "what belongs to no database".to_owned(),
        };
        let errors = match &found {
            Ok(found) => verify::wrong(found),
            Err(error) => vec![error.to_string()],
        };
        let state = if errors.is_empty() { "whole" } else { "damaged" };
        // Writing to a vector cannot fail.
        let _ = writeln!(out, "{state}: {name}");
        if let (Ok(found), true, Some(_)) = (&found, verbose, database) {
            let _ = writeln!(out, ";\t{}", verify::summary(found));
        }
        for error in &errors {
            messages.error(format!("{name}: {error}"));
        }
        report.errors += errors.len() as u64;
    }
    // Told already.
    report.stopped = true;
    out
}
