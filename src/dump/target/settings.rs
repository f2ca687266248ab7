//! Configuration parameters in `SET` clauses of functions and in settings of the database, which the target does not have.
//!
//! Only those that a user or superuser may set are here. Names with a dot belong to extensions, and any server takes them.

use bstr::{BString, ByteSlice};

use super::names::{Names, names};
use super::{Pass, Report, describe};
use crate::objects::Body;
use crate::sql::text;

/// By the release that they came with.
const NEWER: Names = &[
    (
        11,
        "enable_parallel_append enable_parallel_hash enable_partition_pruning enable_partitionwise_aggregate \
            enable_partitionwise_join jit jit_above_cost jit_debugging_support jit_dump_bitcode jit_expressions \
            jit_inline_above_cost jit_optimize_above_cost jit_profiling_support jit_tuple_deforming \
            max_parallel_maintenance_workers parallel_leader_participation",
    ),
    (
        12,
        "default_table_access_method log_transaction_sample_rate plan_cache_mode restrict_nonsystem_relation_kind \
            tcp_user_timeout wal_init_zero wal_recycle wal_sender_timeout",
    ),
    (
        13,
        "allow_system_table_mods backtrace_functions enable_incremental_sort hash_mem_multiplier \
            log_min_duration_sample log_parameter_max_length log_parameter_max_length_on_error \
            log_statement_sample_rate logical_decoding_work_mem maintenance_io_concurrency wal_skip_threshold",
    ),
    (
        14,
        "client_connection_check_interval compute_query_id debug_discard_caches default_toast_compression \
            enable_async_append enable_memoize idle_session_timeout track_wal_io_timing vacuum_failsafe_age \
            vacuum_multixact_failsafe_age",
    ),
    (15, "recursive_worktable_factor stats_fetch_consistency"),
    (
        16,
        "createrole_self_grant debug_logical_replication_streaming debug_parallel_query enable_presorted_aggregate \
            icu_validation_level scram_iterations vacuum_buffer_usage_limit",
    ),
    (
        17,
        "enable_group_by_reordering event_triggers io_combine_limit transaction_timeout",
    ),
    (
        18,
        "enable_distinct_reordering enable_self_join_elimination extension_control_path file_copy_method \
            log_lock_failures md5_password_warnings track_cost_delay_timing vacuum_max_eager_freeze_failure_rate \
            vacuum_truncate",
    ),
];

/// By the first release that does not have them.
const GONE: Names = &[
    (11, "replacement_sort_tuples"),
    (12, "default_with_oids"),
    (
        14,
        "operator_precedence_warning vacuum_cleanup_index_scale_factor",
    ),
    (16, "force_parallel_mode"),
];

/// Leaves out settings of parameters that the target does not have.
pub(super) fn adapt(pass: &mut Pass<'_>) -> Report {
    let release = pass.release;
    let mut missing = names(NEWER, |since| since > release);
    missing.extend(names(GONE, |until| until <= release));
    let mut found = Vec::new();
    // Takes out of `name=value`s those that are missing, and notes whose they were.
    let mut drop_from = |settings: &mut Vec<BString>, of: &BString| {
        settings.retain(|setting| {
            let name = setting
                .split_once_str("=")
                .map_or(setting.as_slice(), |(name, _)| name);
            let known = missing.get(name.to_ascii_lowercase().as_slice());
            found.extend(known.map(|name| text!("setting ", name, " of ", of)));
            known.is_none()
        });
    };
    for id in pass.wanted() {
        let of = describe::object(pass.catalog, id);
        if let Body::Function(function) = &mut pass.catalog.object_mut(id).body
            && let Some(details) = &mut function.details
        {
            drop_from(&mut details.config, &of);
        }
    }
    if let Some(database) = &mut pass.database {
        let of = text!("database ", database.name);
        drop_from(&mut database.settings, &of);
        database.role_settings.retain_mut(|(role, setting)| {
            let mut one = vec![std::mem::take(setting)];
            drop_from(&mut one, &text!(of, " and role ", role));
            let kept = one.pop();
            let is_kept = kept.is_some();
            *setting = kept.unwrap_or_default();
            is_kept
        });
    }
    Report {
        message: format!("PostgreSQL {release} does not have the parameter; the setting is left out"),
        details: found,
    }
}
