//! Built-in functions, types, system views and roles that came with later releases than the target, or went before.
//!
//! Dumps are made with an empty search path: a bare name in an expression is a built-in one. Columns of types that
//! the target does not have become `text`, which their values can be loaded into.

use std::collections::{BTreeMap, HashSet};

use bstr::{BString, ByteSlice};

use super::tokens::{Kind, Tokens};
use super::{Pass, Report, describe, syntax};
use crate::objects::table::RelKind;
use crate::objects::types::{Definition, TypeKind};
use crate::objects::{Acl, Body, Components, Object};
use crate::sql::{put, text};
use crate::toc::DumpId;

/// Names, with blanks between them, by the release that they came with, or that no longer has them.
pub(super) type Names = &'static [(u32, &'static str)];

/// The oids below this one are the server's own.
const FIRST_NORMAL_OID: u32 = 16_384;

/// Functions by the release that they came with. New signatures of older names are not here.
const FUNCTIONS: Names = &[
    (
        11,
        "json_to_tsvector jsonb_to_tsvector pg_jit_available pg_replication_slot_advance sha224 sha256 sha384 sha512 \
            starts_with websearch_to_tsquery",
    ),
    (
        12,
        "acosh asinh atanh cosh jsonb_path_exists jsonb_path_match jsonb_path_query jsonb_path_query_array \
            jsonb_path_query_first log10 pg_copy_logical_replication_slot pg_copy_physical_replication_slot \
            pg_indexam_progress_phasename pg_ls_archive_statusdir pg_ls_tmpdir pg_partition_ancestors pg_partition_root \
            pg_partition_tree pg_promote sinh tanh",
    ),
    (
        13,
        "gcd gen_random_uuid jsonb_path_exists_tz jsonb_path_match_tz jsonb_path_query_array_tz \
            jsonb_path_query_first_tz jsonb_path_query_tz jsonb_set_lax lcm min_scale pg_current_snapshot \
            pg_current_xact_id pg_current_xact_id_if_assigned pg_get_shmem_allocations pg_snapshot_xip pg_snapshot_xmax \
            pg_snapshot_xmin pg_stat_reset_slru pg_visible_in_snapshot pg_xact_status to_regcollation trim_scale",
    ),
    (
        14,
        "bit_count bit_xor date_bin datemultirange int4multirange int8multirange nummultirange pg_column_compression \
            pg_get_backend_memory_contexts pg_get_catalog_foreign_keys pg_get_function_sqlbody \
            pg_get_statisticsobjdef_columns pg_get_statisticsobjdef_expressions pg_get_wal_replay_pause_state \
            pg_log_backend_memory_contexts pg_stat_reset_replication_slot pg_xact_commit_timestamp_origin range_agg \
            string_to_table trim_array tsmultirange tstzmultirange unistr",
    ),
    (
        15,
        "has_parameter_privilege pg_backup_start pg_backup_stop pg_database_collation_actual_version \
            pg_get_wal_resource_managers pg_ident_file_mappings pg_ls_logicalmapdir pg_ls_logicalsnapdir \
            pg_ls_replslotdir pg_settings_get_flags pg_stat_force_next_flush pg_stat_have_stats \
            pg_stat_reset_subscription_stats regexp_count regexp_instr regexp_like regexp_substr",
    ),
    (
        16,
        "any_value array_sample array_shuffle date_add date_subtract erf erfc json_agg_strict json_object_agg_strict \
            json_object_agg_unique json_object_agg_unique_strict jsonb_agg_strict jsonb_object_agg_strict \
            jsonb_object_agg_unique jsonb_object_agg_unique_strict pg_input_error_info pg_input_is_valid \
            pg_log_standby_snapshot pg_split_walfile_name random_normal",
    ),
    (
        17,
        "icu_unicode_version jsonb_populate_record_valid pg_available_wal_summaries pg_basetype \
            pg_column_toast_chunk_id pg_get_wait_events pg_get_wal_summarizer_state pg_sync_replication_slots \
            pg_wal_summary_contents to_bin to_oct to_regtypemod unicode_assigned unicode_version uuid_extract_timestamp \
            uuid_extract_version xmltext",
    ),
    (
        18,
        "array_reverse array_sort casefold crc32 crc32c gamma has_largeobject_privilege lgamma pg_get_acl pg_get_aios \
            pg_get_loaded_modules pg_get_sequence_data pg_get_shmem_allocations_numa pg_ls_summariesdir \
            pg_numa_available pg_stat_reset_backend_stats pg_timezone_abbrevs_abbrevs pg_timezone_abbrevs_zone uuidv4 \
            uuidv7",
    ),
];

/// Functions of the server that only functions in the language `internal` can name.
const INTERNALS: Names = &[
    (
        12,
        "array_unnest_support generate_series_int4_support generate_series_int8_support interval_support \
            network_subset_support numeric_support texticlike_support texticregexeq_support textlike_support \
            textregexeq_support time_support timestamp_support varbit_support varchar_support",
    ),
    (
        14,
        "array_subscript_handler jsonb_subscript_handler raw_array_subscript_handler",
    ),
];

/// Data types.
const TYPES: Names = &[
    (12, "jsonpath"),
    (
        13,
        "anycompatible anycompatiblearray anycompatiblenonarray anycompatiblerange pg_snapshot regcollation xid8",
    ),
    (
        14,
        "anycompatiblemultirange anymultirange datemultirange int4multirange int8multirange nummultirange \
            tsmultirange tstzmultirange",
    ),
];

/// System catalogs and views.
const RELATIONS: Names = &[
    (
        12,
        "pg_stat_gssapi pg_stat_progress_cluster pg_stat_progress_create_index pg_statistic_ext_data pg_stats_ext",
    ),
    (
        13,
        "pg_shmem_allocations pg_stat_progress_analyze pg_stat_progress_basebackup pg_stat_slru",
    ),
    (
        14,
        "pg_backend_memory_contexts pg_stat_progress_copy pg_stat_replication_slots pg_stat_wal pg_stats_ext_exprs",
    ),
    (
        15,
        "pg_ident_file_mappings pg_parameter_acl pg_publication_namespace pg_stat_recovery_prefetch \
            pg_stat_subscription_stats",
    ),
    (16, "pg_stat_io"),
    (17, "pg_stat_checkpointer pg_wait_events"),
    (18, "pg_aios pg_shmem_allocations_numa"),
];

/// Predefined roles.
const ROLES: Names = &[
    (
        11,
        "pg_execute_server_program pg_read_server_files pg_write_server_files",
    ),
    (14, "pg_database_owner pg_read_all_data pg_write_all_data"),
    (15, "pg_checkpoint"),
    (16, "pg_create_subscription pg_use_reserved_connections"),
    (17, "pg_maintain"),
    (18, "pg_signal_autovacuum_worker"),
];

/// Data types by the first release that does not have them.
const GONE_TYPES: Names = &[(12, "abstime reltime tinterval smgr"), (13, "opaque")];

/// Leaves out what uses built-in things that the target does not have.
pub(super) fn adapt(pass: &mut Pass<'_>) -> Vec<Report> {
    let missing = Missing::of(pass.release);
    let mut reports = vec![types(pass, &missing), objects(pass, &missing), roles(pass)];
    reports.retain(|report| !report.details.is_empty());
    reports
}

/// The built-in names that a release does not have, and what to say about each.
struct Missing {
    functions: BTreeMap<&'static [u8], BString>,
    types: BTreeMap<&'static [u8], BString>,
    relations: BTreeMap<&'static [u8], BString>,
    internals: BTreeMap<&'static [u8], BString>,
}

impl Missing {
    fn of(release: u32) -> Missing {
        let mut types = newer(TYPES, release);
        types.extend(names(GONE_TYPES, |until| until <= release));
        Missing {
            functions: newer(FUNCTIONS, release),
            types,
            relations: newer(RELATIONS, release),
            internals: newer(INTERNALS, release),
        }
    }

    /// The first name in an expression or query that is missing.
    fn in_text(&self, text: &[u8]) -> Option<&BString> {
        let tokens = Tokens::of(text);
        (0..tokens.len()).find_map(|at| self.at(&tokens, at))
    }

    fn at(&self, tokens: &Tokens<'_>, at: usize) -> Option<&BString> {
        let is_bare = tokens.kind(at) == Some(Kind::Word) && (at == 0 || !tokens.are(at - 1, &["."]));
        let name = tokens.text(at).as_bytes();
        if !is_bare {
            None
        } else if tokens.are(at + 1, &["("]) {
            // A name that a query makes up for its columns stands like a function's: t(a), t(a) AS (…).
            let is_alias = at > 0 && (tokens.are(at - 1, &["AS"]) || tokens.are(at - 1, &[")"]))
                || tokens
                    .closing(at + 1)
                    .is_some_and(|end| tokens.are(end + 1, &["AS", "("]));
            self.functions.get(name).filter(|_| !is_alias)
        } else if at > 0 && tokens.are(at - 1, &["::"]) {
            self.types.get(name)
        } else {
            self.relations.get(name).filter(|_| !tokens.are(at + 1, &["."]))
        }
    }

    /// What a function in the language `internal` stands for.
    fn in_internal(&self, body: &Body) -> Option<&BString> {
        let Body::Function(function) = body else {
            return None;
        };
        let details = function.details.as_ref()?;
        let source = details.source.as_slice();
        let name = self.internals.get(source).or_else(|| self.functions.get(source));
        name.filter(|_| details.language == "internal")
    }

    /// The first type in the arguments or the like, where names of types stand bare among others.
    fn in_types(&self, text: &[u8]) -> Option<&BString> {
        let tokens = Tokens::of(text);
        (0..tokens.len()).find_map(|at| {
            let is_qualified = at > 0 && tokens.are(at - 1, &["."]) || tokens.are(at + 1, &["."]);
            let name = tokens.text(at).as_bytes();
            self.types.get(name).filter(|_| !is_qualified)
        })
    }
}

fn newer(names_: Names, release: u32) -> BTreeMap<&'static [u8], BString> {
    names(names_, |since| since > release)
}

/// Those names whose release `is_missing`, and what to say about each.
pub(super) fn names(names: Names, is_missing: impl Fn(u32) -> bool) -> BTreeMap<&'static [u8], BString> {
    let missing = names.iter().filter(|(release, _)| is_missing(*release));
    missing
        .flat_map(|(release, names)| {
            let names = names.split_ascii_whitespace();
            names.map(move |name| {
                (
                    name.as_bytes(),
                    text!(name, " (PostgreSQL ", release.to_string(), ")"),
                )
            })
        })
        .collect()
}

/// Columns of missing types become text.
fn types(pass: &mut Pass<'_>, missing: &Missing) -> Report {
    let mut oids: HashSet<u32> = HashSet::new();
    let all: Vec<(DumpId, u32, u32, bool)> = pass
        .catalog
        .objects()
        .iter()
        .filter_map(|object| match &object.body {
            Body::Type(body) => {
                let is_system = object.catalog_id.oid < FIRST_NORMAL_OID;
                let is_missing = is_system && missing.types.contains_key(object.name.as_slice());
                let element = if body.kind == TypeKind::Array {
                    body.element
                } else {
                    0
                };
                Some((
                    object.id,
                    object.catalog_id.oid,
                    element,
                    is_missing || pass.lost.contains(&object.id),
                ))
            }
            _ => None,
        })
        .collect();
    oids.extend(
        all.iter()
            .filter(|(.., is_missing)| *is_missing)
            .map(|(_, oid, ..)| *oid),
    );
    let arrays: Vec<u32> = all
        .iter()
        .filter(|(_, _, element, _)| oids.contains(element))
        .map(|(_, oid, ..)| *oid)
        .collect();
    oids.extend(arrays);
    let lost: Vec<DumpId> = all
        .iter()
        .filter(|(_, oid, ..)| oids.contains(oid))
        .map(|(id, ..)| *id)
        .collect();
    pass.lost.extend(lost);
    pass.retype(&oids);
    Report {
        message: format!(
            "PostgreSQL {} does not have the type; the column is text instead",
            pass.release
        ),
        details: std::mem::take(&mut pass.found),
    }
}

impl Pass<'_> {
    /// Makes columns of these types columns of text, without their defaults.
    pub(super) fn retype(&mut self, oids: &HashSet<u32>) {
        let mut defaults = Vec::new();
        let mut retyped = Vec::new();
        for id in self.wanted() {
            let Some(table) = self.catalog.table_mut(id) else {
                continue;
            };
            if matches!(
                table.relkind,
                RelKind::View | RelKind::MaterializedView | RelKind::Sequence
            ) {
                continue;
            }
            for (number, column) in (1i16..).zip(&mut table.columns) {
                if !column.dropped && oids.contains(&column.type_oid) {
                    column.type_name = "text".into();
                    column.type_oid = 0;
                    column.collation = None;
                    (column.storage, column.type_storage) = (0, 0);
                    if column.generated != 0 {
                        column.generated = 0;
                        column.was_generated = true;
                    }
                    defaults.extend(column.default.take());
                    retyped.push((id, number, column.name.clone()));
                }
            }
        }
        self.forget(&defaults);
        for (table, _, name) in &retyped {
            self.found
                .push(describe::column(self.catalog, *table, name.as_ref()));
        }
        self.retyped.extend(retyped);
    }
}

/// Objects whose expressions, queries and arguments use missing functions, types or system views are lost.
fn objects(pass: &mut Pass<'_>, missing: &Missing) -> Report {
    for id in pass.wanted() {
        let object = pass.catalog.object(id);
        let name = syntax::texts(&object.body)
            .into_iter()
            .find_map(|text| missing.in_text(text))
            .or_else(|| missing.in_internal(&object.body))
            .or_else(|| {
                type_texts(object)
                    .into_iter()
                    .find_map(|text| missing.in_types(text))
            });
        if let Some(name) = name {
            let name = text!(describe::object(pass.catalog, id), " uses ", name);
            pass.found.push(name);
            pass.lost.insert(id);
        }
    }
    Report {
        message: format!(
            "PostgreSQL {} does not have what is used; it is left out",
            pass.release
        ),
        details: std::mem::take(&mut pass.found),
    }
}

/// The texts in which an object names types.
fn type_texts(object: &Object) -> Vec<&BString> {
    match &object.body {
        Body::Function(function) => {
            let details = function.details.iter();
            details
                .flat_map(|details| details.result.iter().chain([&details.arguments]))
                .collect()
        }
        Body::Aggregate(aggregate) => {
            let details = aggregate.details.iter();
            details
                .flat_map(|details| [&details.arguments, &details.ordinary.state])
                .collect()
        }
        Body::Operator(operator) => vec![&operator.left_type, &operator.right_type],
        Body::OpClass(class) => vec![&class.input_type],
        Body::Type(body) => match body.definition.as_deref() {
            Some(Definition::Domain(domain)) => vec![&domain.base],
            Some(Definition::Range(range)) => vec![&range.subtype],
            Some(Definition::Composite(composite)) => composite
                .columns
                .iter()
                .filter_map(|column| column.definition.as_ref())
                .collect(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Grants to predefined roles that the target does not have are left out.
fn roles(pass: &mut Pass<'_>) -> Report {
    let missing = newer(ROLES, pass.release);
    let is_missing = |item: &BString| {
        let grantee = item.split_once_str("=").map(|(grantee, _)| grantee);
        grantee.and_then(|grantee| missing.get(grantee))
    };
    let ids: Vec<_> = pass.catalog.objects().iter().map(|object| object.id).collect();
    for id in ids {
        let object = pass.catalog.object(id);
        if let Some(role) = missing.get(pass.catalog.owner_name(object).as_bytes()) {
            if object.dumps(Components::DEFINITION) {
                let name = text!("owner ", role, " of ", describe::object(pass.catalog, id));
                pass.found.push(name);
            }
            pass.catalog.object_mut(id).owner = 0;
        }
        let Some(acl) = pass.catalog.object_mut(id).acl.as_deref_mut() else {
            continue;
        };
        // What every server of the source's release has granted is no loss.
        let is_initial =
            |acl: &Acl, item: &BString| acl.initial.iter().flatten().any(|initial| initial == item);
        let lost: Vec<BString> = acl
            .granted
            .iter()
            .flatten()
            .filter(|item| !is_initial(acl, item))
            .filter_map(|item| is_missing(item).cloned())
            .collect();
        for list in [&mut acl.granted, &mut acl.default, &mut acl.initial]
            .into_iter()
            .flatten()
        {
            list.retain(|item| is_missing(item).is_none());
            // Without a grantor it is the owner who grants.
            for item in list {
                let grantor = item
                    .rsplit_once_str("/")
                    .map(|(rest, grantor)| (rest.len(), grantor));
                if let Some((end, grantor)) = grantor
                    && missing.contains_key(grantor)
                {
                    item.truncate(end);
                }
            }
        }
        for role in lost {
            let mut grant = text!("grant to ", role);
            put!(grant; " on ", describe::object(pass.catalog, id));
            pass.found.push(grant);
        }
    }
    Report {
        message: format!(
            "PostgreSQL {} does not have the role; nothing is granted to it or owned by it",
            pass.release
        ),
        details: std::mem::take(&mut pass.found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bare_names_in_the_place_of_a_function_type_or_relation_count() {
        let missing = Missing::of(12);
        let used = |text: &str| missing.in_text(text.as_bytes()).map(|name| name.to_string());
        assert_eq!(
            used("gen_random_uuid()").as_deref(),
            Some("gen_random_uuid (PostgreSQL 13)")
        );
        assert_eq!(used("SELECT '1'::xid8").as_deref(), Some("xid8 (PostgreSQL 13)"));
        assert_eq!(
            used("SELECT wal_bytes FROM pg_stat_wal").as_deref(),
            Some("pg_stat_wal (PostgreSQL 14)")
        );
        for fine in [
            "public.gen_random_uuid()",
            "SELECT gcd FROM t",
            "SELECT x FROM f(1) gcd(x)",
            "WITH gcd(x) AS ( SELECT 1 ) SELECT x FROM gcd",
            "SELECT 'lcm(1,2)'::text",
            "SELECT x FROM public.pg_stat_wal",
            "sha256(x)",
        ] {
            assert_eq!(used(fine), None, "{fine}");
        }
    }

    #[test]
    fn types_that_went_are_missing_later_and_only_then() {
        let missing = |release| Missing::of(release).in_types(b"a abstime, b s.xid8").is_some();
        assert!(!missing(11) && missing(12));
    }
}
