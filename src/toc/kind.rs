//! What is known about each kind of entry: one enum, one table.
//!
//! Everything that would otherwise compare an entry's description with a string asks [`Desc`] instead: in
//! which pass it is restored, how its owner is set, which option selects it, how its DROP takes IF EXISTS.
//! A kind that this crate has never heard of survives as [`Desc::Other`] and behaves as stock tools treat
//! what they do not know. Rules that need more than the kind (selection, scripts) live with their users.

use std::fmt;

use bstr::{BStr, BString};

use super::{Entry, Section};

/// When an entry is restored within a serial restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RestorePass {
    /// Everything but the two below.
    Main,
    /// Privileges, once all objects stand, so that their absence hinders nothing.
    Acl,
    /// Event triggers and materialized view contents, which privileges or other objects could break.
    PostAcl,
}

/// What an entry is, where options or whole passes treat it apart from ordinary objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// ENCODING, STDSTRINGS, SEARCHPATH: settings of the session, always applied, never listed.
    Special,
    /// DATABASE and DATABASE PROPERTIES: restored with `-C` and only then.
    Database,
    /// An ordinary object.
    Object,
    /// Privileges; left out by `-x`.
    Acl,
    /// A comment; left out by `--no-comments`.
    Comment,
    /// A security label; left out by `--no-security-labels`.
    SecurityLabel,
    /// A policy or the row security switch of a table; left out by `--no-policies`.
    Policy,
    /// A publication or a part of one; left out by `--no-publications`.
    Publication,
    /// A subscription; left out by `--no-subscriptions`.
    Subscription,
    /// Rows, large object contents, sequence values.
    Data,
    /// Planner statistics; chosen by `--statistics` and `--no-statistics`.
    Statistics,
    /// A marker of long ago that no tool restores.
    Obsolete,
}

/// Which of the options `-t`, `-I`, `-P`, `-T` can select an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SelectedBy {
    /// `-t`: tables and what is named like one.
    Table,
    /// `-I`.
    Index,
    /// `-P`.
    Function,
    /// `-T`.
    Trigger,
    /// None of them of its own: it comes along when an entry it depends on is selected.
    Parent,
    /// None of them: any of the options leaves it out.
    Nothing,
}

/// How `ALTER … OWNER TO` names the object of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OwnerForm {
    /// The kind's word, then the quoted and, where there is a schema, qualified tag.
    Name,
    /// What stands in the drop statement after `DROP `: an argument list belongs to the name.
    FromDrop,
    /// `LARGE OBJECT` and the tag, a number, as it is.
    LargeObject,
    /// `LARGE OBJECT` and each number that the definition lists, a statement for each.
    LargeObjects,
    /// The object has no owner of its own.
    None,
    /// Stock tools give up when such an entry claims an owner and a drop statement.
    Unknown,
}

/// How a drop statement takes IF EXISTS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IfExists {
    /// After `DROP` and the kind's own word.
    AfterKind,
    /// After `DROP CONSTRAINT` (and after a leading `ALTER TABLE`).
    AfterDropConstraint,
    /// Only after a leading `ALTER TABLE`; the rest stays as it is.
    AlterTableOnly,
    /// The drop is `lo_unlink`, guarded by a query on `pg_largeobject_metadata`.
    LargeObject,
    /// As `LargeObject`, for each number that the definition lists.
    LargeObjects,
}

/// The facts about one kind; private, because the predicates of [`Desc`] say what they mean.
struct Facts {
    text: &'static str,
    class: Class,
    selected_by: SelectedBy,
    owner: OwnerForm,
    if_exists: IfExists,
    /// The section assumed in archives older than 1.11, which do not say.
    old_section: Section,
}

macro_rules! descs {
    ($($(#[$doc:meta])* $name:ident $text:literal $class:ident $selected:ident $owner:ident $exists:ident $section:ident)*) => {
        /// The kind of an entry, known by the description text in the archive.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Desc {
            $(
                $(#[$doc])*
                #[doc = concat!("`", $text, "`.")]
                $name,
            )*
            /// A description this crate does not know, kept as it was.
            Other(BString),
        }

        impl Desc {
            /// All kinds this crate knows, in the table's order.
            pub const KNOWN: &'static [Desc] = &[$(Desc::$name,)*];

            /// The kind of a description text.
            pub fn from_text(text: &[u8]) -> Desc {
                match text {
                    $(known if known == $text.as_bytes() => Desc::$name,)*
                    other => Desc::Other(other.into()),
                }
            }

            fn facts(&self) -> &'static Facts {
                match self {
                    $(Desc::$name => &Facts {
                        text: $text,
                        class: Class::$class,
                        selected_by: SelectedBy::$selected,
                        owner: OwnerForm::$owner,
                        if_exists: IfExists::$exists,
                        old_section: Section::$section,
                    },)*
                    Desc::Other(_) => &Facts {
                        text: "",
                        class: Class::Object,
                        selected_by: SelectedBy::Nothing,
                        owner: OwnerForm::Unknown,
                        if_exists: IfExists::AfterKind,
                        old_section: Section::PreData,
                    },
                }
            }
        }
    };
}

#[rustfmt::skip]
descs! {
    // name                  text                        class         selected  owner         if exists            section before 1.11
    Encoding                 "ENCODING"                  Special       Nothing   Unknown       AfterKind            PreData
    StdStrings               "STDSTRINGS"                Special       Nothing   Unknown       AfterKind            PreData
    SearchPath               "SEARCHPATH"                Special       Nothing   Unknown       AfterKind            PreData
    Database                 "DATABASE"                  Database      Nothing   Name          AfterKind            PreData
    DatabaseProperties       "DATABASE PROPERTIES"       Database      Nothing   None          AlterTableOnly       PreData

    Acl                      "ACL"                       Acl           Parent    Unknown       AfterKind            None
    /// Written by release 7.4 only.
    AclLanguage              "ACL LANGUAGE"              Acl           Nothing   Unknown       AfterKind            None
    DefaultAcl               "DEFAULT ACL"               Acl           Nothing   Unknown       AfterKind            PreData
    Comment                  "COMMENT"                   Comment       Parent    Unknown       AfterKind            None
    SecurityLabel            "SECURITY LABEL"            SecurityLabel Parent    Unknown       AfterKind            PreData

    AccessMethod             "ACCESS METHOD"             Object        Nothing   Unknown       AfterKind            PreData
    Aggregate                "AGGREGATE"                 Object        Function  FromDrop      AfterKind            PreData
    Cast                     "CAST"                      Object        Nothing   None          AfterKind            PreData
    Collation                "COLLATION"                 Object        Nothing   Name          AfterKind            PreData
    Conversion               "CONVERSION"                Object        Nothing   Name          AfterKind            PreData
    Domain                   "DOMAIN"                    Object        Nothing   Name          AfterKind            PreData
    Extension                "EXTENSION"                 Object        Nothing   Unknown       AfterKind            PreData
    ForeignDataWrapper       "FOREIGN DATA WRAPPER"      Object        Nothing   Name          AfterKind            PreData
    ForeignTable             "FOREIGN TABLE"             Object        Table     Name          AfterKind            PreData
    /// Written by release 7.2 and earlier for trigger-language handlers.
    FuncProceduralLanguage   "FUNC PROCEDURAL LANGUAGE"  Object        Nothing   Unknown       AfterKind            PreData
    Function                 "FUNCTION"                  Object        Function  FromDrop      AfterKind            PreData
    MaterializedView         "MATERIALIZED VIEW"         Object        Table     Name          AfterKind            PreData
    Operator                 "OPERATOR"                  Object        Nothing   FromDrop      AfterKind            PreData
    OperatorClass            "OPERATOR CLASS"            Object        Nothing   FromDrop      AfterKind            PreData
    OperatorFamily           "OPERATOR FAMILY"           Object        Nothing   FromDrop      AfterKind            PreData
    Procedure                "PROCEDURE"                 Object        Function  FromDrop      AfterKind            PreData
    ProceduralLanguage       "PROCEDURAL LANGUAGE"       Object        Nothing   Name          AfterKind            PreData
    Schema                   "SCHEMA"                    Object        Nothing   Name          AfterKind            PreData
    Sequence                 "SEQUENCE"                  Object        Table     Name          AfterKind            PreData
    SequenceOwnedBy          "SEQUENCE OWNED BY"         Object        Nothing   Unknown       AfterKind            PreData
    Server                   "SERVER"                    Object        Nothing   Name          AfterKind            PreData
    ShellType                "SHELL TYPE"                Object        Nothing   Unknown       AfterKind            PreData
    Statistics               "STATISTICS"                Object        Nothing   Name          AfterKind            PreData
    Table                    "TABLE"                     Object        Table     Name          AfterKind            PreData
    TableAttach              "TABLE ATTACH"              Object        Nothing   Unknown       AfterKind            PreData
    TextSearchConfiguration  "TEXT SEARCH CONFIGURATION" Object        Nothing   Name          AfterKind            PreData
    TextSearchDictionary     "TEXT SEARCH DICTIONARY"    Object        Nothing   Name          AfterKind            PreData
    TextSearchParser         "TEXT SEARCH PARSER"        Object        Nothing   Unknown       AfterKind            PreData
    TextSearchTemplate       "TEXT SEARCH TEMPLATE"      Object        Nothing   Unknown       AfterKind            PreData
    Transform                "TRANSFORM"                 Object        Nothing   Unknown       AfterKind            PreData
    Type                     "TYPE"                      Object        Nothing   Name          AfterKind            PreData
    UserMapping              "USER MAPPING"              Object        Nothing   None          AfterKind            PreData
    View                     "VIEW"                      Object        Table     Name          AfterKind            PreData

    CheckConstraint          "CHECK CONSTRAINT"          Object        Nothing   None          AfterDropConstraint  PostData
    Constraint               "CONSTRAINT"                Object        Nothing   None          AfterDropConstraint  PostData
    Default                  "DEFAULT"                   Object        Nothing   None          AlterTableOnly       PreData
    EventTrigger             "EVENT TRIGGER"             Object        Nothing   Name          AfterKind            PreData
    FkConstraint             "FK CONSTRAINT"             Object        Nothing   None          AfterDropConstraint  PostData
    Index                    "INDEX"                     Object        Index     None          AfterKind            PostData
    IndexAttach              "INDEX ATTACH"              Object        Nothing   Unknown       AfterKind            PreData
    Policy                   "POLICY"                    Policy        Nothing   None          AfterKind            PreData
    RowSecurity              "ROW SECURITY"              Policy        Nothing   None          AfterKind            PreData
    Rule                     "RULE"                      Object        Nothing   None          AfterKind            PostData
    Trigger                  "TRIGGER"                   Object        Trigger   None          AfterKind            PostData

    Publication              "PUBLICATION"               Publication   Nothing   Name          AfterKind            PreData
    PublicationTable         "PUBLICATION TABLE"         Publication   Nothing   Unknown       AfterKind            PreData
    PublicationTablesInSchema "PUBLICATION TABLES IN SCHEMA" Publication Nothing Unknown       AfterKind            PreData
    Subscription             "SUBSCRIPTION"              Subscription  Nothing   Name          AfterKind            PreData
    /// Written for `--binary-upgrade` only; stock tools do not count it among the subscriptions.
    SubscriptionTable        "SUBSCRIPTION TABLE"        Object        Nothing   Unknown       AfterKind            PreData

    /// Creates one large object (archives before 1.16).
    Blob                     "BLOB"                      Object        Nothing   LargeObject   LargeObject          PreData
    /// Creates a group of large objects, one number a line (from 1.16 on).
    BlobMetadata             "BLOB METADATA"             Object        Nothing   LargeObjects  LargeObjects         PreData
    /// The contents of large objects.
    Blobs                    "BLOBS"                     Data          Nothing   Unknown       AfterKind            Data
    /// Comments on large objects, before release 9.0.
    BlobComments             "BLOB COMMENTS"             Data          Nothing   Unknown       AfterKind            Data
    /// REFRESH MATERIALIZED VIEW.
    MaterializedViewData     "MATERIALIZED VIEW DATA"    Object        Table     Unknown       AfterKind            PreData
    SequenceSet              "SEQUENCE SET"              Data          Table     Unknown       AfterKind            PreData
    /// Planner statistics of one relation (release 18 on).
    StatisticsData           "STATISTICS DATA"           Statistics    Parent    Unknown       AfterKind            PreData
    TableData                "TABLE DATA"                Data          Table     Unknown       AfterKind            Data

    /// A catalog's identity, written for `--binary-upgrade` only.
    PgLargeobject            "pg_largeobject"            Object        Nothing   Unknown       AfterKind            PreData
    /// A marker of the highest OID, before release 8.
    Init                     "<Init>"                    Obsolete      Nothing   Unknown       AfterKind            PreData
}

impl Desc {
    /// The description as it stands in archives, list files and script headers.
    pub fn text(&self) -> &BStr {
        match self {
            Desc::Other(text) => BStr::new(text.as_slice()),
            known => BStr::new(known.facts().text),
        }
    }

    /// What the kind is to options and passes.
    pub fn class(&self) -> Class {
        self.facts().class
    }

    /// Whether the entry sets up the session (encoding, string syntax, search path).
    pub fn is_special(&self) -> bool {
        self.class() == Class::Special
    }

    /// Whether the entry creates or configures the database itself.
    pub fn is_database(&self) -> bool {
        self.class() == Class::Database
    }

    /// Whether the entry grants or revokes privileges.
    pub fn is_acl(&self) -> bool {
        self.class() == Class::Acl
    }

    /// Whether the entry restores rows with COPY or INSERT.
    pub fn is_table_data(&self) -> bool {
        *self == Desc::TableData
    }

    /// Whether the entry's data is a series of large objects.
    pub fn is_large_objects(&self) -> bool {
        matches!(self, Desc::Blobs)
    }

    /// Whether the entry speaks about a parent entry (its tag begins with the parent's kind) and follows it
    /// in selection.
    pub fn follows_parent(&self) -> bool {
        self.selected_by() == SelectedBy::Parent
    }

    /// Whether an entry of this kind counts as data although no data of its own is in the archive.
    pub fn counts_as_data(&self) -> bool {
        matches!(self, Desc::SequenceSet | Desc::Blob | Desc::BlobMetadata)
    }

    /// Which option selects such an entry.
    pub fn selected_by(&self) -> SelectedBy {
        self.facts().selected_by
    }

    /// How `ALTER … OWNER TO` names it.
    pub fn owner_form(&self) -> OwnerForm {
        self.facts().owner
    }

    /// How its drop statement takes IF EXISTS.
    pub fn if_exists(&self) -> IfExists {
        self.facts().if_exists
    }

    /// Whether restoring it locks the tables it depends on against any other use. Only meaningful after the
    /// data: building an index is the one thing there that lets other readers in.
    pub fn locks_exclusively(&self) -> bool {
        *self != Desc::Index
    }

    /// The section to assume where an archive (before 1.11) does not say.
    pub fn section_in_old_archives(&self) -> Section {
        self.facts().old_section
    }
}

impl fmt::Display for Desc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.text(), f)
    }
}

impl Entry {
    /// The pass in which the entry is restored: its kind's, but what speaks about an event trigger goes
    /// with it, and statistics that a materialized view's refresh must precede go last.
    pub fn restore_pass(&self) -> RestorePass {
        match &self.desc {
            desc if desc.is_acl() => RestorePass::Acl,
            Desc::EventTrigger | Desc::MaterializedViewData => RestorePass::PostAcl,
            Desc::Comment | Desc::SecurityLabel if self.tag.starts_with(b"EVENT TRIGGER ") => {
                RestorePass::PostAcl
            }
            Desc::StatisticsData if self.section == Section::PostData => RestorePass::PostAcl,
            _ => RestorePass::Main,
        }
    }

    /// Whether the entry is a comment, label or grant on the database, which follows `-C` and no other
    /// selection.
    pub fn speaks_about_database(&self) -> bool {
        self.desc.follows_parent() && self.tag.starts_with(b"DATABASE ")
    }

    /// Whether the entry is a comment, label or grant on large objects, which counts as data.
    pub fn speaks_about_large_objects(&self) -> bool {
        matches!(self.desc, Desc::Acl | Desc::Comment | Desc::SecurityLabel)
            && self.tag.starts_with(b"LARGE OBJECT")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toc::DumpId;

    #[test]
    fn every_text_leads_back_to_its_kind() {
        for desc in Desc::KNOWN {
            assert_eq!(Desc::from_text(desc.text()), *desc);
        }
        let unknown = Desc::from_text(b"PROPERTY GRAPH");
        assert_eq!(unknown, Desc::Other("PROPERTY GRAPH".into()));
        assert_eq!(unknown.to_string(), "PROPERTY GRAPH");
    }

    #[test]
    fn texts_are_distinct() {
        let texts: std::collections::HashSet<_> = Desc::KNOWN.iter().map(|d| d.text()).collect();
        assert_eq!(texts.len(), Desc::KNOWN.len());
    }

    #[test]
    fn what_speaks_about_an_event_trigger_is_restored_with_it() {
        let mut entry = Entry::new(DumpId(1), Desc::Comment, "EVENT TRIGGER e", Section::None);
        assert_eq!(entry.restore_pass(), RestorePass::PostAcl);
        entry.tag = "TABLE e".into();
        assert_eq!(entry.restore_pass(), RestorePass::Main);
        entry.desc = Desc::DefaultAcl;
        assert_eq!(entry.restore_pass(), RestorePass::Acl);
    }

    #[test]
    fn statistics_wait_for_the_refresh_only_after_the_data() {
        let mut entry = Entry::new(DumpId(1), Desc::StatisticsData, "mv", Section::PostData);
        assert_eq!(entry.restore_pass(), RestorePass::PostAcl);
        entry.section = Section::PreData;
        assert_eq!(entry.restore_pass(), RestorePass::Main);
    }
}
