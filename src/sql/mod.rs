//! Pure text: how names and values become SQL. No I/O, no catalogs.

mod acl;
mod keywords;
mod pattern;
mod quoting;
mod reloptions;
pub mod roles;
mod settings;
pub mod splitter;
mod text;

pub use acl::{GrantTarget, Grantable, grants, is_acl_item};
pub use pattern::Pattern;
pub use quoting::Quoting;
pub use reloptions::storage_parameters;
pub use settings::setting;
pub(crate) use text::{concat, put, text};
