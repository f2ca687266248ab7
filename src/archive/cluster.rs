//! The list of what a directory with the archives of a whole cluster holds: `cluster.dat`.
//!
//! Text, a line for each file: what it is, its format, its name, and for a database the database's name. Written last,
//! and under a checksum: a directory without it is not complete. What the files hold is their own formats' business.
//! The form is in docs/FORMAT.md.

use bstr::{BString, ByteSlice};

use super::Format;
use super::directory::safe_name;
use crate::error::{Error, ErrorKind, Result};

/// The file that the list is in.
pub const CLUSTER_FILE: &str = "cluster.dat";
/// The file of what belongs to no database.
pub const GLOBALS_FILE: &str = "globals.sql";

const HEADING: &str = "rsdump cluster 1";

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterList {
    /// Bytes of the script in [`GLOBALS_FILE`].
    pub globals_len: u64,
    /// Their CRC-32C.
    pub globals_crc32c: u32,
    /// The databases in the order in which they are to be restored.
    pub databases: Vec<ClusterDatabase>,
}

/// A database and where its archive is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterDatabase {
    /// Its name in the cluster.
    pub name: BString,
    /// The format of the archive; never plain.
    pub format: Format,
    /// The archive's file or directory, beside the list.
    pub file: String,
}

impl ClusterList {
    /// The list as it is written.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = format!(
            "{HEADING}\nglobals\tp\t{GLOBALS_FILE}\t{}\t{:08x}\n",
            self.globals_len, self.globals_crc32c
        )
        .into_bytes();
        for database in &self.databases {
            let letter = letter(database.format);
            out.extend_from_slice(format!("database\t{letter}\t{}\t", database.file).as_bytes());
            escape(&database.name, &mut out);
            out.push(b'\n');
        }
        out.extend_from_slice(format!("end\t{:08x}\n", crc32c::crc32c(&out)).as_bytes());
        out
    }

    /// Reads a list.
    ///
    /// # Errors
    /// `ErrorKind::Archive` if it is damaged, of a version not known, or leads out of its directory.
    pub fn parse(bytes: &[u8]) -> Result<ClusterList> {
        let (body, end) = match bytes.rfind(b"end\t") {
            Some(at) => bytes.split_at(at),
            None => return Err(damaged("it has no end")),
        };
        let mut lines = body.lines();
        if lines.next() != Some(HEADING.as_bytes()) {
            return Err(damaged("it does not begin as one that this version can read"));
        }
        let sum = format!("end\t{:08x}\n", crc32c::crc32c(body));
        if end != sum.as_bytes() {
            return Err(damaged("it does not match its checksum"));
        }
        let mut globals = None;
        let mut databases = Vec::new();
        for line in lines {
            let fields: Vec<&[u8]> = line.split_str("\t").collect();
            match fields.as_slice() {
                [b"globals", b"p", _, len, crc] if globals.is_none() => {
                    let len = len.to_str().ok().and_then(|len| len.parse().ok());
                    let crc = crc.to_str().ok();
                    let crc = crc.and_then(|crc| u32::from_str_radix(crc, 16).ok());
                    globals = len.zip(crc);
                }
                [b"database", letter, file, name] => {
                    let file = file.to_str().ok().filter(|file| safe_name(file));
                    match (format(letter), file, unescape(name)) {
                        (Some(format), Some(file), Some(name)) => databases.push(ClusterDatabase {
                            name,
                            format,
                            file: file.to_owned(),
                        }),
                        _ => return Err(damaged("a database's line cannot be understood")),
                    }
                }
                _ => return Err(damaged("a line cannot be understood")),
            }
        }
        let (globals_len, globals_crc32c) =
            globals.ok_or_else(|| damaged("the line of globals is missing"))?;
        Ok(ClusterList {
            globals_len,
            globals_crc32c,
            databases,
        })
    }
}

/// What a database's archive is called. Names that every file system takes, and that cannot be taken for each other,
/// stay as they are; others get a number. `number` counts from 1.
pub fn cluster_file_name(database: &[u8], number: usize, format: Format) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_';
    let stem = match database.to_str() {
        Ok(name) if !name.is_empty() && name.bytes().all(|byte| is_plain(&byte)) => name.to_owned(),
        _ => format!("database-{number}"),
    };
    stem + match format {
        Format::Custom => ".dump",
        Format::Tar => ".tar",
        Format::Directory | Format::Plain => "",
    }
}

fn damaged(why: &str) -> Error {
    let message = format!("the list of the cluster's databases (\"{CLUSTER_FILE}\") is damaged: {why}");
    Error::new(ErrorKind::Archive, message)
}

fn letter(format: Format) -> char {
    match format {
        Format::Custom => 'c',
        Format::Directory => 'd',
        Format::Tar => 't',
        Format::Plain => 'p',
    }
}

fn format(letter: &[u8]) -> Option<Format> {
    match letter {
        b"c" => Some(Format::Custom),
        b"d" => Some(Format::Directory),
        b"t" => Some(Format::Tar),
        _ => None,
    }
}

fn escape(name: &[u8], out: &mut Vec<u8>) {
    for byte in name {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            other => out.push(*other),
        }
    }
}

fn unescape(text: &[u8]) -> Option<BString> {
    let mut name = BString::default();
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        name.push(match byte {
            b'\\' => match bytes.next()? {
                b'\\' => b'\\',
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                _ => return None,
            },
            other => *other,
        });
    }
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> ClusterList {
        let database = |name: &[u8], number, format| ClusterDatabase {
            name: name.into(),
            format,
            file: cluster_file_name(name, number, format),
        };
        ClusterList {
            globals_len: 12,
            globals_crc32c: 0xabc,
            databases: vec![
                database(b"template1", 1, Format::Custom),
                database(b"a\tb\\n\nc\rend\t \xff", 2, Format::Tar),
                database(b"Shop", 3, Format::Directory),
            ],
        }
    }

    #[test]
    fn a_list_comes_back_as_it_was() {
        let bytes = list().to_bytes();
        assert_eq!(ClusterList::parse(&bytes).unwrap(), list());
        let text = bytes.to_str_lossy();
        assert!(
            text.starts_with("rsdump cluster 1\nglobals\tp\tglobals.sql\t12\t00000abc\ndatabase\tc\ttemplate1.dump\ttemplate1\n"),
            "{text}"
        );
    }

    #[test]
    fn names_that_could_be_mistaken_get_numbers() {
        let name = |name: &[u8]| cluster_file_name(name, 7, Format::Custom);
        assert_eq!(name(b"shop_2"), "shop_2.dump");
        for odd in [b"Shop".as_slice(), b"a/b", b"..", b"a b", b"\xe4", b"a-b"] {
            assert_eq!(name(odd), "database-7.dump");
        }
        assert_eq!(cluster_file_name(b"shop", 1, Format::Directory), "shop");
    }

    #[test]
    fn every_flipped_byte_and_every_cut_is_noticed() {
        let bytes = list().to_bytes();
        for at in 0..bytes.len() {
            assert!(ClusterList::parse(&bytes[..at]).is_err(), "cut at {at}");
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            assert!(ClusterList::parse(&flipped).is_err(), "flipped at {at}");
        }
    }

    #[test]
    fn a_list_does_not_lead_out_of_its_directory() {
        let mut list = list();
        for file in ["../x", "/etc/passwd", "..", ""] {
            list.databases[0].file = file.into();
            assert!(ClusterList::parse(&list.to_bytes()).is_err(), "{file}");
        }
    }
}
