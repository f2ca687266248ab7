//! A base type: one whose values only its own functions understand.

use bstr::{BStr, BString};
use postgres_types::Type as SqlType;

use super::domain::TypeDefault;
use crate::connect::Columns;
use crate::error::Result;
use crate::objects::{Cost, Reader};
use crate::sql::{Quoting, put, text};

/// A base type. Functions and types are as SQL.
#[derive(Debug)]
pub struct Base {
    /// Bytes of a value, -1 if they vary.
    pub length: i16,
    /// From text.
    pub input: BString,
    /// To text.
    pub output: BString,
    /// From the binary form.
    pub receive: Option<BString>,
    /// To the binary form.
    pub send: Option<BString>,
    /// Reads type modifiers.
    pub typmod_in: Option<BString>,
    /// Writes type modifiers.
    pub typmod_out: Option<BString>,
    /// Gathers statistics.
    pub analyze: Option<BString>,
    /// Subscripts values (14 and later).
    pub subscript: Option<BString>,
    /// What its subscripts give.
    pub element: Option<BString>,
    /// Its default.
    pub default: Option<TypeDefault>,
    /// Its values have collations.
    pub collatable: bool,
    /// `pg_type.typcategory`.
    pub category: u8,
    /// It is preferred within its category.
    pub preferred: bool,
    /// What separates values in arrays.
    pub delimiter: u8,
    /// Values are passed by value.
    pub by_value: bool,
    /// `pg_type.typalign`.
    pub alignment: u8,
    /// `pg_type.typstorage`.
    pub storage: u8,
}

/// Reads the base types with these oids.
pub(super) async fn read(reader: &Reader<'_>, oids: &[u32]) -> Result<Vec<(u32, Base)>> {
    let function = |column: &str| format!("CASE WHEN t.{column} <> 0 THEN t.{column}::pg_catalog.text END");
    let functions = ["typreceive", "typsend", "typmodin", "typmodout", "typanalyze"]
        .map(function)
        .join(", ");
    let subscript = function("typsubscript");
    let subscript = reader
        .version
        .pick(14, subscript.as_str(), "NULL::pg_catalog.text");
    let sql = format!(
        "SELECT t.oid, t.typlen, t.typinput::pg_catalog.text, t.typoutput::pg_catalog.text, {functions}, \
            {subscript}, CASE WHEN t.typelem <> 0 THEN pg_catalog.format_type(t.typelem, NULL) END, \
            pg_catalog.pg_get_expr(t.typdefaultbin, 0), t.typdefault, t.typcollation <> 0, t.typcategory, \
            t.typispreferred, t.typdelim, t.typbyval, t.typalign, t.typstorage \
         FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS w(oid) \
         JOIN pg_catalog.pg_type t ON t.oid = w.oid AND t.typtype = 'b'"
    );
    let (cost, params) = (Cost::of(oids.len(), 10), [(&oids as _, SqlType::OID_ARRAY)]);
    let from_row = |row: &_| {
        let mut c = Columns::new(row);
        let oid = c.oid()?;
        let base = Base {
            length: c.int2()?,
            input: c.text()?,
            output: c.text()?,
            receive: c.opt_text()?,
            send: c.opt_text()?,
            typmod_in: c.opt_text()?,
            typmod_out: c.opt_text()?,
            analyze: c.opt_text()?,
            subscript: c.opt_text()?,
            element: c.opt_text()?,
            default: TypeDefault::read(&mut c)?,
            collatable: c.bool()?,
            category: c.char()?,
            preferred: c.bool()?,
            delimiter: c.char()?,
            by_value: c.bool()?,
            alignment: c.char()?,
            storage: c.char()?,
        };
        Ok((oid, base))
    };
    reader.each("base types", cost, &sql, &params, from_row).await
}

impl Base {
    pub(super) fn create(&self, name: &BStr, quoting: Quoting) -> BString {
        let length = match self.length {
            -1 => "variable".to_owned(),
            length => length.to_string(),
        };
        let mut out = text!("CREATE TYPE ", name, " (\n    INTERNALLENGTH = ", length);
        let letter = |letter: u8| quoting.literal([letter]);
        let yes = |condition: bool| condition.then(|| BString::from("true"));
        for (option, value) in [
            ("INPUT", Some(self.input.clone())),
            ("OUTPUT", Some(self.output.clone())),
            ("RECEIVE", self.receive.clone()),
            ("SEND", self.send.clone()),
            ("TYPMOD_IN", self.typmod_in.clone()),
            ("TYPMOD_OUT", self.typmod_out.clone()),
            ("ANALYZE", self.analyze.clone()),
            ("COLLATABLE", yes(self.collatable)),
            (
                "DEFAULT",
                self.default.as_ref().map(|default| default.to_sql(quoting)),
            ),
            ("SUBSCRIPT", self.subscript.clone()),
            ("ELEMENT", self.element.clone()),
            ("CATEGORY", (self.category != b'U').then(|| letter(self.category))),
            ("PREFERRED", yes(self.preferred)),
            (
                "DELIMITER",
                (self.delimiter != b',').then(|| letter(self.delimiter)),
            ),
            ("ALIGNMENT", self.alignment_word().map(BString::from)),
            ("STORAGE", self.storage_word().map(BString::from)),
        ] {
            if let Some(value) = value {
                put!(out; ",\n    ", option, " = ", value);
            }
        }
        if self.by_value {
            put!(out; ",\n    PASSEDBYVALUE");
        }
        put!(out; "\n);\n");
        out
    }

    fn alignment_word(&self) -> Option<&'static str> {
        Some(match self.alignment {
            b'c' => "char",
            b's' => "int2",
            b'i' => "int4",
            b'd' => "double",
            _ => return None,
        })
    }

    fn storage_word(&self) -> Option<&'static str> {
        Some(match self.storage {
            b'p' => "plain",
            b'e' => "external",
            b'x' => "extended",
            b'm' => "main",
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_are_defaults_are_left_out_but_for_layout() {
        let mut base = Base {
            length: -1,
            input: "s.i".into(),
            output: "s.o".into(),
            receive: None,
            send: None,
            typmod_in: None,
            typmod_out: None,
            analyze: None,
            subscript: None,
            element: None,
            default: None,
            collatable: false,
            category: b'U',
            preferred: false,
            delimiter: b',',
            by_value: false,
            alignment: b'i',
            storage: b'x',
        };
        assert_eq!(
            base.create("s.t".into(), Quoting::default()),
            "CREATE TYPE s.t (\n    INTERNALLENGTH = variable,\n    INPUT = s.i,\n    OUTPUT = s.o,\n    \
             ALIGNMENT = int4,\n    STORAGE = extended\n);\n"
        );
        base.length = 2;
        base.default = Some(TypeDefault::Literal("it's".into()));
        base.element = Some("integer".into());
        (base.category, base.delimiter, base.alignment, base.storage) = (b'x', b';', b's', b'p');
        (base.collatable, base.preferred, base.by_value) = (true, true, true);
        assert_eq!(
            base.create("s.t".into(), Quoting::default()),
            "CREATE TYPE s.t (\n    INTERNALLENGTH = 2,\n    INPUT = s.i,\n    OUTPUT = s.o,\n    \
             COLLATABLE = true,\n    DEFAULT = 'it''s',\n    ELEMENT = integer,\n    CATEGORY = 'x',\n    \
             PREFERRED = true,\n    DELIMITER = ';',\n    ALIGNMENT = int2,\n    STORAGE = plain,\n    \
             PASSEDBYVALUE\n);\n"
        );
    }
}
