//! `ALTER INDEX … ATTACH PARTITION`: indexes of partitions are made like any other and attached to the
//! partitioned index afterwards.

use crate::objects::{Body, Catalog, Components, Emitter, Object};
use crate::sql::text;
use crate::toc::{CatalogId, Desc, DumpId, Section};

/// `ALTER INDEX … ATTACH PARTITION`.
#[derive(Debug)]
pub struct IndexAttach {
    /// The partitioned index.
    pub parent: DumpId,
    /// The index of a partition that becomes part of it.
    pub partition: DumpId,
}

/// Adds one for every index that has a parent, and tells the parent.
///
/// Nothing in `pg_depend` leads to or from them. They come after both indexes, and, so that a parallel restore does
/// not attach while it works on the tables, after both tables.
pub fn add(catalog: &mut Catalog) {
    let attachments: Vec<(DumpId, DumpId, DumpId)> = catalog
        .objects()
        .iter()
        .filter_map(|object| match &object.body {
            Body::Index(index) => Some((object.id, index.table, index.parent?)),
            _ => None,
        })
        .filter(|(_, table, _)| catalog.table(*table).is_some_and(|table| table.is_partition))
        .collect();
    for (partition, table, parent) in attachments {
        let parent_object = catalog.object(parent);
        let Body::Index(parent_index) = &parent_object.body else {
            continue;
        };
        let (parent_table, owner) = (parent_index.table, parent_object.owner);
        let index = catalog.object(partition);
        let (name, schema) = (index.name.clone(), index.schema);
        let attach = Body::IndexAttach(Box::new(IndexAttach { parent, partition }));
        let object = catalog.add(CatalogId::default(), name, attach);
        object.schema = schema;
        object.owner = owner;
        object.dependencies = vec![partition, parent, table, parent_table];
        let id = object.id;
        if let Body::Index(parent) = &mut catalog.object_mut(parent).body {
            parent.attachments.push(id);
        }
    }
}

/// The statement. There is none to undo it: dropping either index is enough.
pub fn emit(object: &Object, attach: &IndexAttach, out: &mut Emitter<'_>) {
    let catalog = out.catalog;
    let partition = catalog.object(attach.partition);
    if !partition.dumps(Components::DEFINITION) || !object.dumps(Components::DEFINITION) {
        return;
    }
    let mut entry = out.entry(object, Desc::IndexAttach, Section::PostData);
    entry.definition = Some(text!(
        "ALTER INDEX ",
        catalog.qualified(catalog.object(attach.parent)),
        " ATTACH PARTITION ",
        catalog.qualified(partition),
        ";\n"
    ));
    out.push(entry);
}
