//! The wire protocol where tokio-postgres does not reach: start-up and authentication for every
//! connection, and a raw lane for COPY in both directions and for scripts.
//!
//! Nothing here knows hosts, passwords files or catalogs: `connect` opens the [`Stream`] and decides.
//! Messages are read into large buffers and row data is never looked at row by row.

mod auth;
mod frame;
mod server_error;
mod startup;
mod stream;

pub use auth::{AuthMethod, AuthRules};
pub use server_error::ServerError;
pub use startup::{BackendKey, Established, PROTOCOL_3_0, PROTOCOL_3_2, Startup, StartupError, start};
pub use stream::{Duplex, Stream};
