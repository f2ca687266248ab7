//! Which objects the user's name patterns find: patterns in, oids out, by one query for each kind of pattern.
//!
//! Names without a schema are looked for along the user's own search path, so this comes before the
//! session is set up otherwise.

use std::collections::HashSet;

use bstr::{BStr, BString};
use futures_util::try_join;
use postgres_types::{ToSql, Type};

use super::options::{Patterns, TablePattern};
use crate::connect::{Columns, Text};
use crate::error::{Error, ErrorKind, Result};
use crate::objects::Reader;
use crate::objects::selection::{Choice, Selection};
use crate::sql::Pattern;

/// Finds out what is meant.
///
/// # Errors
/// If a query fails, if a pattern names another database, or if none of the patterns for what to include
/// finds anything; with strict names, if any of them does not.
pub(super) async fn resolve(reader: &Reader<'_>, patterns: &Patterns, database: &BStr) -> Result<Selection> {
    let strict = patterns.strict;
    let plain = |patterns: &[Pattern]| -> Vec<TablePattern> {
        let no_children = |pattern: &Pattern| TablePattern {
            pattern: pattern.clone(),
            with_children: false,
        };
        patterns.iter().map(no_children).collect()
    };
    let (schemas, not_schemas) = (plain(&patterns.schemas), plain(&patterns.not_schemas));
    let (extensions, not_extensions) = (plain(&patterns.extensions), plain(&patterns.not_extensions));
    let servers = plain(&patterns.foreign_servers);
    let find = |kind: &'static Kind, patterns, strict| async move {
        let found = kind.find(reader, patterns, database).await?;
        found.into_set(kind, patterns, strict)
    };
    let (schemas, not_schemas, tables, not_tables, without_data, extensions, not_extensions, servers) = try_join!(
        find(&SCHEMAS, &schemas, strict),
        find(&SCHEMAS, &not_schemas, false),
        find(&TABLES, &patterns.tables, strict),
        find(&TABLES, &patterns.not_tables, false),
        find(&TABLES, &patterns.without_data, false),
        find(&EXTENSIONS, &extensions, strict),
        find(&EXTENSIONS, &not_extensions, false),
        find(&SERVERS, &servers, true),
    )?;
    Ok(Selection {
        schemas: choice(&SCHEMAS, schemas, not_schemas)?,
        tables: choice(&TABLES, tables, not_tables)?,
        extensions: choice(&EXTENSIONS, extensions, not_extensions)?,
        without_data: without_data.unwrap_or_default(),
        foreign_servers: servers.unwrap_or_default(),
        no_unlogged_data: false,
        everything_else: patterns.everything_else,
    })
}

fn choice(kind: &Kind, only: Option<HashSet<u32>>, not: Option<HashSet<u32>>) -> Result<Choice> {
    if only.as_ref().is_some_and(HashSet::is_empty) {
        let message = format!("no matching {} were found", kind.what);
        return Err(Error::new(ErrorKind::Usage, message));
    }
    Ok(Choice {
        only,
        not: not.unwrap_or_default(),
    })
}

/// A kind of thing that patterns can find.
struct Kind {
    /// What people call several of them.
    what: &'static str,
    /// Gives the place of a pattern, counted from 1, and an oid that it finds. `$1` are expressions for names, `$2` for
    /// schemas, `$3` says whose children are wanted.
    sql: &'static str,
}

const SCHEMAS: Kind = Kind {
    what: "schemas",
    sql: "SELECT p.place, n.oid FROM pg_catalog.generate_subscripts($1, 1) p(place) \
          JOIN pg_catalog.pg_namespace n ON n.nspname OPERATOR(pg_catalog.~) ($1)[p.place] COLLATE pg_catalog.\"default\"",
};

const EXTENSIONS: Kind = Kind {
    what: "extensions",
    sql: "SELECT p.place, e.oid FROM pg_catalog.generate_subscripts($1, 1) p(place) \
          JOIN pg_catalog.pg_extension e ON e.extname OPERATOR(pg_catalog.~) ($1)[p.place] COLLATE pg_catalog.\"default\"",
};

const SERVERS: Kind = Kind {
    what: "foreign servers",
    sql: "SELECT p.place, s.oid FROM pg_catalog.generate_subscripts($1, 1) p(place) \
          JOIN pg_catalog.pg_foreign_server s ON s.srvname OPERATOR(pg_catalog.~) ($1)[p.place] COLLATE pg_catalog.\"default\"",
};

const TABLES: Kind = Kind {
    what: "tables",
    sql: "WITH RECURSIVE found (place, oid) AS ( \
            SELECT p.place, c.oid FROM pg_catalog.generate_subscripts($1, 1) p(place) \
            JOIN pg_catalog.pg_class c ON c.relname OPERATOR(pg_catalog.~) ($1)[p.place] COLLATE pg_catalog.\"default\" \
            JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
            WHERE c.relkind IN ('r', 'S', 'v', 'm', 'f', 'p') AND CASE WHEN ($2)[p.place] IS NULL \
              THEN pg_catalog.pg_table_is_visible(c.oid) \
              ELSE n.nspname OPERATOR(pg_catalog.~) ($2)[p.place] COLLATE pg_catalog.\"default\" END \
          UNION \
            SELECT f.place, i.inhrelid FROM found f \
            JOIN pg_catalog.pg_inherits i ON i.inhparent = f.oid WHERE ($3)[f.place] \
          ) SELECT place, oid FROM found",
};

impl Kind {
    async fn find(&self, reader: &Reader<'_>, patterns: &[TablePattern], database: &BStr) -> Result<Found> {
        for pattern in patterns {
            pattern.pattern.check_database(database)?;
        }
        if patterns.is_empty() {
            return Ok(Found(Vec::new()));
        }
        let text = |text: &BString| Text(text.clone());
        let names: Vec<Text> = patterns.iter().map(|p| text(&p.pattern.name)).collect();
        let schemas: Vec<Option<Text>> = patterns
            .iter()
            .map(|p| p.pattern.schema.as_ref().map(text))
            .collect();
        let children: Vec<bool> = patterns.iter().map(|p| p.with_children).collect();
        let parameters = [
            (&names as &(dyn ToSql + Sync), Type::TEXT_ARRAY),
            (&schemas, Type::TEXT_ARRAY),
            (&children, Type::BOOL_ARRAY),
        ];
        let rows = reader.rows(self.what, self.sql, &parameters).await?;
        let mut found = Vec::new();
        for row in &rows {
            let mut c = Columns::new(row);
            found.push((c.int4()?, c.oid()?));
        }
        Ok(Found(found))
    }
}

/// Places of patterns, and what they find.
struct Found(Vec<(i32, u32)>);

impl Found {
    /// All that was found, if there were patterns at all.
    fn into_set(self, kind: &Kind, patterns: &[TablePattern], strict: bool) -> Result<Option<HashSet<u32>>> {
        if strict {
            let places: HashSet<i32> = self.0.iter().map(|(place, _)| *place).collect();
            let nothing = (1..).zip(patterns).find(|(place, _)| !places.contains(place));
            if let Some((_, pattern)) = nothing {
                let (what, text) = (kind.what, &pattern.pattern.text);
                let message = format!("no matching {what} were found for pattern \"{text}\"");
                return Err(Error::new(ErrorKind::Usage, message));
            }
        }
        let oids = || self.0.iter().map(|(_, oid)| *oid).collect();
        Ok((!patterns.is_empty()).then(oids))
    }
}
