//! What SQL an entry of the table of contents means: drops, settings, definitions, owners, privileges, rows.
//!
//! A [`Plan`] says which entries are restored, how, and in which order; a [`Script`] turns them into
//! [`Step`]s while it follows what the session at the other end is set to. Steps are for any sink: a file takes
//! their [text](Step::text), a lane their statements. Nothing here reads archives, writes files or talks to
//! servers; [`crate::archive::plain`] and `restore` do.

mod announce;
mod banner;
mod database;
mod drops;
mod entry;
pub mod large_object;
mod load;
mod owner;
mod plan;
mod restrict;
mod settings;
mod state;
mod step;

pub use database::connect_command;
pub use plan::{Drops, Origin, Ownership, Plan, ScriptOptions, Transactions};
pub use restrict::{is_valid_restrict_key, random_restrict_key};
pub use settings::Settings;
pub use state::Script;
pub use step::{Purpose, Statement, Step};
