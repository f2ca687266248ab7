//! Restoring an archive: options → selected and ordered entries → run → report.
//!
//! [`Restore`] prepares: it applies a list file and the selection to the archive's table of contents and knows
//! what would be done before anything is. [`Restore::to_script`] writes SQL, [`Restore::to_server`] executes it
//! over a raw lane; both take every statement from [`crate::script`]. Catalogs are never read.

mod batches;
mod commands;
mod data;
mod lane;
mod options;
mod prepare;
mod report;
mod to_script;
mod to_server;

pub use options::RestoreOptions;
pub use prepare::Restore;
pub use report::{EntryName, Failure, Observer, Report, Silent, Stage};
