//! The options for a restore where one is not the superuser, and where roles are called otherwise.

use std::ffi::OsString;

use bstr::ByteSlice;
use clap::{ArgAction, Args};

use super::checks::{Refusal, exclusive};
use super::connection::bytes;
use crate::restore::RoleMap;

/// The options as typed.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct ManagedArgs {
    /// Restore as an ordinary user: leave out, and list, what only a superuser may do and roles that are missing
    #[arg(long)]
    pub(super) managed: bool,
    /// Call a role otherwise: as an owner, a grantee, in policies and the like
    #[arg(long, value_name = "OLD=NEW", action = ArgAction::Append)]
    role_map: Vec<OsString>,
    /// Read such pairs from a file, one a line
    #[arg(long, value_name = "FILENAME", action = ArgAction::Append)]
    role_map_file: Vec<OsString>,
}

impl ManagedArgs {
    /// Refuses what --managed cannot be combined with: `others` and what needs no server.
    pub(super) fn check(&self, has_server: bool, others: &[(bool, &'static str)]) -> Result<(), Refusal> {
        let managed = (self.managed, "--managed");
        let pairs: Vec<_> = others.iter().map(|other| (managed, *other)).collect();
        exclusive(&pairs)?;
        if self.managed && !has_server {
            return Err(
                "option --managed requires option -d/--dbname: what is allowed is asked of the server".into(),
            );
        }
        Ok(())
    }

    /// The roles that are called otherwise.
    pub(super) fn roles(&self) -> Result<RoleMap, Refusal> {
        let mut roles = RoleMap::default();
        for path in &self.role_map_file {
            let path = std::path::Path::new(path);
            let text = std::fs::read(path).map_err(|error| {
                Refusal::from(format!(
                    "could not open role map file \"{}\": {error}",
                    path.display()
                ))
            })?;
            let read = roles.add_lines(text.as_bstr());
            read.map_err(|error| error.context(path.display()))?;
        }
        for pair in &self.role_map {
            roles.add(bytes(pair).as_bstr())?;
        }
        Ok(roles)
    }
}
