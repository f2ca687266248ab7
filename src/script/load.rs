//! Loading rows into tables that the same run has created: emptied first, so that the server may take shortcuts.

use bstr::BString;

use super::Plan;
use crate::sql::Quoting;
use crate::toc::{Desc, Entry};

/// How archives end a COPY statement.
const FROM_STDIN: &[u8] = b" FROM stdin;";

impl Plan {
    /// `TRUNCATE` of the table that an entry's rows go into; `None` if they go into another than the entry names,
    /// as those of partitions can that were dumped to go through their root.
    pub fn truncate_rows(&self, entry: &Entry) -> Option<BString> {
        if entry.definition_text().starts_with(b"-- load via partition root") {
            return None;
        }
        let target = entry.copy_text().strip_prefix(b"COPY ")?;
        let goes_to = |name: &BString| {
            let rest = target.strip_prefix(name.as_slice());
            rest.is_some_and(|rest| rest.starts_with(b" "))
        };
        let names = [false, true].into_iter().flat_map(|all_identifiers| {
            let quoting = Quoting {
                all_identifiers,
                ..self.quoting()
            };
            // Archives of long ago rely on the search path.
            let qualified = entry.schema().map(|schema| quoting.qualified(schema, &entry.tag));
            [qualified, Some(quoting.ident(&entry.tag))].into_iter().flatten()
        });
        names.into_iter().any(|name| goes_to(&name)).then(|| {
            [b"TRUNCATE TABLE ONLY ", self.name_of(entry).as_slice(), b";\n"]
                .concat()
                .into()
        })
    }

    /// `ANALYZE` of what has rows after a restore of this entry; `None` if it leaves no rows.
    pub fn analyze(&self, entry: &Entry) -> Option<BString> {
        let has_rows = match entry.desc {
            Desc::TableData => self.wanted(entry.dump_id).data,
            Desc::MaterializedViewData => self.wanted(entry.dump_id).is_any(),
            _ => false,
        };
        has_rows.then(|| {
            [b"ANALYZE ", self.name_of(entry).as_slice(), b";\n"]
                .concat()
                .into()
        })
    }

    /// Truncates the table and loads an entry's rows as frozen, in one text and so in one transaction.
    pub fn load_frozen(&self, entry: &Entry) -> Option<BString> {
        let truncate = self.truncate_rows(entry)?;
        let copy = entry.copy_text().trim_ascii_end().strip_suffix(FROM_STDIN)?;
        if entry.with_oids {
            return None;
        }
        Some(
            [truncate.as_slice(), copy, b" FROM stdin WITH (FREEZE);\n"]
                .concat()
                .into(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Origin, ScriptOptions};
    use crate::toc::{DumpId, Section};

    fn frozen(schema: &str, tag: &str, copy: &str) -> Option<String> {
        let entry = Entry {
            namespace: Some(schema.into()),
            copy_statement: Some(copy.into()),
            ..Entry::new(DumpId(1), Desc::TableData, tag, Section::Data)
        };
        let plan = Plan::new(vec![], vec![], ScriptOptions::default(), Origin::default()).unwrap();
        plan.load_frozen(&entry).map(|sql| sql.to_string())
    }

    #[test]
    fn rows_of_the_table_itself_are_frozen() {
        assert_eq!(
            frozen("public", "t", "COPY public.t (a, b) FROM stdin;\n").unwrap(),
            "TRUNCATE TABLE ONLY public.t;\nCOPY public.t (a, b) FROM stdin WITH (FREEZE);\n"
        );
        assert_eq!(
            frozen("S", "T", "COPY \"S\".\"T\"  FROM stdin;\n").unwrap(),
            "TRUNCATE TABLE ONLY \"S\".\"T\";\nCOPY \"S\".\"T\"  FROM stdin WITH (FREEZE);\n"
        );
        assert!(frozen("public", "t", "COPY \"public\".\"t\" (\"a\") FROM stdin;\n").is_some());
    }

    #[test]
    fn rows_of_other_tables_are_not() {
        assert_eq!(frozen("public", "t_1", "COPY public.t (a) FROM stdin;\n"), None);
        assert_eq!(frozen("public", "t", "COPY public.t_1 (a) FROM stdin;\n"), None);
        assert_eq!(frozen("public", "t", ""), None);
    }
}
