//! Dumps for an older server: what PostgreSQL N cannot load is found in the catalog and, where the user wants
//! that, left out or said in a way that N understands.
//!
//! [`adapt`] changes the catalog before it is put in order; emission then says only what N knows. One table
//! ([`features`]) lists what came with which release and what becomes of it. Settings of scripts are
//! [`crate::script`]'s, archive versions [`crate::archive`]'s; bodies of functions that are strings are nobody's.

mod code;
mod describe;
mod features;
mod locale;
mod lost;
mod names;
mod partitions;
mod privileges;
mod relations;
mod replication;
mod settings;
mod storage;
mod syntax;
mod tables;
mod tokens;

use std::collections::HashSet;

use bstr::BString;

use super::plan::PlanWarning;
use crate::error::{Error, ErrorKind, Result};
use crate::objects::database::Database;
use crate::objects::{Body, Catalog, Components};
use crate::toc::{DumpId, Name};

/// The server that a dump is for, where it is not just any that is as new as the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Its major release, 10 to 18.
    pub release: u32,
    /// What it cannot load is left out or approximated with a warning, not an error.
    pub best_effort: bool,
}

impl Target {
    /// The releases that can be named.
    pub const RELEASES: std::ops::RangeInclusive<u32> = 10..=18;
}

/// Something that not all releases have.
struct Feature {
    era: Era,
    /// What it is called, in the plural if it can be counted.
    what: &'static str,
    remedy: Remedy,
    adapt: fn(&mut Pass<'_>),
}

/// Which releases have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Era {
    /// This one and all later ones.
    Since(u32),
    /// All before this one.
    Before(u32),
}

/// What becomes of it on a release that does not have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Remedy {
    /// Said in another way that means the same: nobody needs to know.
    Rewrite,
    /// Something near it takes its place: how.
    Approximate(&'static str),
    /// It is left out, with all that depends on it.
    LeaveOut,
}

/// The catalog while it is adapted, and what one feature has found in it.
struct Pass<'a> {
    catalog: &'a mut Catalog,
    database: Option<&'a mut Database>,
    /// The release that the dump is for.
    release: u32,
    /// Planner statistics are wanted.
    statistics: bool,
    /// Where the feature is used, in words.
    found: Vec<BString>,
    /// What cannot be dumped at all.
    lost: HashSet<DumpId>,
    /// Columns that are text in the dump and something else on the source, or gone: table, number, name.
    retyped: Vec<(DumpId, i16, Name)>,
}

/// Makes a catalog one that the target can load. The warnings say what of it was not to be kept.
///
/// # Errors
/// Without best effort, if anything cannot be kept: all of it is listed.
pub(super) fn adapt(
    catalog: &mut Catalog,
    database: Option<&mut Database>,
    statistics: bool,
    target: Target,
) -> Result<Vec<PlanWarning>> {
    let mut pass = Pass {
        catalog,
        database,
        release: target.release,
        statistics,
        found: Vec::new(),
        lost: HashSet::new(),
        retyped: Vec::new(),
    };
    let mut reports: Vec<Report> = Vec::new();
    for feature in features::all().filter(|feature| !feature.era.has(target.release)) {
        (feature.adapt)(&mut pass);
        let details = std::mem::take(&mut pass.found);
        if !details.is_empty() && feature.remedy != Remedy::Rewrite {
            reports.push(Report {
                message: feature.sentence(target.release),
                details,
            });
        }
    }
    reports.extend(names::adapt(&mut pass));
    reports.extend(Some(settings::adapt(&mut pass)).filter(|report| !report.details.is_empty()));
    if !target.best_effort {
        return match reports.is_empty() {
            true => {
                lost::leave_out(&mut pass);
                Ok(Vec::new())
            }
            false => Err(refusal(target.release, &reports)),
        };
    }
    lost::leave_out(&mut pass);
    let details = std::mem::take(&mut pass.found);
    if !details.is_empty() {
        reports.push(Report {
            message: String::from("what depends on something that is left out is left out or changed, too"),
            details,
        });
    }
    Ok(reports.into_iter().map(Report::into_warning).collect())
}

/// What a feature comes to: a sentence, and where it is used.
struct Report {
    message: String,
    details: Vec<BString>,
}

impl Report {
    fn into_warning(self) -> PlanWarning {
        PlanWarning {
            message: self.message,
            details: self.details,
            hints: &[],
        }
    }
}

fn refusal(release: u32, reports: &[Report]) -> Error {
    let mut text =
        format!("the dump holds what PostgreSQL {release} cannot load (--best-effort leaves it out)");
    for report in reports {
        for detail in &report.details {
            text.push_str(&format!("\n  {detail}: {}", report.message));
        }
    }
    Error::new(ErrorKind::Unsupported, text)
}

impl Era {
    fn has(self, release: u32) -> bool {
        match self {
            Era::Since(first) => release >= first,
            Era::Before(end) => release < end,
        }
    }
}

impl Feature {
    fn sentence(&self, release: u32) -> String {
        let what = self.what;
        let when = match self.era {
            Era::Since(first) => format!("came with PostgreSQL {first}"),
            Era::Before(end) => format!("went with PostgreSQL {end}"),
        };
        match self.remedy {
            Remedy::Approximate(how) => format!("{what} {when}; for {release} {how}"),
            _ => format!("{what} {when}; for {release} they are left out"),
        }
    }
}

impl Pass<'_> {
    /// The objects that are to be made by the dump and can be.
    fn wanted(&self) -> Vec<DumpId> {
        let objects = self.catalog.objects().iter();
        let wanted =
            objects.filter(|object| object.dumps(Components::DEFINITION) && !self.lost.contains(&object.id));
        wanted.map(|object| object.id).collect()
    }

    /// Calls `change` for each wanted object; where it says that it has changed something, the object is found.
    fn change(&mut self, mut change: impl FnMut(&mut Body) -> bool) {
        for id in self.wanted() {
            if change(&mut self.catalog.object_mut(id).body) {
                self.find(id);
            }
        }
    }

    /// Leaves out each wanted object of which `is` is true.
    fn leave_out(&mut self, is: impl Fn(&Catalog, &Body) -> bool) {
        for id in self.wanted() {
            if is(self.catalog, &self.catalog.object(id).body) {
                self.lose(id);
            }
        }
    }

    /// Notes that the feature is used by an object.
    fn find(&mut self, id: DumpId) {
        self.found.push(describe::object(self.catalog, id));
    }

    /// The same, and that the object cannot be dumped.
    fn lose(&mut self, id: DumpId) {
        self.find(id);
        self.lost.insert(id);
    }
}
