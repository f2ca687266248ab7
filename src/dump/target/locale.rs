//! Collations and the database's own locale.

use super::Pass;
use crate::objects::Body;
use crate::objects::database::LocaleProvider;
use crate::objects::types::Definition;
use crate::sql::text;

pub(super) fn nondeterministic(pass: &mut Pass<'_>) {
    pass.change(|body| match body {
        Body::Collation(collation) => !std::mem::replace(&mut collation.deterministic, true),
        _ => false,
    });
}

pub(super) fn rules(pass: &mut Pass<'_>) {
    pass.change(|body| match body {
        Body::Collation(collation) => collation.rules.take().is_some(),
        _ => false,
    });
    if let Some(database) = &mut pass.database
        && database.icu_rules.take().is_some()
    {
        pass.found.push(text!("database ", database.name));
    }
}

pub(super) fn icu_database(pass: &mut Pass<'_>) {
    if let Some(database) = &mut pass.database
        && database.provider == LocaleProvider::Icu
    {
        database.provider = LocaleProvider::Libc;
        database.locale = None;
        pass.found.push(text!("database ", database.name));
    }
}

/// Its locales sort by code points, as C does.
pub(super) fn builtin(pass: &mut Pass<'_>) {
    pass.change(|body| match body {
        Body::Collation(collation) if collation.provider == b'b' => {
            collation.provider = b'c';
            (collation.collate, collation.ctype) = (Some("C".into()), Some("C".into()));
            collation.locale = None;
            true
        }
        _ => false,
    });
    pass.change_columns(|_, column| match column.collation.as_deref_mut() {
        Some((schema, name)) if schema == "pg_catalog" && is_builtin(name) => {
            *name = "C".into();
            true
        }
        _ => false,
    });
    pass.change(|body| match body {
        Body::Type(body) => match body.definition.as_deref_mut() {
            Some(Definition::Domain(domain)) => match &mut domain.collation {
                Some((schema, name)) if schema == "pg_catalog" && is_builtin(name) => {
                    *name = "C".into();
                    true
                }
                _ => false,
            },
            _ => false,
        },
        _ => false,
    });
    if let Some(database) = &mut pass.database
        && database.provider == LocaleProvider::Builtin
    {
        database.provider = LocaleProvider::Libc;
        database.locale = None;
        pass.found.push(text!("database ", database.name));
    }
}

fn is_builtin(name: &[u8]) -> bool {
    matches!(name, b"pg_c_utf8" | b"pg_unicode_fast")
}
