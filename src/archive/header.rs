//! The head of an archive: magic, version, format, compression, when and from what it was made.
//!
//! Only the fixed-form part before the table of contents; telling an archive from something else is
//! [`super::read`]'s, and so are the messages for what is no archive at all.

use bstr::BString;

use super::codec::{Cursor, Decoded, Fault, INT_SIZE, OFFSET_SIZE, Widths, put_int, put_text};
use super::{CreatedAt, Format};
use crate::compress::{Algorithm, Compression};
use crate::error::{Error, ErrorKind, Result};
use crate::toc::list::Heading;

/// The five bytes every archive starts with.
pub(crate) const MAGIC: &[u8] = b"PGDMP";

/// The version of an archive's layout: major is always 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArchiveVersion {
    /// The minor version, 10 to 16 for what can be read, 13 to 16 for what can be written.
    pub minor: u8,
    /// The revision, 0 in everything known.
    pub revision: u8,
}

impl ArchiveVersion {
    /// The oldest that is read; from release 8.0.
    pub const V1_10: ArchiveVersion = ArchiveVersion {
        minor: 10,
        revision: 0,
    };
    /// Entries say their section; from release 8.4.
    pub const V1_11: ArchiveVersion = ArchiveVersion {
        minor: 11,
        revision: 0,
    };
    /// Written by the later minor releases of 10, and by 11.
    pub const V1_13: ArchiveVersion = ArchiveVersion {
        minor: 13,
        revision: 0,
    };
    /// Written by releases 12 to 15.
    pub const V1_14: ArchiveVersion = ArchiveVersion {
        minor: 14,
        revision: 0,
    };
    /// Written by release 16.
    pub const V1_15: ArchiveVersion = ArchiveVersion {
        minor: 15,
        revision: 0,
    };
    /// Written by releases 17 and 18.
    pub const V1_16: ArchiveVersion = ArchiveVersion {
        minor: 16,
        revision: 0,
    };

    /// The version that a `pg_restore` of this major release reads.
    pub fn for_release(major: u32) -> ArchiveVersion {
        match major {
            ..12 => ArchiveVersion::V1_13,
            12..16 => ArchiveVersion::V1_14,
            16 => ArchiveVersion::V1_15,
            _ => ArchiveVersion::V1_16,
        }
    }

    /// Entries name their table access method.
    pub fn has_table_am(self) -> bool {
        self.minor >= 14
    }

    /// The header names the compression method; before, there is but gzip and its level.
    pub fn has_compression_method(self) -> bool {
        self.minor >= 15
    }

    /// Entries name their relkind, and large objects come in groups.
    pub fn has_relkind(self) -> bool {
        self.minor >= 16
    }
}

/// What an archive says about itself before its table of contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Version of the layout.
    pub version: ArchiveVersion,
    /// Width of integers; always 4 in what is written today.
    pub int_size: u8,
    /// Width of offsets; always 8 in what is written today.
    pub offset_size: u8,
    /// The format; directory archives say tar in their file, which the reader undoes.
    pub format: Format,
    /// How data is compressed.
    pub compression: Compression,
    /// When it was made.
    pub created_at: CreatedAt,
    /// The database dumped.
    pub database: Option<BString>,
    /// The server's version as it gave it.
    pub server_version: Option<BString>,
    /// The dumping program's version.
    pub dumper_version: Option<BString>,
}

impl Header {
    /// A header for a new archive, made now.
    pub fn new(version: ArchiveVersion, format: Format, compression: Compression) -> Header {
        Header {
            version,
            int_size: INT_SIZE,
            offset_size: OFFSET_SIZE,
            format,
            compression,
            created_at: CreatedAt::now(),
            database: None,
            server_version: None,
            dumper_version: None,
        }
    }

    /// What a list of the archive says above its entries.
    pub fn heading(&self) -> Heading {
        Heading {
            created_at: self.created_at.to_string(),
            database: self.database.clone().unwrap_or_default(),
            compression: self.compression.algorithm.name(),
            version: (self.version.minor, self.version.revision),
            format: match self.format {
                Format::Plain => "UNKNOWN",
                Format::Custom => "CUSTOM",
                Format::Directory => "DIRECTORY",
                Format::Tar => "TAR",
            },
            int_size: self.int_size,
            offset_size: self.offset_size,
            server_version: self.server_version.clone(),
            dumper_version: self.dumper_version.clone(),
        }
    }

    pub(crate) fn widths(&self) -> Widths {
        Widths {
            int: self.int_size,
            offset: self.offset_size,
        }
    }

    /// Appends the header as this version writes it, with our widths.
    ///
    /// # Errors
    /// `ErrorKind::Unsupported` if the version cannot be written or lacks the compression method.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) -> Result<()> {
        if !(ArchiveVersion::V1_13..=ArchiveVersion::V1_16).contains(&self.version) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("archive version 1.{} cannot be written", self.version.minor),
            ));
        }
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&[
            1,
            self.version.minor,
            self.version.revision,
            INT_SIZE,
            OFFSET_SIZE,
        ]);
        out.push(match self.format {
            Format::Custom => 1,
            Format::Tar | Format::Directory => 3,
            Format::Plain => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "a plain dump has no archive header",
                ));
            }
        });
        let algorithm = self.compression.algorithm;
        if self.version.has_compression_method() {
            out.push(match algorithm {
                Algorithm::None => 0,
                Algorithm::Gzip => 1,
                Algorithm::Lz4 => 2,
                Algorithm::Zstd => 3,
            });
        } else {
            put_int(
                out,
                match algorithm {
                    Algorithm::None => 0,
                    Algorithm::Gzip => self.compression.level.unwrap_or(-1),
                    Algorithm::Lz4 | Algorithm::Zstd => {
                        return Err(Error::new(
                            ErrorKind::Unsupported,
                            format!(
                                "archive version 1.{} cannot hold data compressed with {algorithm}",
                                self.version.minor
                            ),
                        ));
                    }
                },
            );
        }
        let at = &self.created_at;
        for part in [
            at.second, at.minute, at.hour, at.day, at.month, at.year, at.is_dst,
        ] {
            put_int(out, part);
        }
        for text in [&self.database, &self.server_version, &self.dumper_version] {
            put_text(out, text.as_ref());
        }
        Ok(())
    }

    /// Reads a header from the start of an archive.
    pub(crate) fn decode(cursor: &mut Cursor<'_>) -> Decoded<Header> {
        if cursor.take(MAGIC.len())? != MAGIC {
            return Err(Fault::Corrupt("did not find magic string in file header".into()));
        }
        let (major, minor) = (cursor.byte()?, cursor.byte()?);
        if major != 1 || !(ArchiveVersion::V1_10.minor..=ArchiveVersion::V1_16.minor).contains(&minor) {
            return Err(Fault::Corrupt(format!(
                "unsupported version ({major}.{minor}) in file header"
            )));
        }
        let version = ArchiveVersion {
            minor,
            revision: cursor.byte()?,
        };
        let (int_size, offset_size) = (cursor.byte()?, cursor.byte()?);
        if int_size == 0 || int_size > 32 {
            return Err(Fault::Corrupt(format!(
                "sanity check on integer size ({int_size}) failed"
            )));
        }
        cursor.set_widths(Widths {
            int: int_size,
            offset: offset_size,
        });
        let format = match cursor.byte()? {
            1 => Format::Custom,
            3 => Format::Tar,
            code => return Err(Fault::Corrupt(format!("unrecognized file format \"{code}\""))),
        };
        let compression = if version.has_compression_method() {
            Compression::of(match cursor.byte()? {
                0 => Algorithm::None,
                1 => Algorithm::Gzip,
                2 => Algorithm::Lz4,
                3 => Algorithm::Zstd,
                code => {
                    return Err(Fault::Corrupt(format!(
                        "unknown compression method {code} in file header"
                    )));
                }
            })
        } else {
            match cursor.int()? {
                0 => Compression::NONE,
                -1 => Compression::GZIP,
                level => Compression {
                    level: Some(level),
                    ..Compression::GZIP
                },
            }
        };
        let created_at = CreatedAt {
            second: cursor.int()?,
            minute: cursor.int()?,
            hour: cursor.int()?,
            day: cursor.int()?,
            month: cursor.int()?,
            year: cursor.int()?,
            is_dst: cursor.int()?,
        };
        let mut text = || Ok(cursor.text()?.map(BString::from));
        Ok(Header {
            version,
            int_size,
            offset_size,
            format,
            compression,
            created_at,
            database: text()?,
            server_version: text()?,
            dumper_version: text()?,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn sample(version: ArchiveVersion, compression: Compression) -> Header {
        Header {
            database: Some("sales".into()),
            server_version: Some("18.6".into()),
            dumper_version: None,
            ..Header::new(version, Format::Custom, compression)
        }
    }

    fn decode(bytes: &[u8]) -> Decoded<Header> {
        Header::decode(&mut Cursor::new(bytes, Widths { int: 4, offset: 8 }))
    }

    #[test]
    fn headers_of_every_version_come_back() {
        for version in [
            ArchiveVersion::V1_14,
            ArchiveVersion::V1_15,
            ArchiveVersion::V1_16,
        ] {
            for compression in [Compression::NONE, Compression::GZIP, Compression::ZSTD] {
                let header = sample(version, compression);
                let mut out = Vec::new();
                let written = header.encode(&mut out);
                if compression == Compression::ZSTD && version == ArchiveVersion::V1_14 {
                    assert_eq!(written.unwrap_err().kind(), ErrorKind::Unsupported);
                    continue;
                }
                written.unwrap();
                assert_eq!(decode(&out).unwrap(), header);
                for len in 0..out.len() {
                    assert_eq!(decode(&out[..len]), Err(Fault::Incomplete), "cut at {len}");
                }
            }
        }
    }

    #[test]
    fn refusals_are_pg_restores() {
        let refusal = |bytes: &[u8]| match decode(bytes) {
            Err(Fault::Corrupt(why)) => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            refusal(b"PGDMQ\x01\x10\0\x04\x08\x01"),
            "did not find magic string in file header"
        );
        assert_eq!(
            refusal(b"PGDMP\x01\x11\0\x04\x08\x01"),
            "unsupported version (1.17) in file header"
        );
        assert_eq!(
            refusal(b"PGDMP\x02\x00\0\x04\x08\x01"),
            "unsupported version (2.0) in file header"
        );
        assert_eq!(
            refusal(b"PGDMP\x01\x10\0\x40\x08\x01"),
            "sanity check on integer size (64) failed"
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, minor in 9u8..18) {
            let mut head = b"PGDMP\x01".to_vec();
            head.push(minor);
            head.extend_from_slice(&bytes);
            let _ = decode(&head);
        }
    }
}
