//! What a table inherits and therefore does not say itself, and what it must say because it does not.
//!
//! Works on columns and expressions that are in the catalog already.

use std::collections::HashMap;

use bstr::{BStr, BString};

use super::attrdef::{self, AttrDef};
use super::{Column, RelKind, Table};
use crate::objects::{Body, Catalog, Components};
use crate::toc::{CatalogId, DumpId};

/// Marks what parents imply, for every wanted table that has any.
pub(super) fn mark(catalog: &mut Catalog) {
    // What is found must not change what is found next: all is looked at before anything is changed.
    let changes: Vec<Change> = catalog
        .objects()
        .iter()
        .filter(|object| !object.dump.is_empty())
        .filter_map(|object| match &object.body {
            Body::Table(table) if has_inherited_columns(table) => Some((object.id, &**table)),
            _ => None,
        })
        .flat_map(|(id, table)| changes_of(catalog, id, table))
        .collect();
    for change in changes {
        change.apply(catalog);
    }
}

/// One thing to change in a column of a child.
#[derive(Debug, PartialEq, Eq)]
struct Change {
    table: DumpId,
    place: usize,
    what: What,
}

#[derive(Debug, PartialEq, Eq)]
enum What {
    /// Its NOT NULL is a parent's.
    InheritedNotNull,
    /// Its NOT NULL is a parent's, but the parent's is not valid yet: what is must be said.
    LocalNotNull,
    /// It has no default although a parent has one: that must be said.
    NullDefault,
    /// Its generation expression is the parents'.
    InheritedGeneration,
}

fn has_inherited_columns(table: &Table) -> bool {
    !table.parents.is_empty()
        && !matches!(
            table.relkind,
            RelKind::Sequence | RelKind::View | RelKind::MaterializedView
        )
}

fn changes_of(catalog: &Catalog, id: DumpId, table: &Table) -> Vec<Change> {
    let parents: Vec<HashMap<&BStr, &Column>> = table
        .parents
        .iter()
        .filter_map(|parent| catalog.table(*parent))
        .map(|parent| {
            let columns = parent.columns.iter().filter(|column| !column.dropped);
            columns.map(|column| (column.name.as_ref(), column)).collect()
        })
        .collect();
    let mut changes = Vec::new();
    for (place, column) in table.columns.iter().enumerate() {
        if column.dropped {
            continue;
        }
        let inherited: Vec<&Column> = parents
            .iter()
            .filter_map(|columns| columns.get(BStr::new(&column.name)).copied())
            .collect();
        let mut note = |what| {
            changes.push(Change {
                table: id,
                place,
                what,
            });
        };
        if column.not_null.is_some() {
            let implied = inherited.iter().any(|parent| parent.not_null.is_some());
            // From 18 on the catalogs say whose a NOT NULL constraint is.
            match (catalog.version.at_least(18), implied) {
                (true, false) => note(What::LocalNotNull),
                (false, true) => note(What::InheritedNotNull),
                _ => {}
            }
        }
        let has_default = |parent: &&Column| {
            parent.generated == 0
                && expression(catalog, parent).is_some_and(|expression| expression != "NULL")
        };
        if column.default.is_none() && inherited.iter().any(has_default) {
            note(What::NullDefault);
        }
        let mut generated = inherited.iter().filter(|parent| parent.generated != 0).peekable();
        if column.generated != 0
            && !table.is_partition
            && catalog.upgrade.is_none()
            && generated.peek().is_some()
            && generated.all(|parent| expression(catalog, parent) == expression(catalog, column))
        {
            note(What::InheritedGeneration);
        }
    }
    changes
}

/// The default or generation expression of a column.
fn expression<'a>(catalog: &'a Catalog, column: &Column) -> Option<&'a BString> {
    match &catalog.object(column.default?).body {
        Body::AttrDef(attrdef) => Some(&attrdef.expression),
        _ => None,
    }
}

impl Change {
    fn apply(self, catalog: &mut Catalog) {
        let Change {
            table: id,
            place,
            what,
        } = self;
        let by_columns = catalog.upgrade.is_some();
        let Some(table) = catalog.table_mut(id) else {
            return;
        };
        let is_partition = table.is_partition;
        let Some(column) = table.columns.get_mut(place) else {
            return;
        };
        match what {
            What::InheritedNotNull | What::LocalNotNull => {
                if let Some(not_null) = &mut column.not_null {
                    not_null.is_local = what == What::LocalNotNull;
                }
            }
            What::InheritedGeneration => {
                if let Some(default) = column.default {
                    catalog.object_mut(default).dump = Components::NONE;
                }
            }
            What::NullDefault => {
                let printed = column.is_local || is_partition || by_columns;
                let attrdef = AttrDef {
                    table: id,
                    column: i16::try_from(place + 1).unwrap_or(i16::MAX),
                    expression: "NULL".into(),
                    separate: !printed,
                };
                let default = attrdef::add_one(catalog, CatalogId::default(), attrdef);
                if !printed {
                    catalog.object_mut(default).dependencies.push(id);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::NotNull;
    use super::*;
    use crate::connect::ServerVersion;
    use crate::sql::Quoting;

    struct Family {
        catalog: Catalog,
        child: DumpId,
    }

    /// A parent and its child, both with a column `c`, with the defaults given.
    fn family(version: u32, parent: Column, child: Column, defaults: [Option<&str>; 2]) -> Family {
        let mut catalog = Catalog::new(ServerVersion(version), Quoting::default());
        let mut parents = Vec::new();
        for (column, default) in [parent, child].into_iter().zip(defaults) {
            let table = Table {
                columns: vec![Column {
                    name: "c".into(),
                    ..column
                }],
                parents: parents.clone(),
                ..Table::default()
            };
            let id = catalog
                .add(CatalogId::default(), "t", Body::Table(Box::new(table)))
                .id;
            if let Some(default) = default {
                let attrdef = AttrDef {
                    table: id,
                    column: 1,
                    expression: default.into(),
                    separate: false,
                };
                attrdef::add_one(&mut catalog, CatalogId::default(), attrdef);
            }
            parents = vec![id];
        }
        mark(&mut catalog);
        Family {
            child: parents[0],
            catalog,
        }
    }

    impl Family {
        fn column(&self) -> &Column {
            &self.catalog.table(self.child).expect("a table").columns[0]
        }
    }

    fn not_null() -> Column {
        Column {
            not_null: Some(NotNull {
                is_local: true,
                ..NotNull::default()
            }),
            ..Column::default()
        }
    }

    fn generated() -> Column {
        Column {
            generated: b's',
            is_local: true,
            ..Column::default()
        }
    }

    #[test]
    fn a_default_that_the_child_does_not_have_is_taken_from_it() {
        let family = family(180_000, Column::default(), Column::default(), [Some("1"), None]);
        let default = family.catalog.object(family.column().default.expect("a default"));
        assert_eq!(default.dependencies, [family.child]);
        assert!(
            matches!(&default.body, Body::AttrDef(attrdef) if attrdef.expression == "NULL" && attrdef.separate)
        );
    }

    #[test]
    fn a_default_of_null_or_a_generation_expression_need_not_be_taken_away() {
        let null = family(
            180_000,
            Column::default(),
            Column::default(),
            [Some("NULL"), None],
        );
        assert_eq!(null.column().default, None);
        let plain = family(180_000, generated(), Column::default(), [Some("(a)"), None]);
        assert_eq!(plain.column().default, None);
    }

    #[test]
    fn the_parents_generation_expression_is_not_repeated() {
        let wanted = |child: &str| {
            let family = family(180_000, generated(), generated(), [Some("(a)"), Some(child)]);
            let default = family.column().default.expect("a default");
            !family.catalog.object(default).dump.is_empty()
        };
        assert!(!wanted("(a)"));
        assert!(wanted("(b)"));
    }

    #[test]
    fn not_null_is_the_parents_before_18_and_as_the_catalogs_say_from_then_on() {
        let is_local = |version, parent: Column, child: Column| {
            let family = family(version, parent, child, [None, None]);
            family.column().not_null.as_ref().expect("still there").is_local
        };
        assert!(!is_local(170_000, not_null(), not_null()));
        assert!(is_local(170_000, Column::default(), not_null()));
        assert!(is_local(180_000, not_null(), not_null()));
        let inherited = || Column {
            not_null: Some(NotNull::default()),
            ..Column::default()
        };
        assert!(!is_local(180_000, not_null(), inherited()));
        // The parent's is not valid yet.
        assert!(is_local(180_000, Column::default(), inherited()));
    }
}
