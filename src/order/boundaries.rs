//! The lines between pre-data, data and post-data, as objects that everything of a section depends on or is
//! depended on by. With them in the graph the sort needs to know nothing of sections.

use crate::objects::{Body, Catalog, Object};
use crate::toc::{CatalogId, DumpId, Section};

/// On which side of the lines an object must stay.
enum Stage {
    PreData,
    Data,
    PostData,
    /// Wherever the object stands that it is a part of.
    Anywhere,
}

/// Adds the two lines, and what every one of these objects has to do with them, in the order given. Returns
/// the lines' own numbers.
pub(super) fn add(catalog: &mut Catalog, objects: &[DumpId]) -> [DumpId; 2] {
    let pre_data = catalog
        .add(CatalogId::default(), "PRE-DATA BOUNDARY", Body::PreDataBoundary)
        .id;
    let post_data = catalog
        .add(CatalogId::default(), "POST-DATA BOUNDARY", Body::PostDataBoundary)
        .id;
    let mut before_data: Vec<DumpId> = Vec::new();
    let mut before_post_data: Vec<DumpId> = Vec::new();
    for id in objects {
        let object = catalog.object_mut(*id);
        match stage(object) {
            Stage::PreData => before_data.push(object.id),
            Stage::Data => {
                object.dependencies.push(pre_data);
                before_post_data.push(object.id);
            }
            Stage::PostData => object.dependencies.push(post_data),
            Stage::Anywhere => {}
        }
    }
    // With no data at all the sections are still in order.
    before_post_data.push(pre_data);
    catalog.object_mut(pre_data).dependencies = before_data;
    catalog.object_mut(post_data).dependencies = before_post_data;
    [pre_data, post_data]
}

fn stage(object: &Object) -> Stage {
    match &object.body {
        Body::PreDataBoundary | Body::PostDataBoundary => Stage::Anywhere,
        Body::Schema(_)
        | Body::Extension(_)
        | Body::Language(_)
        | Body::Type(_)
        | Body::ShellType(_)
        | Body::Function(_)
        | Body::Aggregate(_)
        | Body::AccessMethod(_)
        | Body::Cast(_)
        | Body::Collation(_)
        | Body::Conversion(_)
        | Body::Operator(_)
        | Body::OpClass(_)
        | Body::OpFamily(_)
        | Body::Transform(_)
        | Body::TsParser(_)
        | Body::TsTemplate(_)
        | Body::TsDictionary(_)
        | Body::TsConfiguration(_)
        | Body::ForeignDataWrapper(_)
        | Body::ForeignServer(_)
        | Body::Table(_)
        | Body::AttrDef(_)
        | Body::TableAttach(_) => Stage::PreData,
        Body::TableData(_) | Body::SequenceSet(_) | Body::LargeObject(_) | Body::LargeObjectData(_) => {
            Stage::Data
        }
        Body::RelationStatistics(statistics) => match statistics.section {
            Section::PostData => Stage::PostData,
            _ => Stage::Data,
        },
        Body::Index(_)
        | Body::IndexAttach(_)
        | Body::ExtendedStatistics(_)
        | Body::Trigger(_)
        | Body::Policy(_)
        | Body::EventTrigger(_)
        | Body::Publication(_)
        | Body::PublicationTable(_)
        | Body::SubscriptionTable(_)
        | Body::PublicationSchema(_)
        | Body::Subscription(_)
        | Body::DefaultAcl(_)
        | Body::RefreshMatview(_) => Stage::PostData,
        Body::Rule(rule) if rule.separate => Stage::PostData,
        Body::Constraint(constraint) if constraint.separate => Stage::PostData,
        Body::Rule(_) | Body::Constraint(_) => Stage::Anywhere,
    }
}
