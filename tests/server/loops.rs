//! Loops among objects that no order resolves: both programs warn, and cut them at the same place.
//!
//! Dumps of such databases cannot be restored without help, which is why they are no fixtures.

use crate::support::{Server, TempDb, assert_same, normalize};

#[test]
fn functions_that_call_each_other_come_in_the_catalogs_order() {
    let db = TempDb::new(Server::get(15));
    db.psql(
        "CREATE FUNCTION a() RETURNS integer LANGUAGE sql RETURN 1; \
         CREATE FUNCTION b() RETURNS integer LANGUAGE sql RETURN a() + 1; \
         CREATE OR REPLACE FUNCTION a() RETURNS integer LANGUAGE sql RETURN b() - 1; \
         CREATE TABLE t (a integer DEFAULT a(), CHECK (a < b()));",
    );
    assert_same(
        "functions in a circle",
        &normalize(&db.pg_dump(18, &[])),
        &normalize(&db.rsdump(&[])),
    );
}
