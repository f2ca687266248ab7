//! The table of what came and went with which release, and what becomes of it.
//!
//! Older features come first, so that an object is reported for the oldest thing that keeps it out.

use super::Era::{Before, Since};
use super::Remedy::{Approximate, LeaveOut, Rewrite};
use super::{
    Era, Feature, Pass, Remedy, code, locale, partitions, privileges, relations, replication, storage,
    syntax, tables,
};

/// All features, those of syntax within expressions and queries included.
pub(super) fn all() -> impl Iterator<Item = &'static Feature> {
    FEATURES.iter()
}

const fn feature(era: Era, what: &'static str, remedy: Remedy, adapt: fn(&mut Pass<'_>)) -> Feature {
    Feature {
        era,
        what,
        remedy,
        adapt,
    }
}

#[rustfmt::skip]
const FEATURES: &[Feature] = &[
    feature(Since(11), "procedures", LeaveOut, code::procedures),
    feature(Since(11), "EXECUTE FUNCTION in triggers", Rewrite, code::execute_function),
    feature(Since(11), "hash partitioning",
        Approximate("the table is an ordinary one, from which what were its partitions inherit"), partitions::hash),
    feature(Since(11), "default partitions", Approximate("the partition is a table of its own"), partitions::default),
    feature(Since(11), "Boolean bounds of partitions", Rewrite, partitions::boolean_bounds),
    feature(Since(11), "constraints of partitioned tables", LeaveOut, partitions::constraints),
    feature(Since(11), "indexes of partitioned tables", LeaveOut, partitions::indexes),
    feature(Since(11), "indexes ON ONLY one table", Rewrite, tables::on_only),
    feature(Since(11), "row triggers on partitioned tables", LeaveOut, partitions::row_triggers),
    feature(Since(11), "covering indexes (INCLUDE)",
        Approximate("the index holds its keys alone"), tables::include),
    feature(Since(11), "GiST operator classes without compress and decompress", LeaveOut, code::gist_without_compress),
    feature(Since(11), "arrays of domains", Rewrite, code::arrays_of_domains),
    feature(Since(11), "statistics targets of index columns", Approximate("the default applies"), tables::index_targets),
    feature(Since(11), "domains over composite types", LeaveOut, code::domains_over_composites),
    feature(Since(11), "FINALFUNC_MODIFY of aggregates", Approximate("it is left out"), code::final_modify),
    feature(Since(11), "support functions of operator classes for window frames, hash keys and compression",
        Approximate("the operator class has none"), code::support_functions::<11>),
    feature(Since(11), "publishing TRUNCATE", Approximate("it is not published"), replication::truncate),
    feature(Since(11), "window frames in GROUPS, with EXCLUDE or RANGE offsets", LeaveOut, syntax::window_frames),
    feature(Since(11), "toast_tuple_target and vacuum_cleanup_index_scale_factor", Approximate("the default applies"), storage::parameters::<11>),

    feature(Before(12), "numbers in quotes as options of dictionaries", Rewrite, code::quoted_numbers),
    feature(Before(12), "tables WITH OIDS", Approximate("the rows have no OIDs"), tables::with_oids_gone),
    feature(Since(12), "table access methods", LeaveOut, relations::table_access_methods),
    feature(Since(12), "the choice of an access method",
        Approximate("the default one is used"), relations::choice_of_access_method),
    feature(Since(12), "default_table_access_method", Rewrite, relations::heap),
    feature(Since(12), "generated columns",
        Approximate("they are ordinary columns with the values that they have now"), tables::generated),
    feature(Since(12), "nondeterministic collations", Approximate("the collation is deterministic"), locale::nondeterministic),
    feature(Since(12), "foreign keys to partitioned tables", LeaveOut, partitions::foreign_keys_to),
    feature(Since(12), "support functions", Approximate("the function has none"), code::support),
    feature(Since(12), "statistics of most common values", Approximate("the other kinds are collected"), relations::mcv),
    feature(Since(12), "[NOT] MATERIALIZED", Rewrite, syntax::materialized),
    feature(Since(12), "vacuum_index_cleanup and vacuum_truncate", Approximate("the default applies"), storage::parameters::<12>),
    feature(Since(12), "fractions in autovacuum_vacuum_cost_delay", Approximate("the default applies"), storage::fractional_delays),
    feature(Since(12), "covering GiST indexes", Approximate("the index holds its keys alone"), storage::include_in_gist),

    feature(Since(13), "row triggers BEFORE on partitioned tables", LeaveOut, partitions::before_row_triggers),
    feature(Since(13), "parameters of operator classes", Approximate("their defaults apply"), tables::opclass_parameters),
    feature(Since(13), "statistics targets of statistics objects",
        Approximate("the default applies"), relations::statistics_targets),
    feature(Since(13), "publications of partitioned tables", LeaveOut, replication::partitioned),
    feature(Since(13), "publish_via_partition_root", Approximate("changes are published as the partitions'"), replication::via_root),
    feature(Since(13), "support functions of operator classes for options and equal images",
        Approximate("the operator class has none"), code::support_functions::<13>),
    feature(Since(13), "WITH TIES", LeaveOut, syntax::with_ties),
    feature(Since(13), "IS NORMALIZED", LeaveOut, syntax::is_normalized),
    feature(Since(13), "autovacuum_vacuum_insert_threshold, autovacuum_vacuum_insert_scale_factor and deduplicate_items", Approximate("the default applies"), storage::parameters::<13>),

    feature(Before(14), "postfix operators", LeaveOut, code::postfix_operators),
    feature(Before(14), "aggregates over the array functions' former types", Rewrite, code::former_array_functions),
    feature(Since(14), "aggregates over the array functions' types", Rewrite, code::present_array_functions),
    feature(Since(14), "multirange types", Rewrite, code::multiranges),
    feature(Since(14), "subscripting functions", Approximate("values cannot be subscripted"), code::subscripting),
    feature(Since(14), "output arguments of procedures", LeaveOut, code::procedure_outputs),
    feature(Since(14), "function bodies that are SQL", Approximate("the body is a string"), code::sql_bodies),
    feature(Since(14), "support functions of operator classes for sorting",
        Approximate("the operator class has none"), code::support_functions::<14>),
    feature(Since(14), "compression methods of columns", Approximate("the default one is used"), tables::compression),
    feature(Since(14), "statistics on expressions", LeaveOut, relations::expression_statistics),
    feature(Since(14), "binary and streaming subscriptions", Approximate("they are neither"), replication::binary_and_streaming),
    feature(Since(14), "GROUP BY DISTINCT", LeaveOut, syntax::group_by_distinct),
    feature(Since(14), "SEARCH and CYCLE", LeaveOut, syntax::search_and_cycle),
    feature(Since(14), "aliases of JOIN USING", LeaveOut, syntax::join_using_alias),
    feature(Since(14), "SUBSTRING … SIMILAR", LeaveOut, syntax::substring_similar),
    feature(Since(14), "EXTRACT as numeric", Rewrite, syntax::extract),
    feature(Since(14), "vacuum_index_cleanup of auto", Approximate("the default applies"), storage::automatic_index_cleanup),
    feature(Since(14), "BRIN operator classes with bloom filters and several ranges", Approximate("the default one is used"), storage::brin_opclasses),
    feature(Since(14), "covering SP-GiST indexes", Approximate("the index holds its keys alone"), storage::include_in_spgist),

    feature(Since(15), "NULLS NOT DISTINCT", Approximate("NULLs are distinct"), tables::nulls_not_distinct),
    feature(Since(15), "the columns of ON DELETE SET",
        Approximate("it sets all columns of the key"), tables::set_columns),
    feature(Since(15), "scales outside of the precision", Approximate("the type is numeric without limits"), tables::numeric_scales),
    feature(Since(15), "security_invoker views", LeaveOut, relations::security_invoker),
    feature(Since(15), "unlogged sequences", Approximate("the sequence is logged"), relations::unlogged_sequences),
    feature(Since(15), "published columns and rows", LeaveOut, replication::columns_and_rows),
    feature(Since(15), "published schemas", LeaveOut, replication::schemas),
    feature(Since(15), "two_phase and disable_on_error", Approximate("they are off"), replication::two_phase),
    feature(Since(15), "locales of the database from ICU",
        Approximate("the database has the C library's"), locale::icu_database),
    feature(Since(15), "MERGE", LeaveOut, syntax::merge),

    feature(Since(16), "rules of collations", Approximate("the locale's rules apply"), locale::rules),
    feature(Since(16), "generation expressions of children", Approximate("the parent's applies"), tables::childs_generation),
    feature(Since(16), "TRUNCATE triggers on foreign tables", LeaveOut, relations::foreign_truncate_triggers),
    feature(Since(16), "parallel streaming, password_required, run_as_owner and origin of subscriptions",
        Approximate("the subscription does without them"), replication::origin),
    feature(Since(16), "SQL/JSON constructors and IS JSON", LeaveOut, syntax::json_constructors),
    feature(Since(16), "SYSTEM_USER", LeaveOut, syntax::system_user),
    feature(Since(16), "NO INDENT of XMLSERIALIZE", Rewrite, syntax::no_indent),
    feature(Since(16), "INDENT of XMLSERIALIZE", LeaveOut, syntax::indent),

    feature(Since(17), "the builtin locale provider",
        Approximate("the C library's locale C takes its place"), locale::builtin),
    feature(Since(17), "login event triggers", LeaveOut, relations::login_triggers),
    feature(Since(17), "the access method of partitioned tables",
        Approximate("partitions to come have the default one"), partitions::access_method),
    feature(Since(17), "the privilege MAINTAIN", Approximate("it is not granted"), privileges::maintain),
    feature(Since(17), "constraints NOT NULL of domains with a name", Rewrite, tables::domain_not_null),
    feature(Since(17), "failover of subscriptions", Approximate("it is off"), replication::failover),
    feature(Since(17), "SQL/JSON queries and JSON_TABLE", LeaveOut, syntax::json_queries),
    feature(Since(17), "MERGE with RETURNING or BY SOURCE", LeaveOut, syntax::newer_merge),
    feature(Since(17), "AT LOCAL", LeaveOut, syntax::at_local),

    // 17 has them, but cannot attach those of the partitions.
    feature(Since(18), "exclusion constraints of partitioned tables", LeaveOut, partitions::exclusion),
    feature(Since(18), "names of constraints NOT NULL", Rewrite, tables::not_null_names),
    feature(Since(18), "comments on constraints NOT NULL", Approximate("there is none"), tables::not_null_comments),
    feature(Since(18), "constraints NOT NULL with NO INHERIT", Approximate("the column may be NULL"), tables::not_null_no_inherit),
    feature(Since(18), "constraints NOT NULL as table elements", Rewrite, tables::not_null_elements),
    feature(Since(18), "constraints NOT NULL that are NOT VALID", LeaveOut, tables::not_null_not_valid),
    feature(Since(18), "constraints that are NOT ENFORCED", LeaveOut, tables::not_enforced),
    feature(Since(18), "constraints WITHOUT OVERLAPS or with PERIOD", LeaveOut, tables::temporal),
    feature(Since(18), "foreign keys of partitioned tables that are NOT VALID", LeaveOut, partitions::foreign_keys_not_valid),
    feature(Since(18), "support functions of operator classes for skip scans and strategies",
        Approximate("the operator class has none"), code::support_functions::<18>),
    feature(Since(18), "virtual generated columns", Approximate("they are stored"), tables::virtual_generated),
    feature(Since(18), "published lists of columns with generated ones", LeaveOut, replication::generated_in_lists),
    feature(Since(18), "publish_generated_columns", Approximate("they are not published"), replication::generated),
    feature(Since(18), "default privileges of large objects", LeaveOut, privileges::large_objects),
    feature(Since(18), "RETURNING WITH (OLD, NEW)", LeaveOut, syntax::returning_with),
    feature(Since(18), "the import of planner statistics", Approximate("ANALYZE must collect them anew"), relations::planner_statistics),
    feature(Since(18), "autovacuum_vacuum_max_threshold and vacuum_max_eager_freeze_failure_rate", Approximate("the default applies"), storage::parameters::<18>),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_lists_every_feature() {
        let manual = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/TARGET.md"));
        let manual = manual.expect("the manual");
        for feature in FEATURES {
            let when = match feature.era {
                Since(release) => format!("before {release}"),
                Before(release) => format!("from {release} on"),
            };
            let what = feature.what;
            let row = match feature.remedy {
                Approximate(how) => format!("| {when} | {what} | {how} |\n"),
                LeaveOut => format!("| {when} | {what} | left out |\n"),
                Rewrite => format!("| {when} | {what} | said in another way, without a warning |\n"),
            };
            assert!(manual.contains(&row), "docs/TARGET.md lacks this row: {row}");
        }
        assert_eq!(
            manual.matches("\n| before ").count() + manual.matches("\n| from ").count(),
            FEATURES.len()
        );
    }

    #[test]
    fn older_features_come_first_and_none_twice() {
        let release = |feature: &Feature| match feature.era {
            Since(release) | Before(release) => release,
        };
        assert!(FEATURES.is_sorted_by_key(release));
        let mut whats: Vec<_> = FEATURES.iter().map(|feature| feature.what).collect();
        whats.sort_unstable();
        whats.dedup();
        assert_eq!(whats.len(), FEATURES.len());
    }
}
