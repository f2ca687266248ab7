//! A constraint of a table or domain: check, not null, primary key, unique, exclusion or foreign key.

/// A constraint of a table or domain: check, not null, primary key, unique, exclusion or foreign key.
#[derive(Debug)]
pub struct Constraint {}
