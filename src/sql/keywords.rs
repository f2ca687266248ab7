//! The key words that an identifier must not look like.
//!
//! From `pg_get_keywords()` of PostgreSQL 18: every category but "unreserved". Newer servers' lists contain
//! older ones', so quoting by this one is safe everywhere.

/// True if `word` must be quoted to be an identifier although its letters would allow it bare.
pub(super) fn needs_quotes(word: &[u8]) -> bool {
    // Most names are told apart from all words by their first letter and their length.
    let Some(initial) = word.first().and_then(|letter| letter.checked_sub(b'a')) else {
        return false;
    };
    let Some((from, to)) = INITIALS.get(usize::from(initial)) else {
        return false;
    };
    let words = WORDS.get(*from..*to).unwrap_or_default();
    words.contains(&word)
}

/// For each letter, which of [`WORDS`] begin with it.
const INITIALS: [(usize, usize); 26] = {
    let mut initials = [(0, 0); 26];
    let mut at = 0;
    while at < WORDS.len() {
        let letter = (WORDS[at][0] - b'a') as usize;
        if initials[letter].1 == 0 {
            initials[letter].0 = at;
        }
        at += 1;
        initials[letter].1 = at;
    }
    initials
};

/// In byte order.
const WORDS: &[&[u8]] = &[
    b"all",
    b"analyse",
    b"analyze",
    b"and",
    b"any",
    b"array",
    b"as",
    b"asc",
    b"asymmetric",
    b"authorization",
    b"between",
    b"bigint",
    b"binary",
    b"bit",
    b"boolean",
    b"both",
    b"case",
    b"cast",
    b"char",
    b"character",
    b"check",
    b"coalesce",
    b"collate",
    b"collation",
    b"column",
    b"concurrently",
    b"constraint",
    b"create",
    b"cross",
    b"current_catalog",
    b"current_date",
    b"current_role",
    b"current_schema",
    b"current_time",
    b"current_timestamp",
    b"current_user",
    b"dec",
    b"decimal",
    b"default",
    b"deferrable",
    b"desc",
    b"distinct",
    b"do",
    b"else",
    b"end",
    b"except",
    b"exists",
    b"extract",
    b"false",
    b"fetch",
    b"float",
    b"for",
    b"foreign",
    b"freeze",
    b"from",
    b"full",
    b"grant",
    b"greatest",
    b"group",
    b"grouping",
    b"having",
    b"ilike",
    b"in",
    b"initially",
    b"inner",
    b"inout",
    b"int",
    b"integer",
    b"intersect",
    b"interval",
    b"into",
    b"is",
    b"isnull",
    b"join",
    b"json",
    b"json_array",
    b"json_arrayagg",
    b"json_exists",
    b"json_object",
    b"json_objectagg",
    b"json_query",
    b"json_scalar",
    b"json_serialize",
    b"json_table",
    b"json_value",
    b"lateral",
    b"leading",
    b"least",
    b"left",
    b"like",
    b"limit",
    b"localtime",
    b"localtimestamp",
    b"merge_action",
    b"national",
    b"natural",
    b"nchar",
    b"none",
    b"normalize",
    b"not",
    b"notnull",
    b"null",
    b"nullif",
    b"numeric",
    b"offset",
    b"on",
    b"only",
    b"or",
    b"order",
    b"out",
    b"outer",
    b"overlaps",
    b"overlay",
    b"placing",
    b"position",
    b"precision",
    b"primary",
    b"real",
    b"references",
    b"returning",
    b"right",
    b"row",
    b"select",
    b"session_user",
    b"setof",
    b"similar",
    b"smallint",
    b"some",
    b"substring",
    b"symmetric",
    b"system_user",
    b"table",
    b"tablesample",
    b"then",
    b"time",
    b"timestamp",
    b"to",
    b"trailing",
    b"treat",
    b"trim",
    b"true",
    b"union",
    b"unique",
    b"user",
    b"using",
    b"values",
    b"varchar",
    b"variadic",
    b"verbose",
    b"when",
    b"where",
    b"window",
    b"with",
    b"xmlattributes",
    b"xmlconcat",
    b"xmlelement",
    b"xmlexists",
    b"xmlforest",
    b"xmlnamespaces",
    b"xmlparse",
    b"xmlpi",
    b"xmlroot",
    b"xmlserialize",
    b"xmltable",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted() {
        assert!(WORDS.is_sorted());
        assert!(WORDS.iter().all(|word| needs_quotes(word)));
    }

    #[test]
    fn reserved_words_and_type_names_need_quotes_but_unreserved_do_not() {
        for word in [
            "select",
            "between",
            "authorization",
            "integer",
            "user",
            "merge_action",
        ] {
            assert!(needs_quotes(word.as_bytes()), "{word}");
        }
        for word in ["abort", "name", "zone", "employee", ""] {
            assert!(!needs_quotes(word.as_bytes()), "{word}");
        }
    }
}
