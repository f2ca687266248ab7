//! Selection: which entries an option lets through, and which part of them.
//!
//! The whole is held against pg_restore in `script.rs`; here is each rule by itself, on tables of contents of a
//! few entries.

use rsdump::toc::selection::Sections;
use rsdump::toc::{Desc, DumpId, Entry, Section, Selection, Wanted};

/// A schema-qualified entry with a definition.
fn entry(id: u32, desc: Desc, tag: &str, section: Section) -> Entry {
    Entry {
        definition: Some("SELECT 1;\n".into()),
        namespace: Some("public".into()),
        ..Entry::new(DumpId(id), desc, tag, section)
    }
}

fn data(id: u32, tag: &str, table: u32) -> Entry {
    Entry {
        definition: None,
        had_dumper: true,
        dependencies: vec![DumpId(table)],
        ..entry(id, Desc::TableData, tag, Section::Data)
    }
}

fn about(id: u32, desc: Desc, tag: &str, on: &[u32]) -> Entry {
    Entry {
        dependencies: on.iter().copied().map(DumpId).collect(),
        ..entry(id, desc, tag, Section::None)
    }
}

/// A database of two tables, with what hangs on them.
fn toc() -> Vec<Entry> {
    use Section::{Data, PostData, PreData};
    let elsewhere = Entry {
        namespace: Some("other".into()),
        ..entry(4, Desc::Table, "b", PreData)
    };
    let extension = Entry {
        namespace: None,
        ..entry(2, Desc::Extension, "hstore", PreData)
    };
    vec![
        entry(1, Desc::Encoding, "ENCODING", PreData),
        extension,
        entry(3, Desc::Table, "a", PreData),
        about(30, Desc::Comment, "TABLE a", &[3]),
        about(31, Desc::Acl, "TABLE a", &[3]),
        about(32, Desc::Acl, "COLUMN a.x", &[3, 31]),
        elsewhere,
        about(40, Desc::Acl, "TABLE b", &[4]),
        data(5, "a", 3),
        entry(6, Desc::SequenceSet, "a_seq", Data),
        entry(7, Desc::Index, "a_idx", PostData),
        entry(8, Desc::Trigger, "a tr", PostData),
        entry(9, Desc::FkConstraint, "a fk", PostData),
        about(90, Desc::Comment, "CONSTRAINT fk ON a", &[9]),
    ]
}

/// The numbers of the entries of which some part is wanted.
fn chosen(selection: &Selection, toc: &[Entry]) -> Vec<u32> {
    let wanted = selection.select(toc).expect("a selection");
    toc.iter()
        .zip(wanted)
        .filter(|(_, wanted)| wanted.is_any())
        .map(|(entry, _)| entry.dump_id.0)
        .collect()
}

fn part(selection: &Selection, entry: Entry) -> Wanted {
    selection.select(&[entry]).expect("a selection")[0]
}

const DEFINITION: Wanted = Wanted {
    definition: true,
    ..Wanted::NOTHING
};
const DATA: Wanted = Wanted {
    data: true,
    ..Wanted::NOTHING
};

#[test]
fn everything_but_the_settings_is_restored_by_default() {
    assert_eq!(
        chosen(&Selection::default(), &toc()),
        [2, 3, 30, 31, 32, 4, 40, 5, 6, 7, 8, 9, 90]
    );
}

#[test]
fn a_table_brings_its_data_and_what_speaks_about_it_but_no_index() {
    let selection = Selection {
        tables: vec!["a".into()],
        ..Selection::default()
    };
    assert_eq!(chosen(&selection, &toc()), [3, 30, 31, 32, 5]);
    let other = Selection {
        tables: vec!["b".into()],
        ..Selection::default()
    };
    assert_eq!(chosen(&other, &toc()), [4, 40]);
}

#[test]
fn a_grant_on_a_grant_alone_selects_nothing() {
    let toc = [
        about(1, Desc::Acl, "TABLE a", &[]),
        about(2, Desc::Acl, "COLUMN a.x", &[1]),
    ];
    let selection = Selection {
        excluded_schemas: vec!["x".into()],
        ..Selection::default()
    };
    assert_eq!(chosen(&selection, &toc), [0; 0]);
}

#[test]
fn names_of_different_kinds_add_up() {
    let selection = Selection {
        indexes: vec!["a_idx".into()],
        triggers: vec!["a tr".into()],
        ..Selection::default()
    };
    assert_eq!(chosen(&selection, &toc()), [7, 8]);
}

#[test]
fn schemas_narrow_down_and_what_has_none_is_left_out() {
    let only = Selection {
        schemas: vec!["other".into()],
        ..Selection::default()
    };
    assert_eq!(chosen(&only, &toc()), [4, 40]);
    let without = Selection {
        excluded_schemas: vec!["public".into()],
        ..Selection::default()
    };
    assert_eq!(chosen(&without, &toc()), [2, 4, 40]);
}

#[test]
fn an_entry_without_a_section_goes_with_the_one_before() {
    let sections = Sections {
        post_data: true,
        ..Sections::NONE
    };
    let selection = Selection {
        sections,
        ..Selection::default()
    };
    assert_eq!(chosen(&selection, &toc()), [7, 8, 9, 90]);
}

#[test]
fn a_list_names_entries_one_by_one() {
    let listed = Some([DumpId(5), DumpId(31)].into());
    let selection = Selection {
        listed,
        ..Selection::default()
    };
    assert_eq!(chosen(&selection, &toc()), [31, 5]);
}

#[test]
fn data_and_definitions_are_told_apart() {
    let data_only = Selection {
        definitions: false,
        ..Selection::default()
    };
    assert_eq!(chosen(&data_only, &toc()), [5, 6]);
    let schema_only = Selection {
        data: false,
        ..Selection::default()
    };
    assert_eq!(
        chosen(&schema_only, &toc()),
        [2, 3, 30, 31, 32, 4, 40, 7, 8, 9, 90]
    );
    let with_values = Selection {
        sequence_values: true,
        ..schema_only
    };
    assert_eq!(
        part(&with_values, entry(1, Desc::SequenceSet, "s", Section::Data)),
        DATA
    );
}

#[test]
fn what_hangs_on_large_objects_is_data() {
    let selection = Selection::default();
    assert_eq!(
        part(&selection, entry(1, Desc::BlobMetadata, "5", Section::Data)),
        DATA
    );
    assert_eq!(
        part(&selection, about(1, Desc::Acl, "LARGE OBJECTS 5..7", &[])),
        DATA
    );
    assert_eq!(part(&selection, about(1, Desc::Acl, "TABLE t", &[])), DEFINITION);
}

#[test]
fn a_remark_about_partitions_is_no_definition() {
    let remark = Entry {
        definition: Some("-- load via partition root public.p".into()),
        ..data(1, "p1", 2)
    };
    assert_eq!(part(&Selection::default(), remark), DATA);
}

#[test]
fn the_database_follows_its_option_and_nothing_else() {
    let database = entry(1, Desc::Database, "db", Section::PreData);
    let comment = about(2, Desc::Comment, "DATABASE db", &[1]);
    let toc = [database, comment];
    let create = Selection {
        create_database: true,
        tables: vec!["x".into()],
        ..Selection::default()
    };
    assert_eq!(chosen(&create, &toc), [1, 2]);
    assert_eq!(chosen(&Selection::default(), &toc), [0; 0]);
}

#[test]
fn whole_classes_can_be_left_out_with_what_speaks_about_them() {
    let toc = [
        entry(1, Desc::Policy, "t p", Section::PostData),
        about(2, Desc::Comment, "POLICY p ON t", &[1]),
        entry(3, Desc::Publication, "pub", Section::PostData),
        about(4, Desc::SecurityLabel, "PUBLICATION pub", &[3]),
        entry(5, Desc::Subscription, "sub", Section::PostData),
        about(6, Desc::Comment, "SUBSCRIPTION sub", &[5]),
        about(7, Desc::Acl, "TABLE t", &[]),
    ];
    let all = Selection::default();
    assert_eq!(
        chosen(
            &Selection {
                policies: false,
                ..all.clone()
            },
            &toc
        ),
        [3, 4, 5, 6, 7]
    );
    assert_eq!(
        chosen(
            &Selection {
                publications: false,
                ..all.clone()
            },
            &toc
        ),
        [1, 2, 5, 6, 7]
    );
    assert_eq!(
        chosen(
            &Selection {
                subscriptions: false,
                ..all.clone()
            },
            &toc
        ),
        [1, 2, 3, 4, 7]
    );
    assert_eq!(
        chosen(
            &Selection {
                comments: false,
                ..all.clone()
            },
            &toc
        ),
        [1, 3, 4, 5, 7]
    );
    assert_eq!(
        chosen(
            &Selection {
                security_labels: false,
                ..all.clone()
            },
            &toc
        ),
        [1, 2, 3, 5, 6, 7]
    );
    assert_eq!(
        chosen(
            &Selection {
                privileges: false,
                ..all
            },
            &toc
        ),
        [1, 2, 3, 4, 5, 6]
    );
}

#[test]
fn statistics_are_neither_data_nor_definition() {
    let statistics = about(1, Desc::StatisticsData, "t", &[]);
    let only = Selection {
        definitions: false,
        data: false,
        ..Selection::default()
    };
    assert_eq!(
        part(&only, statistics.clone()),
        Wanted {
            statistics: true,
            ..Wanted::NOTHING
        }
    );
    let without = Selection {
        statistics: false,
        ..Selection::default()
    };
    assert_eq!(part(&without, statistics), Wanted::NOTHING);
}

#[test]
fn strict_names_must_be_met() {
    let selection = Selection {
        tables: vec!["a".into(), "nosuch".into()],
        strict_names: true,
        ..Selection::default()
    };
    let refusal = selection.select(&toc()).expect_err("a name is not there");
    assert_eq!(refusal.to_string(), "table \"nosuch\" not found");
}
