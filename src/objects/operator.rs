//! An operator.

use bstr::BString;

use super::row::{ObjectRow, read_rows};
use super::{Body, Catalog, Components, Emitter, Object, Reader, attributes, class};
use crate::error::Result;
use crate::sql::{Quoting, put, text};
use crate::toc::{Desc, Section};

/// An operator. Types and functions are as SQL.
#[derive(Debug)]
pub struct Operator {
    /// `pg_operator.oprkind`: `b` between two operands, `l` before one, `r` behind one (before 14).
    pub kind: u8,
    /// The oid of the left operand's type, 0 if there is none.
    pub left: u32,
    /// The oid of the right operand's type, 0 if there is none.
    pub right: u32,
    /// The left operand's type.
    pub left_type: BString,
    /// The right operand's type.
    pub right_type: BString,
    /// The function it stands for; `None` for one that only another operator's definition mentions.
    pub function: Option<BString>,
    /// The same with its argument types.
    pub signature: BString,
    /// The operator with the operands exchanged: schema and name.
    pub commutator: Option<(BString, BString)>,
    /// The operator with the opposite result: schema and name.
    pub negator: Option<(BString, BString)>,
    /// The estimator of restrictions.
    pub restrict: Option<BString>,
    /// The estimator of joins.
    pub join: Option<BString>,
    /// The oids of those two that no operator has.
    pub dangling: Vec<u32>,
    /// It can be used for merge joins.
    pub merges: bool,
    /// It can be used for hash joins.
    pub hashes: bool,
}

/// Reads all operators that are not the system's own.
///
/// # Errors
/// If the query fails.
pub async fn read(reader: &Reader<'_>) -> Result<Vec<ObjectRow<Operator>>> {
    let first = reader.first_oid;
    let sql = &format!(
        "SELECT o.oid, o.oprname, o.oprnamespace, o.oprowner, o.oprkind, o.oprleft, o.oprright, \
            o.oprleft::pg_catalog.regtype::pg_catalog.text, o.oprright::pg_catalog.regtype::pg_catalog.text, \
            o.oprcode::pg_catalog.regprocedure::pg_catalog.text, \
            cn.nspname, co.oprname, nn.nspname, ne.oprname, \
            o.oprrest::pg_catalog.regprocedure::pg_catalog.text, \
            o.oprjoin::pg_catalog.regprocedure::pg_catalog.text, o.oprcanmerge, o.oprcanhash, \
            ARRAY[CASE WHEN co.oid IS NULL THEN o.oprcom ELSE 0 END, CASE WHEN ne.oid IS NULL THEN o.oprnegate ELSE 0 END] \
         FROM pg_catalog.pg_operator o \
         LEFT JOIN pg_catalog.pg_operator co ON co.oid = o.oprcom \
         LEFT JOIN pg_catalog.pg_namespace cn ON cn.oid = co.oprnamespace \
         LEFT JOIN pg_catalog.pg_operator ne ON ne.oid = o.oprnegate \
         LEFT JOIN pg_catalog.pg_namespace nn ON nn.oid = ne.oprnamespace \
         WHERE o.oid >= {first} ORDER BY o.oid"
    );
    read_rows(reader, "operators", sql, |c| {
        let (kind, left, right) = (c.char()?, c.oid()?, c.oid()?);
        let (left_type, right_type) = (c.text()?, c.text()?);
        let signature = c.text()?;
        Ok(Operator {
            kind,
            left,
            right,
            left_type,
            right_type,
            function: function_name(signature.clone()),
            signature,
            commutator: c.opt_text()?.zip(c.opt_text()?),
            negator: c.opt_text()?.zip(c.opt_text()?),
            restrict: function_name(c.text()?),
            join: function_name(c.text()?),
            merges: c.bool()?,
            hashes: c.bool()?,
            dangling: c.oids()?.into_iter().filter(|oid| *oid != 0).collect(),
        })
    })
    .await
}

/// Adds them to the catalog.
///
/// # Errors
/// If an operator's schema was not read.
pub fn add(catalog: &mut Catalog, rows: Vec<ObjectRow<Operator>>) -> Result<()> {
    for row in rows {
        row.add(catalog, class::PG_OPERATOR, Body::Operator)?;
    }
    Ok(())
}

/// CREATE OPERATOR and its comment.
pub fn emit(object: &Object, operator: &Operator, out: &mut Emitter<'_>) {
    let Some(function) = &operator.function else {
        return;
    };
    let catalog = out.catalog;
    let quoting = catalog.quoting;
    let (is_left, is_right) = (operator.kind != b'l', operator.kind != b'r');
    let operand = |there: bool, operand: &BString| if there { operand.clone() } else { "NONE".into() };
    let signature = text!(
        object.name,
        " (",
        operand(is_left, &operator.left_type),
        ", ",
        operand(is_right, &operator.right_type),
        ")"
    );
    if object.dumps(Components::DEFINITION) {
        if operator.kind == b'r' {
            let signature = &operator.signature;
            // No server since 14 can make it.
            out.warn(format!(
                "postfix operators are not supported anymore (operator \"{signature}\")"
            ));
        }
        operator.dangling.iter().for_each(|oid| out.warn(not_found(*oid)));
        let schema = quoting.ident(catalog.schema_name(object).unwrap_or_default());
        let mut create = text!(
            "CREATE OPERATOR ",
            schema,
            ".",
            object.name,
            " (\n    ",
            if out.options.knows(11) {
                "FUNCTION"
            } else {
                "PROCEDURE"
            },
            " = ",
            function
        );
        let reference = |name: &(BString, BString)| reference(name, quoting);
        for (clause, value) in [
            ("LEFTARG", is_left.then(|| operator.left_type.clone())),
            ("RIGHTARG", is_right.then(|| operator.right_type.clone())),
            ("COMMUTATOR", operator.commutator.as_ref().map(reference)),
            ("NEGATOR", operator.negator.as_ref().map(reference)),
        ] {
            if let Some(value) = value {
                put!(create; ",\n    ", clause, " = ", value);
            }
        }
        for (clause, stands) in [("MERGES", operator.merges), ("HASHES", operator.hashes)] {
            if stands {
                put!(create; ",\n    ", clause);
            }
        }
        for (clause, estimator) in [("RESTRICT", &operator.restrict), ("JOIN", &operator.join)] {
            if let Some(estimator) = estimator {
                put!(create; ",\n    ", clause, " = ", estimator);
            }
        }
        put!(create; "\n);\n");
        let mut entry = out.entry(object, Desc::Operator, Section::PreData);
        entry.definition = Some(create);
        entry.drop_statement = Some(text!("DROP OPERATOR ", schema, ".", signature, ";\n"));
        out.push(entry);
    }
    attributes::emit(out, object, "OPERATOR", signature.as_ref());
}

/// An operator in a place where the name alone would not do.
pub(super) fn reference((schema, name): &(BString, BString), quoting: Quoting) -> BString {
    text!("OPERATOR(", quoting.ident(schema), ".", name, ")")
}

/// The warning that an operator, which another object names, is gone.
pub(super) fn not_found(oid: u32) -> String {
    format!("could not find operator with OID {oid}")
}

/// The name in what `regprocedure` gives, which has the arguments too; `None` for no function.
fn function_name(mut procedure: BString) -> Option<BString> {
    if procedure == "-" {
        return None;
    }
    let mut quoted = false;
    let end = procedure.iter().position(|byte| {
        quoted ^= *byte == b'"';
        *byte == b'(' && !quoted
    });
    if let Some(end) = end {
        procedure.truncate(end);
    }
    Some(procedure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_of_a_procedure_are_cut_off_outside_quotes() {
        let name = |text: &str| function_name(text.into());
        assert_eq!(name("-"), None);
        assert_eq!(name("int4eq(integer,integer)").unwrap(), "int4eq");
        assert_eq!(name("\"a\"\"(\".\"f(x)\"(text)").unwrap(), "\"a\"\"(\".\"f(x)\"");
    }
}
