//! The order in which pg_dump comes across the objects of a database.
//!
//! It shows only where objects depend on each other in loops: the search for loops starts with the objects that
//! came first, and which loop is found first decides how it is repaired. The order in which this crate
//! reads may differ; it numbers objects of one kind in the same order, though.

use crate::objects::table::constraint::{ConstraintKind, ConstraintOn};
use crate::objects::table::statistics::StatisticsOf;
use crate::objects::{Body, Catalog, Object};
use crate::toc::DumpId;

/// Objects in that order.
pub(super) fn sorted(catalog: &Catalog) -> Vec<DumpId> {
    let mut keyed: Vec<_> = catalog
        .objects()
        .iter()
        .map(|object| (key(object), object.id))
        .collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, id)| id).collect()
}

/// Kinds as pg_dump reads them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Extension,
    Schema,
    /// With their statistics.
    Relation,
    Function,
    /// With the shells and constraints that come with types.
    Type,
    Language,
    Aggregate,
    Operator,
    AccessMethod,
    OpClass,
    OpFamily,
    TsParser,
    TsTemplate,
    TsDictionary,
    TsConfiguration,
    ForeignDataWrapper,
    ForeignServer,
    DefaultAcl,
    Collation,
    Conversion,
    Cast,
    Transform,
    TableAttach,
    AttrDef,
    Check,
    /// With their statistics and the constraints that they make.
    Index,
    IndexAttach,
    ExtendedStatistics,
    ForeignKey,
    Trigger,
    Rule,
    Policy,
    Publication,
    PublicationSchema,
    PublicationTable,
    SubscriptionTable,
    Subscription,
    EventTrigger,
    Data,
    LargeObject,
    Boundary,
}

/// The stage, the object that one comes with (itself if it comes alone), and the place within its company.
fn key(object: &Object) -> (Stage, DumpId, u8) {
    let alone = |stage| (stage, object.id, 0);
    match &object.body {
        Body::Extension(_) => alone(Stage::Extension),
        Body::Schema(_) => alone(Stage::Schema),
        Body::Table(_) => alone(Stage::Relation),
        Body::Function(_) => alone(Stage::Function),
        Body::Type(_) => alone(Stage::Type),
        Body::ShellType(shell) => (Stage::Type, shell.of, 1),
        Body::Language(_) => alone(Stage::Language),
        Body::Aggregate(_) => alone(Stage::Aggregate),
        Body::Operator(_) => alone(Stage::Operator),
        Body::AccessMethod(_) => alone(Stage::AccessMethod),
        Body::OpClass(_) => alone(Stage::OpClass),
        Body::OpFamily(_) => alone(Stage::OpFamily),
        Body::TsParser(_) => alone(Stage::TsParser),
        Body::TsTemplate(_) => alone(Stage::TsTemplate),
        Body::TsDictionary(_) => alone(Stage::TsDictionary),
        Body::TsConfiguration(_) => alone(Stage::TsConfiguration),
        Body::ForeignDataWrapper(_) => alone(Stage::ForeignDataWrapper),
        Body::ForeignServer(_) => alone(Stage::ForeignServer),
        Body::DefaultAcl(_) => alone(Stage::DefaultAcl),
        Body::Collation(_) => alone(Stage::Collation),
        Body::Conversion(_) => alone(Stage::Conversion),
        Body::Cast(_) => alone(Stage::Cast),
        Body::Transform(_) => alone(Stage::Transform),
        Body::TableAttach(_) => alone(Stage::TableAttach),
        Body::AttrDef(_) => alone(Stage::AttrDef),
        Body::Constraint(constraint) => match (constraint.on, constraint.kind, constraint.index) {
            (ConstraintOn::Domain(domain), _, _) => (Stage::Type, domain, 2),
            (_, ConstraintKind::ForeignKey, _) => alone(Stage::ForeignKey),
            (_, _, Some(index)) => (Stage::Index, index, 2),
            _ => alone(Stage::Check),
        },
        Body::Index(_) => alone(Stage::Index),
        Body::RelationStatistics(statistics) => match statistics.of {
            StatisticsOf::Index => (Stage::Index, statistics.relation, 1),
            _ => (Stage::Relation, statistics.relation, 1),
        },
        Body::IndexAttach(_) => alone(Stage::IndexAttach),
        Body::Trigger(_) => alone(Stage::Trigger),
        Body::Rule(_) => alone(Stage::Rule),
        Body::ExtendedStatistics(_) => alone(Stage::ExtendedStatistics),
        Body::Policy(_) => alone(Stage::Policy),
        Body::Publication(_) => alone(Stage::Publication),
        Body::PublicationSchema(_) => alone(Stage::PublicationSchema),
        Body::PublicationTable(_) => alone(Stage::PublicationTable),
        Body::SubscriptionTable(_) => alone(Stage::SubscriptionTable),
        Body::Subscription(_) => alone(Stage::Subscription),
        Body::EventTrigger(_) => alone(Stage::EventTrigger),
        Body::TableData(_) | Body::SequenceSet(_) | Body::RefreshMatview(_) => alone(Stage::Data),
        Body::LargeObject(_) | Body::LargeObjectData(_) => alone(Stage::LargeObject),
        Body::PreDataBoundary | Body::PostDataBoundary => alone(Stage::Boundary),
    }
}
