//! Names, versions and help of the programs, and the links that `scripts/install` makes.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

const RSDUMP: &str = env!("CARGO_BIN_EXE_rsdump");
const RSRESTORE: &str = env!("CARGO_BIN_EXE_rsrestore");

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn run(program: &str, name: &str, args: &[&str]) -> Output {
    let output = Command::new(program).arg0(name).args(args).output();
    output.expect("run a program")
}

#[test]
fn the_version_is_our_own_and_under_postgresqls_names_its_too() {
    let ours = env!("CARGO_PKG_VERSION");
    for (program, own, tool) in [
        (RSDUMP, "rsdump", "pg_dump"),
        (RSRESTORE, "rsrestore", "pg_restore"),
    ] {
        for option in ["--version", "-V"] {
            assert_eq!(stdout(&run(program, own, &[option])), format!("{own} {ours}\n"));
            // Callers look for the word PostgreSQL, or take the first number.
            let expected = format!("{tool} (PostgreSQL) 18.6 (rsdump {ours})\n");
            assert_eq!(stdout(&run(program, tool, &[option])), expected);
        }
        for args in [&["--help"][..], &["-?"], &["-a", "--help"]] {
            assert!(stdout(&run(program, own, args)).contains("--no-owner"));
        }
    }
}

#[test]
fn every_option_of_the_tools_is_there() {
    let options = [(RSDUMP, DUMP_OPTIONS), (RSRESTORE, RESTORE_OPTIONS)];
    for (program, options) in options {
        let help = stdout(&run(program, "x", &["--help"]));
        for option in options.split_whitespace() {
            let listed = help.lines().any(|line| {
                let words = line.split([' ', ',', '=', '[', '.']);
                words.map(str::trim).any(|word| word == option)
            });
            assert!(listed, "{option} is not in the help of {program}");
        }
    }
}

const DUMP_OPTIONS: &str = "--file --format --jobs --verbose --version --compress --lock-wait-timeout --no-sync \
    --sync-method --help --data-only --large-objects --no-large-objects --clean --create --extension --encoding --schema \
    --exclude-schema --no-owner --schema-only --superuser --table --exclude-table --no-privileges \
    --column-inserts --disable-dollar-quoting --disable-triggers --enable-row-security --exclude-extension \
    --exclude-table-and-children --exclude-table-data --exclude-table-data-and-children --extra-float-digits --filter \
    --if-exists --include-foreign-data --inserts --load-via-partition-root --no-comments --no-data --no-policies \
    --no-publications --no-schema --no-security-labels --no-statistics --no-subscriptions --no-table-access-method \
    --no-tablespaces --no-toast-compression --no-unlogged-table-data --on-conflict-do-nothing --quote-all-identifiers \
    --restrict-key --rows-per-insert --section --sequence-data --serializable-deferrable --snapshot --statistics \
    --statistics-only --strict-names --table-and-children --use-set-session-authorization --dbname --host --port --username \
    --no-password --password --role";

const RESTORE_OPTIONS: &str = "--dbname --file --format --list --verbose --version --help --data-only --clean --create \
    --exit-on-error --index --jobs --use-list --schema --exclude-schema --no-owner --function --schema-only --superuser \
    --table --trigger --no-privileges --single-transaction --disable-triggers --enable-row-security --filter --if-exists \
    --no-comments --no-data --no-data-for-failed-tables --no-policies --no-publications --no-schema --no-security-labels \
    --no-statistics --no-subscriptions --no-table-access-method --no-tablespaces --restrict-key --section --statistics \
    --statistics-only --strict-names --transaction-size --use-set-session-authorization --host --port --username \
    --no-password --password --role";

#[test]
fn links_under_postgresqls_names_are_made_and_nothing_else_is_replaced() {
    let dir = tempfile::tempdir().expect("make a directory");
    let links = dir.path().join("links");
    let programs = Path::new(RSDUMP).parent().expect("a directory");
    let install = || {
        Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/install"))
            .arg("--from")
            .arg(programs)
            .arg("--as-pg-tools")
            .arg(&links)
            .output()
            .expect("run scripts/install")
    };
    stdout(&install());
    let version = |name: &str| {
        let output = Command::new(links.join(name)).arg("--version").output();
        stdout(&output.expect("run a link"))
    };
    assert!(version("pg_dump").starts_with("pg_dump (PostgreSQL) "));
    assert!(version("pg_restore").starts_with("pg_restore (PostgreSQL) "));
    let refused = Command::new(links.join("pg_dump")).arg("--bogus").output();
    let refused = refused.expect("run a link");
    assert_eq!(refused.status.code(), Some(1));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        told.starts_with("pg_dump: unrecognized option '--bogus'\n"),
        "{told}"
    );

    // Again is no harm; a program of somebody else's is left alone.
    stdout(&install());
    std::fs::remove_file(links.join("pg_dump")).expect("remove a link");
    std::fs::write(links.join("pg_dump"), "precious").expect("write a file");
    assert!(!install().status.success());
    let kept = std::fs::read_to_string(links.join("pg_dump")).expect("read a file");
    assert_eq!(kept, "precious");
}
