//! Damaged archives of pg_dump's, which have no checksums: rsrestore ends with an error, or makes of them what
//! pg_restore makes of them, or what the archive held before it was damaged. It never hangs and never panics.
//!
//! `tests/offline/damage.rs` does every cut and every bit, without pg_restore beside it.

use std::path::Path;

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

#[test]
fn damage_is_an_error_or_what_pg_restore_makes_of_it() {
    let mut findings = Findings::new("damaged archives", 18);
    let dir = tempfile::tempdir().expect("make a directory");
    let damaged = dir.path().join("damaged");
    for name in ARCHIVES {
        let archive = fixture("archives").join(name);
        let whole = std::fs::read(&archive).expect("an archive");
        let (_, undamaged) = outcome(tool(18, "pg_restore"), &archive);
        let mut refused = 0;
        for step in 0..PLACES {
            // All over the archive, at every bit in turn.
            let at = (step * 7919 + 13) % whole.len();
            let mut bytes = whole.clone();
            let what = if step % 3 == 0 {
                bytes.truncate(at);
                format!("{name} cut at {at}")
            } else {
                bytes[at] ^= 1 << (step % 8);
                format!("{name}, bit {} of byte {at}", step % 8)
            };
            std::fs::write(&damaged, &bytes).expect("write the archive");
            let (ours, script) = outcome(rsrestore(), &damaged);
            match ours {
                Some(1) => refused += 1,
                Some(0) if script == undamaged => {}
                Some(0) => {
                    let (_, expected) = outcome(tool(18, "pg_restore"), &damaged);
                    findings.same(&what, Ok(expected), Ok(script));
                }
                other => panic!("{what}: exit {other:?}"),
            }
        }
        // Cuts at least.
        assert!(refused > PLACES / 4, "{name}: only {refused} were refused");
    }
}
