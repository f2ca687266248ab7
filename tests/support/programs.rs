//! Running programs: ours and PostgreSQL's, in an environment that holds nothing of the developer's.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The path of a file of ours under `fixtures/`.
pub(crate) fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path)
}

/// Where the programs of PostgreSQL `major` are, with all links resolved: a server started as another user may be
/// unable to pass through the directories above `target/`.
pub(crate) fn bin_dir(major: u32) -> PathBuf {
    let link = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("target/servers/{major}/bin"));
    link.canonicalize().unwrap_or_else(|e| {
        panic!(
            "PostgreSQL {major} is missing ({}: {e}); run scripts/servers {major} first",
            link.display()
        )
    })
}

/// A program of PostgreSQL `major`, such as `pg_dump`: the reference to compare with.
pub(crate) fn tool(major: u32, name: &str) -> Command {
    let path = bin_dir(major).join(name);
    assert!(
        path.exists(),
        "{} is missing; run scripts/servers {major} first",
        path.display()
    );
    clean(Command::new(path))
}

/// Our `rsdump`.
pub(crate) fn rsdump() -> Command {
    clean(Command::new(env!("CARGO_BIN_EXE_rsdump")))
}

/// Our `rsrestore`.
pub(crate) fn rsrestore() -> Command {
    clean(Command::new(env!("CARGO_BIN_EXE_rsrestore")))
}

/// Our `rsdumpall`.
pub(crate) fn rsdumpall() -> Command {
    clean(Command::new(env!("CARGO_BIN_EXE_rsdumpall")))
}

/// Takes away every variable that could point a program at another server, password or language.
pub(crate) fn clean(mut command: Command) -> Command {
    command.env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.envs([("LC_ALL", "C"), ("TZ", "UTC"), ("HOME", "/nonexistent")]);
    command.stdin(std::process::Stdio::null());
    command
}

/// Runs to the end, whatever the exit code.
pub(crate) fn run(command: &mut Command) -> Output {
    command
        .output()
        .unwrap_or_else(|e| panic!("cannot run {}: {e}", shown(command)))
}

/// Runs a program that must succeed, and returns what it wrote to standard output.
#[track_caller]
pub(crate) fn stdout_of(command: &mut Command) -> Vec<u8> {
    try_stdout_of(command).unwrap_or_else(|failure| panic!("{failure}"))
}

/// What a program wrote to standard output, or how it failed.
pub(crate) fn try_stdout_of(command: &mut Command) -> Result<Vec<u8>, String> {
    let output = run(command);
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(format!(
        "{}\n{}: {}",
        shown(command),
        output.status,
        String::from_utf8_lossy(&output.stderr)
    ))
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|w| w.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}
