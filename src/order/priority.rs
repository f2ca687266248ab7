//! The first thing a dump is sorted by: the kind of object. Which
//! section a kind belongs to is in [`super::boundaries`].

use crate::objects::table::constraint::ConstraintKind;
use crate::objects::{Body, Object};

/// Where a kind stands among the others, if dependencies do not say otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Priority {
    Schema,
    Language,
    Collation,
    Transform,
    Extension,
    Type,
    Cast,
    Function,
    Aggregate,
    AccessMethod,
    Operator,
    /// Operator classes and families.
    OpFamily,
    Conversion,
    TsParser,
    TsTemplate,
    TsDictionary,
    TsConfiguration,
    ForeignDataWrapper,
    ForeignServer,
    Table,
    TableAttach,
    /// Row types of relations, and array types: never made by themselves.
    DummyType,
    AttrDef,
    PreDataBoundary,
    TableData,
    SequenceSet,
    LargeObject,
    LargeObjectData,
    RelationStatistics,
    PostDataBoundary,
    Constraint,
    Index,
    IndexAttach,
    ExtendedStatistics,
    Rule,
    Trigger,
    ForeignKey,
    Policy,
    Publication,
    PublicationTable,
    PublicationSchema,
    Subscription,
    SubscriptionTable,
    DefaultAcl,
    EventTrigger,
    RefreshMatview,
}

impl Priority {
    /// The place of an object's kind.
    pub(super) fn of(object: &Object) -> Priority {
        match &object.body {
            Body::Schema(_) => Priority::Schema,
            Body::Language(_) => Priority::Language,
            Body::Extension(_) => Priority::Extension,
            Body::Type(ty) if ty.kind.is_implied() => Priority::DummyType,
            Body::Type(_) | Body::ShellType(_) => Priority::Type,
            Body::Function(_) => Priority::Function,
            Body::Aggregate(_) => Priority::Aggregate,
            Body::AccessMethod(_) => Priority::AccessMethod,
            Body::Cast(_) => Priority::Cast,
            Body::Collation(_) => Priority::Collation,
            Body::Conversion(_) => Priority::Conversion,
            Body::Operator(_) => Priority::Operator,
            Body::OpClass(_) | Body::OpFamily(_) => Priority::OpFamily,
            Body::Transform(_) => Priority::Transform,
            Body::TsParser(_) => Priority::TsParser,
            Body::TsTemplate(_) => Priority::TsTemplate,
            Body::TsDictionary(_) => Priority::TsDictionary,
            Body::TsConfiguration(_) => Priority::TsConfiguration,
            Body::ForeignDataWrapper(_) => Priority::ForeignDataWrapper,
            Body::ForeignServer(_) => Priority::ForeignServer,
            Body::Table(_) => Priority::Table,
            Body::TableAttach(_) => Priority::TableAttach,
            Body::AttrDef(_) => Priority::AttrDef,
            Body::LargeObject(_) => Priority::LargeObject,
            Body::PreDataBoundary => Priority::PreDataBoundary,
            Body::TableData(_) => Priority::TableData,
            Body::SequenceSet(_) => Priority::SequenceSet,
            Body::LargeObjectData(_) => Priority::LargeObjectData,
            Body::RelationStatistics(_) => Priority::RelationStatistics,
            Body::PostDataBoundary => Priority::PostDataBoundary,
            Body::Constraint(constraint) if constraint.kind == ConstraintKind::ForeignKey => {
                Priority::ForeignKey
            }
            Body::Constraint(_) => Priority::Constraint,
            Body::Index(_) => Priority::Index,
            Body::IndexAttach(_) => Priority::IndexAttach,
            Body::ExtendedStatistics(_) => Priority::ExtendedStatistics,
            Body::Rule(_) => Priority::Rule,
            Body::Trigger(_) => Priority::Trigger,
            Body::Policy(_) => Priority::Policy,
            Body::Publication(_) => Priority::Publication,
            Body::PublicationTable(_) => Priority::PublicationTable,
            Body::PublicationSchema(_) => Priority::PublicationSchema,
            Body::Subscription(_) => Priority::Subscription,
            Body::SubscriptionTable(_) => Priority::SubscriptionTable,
            Body::EventTrigger(_) => Priority::EventTrigger,
            Body::DefaultAcl(_) => Priority::DefaultAcl,
            Body::RefreshMatview(_) => Priority::RefreshMatview,
        }
    }
}
