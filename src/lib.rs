//! rsdump: a native logical dump and restore engine for PostgreSQL.
//!
//! It speaks the wire protocol itself, reads the catalogs, writes the DDL, streams the rows with COPY into plain SQL or
//! an archive that stock `pg_restore` reads too, and restores all or a part of such an archive. The programs
//! `rsdump` and `rsrestore` are thin shells over this library.
//!
//! A dump is [`dump::dump`]: where to connect ([`connect::ConnectParams`]), what and how
//! ([`dump::DumpOptions`]), and who is told of warnings and progress ([`dump::Observer`]). A restore is
//! [`restore::Restore`], made of an opened [`archive::Archive`]. Between them stands the table of contents,
//! [`toc::Entry`]: what comes before it knows PostgreSQL's catalogs, what comes after it only entries.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use rsdump::connect::ConnectParams;
//! use rsdump::dump::{self, DumpOptions, Observer};
//! use rsdump::progress::NoProgress;
//!
//! # async fn example() -> rsdump::Result<()> {
//! let params = ConnectParams::parse(b"host=/run/postgresql dbname=shop")?;
//! let observer = Observer {
//!     progress: Arc::new(NoProgress),
//!     info: Arc::new(|_| ()),
//!     warnings: Arc::new(|warning| eprintln!("{warning:?}")),
//! };
//! let mut options = DumpOptions::default();
//! options.output.file = Some("shop.sql".into());
//! let report = dump::dump(&params, &options, &observer).await?;
//! println!("{} entries in {:?}", report.entries, report.elapsed);
//! # Ok(())
//! # }
//! ```

pub mod archive;
#[cfg(feature = "cli")]
pub mod cli;
pub mod compress;
pub mod connect;
pub mod copy;
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

#[cfg(test)]
extern crate self as rsdump;

pub use error::{Error, ErrorKind, Result};
