//! Scripts cut into statements, rows and backslash commands as psql does, wherever the portions are cut.

use proptest::prelude::*;
use rsdump::sql::splitter::{Item, Splitter};

/// What became of a script, readably: statements as they are, rows as `|rows|`, commands as `\name[arguments]`, each
/// with its line; a failure as its sentence.
fn split(script: &[u8], step: usize) -> Vec<String> {
    let mut splitter = Splitter::new();
    let mut found = Vec::new();
    let mut rows = None;
    for portion in script.chunks(step).map(Some).chain([None]) {
        match portion {
            Some(bytes) => splitter.push(bytes),
            None => splitter.end(),
        }
        loop {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            match splitter.next() {
                Ok(None) => break,
                Ok(Some(Item::Statement(piece))) => {
                    found.push(format!("{}: {}", piece.line, text(&piece.text)));
                }
                Ok(Some(Item::CopyIn(piece))) => {
                    found.push(format!("{}: {}", piece.line, text(&piece.text)));
                    rows = Some(Vec::new());
                }
                Ok(Some(Item::Rows(bytes))) => {
                    assert!(!bytes.is_empty());
                    rows.as_mut()
                        .expect("rows follow a COPY")
                        .extend_from_slice(&bytes);
                }
                Ok(Some(Item::RowsEnd)) => {
                    let rows = rows.take().expect("rows end once");
                    found.push(format!("|{}|", text(&rows)));
                }
                Ok(Some(Item::Command(command))) => {
                    let within = if command.within_statement { " within" } else { "" };
                    found.push(format!(
                        "{}: \\{}{:?}{within}",
                        command.line,
                        command.name,
                        command.arguments.unwrap_or_default()
                    ));
                }
                Err(error) => {
                    found.push(error.to_string());
                    return found;
                }
            }
        }
    }
    found
}

/// Splits whole, byte by byte and in a few other sizes, which must all be the same.
#[track_caller]
fn same_in_all_portions(script: &[u8]) -> Vec<String> {
    let whole = split(script, script.len().max(1));
    for step in [1, 2, 3, 5, 7, 64] {
        assert_eq!(split(script, step), whole, "in portions of {step}");
    }
    whole
}

#[track_caller]
fn check(script: &str, expected: &[&str]) {
    assert_eq!(same_in_all_portions(script.as_bytes()), expected);
}

#[test]
fn semicolons_in_quotes_comments_and_parentheses_end_nothing() {
    check(
        "SELECT ';', \";\", 'it''s;', \"a\"\";\";\nSELECT 2;",
        &["1: SELECT ';', \";\", 'it''s;', \"a\"\";\";", "2: SELECT 2;"],
    );
    check(
        "-- a; b\n/* ; /* ; */ ; */ SELECT 1 -- ;\n;",
        &["2: SELECT 1 -- ;\n;"],
    );
    check(
        "CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2);",
        &["1: CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2);"],
    );
    check(";;\n; SELECT 1 ; ;", &["2: SELECT 1 ;"]);
    check(
        "SELECT 1 - -1 / 2;SELECT 4*/**/5;",
        &["1: SELECT 1 - -1 / 2;", "1: SELECT 4*/**/5;"],
    );
}

#[test]
fn dollar_quotes_end_with_their_own_tag() {
    for quoted in [
        "$$;'\"--/*$$",
        "$a$;$$;$b$;$a$",
        "$_ü1$;$_ü$;$_ü1$",
        "$function$ BEGIN; $function $function$",
    ] {
        let script = format!("SELECT {quoted};SELECT 2;");
        check(&script, &[&format!("1: SELECT {quoted};"), "1: SELECT 2;"]);
    }
    // A parameter and a dollar within a name open nothing.
    check(
        "SELECT $1; SELECT a$b; SELECT $1; SELECT a$b;",
        &[
            "1: SELECT $1;",
            "1: SELECT a$b;",
            "1: SELECT $1;",
            "1: SELECT a$b;",
        ],
    );
}

#[test]
fn backslashes_escape_where_the_script_says_so() {
    check(
        r"SELECT '\'; SELECT E'\';'; SELECT e'\\';",
        &[r"1: SELECT '\';", r"1: SELECT E'\';';", r"1: SELECT e'\\';"],
    );
    check(
        "SET standard_conforming_strings = off;\nSELECT '\\';';\nSELECT U&'\\';\nSELECT x'\\';",
        &[
            "1: SET standard_conforming_strings = off;",
            "2: SELECT '\\';';",
            "3: SELECT U&'\\';",
            "4: SELECT x'\\';",
        ],
    );
    check(
        "SET standard_conforming_strings = off; SET standard_conforming_strings TO DEFAULT; SELECT '\\';",
        &[
            "1: SET standard_conforming_strings = off;",
            "1: SET standard_conforming_strings TO DEFAULT;",
            "1: SELECT '\\';",
        ],
    );
    // The end of a name is no prefix, nor is one that stands apart; the next line of a string goes on with it.
    check(
        "SELECT namE'\\';SELECT E '\\'; SELECT E/**/'\\';",
        &["1: SELECT namE'\\';", "1: SELECT E '\\';", "1: SELECT E/**/'\\';"],
    );
    check(
        "SELECT E'a' \n '\\';'; SELECT E'a' '\\';",
        &["1: SELECT E'a' \n '\\';';", "2: SELECT E'a' '\\';"],
    );
}

#[test]
fn bodies_of_functions_end_with_their_end() {
    check(
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT (CASE 1 WHEN 1 THEN 2 \
         END); END;\nCREATE OR REPLACE PROCEDURE p() begin atomic SELECT 1; end;SELECT 1;",
        &[
            "1: CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT (CASE 1 WHEN 1 \
             THEN 2 END); END;",
            "2: CREATE OR REPLACE PROCEDURE p() begin atomic SELECT 1; end;",
            "2: SELECT 1;",
        ],
    );
    // BEGIN may be a name, and is a statement elsewhere.
    check(
        "CREATE FUNCTION public.begin() RETURNS int RETURN 1;BEGIN;SELECT 1;END;",
        &[
            "1: CREATE FUNCTION public.begin() RETURNS int RETURN 1;",
            "1: BEGIN;",
            "1: SELECT 1;",
            "1: END;",
        ],
    );
    check(
        "CREATE VIEW v AS SELECT 1 AS begin, 2 AS atomic;SELECT 1;",
        &[
            "1: CREATE VIEW v AS SELECT 1 AS begin, 2 AS atomic;",
            "1: SELECT 1;",
        ],
    );
}

#[test]
fn rows_end_with_their_marker_alone() {
    check(
        "COPY public.t (a, \"from stdin\") FROM stdin;\n1\t;'\"$$\n\\.x\n\\N\t\\\\.\n\n\\.\n\nSELECT 1;",
        &[
            "1: COPY public.t (a, \"from stdin\") FROM stdin;",
            "|1\t;'\"$$\n\\.x\n\\N\t\\\\.\n\n|",
            "8: SELECT 1;",
        ],
    );
    check(
        "copy t from stdin; \r\na\r\n\\.\r\nCOPY t FROM stdin WITH (FREEZE);\n\\.",
        &[
            "1: copy t from stdin;",
            "|a\r\n|",
            "4: COPY t FROM stdin WITH (FREEZE);",
            "||",
        ],
    );
    check(
        "COPY t TO stdout;\nCOPY (SELECT 1 FROM stdin) TO 'x';\n",
        &["1: COPY t TO stdout;", "2: COPY (SELECT 1 FROM stdin) TO 'x';"],
    );
}

#[test]
fn backslash_commands_are_told_with_their_lines() {
    check(
        "\n\\connect \"A b\"\n  \\restrict x\nSELECT 1 \\gexec\nSELECT 2;\n\\unrestrict x",
        &[
            "2: \\connect[\"A b\"]",
            "3: \\restrict[\"x\"]",
            "4: \\gexec[] within",
            "5: SELECT 2;",
            "6: \\unrestrict[\"x\"]",
        ],
    );
}

#[test]
fn a_script_cut_off_is_told_apart() {
    check(
        "SELECT 1;\nSELECT 2",
        &["1: SELECT 1;", "line 2: the script ends within a statement"],
    );
    check("SELECT 'a;\n", &["line 1: the script ends within a statement"]);
    check("/* a", &["line 1: the script ends within a comment"]);
    check(
        "COPY t FROM stdin;\n1\n2\n",
        &[
            "1: COPY t FROM stdin;",
            "line 4: the script ends within the rows of a COPY",
        ],
    );
    check(
        "COPY t FROM stdin; SELECT 1;",
        &[
            "1: COPY t FROM stdin;",
            "line 1: something stands behind COPY FROM stdin in the same line",
        ],
    );
    check("-- PostgreSQL database dump complete\n--\n\n", &[]);
}

#[test]
fn the_second_byte_of_a_character_is_none_of_its_own() {
    // 0x95 0x5c is one character in Shift JIS, 0x5c the backslash; 0xb1 is one by itself.
    let mut script =
        b"SET client_encoding = 'SJIS';\nSELECT E'\x95\x5c'; SELECT \x95\x5c; SELECT E'\xb1\\'';".to_vec();
    assert_eq!(same_in_all_portions(&script).len(), 4);
    script.drain(..30);
    assert_ne!(same_in_all_portions(&script).len(), 3);
}

/// Pieces that mean something to the splitter.
fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "'",
        "\"",
        "$$",
        "$a$",
        "$",
        "\\",
        "\\\\",
        ";",
        "(",
        ")",
        "--",
        "/*",
        "*/",
        "\n",
        " ",
        "E'",
        "U&'",
        "x",
        "BEGIN ATOMIC ",
        "END",
        "CASE ",
        "CREATE FUNCTION ",
        "COPY t FROM stdin;\n",
        "\\.\n",
        "\\.",
        "\r\n",
        "SET standard_conforming_strings = off;",
        "SET client_encoding = SJIS;",
        "ü",
        "1",
        "-",
        "/",
        "*",
        "\\connect a\n",
    ])
}

proptest! {
    #[test]
    fn portions_change_nothing(pieces in prop::collection::vec(piece(), 0..40), step in 1usize..9) {
        let script = pieces.concat();
        let whole = split(script.as_bytes(), script.len().max(1));
        prop_assert_eq!(split(script.as_bytes(), step), whole);
    }

    #[test]
    fn any_bytes_are_survived(script in prop::collection::vec(any::<u8>(), 0..200), step in 1usize..9) {
        prop_assert_eq!(split(&script, step), split(&script, script.len().max(1)));
    }
}
