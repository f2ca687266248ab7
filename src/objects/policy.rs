//! Row security: policies, and the switch that puts a table's policies in force.
//!
//! Both are objects that come after the data, so that loading rows is not hindered. That the owner is
//! subject to policies too (FORCE) is a property that the table's own statements set.

use bstr::{BStr, BString};
use postgres_types::Type;

use super::attributes::{self, Subject};
use super::table::RelKind;
use super::{Body, Catalog, Components, Cost, Emitter, Object, Reader, class};
use crate::connect::Columns;
use crate::error::{Error, ErrorKind, Result};
use crate::sql::{put, text};
use crate::toc::{CatalogId, Desc, DumpId, Section};

/// A policy, or that row security is on.
#[derive(Debug)]
pub struct Policy {
    /// The table.
    pub table: DumpId,
    /// The policy; `None` for `ENABLE ROW LEVEL SECURITY`.
    pub definition: Option<Definition>,
}

/// What a policy says.
#[derive(Debug)]
pub struct Definition {
    /// What it is for, with a space before it: ` FOR SELECT`; empty for everything.
    command: &'static str,
    /// Rows that any permissive policy lets through must also pass all restrictive ones.
    permissive: bool,
    /// The roles it is for, as SQL; `None` for all.
    roles: Option<BString>,
    /// Which rows there are.
    using: Option<BString>,
    /// Which rows may be written.
    check: Option<BString>,
}

impl Policy {
    /// The expressions that it holds rows against.
    pub fn expressions(&self) -> Vec<&BString> {
        let definition = self.definition.iter();
        definition
            .flat_map(|definition| definition.using.iter().chain(&definition.check))
            .collect()
    }

    /// The same, to change them.
    pub fn expressions_mut(&mut self) -> Vec<&mut BString> {
        let definition = self.definition.iter_mut();
        definition
            .flat_map(|definition| definition.using.iter_mut().chain(&mut definition.check))
            .collect()
    }
}

/// One row of `pg_policy`.
#[derive(Debug)]
pub struct Row {
    oid: u32,
    table: u32,
    name: BString,
    definition: Definition,
}

/// Reads the policies of these relations.
///
/// # Errors
/// If the query fails, or a policy is for an unknown command.
pub async fn read_details(reader: &Reader<'_>, relations: &[u32]) -> Result<Vec<Row>> {
    let permissive = reader.version.pick(10, "p.polpermissive", "true");
    let none = "(SELECT 0::oid AS oid, 0::oid AS polrelid, ''::name AS polname, '*'::\"char\" AS polcmd, \
         '{0}'::oid[] AS polroles, NULL::pg_node_tree AS polqual, NULL::pg_node_tree AS polwithcheck WHERE false)";
    let policies = reader.version.pick(90_500, "pg_catalog.pg_policy", none);
    let sql = format!(
        "SELECT p.oid, p.polrelid, p.polname, p.polcmd, {permissive}, \
            CASE WHEN p.polroles <> '{{0}}' THEN pg_catalog.array_to_string(ARRAY( \
               SELECT pg_catalog.quote_ident(r.rolname) FROM pg_catalog.pg_roles r \
               WHERE r.oid = ANY (p.polroles)), ', ') END, \
            pg_catalog.pg_get_expr(p.polqual, p.polrelid), pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) \
         FROM {policies} p WHERE p.polrelid = ANY ($1) ORDER BY p.oid"
    );
    let (cost, params) = (
        Cost::of(relations.len(), 40),
        [(&relations as _, Type::OID_ARRAY)],
    );
    let from_row = |row: &_| {
        let mut c = Columns::new(row);
        Ok(Row {
            oid: c.oid()?,
            table: c.oid()?,
            name: c.text()?,
            definition: Definition {
                command: command(c.char()?)?,
                permissive: c.bool()?,
                roles: c.opt_text()?,
                using: c.opt_text()?,
                check: c.opt_text()?,
            },
        })
    };
    reader.each("policies", cost, &sql, &params, from_row).await
}

fn command(letter: u8) -> Result<&'static str> {
    match letter {
        b'*' => Ok(""),
        b'r' => Ok(" FOR SELECT"),
        b'a' => Ok(" FOR INSERT"),
        b'w' => Ok(" FOR UPDATE"),
        b'd' => Ok(" FOR DELETE"),
        _ => {
            let message = format!("unexpected policy command type: {}", char::from(letter));
            Err(Error::new(ErrorKind::Unsupported, message))
        }
    }
}

/// The oids of the tables whose policies are wanted.
pub fn wanted(catalog: &Catalog) -> Vec<u32> {
    let tables = catalog
        .objects()
        .iter()
        .filter(|object| can_have_policies(object));
    tables.map(|table| table.catalog_id.oid).collect()
}

fn can_have_policies(object: &Object) -> bool {
    object.dump.intersects(Components::POLICY)
        && matches!(&object.body, Body::Table(table)
            if matches!(table.relkind, RelKind::Table | RelKind::Partitioned))
}

/// Adds the policies, and an object for each of the wanted tables where row security is on.
pub fn add_details(catalog: &mut Catalog, rows: Vec<Row>) {
    let secured: Vec<DumpId> = catalog
        .objects()
        .iter()
        .filter(|object| {
            can_have_policies(object) && matches!(&object.body, Body::Table(table) if table.row_security)
        })
        .map(|object| object.id)
        .collect();
    for table in secured {
        let of = catalog.object(table);
        let id = CatalogId {
            tableoid: 0,
            oid: of.catalog_id.oid,
        };
        let name = of.name.clone();
        add_one(catalog, id, name, table, None);
    }
    for row in rows {
        let Some(table) = catalog.find(class::PG_CLASS, row.table) else {
            continue;
        };
        let id = CatalogId {
            tableoid: class::PG_POLICY,
            oid: row.oid,
        };
        add_one(catalog, id, row.name, table, Some(row.definition));
    }
}

fn add_one(
    catalog: &mut Catalog,
    id: CatalogId,
    name: BString,
    table: DumpId,
    definition: Option<Definition>,
) {
    let on = catalog.object_mut(table);
    on.has |= Components::POLICY;
    let (schema, owner) = (on.schema, on.owner);
    let object = catalog.add(id, name, Body::Policy(Box::new(Policy { table, definition })));
    object.schema = schema;
    object.owner = owner;
}

/// `ENABLE ROW LEVEL SECURITY`, or the policy and its comment.
pub fn emit(object: &Object, policy: &Policy, out: &mut Emitter<'_>) {
    if out.options.no_policies {
        return;
    }
    let catalog = out.catalog;
    let table = catalog.object(policy.table);
    let on = catalog.qualified(table);
    let Some(definition) = &policy.definition else {
        if object.dumps(Components::DEFINITION) {
            let mut entry = out.entry(object, Desc::RowSecurity, Section::PostData);
            entry.definition = Some(text!("ALTER TABLE ", on, " ENABLE ROW LEVEL SECURITY;"));
            // Nothing in pg_depend stands for the switch.
            entry.dependencies = vec![policy.table];
            out.push(entry);
        }
        return;
    };
    let name = catalog.ident(object);
    if object.dumps(Components::DEFINITION) {
        let mut entry = out.entry(object, Desc::Policy, Section::PostData);
        entry.tag = text!(table.name, " ", object.name);
        entry.definition = Some(definition.create(name.as_ref(), on.as_ref()));
        entry.drop_statement = Some(text!("DROP POLICY ", name, " ON ", on, ";\n"));
        out.push(entry);
    }
    if object.dumps(Components::COMMENT) {
        let word = text!("POLICY ", name, " ON");
        let on = catalog.ident(table);
        let subject = Subject {
            word: word.as_ref(),
            ..Subject::of(catalog, object, "", on.as_ref())
        };
        attributes::comment(out, &subject);
    }
}

impl Definition {
    fn create(&self, name: &BStr, on: &BStr) -> BString {
        let restrictive = if self.permissive { "" } else { " AS RESTRICTIVE" };
        let mut out = text!("CREATE POLICY ", name, " ON ", on, restrictive, self.command);
        if let Some(roles) = &self.roles {
            put!(out; " TO ", roles);
        }
        if let Some(using) = &self.using {
            put!(out; " USING (", using, ")");
        }
        if let Some(check) = &self.check {
            put!(out; " WITH CHECK (", check, ")");
        }
        put!(out; ";\n");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_says_only_what_differs_from_the_default() {
        let all = Definition {
            command: "",
            permissive: true,
            roles: None,
            using: Some("true".into()),
            check: None,
        };
        assert_eq!(
            all.create("p".into(), "s.t".into()),
            "CREATE POLICY p ON s.t USING (true);\n"
        );
        let some = Definition {
            command: " FOR UPDATE",
            permissive: false,
            roles: Some("alice, \"B b\"".into()),
            using: Some("(a > 0)".into()),
            check: Some("(a > 1)".into()),
        };
        assert_eq!(
            some.create("p".into(), "s.t".into()),
            "CREATE POLICY p ON s.t AS RESTRICTIVE FOR UPDATE TO alice, \"B b\" USING ((a > 0)) \
             WITH CHECK ((a > 1));\n"
        );
    }

    #[test]
    fn commands_are_known_by_their_letters() {
        assert_eq!(command(b'd').ok(), Some(" FOR DELETE"));
        assert!(command(b'x').is_err());
    }
}
