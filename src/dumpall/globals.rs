//! What belongs to no database, read from the shared catalogs: roles and their memberships, settings of roles, grants on
//! configuration parameters, tablespaces, and the list of databases. One query each, whatever there is.

use bstr::BString;
use postgres_types::Type;

use crate::connect::{Columns, Session, Text};
use crate::error::Result;
use crate::sql::Pattern;

/// A provider and the label it has put on a shared object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) provider: BString,
    pub(super) text: BString,
}

/// A role (`pg_authid`).
#[derive(Debug, Clone, Default)]
pub(super) struct Role {
    pub(super) oid: u32,
    /// It is who reads this.
    pub(super) is_current: bool,
    pub(super) name: BString,
    pub(super) superuser: bool,
    pub(super) inherit: bool,
    pub(super) create_role: bool,
    pub(super) create_db: bool,
    pub(super) login: bool,
    pub(super) replication: bool,
    pub(super) bypass_rls: bool,
    /// −1 for no limit.
    pub(super) connection_limit: i32,
    pub(super) password: Option<BString>,
    pub(super) valid_until: Option<BString>,
    pub(super) comment: Option<BString>,
    pub(super) labels: Vec<Label>,
    /// Settings for all databases, each `name=value`.
    pub(super) settings: Vec<BString>,
}

/// A role's membership in another (`pg_auth_members`). Names are missing where the catalog points to nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct Membership {
    pub(super) role: Option<BString>,
    pub(super) role_oid: u32,
    pub(super) member: Option<BString>,
    pub(super) member_oid: u32,
    pub(super) grantor: Option<BString>,
    pub(super) grantor_oid: u32,
    pub(super) admin: bool,
    /// The options that servers from 16 on keep with each grant.
    pub(super) options: Option<GrantOptions>,
}

/// See [`Membership::options`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GrantOptions {
    pub(super) inherit: bool,
    pub(super) set: bool,
}

/// Grants on a configuration parameter (`pg_parameter_acl`).
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) name: BString,
    /// The bootstrap superuser.
    pub(super) owner: BString,
    pub(super) granted: Vec<BString>,
    pub(super) default: Vec<BString>,
}

/// A tablespace (`pg_tablespace`).
#[derive(Debug)]
pub(super) struct Tablespace {
    pub(super) oid: u32,
    pub(super) name: BString,
    pub(super) owner: BString,
    /// The directory; empty for one inside the data directory.
    pub(super) location: BString,
    pub(super) options: Vec<BString>,
    pub(super) granted: Option<Vec<BString>>,
    pub(super) default: Vec<BString>,
    pub(super) comment: Option<BString>,
    pub(super) labels: Vec<Label>,
}

/// The columns of [`read_labels`]: providers and labels of the object with this oid in this catalog.
fn label_columns(oid: &str, catalog: &str) -> String {
    let column = |name: &str| {
        format!(
            "ARRAY(SELECT l.{name}::pg_catalog.text FROM pg_catalog.pg_shseclabel l WHERE l.objoid = {oid} \
             AND l.classoid = 'pg_catalog.{catalog}'::pg_catalog.regclass ORDER BY l.provider)"
        )
    };
    format!("{}, {}", column("provider"), column("label"))
}

fn read_labels(columns: &mut Columns<'_>) -> Result<Vec<Label>> {
    let (providers, texts) = (columns.texts()?, columns.texts()?);
    let labels = providers.into_iter().zip(texts);
    Ok(labels.map(|(provider, text)| Label { provider, text }).collect())
}

/// Whether passwords can be read: managed services show them to nobody.
pub(super) async fn can_read_passwords(session: &Session) -> Result<bool> {
    let sql = "SELECT pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'SELECT')";
    let rows = session.rows("the right to read passwords", sql, &[]).await?;
    rows.first().map_or(Ok(false), |row| Columns::new(row).bool())
}

/// All roles but the server's own, by name.
pub(super) async fn roles(session: &Session, with_passwords: bool) -> Result<Vec<Role>> {
    let v = session.version();
    let catalog = if with_passwords { "pg_authid" } else { "pg_roles" };
    let password = if with_passwords {
        "r.rolpassword"
    } else {
        "NULL::pg_catalog.text"
    };
    let bypass_rls = v.pick(90_500, "r.rolbypassrls", "false");
    let no_own = v.pick(90_600, "WHERE r.rolname !~ '^pg_'", "");
    let labels = label_columns("r.oid", "pg_authid");
    let sql = format!(
        "SELECT r.oid, r.rolname = current_user, r.rolname, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolreplication, \
         {bypass_rls}, r.rolconnlimit, {password}, r.rolvaliduntil::pg_catalog.text, \
         pg_catalog.shobj_description(r.oid, 'pg_authid'), {labels}, s.setconfig \
         FROM pg_catalog.{catalog} r \
         LEFT JOIN pg_catalog.pg_db_role_setting s ON s.setrole = r.oid AND s.setdatabase = 0 \
         {no_own} ORDER BY r.rolname"
    );
    let rows = session.rows("roles", &sql, &[]).await?;
    rows.iter()
        .map(|row| {
            let mut c = Columns::new(row);
            Ok(Role {
                oid: c.oid()?,
                is_current: c.bool()?,
                name: c.text()?,
                superuser: c.bool()?,
                inherit: c.bool()?,
                create_role: c.bool()?,
                create_db: c.bool()?,
                login: c.bool()?,
                replication: c.bool()?,
                bypass_rls: c.bool()?,
                connection_limit: c.int4()?,
                password: c.opt_text()?,
                valid_until: c.opt_text()?,
                comment: c.opt_text()?,
                labels: read_labels(&mut c)?,
                settings: c.opt_texts()?.unwrap_or_default(),
            })
        })
        .collect()
}

/// All memberships but those among the server's own roles, by role, member and grantor.
pub(super) async fn memberships(session: &Session) -> Result<Vec<Membership>> {
    let v = session.version();
    let options = v.pick(
        16,
        "m.inherit_option, m.set_option",
        "NULL::pg_catalog.bool, NULL::pg_catalog.bool",
    );
    let sql = format!(
        "SELECT r.rolname, m.roleid, u.rolname, m.member, g.rolname, m.grantor, m.admin_option, {options} \
         FROM pg_catalog.pg_auth_members m \
         LEFT JOIN pg_catalog.pg_roles r ON r.oid = m.roleid \
         LEFT JOIN pg_catalog.pg_roles u ON u.oid = m.member \
         LEFT JOIN pg_catalog.pg_roles g ON g.oid = m.grantor \
         WHERE NOT (r.rolname ~ '^pg_' AND u.rolname ~ '^pg_') \
         ORDER BY r.rolname, u.rolname, g.rolname"
    );
    let rows = session.rows("memberships of roles", &sql, &[]).await?;
    rows.iter()
        .map(|row| {
            let mut c = Columns::new(row);
            Ok(Membership {
                role: c.opt_text()?,
                role_oid: c.oid()?,
                member: c.opt_text()?,
                member_oid: c.oid()?,
                grantor: c.opt_text()?,
                grantor_oid: c.oid()?,
                admin: c.bool()?,
                options: match (c.opt_bool()?, c.opt_bool()?) {
                    (Some(inherit), Some(set)) => Some(GrantOptions { inherit, set }),
                    _ => None,
                },
            })
        })
        .collect()
}

/// The grants on configuration parameters, by name; servers before 15 have none.
pub(super) async fn parameters(session: &Session) -> Result<Vec<Parameter>> {
    if !session.version().at_least(15) {
        return Ok(Vec::new());
    }
    let sql = "SELECT p.parname, pg_catalog.pg_get_userbyid(10), p.paracl::pg_catalog.text[], \
         pg_catalog.acldefault('p', 10)::pg_catalog.text[] FROM pg_catalog.pg_parameter_acl p ORDER BY p.parname";
    let rows = session.rows("grants on parameters", sql, &[]).await?;
    rows.iter()
        .map(|row| {
            let mut c = Columns::new(row);
            Ok(Parameter {
                name: c.text()?,
                owner: c.text()?,
                granted: c.texts()?,
                default: c.texts()?,
            })
        })
        .collect()
}

/// All tablespaces but the server's own, in the order in which they were made.
pub(super) async fn tablespaces(session: &Session) -> Result<Vec<Tablespace>> {
    let labels = label_columns("t.oid", "pg_tablespace");
    let sql = format!(
        "SELECT t.oid, t.spcname, pg_catalog.pg_get_userbyid(t.spcowner), pg_catalog.pg_tablespace_location(t.oid), \
         t.spcoptions, t.spcacl::pg_catalog.text[], pg_catalog.acldefault('t', t.spcowner)::pg_catalog.text[], \
         pg_catalog.shobj_description(t.oid, 'pg_tablespace'), {labels} \
         FROM pg_catalog.pg_tablespace t WHERE t.spcname !~ '^pg_' ORDER BY t.oid"
    );
    let rows = session.rows("tablespaces", &sql, &[]).await?;
    rows.iter()
        .map(|row| {
            let mut c = Columns::new(row);
            Ok(Tablespace {
                oid: c.oid()?,
                name: c.text()?,
                owner: c.text()?,
                location: c.text()?,
                options: c.opt_texts()?.unwrap_or_default(),
                granted: c.opt_texts()?,
                default: c.texts()?,
                comment: c.opt_text()?,
                labels: read_labels(&mut c)?,
            })
        })
        .collect()
}

/// The databases that can be connected to, by name.
pub(super) async fn databases(session: &Session) -> Result<Vec<BString>> {
    // -2 marks a database whose removal was interrupted.
    let sql = "SELECT d.datname FROM pg_catalog.pg_database d WHERE d.datallowconn AND d.datconnlimit <> -2 \
         ORDER BY d.datname";
    names(session.rows("databases", sql, &[]).await?)
}

/// The databases that a pattern finds.
///
/// # Errors
/// If the pattern is no regular expression.
pub(super) async fn matching(session: &Session, pattern: &Pattern) -> Result<Vec<BString>> {
    let collation = session.version().pick(12, "COLLATE pg_catalog.default", "");
    let sql = format!(
        "SELECT d.datname FROM pg_catalog.pg_database d WHERE d.datname OPERATOR(pg_catalog.~) $1 {collation}"
    );
    let name = Text(pattern.name.clone());
    names(
        session
            .rows("databases to leave out", &sql, &[(&name, Type::TEXT)])
            .await?,
    )
}

fn names(rows: Vec<tokio_postgres::Row>) -> Result<Vec<BString>> {
    rows.iter().map(|row| Columns::new(row).text()).collect()
}
