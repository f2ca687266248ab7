//! The plan of a dump: the entries of its table of contents, in order, and where each one's data come from.
//!
//! Pure: made from a catalog without asking the server anything, and to be looked at before a byte is
//! written. Running it is [`super::run`]'s.

use std::collections::HashMap;
use std::num::NonZero;
use std::sync::Arc;

use bstr::BString;

use super::options::{DumpOptions, Inserts, RowFormat};
use super::target;
use crate::archive::{ArchiveVersion, Format};
use crate::error::Result;
use crate::objects::database::{self, Database, SessionSettings};
use crate::objects::table::data::{self, InsertSource, RowOptions, RowQuery};
use crate::objects::{Body, Catalog, EmitOptions, Emitter};
use crate::order::{self, Warning};
use crate::toc::{DumpId, Entry};

/// What a dump will hold.
#[derive(Debug)]
pub struct Plan {
    /// The entries, in the order of the archive.
    pub entries: Arc<Vec<Entry>>,
    /// Where the data of those entries come from that have some.
    pub sources: HashMap<DumpId, DataSource>,
    /// What could only be ordered at a risk, each in full.
    pub warnings: Vec<PlanWarning>,
}

/// Where an entry's data come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataSource {
    /// The rows of a table, by COPY.
    Rows(RowQuery),
    /// The rows that a query gives, as INSERT statements.
    Inserts(InsertSource, Inserts),
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

impl Plan {
    /// The large objects of each entry that has their contents, in the order of the archive.
    pub(super) fn large_objects(&self) -> impl Iterator<Item = &[u32]> {
        self.entries
            .iter()
            .filter_map(|entry| match self.sources.get(&entry.dump_id)? {
                DataSource::LargeObjects(oids) => Some(oids.as_slice()),
                _ => None,
            })
    }
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
    catalog.check_owners()?;
    let mut database = database.cloned();
    let approximations = match options.target {
        Some(target) if options.entries.definitions => {
            target::adapt(catalog, database.as_mut(), options.entries.statistics, target)?
        }
        _ => Vec::new(),
    };
    let arrangement = order::arrange(catalog)?;
    let catalog = &*catalog;
    let emit = emit_options(options);
    let mut emitter = Emitter::new(catalog, &emit);
    database::emit_session(session, &mut emitter);
    if let Some(database) = &database {
        database::emit(database, !options.script.tablespaces, &mut emitter);
    }
    emit_objects(catalog, &arrangement.order, options.jobs, &mut emitter);
    let emitted = emitter.finish()?;
    let mut entries = wanted(emitted.entries, options)?;
    add_dependencies(catalog, &mut entries);
    let sources = entries
        .iter()
        .filter_map(|entry| source(catalog, entry, options))
        .collect();
    let warning = |warning: &Warning| PlanWarning {
        message: warning.message().to_owned(),
        details: warning.details(catalog),
        hints: warning.hints(),
    };
    let unread = catalog.warnings.iter().cloned().map(PlanWarning::of);
    let risks = arrangement.warnings.iter().map(warning);
    let doubts = emitted.warnings.into_iter().map(PlanWarning::of);
    Ok(Plan {
        sources,
        entries: Arc::new(entries),
        warnings: unread.chain(approximations).chain(risks).chain(doubts).collect(),
    })
}

/// Emits the objects in their order, with several threads where there are many objects and several sessions: the
/// server has nothing to do meanwhile.
fn emit_objects<'a>(catalog: &'a Catalog, order: &[DumpId], jobs: usize, emitter: &mut Emitter<'a>) {
    /// So many objects take longer than another thread's start.
    const WORTH_IT: usize = 2_000;
    let emit = |emitter: &mut Emitter<'a>, part: &[DumpId]| {
        part.iter().for_each(|id| emitter.object(catalog.object(*id)));
    };
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let threads = jobs.min(cores).min(order.len() / WORTH_IT).max(1);
    let (first, rest) = order.split_at(order.len().div_ceil(threads));
    let options = emitter.options;
    std::thread::scope(|scope| {
        let start = |part| {
            scope.spawn(move || {
                let mut emitter = Emitter::new(catalog, options);
                emit(&mut emitter, part);
                emitter
            })
        };
        let parts: Vec<_> = rest.chunks(first.len().max(1)).map(start).collect();
        emit(emitter, first);
        for part in parts {
            match part.join() {
                Ok(part) => emitter.append(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
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
        no_dollar_quoting: options.no_dollar_quoting,
        rows: row_options(options),
        create: options.script.create_database,
        single_large_objects: single_large_objects(options),
        release: options.target.map(|target| target.release),
    }
}

fn row_options(options: &DumpOptions) -> RowOptions {
    RowOptions {
        inserts: matches!(options.rows, RowFormat::Inserts(_)),
        column_names: matches!(options.rows, RowFormat::Inserts(inserts) if inserts.columns),
        via_partition_root: options.load_via_partition_root,
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
    let mut present = Present::new(catalog, entries);
    for entry in entries {
        let is_object = (1..=catalog.objects().len()).contains(&(entry.dump_id.0 as usize));
        if entry.dependencies.is_empty() && is_object {
            entry.dependencies = present.dependencies(catalog, entry.dump_id);
        }
    }
}

/// Which objects have entries, and which were seen on the way from an object to those.
struct Present {
    /// By number.
    has_entry: Vec<bool>,
    /// By number: the last object whose dependencies led there.
    seen_from: Vec<u32>,
    stack: Vec<DumpId>,
}

impl Present {
    fn new(catalog: &Catalog, entries: &[Entry]) -> Present {
        let numbers = catalog.objects().len() + 1;
        let mut has_entry = vec![false; numbers];
        for entry in entries {
            if let Some(present) = has_entry.get_mut(entry.dump_id.0 as usize) {
                *present = true;
            }
        }
        Present {
            has_entry,
            seen_from: vec![0; numbers],
            stack: Vec::new(),
        }
    }

    fn dependencies(&mut self, catalog: &Catalog, of: DumpId) -> Vec<DumpId> {
        let mut found = Vec::new();
        // The next object is taken from the end, so that dependencies come in the order in which they were noted.
        self.stack.extend(catalog.object(of).dependencies.iter().rev());
        while let Some(id) = self.stack.pop() {
            let object = catalog.object(id);
            if matches!(object.body, Body::PreDataBoundary | Body::PostDataBoundary) {
                continue;
            }
            let number = id.0 as usize;
            match self.seen_from.get_mut(number) {
                Some(seen) if *seen != of.0 => *seen = of.0,
                _ => continue,
            }
            if self.has_entry.get(number).is_some_and(|present| *present) {
                found.push(id);
            } else {
                self.stack.extend(object.dependencies.iter().rev());
            }
        }
        found
    }
}

fn source(catalog: &Catalog, entry: &Entry, options: &DumpOptions) -> Option<(DumpId, DataSource)> {
    if !entry.had_dumper {
        return None;
    }
    let object = catalog.object(entry.dump_id);
    let source = match &object.body {
        Body::TableData(rows) => match options.rows {
            RowFormat::Copy => DataSource::Rows(data::row_query(catalog, object, rows)?),
            RowFormat::Inserts(inserts) => {
                let source = data::insert_source(catalog, object, rows, row_options(options));
                DataSource::Inserts(source, inserts)
            }
        },
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::ServerVersion;
    use crate::objects::Components;
    use crate::objects::schema::Schema;
    use crate::objects::table::Table;
    use crate::sql::Quoting;
    use crate::toc::{CatalogId, Desc, Section};

    /// Adds an object that depends on others; what it is does not matter here.
    fn add(catalog: &mut Catalog, body: Body, dependencies: &[DumpId]) -> DumpId {
        let object = catalog.add(CatalogId::default(), "x", body);
        object.dependencies = dependencies.to_vec();
        object.id
    }

    fn table() -> Body {
        Body::Table(Box::<Table>::default())
    }

    #[test]
    fn dependencies_lead_through_what_has_no_entry_but_not_through_boundaries() {
        let mut catalog = Catalog::new(ServerVersion(180_000), Quoting::default());
        let first = add(&mut catalog, table(), &[]);
        let beyond = add(&mut catalog, table(), &[]);
        let boundary = add(&mut catalog, Body::PreDataBoundary, &[beyond]);
        let without_entry = add(&mut catalog, table(), &[first, boundary]);
        let last = add(&mut catalog, table(), &[without_entry, boundary, first]);
        let mut entries = [first, beyond, last].map(|id| Entry::new(id, Desc::Table, "x", Section::PreData));
        add_dependencies(&catalog, &mut entries);
        assert_eq!(
            entries.map(|entry| entry.dependencies),
            [vec![], vec![], vec![first]]
        );
    }

    #[test]
    fn entries_that_name_dependencies_keep_them_and_those_of_no_object_have_none() {
        let mut catalog = Catalog::new(ServerVersion(180_000), Quoting::default());
        let first = add(&mut catalog, table(), &[]);
        let second = add(&mut catalog, table(), &[first]);
        let mut named = Entry::new(second, Desc::TableData, "x", Section::Data);
        named.dependencies = vec![second];
        let mut entries = [named, Entry::new(DumpId(3), Desc::Comment, "x", Section::None)];
        add_dependencies(&catalog, &mut entries);
        assert_eq!(entries.map(|entry| entry.dependencies), [vec![second], vec![]]);
    }

    #[test]
    fn a_plan_begins_with_the_session_and_leaves_out_what_is_not_wanted() {
        let session = SessionSettings {
            encoding: "UTF8".into(),
            standard_strings: true,
            search_path: BString::default(),
        };
        let kinds = |definitions| {
            let mut catalog = Catalog::new(ServerVersion(180_000), Quoting::default());
            let schema = Schema {
                create: true,
                contents: Components::ALL,
            };
            add(&mut catalog, Body::Schema(Box::new(schema)), &[]);
            let mut options = DumpOptions::default();
            options.entries.definitions = definitions;
            let plan = plan(&mut catalog, None, &session, &options).unwrap();
            let kinds = plan.entries.iter().map(|entry| entry.desc.text().to_string());
            kinds.collect::<Vec<_>>()
        };
        assert_eq!(kinds(true), ["ENCODING", "STDSTRINGS", "SEARCHPATH", "SCHEMA"]);
        assert_eq!(kinds(false), ["ENCODING", "STDSTRINGS", "SEARCHPATH"]);
    }
}
