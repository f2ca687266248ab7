//! The table of contents: the narrow waist between the catalogs and everything that writes, lists or
//! restores an archive.
//!
//! This module owns what an entry is ([`Entry`]), what is known about each kind of entry ([`Desc`] and its
//! one table of facts in [`kind`]) and the list file of `-l` and `-L` ([`list`]). It knows nothing of
//! catalogs, of bytes in archives (see [`crate::archive`]) or of the SQL that an entry becomes (see
//! [`crate::script`]).

mod entry;
pub mod kind;
pub mod list;
mod name;
mod positions;
pub mod selection;

pub use entry::{CatalogId, DumpId, Entry, Section};
pub use kind::Desc;
pub use name::{Name, Names};
pub(crate) use positions::Positions;
pub use selection::{Selection, Wanted};
