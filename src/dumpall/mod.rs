//! A whole cluster as one script: roles, privileges on parameters, tablespaces, then every database. Or as a directory with
//! that script but for the databases, and an archive for each of these (`archives`).
//!
//! `globals` reads what belongs to no database, `script` says it in SQL, `run` puts both before the databases, each of which
//! is a plain dump of [`crate::dump`]. The form is pg_dumpall's.

mod archives;
mod globals;
mod options;
mod run;
mod script;
mod sink;

pub use options::{ClusterOptions, DatabaseOptions, Parts};
pub use run::{ClusterObserver, ClusterReport, ClusterWarningSink, InfoSink, dump_cluster};
