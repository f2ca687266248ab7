//! The table of contents of an archive: the narrow waist between catalogs and restoring.

mod entry;

pub use entry::{CatalogId, DumpId, Entry, Section};
