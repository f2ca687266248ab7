//! A collation.

use bstr::BString;

use super::row::{ObjectRow, read_rows};
use super::{Body, Catalog, Components, Emitter, Object, Reader, attributes, class};
use crate::error::Result;
use crate::sql::{Quoting, put, text};
use crate::toc::{Desc, Section};

/// A collation.
#[derive(Debug)]
pub struct Collation {
    /// The encoding it is for, -1 for all.
    pub encoding: i32,
    /// `pg_collation.collprovider`.
    pub provider: u8,
    /// Equal means equal byte for byte.
    pub deterministic: bool,
    /// `LC_COLLATE`, of providers that have it.
    pub collate: Option<BString>,
    /// `LC_CTYPE`, of providers that have it.
    pub ctype: Option<BString>,
    /// The locale of providers that have but one.
    pub locale: Option<BString>,
    /// Additional rules (ICU).
    pub rules: Option<BString>,
}

/// Reads all collations that are not the system's own.
///
/// # Errors
/// If the query fails.
pub async fn read(reader: &Reader<'_>) -> Result<Vec<ObjectRow<Collation>>> {
    let first = reader.first_oid;
    let v = reader.version;
    let provider = v.pick(10, "c.collprovider", "'c'::\"char\"");
    let deterministic = v.pick(12, "c.collisdeterministic", "true");
    // ICU's locales stood where libc's do until 15, in both places, and what is absent was an empty string.
    let not_icu = |column: &str| {
        format!(
            "CASE WHEN {provider} <> 'i' OR c.collcollate <> c.collctype THEN NULLIF({column}::pg_catalog.text, '') END"
        )
    };
    let (collate, ctype) = match v.at_least(15) {
        true => ("c.collcollate".to_owned(), "c.collctype".to_owned()),
        false => (not_icu("c.collcollate"), not_icu("c.collctype")),
    };
    let locale = format!("CASE WHEN {provider} = 'i' THEN NULLIF(c.collcollate::pg_catalog.text, '') END");
    let locale = v.pick(15, "c.colliculocale", locale.as_str());
    let locale = v.pick(17, "c.colllocale", locale);
    let rules = v.pick(16, "c.collicurules", "NULL::pg_catalog.text");
    let sql = format!(
        "SELECT c.oid, c.collname, c.collnamespace, c.collowner, c.collencoding, {provider}, {deterministic}, \
            {collate}, {ctype}, {locale}, {rules} \
         FROM pg_catalog.pg_collation c WHERE c.oid >= {first} ORDER BY c.oid"
    );
    read_rows(reader, "collations", &sql, |c| {
        Ok(Collation {
            encoding: c.int4()?,
            provider: c.char()?,
            deterministic: c.bool()?,
            collate: c.opt_text()?,
            ctype: c.opt_text()?,
            locale: c.opt_text()?,
            rules: c.opt_text()?,
        })
    })
    .await
}

/// Adds them to the catalog.
///
/// # Errors
/// If a collation's schema was not read.
pub fn add(catalog: &mut Catalog, rows: Vec<ObjectRow<Collation>>) -> Result<()> {
    for row in rows {
        row.add(catalog, class::PG_COLLATION, Body::Collation)?;
    }
    Ok(())
}

/// CREATE COLLATION and its comment. The version is left out: that of the target's library counts.
pub fn emit(object: &Object, collation: &Collation, out: &mut Emitter<'_>) {
    let catalog = out.catalog;
    if object.dumps(Components::DEFINITION) {
        let qualified = catalog.qualified(object);
        match collation.makes_sense() {
            Some(true) => {}
            Some(false) => out.warn(format!("invalid collation \"{}\"", catalog.ident(object))),
            None => {
                let provider = char::from(collation.provider);
                out.fail(format!("unrecognized collation provider: {provider}"));
            }
        }
        let mut entry = out.entry(object, Desc::Collation, Section::PreData);
        let mut options = collation.options(catalog.quoting);
        let upgrade = catalog.upgrade.as_deref();
        if let Some(version) = upgrade.and_then(|upgrade| upgrade.collation_version(object.catalog_id.oid)) {
            put!(options; ", version = ", catalog.quoting.literal(version));
        }
        entry.definition = Some(text!("CREATE COLLATION ", qualified, " (", options, ");\n"));
        entry.drop_statement = Some(text!("DROP COLLATION ", qualified, ";\n"));
        out.push(entry);
    }
    attributes::emit(out, object, "COLLATION", catalog.ident(object).as_ref());
}

impl Collation {
    /// Whether the catalog has what the provider needs and nothing else; `None` if no provider is known by the letter.
    fn makes_sense(&self) -> Option<bool> {
        let has_both = self.collate.is_some() && self.ctype.is_some();
        let has_either = self.collate.is_some() || self.ctype.is_some();
        Some(match self.provider {
            b'b' => self.locale.is_some() && !has_either && self.rules.is_none(),
            b'i' => self.locale.is_some() && !has_either,
            b'c' => has_both && self.locale.is_none() && self.rules.is_none(),
            b'd' => !has_either && self.locale.is_none() && self.rules.is_none(),
            _ => return None,
        })
    }

    fn options(&self, quoting: Quoting) -> BString {
        let provider = match self.provider {
            b'b' => "builtin",
            b'i' => "icu",
            b'd' => "default",
            _ => "libc",
        };
        let mut out = text!("provider = ", provider);
        if !self.deterministic {
            put!(out; ", deterministic = false");
        }
        let or_empty =
            |value: Option<&BString>| quoting.literal(value.map_or(&b""[..], |value| value.as_slice()));
        match self.provider {
            b'd' => {}
            b'b' => put!(out; ", locale = ", or_empty(self.locale.as_ref())),
            b'i' => {
                put!(out; ", locale = ", or_empty(self.locale.as_ref()));
                if let Some(rules) = &self.rules {
                    put!(out; ", rules = ", quoting.literal(rules));
                }
            }
            _ if self.collate.is_some() && self.collate == self.ctype => {
                put!(out; ", locale = ", or_empty(self.collate.as_ref()));
            }
            _ => {
                put!(out; ", lc_collate = ", or_empty(self.collate.as_ref()));
                put!(out; ", lc_ctype = ", or_empty(self.ctype.as_ref()));
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(provider: u8, columns: [Option<&str>; 4]) -> BString {
        of(provider, columns).options(Quoting::default())
    }

    fn of(provider: u8, [collate, ctype, locale, rules]: [Option<&str>; 4]) -> Collation {
        Collation {
            encoding: -1,
            provider,
            deterministic: provider != b'i',
            collate: collate.map(BString::from),
            ctype: ctype.map(BString::from),
            locale: locale.map(BString::from),
            rules: rules.map(BString::from),
        }
    }

    #[test]
    fn every_provider_has_its_own_options() {
        assert_eq!(
            options(b'c', [Some("C"), Some("C"), None, None]),
            "provider = libc, locale = 'C'"
        );
        assert_eq!(
            options(b'c', [Some("C"), Some("de_DE"), None, None]),
            "provider = libc, lc_collate = 'C', lc_ctype = 'de_DE'"
        );
        assert_eq!(
            options(b'b', [None, None, Some("C.UTF-8"), None]),
            "provider = builtin, locale = 'C.UTF-8'"
        );
        assert_eq!(
            options(b'i', [None, None, Some("und"), Some("&a < b")]),
            "provider = icu, deterministic = false, locale = 'und', rules = '&a < b'"
        );
    }

    #[test]
    fn what_a_provider_does_not_know_makes_no_sense() {
        let makes_sense = |provider, columns| of(provider, columns).makes_sense();
        assert_eq!(makes_sense(b'c', [Some("C"), Some("C"), None, None]), Some(true));
        assert_eq!(makes_sense(b'c', [Some("C"), None, None, None]), Some(false));
        assert_eq!(
            makes_sense(b'i', [None, None, Some("de"), Some("&a < b")]),
            Some(true)
        );
        assert_eq!(
            makes_sense(b'i', [Some("C"), None, Some("de"), None]),
            Some(false)
        );
        assert_eq!(
            makes_sense(b'b', [None, None, Some("C"), Some("&a < b")]),
            Some(false)
        );
        assert_eq!(makes_sense(b'd', [None, None, None, None]), Some(true));
        assert_eq!(makes_sense(b'x', [None, None, None, None]), None);
    }
}
