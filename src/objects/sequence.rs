//! Sequences: free ones, those of serial columns and those of identity columns, and their values.
//!
//! A sequence is a [`Table`]; what is particular to it is read here, values only if data are wanted.

use bstr::{BStr, BString, ByteSlice};
use postgres_types::Type;
use tokio_postgres::Row;

use super::table::{OwnedBy, Persistence, RelKind, Table};
use super::{Body, Catalog, Components, Emitter, Object, Reader, attributes, upgrade};
use crate::connect::Columns;
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

/// The particulars of sequences as the catalogs have them.
#[derive(Debug)]
pub struct Details {
    definitions: Vec<(u32, SequenceDefinition)>,
    states: Vec<State>,
}

/// What a sequence's own row says.
#[derive(Debug, PartialEq, Eq)]
struct State {
    sequence: u32,
    /// `None` if the server does not let us read it.
    value: Option<(i64, bool)>,
    /// On servers before 10 the parameters are there too.
    definition: Option<SequenceDefinition>,
}

/// Reads the parameters of the sequences `wanted`, and their values if `values` are wanted.
///
/// # Errors
/// If the server refuses a query or a row is not what was asked for.
pub async fn read_details(reader: &Reader<'_>, wanted: &[u32], values: bool) -> Result<Details> {
    let (definitions, states) = futures_util::try_join!(
        read_definitions(reader, wanted),
        read_states(reader, wanted, values)
    )?;
    Ok(Details { definitions, states })
}

/// Gives the sequences in the catalog their particulars.
///
/// # Errors
/// If a wanted sequence is gone or its value may not be read.
pub fn add_details(catalog: &mut Catalog, details: Details) -> Result<()> {
    for (oid, definition) in details.definitions {
        let id = catalog.relation(oid)?;
        if let Some(table) = catalog.table_mut(id) {
            table.sequence = Some(Box::new(definition));
        }
    }
    for state in details.states {
        let id = catalog.relation(state.sequence)?;
        let Some(table) = catalog.table_mut(id) else {
            continue;
        };
        if state.definition.is_some() {
            table.sequence = state.definition.map(Box::new);
        }
        if let Some(sequence) = &mut table.sequence {
            sequence.value = state.value;
        }
    }
    for object in catalog.objects() {
        if let Body::Table(table) = &object.body
            && table.interesting
            && table.relkind == RelKind::Sequence
        {
            check_complete(object, table)?;
        }
    }
    Ok(())
}

/// Refuses to go on without what the dump must say about a sequence.
fn check_complete(object: &Object, table: &Table) -> Result<()> {
    let value = table.sequence.as_ref().map(|sequence| sequence.value);
    let message = match value {
        None => format!(
            "query to get definition of sequence \"{}\" returned no row",
            object.name
        ),
        Some(None) if table.data.is_some() => format!(
            "failed to get data for sequence \"{}\"; user may lack SELECT privilege on the sequence \
             or the sequence may have been concurrently dropped",
            object.name
        ),
        _ => return Ok(()),
    };
    Err(Error::new(ErrorKind::Server, message))
}

async fn read_definitions(reader: &Reader<'_>, wanted: &[u32]) -> Result<Vec<(u32, SequenceDefinition)>> {
    const SQL: &str = "SELECT seqrelid, pg_catalog.format_type(seqtypid, NULL), seqstart, seqincrement, \
           seqmin, seqmax, seqcache, seqcycle \
         FROM pg_catalog.pg_sequence WHERE seqrelid = ANY ($1)";
    if !reader.version.at_least(10) {
        return Ok(Vec::new());
    }
    let rows = reader
        .rows("sequences", SQL, &[(&wanted, Type::OID_ARRAY)])
        .await?;
    rows.iter().map(definition_from_row).collect()
}

fn definition_from_row(row: &Row) -> Result<(u32, SequenceDefinition)> {
    let mut c = Columns::new(row);
    Ok((
        c.oid()?,
        SequenceDefinition {
            type_name: c.text()?,
            start: c.int8()?,
            increment: c.int8()?,
            min: c.int8()?,
            max: c.int8()?,
            cache: c.int8()?,
            cycle: c.bool()?,
            value: None,
        },
    ))
}

async fn read_states(reader: &Reader<'_>, wanted: &[u32], values: bool) -> Result<Vec<State>> {
    const SQL_18: &str = "SELECT ARRAY[pg_catalog.concat_ws(',', wanted.oid, d.last_value, d.is_called)] \
         FROM pg_catalog.unnest($1) wanted(oid), pg_catalog.pg_get_sequence_data(wanted.oid) d";
    let parameters = "start_value, increment_by, min_value, max_value, cache_value, is_cycled";
    let sql = match (reader.version.at_least(18), reader.version.at_least(10)) {
        (_, true) if !values => return Ok(Vec::new()),
        (true, _) => SQL_18.to_owned(),
        (false, true) => states_sql("last_value, is_called"),
        (false, false) => states_sql(&format!("last_value, is_called, {parameters}")),
    };
    let rows = reader
        .rows("sequence values", &sql, &[(&wanted, Type::OID_ARRAY)])
        .await?;
    let mut states = Vec::new();
    for row in &rows {
        for text in Columns::new(row).texts()? {
            states.push(State::parse(text.as_ref()).ok_or_else(|| {
                let message = format!("the state of a sequence is not readable: {text}");
                Error::new(ErrorKind::Protocol, message)
            })?);
        }
    }
    Ok(states)
}

/// A query for what sequences' own rows hold: oid and columns, joined by commas.
///
/// Before 18 no function tells a sequence's value without handing out the next one. Thousands of sequences are
/// too many for one FROM clause, and one query for each is what we are here to avoid. `ts_stat` is the
/// one function in every build of every release that runs a query given as text: one that yields text
/// search vectors, hence the costume. (Those of XML are missing where libxml is.) Each call serves as many
/// sequences as make the planner's work for one of them the least.
fn states_sql(columns: &str) -> String {
    format!(
        "SELECT ARRAY(SELECT word FROM pg_catalog.ts_stat('SELECT pg_catalog.quote_literal(\
             pg_catalog.concat_ws('','', id, {columns}))::pg_catalog.tsvector FROM (' || query || ') s')) \
         FROM (SELECT pg_catalog.string_agg('SELECT ' || oid || ' AS id, {columns} FROM ' \
             || oid::pg_catalog.regclass, ' UNION ALL ') AS query \
           FROM (SELECT oid, pg_catalog.row_number() OVER () / 10 AS part \
             FROM pg_catalog.unnest($1) wanted(oid)) numbered GROUP BY part) parts"
    )
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
        if !["smallint", "integer", "bigint"].contains(&sequence.type_name.to_str_lossy().as_ref()) {
            out.fail(format!("unrecognized sequence type: {}", sequence.type_name));
        }
        let mut entry = out.entry(object, Desc::Sequence, Section::PreData);
        entry.definition = Some(match &owner {
            Some((OwnedBy { identity: true, .. }, owner)) => {
                add_identity(catalog, object, table, sequence, owner)
            }
            _ => create(catalog, object, table, sequence),
        });
        let oids = upgrade::relation_oids(out, object.catalog_id.oid);
        if let Some(definition) = entry.definition.as_mut().filter(|_| !oids.is_empty()) {
            *definition = text!(oids, definition);
        }
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
    entry.namespace = catalog.schema_name(object).map(|name| out.name(name));
    entry.owner = Some(out.name(catalog.owner_name(object)));
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
        let column = table.column(owned_by.column)?;
        Some(Owner {
            object: catalog.object(owned_by.table),
            table,
            column: column.name.as_ref(),
            identity: column.identity,
        })
    }
}

impl State {
    /// Takes apart what [`states_sql`] gives.
    fn parse(text: &BStr) -> Option<State> {
        let mut parts = text.split_str(",");
        let mut part = || parts.next()?.to_str().ok();
        let sequence = part()?.parse().ok()?;
        let value = match part() {
            None => None,
            Some(last) => Some((last.parse().ok()?, part()? == "t")),
        };
        let definition = match part() {
            None => None,
            Some(start) => Some(SequenceDefinition {
                type_name: "bigint".into(),
                start: start.parse().ok()?,
                increment: part()?.parse().ok()?,
                min: part()?.parse().ok()?,
                max: part()?.parse().ok()?,
                cache: part()?.parse().ok()?,
                cycle: part()? == "t",
                value: None,
            }),
        };
        Some(State {
            sequence,
            value,
            definition,
        })
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
        let state = |text: &str| State::parse(text.into());
        let new = state("20001,-41,t").expect("readable");
        assert_eq!(
            (new.sequence, new.value, new.definition),
            (20_001, Some((-41, true)), None)
        );
        assert_eq!(state("20001").expect("readable").value, None);
        let old = state("20001,7,f,5,3,-9,9,20,t").expect("readable");
        let definition = SequenceDefinition {
            start: 5,
            cache: 20,
            ..sequence("bigint", 3, -9, 9)
        };
        assert_eq!((old.value, old.definition), (Some((7, false)), Some(definition)));
        assert_eq!(state("20001,7,f,5"), None);
        assert_eq!(state("20001,x,f"), None);
    }
}
