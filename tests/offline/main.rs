//! Tests that need no server.

mod layers;
