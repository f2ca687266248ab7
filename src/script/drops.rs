//! The DROP of an entry, and where IF EXISTS goes in it.

use bstr::{BString, ByteSlice};

use super::settings::around;
use super::{Drops, Step, large_object};
use crate::toc::Entry;
use crate::toc::kind::IfExists;

/// The steps that drop an entry's object.
pub(super) fn steps(entry: &Entry, drops: Drops) -> Vec<Step> {
    let drop = entry.drop_text();
    let if_exists = drops == Drops::IfExists;
    if entry.desc.if_exists() == IfExists::LargeObjects {
        let (before, after): (&[u8], &[u8]) = if if_exists {
            (
                b"SELECT pg_catalog.lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata WHERE oid = '",
                b"'",
            )
        } else {
            (b"SELECT pg_catalog.lo_unlink('", b"')")
        };
        return large_object::for_each(entry.definition_text(), before, after)
            .into_iter()
            .map(Step::execute)
            .chain([Step::note("\n")])
            .collect();
    }
    if drop.is_empty() {
        return Vec::new();
    }
    // The public schema's drop may be a comment.
    if drop.starts_with(b"--") {
        return vec![Step::note(drop)];
    }
    if !if_exists {
        return vec![Step::execute(drop)];
    }
    guarded(entry)
}

/// The drop with IF EXISTS.
fn guarded(entry: &Entry) -> Vec<Step> {
    let drop = entry.drop_text();
    let (start, rest): (&[u8], &[u8]) = match drop.strip_prefix(b"ALTER TABLE") {
        Some(rest) => (b"ALTER TABLE IF EXISTS", rest),
        None => (b"", drop),
    };
    // A view that others need is not dropped but replaced by an empty one of the same shape.
    let replaces_view = rest.starts_with(b"CREATE OR REPLACE VIEW");
    let mark = match entry.desc.if_exists() {
        IfExists::LargeObject | IfExists::LargeObjects => {
            return vec![Step::execute(large_object::unlink_if_exists(
                entry.catalog_id.oid,
            ))];
        }
        IfExists::AlterTableOnly => None,
        _ if replaces_view => None,
        IfExists::AfterDropConstraint => Some("DROP CONSTRAINT".into()),
        IfExists::AfterKind => Some(around(b"DROP ", entry.desc.text(), b"")),
    };
    let Some(mark): Option<BString> = mark else {
        return vec![Step::execute([start, rest].concat())];
    };
    match rest.find(&mark).map(|at| rest.split_at(at + mark.len())) {
        Some((before, after)) => vec![Step::execute([start, before, b" IF EXISTS", after].concat())],
        None => vec![
            Step::Warning(around(
                b"could not find where to insert IF EXISTS in statement \"",
                drop,
                b"\"",
            )),
            Step::execute([start, rest].concat()),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toc::{CatalogId, Desc, DumpId, Section};

    fn guarded_text(desc: &str, drop: &str) -> BString {
        let entry = Entry {
            drop_statement: Some(drop.into()),
            definition: Some("5\n6\n".into()),
            catalog_id: CatalogId {
                tableoid: 2613,
                oid: 5,
            },
            ..Entry::new(DumpId(1), Desc::from_text(desc.as_bytes()), "x", Section::PreData)
        };
        let steps = steps(&entry, Drops::IfExists);
        steps
            .iter()
            .flat_map(|step| step.text().to_vec())
            .collect::<Vec<u8>>()
            .into()
    }

    #[test]
    fn if_exists_goes_after_the_kind_or_where_alter_table_takes_it() {
        for (desc, drop, expected) in [
            ("TABLE", "DROP TABLE s.t;\n", "DROP TABLE IF EXISTS s.t;\n"),
            (
                "FK CONSTRAINT",
                "ALTER TABLE ONLY s.t DROP CONSTRAINT c;\n",
                "ALTER TABLE IF EXISTS ONLY s.t DROP CONSTRAINT IF EXISTS c;\n",
            ),
            (
                "CONSTRAINT",
                "ALTER DOMAIN s.d DROP CONSTRAINT c;\n",
                "ALTER DOMAIN s.d DROP CONSTRAINT IF EXISTS c;\n",
            ),
            (
                "DEFAULT",
                "ALTER TABLE s.t ALTER COLUMN c DROP DEFAULT;\n",
                "ALTER TABLE IF EXISTS s.t ALTER COLUMN c DROP DEFAULT;\n",
            ),
            (
                "VIEW",
                "CREATE OR REPLACE VIEW s.v AS\nSELECT 1;\n",
                "CREATE OR REPLACE VIEW s.v AS\nSELECT 1;\n",
            ),
            (
                "SCHEMA",
                "-- *not* dropping schema\n",
                "-- *not* dropping schema\n",
            ),
            ("INDEX", "", ""),
        ] {
            assert_eq!(guarded_text(desc, drop), expected);
        }
    }

    #[test]
    fn large_objects_are_unlinked_where_they_are() {
        let guard = "SELECT pg_catalog.lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata WHERE oid = ";
        assert_eq!(
            guarded_text("BLOB", "SELECT pg_catalog.lo_unlink('5');\n"),
            format!("{guard}'5';\n")
        );
        assert_eq!(
            guarded_text("BLOB METADATA", "SELECT pg_catalog.lo_unlink('5');\n"),
            format!("{guard}'5';\n{guard}'6';\n\n")
        );
    }

    #[test]
    fn a_drop_of_another_kind_goes_out_as_it_is_with_a_warning() {
        let entry = Entry {
            drop_statement: Some("DROP VIEW v;\n".into()),
            ..Entry::new(DumpId(1), Desc::Table, "v", Section::PreData)
        };
        let steps = steps(&entry, Drops::IfExists);
        assert!(matches!(&steps[..], [Step::Warning(_), Step::Statement(s)] if s.sql == "DROP VIEW v;\n"));
    }
}
