//! Tests that need no server.

mod archive;
mod layers;
