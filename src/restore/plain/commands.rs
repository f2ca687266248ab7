//! The backslash commands that dump tools write: `\connect`, `\encoding`, `\restrict`, `\unrestrict`. All others are
//! refused.
//!
//! Between `\restrict KEY` and `\unrestrict KEY` nothing else is allowed: whoever smuggled a command into a dump's
//! text could not know the key.

use bstr::{BStr, BString, ByteSlice};

use crate::connect::{Conninfo, is_connection_string};
use crate::sql::splitter::MetaCommand;

/// What a command asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    Nothing,
    /// Go on in another database of the same server.
    Connect(BString),
    /// Begin a new session in the same database.
    Reconnect,
    /// Set the client's encoding, whose name consists of letters, digits, hyphens and underscores.
    Encode(BString),
}

/// Whether other commands are kept out, and by which key.
#[derive(Debug, Default)]
pub(super) struct Fence {
    key: Option<BString>,
}

impl Fence {
    /// Whether it is waiting for its end.
    pub(super) fn is_closed(&self) -> bool {
        self.key.is_some()
    }

    /// What is to be done for a command, or why it is refused.
    pub(super) fn follow(&mut self, command: &MetaCommand) -> Result<Action, String> {
        let name = &command.name;
        if self.is_closed() && name != "unrestrict" {
            return Err("backslash commands are restricted; only \\unrestrict is allowed".into());
        }
        if command.within_statement {
            return Err(format!("\\{name} stands within a statement"));
        }
        let unreadable =
            || format!("\\{name}: arguments with variables, commands or unfinished quotes are not followed");
        match name.as_slice() {
            b"restrict" | b"unrestrict" | b"connect" | b"c" | b"encoding" => {
                let arguments = command.arguments.as_deref().ok_or_else(unreadable)?;
                match name.as_slice() {
                    b"restrict" => self.restrict(arguments),
                    b"unrestrict" => self.unrestrict(arguments),
                    b"encoding" => encode(arguments),
                    _ => connect(arguments),
                }
            }
            _ => Err(format!(
                "backslash command \\{name} is not supported; please use psql"
            )),
        }
    }

    fn restrict(&mut self, arguments: &[BString]) -> Result<Action, String> {
        self.key = Some(only(arguments, "restrict")?.to_owned());
        Ok(Action::Nothing)
    }

    fn unrestrict(&mut self, arguments: &[BString]) -> Result<Action, String> {
        let given = only(arguments, "unrestrict")?;
        match &self.key {
            None => Err("\\unrestrict: not currently in restricted mode".into()),
            Some(key) if key == given => {
                self.key = None;
                Ok(Action::Nothing)
            }
            Some(_) => Err("\\unrestrict: wrong key".into()),
        }
    }
}

fn only<'a>(arguments: &'a [BString], name: &str) -> Result<&'a BStr, String> {
    match arguments {
        [argument] if !argument.is_empty() => Ok(argument.as_bstr()),
        [] => Err(format!("\\{name}: missing required argument")),
        _ => Err(format!("\\{name}: one argument is expected")),
    }
}

fn encode(arguments: &[BString]) -> Result<Action, String> {
    let name = only(arguments, "encoding")?;
    if name
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    {
        Ok(Action::Encode(name.to_owned()))
    } else {
        Err(format!(
            "{name}: invalid encoding name or conversion procedure not found"
        ))
    }
}

fn connect(arguments: &[BString]) -> Result<Action, String> {
    let (reuse, target) = match arguments {
        [first, rest @ ..] if first.starts_with(b"-reuse-previous=") => {
            let value = first.get(b"-reuse-previous=".len()..).unwrap_or_default();
            if !matches!(value, b"on" | b"true" | b"1" | b"yes") {
                return Err("\\connect: only another database of the same server can be gone to".into());
            }
            (true, rest)
        }
        all => (false, all),
    };
    let database = match target {
        [] => return Ok(Action::Reconnect),
        [same] if same == "-" || same.is_empty() => return Ok(Action::Reconnect),
        [database] => database,
        _ => return Err("\\connect: another user, host or port is not supported".into()),
    };
    if !is_connection_string(database) {
        return Ok(Action::Connect(database.clone()));
    }
    let info = Conninfo::parse(database).map_err(|error| format!("\\connect: {error}"))?;
    let names_more = info.iter().any(|(keyword, _)| keyword != "dbname");
    match info.non_empty("dbname") {
        // Without reusing, psql would fall back to its defaults for the host.
        Some(name) if reuse && !names_more => Ok(Action::Connect(name.to_owned())),
        _ => Err("\\connect: only another database of the same server can be gone to".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(name: &str, arguments: &[&str]) -> MetaCommand {
        MetaCommand {
            line: 1,
            name: name.into(),
            arguments: Some(arguments.iter().map(|text| BString::from(*text)).collect()),
            within_statement: false,
        }
    }

    fn follow(name: &str, arguments: &[&str]) -> Result<Action, String> {
        Fence::default().follow(&command(name, arguments))
    }

    #[test]
    fn connect_goes_to_a_database_of_the_same_server_and_nowhere_else() {
        let to = |name: &str| Ok(Action::Connect(name.into()));
        assert_eq!(follow("connect", &["shop"]), to("shop"));
        assert_eq!(
            follow("connect", &["-reuse-previous=on", r"dbname='a=b \'c\' \\d'"]),
            to(r"a=b 'c' \d")
        );
        assert_eq!(follow("c", &["-reuse-previous=on", "A b"]), to("A b"));
        assert_eq!(follow("connect", &["-"]), Ok(Action::Reconnect));
        for elsewhere in [
            &["dbname=a"][..],
            &["-reuse-previous=off", "a"],
            &["-reuse-previous=on", "dbname=a host=evil"],
            &["postgresql://evil/a"],
            &["-reuse-previous=on", "postgresql://evil/a"],
            &["a", "user"],
        ] {
            assert!(follow("connect", elsewhere).is_err(), "{elsewhere:?}");
        }
    }

    #[test]
    fn encodings_are_names() {
        assert_eq!(
            follow("encoding", &["SQL_ASCII"]),
            Ok(Action::Encode("SQL_ASCII".into()))
        );
        for bad in [&[][..], &["a'b"], &["a", "b"]] {
            assert!(follow("encoding", bad).is_err());
        }
    }

    #[test]
    fn the_fence_opens_to_its_own_key_only() {
        let mut fence = Fence::default();
        assert!(fence.follow(&command("restrict", &[])).is_err());
        assert_eq!(fence.follow(&command("restrict", &["k"])), Ok(Action::Nothing));
        for (name, argument) in [
            ("connect", "a"),
            ("restrict", "k"),
            ("!", "ls"),
            ("unrestrict", "K"),
        ] {
            assert!(fence.follow(&command(name, &[argument])).is_err(), "{name}");
            assert!(fence.is_closed());
        }
        assert_eq!(fence.follow(&command("unrestrict", &["k"])), Ok(Action::Nothing));
        assert!(!fence.is_closed());
        assert!(fence.follow(&command("unrestrict", &["k"])).is_err());
    }

    #[test]
    fn whatever_else_psql_knows_is_refused() {
        for name in ["!", "i", "copy", "o", "set", "gexec", ".", "", ";"] {
            assert!(follow(name, &[]).is_err(), "{name}");
        }
        let within = MetaCommand {
            within_statement: true,
            ..command("connect", &["a"])
        };
        assert!(Fence::default().follow(&within).is_err());
    }
}
