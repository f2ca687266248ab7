//! What the rows of a plain dump tell [`Progress`]: each COPY is reported as the entry that an archive would have for
//! it, under the number of its line.

use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};

use crate::progress::{Done, Item, Progress};
use crate::sql::splitter::Piece;

/// A COPY under way.
pub(super) struct Loading {
    progress: Arc<dyn Progress>,
    line: u32,
    schema: Option<BString>,
    table: BString,
    pub(super) bytes: u64,
}

impl Loading {
    /// Begins a COPY.
    pub(super) fn begin(progress: Arc<dyn Progress>, piece: &Piece) -> Loading {
        let (schema, table) = target(&piece.text);
        let loading = Loading {
            progress,
            line: u32::try_from(piece.line).unwrap_or(u32::MAX),
            schema,
            table,
            bytes: 0,
        };
        loading.progress.entry_begun(&loading.item());
        loading
    }

    /// Ends it: with the number of rows, or without if it was refused.
    pub(super) fn end(self, rows: Option<u64>) {
        let done = Done {
            rows: rows.unwrap_or(0),
            bytes: self.bytes,
            failed: rows.is_none(),
        };
        self.progress.entry_done(&self.item(), &done);
    }

    fn item(&self) -> Item<'_> {
        Item {
            dump_id: self.line,
            kind: BStr::new("TABLE DATA"),
            schema: self.schema.as_ref().map(|name| name.as_bstr()),
            name: self.table.as_bstr(),
            has_data: true,
            is_index: false,
            size: 0,
        }
    }
}

/// The schema and the table of `COPY schema.table …`.
fn target(statement: &[u8]) -> (Option<BString>, BString) {
    let rest = statement.get("COPY ".len()..).unwrap_or_default();
    let (first, rest) = name(rest);
    match rest.strip_prefix(b".") {
        Some(rest) => (Some(first), name(rest).0),
        None => (None, first),
    }
}

/// A name at the beginning of a text, without its quotes, and what follows it.
fn name(text: &[u8]) -> (BString, &[u8]) {
    let Some(quoted) = text.strip_prefix(b"\"") else {
        let end = text.iter().position(|byte| b". (;\n".contains(byte));
        let (name, rest) = text.split_at(end.unwrap_or(text.len()));
        return (name.into(), rest);
    };
    let mut name = BString::default();
    let mut rest = quoted;
    while let Some(end) = rest.find_byte(b'"') {
        name.extend_from_slice(rest.get(..end).unwrap_or_default());
        rest = rest.get(end + 1..).unwrap_or_default();
        // A doubled quote is one of the name's.
        match rest.strip_prefix(b"\"") {
            Some(further) => {
                name.push(b'"');
                rest = further;
            }
            None => break,
        }
    }
    (name, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tables_are_read_from_copy() {
        let found = |statement: &str| {
            let (schema, table) = target(statement.as_bytes());
            (schema.map(|schema| schema.to_string()), table.to_string())
        };
        assert_eq!(found("COPY t FROM stdin;"), (None, "t".into()));
        assert_eq!(found("COPY s.t (a) FROM stdin;"), (Some("s".into()), "t".into()));
        assert_eq!(
            found("COPY \"S \"\"x.\".\"T (1)\" (\"a b\") FROM stdin;"),
            (Some("S \"x.".into()), "T (1)".into())
        );
        assert_eq!(found("COPY "), (None, String::new()));
    }
}
