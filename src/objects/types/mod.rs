//! A data type: enum, domain, composite, range, base, or one that something else brings along.
//!
//! Every row of `pg_type` becomes an object, because other objects depend on types that no statement makes: the
//! row types of relations, array types and multiranges. What is particular to a kind of type is in its own
//! file, and read for the wanted types only.

pub mod base;
pub mod composite;
pub mod domain;
pub mod enumeration;
pub mod range;
pub mod shell;

use std::collections::HashSet;

use bstr::{BStr, BString};

use super::acl::acl_columns;
use super::{Acl, Body, Catalog, Components, Cost, Emitter, Object, Reader, attributes, class, upgrade};
use crate::connect::Columns;
use crate::error::Result;
use crate::sql::{Grantable, put, text};
use crate::toc::{CatalogId, Desc, DumpId, Section};

/// A data type.
#[derive(Debug)]
pub struct Type {
    /// What kind of type it is.
    pub kind: TypeKind,
    /// The relation whose rows it describes, 0 if it is no row type.
    pub relation: u32,
    /// The type it is an array of, or is subscripted to; 0 if none.
    pub element: u32,
    /// The shell that its functions need before it; for wanted base and range types.
    pub shell: Option<DumpId>,
    /// How it is made; read for wanted types whose kind has more than a name.
    pub definition: Option<Box<Definition>>,
}

/// `pg_type.typtype`, with what needs other columns to be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TypeKind {
    /// A base type.
    Base,
    /// A composite type that CREATE TYPE made.
    Composite,
    /// The row type of a table, view or the like.
    RowType,
    /// The array type that came with another type.
    Array,
    /// A domain.
    Domain,
    /// An enum.
    Enum,
    /// A pseudo-type of the system.
    Pseudo,
    /// A shell that was never given a body.
    Undefined,
    /// A range type.
    Range,
    /// The multirange type that came with a range type.
    Multirange,
    /// A letter that this program does not know.
    Unknown(u8),
}

impl TypeKind {
    /// True for types that come and go with another object and are never dumped themselves.
    pub fn is_implied(self) -> bool {
        matches!(self, TypeKind::RowType | TypeKind::Array | TypeKind::Multirange)
    }
}

/// How a type is made.
#[derive(Debug)]
#[expect(missing_docs, reason = "each variant is named for the kind")]
pub enum Definition {
    Base(base::Base),
    Composite(composite::Composite),
    Domain(domain::Domain),
    Enum(enumeration::Enum),
    Range(range::Range),
}

/// One type as the catalog has it.
#[derive(Debug)]
pub struct Row {
    oid: u32,
    name: BString,
    schema: u32,
    owner: u32,
    acl: Option<Box<Acl>>,
    kind: TypeKind,
    relation: u32,
    element: u32,
}

/// What [`read_details`] brings.
#[derive(Debug)]
pub struct Details {
    bases: Vec<(u32, base::Base)>,
    composites: Vec<composite::Row>,
    domains: Vec<(u32, domain::Domain)>,
    domain_constraints: Vec<domain::ConstraintRow>,
    labels: Vec<enumeration::Row>,
    ranges: Vec<(u32, range::Range)>,
}

/// Reads all types.
///
/// # Errors
/// If the query fails.
pub async fn read(reader: &Reader<'_>) -> Result<Vec<Row>> {
    let acl = acl_columns("t.typacl", 'T', "t.typowner");
    let sql = format!(
        "SELECT t.oid, t.typname, t.typnamespace, t.typowner, {acl}, t.typtype, t.typisdefined, \
            t.typrelid <> 0 AND r.oid IS NULL, t.typrelid, t.typelem, t.typarray \
         FROM pg_catalog.pg_type t \
         LEFT JOIN pg_catalog.pg_class r ON r.oid = t.typrelid AND r.relkind = 'c' \
         ORDER BY t.oid"
    );
    let mut arrays = HashSet::new();
    let from_row = |row: &_| {
        let mut c = Columns::new(row);
        let row = Row {
            oid: c.oid()?,
            name: c.text()?,
            schema: c.oid()?,
            owner: c.oid()?,
            acl: Acl::read(&mut c)?,
            kind: {
                let (letter, is_defined, is_row_type) = (c.char()?, c.bool()?, c.bool()?);
                match letter {
                    _ if is_row_type => TypeKind::RowType,
                    b'b' => TypeKind::Base,
                    b'c' => TypeKind::Composite,
                    b'd' => TypeKind::Domain,
                    b'e' => TypeKind::Enum,
                    b'm' => TypeKind::Multirange,
                    b'p' if is_defined => TypeKind::Pseudo,
                    b'p' => TypeKind::Undefined,
                    b'r' => TypeKind::Range,
                    other => TypeKind::Unknown(other),
                }
            },
            relation: c.oid()?,
            element: c.oid()?,
        };
        arrays.insert((row.oid, c.oid()?));
        Ok(row)
    };
    let cost = Cost(70_000);
    let mut rows = reader.each("types", cost, &sql, &[], from_row).await?;
    // A type may have elements without being the array type of what they are.
    for row in &mut rows {
        if row.element != 0 && row.kind != TypeKind::RowType && arrays.contains(&(row.element, row.oid)) {
            row.kind = TypeKind::Array;
        }
    }
    Ok(rows)
}

/// Adds them to the catalog.
///
/// # Errors
/// If a type's schema was not read.
pub fn add(catalog: &mut Catalog, rows: Vec<Row>) -> Result<()> {
    for row in rows {
        let schema = catalog.schema(row.schema)?;
        let id = CatalogId {
            tableoid: class::PG_TYPE,
            oid: row.oid,
        };
        let body = Type {
            kind: row.kind,
            relation: row.relation,
            element: row.element,
            shell: None,
            definition: None,
        };
        let object = catalog.add(id, row.name, Body::Type(Box::new(body)));
        object.schema = Some(schema);
        object.owner = row.owner;
        object.set_acl(row.acl);
    }
    Ok(())
}

/// The oids of the types whose details are needed, once it is known what is wanted.
pub fn wanted(catalog: &Catalog) -> Vec<u32> {
    let types = catalog.objects().iter().filter(|object| match &object.body {
        Body::Type(body) => !body.kind.is_implied() && object.dumps(Components::ALL),
        _ => false,
    });
    types.map(|object| object.catalog_id.oid).collect()
}

/// Reads how the types with these oids are made.
///
/// # Errors
/// If a query fails.
pub async fn read_details(reader: &Reader<'_>, oids: &[u32]) -> Result<Details> {
    let (bases, composites, domains, domain_constraints, labels, ranges) = futures_util::try_join!(
        base::read(reader, oids),
        composite::read(reader, oids),
        domain::read(reader, oids),
        domain::read_constraints(reader, oids),
        enumeration::read(reader, oids),
        range::read(reader, oids),
    )?;
    Ok(Details {
        bases,
        composites,
        domains,
        domain_constraints,
        labels,
        ranges,
    })
}

/// Puts them into the catalog, with the shells of base and range types and the constraints of domains as objects
/// of their own.
pub fn add_details(catalog: &mut Catalog, details: Details) {
    for (oid, base) in details.bases {
        define(catalog, oid, Definition::Base(base));
        shell::add(catalog, oid);
    }
    for (oid, range) in details.ranges {
        define(catalog, oid, Definition::Range(range));
        shell::add(catalog, oid);
    }
    for (oid, domain) in details.domains {
        define(catalog, oid, Definition::Domain(domain));
    }
    domain::add_constraints(catalog, details.domain_constraints);
    enumeration::add(catalog, details.labels);
    composite::add(catalog, details.composites);
}

/// The type with this oid, to change it; with its number.
fn type_mut(catalog: &mut Catalog, oid: u32) -> Option<(DumpId, &mut Type)> {
    let id = catalog.find(class::PG_TYPE, oid)?;
    match &mut catalog.object_mut(id).body {
        Body::Type(body) => Some((id, body)),
        _ => None,
    }
}

fn define(catalog: &mut Catalog, oid: u32, definition: Definition) {
    if let Some((_, body)) = type_mut(catalog, oid) {
        body.definition = Some(Box::new(definition));
    }
}

/// CREATE TYPE or CREATE DOMAIN, and what hangs on the type.
pub fn emit(object: &Object, body: &Type, out: &mut Emitter<'_>) {
    if body.kind.is_implied() {
        return;
    }
    let catalog = out.catalog;
    if let TypeKind::Unknown(_) = body.kind {
        if object.dumps(Components::DEFINITION) {
            out.warn(format!(
                "typtype of data type \"{}\" appears to be invalid",
                object.name
            ));
        }
        return;
    }
    let qualified = catalog.qualified(object);
    let qualified: &BStr = qualified.as_ref();
    let quoting = catalog.quoting;
    let (desc, verb, create, cascade) = match (body.definition.as_deref(), body.kind) {
        (Some(Definition::Base(base)), _) => {
            // The type's functions depend on it, and it on them: only CASCADE gets rid of them.
            (Desc::Type, "TYPE", base.create(qualified, quoting), " CASCADE")
        }
        (Some(Definition::Composite(composite)), _) => (
            Desc::Type,
            "TYPE",
            composite.create(qualified, body.relation, catalog),
            "",
        ),
        (Some(Definition::Enum(labels)), _) => {
            let create = labels.create(out, object.catalog_id.oid, qualified);
            (Desc::Type, "TYPE", create, "")
        }
        (Some(Definition::Range(range)), _) => (Desc::Type, "TYPE", range.create(qualified, quoting), ""),
        (Some(Definition::Domain(domain)), _) => {
            let create = domain.create(qualified, object.name(), catalog);
            (Desc::Domain, "DOMAIN", create, "")
        }
        (None, TypeKind::Enum) => {
            let empty = enumeration::Enum::default();
            let create = empty.create(out, object.catalog_id.oid, qualified);
            (Desc::Type, "TYPE", create, "")
        }
        (None, TypeKind::Composite) => {
            let empty = composite::Composite::default();
            (
                Desc::Type,
                "TYPE",
                empty.create(qualified, body.relation, catalog),
                "",
            )
        }
        (None, TypeKind::Undefined) => (Desc::Type, "TYPE", text!("CREATE TYPE ", qualified, ";\n"), ""),
        (None, TypeKind::Base | TypeKind::Range | TypeKind::Domain) => {
            if object.dumps(Components::DEFINITION) {
                out.fail_without("definition", object);
            }
            return;
        }
        (None, _) => return,
    };
    if object.dumps(Components::DEFINITION) {
        let mut entry = out.entry(object, desc, Section::PreData);
        let is_range = body.kind == TypeKind::Range;
        let is_domain = body.kind == TypeKind::Domain;
        let mut definition = upgrade::type_oids(out, object.catalog_id.oid, is_domain, is_range);
        if body.kind == TypeKind::Composite {
            put!(definition; upgrade::relation_oids(out, body.relation));
        }
        put!(definition; create);
        entry.definition = Some(definition);
        entry.drop_statement = Some(text!("DROP ", verb, " ", qualified, cascade, ";\n"));
        out.push(entry);
    }
    let name = catalog.ident(object);
    attributes::emit(out, object, verb, name.as_ref());
    attributes::acl(out, object, Grantable::Type, name.as_ref());
    match body.definition.as_deref() {
        Some(Definition::Composite(composite)) => composite.emit_column_comments(object, body.relation, out),
        Some(Definition::Domain(domain)) => domain.emit_constraint_comments(object, out),
        _ => {}
    }
}
