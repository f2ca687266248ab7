//! An aggregate function.

use bstr::BString;
use postgres_types::Type as SqlType;

use super::function::{self, Row, acl_changed, argument_types, rows};
use super::{Body, Catalog, Components, Cost, Emitter, Object, Reader, attributes, class, operator};
use crate::connect::Columns;
use crate::error::Result;
use crate::sql::{Grantable, Quoting, put, text};
use crate::toc::{Desc, Section};

/// An aggregate function.
#[derive(Debug)]
pub struct Aggregate {
    /// The types of its arguments.
    pub argument_types: Vec<u32>,
    /// The rest; read for wanted aggregates.
    pub details: Option<Details>,
}

/// What an aggregate is, beyond its name. Types and functions are as SQL.
#[derive(Debug)]
pub struct Details {
    /// `pg_aggregate.aggkind`.
    pub kind: u8,
    /// The types of its arguments, direct ones first.
    pub argument_types: Vec<BString>,
    /// The arguments with names, modes and ORDER BY.
    pub arguments: BString,
    /// The arguments that identify it.
    pub identity_arguments: BString,
    /// How it is computed.
    pub ordinary: Mode,
    /// How it is computed over a moving frame.
    pub moving: Option<Mode>,
    /// The inverse of the moving frame's transition.
    pub inverse: Option<BString>,
    /// Combines two states.
    pub combine: Option<BString>,
    /// Writes a state down.
    pub serialize: Option<BString>,
    /// Reads it again.
    pub deserialize: Option<BString>,
    /// The operator that its value is the first by: schema and name.
    pub sort_operator: Option<(BString, BString)>,
    /// The oid of that operator if there is none; 0 otherwise.
    pub dangling_sort_operator: u32,
    /// `pg_proc.proparallel`.
    pub parallel: u8,
}

/// One way of computing an aggregate.
#[derive(Debug)]
pub struct Mode {
    /// The transition function.
    pub transition: BString,
    /// The type of the state.
    pub state: BString,
    /// The estimated bytes of a state, 0 for the default.
    pub space: i32,
    /// The first state.
    pub initial: Option<BString>,
    /// Makes the result from the state.
    pub last: Option<BString>,
    /// It gets dummies for the arguments.
    pub last_extra: bool,
    /// Whether it may change the state (`pg_aggregate.aggfinalmodify`).
    pub last_modify: u8,
}

/// Reads all aggregates that are not the system's own, or whose grants have changed.
///
/// # Errors
/// If the query fails.
pub async fn read(reader: &Reader<'_>) -> Result<Vec<Row>> {
    let v = reader.version;
    let acl = super::acl::acl_columns("p.proacl", 'f', "p.proowner");
    let is_aggregate = v.pick(11, "p.prokind = 'a'", "p.proisagg");
    let (initial, acl_changed) = acl_changed(v);
    let sql = format!(
        "SELECT p.oid, p.proname, p.pronamespace, p.proowner, {acl}, p.proargtypes \
         FROM pg_catalog.pg_proc p {initial} \
         WHERE {is_aggregate} AND (p.pronamespace <> 11 OR {acl_changed}) \
         ORDER BY p.oid"
    );
    rows(reader, "aggregates", &sql).await
}

/// Adds them to the catalog.
///
/// # Errors
/// If an aggregate's schema was not read.
pub fn add(catalog: &mut Catalog, rows: Vec<Row>) -> Result<()> {
    for row in rows {
        row.add(catalog, |argument_types| {
            Body::Aggregate(Box::new(Aggregate {
                argument_types,
                details: None,
            }))
        })?;
    }
    Ok(())
}

/// The oids of the aggregates whose details are needed, once it is known what is wanted.
pub fn wanted(catalog: &Catalog) -> Vec<u32> {
    let aggregates = catalog
        .objects()
        .iter()
        .filter(|object| matches!(object.body, Body::Aggregate(_)) && object.dumps(Components::ALL));
    aggregates.map(|object| object.catalog_id.oid).collect()
}

/// Reads the details of the aggregates with these oids.
///
/// # Errors
/// If the query fails.
pub async fn read_details(reader: &Reader<'_>, oids: &[u32]) -> Result<Vec<(u32, Details)>> {
    let v = reader.version;
    let function = |column: &str| format!("CASE WHEN a.{column} <> 0 THEN a.{column}::pg_catalog.text END");
    let null = "NULL::pg_catalog.text";
    // Moving aggregates and the kinds came with 9.4, parallel ones with 9.6, the modify flags with 11.
    let since_94 = |column: String, before: &str| v.pick(90_400, column, before.to_owned());
    let since_96 = |column: String, before: &str| v.pick(90_600, column, before.to_owned());
    let since_11 = |column: &str| {
        let before = "CASE WHEN a.aggkind = 'n' THEN 'r' ELSE 'w' END::pg_catalog.\"char\"";
        let before = v.pick(90_400, before, "'r'::pg_catalog.\"char\"");
        v.pick(11, column, before).to_owned()
    };
    let columns = [
        since_94("a.aggkind".to_owned(), "'n'::pg_catalog.\"char\""),
        argument_types("p"),
        "pg_catalog.pg_get_function_arguments(p.oid)".to_owned(),
        "pg_catalog.pg_get_function_identity_arguments(p.oid)".to_owned(),
        "a.aggtransfn::pg_catalog.text".to_owned(),
        "a.aggtranstype::pg_catalog.regtype::pg_catalog.text".to_owned(),
        since_94("a.aggtransspace".to_owned(), "0"),
        "a.agginitval".to_owned(),
        function("aggfinalfn"),
        since_94("a.aggfinalextra".to_owned(), "false"),
        since_11("a.aggfinalmodify"),
        since_94(function("aggmtransfn"), null),
        since_94(
            "a.aggmtranstype::pg_catalog.regtype::pg_catalog.text".to_owned(),
            null,
        ),
        since_94("a.aggmtransspace".to_owned(), "0"),
        since_94("a.aggminitval".to_owned(), null),
        since_94(function("aggmfinalfn"), null),
        since_94("a.aggmfinalextra".to_owned(), "false"),
        since_11("a.aggmfinalmodify"),
        since_94(function("aggminvtransfn"), null),
        since_96(function("aggcombinefn"), null),
        since_96(function("aggserialfn"), null),
        since_96(function("aggdeserialfn"), null),
        "n.nspname".to_owned(),
        "o.oprname".to_owned(),
        since_96("p.proparallel".to_owned(), "'u'::pg_catalog.\"char\""),
        "CASE WHEN o.oid IS NULL THEN a.aggsortop ELSE 0 END".to_owned(),
    ];
    let sql = format!(
        "SELECT p.oid, {} \
         FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS w(oid) \
         JOIN pg_catalog.pg_proc p ON p.oid = w.oid \
         JOIN pg_catalog.pg_aggregate a ON a.aggfnoid = p.oid \
         LEFT JOIN pg_catalog.pg_operator o ON o.oid = a.aggsortop \
         LEFT JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace",
        columns.join(", ")
    );
    let (cost, params) = (Cost::of(oids.len(), 60), [(&oids as _, SqlType::OID_ARRAY)]);
    let from_row = |row: &_| {
        let mut c = Columns::new(row);
        let oid = c.oid()?;
        let details = Details {
            kind: c.char()?,
            argument_types: c.texts()?,
            arguments: c.text()?,
            identity_arguments: c.text()?,
            ordinary: Mode {
                transition: c.text()?,
                state: c.text()?,
                space: c.int4()?,
                initial: c.opt_text()?,
                last: c.opt_text()?,
                last_extra: c.bool()?,
                last_modify: c.char()?,
            },
            moving: {
                let (transition, state) = (c.opt_text()?, c.opt_text()?.unwrap_or_default());
                let mode = Mode {
                    transition: transition.clone().unwrap_or_default(),
                    state,
                    space: c.int4()?,
                    initial: c.opt_text()?,
                    last: c.opt_text()?,
                    last_extra: c.bool()?,
                    last_modify: c.char()?,
                };
                transition.is_some().then_some(mode)
            },
            inverse: c.opt_text()?,
            combine: c.opt_text()?,
            serialize: c.opt_text()?,
            deserialize: c.opt_text()?,
            sort_operator: c.opt_text()?.zip(c.opt_text()?),
            parallel: c.char()?,
            dangling_sort_operator: c.oid()?,
        };
        Ok((oid, details))
    };
    reader
        .each("aggregate definitions", cost, &sql, &params, from_row)
        .await
}

/// Puts them into the catalog.
pub fn add_details(catalog: &mut Catalog, rows: Vec<(u32, Details)>) {
    for (oid, details) in rows {
        if let Some(id) = catalog.find(class::PG_PROC, oid)
            && let Body::Aggregate(aggregate) = &mut catalog.object_mut(id).body
        {
            aggregate.details = Some(details);
        }
    }
}

/// CREATE AGGREGATE, and what hangs on the aggregate.
pub fn emit(object: &Object, aggregate: &Aggregate, out: &mut Emitter<'_>) {
    let Some(details) = &aggregate.details else {
        if object.dumps(Components::DEFINITION) {
            out.fail(function::undefined(object));
        }
        return;
    };
    let catalog = out.catalog;
    let quoting = catalog.quoting;
    let name = catalog.ident(object);
    let types = bstr::join(", ", &details.argument_types);
    let or_star = |arguments: &[u8]| {
        let arguments = if details.argument_types.is_empty() {
            b"*"
        } else {
            arguments
        };
        text!("(", arguments, ")")
    };
    let signature = text!(name, or_star(&details.identity_arguments));
    if object.dumps(Components::DEFINITION) {
        if details.dangling_sort_operator != 0 {
            out.warn(operator::not_found(details.dangling_sort_operator));
        }
        let mut entry = out.entry(object, Desc::Aggregate, Section::PreData);
        entry.tag = text!(object.name, or_star(&types));
        let qualified = catalog.qualified(object);
        entry.definition = Some(text!(
            "CREATE AGGREGATE ",
            qualified,
            or_star(&details.arguments),
            " (\n",
            details.clauses(quoting),
            "\n);\n"
        ));
        let identity = or_star(&details.identity_arguments);
        entry.drop_statement = Some(text!("DROP AGGREGATE ", qualified, identity, ";\n"));
        out.push(entry);
    }
    attributes::emit(out, object, "AGGREGATE", signature.as_ref());
    // There is no GRANT ON AGGREGATE: what is granted on is a function with these arguments.
    let function = text!(name, "(", types, ")");
    attributes::acl(out, object, Grantable::Function, function.as_ref());
}

impl Details {
    fn clauses(&self, quoting: Quoting) -> BString {
        let mut out = BString::default();
        let mut clause = |name: &str, value: Option<BString>| {
            if let Some(value) = value {
                let comma = if out.is_empty() { "" } else { ",\n" };
                put!(out; comma, "    ", name, " = ", value);
            }
        };
        let literal = |value: &BString| quoting.literal(value);
        let space = |mode: &Mode| (mode.space != 0).then(|| BString::from(mode.space.to_string()));
        let ordinary = &self.ordinary;
        clause("SFUNC", Some(ordinary.transition.clone()));
        clause("STYPE", Some(ordinary.state.clone()));
        clause("SSPACE", space(ordinary));
        clause("INITCOND", ordinary.initial.as_ref().map(literal));
        clause("FINALFUNC", self.final_clause(ordinary, "FINALFUNC"));
        clause("COMBINEFUNC", self.combine.clone());
        clause("SERIALFUNC", self.serialize.clone());
        clause("DESERIALFUNC", self.deserialize.clone());
        if let Some(moving) = &self.moving {
            clause("MSFUNC", Some(moving.transition.clone()));
            clause("MINVFUNC", self.inverse.clone());
            clause("MSTYPE", Some(moving.state.clone()));
            clause("MSSPACE", space(moving));
            clause("MINITCOND", moving.initial.as_ref().map(literal));
            clause("MFINALFUNC", self.final_clause(moving, "MFINALFUNC"));
        }
        let sort_operator = self.sort_operator.as_ref();
        clause(
            "SORTOP",
            sort_operator.map(|name| operator::reference(name, quoting)),
        );
        if self.kind == b'h' {
            put!(out; ",\n    HYPOTHETICAL");
        }
        match self.parallel {
            b's' => put!(out; ",\n    PARALLEL = safe"),
            b'r' => put!(out; ",\n    PARALLEL = restricted"),
            _ => {}
        }
        out
    }

    /// The final function, and what is said of it where that is not its kind's default.
    fn final_clause(&self, mode: &Mode, name: &str) -> Option<BString> {
        let mut out = mode.last.clone()?;
        if mode.last_extra {
            put!(out; ",\n    ", name, "_EXTRA");
        }
        let default = if self.kind == b'n' { b'r' } else { b'w' };
        if mode.last_modify != default {
            let modify = match mode.last_modify {
                b's' => "SHAREABLE",
                b'w' => "READ_WRITE",
                _ => "READ_ONLY",
            };
            put!(out; ",\n    ", name, "_MODIFY = ", modify);
        }
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(transition: &str, last: Option<&str>, last_modify: u8) -> Mode {
        Mode {
            transition: transition.into(),
            state: "internal".into(),
            space: 0,
            initial: None,
            last: last.map(BString::from),
            last_extra: false,
            last_modify,
        }
    }

    #[test]
    fn clauses_come_in_their_order_and_only_where_they_say_something() {
        let mut details = Details {
            kind: b'n',
            argument_types: Vec::new(),
            arguments: BString::default(),
            identity_arguments: BString::default(),
            ordinary: mode("f", Some("g"), b'r'),
            moving: None,
            inverse: None,
            combine: None,
            serialize: None,
            deserialize: None,
            sort_operator: None,
            dangling_sort_operator: 0,
            parallel: b'u',
        };
        assert_eq!(
            details.clauses(Quoting::default()),
            "    SFUNC = f,\n    STYPE = internal,\n    FINALFUNC = g"
        );
        // The flag that is an ordinary aggregate's default is not a hypothetical-set one's.
        details.kind = b'h';
        details.ordinary.last_extra = true;
        details.ordinary.initial = Some("it's".into());
        details.moving = Some(Mode {
            space: 8,
            ..mode("mf", None, b'w')
        });
        details.inverse = Some("inv".into());
        details.sort_operator = Some(("pg_catalog".into(), ">".into()));
        details.parallel = b's';
        assert_eq!(
            details.clauses(Quoting::default()),
            "    SFUNC = f,\n    STYPE = internal,\n    INITCOND = 'it''s',\n    FINALFUNC = g,\n    \
             FINALFUNC_EXTRA,\n    FINALFUNC_MODIFY = READ_ONLY,\n    MSFUNC = mf,\n    MINVFUNC = inv,\n    \
             MSTYPE = internal,\n    MSSPACE = 8,\n    SORTOP = OPERATOR(pg_catalog.>),\n    HYPOTHETICAL,\n    \
             PARALLEL = safe"
        );
    }
}
