//! The first order: by kind, schema and name, and then by whatever else tells two objects of a kind apart.
//!
//! Only what users see is compared, so that two databases with the same contents come out alike. Oids
//! decide where even that is equal, which catalogs do not allow.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use bstr::BStr;

use super::priority::Priority;
use crate::objects::table::constraint::{Constraint, ConstraintOn};
use crate::objects::{Body, Catalog, Object, class};
use crate::toc::DumpId;

/// The numbers of all objects in their first order.
pub(super) fn sorted(catalog: &Catalog) -> Vec<DumpId> {
    let schemas = ranks(catalog);
    let mut keyed: Vec<(Key<'_>, &Object)> = catalog
        .objects()
        .iter()
        .map(|object| (Key::of(&schemas, object), object))
        .collect();
    keyed.sort_unstable_by(|(a_key, a), (b_key, b)| {
        a_key
            .cmp(b_key)
            .then_with(|| by_particulars(catalog, a, b))
            .then_with(|| a.catalog_id.oid.cmp(&b.catalog_id.oid))
            .then_with(|| a.id.cmp(&b.id))
    });
    keyed.into_iter().map(|(_, object)| object.id).collect()
}

/// What every object is sorted by. The order of the fields is that of their weight.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    priority: Priority,
    /// The rank of its schema's name. Objects that live in no schema come after those that do.
    schema: usize,
    /// The first bytes of the name, which mostly are all that is looked at.
    beginning: u64,
    name: &'a BStr,
}

impl<'a> Key<'a> {
    fn of(schemas: &HashMap<DumpId, usize>, object: &'a Object) -> Key<'a> {
        let rank = |id: DumpId| schemas.get(&id).copied();
        let name = object.name();
        // A name holds no zero byte, so that a shorter one comes first.
        let mut beginning = [0; 8];
        beginning
            .iter_mut()
            .zip(name.iter())
            .for_each(|(to, from)| *to = *from);
        Key {
            priority: Priority::of(object),
            schema: object.schema.and_then(rank).unwrap_or(usize::MAX),
            beginning: u64::from_be_bytes(beginning),
            name,
        }
    }
}

/// The places of all schemas in the order of their names; those of one name share one.
fn ranks(catalog: &Catalog) -> HashMap<DumpId, usize> {
    let ids: HashSet<DumpId> = catalog
        .objects()
        .iter()
        .filter_map(|object| object.schema)
        .collect();
    let mut named: Vec<(&BStr, DumpId)> = ids.iter().map(|id| (catalog.object(*id).name(), *id)).collect();
    named.sort_unstable();
    let by_name = named.chunk_by(|(a, _), (b, _)| a == b).enumerate();
    by_name
        .flat_map(|(rank, same)| same.iter().map(move |(_, id)| (*id, rank)))
        .collect()
}

/// Compares what a kind has besides schema and name.
fn by_particulars(catalog: &Catalog, a: &Object, b: &Object) -> Ordering {
    let name = |id: DumpId| catalog.object(id).name();
    match (&a.body, &b.body) {
        (Body::Type(_), Body::ShellType(_)) => Ordering::Less,
        (Body::ShellType(_), Body::Type(_)) => Ordering::Greater,
        (Body::Function(a), Body::Function(b)) => by_arguments(catalog, &a.argument_types, &b.argument_types),
        (Body::Aggregate(a), Body::Aggregate(b)) => {
            by_arguments(catalog, &a.argument_types, &b.argument_types)
        }
        (Body::Operator(a), Body::Operator(b)) => {
            // Before one operand, behind one, between two.
            let kinds = b.kind.cmp(&a.kind);
            kinds.then_with(|| by_arguments(catalog, &[a.left, a.right], &[b.left, b.right]))
        }
        (Body::OpClass(_), Body::OpFamily(_)) => Ordering::Less,
        (Body::OpFamily(_), Body::OpClass(_)) => Ordering::Greater,
        (Body::OpClass(a), Body::OpClass(b)) => a.method.cmp(&b.method),
        (Body::OpFamily(a), Body::OpFamily(b)) => a.method.cmp(&b.method),
        (Body::Collation(a), Body::Collation(b)) => a.encoding.cmp(&b.encoding),
        (Body::AttrDef(a), Body::AttrDef(b)) => a.column.cmp(&b.column),
        (Body::Rule(a), Body::Rule(b)) => name(a.table).cmp(name(b.table)),
        (Body::Trigger(a), Body::Trigger(b)) => name(a.table).cmp(name(b.table)),
        (Body::Policy(a), Body::Policy(b)) => name(a.table).cmp(name(b.table)),
        (Body::PublicationTable(a), Body::PublicationTable(b)) => {
            name(a.publication).cmp(name(b.publication))
        }
        (Body::PublicationSchema(a), Body::PublicationSchema(b)) => {
            name(a.publication).cmp(name(b.publication))
        }
        (Body::DefaultAcl(_), Body::DefaultAcl(_)) => catalog.owner_name(a).cmp(catalog.owner_name(b)),
        (Body::Constraint(a), Body::Constraint(b)) => by_constrained(catalog, a, b),
        _ => Ordering::Equal,
    }
}

/// Functions with fewer arguments come first, then those whose argument types do.
fn by_arguments(catalog: &Catalog, a: &[u32], b: &[u32]) -> Ordering {
    let names = |oid: &u32| {
        let ty = catalog.object(catalog.find(class::PG_TYPE, *oid)?);
        Some((catalog.schema_name(ty), ty.name()))
    };
    let types = |oids| Iterator::map(<[u32]>::iter(oids), names);
    a.len().cmp(&b.len()).then_with(|| types(a).cmp(types(b)))
}

/// Constraints of domains come before those of tables, as domains do.
fn by_constrained(catalog: &Catalog, a: &Constraint, b: &Constraint) -> Ordering {
    let key = |constraint: &Constraint| match constraint.on {
        ConstraintOn::Domain(domain) => (0, catalog.object(domain).name()),
        ConstraintOn::Table(table) => (1, catalog.object(table).name()),
    };
    key(a).cmp(&key(b))
}

#[cfg(test)]
mod tests {
    use super::super::priority::Priority;
    use super::*;
    use crate::connect::ServerVersion;
    use crate::objects::Components;
    use crate::objects::function::Function;
    use crate::objects::schema::Schema;
    use crate::objects::table::Table;
    use crate::objects::table::attrdef::AttrDef;
    use crate::objects::table::data::TableData;
    use crate::objects::types::{Type, TypeKind};
    use crate::sql::Quoting;
    use crate::toc::CatalogId;

    struct Sample {
        catalog: Catalog,
        next_oid: u32,
    }

    impl Sample {
        fn new() -> Sample {
            Sample {
                catalog: Catalog::new(ServerVersion(180_000), Quoting::default()),
                next_oid: 16_384,
            }
        }

        fn add(&mut self, tableoid: u32, schema: Option<DumpId>, name: &str, body: Body) -> DumpId {
            let oid = self.next_oid;
            self.next_oid += 1;
            let object = self.catalog.add(CatalogId { tableoid, oid }, name, body);
            object.schema = schema;
            object.id
        }

        fn schema(&mut self, name: &str) -> DumpId {
            let schema = Schema {
                create: true,
                contents: Components::ALL,
            };
            self.add(class::PG_NAMESPACE, None, name, Body::Schema(Box::new(schema)))
        }

        fn table(&mut self, schema: DumpId, name: &str) -> DumpId {
            self.add(class::PG_CLASS, Some(schema), name, Body::Table(Box::default()))
        }

        fn ty(&mut self, schema: DumpId, name: &str) -> u32 {
            let ty = Type {
                kind: TypeKind::Base,
                relation: 0,
                element: 0,
                shell: None,
                definition: None,
            };
            let id = self.add(class::PG_TYPE, Some(schema), name, Body::Type(Box::new(ty)));
            self.catalog.object(id).catalog_id.oid
        }

        fn function(&mut self, schema: DumpId, name: &str, argument_types: &[u32]) -> DumpId {
            let function = Function {
                argument_types: argument_types.to_vec(),
                postponed: false,
                details: None,
            };
            self.add(
                class::PG_PROC,
                Some(schema),
                name,
                Body::Function(Box::new(function)),
            )
        }

        /// The objects of a kind in their first order.
        fn sorted(&self, kind: Priority) -> Vec<DumpId> {
            let is_wanted = |id: &DumpId| Priority::of(self.catalog.object(*id)) == kind;
            sorted(&self.catalog).into_iter().filter(is_wanted).collect()
        }
    }

    #[test]
    fn kinds_come_first_then_schemas_then_names() {
        let mut sample = Sample::new();
        let b = sample.schema("b");
        let a = sample.schema("a");
        let late = sample.table(b, "a");
        let early = sample.table(a, "z");
        let data = TableData {
            table: late,
            filter: None,
        };
        let rows = sample.add(0, Some(b), "a", Body::TableData(Box::new(data)));
        let function = sample.function(b, "zz", &[]);
        assert_eq!(sorted(&sample.catalog), [a, b, function, early, late, rows]);
    }

    #[test]
    fn functions_of_one_name_are_told_apart_by_number_and_names_of_arguments() {
        let mut sample = Sample::new();
        let s = sample.schema("s");
        let (z, a) = (sample.ty(s, "z"), sample.ty(s, "a"));
        let two = sample.function(s, "f", &[a, a]);
        let of_z = sample.function(s, "f", &[z]);
        let of_a = sample.function(s, "f", &[a]);
        let none = sample.function(s, "f", &[]);
        assert_eq!(sample.sorted(Priority::Function), [none, of_a, of_z, two]);
    }

    #[test]
    fn defaults_of_one_table_come_in_the_order_of_its_columns() {
        let mut sample = Sample::new();
        let s = sample.schema("s");
        let table = sample.table(s, "t");
        let mut default = |column| {
            let body = AttrDef {
                table,
                column,
                expression: "1".into(),
                separate: false,
            };
            sample.add(class::PG_ATTRDEF, Some(s), "t", Body::AttrDef(Box::new(body)))
        };
        let (second, first) = (default(2), default(1));
        assert_eq!(sample.sorted(Priority::AttrDef), [first, second]);
    }

    #[test]
    fn what_lives_in_no_schema_comes_last() {
        let mut sample = Sample::new();
        let s = sample.schema("s");
        let free = sample.add(class::PG_CLASS, None, "a", Body::Table(Box::<Table>::default()));
        let table = sample.table(s, "z");
        assert_eq!(sample.sorted(Priority::Table), [table, free]);
    }
}
