//! Grants: `aclitem` text becomes GRANT and REVOKE.
//!
//! An object's grants are emitted as the difference from a base: what a new object of its kind has, or what
//! its extension (or initdb) gave it. The order of the catalog's list is kept, because a grant may rest on a
//! grant option given earlier in it; only the owner's own grants are moved to the front.
//!
//! Where the lists come from is [`crate::objects`]'s.

use std::borrow::Cow;

use bstr::{BStr, BString, ByteSlice};

use super::Quoting;

/// What privileges are granted on: one kind of object, or future objects of a kind (the plurals).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Grantable {
    /// Tables, views, materialized views and foreign tables.
    Table,
    /// Sequences.
    Sequence,
    /// Functions and aggregates.
    Function,
    /// Procedures.
    Procedure,
    /// Languages.
    Language,
    /// Schemas.
    Schema,
    /// Databases.
    Database,
    /// Tablespaces.
    Tablespace,
    /// Types and domains.
    Type,
    /// Foreign-data wrappers.
    ForeignDataWrapper,
    /// Foreign servers.
    ForeignServer,
    /// Configuration parameters.
    Parameter,
    /// Large objects.
    LargeObject,
    /// Future tables.
    Tables,
    /// Future sequences.
    Sequences,
    /// Future functions, procedures and aggregates.
    Functions,
    /// Future types.
    Types,
    /// Future schemas.
    Schemas,
    /// Future large objects.
    LargeObjects,
}

impl Grantable {
    /// The words after `ON`.
    pub fn word(self) -> &'static str {
        match self {
            Grantable::Table => "TABLE",
            Grantable::Sequence => "SEQUENCE",
            Grantable::Function => "FUNCTION",
            Grantable::Procedure => "PROCEDURE",
            Grantable::Language => "LANGUAGE",
            Grantable::Schema => "SCHEMA",
            Grantable::Database => "DATABASE",
            Grantable::Tablespace => "TABLESPACE",
            Grantable::Type => "TYPE",
            Grantable::ForeignDataWrapper => "FOREIGN DATA WRAPPER",
            Grantable::ForeignServer => "FOREIGN SERVER",
            Grantable::Parameter => "PARAMETER",
            Grantable::LargeObject => "LARGE OBJECT",
            Grantable::Tables => "TABLES",
            Grantable::Sequences => "SEQUENCES",
            Grantable::Functions => "FUNCTIONS",
            Grantable::Types => "TYPES",
            Grantable::Schemas => "SCHEMAS",
            Grantable::LargeObjects => "LARGE OBJECTS",
        }
    }

    /// The privileges there are, in the order in which they are listed.
    fn privileges(self, column: bool) -> &'static [(u8, &'static str)] {
        // MAINTAIN came with 17. pg_dump counts it on older servers too, and so never says ALL there for what
        // was granted in full: the longer list means the same to every server that reads it.
        const TABLE: &[(u8, &str)] = &[
            (b'r', "SELECT"),
            (b'a', "INSERT"),
            (b'x', "REFERENCES"),
            (b'd', "DELETE"),
            (b't', "TRIGGER"),
            (b'D', "TRUNCATE"),
            (b'm', "MAINTAIN"),
            (b'w', "UPDATE"),
        ];
        match self {
            Grantable::Table | Grantable::Tables if column => &[
                (b'r', "SELECT"),
                (b'a', "INSERT"),
                (b'x', "REFERENCES"),
                (b'w', "UPDATE"),
            ],
            Grantable::Table | Grantable::Tables => TABLE,
            Grantable::Sequence | Grantable::Sequences => {
                &[(b'r', "SELECT"), (b'U', "USAGE"), (b'w', "UPDATE")]
            }
            Grantable::Function | Grantable::Functions | Grantable::Procedure => &[(b'X', "EXECUTE")],
            Grantable::Schema | Grantable::Schemas => &[(b'C', "CREATE"), (b'U', "USAGE")],
            Grantable::Database => &[(b'C', "CREATE"), (b'c', "CONNECT"), (b'T', "TEMPORARY")],
            Grantable::Tablespace => &[(b'C', "CREATE")],
            Grantable::Language
            | Grantable::Type
            | Grantable::Types
            | Grantable::ForeignDataWrapper
            | Grantable::ForeignServer => &[(b'U', "USAGE")],
            Grantable::Parameter => &[(b's', "SET"), (b'A', "ALTER SYSTEM")],
            Grantable::LargeObject | Grantable::LargeObjects => &[(b'r', "SELECT"), (b'w', "UPDATE")],
        }
    }
}

/// What is granted on, in words.
#[derive(Debug, Clone, Copy)]
pub struct GrantTarget<'a> {
    /// The kind.
    pub kind: Grantable,
    /// The name as SQL, with its schema; empty for future objects.
    pub name: &'a BStr,
    /// The column as SQL, for grants on one column.
    pub column: Option<&'a BStr>,
    /// The owner's bare name; empty if unknown.
    pub owner: &'a BStr,
    /// What every statement begins with; empty but for `ALTER DEFAULT PRIVILEGES … `.
    pub prefix: &'a BStr,
}

/// One `aclitem`: `grantee=privileges/grantor`, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
struct AclItem<'a> {
    /// Empty for PUBLIC.
    grantee: Cow<'a, BStr>,
    /// Letters, each followed by `*` where it may be granted on.
    privileges: &'a BStr,
    /// Empty if the item names none.
    grantor: Cow<'a, BStr>,
}

/// True if `item` has the form of an `aclitem`. [`grants`] leaves out items that have not.
pub fn is_acl_item(item: &BStr) -> bool {
    AclItem::parse(item).is_some()
}

/// The statements that turn the privileges `base` into `granted`; empty if the lists say the same.
pub fn grants(target: &GrantTarget<'_>, granted: &[BString], base: &[BString], quoting: Quoting) -> BString {
    let mut first = BString::default();
    let mut then = BString::default();
    for item in base.iter().filter(|item| !granted.contains(item)) {
        let Some(item) = AclItem::parse(item.as_ref()) else {
            continue;
        };
        let privileges = item.privileges_in_words(target, false);
        if let Some(list) = privileges.plain {
            target.statement(&mut first, "REVOKE", &list, "FROM", &item.grantee, quoting);
            first.extend_from_slice(b";\n");
        }
    }
    for item in granted.iter().filter(|item| !base.contains(item)) {
        let Some(mut item) = AclItem::parse(item.as_ref()) else {
            continue;
        };
        if item.grantor.is_empty() {
            item.grantor = target.owner.into();
        }
        let privileges = item.privileges_in_words(target, true);
        if privileges.plain.is_none() && privileges.grantable.is_none() {
            continue;
        }
        let by_owner = *item.grantor == *target.owner;
        let out = if by_owner && *item.grantee == *target.owner && !target.owner.is_empty() {
            &mut first
        } else {
            &mut then
        };
        let as_grantor = !item.grantor.is_empty() && !by_owner;
        if as_grantor {
            out.extend_from_slice(b"SET SESSION AUTHORIZATION ");
            quoting.put_ident(out, item.grantor.as_bytes());
            out.extend_from_slice(b";\n");
        }
        if let Some(list) = privileges.plain {
            target.statement(out, "GRANT", &list, "TO", &item.grantee, quoting);
            out.extend_from_slice(b";\n");
        }
        if let Some(list) = privileges.grantable {
            target.statement(out, "GRANT", &list, "TO", &item.grantee, quoting);
            out.extend_from_slice(b" WITH GRANT OPTION;\n");
        }
        if as_grantor {
            out.extend_from_slice(b"RESET SESSION AUTHORIZATION;\n");
        }
    }
    first.extend_from_slice(&then);
    first
}

impl GrantTarget<'_> {
    fn statement(
        &self,
        out: &mut BString,
        verb: &str,
        list: &BString,
        preposition: &str,
        grantee: &BStr,
        quoting: Quoting,
    ) {
        out.extend_from_slice(self.prefix);
        out.extend_from_slice(verb.as_bytes());
        out.push(b' ');
        out.extend_from_slice(list);
        out.extend_from_slice(b" ON ");
        out.extend_from_slice(self.kind.word().as_bytes());
        out.push(b' ');
        if !self.name.is_empty() {
            out.extend_from_slice(self.name);
            out.push(b' ');
        }
        out.extend_from_slice(preposition.as_bytes());
        out.push(b' ');
        if grantee.is_empty() {
            out.extend_from_slice(b"PUBLIC");
        } else {
            quoting.put_ident(out, grantee);
        }
    }
}

/// Lists of privileges as GRANT takes them.
struct Privileges {
    plain: Option<BString>,
    grantable: Option<BString>,
}

impl<'a> AclItem<'a> {
    fn parse(item: &'a BStr) -> Option<AclItem<'a>> {
        let (grantee, rest) = parse_role(item)?;
        let rest = rest.strip_prefix(b"=")?;
        let (privileges, grantor) = match rest.find_byte(b'/') {
            Some(slash) => {
                let (grantor, end) = parse_role(rest[slash + 1..].as_bstr())?;
                if !end.is_empty() {
                    return None;
                }
                (&rest[..slash], grantor)
            }
            None => (rest, Cow::default()),
        };
        Some(AclItem {
            grantee,
            privileges: privileges.into(),
            grantor,
        })
    }

    /// With `split`, what may be granted on is listed apart from what may not.
    fn privileges_in_words(&self, target: &GrantTarget<'_>, split: bool) -> Privileges {
        let known = target.kind.privileges(target.column.is_some());
        let mut plain = Vec::new();
        let mut grantable = Vec::new();
        for &(letter, word) in known {
            if let Some(at) = self.privileges.find_byte(letter) {
                let starred = self.privileges.get(at + 1) == Some(&b'*');
                if starred && split {
                    &mut grantable
                } else {
                    &mut plain
                }
                .push(word);
            }
        }
        Privileges {
            plain: list(&plain, known.len(), target.column),
            grantable: list(&grantable, known.len(), target.column),
        }
    }
}

fn list(words: &[&str], known: usize, column: Option<&BStr>) -> Option<BString> {
    if words.is_empty() {
        return None;
    }
    let words = if words.len() == known { &["ALL"] } else { words };
    let mut out = BString::default();
    for word in words {
        if !out.is_empty() {
            out.push(b',');
        }
        out.extend_from_slice(word.as_bytes());
        if let Some(column) = column {
            out.push(b'(');
            out.extend_from_slice(column);
            out.push(b')');
        }
    }
    Some(out)
}

/// A role's name at the head of `text`, and what follows it. Names are quoted like identifiers
/// when they hold anything but letters, digits and underscores.
fn parse_role(text: &BStr) -> Option<(Cow<'_, BStr>, &BStr)> {
    if let Some(end) = text.iter().position(|byte| matches!(byte, b'"' | b'=' | b'/'))
        && text[end] != b'"'
    {
        return Some((text[..end].as_bstr().into(), text[end..].as_bstr()));
    }
    let mut name = BString::default();
    let mut rest = text.as_bytes();
    let mut quoted = false;
    while let Some((&byte, after)) = rest.split_first() {
        match byte {
            b'"' if quoted && after.first() == Some(&b'"') => {
                name.push(b'"');
                rest = &after[1..];
                continue;
            }
            b'"' => quoted = !quoted,
            b'=' | b'/' if !quoted => break,
            _ => name.push(byte),
        }
        rest = after;
    }
    (!quoted).then(|| (Cow::Owned(name), rest.as_bstr()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands(target: GrantTarget<'_>, granted: &[&str], base: &[&str]) -> String {
        let items = |list: &[&str]| list.iter().map(|item| BString::from(*item)).collect::<Vec<_>>();
        grants(&target, &items(granted), &items(base), Quoting::default()).to_string()
    }

    fn table() -> GrantTarget<'static> {
        GrantTarget {
            kind: Grantable::Table,
            name: "s.t".into(),
            column: None,
            owner: "alice".into(),
            prefix: "".into(),
        }
    }

    const ALICE: &str = "alice=arwdDxtm/alice";

    #[test]
    fn equal_lists_need_no_statement() {
        assert_eq!(commands(table(), &[ALICE], &[ALICE]), "");
    }

    #[test]
    fn privileges_are_listed_in_one_order_and_all_of_them_are_called_all() {
        assert_eq!(
            commands(table(), &[ALICE, "=wr/alice", "bob=mtxDdwra/alice"], &[ALICE]),
            "GRANT SELECT,UPDATE ON TABLE s.t TO PUBLIC;\nGRANT ALL ON TABLE s.t TO bob;\n"
        );
        // A server before 17 has no MAINTAIN, so its "all" is a list.
        assert_eq!(
            commands(table(), &["bob=arwdDxt/alice"], &[]),
            "GRANT SELECT,INSERT,REFERENCES,DELETE,TRIGGER,TRUNCATE,UPDATE ON TABLE s.t TO bob;\n"
        );
    }

    #[test]
    fn grant_options_are_a_statement_of_their_own_and_all_only_when_complete() {
        assert_eq!(
            commands(table(), &[ALICE, "bob=r*w/alice"], &[ALICE]),
            "GRANT UPDATE ON TABLE s.t TO bob;\nGRANT SELECT ON TABLE s.t TO bob WITH GRANT OPTION;\n"
        );
        let function = GrantTarget {
            kind: Grantable::Function,
            name: "s.f(integer)".into(),
            ..table()
        };
        assert_eq!(
            commands(function, &["bob=X*/alice"], &["=X/alice", "alice=X/alice"]),
            "REVOKE ALL ON FUNCTION s.f(integer) FROM PUBLIC;\n\
             REVOKE ALL ON FUNCTION s.f(integer) FROM alice;\n\
             GRANT ALL ON FUNCTION s.f(integer) TO bob WITH GRANT OPTION;\n"
        );
    }

    #[test]
    fn the_owners_grants_come_first_and_other_grantors_speak_for_themselves() {
        assert_eq!(
            commands(
                table(),
                &["=r/alice", "bob=r*/alice", "carol=r/bob", "alice=r/alice"],
                &[ALICE]
            ),
            "REVOKE ALL ON TABLE s.t FROM alice;\n\
             GRANT SELECT ON TABLE s.t TO alice;\n\
             GRANT SELECT ON TABLE s.t TO PUBLIC;\n\
             GRANT SELECT ON TABLE s.t TO bob WITH GRANT OPTION;\n\
             SET SESSION AUTHORIZATION bob;\n\
             GRANT SELECT ON TABLE s.t TO carol;\n\
             RESET SESSION AUTHORIZATION;\n"
        );
    }

    #[test]
    fn columns_follow_every_privilege() {
        let column = GrantTarget {
            column: Some("\"C\"".into()),
            ..table()
        };
        assert_eq!(
            commands(column, &["bob=rw/alice", "carol=arwx/alice"], &[]),
            "GRANT SELECT(\"C\"),UPDATE(\"C\") ON TABLE s.t TO bob;\n\
             GRANT ALL(\"C\") ON TABLE s.t TO carol;\n"
        );
    }

    #[test]
    fn default_privileges_have_a_prefix_and_no_name() {
        let target = GrantTarget {
            kind: Grantable::Tables,
            name: "".into(),
            prefix: "ALTER DEFAULT PRIVILEGES FOR ROLE alice IN SCHEMA s ".into(),
            ..table()
        };
        assert_eq!(
            commands(target, &["bob=r/alice"], &[]),
            "ALTER DEFAULT PRIVILEGES FOR ROLE alice IN SCHEMA s GRANT SELECT ON TABLES TO bob;\n"
        );
    }

    #[test]
    fn role_names_may_be_quoted() {
        assert_eq!(
            AclItem::parse("\"o\"\"d=d/\"=r*/\"a b\"".into()),
            Some(AclItem {
                grantee: Cow::Owned("o\"d=d/".into()),
                privileges: "r*".into(),
                grantor: Cow::Owned("a b".into()),
            })
        );
        assert!(is_acl_item("=U/postgres".into()));
        for broken in ["alice", "\"alice=r/bob", "a=r/b=c"] {
            assert!(!is_acl_item(broken.into()), "{broken}");
        }
    }
}
