//! A constraint of a table or domain: check, not null, primary key, unique, exclusion or foreign key.

use bstr::BString;

use crate::toc::DumpId;

/// A constraint of a table or domain.
#[derive(Debug)]
pub struct Constraint {
    /// What it constrains.
    pub on: ConstraintOn,
    /// What kind it is.
    pub kind: ConstraintKind,
    /// What `pg_get_constraintdef` gives; empty for primary keys and unique constraints, which are put
    /// together from their index.
    pub definition: BString,
    /// The index that enforces it.
    pub index: Option<DumpId>,
    /// The table a foreign key references.
    pub referenced: Option<DumpId>,
    /// DEFERRABLE.
    pub deferrable: bool,
    /// INITIALLY DEFERRED.
    pub deferred: bool,
    /// WITHOUT OVERLAPS or PERIOD.
    pub period: bool,
    /// It is declared here, not (only) inherited.
    pub is_local: bool,
    /// It has been checked against the rows.
    pub validated: bool,
    /// It makes a statement of its own, not a clause of CREATE TABLE or CREATE DOMAIN.
    pub separate: bool,
}

/// What a constraint belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConstraintOn {
    /// A table.
    Table(DumpId),
    /// A domain.
    Domain(DumpId),
}

/// `pg_constraint.contype`, as far as such constraints are dumped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConstraintKind {
    /// `c`
    Check,
    /// `n`
    NotNull,
    /// `p`
    PrimaryKey,
    /// `u`
    Unique,
    /// `x`
    Exclusion,
    /// `f`
    ForeignKey,
    /// `t`
    Trigger,
}

impl ConstraintKind {
    /// The kind of a `contype` letter.
    pub fn from_letter(letter: u8) -> Option<ConstraintKind> {
        Some(match letter {
            b'c' => ConstraintKind::Check,
            b'n' => ConstraintKind::NotNull,
            b'p' => ConstraintKind::PrimaryKey,
            b'u' => ConstraintKind::Unique,
            b'x' => ConstraintKind::Exclusion,
            b'f' => ConstraintKind::ForeignKey,
            b't' => ConstraintKind::Trigger,
            _ => return None,
        })
    }
}
