//! Pure text: how names and values become SQL. No I/O, no catalogs.

mod keywords;
mod quoting;

pub use quoting::Quoting;
