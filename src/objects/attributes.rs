//! What hangs on objects of any kind: comments, security labels and grants.
//!
//! All of a database's are read by a fixed number of queries into [`Attributes`], found by catalog row, and
//! emitted here only, so that no kind has code of its own for them. A kind says under which words and
//! name its object goes ([`Subject`]); most need no more than [`emit`] and [`acl`].
//!
//! Which of an object's attributes are wanted is decided by its [`Components`]; an owner is no entry but a
//! field of the object's own entry.

use std::collections::{HashMap, hash_map};

use bstr::{BStr, BString};

use super::catalog::ByRow;
use super::{Acl, Body, Catalog, Components, Cost, Emitter, Object, Reader, class, upgrade};
use crate::connect::Columns;
use crate::error::{Error, ErrorKind, Result};
use crate::sql::{GrantTarget, Grantable, grants, is_acl_item, put, text};
use crate::toc::{CatalogId, Desc, DumpId, Entry, Section};

/// The comments, security labels and column grants of a database, by catalog row.
#[derive(Debug, Default)]
pub struct Attributes {
    comments: ByRow<Vec<Comment>>,
    labels: ByRow<Vec<Label>>,
    column_acls: HashMap<u32, Vec<ColumnAcl>>,
    /// The extensions with which objects go away that are not their members.
    extensions: ByRow<Vec<BString>>,
}

/// A comment on an object, or on one of its columns.
#[derive(Debug)]
struct Comment {
    /// The column's number, 0 for the object itself.
    subid: i32,
    text: BString,
}

/// A security label on an object, or on one of its columns.
#[derive(Debug)]
struct Label {
    subid: i32,
    provider: BString,
    text: BString,
}

/// The grants on one column.
#[derive(Debug)]
struct ColumnAcl {
    column: BString,
    acl: Acl,
}

/// What [`read`] brings.
#[derive(Debug, Default)]
pub struct Rows {
    roles: HashMap<u32, BString>,
    attributes: Attributes,
    initial: ByRow<(u8, Vec<BString>)>,
}

/// An object as COMMENT and SECURITY LABEL name it, and where their entries belong.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The row that comments and labels refer to.
    pub row: CatalogId,
    /// The words before the name: `TABLE`, or `CONSTRAINT c ON`.
    pub word: &'a BStr,
    /// The name as SQL, without its schema; with arguments for functions.
    pub name: &'a BStr,
    /// The schema it lives in.
    pub namespace: Option<&'a BStr>,
    /// Its owner.
    pub owner: &'a BStr,
    /// The entry that must come first.
    pub after: DumpId,
}

impl<'a> Subject<'a> {
    /// An object under its own row, schema, owner and number.
    pub fn of(catalog: &'a Catalog, object: &'a Object, word: &'a str, name: &'a BStr) -> Self {
        Subject {
            row: object.catalog_id,
            word: word.into(),
            name,
            namespace: catalog.schema_name(object),
            owner: catalog.owner_name(object),
            after: object.id,
        }
    }

    /// `word schema.name`
    fn target(&self, catalog: &Catalog) -> BString {
        let mut out = text!(self.word, " ");
        if let Some(schema) = self.namespace {
            put!(out; catalog.quoting.ident(schema), ".");
        }
        put!(out; self.name);
        out
    }

    /// `COLUMN schema.name.column`
    fn column_target(&self, catalog: &Catalog, column: &BStr) -> BString {
        let columns = Subject {
            word: "COLUMN".into(),
            ..*self
        };
        let mut out = columns.target(catalog);
        put!(out; ".", catalog.quoting.ident(column));
        out
    }

    fn entry(&self, out: &mut Emitter<'_>, desc: Desc, tag: BString, definition: BString) {
        let mut entry = Entry::new(out.next_id(), desc, tag, Section::None);
        entry.definition = Some(definition);
        entry.namespace = self.namespace.map(|name| out.name(name));
        entry.owner = Some(out.name(self.owner));
        entry.dependencies = vec![self.after];
        out.push(entry);
    }
}

/// Reads role names, comments, security labels, column grants, initial privileges and `DEPENDS ON EXTENSION`.
///
/// # Errors
/// If a query fails.
pub async fn read(reader: &Reader<'_>) -> Result<Rows> {
    let v = reader.version;
    let comments = "SELECT classoid, objoid, objsubid, description FROM pg_catalog.pg_description \
         ORDER BY 1, 2, 3";
    let labels = "SELECT classoid, objoid, objsubid, provider, label FROM pg_catalog.pg_seclabel \
         UNION ALL \
         SELECT classoid, objoid, 0, provider, label FROM pg_catalog.pg_shseclabel \
         WHERE classoid = 6100 \
         ORDER BY 1, 2, 3, 4";
    let no_initial = "(SELECT NULL::oid AS classoid, NULL::oid AS objoid, NULL::int4 AS objsubid, \
         NULL::\"char\" AS privtype, NULL::aclitem[] AS initprivs WHERE false)";
    let initial = v.pick(90_600, "pg_catalog.pg_init_privs", no_initial);
    // Two passes, each with few rows to join, take much less time than to join all columns there are.
    let column_acls = format!(
        "SELECT a.attrelid, a.attname, a.attacl::pg_catalog.text[], \
            i.privtype, i.initprivs::pg_catalog.text[], a.attnum \
         FROM pg_catalog.pg_attribute a LEFT JOIN {initial} i \
            ON i.classoid = 1259 AND i.objoid = a.attrelid AND i.objsubid = a.attnum \
         WHERE NOT a.attisdropped AND a.attacl IS NOT NULL \
         UNION ALL \
         SELECT a.attrelid, a.attname, NULL, i.privtype, i.initprivs::pg_catalog.text[], a.attnum \
         FROM {initial} i JOIN pg_catalog.pg_attribute a \
            ON a.attrelid = i.objoid AND a.attnum = i.objsubid \
         WHERE i.classoid = 1259 AND i.objsubid <> 0 AND NOT a.attisdropped AND a.attacl IS NULL \
         ORDER BY 1, 6"
    );
    let initial = format!(
        "SELECT classoid, objoid, privtype, initprivs::pg_catalog.text[] FROM {initial} i WHERE objsubid = 0"
    );
    let extensions = "SELECT d.classid, d.objid, e.extname FROM pg_catalog.pg_depend d \
         JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid \
         WHERE d.refclassid = 3079 AND d.deptype = 'x' ORDER BY d.classid, d.objid, e.oid";
    let comment = |row: &_| {
        let mut c = Columns::new(row);
        let (id, subid, text) = (catalog_id(&mut c)?, c.int4()?, c.text()?);
        Ok((id, Comment { subid, text }))
    };
    let column_acl = |row: &_| {
        let mut c = Columns::new(row);
        let (table, column) = (c.oid()?, c.text()?);
        let acl = Acl {
            granted: c.opt_texts()?,
            default: Some(Vec::new()),
            initial_kind: c.opt_char()?.unwrap_or(0),
            initial: c.opt_texts()?,
        };
        Ok((table, ColumnAcl { column, acl }))
    };
    let (roles, comments, labels, column_acls, initial, extensions) = futures_util::try_join!(
        reader.rows("roles", "SELECT oid, rolname FROM pg_catalog.pg_roles", &[]),
        reader.each("comments", Cost(30_000), comments, &[], comment),
        reader.rows("security labels", labels, &[]),
        reader.each("column privileges", Cost(70_000), &column_acls, &[], column_acl),
        reader.rows("initial privileges", &initial, &[]),
        reader.rows("dependencies on extensions", extensions, &[]),
    )?;

    let mut rows = Rows::default();
    for row in &roles {
        let mut c = Columns::new(row);
        rows.roles.insert(c.oid()?, c.text()?);
    }
    for (id, comment) in comments {
        match rows.attributes.comments.entry(id) {
            // Most objects have one.
            hash_map::Entry::Vacant(place) => {
                place.insert(vec![comment]);
            }
            hash_map::Entry::Occupied(mut place) => place.get_mut().push(comment),
        }
    }
    for row in &labels {
        let mut c = Columns::new(row);
        let id = catalog_id(&mut c)?;
        let label = Label {
            subid: c.int4()?,
            provider: c.text()?,
            text: c.text()?,
        };
        rows.attributes.labels.entry(id).or_default().push(label);
    }
    for (table, acl) in column_acls {
        rows.attributes.column_acls.entry(table).or_default().push(acl);
    }
    for row in &initial {
        let mut c = Columns::new(row);
        let id = catalog_id(&mut c)?;
        rows.initial.insert(id, (c.char()?, c.texts()?));
    }
    for row in &extensions {
        let mut c = Columns::new(row);
        let id = catalog_id(&mut c)?;
        rows.attributes.extensions.entry(id).or_default().push(c.text()?);
    }
    Ok(rows)
}

fn catalog_id(c: &mut Columns<'_>) -> Result<CatalogId> {
    Ok(CatalogId {
        tableoid: c.oid()?,
        oid: c.oid()?,
    })
}

/// Puts what was read into the catalog, and initial privileges into the grants of the objects that are
/// there already. [`mark`] must follow once all kinds are complete.
pub fn add(catalog: &mut Catalog, rows: Rows) {
    catalog.roles = rows.roles;
    catalog.attributes = rows.attributes;
    for object in catalog.objects_mut() {
        // initdb's grants on "public" are part of no release's defaults: they are dumped like a user's.
        if object.name == "public" && matches!(object.body, Body::Schema(_)) {
            continue;
        }
        if let (Some(acl), Some((kind, items))) = (&mut object.acl, rows.initial.get(&object.catalog_id)) {
            acl.initial_kind = *kind;
            acl.initial = Some(items.clone());
        }
    }
}

/// Notes on every object which attributes it has.
///
/// # Errors
/// If the server's list of grants cannot be parsed.
pub fn mark(catalog: &mut Catalog) -> Result<()> {
    let attributes = std::mem::take(&mut catalog.attributes);
    let marked = catalog
        .objects_mut()
        .iter_mut()
        .try_for_each(|object| mark_object(&attributes, object));
    catalog.attributes = attributes;
    marked
}

fn mark_object(attributes: &Attributes, object: &mut Object) -> Result<()> {
    if attributes.comments.contains_key(&object.catalog_id) {
        object.has |= Components::COMMENT;
    }
    if let Body::Type(ty) = &object.body
        && !ty.kind.is_implied()
    {
        // Comments on a composite type's columns refer to its row in pg_class.
        let relation = CatalogId {
            tableoid: class::PG_CLASS,
            oid: ty.relation,
        };
        if attributes.comments.contains_key(&relation) {
            object.has |= Components::COMMENT;
        }
    }
    if attributes.labels.contains_key(&object.catalog_id) {
        object.has |= Components::SECLABEL;
    }
    let mut acls: Vec<&Acl> = object.acl.as_deref().into_iter().collect();
    if object.acl.as_ref().is_some_and(|acl| acl.granted.is_some()) {
        object.has |= Components::ACL;
    }
    if object.catalog_id.tableoid == class::PG_CLASS
        && let Some(columns) = attributes.column_acls.get(&object.catalog_id.oid)
    {
        object.has |= Components::ACL;
        acls.extend(columns.iter().map(|column| &column.acl));
    }
    let mut items = acls
        .iter()
        .flat_map(|acl| [&acl.granted, &acl.default, &acl.initial])
        .flatten()
        .flatten();
    match items.find(|item| !is_acl_item(item.as_ref())) {
        Some(item) => Err(Error::new(
            ErrorKind::Protocol,
            format!("could not parse ACL item ({item}) of object \"{}\"", object.name),
        )),
        None => Ok(()),
    }
}

impl Attributes {
    /// True if the object at `row` or one of its columns has a comment.
    pub fn has_comment(&self, row: CatalogId) -> bool {
        self.comments.contains_key(&row)
    }

    /// True if the object at `row` goes away with an extension that it is no member of.
    pub(super) fn depends_on_extensions(&self, row: CatalogId) -> bool {
        self.extensions.contains_key(&row)
    }

    fn comments(&self, row: CatalogId) -> &[Comment] {
        self.comments.get(&row).map_or(&[], Vec::as_slice)
    }

    fn comment(&self, row: CatalogId) -> Option<&BStr> {
        let comment = self.comments(row).iter().find(|comment| comment.subid == 0)?;
        Some(comment.text.as_ref())
    }

    fn labels(&self, row: CatalogId) -> &[Label] {
        self.labels.get(&row).map_or(&[], Vec::as_slice)
    }
}

/// The comment and the security labels of an object that has no columns, as far as they are wanted.
///
/// `word` and `name` are as in [`Subject`].
pub fn emit(out: &mut Emitter<'_>, object: &Object, word: &str, name: &BStr) {
    let subject = Subject::of(out.catalog, object, word, name);
    if object.dumps(Components::COMMENT) {
        comment(out, &subject);
    }
    if object.dumps(Components::SECLABEL) {
        security_labels(out, &subject);
    }
}

/// The comments and the security labels of a relation and its columns, as far as they are wanted.
///
/// `columns` are the names of all columns ever, the first being number 1.
pub fn emit_relation(out: &mut Emitter<'_>, object: &Object, word: &str, columns: &[&BStr]) {
    let catalog = out.catalog;
    let name = catalog.ident(object);
    let subject = Subject::of(catalog, object, word, name.as_ref());
    if object.dumps(Components::COMMENT) {
        comment(out, &subject);
        column_comments(out, &subject, columns);
    }
    if object.dumps(Components::SECLABEL) {
        relation_security_labels(out, &subject, columns);
    }
}

/// The comment on an object.
pub fn comment(out: &mut Emitter<'_>, subject: &Subject<'_>) {
    let catalog = out.catalog;
    if let Some(comment) = catalog.attributes.comment(subject.row) {
        push_comment(out, subject, comment);
    }
}

/// The comment on an object that initdb made with the comment `initdb`: only a change of it is emitted,
/// its removal too.
pub fn comment_unless(out: &mut Emitter<'_>, subject: &Subject<'_>, initdb: &str) {
    let catalog = out.catalog;
    let comment = catalog.attributes.comment(subject.row).unwrap_or_default();
    if comment != initdb {
        push_comment(out, subject, comment);
    }
}

/// The comments on the columns of the relation or composite type `subject`, whose row is in `pg_class`.
///
/// `columns` are the names of all columns ever, the first being number 1.
pub fn column_comments(out: &mut Emitter<'_>, subject: &Subject<'_>, columns: &[&BStr]) {
    let catalog = out.catalog;
    if comments_unwanted(out, subject) {
        return;
    }
    for comment in catalog.attributes.comments(subject.row) {
        let Some(column) = column_name(columns, comment.subid) else {
            continue;
        };
        let target = subject.column_target(catalog, column);
        let tag = text!("COLUMN ", subject.name, ".", catalog.quoting.ident(column));
        let statement = text!(
            "COMMENT ON ",
            target,
            " IS ",
            catalog.quoting.literal(&comment.text),
            ";\n"
        );
        subject.entry(out, Desc::Comment, tag, statement);
    }
}

/// The security labels of an object, in one entry.
pub fn security_labels(out: &mut Emitter<'_>, subject: &Subject<'_>) {
    relation_security_labels(out, subject, &[]);
}

/// A grant's entry: that of an object under its own name. Returns its number if there is one.
///
/// `name` is as SQL without the schema; with arguments for functions.
pub fn acl(out: &mut Emitter<'_>, object: &Object, kind: Grantable, name: &BStr) -> Option<DumpId> {
    let acl = object.acl.as_deref()?;
    let tag = text!(kind.word(), " ", name);
    acl_entry(out, object, kind, name, acl, tag)
}

/// As [`acl`], under another tag.
pub fn acl_tagged(
    out: &mut Emitter<'_>,
    object: &Object,
    kind: Grantable,
    name: &BStr,
    tag: BString,
) -> Option<DumpId> {
    let acl = object.acl.as_deref()?;
    acl_entry(out, object, kind, name, acl, tag)
}

/// The grants on a relation and on its columns. The latter come after the former.
pub fn relation_acls(out: &mut Emitter<'_>, object: &Object, kind: Grantable) {
    let catalog = out.catalog;
    let name = catalog.ident(object);
    let relation = acl(out, object, kind, name.as_ref());
    let Some(columns) = catalog.attributes.column_acls.get(&object.catalog_id.oid) else {
        return;
    };
    for ColumnAcl { column, acl } in columns {
        let column = catalog.quoting.ident(column);
        let tag = text!("COLUMN ", name, ".", column);
        let place = Place {
            kind: Grantable::Table,
            name: name.as_ref(),
            column: Some(column.as_ref()),
            after: relation,
        };
        place.entry(out, object, acl, tag);
    }
}

/// The statements that tie an object to extensions it is no member of, to stand after its own: empty, or
/// `ALTER word name DEPENDS ON EXTENSION …;` on a line of its own, not ended, for each. `name` is as SQL with its
/// schema.
pub fn depends_on_extensions(catalog: &Catalog, object: &Object, word: &str, name: &BStr) -> BString {
    let mut out = BString::default();
    let extensions = catalog.attributes.extensions.get(&object.catalog_id);
    for extension in extensions.into_iter().flatten() {
        let extension = catalog.quoting.ident(extension);
        put!(out; "\nALTER ", word, " ", name, " DEPENDS ON EXTENSION ", extension, ";");
    }
    out
}

fn push_comment(out: &mut Emitter<'_>, subject: &Subject<'_>, comment: &BStr) {
    if comments_unwanted(out, subject) {
        return;
    }
    let catalog = out.catalog;
    let target = subject.target(catalog);
    let statement = text!(
        "COMMENT ON ",
        target,
        " IS ",
        catalog.quoting.literal(comment),
        ";\n"
    );
    subject.entry(
        out,
        Desc::Comment,
        text!(subject.word, " ", subject.name),
        statement,
    );
}

fn comments_unwanted(out: &Emitter<'_>, subject: &Subject<'_>) -> bool {
    out.options.no_comments || !attributes_wanted(out, subject.row)
}

/// Attributes are part of the schema, but those of large objects go with the data.
fn attributes_wanted(out: &Emitter<'_>, row: CatalogId) -> bool {
    if is_large_object(row) {
        out.options.data || out.catalog.upgrade.is_some()
    } else {
        out.options.schema
    }
}

fn is_large_object(row: CatalogId) -> bool {
    // Comments and labels refer to the one catalog, the objects themselves are rows of the other.
    matches!(
        row.tableoid,
        class::PG_LARGEOBJECT | class::PG_LARGEOBJECT_METADATA
    )
}

fn relation_security_labels(out: &mut Emitter<'_>, subject: &Subject<'_>, columns: &[&BStr]) {
    let catalog = out.catalog;
    if out.options.no_security_labels || !attributes_wanted(out, subject.row) {
        return;
    }
    let mut statements = BString::default();
    for label in catalog.attributes.labels(subject.row) {
        let target = match (label.subid, column_name(columns, label.subid)) {
            (0, _) => subject.target(catalog),
            (_, Some(column)) => subject.column_target(catalog, column),
            (_, None) => continue,
        };
        let provider = catalog.quoting.ident(&label.provider);
        let value = catalog.quoting.literal(&label.text);
        put!(statements; "SECURITY LABEL FOR ", provider, " ON ", target, " IS ", value, ";\n");
    }
    if !statements.is_empty() {
        let tag = text!(subject.word, " ", subject.name);
        subject.entry(out, Desc::SecurityLabel, tag, statements);
    }
}

/// The name of the column with this number; none for system columns.
fn column_name<'n>(columns: &[&'n BStr], number: i32) -> Option<&'n BStr> {
    let place = usize::try_from(number).ok()?.checked_sub(1)?;
    columns.get(place).copied()
}

fn acl_entry(
    out: &mut Emitter<'_>,
    object: &Object,
    kind: Grantable,
    name: &BStr,
    acl: &Acl,
    tag: BString,
) -> Option<DumpId> {
    let place = Place {
        kind,
        name,
        column: None,
        after: None,
    };
    place.entry(out, object, acl, tag)
}

/// What an ACL entry is about, and what it waits for beside the object itself.
struct Place<'a> {
    kind: Grantable,
    name: &'a BStr,
    column: Option<&'a BStr>,
    after: Option<DumpId>,
}

impl Place<'_> {
    fn entry(&self, out: &mut Emitter<'_>, object: &Object, acl: &Acl, tag: BString) -> Option<DumpId> {
        let catalog = out.catalog;
        if out.options.no_acl || !object.dumps(Components::ACL) || !attributes_wanted(out, object.catalog_id)
        {
            return None;
        }
        // A null list stands for the kind's default, which need not be what the extension's script left.
        let (granted, base) = match &acl.initial {
            Some(initial) => (acl.granted.as_ref().or(acl.default.as_ref()), Some(initial)),
            None => (acl.granted.as_ref(), acl.default.as_ref()),
        };
        let namespace = catalog.schema_name(object);
        let qualified = match namespace {
            Some(schema) => text!(catalog.quoting.ident(schema), ".", self.name),
            None => self.name.to_owned(),
        };
        let owner = catalog.owner_name(object);
        let target = GrantTarget {
            kind: self.kind,
            name: qualified.as_ref(),
            column: self.column,
            owner,
            prefix: Default::default(),
        };
        let base = base.map_or(&[][..], Vec::as_slice);
        let mut statements = upgrade::initial_grants(catalog, &target, acl);
        put!(statements; grants(&target, granted?, base, catalog.quoting));
        if statements.is_empty() {
            return None;
        }
        let id = out.next_id();
        let mut entry = Entry::new(id, Desc::Acl, tag, Section::None);
        entry.definition = Some(statements);
        entry.namespace = namespace.map(|name| out.name(name));
        entry.owner = Some(out.name(owner));
        entry.dependencies = std::iter::once(object.id).chain(self.after).collect();
        out.push(entry);
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::ServerVersion;
    use crate::objects::EmitOptions;
    use crate::sql::Quoting;

    const TABLE: CatalogId = CatalogId {
        tableoid: class::PG_CLASS,
        oid: 20_000,
    };

    fn options() -> EmitOptions {
        EmitOptions {
            schema: true,
            data: true,
            statistics: false,
            no_acl: false,
            no_comments: false,
            no_security_labels: false,
            no_policies: false,
            no_publications: false,
            no_subscriptions: false,
            no_toast_compression: false,
            no_unlogged_table_data: false,
            create: false,
            single_large_objects: false,
            release: None,
            no_dollar_quoting: false,
            rows: Default::default(),
        }
    }

    /// A table "S x".t of alice with everything that can hang on it.
    fn catalog() -> (Catalog, DumpId) {
        let mut catalog = Catalog::new(ServerVersion(180_006), Quoting::default());
        // Only the name and number of the schema matter here, not its body.
        let schema = catalog.add(
            CatalogId {
                tableoid: class::PG_NAMESPACE,
                oid: 19_000,
            },
            "S x",
            Body::PreDataBoundary,
        );
        let schema = schema.id;
        let table = catalog.add(TABLE, "t", Body::Table(Box::default()));
        table.schema = Some(schema);
        table.owner = 10;
        let acl = Acl {
            granted: Some(vec!["alice=r/alice".into()]),
            default: Some(vec!["alice=arwdDxtm/alice".into()]),
            ..Acl::default()
        };
        table.acl = Some(Box::new(acl));
        let id = table.id;
        let mut rows = Rows::default();
        rows.roles.insert(10, "alice".into());
        let comment = |subid, text: &str| Comment {
            subid,
            text: text.into(),
        };
        let comments = vec![
            comment(0, "it's"),
            comment(2, "column"),
            comment(9, "no such column"),
        ];
        rows.attributes.comments.insert(TABLE, comments);
        let label = |subid, text: &str| Label {
            subid,
            provider: "dummy".into(),
            text: text.into(),
        };
        rows.attributes
            .labels
            .insert(TABLE, vec![label(0, "secret"), label(1, "top")]);
        let column = ColumnAcl {
            column: "B".into(),
            acl: Acl {
                granted: Some(vec!["bob=w/alice".into()]),
                default: Some(Vec::new()),
                ..Acl::default()
            },
        };
        rows.attributes.column_acls.insert(TABLE.oid, vec![column]);
        add(&mut catalog, rows);
        mark(&mut catalog).expect("grants of the right form");
        (catalog, id)
    }

    fn emitted(catalog: &Catalog, id: DumpId, options: &EmitOptions) -> Vec<Entry> {
        let mut out = Emitter::new(catalog, options);
        let object = catalog.object(id);
        emit_relation(&mut out, object, "TABLE", &["a".into(), "B".into()]);
        relation_acls(&mut out, object, Grantable::Table);
        out.finish().expect("entries").entries
    }

    fn in_words(entries: &[Entry]) -> Vec<String> {
        let line = |entry: &Entry| {
            let after: Vec<_> = entry.dependencies.iter().map(|id| id.0).collect();
            format!(
                "{}|{}|{after:?}|{}",
                entry.desc,
                entry.tag,
                entry.definition_text()
            )
        };
        entries.iter().map(line).collect()
    }

    #[test]
    fn a_table_and_its_columns_get_their_comments_labels_and_grants() {
        let (catalog, id) = catalog();
        assert_eq!(
            in_words(&emitted(&catalog, id, &options())),
            [
                "COMMENT|TABLE t|[2]|COMMENT ON TABLE \"S x\".t IS 'it''s';\n",
                "COMMENT|COLUMN t.\"B\"|[2]|COMMENT ON COLUMN \"S x\".t.\"B\" IS 'column';\n",
                "SECURITY LABEL|TABLE t|[2]|SECURITY LABEL FOR dummy ON TABLE \"S x\".t IS 'secret';\n\
                 SECURITY LABEL FOR dummy ON COLUMN \"S x\".t.a IS 'top';\n",
                "ACL|TABLE t|[2]|REVOKE ALL ON TABLE \"S x\".t FROM alice;\n\
                 GRANT SELECT ON TABLE \"S x\".t TO alice;\n",
                "ACL|COLUMN t.\"B\"|[2, 6]|GRANT UPDATE(\"B\") ON TABLE \"S x\".t TO bob;\n",
            ]
        );
    }

    #[test]
    fn nothing_is_emitted_that_is_not_wanted() {
        let (mut catalog, id) = catalog();
        let none = EmitOptions {
            no_acl: true,
            no_comments: true,
            no_security_labels: true,
            ..options()
        };
        assert!(emitted(&catalog, id, &none).is_empty());
        let data_only = EmitOptions {
            schema: false,
            ..options()
        };
        assert!(emitted(&catalog, id, &data_only).is_empty());
        catalog.object_mut(id).dump = Components::DEFINITION;
        assert!(emitted(&catalog, id, &options()).is_empty());
    }

    #[test]
    fn grants_that_are_as_the_extension_made_them_are_not_repeated() {
        let (mut catalog, id) = catalog();
        if let Some(acl) = &mut catalog.object_mut(id).acl {
            acl.initial = acl.granted.clone();
            acl.initial_kind = b'e';
        }
        let entries = emitted(&catalog, id, &options());
        assert!(
            entries
                .iter()
                .all(|entry| entry.tag != "TABLE t" || entry.desc != Desc::Acl)
        );
    }

    #[test]
    fn a_comment_of_initdb_is_emitted_only_when_it_was_changed_or_removed() {
        let (catalog, id) = catalog();
        let comments = |row, initdb| {
            let wanted = options();
            let mut out = Emitter::new(&catalog, &wanted);
            let subject = Subject {
                row,
                ..Subject::of(&catalog, catalog.object(id), "SCHEMA", "public".into())
            };
            comment_unless(&mut out, &subject, initdb);
            out.finish().expect("entries").entries.len()
        };
        assert_eq!(comments(TABLE, "it's"), 0);
        assert_eq!(comments(TABLE, "standard"), 1);
        assert_eq!(comments(CatalogId::default(), "standard"), 1);
    }

    #[test]
    fn a_list_of_grants_that_cannot_be_parsed_is_an_error() {
        let (mut catalog, id) = catalog();
        if let Some(acl) = &mut catalog.object_mut(id).acl {
            acl.granted = Some(vec!["nonsense".into()]);
        }
        let error = mark(&mut catalog).expect_err("no aclitem");
        assert!(
            error.to_string().contains("(nonsense) of object \"t\""),
            "{error}"
        );
    }
}
