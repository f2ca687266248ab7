//! The list file: what `-l` prints and `-L` reads back after people have edited it.
//!
//! Both ways exactly as pg_restore's. Which entries are selected is the caller's to say; what the order of a
//! list means for a restore is [`Listed::order`] and nothing else.

use std::collections::{HashMap, HashSet};
use std::io::Write;

use bstr::{BStr, BString, ByteSlice};

use super::{CatalogId, DumpId, Entry};
use crate::error::{Error, ErrorKind, Result};

/// What stands above the entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// When the archive was made.
    pub created_at: String,
    /// The database dumped.
    pub database: BString,
    /// The compression method's name.
    pub compression: &'static str,
    /// Minor version and revision of the layout.
    pub version: (u8, u8),
    /// The format's name in capitals.
    pub format: &'static str,
    /// Width of integers in bytes.
    pub int_size: u8,
    /// Width of offsets in bytes.
    pub offset_size: u8,
    /// The server's version.
    pub server_version: Option<BString>,
    /// The dumping program's version.
    pub dumper_version: Option<BString>,
}

/// Writes a list: heading, then a line for each entry that is `selected`, or with `verbose` for every entry,
/// and then with what it depends on.
pub fn write(
    out: &mut Vec<u8>,
    heading: &Heading,
    toc: &[Entry],
    verbose: bool,
    mut selected: impl FnMut(&Entry) -> bool,
) {
    // Writing to a vector cannot fail.
    let _ = write_heading(out, heading, toc.len());
    for entry in toc {
        if selected(entry) || verbose {
            line(out, entry);
        }
        if verbose && !entry.dependencies.is_empty() {
            out.extend_from_slice(b";\tdepends on:");
            for dependency in &entry.dependencies {
                let _ = write!(out, " {dependency}");
            }
            out.push(b'\n');
        }
    }
}

fn write_heading(out: &mut Vec<u8>, heading: &Heading, entries: usize) -> std::io::Result<()> {
    writeln!(out, ";\n; Archive created at {}", heading.created_at)?;
    bytes_line(out, b";     dbname: ", &one_line(heading.database.as_bstr()))?;
    writeln!(out, ";     TOC Entries: {entries}")?;
    writeln!(out, ";     Compression: {}", heading.compression)?;
    writeln!(
        out,
        ";     Dump Version: 1.{}-{}",
        heading.version.0, heading.version.1
    )?;
    writeln!(out, ";     Format: {}", heading.format)?;
    writeln!(out, ";     Integer: {} bytes", heading.int_size)?;
    writeln!(out, ";     Offset: {} bytes", heading.offset_size)?;
    if let Some(version) = &heading.server_version {
        bytes_line(out, b";     Dumped from database version: ", version)?;
    }
    if let Some(version) = &heading.dumper_version {
        bytes_line(out, b";     Dumped by pg_dump version: ", version)?;
    }
    writeln!(out, ";\n;\n; Selected TOC Entries:\n;")
}

/// Writes the line of one entry.
pub fn line(out: &mut Vec<u8>, entry: &Entry) {
    let CatalogId { tableoid, oid } = entry.catalog_id;
    let schema = match &entry.namespace {
        Some(schema) => one_line(schema.as_bstr()),
        None => "-".into(),
    };
    let _ = write!(out, "{}; {tableoid} {oid} {} ", entry.dump_id, entry.desc);
    let (tag, owner) = (one_line(entry.tag.as_bstr()), one_line(entry.owner_name()));
    out.extend_from_slice(&bstr::join(" ", [schema, tag, owner]));
    out.push(b'\n');
}

/// Not through a format string, which would replace what is not UTF-8.
fn bytes_line(out: &mut Vec<u8>, what: &[u8], text: &[u8]) -> std::io::Result<()> {
    out.write_all(what)?;
    out.write_all(text)?;
    out.write_all(b"\n")
}

/// A name with its line ends replaced by spaces, so that it cannot start a line of its own.
pub fn one_line(name: &[u8]) -> BString {
    let mut line = Vec::with_capacity(name.len());
    put_line(&mut line, name);
    line.into()
}

/// Appends a name as [`one_line`] has it.
pub(crate) fn put_line(out: &mut Vec<u8>, name: &[u8]) {
    let start = out.len();
    out.extend_from_slice(name);
    for byte in out.iter_mut().skip(start) {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
}

/// A list file that has been read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listed {
    /// The wanted entries in the list's order, each once.
    pub order: Vec<DumpId>,
    /// A sentence for each line that was passed over.
    pub warnings: Vec<BString>,
}

impl Listed {
    /// Reads a list file for this table of contents.
    ///
    /// # Errors
    /// `ErrorKind::Archive` if a line names an entry that could be in the archive (its number is not above
    /// the highest) but is not.
    pub fn read(text: &[u8], toc: &[Entry]) -> Result<Listed> {
        let mut warnings = Vec::new();
        let listed = Listed::read_telling(text, toc, |warning| warnings.push(warning.to_owned()))?;
        Ok(Listed { warnings, ..listed })
    }

    /// The same, but `tell` is given each warning as its line is read: also those before an error.
    ///
    /// # Errors
    /// As [`Listed::read`].
    pub fn read_telling(text: &[u8], toc: &[Entry], mut tell: impl FnMut(&BStr)) -> Result<Listed> {
        let known: HashSet<DumpId> = toc.iter().map(|entry| entry.dump_id).collect();
        let highest = known.iter().max().copied().unwrap_or(DumpId(0));
        let mut seen = HashSet::new();
        let mut listed = Listed::default();
        for line in text.lines_with_terminator() {
            let line = line.find_byte(b';').map_or(line, |comment| &line[..comment]);
            if line.iter().all(|byte| b" \t\r\n".contains(byte)) {
                continue;
            }
            let id = leading_number(line).filter(|id| *id <= highest && !seen.contains(id));
            let Some(id) = id else {
                let mut warning = BString::from("line ignored: ");
                warning.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
                tell(warning.as_bstr());
                continue;
            };
            if !known.contains(&id) {
                return Err(Error::new(
                    ErrorKind::Archive,
                    format!("could not find entry for ID {id}"),
                ));
            }
            seen.insert(id);
            listed.order.push(id);
        }
        Ok(listed)
    }

    /// The table of contents in the order in which a restore goes through it: what is not listed first, as
    /// it was, then the listed entries as listed.
    pub fn reorder(&self, toc: &[Entry]) -> Vec<Entry> {
        let places: HashMap<DumpId, usize> = self
            .order
            .iter()
            .enumerate()
            .map(|(place, id)| (*id, place))
            .collect();
        let mut entries = toc.to_vec();
        // The sort is stable, and `None` comes before every place.
        entries.sort_by_key(|entry| places.get(&entry.dump_id).copied());
        entries
    }
}

/// The number a line starts with, after blanks and a plus sign, if it is above zero. As in pg_restore, one that
/// needs more than 32 bits loses those above.
fn leading_number(line: &[u8]) -> Option<DumpId> {
    let blanks = line
        .iter()
        .take_while(|b| b.is_ascii_whitespace() || **b == b'\x0b')
        .count();
    let line = line.get(blanks..)?;
    let line = line.strip_prefix(b"+").unwrap_or(line);
    let digits = line.iter().take_while(|b| b.is_ascii_digit()).count();
    let digits = line.get(..digits)?.to_str().ok()?;
    let number: i64 = match digits.parse() {
        Ok(number) => number,
        Err(_) if digits.is_empty() => return None,
        // Only digits: there are too many of them.
        Err(_) => i64::MAX,
    };
    // Cutting off is what is wanted.
    let number = number as i32;
    u32::try_from(number)
        .ok()
        .filter(|number| *number > 0)
        .map(DumpId)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toc::{Desc, Section};

    fn toc() -> Vec<Entry> {
        let mut special = Entry::new(DumpId(9), Desc::Encoding, "ENCODING", Section::PreData);
        special.namespace = None;
        let mut table = Entry::new(DumpId(2), Desc::Table, "multi\r\nline", Section::PreData);
        table.catalog_id = CatalogId {
            tableoid: 1259,
            oid: 16399,
        };
        table.namespace = Some("odd ; schema".into());
        table.owner = Some("post\ngres".into());
        table.dependencies = vec![DumpId(1), DumpId(1)];
        let data = Entry::new(DumpId(5), Desc::TableData, "t", Section::Data);
        vec![special, table, data]
    }

    #[test]
    fn names_keep_their_bytes() {
        let mut table = Entry::new(DumpId(3), Desc::Table, "", Section::PreData);
        table.tag = BString::from(b"St\xe4dte".as_slice());
        let mut out = Vec::new();
        write(&mut out, &heading(), &[table], false, |_| true);
        assert!(out.ends_with(b"3; 0 0 TABLE - St\xe4dte \n"), "{}", out.as_bstr());
    }

    fn heading() -> Heading {
        Heading {
            created_at: "2026-11-22 14:54:50 UTC".into(),
            database: "a\nb".into(),
            compression: "none",
            version: (16, 0),
            format: "CUSTOM",
            int_size: 4,
            offset_size: 8,
            server_version: Some("18.6".into()),
            dumper_version: None,
        }
    }

    #[test]
    fn the_list_is_pg_restores() {
        let mut out = Vec::new();
        write(&mut out, &heading(), &toc(), false, |entry| {
            !entry.desc.is_special()
        });
        let expected = "\
;
; Archive created at 2026-11-22 14:54:50 UTC
;     dbname: a b
;     TOC Entries: 3
;     Compression: none
;     Dump Version: 1.16-0
;     Format: CUSTOM
;     Integer: 4 bytes
;     Offset: 8 bytes
;     Dumped from database version: 18.6
;
;
; Selected TOC Entries:
;
2; 1259 16399 TABLE odd ; schema multi  line post gres
5; 0 0 TABLE DATA - t \n";
        assert_eq!(out.as_bstr(), expected);
    }

    #[test]
    fn verbose_lists_everything_and_what_it_depends_on() {
        let mut out = Vec::new();
        write(&mut out, &heading(), &toc(), true, |_| false);
        let text = out.to_str().unwrap();
        assert!(text.contains("\n9; 0 0 ENCODING - ENCODING \n"), "{text}");
        assert!(text.contains("post gres\n;\tdepends on: 1 1\n5; "), "{text}");
    }

    #[test]
    fn lines_are_read_reordered_and_passed_over_as_pg_restore_does() {
        let text = b"5; data\n\n ;c\n \t+2 trailing words\n99999\n5\nabc ; hm\n-5\n0\r\n4294967305\n99999999999999999999";
        let listed = Listed::read(text, &toc()).unwrap();
        assert_eq!(listed.order, [DumpId(5), DumpId(2), DumpId(9)]);
        let warnings: Vec<_> = listed.warnings.iter().map(|w| w.to_str().unwrap()).collect();
        assert_eq!(
            warnings,
            [
                "line ignored: 99999",
                "line ignored: 5",
                "line ignored: abc ",
                "line ignored: -5",
                "line ignored: 0\r",
                "line ignored: 99999999999999999999"
            ]
        );
        let order: Vec<_> = listed
            .reorder(&toc())
            .iter()
            .map(|entry| entry.dump_id.0)
            .collect();
        assert_eq!(order, [5, 2, 9]);
    }

    #[test]
    fn what_is_not_listed_comes_first() {
        let listed = Listed::read(b"9", &toc()).unwrap();
        let order: Vec<_> = listed
            .reorder(&toc())
            .iter()
            .map(|entry| entry.dump_id.0)
            .collect();
        assert_eq!(order, [2, 5, 9]);
    }

    #[test]
    fn a_number_between_the_entries_is_an_error() {
        let error = Listed::read(b"4\n", &toc()).unwrap_err();
        assert_eq!(error.to_string(), "could not find entry for ID 4");
    }
}
