//! rsdumpall: what pg_dumpall 18 writes, on a cluster with odd roles, grants, settings, tablespaces and databases.

use std::path::Path;
use std::process::Command;

use crate::options::missing_options;
use crate::support::server::psql_command;
use crate::support::{Findings, Server, Setup, normalize, rsdumpall, run, stdout_of, tool};

/// A server of its own: roles and tablespaces are everybody's.
pub(crate) fn odd_cluster(major: u32) -> Server {
    let server = Server::start(major, Setup::default());
    for (name, since) in [
        ("cluster.sql", 10),
        ("cluster_15.sql", 15),
        ("cluster_16.sql", 16),
    ] {
        if major >= since {
            let file = crate::support::fixture("clusters").join(name);
            let conninfo = format!("{} dbname=postgres", server.conninfo());
            stdout_of(psql_command(&conninfo).arg("-f").arg(file));
        }
    }
    for directory in ["first", "Second one"] {
        let path = server.dir.join(directory);
        make_for_server(&path, &server.dir);
        let path = path.display();
        server.psql(&format!(
            "CREATE TABLESPACE \"{directory}\" OWNER plain LOCATION '{path}'"
        ));
    }
    server
        .psql("COMMENT ON TABLESPACE first IS 'it''s the first'; GRANT CREATE ON TABLESPACE first TO guests");
    server.psql("ALTER TABLESPACE \"Second one\" SET (seq_page_cost = 2, random_page_cost = 3)");
    server
}

fn make_for_server(path: &Path, beside: &Path) {
    use std::os::unix::fs::{MetadataExt, chown};
    std::fs::create_dir(path).expect("make a directory");
    let owner = std::fs::metadata(beside).expect("the server's directory");
    chown(path, Some(owner.uid()), Some(owner.gid())).expect("give it to the server");
}

/// What both programs write, and say, with these words.
fn compare(findings: &mut Findings, server: &Server, words: &[&str]) {
    let outcome = |mut command: Command| {
        let output = run(command
            .args([
                "-h",
                "127.0.0.1",
                "-U",
                "postgres",
                "-p",
                &server.port.to_string(),
            ])
            .args(words));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let code = output.status.code();
        (
            normalize(&output.stdout),
            format!("exit {code:?}\n{}", in_our_name(&said)),
        )
    };
    let (expected, they) = outcome(tool(18, "pg_dumpall"));
    let (actual, we) = outcome(rsdumpall());
    let what = words.join(" ");
    // Where the command line is refused, pg_dumpall may have left the refusal to its first pg_dump.
    if we.starts_with("exit Some(0)") {
        findings.same(&what, Ok(expected), Ok(actual));
    }
    findings.same(&format!("{what}, messages"), Ok(they.into()), Ok(we.into()));
}

/// pg_dumpall leaves the databases to pg_dump, and says so; we do not.
fn in_our_name(said: &str) -> String {
    said.lines()
        .filter(|line| !line.contains("pg_dump failed on database"))
        .map(|line| {
            // getopt's own messages have the program's whole path.
            let line = match line.find("pg_dumpall: unrecognized option") {
                Some(start) => &line[start..],
                None => line,
            };
            line.replace("pg_dumpall", "rsdumpall")
                .replace("pg_dump:", "rsdumpall:")
                + "\n"
        })
        .collect()
}

fn equals_pg_dumpall(major: u32, choices: &[&[&str]]) {
    let server = odd_cluster(major);
    let mut findings = Findings::new("an odd cluster", major);
    for words in choices {
        compare(&mut findings, &server, words);
    }
}

/// Command lines that both programs are run with.
const ON_18: &[&[&str]] = &[
    &[],
    &["-g"],
    &["-r", "--no-role-passwords"],
    &["-t"],
    &["-c", "--if-exists"],
    &["-g", "-c"],
    &["-s", "--quote-all-identifiers"],
    &["-g", "--binary-upgrade", "--no-role-passwords"],
    &["-s", "--binary-upgrade"],
    &["-r", "-c", "--binary-upgrade"],
    &["-t", "--binary-upgrade"],
    &["-a", "--inserts"],
    &["-x", "-O", "--no-comments", "--no-tablespaces"],
    &["--exclude-database=od*", "--exclude-database=\"Odd DB\""],
    &["-l", "odd", "--no-schema"],
    &["-E", "LATIN1", "-g", "--role=boss"],
    // Refused command lines.
    &["-g", "-r"],
    &["-r", "-t"],
    &["-g", "-t"],
    &["--if-exists"],
    &["-g", "--exclude-database=x"],
    &["-c", "-a"],
    &["-a", "-s"],
    &["--restrict-key=a-b"],
    &["one", "two"],
    &["--exclude-database=a.b"],
    &["-f", "/nonexistent/file"],
    &["--no-such-option"],
    // What is left of the options.
    &[
        "-s",
        "-w",
        "--no-policies",
        "--no-publications",
        "--no-security-labels",
        "--no-subscriptions",
        "--no-table-access-method",
        "--no-toast-compression",
        "--no-statistics",
        "--no-sync",
        "--use-set-session-authorization",
    ],
    &[
        "-a",
        "--column-inserts",
        "--rows-per-insert=2",
        "--on-conflict-do-nothing",
        "--disable-triggers",
        "-S",
        "some one",
        "--extra-float-digits=0",
        "--no-unlogged-table-data",
        "--load-via-partition-root",
        "--lock-wait-timeout=1000",
    ],
    &[
        "--no-data",
        "--sequence-data",
        "--statistics",
        "--disable-dollar-quoting",
    ],
    &["--statistics-only"],
    &["-g", "--attribute-inserts", "--no-acl"],
    &["--filter=/nonexistent"],
    &["--extra-float-digits=x"],
    &["--rows-per-insert=0"],
    &["--statistics", "--no-statistics"],
    &["--no-data", "--no-schema", "-a"],
];

/// The options that none of these command lines has, each with the reason.
const EXCEPTIONS: [(&str, &str); 4] = [
    ("--verbose", "pg_dumpall shows its own queries"),
    ("--version", "the versions differ"),
    ("--help", "a text of our own"),
    ("--password", "asks on a terminal"),
];

#[test]
fn a_cluster_is_dumped_as_pg_dumpall_does_on_18() {
    equals_pg_dumpall(18, ON_18);
}

/// Whoever adds an option to pg_dumpall, or finds one, must say here what it does.
#[test]
fn every_option_of_pg_dumpall_is_compared() {
    // Of where to connect both are told with every line.
    let lines = ON_18.iter().flat_map(|line| line.iter().copied());
    let given = lines.chain(["-h", "-p", "-U", "-d"]);
    let excepted = EXCEPTIONS.map(|(option, _)| option);
    let missing = missing_options("pg_dumpall", given.chain(excepted));
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_cluster_is_dumped_as_pg_dumpall_does_on_15() {
    equals_pg_dumpall(15, &[&[], &["-c"], &["-g", "-x"], &["-s", "--binary-upgrade"]]);
}

#[test]
fn a_cluster_is_dumped_as_pg_dumpall_does_on_13() {
    equals_pg_dumpall(
        13,
        &[&[], &["-c", "--if-exists"], &["-s", "-c", "--binary-upgrade"]],
    );
}

/// The script makes the same cluster on an empty server.
#[test]
fn a_cluster_comes_back() {
    let server = odd_cluster(18);
    let path = server.dir.display().to_string();
    let other = Server::start(18, Setup::default());
    let dump = |server: &Server| {
        let script = stdout_of(rsdumpall().args(["-d", &format!("{} dbname=ignored", server.conninfo())]));
        normalize(&script)
    };
    let script = String::from_utf8(dump(&server)).expect("the script is in UTF-8");
    // The tablespaces cannot be where they are already.
    let moved = script.replace(&path, &other.dir.display().to_string());
    for directory in ["first", "Second one"] {
        make_for_server(&other.dir.join(directory), &other.dir);
    }
    let file = other.dir.join("script.sql");
    // The bootstrap superuser is there already, which pg_dumpall's scripts do not mind either.
    std::fs::write(&file, moved.replace("CREATE ROLE postgres;\n", "")).expect("write the script");
    let conninfo = format!("{} dbname=postgres", other.conninfo());
    stdout_of(psql_command(&conninfo).arg("-f").arg(&file));
    let again = String::from_utf8(dump(&other)).expect("the script is in UTF-8");
    assert_eq!(again, moved);
}

/// Whoever may not read passwords gets everything else, and is told.
#[test]
fn a_user_without_passwords_gets_the_rest() {
    let server = odd_cluster(15);
    server.psql("CREATE ROLE visitor LOGIN");
    let args = ["-h", "127.0.0.1", "-p", &server.port.to_string(), "-g", "-U"];
    let output = run(rsdumpall().args(args).arg("visitor"));
    assert!(output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        said,
        "rsdumpall: warning: the passwords of roles cannot be read by this user and are left out\n"
    );
    let without = stdout_of(rsdumpall().args(args).args(["postgres", "--no-role-passwords"]));
    assert_eq!(normalize(&output.stdout), normalize(&without));
    // A dump that fails leaves nothing behind.
    let file = tempfile::tempdir().expect("a directory");
    let path = file.path().join("all.sql");
    let failed = run(rsdumpall()
        .args([
            "-h",
            "127.0.0.1",
            "-p",
            &server.port.to_string(),
            "-U",
            "visitor",
            "-f",
        ])
        .arg(&path));
    assert_eq!(failed.status.code(), Some(1));
    let said = String::from_utf8_lossy(&failed.stderr);
    assert!(said.contains("dumping database \"template1\""), "{said}");
    assert_eq!(std::fs::read_dir(file.path()).expect("the directory").count(), 0);
}
