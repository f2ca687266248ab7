//! Tests that need no server.

mod archive;
mod archive_directory;
mod archive_tar;
mod damage;
mod layers;
mod options;
mod pipes;
mod script;
mod selection;
mod splitter;
