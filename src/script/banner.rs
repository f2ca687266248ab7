//! The comments of a script: its first and last lines, and the three lines before each entry.

use bstr::{BStr, BString};

use super::{Origin, ScriptOptions, Step};
use crate::toc::Entry;
use crate::toc::list::one_line;

/// The lines before anything else.
pub(super) fn opening(origin: &Origin, options: &ScriptOptions) -> Step {
    let mut text = Vec::from("--\n-- PostgreSQL database dump\n--\n\n");
    if let Some(key) = &options.restrict_key {
        text.extend_from_slice(format!("\\restrict {key}\n\n").as_bytes());
    }
    if let Some(version) = &origin.server_version {
        push(&mut text, &[b"-- Dumped from database version ", version, b"\n"]);
    }
    if let Some(program) = &origin.dumped_by {
        push(&mut text, &[b"-- Dumped by ", program, b"\n"]);
    }
    text.push(b'\n');
    if let (true, Some(started)) = (options.verbose, &origin.started_on) {
        text.extend_from_slice(format!("-- Started on {started}\n\n").as_bytes());
    }
    Step::note(text)
}

/// The lines after everything else. `completed_on` is shown in verbose scripts.
pub(super) fn closing(options: &ScriptOptions, completed_on: Option<&str>) -> Step {
    let mut text = Vec::new();
    if let (true, Some(completed)) = (options.verbose, completed_on) {
        text.extend_from_slice(format!("-- Completed on {completed}\n\n").as_bytes());
    }
    text.extend_from_slice(b"--\n-- PostgreSQL database dump complete\n--\n\n");
    if let Some(key) = &options.restrict_key {
        text.extend_from_slice(format!("\\unrestrict {key}\n\n").as_bytes());
    }
    Step::note(text)
}

/// What stands before an entry's statements.
pub(super) fn heading(entry: &Entry, prefix: &str, options: &ScriptOptions, place: Option<&BStr>) -> Step {
    let mut text = Vec::from("--\n");
    if options.verbose {
        let id = entry.catalog_id;
        text.extend_from_slice(
            format!(
                "-- TOC entry {} (class {} OID {})\n",
                entry.dump_id, id.tableoid, id.oid
            )
            .as_bytes(),
        );
        if !entry.dependencies.is_empty() {
            text.extend_from_slice(b"-- Dependencies:");
            for id in &entry.dependencies {
                text.extend_from_slice(format!(" {id}").as_bytes());
            }
            text.push(b'\n');
        }
    }
    let owner = if options.ownership.is_kept() {
        entry.owner.as_ref()
    } else {
        None
    };
    push(
        &mut text,
        &[
            b"-- ",
            prefix.as_bytes(),
            b"Name: ",
            &one_line(&entry.tag),
            b"; Type: ",
            entry.desc.text(),
            b"; Schema: ",
            &or_hyphen(entry.namespace.as_ref()),
            b"; Owner: ",
            &or_hyphen(owner),
        ],
    );
    if let (true, Some(tablespace)) = (options.tablespaces, &entry.tablespace)
        && !tablespace.is_empty()
    {
        push(&mut text, &[b"; Tablespace: ", &one_line(tablespace)]);
    }
    text.push(b'\n');
    if let (true, Some(place)) = (options.verbose, place) {
        push(&mut text, &[b"-- ", place, b"\n"]);
    }
    text.extend_from_slice(b"--\n\n");
    Step::note(text)
}

fn or_hyphen(text: Option<&BString>) -> BString {
    text.map_or_else(|| "-".into(), |text| one_line(text))
}

fn push(out: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        out.extend_from_slice(part);
    }
}
