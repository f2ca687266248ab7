//! What objects are called in messages.

use bstr::{BStr, BString};

use crate::objects::table::constraint::ConstraintOn;
use crate::objects::{Body, Catalog, Object};
use crate::sql::text;
use crate::toc::DumpId;

/// An object with its kind: `table public.t`, `trigger x on table public.t`.
pub(super) fn object(catalog: &Catalog, id: DumpId) -> BString {
    let object = catalog.object(id);
    let (word, on) = kind(object);
    let arguments = match &object.body {
        Body::Function(function) => function.details.as_ref().map(|details| &details.argument_types),
        Body::Aggregate(aggregate) => aggregate.details.as_ref().map(|details| &details.argument_types),
        _ => None,
    };
    if let (Some(on), Body::AttrDef(attrdef)) = (on, &object.body) {
        return match catalog.table(on).and_then(|table| table.column(attrdef.column)) {
            Some(found) => text!("default of ", column(catalog, on, found.name.as_ref())),
            None => text!("default in ", self::object(catalog, on)),
        };
    }
    match on {
        Some(on) => text!(
            word,
            " ",
            catalog.ident(object),
            " on ",
            self::object(catalog, on)
        ),
        None => {
            let mut name = text!(word, " ", catalog.qualified(object));
            if let Some(types) = arguments {
                name = text!(name, "(", bstr::join(", ", types), ")");
            }
            name
        }
    }
}

/// A column of a table.
pub(super) fn column(catalog: &Catalog, table: DumpId, name: &BStr) -> BString {
    text!(
        "column ",
        catalog.quoting.ident(name),
        " of ",
        object(catalog, table)
    )
}

/// An object's kind in lower case, and what it is on, if it is on something.
fn kind(object: &Object) -> (&'static str, Option<DumpId>) {
    match &object.body {
        Body::Schema(_) => ("schema", None),
        Body::Extension(_) => ("extension", None),
        Body::Language(_) => ("language", None),
        Body::Type(_) | Body::ShellType(_) => ("type", None),
        Body::Function(function) => {
            let details = function.details.as_ref();
            let word = details.map_or("FUNCTION", |details| details.kind.word());
            (
                if word == "PROCEDURE" {
                    "procedure"
                } else {
                    "function"
                },
                None,
            )
        }
        Body::Aggregate(_) => ("aggregate", None),
        Body::AccessMethod(_) => ("access method", None),
        Body::Cast(_) => ("cast", None),
        Body::Collation(_) => ("collation", None),
        Body::Conversion(_) => ("conversion", None),
        Body::Operator(_) => ("operator", None),
        Body::OpClass(_) => ("operator class", None),
        Body::OpFamily(_) => ("operator family", None),
        Body::Transform(_) => ("transform", None),
        Body::TsParser(_) => ("text search parser", None),
        Body::TsTemplate(_) => ("text search template", None),
        Body::TsDictionary(_) => ("text search dictionary", None),
        Body::TsConfiguration(_) => ("text search configuration", None),
        Body::ForeignDataWrapper(_) => ("foreign-data wrapper", None),
        Body::ForeignServer(_) => ("foreign server", None),
        Body::Table(table) => (relation(table), None),
        Body::AttrDef(attrdef) => ("default", Some(attrdef.table)),
        Body::TableAttach(attach) => ("partition", Some(attach.parent)),
        Body::Index(_) => ("index", None),
        Body::IndexAttach(_) => ("index partition", None),
        Body::ExtendedStatistics(_) => ("statistics object", None),
        Body::Constraint(constraint) => match constraint.on {
            ConstraintOn::Table(on) | ConstraintOn::Domain(on) => ("constraint", Some(on)),
        },
        Body::Rule(rule) => ("rule", Some(rule.table)),
        Body::Trigger(trigger) => ("trigger", Some(trigger.table)),
        Body::Policy(policy) => ("policy", Some(policy.table)),
        Body::EventTrigger(_) => ("event trigger", None),
        Body::Publication(_) => ("publication", None),
        Body::PublicationTable(member) => ("publication of table", Some(member.publication)),
        Body::PublicationSchema(member) => ("publication of schema", Some(member.publication)),
        Body::Subscription(_) => ("subscription", None),
        Body::SubscriptionTable(table) => ("table of subscription", Some(table.subscription)),
        Body::DefaultAcl(_) => ("default privileges", None),
        Body::LargeObject(_) | Body::LargeObjectData(_) => ("large object", None),
        Body::TableData(_) => ("data of table", None),
        Body::RelationStatistics(_) => ("statistics of", None),
        Body::SequenceSet(_) => ("value of sequence", None),
        Body::RefreshMatview(_) => ("data of materialized view", None),
        Body::PreDataBoundary | Body::PostDataBoundary => ("boundary", None),
    }
}

fn relation(table: &crate::objects::table::Table) -> &'static str {
    use crate::objects::table::RelKind;
    match table.relkind {
        RelKind::View => "view",
        RelKind::MaterializedView => "materialized view",
        RelKind::Sequence => "sequence",
        RelKind::Foreign => "foreign table",
        RelKind::Composite => "type",
        RelKind::Index | RelKind::PartitionedIndex => "index",
        RelKind::Table | RelKind::Partitioned | RelKind::Toast => "table",
    }
}
