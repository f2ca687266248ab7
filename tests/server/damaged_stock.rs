//! Damaged archives of pg_dump's, which have no checksums: rsrestore ends with an error, or makes of them what
//! pg_restore makes of them, or what the archive held before it was damaged. It never hangs and never panics.
//!
//! `tests/offline/damage.rs` does every cut and every bit, without pg_restore beside it.

use std::path::{Path, PathBuf};

use crate::support::{Findings, fixture, normalize, rsrestore, run, tool};

const ARCHIVES: [&str; 5] = [
    "pg_dump_18.gzip.dump",
    "pg_dump_18.none.dump",
    "pg_dump_15.gzip.dump",
    "pg_dump_16.none.dump",
    "pg_dump_18.tar",
];
/// Places that are damaged in each archive.
const PLACES: usize = 90;

/// Exit status and script.
fn outcome(program: std::process::Command, archive: &Path) -> (Option<i32>, Vec<u8>) {
    let mut program = program;
    let output = run(program.args(["-f", "-"]).arg(archive));
    (output.status.code(), normalize(&output.stdout))
}

/// Damages one file of an archive in many places; the archive to read is `damaged`.
fn damage(findings: &mut Findings, name: &str, file: &Path, damaged: &Path, places: usize) {
    let whole = std::fs::read(file).expect("a file of an archive");
    let (_, undamaged) = outcome(tool(18, "pg_restore"), damaged);
    let mut refused = 0;
    for step in 0..places {
        // All over the file, at every bit in turn.
        let at = (step * 7919 + 13) % whole.len();
        let mut bytes = whole.clone();
        let what = if step % 3 == 0 {
            bytes.truncate(at);
            format!("{name} cut at {at}")
        } else {
            bytes[at] ^= 1 << (step % 8);
            format!("{name}, bit {} of byte {at}", step % 8)
        };
        std::fs::write(file, &bytes).expect("write the archive");
        let (ours, script) = outcome(rsrestore(), damaged);
        match ours {
            Some(1) => refused += 1,
            Some(0) if script == undamaged => {}
            Some(0) => {
                let (_, expected) = outcome(tool(18, "pg_restore"), damaged);
                findings.same(&what, Ok(expected), Ok(script));
            }
            other => panic!("{what}: exit {other:?}"),
        }
    }
    std::fs::write(file, &whole).expect("write the archive");
    // Cuts at least, but for large objects, which may end anywhere.
    assert!(
        name.contains("blob") || refused >= places / 3,
        "{name}: only {refused} were refused"
    );
}

#[test]
fn damage_is_an_error_or_what_pg_restore_makes_of_it() {
    let mut findings = Findings::new("damaged archives", 18);
    let dir = tempfile::tempdir().expect("make a directory");
    for name in ARCHIVES {
        let damaged = dir.path().join(name);
        std::fs::copy(fixture("archives").join(name), &damaged).expect("copy the archive");
        damage(&mut findings, name, &damaged, &damaged, PLACES);
    }
}

#[test]
fn damage_to_files_of_directories_is_an_error_or_what_pg_restore_makes_of_it() {
    let mut findings = Findings::new("damaged directories", 18);
    for name in ["pg_dump_18.none.directory", "pg_dump_15.gzip.directory"] {
        let dir = tempfile::tempdir().expect("make a directory");
        let files = std::fs::read_dir(fixture("archives").join(name)).expect("an archive");
        let paths: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
        for path in &paths {
            let copy = dir.path().join(path.file_name().expect("a name"));
            std::fs::copy(path, copy).expect("copy the archive");
        }
        for path in paths {
            let file = dir.path().join(path.file_name().expect("a name"));
            let length = std::fs::metadata(&file).expect("a file").len();
            // Fewer where there are few bytes.
            let places = length.div_ceil(10).clamp(3, 30) as usize;
            if length > 0 {
                let what = format!("{name} {}", file.file_name().unwrap_or_default().display());
                damage(&mut findings, &what, &file, dir.path(), places);
            }
        }
    }
}
