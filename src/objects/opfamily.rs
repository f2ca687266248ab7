//! An operator family, and the members of families and classes.
//!
//! A member belongs to a family; which operator class it came with, if any, only `pg_depend` knows. Those of a class
//! are made with it ([`super::opclass`]), the loose ones are added to the family here.

use std::collections::HashMap;

use bstr::BString;

use super::row::{ObjectRow, read_rows};
use super::{Body, Catalog, Components, Emitter, Object, Reader, attributes, class};
use crate::connect::Columns;
use crate::error::Result;
use crate::sql::{Quoting, put, text};
use crate::toc::{CatalogId, Desc, Section};

/// An operator family.
#[derive(Debug)]
pub struct OpFamily {
    /// The bare name of its access method.
    pub method: BString,
    /// Its loose members.
    pub members: Members,
}

/// The members of a family or class.
#[derive(Debug, Default)]
pub struct Members {
    /// The operators by strategy number.
    pub operators: Vec<OperatorMember>,
    /// The support functions by number.
    pub functions: Vec<FunctionMember>,
}

/// An operator of a family.
#[derive(Debug)]
pub struct OperatorMember {
    /// Its strategy number.
    pub strategy: i16,
    /// The operator with its operands, as SQL.
    pub operator: BString,
    /// The family that an ordering operator's results are sorted by: schema and name.
    pub sort_family: Option<(BString, BString)>,
}

/// A support function of a family.
#[derive(Debug)]
pub struct FunctionMember {
    /// Its number.
    pub number: i16,
    /// The function with its arguments, as SQL.
    pub function: BString,
    /// The operand types it is for, as SQL.
    pub operands: (BString, BString),
}

/// Reads all operator families that are not the system's own.
///
/// # Errors
/// If the query fails.
pub async fn read(reader: &Reader<'_>) -> Result<Vec<ObjectRow<OpFamily>>> {
    let first = reader.first_oid;
    let sql = &format!(
        "SELECT f.oid, f.opfname, f.opfnamespace, f.opfowner, a.amname \
         FROM pg_catalog.pg_opfamily f JOIN pg_catalog.pg_am a ON a.oid = f.opfmethod \
         WHERE f.oid >= {first} ORDER BY f.oid"
    );
    read_rows(reader, "operator families", sql, |c| {
        Ok(OpFamily {
            method: c.text()?,
            members: Members::default(),
        })
    })
    .await
}

/// Adds them to the catalog.
///
/// # Errors
/// If a family's schema was not read.
pub fn add(catalog: &mut Catalog, rows: Vec<ObjectRow<OpFamily>>) -> Result<()> {
    for row in rows {
        row.add(catalog, class::PG_OPFAMILY, Body::OpFamily)?;
    }
    Ok(())
}

/// Reads the members of all families and classes that are not the system's own.
///
/// # Errors
/// If a query fails.
pub async fn read_members(reader: &Reader<'_>) -> Result<HashMap<CatalogId, Members>> {
    let first = reader.first_oid;
    // An ordering operator depends on the family it sorts by, too.
    let operators = &format!(
        "SELECT d.refclassid, d.refobjid, m.amopstrategy, \
            m.amopopr::pg_catalog.regoperator::pg_catalog.text, n.nspname, s.opfname \
         FROM pg_catalog.pg_amop m \
         JOIN pg_catalog.pg_depend d ON d.classid = 2602 AND d.objid = m.oid \
            AND (d.refclassid = 2616 OR d.refclassid = 2753 AND d.refobjid = m.amopfamily) \
         LEFT JOIN pg_catalog.pg_opfamily s ON s.oid = m.amopsortfamily \
         LEFT JOIN pg_catalog.pg_namespace n ON n.oid = s.opfnamespace \
         WHERE m.oid >= {first} \
         ORDER BY m.amopstrategy, m.amoplefttype, m.amoprighttype"
    );
    let functions = &format!(
        "SELECT d.refclassid, d.refobjid, m.amprocnum, \
            m.amproc::pg_catalog.regprocedure::pg_catalog.text, \
            m.amproclefttype::pg_catalog.regtype::pg_catalog.text, \
            m.amprocrighttype::pg_catalog.regtype::pg_catalog.text \
         FROM pg_catalog.pg_amproc m \
         JOIN pg_catalog.pg_depend d ON d.classid = 2603 AND d.objid = m.oid AND d.refclassid IN (2616, 2753) \
         WHERE m.oid >= {first} \
         ORDER BY m.amprocnum, m.oid"
    );
    let (operators, functions) = futures_util::try_join!(
        reader.rows("operators of operator families", operators, &[]),
        reader.rows("functions of operator families", functions, &[]),
    )?;
    let mut members: HashMap<CatalogId, Members> = HashMap::new();
    let of = |c: &mut Columns<'_>| -> Result<CatalogId> {
        Ok(CatalogId {
            tableoid: c.oid()?,
            oid: c.oid()?,
        })
    };
    for row in &operators {
        let mut c = Columns::new(row);
        let of = members.entry(of(&mut c)?).or_default();
        of.operators.push(OperatorMember {
            strategy: c.int2()?,
            operator: c.text()?,
            sort_family: c.opt_text()?.zip(c.opt_text()?),
        });
    }
    for row in &functions {
        let mut c = Columns::new(row);
        let of = members.entry(of(&mut c)?).or_default();
        of.functions.push(FunctionMember {
            number: c.int2()?,
            function: c.text()?,
            operands: (c.text()?, c.text()?),
        });
    }
    Ok(members)
}

/// Gives families and classes, which must be there already, their members.
pub fn add_members(catalog: &mut Catalog, members: HashMap<CatalogId, Members>) {
    for (of, members) in members {
        let Some(id) = catalog.find(of.tableoid, of.oid) else {
            continue;
        };
        match &mut catalog.object_mut(id).body {
            Body::OpFamily(family) => family.members = members,
            Body::OpClass(class) => class.members = members,
            _ => {}
        }
    }
}

/// CREATE OPERATOR FAMILY with its loose members, and its comment.
pub fn emit(object: &Object, family: &OpFamily, out: &mut Emitter<'_>) {
    let catalog = out.catalog;
    let quoting = catalog.quoting;
    let using = text!(" USING ", quoting.ident(&family.method));
    if object.dumps(Components::DEFINITION) {
        let name = text!("OPERATOR FAMILY ", catalog.qualified(object), using);
        let mut create = text!("CREATE ", name, ";\n");
        let members = family.members.clauses(quoting);
        if !members.is_empty() {
            put!(create; "ALTER ", name, " ADD\n    ", bstr::join(MEMBER_SEPARATOR, members), ";\n");
        }
        let mut entry = out.entry(object, Desc::OperatorFamily, Section::PreData);
        entry.definition = Some(create);
        entry.drop_statement = Some(text!("DROP ", name, ";\n"));
        out.push(entry);
    }
    let name = text!(catalog.ident(object), using);
    attributes::emit(out, object, "OPERATOR FAMILY", name.as_ref());
}

/// What stands between members.
pub(super) const MEMBER_SEPARATOR: &str = " ,\n    ";

impl Members {
    /// The members as CREATE OPERATOR CLASS and ALTER OPERATOR FAMILY take them.
    pub(super) fn clauses(&self, quoting: Quoting) -> Vec<BString> {
        let operators = self.operators.iter().map(|member| {
            let mut out = text!("OPERATOR ", member.strategy.to_string(), " ", member.operator);
            if let Some((schema, name)) = &member.sort_family {
                put!(out; " FOR ORDER BY ", quoting.qualified(schema, name));
            }
            out
        });
        let functions = self.functions.iter().map(|member| {
            let (left, right) = &member.operands;
            let number = member.number.to_string();
            text!(
                "FUNCTION ",
                number,
                " (",
                left,
                ", ",
                right,
                ") ",
                member.function
            )
        });
        operators.chain(functions).collect()
    }
}
