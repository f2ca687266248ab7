//! Many large objects in one statement: their creation, and pieces of their contents.
//!
//! What is the same for each stands in arrays, which cost the server less to read than as many statements or rows do.

use bstr::ByteSlice;

use crate::script::Statement;
use crate::script::large_object::push_hex;

/// Bytes of content in one statement, one piece aside; twice as many characters are sent.
const BYTES: usize = 256 * 1024;
/// Pieces in one statement.
const PIECES: usize = 1000;

/// A statement in the making.
pub(super) struct Batch {
    standard_strings: bool,
    oids: Vec<u8>,
    positions: Vec<u8>,
    contents: Vec<u8>,
    pieces: usize,
    bytes: usize,
    first: u32,
    last: u32,
}

impl Batch {
    /// An empty batch for a session with this setting of `standard_conforming_strings`.
    pub(super) fn new(standard_strings: bool) -> Batch {
        Batch {
            standard_strings,
            oids: Vec::new(),
            positions: Vec::new(),
            contents: Vec::new(),
            pieces: 0,
            bytes: 0,
            first: 0,
            last: 0,
        }
    }

    /// Adds a piece of an object.
    pub(super) fn push(&mut self, oid: u32, position: u64, content: &[u8]) {
        if self.pieces == 0 {
            self.first = oid;
        } else {
            for list in [&mut self.oids, &mut self.positions, &mut self.contents] {
                list.push(b',');
            }
        }
        self.oids.extend_from_slice(oid.to_string().as_bytes());
        self.positions.extend_from_slice(position.to_string().as_bytes());
        // The backslash before the x is escaped for the array, and for strings that escape it is both again.
        let hex: &[u8] = match self.standard_strings {
            true => br#""\\x"#,
            false => br#""\\\\x"#,
        };
        self.contents.extend_from_slice(hex);
        push_hex(content, &mut self.contents);
        self.contents.push(b'"');
        self.last = oid;
        self.pieces += 1;
        self.bytes += content.len();
    }

    /// Whether it should be sent.
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= BYTES || self.pieces >= PIECES
    }

    /// The statement with the first and the last object it writes, if there is anything in it; the batch is
    /// empty then.
    pub(super) fn take(&mut self) -> Option<(Vec<u8>, u32, u32)> {
        if self.pieces == 0 {
            return None;
        }
        let sql = [
            b"SELECT pg_catalog.lo_put(v.o, v.p, v.d) FROM ROWS FROM (pg_catalog.unnest('{".as_slice(),
            &self.oids,
            b"}'::pg_catalog.oid[]), pg_catalog.unnest('{",
            &self.positions,
            b"}'::pg_catalog.int8[]), pg_catalog.unnest('{",
            &self.contents,
            b"}'::pg_catalog.bytea[])) AS v(o, p, d);",
        ]
        .concat();
        for list in [&mut self.oids, &mut self.positions, &mut self.contents] {
            list.clear();
        }
        self.pieces = 0;
        self.bytes = 0;
        Some((sql, self.first, self.last))
    }
}

/// Statements about large objects as one text, those that create put together to one. What gives them to an owner is left out if
/// they belong to him (`is_owner`) by being created.
pub(super) fn joined(statements: &[Statement], is_owner: bool) -> Vec<u8> {
    const CREATE: &[u8] = b"SELECT pg_catalog.lo_create('";
    let number = |statement: &Statement| {
        let rest = statement.sql.strip_prefix(CREATE)?;
        let number = rest.get(..rest.find_byte(b'\'')?)?;
        number.iter().all(u8::is_ascii_digit).then(|| number.to_vec())
    };
    let created: Vec<Vec<u8>> = statements.iter().map_while(number).collect();
    let mut sql = Vec::new();
    if !created.is_empty() {
        sql.extend_from_slice(b"SELECT pg_catalog.lo_create(v.o) FROM pg_catalog.unnest('{");
        sql.extend_from_slice(&created.join(&b','));
        sql.extend_from_slice(b"}'::pg_catalog.oid[]) AS v(o);");
    }
    let rest = statements.get(created.len()..).unwrap_or_default();
    let is_needed = |statement: &&Statement| {
        created.is_empty() || !is_owner || !statement.sql.starts_with(b"ALTER LARGE OBJECT ")
    };
    for statement in rest.iter().filter(is_needed) {
        sql.extend_from_slice(&statement.sql);
    }
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_become_rows_of_one_statement() {
        let mut batch = Batch::new(true);
        assert!(batch.take().is_none());
        batch.push(7, 0, b"\x01\xff");
        batch.push(9, 4, b"a");
        let (sql, first, last) = batch.take().unwrap();
        assert_eq!((first, last), (7, 9));
        assert_eq!(
            String::from_utf8(sql).unwrap(),
            "SELECT pg_catalog.lo_put(v.o, v.p, v.d) FROM ROWS FROM (pg_catalog.unnest('{7,9}'::pg_catalog.oid[]), \
             pg_catalog.unnest('{0,4}'::pg_catalog.int8[]), \
             pg_catalog.unnest('{\"\\\\x01ff\",\"\\\\x61\"}'::pg_catalog.bytea[])) AS v(o, p, d);"
        );
        assert!(batch.take().is_none());
    }

    #[test]
    fn a_batch_is_full_by_bytes_or_by_pieces() {
        let mut batch = Batch::new(true);
        batch.push(1, 0, &vec![0; BYTES]);
        assert!(batch.is_full());
        batch.take();
        (0..PIECES as u32).for_each(|oid| batch.push(oid, 0, b""));
        assert!(batch.is_full());
    }

    #[test]
    fn creations_are_one_statement_and_owners_are_named_where_it_matters() {
        let statements: Vec<Statement> = [
            "SELECT pg_catalog.lo_create('7');\n",
            "SELECT pg_catalog.lo_create('9');\n",
            "ALTER LARGE OBJECT 7 OWNER TO a;\n",
        ]
        .map(|sql| Statement {
            sql: sql.into(),
            purpose: crate::script::Purpose::Execute,
        })
        .into();
        let create =
            "SELECT pg_catalog.lo_create(v.o) FROM pg_catalog.unnest('{7,9}'::pg_catalog.oid[]) AS v(o);";
        let text = |sql: Vec<u8>| String::from_utf8(sql).unwrap();
        assert_eq!(text(joined(&statements, true)), create);
        assert_eq!(
            text(joined(&statements, false)),
            format!("{create}ALTER LARGE OBJECT 7 OWNER TO a;\n")
        );
        // What was there before may belong to anybody.
        let owners = text(joined(&statements[2..], true));
        assert_eq!(owners, "ALTER LARGE OBJECT 7 OWNER TO a;\n");
    }
}
