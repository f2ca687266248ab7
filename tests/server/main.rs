//! Tests against real servers, which `scripts/servers` gets.

mod all_kinds;
mod archive;
mod binary_upgrade;
mod broken_restores;
mod cluster;
mod connect;
mod damaged_stock;
mod doubts;
mod dump;
mod dumpall;
mod encodings;
mod generated;
mod harness;
mod interop;
mod lane;
mod large_objects;
mod loops;
mod managed;
mod objects;
mod options;
mod oracle;
mod ordinary_user;
mod parallel_dump;
mod parallel_restore;
mod pipes;
mod plain_input;
mod pooler;
mod report;
mod restore;
mod scale;
mod security_labels;
mod standby;
mod streams;
#[allow(dead_code, unused_imports, reason = "a toolbox: no test needs all of it")]
#[path = "../support/mod.rs"]
mod support;
mod target_version;
mod terminal;
mod tls;
mod tutorial;
mod verbose;
mod versions;
