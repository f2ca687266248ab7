//! A function, procedure or window function. Aggregates have a file of their own.
//!
//! Those of `pg_catalog` are read only where something of the user's hangs on them: grants, a cast, a transform.
//! The constructors of range types are never read, because they come with the type.

use bstr::{BString, ByteSlice};
use postgres_types::Type as SqlType;

use super::acl::acl_columns;
use super::{Acl, Body, Catalog, Components, Cost, Emitter, Object, Reader, attributes, class};
use crate::connect::{Columns, ServerVersion};
use crate::error::Result;
use crate::sql::{self, Grantable, Quoting, put, text};
use crate::toc::{CatalogId, Desc, Section};

/// A function, procedure or window function.
#[derive(Debug)]
pub struct Function {
    /// The types of its input arguments.
    pub argument_types: Vec<u32>,
    /// It comes after the data, because a loop of dependencies leaves no other place.
    pub postponed: bool,
    /// The rest; read for wanted functions.
    pub details: Option<Box<Details>>,
}

/// What a function is, beyond its name. Types and functions are as SQL.
#[derive(Debug)]
pub struct Details {
    /// What kind of function it is.
    pub kind: FunctionKind,
    /// The types of its input arguments.
    pub argument_types: Vec<BString>,
    /// The arguments with names, modes and defaults.
    pub arguments: BString,
    /// The arguments that identify it.
    pub identity_arguments: BString,
    /// What it returns; procedures return nothing.
    pub result: Option<BString>,
    /// It returns a set.
    pub returns_set: bool,
    /// The bare name of its language.
    pub language: BString,
    /// The types its TRANSFORM clause names.
    pub transforms: Vec<BString>,
    /// `pg_proc.provolatile`.
    pub volatility: u8,
    /// STRICT.
    pub strict: bool,
    /// SECURITY DEFINER.
    pub security_definer: bool,
    /// LEAKPROOF.
    pub leakproof: bool,
    /// `pg_proc.proparallel`.
    pub parallel: u8,
    /// The estimated cost of a call.
    pub cost: BString,
    /// The estimated number of rows.
    pub rows: BString,
    /// The function that helps the planner.
    pub support: Option<BString>,
    /// The settings it runs under, each `name=value`.
    pub config: Vec<BString>,
    /// Its body, or the link symbol.
    pub source: BString,
    /// The file that holds its code; empty for most languages.
    pub binary: BString,
    /// Its body if it was given as SQL, not as a string.
    pub sql_body: Option<BString>,
    /// The extensions it goes away with (ALTER FUNCTION … DEPENDS ON EXTENSION).
    pub depends_on_extensions: Vec<BString>,
}

/// `pg_proc.prokind`, aggregates apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FunctionKind {
    /// `f`
    Function,
    /// `p`
    Procedure,
    /// `w`
    Window,
}

impl FunctionKind {
    /// FUNCTION or PROCEDURE: the word for statements and entries.
    pub fn word(self) -> &'static str {
        match self {
            FunctionKind::Function | FunctionKind::Window => "FUNCTION",
            FunctionKind::Procedure => "PROCEDURE",
        }
    }
}

/// A function's name and arguments, where something else names it.
#[derive(Debug)]
pub struct Signature {
    schema: BString,
    name: BString,
    argument_types: Vec<BString>,
}

impl Signature {
    /// The SELECT list items that [`read`](Signature::read) takes, of `p`, a row of `pg_proc`, and `pn`, its schema's.
    pub(super) fn columns() -> String {
        Signature::columns_of("p", "pn")
    }

    /// As [`columns`](Signature::columns), under other names.
    pub(super) fn columns_of(function: &str, schema: &str) -> String {
        let argument_types = argument_types(function);
        format!("{schema}.nspname, {function}.proname, {argument_types}")
    }

    /// The next columns of a row; `None` if there is no function.
    pub(super) fn read(columns: &mut Columns<'_>) -> Result<Option<Signature>> {
        let schema = columns.opt_text()?;
        let name = columns.opt_text()?;
        let argument_types = columns.texts()?;
        Ok(schema.zip(name).map(|(schema, name)| Signature {
            schema,
            name,
            argument_types,
        }))
    }

    /// `schema.name(types)`
    pub(super) fn to_sql(&self, quoting: Quoting) -> BString {
        let name = quoting.qualified(&self.schema, &self.name);
        text!(name, "(", bstr::join(", ", &self.argument_types), ")")
    }
}

/// One function as the catalog has it.
#[derive(Debug)]
pub struct Row {
    oid: u32,
    name: BString,
    schema: u32,
    owner: u32,
    acl: Option<Box<Acl>>,
    argument_types: Vec<u32>,
}

/// Reads all functions but aggregates, as they lie in their catalog. That is how pg_dump reads them, and where bodies
/// call each other in a circle, which nothing repairs, the first one read decides where the circle is cut.
///
/// # Errors
/// If the query fails.
pub async fn read(reader: &Reader<'_>, upgrade: bool) -> Result<Vec<Row>> {
    // Those of extensions too, wherever they are.
    let members = match upgrade {
        true => {
            "OR EXISTS (SELECT 1 FROM pg_catalog.pg_depend d \
            WHERE d.classid = 1255 AND d.objid = p.oid AND d.refclassid = 3079 AND d.deptype = 'e')"
        }
        false => "",
    };
    let v = reader.version;
    let acl = acl_columns("p.proacl", 'f', "p.proowner");
    let is_aggregate = v.pick(11, "p.prokind = 'a'", "p.proisagg");
    let (initial, acl_changed) = acl_changed(v);
    let in_transform = v.pick(
        90_500,
        "EXISTS (SELECT 1 FROM pg_catalog.pg_transform t \
            WHERE t.oid >= 16384 AND p.oid IN (t.trffromsql, t.trftosql))",
        "false",
    );
    let sql = format!(
        "SELECT p.oid, p.proname, p.pronamespace, p.proowner, {acl}, p.proargtypes \
         FROM pg_catalog.pg_proc p {initial} \
         WHERE NOT {is_aggregate} \
         AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d \
            WHERE d.classid = 1255 AND d.objid = p.oid AND d.deptype = 'i') \
         AND (p.pronamespace <> 11 OR {acl_changed} OR {in_transform} \
            OR EXISTS (SELECT 1 FROM pg_catalog.pg_cast c WHERE c.oid >= 16384 AND c.castfunc = p.oid) {members}) \
         ORDER BY p.ctid"
    );
    rows(reader, "functions", &sql).await
}

/// What to join to `p`, a row of `pg_proc`, and the condition that its grants are then known not to be those that initdb
/// or an extension made.
pub(super) fn acl_changed(v: ServerVersion) -> (&'static str, &'static str) {
    v.pick(
        90_600,
        (
            "LEFT JOIN pg_catalog.pg_init_privs i ON i.classoid = 1255 AND i.objoid = p.oid AND i.objsubid = 0",
            "p.proacl IS DISTINCT FROM i.initprivs",
        ),
        ("", "false"),
    )
}

/// Runs a query for functions or aggregates that has the columns of [`Row`].
pub(super) async fn rows(reader: &Reader<'_>, what: &'static str, sql: &str) -> Result<Vec<Row>> {
    let from_row = |row: &_| {
        let mut c = Columns::new(row);
        Ok(Row {
            oid: c.oid()?,
            name: c.text()?,
            schema: c.oid()?,
            owner: c.oid()?,
            acl: Acl::read(&mut c)?,
            argument_types: c.oids()?,
        })
    };
    reader.each(what, Cost(60_000), sql, &[], from_row).await
}

/// Adds them to the catalog.
///
/// # Errors
/// If a function's schema was not read.
pub fn add(catalog: &mut Catalog, rows: Vec<Row>) -> Result<()> {
    for row in rows {
        row.add(catalog, |argument_types| {
            Body::Function(Box::new(Function {
                argument_types,
                postponed: false,
                details: None,
            }))
        })?;
    }
    Ok(())
}

impl Row {
    /// Adds the function or aggregate whose body `body` makes from the argument types.
    pub(super) fn add(self, catalog: &mut Catalog, body: impl FnOnce(Vec<u32>) -> Body) -> Result<()> {
        let schema = catalog.schema(self.schema)?;
        let id = CatalogId {
            tableoid: class::PG_PROC,
            oid: self.oid,
        };
        let object = catalog.add(id, self.name, body(self.argument_types));
        object.schema = Some(schema);
        object.owner = self.owner;
        object.set_acl(self.acl);
        Ok(())
    }
}

/// The oids of the functions whose details are needed, once it is known what is wanted.
pub fn wanted(catalog: &Catalog) -> Vec<u32> {
    let functions = catalog
        .objects()
        .iter()
        .filter(|object| matches!(object.body, Body::Function(_)) && object.dumps(Components::ALL));
    functions.map(|object| object.catalog_id.oid).collect()
}

/// Reads the details of the functions with these oids.
///
/// # Errors
/// If the query fails.
pub async fn read_details(reader: &Reader<'_>, oids: &[u32]) -> Result<Vec<(u32, Box<Details>)>> {
    let v = reader.version;
    let kind = v.pick(
        11,
        "p.prokind",
        "CASE WHEN p.proiswindow THEN 'w' ELSE 'f' END::pg_catalog.\"char\"",
    );
    let transforms = v.pick(
        90_500,
        "ARRAY(SELECT pg_catalog.format_type(t.oid, NULL) \
            FROM pg_catalog.unnest(p.protrftypes) WITH ORDINALITY AS t(oid, place) ORDER BY t.place)",
        "'{}'::pg_catalog.text[]",
    );
    let parallel = v.pick(90_600, "p.proparallel", "'u'::pg_catalog.\"char\"");
    let support = v.pick(
        12,
        "CASE WHEN p.prosupport <> 0 THEN p.prosupport::pg_catalog.text END",
        "NULL::pg_catalog.text",
    );
    let sql_body = v.pick(
        14,
        "pg_catalog.pg_get_function_sqlbody(p.oid)",
        "NULL::pg_catalog.text",
    );
    let argument_types = argument_types("p");
    let sql = format!(
        "SELECT p.oid, {kind}, {argument_types}, pg_catalog.pg_get_function_arguments(p.oid), \
            pg_catalog.pg_get_function_identity_arguments(p.oid), \
            pg_catalog.pg_get_function_result(p.oid), p.proretset, l.lanname, {transforms}, \
            p.provolatile, p.proisstrict, p.prosecdef, p.proleakproof, {parallel}, \
            p.procost::pg_catalog.text, p.prorows::pg_catalog.text, {support}, p.proconfig, \
            p.prosrc, p.probin, {sql_body}, \
            ARRAY(SELECT x.extname::pg_catalog.text FROM pg_catalog.pg_depend d \
                JOIN pg_catalog.pg_extension x ON x.oid = d.refobjid \
                WHERE d.classid = 1255 AND d.objid = p.oid AND d.refclassid = 3079 AND d.deptype = 'x') \
         FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS w(oid) \
         JOIN pg_catalog.pg_proc p ON p.oid = w.oid \
         JOIN pg_catalog.pg_language l ON l.oid = p.prolang"
    );
    let (cost, params) = (Cost::of(oids.len(), 40), [(&oids as _, SqlType::OID_ARRAY)]);
    let from_row = |row: &_| {
        let mut c = Columns::new(row);
        let oid = c.oid()?;
        let details = Details {
            kind: match c.char()? {
                b'p' => FunctionKind::Procedure,
                b'w' => FunctionKind::Window,
                _ => FunctionKind::Function,
            },
            argument_types: c.texts()?,
            arguments: c.text()?,
            identity_arguments: c.text()?,
            result: c.opt_text()?,
            returns_set: c.bool()?,
            language: c.text()?,
            transforms: c.texts()?,
            volatility: c.char()?,
            strict: c.bool()?,
            security_definer: c.bool()?,
            leakproof: c.bool()?,
            parallel: c.char()?,
            cost: c.text()?,
            rows: c.text()?,
            support: c.opt_text()?,
            config: c.opt_texts()?.unwrap_or_default(),
            source: c.text()?,
            binary: c.opt_text()?.unwrap_or_default(),
            sql_body: c.opt_text()?,
            depends_on_extensions: c.texts()?,
        };
        Ok((oid, Box::new(details)))
    };
    reader
        .each("function definitions", cost, &sql, &params, from_row)
        .await
}

/// The column with the input argument types of `function`, a row of `pg_proc`, as SQL.
pub(super) fn argument_types(function: &str) -> String {
    format!(
        "ARRAY(SELECT pg_catalog.format_type({function}.proargtypes[i], NULL) \
            FROM pg_catalog.generate_series(0, {function}.pronargs - 1) AS i ORDER BY i)"
    )
}

/// Puts them into the catalog.
pub fn add_details(catalog: &mut Catalog, rows: Vec<(u32, Box<Details>)>) {
    for (oid, details) in rows {
        if let Some(id) = catalog.find(class::PG_PROC, oid)
            && let Body::Function(function) = &mut catalog.object_mut(id).body
        {
            function.details = Some(details);
        }
    }
}

/// CREATE FUNCTION or CREATE PROCEDURE, and what hangs on the function.
pub fn emit(object: &Object, function: &Function, out: &mut Emitter<'_>) {
    let Some(details) = &function.details else {
        if object.dumps(Components::DEFINITION) {
            out.fail(undefined(object));
        }
        return;
    };
    let catalog = out.catalog;
    let quoting = catalog.quoting;
    let word = details.kind.word();
    let signature = text!(quoting.ident(&object.name), "(", details.identity_arguments, ")");
    if object.dumps(Components::DEFINITION) {
        if !b"isv".contains(&details.volatility) {
            out.fail(unrecognized("provolatile", object));
        }
        if !b"sru".contains(&details.parallel) {
            out.fail(unrecognized("proparallel", object));
        }
        let (desc, section) = match details.kind {
            FunctionKind::Procedure => (Desc::Procedure, function.postponed),
            _ => (Desc::Function, function.postponed),
        };
        let section = if section {
            Section::PostData
        } else {
            Section::PreData
        };
        let schema = catalog.schema_name(object).unwrap_or_default();
        let schema = quoting.ident(schema);
        let mut entry = out.entry(object, desc, section);
        entry.tag = text!(object.name, "(", bstr::join(", ", &details.argument_types), ")");
        let name = text!(schema, ".", quoting.ident(&object.name));
        let mut create = text!("CREATE ", word, " ", name, "(", details.arguments, ")");
        details.put_clauses(&mut create, quoting, out.options.no_dollar_quoting);
        for extension in &details.depends_on_extensions {
            let extension = quoting.ident(extension);
            put!(create; "\nALTER ", word, " ", schema, ".", signature, " DEPENDS ON EXTENSION ", extension, ";");
        }
        entry.definition = Some(create);
        entry.drop_statement = Some(text!("DROP ", word, " ", schema, ".", signature, ";\n"));
        out.push(entry);
    }
    attributes::emit(out, object, word, signature.as_ref());
    let kind = match details.kind {
        FunctionKind::Procedure => Grantable::Procedure,
        _ => Grantable::Function,
    };
    attributes::acl(out, object, kind, signature.as_ref());
}

/// The failure to find a function that another object names.
pub(super) fn not_found(oid: u32) -> String {
    format!("could not find function definition for function with OID {oid}")
}

/// The failure to learn what a function or aggregate is: its language is gone, or its other catalog's row.
pub(super) fn undefined(object: &Object) -> String {
    let (name, oid) = (&object.name, object.catalog_id.oid);
    format!("query to get definition of function \"{name}\" (OID {oid}) returned no row")
}

fn unrecognized(field: &str, object: &Object) -> String {
    format!("unrecognized {field} value for function \"{}\"", object.name)
}

impl Details {
    /// Everything after the arguments.
    fn put_clauses(&self, out: &mut BString, quoting: Quoting, no_dollars: bool) {
        if let Some(result) = &self.result
            && self.kind != FunctionKind::Procedure
        {
            put!(out; " RETURNS ", result);
        }
        put!(out; "\n    LANGUAGE ", quoting.ident(&self.language));
        for (index, transform) in self.transforms.iter().enumerate() {
            let before = if index == 0 { " TRANSFORM " } else { ", " };
            put!(out; before, "FOR TYPE ", transform);
        }
        let volatility = match self.volatility {
            b'i' => " IMMUTABLE",
            b's' => " STABLE",
            _ => "",
        };
        for (clause, stands) in [
            (" WINDOW", self.kind == FunctionKind::Window),
            (volatility, true),
            (" STRICT", self.strict),
            (" SECURITY DEFINER", self.security_definer),
            (" LEAKPROOF", self.leakproof),
        ] {
            if stands {
                put!(out; clause);
            }
        }
        // The defaults of CREATE FUNCTION are left out, so that dumps load into releases that have others.
        let default_cost = match self.language.as_slice() {
            b"internal" | b"c" => "1",
            _ => "100",
        };
        if self.cost != "0" && self.cost != default_cost {
            put!(out; " COST ", self.cost);
        }
        if self.returns_set && self.rows != "0" && self.rows != "1000" {
            put!(out; " ROWS ", self.rows);
        }
        if let Some(support) = &self.support {
            put!(out; " SUPPORT ", support);
        }
        match self.parallel {
            b's' => put!(out; " PARALLEL SAFE"),
            b'r' => put!(out; " PARALLEL RESTRICTED"),
            _ => {}
        }
        for setting in &self.config {
            if let Some(setting) = sql::setting(quoting, setting.as_ref(), |value| quoting.literal(value)) {
                put!(out; "\n    SET ", setting);
            }
        }
        put!(out; "\n    ");
        self.put_body(out, quoting, no_dollars);
        put!(out; ";\n");
    }

    fn put_body(&self, out: &mut BString, quoting: Quoting, no_dollars: bool) {
        let source = || match no_dollars {
            true => quoting.literal(&self.source),
            false => quoting.dollar(&self.source, ""),
        };
        if let Some(body) = &self.sql_body {
            put!(out; body);
        } else if self.binary.is_empty() {
            put!(out; "AS ", source());
        } else {
            put!(out; "AS ", quoting.literal(&self.binary));
            if !self.source.is_empty() {
                let plain = self.source.find_byteset(b"'\\").is_none();
                let source = if plain {
                    quoting.literal(&self.source)
                } else {
                    source()
                };
                put!(out; ", ", source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const Q: Quoting = Quoting {
        all_identifiers: false,
        standard_strings: true,
    };

    fn details(source: &str, binary: &str) -> Details {
        Details {
            kind: FunctionKind::Function,
            argument_types: vec!["integer".into()],
            arguments: "a integer DEFAULT 1".into(),
            identity_arguments: "a integer".into(),
            result: Some("SETOF text".into()),
            returns_set: true,
            language: "sql".into(),
            transforms: Vec::new(),
            volatility: b'v',
            strict: false,
            security_definer: false,
            leakproof: false,
            parallel: b'u',
            cost: "100".into(),
            rows: "1000".into(),
            support: None,
            config: Vec::new(),
            source: source.into(),
            binary: binary.into(),
            sql_body: None,
            depends_on_extensions: Vec::new(),
        }
    }

    fn clauses(details: &Details) -> BString {
        let mut out = BString::default();
        details.put_clauses(&mut out, Q, false);
        out
    }

    #[test]
    fn defaults_are_not_spelled_out() {
        assert_eq!(
            clauses(&details("SELECT 1", "")),
            " RETURNS SETOF text\n    LANGUAGE sql\n    AS $$SELECT 1$$;\n"
        );
    }

    #[test]
    fn clauses_come_in_their_order() {
        let mut f = details("it's", "$libdir/x");
        f.kind = FunctionKind::Window;
        f.language = "c".into();
        f.transforms = vec!["hstore".into(), "ltree".into()];
        (f.volatility, f.parallel) = (b'i', b'r');
        (f.strict, f.security_definer, f.leakproof) = (true, true, true);
        (f.cost, f.rows) = ("2.5".into(), "7".into());
        f.support = Some("s.help".into());
        f.config = vec!["work_mem=4MB".into(), "search_path=\"$user\", s, \"\"".into()];
        assert_eq!(
            clauses(&f),
            " RETURNS SETOF text\n    LANGUAGE c TRANSFORM FOR TYPE hstore, FOR TYPE ltree WINDOW IMMUTABLE \
             STRICT SECURITY DEFINER LEAKPROOF COST 2.5 ROWS 7 SUPPORT s.help PARALLEL RESTRICTED\n    \
             SET work_mem TO '4MB'\n    SET search_path TO '$user', 's', ''\n    \
             AS '$libdir/x', $$it's$$;\n"
        );
    }
}
