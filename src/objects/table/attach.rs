//! `ALTER TABLE … ATTACH PARTITION`: partitions are made as tables of their own and attached afterwards.

use crate::error::{Error, ErrorKind, Result};
use crate::objects::{Body, Catalog, Components, Emitter, Object};
use crate::sql::text;
use crate::toc::{CatalogId, Desc, DumpId, Section};

/// `ALTER TABLE … ATTACH PARTITION`.
#[derive(Debug)]
pub struct TableAttach {
    /// The partitioned table.
    pub parent: DumpId,
    /// The table that becomes its partition.
    pub partition: DumpId,
}

/// Adds one for every partition whose definition is wanted.
///
/// Nothing in `pg_depend` leads to or from them: they come after both tables because they say so here.
///
/// # Errors
/// If a partition has not exactly one parent.
pub fn add(catalog: &mut Catalog) -> Result<()> {
    let partitions: Result<Vec<(DumpId, DumpId)>> = catalog
        .objects()
        .iter()
        .filter(|object| object.dumps(Components::DEFINITION))
        .filter_map(|object| match &object.body {
            Body::Table(table) if table.is_partition => Some(match table.parents.as_slice() {
                [parent] => Ok((object.id, *parent)),
                others => Err(Error::new(
                    ErrorKind::Protocol,
                    format!(
                        "invalid number of parents {} for table \"{}\"",
                        others.len(),
                        object.name
                    ),
                )),
            }),
            _ => None,
        })
        .collect();
    for (partition, parent) in partitions? {
        let table = catalog.object(partition);
        let (name, schema, owner) = (table.name.clone(), table.schema, table.owner);
        let attach = Body::TableAttach(Box::new(TableAttach { parent, partition }));
        let object = catalog.add(CatalogId::default(), name, attach);
        object.schema = schema;
        object.owner = owner;
        object.dependencies = vec![partition, parent];
    }
    Ok(())
}

/// The statement. There is none to undo it: dropping either table is enough.
pub fn emit(object: &Object, attach: &TableAttach, out: &mut Emitter<'_>) {
    let catalog = out.catalog;
    let partition = catalog.object(attach.partition);
    if !object.dumps(Components::DEFINITION) {
        return;
    }
    let Some(bound) = catalog
        .table(attach.partition)
        .and_then(|table| table.partition_bound.as_ref())
    else {
        out.fail_without("partition bound", partition);
        return;
    };
    let mut entry = out.entry(object, Desc::TableAttach, Section::PreData);
    entry.definition = Some(text!(
        "ALTER TABLE ONLY ",
        catalog.qualified(catalog.object(attach.parent)),
        " ATTACH PARTITION ",
        catalog.qualified(partition),
        " ",
        bound,
        ";\n"
    ));
    out.push(entry);
}
