//! Which entries are restored, and which part of each: the rules behind `-a`, `-s`, `--section`, `-t`, `-n`,
//! `-L` and their kin.
//!
//! Pure: entries in, one [`Wanted`] for each out. The order of the entries matters only where an entry
//! follows another (a comment its table) or has no section of its own. Scripts and schedules take it from here.

use std::collections::HashSet;

use bstr::{BStr, BString};

use super::kind::{Class, SelectedBy};
use super::{Desc, DumpId, Entry, Positions, Section};
use crate::error::{Error, ErrorKind, Result};

/// Which part of an entry is restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    /// The definition.
    pub definition: bool,
    /// Rows, large objects, sequence values, and what hangs on large objects.
    pub data: bool,
    /// Planner statistics.
    pub statistics: bool,
}

impl Wanted {
    /// No part of it.
    pub const NOTHING: Wanted = Wanted {
        definition: false,
        data: false,
        statistics: false,
    };

    /// Whether any part is restored.
    pub fn is_any(self) -> bool {
        self.definition || self.data || self.statistics
    }
}

/// Which sections are restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sections {
    /// What comes before the data.
    pub pre_data: bool,
    /// The data.
    pub data: bool,
    /// What comes after it.
    pub post_data: bool,
}

impl Sections {
    /// All of them.
    pub const ALL: Sections = Sections {
        pre_data: true,
        data: true,
        post_data: true,
    };

    /// None of them, to add to.
    pub const NONE: Sections = Sections {
        pre_data: false,
        data: false,
        post_data: false,
    };

    fn has(self, section: Section) -> bool {
        match section {
            Section::PreData => self.pre_data,
            Section::Data => self.data,
            Section::PostData => self.post_data,
            Section::None => false,
        }
    }
}

/// What of an archive is wanted. The default is everything but the database itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Definitions (not `-a`).
    pub definitions: bool,
    /// Data (not `-s`).
    pub data: bool,
    /// Planner statistics.
    pub statistics: bool,
    /// Sequence values even without other data (`--sequence-data`).
    pub sequence_values: bool,
    /// Large objects even without other data, definitions and privileges only (`--binary-upgrade`).
    pub large_objects_as_definitions: bool,
    /// Sections (`--section`).
    pub sections: Sections,
    /// The database itself (`-C`).
    pub create_database: bool,
    /// Privileges (not `-x`).
    pub privileges: bool,
    /// Comments.
    pub comments: bool,
    /// Row security policies.
    pub policies: bool,
    /// Publications.
    pub publications: bool,
    /// Security labels.
    pub security_labels: bool,
    /// Subscriptions.
    pub subscriptions: bool,
    /// Only objects of these schemas (`-n`), if there are any.
    pub schemas: Vec<BString>,
    /// No objects of these schemas (`-N`).
    pub excluded_schemas: Vec<BString>,
    /// Only these tables, and what is named like one (`-t`).
    pub tables: Vec<BString>,
    /// Only these indexes (`-I`).
    pub indexes: Vec<BString>,
    /// Only these functions with their argument types (`-P`).
    pub functions: Vec<BString>,
    /// Only these triggers (`-T`).
    pub triggers: Vec<BString>,
    /// Only these entries: what a list file names.
    pub listed: Option<HashSet<DumpId>>,
    /// A name that selects nothing is an error (`--strict-names`).
    pub strict_names: bool,
}

impl Default for Selection {
    fn default() -> Self {
        Selection {
            definitions: true,
            data: true,
            statistics: true,
            sequence_values: false,
            large_objects_as_definitions: false,
            sections: Sections::ALL,
            create_database: false,
            privileges: true,
            comments: true,
            policies: true,
            publications: true,
            security_labels: true,
            subscriptions: true,
            schemas: Vec::new(),
            excluded_schemas: Vec::new(),
            tables: Vec::new(),
            indexes: Vec::new(),
            functions: Vec::new(),
            triggers: Vec::new(),
            listed: None,
            strict_names: false,
        }
    }
}

impl Selection {
    /// What is wanted of each entry, in their order.
    ///
    /// # Errors
    /// With `strict_names`, a name that no entry answered to.
    pub fn select(&self, toc: &[Entry]) -> Result<Vec<Wanted>> {
        let mut pass = Pass {
            selection: self,
            toc,
            positions: Positions::of(toc),
            wanted: vec![Wanted::NOTHING; toc.len()],
            seen: HashSet::new(),
        };
        let mut section = Section::PreData;
        for (at, entry) in toc.iter().enumerate() {
            if entry.section != Section::None {
                section = entry.section;
            }
            let wanted = pass.wanted_of(entry, section);
            if let Some(slot) = pass.wanted.get_mut(at) {
                *slot = wanted;
            }
        }
        if self.strict_names {
            pass.check_names()?;
        }
        Ok(pass.wanted)
    }

    fn names_some(&self) -> bool {
        [&self.tables, &self.indexes, &self.functions, &self.triggers]
            .iter()
            .any(|names| !names.is_empty())
    }

    fn is_selective(&self) -> bool {
        self.names_some() || !self.schemas.is_empty() || !self.excluded_schemas.is_empty()
    }

    /// Whether options that leave out a whole class of objects leave this one out.
    fn excludes_class(&self, entry: &Entry) -> bool {
        let about = |what: &[u8]| entry.tag.starts_with(what);
        match entry.desc.class() {
            Class::Acl => !self.privileges,
            Class::Policy => !self.policies,
            Class::Publication => !self.publications,
            Class::Subscription => !self.subscriptions,
            class @ (Class::Comment | Class::SecurityLabel) => {
                let is_comment = class == Class::Comment;
                (is_comment && (!self.comments || (!self.policies && about(b"POLICY"))))
                    || (!is_comment && !self.security_labels)
                    || (!self.publications && about(b"PUBLICATION"))
                    || (!self.subscriptions && about(b"SUBSCRIPTION"))
            }
            _ => false,
        }
    }
}

/// One run over the entries.
struct Pass<'a> {
    selection: &'a Selection,
    toc: &'a [Entry],
    positions: Positions,
    /// What is wanted of the entries so far.
    wanted: Vec<Wanted>,
    /// Names that an entry answered to, by the option they were given with.
    seen: HashSet<(Option<SelectedBy>, &'a BStr)>,
}

impl<'a> Pass<'a> {
    fn wanted_of(&mut self, entry: &'a Entry, section: Section) -> Wanted {
        let selection = self.selection;
        match entry.desc.class() {
            Class::Special | Class::Obsolete => return Wanted::NOTHING,
            Class::Statistics if !selection.statistics => return Wanted::NOTHING,
            Class::Database => {
                return Wanted {
                    definition: selection.create_database,
                    ..Wanted::NOTHING
                };
            }
            _ => {}
        }
        if selection.excludes_class(entry)
            || !selection.sections.has(section)
            || selection
                .listed
                .as_ref()
                .is_some_and(|listed| !listed.contains(&entry.dump_id))
        {
            return Wanted::NOTHING;
        }
        let chosen = if entry.desc.follows_parent() {
            self.follows_chosen(entry)
        } else {
            self.is_named(entry)
        };
        if chosen {
            self.parts(entry)
        } else {
            Wanted::NOTHING
        }
    }

    /// Whether what the entry speaks about is restored.
    fn follows_chosen(&self, entry: &Entry) -> bool {
        if entry.tag.starts_with(b"DATABASE ") {
            return self.selection.create_database;
        }
        // Without selective options also what speaks about objects outside of the archive is restored.
        !self.selection.is_selective()
            || entry.dependencies.iter().any(|id| {
                let Some(at) = self.positions.at(*id) else {
                    return false;
                };
                // Grants on columns depend on those on their table, for the order's sake.
                let is_grant = self.toc.get(at).is_some_and(|parent| parent.desc == Desc::Acl);
                !is_grant && self.wanted.get(at).is_some_and(|wanted| wanted.is_any())
            })
    }

    /// Whether options that name schemas and objects let an object of its own through.
    fn is_named(&mut self, entry: &'a Entry) -> bool {
        let selection = self.selection;
        if !selection.schemas.is_empty() {
            let Some(schema) = &entry.namespace else {
                return false;
            };
            if !self.answers(None, &selection.schemas, schema.as_ref()) {
                return false;
            }
        }
        if let Some(schema) = &entry.namespace
            && selection
                .excluded_schemas
                .iter()
                .any(|excluded| schema == excluded)
        {
            return false;
        }
        if !selection.names_some() {
            return true;
        }
        let by = entry.desc.selected_by();
        let names = match by {
            SelectedBy::Table => &selection.tables,
            SelectedBy::Index => &selection.indexes,
            SelectedBy::Function => &selection.functions,
            SelectedBy::Trigger => &selection.triggers,
            SelectedBy::Parent | SelectedBy::Nothing => return false,
        };
        self.answers(Some(by), names, entry.tag.as_ref())
    }

    fn answers(&mut self, option: Option<SelectedBy>, names: &[BString], name: &'a BStr) -> bool {
        let found = names.iter().any(|wanted| wanted == name);
        if found {
            self.seen.insert((option, name));
        }
        found
    }

    /// Which parts an entry that was let through has, and which of them are wanted.
    fn parts(&self, entry: &Entry) -> Wanted {
        let selection = self.selection;
        let statistics = entry.desc.class() == Class::Statistics;
        let large_objects =
            matches!(entry.desc, Desc::Blob | Desc::BlobMetadata) || entry.speaks_about_large_objects();
        let data_only = large_objects || entry.desc.counts_as_data();
        let mut wanted = Wanted {
            definition: !statistics && (entry.had_dumper || !data_only),
            data: !statistics && (entry.had_dumper || data_only),
            statistics,
        };
        // "Load via partition root" is a remark for the restore, nothing to execute.
        let definition = entry.definition_text();
        if definition.is_empty() || definition.starts_with(b"-- load via partition root ") {
            wanted.definition = false;
        }
        let data_anyway = (selection.sequence_values && entry.desc == Desc::SequenceSet)
            || (selection.large_objects_as_definitions && large_objects);
        wanted.data &= selection.data || data_anyway;
        wanted.definition &= selection.definitions;
        wanted
    }

    fn check_names(&self) -> Result<()> {
        let selection = self.selection;
        let checks = [
            ("schema", None, &selection.schemas),
            ("table", Some(SelectedBy::Table), &selection.tables),
            ("index", Some(SelectedBy::Index), &selection.indexes),
            ("function", Some(SelectedBy::Function), &selection.functions),
            ("trigger", Some(SelectedBy::Trigger), &selection.triggers),
        ];
        for (kind, option, names) in checks {
            if let Some(name) = names
                .iter()
                .find(|name| !self.seen.contains(&(option, BStr::new(name))))
            {
                return Err(Error::new(
                    ErrorKind::Usage,
                    format!("{kind} \"{name}\" not found"),
                ));
            }
        }
        Ok(())
    }
}
