//! Reaching a server: what to connect to, how to prove who one is, and the session that the catalogs are
//! read through.

mod version;

pub use version::ServerVersion;
