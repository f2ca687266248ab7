//! The database itself: CREATE DATABASE, its settings, comment, labels and grants; and the three entries with
//! which every archive begins.
//!
//! It is no object of the catalog: nothing depends on it, and it always comes first. Its entries are
//! used with `--create` only.

use bstr::{BStr, BString};

use super::upgrade::{self, DatabaseUpgrade};
use super::{Acl, Emitter, Reader, class};
use crate::connect::Columns;
use crate::error::{Error, ErrorKind, Result};
use crate::sql::{GrantTarget, Grantable, grants, is_acl_item, put, setting, text};
use crate::toc::{CatalogId, Desc, DumpId, Entry, Section};

/// A database and what `ALTER DATABASE` can change of it.
#[derive(Debug, Clone)]
pub struct Database {
    /// Its oid.
    pub oid: u32,
    /// Its name.
    pub name: BString,
    /// Its owner's name.
    pub owner: BString,
    /// The name of its encoding.
    pub encoding: BString,
    /// Where its default collation comes from.
    pub provider: LocaleProvider,
    /// `LC_COLLATE`.
    pub collate: BString,
    /// `LC_CTYPE`.
    pub ctype: BString,
    /// The locale, for providers other than libc.
    pub locale: Option<BString>,
    /// ICU rules added to the locale's.
    pub icu_rules: Option<BString>,
    /// Its default tablespace.
    pub tablespace: BString,
    /// It may be copied by CREATE DATABASE.
    pub is_template: bool,
    /// How many sessions it takes, -1 for any number.
    pub connection_limit: i32,
    /// Its comment.
    pub comment: Option<BString>,
    /// Its security labels: provider and label.
    pub labels: Vec<(BString, BString)>,
    /// Its grants.
    pub acl: Acl,
    /// Settings for all roles, each `name=value`.
    pub settings: Vec<BString>,
    /// Settings for one role: the role's name and `name=value`.
    pub role_settings: Vec<(BString, BString)>,
    /// What pg_upgrade needs besides, in a dump for it.
    pub upgrade: Option<DatabaseUpgrade>,
}

/// `pg_database.datlocprovider`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LocaleProvider {
    /// The server's own.
    Builtin,
    /// The C library.
    Libc,
    /// The ICU library.
    Icu,
}

/// The settings of the session that reads a dump, and wrote it.
#[derive(Debug, Clone)]
pub struct SessionSettings {
    /// The name of the encoding that the dump is in.
    pub encoding: BString,
    /// `standard_conforming_strings`.
    pub standard_strings: bool,
    /// `search_path`, as `set_config` takes it.
    pub search_path: BString,
}

/// Reads the database that the reader is connected to.
///
/// # Errors
/// If a query fails, or if the database has a locale provider that this program does not know.
pub async fn read(reader: &Reader<'_>) -> Result<Database> {
    let v = reader.version;
    let provider = v.pick(15, "d.datlocprovider", "'c'::\"char\"");
    let locale = v.pick(17, "d.datlocale", v.pick(15, "d.daticulocale", "NULL::text"));
    let icu_rules = v.pick(16, "d.daticurules", "NULL::text");
    let database = format!(
        "SELECT d.oid, d.datname, pg_catalog.pg_get_userbyid(d.datdba), \
            pg_catalog.pg_encoding_to_char(d.encoding), {provider}, d.datcollate::text, d.datctype::text, \
            {locale}, {icu_rules}, \
            (SELECT t.spcname FROM pg_catalog.pg_tablespace t WHERE t.oid = d.dattablespace), \
            d.datistemplate, d.datconnlimit, pg_catalog.shobj_description(d.oid, 'pg_database'), \
            d.datacl::pg_catalog.text[], pg_catalog.acldefault('d', d.datdba)::pg_catalog.text[] \
         FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()"
    );
    let labels = "SELECT l.provider, l.label FROM pg_catalog.pg_shseclabel l \
         JOIN pg_catalog.pg_database d ON l.classoid = 1262 AND l.objoid = d.oid \
         WHERE d.datname = pg_catalog.current_database()";
    let settings = "SELECT coalesce(r.rolname, ''), pg_catalog.unnest(s.setconfig) \
         FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_database d ON s.setdatabase = d.oid \
         LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole \
         WHERE d.datname = pg_catalog.current_database() AND (s.setrole = 0 OR r.oid IS NOT NULL)";
    let (database, labels, settings) = futures_util::try_join!(
        reader.rows("the database", &database, &[]),
        reader.rows("the database's security labels", labels, &[]),
        reader.rows("the database's settings", settings, &[]),
    )?;
    let row = database.first().ok_or_else(|| {
        let message = "reading the database: pg_database has no row for the current database";
        Error::new(ErrorKind::Protocol, message)
    })?;
    let mut c = Columns::new(row);
    let mut database = Database {
        oid: c.oid()?,
        name: c.text()?,
        owner: c.text()?,
        encoding: c.text()?,
        provider: LocaleProvider::from_letter(c.char()?)?,
        collate: c.text()?,
        ctype: c.text()?,
        locale: c.opt_text()?,
        icu_rules: c.opt_text()?,
        tablespace: c.text()?,
        is_template: c.bool()?,
        connection_limit: c.int4()?,
        comment: c.opt_text()?,
        acl: Acl {
            granted: c.opt_texts()?,
            default: c.opt_texts()?,
            ..Acl::default()
        },
        labels: Vec::new(),
        settings: Vec::new(),
        role_settings: Vec::new(),
        upgrade: None,
    };
    if let Some(item) = database
        .acl
        .granted
        .iter()
        .flatten()
        .find(|item| !is_acl_item(item.as_ref()))
    {
        let message = format!(
            "could not parse ACL item ({item}) of database \"{}\"",
            database.name
        );
        return Err(Error::new(ErrorKind::Protocol, message));
    }
    for row in &labels {
        let mut c = Columns::new(row);
        database.labels.push((c.text()?, c.text()?));
    }
    for row in &settings {
        let mut c = Columns::new(row);
        let (role, setting) = (c.text()?, c.text()?);
        if role.is_empty() {
            database.settings.push(setting);
        } else {
            database.role_settings.push((role, setting));
        }
    }
    Ok(database)
}

impl LocaleProvider {
    fn from_letter(letter: u8) -> Result<LocaleProvider> {
        match letter {
            b'b' => Ok(LocaleProvider::Builtin),
            b'c' => Ok(LocaleProvider::Libc),
            b'i' => Ok(LocaleProvider::Icu),
            _ => {
                let message = format!("unrecognized locale provider: {}", char::from(letter));
                Err(Error::new(ErrorKind::Unsupported, message))
            }
        }
    }

    fn word(self) -> &'static str {
        match self {
            LocaleProvider::Builtin => "builtin",
            LocaleProvider::Libc => "libc",
            LocaleProvider::Icu => "icu",
        }
    }
}

/// The entries that set up the session which reads the archive; before all others.
pub fn emit_session(settings: &SessionSettings, out: &mut Emitter<'_>) {
    let quoting = out.catalog.quoting;
    let strings = if settings.standard_strings { "on" } else { "off" };
    let encoding = quoting.literal(&settings.encoding);
    let path = quoting.literal(&settings.search_path);
    let statements = [
        (Desc::Encoding, text!("SET client_encoding = ", encoding, ";\n")),
        (
            Desc::StdStrings,
            text!("SET standard_conforming_strings = '", strings, "';\n"),
        ),
        (
            Desc::SearchPath,
            text!(
                "SELECT pg_catalog.set_config('search_path', ",
                path,
                ", false);\n"
            ),
        ),
    ];
    for (desc, definition) in statements {
        let tag = desc.text().to_owned();
        let mut entry = Entry::new(out.next_id(), desc, tag, Section::PreData);
        entry.definition = Some(definition);
        out.push(entry);
    }
}

/// The entries of the database; right after those of [`emit_session`].
pub fn emit(database: &Database, no_tablespaces: bool, out: &mut Emitter<'_>) {
    let quoting = out.catalog.quoting;
    let name = quoting.ident(&database.name);
    let id = out.next_id();
    let mut entry = Entry::new(id, Desc::Database, database.name.clone(), Section::PreData);
    entry.catalog_id = CatalogId {
        tableoid: class::PG_DATABASE,
        oid: database.oid,
    };
    entry.owner = Some(out.name(database.owner.as_ref()));
    entry.definition = Some(create(database, no_tablespaces, out));
    entry.drop_statement = Some(text!("DROP DATABASE ", name, ";\n"));
    out.push(entry);

    if let Some(comment) = database.comment.as_ref().filter(|comment| !comment.is_empty())
        && !out.options.no_comments
    {
        let statement = text!(
            "COMMENT ON DATABASE ",
            name,
            " IS ",
            quoting.literal(comment),
            ";\n"
        );
        push_attribute(database, out, Desc::Comment, name.as_ref(), statement, id);
    }
    if !out.options.no_security_labels {
        let mut statements = BString::default();
        for (provider, label) in &database.labels {
            let (provider, label) = (quoting.ident(provider), quoting.escape_literal(label));
            put!(statements; "SECURITY LABEL FOR ", provider, " ON DATABASE ", name, " IS ", label, ";\n");
        }
        push_attribute(database, out, Desc::SecurityLabel, name.as_ref(), statements, id);
    }
    if !out.options.no_acl && out.options.schema {
        let statements = grant(database, name.as_ref(), out);
        push_attribute(database, out, Desc::Acl, name.as_ref(), statements, id);
    }

    let (mut alter, drop) = properties(database, name.as_ref(), out);
    if let Some(upgrade) = &database.upgrade {
        put!(alter; upgrade::datfrozenxid(upgrade, &quoting.literal(&database.name)));
    }
    if !alter.is_empty() {
        let tag = database.name.clone();
        let mut entry = Entry::new(out.next_id(), Desc::DatabaseProperties, tag, Section::PreData);
        entry.owner = Some(out.name(database.owner.as_ref()));
        entry.definition = Some(alter);
        entry.drop_statement = Some(drop);
        entry.dependencies = vec![id];
        out.push(entry);
    }
    if let Some(upgrade) = &database.upgrade {
        let mut entry = Entry::new(
            out.next_id(),
            Desc::PgLargeobject,
            "pg_largeobject",
            Section::PreData,
        );
        entry.definition = Some(upgrade::large_objects(upgrade));
        out.push(entry);
    }
}

/// `CREATE DATABASE` with what cannot be altered later.
fn create(database: &Database, no_tablespaces: bool, out: &Emitter<'_>) -> BString {
    let quoting = out.catalog.quoting;
    let mut sql = text!(
        "CREATE DATABASE ",
        quoting.ident(&database.name),
        " WITH TEMPLATE = template0"
    );
    if database.upgrade.is_some() {
        put!(sql; format!(" OID = {} STRATEGY = FILE_COPY", database.oid));
    }
    if !database.encoding.is_empty() {
        put!(sql; " ENCODING = ", quoting.literal(&database.encoding));
    }
    if out.options.knows(15) {
        put!(sql; " LOCALE_PROVIDER = ", database.provider.word());
    }
    let (collate, ctype) = (&database.collate, &database.ctype);
    if !collate.is_empty() && collate == ctype && out.options.knows(13) {
        put!(sql; " LOCALE = ", quoting.literal(collate));
    } else {
        if !collate.is_empty() {
            put!(sql; " LC_COLLATE = ", quoting.literal(collate));
        }
        if !ctype.is_empty() {
            put!(sql; " LC_CTYPE = ", quoting.literal(ctype));
        }
    }
    if let Some(locale) = &database.locale {
        let word = match database.provider {
            LocaleProvider::Builtin => " BUILTIN_LOCALE = ",
            _ => " ICU_LOCALE = ",
        };
        put!(sql; word, quoting.literal(locale));
    }
    if let Some(rules) = &database.icu_rules {
        put!(sql; " ICU_RULES = ", quoting.literal(rules));
    }
    if let Some(version) = database.upgrade.as_ref().and_then(upgrade::database_version) {
        put!(sql; " COLLATION_VERSION = ", quoting.literal(version));
    }
    // CREATE DATABASE does not look at default_tablespace, so the entry's own field is of no use.
    if !no_tablespaces && !database.tablespace.is_empty() && database.tablespace != "pg_default" {
        put!(sql; " TABLESPACE = ", quoting.ident(&database.tablespace));
    }
    put!(sql; ";\n");
    sql
}

fn grant(database: &Database, name: &BStr, out: &Emitter<'_>) -> BString {
    let target = GrantTarget {
        kind: Grantable::Database,
        name,
        column: None,
        owner: database.owner.as_ref(),
        prefix: Default::default(),
    };
    let Some(granted) = &database.acl.granted else {
        return BString::default();
    };
    let base = database.acl.default.as_deref().unwrap_or_default();
    grants(&target, granted, base, out.catalog.quoting)
}

/// What is altered once the database is there, and what must be undone before it can be dropped.
///
/// Not part of CREATE DATABASE's entry, because several statements sent together are one transaction, in which
/// a database cannot be created.
fn properties(database: &Database, name: &BStr, out: &Emitter<'_>) -> (BString, BString) {
    let quoting = out.catalog.quoting;
    let mut alter = BString::default();
    let mut undo = BString::default();
    if database.connection_limit != -1 {
        let limit = database.connection_limit.to_string();
        put!(alter; "ALTER DATABASE ", name, " CONNECTION LIMIT = ", limit, ";\n");
    }
    if database.is_template {
        put!(alter; "ALTER DATABASE ", name, " IS_TEMPLATE = true;\n");
        // ALTER DATABASE has no IF EXISTS.
        put!(undo; "UPDATE pg_catalog.pg_database SET datistemplate = false WHERE datname = ",
            quoting.literal(&database.name), ";\n");
    }
    for item in &database.settings {
        if let Some(setting) = setting(quoting, item.as_ref(), |value| quoting.escape_literal(value)) {
            put!(alter; "ALTER DATABASE ", name, " SET ", setting, ";\n");
        }
    }
    for (role, item) in &database.role_settings {
        if let Some(setting) = setting(quoting, item.as_ref(), |value| quoting.escape_literal(value)) {
            let role = quoting.ident(role);
            put!(alter; "ALTER ROLE ", role, " IN DATABASE ", name, " SET ", setting, ";\n");
        }
    }
    (alter, undo)
}

fn push_attribute(
    database: &Database,
    out: &mut Emitter<'_>,
    desc: Desc,
    name: &BStr,
    definition: BString,
    after: DumpId,
) {
    if definition.is_empty() {
        return;
    }
    let mut entry = Entry::new(out.next_id(), desc, text!("DATABASE ", name), Section::None);
    entry.owner = Some(out.name(database.owner.as_ref()));
    entry.definition = Some(definition);
    entry.dependencies = vec![after];
    out.push(entry);
}
