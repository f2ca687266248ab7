//! `rsrestore --verify`: what a check has found, as a list file of what can be restored.
//!
//! The list goes where `-l`'s goes, and with `-L` restores just what is whole; each thing that is wrong is an
//! error message besides.

use std::io::Write;

use super::message::Messages;
use crate::restore::{Restore, Verification, VerifiedEntry};
use crate::toc::list;

/// The list: restorable entries as `-l` prints them, damaged ones commented out. `verbose` adds what was found.
pub(super) fn listing(restore: &Restore, found: &Verification, verbose: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let archive = restore.archive();
    list::write(
        &mut out,
        &archive.header().heading(),
        archive.toc(),
        false,
        |_| false,
    );
    for (entry, wanted) in restore.entries() {
        if !wanted.is_any() {
            continue;
        }
        let data = found.entry(entry.dump_id);
        let damage = data.and_then(|data| data.damage.as_ref());
        if damage.is_some() {
            out.extend_from_slice(b";damaged: ");
        }
        list::line(&mut out, entry);
        if let Some(damage) = damage {
            comment(&mut out, damage);
        } else if let Some(data) = data.filter(|_| verbose) {
            comment(&mut out, &contents(data));
        }
    }
    out.extend_from_slice(b";\n");
    for line in [checked(found), &summary(found)] {
        // Writing to a vector cannot fail.
        let _ = writeln!(out, "; {line}");
    }
    out
}

/// Tells what is wrong; returns how much that is.
pub(super) fn tell(found: &Verification, messages: &Messages) -> u64 {
    let wrong = wrong(found);
    for wrong in &wrong {
        messages.error(wrong.as_str());
    }
    if found.is_sound() {
        messages.info(summary(found));
    } else {
        messages.error(format!("the archive is damaged: {}", summary(found)));
    }
    wrong.len() as u64
}

/// What is wrong, in a sentence each.
pub(super) fn wrong(found: &Verification) -> Vec<String> {
    let damages = found.damaged().filter_map(|entry| entry.damage.as_ref());
    damages.chain(&found.problems).cloned().collect()
}

fn comment(out: &mut Vec<u8>, text: &str) {
    for line in text.lines() {
        // Writing to a vector cannot fail.
        let _ = writeln!(out, ";\t{line}");
    }
}

fn contents(data: &VerifiedEntry) -> String {
    let what = if data.large_objects > 0 {
        format!("{} large objects", data.large_objects)
    } else {
        format!("{} rows", data.rows)
    };
    format!("{what}, {} bytes", data.bytes)
}

fn checked(found: &Verification) -> &'static str {
    if found.checksums {
        "Every part of this archive has a checksum."
    } else {
        "This archive has no checksums: structure, compression and end markers were checked."
    }
}

/// What was found, in a sentence.
pub(super) fn summary(found: &Verification) -> String {
    let (all, damaged) = (found.entries.len(), found.damaged().count());
    if damaged > 0 {
        return format!("{damaged} of {all} entries with data cannot be restored");
    }
    let sum = |of: fn(&VerifiedEntry) -> u64| found.entries.iter().map(of).sum::<u64>();
    format!(
        "{all} entries with data are whole: {} rows, {} large objects, {} bytes",
        sum(|entry| entry.rows),
        sum(|entry| entry.large_objects),
        sum(|entry| entry.bytes)
    )
}
