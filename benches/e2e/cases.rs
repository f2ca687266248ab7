//! What is measured: the databases, and the commands of both sides.
//!
//! Commands are lines for a shell that knows `$rsdump`, `$rsrestore`, `$pg_dump`, `$pg_restore`, `$psql` (all of PostgreSQL's are in
//! `$bin`), the database as `$db`, a path for output as `$out`, and a directory for what a case prepares as `$kept`. At the port
//! `$far` the same server answers 20 ms late.

use crate::support::{Server, TempDb, stdout_of};

/// A database to work on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Data {
    Json,
    Narrow,
    Tables,
    Objects,
    Schema,
    Entries,
    /// Ten times as many rows as [`Data::Json`].
    Long,
}

/// The most memory, in bytes, that a dump or restore of rows may take.
const MEMORY: u64 = 96 << 20;

/// One row of the report.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) data: Data,
    pub(crate) ours: &'static str,
    pub(crate) theirs: &'static str,
    /// Run once, not measured.
    pub(crate) prepare: Option<&'static str>,
    /// Run before each measured command.
    pub(crate) before: Option<&'static str>,
    /// The least that the server needs for it.
    pub(crate) floor: Option<&'static str>,
    /// The ratio of wall time to reach.
    pub(crate) at_most: f64,
    /// The program that it is compared with, if not one of PostgreSQL's; left out where it is not installed.
    pub(crate) peer: Option<&'static str>,
    /// The ratio of client processor time to reach, where that is promised.
    pub(crate) cpu_at_most: Option<f64>,
    /// Bytes of memory at the peak, where that is promised.
    pub(crate) memory_at_most: Option<u64>,
}

const DUMP: Case = Case {
    name: "",
    data: Data::Json,
    ours: "",
    theirs: "",
    prepare: None,
    before: None,
    floor: None,
    at_most: 1.0,
    peer: None,
    cpu_at_most: None,
    memory_at_most: Some(MEMORY),
};

/// A dump with one job, which must take no more processor time than pg_dump's.
const SERIAL: Case = Case {
    at_most: 0.95,
    cpu_at_most: Some(1.0),
    ..DUMP
};

const JSON_FLOOR: Option<&str> = Some("$psql -c \"COPY docs TO '/dev/null'\" $db");
const NARROW_FLOOR: Option<&str> = Some("$psql -c \"COPY narrow TO '/dev/null'\" $db");
const NEW_TARGET: Option<&str> =
    Some("$psql -c 'DROP DATABASE IF EXISTS target' -c 'CREATE DATABASE target' postgres");

/// A file system that has lost tens of thousands of files takes long over new ones for a minute: so the last target stays.
const FURTHER_TARGET: Option<&str> = Some(
    "$psql -c \"ALTER DATABASE target RENAME TO target_$(date +%s%N)\" postgres 2>/dev/null; $psql -c 'CREATE DATABASE target' postgres",
);

pub(crate) const ALL: &[Case] = &[
    Case {
        name: "wide rows, plain, -j1",
        ours: "$rsdump -f $out $db",
        theirs: "$pg_dump -f $out $db",
        floor: JSON_FLOOR,
        ..SERIAL
    },
    Case {
        name: "wide rows, plain, -j2",
        ours: "$rsdump -j2 -f $out $db",
        theirs: "$pg_dump -f $out $db",
        floor: JSON_FLOOR,
        at_most: 0.65,
        ..DUMP
    },
    Case {
        name: "wide rows, -Fc -Z0, -j1",
        ours: "$rsdump -Fc -Z0 -f $out $db",
        theirs: "$pg_dump -Fc -Z0 -f $out $db",
        floor: JSON_FLOOR,
        ..SERIAL
    },
    Case {
        name: "wide rows, -Fc -Z0, -j2",
        ours: "$rsdump -Fc -Z0 -j2 -f $out $db",
        theirs: "$pg_dump -Fc -Z0 -f $out $db",
        floor: JSON_FLOOR,
        at_most: 0.65,
        ..DUMP
    },
    Case {
        name: "wide rows, -Fc gzip, -j1",
        ours: "$rsdump -Fc -Zgzip -f $out $db",
        theirs: "$pg_dump -Fc -Zgzip -f $out $db",
        floor: JSON_FLOOR,
        ..SERIAL
    },
    Case {
        name: "wide rows, -Fc gzip, -j2",
        ours: "$rsdump -Fc -Zgzip -j2 -f $out $db",
        theirs: "$pg_dump -Fc -Zgzip -f $out $db",
        floor: JSON_FLOOR,
        at_most: 0.45,
        ..DUMP
    },
    Case {
        name: "wide rows, -Fc defaults, -j2",
        ours: "$rsdump -Fc -j2 -f $out $db",
        theirs: "$pg_dump -Fc -f $out $db",
        floor: JSON_FLOOR,
        at_most: 0.30,
        ..DUMP
    },
    Case {
        name: "narrow rows, plain, -j1",
        data: Data::Narrow,
        ours: "$rsdump -f $out $db",
        theirs: "$pg_dump -f $out $db",
        floor: NARROW_FLOOR,
        ..SERIAL
    },
    Case {
        name: "narrow rows, plain, -j2",
        data: Data::Narrow,
        ours: "$rsdump -j2 -f $out $db",
        theirs: "$pg_dump -f $out $db",
        floor: NARROW_FLOOR,
        at_most: 0.65,
        ..DUMP
    },
    Case {
        name: "narrow rows, -Fc -Z0, -j1",
        data: Data::Narrow,
        ours: "$rsdump -Fc -Z0 -f $out $db",
        theirs: "$pg_dump -Fc -Z0 -f $out $db",
        floor: NARROW_FLOOR,
        ..SERIAL
    },
    Case {
        name: "narrow rows, -Fc -Z0, -j2",
        data: Data::Narrow,
        ours: "$rsdump -Fc -Z0 -j2 -f $out $db",
        theirs: "$pg_dump -Fc -Z0 -f $out $db",
        floor: NARROW_FLOOR,
        at_most: 0.65,
        ..DUMP
    },
    Case {
        name: "narrow rows, -Fc gzip, -j1",
        data: Data::Narrow,
        ours: "$rsdump -Fc -Zgzip -f $out $db",
        theirs: "$pg_dump -Fc -Zgzip -f $out $db",
        floor: NARROW_FLOOR,
        ..SERIAL
    },
    Case {
        name: "narrow rows, -Fc gzip, -j2",
        data: Data::Narrow,
        ours: "$rsdump -Fc -Zgzip -j2 -f $out $db",
        theirs: "$pg_dump -Fc -Zgzip -f $out $db",
        floor: NARROW_FLOOR,
        at_most: 0.45,
        ..DUMP
    },
    Case {
        name: "narrow rows, -Fc defaults, -j2",
        data: Data::Narrow,
        ours: "$rsdump -Fc -j2 -f $out $db",
        theirs: "$pg_dump -Fc -f $out $db",
        floor: NARROW_FLOOR,
        at_most: 0.3,
        ..DUMP
    },
    Case {
        name: "200 tables, -Fd gzip, -j2",
        data: Data::Tables,
        ours: "$rsdump -Fd -Zgzip -j2 -f $out $db",
        theirs: "$pg_dump -Fd -Zgzip -j2 -f $out $db",
        at_most: 0.75,
        ..DUMP
    },
    Case {
        name: "large objects, dump",
        data: Data::Objects,
        ours: "$rsdump -Fc -Zgzip -f $out $db",
        theirs: "$pg_dump -Fc -Zgzip -f $out $db",
        at_most: 0.05,
        ..DUMP
    },
    Case {
        name: "large objects, dump, -Z0",
        data: Data::Objects,
        floor: Some("$psql -c \"COPY (SELECT loid, pageno, data FROM pg_largeobject) TO '/dev/null'\" $db"),
        ours: "$rsdump -Fc -Z0 -f $out $db",
        theirs: "$pg_dump -Fc -Z0 -f $out $db",
        at_most: 0.05,
        ..DUMP
    },
    Case {
        name: "large objects, restore",
        data: Data::Objects,
        prepare: Some("$pg_dump -Fc -Zgzip -f $kept/objects $db"),
        before: NEW_TARGET,
        ours: "$rsrestore -d target $kept/objects",
        theirs: "$pg_restore -d target $kept/objects",
        at_most: 0.15,
        ..DUMP
    },
    Case {
        name: "wide rows and two indexes, restore, -j2",
        prepare: Some("$rsdump -Fc -Zgzip -j2 -f $kept/docs $db"),
        before: NEW_TARGET,
        ours: "$rsrestore -j2 -d target $kept/docs",
        theirs: "$pg_restore -j2 -d target $kept/docs",
        at_most: 0.75,
        ..DUMP
    },
    Case {
        name: "200 tables, restore, -j2",
        data: Data::Tables,
        prepare: Some("$rsdump -Fc -Zgzip -j2 -f $kept/tables $db"),
        before: NEW_TARGET,
        ours: "$rsrestore -j2 -d target $kept/tables",
        theirs: "$pg_restore -j2 -d target $kept/tables",
        at_most: 0.85,
        ..DUMP
    },
    Case {
        name: "200 tables, dump piped into restore",
        data: Data::Tables,
        before: NEW_TARGET,
        ours: "$rsdump -Fc -Z0 -j2 $db | $rsrestore -j2 -d target",
        theirs: "$pg_dump -Fc -Z0 $db | $pg_restore -d target",
        at_most: 0.7,
        // A dump and a restore.
        memory_at_most: Some(2 * MEMORY),
        ..DUMP
    },
    Case {
        name: "200 tables, copied straight",
        data: Data::Tables,
        before: NEW_TARGET,
        ours: "$rsdump -j2 --to target $db",
        theirs: "$pg_dump -Fc -Z0 $db | $pg_restore -d target",
        at_most: 0.7,
        ..DUMP
    },
    Case {
        name: "200 tables, copied straight, beside pgcopydb",
        data: Data::Tables,
        before: NEW_TARGET,
        ours: "$rsdump -j2 --to target $db",
        theirs: "PATH=$bin:$PATH pgcopydb clone --restart --not-consistent --dir $kept/pgcopydb --table-jobs 2 \
                 --index-jobs 2 --source dbname=$db --target dbname=target",
        peer: Some("pgcopydb"),
        ..DUMP
    },
    Case {
        name: "10,000 tables, schema, dump",
        data: Data::Schema,
        ours: "$rsdump -s -f $out $db",
        theirs: "$pg_dump -s -f $out $db",
        at_most: 1.0,
        memory_at_most: None,
        ..DUMP
    },
    Case {
        name: "10,000 tables, schema, restore",
        data: Data::Schema,
        prepare: Some("$pg_dump -s -Fc -f $kept/schema $db"),
        before: FURTHER_TARGET,
        ours: "$rsrestore -d target $kept/schema",
        theirs: "$pg_restore -d target $kept/schema",
        at_most: 0.7,
        memory_at_most: None,
        ..DUMP
    },
    Case {
        name: "900 entries, restore, 20 ms away",
        data: Data::Entries,
        prepare: Some("$pg_dump -s -Fc -f $kept/entries $db"),
        before: NEW_TARGET,
        ours: "PGPORT=$far $rsrestore -d target $kept/entries",
        theirs: "PGPORT=$far $pg_restore -d target $kept/entries",
        at_most: 0.1,
        ..DUMP
    },
    Case {
        name: "ten times the wide rows, -Fc gzip, -j2",
        data: Data::Long,
        ours: "$rsdump -Fc -Zgzip -j2 -f $out $db",
        theirs: "$pg_dump -Fc -Zgzip -f $out $db",
        at_most: 0.45,
        ..DUMP
    },
    Case {
        name: "ten times the wide rows, restore, -j2",
        data: Data::Long,
        prepare: Some("$rsdump -Fc -Zgzip -j2 -f $kept/long $db"),
        before: NEW_TARGET,
        ours: "$rsrestore -j2 -d target $kept/long",
        theirs: "$pg_restore -j2 -d target $kept/long",
        at_most: 0.75,
        ..DUMP
    },
];

impl Data {
    pub(crate) const ALL: [Data; 7] = [
        Data::Json,
        Data::Narrow,
        Data::Tables,
        Data::Objects,
        Data::Schema,
        Data::Entries,
        Data::Long,
    ];

    /// The database's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Data::Json => "bench_json",
            Data::Narrow => "bench_narrow",
            Data::Tables => "bench_tables",
            Data::Objects => "bench_objects",
            Data::Schema => "bench_schema",
            Data::Entries => "bench_entries",
            Data::Long => "bench_long",
        }
    }

    /// Makes the database.
    pub(crate) fn make(self, server: &Server, scale: f64) {
        let count = |full: u32| (f64::from(full) * scale).max(1.0) as u32;
        let sql = match self {
            Data::Json | Data::Long => format!(
                "CREATE TABLE docs (id bigint, doc text, at timestamptz);
                 INSERT INTO docs SELECT i, (SELECT json_object_agg('field_' || k, md5((i * k)::text)) \
                   FROM generate_series(1, 20) k), timestamptz '2020-01-01' + i * interval '1s' \
                   FROM generate_series(1, {}) i;
                 CREATE INDEX ON docs (id); CREATE INDEX ON docs (at);",
                count(if self == Data::Long { 4_800_000 } else { 480_000 })
            ),
            Data::Narrow => format!(
                "CREATE TABLE narrow AS SELECT i AS id, i % 1000 AS part, random() AS value, i * 7::bigint AS other \
                   FROM generate_series(1, {}) i;",
                count(5_000_000)
            ),
            Data::Tables => format!(
                "DO $$ BEGIN FOR t IN 1..200 LOOP EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, a text, b text, n int)', t); \
                   EXECUTE format('INSERT INTO t%s SELECT i, md5(i::text), repeat(md5((i * 3)::text), 2), i %% 97 \
                     FROM generate_series(1, %s) i', t, {}); END LOOP; END $$;",
                count(35_000)
            ),
            Data::Objects => format!(
                "SELECT count(lo_from_bytea(0, decode(repeat(md5(i::text), 16), 'hex'))) FROM generate_series(1, {}) i;",
                count(100_000)
            ),
            Data::Schema | Data::Entries => format!(
                "DO $$ BEGIN FOR t IN 1..{} LOOP EXECUTE format('CREATE TABLE s%s (id int PRIMARY KEY, a text NOT NULL, \
                   n int DEFAULT 1 CHECK (n > 0))', t); EXECUTE format('CREATE INDEX ON s%s (a)', t); \
                   IF t % 1000 = 0 THEN COMMIT; END IF; END LOOP; END $$;",
                // Each table has three entries. Latency is to be measured, so their number does not depend on the scale.
                if self == Data::Entries { 300 } else { count(10_000) }
            ),
        };
        server.psql(&format!("CREATE DATABASE {}", self.name()));
        let db = TempDb {
            server,
            name: self.name().into(),
        };
        for statement in [sql.as_str(), "VACUUM ANALYZE", "CHECKPOINT"] {
            stdout_of(
                db.aim(crate::support::tool(18, "psql"))
                    .args(["-X", "-q", "-c", statement]),
            );
        }
        // The server goes at the end, and the database with it.
        std::mem::forget(db);
    }
}
