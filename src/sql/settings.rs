//! Configuration settings as the catalogs keep them (`name=value`), as SQL.
//!
//! `ALTER DATABASE … SET`, `ALTER ROLE … SET` and the SET clauses of functions all write values in this way.

use bstr::{BStr, BString, ByteSlice};

use super::Quoting;
use super::text::{put, text};

/// Settings whose values are lists of names. The server stores these with its own quotes, which are not
/// quite SQL's.
const NAME_LISTS: &[&str] = &[
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

/// `name TO value` for a stored `name=value`; `None` if there is no equals sign. A list of names becomes
/// a list of literals, as `quote` makes them.
pub fn setting(quoting: Quoting, item: &BStr, quote: impl Fn(&BStr) -> BString) -> Option<BString> {
    let (name, value) = item.split_once_str("=")?;
    let mut out = text!(quoting.ident(name), " TO ");
    if NAME_LISTS
        .iter()
        .any(|list| name.eq_ignore_ascii_case(list.as_bytes()))
    {
        let members = split_list(value.as_bstr()).unwrap_or_default();
        let members = members.iter().map(|member| quote(member.as_ref()));
        put!(out; bstr::join(", ", members));
    } else {
        put!(out; quote(value.as_bstr()));
    }
    Some(out)
}

/// The members of a list as the server stores it: separated by commas, quoted where they have to be. `None`
/// if it is not well formed.
fn split_list(list: &BStr) -> Option<Vec<BString>> {
    let mut members = Vec::new();
    let mut rest = list.trim_ascii_start();
    if rest.is_empty() {
        return Some(members);
    }
    loop {
        let (member, after) = match rest.strip_prefix(b"\"") {
            Some(quoted) => unquote(quoted)?,
            None => {
                let end = rest
                    .iter()
                    .position(|byte| *byte == b',' || byte.is_ascii_whitespace());
                let (member, after) = rest.split_at(end.unwrap_or(rest.len()));
                if member.is_empty() {
                    return None;
                }
                (member.into(), after)
            }
        };
        members.push(member);
        match after.trim_ascii_start().split_first() {
            None => return Some(members),
            Some((b',', next)) => rest = next.trim_ascii_start(),
            Some(_) => return None,
        }
    }
}

/// What stands before the closing quote, and what after it.
fn unquote(mut rest: &[u8]) -> Option<(BString, &[u8])> {
    let mut out = BString::default();
    loop {
        let quote = rest.find_byte(b'"')?;
        put!(out; rest[..quote]);
        rest = &rest[quote + 1..];
        match rest.strip_prefix(b"\"") {
            Some(after) => {
                out.push(b'"');
                rest = after;
            }
            None => return Some((out, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sql(item: &str) -> String {
        setting(Quoting::default(), item.into(), |value| {
            Quoting::default().literal(value)
        })
        .map_or_else(String::new, |sql| sql.to_string())
    }

    #[test]
    fn plain_values_are_one_literal() {
        assert_eq!(sql("work_mem=4MB"), "work_mem TO '4MB'");
        assert_eq!(sql("my.Odd=a, b='c'"), "\"my.Odd\" TO 'a, b=''c'''");
        assert_eq!(sql("no equals sign"), "");
    }

    #[test]
    fn lists_of_names_are_taken_apart() {
        assert_eq!(
            sql("search_path=\"$user\", public,\"O\"\"K\""),
            "search_path TO '$user', 'public', 'O\"K'"
        );
        assert_eq!(sql("search_path=\"\""), "search_path TO ''");
        assert_eq!(sql("temp_tablespaces="), "temp_tablespaces TO ");
    }

    #[test]
    fn a_list_that_is_not_well_formed_has_no_members() {
        for broken in ["\"a", "a b", ",a", "a,"] {
            assert_eq!(split_list(broken.into()), None, "{broken}");
        }
    }
}
