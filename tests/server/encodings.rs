//! Databases in many encodings: every name, text and row as bytes, equal to pg_dump's, and its refusals with it.
//!
//! `fixtures/databases/encoded.sql` puts a word outside ASCII wherever a dump can show one. In SQL_ASCII that word
//! is no text of any encoding.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::support::{
    Findings, Server, TempDb, fixture, normalize, rsdump, rsrestore, run, stdout_of, tool, try_stdout_of,
};

/// Encodings, and the word that the fixture makes in each.
const ENCODINGS: [(&str, &[u8]); 4] = [
    ("LATIN1", b"Z\xfcrich/\xa4\xdf"),
    ("EUC_JP", b"\xc5\xec\xb5\xfe\x8e\xb1\x8f\xb0\xa1"),
    ("WIN1251", b"\xc8\xe2\xe0\xed\x88\xb9"),
    ("SQL_ASCII", b"Z\xfcri\xc2x\xff\xc5\xec"),
];

fn encoded<'s>(server: &'s Server, encoding: &str) -> TempDb<'s> {
    let options = format!("ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'");
    let db = TempDb::with(server, &options);
    db.load(&fixture("databases/encoded.sql"));
    db
}

/// Command lines; `@` is the word.
const CHOICES: [&str; 14] = [
    "-C",
    "-s",
    "-E UTF8",
    "-E LATIN1",
    "-E SQL_ASCII",
    "-E EUC_JP -s",
    "--inserts",
    "-t @",
    "-t \"@\"",
    "-n \"S\u{a0}@\"",
    "-t *.\"T\u{a0}@\"",
    "-T *.\"T\u{a0}@\" -s",
    "-t nope@",
    "-E UTF8 -t @",
];

/// What a program wrote, or that it failed. A failure's words are the server's, within other ones.
fn outcome(command: &mut std::process::Command) -> Result<Vec<u8>, String> {
    let output = run(command);
    match output.status.code() {
        Some(0) => Ok(normalize(&output.stdout)),
        Some(1) => Err(server_message(&output.stderr)),
        other => panic!("exit code {other:?}: {}", String::from_utf8_lossy(&output.stderr)),
    }
}

fn server_message(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let known = [
        "invalid byte sequence for encoding",
        "has no equivalent in encoding",
        "invalid client encoding",
        "no matching tables were found",
    ];
    let found = known.iter().find(|message| text.contains(**message));
    (*found.unwrap_or_else(|| panic!("an unknown refusal: {text}"))).to_owned()
}

/// The words of a command line, with the bytes of a word put in. A space within a word is written as U+00A0.
fn arguments(line: &str, word: &[u8]) -> Vec<OsString> {
    let argument = |part: &str| {
        let mut bytes = Vec::new();
        for (number, piece) in part.split('@').enumerate() {
            if number > 0 {
                bytes.extend_from_slice(word);
            }
            bytes.extend_from_slice(piece.replace('\u{a0}', " ").as_bytes());
        }
        OsStr::from_bytes(&bytes).to_owned()
    };
    line.split(' ').map(argument).collect()
}

fn dumps_are_equal(major: u32) {
    let server = Server::get(major);
    for (encoding, word) in ENCODINGS {
        let db = encoded(server, encoding);
        let mut findings = Findings::new(encoding, major);
        let plain = outcome(&mut db.aim(tool(18, "pg_dump")));
        let shown = plain.as_ref().expect("a dump");
        assert!(
            shown.windows(word.len()).filter(|bytes| *bytes == word).count() > 80,
            "the fixture is in {encoding}"
        );
        findings.same("rsdump", plain, outcome(&mut db.aim(rsdump())));
        for choice in CHOICES {
            let arguments = arguments(choice, word);
            let theirs = outcome(db.aim(tool(18, "pg_dump")).args(&arguments));
            let ours = outcome(db.aim(rsdump()).args(&arguments));
            match (theirs, ours) {
                (Err(theirs), Err(ours)) => assert_eq!(theirs, ours, "{encoding} on {major}: {choice}"),
                (theirs, ours) => findings.same(choice, theirs, ours),
            }
        }
        // The environment's encoding is the dump's, where the command line names none.
        let theirs = outcome(db.aim(tool(18, "pg_dump")).env("PGCLIENTENCODING", "UTF8"));
        let ours = outcome(db.aim(rsdump()).env("PGCLIENTENCODING", "UTF8"));
        match (theirs, ours) {
            (Err(theirs), Err(ours)) => assert_eq!(theirs, ours, "{encoding} on {major}"),
            (theirs, ours) => findings.same("PGCLIENTENCODING", theirs, ours),
        }
    }
}

#[test]
fn dumps_of_encoded_databases_equal_those_of_pg_dump_on_13() {
    dumps_are_equal(13);
}

#[test]
fn dumps_of_encoded_databases_equal_those_of_pg_dump_on_15() {
    dumps_are_equal(15);
}

#[test]
fn dumps_of_encoded_databases_equal_those_of_pg_dump_on_18() {
    dumps_are_equal(18);
}

/// Archives give the same script through both restore programs, and the same database again: in the same encoding, and
/// where there is one for the characters, in UTF-8.
#[test]
fn archives_of_encoded_databases_restore() {
    let server = Server::get(18);
    let directory = tempfile::tempdir().expect("a directory");
    for (encoding, _) in ENCODINGS {
        let db = encoded(server, encoding);
        let mut findings = Findings::new(encoding, 18);
        let archive = directory.path().join(encoding);
        stdout_of(db.aim(rsdump()).args(["-Fc", "-Z", "gzip", "-f"]).arg(&archive));
        let plain = normalize(&db.pg_dump(18, &[]));
        for (name, mut program) in [("rsrestore", rsrestore()), ("pg_restore", tool(18, "pg_restore"))] {
            let script = try_stdout_of(program.args(["-f", "-"]).arg(&archive));
            let script = script.map(|text| normalize(&text));
            findings.same(&format!("the script of {name}"), Ok(plain.clone()), script);
        }
        for copy in [encoding, "UTF8"] {
            if copy != encoding && encoding == "SQL_ASCII" {
                continue;
            }
            let options = format!("ENCODING '{copy}' LC_COLLATE 'C' LC_CTYPE 'C'");
            let copy = TempDb::with(server, &options);
            if findings.succeeds(&options, copy.aim(rsrestore()).arg("-e").arg(&archive)) {
                let again = normalize(&copy.pg_dump(18, &["-E", encoding]));
                findings.same(&options, Ok(plain.clone()), Ok(again));
            }
        }
    }
}
