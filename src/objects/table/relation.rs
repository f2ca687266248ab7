//! Reading `pg_class`: every relation of the database as a bare [`Table`], the system's own included,
//! because dependencies, parents and grants may lead to any of them.
//!
//! What only wanted relations need (columns, constraints, …) is read later: see [`super::details`].

use bstr::BString;
use tokio_postgres::Row;

use super::{OwnedBy, Persistence, RelKind, ReplicaIdentity, Table};
use crate::connect::Columns;
use crate::error::{Error, ErrorKind, Result};
use crate::objects::{Acl, Body, Catalog, Components, Cost, Reader, class};
use crate::toc::{CatalogId, DumpId, Name, Names};

/// One row for a relation, as the catalogs have it.
#[derive(Debug)]
pub struct Relation {
    oid: u32,
    name: BString,
    schema: u32,
    owner: u32,
    acl: Option<Box<Acl>>,
    owning_table: u32,
    owning_column: i16,
    is_identity: bool,
    table: Box<Table>,
}

/// All relations and who inherits from whom.
#[derive(Debug)]
pub struct Relations {
    relations: Vec<Relation>,
    /// Child and parent, in the order of the child's parents.
    inheritance: Vec<(u32, u32)>,
}

/// Reads all relations.
///
/// # Errors
/// If the server refuses a query or a row is not what was asked for.
pub async fn read(reader: &Reader<'_>) -> Result<Relations> {
    let sql = relations_sql(reader);
    let mut names = Names::default();
    let relation = |row: &_| Relation::from_row(row, &mut names);
    let (relations, inheritance) = futures_util::try_join!(
        reader.each("relations", Cost(400_000), &sql, &[], relation),
        reader.each("inheritance", Cost(0), INHERITANCE_SQL, &[], link_from_row),
    )?;
    Ok(Relations {
        relations,
        inheritance,
    })
}

/// Adds all relations to the catalog, linked with their parents and the columns that own them.
///
/// # Errors
/// If the catalogs contradict each other: a schema or table that another row names is not there.
pub fn add(catalog: &mut Catalog, rows: Relations) -> Result<()> {
    let mut owned = Vec::new();
    for relation in rows.relations {
        if relation.owning_table != 0 {
            owned.push((
                relation.oid,
                relation.owning_table,
                relation.owning_column,
                relation.is_identity,
            ));
        }
        relation.add(catalog)?;
    }
    for (sequence, table, column, identity) in owned {
        let (Some(sequence), Some(table)) = (
            catalog.find(class::PG_CLASS, sequence),
            catalog.find(class::PG_CLASS, table),
        ) else {
            return Err(Error::new(
                ErrorKind::Protocol,
                format!(
                    "failed sanity check, parent table with OID {table} of sequence with OID {sequence} not found"
                ),
            ));
        };
        if let Some(sequence) = catalog.table_mut(sequence) {
            sequence.owned_by = Some(OwnedBy {
                table,
                column,
                identity,
            });
        }
    }
    for (child, parent) in rows.inheritance {
        // Partitioned indexes inherit too, but are no relations here.
        let Some(child_id) = catalog.find(class::PG_CLASS, child) else {
            continue;
        };
        let parent_id = catalog.find(class::PG_CLASS, parent).ok_or_else(|| {
            let name = &catalog.object(child_id).name;
            Error::new(
                ErrorKind::Protocol,
                format!(
                    "failed sanity check, parent OID {parent} of table \"{name}\" (OID {child}) not found"
                ),
            )
        })?;
        if let Some(table) = catalog.table_mut(child_id) {
            table.parents.push(parent_id);
        }
    }
    Ok(())
}

impl Catalog {
    /// The relation with this number, if the object is one.
    pub fn table(&self, id: DumpId) -> Option<&Table> {
        match &self.object(id).body {
            Body::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The relation with this number, to change it, if the object is one.
    pub fn table_mut(&mut self, id: DumpId) -> Option<&mut Table> {
        match &mut self.object_mut(id).body {
            Body::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The relation with this row of `pg_class`: its number, if it was read.
    ///
    /// # Errors
    /// If it was not, which means that the catalogs contradict each other.
    pub fn relation(&self, oid: u32) -> Result<DumpId> {
        self.find(class::PG_CLASS, oid).ok_or_else(|| {
            Error::new(
                ErrorKind::Protocol,
                format!("relation with OID {oid} does not exist"),
            )
        })
    }
}

/// Rows in any order: the inheritance order within a child is restored from `inhseqno`.
const INHERITANCE_SQL: &str =
    "SELECT inhrelid, inhparent FROM pg_catalog.pg_inherits ORDER BY inhrelid, inhseqno";

fn relations_sql(reader: &Reader<'_>) -> String {
    let v = reader.version;
    let row_security = v.pick(90_500, "c.relrowsecurity", "false");
    let force_row_security = v.pick(90_500, "c.relforcerowsecurity", "false");
    let replica_identity = v.pick(90_400, "c.relreplident", "'d'::pg_catalog.\"char\"");
    let populated = v.pick(90_300, "c.relispopulated", "true");
    let is_partition = v.pick(10, "c.relispartition", "false");
    let unsafe_partitions = v.pick(
        11,
        "c.relkind = 'p' AND c.oid IN (SELECT p.partrelid FROM pg_catalog.pg_partitioned_table p \
           JOIN pg_catalog.pg_opclass o ON o.oid = ANY (p.partclass) \
           JOIN pg_catalog.pg_am am ON am.oid = o.opcmethod AND am.amname = 'hash' \
           WHERE o.opcname = 'enum_ops' AND o.opcnamespace = 'pg_catalog'::pg_catalog.regnamespace)",
        "false",
    );
    let with_oids = v.pick(12, "false", "c.relhasoids");
    let access_method = v.pick(12, "am.amname", "NULL::pg_catalog.name");
    let join_access_method = v.pick(12, "LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam", "");
    let all_frozen = v.pick(18, "c.relallfrozen", "0");
    format!(
        r#"SELECT c.oid, c.relname, c.relnamespace, c.relowner, c.relkind, c.relpersistence, c.reltype,
  CASE WHEN c.reloftype <> 0 THEN pg_catalog.format_type(c.reloftype, NULL) END,
  {is_partition}, {unsafe_partitions}, {populated}, c.relpages, c.reltuples, c.relallvisible, {all_frozen},
  COALESCE(toast.relpages, 0), COALESCE(tablespace.spcname, ''), {access_method},
  c.reloptions, toast.reloptions, {replica_identity}, {row_security}, {force_row_security}, {with_oids}, c.relchecks,
  c.relhasindex, c.relhasrules, c.relhastriggers, COALESCE(ft.ftserver, 0::pg_catalog.oid),
  COALESCE(owner.refobjid, 0::pg_catalog.oid), COALESCE(owner.refobjsubid, 0)::pg_catalog.int2,
  COALESCE(owner.deptype = 'i', false), c.relacl::pg_catalog.text[],
  CASE WHEN c.relacl IS NOT NULL THEN pg_catalog.acldefault(
    CASE c.relkind WHEN 'S' THEN 's'::pg_catalog."char" ELSE 'r'::pg_catalog."char" END, c.relowner)::pg_catalog.text[] END
FROM pg_catalog.pg_class c
  LEFT JOIN pg_catalog.pg_class toast ON toast.oid = c.reltoastrelid AND toast.relkind = 't' AND c.relkind <> 'p'
  LEFT JOIN pg_catalog.pg_tablespace tablespace ON tablespace.oid = c.reltablespace
  {join_access_method}
  LEFT JOIN pg_catalog.pg_foreign_table ft ON ft.ftrelid = c.oid
  LEFT JOIN pg_catalog.pg_depend owner ON c.relkind = 'S' AND owner.classid = 1259 AND owner.objid = c.oid
    AND owner.objsubid = 0 AND owner.refclassid = 1259 AND owner.deptype IN ('a', 'i')
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')
ORDER BY c.oid"#
    )
}

fn link_from_row(row: &Row) -> Result<(u32, u32)> {
    let mut columns = Columns::new(row);
    Ok((columns.oid()?, columns.oid()?))
}

impl Relation {
    fn from_row(row: &Row, names: &mut Names) -> Result<Relation> {
        let mut c = Columns::new(row);
        let (oid, name, schema, owner) = (c.oid()?, c.text()?, c.oid()?, c.oid()?);
        let letter = c.char()?;
        let relkind = RelKind::from_letter(letter).ok_or_else(|| {
            Error::new(
                ErrorKind::Protocol,
                format!("relation {name} is of unknown kind {:?}", char::from(letter)),
            )
        })?;
        let mut table = Box::new(Table {
            relkind,
            persistence: match c.char()? {
                b'u' => Persistence::Unlogged,
                b't' => Persistence::Temporary,
                _ => Persistence::Permanent,
            },
            row_type: c.oid()?,
            of_type: c.opt_bytes()?.map(Name::from),
            is_partition: c.bool()?,
            unsafe_partitions: c.bool()?,
            populated: c.bool()?,
            pages: c.int4()?,
            tuples: c.float4()?,
            all_visible: c.int4()?,
            all_frozen: c.int4()?,
            toast_pages: c.int4()?,
            tablespace: names.name(c.bytes()?),
            access_method: c.opt_bytes()?.map(|name| names.name(name)),
            options: c.opt_texts()?.unwrap_or_default(),
            toast_options: c.opt_texts()?.unwrap_or_default().into(),
            replica_identity: match c.char()? {
                b'n' => ReplicaIdentity::Nothing,
                b'f' => ReplicaIdentity::Full,
                b'i' => ReplicaIdentity::Index,
                _ => ReplicaIdentity::Default,
            },
            row_security: c.bool()?,
            force_row_security: c.bool()?,
            with_oids: c.bool()?,
            check_count: c.int2()?,
            has_indexes: c.bool()?,
            has_rules: c.bool()?,
            has_triggers: c.bool()?,
            foreign_server: c.oid()?,
            ..Table::default()
        });
        table.check_option = take_check_option(&mut table.options);
        Ok(Relation {
            oid,
            name,
            schema,
            owner,
            owning_table: c.oid()?,
            owning_column: c.int2()?,
            is_identity: c.bool()?,
            acl: Acl::read(&mut c)?,
            table,
        })
    }

    fn add(self, catalog: &mut Catalog) -> Result<()> {
        let schema = catalog.schema(self.schema)?;
        let catalog_id = CatalogId {
            tableoid: class::PG_CLASS,
            oid: self.oid,
        };
        let object = catalog.add(catalog_id, self.name, Body::Table(self.table));
        object.schema = Some(schema);
        object.owner = self.owner;
        object.has |= Components::DATA;
        object.set_acl(self.acl);
        Ok(())
    }
}

/// Removes a view's check option from its parameters: it has a clause of its own in CREATE VIEW.
fn take_check_option(options: &mut Vec<BString>) -> Option<&'static str> {
    let mut check_option = None;
    options.retain(|option| {
        let found = match option.as_slice() {
            b"check_option=local" => "LOCAL",
            b"check_option=cascaded" => "CASCADED",
            _ => return true,
        };
        check_option = Some(found);
        false
    });
    check_option
}
