//! The script's own part: SQL for what belongs to no database. Text only.

use std::collections::HashSet;

use bstr::{BStr, BString, ByteSlice};

use super::globals::{Label, Membership, Parameter, Role, Tablespace};
use super::options::ClusterOptions;
use crate::script::Drops;
use crate::sql::{GrantTarget, Grantable, Quoting, grants, put, setting, text};
use crate::toc::list::one_line;

/// The oid of the role that initdb makes, in every cluster.
const BOOTSTRAP_SUPERUSER: u32 = 10;

/// Writes the parts, with what the options leave out left out.
pub(super) struct Writer<'a> {
    pub(super) options: &'a ClusterOptions,
    pub(super) quoting: Quoting,
}

/// A heading between two lines.
fn heading(title: &str) -> BString {
    text!("--\n-- ", title, "\n--\n\n")
}

impl Writer<'_> {
    fn drop_words(&self) -> &'static str {
        match self.options.drops {
            Drops::IfExists => "IF EXISTS ",
            Drops::None | Drops::Plain => "",
        }
    }

    /// Drops of one kind: a heading, unless there are none, the statements and two empty lines.
    pub(super) fn drops<'n>(
        &self,
        title: &str,
        kind: &str,
        names: impl Iterator<Item = &'n BString>,
    ) -> BString {
        let mut out = BString::default();
        for name in names {
            if out.is_empty() {
                out = heading(title);
            }
            put!(out; "DROP ", kind, " ", self.drop_words(), self.quoting.ident(name), ";\n");
        }
        put!(out; "\n\n");
        out
    }

    /// The roles with their attributes, then their settings.
    pub(super) fn roles(&self, roles: &[Role]) -> BString {
        let mut out = BString::default();
        if roles.is_empty() {
            return text!("\n\n");
        }
        put!(out; heading("Roles"));
        for role in roles {
            self.role(role, &mut out);
        }
        put!(out; "\n--\n-- User Configurations\n--\n");
        for role in roles.iter().filter(|role| !role.settings.is_empty()) {
            put!(out; "\n--\n-- User Config \"", one_line(role.name.as_bstr()), "\"\n--\n\n");
            for item in &role.settings {
                if let Some(setting) =
                    setting(self.quoting, item.as_bstr(), |value| self.quoting.literal(value))
                {
                    put!(out; "ALTER ROLE ", self.quoting.ident(&role.name), " SET ", setting, ";\n");
                }
            }
        }
        put!(out; "\n\n");
        out
    }

    fn role(&self, role: &Role, out: &mut BString) {
        let name = self.quoting.ident(&role.name);
        let binary_upgrade = self.options.binary_upgrade;
        if binary_upgrade {
            put!(out; preserve("pg_authid.oid", "pg_authid_oid", role.oid), "\n");
        }
        // pg_upgrade's user is in the new cluster already.
        if !binary_upgrade || !role.is_current {
            put!(out; "CREATE ROLE ", name, ";\n");
        }
        put!(out; "ALTER ROLE ", name, " WITH");
        for (has, attribute) in [
            (role.superuser, "SUPERUSER"),
            (role.inherit, "INHERIT"),
            (role.create_role, "CREATEROLE"),
            (role.create_db, "CREATEDB"),
            (role.login, "LOGIN"),
            (role.replication, "REPLICATION"),
            (role.bypass_rls, "BYPASSRLS"),
        ] {
            put!(out; if has { " " } else { " NO" }, attribute);
        }
        if role.connection_limit != -1 {
            put!(out; " CONNECTION LIMIT ", role.connection_limit.to_string());
        }
        if let Some(password) = role.password.as_ref().filter(|_| !self.options.no_role_passwords) {
            put!(out; " PASSWORD ", self.quoting.literal(password));
        }
        if let Some(until) = &role.valid_until {
            put!(out; " VALID UNTIL '", until, "'");
        }
        put!(out; ";\n");
        self.remarks("ROLE", &name, role.comment.as_ref(), &role.labels, out);
    }

    /// The comment and the labels of a shared object.
    fn remarks(
        &self,
        kind: &str,
        name: &BString,
        comment: Option<&BString>,
        labels: &[Label],
        out: &mut BString,
    ) {
        if let Some(comment) = comment.filter(|_| !self.options.no_comments) {
            put!(out; "COMMENT ON ", kind, " ", name, " IS ", self.quoting.literal(comment), ";\n");
        }
        let labels = labels.iter().filter(|_| !self.options.no_security_labels);
        for Label { provider, text } in labels {
            put!(out; "SECURITY LABEL FOR ", self.quoting.ident(provider), " ON ", kind, " ", name);
            put!(out; " IS ", self.quoting.literal(text), ";\n");
        }
    }

    /// Who is a member of what.
    ///
    /// From 16 on the grantor is part of a grant, and must hold the admin option when it is made: so grants of a role wait
    /// for the one that their grantor rests on.
    ///
    /// # Errors
    /// The name of a role whose grants rest on each other in a circle.
    pub(super) fn memberships(
        &self,
        memberships: &[Membership],
        warn: &mut dyn FnMut(BString, Option<&str>),
    ) -> Result<BString, BString> {
        let mut out = BString::default();
        for of_role in memberships.chunk_by(|one, other| one.role == other.role) {
            let Some(role) = of_role.first().and_then(|first| first.role.as_ref()) else {
                let oid = of_role.first().map_or(0, |first| first.role_oid);
                warn(orphan("role", oid), None);
                continue;
            };
            let mut administrators: HashSet<&BStr> = HashSet::new();
            let mut waiting: Vec<&Membership> = of_role.iter().collect();
            while !waiting.is_empty() {
                let before = waiting.len();
                let mut still = Vec::new();
                for membership in waiting {
                    let Some(member) = &membership.member else {
                        warn(orphan("member", membership.member_oid), None);
                        continue;
                    };
                    let grantor = match (membership.options, &membership.grantor) {
                        (None, _) => None,
                        (Some(_), None) => {
                            let oid = membership.grantor_oid;
                            let message = text!(
                                "grant of role \"",
                                role,
                                "\" to \"",
                                member,
                                "\" has invalid grantor OID ",
                                oid.to_string()
                            );
                            warn(message, Some("This grant will be dumped without GRANTED BY."));
                            None
                        }
                        (Some(_), Some(grantor)) => Some(grantor.as_bstr()),
                    };
                    let may_grant = membership.grantor_oid == BOOTSTRAP_SUPERUSER
                        || grantor.is_none_or(|grantor| administrators.contains(grantor));
                    if !may_grant {
                        still.push(membership);
                        continue;
                    }
                    if membership.admin {
                        administrators.insert(member.as_bstr());
                    }
                    self.membership(role, member, grantor, membership, &mut out);
                }
                waiting = still;
                if waiting.len() == before {
                    return Err(role.clone());
                }
            }
        }
        if !memberships.is_empty() {
            out = text!(heading("Role memberships"), out);
        }
        put!(out; "\n\n");
        Ok(out)
    }

    fn membership(
        &self,
        role: &BString,
        member: &BString,
        grantor: Option<&BStr>,
        membership: &Membership,
        out: &mut BString,
    ) {
        let mut options: Vec<&str> = Vec::new();
        options.extend(membership.admin.then_some("ADMIN OPTION"));
        if let Some(kept) = membership.options {
            options.push(if kept.inherit {
                "INHERIT TRUE"
            } else {
                "INHERIT FALSE"
            });
            options.extend((!kept.set).then_some("SET FALSE"));
        }
        put!(out; "GRANT ", self.quoting.ident(role), " TO ", self.quoting.ident(member));
        if !options.is_empty() {
            put!(out; " WITH ", options.join(", "));
        }
        if let Some(grantor) = grantor {
            put!(out; " GRANTED BY ", self.quoting.ident(grantor));
        }
        put!(out; ";\n");
    }

    /// Who may set what.
    pub(super) fn parameters(&self, parameters: &[Parameter]) -> BString {
        let mut out = BString::default();
        if !parameters.is_empty() {
            put!(out; heading("Role privileges on configuration parameters"));
        }
        for parameter in parameters {
            let name = self.quoting.ident(&parameter.name);
            let target = self.target(Grantable::Parameter, &name, &parameter.owner);
            put!(out; grants(&target, &parameter.granted, &parameter.default, self.quoting));
        }
        put!(out; "\n\n");
        out
    }

    fn target<'t>(&self, kind: Grantable, name: &'t BString, owner: &'t BString) -> GrantTarget<'t> {
        GrantTarget {
            kind,
            name: name.as_bstr(),
            column: None,
            owner: owner.as_bstr(),
            prefix: BStr::new(""),
        }
    }

    /// The tablespaces.
    pub(super) fn tablespaces(&self, tablespaces: &[Tablespace]) -> BString {
        let mut out = BString::default();
        if !tablespaces.is_empty() {
            put!(out; heading("Tablespaces"));
        }
        for tablespace in tablespaces {
            let name = self.quoting.ident(&tablespace.name);
            // One inside the data directory has no path of its own.
            let location = Some(&tablespace.location).filter(|path| path.starts_with(b"/"));
            let location = self.quoting.literal(location.cloned().unwrap_or_default());
            if self.options.binary_upgrade {
                put!(out; preserve("pg_tablespace oid", "pg_tablespace_oid", tablespace.oid));
            }
            put!(out; "CREATE TABLESPACE ", name, " OWNER ", self.quoting.ident(&tablespace.owner));
            put!(out; " LOCATION ", location, ";\n");
            if !tablespace.options.is_empty() {
                let options = bstr::join(", ", &tablespace.options);
                put!(out; "ALTER TABLESPACE ", name, " SET (", options, ");\n");
            }
            if let Some(granted) = tablespace
                .granted
                .as_ref()
                .filter(|_| !self.options.no_privileges)
            {
                let target = self.target(Grantable::Tablespace, &name, &tablespace.owner);
                put!(out; grants(&target, granted, &tablespace.default, self.quoting));
            }
            let comment = tablespace.comment.as_ref();
            self.remarks("TABLESPACE", &name, comment, &tablespace.labels, &mut out);
        }
        put!(out; "\n\n");
        out
    }
}

/// What gives an object its oid.
fn preserve(what: &str, function: &str, oid: u32) -> String {
    format!(
        "\n-- For binary upgrade, must preserve {what}\n\
         SELECT pg_catalog.binary_upgrade_set_next_{function}('{oid}'::pg_catalog.oid);\n"
    )
}

fn orphan(what: &str, oid: u32) -> BString {
    text!(
        "ignoring role grant for missing ",
        what,
        " with OID ",
        oid.to_string()
    )
}
