//! The comments of a script: its first and last lines, and the three lines before each entry.

use bstr::{BStr, ByteSlice};

use super::{Origin, ScriptOptions, Step};
use crate::toc::Entry;
use crate::toc::list::put_line;

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
    let owner = entry.owner.as_ref().filter(|_| options.ownership.is_kept());
    let length = entry.tag.len()
        + entry.namespace.as_ref().map_or(0, |name| name.len())
        + owner.map_or(0, |name| name.len());
    // All the rest, but for what only verbose scripts have.
    let mut text = Vec::with_capacity(length + 100);
    text.extend_from_slice(b"--\n");
    if options.verbose {
        put_number(&mut text, entry);
    }
    push(&mut text, &[b"-- ", prefix.as_bytes(), b"Name: "]);
    put_line(&mut text, &entry.tag);
    push(&mut text, &[b"; Type: ", entry.desc.text(), b"; Schema: "]);
    put_or_hyphen(&mut text, entry.namespace.as_ref().map(|name| name.as_bytes()));
    text.extend_from_slice(b"; Owner: ");
    put_or_hyphen(&mut text, owner.map(|name| name.as_bytes()));
    if let (true, Some(tablespace)) = (options.tablespaces, &entry.tablespace)
        && !tablespace.is_empty()
    {
        text.extend_from_slice(b"; Tablespace: ");
        put_line(&mut text, tablespace);
    }
    text.push(b'\n');
    if let (true, Some(place)) = (options.verbose, place) {
        push(&mut text, &[b"-- ", place, b"\n"]);
    }
    text.extend_from_slice(b"--\n\n");
    Step::note(text)
}

/// What verbose scripts say about an entry's place in the archive and in the source database.
fn put_number(text: &mut Vec<u8>, entry: &Entry) {
    let id = entry.catalog_id;
    let number = format!(
        "-- TOC entry {} (class {} OID {})\n",
        entry.dump_id, id.tableoid, id.oid
    );
    text.extend_from_slice(number.as_bytes());
    if !entry.dependencies.is_empty() {
        text.extend_from_slice(b"-- Dependencies:");
        for id in &entry.dependencies {
            text.extend_from_slice(format!(" {id}").as_bytes());
        }
        text.push(b'\n');
    }
}

fn put_or_hyphen(out: &mut Vec<u8>, text: Option<&[u8]>) {
    match text {
        Some(text) => put_line(out, text),
        None => out.push(b'-'),
    }
}

fn push(out: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        out.extend_from_slice(part);
    }
}
