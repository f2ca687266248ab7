//! Throwaway servers: one per major version and test process, and further ones with a configuration of their own.
//!
//! A server is the child of a small shell that waits for the end of a pipe held by the test process. When that
//! process ends, in whatever way (a panic, a kill), the pipe closes, and the shell stops the server and removes
//! its directory. Under root, everything of the server's runs as another user: PostgreSQL refuses root.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::programs::{bin_dir, clean, stdout_of, tool};

/// The versions that `scripts/servers` gets when nothing else is asked for.
pub(crate) const MAJORS: [u32; 9] = [10, 11, 12, 13, 14, 15, 16, 17, 18];

/// Lines appended to a server's configuration files.
#[derive(Clone, Copy, Default)]
pub(crate) struct Setup<'a> {
    /// Appended to `postgresql.conf`.
    pub(crate) conf: &'a str,
    /// Put before the lines of `pg_hba.conf` that trust everyone: the first match decides.
    pub(crate) hba: &'a str,
    /// Takes what a dump for pg_upgrade says (`postgres -b`).
    pub(crate) binary_upgrade: bool,
}

/// A running server. Dropping it stops it and removes its directory.
pub(crate) struct Server {
    pub(crate) major: u32,
    pub(crate) port: u16,
    /// Holds the data directory, the log and the Unix socket.
    pub(crate) dir: PathBuf,
    watchdog: Child,
}

impl Server {
    /// The shared server of a version, started on first use. Superuser `postgres`, trusted from 127.0.0.1 and
    /// over the Unix socket.
    pub(crate) fn get(major: u32) -> &'static Server {
        static SHARED: [OnceLock<Server>; 32] = [const { OnceLock::new() }; 32];
        SHARED[major as usize].get_or_init(|| Server::start(major, Setup::default()))
    }

    /// A server of one's own.
    pub(crate) fn start(major: u32, setup: Setup<'_>) -> Server {
        let owner = Owner::of_servers();
        let bin = bin_dir(major);
        let dir = make_dir(&owner);
        let data = dir.join("data");
        stdout_of(
            owner
                .apply(clean(Command::new(bin.join("initdb"))))
                .args([
                    "--no-sync",
                    "-U",
                    "postgres",
                    "-A",
                    "trust",
                    "-E",
                    "UTF8",
                    "--locale=C",
                    "-D",
                ])
                .arg(&data),
        );
        // Without workers for logical replication, because subscriptions are there to be dumped, not to connect to anything.
        let conf = "listen_addresses = '127.0.0.1'\nfsync = off\nfull_page_writes = off\n\
                    synchronous_commit = off\nautovacuum = off\ntimezone = 'UTC'\n\
                    log_timezone = 'UTC'\nlc_messages = 'C'\nmax_locks_per_transaction = 256\n\
                    max_logical_replication_workers = 0\n";
        let jit = if major >= 11 { "jit = off\n" } else { "" };
        append(
            &data.join("postgresql.conf"),
            format!("{conf}{jit}{}\n", setup.conf),
        );
        let hba = data.join("pg_hba.conf");
        let trusting = read(&hba);
        fs::write(&hba, format!("{}\n{trusting}", setup.hba)).expect("write pg_hba.conf");

        for _ in 0..5 {
            let port = free_port();
            let mode = if setup.binary_upgrade { "-b" } else { "-F" };
            let watchdog = spawn(&owner, &bin, &dir, port, mode);
            let server = Server {
                major,
                port,
                dir: dir.clone(),
                watchdog,
            };
            match server.wait_until_ready() {
                Ok(()) => return server,
                // Someone else took the port between our look and the server's: another one, then.
                Err(log) if log.contains("could not create any TCP/IP sockets") => server.abandon(),
                Err(log) => panic!("PostgreSQL {major} did not start:\n{log}"),
            }
        }
        panic!("PostgreSQL {major} found no free port in five tries");
    }

    /// Stops the server and starts it again as a hot standby, which has nobody to follow.
    pub(crate) fn becomes_standby(&mut self) {
        let owner = Owner::of_servers();
        let bin = bin_dir(self.major);
        let data = self.dir.join("data");
        let stop = || owner.apply(clean(Command::new(bin.join("pg_ctl"))));
        stdout_of(stop().args(["stop", "-m", "fast", "-w", "-s", "-D"]).arg(&data));
        self.let_go();
        self.watchdog.wait().expect("wait for the watchdog");
        if self.major >= 12 {
            fs::write(data.join("standby.signal"), "").expect("make a standby");
        } else {
            fs::write(data.join("recovery.conf"), "standby_mode = on\n").expect("make a standby");
        }
        self.watchdog = spawn(&owner, &bin, &self.dir, self.port, "-F");
        if let Err(log) = self.wait_until_ready() {
            panic!("PostgreSQL {} did not start as a standby:\n{log}", self.major);
        }
    }

    /// Connection parameters as `keyword=value` words, without a database.
    pub(crate) fn conninfo(&self) -> String {
        format!("host=127.0.0.1 port={} user=postgres", self.port)
    }

    /// Runs SQL in the `postgres` database.
    pub(crate) fn psql(&self, sql: &str) -> Vec<u8> {
        stdout_of(psql_command(&format!("{} dbname=postgres", self.conninfo())).args(["-c", sql]))
    }

    fn wait_until_ready(&self) -> Result<(), String> {
        let end = Instant::now() + Duration::from_secs(90);
        loop {
            // The eighth line of the lock file is the server's own word on its state.
            let state = fs::read_to_string(self.dir.join("data/postmaster.pid")).unwrap_or_default();
            if state
                .lines()
                .nth(7)
                .is_some_and(|line| line.trim_end() == "ready")
            {
                return Ok(());
            }
            let log = fs::read_to_string(self.dir.join("log")).unwrap_or_default();
            if log.contains("FATAL:") || Instant::now() > end {
                return Err(log);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends a server that did not start, keeping its directory for the next try.
    fn abandon(mut self) {
        let kept = self.dir.join("log");
        fs::write(&kept, "").expect("empty the log");
        self.let_go();
    }

    /// Has the watchdog end the server, and keep its directory.
    fn let_go(&mut self) {
        if let Some(mut pipe) = self.watchdog.stdin.take() {
            use std::io::Write;
            pipe.write_all(b"keep\n").expect("talk to the watchdog");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

/// psql 18, quiet, unaligned, without headings, stopping at the first error.
pub(crate) fn psql_command(conninfo: &str) -> Command {
    let mut command = tool(18, "psql");
    command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", conninfo]);
    command
}

/// `mode` is one more of the server's options; `-F`, for no fsync, says nothing new.
fn spawn(owner: &Owner, bin: &Path, dir: &Path, port: u16, mode: &str) -> Child {
    const SCRIPT: &str = r#"
        trap '' HUP INT TERM
        "$1/postgres" -D "$2/data" -p "$3" -k "$2" "$4" >>"$2/log" 2>&1 </dev/null &
        read -r word
        kill -QUIT $! 2>/dev/null
        wait
        [ "$word" = keep ] || rm -rf "$2"
    "#;
    owner
        .apply(clean(Command::new("sh")))
        .args(["-c", SCRIPT, "watchdog"])
        .arg(bin)
        .arg(dir)
        .arg(port.to_string())
        .arg(mode)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("start the watchdog shell")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind a port");
    listener.local_addr().expect("a bound port has an address").port()
}

/// A directory with a name short enough for a Unix socket. Not below `$TMPDIR` when root: another user must be able to
/// reach it.
fn make_dir(owner: &Owner) -> PathBuf {
    let inherited = std::env::temp_dir();
    let base = match owner.other {
        None if inherited.as_os_str().len() < 60 => inherited,
        _ => PathBuf::from("/tmp"),
    };
    let dir = tempfile::Builder::new()
        .prefix("rsdump.")
        .tempdir_in(base)
        .expect("make a directory")
        .keep();
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).expect("restrict the directory");
    if let Some((uid, gid)) = owner.other {
        chown(&dir, Some(uid), Some(gid)).expect("give the directory to the servers' user");
    }
    dir
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("cannot read {}: {e}", path.display()))
}

fn append(path: &Path, text: String) {
    let all = read(path) + &text;
    fs::write(path, all).unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()));
}

/// Who servers run as.
struct Owner {
    /// User and group, when that is not the caller.
    other: Option<(u32, u32)>,
}

impl Owner {
    fn of_servers() -> Owner {
        use std::os::unix::fs::MetadataExt;
        let uid = fs::metadata("/proc/self").expect("/proc is mounted").uid();
        if uid != 0 {
            return Owner { other: None };
        }
        let passwd = read(Path::new("/etc/passwd"));
        let entry = ["postgres", "nobody"].iter().find_map(|name| {
            let line = passwd.lines().find(|l| l.split(':').next() == Some(name))?;
            let mut numbers = line.split(':').skip(2).map(str::parse::<u32>);
            Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
        });
        Owner {
            other: Some(entry.expect("a user postgres or nobody to run servers as")),
        }
    }

    fn apply(&self, mut command: Command) -> Command {
        if let Some((uid, gid)) = self.other {
            command.uid(uid).gid(gid);
        }
        command.current_dir("/");
        command
    }
}
