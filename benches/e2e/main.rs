//! Whole runs beside PostgreSQL's own tools: the same work by both, alternately, on a throwaway server.
//!
//! ```text
//! cargo bench --bench e2e -- [--scale NUM] [--runs NUM] [--only WORD] [--long] [--server MAJOR] [--json]
//! ```
//!
//! At scale 1 the databases are those that the project's targets speak of (about 500 MB a table), at 0.1 a run takes
//! minutes rather than an hour; `--long` measures databases that are ten times larger as well. Printed are medians, and ours divided by theirs. `scripts/servers` must have been run.

mod cases;
mod measure;
mod report;
#[allow(dead_code, unused_imports, reason = "a toolbox: not all of it is needed here")]
#[path = "../../tests/support/mod.rs"]
mod support;

use cases::{Case, Data};
use measure::{Measured, Shell, is_installed};
use report::Row;
use support::{Server, Setup};

/// What can be said on the command line.
struct Options {
    scale: f64,
    runs: usize,
    only: String,
    major: u32,
    json: bool,
    long: bool,
}

fn main() {
    let options = Options::of_argv();
    let setup = Setup {
        conf: "shared_buffers = '256MB'\nmax_wal_size = '8GB'\nwal_level = minimal\nmax_wal_senders = 0\n",
        ..Setup::default()
    };
    let server = Server::start(options.major, setup);
    let shell = Shell::new(&server);
    let chosen = |case: &&Case| {
        case.name.contains(&options.only)
            && (options.long || case.data != Data::Long)
            && case.peer.is_none_or(is_installed)
    };
    let cases: Vec<&Case> = cases::ALL.iter().filter(chosen).collect();
    for data in Data::ALL {
        if cases.iter().any(|case| case.data == data) {
            eprintln!("making the database {}", data.name());
            data.make(&server, options.scale);
        }
    }
    let rows: Vec<Row> = cases
        .iter()
        .map(|case| compare(&shell, case, options.runs))
        .collect();
    match options.json {
        true => report::json(&rows, options.scale),
        false => report::table(&rows, options.scale),
    }
}

/// Runs both sides of a case in turn.
fn compare(shell: &Shell, case: &Case, runs: usize) -> Row {
    let prepare = |side: &str| {
        if let Some(script) = case.prepare {
            eprintln!("{}: preparing {side}", case.name);
            shell.run(script, case.data.name());
        }
    };
    let (mut ours, mut theirs, mut floor) = (Vec::new(), Vec::new(), Vec::new());
    prepare("both");
    for run in 1..=runs {
        eprintln!("{}: run {run} of {runs}", case.name);
        ours.push(shell.measure(case.ours, case.data.name(), case.before));
        theirs.push(shell.measure(case.theirs, case.data.name(), case.before));
        if let Some(script) = case.floor {
            floor.push(shell.measure(script, case.data.name(), None));
        }
    }
    Row {
        name: case.name,
        at_most: case.at_most,
        cpu_at_most: case.cpu_at_most,
        memory_at_most: case.memory_at_most,
        ours: Measured::median(&ours),
        theirs: Measured::median(&theirs),
        floor: case.floor.map(|_| Measured::median(&floor).wall),
    }
}

impl Options {
    fn of_argv() -> Options {
        let mut options = Options {
            scale: 1.0,
            runs: 5,
            only: String::new(),
            major: 18,
            json: false,
            long: false,
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || words.next().unwrap_or_else(|| panic!("{word} needs a value"));
            match word.as_str() {
                "--scale" => options.scale = value().parse().expect("a number"),
                "--runs" => options.runs = value().parse().expect("a number"),
                "--server" => options.major = value().parse().expect("a major version"),
                "--only" => options.only = value(),
                "--json" => options.json = true,
                "--long" => options.long = true,
                // Cargo's own.
                "--bench" => {}
                other => panic!("unknown option {other}"),
            }
        }
        options
    }
}
