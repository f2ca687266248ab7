//! Running a command line and measuring it: wall time, processor time of all its processes, peak memory, output.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::programs::{bin_dir, clean};
use crate::support::proxy::Proxy;
use crate::support::{Server, rsdump, rsrestore};

/// How late a server that is far away hears and is heard.
const DELAY: Duration = Duration::from_millis(10);

/// What a run took, or the median of several runs, each number for itself.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Measured {
    /// Seconds.
    pub(crate) wall: f64,
    /// Seconds of user and system time, the server's not counted.
    pub(crate) cpu: f64,
    /// Bytes: what each process had at its peak, all added up.
    pub(crate) memory: u64,
    /// Bytes written to `$out`.
    pub(crate) output: u64,
    /// Round trips to the server that is far away.
    pub(crate) round_trips: u64,
}

/// A shell that knows the programs and the server.
pub(crate) struct Shell {
    port: u16,
    far: Proxy,
    programs: Vec<(&'static str, String)>,
    dir: tempfile::TempDir,
}

impl Measured {
    pub(crate) fn median(runs: &[Measured]) -> Measured {
        fn middle<T: Copy>(
            runs: &[Measured],
            of: fn(&Measured) -> T,
            order: fn(&T, &T) -> std::cmp::Ordering,
        ) -> T {
            let mut values: Vec<T> = runs.iter().map(of).collect();
            values.sort_by(order);
            values[values.len() / 2]
        }
        Measured {
            wall: middle(runs, |run| run.wall, f64::total_cmp),
            cpu: middle(runs, |run| run.cpu, f64::total_cmp),
            memory: middle(runs, |run| run.memory, u64::cmp),
            output: middle(runs, |run| run.output, u64::cmp),
            round_trips: middle(runs, |run| run.round_trips, u64::cmp),
        }
    }
}

impl Shell {
    pub(crate) fn new(server: &Server) -> Shell {
        let text = |path: &Path| path.display().to_string();
        let ours = |command: Command| text(Path::new(command.get_program()));
        let tool = |name: &str| text(&bin_dir(18).join(name));
        Shell {
            port: server.port,
            far: Proxy::start(server.port, DELAY, |_| None),
            programs: vec![
                ("rsdump", ours(rsdump())),
                ("rsrestore", ours(rsrestore())),
                ("pg_dump", tool("pg_dump")),
                ("pg_restore", tool("pg_restore")),
                ("bin", text(&bin_dir(18))),
                ("psql", format!("{} -X -q", tool("psql"))),
            ],
            dir: tempfile::tempdir().expect("make a directory"),
        }
    }

    /// Runs a script that must succeed.
    pub(crate) fn run(&self, script: &str, db: &str) {
        let output = self.command(script, db).output().expect("run a shell");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{script}: {told}");
    }

    /// Runs and measures a script, after another one that is not measured.
    pub(crate) fn measure(&self, script: &str, db: &str, before: Option<&str>) -> Measured {
        if let Some(before) = before {
            self.run(before, db);
        }
        let before = self.far.round_trips();
        let timed = format!("TIMEFORMAT='%R %U %S'; time {{ {script}; }} 2>$errors");
        let child = self.command(&timed, db).spawn().expect("run a shell");
        let shell = child.id();
        let watching = std::thread::spawn(move || peak(shell));
        let output = child.wait_with_output().expect("wait for the shell");
        let told = fs::read_to_string(self.path("errors")).unwrap_or_default();
        assert!(output.status.success(), "{script}: {told}");
        let times = String::from_utf8_lossy(&output.stderr).into_owned();
        let times: Vec<f64> = times
            .split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect();
        let [wall, user, system] = times[..] else {
            panic!("{script}: the shell told no times");
        };
        let out = self.path("out");
        let measured = Measured {
            wall,
            cpu: user + system,
            memory: watching.join().expect("watch the processes"),
            output: size(&out),
            round_trips: (self.far.round_trips() - before) as u64,
        };
        let _ = fs::remove_dir_all(&out);
        let _ = fs::remove_file(&out);
        measured
    }

    fn command(&self, script: &str, db: &str) -> Command {
        let mut command = clean(Command::new("bash"));
        command.args(["-o", "pipefail", "-c", script]);
        command.envs(self.programs.iter().map(|(name, path)| (*name, path)));
        command.envs([("PGHOST", "127.0.0.1"), ("PGUSER", "postgres"), ("db", db)]);
        command.env("PGPORT", self.port.to_string());
        command.env("far", self.far.port.to_string());
        command
            .env("out", self.path("out"))
            .env("errors", self.path("errors"));
        command.env("kept", self.dir.path());
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

/// Whether a program is somewhere on the path.
pub(crate) fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

/// Bytes of a file or of all files in a directory.
fn size(path: &Path) -> u64 {
    match fs::read_dir(path) {
        Ok(files) => files.flatten().map(|file| size(&file.path())).sum(),
        Err(_) => fs::metadata(path).map_or(0, |metadata| metadata.len()),
    }
}

/// Looks at the processes below a shell until it ends, and adds up the most that each has had.
fn peak(shell: u32) -> u64 {
    let mut peaks = std::collections::HashMap::new();
    let begun = Instant::now();
    while Path::new(&format!("/proc/{shell}/status")).exists() {
        let children = descendants(shell);
        if children.is_empty() && begun.elapsed() > Duration::from_secs(1) && is_over(shell) {
            break;
        }
        for process in children {
            if let Some(bytes) = high_water(process) {
                let most: &mut u64 = peaks.entry(process).or_default();
                *most = bytes.max(*most);
            }
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    peaks.values().sum()
}

/// A process that ended and was not waited for yet.
fn is_over(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    status
        .rsplit(") ")
        .next()
        .is_none_or(|state| state.starts_with('Z'))
}

fn descendants(process: u32) -> Vec<u32> {
    let path = format!("/proc/{process}/task/{process}/children");
    let children = fs::read_to_string(path).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|word| word.parse().ok());
    children
        .flat_map(|child| std::iter::once(child).chain(descendants(child)))
        .collect()
}

fn high_water(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes << 10)
}
