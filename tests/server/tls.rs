//! TLS: every mode against servers of every kind, as libpq does it.
//!
//! psql 15 is the oracle: it connects where we do, encrypted where we are, and else says what we say, but for what
//! is added to "certificate verify failed".

use std::sync::OnceLock;

use tokio::sync::{Mutex, MutexGuard};

use rsdump::connect::{Columns, ConnectOptions, Environment, PasswordPolicy};

use crate::support::certificates::{AUTHORITY, Certificates, Recipe, install};
use crate::support::{Server, Setup, rsdump, run, tool};

/// A server with TLS, whose certificate one test at a time may choose.
struct Guarded {
    server: Server,
    certificates: Certificates,
}

const HBA: &str = "hostssl all only_tls 127.0.0.1/32 trust\n\
    hostnossl all only_tls 127.0.0.1/32 reject\n\
    hostnossl all only_plain 127.0.0.1/32 trust\n\
    hostssl all only_plain 127.0.0.1/32 reject\n\
    hostssl all certified 127.0.0.1/32 cert\n\
    host all scram 127.0.0.1/32 scram-sha-256\n\
    host all cleartext 127.0.0.1/32 password\n";

const NAMES: &str = "subjectAltName=DNS:db.example.org,IP:127.0.0.1\n";

async fn guarded() -> MutexGuard<'static, Guarded> {
    static GUARDED: OnceLock<Mutex<Guarded>> = OnceLock::new();
    let guarded = GUARDED.get_or_init(|| {
        let server = Server::start(
            15,
            Setup {
                hba: HBA,
                ..Setup::default()
            },
        );
        server.psql(
            "CREATE ROLE only_tls LOGIN; CREATE ROLE only_plain LOGIN; CREATE ROLE certified LOGIN; \
             CREATE ROLE scram LOGIN PASSWORD 'secret'; CREATE ROLE cleartext LOGIN PASSWORD 'secret'",
        );
        let certificates = Certificates::new();
        make_all(&certificates);
        let guarded = Guarded { server, certificates };
        guarded.put("root.crt", "root.crt", 0o600);
        guarded.serve("good");
        let set = |setting: &str| guarded.server.psql(&format!("ALTER SYSTEM SET {setting}"));
        set("ssl_ca_file = 'root.crt'");
        set("ssl = on");
        reload(&guarded.server);
        Mutex::new(guarded)
    });
    guarded.lock().await
}

fn make_all(certificates: &Certificates) {
    let rsa = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048";
    let with_names = format!("basicConstraints=CA:FALSE\n{NAMES}");
    let good = || Recipe {
        extensions: &with_names,
        ..Recipe::default()
    };
    let make = |file: &str, recipe: Recipe<'_>| certificates.make(file, &recipe);
    make("good", good());
    make("revoked", good());
    make(
        "expired",
        Recipe {
            signing: "-days -1",
            ..good()
        },
    );
    make(
        "version_1",
        Recipe {
            extensions: "",
            ..good()
        },
    );
    make("common_name", Recipe::default());
    make(
        "wildcard",
        Recipe {
            extensions: "subjectAltName=DNS:*.example.org\n",
            name: "x",
            ..good()
        },
    );
    make(
        "others",
        Recipe {
            extensions: "subjectAltName=DNS:a.example.org,DNS:b.example.org\n",
            ..good()
        },
    );
    make(
        "addresses",
        Recipe {
            extensions: "subjectAltName=IP:127.0.0.1,IP:::1\n",
            ..good()
        },
    );
    make(
        "for_clients",
        Recipe {
            extensions: "extendedKeyUsage=clientAuth\n",
            ..good()
        },
    );
    make(
        "self_signed",
        Recipe {
            extensions: "basicConstraints=critical,CA:TRUE\nsubjectAltName=DNS:db.example.org\n",
            issuer: "",
            ..good()
        },
    );
    make(
        "own_version_1",
        Recipe {
            extensions: "",
            issuer: "",
            ..good()
        },
    );
    make(
        "authority",
        Recipe {
            extensions: "basicConstraints=CA:TRUE\nkeyUsage=digitalSignature,keyCertSign\n",
            ..good()
        },
    );
    make(
        "signs_only",
        Recipe {
            extensions: AUTHORITY,
            ..good()
        },
    );
    make(
        "stranger",
        Recipe {
            name: "Other Root",
            extensions: AUTHORITY,
            issuer: "",
            ..good()
        },
    );
    make(
        "strange",
        Recipe {
            issuer: "stranger",
            ..good()
        },
    );
    make(
        "between",
        Recipe {
            name: "Between",
            extensions: AUTHORITY,
            ..good()
        },
    );
    make(
        "chained",
        Recipe {
            issuer: "between",
            ..good()
        },
    );
    certificates.append("chained.crt", "between.crt");
    make("rsa", Recipe { key: rsa, ..good() });
    make(
        "rsa_root",
        Recipe {
            name: "RSA Root",
            key: rsa,
            extensions: AUTHORITY,
            issuer: "",
            ..good()
        },
    );
    for (file, hash) in [("rsa_sha256", "-sha256"), ("rsa_sha512", "-sha512")] {
        let signing = format!("-days 30 {hash}");
        make(
            file,
            Recipe {
                key: rsa,
                issuer: "rsa_root",
                signing: &signing,
                ..good()
            },
        );
    }
    let pss = "-days 30 -sha384 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest";
    make(
        "signed_pss",
        Recipe {
            key: rsa,
            issuer: "rsa_root",
            signing: pss,
            ..good()
        },
    );
    make(
        "key_pss",
        Recipe {
            key: "-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048",
            ..good()
        },
    );
    make(
        "ed25519_root",
        Recipe {
            name: "Ed Root",
            key: "-algorithm ED25519",
            extensions: AUTHORITY,
            issuer: "",
            ..good()
        },
    );
    make(
        "ed25519",
        Recipe {
            key: "-algorithm ED25519",
            issuer: "ed25519_root",
            ..good()
        },
    );
    make(
        "certified",
        Recipe {
            name: "certified",
            ..Recipe::default()
        },
    );
    make(
        "somebody",
        Recipe {
            name: "somebody",
            ..Recipe::default()
        },
    );
    make(
        "forged",
        Recipe {
            name: "certified",
            issuer: "stranger",
            ..Recipe::default()
        },
    );
    certificates.revoke("root.crl", &["revoked"]);
    certificates.openssl(
        "pkcs8 -topk8 -v2 aes256 -in certified.key -out locked.key -passout pass:sesame",
        &[],
    );
}

impl Guarded {
    fn put(&self, from: &str, to: &str, mode: u32) {
        install(
            &self.certificates.path(from),
            &self.server.dir.join("data").join(to),
            mode,
        );
    }

    /// Lets the server show this certificate from now on.
    fn serve(&self, file: &str) {
        self.put(&format!("{file}.crt"), "server.crt", 0o600);
        self.put(&format!("{file}.key"), "server.key", 0o600);
        reload(&self.server);
    }

    /// The connection string: `$` stands for the directory of certificates.
    fn conninfo(&self, text: &str) -> String {
        let text = text.replace('$', self.certificates.path("").to_str().expect("a path in UTF-8"));
        let defaults = "hostaddr=127.0.0.1 dbname=postgres user=postgres gssencmode=disable";
        format!("{defaults} port={} {text}", self.server.port)
    }

    /// How psql fares: `encrypted`, `plain`, or what it says.
    fn psql(&self, text: &str) -> String {
        let output = run(tool(15, "psql").args([
            "-X",
            "-A",
            "-t",
            "-w",
            "-c",
            IS_ENCRYPTED,
            "-d",
            &self.conninfo(text),
        ]));
        match output.status.success() {
            true => state(output.stdout.first() == Some(&b't')),
            false => String::from_utf8_lossy(&output.stderr)
                .replace("psql: error: ", "")
                .trim_end()
                .to_string(),
        }
    }

    /// How we fare, in the same words; a session and a lane must fare alike.
    async fn we(&self, text: &str) -> String {
        let mut options = ConnectOptions::new();
        options.environment = Environment::of("root", []).with_home(self.certificates.path("home"));
        options.password_policy = PasswordPolicy::Never;
        options.set("dbname", self.conninfo(text));
        let outcome = async {
            let params = options.resolve()?;
            let session = params.session().await?;
            let rows = session.rows("encryption", IS_ENCRYPTED, &[]).await?;
            let first = Columns::new(rows.first().expect("a row")).bool()?;
            let mut lane = params.lane().await?;
            lane.simple(b"SELECT 1").await?;
            Ok::<_, rsdump::Error>(first)
        };
        match outcome.await {
            Ok(is_encrypted) => state(is_encrypted),
            Err(error) => error.to_string(),
        }
    }

    /// Notes a difference between psql and us.
    async fn compare(&self, findings: &mut Differences, certificate: &str, text: &str) -> String {
        let (theirs, ours) = (self.psql(text), self.we(text).await);
        if theirs != without_reason(&ours) {
            findings
                .0
                .push(format!("{certificate}, {text}\n  psql: {theirs}\n  we:   {ours}"));
        }
        ours
    }
}

/// Where psql and we fared differently.
#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    #[track_caller]
    fn finish(self) {
        assert!(self.0.is_empty(), "{}", self.0.join("\n\n"));
    }
}

/// Lets a server read its configuration and certificates again, and waits until it has.
fn reload(server: &Server) {
    let loaded = || server.psql("SELECT pg_catalog.pg_conf_load_time()");
    let before = loaded();
    server.psql("SELECT pg_catalog.pg_reload_conf()");
    for _ in 0..500 {
        if loaded() != before {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("the server did not read its configuration again");
}

const IS_ENCRYPTED: &str = "SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_catalog.pg_backend_pid()";

fn state(is_encrypted: bool) -> String {
    if is_encrypted { "encrypted" } else { "plain" }.to_string()
}

/// Without what we add, and with the words of libpq 15, which knew no roots of the system's.
fn without_reason(ours: &str) -> String {
    let lines = ours
        .lines()
        .map(|line| match line.split_once("certificate verify failed: ") {
            Some((start, _)) => format!("{start}certificate verify failed"),
            None => line.replace(
                "Either provide the file, use the system's trusted roots with sslrootcert=system, or change",
                "Either provide the file or change",
            ),
        });
    lines.collect::<Vec<_>>().join("\n")
}

const MODES: [&str; 6] = [
    "disable",
    "allow",
    "prefer",
    "require",
    "verify-ca",
    "verify-full",
];

#[tokio::test]
async fn every_mode_takes_and_refuses_the_certificates_that_libpq_does() {
    let guarded = guarded().await;
    let mut findings = Differences::default();
    let mut seen = String::new();
    for (certificate, root) in [
        ("good", "root"),
        ("good", "missing"),
        ("expired", "root"),
        ("version_1", "root"),
        ("self_signed", "root"),
        ("self_signed", "self_signed"),
        ("own_version_1", "own_version_1"),
        ("authority", "root"),
        ("signs_only", "root"),
        ("strange", "root"),
        ("chained", "root"),
        ("for_clients", "root"),
        ("rsa_sha256", "rsa_root"),
        ("signed_pss", "rsa_root"),
        ("key_pss", "root"),
        ("ed25519", "ed25519_root"),
    ] {
        guarded.serve(certificate);
        for mode in MODES {
            let text = format!("host=db.example.org sslmode={mode} sslrootcert=$/{root}.crt");
            seen += &guarded.compare(&mut findings, certificate, &text).await;
        }
    }
    findings.finish();
    // Nothing above may have gone unseen because nothing was encrypted, or nothing refused.
    for what in [
        "encrypted",
        "plain",
        "certificate has expired",
        "does not exist",
        "self-signed",
        "unsuitable",
    ] {
        assert!(seen.contains(what), "no outcome has {what:?}");
    }
}

#[tokio::test]
async fn names_are_matched_as_libpq_matches_them() {
    let guarded = guarded().await;
    let mut findings = Differences::default();
    for certificate in ["good", "common_name", "wildcard", "others", "addresses"] {
        guarded.serve(certificate);
        for host in [
            "db.example.org",
            "DB.Example.org",
            "a.b.example.org",
            "example.org",
            "127.0.0.1",
        ] {
            let text = format!("host={host} sslmode=verify-full sslrootcert=$/root.crt");
            guarded.compare(&mut findings, certificate, &text).await;
        }
        let nameless = "sslmode=verify-full sslrootcert=$/root.crt";
        guarded.compare(&mut findings, certificate, nameless).await;
    }
    findings.finish();
}

#[tokio::test]
async fn revoked_certificates_are_refused() {
    let guarded = guarded().await;
    let mut findings = Differences::default();
    for certificate in ["good", "revoked", "version_1", "strange"] {
        guarded.serve(certificate);
        for list in ["root.crl", "missing.crl"] {
            let text =
                format!("host=db.example.org sslmode=verify-ca sslrootcert=$/root.crt sslcrl=$/{list}");
            let ours = guarded.compare(&mut findings, certificate, &text).await;
            if (certificate, list) == ("revoked", "root.crl") {
                assert!(ours.ends_with("certificate revoked"), "{ours}");
            }
        }
    }
    findings.finish();
}

#[tokio::test]
async fn encryption_is_tried_or_left_as_the_server_wants_it() {
    let guarded = guarded().await;
    guarded.serve("good");
    let mut findings = Differences::default();
    for mode in MODES {
        for user in ["only_tls", "only_plain", "nobody"] {
            let text = format!("host=127.0.0.1 sslmode={mode} user={user} sslrootcert=$/root.crt");
            guarded.compare(&mut findings, "good", &text).await;
        }
        // Wrong passwords, once per attempt that libpq makes.
        let text = format!("host=127.0.0.1 sslmode={mode} user=scram password=wrong sslrootcert=$/root.crt");
        guarded.compare(&mut findings, "good", &text).await;
    }
    for text in [
        "host=db.example.org sslmode=require ssl_min_protocol_version=TLSv1.3",
        "host=db.example.org sslmode=require ssl_max_protocol_version=TLSv1.2",
        "host=db.example.org sslmode=require sslsni=0",
    ] {
        guarded.compare(&mut findings, "good", text).await;
    }
    findings.finish();
    // Over a socket file nothing is encrypted, whatever is asked for.
    let socket = format!(
        "hostaddr='' host={} sslmode=require",
        guarded.server.dir.display()
    );
    assert_eq!(guarded.we(&socket).await, "plain");
}

#[tokio::test]
async fn something_that_is_no_server_is_told_so() {
    let guarded = guarded().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    std::thread::spawn(move || {
        use std::io::Write;
        for stream in listener.incoming() {
            let _ = stream.and_then(|mut stream| stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
        }
    });
    let mut findings = Differences::default();
    let text = format!("host=127.0.0.1 port={port} sslmode=require");
    let ours = guarded.compare(&mut findings, "no server", &text).await;
    assert!(
        ours.contains("received invalid response to SSL negotiation: H"),
        "{ours}"
    );
    findings.finish();
}

#[tokio::test]
async fn a_server_without_tls_is_refused_or_taken_as_it_is() {
    let server = Server::get(15);
    let connect = async |mode: &str| {
        let mut options = ConnectOptions::new();
        options.environment = Environment::of("root", []);
        let info = format!("{} dbname=postgres sslmode={mode}", server.conninfo());
        options.set("dbname", info);
        options.resolve()?.session().await.map(|_| ())
    };
    for mode in ["disable", "allow", "prefer"] {
        connect(mode).await.unwrap();
    }
    let error = connect("require").await.unwrap_err().to_string();
    assert!(
        error.ends_with("server does not support SSL, but SSL was required"),
        "{error}"
    );
}

#[tokio::test]
async fn clients_show_their_certificates() {
    let guarded = guarded().await;
    guarded.serve("good");
    let mut findings = Differences::default();
    let user = "host=127.0.0.1 sslmode=require user=certified";
    for (certificate, key) in [
        ("certified", "certified"),
        ("somebody", "somebody"),
        ("missing", "certified"),
        ("certified", "missing"),
    ] {
        let text = format!("{user} sslcert=$/{certificate}.crt sslkey=$/{key}.key");
        guarded.compare(&mut findings, "good", &text).await;
    }
    findings.finish();
    let certified = format!("{user} sslcert=$/certified.crt");
    let with_password = format!("{certified} sslkey=$/locked.key sslpassword=sesame");
    assert_eq!(guarded.we(&with_password).await, "encrypted");
    let error = guarded
        .we(&format!("{certified} sslkey=$/locked.key sslpassword=x"))
        .await;
    assert!(
        error.contains("could not load private key file") && error.ends_with("bad decrypt"),
        "{error}"
    );
    // A key that does not belong to the certificate, and a certificate that the server does not trust.
    let error = guarded.we(&format!("{certified} sslkey=$/somebody.key")).await;
    assert!(error.contains("could not load private key file"), "{error}");
    let error = guarded
        .we(&format!("{user} sslcert=$/forged.crt sslkey=$/forged.key"))
        .await;
    assert!(error.contains("SSL error"), "{error}");
    std::fs::copy(
        guarded.certificates.path("certified.key"),
        guarded.certificates.path("open.key"),
    )
    .unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(guarded.certificates.path("open.key"), mode).unwrap();
    let error = guarded.we(&format!("{certified} sslkey=$/open.key")).await;
    assert!(error.contains("has group or world access"), "{error}");
    let required = "host=127.0.0.1 sslmode=require sslcertmode=require sslcert=$/certified.crt";
    assert_eq!(
        guarded.we(&format!("{required} sslkey=$/certified.key")).await,
        "encrypted"
    );
    let none = guarded
        .we("host=127.0.0.1 sslmode=require sslcertmode=require")
        .await;
    assert!(
        none.ends_with("server accepted connection without a valid SSL certificate"),
        "{none}"
    );
}

#[tokio::test]
async fn log_ins_are_bound_to_their_channel() {
    let guarded = guarded().await;
    let mut findings = Differences::default();
    let user = "host=db.example.org user=scram password=secret";
    for certificate in ["good", "rsa_sha256", "rsa_sha512", "signed_pss", "key_pss"] {
        guarded.serve(certificate);
        for binding in ["disable", "prefer", "require"] {
            let text = format!("{user} sslmode=require channel_binding={binding}");
            let ours = guarded.compare(&mut findings, certificate, &text).await;
            assert_eq!(ours, "encrypted", "{certificate}, {binding}");
        }
    }
    for text in [
        format!("{user} sslmode=disable channel_binding=require"),
        "host=db.example.org user=cleartext password=secret sslmode=require channel_binding=require".into(),
        "host=db.example.org user=only_tls sslmode=require channel_binding=require".into(),
    ] {
        guarded.compare(&mut findings, "key_pss", &text).await;
    }
    findings.finish();
    // For a signature without a hash of its own the binding is not defined; libpq gives up even where it is optional.
    guarded.serve("ed25519");
    assert_eq!(guarded.we(&format!("{user} sslmode=require")).await, "encrypted");
    let error = guarded
        .we(&format!("{user} sslmode=require channel_binding=require"))
        .await;
    assert!(error.contains("channel binding is not defined"), "{error}");
}

#[tokio::test]
async fn a_dump_goes_over_tls_and_may_trust_what_the_system_trusts() {
    let guarded = guarded().await;
    guarded.serve("good");
    let dump = |trusted: &str| {
        let info = guarded.conninfo("host=db.example.org user=only_tls sslrootcert=system");
        let trusted = guarded.certificates.path(trusted);
        run(rsdump().args(["-s", "-d", &info]).env("SSL_CERT_FILE", trusted))
    };
    let output = dump("root.crt");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let output = dump("stranger.crt");
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        told.contains("certificate verify failed: unable to get local issuer certificate"),
        "{told}"
    );
}

#[tokio::test]
async fn tls_may_begin_without_a_question() {
    let guarded = guarded().await;
    let server = Server::start(17, Setup::default());
    for (from, to) in [("good.crt", "server.crt"), ("good.key", "server.key")] {
        install(
            &guarded.certificates.path(from),
            &server.dir.join("data").join(to),
            0o600,
        );
    }
    server.psql("ALTER SYSTEM SET ssl = on");
    reload(&server);
    let direct = "host=127.0.0.1 user=postgres dbname=postgres sslmode=require sslnegotiation=direct";
    assert_eq!(
        guarded.we(&format!("{direct} port={}", server.port)).await,
        "encrypted"
    );
    let error = guarded.we(direct).await;
    assert!(
        error.contains("SSL SYSCALL error") || error.contains("SSL error"),
        "{error}"
    );
}

/// Statements are cancelled over an encrypted connection, too, and gigabytes may pass both ways.
#[tokio::test]
async fn an_encrypted_lane_carries_rows_and_can_be_cancelled() {
    let guarded = guarded().await;
    guarded.serve("good");
    let mut options = ConnectOptions::new();
    options.environment = Environment::of("root", []);
    options.set(
        "dbname",
        guarded.conninfo("host=127.0.0.1 sslmode=require user=only_tls"),
    );
    let params = options.resolve().unwrap();
    let mut lane = params.lane().await.unwrap();
    let token = lane.cancel_token();
    let sleeping = lane.simple(b"SELECT pg_catalog.pg_sleep(60)");
    let cancelling = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        token.cancel().await.unwrap();
    };
    let (slept, ()) = tokio::join!(sleeping, cancelling);
    let error = slept.unwrap().check("sleeping").unwrap_err();
    assert!(error.to_string().contains("57014"), "{error}");
    // Both directions at once are more than any buffer holds.
    let statement = b"SELECT pg_catalog.repeat('x', 1000000)";
    for _ in 0..40 {
        lane.send_query(statement).await.unwrap();
    }
    for _ in 0..40 {
        lane.recv_result().await.unwrap().check("repeating").unwrap();
    }
}
