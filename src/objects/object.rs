//! One object of a database: what all kinds share ([`Object`]) and what is a kind's own ([`Body`]).

use bstr::{BStr, BString};

use super::{Acl, Components};
use crate::toc::{CatalogId, DumpId};

/// One thing that a dump orders and emits.
///
/// Most are rows of a catalog; some are made for the sake of order (a table's rows, the boundaries
/// between sections).
#[derive(Debug)]
pub struct Object {
    /// Its number in the dump: its place in [`Catalog::objects`](super::Catalog::objects), plus one.
    pub id: DumpId,
    /// Its row in the catalogs; zeros for what has none.
    pub catalog_id: CatalogId,
    /// Its bare name.
    pub name: BString,
    /// The schema it lives in, if it lives in one.
    pub schema: Option<DumpId>,
    /// Its owner's role oid, 0 where it has no owner.
    pub owner: u32,
    /// What is wanted of it.
    pub dump: Components,
    /// What it has; entries are only made for parts that are both wanted and there.
    pub has: Components,
    /// The extension it belongs to, if any.
    pub extension: Option<DumpId>,
    /// Its grants, for kinds that have any; `None` where the catalog's column is null and nothing differs from
    /// what the object was made with.
    pub acl: Option<Box<Acl>>,
    /// What must come before it. May name objects that are not dumped; the order needs them.
    pub dependencies: Vec<DumpId>,
    /// What is particular to its kind.
    pub body: Body,
}

/// What is particular to an object's kind. The order of the variants means nothing: see
/// [`crate::order`] for priorities.
#[derive(Debug)]
#[non_exhaustive]
pub enum Body {
    /// The line between pre-data and data; everything of pre-data comes before it.
    PreDataBoundary,
    /// The line between data and post-data.
    PostDataBoundary,
    /// A schema (`pg_namespace`).
    Schema(Box<super::schema::Schema>),
    /// An extension; its members are left out of the dump.
    Extension(Box<super::extension::Extension>),
    /// A procedural language.
    Language(Box<super::language::Language>),
    /// A data type: enum, domain, composite, range, base, or the row type of a relation.
    Type(Box<super::types::Type>),
    /// The shell of a base type, which its I/O functions need before the type itself.
    ShellType(Box<super::types::shell::ShellType>),
    /// A function, procedure or window function.
    Function(Box<super::function::Function>),
    /// An aggregate function.
    Aggregate(Box<super::aggregate::Aggregate>),
    /// An access method for indexes or tables.
    AccessMethod(Box<super::access_method::AccessMethod>),
    /// A cast between two types.
    Cast(Box<super::cast::Cast>),
    /// A collation.
    Collation(Box<super::collation::Collation>),
    /// A conversion between two encodings.
    Conversion(Box<super::conversion::Conversion>),
    /// An operator.
    Operator(Box<super::operator::Operator>),
    /// An operator class.
    OpClass(Box<super::opclass::OpClass>),
    /// An operator family.
    OpFamily(Box<super::opfamily::OpFamily>),
    /// A transform of a type for a procedural language.
    Transform(Box<super::transform::Transform>),
    /// A text search parser.
    TsParser(Box<super::text_search::parser::Parser>),
    /// A text search template.
    TsTemplate(Box<super::text_search::template::Template>),
    /// A text search dictionary.
    TsDictionary(Box<super::text_search::dictionary::Dictionary>),
    /// A text search configuration.
    TsConfiguration(Box<super::text_search::configuration::Configuration>),
    /// A foreign-data wrapper.
    ForeignDataWrapper(Box<super::foreign::wrapper::ForeignDataWrapper>),
    /// A foreign server with its user mappings.
    ForeignServer(Box<super::foreign::server::ForeignServer>),
    /// A relation: table, partitioned table, foreign table, view, materialized view or sequence.
    Table(Box<super::table::Table>),
    /// A column's default or generation expression.
    AttrDef(Box<super::table::attrdef::AttrDef>),
    /// `ALTER TABLE … ATTACH PARTITION`.
    TableAttach(Box<super::table::attach::TableAttach>),
    /// An index that no constraint owns.
    Index(Box<super::table::index::Index>),
    /// `ALTER INDEX … ATTACH PARTITION`.
    IndexAttach(Box<super::table::index_attach::IndexAttach>),
    /// An extended statistics object (`CREATE STATISTICS`).
    ExtendedStatistics(Box<super::extended_statistics::ExtendedStatistics>),
    /// A constraint of a table or domain: check, not null, primary key, unique, exclusion or foreign key.
    Constraint(Box<super::table::constraint::Constraint>),
    /// The rows of a table.
    TableData(Box<super::table::data::TableData>),
    /// The planner statistics of a relation.
    RelationStatistics(Box<super::table::statistics::RelationStatistics>),
    /// The current value of a sequence.
    SequenceSet(Box<super::sequence::SequenceSet>),
    /// The population of a materialized view.
    RefreshMatview(Box<super::matview::RefreshMatview>),
    /// A rewrite rule, the `_RETURN` rules of views included.
    Rule(Box<super::rule::Rule>),
    /// A trigger.
    Trigger(Box<super::trigger::Trigger>),
    /// A row security policy, or that row security is on for a table.
    Policy(Box<super::policy::Policy>),
    /// An event trigger.
    EventTrigger(Box<super::event_trigger::EventTrigger>),
    /// A publication.
    Publication(Box<super::publication::Publication>),
    /// A table in a publication.
    PublicationTable(Box<super::publication::PublicationTable>),
    /// A schema in a publication.
    PublicationSchema(Box<super::publication::PublicationSchema>),
    /// A subscription.
    Subscription(Box<super::subscription::Subscription>),
    /// What a subscription knows of a table; for pg_upgrade only.
    SubscriptionTable(Box<super::upgrade::SubscriptionTable>),
    /// `ALTER DEFAULT PRIVILEGES`.
    DefaultAcl(Box<super::default_acl::DefaultAcl>),
    /// Large objects that share owner and grants (one or more).
    LargeObject(Box<super::large_object::LargeObject>),
    /// The contents of those large objects.
    LargeObjectData(Box<super::large_object::LargeObjectData>),
}

impl Object {
    /// True if any of `parts` is both wanted and there.
    pub fn dumps(&self, parts: Components) -> bool {
        (self.dump & self.has).intersects(parts)
    }

    /// The bare name, borrowed.
    pub fn name(&self) -> &BStr {
        self.name.as_ref()
    }

    /// Notes its grants, if it has any.
    pub fn set_acl(&mut self, acl: Option<Box<Acl>>) {
        if acl.is_some() {
            self.has |= Components::ACL;
        }
        self.acl = acl;
    }

    /// Adds a dependency unless it is there already.
    pub fn depend_on(&mut self, other: DumpId) {
        if !self.dependencies.contains(&other) {
            self.dependencies.push(other);
        }
    }

    /// Removes a dependency if it is there.
    pub fn forget(&mut self, other: DumpId) {
        self.dependencies.retain(|id| *id != other);
    }
}
