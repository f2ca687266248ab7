//! Text search: parsers, templates, dictionaries and configurations, each in a file of its own.

pub mod configuration;
pub mod dictionary;
pub mod parser;
pub mod template;
