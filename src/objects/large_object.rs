//! Large objects: who they are and belong to. Their contents are streamed in [`crate::dump`].
//!
//! There may be a great many, so those with the same owner and grants share an object and an entry, up to
//! `GROUP` of them. Archives before 1.16 have an entry for each and one for all contents together.

use bstr::{BString, ByteSlice};

use super::acl::acl_columns;
use super::attributes::{self, Subject};
use super::{Acl, Body, Catalog, Components, Emitter, Object, Reader, class};
use crate::connect::Columns;
use crate::error::Result;
use crate::sql::{Grantable, put, text};
use crate::toc::{CatalogId, Desc, DumpId, Section};

/// How many large objects share an entry at most.
const GROUP: usize = 1000;

/// Large objects that share owner and grants (one or more).
#[derive(Debug)]
pub struct LargeObject {
    /// Their numbers, ascending; never empty.
    pub oids: Vec<u32>,
}

/// The contents of large objects.
#[derive(Debug)]
pub struct LargeObjectData {
    /// The objects they are of: one group, or all in archives before 1.16.
    pub groups: Vec<DumpId>,
}

/// One large object as the catalog has it.
#[derive(Debug)]
pub struct Row {
    oid: u32,
    owner: u32,
    acl: Option<Box<Acl>>,
}

/// Reads all large objects, those with the same owner and grants one after the other.
///
/// # Errors
/// If the query fails.
pub async fn read(reader: &Reader<'_>) -> Result<Vec<Row>> {
    let acl = acl_columns("lomacl", 'L', "lomowner");
    let sql = format!(
        "SELECT oid, lomowner, {acl} FROM pg_catalog.pg_largeobject_metadata \
         ORDER BY lomowner, lomacl::pg_catalog.text, oid"
    );
    let rows = reader.rows("large objects", &sql, &[]).await?;
    rows.iter()
        .map(|row| {
            let mut c = Columns::new(row);
            Ok(Row {
                oid: c.oid()?,
                owner: c.oid()?,
                acl: Acl::read(&mut c)?,
            })
        })
        .collect()
}

/// Adds them to the catalog, in groups or, if `single`, each by itself.
pub fn add(catalog: &mut Catalog, rows: &[Row], single: bool) {
    let mut all = Vec::new();
    for same in rows.chunk_by(|a, b| a.owner == b.owner && a.acl == b.acl) {
        for group in same.chunks(if single { 1 } else { GROUP }) {
            let id = add_group(catalog, group);
            if single {
                all.push(id);
            } else {
                add_data(catalog, vec![id]);
            }
        }
    }
    if !all.is_empty() {
        add_data(catalog, all);
    }
}

fn add_group(catalog: &mut Catalog, group: &[Row]) -> DumpId {
    let oids: Vec<u32> = group.iter().map(|row| row.oid).collect();
    let first = oids.first().copied().unwrap_or(0);
    let name = match oids.last() {
        Some(last) if *last != first => format!("{first}..{last}"),
        _ => first.to_string(),
    };
    let row = CatalogId {
        tableoid: class::PG_LARGEOBJECT,
        oid: first,
    };
    let object = catalog.add(row, name, Body::LargeObject(Box::new(LargeObject { oids })));
    // Comments and labels are found by the number of each; that any has some is not worth finding out here.
    object.has |= Components::DATA | Components::COMMENT | Components::SECLABEL;
    if let Some(row) = group.first() {
        object.owner = row.owner;
        object.set_acl(row.acl.clone());
    }
    object.id
}

fn add_data(catalog: &mut Catalog, groups: Vec<DumpId>) {
    let (name, owner) = match groups.as_slice() {
        [group] => (catalog.object(*group).name.clone(), catalog.object(*group).owner),
        _ => ("BLOBS".into(), 0),
    };
    let dependencies = groups.clone();
    let body = Body::LargeObjectData(Box::new(LargeObjectData { groups }));
    let object = catalog.add(CatalogId::default(), name, body);
    object.owner = owner;
    object.has = Components::DATA;
    object.dependencies = dependencies;
}

/// The large objects' entry, comments, security labels and grants.
pub fn emit(object: &Object, large: &LargeObject, out: &mut Emitter<'_>) {
    let catalog = out.catalog;
    if object.dumps(Components::DEFINITION) {
        if out.options.single_large_objects {
            let mut entry = out.entry(object, Desc::Blob, Section::PreData);
            entry.definition = Some(text!("SELECT pg_catalog.lo_create('", object.name, "');\n"));
            entry.drop_statement = Some(text!("SELECT pg_catalog.lo_unlink('", object.name, "');\n"));
            out.push(entry);
        } else {
            let mut entry = out.entry(object, Desc::BlobMetadata, Section::Data);
            let mut oids = BString::default();
            for oid in &large.oids {
                put!(oids; oid.to_string(), "\n");
            }
            entry.definition = Some(oids);
            // Readers make the statements from the list; something has to stand here all the same.
            entry.drop_statement = Some("-- dummy".into());
            out.push(entry);
        }
    }
    for oid in &large.oids {
        let number = BString::from(oid.to_string());
        let row = CatalogId {
            oid: *oid,
            ..object.catalog_id
        };
        let subject = Subject {
            row,
            ..Subject::of(catalog, object, "LARGE OBJECT", number.as_ref())
        };
        if object.dumps(Components::COMMENT) {
            attributes::comment(out, &subject);
        }
        if object.dumps(Components::SECLABEL) {
            attributes::security_labels(out, &subject);
        }
    }
    // The entry of a group has the statements for its first member; readers know that from the tag.
    let plural = if large.oids.len() == 1 { "" } else { "S" };
    let tag = text!("LARGE OBJECT", plural, " ", object.name);
    let first = large
        .oids
        .first()
        .map_or(BString::default(), |oid| oid.to_string().into());
    attributes::acl_tagged(out, object, Grantable::LargeObject, first.as_bstr(), tag);
}

/// The entry that the contents go to. Whoever writes the archive streams them.
pub fn emit_data(object: &Object, out: &mut Emitter<'_>) {
    if !object.dumps(Components::DATA) {
        return;
    }
    let mut entry = out.entry(object, Desc::Blobs, Section::Data);
    entry.had_dumper = true;
    // One entry for all contents waits for nothing: what it needs is made before all data.
    if !out.options.single_large_objects {
        entry.dependencies = object.dependencies.clone();
    }
    out.push(entry);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::ServerVersion;
    use crate::sql::Quoting;

    fn row(oid: u32, owner: u32, granted: Option<&str>) -> Row {
        let acl = granted.map(|item| {
            Box::new(Acl {
                granted: Some(vec![item.into()]),
                ..Acl::default()
            })
        });
        Row { oid, owner, acl }
    }

    fn names(rows: &[Row], single: bool) -> Vec<String> {
        let mut catalog = Catalog::new(ServerVersion(180_006), Quoting::default());
        add(&mut catalog, rows, single);
        let name = |object: &Object| match &object.body {
            Body::LargeObjectData(data) => format!("{}: contents of {}", object.name, data.groups.len()),
            _ => object.name.to_string(),
        };
        catalog.objects().iter().map(name).collect()
    }

    #[test]
    fn those_with_one_owner_and_the_same_grants_share_an_object() {
        let rows = [
            row(7, 10, None),
            row(9, 10, None),
            row(8, 10, Some("=r/a")),
            row(5, 11, None),
        ];
        assert_eq!(
            names(&rows, false),
            [
                "7..9",
                "7..9: contents of 1",
                "8",
                "8: contents of 1",
                "5",
                "5: contents of 1"
            ]
        );
        assert_eq!(names(&rows, true), ["7", "9", "8", "5", "BLOBS: contents of 4"]);
        assert!(names(&[], true).is_empty());
    }

    #[test]
    fn a_group_has_a_limit() {
        let rows: Vec<Row> = (1..=1001).map(|oid| row(oid, 10, None)).collect();
        assert_eq!(
            names(&rows, false),
            ["1..1000", "1..1000: contents of 1", "1001", "1001: contents of 1"]
        );
    }
}
