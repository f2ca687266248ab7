//! Everything a database holds: one file per object kind.
//!
//! A kind's file has its query, its row, its struct and its DDL, because that is what changes together.
//! Reading ([`read`]) is set-based: a fixed number of queries for all objects of all kinds. Emission
//! (`emit`) is pure: it turns a [`Catalog`] into archive entries and never asks the server anything.
//!
//! What is *not* here: the order of the objects ([`crate::order`]), which of them a user asked for in
//! words (patterns become oids in [`crate::dump`]), and how entries are stored or run.

pub mod access_method;
pub mod aggregate;
pub mod attributes;
pub mod cast;
pub mod collation;
pub mod conversion;
pub mod database;
pub mod default_acl;
pub mod depends;
pub mod event_trigger;
pub mod extended_statistics;
pub mod extension;
pub mod foreign;
pub mod function;
pub mod language;
pub mod large_object;
pub mod matview;
pub mod opclass;
pub mod operator;
pub mod opfamily;
pub mod policy;
pub mod publication;
pub mod read;
pub mod rule;
pub mod schema;
pub mod selection;
pub mod sequence;
pub mod subscription;
pub mod table;
pub mod text_search;
pub mod transform;
pub mod trigger;
pub mod types;
pub mod upgrade;
pub mod view;
pub mod whole;

mod acl;
mod catalog;
mod components;
mod emit;
mod object;
mod reader;
mod row;
mod turns;

pub use acl::Acl;
pub use catalog::{Catalog, class};
pub use components::Components;
pub use emit::{EmitOptions, Emitter};
pub use object::{Body, Object};
pub use reader::{Cost, Param, Reader};
