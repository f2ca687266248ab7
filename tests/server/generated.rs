//! Databases that nobody thought of: generated ones, dumped by both programs and compared.

use bstr::ByteSlice;

use crate::support::generator::{database_sql, roles_sql};
use crate::support::{Server, TempDb, assert_same, normalize, rsrestore, run, stdout_of, tool};

/// Loads a seed's database. What the server refuses is left out of it, so errors are no failure; but a
/// generator that makes nearly nothing would prove nothing.
pub(super) fn generated(server: &Server, seed: u64) -> TempDb<'_> {
    let db = TempDb::new(server);
    let script = std::env::temp_dir().join(format!("{}.sql", db.name));
    std::fs::write(&script, roles_sql() + &database_sql(seed, server.major)).expect("a temporary file");
    run(db.aim(tool(18, "psql")).args(["-X", "-q", "-f"]).arg(&script));
    std::fs::remove_file(&script).expect("the temporary file");
    let count = db.psql("SELECT count(*) FROM pg_class WHERE oid >= 16384");
    let count: u32 = String::from_utf8_lossy(&count).trim().parse().expect("a count");
    assert!(count >= 10, "seed {seed} made only {count} relations");
    db
}

/// pg_dump 18.6 forgets to quote the names of NOT NULL constraints that a child table has of its own; its dump then
/// makes them under another name, or does not load at all. rsdump quotes them, and so does this.
pub(super) fn with_constraint_names_quoted(dump: &[u8]) -> Vec<u8> {
    let constraint =
        regex::bytes::Regex::new(r#"(?s-u)\n    CONSTRAINT ([^"\n].{0,62}?_not_null) NOT NULL "#);
    let quote = |found: &regex::bytes::Captures<'_>| {
        let name = &found[1];
        if name
            .iter()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
            && !name[0].is_ascii_digit()
        {
            return found[0].to_vec();
        }
        let doubled = name.replace("\"", "\"\"");
        [b"\n    CONSTRAINT \"", &doubled[..], b"\" NOT NULL "].concat()
    };
    constraint
        .expect("a pattern")
        .replace_all(dump, quote)
        .into_owned()
}

fn dumps_are_equal(major: u32, seeds: std::ops::RangeInclusive<u64>) {
    let server = Server::get(major);
    for seed in seeds {
        let db = generated(server, seed);
        let what = format!("generated {seed} on {major}");
        assert_same(
            &what,
            &with_constraint_names_quoted(&normalize(&db.pg_dump(18, &[]))),
            &normalize(&db.rsdump(&[])),
        );
    }
}

#[test]
fn generated_databases_on_18() {
    dumps_are_equal(18, 1..=30);
}

#[test]
fn generated_databases_on_15() {
    dumps_are_equal(15, 31..=50);
}

#[test]
fn generated_databases_on_13() {
    dumps_are_equal(13, 51..=60);
}

#[test]
fn generated_databases_on_10() {
    dumps_are_equal(10, 121..=126);
}

#[test]
fn generated_databases_on_11() {
    dumps_are_equal(11, 127..=132);
}

#[test]
fn generated_databases_on_12() {
    dumps_are_equal(12, 133..=138);
}

#[test]
fn generated_databases_on_14() {
    dumps_are_equal(14, 65..=76);
}

#[test]
fn generated_databases_on_16() {
    dumps_are_equal(16, 77..=88);
}

#[test]
fn generated_databases_on_17() {
    dumps_are_equal(17, 101..=112);
}

#[test]
fn generated_databases_restore_to_the_same_dump() {
    let server = Server::get(18);
    for seed in 61..=64 {
        let db = generated(server, seed);
        let archive = std::env::temp_dir().join(format!("{}.dump", db.name));
        stdout_of(
            db.aim(crate::support::rsdump())
                .args(["-Fc", "-Z", "gzip", "-f"])
                .arg(&archive),
        );
        let what = format!("generated {seed}");
        let stock = stdout_of(tool(18, "pg_restore").args(["-f", "-"]).arg(&archive));
        let ours = stdout_of(rsrestore().args(["-f", "-"]).arg(&archive));
        assert_same(
            &format!("{what} as a script"),
            &normalize(&stock),
            &normalize(&ours),
        );
        let copy = TempDb::new(server);
        stdout_of(copy.aim(rsrestore()).arg("-e").arg(&archive));
        assert_same(
            &format!("{what} restored"),
            &normalize(&db.rsdump(&[])),
            &normalize(&copy.rsdump(&[])),
        );
        std::fs::remove_file(&archive).expect("the archive");
    }
}

#[test]
fn the_reference_is_mended_where_it_forgets_quotes() {
    let mended = with_constraint_names_quoted(
        b"(\n    CONSTRAINT a_not_null NOT NULL a,\n    CONSTRAINT a-- b_not_null NOT NULL b,\n    CONSTRAINT \"c\"\"_not_null\" NOT NULL c",
    );
    assert_same(
        "mended",
        b"(\n    CONSTRAINT a_not_null NOT NULL a,\n    CONSTRAINT \"a-- b_not_null\" NOT NULL b,\n    CONSTRAINT \"c\"\"_not_null\" NOT NULL c",
        &mended,
    );
}
