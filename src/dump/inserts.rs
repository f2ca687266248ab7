//! Rows as INSERT statements: the text of a query's rows, quoted as each column's type needs it.
//!
//! Only here are rows looked at one by one. Which query gives the rows of a table, and how its statements begin, is
//! [`crate::objects::table::data`]'s; how the text becomes segments is [`super::rows`]'s.

use bstr::BString;
use bytes::Bytes;

use super::options::Inserts;
use super::rows::Pieces;
use crate::error::Result;
use crate::objects::table::data::InsertSource;
use crate::sql::{Quoting, put};
use crate::wire::{ColumnInfo, Lane, LaneError, RowText};

/// How a value of a column is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Numbers stand bare, unless they are no numbers: `'NaN'`, `'Infinity'`.
    Number,
    /// `B'101'`
    Bits,
    /// `true` and `false`
    Boolean,
    /// Everything else is a string.
    Text,
    /// The server computes it: `DEFAULT`.
    Generated,
}

impl Form {
    /// The form of a type, by the oids that built-in types have in every release.
    fn of_type(oid: u32) -> Form {
        match oid {
            // int8, int2, int4, oid, float4, float8, numeric
            20 | 21 | 23 | 26 | 700 | 701 | 1700 => Form::Number,
            // bit, varbit
            1560 | 1562 => Form::Bits,
            16 => Form::Boolean,
            _ => Form::Text,
        }
    }
}

/// Writes the statements of one table.
#[derive(Debug)]
struct Writer {
    begin: BString,
    forms: Vec<Form>,
    quoting: Quoting,
    rows_per_statement: u64,
    end: &'static str,
    /// Rows in the statement that is being written.
    rows: u64,
}

impl Writer {
    fn new(source: &InsertSource, columns: &[ColumnInfo], style: Inserts, quoting: Quoting) -> Writer {
        let form = |(column, generated): (&ColumnInfo, &bool)| match generated {
            true => Form::Generated,
            false => Form::of_type(column.type_oid),
        };
        Writer {
            begin: source.begin.clone(),
            // For a table without columns there is one in the query all the same, which has no form.
            forms: columns.iter().zip(&source.generated).map(form).collect(),
            quoting,
            rows_per_statement: u64::from(style.rows_per_statement.max(1)),
            end: match style.on_conflict_do_nothing {
                true => " ON CONFLICT DO NOTHING;\n",
                false => ";\n",
            },
            rows: 0,
        }
    }

    fn row(&mut self, row: &RowText, out: &mut BString) -> Result<()> {
        if self.rows == 0 {
            put!(out; self.begin);
        }
        // Then what a statement begins with is all of it.
        if self.forms.is_empty() {
            return Ok(());
        }
        put!(out; match (self.rows_per_statement, self.rows) {
            (1, _) => " (",
            (_, 0) => "\n\t(",
            _ => ",\n\t(",
        });
        for (place, (form, value)) in self.forms.iter().zip(row.values()?).enumerate() {
            if place > 0 {
                put!(out; ", ");
            }
            self.value(*form, value?, out);
        }
        put!(out; ")");
        self.rows += 1;
        if self.rows >= self.rows_per_statement {
            self.end(out);
        }
        Ok(())
    }

    fn value(&self, form: Form, value: Option<&[u8]>, out: &mut BString) {
        match (form, value) {
            (Form::Generated, _) => put!(out; "DEFAULT"),
            (_, None) => put!(out; "NULL"),
            (Form::Number, Some(number)) if is_bare_number(number) => put!(out; number),
            (Form::Number, Some(number)) => put!(out; "'", number, "'"),
            (Form::Bits, Some(bits)) => put!(out; "B'", bits, "'"),
            (Form::Boolean, Some(b"t")) => put!(out; "true"),
            (Form::Boolean, Some(_)) => put!(out; "false"),
            (Form::Text, Some(text)) => put!(out; self.quoting.literal(text)),
        }
    }

    /// Ends the statement that is being written, if there is one.
    fn end(&mut self, out: &mut BString) {
        if self.rows > 0 {
            put!(out; self.end);
            self.rows = 0;
        }
    }
}

fn is_bare_number(text: &[u8]) -> bool {
    text.iter()
        .all(|byte| matches!(byte, b'0'..=b'9' | b' ' | b'+' | b'-' | b'e' | b'E' | b'.'))
}

/// Reads the rows of a table as statements. `statement` gives the rows; it may begin with others that give none.
///
/// # Errors
/// If the server refuses to give the rows, or a segment cannot be made.
pub(super) async fn read(
    lane: &mut Lane,
    statement: &[u8],
    source: &InsertSource,
    style: Inserts,
    quoting: Quoting,
    mut pieces: Pieces<'_>,
) -> Result<(), LaneError> {
    let mut select = lane.select(statement).await?;
    let mut writer = Writer::new(source, select.columns(), style, quoting);
    let mut text = BString::default();
    let mut rows = 0;
    loop {
        let row = select.next().await?;
        match &row {
            Some(row) => {
                writer.row(row, &mut text)?;
                rows += 1;
            }
            None => {
                writer.end(&mut text);
                put!(text; "\n\n");
            }
        }
        if text.len() >= pieces.length() || row.is_none() {
            let plain = Bytes::from(Vec::from(std::mem::take(&mut text)));
            pieces.push(vec![plain], std::mem::take(&mut rows)).await?;
        }
        if row.is_none() {
            return Ok(pieces.finish().await?);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::testing::lane_against;
    use bytes::BufMut;

    const STYLE: Inserts = Inserts {
        columns: false,
        rows_per_statement: 1,
        on_conflict_do_nothing: false,
    };

    /// What becomes of rows of text values in columns of these types.
    async fn written(types: &[u32], generated: &[bool], rows: &[&[Option<&str>]], style: Inserts) -> String {
        let mut reply = Vec::new();
        let mut message = |tag: u8, body: &[u8]| {
            reply.put_u8(tag);
            reply.put_i32(body.len() as i32 + 4);
            reply.put_slice(body);
        };
        let mut description = (types.len() as u16).to_be_bytes().to_vec();
        for oid in types {
            description.put_slice(b"c\0\0\0\0\0\0\0");
            description.put_u32(*oid);
            description.put_slice(b"\0\0\0\0\0\0\0\0");
        }
        message(b'T', &description);
        for row in rows {
            let mut body = (row.len() as u16).to_be_bytes().to_vec();
            for value in *row {
                body.put_i32(value.map_or(-1, |value| value.len() as i32));
                body.put_slice(value.unwrap_or_default().as_bytes());
            }
            message(b'D', &body);
        }
        message(b'C', b"SELECT 1\0");
        message(b'Z', b"T");
        let (mut lane, _server) = lane_against(&reply).await;
        let source = InsertSource {
            lock: None,
            query: "SELECT".into(),
            begin: "INSERT INTO t VALUES".into(),
            generated: generated.to_vec(),
        };
        let mut select = lane.select(b"SELECT").await.unwrap();
        let mut writer = Writer::new(&source, select.columns(), style, Quoting::default());
        let mut out = BString::default();
        while let Some(row) = select.next().await.unwrap() {
            writer.row(&row, &mut out).unwrap();
        }
        writer.end(&mut out);
        out.to_string()
    }

    #[tokio::test]
    async fn each_type_has_its_form() {
        let row = [
            Some("-1.5e+10"),
            Some("NaN"),
            Some("101"),
            Some("t"),
            Some("f"),
            Some("it's"),
            None,
        ];
        assert_eq!(
            written(&[701, 1700, 1560, 16, 16, 25, 23], &[false; 7], &[&row], STYLE).await,
            "INSERT INTO t VALUES (-1.5e+10, 'NaN', B'101', true, false, 'it''s', NULL);\n"
        );
    }

    #[tokio::test]
    async fn generated_columns_and_tables_without_columns() {
        assert_eq!(
            written(&[23, 25], &[false, true], &[&[Some("1"), None]], STYLE).await,
            "INSERT INTO t VALUES (1, DEFAULT);\n"
        );
        assert_eq!(
            written(&[25], &[], &[&[None], &[None]], STYLE).await,
            "INSERT INTO t VALUESINSERT INTO t VALUES"
        );
    }

    #[tokio::test]
    async fn statements_end_when_they_are_full_and_at_the_end() {
        let rows: [&[Option<&str>]; 3] = [&[Some("1")], &[Some("2")], &[Some("3")]];
        let style = Inserts {
            rows_per_statement: 2,
            on_conflict_do_nothing: true,
            ..STYLE
        };
        assert_eq!(
            written(&[23], &[false], &rows, style).await,
            "INSERT INTO t VALUES\n\t(1),\n\t(2) ON CONFLICT DO NOTHING;\n\
             INSERT INTO t VALUES\n\t(3) ON CONFLICT DO NOTHING;\n"
        );
    }
}
