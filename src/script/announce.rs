//! What verbose runs say about each entry, in the words of the C tools.

use bstr::ByteSlice;

use super::Step;
use crate::toc::Entry;

/// Before an entry's object is dropped.
pub(super) fn dropping(entry: &Entry) -> Step {
    say(&[b"dropping ", entry.desc.text(), b" ", &entry.tag])
}

/// Before an entry's definition is restored.
pub(super) fn creating(entry: &Entry) -> Step {
    let (schema, dot) = schema(entry);
    say(&[
        b"creating ",
        entry.desc.text(),
        b" \"",
        schema,
        dot,
        &entry.tag,
        b"\"",
    ])
}

/// Before the statements of an entry that counts as data are executed.
pub(super) fn executing(entry: &Entry) -> Step {
    say(&[b"executing ", entry.desc.text(), b" ", &entry.tag])
}

/// Before an entry's data is restored.
pub(super) fn processing(entry: &Entry) -> Step {
    if entry.desc.is_table_data() {
        let (schema, dot) = schema(entry);
        say(&[b"processing data for table \"", schema, dot, &entry.tag, b"\""])
    } else {
        say(&[b"processing ", entry.desc.text()])
    }
}

/// Before the restore moves to the database it has created or changed.
pub(super) fn connecting(database: &[u8]) -> Step {
    say(&[b"connecting to new database \"", database, b"\""])
}

/// Before a table's triggers are disabled, or enabled again.
pub(super) fn switching_triggers(entry: &Entry, enable: bool) -> Step {
    let what: &[u8] = if enable { b"enabling" } else { b"disabling" };
    say(&[what, b" triggers for ", &entry.tag])
}

/// What stands before an entry's name: its schema and a dot, if it has one.
fn schema(entry: &Entry) -> (&[u8], &[u8]) {
    match &entry.namespace {
        Some(schema) => (schema.as_bytes(), b"."),
        None => (b"", b""),
    }
}

fn say(parts: &[&[u8]]) -> Step {
    Step::Info(parts.concat().into())
}
