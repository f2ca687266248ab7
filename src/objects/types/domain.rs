//! A domain, and the constraints on it.
//!
//! A constraint that is valid is a clause of CREATE DOMAIN, so the domain waits for what the constraint needs.
//! One that is not valid, or that a repaired loop has set apart, is added by a statement of its own.

use bstr::{BStr, BString};
use postgres_types::Type as SqlType;

use super::{Definition, type_mut};
use crate::connect::Columns;
use crate::error::Result;
use crate::objects::attributes::{self, Subject};
use crate::objects::table::constraint::{Constraint, ConstraintKind, ConstraintOn};
use crate::objects::{Body, Catalog, Components, Cost, Emitter, Object, Reader, class};
use crate::sql::{Quoting, put, text};
use crate::toc::{CatalogId, Desc, DumpId, Section};

/// A domain.
#[derive(Debug)]
pub struct Domain {
    /// The type it is made from, as SQL.
    pub base: BString,
    /// NULL is no value of it.
    pub not_null: bool,
    /// Its default as SQL.
    pub default: Option<TypeDefault>,
    /// Its collation where that is not the base type's: schema and name.
    pub collation: Option<(BString, BString)>,
    /// Its check constraints, in the order of their names.
    pub checks: Vec<DumpId>,
    /// Its NOT NULL constraint, if the server keeps one and it is valid (17 and later).
    pub not_null_constraint: Option<DumpId>,
}

/// The default of a type.
#[derive(Debug)]
pub enum TypeDefault {
    /// An expression.
    Expression(BString),
    /// The text form of a value.
    Literal(BString),
}

/// One constraint as the catalog has it.
#[derive(Debug)]
pub(super) struct ConstraintRow {
    oid: u32,
    name: BString,
    domain: u32,
    kind: u8,
    validated: bool,
    definition: BString,
}

/// Reads the domains with these oids.
pub(super) async fn read(reader: &Reader<'_>, oids: &[u32]) -> Result<Vec<(u32, Domain)>> {
    let sql = "SELECT t.oid, pg_catalog.format_type(t.typbasetype, t.typtypmod), t.typnotnull, \
            pg_catalog.pg_get_expr(t.typdefaultbin, 'pg_catalog.pg_type'::pg_catalog.regclass), t.typdefault, \
            cn.nspname, co.collname \
         FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS w(oid) \
         JOIN pg_catalog.pg_type t ON t.oid = w.oid AND t.typtype = 'd' \
         LEFT JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype \
         LEFT JOIN pg_catalog.pg_collation co ON co.oid = t.typcollation AND t.typcollation <> b.typcollation \
         LEFT JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace";
    let (cost, params) = (Cost::of(oids.len(), 10), [(&oids as _, SqlType::OID_ARRAY)]);
    let from_row = |row: &_| {
        let mut c = Columns::new(row);
        let oid = c.oid()?;
        let domain = Domain {
            base: c.text()?,
            not_null: c.bool()?,
            default: TypeDefault::read(&mut c)?,
            collation: c.opt_text()?.zip(c.opt_text()?),
            checks: Vec::new(),
            not_null_constraint: None,
        };
        Ok((oid, domain))
    };
    reader.each("domains", cost, sql, &params, from_row).await
}

impl TypeDefault {
    /// The next two columns: the expression, and the text it is made of or stands for.
    pub(super) fn read(columns: &mut Columns<'_>) -> Result<Option<TypeDefault>> {
        let expression = columns.opt_text()?;
        let literal = columns.opt_text()?;
        Ok(match expression {
            Some(expression) => Some(TypeDefault::Expression(expression)),
            None => literal.map(TypeDefault::Literal),
        })
    }

    pub(super) fn to_sql(&self, quoting: Quoting) -> BString {
        match self {
            TypeDefault::Expression(expression) => expression.clone(),
            TypeDefault::Literal(value) => quoting.literal(value),
        }
    }
}

/// Reads the constraints on the domains with these oids.
pub(super) async fn read_constraints(reader: &Reader<'_>, oids: &[u32]) -> Result<Vec<ConstraintRow>> {
    let sql = "SELECT c.oid, c.conname, c.contypid, c.contype, c.convalidated, pg_catalog.pg_get_constraintdef(c.oid) \
         FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS w(oid) \
         JOIN pg_catalog.pg_constraint c ON c.contypid = w.oid AND c.contype IN ('c', 'n') \
         ORDER BY c.contypid, c.conname";
    let (cost, params) = (Cost::of(oids.len(), 30), [(&oids as _, SqlType::OID_ARRAY)]);
    let from_row = |row: &_| {
        let mut c = Columns::new(row);
        Ok(ConstraintRow {
            oid: c.oid()?,
            name: c.text()?,
            domain: c.oid()?,
            kind: c.char()?,
            validated: c.bool()?,
            definition: c.text()?,
        })
    };
    reader
        .each("domain constraints", cost, sql, &params, from_row)
        .await
}

pub(super) fn add_constraints(catalog: &mut Catalog, rows: Vec<ConstraintRow>) {
    for row in rows {
        let Some(domain) = catalog.find(class::PG_TYPE, row.domain) else {
            continue;
        };
        let Some(kind) = ConstraintKind::from_letter(row.kind) else {
            continue;
        };
        let schema = catalog.object(domain).schema;
        let id = CatalogId {
            tableoid: class::PG_CONSTRAINT,
            oid: row.oid,
        };
        let body = Constraint {
            on: ConstraintOn::Domain(domain),
            kind,
            definition: row.definition,
            index: None,
            referenced: None,
            deferrable: false,
            deferred: false,
            period: false,
            is_local: true,
            validated: row.validated,
            separate: !row.validated,
        };
        let object = catalog.add(id, row.name, Body::Constraint(Box::new(body)));
        object.schema = schema;
        let constraint = object.id;
        if let Some((_, body)) = type_mut(catalog, row.domain)
            && let Some(Definition::Domain(domain)) = body.definition.as_deref_mut()
        {
            match kind {
                ConstraintKind::NotNull if row.validated => domain.not_null_constraint = Some(constraint),
                ConstraintKind::NotNull => {}
                _ => domain.checks.push(constraint),
            }
        }
        if row.validated {
            catalog.object_mut(domain).depend_on(constraint);
        }
    }
}

impl Domain {
    pub(super) fn create(&self, qualified: &BStr, name: &BStr, catalog: &Catalog) -> BString {
        let quoting = catalog.quoting;
        let mut out = text!("CREATE DOMAIN ", qualified, " AS ", self.base);
        if let Some((schema, name)) = &self.collation {
            put!(out; " COLLATE ", quoting.qualified(schema, name));
        }
        if self.not_null {
            match self.not_null_constraint.map(|id| inline(catalog, id)) {
                None => put!(out; " NOT NULL"),
                // The server makes up the same name again.
                Some(Some((object, _))) if object.name == text!(name, "_not_null") => put!(out; " NOT NULL"),
                Some(Some((object, constraint))) => {
                    put!(out; " CONSTRAINT ", catalog.ident(object), " ", constraint.definition);
                }
                Some(None) => {}
            }
        }
        if let Some(default) = &self.default {
            put!(out; " DEFAULT ", default.to_sql(quoting));
        }
        for &id in &self.checks {
            if let Some((object, constraint)) = inline(catalog, id) {
                put!(out; "\n\tCONSTRAINT ", catalog.ident(object), " ", constraint.definition);
            }
        }
        put!(out; ";\n");
        out
    }

    /// The comments on those of its constraints that are clauses of CREATE DOMAIN.
    pub(super) fn emit_constraint_comments(&self, domain: &Object, out: &mut Emitter<'_>) {
        let catalog = out.catalog;
        for &id in self.checks.iter().chain(&self.not_null_constraint) {
            if let Some((constraint, _)) = inline(catalog, id) {
                emit_comment(constraint, domain, out);
            }
        }
    }
}

/// A constraint and its object, if it is a clause of CREATE DOMAIN.
fn inline(catalog: &Catalog, id: DumpId) -> Option<(&Object, &Constraint)> {
    let object = catalog.object(id);
    match &object.body {
        Body::Constraint(constraint) if !constraint.separate => Some((object, constraint)),
        _ => None,
    }
}

/// ALTER DOMAIN … ADD CONSTRAINT, for a constraint that is no clause of CREATE DOMAIN.
pub fn emit_constraint(object: &Object, constraint: &Constraint, domain: DumpId, out: &mut Emitter<'_>) {
    if !constraint.separate {
        return;
    }
    let catalog = out.catalog;
    let domain = catalog.object(domain);
    if object.dumps(Components::DEFINITION) {
        let desc = match constraint.kind {
            ConstraintKind::Check => Desc::CheckConstraint,
            _ => Desc::Constraint,
        };
        let mut entry = out.entry(object, desc, Section::PostData);
        let qualified = catalog.qualified(domain);
        let name = catalog.ident(object);
        entry.tag = text!(domain.name, " ", object.name);
        entry.owner = Some(out.name(catalog.owner_name(domain)));
        entry.definition = Some(text!(
            "ALTER DOMAIN ",
            qualified,
            "\n    ADD CONSTRAINT ",
            name,
            " ",
            constraint.definition,
            ";\n"
        ));
        entry.drop_statement = Some(text!(
            "ALTER DOMAIN ",
            qualified,
            " DROP CONSTRAINT ",
            name,
            ";\n"
        ));
        out.push(entry);
    }
    emit_comment(object, domain, out);
}

/// The comment on a domain's constraint.
fn emit_comment(constraint: &Object, domain: &Object, out: &mut Emitter<'_>) {
    if !constraint.dumps(Components::COMMENT) {
        return;
    }
    let catalog = out.catalog;
    let word = text!("CONSTRAINT ", catalog.ident(constraint), " ON DOMAIN");
    let name = catalog.ident(domain);
    let subject = Subject {
        row: constraint.catalog_id,
        word: word.as_ref(),
        ..Subject::of(catalog, domain, "", name.as_ref())
    };
    attributes::comment(out, &subject);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::ServerVersion;

    /// A catalog with one domain, and the constraints on it.
    fn domain(constraints: &[(&str, ConstraintKind, bool)]) -> (Catalog, Domain) {
        let mut catalog = Catalog::new(ServerVersion(180_000), Quoting::default());
        let mut domain = Domain {
            base: "text".into(),
            not_null: false,
            default: Some(TypeDefault::Expression("now()".into())),
            collation: Some(("pg_catalog".into(), "C".into())),
            checks: Vec::new(),
            not_null_constraint: None,
        };
        for &(name, kind, separate) in constraints {
            let is_not_null = kind == ConstraintKind::NotNull;
            let body = Constraint {
                on: ConstraintOn::Domain(DumpId(1)),
                kind,
                definition: if is_not_null { "NOT NULL" } else { "CHECK (x)" }.into(),
                index: None,
                referenced: None,
                deferrable: false,
                deferred: false,
                period: false,
                is_local: true,
                validated: true,
                separate,
            };
            let id = catalog
                .add(CatalogId::default(), name, Body::Constraint(Box::new(body)))
                .id;
            if is_not_null {
                domain.not_null = true;
                domain.not_null_constraint = Some(id);
            } else {
                domain.checks.push(id);
            }
        }
        (catalog, domain)
    }

    #[test]
    fn separate_constraints_are_no_clauses() {
        use ConstraintKind::{Check, NotNull};
        let create = |constraints: &[_]| {
            let (catalog, domain) = domain(constraints);
            domain.create("s.d".into(), "d".into(), &catalog)
        };
        let head = "CREATE DOMAIN s.d AS text COLLATE pg_catalog.\"C\"";
        assert_eq!(
            create(&[("A", Check, false), ("b", Check, true)]),
            text!(head, " DEFAULT now()\n\tCONSTRAINT \"A\" CHECK (x);\n")
        );
        assert_eq!(create(&[("n", NotNull, true)]), text!(head, " DEFAULT now();\n"));
    }

    #[test]
    fn a_not_null_constraint_is_named_if_the_server_would_name_it_otherwise() {
        let create = |name: &str| {
            let (catalog, domain) = domain(&[(name, ConstraintKind::NotNull, false)]);
            domain.create("d".into(), "d".into(), &catalog)
        };
        let head = "CREATE DOMAIN d AS text COLLATE pg_catalog.\"C\"";
        assert_eq!(create("d_not_null"), text!(head, " NOT NULL DEFAULT now();\n"));
        assert_eq!(
            create("n"),
            text!(head, " CONSTRAINT n NOT NULL DEFAULT now();\n")
        );
    }
}
