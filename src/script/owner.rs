//! `ALTER … OWNER TO`: which entries get one, and how it names the object.

use bstr::{BStr, BString, ByteSlice};

use super::{Ownership, Plan, large_object};
use crate::error::{Error, ErrorKind, Result};
use crate::toc::kind::OwnerForm;
use crate::toc::{Desc, Entry};

/// The statements that give an entry's object to its owner, none where it has none of its own.
///
/// # Errors
/// An entry of an unknown kind that claims an owner: its object cannot be named.
pub(super) fn statements(plan: &Plan, entry: &Entry) -> Result<Vec<BString>> {
    if !is_owned(plan.options().ownership, entry) {
        return Ok(Vec::new());
    }
    let owner = plan.ident(entry.owner_name());
    let object: BString = match entry.desc.owner_form() {
        OwnerForm::Name => join(&[entry.desc.text(), b" ", &plan.name_of(entry)]),
        OwnerForm::FromDrop => dropped_object(entry.drop_text()).into(),
        OwnerForm::LargeObject => join(&[b"LARGE OBJECT ", &entry.tag]),
        OwnerForm::LargeObjects => {
            let after = join(&[b" OWNER TO ", &owner]);
            return Ok(large_object::for_each(
                entry.definition_text(),
                b"ALTER LARGE OBJECT ",
                &after,
            ));
        }
        OwnerForm::None => return Ok(Vec::new()),
        OwnerForm::Unknown => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("don't know how to set owner for object type \"{}\"", entry.desc),
            ));
        }
    };
    Ok(vec![join(&[b"ALTER ", &object, b" OWNER TO ", &owner, b";\n\n"])])
}

/// What has no drop statement is taken not to have an owner of its own. A schema that the dump only
/// comments on exists before the session's user could make it, so it is altered in any case.
fn is_owned(ownership: Ownership, entry: &Entry) -> bool {
    let altered = match ownership {
        Ownership::Alter => true,
        Ownership::SessionAuthorization => {
            entry.desc == Desc::Schema && entry.definition_text().starts_with(b"--")
        }
        Ownership::Ignore => false,
    };
    altered && !entry.owner_name().is_empty() && !entry.drop_text().is_empty()
}

/// What a drop statement drops: its text between `DROP ` and the semicolon.
fn dropped_object(drop: &BStr) -> &[u8] {
    let object = drop.get(b"DROP ".len()..).unwrap_or_default();
    object.trim_end_with(|c| matches!(c, '\n' | ';'))
}

fn join(parts: &[&[u8]]) -> BString {
    parts.concat().into()
}
