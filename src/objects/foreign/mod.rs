//! Foreign data: wrappers, and servers with their user mappings. Foreign tables are relations
//! ([`super::table`]).

pub mod server;
pub mod wrapper;

/// The column with the options in `column` as SQL, empty if there are none.
fn options_column(column: &str) -> String {
    format!(
        "pg_catalog.array_to_string(ARRAY(\
            SELECT pg_catalog.quote_ident(option_name) || ' ' || pg_catalog.quote_literal(option_value) \
            FROM pg_catalog.pg_options_to_table({column}) ORDER BY option_name), E',\\n    ')"
    )
}
