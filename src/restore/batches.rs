//! Pieces of large objects, joined into statements that write many of them.

use crate::script::large_object::push_bytea;

/// Bytes of content in one statement, one piece aside; twice as many characters are sent.
const BYTES: usize = 256 * 1024;
/// Pieces in one statement.
const PIECES: usize = 1000;

/// A statement in the making.
pub(super) struct Batch {
    standard_strings: bool,
    sql: Vec<u8>,
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
            sql: Vec::new(),
            pieces: 0,
            bytes: 0,
            first: 0,
            last: 0,
        }
    }

    /// Adds a piece of an object.
    pub(super) fn push(&mut self, oid: u32, position: u64, content: &[u8]) {
        if self.pieces == 0 {
            self.sql
                .extend_from_slice(b"SELECT pg_catalog.lo_put(v.o, v.p, v.d) FROM (VALUES ");
            self.first = oid;
            self.sql.extend_from_slice(
                format!("({oid}::pg_catalog.oid, {position}::pg_catalog.int8, ").as_bytes(),
            );
            push_bytea(content, self.standard_strings, &mut self.sql);
            self.sql.extend_from_slice(b"::pg_catalog.bytea)");
        } else {
            self.sql
                .extend_from_slice(format!(", ({oid}, {position}, ").as_bytes());
            push_bytea(content, self.standard_strings, &mut self.sql);
            self.sql.push(b')');
        }
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
        let mut sql = std::mem::take(&mut self.sql);
        sql.extend_from_slice(b") AS v(o, p, d);");
        self.pieces = 0;
        self.bytes = 0;
        Some((sql, self.first, self.last))
    }
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
            "SELECT pg_catalog.lo_put(v.o, v.p, v.d) FROM (VALUES (7::pg_catalog.oid, 0::pg_catalog.int8, \
             '\\x01ff'::pg_catalog.bytea), (9, 4, '\\x61')) AS v(o, p, d);"
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
}
