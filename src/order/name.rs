//! The first order: by kind, schema and name, and then by whatever else tells two objects of a kind apart.
//!
//! Only what users see is compared, so that two databases with the same contents come out alike. Oids
//! decide where even that is equal, which catalogs do not allow.

use std::cmp::Ordering;

use bstr::BStr;

use super::priority::Priority;
use crate::objects::table::constraint::{Constraint, ConstraintOn};
use crate::objects::{Body, Catalog, Object, class};
use crate::toc::DumpId;

/// The numbers of all objects in their first order.
pub(super) fn sorted(catalog: &Catalog) -> Vec<DumpId> {
    let mut keyed: Vec<(Key<'_>, &Object)> = catalog
        .objects()
        .iter()
        .map(|object| (Key::of(catalog, object), object))
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
    /// Objects that live in no schema come after those that do.
    schema: (bool, Option<&'a BStr>),
    name: &'a BStr,
}

impl<'a> Key<'a> {
    fn of(catalog: &'a Catalog, object: &'a Object) -> Key<'a> {
        let schema = catalog.schema_name(object);
        Key {
            priority: Priority::of(object),
            schema: (schema.is_none(), schema),
            name: object.name(),
        }
    }
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
