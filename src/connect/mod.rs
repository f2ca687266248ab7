//! From what the user gave (options, conninfo, URI, PG* variables, service and password files) to open
//! connections: [`Session`] for catalog queries, and raw lanes of [`wire`](crate::wire) to the same server.
//!
//! The protocol itself is in `wire`; what is read from the catalogs is in `objects`.

mod conninfo;
mod handover;
mod params;
mod row;
mod session;
mod uri;
mod version;

pub use conninfo::{Conninfo, is_connection_string};
pub use params::ConnectParams;
pub use row::{Columns, Text};
pub use session::Session;
pub use version::ServerVersion;
