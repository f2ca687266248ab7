//! What the server tests stand on: servers of every version, temporary databases, PostgreSQL's own tools as
//! oracles, and byte-exact comparison.
//!
//! `scripts/servers` must have been run: servers are looked for in `target/servers/<major>/bin`. A missing one
//! fails the test that asks for it; nothing is skipped. Servers start on first use and end with the test
//! process, however that ends. No test may rely on another one's databases, and roles are shared by all
//! databases of a server: fixtures create theirs only when absent.

pub(crate) mod certificates;
pub(crate) mod compare;
pub(crate) mod database;
pub(crate) mod generator;
pub(crate) mod pooler;
pub(crate) mod programs;
pub(crate) mod proxy;
pub(crate) mod server;
pub(crate) mod terminal;

pub(crate) use compare::{Findings, assert_same, normalize};
pub(crate) use database::TempDb;
pub(crate) use programs::{fixture, rsdump, rsdumpall, rsrestore, run, stdout_of, tool, try_stdout_of};
pub(crate) use server::{Server, Setup};
