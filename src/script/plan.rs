//! What a script restores and how: the entries with what is wanted of each, and the options.
//!
//! Pure data, shared by the lanes of a parallel restore; the order of a serial restore is fixed here.

use std::borrow::Cow;
use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};

use super::Settings;
use crate::error::Result;
use crate::sql::Quoting;
use crate::toc::kind::RestorePass;
use crate::toc::{DumpId, Entry, Positions, Wanted};

/// What becomes of the objects' owners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ownership {
    /// `ALTER … OWNER TO` after each definition.
    #[default]
    Alter,
    /// `SET SESSION AUTHORIZATION` before it (`--use-set-session-authorization`).
    SessionAuthorization,
    /// Whoever restores owns everything (`-O`).
    Ignore,
}

impl Ownership {
    /// Whether owners are restored at all.
    pub fn is_kept(self) -> bool {
        self != Ownership::Ignore
    }
}

/// Whether objects are dropped before they are created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Drops {
    /// No drops.
    #[default]
    None,
    /// `DROP` (`-c`).
    Plain,
    /// `DROP … IF EXISTS` (`-c --if-exists`).
    IfExists,
}

/// How statements are grouped into transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transactions {
    /// Each piece of SQL for itself.
    #[default]
    Each,
    /// All of it in one (`-1`).
    Single,
    /// So many actions in each (`--transaction-size`), at least 1.
    Every(u32),
}

/// How entries become SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptOptions {
    /// What becomes of owners.
    pub ownership: Ownership,
    /// Whether objects are dropped first.
    pub drops: Drops,
    /// Whether the database itself is created and connected to (`-C`).
    pub create_database: bool,
    /// How statements are grouped.
    pub transactions: Transactions,
    /// Disable triggers while rows are loaded, when no definitions are restored.
    pub disable_triggers: bool,
    /// Who disables them (`-S`); the session's user if not given.
    pub superuser: Option<BString>,
    /// Role to take on first.
    pub role: Option<BString>,
    /// Load rows under row security.
    pub row_security: bool,
    /// Restore the choice of tablespaces.
    pub tablespaces: bool,
    /// Restore the choice of table access methods.
    pub table_access_methods: bool,
    /// The key of psql's `\restrict`; `None` leaves the meta-commands out.
    pub restrict_key: Option<String>,
    /// Tell more in comments.
    pub verbose: bool,
    /// The release that scripts are for: settings that came later are left out.
    pub release: Option<u32>,
    /// Quote every identifier.
    pub quote_all_identifiers: bool,
}

impl Default for ScriptOptions {
    fn default() -> Self {
        ScriptOptions {
            ownership: Ownership::default(),
            drops: Drops::default(),
            create_database: false,
            transactions: Transactions::default(),
            disable_triggers: false,
            superuser: None,
            role: None,
            row_security: false,
            tablespaces: true,
            table_access_methods: true,
            restrict_key: None,
            verbose: false,
            release: None,
            quote_all_identifiers: false,
        }
    }
}

/// Where a dump came from, for the first lines of a script.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// The server's version as it gave it.
    pub server_version: Option<BString>,
    /// `pg_dump version 18.6`: program and version.
    pub dumped_by: Option<BString>,
    /// When the dump began, for verbose scripts.
    pub started_on: Option<String>,
    /// Whether large objects have no entries that create them (archives before 1.12).
    pub creates_large_objects: bool,
}

/// The entries of a table of contents, what is wanted of each, and how to restore them.
#[derive(Debug, Clone)]
pub struct Plan {
    toc: Arc<Vec<Entry>>,
    wanted: Vec<Wanted>,
    positions: Positions,
    options: ScriptOptions,
    settings: Settings,
    origin: Origin,
}

impl Plan {
    /// A plan for all of a table of contents; `wanted` has one item for each entry.
    ///
    /// # Errors
    /// A malformed special entry.
    pub fn new(
        toc: impl Into<Arc<Vec<Entry>>>,
        wanted: Vec<Wanted>,
        options: ScriptOptions,
        origin: Origin,
    ) -> Result<Plan> {
        let toc = toc.into();
        debug_assert_eq!(toc.len(), wanted.len());
        let settings = Settings::of(&toc)?;
        let positions = Positions::of(&toc);
        Ok(Plan {
            toc,
            wanted,
            positions,
            options,
            settings,
            origin,
        })
    }

    /// The entries, in the order they were given.
    pub fn toc(&self) -> &[Entry] {
        &self.toc
    }

    /// The entry of a number.
    pub fn entry(&self, id: DumpId) -> Option<&Entry> {
        self.toc.get(self.positions.at(id)?)
    }

    /// What is wanted of an entry.
    pub fn wanted(&self, id: DumpId) -> Wanted {
        let at = self.positions.at(id);
        at.and_then(|at| self.wanted.get(at))
            .copied()
            .unwrap_or(Wanted::NOTHING)
    }

    /// How entries become SQL.
    pub fn options(&self) -> &ScriptOptions {
        &self.options
    }

    /// What the texts rely on.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where the dump came from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether the definition of anything inside the database is restored.
    pub fn restores_definitions(&self) -> bool {
        self.marked()
            .any(|(entry, wanted)| wanted.definition && !entry.desc.is_database())
    }

    /// The entries whose objects are dropped first, in that order. With `-C` that is the database alone:
    /// the rest goes with it.
    pub fn drops(&self) -> Vec<DumpId> {
        if self.options.drops == Drops::None {
            return Vec::new();
        }
        let create_database = self.options.create_database;
        self.marked()
            .rev()
            .filter(|(entry, _)| !create_database || entry.desc.is_database())
            .filter(|(entry, wanted)| (wanted.definition || wanted.data) && entry.drop_statement.is_some())
            .map(|(entry, _)| entry.dump_id)
            .collect()
    }

    /// The entries in the order of a serial restore: as they stand, but privileges after everything else,
    /// and what privileges could break after those.
    pub fn order(&self) -> Vec<DumpId> {
        let pass = |pass| {
            self.marked()
                .filter(move |(entry, wanted)| wanted.is_any() && entry.restore_pass() == pass)
                .map(|(entry, _)| entry.dump_id)
        };
        pass(RestorePass::Main)
            .chain(pass(RestorePass::Acl))
            .chain(pass(RestorePass::PostAcl))
            .collect()
    }

    fn marked(&self) -> impl DoubleEndedIterator<Item = (&Entry, Wanted)> {
        self.toc.iter().zip(self.wanted.iter().copied())
    }

    pub(super) fn quoting(&self) -> Quoting {
        Quoting {
            all_identifiers: self.options.quote_all_identifiers,
            standard_strings: self.settings.standard_strings,
        }
    }

    /// An entry's name as SQL, qualified where it has a schema.
    pub(super) fn name_of(&self, entry: &Entry) -> BString {
        match entry.schema() {
            Some(schema) => [self.ident(schema.as_bstr()), self.ident(entry.tag.as_bstr())]
                .join(&b'.')
                .into(),
            None => self.ident(entry.tag.as_bstr()),
        }
    }

    pub(super) fn ident(&self, name: &BStr) -> BString {
        let name = match self.settings.encoding == "UTF8" {
            true => refusable(name),
            false => Cow::Borrowed(name),
        };
        self.quoting().ident(name.as_bytes())
    }
}

/// A name in which no byte that is not UTF-8 can be taken for the beginning of a character, and swallow the quote behind it:
/// as in pg_restore, two bytes stand for it that every server refuses.
fn refusable(name: &BStr) -> Cow<'_, BStr> {
    if name.to_str().is_ok() {
        return Cow::Borrowed(name);
    }
    let mut out = BString::default();
    for chunk in name.utf8_chunks() {
        out.extend_from_slice(chunk.valid().as_bytes());
        chunk
            .invalid()
            .iter()
            .for_each(|_| out.extend_from_slice(b"\xc0 "));
    }
    Cow::Owned(out)
}
