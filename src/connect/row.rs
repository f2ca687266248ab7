//! Columns of a catalog row, taken one after the other, as bytes and numbers of PostgreSQL's types.
//!
//! Text is never checked for UTF-8: a name in any encoding comes out as the bytes the server sent. A
//! value of another type, a null where none was promised or a missing column is an error, not a panic.

use std::error::Error as StdError;

use bstr::{BStr, BString};
use bytes::BytesMut;
use postgres_types::{FromSql, IsNull, Kind, Oid, ToSql, Type, to_sql_checked};
use tokio_postgres::Row;

use crate::error::{Error, ErrorKind, Result};

/// A text value as the bytes on the wire.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(pub BString);

impl<'a> FromSql<'a> for Text {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Text(BString::from(raw)))
    }

    fn accepts(ty: &Type) -> bool {
        matches!(
            *ty,
            Type::TEXT
                | Type::VARCHAR
                | Type::BPCHAR
                | Type::NAME
                | Type::UNKNOWN
                | Type::CHAR
                | Type::CSTRING
                | Type::XML
                | Type::JSON
                | Type::BYTEA
        )
    }
}

/// A text value where it stands.
struct Bytes<'a>(&'a BStr);

impl<'a> FromSql<'a> for Bytes<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Bytes(raw.into()))
    }

    fn accepts(ty: &Type) -> bool {
        <Text as FromSql>::accepts(ty)
    }
}

impl ToSql for Text {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        out.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        <Text as FromSql>::accepts(ty)
    }

    to_sql_checked!();
}

/// The elements of an array, or of an `oidvector` or `int2vector`, which look the same on the wire.
struct List<T>(Vec<T>);

impl<'a, T: FromSql<'a>> FromSql<'a> for List<T> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Vec::from_sql(array_type(ty).ok_or("not an array")?, raw).map(List)
    }

    fn accepts(ty: &Type) -> bool {
        array_type(ty).is_some_and(<Vec<T> as FromSql>::accepts)
    }
}

/// The array type that has the wire form of `ty`.
fn array_type(ty: &Type) -> Option<&Type> {
    match (ty, ty.kind()) {
        (&Type::OID_VECTOR, _) => Some(&Type::OID_ARRAY),
        (&Type::INT2_VECTOR, _) => Some(&Type::INT2_ARRAY),
        (_, Kind::Array(_)) => Some(ty),
        _ => None,
    }
}

/// An object identifier, also of the `reg…` types.
struct AnyOid(Oid);

impl<'a> FromSql<'a> for AnyOid {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(AnyOid(u32::from_be_bytes(raw.try_into()?)))
    }

    fn accepts(ty: &Type) -> bool {
        matches!(
            *ty,
            Type::OID
                | Type::XID
                | Type::REGCLASS
                | Type::REGTYPE
                | Type::REGPROC
                | Type::REGPROCEDURE
                | Type::REGOPER
                | Type::REGOPERATOR
                | Type::REGROLE
                | Type::REGNAMESPACE
                | Type::REGCONFIG
                | Type::REGDICTIONARY
        )
    }
}

/// A `"char"`: one byte.
struct Char(u8);

impl<'a> FromSql<'a> for Char {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        // The type's empty value arrives as a zero byte or as nothing, depending on how it was made.
        Ok(Char(raw.first().copied().unwrap_or(0)))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::CHAR
    }
}

/// The columns of a row from left to right.
///
/// Each call takes the next column, so the calls stand in the order of the SELECT list.
pub struct Columns<'a> {
    row: &'a Row,
    next: usize,
}

impl<'a> Columns<'a> {
    /// Begins at the first column.
    pub fn new(row: &'a Row) -> Self {
        Columns { row, next: 0 }
    }

    fn take<T: FromSql<'a>>(&mut self) -> Result<T> {
        let index = self.next;
        self.next += 1;
        self.row.try_get(index).map_err(|error| {
            let name = self.row.columns().get(index).map_or("?", |column| column.name());
            Error::with_source(
                ErrorKind::Protocol,
                format!("column {name} (number {}) of a catalog row", index + 1),
                error,
            )
        })
    }

    /// Passes over one column.
    pub fn skip(&mut self) {
        self.next += 1;
    }

    /// How many columns are left.
    pub fn left(&self) -> usize {
        self.row.len().saturating_sub(self.next)
    }

    /// A text, name, varchar, xml, json or bytea value.
    pub fn text(&mut self) -> Result<BString> {
        self.take::<Text>().map(|t| t.0)
    }

    /// Like [`text`](Self::text), as it stands in the row.
    pub fn bytes(&mut self) -> Result<&'a BStr> {
        self.take::<Bytes<'a>>().map(|bytes| bytes.0)
    }

    /// Like [`bytes`](Self::bytes), or null.
    pub fn opt_bytes(&mut self) -> Result<Option<&'a BStr>> {
        Ok(self.take::<Option<Bytes<'a>>>()?.map(|bytes| bytes.0))
    }

    /// Like [`text`](Self::text), or null.
    pub fn opt_text(&mut self) -> Result<Option<BString>> {
        Ok(self.take::<Option<Text>>()?.map(|t| t.0))
    }

    /// An oid or a value of a `reg…` type.
    pub fn oid(&mut self) -> Result<Oid> {
        self.take::<AnyOid>().map(|o| o.0)
    }

    /// Like [`oid`](Self::oid), or null.
    pub fn opt_oid(&mut self) -> Result<Option<Oid>> {
        Ok(self.take::<Option<AnyOid>>()?.map(|o| o.0))
    }

    /// A boolean.
    pub fn bool(&mut self) -> Result<bool> {
        self.take()
    }

    /// A boolean or null.
    pub fn opt_bool(&mut self) -> Result<Option<bool>> {
        self.take()
    }

    /// A `"char"`, such as `relkind`.
    pub fn char(&mut self) -> Result<u8> {
        self.take::<Char>().map(|c| c.0)
    }

    /// A `"char"` or null.
    pub fn opt_char(&mut self) -> Result<Option<u8>> {
        Ok(self.take::<Option<Char>>()?.map(|c| c.0))
    }

    /// A smallint.
    pub fn int2(&mut self) -> Result<i16> {
        self.take()
    }

    /// A smallint or null.
    pub fn opt_int2(&mut self) -> Result<Option<i16>> {
        self.take()
    }

    /// An integer.
    pub fn int4(&mut self) -> Result<i32> {
        self.take()
    }

    /// An integer or null.
    pub fn opt_int4(&mut self) -> Result<Option<i32>> {
        self.take()
    }

    /// A bigint.
    pub fn int8(&mut self) -> Result<i64> {
        self.take()
    }

    /// A bigint or null.
    pub fn opt_int8(&mut self) -> Result<Option<i64>> {
        self.take()
    }

    /// A real.
    pub fn float4(&mut self) -> Result<f32> {
        self.take()
    }

    /// An array of texts or names without null elements.
    pub fn texts(&mut self) -> Result<Vec<BString>> {
        self.take::<List<Text>>()
            .map(|list| list.0.into_iter().map(|t| t.0).collect())
    }

    /// Like [`texts`](Self::texts), or null.
    pub fn opt_texts(&mut self) -> Result<Option<Vec<BString>>> {
        Ok(self
            .take::<Option<List<Text>>>()?
            .map(|list| list.0.into_iter().map(|t| t.0).collect()))
    }

    /// An array of texts or names whose elements may be null.
    pub fn texts_or_nulls(&mut self) -> Result<Vec<Option<BString>>> {
        let list = self.take::<List<Option<Text>>>()?;
        Ok(list.0.into_iter().map(|t| t.map(|t| t.0)).collect())
    }

    /// An array of oids, or an oidvector.
    pub fn oids(&mut self) -> Result<Vec<Oid>> {
        self.take::<List<AnyOid>>()
            .map(|list| list.0.into_iter().map(|o| o.0).collect())
    }

    /// Like [`oids`](Self::oids), or null.
    pub fn opt_oids(&mut self) -> Result<Option<Vec<Oid>>> {
        Ok(self
            .take::<Option<List<AnyOid>>>()?
            .map(|list| list.0.into_iter().map(|o| o.0).collect()))
    }

    /// An array of smallints, or an int2vector.
    pub fn int2s(&mut self) -> Result<Vec<i16>> {
        self.take::<List<i16>>().map(|list| list.0)
    }

    /// Like [`int2s`](Self::int2s), or null.
    pub fn opt_int2s(&mut self) -> Result<Option<Vec<i16>>> {
        Ok(self.take::<Option<List<i16>>>()?.map(|list| list.0))
    }

    /// An array of integers.
    pub fn int4s(&mut self) -> Result<Vec<i32>> {
        self.take::<List<i32>>().map(|list| list.0)
    }

    /// An array of bigints.
    pub fn int8s(&mut self) -> Result<Vec<i64>> {
        self.take::<List<i64>>().map(|list| list.0)
    }

    /// An array of booleans.
    pub fn bools(&mut self) -> Result<Vec<bool>> {
        self.take::<List<bool>>().map(|list| list.0)
    }

    /// An array of `"char"`.
    pub fn chars(&mut self) -> Result<Vec<u8>> {
        self.take::<List<Char>>()
            .map(|list| list.0.into_iter().map(|c| c.0).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_keeps_bytes_that_are_not_utf8() {
        assert!(<Text as FromSql>::accepts(&Type::NAME) && !<Text as FromSql>::accepts(&Type::INT4));
        assert_eq!(
            Text::from_sql(&Type::TEXT, b"caf\xe9").unwrap().0,
            BString::from(&b"caf\xe9"[..])
        );
    }

    #[test]
    fn vectors_and_arrays_are_lists_of_their_elements() {
        assert!(List::<AnyOid>::accepts(&Type::OID_VECTOR));
        assert!(List::<i16>::accepts(&Type::INT2_VECTOR));
        assert!(List::<Text>::accepts(&Type::NAME_ARRAY));
        assert!(!List::<Text>::accepts(&Type::TEXT));
        let raw = b"\0\0\0\x01\0\0\0\0\0\0\0\x1a\0\0\0\x02\0\0\0\0\0\0\0\x04\0\0\0\x07\0\0\0\x04\0\0\0\x08";
        let list = List::<AnyOid>::from_sql(&Type::OID_VECTOR, raw).unwrap();
        assert_eq!(list.0.iter().map(|o| o.0).collect::<Vec<_>>(), [7, 8]);
        assert!(List::<AnyOid>::from_sql(&Type::OID_VECTOR, &raw[..22]).is_err());
    }
}
