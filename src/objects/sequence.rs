//! Sequences: free ones, those of serial columns and those of identity columns, and their values.
//!
//! A sequence is a [`Table`]; what is particular to it is read here, values only if data are wanted.

use bstr::{BStr, BString, ByteSlice};
use postgres_types::Type;
use tokio_postgres::Row;

use super::table::{OwnedBy, Persistence, Table};
use super::{Body, Catalog, Components, Emitter, Object, Reader, attributes};
use crate::connect::{Columns, ServerVersion};
use crate::error::{Error, ErrorKind, Result};
use crate::sql::{put, text};
use crate::toc::{CatalogId, Desc, DumpId, Entry, Section};

/// A sequence's parameters and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SequenceDefinition {
    /// `smallint`, `integer` or `bigint`.
    pub type_name: BString,
    /// START WITH.
    pub start: i64,
    /// INCREMENT BY.
    pub increment: i64,
    /// MINVALUE.
    pub min: i64,
    /// MAXVALUE.
    pub max: i64,
    /// CACHE.
    pub cache: i64,
    /// CYCLE.
    pub cycle: bool,
    /// The last value and whether it has been handed out; `None` if it was not asked for.
    pub value: Option<(i64, bool)>,
}

/// The current value of a sequence.
#[derive(Debug)]
pub struct SequenceSet {
    /// The sequence.
    pub sequence: DumpId,
}

/// One sequence's particulars as the catalogs have them.
#[derive(Debug)]
pub struct DefinitionRow {
    oid: u32,
    definition: SequenceDefinition,
}

/// Reads the parameters of the sequences `wanted`, and their values if `values` are wanted.
///
/// # Errors
/// If the server refuses the query or a row is not what was asked for.
pub async fn read_details(reader: &Reader<'_>, wanted: &[u32], values: bool) -> Result<Vec<DefinitionRow>> {
    let sql = definitions_sql(reader.version, values);
    let rows = reader
        .rows("sequences", &sql, &[(&wanted, Type::OID_ARRAY)])
        .await?;
    rows.iter().map(DefinitionRow::from_row).collect()
}

/// Gives the sequences in the catalog their particulars.
///
/// # Errors
/// If a sequence is not in the catalog.
pub fn add_details(catalog: &mut Catalog, rows: Vec<DefinitionRow>) -> Result<()> {
    for row in rows {
        let id = catalog.relation(row.oid)?;
        if let Some(table) = catalog.table_mut(id) {
            table.sequence = Some(row.definition);
        }
    }
    Ok(())
}

/// Adds the value of a sequence as an object: wanted as its data are.
pub fn add_set(catalog: &mut Catalog, sequence: DumpId) -> DumpId {
    let of = catalog.object(sequence);
    let catalog_id = CatalogId {
        tableoid: 0,
        oid: of.catalog_id.oid,
    };
    let (name, schema, owner) = (of.name.clone(), of.schema, of.owner);
    let body = Body::SequenceSet(Box::new(SequenceSet { sequence }));
    let set = catalog.add(catalog_id, name, body);
    set.schema = schema;
    set.owner = owner;
    set.has = Components::DATA;
    set.depend_on(sequence);
    let id = set.id;
    if let Some(table) = catalog.table_mut(sequence) {
        table.data = Some(id);
    }
    id
}

/// Every version's query gives oid, type, parameters, and the value in one of two forms: as columns or, where
/// only the sequence itself knows it, as what [`SequenceDefinition::take_state`] takes.
fn definitions_sql(version: ServerVersion, values: bool) -> String {
    if !version.at_least(10) {
        let state = state_sql(
            "wanted.oid",
            "last_value, is_called, start_value, increment_by, min_value, max_value, cache_value, is_cycled",
        );
        return format!(
            "SELECT wanted.oid, 'bigint', 0::int8, 0::int8, 0::int8, 0::int8, 0::int8, false, \
               NULL::int8, NULL::bool, {state} FROM pg_catalog.unnest($1) wanted(oid)"
        );
    }
    let (value, state, source) = match (values, version.at_least(18)) {
        (false, _) => ("NULL::int8, NULL::bool", "NULL::text".to_owned(), ""),
        (true, true) => (
            "d.last_value, d.is_called",
            "NULL::text".to_owned(),
            ", pg_catalog.pg_get_sequence_data(s.seqrelid) d",
        ),
        (true, false) => (
            "NULL::int8, NULL::bool",
            state_sql("s.seqrelid", "last_value, is_called"),
            "",
        ),
    };
    format!(
        "SELECT s.seqrelid, pg_catalog.format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, \
           s.seqmin, s.seqmax, s.seqcache, s.seqcycle, {value}, {state} \
         FROM pg_catalog.pg_sequence s{source} WHERE s.seqrelid = ANY ($1)"
    )
}

/// An expression for what a sequence's own row holds, joined by commas.
///
/// Before 18 no function tells a sequence's value without handing out the next one. Thousands of sequences are
/// too many for one FROM clause, and one query for each is what we are here to avoid. `ts_stat` is the
/// one function in every build of every release that runs a query given as text: one that yields text
/// search vectors, hence the costume. Other such functions are missing where libxml is.
fn state_sql(sequence: &str, columns: &str) -> String {
    format!(
        "(SELECT word FROM pg_catalog.ts_stat('SELECT pg_catalog.quote_literal(\
           pg_catalog.concat_ws('','', {columns}))::pg_catalog.tsvector FROM ' || {sequence}::pg_catalog.regclass))"
    )
}

/// CREATE SEQUENCE, or the statement that makes a column an identity column, and what hangs on the sequence.
pub fn emit(object: &Object, table: &Table, out: &mut Emitter<'_>) {
    let catalog = out.catalog;
    let Some(sequence) = &table.sequence else {
        return;
    };
    let owner = table
        .owned_by
        .and_then(|owned_by| Some((owned_by, Owner::of(catalog, owned_by)?)));
    if object.dumps(Components::DEFINITION) {
        let mut entry = out.entry(object, Desc::Sequence, Section::PreData);
        entry.definition = Some(match &owner {
            Some((OwnedBy { identity: true, .. }, owner)) => {
                add_identity(catalog, object, table, sequence, owner)
            }
            _ => create(catalog, object, table, sequence),
        });
        // An identity column's sequence goes with the column.
        if !table.owned_by.is_some_and(|owned_by| owned_by.identity) {
            entry.drop_statement = Some(text!("DROP SEQUENCE ", catalog.qualified(object), ";\n"));
        }
        out.push(entry);
        if let Some((OwnedBy { identity: false, .. }, owner)) = &owner
            && owner.object.dumps(Components::DEFINITION)
        {
            emit_owned_by(object, owner, out);
        }
    }
    let name = catalog.ident(object);
    attributes::emit(out, object, "SEQUENCE", name.as_ref());
}

/// `ALTER SEQUENCE … OWNED BY`: apart from CREATE SEQUENCE, because it only works once both owners are set.
fn emit_owned_by(object: &Object, owner: &Owner<'_>, out: &mut Emitter<'_>) {
    let catalog = out.catalog;
    let mut entry = Entry::new(
        out.next_id(),
        Desc::SequenceOwnedBy,
        object.name.clone(),
        Section::PreData,
    );
    entry.namespace = catalog.schema_name(object).map(BStr::to_owned);
    entry.owner = Some(catalog.owner_name(object).to_owned());
    entry.definition = Some(text!(
        "ALTER SEQUENCE ",
        catalog.qualified(object),
        " OWNED BY ",
        catalog.qualified(owner.object),
        ".",
        catalog.quoting.ident(owner.column),
        ";\n"
    ));
    entry.dependencies = vec![object.id];
    out.push(entry);
}

/// `SELECT pg_catalog.setval(…)`.
pub fn emit_set(object: &Object, set: &SequenceSet, out: &mut Emitter<'_>) {
    let catalog = out.catalog;
    let value = catalog
        .table(set.sequence)
        .and_then(|table| table.sequence.as_ref()?.value);
    let Some((last, called)) = value.filter(|_| object.dumps(Components::DATA)) else {
        return;
    };
    let name = catalog.qualified(catalog.object(set.sequence));
    let mut entry = out.entry(object, Desc::SequenceSet, Section::Data);
    entry.catalog_id = CatalogId::default();
    entry.definition = Some(text!(
        "SELECT pg_catalog.setval(",
        catalog.quoting.literal(name),
        ", ",
        last.to_string(),
        if called { ", true);\n" } else { ", false);\n" }
    ));
    out.push(entry);
}

fn create(catalog: &Catalog, object: &Object, table: &Table, sequence: &SequenceDefinition) -> BString {
    let unlogged = match table.persistence {
        Persistence::Unlogged => "UNLOGGED ",
        _ => "",
    };
    let mut out = text!("CREATE ", unlogged, "SEQUENCE ", catalog.qualified(object), "\n");
    if sequence.type_name != "bigint" {
        put!(out; "    AS ", sequence.type_name, "\n");
    }
    put_parameters(&mut out, sequence);
    put!(out; ";\n");
    out
}

fn add_identity(
    catalog: &Catalog,
    object: &Object,
    table: &Table,
    sequence: &SequenceDefinition,
    owner: &Owner<'_>,
) -> BString {
    let when = match owner.identity {
        b'a' => "ALWAYS",
        _ => "BY DEFAULT",
    };
    let mut out = text!(
        "ALTER TABLE ",
        catalog.qualified(owner.object),
        " ALTER COLUMN ",
        catalog.quoting.ident(owner.column),
        " ADD GENERATED ",
        when,
        " AS IDENTITY (\n    SEQUENCE NAME ",
        catalog.qualified(object),
        "\n"
    );
    // Without a word the sequence is as logged as its table.
    if table.persistence != owner.table.persistence {
        put!(out; match table.persistence {
            Persistence::Unlogged => "    UNLOGGED\n",
            _ => "    LOGGED\n",
        });
    }
    put_parameters(&mut out, sequence);
    put!(out; "\n);\n");
    out
}

/// The parameters from START WITH to CACHE or CYCLE, without a newline at the end.
fn put_parameters(out: &mut BString, sequence: &SequenceDefinition) {
    let (least, greatest) = match sequence.type_name.as_slice() {
        b"smallint" => (i64::from(i16::MIN), i64::from(i16::MAX)),
        b"integer" => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    };
    let (default_min, default_max) = match sequence.increment > 0 {
        true => (1, greatest),
        false => (least, -1),
    };
    let bound = |word: &str, value: i64, default: i64| match value == default {
        true => format!("    NO {word}\n"),
        false => format!("    {word} {value}\n"),
    };
    put!(
        out;
        format!("    START WITH {}\n    INCREMENT BY {}\n", sequence.start, sequence.increment),
        bound("MINVALUE", sequence.min, default_min),
        bound("MAXVALUE", sequence.max, default_max),
        format!("    CACHE {}", sequence.cache),
        if sequence.cycle { "\n    CYCLE" } else { "" },
    );
}

/// The column a sequence belongs to.
struct Owner<'a> {
    object: &'a Object,
    table: &'a Table,
    column: &'a BStr,
    identity: u8,
}

impl<'a> Owner<'a> {
    fn of(catalog: &'a Catalog, owned_by: OwnedBy) -> Option<Owner<'a>> {
        let table = catalog.table(owned_by.table)?;
        let column = table.columns.get(usize::try_from(owned_by.column - 1).ok()?)?;
        Some(Owner {
            object: catalog.object(owned_by.table),
            table,
            column: column.name.as_ref(),
            identity: column.identity,
        })
    }
}

impl DefinitionRow {
    fn from_row(row: &Row) -> Result<DefinitionRow> {
        let mut c = Columns::new(row);
        let oid = c.oid()?;
        let mut definition = SequenceDefinition {
            type_name: c.text()?,
            start: c.int8()?,
            increment: c.int8()?,
            min: c.int8()?,
            max: c.int8()?,
            cache: c.int8()?,
            cycle: c.bool()?,
            value: None,
        };
        definition.value = c.opt_int8()?.zip(c.opt_bool()?);
        if let Some(state) = c.opt_text()? {
            definition.take_state(state.as_ref()).ok_or_else(|| {
                Error::new(
                    ErrorKind::Protocol,
                    format!("the state of the sequence with OID {oid} is not readable: {state}"),
                )
            })?;
        }
        Ok(DefinitionRow { oid, definition })
    }
}

impl SequenceDefinition {
    /// Takes the value and, if they are there, the parameters from what [`state_sql`] gives.
    fn take_state(&mut self, state: &BStr) -> Option<()> {
        let mut parts = state.split_str(",");
        let number = |part: &[u8]| part.to_str().ok()?.parse::<i64>().ok();
        self.value = Some((number(parts.next()?)?, parts.next()? == b"t"));
        let Some(start) = parts.next() else {
            return Some(());
        };
        self.start = number(start)?;
        self.increment = number(parts.next()?)?;
        self.min = number(parts.next()?)?;
        self.max = number(parts.next()?)?;
        self.cache = number(parts.next()?)?;
        self.cycle = parts.next()? == b"t";
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(type_name: &str, increment: i64, min: i64, max: i64) -> SequenceDefinition {
        SequenceDefinition {
            type_name: type_name.into(),
            start: 1,
            increment,
            min,
            max,
            cache: 1,
            cycle: true,
            value: None,
        }
    }

    fn parameters(sequence: &SequenceDefinition) -> String {
        let mut out = BString::default();
        put_parameters(&mut out, sequence);
        out.to_string()
    }

    #[test]
    fn bounds_are_named_where_they_are_not_those_of_type_and_direction() {
        assert_eq!(
            parameters(&sequence("smallint", -2, i64::from(i16::MIN), 7)),
            "    START WITH 1\n    INCREMENT BY -2\n    NO MINVALUE\n    MAXVALUE 7\n    CACHE 1\n    CYCLE"
        );
        assert!(parameters(&sequence("bigint", 1, 1, i64::MAX)).contains("NO MINVALUE\n    NO MAXVALUE"));
        assert!(parameters(&sequence("integer", 1, 0, i64::MAX)).contains("    MINVALUE 0\n    MAXVALUE 9"));
    }

    #[test]
    fn a_sequences_own_row_gives_the_value_and_on_old_servers_the_parameters() {
        let mut read = sequence("bigint", 1, 1, 2);
        assert_eq!(read.take_state("-41,t".into()), Some(()));
        assert_eq!((read.value, read.max), (Some((-41, true)), 2));
        assert_eq!(read.take_state("7,f,5,3,-9,9,20,t".into()), Some(()));
        assert_eq!(
            read,
            SequenceDefinition {
                start: 5,
                cache: 20,
                value: Some((7, false)),
                ..sequence("bigint", 3, -9, 9)
            }
        );
        assert_eq!(sequence("bigint", 1, 1, 2).take_state("7,f,5".into()), None);
        assert_eq!(sequence("bigint", 1, 1, 2).take_state("x,f".into()), None);
    }
}
