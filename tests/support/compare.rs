//! Comparing dumps, byte for byte.

use std::path::Path;
use std::process::Command;

use bstr::{BStr, ByteSlice};

use super::programs::try_stdout_of;

/// Drops the lines of a plain dump that name versions or carry a random key, and nothing else.
pub(crate) fn normalize(dump: &[u8]) -> Vec<u8> {
    const VARYING: [&[u8]; 5] = [
        b"-- Dumped from database version ",
        b"-- Dumped by pg_dump version ",
        b"-- Dumped by rsdump version ",
        b"\\restrict ",
        b"\\unrestrict ",
    ];
    let kept = dump
        .split_inclusive(|b| *b == b'\n')
        .filter(|l| !VARYING.iter().any(|v| l.starts_with(v)));
    kept.collect::<Vec<_>>().concat()
}

/// Fails unless both are the same bytes, showing the first difference and leaving both in `target/tmp` under a name
/// made from `what`.
#[track_caller]
pub(crate) fn assert_same(what: &str, expected: &[u8], actual: &[u8]) {
    if let Some(difference) = difference(what, expected, actual) {
        panic!("{difference}");
    }
}

/// What a test with many comparisons has found so far; fails at its end with all of it.
pub(crate) struct Findings {
    place: String,
    all: Vec<String>,
}

impl Findings {
    /// For a database on a server.
    pub(crate) fn new(database: &str, major: u32) -> Findings {
        Findings {
            place: format!("{database} on {major}"),
            all: Vec::new(),
        }
    }

    /// Compares what two programs gave; a program's failure is a difference.
    pub(crate) fn same(
        &mut self,
        what: &str,
        expected: Result<Vec<u8>, String>,
        actual: Result<Vec<u8>, String>,
    ) {
        let what = format!("{}: {what}", self.place);
        match (expected, actual) {
            (Ok(expected), Ok(actual)) => self.all.extend(difference(&what, &expected, &actual)),
            (Err(failure), _) | (Ok(_), Err(failure)) => self.all.push(format!("{what}: {failure}")),
        }
    }

    /// Runs a program that should succeed, and says whether it did.
    pub(crate) fn succeeds(&mut self, what: &str, command: &mut Command) -> bool {
        let outcome = try_stdout_of(command);
        self.all.extend(
            outcome
                .as_ref()
                .err()
                .map(|failure| format!("{}: {what}: {failure}", self.place)),
        );
        outcome.is_ok()
    }
}

impl Drop for Findings {
    fn drop(&mut self) {
        if !self.all.is_empty() && !std::thread::panicking() {
            panic!("{}", self.all.join("\n\n"));
        }
    }
}

/// Says how two texts differ, and where the whole of them was left.
fn difference(what: &str, expected: &[u8], actual: &[u8]) -> Option<String> {
    if expected == actual {
        return None;
    }
    let stem: String = what
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let [left, right] = ["expected", "actual"].map(|side| dir.join(format!("{stem}.{side}")));
    for (path, bytes) in [(&left, expected), (&right, actual)] {
        std::fs::write(path, bytes).unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()));
    }
    Some(format!(
        "{what} differs:\n{}the whole: diff -a {} {}",
        first_difference(expected, actual),
        left.display(),
        right.display()
    ))
}

/// The first place where two texts differ, in the manner of `diff -u`.
fn first_difference(expected: &[u8], actual: &[u8]) -> String {
    const BEFORE: usize = 6;
    const SHOWN: usize = 12;
    let (left, right): (Vec<_>, Vec<_>) = (lines(expected), lines(actual));
    let same = left.iter().zip(&right).take_while(|(a, b)| a == b).count();
    let tail = (left[same..].iter().rev())
        .zip(right[same..].iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let mut text = format!("@@ line {} @@\n", same + 1);
    let mut show = |mark: char, some: &[&BStr], limit: usize| {
        for line in some.iter().take(limit) {
            // Control characters would hide what differs.
            text += &format!("{mark}{}\n", line.escape_ascii());
        }
        if some.len() > limit {
            text += &format!("{mark}… {} more lines\n", some.len() - limit);
        }
    };
    show(' ', &left[same.saturating_sub(BEFORE)..same], BEFORE);
    show('-', &left[same..left.len() - tail], SHOWN);
    show('+', &right[same..right.len() - tail], SHOWN);
    show(' ', &left[left.len() - tail..][..tail.min(3)], 3);
    text
}

fn lines(text: &[u8]) -> Vec<&BStr> {
    text.split(|b| *b == b'\n').map(|l| l.as_bstr()).collect()
}

mod tests {
    use super::*;

    #[test]
    fn normalize_drops_only_versions_and_keys() {
        let dump = b"--\n-- Dumped from database version 15.18\n-- Dumped by pg_dump version 18.6\n\n\
            \\restrict abc\nSELECT 1;\n-- Dumped by hand\n \\restrict x\n\\unrestrict abc\n\xff";
        assert_same(
            "normalize",
            b"--\n\nSELECT 1;\n-- Dumped by hand\n \\restrict x\n\xff",
            &normalize(dump),
        );
    }

    #[test]
    fn first_difference_shows_both_sides() {
        let shown = first_difference(b"a\nb\nc\nd", b"a\nB\nd");
        assert_eq!(shown, "@@ line 2 @@\n a\n-b\n-c\n+B\n d\n");
    }
}
