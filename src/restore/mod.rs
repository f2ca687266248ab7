//! Restoring an archive: options → selected and ordered entries → run → report.
//!
//! [`Restore`] prepares: it applies a list file and the selection to the archive's table of contents and knows
//! what would be done before anything is. [`Restore::to_script`] writes SQL, [`Restore::to_server`] executes it
//! over a raw lane; both take every statement from [`crate::script`]. Catalogs are never read. Dumps that are scripts
//! already are in [`plain`]; [`Cluster`] restores many databases from the directory that they were dumped to.
//!
//! ```no_run
//! # async fn example() -> rsdump::Result<()> {
//! use rsdump::archive::Archive;
//! use rsdump::connect::ConnectParams;
//! use rsdump::restore::{Restore, RestoreOptions, Silent};
//!
//! let archive = Archive::open_path("shop.dump").await?;
//! let mut options = RestoreOptions::default();
//! options.selection.tables = vec!["orders".into()];
//! let restore = Restore::new(archive, options)?;
//! let params = ConnectParams::parse(b"dbname=copy")?;
//! let report = restore.to_server(params, &mut Silent).await?;
//! println!("{} rows, {} errors", report.rows, report.errors);
//! # Ok(())
//! # }
//! ```

mod batches;
mod cluster;
mod commands;
mod crew;
mod data;
mod entries;
mod feed;
mod group;
mod incoming;
mod lane;
mod managed;
mod options;
mod parallel;
mod parts;
pub mod plain;
mod prepare;
mod report;
mod roles;
mod schedule;
mod tables;
mod to_script;
mod to_server;
mod track;
mod verify;

pub use cluster::{Cluster, ClusterOptions};
pub use options::RestoreOptions;
pub use prepare::Restore;
pub use report::{EntryName, Failure, Observer, Report, Silent, Skip, Stage};
pub use roles::RoleMap;
pub use verify::{Verification, VerifiedEntry, verify};
