//! A pseudo-terminal around a program: what a person would see, and typing.
//!
//! `script` of util-linux, which every Debian has, makes the terminal; the program finds it as its standard input, output
//! and error and as `/dev/tty`.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::programs::clean;

/// A program in a terminal of 100 columns.
pub(crate) struct Terminal {
    child: Child,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    /// Starts a program, with its arguments and the variables that were set for it.
    pub(crate) fn start(program: &Command) -> Terminal {
        let words = std::iter::once(program.get_program()).chain(program.get_args());
        let line: Vec<String> = words.map(quoted).collect();
        let line = format!("stty cols 100 rows 30; exec {}", line.join(" "));
        let mut command = clean(Command::new("script"));
        command.args(["-q", "-e", "-f", "-c", &line, "/dev/null"]);
        command.env("TERM", "xterm");
        for (name, value) in program.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script of util-linux makes the terminal");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (to, mut from) = (Arc::clone(&seen), child.stdout.take().expect("a pipe"));
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = from.read(&mut buffer) {
                to.lock().expect("no reader panics").extend(&buffer[..count]);
            }
        });
        Terminal { child, seen }
    }

    /// What was shown so far.
    pub(crate) fn seen(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().expect("no reader panics")).into_owned()
    }

    /// Waits until a text was shown.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) {
        let end = Instant::now() + Duration::from_secs(60);
        while !self.seen().contains(text) {
            assert!(Instant::now() < end, "no \"{text}\" in\n{}", self.seen());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Types a line.
    pub(crate) fn type_line(&mut self, line: &str) {
        let keyboard = self.child.stdin.as_mut().expect("a pipe");
        keyboard
            .write_all(format!("{line}\r").as_bytes())
            .and_then(|()| keyboard.flush())
            .expect("type");
    }

    /// Waits for the end; returns whether the program succeeded, and all that was shown.
    pub(crate) fn finish(mut self) -> (bool, String) {
        let status = self.child.wait().expect("wait for the program");
        // The reader is done when the pipe is closed, which the end of `script` has done; give it the time.
        let end = Instant::now() + Duration::from_secs(5);
        while Arc::strong_count(&self.seen) > 1 && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
        (status.success(), self.seen())
    }
}

/// A word for the shell.
fn quoted(word: &OsStr) -> String {
    format!("'{}'", word.to_string_lossy().replace('\'', "'\\''"))
}
