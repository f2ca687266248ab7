//! Compression of archive data: what the user may ask for ([`Compression`]), frames that stand alone
//! and streams of them back into plain bytes.
//!
//! Nothing here knows what it compresses or where the bytes go; limits on memory are the callers' buffer
//! sizes, not the lengths that a file claims.

mod spec;

pub use spec::{Algorithm, Compression};
