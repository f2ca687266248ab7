//! Columns of relations: what the catalogs say about each, and which of them a CREATE TABLE prints.
//!
//! Defaults are objects of their own ([`super::attrdef`]); so are NOT NULL constraints that are not valid yet.

use bstr::{BStr, ByteSlice};
use postgres_types::Type;
use tokio_postgres::Row;

use super::details::rows_of;
use super::{RelKind, Table};
use crate::connect::Columns;
use crate::error::Result;
use crate::objects::{Body, Catalog, Cost, Reader};
use crate::toc::{DumpId, Name, Names};

/// One column, dropped ones included: a column's place in [`Table::columns`] is its
/// attribute number minus one.
#[derive(Debug, Clone, Default)]
pub struct Column {
    /// Its bare name.
    pub name: Name,
    /// Its type as SQL, modifiers included; empty for dropped columns.
    pub type_name: Name,
    /// Its type's oid, 0 for dropped columns.
    pub type_oid: u32,
    /// The column was dropped; its place remains.
    pub dropped: bool,
    /// Its NOT NULL constraint, if it has a valid one.
    pub not_null: Option<NotNull>,
    /// Its default or generation expression.
    pub default: Option<DumpId>,
    /// `a` for GENERATED ALWAYS AS IDENTITY, `d` for BY DEFAULT, 0 for neither.
    pub identity: u8,
    /// `s` for a stored generated column, `v` for a virtual one, 0 for neither.
    pub generated: u8,
    /// It is generated on the server that is read, but is made an ordinary column.
    pub was_generated: bool,
    /// `pg_attribute.attstorage`.
    pub storage: u8,
    /// The storage a column of its type has unless told otherwise.
    pub type_storage: u8,
    /// `p` for pglz, `l` for lz4, 0 for the default.
    pub compression: u8,
    /// The statistics target, if it was set.
    pub statistics_target: Option<i32>,
    /// Per-column options as they stand between the parentheses of SET; empty if there are none.
    pub options: Name,
    /// Options of a foreign table's column as they stand between the parentheses of OPTIONS; empty if there
    /// are none.
    pub fdw_options: Name,
    /// The collation where it is not the type's own: schema and name.
    pub collation: Option<Box<(Name, Name)>>,
    /// The column is declared in this table, not (only) inherited.
    pub is_local: bool,
}

/// What CREATE TABLE must say about a column's NOT NULL constraint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotNull {
    /// Its name, where it is not the one that the server would choose.
    pub name: Option<Name>,
    /// The comment on it.
    pub comment: Option<Name>,
    /// It is not inherited by children.
    pub no_inherit: bool,
    /// It is to be printed with this table: parents do not imply it.
    pub is_local: bool,
}

/// One column as the catalogs have it.
#[derive(Debug)]
pub struct ColumnRow {
    table: u32,
    number: i16,
    column: Column,
}

/// Reads the columns of the relations `wanted`, dropped ones included.
///
/// # Errors
/// If the server refuses the query or a row is not what was asked for.
pub async fn read(reader: &Reader<'_>, wanted: &[u32]) -> Result<Vec<ColumnRow>> {
    let sql = columns_sql(reader);
    let (cost, params) = (Cost::of(wanted.len(), 30), [(&wanted as _, Type::OID_ARRAY)]);
    let mut names = Names::default();
    let make = |row: &_| ColumnRow::from_row(row, &mut names);
    reader.each("columns", cost, &sql, &params, make).await
}

/// Gives every table its columns.
///
/// # Errors
/// If a column's table is not in the catalog.
pub fn add(catalog: &mut Catalog, rows: Vec<ColumnRow>) -> Result<()> {
    for row in rows {
        let id = catalog.relation(row.table)?;
        let mut column = row.column;
        if let Some(not_null) = &mut column.not_null {
            not_null.forget_chosen_name(catalog.object(id).name(), &column.name);
        }
        let Some(table) = catalog.table_mut(id) else {
            continue;
        };
        let Some(place) = place(row.number) else {
            continue;
        };
        if table.columns.len() <= place {
            table.columns.resize_with(place + 1, Column::default);
        }
        table.columns[place] = column;
    }
    // There are more columns than anything else, and no more of them will come.
    for object in catalog.objects_mut() {
        if let Body::Table(table) = &mut object.body {
            table.columns.shrink_to_fit();
        }
    }
    Ok(())
}

/// The place in [`Table::columns`] of the column with this attribute number; `None` for system columns.
pub(super) fn place(number: i16) -> Option<usize> {
    usize::try_from(number).ok()?.checked_sub(1)
}

impl Table {
    /// The column with this attribute number.
    pub fn column(&self, number: i16) -> Option<&Column> {
        self.columns.get(place(number)?)
    }

    /// True if CREATE TABLE mentions this column of the table: it is not dropped, and declared here rather than
    /// inherited. Partitions are made apart from their parents, with all columns.
    pub fn prints(&self, column: &Column) -> bool {
        !column.dropped && (column.is_local || self.is_partition)
    }

    /// What ALTER says before TABLE: `FOREIGN ` for foreign tables.
    pub fn foreign_word(&self) -> &'static str {
        match self.relkind {
            RelKind::Foreign => "FOREIGN ",
            _ => "",
        }
    }
}

impl Catalog {
    /// True if CREATE TABLE mentions this column of the table: all of them for pg_upgrade, dropped ones too, and else as
    /// [`Table::prints`] says.
    pub fn prints(&self, table: &Table, column: &Column) -> bool {
        self.upgrade.is_some() || table.prints(column)
    }
}

fn columns_sql(reader: &Reader<'_>) -> String {
    let v = reader.version;
    let identity = v.pick(10, "a.attidentity", "''::pg_catalog.\"char\"");
    let generated = v.pick(12, "a.attgenerated", "''::pg_catalog.\"char\"");
    let compression = v.pick(14, "a.attcompression", "''::pg_catalog.\"char\"");
    // Before 18 a NOT NULL constraint is a flag; it has neither name nor row.
    let not_null = v.pick(18, "nn.oid IS NOT NULL AND nn.convalidated", "a.attnotnull");
    let name = v.pick(18, "nn.conname", "NULL::pg_catalog.name");
    let comment = v.pick(18, "nnd.description", "NULL::pg_catalog.text");
    let no_inherit = v.pick(18, "COALESCE(nn.connoinherit, false)", "false");
    let is_local = v.pick(18, "COALESCE(nn.conislocal, false)", "true");
    let constraints = v.pick(
        18,
        "LEFT JOIN pg_catalog.pg_constraint nn ON nn.conrelid = a.attrelid AND nn.contype = 'n' \
           AND nn.conkey[1] = a.attnum \
         LEFT JOIN pg_catalog.pg_description nnd ON nnd.classoid = 2606 AND nnd.objoid = nn.oid \
           AND nnd.objsubid = 0",
        "",
    );
    let (attributes, is_wanted) = rows_of(v, "pg_catalog.pg_attribute a", "a.attrelid");
    format!(
        "SELECT a.attrelid, a.attnum, a.attname, a.attisdropped, \
           CASE WHEN NOT a.attisdropped THEN pg_catalog.format_type(a.atttypid, a.atttypmod) ELSE '' END, \
           a.atttypid, {identity}, {generated}, a.attstorage, COALESCE(t.typstorage, a.attstorage), \
           {compression}, a.attstattarget::pg_catalog.int4, \
           COALESCE(pg_catalog.array_to_string(a.attoptions, ', '), ''), \
           CASE WHEN a.attfdwoptions IS NULL THEN '' ELSE ({FDW_OPTIONS}) END, \
           collns.nspname, coll.collname, a.attislocal, \
           {not_null}, {name}, {comment}, {no_inherit}, {is_local} \
         FROM {attributes} \
           LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid AND NOT a.attisdropped \
           LEFT JOIN pg_catalog.pg_collation coll ON coll.oid = a.attcollation AND a.attcollation <> t.typcollation \
           LEFT JOIN pg_catalog.pg_namespace collns ON collns.oid = coll.collnamespace \
           {constraints} \
         WHERE a.attnum > 0 AND {is_wanted}"
    )
}

/// A column's options for its foreign-data wrapper as they stand within `OPTIONS (…)`.
const FDW_OPTIONS: &str = "SELECT pg_catalog.string_agg(\
     pg_catalog.quote_ident(option_name) || ' ' || pg_catalog.quote_literal(option_value), \
     E',\n    ' ORDER BY option_name) FROM pg_catalog.pg_options_to_table(a.attfdwoptions)";

impl ColumnRow {
    fn from_row(row: &Row, names: &mut Names) -> Result<ColumnRow> {
        let mut c = Columns::new(row);
        let (table, number) = (c.oid()?, c.int2()?);
        let mut column = Column {
            name: names.name(c.bytes()?),
            dropped: c.bool()?,
            type_name: names.name(c.bytes()?),
            type_oid: c.oid()?,
            identity: c.char()?,
            generated: c.char()?,
            storage: c.char()?,
            type_storage: c.char()?,
            compression: c.char()?,
            statistics_target: c.opt_int4()?.filter(|target| *target >= 0),
            options: names.name(c.bytes()?),
            fdw_options: names.name(c.bytes()?),
            collation: match (c.opt_bytes()?, c.opt_bytes()?) {
                (Some(schema), Some(name)) => Some(Box::new((names.name(schema), names.name(name)))),
                _ => None,
            },
            is_local: c.bool()?,
            ..Column::default()
        };
        let has_not_null = c.bool()?;
        let not_null = NotNull {
            name: c.opt_bytes()?.map(Name::from),
            comment: c.opt_bytes()?.map(Name::from),
            no_inherit: c.bool()?,
            is_local: c.bool()?,
        };
        column.not_null = has_not_null.then_some(not_null);
        Ok(ColumnRow {
            table,
            number,
            column,
        })
    }
}

impl NotNull {
    /// Drops the name if the server would choose the same again, unless a comment must find it.
    fn forget_chosen_name(&mut self, table: &BStr, column: &BStr) {
        let is_chosen = |name: &Name| {
            let rest = name.strip_prefix(table.as_bytes());
            let rest = rest.and_then(|rest| rest.strip_prefix(b"_"));
            let rest = rest.and_then(|rest| rest.strip_prefix(column.as_bytes()));
            rest == Some(b"_not_null")
        };
        if self.comment.is_none() && self.name.as_ref().is_some_and(is_chosen) {
            self.name = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_name_that_the_server_chooses_is_left_out() {
        let forgotten = |name: &str, comment: Option<&str>| {
            let mut not_null = NotNull {
                name: Some(name.into()),
                comment: comment.map(Name::from),
                ..NotNull::default()
            };
            not_null.forget_chosen_name("t".into(), "c".into());
            not_null.name.is_none()
        };
        assert!(forgotten("t_c_not_null", None));
        assert!(!forgotten("t_c_not_null", Some("a comment needs the name")));
        assert!(!forgotten("t_c_not_null1", None));
    }
}
