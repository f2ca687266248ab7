//! Grants, and roles that every server has.

use bstr::{BStr, BString, ByteSlice};

use super::Pass;
use crate::objects::{Body, Components};
use crate::sql::Grantable;

/// Takes MAINTAIN away where it is not a part of ALL, which every release understands.
pub(super) fn maintain(pass: &mut Pass<'_>) {
    let ids: Vec<_> = pass.catalog.objects().iter().map(|object| object.id).collect();
    for id in ids {
        let object = pass.catalog.object_mut(id);
        let is_relation = match &object.body {
            Body::Table(_) => true,
            Body::DefaultAcl(default_acl) => default_acl.kind == Grantable::Tables,
            _ => false,
        };
        if !is_relation || !object.dumps(Components::ACL) {
            continue;
        }
        let Some(acl) = object.acl.as_deref_mut() else {
            continue;
        };
        let granted = acl.granted.iter_mut().flatten();
        let changed = granted.map(without_maintain).filter(|changed| *changed).count();
        if changed > 0 {
            pass.find(id);
        }
    }
}

/// Removes the letter `m` unless all of the others are there, granted in the same way.
fn without_maintain(item: &mut BString) -> bool {
    let Some((start, end)) = privileges(item.as_ref()) else {
        return false;
    };
    let letters = item[start..end].to_vec();
    let Some(at) = letters.find_byte(b'm') else {
        return false;
    };
    let stars = letters.iter().filter(|letter| **letter == b'*').count();
    let count = letters.len() - stars;
    if count == 8 && (stars == 0 || stars == 8) {
        return false;
    }
    let starred = letters.get(at + 1) == Some(&b'*');
    item.drain(start + at..start + at + 1 + usize::from(starred));
    true
}

/// Where the letters of an item stand: between the grantee, whose name may be in quotes, and the grantor.
fn privileges(item: &BStr) -> Option<(usize, usize)> {
    let mut quoted = false;
    let equals = item.iter().position(|byte| {
        quoted ^= *byte == b'"';
        !quoted && *byte == b'='
    })?;
    let end = item[equals..]
        .find_byte(b'/')
        .map_or(item.len(), |slash| equals + slash);
    Some((equals + 1, end))
}

pub(super) fn large_objects(pass: &mut Pass<'_>) {
    let ids: Vec<_> = pass.catalog.objects().iter().map(|object| object.id).collect();
    for id in ids {
        let object = pass.catalog.object(id);
        let is_of_large_objects = matches!(&object.body, Body::DefaultAcl(default_acl) if default_acl.kind == Grantable::LargeObjects);
        if is_of_large_objects && object.dumps(Components::ACL) {
            let name = crate::sql::text!(
                "default privileges of large objects for role ",
                pass.catalog.quoting.ident(pass.catalog.owner_name(object))
            );
            pass.found.push(name);
            pass.lost.insert(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maintain_is_taken_away_but_not_from_all() {
        let without = |item: &str| {
            let mut item = BString::from(item);
            without_maintain(&mut item).then(|| item.to_string())
        };
        assert_eq!(without("bob=rm/alice").as_deref(), Some("bob=r/alice"));
        assert_eq!(
            without("\"=m\"=r*m*/\"a/m\"").as_deref(),
            Some("\"=m\"=r*/\"a/m\"")
        );
        assert_eq!(
            without("bob=ar*wdDxtm/alice").as_deref(),
            Some("bob=ar*wdDxt/alice")
        );
        assert_eq!(without("bob=arwdDxtm/alice"), None);
        assert_eq!(without("bob=a*r*w*d*D*x*t*m*/alice"), None);
        assert_eq!(without("maintainer=r/alice"), None);
    }
}
