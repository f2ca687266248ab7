//! Dumps of hot standbys: over one lane and over several, as pg_dump makes them, and without rows that are not there.

use crate::support::server::psql_command;
use crate::support::{Findings, Server, Setup, normalize, rsdump, run, stdout_of, tool};

const SETUP: &str = "
CREATE TABLE big (id int PRIMARY KEY, v text);
INSERT INTO big SELECT i, md5(i::text) FROM generate_series(1, 30000) i;
CREATE UNLOGGED TABLE unlogged (id int);
INSERT INTO unlogged VALUES (1);
CREATE TABLE part (k int) PARTITION BY RANGE (k);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (100);
INSERT INTO part SELECT generate_series(1, 99);
CREATE SEQUENCE s; SELECT nextval('s');
SELECT lo_from_bytea(77, 'large'), lo_from_bytea(78, decode(repeat('ab', 9000), 'hex'));
";

#[test]
fn a_hot_standby_is_dumped_as_pg_dump_does() {
    for major in [18, 12] {
        let mut server = Server::start(major, Setup::default());
        let conninfo = format!("{} dbname=postgres", server.conninfo());
        stdout_of(psql_command(&conninfo).args(["-c", SETUP]));
        server.becomes_standby();
        let theirs = |words: &[&str]| run(tool(18, "pg_dump").args(["-d", &conninfo]).args(words));
        let ours = |words: &[&str]| run(rsdump().args(["-d", &conninfo]).args(words));
        let mut findings = Findings::new("a standby", major);
        for words in [
            &[][..],
            &["-s"],
            &["-a", "--inserts"],
            &["--no-unlogged-table-data"],
        ] {
            let (expected, actual) = (theirs(words), ours(words));
            assert!(
                actual.status.success(),
                "{}",
                String::from_utf8_lossy(&actual.stderr)
            );
            assert_eq!(
                String::from_utf8_lossy(&actual.stderr).replace("rsdump", "pg_dump"),
                String::from_utf8_lossy(&expected.stderr)
            );
            let what = words.join(" ");
            findings.same(
                &what,
                Ok(normalize(&expected.stdout)),
                Ok(normalize(&actual.stdout)),
            );
        }
        let expected = normalize(&theirs(&[]).stdout);
        let actual = ours(&["-j3", "--segment-size=64kB"]);
        assert!(
            actual.status.success(),
            "{}",
            String::from_utf8_lossy(&actual.stderr)
        );
        findings.same("-j3", Ok(expected), Ok(normalize(&actual.stdout)));
        // Neither can be promised there.
        let refused = |words: &[&str]| {
            let (expected, actual) = (theirs(words), ours(words));
            assert_eq!(expected.status.code(), actual.status.code(), "{words:?}");
        };
        refused(&["--serializable-deferrable"]);
    }
}
