//! What people are told about a loop that could not be repaired for good.

use bstr::{BString, ByteSlice};

use crate::objects::{Body, Catalog, Object};
use crate::toc::DumpId;

/// A loop that could only be broken with a risk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// The rows of these tables refer to each other.
    CircularForeignKeys(Vec<DumpId>),
    /// These objects need each other in a way that no repair knows.
    Unresolved(Vec<DumpId>),
}

impl Warning {
    /// The warning's sentence.
    pub fn message(&self) -> &'static str {
        match self {
            Warning::CircularForeignKeys(tables) if tables.len() == 1 => {
                "there are circular foreign-key constraints on this table:"
            }
            Warning::CircularForeignKeys(_) => {
                "there are circular foreign-key constraints among these tables:"
            }
            Warning::Unresolved(_) => "could not resolve dependency loop among these items:",
        }
    }

    /// The objects concerned, one a line.
    pub fn details(&self, catalog: &Catalog) -> Vec<BString> {
        match self {
            Warning::CircularForeignKeys(tables) => {
                tables.iter().map(|id| catalog.object(*id).name.clone()).collect()
            }
            Warning::Unresolved(objects) => objects.iter().map(|id| describe(catalog.object(*id))).collect(),
        }
    }

    /// What can be done about it, one a line.
    pub fn hints(&self) -> &'static [&'static str] {
        match self {
            Warning::CircularForeignKeys(_) => &[
                "You might not be able to restore the dump without using --disable-triggers or temporarily \
                 dropping the constraints.",
                "Consider using a full dump instead of a --data-only dump to avoid this problem.",
            ],
            Warning::Unresolved(_) => &[],
        }
    }
}

/// An object for people who look for it in the catalogs.
fn describe(object: &Object) -> BString {
    let kind = match &object.body {
        Body::PreDataBoundary => "PRE-DATA BOUNDARY",
        Body::PostDataBoundary => "POST-DATA BOUNDARY",
        Body::Schema(_) => "SCHEMA",
        Body::Extension(_) => "EXTENSION",
        Body::Language(_) => "PROCEDURAL LANGUAGE",
        Body::Type(_) => "TYPE",
        Body::ShellType(_) => "SHELL TYPE",
        Body::Function(_) => "FUNCTION",
        Body::Aggregate(_) => "AGGREGATE",
        Body::AccessMethod(_) => "ACCESS METHOD",
        Body::Cast(_) => "CAST",
        Body::Collation(_) => "COLLATION",
        Body::Conversion(_) => "CONVERSION",
        Body::Operator(_) => "OPERATOR",
        Body::OpClass(_) => "OPERATOR CLASS",
        Body::OpFamily(_) => "OPERATOR FAMILY",
        Body::Transform(_) => "TRANSFORM",
        Body::TsParser(_) => "TEXT SEARCH PARSER",
        Body::TsTemplate(_) => "TEXT SEARCH TEMPLATE",
        Body::TsDictionary(_) => "TEXT SEARCH DICTIONARY",
        Body::TsConfiguration(_) => "TEXT SEARCH CONFIGURATION",
        Body::ForeignDataWrapper(_) => "FOREIGN DATA WRAPPER",
        Body::ForeignServer(_) => "FOREIGN SERVER",
        Body::Table(_) => "TABLE",
        Body::AttrDef(_) => "ATTRDEF",
        Body::TableAttach(_) => "TABLE ATTACH",
        Body::Index(_) => "INDEX",
        Body::IndexAttach(_) => "INDEX ATTACH",
        Body::ExtendedStatistics(_) => "STATISTICS",
        Body::Constraint(_) => "CONSTRAINT",
        Body::TableData(_) => "TABLE DATA",
        Body::SequenceSet(_) => "SEQUENCE SET",
        Body::RefreshMatview(_) => "REFRESH MATERIALIZED VIEW",
        Body::Rule(_) => "RULE",
        Body::Trigger(_) => "TRIGGER",
        Body::Policy(_) => "POLICY",
        Body::EventTrigger(_) => "EVENT TRIGGER",
        Body::Publication(_) => "PUBLICATION",
        Body::PublicationTable(_) => "PUBLICATION TABLE",
        Body::SubscriptionTable(_) => "SUBSCRIPTION TABLE",
        Body::PublicationSchema(_) => "PUBLICATION TABLES IN SCHEMA",
        Body::Subscription(_) => "SUBSCRIPTION",
        Body::DefaultAcl(_) => "DEFAULT ACL",
        Body::LargeObject(_) => "LARGE OBJECT",
        Body::LargeObjectData(_) => "LARGE OBJECT DATA",
        Body::RelationStatistics(_) => "STATISTICS DATA",
    };
    let (id, oid) = (object.id, object.catalog_id.oid);
    let mut out = BString::from(kind);
    match &object.body {
        Body::PreDataBoundary | Body::PostDataBoundary => {
            out.extend_from_slice(format!("  (ID {id})").as_bytes())
        }
        _ => {
            out.push(b' ');
            out.extend_from_slice(object.name.as_bytes());
            out.extend_from_slice(format!("  (ID {id} OID {oid})").as_bytes());
        }
    }
    out
}
