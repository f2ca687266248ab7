//! Dumping a database: options become a plan, a plan is run, and a report says what was done.
//!
//! [`dump`] does it all. What the database holds is read by [`crate::objects`] and put in order by
//! [`crate::order`]; here patterns become oids, entries get their data, and rows travel from lanes through
//! compression into an [`ArchiveWriter`](crate::archive::ArchiveWriter). Formats are [`crate::archive`]'s, the
//! SQL of scripts is [`crate::script`]'s.

mod announce;
mod budget;
mod inserts;
mod large_objects;
mod options;
mod patterns;
mod plan;
mod pool;
mod rows;
mod run;
mod segments;
mod session;
mod target;

pub use options::{DumpOptions, Inserts, LargeObjects, OutputOptions, Patterns, RowFormat, TablePattern};
pub use plan::{DataSource, Plan, PlanWarning, plan};
pub use run::{DumpReport, Observer, dump, dump_to};
pub use target::Target;
