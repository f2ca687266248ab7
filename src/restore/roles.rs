//! Roles by other names: `--role-map OLD=NEW`, applied to the table of contents before anything else is.
//!
//! Renamed are owners, grantees and grantors, the roles of default privileges, policies, user mappings and settings in a database.
//! Names in the bodies of functions and in data are text like any other and stay.

use std::collections::HashMap;

use bstr::{BStr, BString, ByteSlice};

use crate::error::{Error, ErrorKind, Result};
use crate::sql::roles::renamed;
use crate::toc::{Desc, Entry};

/// Which roles are called what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoleMap(HashMap<BString, BString>);

impl RoleMap {
    /// Adds `OLD=NEW`. Names are meant as they stand; one with an equals sign in it is put in double quotes.
    ///
    /// # Errors
    /// `ErrorKind::Usage` if that is not its form, or the role has another new name already.
    pub fn add(&mut self, pair: &BStr) -> Result<()> {
        let wrong = |why: &str| Err(Error::new(ErrorKind::Usage, format!("role map \"{pair}\" {why}")));
        let Some((old, rest)) = name(pair) else {
            return wrong("is not of the form OLD=NEW");
        };
        let new = rest.strip_prefix(b"=").and_then(|new| name(new.as_bstr()));
        let Some((new, b"")) = new.map(|(new, rest)| (new, rest.as_bytes())) else {
            return wrong("is not of the form OLD=NEW");
        };
        if old.is_empty() || new.is_empty() {
            return wrong("is not of the form OLD=NEW");
        }
        match self.0.insert(old, new.clone()) {
            Some(before) if before != new => wrong("gives a role a second name"),
            _ => Ok(()),
        }
    }

    /// Adds what a file says: a pair in each line; empty lines and those that begin with `#` say nothing.
    ///
    /// # Errors
    /// As [`add`](Self::add), with the number of the line.
    pub fn add_lines(&mut self, text: &BStr) -> Result<()> {
        for (number, line) in text.lines().enumerate() {
            let line = line.trim_ascii();
            if !line.is_empty() && !line.starts_with(b"#") {
                let added = self.add(line.as_bstr());
                added.map_err(|error| error.context(format!("line {}", number + 1)))?;
            }
        }
        Ok(())
    }

    /// Whether no role is renamed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Renames the roles that an entry names.
    pub(super) fn apply(&self, entry: &mut Entry) {
        let new = |name: &BStr| self.0.get(name.as_bytes()).cloned();
        if let Some(owner) = entry.owner.as_ref().and_then(|owner| new(owner.as_bstr())) {
            entry.owner = Some(owner.into());
        }
        if !names_roles(&entry.desc) {
            return;
        }
        let texts = [&mut entry.definition, &mut entry.drop_statement];
        for text in texts.into_iter().flatten() {
            *text = renamed(text.as_bstr(), new);
        }
        if entry.desc == Desc::UserMapping {
            entry.tag = self.mapping_tag(entry.tag.as_bstr());
        }
    }

    /// `USER MAPPING role SERVER server`: a role's name may have blanks in it, so the longest that is known is meant.
    fn mapping_tag(&self, tag: &BStr) -> BString {
        let Some(rest) = tag.strip_prefix(b"USER MAPPING ") else {
            return tag.into();
        };
        let followed = |name: &&BString| {
            rest.strip_prefix(name.as_slice())
                .is_some_and(|rest| rest.starts_with(b" SERVER "))
        };
        match self.0.keys().filter(followed).max_by_key(|name| name.len()) {
            Some(old) => [
                b"USER MAPPING ",
                self.0.get(old).map(|new| new.as_slice()).unwrap_or_default(),
                rest.get(old.len()..).unwrap_or_default(),
            ]
            .concat()
            .into(),
            None => tag.into(),
        }
    }
}

/// Whether the texts of such entries name roles.
pub(super) fn names_roles(desc: &Desc) -> bool {
    desc.is_acl()
        || matches!(
            desc,
            Desc::Policy | Desc::UserMapping | Desc::DatabaseProperties | Desc::Schema
        )
}

/// A name and what follows it.
fn name(text: &BStr) -> Option<(BString, &BStr)> {
    let Some(rest) = text.strip_prefix(b"\"") else {
        let end = text.find_byte(b'=').unwrap_or(text.len());
        return Some((text.get(..end)?.into(), text.get(end..)?.as_bstr()));
    };
    let mut name = BString::default();
    let mut at = 0;
    loop {
        match (rest.get(at)?, rest.get(at + 1)) {
            (b'"', Some(b'"')) => {
                name.push(b'"');
                at += 2;
            }
            (b'"', _) => return Some((name, rest.get(at + 1..)?.as_bstr())),
            (byte, _) => {
                name.push(*byte);
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toc::{DumpId, Section};

    fn map(pairs: &[&str]) -> RoleMap {
        let mut map = RoleMap::default();
        for pair in pairs {
            map.add((*pair).into()).unwrap();
        }
        map
    }

    #[test]
    fn pairs_are_read_with_and_without_quotes() {
        let map = map(&["a=b", "\"x=\"\"y\"=Z z", "c=\"d=\""]);
        assert_eq!(map.0[&BString::from("a")], "b");
        assert_eq!(map.0[&BString::from("x=\"y")], "Z z");
        assert_eq!(map.0[&BString::from("c")], "d=");
        for wrong in ["", "a", "a=", "=b", "\"a=b", "a=b=c", "\"a\"b=c", "a=\"b\"c"] {
            assert!(RoleMap::default().add(wrong.into()).is_err(), "{wrong}");
        }
        let mut twice = map;
        assert!(twice.add("a=b".into()).is_ok());
        assert!(twice.add("a=c".into()).is_err());
    }

    #[test]
    fn files_have_a_pair_in_each_line() {
        let mut map = RoleMap::default();
        map.add_lines("# who\n\n a=b \r\nc=d\n".into()).unwrap();
        assert_eq!(map.0.len(), 2);
        let error = RoleMap::default().add_lines("a=b\nc\n".into()).unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
    }

    #[test]
    fn owners_grantees_and_mappings_are_renamed_and_functions_are_not() {
        let map = map(&["old=new", "old SERVER x=other"]);
        let entry = |desc, definition: &str| {
            let mut entry = Entry::new(DumpId(1), desc, "t", Section::PreData);
            entry.owner = Some("old".into());
            entry.definition = Some(definition.into());
            map.apply(&mut entry);
            (
                entry.owner.unwrap().to_string(),
                entry.definition.unwrap().to_string(),
            )
        };
        assert_eq!(
            entry(Desc::Acl, "GRANT SELECT ON TABLE old TO old;\n"),
            ("new".into(), "GRANT SELECT ON TABLE old TO new;\n".into())
        );
        let function = "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'GRANT a TO old;';\n";
        assert_eq!(entry(Desc::Function, function), ("new".into(), function.into()));
        assert_eq!(
            map.mapping_tag("USER MAPPING old SERVER s".into()),
            "USER MAPPING new SERVER s"
        );
        assert_eq!(
            map.mapping_tag("USER MAPPING old SERVER x SERVER s".into()),
            "USER MAPPING other SERVER s"
        );
    }
}
