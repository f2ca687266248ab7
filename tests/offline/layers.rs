//! The shape of the source, kept by a test: who may use whom, and how large a file may grow.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The top folders of `src/`, from those that know most to those that know least. A module may use those of its own
/// row and of the rows below.
const ROWS: [&[&str]; 6] = [
    &["cli"],
    &["copy"],
    &["dump", "restore", "dumpall"],
    &["objects", "order", "archive", "script"],
    &["toc", "connect", "wire", "sql", "compress"],
    &["error", "progress"],
];

/// Past the TOC nothing knows PostgreSQL's catalogs.
const NEVER: [(&str, &str); 3] = [("restore", "objects"), ("toc", "objects"), ("archive", "objects")];

/// Where nothing may read or write anything.
const PURE: [&str; 2] = ["order", "sql"];

/// The largest number of lines of a file, its tests not counted.
const MOST_LINES: usize = 600;

#[test]
fn imports_go_down_only() {
    let mut wrong = Vec::new();
    for source in sources() {
        for used in source.uses() {
            let (from, to) = (row(&source.module), row(&used));
            let upwards = from.zip(to).is_some_and(|(from, to)| to < from);
            if upwards || NEVER.contains(&(source.module.as_str(), used.as_str())) {
                wrong.push(format!("{}: uses crate::{used}", source.path.display()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "against the order of layers in ARCHITECTURE.md:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn every_folder_has_its_place() {
    let missing: BTreeSet<_> = sources()
        .into_iter()
        .map(|s| s.module)
        .filter(|m| row(m).is_none() && m != "bin")
        .collect();
    assert!(missing.is_empty(), "not in ROWS: {missing:?}");
}

#[test]
fn pure_modules_do_no_io() {
    const IO: [&str; 6] = [
        "std::fs",
        "std::io",
        "std::net",
        "tokio::",
        "tokio_postgres",
        "crate::wire",
    ];
    let mut wrong = Vec::new();
    for source in sources()
        .into_iter()
        .filter(|s| PURE.contains(&s.module.as_str()))
    {
        wrong.extend(
            (IO.iter().filter(|io| source.code.contains(**io)))
                .map(|io| format!("{}: {io}", source.path.display())),
        );
    }
    assert!(
        wrong.is_empty(),
        "input or output where only computing belongs:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn files_stay_small_and_say_what_they_own() {
    let mut wrong = Vec::new();
    for source in sources() {
        let lines = source.code.lines().count();
        if lines > MOST_LINES {
            wrong.push(format!(
                "{}: {lines} lines of at most {MOST_LINES}",
                source.path.display()
            ));
        }
        if !source.code.starts_with("//!") {
            wrong.push(format!(
                "{}: does not open with what it owns",
                source.path.display()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

struct Source {
    path: PathBuf,
    /// The top folder or file below `src/` that it belongs to.
    module: String,
    /// The text up to its unit tests.
    code: String,
}

impl Source {
    /// The top modules of the crate that the code names.
    fn uses(&self) -> BTreeSet<String> {
        let mut used = BTreeSet::new();
        // Comments may point anywhere.
        let code = self
            .code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        let code = code.collect::<Vec<_>>().join("\n");
        for (at, _) in code.match_indices("crate::") {
            let rest = &code[at + "crate::".len()..];
            match rest.strip_prefix('{') {
                Some(list) => used.extend(top_names(list)),
                None => used.extend(first_word(rest)),
            }
        }
        used.remove(&self.module);
        used
    }
}

/// The names at the first level of a braced import.
fn top_names(list: &str) -> Vec<String> {
    let (mut names, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                names.extend(first_word(list[start..at].trim_start()));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names
}

fn first_word(text: &str) -> Option<String> {
    let word: String = text
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    (!word.is_empty()).then_some(word)
}

fn row(module: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&module))
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("src can be read") {
            let path = entry.expect("src can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs")
                && path.file_name() != Some("lib.rs".as_ref())
            {
                found.push(read(&root, path));
            }
        }
    }
    assert!(found.len() > 10, "src/ has more files than {}", found.len());
    found
}

fn read(root: &Path, path: PathBuf) -> Source {
    let text = fs::read_to_string(&path).expect("a source file can be read");
    let below = path
        .strip_prefix(root)
        .expect("it is below src")
        .with_extension("");
    let module = below
        .iter()
        .next()
        .expect("it has a name")
        .to_string_lossy()
        .into_owned();
    // A file of tests only counts no lines at all, yet says what it is.
    let tests_only = path.file_stem().is_some_and(|stem| stem == "tests");
    let end = if tests_only {
        text.find('\n')
    } else {
        text.find("#[cfg(test)]\nmod tests")
    };
    Source {
        path: below,
        module,
        code: text[..end.unwrap_or(text.len())].to_owned(),
    }
}

#[test]
fn imports_are_found_however_written() {
    let code = "//! See crate::cli.\nuse crate::{error::{Error, Result}, toc::Entry};\nfn f() { crate::sql::quote() }".to_owned();
    let source = Source {
        path: PathBuf::new(),
        module: "wire".to_owned(),
        code,
    };
    assert_eq!(
        source.uses().into_iter().collect::<Vec<_>>(),
        ["error", "sql", "toc"]
    );
}

#[test]
fn every_file_of_tests_is_part_of_its_binary() {
    for binary in ["offline", "server"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(binary);
        let main = fs::read_to_string(folder.join("main.rs")).expect("the binary's main file");
        for entry in fs::read_dir(&folder).expect("the binary's folder") {
            let path = entry.expect("a folder's entry").path();
            let name = path
                .file_stem()
                .expect("a file's name")
                .to_string_lossy()
                .into_owned();
            let known = name == "main" || main.contains(&format!("mod {name};"));
            assert!(known, "{} is compiled into no test binary", path.display());
        }
    }
}
