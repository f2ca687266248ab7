//! `--report FILE`: what a run did, as JSON (docs/REPORT.md).
//!
//! Written at the end, however that came; the file is there complete or not at all.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::message::{Journal, Noted};
use super::progress::display::rounded;
use super::progress::track::{Record, State};

/// The version of the format.
const VERSION: u32 = 1;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Everything was done.
    Complete,
    /// Everything was tried; some of it failed.
    WithErrors,
    /// It was given up.
    Failed,
    /// The user gave up.
    Interrupted,
}

impl Ending {
    fn word(self) -> &'static str {
        match self {
            Ending::Complete => "complete",
            Ending::WithErrors => "errors",
            Ending::Failed => "failed",
            Ending::Interrupted => "interrupted",
        }
    }

    /// What the program exits with.
    pub(super) fn code(self) -> u8 {
        u8::from(self != Ending::Complete)
    }
}

/// The end as an event of `--progress=json`.
pub(super) fn ended(ending: Ending) -> Value {
    json!({ "event": "ended", "status": ending.word(), "exit_code": ending.code() })
}

/// The report.
pub(super) fn report(
    program: &str,
    (started, ended): (Timestamp, Timestamp),
    ending: Ending,
    state: &State,
    journal: &Journal,
) -> Value {
    let databases: BTreeSet<_> = state
        .records
        .iter()
        .filter_map(|record| record.database.as_ref())
        .collect();
    let with_database = databases.len() > 1;
    let text = |text: &Option<bstr::BString>| text.as_ref().map(ToString::to_string);
    json!({
        "report_version": VERSION,
        "program": program,
        "version": env!("CARGO_PKG_VERSION"),
        "server_version": text(&state.server_version),
        "database": text(&state.database).filter(|_| !with_database),
        "started": started.to_string(),
        "ended": ended.to_string(),
        "seconds": rounded(ended.duration_since(started).as_secs_f64()),
        "status": ending.word(),
        "exit_code": ending.code(),
        "totals": {
            "databases": state.totals.databases,
            "entries": state.totals.entries,
            "rows": state.totals.rows,
            "bytes": state.totals.bytes,
            "warnings": journal.warnings.len(),
            "errors": journal.errors.len(),
            "skipped": journal.skipped.len(),
        },
        "entries": state.records.iter().map(|record| entry(record, with_database)).collect::<Vec<_>>(),
        "warnings": notes(&journal.warnings),
        "errors": notes(&journal.errors),
        "skipped": notes(&journal.skipped),
    })
}

/// An entry.
pub(super) fn entry(record: &Record, with_database: bool) -> Value {
    let mut fields = Map::new();
    if with_database {
        fields.insert(
            "database".into(),
            json!(record.database.as_ref().map(ToString::to_string)),
        );
    }
    fields.insert("id".into(), json!(record.dump_id));
    fields.insert("kind".into(), json!(record.kind));
    fields.insert("schema".into(), json!(record.schema));
    fields.insert("name".into(), json!(record.name));
    if record.has_data {
        fields.insert("rows".into(), json!(record.done.rows));
        fields.insert("bytes".into(), json!(record.done.bytes));
    }
    fields.insert("seconds".into(), json!(rounded(record.seconds)));
    if record.done.failed {
        fields.insert("failed".into(), json!(true));
    }
    Value::Object(fields)
}

fn notes(notes: &[Noted]) -> Vec<Value> {
    let note = |note: &Noted| {
        let mut fields = Map::new();
        fields.insert("message".into(), json!(note.text));
        if !note.details.is_empty() {
            fields.insert("details".into(), json!(note.details));
        }
        if let Some(id) = note.dump_id {
            fields.insert("id".into(), json!(id));
        }
        if let Some(code) = &note.sqlstate {
            fields.insert("sqlstate".into(), json!(code));
        }
        Value::Object(fields)
    };
    notes.iter().map(note).collect()
}

/// Writes a report beside its name, and gives it its name when it is safe on disk.
///
/// # Errors
/// If it cannot be written.
pub(super) fn write(path: &Path, report: &Value) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // Others read it as they read any file: the process's mask decides.
    let permissions = std::fs::Permissions::from_mode(0o666);
    let mut file = tempfile::Builder::new()
        .permissions(permissions)
        .tempfile_in(folder)?;
    serde_json::to_writer_pretty(&mut file, report)?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_there_complete_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.json");
        write(&path, &json!({ "a": 1 })).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\n  \"a\": 1\n}\n");
        assert!(write(&dir.path().join("none/report.json"), &json!({})).is_err());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_parts_stand_in_the_order_of_the_documentation() {
        let now = Timestamp::UNIX_EPOCH;
        let journal = Journal::default();
        let report = report("rsdump", (now, now), Ending::Failed, &State::default(), &journal);
        let names: Vec<_> = report.as_object().unwrap().keys().cloned().collect();
        let described = include_str!("../../docs/REPORT.md");
        let places = names.iter().map(|name| {
            let row = format!("\n| `{name}` |");
            described
                .find(&row)
                .unwrap_or_else(|| panic!("{name} is not described"))
        });
        assert!(places.is_sorted());
        assert_eq!(report["status"], "failed");
        assert_eq!(report["exit_code"], 1);
    }
}
