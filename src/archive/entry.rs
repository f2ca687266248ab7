//! An entry of the table of contents as bytes, without the part that each format adds to it.

use bstr::{BStr, BString};

use super::ArchiveVersion;
use super::codec::{Cursor, Decoded, Fault, LONGEST_TEXT, put_int, put_text};
use crate::error::{Error, ErrorKind, Result};
use crate::toc::{CatalogId, Desc, DumpId, Entry, Name, Section};

/// Appends an entry as archives of `version` hold it.
///
/// # Errors
/// `ErrorKind::Unsupported` if readers of that version could make nothing of it.
pub(crate) fn encode(entry: &Entry, version: ArchiveVersion, out: &mut Vec<u8>) -> Result<()> {
    if entry.desc == Desc::BlobMetadata && !version.has_relkind() {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "archive version 1.{} cannot hold entry {} {} \"{}\"",
                version.minor, entry.dump_id, entry.desc, entry.tag
            ),
        ));
    }
    let texts = [&entry.definition, &entry.drop_statement, &entry.copy_statement];
    let names = [&entry.namespace, &entry.tablespace, &entry.table_am, &entry.owner];
    let texts = texts
        .into_iter()
        .flatten()
        .chain([&entry.tag])
        .map(|text| text.len());
    let names = names.into_iter().flatten().map(|name| name.len());
    if texts.chain(names).any(|length| length > LONGEST_TEXT) {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "entry {} {} is too long for an archive",
                entry.dump_id, entry.desc
            ),
        ));
    }
    let number = |id: DumpId| {
        i32::try_from(id.0).ok().filter(|n| *n > 0).ok_or_else(|| {
            Error::new(
                ErrorKind::Unsupported,
                format!("{id} cannot be the number of an entry"),
            )
        })
    };
    put_int(out, number(entry.dump_id)?);
    put_int(out, i32::from(entry.had_dumper));
    put_text(out, Some(&entry.catalog_id.tableoid.to_string()));
    put_text(out, Some(&entry.catalog_id.oid.to_string()));
    put_text(out, Some(&entry.tag));
    put_text(out, Some(entry.desc.text()));
    put_int(
        out,
        match entry.section {
            Section::None => 1,
            Section::PreData => 2,
            Section::Data => 3,
            Section::PostData => 4,
        },
    );
    put_text(out, entry.definition.as_ref());
    put_text(out, entry.drop_statement.as_ref());
    put_text(out, entry.copy_statement.as_ref());
    put_text(out, entry.namespace.as_ref());
    put_text(out, entry.tablespace.as_ref());
    if version.has_table_am() {
        put_text(out, entry.table_am.as_ref());
    }
    if version.has_relkind() {
        put_int(out, i32::from(entry.relkind.unwrap_or(0)));
    }
    put_text(out, entry.owner.as_ref());
    put_text(out, Some(if entry.with_oids { "true" } else { "false" }));
    for dependency in &entry.dependencies {
        put_text(out, Some(&dependency.to_string()));
    }
    put_text::<[u8]>(out, None);
    Ok(())
}

/// Reads an entry of an archive of `version`.
pub(crate) fn decode(cursor: &mut Cursor<'_>, version: ArchiveVersion) -> Decoded<Entry> {
    let number = cursor.int()?;
    let dump_id = u32::try_from(number)
        .ok()
        .filter(|id| *id > 0)
        .map(DumpId)
        .ok_or_else(|| Fault::Corrupt(format!("entry ID {number} out of range -- perhaps a corrupt TOC")))?;
    let had_dumper = cursor.int()? != 0;
    let catalog_id = CatalogId {
        tableoid: oid(cursor)?,
        oid: oid(cursor)?,
    };
    let text = |cursor: &mut Cursor<'_>| Ok(cursor.text()?.map(BString::from));
    let tag = text(cursor)?.unwrap_or_default();
    let desc = Desc::from_text(cursor.text()?.unwrap_or_default());
    let section = if version >= ArchiveVersion::V1_11 {
        match cursor.int()? {
            1 => Section::None,
            2 => Section::PreData,
            3 => Section::Data,
            4 => Section::PostData,
            other => {
                return Err(Fault::Corrupt(format!(
                    "entry {dump_id} claims to be in section {other}"
                )));
            }
        }
    } else {
        desc.section_in_old_archives()
    };
    let definition = text(cursor)?;
    let drop_statement = text(cursor)?;
    let copy_statement = text(cursor)?;
    let name = |cursor: &mut Cursor<'_>| Ok(cursor.text()?.map(|name| Name::from(BStr::new(name))));
    let namespace = name(cursor)?;
    let tablespace = name(cursor)?;
    let table_am = if version.has_table_am() {
        name(cursor)?
    } else {
        None
    };
    let relkind = if version.has_relkind() {
        let code = cursor.int()?;
        let code = u8::try_from(code)
            .map_err(|_| Fault::Corrupt(format!("entry {dump_id} claims the relation kind {code}")))?;
        Some(code).filter(|code| *code != 0)
    } else {
        None
    };
    let owner = name(cursor)?;
    let with_oids = cursor.text()? == Some(b"true");
    let mut dependencies = Vec::new();
    while let Some(number) = cursor.text()? {
        dependencies.push(DumpId(decimal(number).ok_or_else(|| {
            Fault::Corrupt(format!("entry {dump_id} depends on something that is no number"))
        })?));
    }
    Ok(Entry {
        dump_id,
        had_dumper,
        catalog_id,
        tag,
        desc,
        section,
        definition,
        drop_statement,
        copy_statement,
        namespace,
        tablespace,
        table_am,
        relkind,
        owner,
        with_oids,
        dependencies,
    })
}

fn oid(cursor: &mut Cursor<'_>) -> Decoded<u32> {
    let text = cursor.text()?.unwrap_or_default();
    decimal(text).ok_or_else(|| Fault::Corrupt("the OID of an entry is no number".into()))
}

fn decimal(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::archive::codec::Widths;
    use proptest::prelude::*;

    const WIDTHS: Widths = Widths { int: 4, offset: 8 };

    pub(crate) fn entries() -> impl Strategy<Value = Entry> {
        let bytes = || proptest::collection::vec(1..=u8::MAX, 0..30).prop_map(BString::from);
        let maybe = move || proptest::option::of(bytes());
        let desc = prop_oneof![
            proptest::sample::select(Desc::KNOWN),
            bytes().prop_map(|text| Desc::from_text(&text)),
        ];
        let section = proptest::sample::select(vec![
            Section::None,
            Section::PreData,
            Section::Data,
            Section::PostData,
        ]);
        let ids = (1..=i32::MAX.cast_unsigned()).prop_map(DumpId);
        (
            (ids, any::<bool>(), any::<(u32, u32)>(), bytes(), desc, section),
            (maybe(), maybe(), maybe(), maybe(), maybe(), maybe(), maybe()),
            (proptest::option::of(1u8..), any::<bool>()),
            proptest::collection::vec((0..1_000_000u32).prop_map(DumpId), 0..5),
        )
            .prop_map(|(head, texts, (relkind, with_oids), dependencies)| Entry {
                dump_id: head.0,
                had_dumper: head.1,
                catalog_id: CatalogId {
                    tableoid: head.2.0,
                    oid: head.2.1,
                },
                tag: head.3,
                desc: head.4,
                section: head.5,
                definition: texts.0,
                drop_statement: texts.1,
                copy_statement: texts.2,
                namespace: texts.3.map(Name::from),
                tablespace: texts.4.map(Name::from),
                table_am: texts.5.map(Name::from),
                owner: texts.6.map(Name::from),
                relkind,
                with_oids,
                dependencies,
            })
    }

    proptest! {
        #[test]
        fn entries_come_back(entry in entries(), cut: prop::sample::Index) {
            for minor in 13..=16 {
                let version = ArchiveVersion { minor, revision: 0 };
                let mut out = Vec::new();
                if encode(&entry, version, &mut out).is_err() {
                    prop_assert!(entry.desc == Desc::BlobMetadata && version != ArchiveVersion::V1_16);
                    continue;
                }
                let mut cursor = Cursor::new(&out, WIDTHS);
                let mut expected = entry.clone();
                if version != ArchiveVersion::V1_16 {
                    expected.relkind = None;
                }
                if version < ArchiveVersion::V1_14 {
                    expected.table_am = None;
                }
                prop_assert_eq!(decode(&mut cursor, version), Ok(expected));
                prop_assert!(cursor.rest().is_empty());
                let part = &out[..cut.index(out.len())];
                prop_assert_eq!(decode(&mut Cursor::new(part, WIDTHS), version), Err(Fault::Incomplete));
            }
        }

        #[test]
        fn no_flipped_byte_makes_it_panic(entry in entries(), place: prop::sample::Index, bits in 1u8..) {
            let mut out = Vec::new();
            if encode(&entry, ArchiveVersion::V1_16, &mut out).is_ok() {
                let place = place.index(out.len());
                out[place] ^= bits;
                let _ = decode(&mut Cursor::new(&out, WIDTHS), ArchiveVersion::V1_16);
            }
        }
    }

    #[test]
    fn entries_of_old_archives_lack_fields() {
        let mut entry = Entry::new(DumpId(3), Desc::Index, "i", Section::PostData);
        entry.definition = Some("CREATE INDEX i ON t (a);\n".into());
        entry.tablespace = Some("".into());
        let mut bytes = Vec::new();
        let v1_13 = ArchiveVersion {
            minor: 13,
            revision: 0,
        };
        encode(&entry, v1_13, &mut bytes).unwrap();
        assert_eq!(decode(&mut Cursor::new(&bytes, WIDTHS), v1_13), Ok(entry.clone()));
        // Before 1.11 there is no section behind the description: it is guessed.
        let description = bytes.windows(5).position(|b| b == b"INDEX").unwrap() + 5;
        bytes.drain(description..description + 5);
        for version in [ArchiveVersion::V1_10, v1_13] {
            let decoded = decode(&mut Cursor::new(&bytes, WIDTHS), version);
            assert_eq!(
                decoded == Ok(entry.clone()),
                version == ArchiveVersion::V1_10,
                "{version:?}"
            );
        }
    }

    #[test]
    fn entry_zero_is_refused_both_ways() {
        let entry = Entry::new(DumpId(0), Desc::Table, "t", Section::PreData);
        assert!(encode(&entry, ArchiveVersion::V1_16, &mut Vec::new()).is_err());
        let mut cursor = Cursor::new(&[0; 400], WIDTHS);
        assert_eq!(
            decode(&mut cursor, ArchiveVersion::V1_16),
            Err(Fault::Corrupt(
                "entry ID 0 out of range -- perhaps a corrupt TOC".into()
            ))
        );
    }
}
