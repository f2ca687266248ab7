//! Connection service files: INI sections of settings, chosen by `service` or PGSERVICE.

use std::path::Path;

use bstr::{BStr, ByteSlice};

use super::conninfo::{Conninfo, usage};
use super::environment::{Environment, path};
use crate::error::{Error, Result};

/// Longest line libpq reads.
const MAX_LINE: usize = 1023;

/// Fills in what the service defines and the user did not give.
pub(super) fn apply(info: &mut Conninfo, environment: &Environment) -> Result<()> {
    let Some(service) = info
        .value("service")
        .or(environment.variable("PGSERVICE"))
        .map(ToOwned::to_owned)
    else {
        return Ok(());
    };
    let service = service.as_bstr();
    if let Some(file) = environment.variable("PGSERVICEFILE") {
        if apply_file(&path(file), true, service, info)? {
            return Ok(());
        }
    } else if let Some(file) = environment.in_home(".pg_service.conf")
        && apply_file(&file, false, service, info)?
    {
        return Ok(());
    }
    if apply_file(&environment.system_service_file(), false, service, info)? {
        return Ok(());
    }
    Err(usage(format!("definition of service \"{service}\" not found")))
}

/// Reads one file; true if it defines the service.
fn apply_file(file: &Path, must_exist: bool, service: &BStr, info: &mut Conninfo) -> Result<bool> {
    match std::fs::read(file) {
        Ok(text) => apply_text(&text, &file.display().to_string(), service, info),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if must_exist {
                return Err(usage(format!("service file \"{}\" not found", file.display())));
            }
            Ok(false)
        }
        Err(error) => Err(Error::io(
            format!("could not read service file \"{}\"", file.display()),
            error,
        )),
    }
}

fn apply_text(text: &[u8], file: &str, service: &BStr, info: &mut Conninfo) -> Result<bool> {
    let mut inside = false;
    for (number, line) in text.lines().enumerate().map(|(i, line)| (i + 1, line)) {
        if line.len() >= MAX_LINE {
            return Err(usage(format!(
                "line {number} too long in service file \"{file}\""
            )));
        }
        let line = line.trim_ascii();
        if line.is_empty() || line.first() == Some(&b'#') {
            continue;
        }
        if let Some(section) = line.strip_prefix(b"[") {
            if inside {
                return Ok(true);
            }
            inside = section
                .strip_prefix(service.as_bytes())
                .is_some_and(|rest| rest.first() == Some(&b']'));
            continue;
        }
        if !inside {
            continue;
        }
        let syntax = || usage(format!("syntax error in service file \"{file}\", line {number}"));
        let (keyword, value) = line.split_once_str("=").ok_or_else(syntax)?;
        if keyword == b"service" {
            return Err(usage(format!(
                "nested service specifications not supported in service file \"{file}\", line {number}"
            )));
        }
        if !info.set_default(keyword, value) {
            return Err(syntax());
        }
    }
    Ok(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] =
        b"# comment\n[one]\nhost=h1\r\nport=1\n\n [two] \nhost=h2\nuser=in file\n[three]\nnonsense\n\
        [four]\nzzz=1\n[five]\nservice=one\n";

    fn read(service: &str, given: &str) -> Result<(bool, Vec<String>)> {
        let mut info = Conninfo::parse(given.as_bytes())?;
        let found = apply_text(FILE, "f", service.into(), &mut info)?;
        Ok((found, info.iter().map(|(k, v)| format!("{k}={v}")).collect()))
    }

    #[test]
    fn a_section_fills_in_what_was_not_given() {
        assert_eq!(
            read("one", "").unwrap(),
            (true, vec!["host=h1".into(), "port=1".into()])
        );
        assert_eq!(
            read("two", "user=u").unwrap(),
            (true, vec!["host=h2".into(), "user=u".into()])
        );
        assert_eq!(read("tw", "").unwrap(), (false, vec![]));
    }

    #[test]
    fn mistakes_name_file_and_line() {
        let text = |service| read(service, "").unwrap_err().to_string();
        assert_eq!(text("three"), "syntax error in service file \"f\", line 10");
        assert_eq!(text("four"), "syntax error in service file \"f\", line 12");
        assert_eq!(
            text("five"),
            "nested service specifications not supported in service file \"f\", line 14"
        );
    }

    #[test]
    fn a_service_nobody_defines_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(".pg_service.conf");
        std::fs::write(&file, FILE).unwrap();
        let environment =
            Environment::of("u", [("PGSYSCONFDIR", "/nonexistent")]).with_home(directory.path());
        let mut info = Conninfo::parse(b"service=one").unwrap();
        apply(&mut info, &environment).unwrap();
        assert_eq!(info.value("host").unwrap(), "h1");
        let mut info = Conninfo::parse(b"service=nosuch").unwrap();
        let error = apply(&mut info, &environment).unwrap_err();
        assert_eq!(error.to_string(), "definition of service \"nosuch\" not found");
        let gone = Environment::of("u", [("PGSERVICEFILE", "/nonexistent"), ("PGSERVICE", "one")]);
        let error = apply(&mut Conninfo::new(), &gone).unwrap_err();
        assert_eq!(error.to_string(), "service file \"/nonexistent\" not found");
    }
}
