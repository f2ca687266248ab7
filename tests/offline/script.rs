//! Scripts: what `rsrestore -f` writes is what pg_restore 18 wrote from the same archive with the same options.
//!
//! The expected scripts and lists are in `fixtures/scripts`, whose README says how they came about.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Name of the expected script, archive, options.
const CASES: &[(&str, &str, &[&str])] = &[
    ("everything", "objects", &["-C"]),
    ("clean", "objects", &["-c"]),
    ("clean_if_exists", "objects", &["-c", "--if-exists", "-s"]),
    (
        "clean_create",
        "objects",
        &["-C", "-c", "--if-exists", "--section=pre-data"],
    ),
    (
        "session_authorization",
        "objects",
        &["--use-set-session-authorization"],
    ),
    (
        "data_only",
        "objects",
        &[
            "-a",
            "--disable-triggers",
            "-S",
            "su per",
            "--enable-row-security",
        ],
    ),
    (
        "transaction_size",
        "objects",
        &["-c", "--if-exists", "--transaction-size=4"],
    ),
    (
        "one_transaction",
        "objects",
        &["-1", "-O", "-x", "--role=some one"],
    ),
    (
        "tables",
        "objects",
        &["-t", "w", "-t", "part1", "-t", "two\nlines"],
    ),
    ("schema", "objects", &["-n", "public", "-s", "-c"]),
    ("not_schema", "objects", &["-N", "public"]),
    ("post_data", "objects", &["--section=post-data"]),
    (
        "named",
        "objects",
        &["-P", "f(integer, text)", "-I", "part_a_idx", "-T", "w tr"],
    ),
    ("statistics", "objects", &["--statistics-only"]),
    (
        "without",
        "objects",
        &[
            "--no-comments",
            "--no-policies",
            "--no-publications",
            "--no-security-labels",
            "--no-subscriptions",
            "--no-tablespaces",
            "--no-table-access-method",
            "--no-statistics",
            "--no-data",
        ],
    ),
    ("edited", "objects", &["-L", "edited.list", "-c"]),
    ("inserts", "inserts", &["-a"]),
];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/scripts")
}

fn rsrestore(arguments: &[&str], archive: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rsrestore"))
        .current_dir(fixtures())
        .env("TZ", "UTC")
        .args(arguments)
        .arg(format!("{archive}.dump"))
        .output()
        .expect("start rsrestore")
}

#[test]
fn scripts_are_those_of_pg_restore() {
    let mut different = Vec::new();
    for (name, archive, options) in CASES {
        let output = rsrestore(&[&["-f", "-", "--restrict-key=key"], *options].concat(), archive);
        let expected = std::fs::read(fixtures().join(format!("{name}.sql"))).expect("an expected script");
        if output.stdout != expected || !output.status.success() {
            different.push(*name);
        }
    }
    assert!(different.is_empty(), "these differ: {different:?}");
}

#[test]
fn a_verbose_script_says_where_entries_are_and_when_it_was_made() {
    let output = rsrestore(&["-f", "-", "--restrict-key=key", "-v", "-s"], "objects");
    let expected = std::fs::read(fixtures().join("verbose.sql")).expect("an expected script");
    let ours = without_completion(&output.stdout);
    assert_eq!(ours, without_completion(&expected));
    assert!(ours.contains("-- Started on 2026-"));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        told.contains("rsrestore: creating TABLE \"public.w\"\n"),
        "{told}"
    );
}

fn without_completion(script: &[u8]) -> String {
    let text = String::from_utf8_lossy(script).into_owned();
    let kept: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with("-- Completed on "))
        .collect();
    assert_eq!(kept.len() + 1, text.lines().count());
    kept.join("\n")
}

#[test]
fn the_same_script_comes_out_of_a_pipe() {
    let archive = std::fs::File::open(fixtures().join("objects.dump")).expect("the archive");
    let piped = Command::new(env!("CARGO_BIN_EXE_rsrestore"))
        .args(["-f", "-", "--restrict-key=key", "-C"])
        .stdin(archive)
        .output()
        .expect("start rsrestore");
    let expected = std::fs::read(fixtures().join("everything.sql")).expect("an expected script");
    assert!(piped.stdout == expected);
}

#[test]
fn names_that_match_nothing_are_an_error_only_if_asked_for() {
    let lax = rsrestore(&["-f", "-", "-t", "nosuch"], "objects");
    assert!(lax.status.success());
    for (option, kind) in [
        ("-t", "table"),
        ("-n", "schema"),
        ("-I", "index"),
        ("-P", "function"),
        ("-T", "trigger"),
    ] {
        let strict = rsrestore(&["-f", "-", "--strict-names", option, "nosuch"], "objects");
        assert_eq!(strict.status.code(), Some(1));
        assert!(strict.stdout.is_empty());
        let told = String::from_utf8_lossy(&strict.stderr).into_owned();
        assert_eq!(told, format!("rsrestore: error: {kind} \"nosuch\" not found\n"));
    }
}

#[test]
fn options_that_contradict_each_other_are_refused_in_pg_restores_words() {
    let refusals: &[(&[&str], &str)] = &[
        (&[], "one of -d/--dbname and -f/--file must be specified"),
        (
            &["-d", "x", "-f", "y"],
            "options -d/--dbname and -f/--file cannot be used together",
        ),
        (
            &["-f-", "-C", "-1"],
            "options -C/--create and -1/--single-transaction cannot be used together",
        ),
        (
            &["-f-", "-a", "-s"],
            "options -s/--schema-only and -a/--data-only cannot be used together",
        ),
        (
            &["-f-", "-a", "-c"],
            "options -c/--clean and -a/--data-only cannot be used together",
        ),
        (
            &["-f-", "--if-exists"],
            "option --if-exists requires option -c/--clean",
        ),
        (
            &["-f-", "-1", "-j2"],
            "cannot specify both --single-transaction and multiple jobs",
        ),
        (&["-f-", "-j0"], "-j/--jobs must be in range 1..2147483647"),
        (&["-f-", "-j", "x"], "invalid value \"x\" for option -j/--jobs"),
        (&["-f-", "--section=x"], "unrecognized section name: \"x\""),
        (&["-f-", "--restrict-key=a b"], "invalid restrict key"),
        (
            &["-f-", "-Fx"],
            "unrecognized archive format \"x\"; please specify \"c\", \"d\", or \"t\"",
        ),
    ];
    for (arguments, words) in refusals {
        let output = rsrestore(arguments, "objects");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert_eq!(
            told.lines().next(),
            Some(format!("rsrestore: error: {words}").as_str())
        );
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_script_file_is_complete_or_absent() {
    let directory = tempfile::tempdir().expect("a directory");
    let whole = std::fs::read(fixtures().join("objects.dump")).expect("the archive");
    let cut = directory.path().join("cut.dump");
    std::fs::write(&cut, &whole[..whole.len() - 200]).expect("write the cut archive");
    let script = directory.path().join("script.sql");
    let output = Command::new(env!("CARGO_BIN_EXE_rsrestore"))
        .arg("-f")
        .args([&script, &cut])
        .output()
        .expect("start rsrestore");
    assert_eq!(output.status.code(), Some(1));
    let left = std::fs::read_dir(directory.path())
        .expect("the directory")
        .count();
    assert_eq!(left, 1, "only the archive is there");
}
