//! Password files (`~/.pgpass`): `host:port:database:user:password` lines, the first that fits counts.
//!
//! A file that others may read is not used, and that is said.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use bstr::{BString, ByteSlice};

/// What a password is looked up for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) host: &'a [u8],
    pub(super) port: &'a [u8],
    pub(super) database: &'a [u8],
    pub(super) user: &'a [u8],
}

/// The password for a connection; a file that is not there has none.
///
/// The warning is what libpq prints about a file that it does not use.
pub(super) fn look_up(file: &Path, wanted: Wanted<'_>) -> Result<Option<BString>, String> {
    let Ok(metadata) = std::fs::metadata(file) else {
        return Ok(None);
    };
    if !metadata.is_file() {
        return Err(format!(
            "WARNING: password file \"{}\" is not a plain file",
            file.display()
        ));
    }
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(format!(
            "WARNING: password file \"{}\" has group or world access; permissions should be u=rw (0600) or less",
            file.display()
        ));
    }
    Ok(std::fs::read(file).ok().and_then(|text| find(&text, wanted)))
}

fn find(text: &[u8], wanted: Wanted<'_>) -> Option<BString> {
    text.lines()
        .filter(|line| line.first() != Some(&b'#'))
        .find_map(|line| {
            let rest = matched(line, wanted.host)?;
            let rest = matched(rest, wanted.port)?;
            let rest = matched(rest, wanted.database)?;
            let rest = matched(rest, wanted.user)?;
            Some(field(rest).0).filter(|password| !password.is_empty())
        })
}

/// What follows the first field of `line`, if that is `*` or `value`.
fn matched<'a>(line: &'a [u8], value: &[u8]) -> Option<&'a [u8]> {
    if let Some(rest) = line.strip_prefix(b"*:") {
        return Some(rest);
    }
    let (text, rest) = field(line);
    rest.filter(|_| text == value)
}

/// The first field with its escapes resolved, and what follows its colon.
fn field(line: &[u8]) -> (BString, Option<&[u8]>) {
    let mut text = Vec::new();
    let mut bytes = line.iter().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b':' => return (text.into(), line.get(at + 1..)),
            b'\\' if bytes.peek().is_some() => text.extend(bytes.next().map(|(_, escaped)| *escaped)),
            other => text.push(*other),
        }
    }
    (text.into(), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted<'a>(host: &'a str, database: &'a str, user: &'a str) -> Wanted<'a> {
        Wanted {
            host: host.as_bytes(),
            port: b"5432",
            database: database.as_bytes(),
            user: user.as_bytes(),
        }
    }

    #[test]
    fn the_first_line_that_fits_counts() {
        let file = b"# h:5432:d:u:no\nh:5433:d:u:no\nh:5432:*:u:yes\n*:*:*:*:later\r\n";
        assert_eq!(find(file, wanted("h", "d", "u")), Some("yes".into()));
        assert_eq!(find(file, wanted("h", "d", "other")), Some("later".into()));
        assert_eq!(find(b"h:5432:d:u\nnonsense", wanted("h", "d", "u")), None);
    }

    #[test]
    fn colons_and_backslashes_are_escaped() {
        let file = br"\:\:1:5432:a\\b:u:p\:w\\d:rest";
        assert_eq!(find(file, wanted("::1", r"a\b", "u")), Some(r"p:w\d".into()));
    }

    #[test]
    fn a_file_others_may_read_is_not_used() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pass");
        assert_eq!(look_up(&file, wanted("h", "d", "u")), Ok(None));
        std::fs::write(&file, "*:*:*:*:secret").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        let warning = look_up(&file, wanted("h", "d", "u")).unwrap_err();
        assert!(warning.ends_with("has group or world access; permissions should be u=rw (0600) or less"));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(look_up(&file, wanted("h", "d", "u")), Ok(Some("secret".into())));
        let warning = look_up(directory.path(), wanted("h", "d", "u")).unwrap_err();
        assert!(warning.ends_with("is not a plain file"));
    }
}
