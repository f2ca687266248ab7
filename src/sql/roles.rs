//! The roles that a dump's statements name, and where: grantees, whose default privileges, whom a policy is for, whose
//! user mapping or settings.
//!
//! Understood are the statements that dumps write for these, in the form in which they write them. Everything else, the bodies
//! of functions above all, is text in which no role is found.

use std::ops::Range;

use bstr::{BStr, BString, ByteSlice};

/// A statement that is understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleStatement {
    /// Where it stands, with its semicolon and the line end behind that.
    pub range: Range<usize>,
    /// What it does.
    pub does: Does,
    /// The roles it names; PUBLIC is none.
    pub roles: Vec<NamedRole>,
}

/// A role where it is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedRole {
    /// Where the identifier stands, with its quotes.
    pub range: Range<usize>,
    /// The name without them.
    pub name: BString,
}

/// What a statement that names roles does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Does {
    /// GRANT or REVOKE; of default privileges as well, whose owner comes first.
    Grant,
    /// Becomes a grantor.
    BecomeGrantor,
    /// Ceases to be one.
    ResetGrantor,
    /// CREATE POLICY.
    Policy,
    /// CREATE or DROP USER MAPPING.
    UserMapping,
    /// ALTER ROLE … IN DATABASE.
    Settings,
    /// Something else.
    Other,
}

/// The statements of a text.
pub fn statements(sql: &BStr) -> Vec<RoleStatement> {
    let mut statements = Vec::new();
    let mut tokens = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while let Some(token) = next_token(sql, at) {
        at = token.range.end;
        let ends = token.kind == Kind::Symbol(b';');
        if !ends {
            tokens.push(token);
            continue;
        }
        while sql.get(at) == Some(&b'\n') {
            at += 1;
        }
        let (does, roles) = Parser { sql, tokens: &tokens }.read();
        let range = start..at;
        statements.push(RoleStatement { range, does, roles });
        tokens.clear();
        start = at;
    }
    statements
}

/// The statement with every role that `rename` has another name for called so.
pub fn renamed(sql: &BStr, rename: impl Fn(&BStr) -> Option<BString>) -> BString {
    let mut out = BString::default();
    let mut copied = 0;
    for role in statements(sql).iter().flat_map(|statement| &statement.roles) {
        if let Some(name) = rename(role.name.as_bstr()) {
            out.extend_from_slice(sql.get(copied..role.range.start).unwrap_or_default());
            out.extend_from_slice(&super::Quoting::default().ident(&name));
            copied = role.range.end;
        }
    }
    out.extend_from_slice(sql.get(copied..).unwrap_or_default());
    out
}

/// A function's definition without what only a superuser may say of it: LEAKPROOF and SUPPORT. `None` if it says neither.
pub fn without_superusers_attributes(definition: &BStr) -> Option<BString> {
    let mut out = BString::default();
    let mut copied = 0;
    let mut depth = 0usize;
    let mut at = 0;
    let mut was_as = false;
    while let Some(token) = next_token(definition, at) {
        let word = |text: &str| token.is_word(definition, text);
        match token.kind {
            Kind::Symbol(b'(') => depth += 1,
            Kind::Symbol(b')') => depth = depth.saturating_sub(1),
            // The body follows.
            _ if depth == 0 && (was_as || word("RETURN") || word("BEGIN")) => break,
            Kind::Symbol(b';') if depth == 0 => break,
            _ => {}
        }
        was_as = depth == 0 && word("AS");
        at = token.range.end;
        let mut end = at;
        if depth == 0 && word("SUPPORT") {
            // A qualified name: words, quoted or not, with dots between them.
            while let Some(next) = next_token(definition, end) {
                let is_dot = next.kind == Kind::Symbol(b'.');
                if !is_dot && definition.get(end.wrapping_sub(1)) != Some(&b'.') && end != at {
                    break;
                }
                end = next.range.end;
            }
        }
        if depth == 0 && (word("LEAKPROOF") || word("SUPPORT")) {
            let before = definition.get(copied..token.range.start).unwrap_or_default();
            out.extend_from_slice(before.trim_end_with(|c| c == ' '));
            copied = end;
            at = end;
        }
    }
    (copied > 0).then(|| {
        out.extend_from_slice(definition.get(copied..).unwrap_or_default());
        out
    })
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Token {
    kind: Kind,
    range: Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    Quoted,
    Literal,
    Symbol(u8),
}

impl Token {
    fn is_word(&self, sql: &BStr, word: &str) -> bool {
        let text = sql.get(self.range.clone()).unwrap_or_default();
        self.kind == Kind::Word && text.eq_ignore_ascii_case(word.as_bytes())
    }
}

/// The token that begins at `at` or behind it, blanks and comments aside.
fn next_token(sql: &BStr, mut at: usize) -> Option<Token> {
    loop {
        let rest = sql.get(at..)?;
        let blanks = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        at += blanks;
        let rest = sql.get(at..)?;
        if !rest.starts_with(b"--") {
            break;
        }
        at += rest.find_byte(b'\n').unwrap_or(rest.len());
    }
    let rest = sql.get(at..)?;
    let first = *rest.first()?;
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte >= 0x80 || matches!(byte, b'_' | b'$');
    let (kind, length) = match first {
        b'"' => (Kind::Quoted, quoted(rest, b'"', false)),
        b'\'' => (Kind::Literal, quoted(rest, b'\'', false)),
        b'E' | b'e' if rest.get(1) == Some(&b'\'') => {
            (Kind::Literal, 1 + quoted(rest.get(1..)?, b'\'', true))
        }
        b'$' => (Kind::Literal, dollar_quoted(rest)),
        byte if is_word(&byte) => (Kind::Word, rest.iter().take_while(|byte| is_word(byte)).count()),
        byte => (Kind::Symbol(byte), 1),
    };
    Some(Token {
        kind,
        range: at..at + length,
    })
}

/// The length of what stands in quotes, or all if it does not end.
fn quoted(text: &[u8], quote: u8, escapes: bool) -> usize {
    let mut at = 1;
    while let Some(&byte) = text.get(at) {
        let next = text.get(at + 1);
        match byte {
            b'\\' if escapes => at += 2,
            _ if byte == quote && next == Some(&quote) => at += 2,
            _ if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

fn dollar_quoted(text: &[u8]) -> usize {
    let Some(end) = text.iter().skip(1).position(|byte| *byte == b'$') else {
        return 1;
    };
    let (tag, body) = text.split_at(end + 2);
    body.find(tag).map_or(text.len(), |at| at + 2 * tag.len())
}

/// Reads one statement, without its semicolon.
struct Parser<'a> {
    sql: &'a BStr,
    tokens: &'a [Token],
}

impl Parser<'_> {
    fn read(&self) -> (Does, Vec<NamedRole>) {
        if self.begins("ALTER DEFAULT PRIVILEGES FOR ROLE") {
            let mut roles = self.roles_from(5, 1);
            roles.extend(self.last_after(&["TO", "FROM"]));
            return (Does::Grant, roles);
        }
        if self.begins("GRANT") || self.begins("REVOKE") {
            return (Does::Grant, self.last_after(&["TO", "FROM"]));
        }
        if self.begins("SET SESSION AUTHORIZATION") {
            return (Does::BecomeGrantor, self.roles_from(3, 1));
        }
        if self.begins("RESET SESSION AUTHORIZATION") {
            return (Does::ResetGrantor, Vec::new());
        }
        if self.begins("CREATE POLICY") {
            return (Does::Policy, self.policy());
        }
        if self.begins("CREATE USER MAPPING FOR") || self.begins("DROP USER MAPPING FOR") {
            return (Does::UserMapping, self.roles_from(4, 1));
        }
        if self.begins("ALTER ROLE") && self.is(3, "IN") && self.is(4, "DATABASE") {
            return (Does::Settings, self.roles_from(2, 1));
        }
        if self.begins("CREATE SCHEMA") && self.is(3, "AUTHORIZATION") {
            return (Does::Other, self.roles_from(4, 1));
        }
        (Does::Other, Vec::new())
    }

    fn is(&self, place: usize, word: &str) -> bool {
        let token = self.tokens.get(place);
        token.is_some_and(|token| token.is_word(self.sql, word))
    }

    fn begins(&self, words: &str) -> bool {
        let mut words = words.split(' ').enumerate();
        words.all(|(place, word)| self.is(place, word))
    }

    /// The roles in a list that begins at a place, at most so many.
    fn roles_from(&self, place: usize, most: usize) -> Vec<NamedRole> {
        let tokens = self.tokens.get(place..).unwrap_or_default();
        let mut roles = Vec::new();
        for pair in tokens.chunks(2).take(most) {
            roles.extend(pair.first().and_then(|token| self.role(token)));
            if pair.get(1).is_none_or(|token| token.kind != Kind::Symbol(b',')) {
                break;
            }
        }
        roles
    }

    /// The role behind the last of these words: what is granted on stands before it.
    fn last_after(&self, words: &[&str]) -> Vec<NamedRole> {
        let is_one = |place: &usize| words.iter().any(|word| self.is(*place, word));
        let last = (0..self.tokens.len()).rev().find(is_one);
        last.map(|place| self.roles_from(place + 1, 1))
            .unwrap_or_default()
    }

    /// The roles of a policy stand between the first TO that is no name and what the policy demands.
    fn policy(&self) -> Vec<NamedRole> {
        for place in 3..self.tokens.len() {
            if self.is(place, "TO") {
                return self.roles_from(place + 1, usize::MAX);
            }
            if self.is(place, "USING") || self.is(place, "WITH") {
                break;
            }
        }
        Vec::new()
    }

    fn role(&self, token: &Token) -> Option<NamedRole> {
        let text = self.sql.get(token.range.clone())?;
        let name: BString = match token.kind {
            Kind::Quoted => {
                let inner = text.get(1..text.len().checked_sub(1)?)?;
                inner.replace("\"\"", "\"").into()
            }
            Kind::Word if text.eq_ignore_ascii_case(b"public") => return None,
            Kind::Word => text.into(),
            Kind::Literal | Kind::Symbol(_) => return None,
        };
        Some(NamedRole {
            range: token.range.clone(),
            name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(sql: &str) -> Vec<String> {
        let statements = statements(sql.into());
        let roles = statements.iter().flat_map(|statement| &statement.roles);
        roles.map(|role| role.name.to_string()).collect()
    }

    #[test]
    fn roles_are_found_where_dumps_name_them_and_nowhere_else() {
        for (sql, found) in [
            ("GRANT SELECT ON TABLE s.t TO alice;\n", vec!["alice"]),
            (
                "GRANT ALL ON TABLE \"TO\".\"to x\" TO \"o\"\"dd\" WITH GRANT OPTION;\n",
                vec!["o\"dd"],
            ),
            ("GRANT SELECT(\"TO\"),UPDATE(b) ON TABLE t TO a;", vec!["a"]),
            (
                "REVOKE ALL ON FUNCTION f(\"from\" integer) FROM PUBLIC;\n",
                vec![],
            ),
            (
                "SET SESSION AUTHORIZATION bob;\nGRANT USAGE ON SCHEMA s TO alice;\nRESET SESSION AUTHORIZATION;\n",
                vec!["bob", "alice"],
            ),
            (
                "ALTER DEFAULT PRIVILEGES FOR ROLE \"A b\" IN SCHEMA s GRANT SELECT ON TABLES TO c;\n",
                vec!["A b", "c"],
            ),
            (
                "CREATE POLICY \"to\" ON s.t AS RESTRICTIVE FOR SELECT TO a, \"B\" USING ((x = 'TO c'::text));",
                vec!["a", "B"],
            ),
            (
                "CREATE POLICY p ON s.t USING ((a IN ( SELECT b FROM c)));",
                vec![],
            ),
            ("CREATE POLICY p ON s.t TO CURRENT USING (true);", vec!["CURRENT"]),
            (
                "CREATE USER MAPPING FOR me SERVER s OPTIONS (\n    password 'it''s FOR you'\n);\n",
                vec!["me"],
            ),
            ("DROP USER MAPPING FOR PUBLIC SERVER s;\n", vec![]),
            (
                "ALTER ROLE r IN DATABASE d SET search_path TO 'a', 'b';\n",
                vec!["r"],
            ),
            ("ALTER DATABASE d SET role TO 'x';\n", vec![]),
            ("CREATE SCHEMA s AUTHORIZATION o;\n", vec!["o"]),
            (
                "CREATE FUNCTION f() RETURNS void AS $$ GRANT a TO b; $$;\n",
                vec![],
            ),
        ] {
            assert_eq!(roles(sql), found, "{sql}");
        }
    }

    #[test]
    fn statements_cover_the_text_without_gaps() {
        let sql = "REVOKE ALL ON TABLE t FROM a;\nGRANT SELECT ON TABLE t TO \"b;c\";\n\n";
        let found = statements(sql.into());
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].range, 0..30);
        assert_eq!(found[1].range, 30..sql.len());
        assert!(found.iter().all(|statement| statement.does == Does::Grant));
    }

    #[test]
    fn renaming_quotes_where_it_has_to_be() {
        let rename = |name: &BStr| (name == "old").then(|| BString::from("New one"));
        assert_eq!(
            renamed(
                "GRANT SELECT ON TABLE old TO old;\nGRANT SELECT ON TABLE old TO other;\n".into(),
                rename
            ),
            "GRANT SELECT ON TABLE old TO \"New one\";\nGRANT SELECT ON TABLE old TO other;\n"
        );
    }

    #[test]
    fn functions_lose_what_only_superusers_may_say() {
        let without = |sql: &str| without_superusers_attributes(sql.into()).map(|sql| sql.to_string());
        assert_eq!(
            without("CREATE FUNCTION s.f(leakproof text DEFAULT 'LEAKPROOF') RETURNS text\n    LANGUAGE sql IMMUTABLE LEAKPROOF COST 5\n    AS $$ SELECT ' LEAKPROOF ' $$;").unwrap(),
            "CREATE FUNCTION s.f(leakproof text DEFAULT 'LEAKPROOF') RETURNS text\n    LANGUAGE sql IMMUTABLE COST 5\n    AS $$ SELECT ' LEAKPROOF ' $$;"
        );
        assert_eq!(
            without("CREATE FUNCTION f() RETURNS integer\n    LANGUAGE sql SUPPORT pg_catalog.\"Odd x\" PARALLEL SAFE\n    RETURN 1;").unwrap(),
            "CREATE FUNCTION f() RETURNS integer\n    LANGUAGE sql PARALLEL SAFE\n    RETURN 1;"
        );
        assert_eq!(
            without("CREATE FUNCTION f() RETURNS integer\n    LANGUAGE sql\n    AS 'SELECT 1 LEAKPROOF';"),
            None
        );
        assert_eq!(
            without("CREATE FUNCTION f() RETURNS integer\n    LANGUAGE sql\n    RETURN leakproof;"),
            None
        );
    }
}
