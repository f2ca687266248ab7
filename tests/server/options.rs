//! The command lines: every option and every refused combination, `pg_dump` and `pg_restore` 18.6 as the judges, ours under
//! their names. Exit code, standard output and standard error are equal, but for the exceptions that are listed, each with its
//! reason.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::{
    Server, TempDb, assert_same, fixture, normalize, rsdump, rsrestore, run, stdout_of, tool,
};

/// A program and the one that it is compared with.
struct Tool {
    name: &'static str,
    ours: fn() -> Command,
    /// Words and what they make a difference for.
    exceptions: &'static [(&'static str, &'static str)],
}

const DUMP: Tool = Tool {
    name: "pg_dump",
    ours: rsdump,
    exceptions: &[
        (
            "-j2",
            "jobs work in every format, not in that of directories only",
        ),
        (
            "--help",
            "help and version are given wherever they are asked for, not only in the first place",
        ),
        ("-V", "the same"),
        (
            "-X",
            "pg_dump's getopt knows the letter, which nothing answers to: it is refused without a word",
        ),
        (
            "-Fa",
            "appending is pg_dumpall's private arrangement with pg_dump",
        ),
    ],
};

const RESTORE: Tool = Tool {
    name: "pg_restore",
    ours: rsrestore,
    exceptions: &[
        (
            "-Ft",
            "the format is recognised; what was said about it is not believed",
        ),
        ("-Fd", "the same"),
        (
            "--help=3",
            "help is an option like others, and given wherever it is asked for",
        ),
        ("-V", "the versions differ"),
    ],
};

impl Tool {
    /// Runs both programs with the words of a line, and says how they differ. `aim` adds what is the same for all lines.
    fn difference(&self, line: &str, aim: &dyn Fn(&mut Command)) -> Option<String> {
        let words = words(line);
        if self
            .exceptions
            .iter()
            .any(|(word, _)| words.iter().any(|w| w == word))
        {
            return None;
        }
        let told = |mut command: Command| {
            aim(command.arg0(self.name));
            told(&run(command.args(&words)))
        };
        let (theirs, ours) = (told(tool(18, self.name)), told((self.ours)()));
        (theirs != ours).then(|| {
            let place = theirs
                .lines()
                .zip(ours.lines())
                .take_while(|(a, b)| a == b)
                .count();
            let rest = |text: &str| {
                text.lines()
                    .skip(place)
                    .take(6)
                    .collect::<Vec<_>>()
                    .join("\n    ")
            };
            let name = self.name;
            format!(
                "{name} {line}\n  says\n    {}\n  and not\n    {}",
                rest(&ours),
                rest(&theirs)
            )
        })
    }

    /// Fails with all lines that make a difference.
    fn compare<'a>(&self, lines: impl IntoIterator<Item = &'a str>, aim: &dyn Fn(&mut Command)) {
        let lines = lines.into_iter();
        let found: Vec<String> = lines.filter_map(|line| self.difference(line, aim)).collect();
        assert!(found.is_empty(), "{}", found.join("\n"));
    }

    /// Compares every pair of words.
    fn compare_pairs(&self, all: &str, aim: &dyn Fn(&mut Command)) {
        let all: Vec<&str> = all.split_whitespace().collect();
        let mut pairs = Vec::new();
        for (place, one) in all.iter().enumerate() {
            pairs.extend(all[place + 1..].iter().map(|other| format!("{one} {other}")));
        }
        self.compare(pairs.iter().map(String::as_str), aim);
    }
}

/// The options that a tool's own help names and that are not among the words of command lines.
pub(super) fn missing_options<'a>(tool_name: &str, given: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let given: Vec<&str> = given.into_iter().collect();
    let help = stdout_of(tool(18, tool_name).arg("--help"));
    let help = String::from_utf8(help).expect("help is in UTF-8");
    let option = regex::Regex::new(r"(?m)^  (?:(-[A-Za-z?]), )?(--[a-z-]+)").expect("a pattern");
    let options: Vec<_> = option.captures_iter(&help).collect();
    assert!(
        options.len() > 40,
        "only {} options in the help of {tool_name}",
        options.len()
    );
    let is_given = |found: &regex::Captures<'_>| {
        let (short, long) = (found.get(1), &found[2]);
        given.iter().any(|word| match (word.strip_prefix("--"), short) {
            (Some(_), _) => word.split('=').next() == Some(long),
            (None, Some(short)) => word.starts_with(short.as_str()),
            (None, None) => false,
        })
    };
    let missing = options.iter().filter(|found| !is_given(found));
    missing.map(|found| found[2].to_owned()).collect()
}

/// Exit code, errors and output as one text.
fn told(output: &Output) -> String {
    let code = output.status.code();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let stdout = normalize(&output.stdout);
    format!("{code:?}\n{stderr}\n{}", String::from_utf8_lossy(&stdout))
}

/// The words of a line: what stands in single quotes stays together, without them.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (place, part) in line.split('\'').enumerate() {
        match place % 2 {
            1 => words.push(part.to_owned()),
            _ => words.extend(part.split_whitespace().map(str::to_owned)),
        }
    }
    words
}

/// Aims at a server that is not there.
fn nowhere(command: &mut Command) {
    command.args(["-h", "/nonexistent"]);
}

/// Abbreviations of long options, and what getopt has to say.
const SPELLINGS: &str = "--a --b --c --d --e --ex --exclude-t --f --h --i --in --j --l --n --no --no-a --no-b --no-p --o --p \
    --q --r --s --se --st --t --u --v --verb --w --ver=3 --bogus --bogus=3 --no-owner=3 --help=3 -q -f -t -Oq -Of";

#[test]
fn options_are_spelled_as_in_getopt() {
    DUMP.compare(SPELLINGS.split_whitespace().map(|word| word.trim()), &|command| {
        nowhere(command.args(["-d", "x"]));
    });
    RESTORE.compare(SPELLINGS.split_whitespace(), &|_| ());
}

/// Options of which many exclude each other.
const DUMP_PAIRS: &str = "-a -s --statistics-only --no-data --no-schema --no-statistics --statistics -c --if-exists -C -Ft -Fc \
    -Fd -Fx -j2 -j0 --include-foreign-data=x --on-conflict-do-nothing --inserts --rows-per-insert=x --column-inserts \
    --restrict-key=a --restrict-key=a.b -Z5 -Zfoo --sync-method=x --section=x --binary-upgrade --bogus";

const RESTORE_PAIRS: &str = "-a -s --statistics-only --no-data --no-schema --no-statistics --statistics -c --if-exists -C -Fc \
    -Fp -Fx -j2 -1 --transaction-size=5 --transaction-size=0 --restrict-key=a --restrict-key=a.b --section=x -l -dx \
    -f/dev/null --bogus x";

#[test]
fn what_excludes_each_other_is_refused_in_the_same_words() {
    DUMP.compare_pairs(DUMP_PAIRS, &|command| nowhere(command.args(["-d", "x"])));
    let archive = fixture("archives/pg_dump_18.none.dump");
    RESTORE.compare_pairs(RESTORE_PAIRS, &|command| nowhere(command.arg(&archive)));
}

/// Values, right and wrong.
const DUMP_VALUES: &[&str] = &[
    "-j '1x'",
    "-j ' 1 '",
    "-j ''",
    "-j 99999999999",
    "-j 99999999999999999999",
    "--rows-per-insert=0",
    "--rows-per-insert=2147483648",
    "--extra-float-digits=-16",
    "--extra-float-digits=x",
    "--section=",
    "--sync-method=''",
    "-F ''",
    "-F plainx",
    "-F C",
    "-F custom",
    "-F appendable",
    "-Z ''",
    "-Z 1",
    "-Z 10",
    "-Z -1",
    "-Z none:3",
    "-Z gzip:-1",
    "-Z gzip:level=x",
    "-Z gzip:level=3,level=",
    "-Z gzip:long",
    "-Z gzip:1:2",
    "-Z foo:3",
    "-Ft -Z gzip",
    "-Fd",
    "-s -- -x y",
    "x y -s",
    "-d x y",
    "--verb -j x --sec=foo",
    "--filter=/nonexistent",
    "--filter=/",
    "--filter=''",
    "-R",
    "--no-reconnect --no-acl --blobs --no-blobs",
    "-w -W",
    "-a --help",
    "-a -V",
    "-Fa",
    "--no-synchronized-snapshots",
    "--ignore-version",
    "-i",
    "-X disable-triggers",
    "--oids",
    "-o",
    "--binary-upgrade",
];

const RESTORE_VALUES: &[&str] = &[
    "-j '1x' -f -",
    "-F foo -f -",
    "-F p -f -",
    "--transaction-size=x -f -",
    "",
    "-f - x y",
    "-d x -f -",
    "--help=3",
    "-f - /nonexistent",
    "-l /nonexistent/x",
    "-l /dev/null",
    "-f - --filter=/nonexistent",
    "-d x -1 -j 3",
    "-vv",
    "-h x -p 1 -U y -W -w -f - /nonexistent",
    "-V x",
];

#[test]
fn values_are_checked_in_the_same_order_and_words() {
    DUMP.compare(DUMP_VALUES.iter().copied(), &nowhere);
    RESTORE.compare(RESTORE_VALUES.iter().copied(), &nowhere);
}

/// The options that no command line here has, each with the reason.
const NOT_COMPARED: [(&str, &str); 1] = [("--snapshot", "a test of dumps has snapshots to name")];

/// Whoever adds an option to the tools, or finds one, must say here what it does.
#[test]
fn every_option_of_the_tools_is_compared() {
    // Of where to connect both are told with every line.
    let connection = ["-h", "-p", "-U", "-d"];
    let excepted = NOT_COMPARED.map(|(option, _)| option);
    let of = |lines: &[&str], pairs: &str| -> Vec<String> {
        let all = lines.iter().flat_map(|line| words(line));
        let all = all.chain(words(pairs)).chain(connection.map(str::to_owned));
        all.collect()
    };
    let dump = of(&[DUMP_CONTENT, DUMP_VALUES, &excepted].concat(), DUMP_PAIRS);
    let restore = of(
        &[RESTORE_CONTENT, RESTORE_VALUES, &["--filter=x"]].concat(),
        RESTORE_PAIRS,
    );
    for (name, given) in [("pg_dump", dump), ("pg_restore", restore)] {
        let missing = missing_options(name, given.iter().map(String::as_str));
        assert!(missing.is_empty(), "{name}: {missing:?}");
    }
}

/// Filter files.
const FILTERS: &[&str] = &[
    "include table hen\n",
    "# x\n\n  INCLUDE Table  \"hen\"  # y\nexclude table_data hen\n",
    "include",
    "foo table x\n",
    "include tables x\n",
    "include table \n",
    "\n\n12\n",
    "include table \"a\nb\n",
    "include trigger hen noticed\n",
    "include trigger noticed\n",
    "exclude foreign_data x\n",
    "include foreign_data files\n",
    "include foreign_data nope\n",
    "include table_data x\n",
    "include table_data_and_children x\n",
    "include database x\n",
    "exclude database x\n",
    "exclude trigger x\n",
    "exclude function x\n",
    "include schema public\nexclude table_and_children part\nexclude extension *\n",
    "include schema other\nexclude schema public",
    "exclude schema public",
    "include table a b\"c\" d . e\n",
    "include table ,a, b\n",
    "include table \"we\"\"ird\nname\"\n",
    "include table \"we\"\"ird\\nname\" # c\n",
    "include table \"a\\qb\\\\c\"\n",
    "include function quoted( text )\n",
    "include index egg_hen\ninclude table egg\n",
    "include table_and_children part\nexclude table_data_and_children part\n",
    "include extension file_fdw\n",
    "include\ttable\thashed\r\nexclude\ttable_data\thashed\r\n",
    "include foo-bar x\n",
    "include table#x y\n",
];

/// What makes a difference to the output.
const DUMP_CONTENT: &[&str] = &[
    "",
    "--inserts",
    "--column-inserts --rows-per-insert=3",
    "--attribute-inserts -a",
    "--rows-per-insert=2 --on-conflict-do-nothing -a",
    "-a --inserts --load-via-partition-root --quote-all-identifiers",
    "-a --load-via-partition-root",
    "--disable-dollar-quoting -s",
    "-a --extra-float-digits=0 -t form",
    "-a --disable-triggers -S 'some one'",
    "--include-foreign-data=files -t far",
    "--include-foreign-data=* --inserts -t far",
    "--include-foreign-data=nope",
    "--include-foreign-data=a.b",
    "--no-unlogged-table-data -t unlogged",
    "--no-comments --no-policies --no-publications --no-security-labels --no-subscriptions -s",
    "--no-tablespaces --no-table-access-method --no-toast-compression -s",
    "--sequence-data -s",
    "--no-schema",
    "--no-data --clean --if-exists --create",
    "--statistics -t hen",
    "--statistics-only",
    "--section=pre-data",
    "--section=data --section=post-data",
    "-b -s",
    "-b -B -n other",
    "-B",
    "-O -x -s",
    "--no-acl --no-owner -R -s",
    "--binary-upgrade -s",
    "--binary-upgrade -t hen -c --no-blobs",
    "--use-set-session-authorization -s",
    "--enable-row-security -t egg",
    "-t 'par*' -T part_2",
    "--table-and-children=part --exclude-table-data-and-children=part_1",
    "--exclude-table-and-children=part -s",
    "--exclude-table-data=hen -t hen",
    "-n other",
    "-N public",
    "-e file_fdw",
    "-e nope",
    "--exclude-extension=* -s",
    "-t nope",
    "-t a.b.c.d",
    "-n a.b.c",
    "-T nope -s",
    "--strict-names -T nope -s",
    "--strict-names -t hen -t nope",
    "--strict-names -n nope -t nope",
    "-E LATIN1 -t form",
    "-E nope",
    "--lock-wait-timeout=1000 -t hen",
    "--serializable-deferrable -t hen",
    "--role=postgres -t hen",
    "--restrict-key=abc -t hen",
    "--no-sync --sync-method=fsync -t hen",
    "-f /nonexistent/x",
    "-f ''",
    "-Fd -f /nonexistent/x/y",
    "-v --no-sync -f /dev/null",
    "-v -a --no-sync -f /dev/null",
    "-v --statistics-only --no-sync -f /dev/null",
    "-v -C -s --no-sync -f /dev/null",
    "-v --inserts --no-sync -f /dev/null",
    "-vv -s --no-sync -f /dev/null",
];

const RESTORE_CONTENT: &[&str] = &[
    "-l",
    "-l -v",
    "-l -t hen",
    "-v",
    "-t hen",
    "-t hen -t egg -I egg_hen",
    "-T noticed",
    "-P 'quoted()' -P 'work()'",
    "-P 'quoted( text )'",
    "-n other",
    "-n public -N public",
    "-N other -s",
    "--strict-names -t nope",
    "--strict-names -I nope",
    "--strict-names -P 'nope()'",
    "--strict-names -T nope",
    "--strict-names -n nope",
    "--strict-names -N nope -s",
    "-L /nonexistent",
    "-1",
    "--transaction-size=10",
    "-c --if-exists -C",
    "--no-comments --no-policies --no-publications --no-security-labels --no-subscriptions -s",
    "--no-tablespaces --no-table-access-method -x -O -R -s",
    "--use-set-session-authorization -s",
    "-a --disable-triggers -S 'some one'",
    "--section=data --section=post-data",
    "--no-schema --no-statistics",
    "--statistics-only",
    "--no-data --no-acl",
    "--enable-row-security --no-data-for-failed-tables -e --role=postgres -s",
    "--restrict-key=abc -t hen",
    "-s -j 2",
];

#[test]
fn what_options_leave_in_and_how_it_is_written_is_the_same() {
    for major in [15, 18] {
        let db = TempDb::loaded(Server::get(major), "databases/options.sql");
        let aim = |command: &mut Command| {
            let port = db.server.port.to_string();
            command.args(["-h", "127.0.0.1", "-U", "postgres", "-p", &port, "-d", &db.name]);
        };
        DUMP.compare(DUMP_CONTENT.iter().copied(), &aim);
        if major != 18 {
            continue;
        }
        let dir = tempfile::tempdir().expect("make a directory");
        let filters: Vec<String> = FILTERS.iter().map(|text| filter(dir.path(), text)).collect();
        let filters = || filters.iter().map(String::as_str);
        DUMP.compare(filters(), &aim);

        let archive = dir.path().join("archive");
        stdout_of(db.aim(tool(18, "pg_dump")).args(["-Fc", "-f"]).arg(&archive));
        let script = |command: &mut Command| {
            command.args(["-f", "-"]).arg(&archive);
        };
        RESTORE.compare(RESTORE_CONTENT.iter().copied(), &script);
        RESTORE.compare(filters(), &script);
    }
}

/// Where strings of another kind are the database's default, rows are written so.
#[test]
fn inserts_double_backslashes_without_standard_strings() {
    let db = TempDb::loaded(Server::get(15), "databases/options.sql");
    db.psql(&format!(
        "ALTER DATABASE {} SET standard_conforming_strings = off",
        db.name
    ));
    let args = ["--inserts", "-t", "form", "--disable-dollar-quoting"];
    let ours = normalize(&db.rsdump(&args));
    assert_same(
        "rows with doubled backslashes",
        &normalize(&db.pg_dump(18, &args)),
        &ours,
    );
    assert!(String::from_utf8_lossy(&ours).contains(r"'\\xdeadbeef'"));
}

/// Rows as INSERT commands come back as they were.
#[test]
fn inserts_restore_what_was_dumped() {
    let server = Server::get(18);
    let db = TempDb::loaded(server, "databases/options.sql");
    let dir = tempfile::tempdir().expect("make a directory");
    let archive = dir.path().join("archive");
    stdout_of(
        db.aim(rsdump())
            .args(["-Fc", "--rows-per-insert=3", "-f"])
            .arg(&archive),
    );
    let copy = TempDb::new(server);
    stdout_of(copy.aim(rsrestore()).arg(&archive));
    // What is hashed by an enum is spread differently: that goes by oids.
    let dump = |db: &TempDb<'_>| normalize(&db.pg_dump(18, &["-T", "hashed*"]));
    assert_same("the restored database", &dump(&db), &dump(&copy));
}

/// Writes a filter file; returns the option that names it.
fn filter(dir: &Path, text: &str) -> String {
    let number = std::fs::read_dir(dir).expect("read the directory").count();
    let path: PathBuf = dir.join(format!("filter_{number}"));
    std::fs::write(&path, text).expect("write a filter");
    format!("--strict-names --filter={}", path.display())
}
