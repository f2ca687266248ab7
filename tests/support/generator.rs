//! A seeded generator of databases: random tables, types, functions, views on views, partitions,
//! inheritance, comments and grants, under names of every awkward sort.
//!
//! It writes SQL for psql. Every statement is likely to work and none has to: what a server refuses is simply
//! not in the database, and both dumps that are compared see the same one.

use std::fmt::Write as _;

/// The roles that generated databases grant to; made once per server.
pub(crate) const ROLES: &[&str] = &[
    "regress_gen_owner",
    "regress_gen_reader",
    "regress gen \"odd\" role",
];

/// SQL that makes [`ROLES`], harmless if they exist.
pub(crate) fn roles_sql() -> String {
    ROLES
        .iter()
        .map(|role| {
            let (name, ident) = (role.replace('\'', "''"), ident(role));
            format!(
                "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') THEN CREATE ROLE {ident}; END IF; \
                 EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;\n"
            )
        })
        .collect()
}

/// The SQL of the database that belongs to a seed, for a server of the given major version.
pub(crate) fn database_sql(seed: u64, major: u32) -> String {
    let mut generator = Generator {
        random: Random(seed),
        major,
        sql: String::new(),
        ..Generator::default()
    };
    generator.run();
    generator.sql
}

/// SplitMix64: small, seedable, and the same everywhere.
#[derive(Default)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    fn of<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        (!from.is_empty()).then(|| from[self.below(from.len())].clone())
    }
}

#[derive(Clone)]
struct Relation {
    name: String,
    columns: Vec<(String, String)>,
    key: Option<String>,
    schema: String,
}

#[derive(Default)]
struct Generator {
    random: Random,
    major: u32,
    sql: String,
    count: usize,
    schemas: Vec<String>,
    types: Vec<String>,
    tables: Vec<Relation>,
    views: Vec<Relation>,
    materialized: Vec<Relation>,
    functions: Vec<String>,
    trigger_functions: Vec<String>,
    sequences: Vec<String>,
}

fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

const ODD_NAMES: &[&str] = &[
    "select",
    "Table",
    "user",
    "between",
    "int",
    "order",
    "a b",
    "quo\"te",
    "apo'strophe",
    "new\nline",
    "-- dash",
    "/* c */",
    "semi;colon",
    "back\\slash",
    "dollar$",
    "$$",
    "ünïcödé",
    "日本語",
    "emoji🐘",
    "1st",
    "UPPER",
    "_",
    " ",
    "percent%s",
    "tab\there",
    "a.b",
    "pg_like",
    "values",
    "name",
    "abs",
    "zone",
    "'",
    "\"",
    "\\",
    "public",
    "cr\rlf",
];

const BASE_TYPES: &[&str] = &[
    "integer",
    "bigint",
    "smallint",
    "text",
    "character varying(20)",
    "character(3)",
    "numeric(10,2)",
    "numeric",
    "boolean",
    "date",
    "timestamp with time zone",
    "timestamp(3) without time zone",
    "time without time zone",
    "interval",
    "interval day to second(3)",
    "uuid",
    "jsonb",
    "json",
    "bytea",
    "integer[]",
    "text[]",
    "inet",
    "point",
    "double precision",
    "real",
    "bit(4)",
    "bit varying(8)",
    "int4range",
    "tsvector",
    "name",
    "\"char\"",
    "oid",
    "xml",
    "money",
    "regclass",
];

impl Generator {
    fn run(&mut self) {
        self.sql
            .push_str("SET client_encoding = 'UTF8';\nSET check_function_bodies = off;\n");
        self.schemas.push("public".into());
        for _ in 0..1 + self.random.below(3) {
            self.schema();
        }
        let steps = 25 + self.random.below(45);
        for _ in 0..steps {
            match self.random.below(24) {
                0..=1 => self.enumeration(),
                2 => self.domain(),
                3 => self.composite(),
                4 => self.range(),
                5..=6 => self.function(),
                7 => self.trigger_function(),
                8..=11 => self.table(),
                12 => self.inherited(),
                13 => self.partitioned(),
                14..=15 => self.view(),
                16 => self.materialized_view(),
                17 => self.index(),
                18 => self.foreign_key(),
                19 => self.trigger(),
                20 => self.sequence(),
                21 => self.rule(),
                22 => self.alteration(),
                _ => self.default_privileges(),
            }
        }
        for _ in 0..10 {
            self.rows();
        }
        if self.random.chance(30) {
            self.large_objects();
        }
        if self.random.chance(50) {
            self.statement("COMMENT ON SCHEMA public IS 'changed -- comment';");
        }
    }

    fn statement(&mut self, text: &str) {
        self.sql.push_str(text);
        self.sql.push('\n');
    }

    /// A name nobody has yet, unquoted form not needed.
    fn fresh(&mut self) -> String {
        self.count += 1;
        let count = self.count;
        match self.random.below(10) {
            0..=3 => format!("obj{count}"),
            4 => format!("z{}", 99 - count % 90),
            5 => {
                let mut long = format!("n{count}_");
                while long.len() < 63 {
                    long.push((b'a' + (long.len() % 26) as u8) as char);
                }
                long
            }
            6 => format!("{}{count}", self.random.pick(ODD_NAMES)),
            7 => format!("Mixed{count}"),
            _ => self.random.pick(ODD_NAMES).to_string(),
        }
    }

    fn fresh_qualified(&mut self) -> (String, String) {
        let schema = self.random.of(&self.schemas).unwrap_or_else(|| "public".into());
        let name = self.fresh();
        (format!("{}.{}", ident(&schema), ident(&name)), schema)
    }

    fn a_type(&mut self) -> String {
        if self.random.chance(25)
            && let Some(own) = self.random.of(&self.types)
        {
            return if self.random.chance(20) {
                format!("{own}[]")
            } else {
                own
            };
        }
        self.random.pick(BASE_TYPES).to_string()
    }

    fn comment(&mut self, what: &str) {
        if self.random.chance(35) {
            let text = self.random.pick(&[
                "plain",
                "it's",
                "two\nlines",
                "back\\slash",
                "-- dashes",
                "ünï 🐘",
                "",
                "  spaces  ",
                "$$dollars$$",
                "\\connect x",
            ]);
            let text = literal(text);
            self.statement(&format!("COMMENT ON {what} IS {text};"));
        }
    }

    fn owner(&mut self, what: &str) {
        if self.random.chance(20) {
            let role = ident(self.random.pick(ROLES));
            self.statement(&format!("ALTER {what} OWNER TO {role};"));
        }
    }

    fn grants(&mut self, what: &str, privileges: &[&str]) {
        for _ in 0..self.random.below(3) {
            let role = if self.random.chance(30) {
                "PUBLIC".to_string()
            } else {
                ident(self.random.pick(ROLES))
            };
            let privilege = self.random.pick(privileges);
            match self.random.below(5) {
                0 => self.statement(&format!("REVOKE {privilege} ON {what} FROM {role};")),
                1 if role != "PUBLIC" => self.statement(&format!(
                    "GRANT {privilege} ON {what} TO {role} WITH GRANT OPTION;"
                )),
                2 => self.statement(&format!("REVOKE ALL ON {what} FROM PUBLIC;")),
                _ => self.statement(&format!("GRANT {privilege} ON {what} TO {role};")),
            }
        }
        if self.random.chance(3) {
            self.statement(&format!("REVOKE ALL ON {what} FROM CURRENT_USER;"));
        }
    }

    fn schema(&mut self) {
        let name = self.fresh();
        self.statement(&format!("CREATE SCHEMA {};", ident(&name)));
        self.comment(&format!("SCHEMA {}", ident(&name)));
        self.owner(&format!("SCHEMA {}", ident(&name)));
        self.grants(&format!("SCHEMA {}", ident(&name)), &["USAGE", "CREATE", "ALL"]);
        self.schemas.push(name);
    }

    fn enumeration(&mut self) {
        let (name, _) = self.fresh_qualified();
        let labels: Vec<String> = (0..self.random.below(5))
            .map(|i| {
                literal(&format!(
                    "{}{i}",
                    self.random.pick(&["a", "it's", "ü", "B b", "\\"])
                ))
            })
            .collect();
        self.statement(&format!("CREATE TYPE {name} AS ENUM ({});", labels.join(", ")));
        if self.random.chance(30) && !labels.is_empty() {
            self.statement(&format!(
                "ALTER TYPE {name} ADD VALUE 'before' BEFORE {};",
                labels[0]
            ));
        }
        self.after_type(&name, "TYPE");
    }

    fn after_type(&mut self, name: &str, word: &str) {
        self.comment(&format!("{word} {name}"));
        self.owner(&format!("{word} {name}"));
        self.grants(&format!("{word} {name}"), &["USAGE", "ALL"]);
        self.types.push(name.to_string());
    }

    fn domain(&mut self) {
        let (name, _) = self.fresh_qualified();
        let base = self.random.pick(&[
            "integer",
            "text",
            "numeric(8,3)",
            "character varying(9)",
            "date",
            "integer[]",
        ]);
        let mut text = format!("CREATE DOMAIN {name} AS {base}");
        if self.random.chance(30) && base == "text" {
            text.push_str(" COLLATE \"C\"");
        }
        if self.random.chance(30) {
            text.push_str(" DEFAULT NULL");
        }
        if self.random.chance(30) {
            text.push_str(" NOT NULL");
        }
        for i in 0..self.random.below(3) {
            let constraint = if self.random.chance(60) {
                format!(
                    " CONSTRAINT {}",
                    ident(&format!("{}{i}", self.random.pick(ODD_NAMES)))
                )
            } else {
                String::new()
            };
            let _ = write!(text, "{constraint} CHECK (VALUE IS DISTINCT FROM '{i}'::{base})");
        }
        self.statement(&format!("{text};"));
        if self.random.chance(20) {
            self.statement(&format!(
                "ALTER DOMAIN {name} ADD CONSTRAINT late_check CHECK (VALUE IS NOT NULL) NOT VALID;"
            ));
            self.comment(&format!("CONSTRAINT late_check ON DOMAIN {name}"));
        }
        self.after_type(&name, "DOMAIN");
    }

    fn composite(&mut self) {
        let (name, _) = self.fresh_qualified();
        let columns = self.columns(0);
        let list: Vec<String> = columns.iter().map(|(n, t)| format!("{} {t}", ident(n))).collect();
        self.statement(&format!("CREATE TYPE {name} AS ({});", list.join(", ")));
        if self.random.chance(25)
            && let Some((first, _)) = columns.first()
        {
            self.statement(&format!("ALTER TYPE {name} DROP ATTRIBUTE {};", ident(first)));
        }
        if let Some((last, _)) = columns.last() {
            self.comment(&format!("COLUMN {name}.{}", ident(last)));
        }
        self.after_type(&name, "TYPE");
    }

    fn range(&mut self) {
        let (name, _) = self.fresh_qualified();
        let subtype = self
            .random
            .pick(&["double precision", "text", "integer", "time without time zone"]);
        let extra = match (subtype, self.random.below(3)) {
            ("double precision", 0) => ", subtype_diff = float8mi",
            ("text", 0) => ", collation = \"C\"",
            ("text", 1) => ", subtype_opclass = text_pattern_ops",
            _ => "",
        };
        self.statement(&format!(
            "CREATE TYPE {name} AS RANGE (subtype = {subtype}{extra});"
        ));
        self.after_type(&name, "TYPE");
    }

    fn columns(&mut self, least: usize) -> Vec<(String, String)> {
        let mut columns: Vec<(String, String)> = Vec::new();
        for i in 0..least + self.random.below(6) {
            let mut name = match self.random.below(3) {
                0 => self.random.pick(ODD_NAMES).to_string(),
                _ => format!("c{i}"),
            };
            if columns.iter().any(|(other, _)| *other == name) {
                name = format!("{name}{i}");
            }
            let kind = self.a_type();
            columns.push((name, kind));
        }
        columns
    }

    fn function(&mut self) {
        let (name, _) = self.fresh_qualified();
        let mut arguments = Vec::new();
        let mut signature = Vec::new();
        for i in 0..self.random.below(4) {
            let kind = self.a_type();
            let mode = self.random.pick(&["", "IN ", "INOUT ", ""]);
            let default =
                if self.random.chance(20) || arguments.iter().any(|a: &String| a.contains("DEFAULT")) {
                    " DEFAULT NULL"
                } else {
                    ""
                };
            let label = if self.random.chance(70) {
                format!("{} ", ident(&format!("p {i}")))
            } else {
                String::new()
            };
            arguments.push(format!("{mode}{label}{kind}{default}"));
            signature.push(kind);
        }
        let inout = arguments.iter().any(|a| a.starts_with("INOUT"));
        let attributes = [
            self.random.pick(&["", "IMMUTABLE", "STABLE", "VOLATILE"]),
            self.random.pick(&["", "STRICT", "CALLED ON NULL INPUT"]),
            self.random.pick(&["", "", "SECURITY DEFINER", "LEAKPROOF"]),
            self.random
                .pick(&["", "COST 7", "COST 0.5", "PARALLEL SAFE", "PARALLEL RESTRICTED"]),
            self.random.pick(&[
                "",
                "",
                "SET search_path TO 'a b', public",
                "SET work_mem = '4MB'",
                "SET DateStyle = ISO, DMY",
            ]),
        ]
        .join(" ");
        let body = self.random.pick(&[
            "SELECT NULL",
            "SELECT NULL -- $$ in it",
            "SELECT NULL /* it's \\ $_$ */",
            "\nSELECT NULL\n",
        ]);
        let (language, body) = if self.random.chance(40) {
            ("plpgsql", "BEGIN RETURN; END".to_string())
        } else {
            ("sql", body.to_string())
        };
        let quoted = format!("$gen${body}$gen$");
        if self.random.chance(20) {
            self.statement(&format!(
                "CREATE PROCEDURE {name}({}) LANGUAGE {language} AS {quoted};",
                arguments.join(", ")
            ));
            self.comment(&format!("PROCEDURE {name}"));
            self.grants(&format!("PROCEDURE {name}"), &["EXECUTE"]);
            return;
        }
        let returns = if inout {
            String::new()
        } else {
            let kind = self.a_type();
            match self.random.below(5) {
                0 => format!("RETURNS SETOF {kind} ROWS 13"),
                1 => format!("RETURNS TABLE({} {kind}, b integer)", ident("out col")),
                2 if language == "plpgsql" => "RETURNS void".into(),
                _ => format!("RETURNS {kind}"),
            }
        };
        self.statement(&format!(
            "CREATE FUNCTION {name}({}) {returns} LANGUAGE {language} {attributes} AS {quoted};",
            arguments.join(", ")
        ));
        let full = format!("FUNCTION {name}({})", signature.join(", "));
        self.comment(&full);
        self.owner(&full);
        self.grants(&full, &["EXECUTE", "ALL"]);
        let scalar = format!("{name}_i");
        let _ = scalar;
        if signature.is_empty() {
            self.functions.push(name);
        }
    }

    fn trigger_function(&mut self) {
        let (name, _) = self.fresh_qualified();
        self.statement(&format!(
            "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;"
        ));
        self.trigger_functions.push(name);
    }

    fn table(&mut self) {
        let (name, schema) = self.fresh_qualified();
        let columns = self.columns(1);
        let unlogged = if self.random.chance(10) { "UNLOGGED " } else { "" };
        let mut parts = Vec::new();
        let mut key = None;
        if self.random.chance(60) {
            let kind = match self.random.below(5) {
                0 => "serial",
                1 => "bigint GENERATED ALWAYS AS IDENTITY",
                2 => "integer GENERATED BY DEFAULT AS IDENTITY (START WITH 5 INCREMENT BY 3 CACHE 2)",
                3 => "bigserial",
                _ => "integer",
            };
            let word = if self.random.chance(80) {
                if self.random.chance(25) {
                    format!(
                        "CONSTRAINT {} PRIMARY KEY",
                        ident(&format!("{} pk{}", self.random.pick(ODD_NAMES), self.count))
                    )
                } else {
                    "PRIMARY KEY".to_string()
                }
            } else {
                "NOT NULL".to_string()
            };
            parts.push(format!("\"the id\" {kind} {word}"));
            if word.contains("PRIMARY") {
                key = Some("\"the id\"".to_string());
            }
        }
        for (column, kind) in &columns {
            let mut part = format!("{} {kind}", ident(column));
            if matches!(kind.as_str(), "text" | "name" | "character(3)") && self.random.chance(20) {
                part.push_str(" COLLATE \"C\"");
            }
            match self.random.below(8) {
                0 => part.push_str(" DEFAULT NULL"),
                1 if kind == "integer" => part.push_str(" DEFAULT (1 + 2)"),
                2 if kind == "text" => part.push_str(" DEFAULT 'it''s'"),
                3 if kind == "integer" => {
                    if let Some(sequence) = self.random.of(&self.sequences) {
                        let _ = write!(part, " DEFAULT nextval({})", literal(&sequence));
                    }
                }
                4 => {
                    if let Some(function) = self.random.of(&self.functions) {
                        let _ = write!(part, " DEFAULT ({function}())::text::{kind}");
                    }
                }
                _ => {}
            }
            if self.random.chance(20) {
                part.push_str(" NOT NULL");
            }
            if self.random.chance(5) {
                part.push_str(" UNIQUE");
            }
            if self.random.chance(12) {
                let _ = write!(part, " CHECK ({} IS NOT NULL)", ident(column));
            }
            parts.push(part);
        }
        if let Some((column, _)) = columns.iter().find(|(_, kind)| kind == "integer") {
            if self.random.chance(50) && self.major >= 12 {
                let stored = if self.major >= 18 && self.random.chance(50) {
                    "VIRTUAL"
                } else {
                    "STORED"
                };
                parts.push(format!(
                    "gen integer GENERATED ALWAYS AS ({} * 2) {stored}",
                    ident(column)
                ));
            }
            if self.random.chance(30) {
                parts.push(format!(
                    "EXCLUDE USING btree ({} WITH =) WHERE ({} > 0)",
                    ident(column),
                    ident(column)
                ));
            }
        }
        if self.random.chance(15) && parts.len() > 1 {
            let (a, b) = (
                ident(&columns[0].0),
                columns.last().map(|c| ident(&c.0)).unwrap_or_default(),
            );
            parts.push(format!(
                "CONSTRAINT {} UNIQUE ({a}, {b}) DEFERRABLE INITIALLY DEFERRED",
                ident(&format!("uq{}", self.count))
            ));
        }
        let with = self.random.pick(&[
            "",
            "",
            "",
            " WITH (fillfactor=70)",
            " WITH (autovacuum_enabled=off, toast.autovacuum_enabled=off)",
        ]);
        self.statement(&format!(
            "CREATE {unlogged}TABLE {name} ({}){with};",
            parts.join(", ")
        ));
        self.after_table(&name, &columns);
        self.tables.push(Relation {
            name,
            columns,
            key,
            schema,
        });
    }

    fn after_table(&mut self, name: &str, columns: &[(String, String)]) {
        self.comment(&format!("TABLE {name}"));
        for (column, _) in columns {
            if self.random.chance(25) {
                self.comment(&format!("COLUMN {name}.{}", ident(column)));
            }
        }
        self.owner(&format!("TABLE {name}"));
        self.grants(
            &format!("TABLE {name}"),
            &["SELECT", "INSERT, UPDATE", "ALL", "TRUNCATE", "REFERENCES"],
        );
        if let Some((column, _)) = self.random.of(columns)
            && self.random.chance(20)
        {
            let role = ident(self.random.pick(ROLES));
            self.statement(&format!(
                "GRANT SELECT ({0}), UPDATE ({0}) ON TABLE {name} TO {role};",
                ident(&column)
            ));
        }
        if self.random.chance(10) {
            self.statement(&format!("ALTER TABLE {name} ENABLE ROW LEVEL SECURITY;"));
            let policy = ident(self.random.pick(ODD_NAMES));
            self.statement(&format!(
                "CREATE POLICY {policy} ON {name} FOR SELECT TO PUBLIC USING (true);"
            ));
        }
    }

    fn inherited(&mut self) {
        let Some(parent) = self.random.of(&self.tables) else {
            return;
        };
        let (name, schema) = self.fresh_qualified();
        let columns: Vec<_> = self
            .columns(0)
            .into_iter()
            .map(|(n, t)| (format!("own {n}"), t))
            .collect();
        let list: Vec<String> = columns.iter().map(|(n, t)| format!("{} {t}", ident(n))).collect();
        let second = if self.random.chance(25) {
            self.random
                .of(&self.tables)
                .filter(|t| t.name != parent.name)
                .map(|t| format!(", {}", t.name))
        } else {
            None
        };
        self.statement(&format!(
            "CREATE TABLE {name} ({}) INHERITS ({}{});",
            list.join(", "),
            parent.name,
            second.unwrap_or_default()
        ));
        let mut all = parent.columns.clone();
        if let Some((column, kind)) = self.random.of(&parent.columns) {
            match self.random.below(6) {
                0 => self.statement(&format!(
                    "ALTER TABLE {name} ALTER COLUMN {} SET DEFAULT NULL;",
                    ident(&column)
                )),
                1 => self.statement(&format!(
                    "ALTER TABLE {name} ALTER COLUMN {} SET NOT NULL;",
                    ident(&column)
                )),
                2 => self.statement(&format!(
                    "ALTER TABLE ONLY {name} ALTER COLUMN {} DROP DEFAULT;",
                    ident(&column)
                )),
                3 => self.statement(&format!(
                    "ALTER TABLE {} ADD CHECK ({} IS NOT NULL) NO INHERIT;",
                    parent.name,
                    ident(&column)
                )),
                4 => self.statement(&format!(
                    "CREATE TABLE {name}x ({} {kind}) INHERITS ({});",
                    ident(&column),
                    parent.name
                )),
                _ => {}
            }
        }
        all.extend(columns);
        self.after_table(&name, &all);
        self.tables.push(Relation {
            name,
            columns: all,
            key: None,
            schema,
        });
    }

    fn partitioned(&mut self) {
        let (name, schema) = self.fresh_qualified();
        let strategy = self.random.below(3);
        let clause = ["RANGE (k)", "LIST (k)", "HASH (k)"][strategy];
        let extra = self.columns(0);
        let mut list = vec!["k integer NOT NULL".to_string()];
        list.extend(
            extra
                .iter()
                .filter(|(n, _)| n != "k")
                .map(|(n, t)| format!("{} {t}", ident(n))),
        );
        let keyed = self.random.chance(50);
        if keyed {
            list.push("PRIMARY KEY (k)".into());
        }
        self.statement(&format!(
            "CREATE TABLE {name} ({}) PARTITION BY {clause};",
            list.join(", ")
        ));
        let mut columns = vec![("k".to_string(), "integer".to_string())];
        columns.extend(extra);
        for i in 0..1 + self.random.below(3) {
            let (part, _) = self.fresh_qualified();
            let bound = match strategy {
                0 if i == 2 => "DEFAULT".to_string(),
                0 => format!("FOR VALUES FROM ({}) TO ({})", i * 10, i * 10 + 10),
                1 => format!("FOR VALUES IN ({i}, {})", i + 100),
                _ => format!("FOR VALUES WITH (modulus 3, remainder {i})"),
            };
            let sub = if self.random.chance(20) {
                " PARTITION BY HASH (k)"
            } else {
                ""
            };
            self.statement(&format!("CREATE TABLE {part} PARTITION OF {name} {bound}{sub};"));
            if !sub.is_empty() {
                let (leaf, _) = self.fresh_qualified();
                self.statement(&format!(
                    "CREATE TABLE {leaf} PARTITION OF {part} FOR VALUES WITH (modulus 1, remainder 0);"
                ));
            }
            self.comment(&format!("TABLE {part}"));
            if self.random.chance(20) {
                self.statement(&format!("ALTER TABLE {part} ALTER COLUMN k SET DEFAULT 3;"));
            }
        }
        if self.random.chance(60) {
            self.statement(&format!("CREATE INDEX ON {name} (k);"));
        }
        self.after_table(&name, &columns);
        let key = keyed.then(|| "k".to_string());
        self.tables.push(Relation {
            name,
            columns,
            key,
            schema,
        });
    }

    fn source(&mut self) -> Option<Relation> {
        let from = self.random.below(10);
        let (tables, views, materialized) =
            (self.tables.clone(), self.views.clone(), self.materialized.clone());
        match from {
            0..=4 => self.random.of(&tables),
            5..=8 => self.random.of(&views).or_else(|| self.random.of(&tables)),
            _ => self.random.of(&materialized).or_else(|| self.random.of(&tables)),
        }
    }

    fn query(&mut self) -> Option<(String, Vec<(String, String)>)> {
        let source = self.source()?;
        let (name, kind) = self.random.of(&source.columns)?;
        Some(match self.random.below(6) {
            0 if source.key.is_some() => {
                let key = source.key.unwrap_or_default();
                (
                    format!(
                        "SELECT {key} AS k, {} AS v, count(*) AS n FROM {} GROUP BY {key}",
                        ident(&name),
                        source.name
                    ),
                    vec![("v".into(), kind)],
                )
            }
            1 => {
                let other = self.source()?;
                (
                    format!(
                        "SELECT a.{} AS x FROM {} a CROSS JOIN {} b",
                        ident(&name),
                        source.name,
                        other.name
                    ),
                    vec![("x".into(), kind)],
                )
            }
            2 => match self.random.of(&self.functions) {
                Some(function) => (
                    format!(
                        "SELECT {} AS y, ({function}())::text AS f FROM {}",
                        ident(&name),
                        source.name
                    ),
                    vec![("y".into(), kind)],
                ),
                None => return None,
            },
            _ => (
                format!("SELECT {} FROM {}", ident(&name), source.name),
                vec![(name, kind)],
            ),
        })
    }

    fn view(&mut self) {
        let Some((query, columns)) = self.query() else {
            return;
        };
        let (name, schema) = self.fresh_qualified();
        let with = self.random.pick(&["", "", "", " WITH (security_barrier=true)"]);
        let check = if self.random.chance(10) {
            " WITH LOCAL CHECK OPTION"
        } else {
            ""
        };
        self.statement(&format!("CREATE VIEW {name}{with} AS {query}{check};"));
        self.comment(&format!("VIEW {name}"));
        self.grants(&format!("TABLE {name}"), &["SELECT", "ALL"]);
        if self.random.chance(10)
            && let Some((column, _)) = columns.first()
        {
            self.statement(&format!(
                "ALTER VIEW {name} ALTER COLUMN {} SET DEFAULT NULL;",
                ident(column)
            ));
            self.comment(&format!("COLUMN {name}.{}", ident(column)));
        }
        self.views.push(Relation {
            name,
            columns,
            key: None,
            schema,
        });
    }

    fn materialized_view(&mut self) {
        let Some((query, columns)) = self.query() else {
            return;
        };
        let (name, schema) = self.fresh_qualified();
        let data = if self.random.chance(30) {
            " WITH NO DATA"
        } else {
            ""
        };
        self.statement(&format!("CREATE MATERIALIZED VIEW {name} AS {query}{data};"));
        self.comment(&format!("MATERIALIZED VIEW {name}"));
        if let Some((column, _)) = columns.first()
            && self.random.chance(50)
        {
            self.statement(&format!("CREATE INDEX ON {name} ({});", ident(column)));
        }
        self.materialized.push(Relation {
            name,
            columns,
            key: None,
            schema,
        });
    }

    fn index(&mut self) {
        let Some(table) = self.random.of(&self.tables) else {
            return;
        };
        let Some((column, kind)) = self.random.of(&table.columns) else {
            return;
        };
        let name = self.fresh();
        let unique = if self.random.chance(20) { "UNIQUE " } else { "" };
        let target = match self.random.below(4) {
            0 if kind == "text" => format!("lower({})", ident(&column)),
            1 => format!("{} DESC NULLS LAST", ident(&column)),
            _ => ident(&column),
        };
        let tail = match self.random.below(5) {
            0 => format!(" WHERE {} IS NOT NULL", ident(&column)),
            1 => " WITH (fillfactor=50)".to_string(),
            _ => String::new(),
        };
        self.statement(&format!(
            "CREATE {unique}INDEX {} ON {} ({target}){tail};",
            ident(&name),
            table.name
        ));
        self.comment(&format!("INDEX {}.{}", ident(&table.schema), ident(&name)));
        if self.random.chance(8) {
            self.statement(&format!("CLUSTER {} USING {};", table.name, ident(&name)));
        }
    }

    fn foreign_key(&mut self) {
        let Some(table) = self.random.of(&self.tables) else {
            return;
        };
        let keyed: Vec<Relation> = self.tables.iter().filter(|t| t.key.is_some()).cloned().collect();
        let Some(target) = self.random.of(&keyed) else {
            return;
        };
        let Some((column, _)) = table
            .columns
            .iter()
            .find(|(_, kind)| matches!(kind.as_str(), "integer" | "bigint"))
            .cloned()
        else {
            return;
        };
        let name = self.fresh();
        let tail = self.random.pick(&[
            "",
            " ON DELETE CASCADE",
            " ON UPDATE SET NULL DEFERRABLE",
            " NOT VALID",
            " MATCH FULL",
        ]);
        self.statement(&format!(
            "ALTER TABLE {} ADD CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({}){tail};",
            table.name,
            ident(&name),
            ident(&column),
            target.name,
            target.key.unwrap_or_default()
        ));
        self.comment(&format!("CONSTRAINT {} ON {}", ident(&name), table.name));
    }

    fn trigger(&mut self) {
        let Some(function) = self.random.of(&self.trigger_functions) else {
            return;
        };
        let on_view = self.random.chance(15);
        let relations = if on_view { &self.views } else { &self.tables };
        let Some(relation) = self.random.of(relations) else {
            return;
        };
        let name = ident(&self.fresh());
        let (when, level) = if on_view {
            ("INSTEAD OF", "ROW")
        } else {
            ("BEFORE", self.random.pick(&["ROW", "STATEMENT"]))
        };
        let event = match self.random.of(&relation.columns) {
            Some((column, _)) if !on_view && self.random.chance(30) => {
                format!("UPDATE OF {}", ident(&column))
            }
            _ => self
                .random
                .pick(&["INSERT", "UPDATE OR DELETE", "DELETE"])
                .to_string(),
        };
        let argument = self.random.pick(&["", "'it''s'", "1, 'two'"]);
        self.statement(&format!(
            "CREATE TRIGGER {name} {when} {event} ON {} FOR EACH {level} EXECUTE PROCEDURE {function}({argument});",
            relation.name
        ));
        self.comment(&format!("TRIGGER {name} ON {}", relation.name));
        if self.random.chance(25) && !on_view {
            let state = self.random.pick(&["DISABLE", "ENABLE REPLICA", "ENABLE ALWAYS"]);
            self.statement(&format!("ALTER TABLE {} {state} TRIGGER {name};", relation.name));
        }
    }

    fn sequence(&mut self) {
        let (name, _) = self.fresh_qualified();
        let options = self.random.pick(&[
            "",
            "AS smallint",
            "INCREMENT BY -1",
            "START 10 MINVALUE 5 MAXVALUE 99 CYCLE",
            "CACHE 9",
            "AS integer INCREMENT -2 MAXVALUE 0",
        ]);
        self.statement(&format!("CREATE SEQUENCE {name} {options};"));
        if self.random.chance(50) {
            self.statement(&format!("SELECT nextval({});", literal(&name)));
        }
        self.comment(&format!("SEQUENCE {name}"));
        self.grants(&format!("SEQUENCE {name}"), &["USAGE", "SELECT", "ALL"]);
        if self.random.chance(25)
            && let Some(table) = self.random.of(&self.tables)
            && let Some((column, _)) = self.random.of(&table.columns)
        {
            self.statement(&format!(
                "ALTER SEQUENCE {name} OWNED BY {}.{};",
                table.name,
                ident(&column)
            ));
        }
        self.sequences.push(name);
    }

    fn rule(&mut self) {
        let Some(table) = self.random.of(&self.tables) else {
            return;
        };
        let name = ident(&self.fresh());
        let action = self
            .random
            .pick(&["INSTEAD NOTHING", "ALSO NOTIFY x", "ALSO SELECT 1"]);
        let event = self.random.pick(&["INSERT", "UPDATE", "DELETE"]);
        self.statement(&format!(
            "CREATE RULE {name} AS ON {event} TO {} DO {action};",
            table.name
        ));
        self.comment(&format!("RULE {name} ON {}", table.name));
        if self.random.chance(25) {
            self.statement(&format!("ALTER TABLE {} DISABLE RULE {name};", table.name));
        }
    }

    fn alteration(&mut self) {
        let Some(table) = self.random.of(&self.tables) else {
            return;
        };
        let Some((column, kind)) = self.random.of(&table.columns) else {
            return;
        };
        let (t, c) = (table.name, ident(&column));
        let text = match self.random.below(9) {
            0 => format!("ALTER TABLE {t} DROP COLUMN {c} CASCADE;"),
            1 => format!("ALTER TABLE {t} ALTER COLUMN {c} SET STATISTICS 77;"),
            2 => format!("ALTER TABLE {t} ALTER COLUMN {c} SET STORAGE EXTERNAL;"),
            3 => format!("ALTER TABLE {t} ALTER COLUMN {c} SET (n_distinct = 5);"),
            4 => format!("ALTER TABLE {t} ADD COLUMN added {kind};"),
            5 => format!("ALTER TABLE {t} REPLICA IDENTITY FULL;"),
            6 => format!("ALTER TABLE {t} ADD CONSTRAINT late CHECK ({c} IS NOT NULL) NOT VALID;"),
            7 => format!("ALTER TABLE ONLY {t} ALTER COLUMN {c} SET NOT NULL;"),
            _ => format!("CREATE STATISTICS ON {c}, {} FROM {t};", ident("the id")),
        };
        self.statement(&text);
    }

    fn default_privileges(&mut self) {
        let role = ident(self.random.pick(ROLES));
        let schema = self.random.of(&self.schemas).unwrap_or_default();
        let place = if self.random.chance(50) {
            format!(" IN SCHEMA {}", ident(&schema))
        } else {
            String::new()
        };
        let action = self.random.pick(&[
            "GRANT SELECT ON TABLES TO PUBLIC",
            "GRANT ALL ON TABLES TO regress_gen_reader WITH GRANT OPTION",
            "REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
            "GRANT USAGE ON SEQUENCES TO regress_gen_reader",
            "REVOKE ALL ON TYPES FROM PUBLIC",
            "GRANT USAGE ON TYPES TO regress_gen_reader",
        ]);
        self.statement(&format!(
            "ALTER DEFAULT PRIVILEGES FOR ROLE {role}{place} {action};"
        ));
    }

    fn rows(&mut self) {
        let Some(table) = self.random.of(&self.tables) else {
            return;
        };
        let count = 1 + self.random.below(3);
        for i in 0..count {
            let wanted: Vec<&(String, String)> = table
                .columns
                .iter()
                .filter(|(_, kind)| {
                    matches!(
                        kind.as_str(),
                        "integer" | "text" | "bigint" | "boolean" | "bytea" | "jsonb"
                    )
                })
                .collect();
            if wanted.is_empty() {
                self.statement(&format!("INSERT INTO {} DEFAULT VALUES;", table.name));
                continue;
            }
            let names: Vec<String> = wanted.iter().map(|(name, _)| ident(name)).collect();
            let values: Vec<String> = wanted
                .iter()
                .map(|(_, kind)| match kind.as_str() {
                    "integer" | "bigint" => format!("{i}"),
                    "boolean" => "true".into(),
                    "bytea" => "'\\x00ff5c'".into(),
                    "jsonb" => "'{\"a\": \"\\\\ \\t\"}'".into(),
                    _ => self
                        .random
                        .pick(&[
                            "'plain'",
                            "E'tab\\tnew\\nline\\\\'",
                            "'\\.'",
                            "''",
                            "NULL",
                            "'ü🐘'",
                        ])
                        .to_string(),
                })
                .collect();
            self.statement(&format!(
                "INSERT INTO {} ({}) VALUES ({});",
                table.name,
                names.join(", "),
                values.join(", ")
            ));
        }
    }

    fn large_objects(&mut self) {
        for i in 0..1 + self.random.below(4) {
            let oid = 900_000 + i;
            self.statement(&format!("SELECT lo_from_bytea({oid}, '\\x00010203');"));
            self.comment(&format!("LARGE OBJECT {oid}"));
            self.owner(&format!("LARGE OBJECT {oid}"));
            self.grants(&format!("LARGE OBJECT {oid}"), &["SELECT", "UPDATE", "ALL"]);
        }
    }
}
