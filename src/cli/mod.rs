//! The command lines of the three binaries: argv as typed, turned into the library's options, and the
//! messages people read. Nothing here decides what is dumped or restored.

mod account;
mod checks;
pub mod connection;
mod content;
pub mod dump;
mod dump_options;
pub mod dumpall;
mod filter;
mod getopt;
mod managed;
pub mod message;
mod progress;
mod report;
pub mod restore;
mod restore_cluster;
mod restore_options;
mod restore_plain;
mod runtime;
mod usage;
mod verify;
