//! Making archive entries: the [`Emitter`] that kinds write into, and the one list that leads from an
//! object to its kind.

use std::cell::{Cell, RefCell};

use bstr::BStr;

use super::{
    Body, Catalog, Object, access_method, aggregate, cast, collation, conversion, default_acl, event_trigger,
    extended_statistics, extension, foreign, function, language, large_object, matview, opclass, operator,
    opfamily, policy, publication, rule, schema, sequence, subscription, table, text_search, transform,
    trigger, types, upgrade,
};
use crate::error::{Error, ErrorKind, Result};
use crate::toc::{Desc, DumpId, Entry, Name, Names, Section};

/// What emission must know of the user's wishes.
#[derive(Debug, Clone)]
pub struct EmitOptions {
    /// Schema definitions are wanted.
    pub schema: bool,
    /// Data are wanted.
    pub data: bool,
    /// Planner statistics are wanted.
    pub statistics: bool,
    /// Grants are left out.
    pub no_acl: bool,
    /// Comments are left out.
    pub no_comments: bool,
    /// Security labels are left out.
    pub no_security_labels: bool,
    /// Row security policies are left out.
    pub no_policies: bool,
    /// Publications are left out.
    pub no_publications: bool,
    /// Subscriptions are left out.
    pub no_subscriptions: bool,
    /// `SET COMPRESSION` clauses are left out.
    pub no_toast_compression: bool,
    /// Rows of unlogged tables are left out.
    pub no_unlogged_table_data: bool,
    /// Bodies of functions are string literals, not dollar-quoted.
    pub no_dollar_quoting: bool,
    /// How rows are loaded.
    pub rows: table::data::RowOptions,
    /// Entries carry drop statements that name owners and databases for `--create`.
    pub create: bool,
    /// The archive version's large object entries are one per object (before 1.16).
    pub single_large_objects: bool,
    /// The oldest release that must understand what is emitted, if it need not be the newest.
    pub release: Option<u32>,
}

impl EmitOptions {
    /// Whether what came with a release may be used.
    pub fn knows(&self, since: u32) -> bool {
        self.release.is_none_or(|release| release >= since)
    }
}

/// Collects the entries of a dump, in order, and gives out numbers for those that are not objects
/// themselves (comments, grants).
#[derive(Debug)]
pub struct Emitter<'a> {
    /// Where everything is looked up.
    pub catalog: &'a Catalog,
    /// What is wanted.
    pub options: &'a EmitOptions,
    entries: Vec<Entry>,
    warnings: Vec<String>,
    failure: Option<Error>,
    names: RefCell<Names>,
    last_id: u32,
    /// The last oid that was given to a type which the server does not have; 0 for none.
    pub(super) last_free_type: Cell<u32>,
}

/// What an [`Emitter`] has made.
#[derive(Debug)]
pub struct Emitted {
    /// The entries, in order.
    pub entries: Vec<Entry>,
    /// What the user should know of them.
    pub warnings: Vec<String>,
}

impl<'a> Emitter<'a> {
    /// An emitter that numbers what it makes after the catalog's objects.
    pub fn new(catalog: &'a Catalog, options: &'a EmitOptions) -> Self {
        let last_id = u32::try_from(catalog.objects().len()).unwrap_or(u32::MAX);
        Emitter {
            catalog,
            options,
            warnings: Vec::new(),
            failure: None,
            // About as many: some objects have none of their own, others have grants and comments.
            entries: Vec::with_capacity(catalog.objects().len()),
            names: RefCell::default(),
            last_id,
            last_free_type: Cell::new(0),
        }
    }

    /// A number no entry has yet.
    pub fn next_id(&mut self) -> DumpId {
        self.last_id += 1;
        DumpId(self.last_id)
    }

    /// The beginning of an object's own entry: number, row, name, schema and owner are its own; statements and
    /// dependencies are to be filled in.
    pub fn entry(&self, object: &Object, desc: Desc, section: Section) -> Entry {
        let mut entry = Entry::new(object.id, desc, object.name.clone(), section);
        entry.catalog_id = object.catalog_id;
        entry.namespace = self.catalog.schema_name(object).map(|name| self.name(name));
        entry.owner = (object.owner != 0).then(|| self.name(self.catalog.owner_name(object)));
        entry
    }

    /// A name that entries share.
    pub fn name(&self, text: &BStr) -> Name {
        self.names.borrow_mut().name(text)
    }

    /// Adds an entry after all others.
    pub fn push(&mut self, mut entry: Entry) {
        // All entries are kept until the dump is written, the room that statements have left over is not.
        entry.tag.shrink_to_fit();
        for text in [&mut entry.definition, &mut entry.drop_statement] {
            text.iter_mut().for_each(|text| text.shrink_to_fit());
        }
        self.entries.push(entry);
    }

    /// Adds the entries of an object and of what hangs on it.
    pub fn object(&mut self, object: &Object) {
        let first = self.entries.len();
        self.kind(object);
        upgrade::add_to_extension(self, object, first);
    }

    fn kind(&mut self, object: &Object) {
        let definitions = self.options.schema;
        match &object.body {
            Body::PreDataBoundary | Body::PostDataBoundary => {}
            Body::TableData(body) => table::data::emit(object, body, self),
            Body::SequenceSet(body) => sequence::emit_set(object, body, self),
            Body::RefreshMatview(body) => matview::emit(object, body, self),
            Body::LargeObject(body) => large_object::emit(object, body, self),
            Body::LargeObjectData(_) => large_object::emit_data(object, self),
            Body::RelationStatistics(body) if self.options.statistics => {
                table::statistics::emit(object, body, self);
            }
            Body::RelationStatistics(_) => {}
            // All that follows is definitions.
            _ if !definitions => {}
            Body::Schema(body) => schema::emit(object, body, self),
            Body::Extension(body) => extension::emit(object, body, self),
            Body::Language(body) => language::emit(object, body, self),
            Body::Type(body) => types::emit(object, body, self),
            Body::ShellType(body) => types::shell::emit(object, body, self),
            Body::Function(body) => function::emit(object, body, self),
            Body::Aggregate(body) => aggregate::emit(object, body, self),
            Body::AccessMethod(body) => access_method::emit(object, body, self),
            Body::Cast(body) => cast::emit(object, body, self),
            Body::Collation(body) => collation::emit(object, body, self),
            Body::Conversion(body) => conversion::emit(object, body, self),
            Body::Operator(body) => operator::emit(object, body, self),
            Body::OpClass(body) => opclass::emit(object, body, self),
            Body::OpFamily(body) => opfamily::emit(object, body, self),
            Body::Transform(body) => transform::emit(object, body, self),
            Body::TsParser(body) => text_search::parser::emit(object, body, self),
            Body::TsTemplate(body) => text_search::template::emit(object, body, self),
            Body::TsDictionary(body) => text_search::dictionary::emit(object, body, self),
            Body::TsConfiguration(body) => text_search::configuration::emit(object, body, self),
            Body::ForeignDataWrapper(body) => foreign::wrapper::emit(object, body, self),
            Body::ForeignServer(body) => foreign::server::emit(object, body, self),
            Body::Table(body) => table::emit(object, body, self),
            Body::AttrDef(body) => table::attrdef::emit(object, body, self),
            Body::TableAttach(body) => table::attach::emit(object, body, self),
            Body::Index(body) => table::index::emit(object, body, self),
            Body::IndexAttach(body) => table::index_attach::emit(object, body, self),
            Body::ExtendedStatistics(body) => extended_statistics::emit(object, body, self),
            Body::Constraint(body) => table::constraint::emit(object, body, self),
            Body::Rule(body) => rule::emit(object, body, self),
            Body::Trigger(body) => trigger::emit(object, body, self),
            Body::Policy(body) => policy::emit(object, body, self),
            Body::EventTrigger(body) => event_trigger::emit(object, body, self),
            Body::Publication(body) => publication::emit(object, body, self),
            Body::PublicationTable(body) => publication::emit_table(object, body, self),
            Body::PublicationSchema(body) => publication::emit_schema(object, body, self),
            Body::Subscription(body) => subscription::emit(object, body, self),
            Body::SubscriptionTable(body) => upgrade::emit_subscription_table(object, body, self),
            Body::DefaultAcl(body) => default_acl::emit(object, body, self),
        }
    }

    /// The entries made so far.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entries from a place on, to change them.
    pub(super) fn entries_from(&mut self, first: usize) -> &mut [Entry] {
        self.entries.get_mut(first..).unwrap_or_default()
    }

    /// Tells the user of something that is dumped, but not as it stands in the catalogs.
    pub fn warn(&mut self, warning: String) {
        self.warnings.push(warning);
    }

    /// Notes that an object cannot be dumped, because what the catalogs say of it makes no sense. The dump ends then;
    /// one without the object would look complete.
    pub fn fail(&mut self, message: String) {
        self.failure
            .get_or_insert_with(|| Error::new(ErrorKind::Protocol, message));
    }

    /// Fails because what an object cannot be without is gone from the catalogs.
    pub fn fail_without(&mut self, what: &str, object: &Object) {
        let (name, oid) = (&object.name, object.catalog_id.oid);
        self.fail(format!("{what} of \"{name}\" (OID {oid}) not found"));
    }

    /// Adds what another emitter made of the objects after this one's, as if it had been made here.
    pub fn append(&mut self, next: Emitter<'_>) {
        let objects = u32::try_from(self.catalog.objects().len()).unwrap_or(u32::MAX);
        let more = self.last_id - objects;
        let renumber = |id: &mut DumpId| {
            if id.0 > objects {
                id.0 += more;
            }
        };
        let mut entries = next.entries;
        for entry in &mut entries {
            renumber(&mut entry.dump_id);
            entry.dependencies.iter_mut().for_each(renumber);
        }
        self.last_id += next.last_id - objects;
        self.entries.append(&mut entries);
        self.warnings.extend(next.warnings);
        self.failure = self.failure.take().or(next.failure);
    }

    /// All that was made.
    ///
    /// # Errors
    /// The first of the objects that cannot be dumped.
    pub fn finish(self) -> Result<Emitted> {
        match self.failure {
            Some(failure) => Err(failure),
            None => Ok(Emitted {
                entries: self.entries,
                warnings: self.warnings,
            }),
        }
    }
}
