//! Every query that the library can ask is taken by every server.
//!
//! The library says what it asks as events for `tracing`; a recorder here collects them. On the servers that we have
//! (10 and newer) queries run; the set of them is held against the sources, so that none is forgotten. What
//! older servers would be asked runs on 10, whose catalogs still have all that theirs had but for the columns of
//! sequences, and is searched for names that came later.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::path::Path;
use std::sync::{Arc, Mutex};

use regex::Regex;
use rsdump::connect::{ConnectParams, ServerVersion, SetupOptions, Snapshot};
use rsdump::dump::{DumpOptions, LargeObjects, Observer, TablePattern};
use rsdump::objects::Reader;
use rsdump::objects::read::{self, ReadOptions};
use rsdump::objects::selection;
use rsdump::progress::NoProgress;
use rsdump::sql::{Pattern, Quoting};
use tracing::field::{Field, Visit};
use tracing::instrument::WithSubscriber;
use tracing::{Event, Metadata, Subscriber, span};

use crate::support::server::MAJORS;
use crate::support::{Server, TempDb, fixture, rsdump, run, tool};

/// The queries that were asked: what each is for, and its texts.
#[derive(Clone, Default)]
struct Queries(Arc<Mutex<BTreeMap<String, BTreeSet<String>>>>);

impl Queries {
    fn all(&self) -> BTreeMap<String, BTreeSet<String>> {
        self.0.lock().expect("the queries").clone()
    }
}

impl Subscriber for Queries {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "rsdump::connect::session"
    }

    fn event(&self, event: &Event<'_>) {
        #[derive(Default)]
        struct Fields(BTreeMap<&'static str, String>);
        impl Visit for Fields {
            fn record_str(&mut self, field: &Field, value: &str) {
                self.0.insert(field.name(), value.to_owned());
            }
            fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        if let (Some(what), Some(sql)) = (fields.0.remove("what"), fields.0.remove("sql")) {
            let mut queries = self.0.lock().expect("the queries");
            queries.entry(what).or_default().insert(sql);
        }
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// What must be there for queries that are only asked when there is something to ask for.
const SETUP: &str = "
    CREATE TABLE t (id integer PRIMARY KEY, note text DEFAULT 'none' CHECK (note <> ''));
    INSERT INTO t SELECT i, i FROM generate_series(1, 100) i;
    CREATE STATISTICS s (ndistinct) ON id, note FROM t;
    CREATE TABLE configured (id integer PRIMARY KEY);
    CREATE TABLE also_configured (id integer REFERENCES configured);
    ALTER EXTENSION plpgsql ADD TABLE configured;
    ALTER EXTENSION plpgsql ADD TABLE also_configured;
    UPDATE pg_extension SET extcondition = '{\"\",\"\"}',
        extconfig = ARRAY['configured'::regclass::oid, 'also_configured'::regclass] WHERE extname = 'plpgsql';
    CREATE FOREIGN DATA WRAPPER w;
    CREATE SERVER f FOREIGN DATA WRAPPER w;
    CREATE VIEW v AS SELECT id FROM t;
    ANALYZE";

/// Objects that no recent server makes differently, so that queries for older ones find something.
const OLD_SETUP: &str = "
    CREATE TABLE t (id integer PRIMARY KEY, note text DEFAULT 'none' CHECK (note <> ''));
    INSERT INTO t SELECT i, i FROM generate_series(1, 100) i;
    CREATE INDEX i ON t (lower(note));
    CREATE TABLE child () INHERITS (t);
    CREATE VIEW v AS SELECT id FROM t;
    CREATE RULE r AS ON INSERT TO v DO INSTEAD NOTHING;
    CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE PROCEDURE fire();
    CREATE AGGREGATE total(integer) (SFUNC = int4pl, STYPE = integer);
    CREATE TYPE mood AS ENUM ('low');
    CREATE TYPE pair AS (a integer, b text);
    CREATE TYPE span AS RANGE (SUBTYPE = integer);
    CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
    GRANT SELECT ON t TO PUBLIC;
    COMMENT ON TABLE t IS 'a table';
    CREATE FOREIGN DATA WRAPPER w;
    CREATE SERVER f FOREIGN DATA WRAPPER w;
    CREATE FOREIGN TABLE ft (a integer) SERVER f;
    CREATE MATERIALIZED VIEW m AS SELECT 1 AS a;
    CREATE POLICY p ON t;
    ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;
    ANALYZE";

/// A dump that asks everything a dump can ask.
fn everything() -> DumpOptions {
    let mut options = DumpOptions::default();
    let pattern = |text: &str| Pattern::bare(text).expect("a pattern");
    let relation = |text: &str| TablePattern {
        pattern: Pattern::relation(text).expect("a pattern"),
        with_children: true,
    };
    let patterns = &mut options.patterns;
    patterns.not_schemas = vec![Pattern::schema("nothing").expect("a pattern")];
    patterns.without_data = vec![relation("nothing")];
    patterns.not_extensions = vec![pattern("nothing")];
    patterns.foreign_servers = vec![pattern("f")];
    options.large_objects = LargeObjects::Include;
    options.script.create_database = true;
    options.binary_upgrade = true;
    options.entries.statistics = true;
    // A second session imports the snapshot of the first.
    options.jobs = 2;
    options
}

#[tokio::test]
async fn every_query_runs_on_every_server() {
    let all = in_sources();
    for major in MAJORS {
        let db = TempDb::new(Server::get(major));
        db.psql(SETUP);
        db.psql("SELECT lo_from_bytea(0, 'some bytes'); CREATE SEQUENCE q");
        // One of some pages, and one that is read in pieces.
        db.psql(
            "SELECT lo_from_bytea(0, decode(repeat('00', n), 'hex')) FROM (VALUES (9000), (3000000)) v(n)",
        );
        let params = ConnectParams::parse(db.conninfo().as_bytes()).expect("parameters");
        let observer = Observer {
            progress: Arc::new(NoProgress),
            warnings: Arc::new(|_| {}),
            info: Arc::new(|_| {}),
        };
        let queries = Queries::default();
        let mut options = everything();
        let directory = tempfile::tempdir().expect("a directory");
        options.output.file = Some(directory.path().join("dump"));
        rsdump::dump::dump(&params, &options, &observer)
            .with_subscriber(queries.clone())
            .await
            .unwrap_or_else(|error| panic!("on {major}: {error}"));
        let asked: BTreeSet<String> = queries.all().into_keys().collect();
        assert!(
            asked == all,
            "asked of {major}, but not found in the sources: {:?}; not asked, but there: {:?}",
            asked.difference(&all).collect::<Vec<_>>(),
            all.difference(&asked).collect::<Vec<_>>()
        );
    }
}

/// What queries are for, as the places in the sources say that ask them.
fn in_sources() -> BTreeSet<String> {
    let asks = Regex::new(r#"(?:\.(?:rows|each|each_locking)\(|\brows\(\s*reader,|\bread_rows(?:_with_acl)?\(\s*reader,)\s*(?:"([^"]+)"|(what|self\.what))"#)
        .expect("a pattern");
    let kind = Regex::new(r#"(?m)^    what: "([^"]+)","#).expect("a pattern");
    let mut found = BTreeSet::new();
    let mut handed_on = 0;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    for folder in ["objects", "dump", "connect"] {
        rust_files(&root.join(folder), &mut files);
    }
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a source file");
        for ask in asks.captures_iter(&text) {
            match ask.get(1) {
                Some(what) => drop(found.insert(what.as_str().to_owned())),
                None => handed_on += 1,
            }
        }
        if file.ends_with("dump/patterns.rs") {
            found.extend(kind.captures_iter(&text).map(|what| what[1].to_owned()));
        }
    }
    // Over a caller's own client, the server says its version first; that is so for no dump.
    assert!(found.remove("the server's version"));
    assert_eq!(
        handed_on, 6,
        "another function hands its caller's query on: look for its callers too"
    );
    found
}

fn rust_files(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Names and phrases of queries, by the release that brought them.
const NEWER: &[(u32, &str)] = &[
    (
        90_300,
        "LATERAL pg_event_trigger evtname evtevent evttags relispopulated relminmxid datminmxid lo_lseek64 lo_tell64 \
         lo_truncate64 array_remove array_replace pg_identify_object pg_relation_is_updatable json_each json_agg",
    ),
    (
        90_400,
        "ORDINALITY FILTER WITHIN relreplident indisreplident aggkind aggnumdirectargs aggmtransfn aggminvtransfn \
         aggmfinalfn aggfinalextra aggmfinalextra aggtransspace aggmtranstype aggmtransspace aggminitval to_regclass \
         to_regtype to_regproc to_regprocedure to_regoper cardinality jsonb pg_lsn lo_from_bytea lo_get lo_put \
         json_build_object json_object_agg make_interval",
    ),
    (
        90_500,
        "regrole regnamespace array_position array_positions pg_policy relrowsecurity relforcerowsecurity rolbypassrls \
         pg_transform protrftypes TABLESAMPLE to_regrole to_regnamespace jsonb_agg pg_identify_object_as_address \
         pg_get_object_address row_security GROUPING",
    ),
    (
        90_600,
        "pg_init_privs initprivs amhandler amtype proparallel aggcombinefn aggserialfn aggdeserialfn parse_ident \
         num_nulls num_nonnulls pg_size_bytes pg_index_column_has_property pg_indexam_has_property \
         idle_in_transaction_session_timeout",
    ),
    (
        10,
        "relispartition relpartbound attidentity pg_partitioned_table pg_sequence pg_publication pg_publication_rel \
         pg_subscription pg_statistic_ext pg_sequences collprovider collversion polpermissive \
         pg_get_partkeydef pg_get_partition_constraintdef pg_get_statisticsobjdef pg_sequence_last_value tgoldtable \
         tgnewtable regexp_match seqtypid stxname xmltable",
    ),
    (
        11,
        "prokind indnkeyatts conparentid aggfinalmodify aggmfinalmodify pubtruncate atthasmissing attmissingval \
         relrewrite indattstat sha256 reloncascade partdefid",
    ),
    (
        12,
        "attgenerated prosupport collisdeterministic pg_statistic_ext_data pg_partition_root pg_partition_tree \
         pg_partition_ancestors MATERIALIZED",
    ),
    (13, "tgparentid pubviaroot stxstattarget gen_random_uuid"),
    (
        14,
        "attcompression prosqlbody rngmultitypid typsubscript subbinary substream pg_get_function_sqlbody \
         pg_get_statisticsobjdef_expressions",
    ),
];

/// The names in a query's text that servers of a release do not know. A name that the text gives to something itself
/// is known.
fn unknown(sql: &str, version: ServerVersion) -> Vec<&'static str> {
    let words: Vec<&str> = sql
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .collect();
    let given: BTreeSet<&str> = words
        .windows(2)
        .filter(|pair| pair[0] == "AS")
        .map(|pair| pair[1])
        .collect();
    let newer = NEWER.iter().filter(|(since, _)| !version.at_least(*since));
    newer
        .flat_map(|(_, names)| names.split_whitespace())
        .filter(|name| words.contains(name) && !given.contains(name))
        .collect()
}

#[test]
fn names_that_came_later_are_found() {
    let nine = ServerVersion(90_200);
    let sql = "SELECT x.attidentity::regrole, x.seqtypid FROM (SELECT NULL AS seqtypid) x";
    assert_eq!(unknown(sql, nine), ["regrole", "attidentity"]);
    assert!(unknown(sql, ServerVersion(100_000)).is_empty());
}

#[tokio::test]
async fn queries_for_servers_before_10_name_nothing_newer() {
    let db = TempDb::new(Server::get(10));
    db.psql(OLD_SETUP);
    db.psql("SELECT lo_from_bytea(0, 'some bytes')");
    let params = ConnectParams::parse(db.conninfo().as_bytes()).expect("parameters");
    let options = ReadOptions {
        schema: true,
        data: true,
        sequence_values: true,
        statistics: true,
        subscriptions: true,
        large_objects: read::LargeObjects::Grouped,
        upgrade: true,
        lock_wait_timeout: None,
        quoting: Quoting::default(),
    };
    for version in [90_200, 90_300, 90_400, 90_500, 90_600].map(ServerVersion) {
        let mut session = params.session().await.expect("a session");
        let setup = session.setup_dump(&SetupOptions::default(), &Snapshot::New).await;
        setup.expect("the settings");
        let sessions = [session];
        let reader = Reader::new(version, &sessions);
        let queries = Queries::default();
        let selection = selection::Selection::default();
        async {
            read::read(&reader, &selection, &options, async |_| Ok(()))
                .await
                .unwrap_or_else(|error| panic!("for {version}: {error}"));
            let session = rsdump::objects::database::read(&reader).await;
            session.unwrap_or_else(|error| panic!("for {version}: {error}"));
        }
        .with_subscriber(queries.clone())
        .await;
        let queries = queries.all();
        assert!(queries.len() > 45, "only {} queries for {version}", queries.len());
        for (what, texts) in queries {
            for sql in texts {
                let unknown = unknown(&sql, version);
                assert!(unknown.is_empty(), "{what} for {version}: {unknown:?} in {sql}");
            }
        }
    }
}

/// An operator that only servers before 14 can make is dumped with pg_dump's own warning.
#[test]
fn operators_that_no_new_server_takes_are_warned_of() {
    let db = TempDb::new(Server::get(12));
    db.load(&fixture("objects/operator/postfix/setup.sql"));
    for form in ["-s", "-a"] {
        let theirs = run(db.aim(tool(18, "pg_dump")).arg(form)).stderr;
        let ours = run(db.aim(rsdump()).arg(form)).stderr;
        let theirs = String::from_utf8_lossy(&theirs).replace("pg_dump: ", "rsdump: ");
        assert_eq!(theirs.contains("postfix"), form == "-s");
        assert_eq!(theirs, String::from_utf8_lossy(&ours), "{form}");
    }
}
