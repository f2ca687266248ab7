//! Tests that need no server.

mod archive;
mod archive_directory;
mod layers;
mod script;
mod selection;
