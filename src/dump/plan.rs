//! The plan of a dump: the entries of its table of contents, in order, and where each one's data come from.
//!
//! Pure: made from a catalog without asking the server anything, and to be looked at before a byte is
//! written. Running it is [`super::run`]'s.

use std::collections::{HashMap, HashSet};

use bstr::BString;

use super::options::DumpOptions;
use crate::archive::{ArchiveVersion, Format};
use crate::error::Result;
use crate::objects::database::{self, Database, SessionSettings};
use crate::objects::table::data;
use crate::objects::{Body, Catalog, EmitOptions, Emitter};
use crate::order::{self, Warning};
use crate::toc::{DumpId, Entry};

/// What a dump will hold.
#[derive(Debug)]
pub struct Plan {
    /// The entries, in the order of the archive.
    pub entries: Vec<Entry>,
    /// Where the data of those entries come from that have some.
    pub sources: HashMap<DumpId, DataSource>,
    /// What could only be ordered at a risk, each in full.
    pub warnings: Vec<PlanWarning>,
}

/// Where an entry's data come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataSource {
    /// The rows that this COPY statement gives.
    Rows(BString),
    /// These large objects.
    LargeObjects(Vec<u32>),
}

/// Something to tell the user about the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanWarning {
    /// What is the matter.
    pub message: String,
    /// What it is about, one a line.
    pub details: Vec<BString>,
    /// What can be done about it, one a line.
    pub hints: &'static [&'static str],
}

impl PlanWarning {
    /// A warning that is all in one sentence.
    pub fn of(message: impl Into<String>) -> PlanWarning {
        PlanWarning {
            message: message.into(),
            details: Vec::new(),
            hints: &[],
        }
    }
}

/// Puts a catalog in order and makes its entries.
///
/// # Errors
/// If the catalog cannot be put in order, or an option names what is not there.
pub fn plan(
    catalog: &mut Catalog,
    database: Option<&Database>,
    session: &SessionSettings,
    options: &DumpOptions,
) -> Result<Plan> {
    let arrangement = order::arrange(catalog)?;
    let catalog = &*catalog;
    let emit = emit_options(options);
    let mut emitter = Emitter::new(catalog, &emit);
    database::emit_session(session, &mut emitter);
    if let Some(database) = database {
        database::emit(database, !options.script.tablespaces, &mut emitter);
    }
    for id in &arrangement.order {
        emitter.object(catalog.object(*id));
    }
    let mut entries = wanted(emitter.into_entries(), options)?;
    add_dependencies(catalog, &mut entries);
    let sources = entries
        .iter()
        .filter_map(|entry| source(catalog, entry))
        .collect();
    let warning = |warning: &Warning| PlanWarning {
        message: warning.message().to_owned(),
        details: warning.details(catalog),
        hints: warning.hints(),
    };
    Ok(Plan {
        sources,
        entries,
        warnings: arrangement.warnings.iter().map(warning).collect(),
    })
}

fn emit_options(options: &DumpOptions) -> EmitOptions {
    let entries = &options.entries;
    EmitOptions {
        schema: entries.definitions,
        data: entries.data,
        statistics: entries.statistics,
        no_acl: !entries.privileges,
        no_comments: !entries.comments,
        no_security_labels: !entries.security_labels,
        no_policies: !entries.policies,
        no_publications: !entries.publications,
        no_subscriptions: !entries.subscriptions,
        no_toast_compression: options.no_toast_compression,
        no_unlogged_table_data: options.no_unlogged_table_data,
        create: options.script.create_database,
        single_large_objects: single_large_objects(options),
    }
}

/// Whether every large object has an entry of its own, as readers of older archives expect.
pub(super) fn single_large_objects(options: &DumpOptions) -> bool {
    options.output.format != Format::Plain && options.output.version < ArchiveVersion::V1_16
}

/// The entries that are wanted in the dump at all.
fn wanted(entries: Vec<Entry>, options: &DumpOptions) -> Result<Vec<Entry>> {
    let wanted = options.entries.select(&entries)?;
    let pairs = entries.into_iter().zip(wanted);
    let is_wanted = |entry: &Entry, any: bool| any || entry.desc.is_special();
    Ok(pairs
        .filter(|(entry, wanted)| is_wanted(entry, wanted.is_any()))
        .map(|(entry, _)| entry)
        .collect())
}

/// Gives every entry that names no dependencies itself those of its object. Objects without an entry are passed
/// through to what they depend on.
fn add_dependencies(catalog: &Catalog, entries: &mut [Entry]) {
    let present: HashSet<DumpId> = entries.iter().map(|entry| entry.dump_id).collect();
    for entry in entries {
        let is_object = (1..=catalog.objects().len()).contains(&(entry.dump_id.0 as usize));
        if entry.dependencies.is_empty() && is_object {
            entry.dependencies = present_dependencies(catalog, &present, entry.dump_id);
        }
    }
}

fn present_dependencies(catalog: &Catalog, present: &HashSet<DumpId>, id: DumpId) -> Vec<DumpId> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    // The next object is taken from the end, so that dependencies come in the order in which they were noted.
    let mut stack: Vec<DumpId> = catalog.object(id).dependencies.iter().rev().copied().collect();
    while let Some(id) = stack.pop() {
        let object = catalog.object(id);
        let is_boundary = matches!(object.body, Body::PreDataBoundary | Body::PostDataBoundary);
        if is_boundary || !seen.insert(id) {
            continue;
        }
        if present.contains(&id) {
            found.push(id);
        } else {
            stack.extend(object.dependencies.iter().rev());
        }
    }
    found
}

fn source(catalog: &Catalog, entry: &Entry) -> Option<(DumpId, DataSource)> {
    if !entry.had_dumper {
        return None;
    }
    let object = catalog.object(entry.dump_id);
    let source = match &object.body {
        Body::TableData(rows) => DataSource::Rows(data::copy_query(catalog, object, rows)),
        Body::LargeObjectData(data) => {
            let groups = data.groups.iter().map(|id| &catalog.object(*id).body);
            let oids = groups.flat_map(|body| match body {
                Body::LargeObject(group) => group.oids.as_slice(),
                _ => &[],
            });
            DataSource::LargeObjects(oids.copied().collect())
        }
        _ => return None,
    };
    Some((entry.dump_id, source))
}
