//! rsdump: a native logical dump and restore engine for PostgreSQL.

pub mod archive;
#[cfg(feature = "cli")]
pub mod cli;
pub mod compress;
pub mod connect;
pub mod dump;
pub mod dumpall;
pub mod error;
pub mod objects;
pub mod order;
pub mod progress;
pub mod restore;
pub mod script;
pub mod sql;
pub mod toc;
pub mod wire;

pub use error::{Error, ErrorKind, Result};
