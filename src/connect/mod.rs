//! From what the user gave (options, conninfo, URI, PG* variables, service and password files) to open
//! connections: [`Session`] for catalog queries, and raw lanes of [`wire`](crate::wire) to the same server.
//!
//! The protocol itself is in `wire`; what is read from the catalogs is in `objects`.

mod attempt;
mod conninfo;
mod environment;
mod handover;
mod hosts;
mod interrupts;
mod options;
mod params;
mod passfile;
pub(crate) mod pooler;
mod prompt;
mod row;
mod service;
mod session;
mod settings;
mod setup;
mod socket;
mod tls;
mod uri;
mod version;

pub use conninfo::{Conninfo, is_connection_string};
pub use environment::Environment;
pub use interrupts::Interrupts;
pub use options::{ConnectOptions, WarningSink};
pub use params::ConnectParams;
pub use prompt::{PasswordPolicy, PasswordPrompt};
pub use row::{Columns, Text};
pub use session::Session;
pub use setup::{SetupOptions, Snapshot, setup_lane, setup_sql};
pub use version::ServerVersion;
