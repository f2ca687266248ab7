//! Connecting: whatever libpq does with hosts, passwords, files and variables, with its words when it fails.
//!
//! pg_dump 18 is the oracle: its message, without the program's name, must be ours.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use rsdump::connect::{
    Columns, ConnectOptions, Environment, PasswordPolicy, PasswordPrompt, SetupOptions, Snapshot,
};

use crate::support::server::MAJORS;
use crate::support::{Server, Setup, TempDb, rsdump, run, tool};

/// A server that wants a password from the roles `plain`, `md5` and `scram`, each by the method of its name. The
/// password of each is `pa:ss\word`, which a password file must escape.
fn guarded(major: u32) -> &'static Server {
    static SERVERS: [OnceLock<Server>; 2] = [const { OnceLock::new() }; 2];
    SERVERS[usize::from(major == 18)].get_or_init(|| {
        let hba = "host all plain 127.0.0.1/32 password\nhost all md5 127.0.0.1/32 md5\n\
                   host all scram 127.0.0.1/32 scram-sha-256";
        let server = Server::start(
            major,
            Setup {
                hba,
                ..Setup::default()
            },
        );
        for (role, encryption) in [
            ("plain", "scram-sha-256"),
            ("md5", "md5"),
            ("scram", "scram-sha-256"),
        ] {
            server.psql(&format!(
                "SET password_encryption = '{encryption}'; SET client_min_messages = error; \
                 CREATE ROLE {role} LOGIN PASSWORD 'pa:ss\\word'"
            ));
        }
        server
    })
}

const PASSWORD: &str = r"pa:ss\word";

/// One user's surroundings: a home directory and PG* variables.
struct User {
    home: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
}

impl User {
    fn new(variables: &[(&'static str, &str)]) -> User {
        let home = tempfile::tempdir().expect("a home directory");
        // Programs of another user's servers must be able to look inside.
        std::fs::set_permissions(home.path(), Permissions::from_mode(0o755)).expect("chmod");
        User {
            home,
            variables: variables
                .iter()
                .map(|(name, value)| (*name, (*value).to_string()))
                .collect(),
        }
    }

    fn write(&self, name: &str, mode: u32, text: &str) -> PathBuf {
        let path = self.home.path().join(name);
        std::fs::write(&path, text).expect("write a file");
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).expect("chmod");
        path
    }

    fn options(&self, dbname: &str) -> ConnectOptions {
        let leaked = self
            .variables
            .iter()
            .map(|(name, value)| (*name, &*String::leak(value.clone())));
        let mut options = ConnectOptions::new();
        options.environment = Environment::of("root", leaked).with_home(self.home.path());
        options.password_policy = PasswordPolicy::Never;
        options.set("dbname", dbname);
        options
    }

    /// What pg_dump says on standard error, each line without `pg_dump: error: `.
    fn pg_dump_says(&self, dbname: &str) -> String {
        let output = run(tool(18, "pg_dump")
            .envs(self.variables.iter().map(|(name, value)| (*name, value)))
            .env("HOME", self.home.path())
            .args(["-w", "-s", "-d", dbname]));
        let text = String::from_utf8(output.stderr).expect("messages in UTF-8");
        text.replace("pg_dump: error: ", "").trim_end().to_string()
    }

    /// What we say: warnings, then the error, for a session and for a lane; nothing if both connect.
    async fn we_say(&self, dbname: &str) -> String {
        let said = Arc::new(Mutex::new(Vec::new()));
        let mut options = self.options(dbname);
        let heard = Arc::clone(&said);
        options.warnings = Arc::new(move |warning| heard.lock().expect("said").push(warning.to_string()));
        let result = async {
            let params = options.resolve()?;
            params.session().await?;
            params.lane().await.map(|_| ())
        };
        let error = result.await.err().map(|error| error.to_string());
        let mut lines = std::mem::take(&mut *said.lock().expect("said"));
        lines.extend(error);
        lines.join("\n")
    }

    async fn assert_same_words(&self, dbname: &str) {
        let theirs = self.pg_dump_says(dbname);
        assert!(!theirs.is_empty(), "{dbname}: pg_dump does not object");
        assert_eq!(self.we_say(dbname).await, theirs, "{dbname}");
    }

    async fn assert_connects(&self, dbname: &str) {
        assert_eq!(self.we_say(dbname).await, "", "{dbname}");
        assert_eq!(self.pg_dump_says(dbname), "", "{dbname}: pg_dump objects");
    }
}

#[tokio::test]
async fn refusals_read_as_in_pg_dump() {
    let user = User::new(&[("PGPASSWORD", "wrong")]);
    for major in [13, 18] {
        let port = guarded(major).port;
        for role in ["plain", "md5", "scram"] {
            let target = format!("host=127.0.0.1 port={port} dbname=postgres user={role}");
            user.assert_same_words(&target).await;
            User::new(&[]).assert_same_words(&target).await;
        }
        user.assert_same_words(&format!("host=127.0.0.1 port={port} user=postgres dbname=nosuch"))
            .await;
        user.assert_same_words(&format!("postgresql://nosuch@localhost:{port}/postgres"))
            .await;
        let rules = "require_auth=scram-sha-256";
        user.assert_same_words(&format!(
            "host=127.0.0.1 port={port} user=plain dbname=postgres {rules}"
        ))
        .await;
        user.assert_same_words(&format!("host=127.0.0.1 port={port} user=postgres {rules}"))
            .await;
    }
}

#[test]
fn the_program_puts_its_name_before_and_exits_with_1() {
    let (guarded, trusting) = (guarded(18).port.to_string(), Server::get(18).port.to_string());
    let cases = [
        vec!["-h", "127.0.0.1", "-p", &guarded, "-U", "scram", "postgres"],
        vec!["-h", "127.0.0.1", "-p", &trusting, "-U", "postgres", "nosuch"],
        vec!["-h", "127.0.0.1", "-p", "1", "postgres"],
        vec!["-h", "ignored", "-d", "host=127.0.0.1 port=1"],
    ];
    for arguments in cases {
        let run_with = |mut program| run(Command::args(&mut program, ["-w", "-s"]).args(&arguments));
        let (ours, theirs) = (run_with(rsdump()), run_with(tool(18, "pg_dump")));
        let words = String::from_utf8_lossy(&theirs.stderr).replace("pg_dump: ", "rsdump: ");
        assert_eq!(String::from_utf8_lossy(&ours.stderr), words, "{arguments:?}");
        assert_eq!((ours.status.code(), theirs.status.code()), (Some(1), Some(1)));
        assert!(ours.stdout.is_empty());
    }
}

#[tokio::test]
async fn unreachable_servers_read_as_in_pg_dump() {
    let user = User::new(&[]);
    let socketless = format!("host={}", user.home.path().display());
    for target in [
        "host=127.0.0.1 port=1",
        "host=localhost port=1",
        "host=127.0.0.1,localhost port=1",
        "host=@nosuch port=1",
        "host=nosuch.invalid",
        "postgresql://nosuch.invalid,127.0.0.1:1/db",
        "host=127.0.0.1 port=99999",
        "host=127.0.0.1 port=x",
        "host=a,b port=1,2,3",
        "hostaddr=nonsense",
        socketless.as_str(),
    ] {
        user.assert_same_words(target).await;
    }
}

#[tokio::test]
async fn mistakes_read_as_in_pg_dump() {
    let user = User::new(&[]);
    for target in [
        "hoster=x",
        "host=x port",
        "host='x",
        "postgresql://h?a=b",
        "postgresql://[::1",
        "postgresql://%zz",
        "service=nosuch",
        "sslmode=nonsense",
        "target_session_attrs=nonsense",
    ] {
        user.assert_same_words(target).await;
    }
    User::new(&[("PGSERVICEFILE", "/nonexistent"), ("PGSERVICE", "x")])
        .assert_same_words("")
        .await;
    let user = User::new(&[]);
    user.write(".pg_service.conf", 0o644, "[x]\nnonsense\n");
    user.assert_same_words("service=x").await;
}

#[tokio::test]
async fn every_password_method_lets_in() {
    let user = User::new(&[("PGPASSWORD", PASSWORD)]);
    for major in [13, 18] {
        let port = guarded(major).port;
        for role in ["plain", "md5", "scram"] {
            user.assert_connects(&format!("host=127.0.0.1 port={port} user={role} dbname=postgres"))
                .await;
        }
        let encoded = "pa%3Ass%5Cword";
        let uri = format!("postgres://scram:{encoded}@127.0.0.1:{port}/postgres");
        User::new(&[]).assert_connects(&uri).await;
    }
}

#[tokio::test]
async fn a_password_file_is_used_if_nobody_else_may_read_it() {
    let port = guarded(18).port;
    let target = format!("host=127.0.0.1 port={port} dbname=postgres user=scram");
    let line = format!("nosuch:*:*:*:wrong\n127.0.0.1:{port}:*:scram:pa\\:ss\\\\word\n");
    let user = User::new(&[]);
    let file = user.write(".pgpass", 0o600, &line);
    user.assert_connects(&target).await;
    let named = User::new(&[("PGPASSFILE", file.to_str().expect("a plain name"))]);
    named.assert_connects(&target).await;
    User::new(&[])
        .assert_connects(&format!("{target} passfile={}", file.display()))
        .await;

    user.write(".pgpass", 0o600, &line.replace("pa", "no"));
    user.assert_same_words(&target).await;
    user.write(".pgpass", 0o644, &line);
    user.assert_same_words(&target).await;
    User::new(&[])
        .assert_same_words(&format!("{target} passfile={}", user.home.path().display()))
        .await;
}

#[tokio::test]
async fn services_sockets_variables_and_host_lists_reach_the_server() {
    let server = Server::get(18);
    let (port, socket) = (
        server.port.to_string(),
        server.dir.to_str().expect("a plain name"),
    );
    let user = User::new(&[]);
    let service = format!("[shop]\nhost=127.0.0.1\nport={port}\nuser=postgres\ndbname=postgres\n");
    user.write(".pg_service.conf", 0o644, &service);
    user.assert_connects("service=shop").await;
    user.assert_connects(&format!("host={socket} port={port} user=postgres"))
        .await;
    let escaped = socket.replace('/', "%2F");
    user.assert_connects(&format!("postgresql://postgres@{escaped}:{port}/postgres"))
        .await;
    user.assert_connects(&format!(
        "postgresql:///postgres?host={socket}&port={port}&user=postgres"
    ))
    .await;
    user.assert_connects(&format!(
        "host=127.0.0.1,{socket},nosuch.invalid port=1,{port},2 user=postgres"
    ))
    .await;
    user.assert_connects(&format!(
        "postgresql://127.0.0.1:1,localhost:{port}/postgres?user=postgres"
    ))
    .await;
    let variables = [("PGHOST", "localhost"), ("PGPORT", &port), ("PGUSER", "postgres")];
    User::new(&variables).assert_connects("postgres").await;
    let peer = format!("host={socket} port={port} user=postgres requirepeer=nosuch");
    user.assert_same_words(&peer).await;
}

#[tokio::test]
async fn the_session_must_have_the_wanted_attributes() {
    let read_only = User::new(&[("PGOPTIONS", "-c default_transaction_read_only=on")]);
    for major in [13, 18] {
        let target = format!("{} dbname=postgres", Server::get(major).conninfo());
        let user = User::new(&[]);
        for attrs in ["any", "read-write", "primary", "prefer-standby"] {
            user.assert_connects(&format!("{target} target_session_attrs={attrs}"))
                .await;
        }
        for attrs in ["read-only", "standby"] {
            user.assert_same_words(&format!("{target} target_session_attrs={attrs}"))
                .await;
        }
        read_only
            .assert_connects(&format!("{target} target_session_attrs=read-only"))
            .await;
        read_only
            .assert_same_words(&format!("{target} target_session_attrs=read-write"))
            .await;
    }
}

/// Answers with a password and counts how often it was asked.
struct Typist(AtomicU32);

impl PasswordPrompt for Typist {
    fn ask(&self, prompt: &str) -> std::io::Result<String> {
        assert_eq!(prompt, "Password: ");
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(PASSWORD.into())
    }
}

#[tokio::test]
async fn a_person_is_asked_once_for_all_connections() {
    let target = format!(
        "host=127.0.0.1 port={} user=scram dbname=postgres",
        guarded(18).port
    );
    for policy in [PasswordPolicy::IfNeeded, PasswordPolicy::Always] {
        let typist = Arc::new(Typist(AtomicU32::new(0)));
        let mut options = User::new(&[]).options(&target);
        options.password_policy = policy;
        options.prompt = Some(typist.clone());
        let params = options.resolve().expect("options");
        let (session, lane) = tokio::join!(params.session(), params.lane());
        session.expect("a session");
        lane.expect("a lane");
        params
            .for_database("template1")
            .session()
            .await
            .expect("a session");
        assert_eq!(typist.0.load(Ordering::Relaxed), 1);
    }
    let never = User::new(&[]).options(&target).resolve().expect("options");
    let error = never.session().await.expect_err("no password");
    assert!(error.to_string().ends_with("fe_sendauth: no password supplied"));
}

#[tokio::test]
async fn a_hung_server_is_given_up_after_the_timeout() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("its address").port();
    let live = Server::get(18).port;
    let target = format!("host=127.0.0.1 port={port} user=postgres connect_timeout=2");
    User::new(&[]).assert_same_words(&target).await;
    let target = format!("host=127.0.0.1,127.0.0.1 port={port},{live} user=postgres connect_timeout=2");
    let options = User::new(&[]).options(&target);
    options
        .resolve()
        .expect("options")
        .session()
        .await
        .expect("the second host");
}

#[tokio::test]
async fn something_that_is_no_server_is_told_so() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = stream.and_then(|mut stream| stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
        }
    });
    User::new(&[])
        .assert_same_words(&format!("host=127.0.0.1 port={port} sslmode=disable"))
        .await;
}

#[tokio::test]
async fn names_come_as_bytes_in_the_encoding_of_the_dump() {
    let server = Server::get(18);
    let db = TempDb::with(server, "ENCODING 'LATIN1'");
    db.psql("CREATE TABLE U&\"caf\\00e9\" (a int)");
    let params = User::new(&[]).options(&db.conninfo()).resolve().expect("options");
    let sql = "SELECT relname FROM pg_catalog.pg_class WHERE relname LIKE 'caf%'";
    for (encoding, bytes) in [(None, &b"caf\xe9"[..]), (Some("UTF8"), "caf\u{e9}".as_bytes())] {
        let mut session = params.session().await.expect("a session");
        let options = SetupOptions {
            encoding: encoding.map(Into::into),
            ..SetupOptions::default()
        };
        session
            .setup_dump(&options, &Snapshot::New)
            .await
            .expect("settings");
        let told = session.parameter("client_encoding").expect("an encoding");
        assert_eq!(told, encoding.unwrap_or("LATIN1").as_bytes());
        let rows = session.rows("names", sql, &[]).await.expect("rows");
        assert_eq!(Columns::new(&rows[0]).text().expect("a name"), bytes);
    }
}

#[tokio::test]
async fn sessions_and_lanes_share_a_snapshot_on_every_version() {
    for major in MAJORS {
        let db = TempDb::new(Server::get(major));
        db.psql("CREATE TABLE t AS SELECT 1 AS a");
        let params = User::new(&[]).options(&db.conninfo()).resolve().expect("options");
        let options = SetupOptions {
            role: Some("postgres".into()),
            ..SetupOptions::default()
        };
        let mut session = params.session().await.expect("a session");
        session
            .setup_dump(&options, &Snapshot::New)
            .await
            .expect("settings");
        let snapshot = session.export_snapshot().await.expect("a snapshot");
        db.psql("INSERT INTO t VALUES (2)");
        let mut lane = params.lane().await.expect("a lane");
        rsdump::connect::setup_lane(&mut lane, &options, &Snapshot::Imported(snapshot))
            .await
            .expect("settings");
        let counted = lane.rows(b"SELECT count(*) FROM public.t").await.expect("rows");
        assert_eq!(counted.rows, [[Some("1".into())]], "{major}");
        let wrong = SetupOptions {
            role: Some("nosuch".into()),
            ..SetupOptions::default()
        };
        let error = params
            .session()
            .await
            .expect("a session")
            .setup_dump(&wrong, &Snapshot::New)
            .await;
        assert_eq!(error.expect_err("no such role").code(), Some("22023"));
    }
}

#[tokio::test]
async fn a_failed_query_names_what_was_read_and_the_server() {
    let server = Server::get(13);
    let params = User::new(&[])
        .options(&server.conninfo())
        .resolve()
        .expect("options");
    let session = params.session().await.expect("a session");
    let error = session
        .rows("policies", "SELECT polx FROM pg_catalog.pg_policy", &[])
        .await
        .expect_err("no column");
    let version = session.version();
    assert_eq!(version.major(), 13);
    let expected = format!("reading policies on server {version}: column \"polx\" does not exist (42703)");
    assert_eq!(error.to_string(), expected);
    session
        .rows("one", "SELECT 1", &[])
        .await
        .expect("the session goes on");
    assert!(Path::new(&server.dir).exists());
}
