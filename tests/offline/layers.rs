//! The import rule: which module may use which.
//!
//! `cli → {dump, restore, dumpall} → {objects, order, archive, script} → {toc, connect, wire, sql,
//! compress} → error`. Within a layer modules may use each other, except that nothing behind the table of
//! contents may know the catalogs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// From the top of the crate to its ground.
const LAYERS: &[&[&str]] = &[
    &["cli"],
    &["dump", "restore", "dumpall"],
    &["objects", "order", "archive", "script"],
    &["toc", "connect", "wire", "sql", "compress", "progress"],
    &["error"],
];

/// Uses that the layers would allow but the waist does not.
const FORBIDDEN: &[(&str, &str)] = &[
    ("restore", "objects"),
    ("restore", "order"),
    ("restore", "dump"),
    ("dump", "restore"),
    ("script", "objects"),
    ("script", "order"),
    ("archive", "objects"),
    ("archive", "order"),
    ("objects", "archive"),
    ("objects", "script"),
    ("toc", "connect"),
    ("sql", "connect"),
];

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|names| names.contains(&module))
}

fn rust_files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a source folder") {
        let path = entry.expect("a folder's entry").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The top modules that a file's code (comments aside) names through `crate::`.
fn used_modules(text: &str) -> BTreeSet<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| format!("{line}\n"))
        .collect();
    let mut used = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let group = &group[..group.find("};").unwrap_or(group.len())];
            used.extend(group.split([',', '{', '}']).filter_map(first_segment));
        } else {
            used.extend(first_segment(rest));
        }
    }
    used
}

fn first_segment(path: &str) -> Option<String> {
    let name: String = path
        .trim_start()
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
        .collect();
    layer(&name).map(|_| name)
}

#[test]
fn modules_use_only_what_lies_below_them() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&source, &mut files);
    assert!(files.len() > 20, "the sources were not found");
    let mut broken = Vec::new();
    for file in files {
        let inside = file.strip_prefix(&source).expect("a file below src");
        let Some(own) = inside.components().next().and_then(|c| c.as_os_str().to_str()) else {
            continue;
        };
        let own = own.trim_end_matches(".rs");
        let Some(own_layer) = layer(own) else { continue };
        for other in used_modules(&fs::read_to_string(&file).expect("a source file")) {
            let upward = layer(&other).is_some_and(|other_layer| other_layer < own_layer);
            if upward || FORBIDDEN.contains(&(own, other.as_str())) {
                broken.push(format!("{} uses crate::{other}", inside.display()));
            }
        }
    }
    assert!(
        broken.is_empty(),
        "the import rule is broken:\n{}",
        broken.join("\n")
    );
}

#[test]
fn the_reader_of_imports_sees_every_form() {
    let used =
        used_modules("use crate::{order::Plan, sql};\n// crate::cli\nfn f() { crate::objects::read(); }\n");
    assert_eq!(used.into_iter().collect::<Vec<_>>(), ["objects", "order", "sql"]);
}
