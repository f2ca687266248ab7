//! The servers to try: lists of hosts, addresses and ports, brought together and named in messages.
//!
//! Names are resolved when a host's turn comes; opening sockets is in `socket`.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use bstr::{BStr, BString, ByteSlice};

use super::conninfo::{Conninfo, usage};
use super::settings::integer;
use super::socket::Endpoint;
use crate::error::Result;

/// PostgreSQL's port.
const DEFAULT_PORT: &str = "5432";

/// Socket directories tried when no host was given: Debian's, then PostgreSQL's own default.
const SOCKET_DIRECTORIES: [&str; 2] = ["/var/run/postgresql", "/tmp"];

/// One host of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    /// The host as given: a name, an address or a socket directory; empty if only `hostaddr` was given.
    pub(super) name: BString,
    /// The numeric address given beside it.
    pub(super) address: Option<BString>,
    /// The port as given.
    pub(super) port: BString,
}

/// Where one attempt goes, and how messages name it.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) endpoint: Endpoint,
    /// As in `server at "localhost" (127.0.0.1), port 5432`.
    pub(super) label: String,
}

impl Host {
    /// The hosts that the settings name, in order; never none.
    pub(super) fn list(info: &Conninfo) -> Result<Vec<Host>> {
        let split = |keyword: &str| -> Vec<BString> {
            info.non_empty(keyword)
                .map(|list| list.split(|b| *b == b',').map(BString::from).collect())
                .unwrap_or_default()
        };
        let (names, addresses, ports) = (split("host"), split("hostaddr"), split("port"));
        let count = if addresses.is_empty() {
            names.len().max(1)
        } else {
            addresses.len()
        };
        if !names.is_empty() && names.len() != count {
            return Err(usage(format!(
                "could not match {} host names to {count} hostaddr values",
                names.len()
            )));
        }
        if ports.len() > 1 && ports.len() != count {
            return Err(usage(format!(
                "could not match {} port numbers to {count} hosts",
                ports.len()
            )));
        }
        let host = |i: usize| {
            let port = if ports.len() == 1 {
                ports.first()
            } else {
                ports.get(i)
            };
            let port = port
                .filter(|p| !p.is_empty())
                .cloned()
                .unwrap_or(DEFAULT_PORT.into());
            let address = addresses.get(i).filter(|a| !a.is_empty()).cloned();
            let mut name = names.get(i).cloned().unwrap_or_default();
            if name.is_empty() && address.is_none() {
                name = default_directory(port.as_bstr()).into();
            }
            Host { name, address, port }
        };
        Ok((0..count).map(host).collect())
    }

    /// Whether this is a directory of a Unix-domain socket.
    pub(super) fn is_socket(&self) -> bool {
        self.address.is_none() && matches!(self.name.first(), Some(b'/' | b'@'))
    }

    /// The name that a certificate should have: the host as given, an address beside it is none.
    pub(super) fn tls_name(&self) -> Option<String> {
        (!self.is_socket() && !self.name.is_empty()).then(|| self.name.to_string())
    }

    /// What a password file has in its host field for this host.
    pub(super) fn passfile_name(&self) -> &BStr {
        let default = self.is_socket() && SOCKET_DIRECTORIES.iter().any(|d| self.name == *d);
        match &self.address {
            _ if default => "localhost".into(),
            Some(address) if self.name.is_empty() => address.as_bstr(),
            _ => self.name.as_bstr(),
        }
    }

    /// Where to try, in order.
    ///
    /// # Errors
    /// A sentence in libpq's words: the name cannot be resolved, the port is no port.
    pub(super) async fn candidates(&self) -> Result<Vec<Candidate>, String> {
        let number = integer("port", self.port.as_bstr())?;
        let port = u16::try_from(number)
            .ok()
            .filter(|port| *port > 0)
            .ok_or_else(|| format!("invalid port number: \"{}\"", self.port))?;
        if self.is_socket() {
            return self.socket(port).map(|candidate| vec![candidate]);
        }
        let addresses: Vec<IpAddr> = match &self.address {
            Some(address) => {
                let parsed = address.to_str().ok().and_then(|text| text.parse().ok());
                let unknown =
                    || format!("could not parse network address \"{address}\": Name or service not known");
                vec![parsed.ok_or_else(unknown)?]
            }
            None => self.look_up(port).await?,
        };
        let shown = self.address.as_ref().unwrap_or(&self.name);
        let candidate = |address: IpAddr| Candidate {
            endpoint: Endpoint::Tcp(SocketAddr::new(address, port)),
            label: if *shown == address.to_string() {
                format!("server at \"{shown}\", port {}", self.port)
            } else {
                format!("server at \"{shown}\" ({address}), port {}", self.port)
            },
        };
        Ok(addresses.into_iter().map(candidate).collect())
    }

    fn socket(&self, port: u16) -> Result<Candidate, String> {
        let mut path = self.name.clone();
        path.extend_from_slice(format!("/.s.PGSQL.{port}").as_bytes());
        Endpoint::socket(path.as_bstr()).map(|endpoint| Candidate {
            endpoint,
            label: format!("server on socket \"{path}\""),
        })
    }

    async fn look_up(&self, port: u16) -> Result<Vec<IpAddr>, String> {
        let unknown = |why: &str| {
            format!(
                "could not translate host name \"{}\" to address: {why}",
                self.name
            )
        };
        let name = self
            .name
            .to_str()
            .map_err(|_| unknown("Name or service not known"))?;
        let mut addresses: Vec<IpAddr> = Vec::new();
        let found = tokio::net::lookup_host((name, port)).await.map_err(|error| {
            let text = error.to_string();
            unknown(
                text.strip_prefix("failed to lookup address information: ")
                    .unwrap_or(&text),
            )
        })?;
        for address in found.map(|found| found.ip()) {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        if addresses.is_empty() {
            return Err(unknown("No address associated with hostname"));
        }
        Ok(addresses)
    }
}

/// The first usual directory that has the socket; else the first that exists.
fn default_directory(port: &BStr) -> &'static str {
    let has_socket = |directory: &&&str| Path::new(directory).join(format!(".s.PGSQL.{port}")).exists();
    let [first, fallback] = SOCKET_DIRECTORIES;
    match SOCKET_DIRECTORIES.iter().find(has_socket) {
        Some(directory) => directory,
        None if Path::new(first).is_dir() => first,
        None => fallback,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Result<Vec<String>> {
        let hosts = Host::list(&Conninfo::parse(text.as_bytes())?)?;
        let show = |h: &Host| format!("{}|{}|{}", h.name, h.address.clone().unwrap_or_default(), h.port);
        Ok(hosts.iter().map(show).collect())
    }

    async fn labels(text: &str) -> Result<Vec<String>, String> {
        let host = Host::list(&Conninfo::parse(text.as_bytes()).unwrap())
            .unwrap()
            .remove(0);
        Ok(host.candidates().await?.into_iter().map(|c| c.label).collect())
    }

    #[test]
    fn lists_are_matched_by_position_and_one_port_serves_all() {
        assert_eq!(list("host=a,b port=1").unwrap(), ["a||1", "b||1"]);
        assert_eq!(list("host=a,b port=1,").unwrap(), ["a||1", "b||5432"]);
        assert_eq!(
            list("hostaddr=1.1.1.1,2.2.2.2 host=a,b").unwrap(),
            ["a|1.1.1.1|5432", "b|2.2.2.2|5432"]
        );
        let error = |text| list(text).unwrap_err().to_string();
        assert_eq!(
            error("host=a,b,c port=1,2"),
            "could not match 2 port numbers to 3 hosts"
        );
        assert_eq!(
            error("host=a,b hostaddr=1.1.1.1"),
            "could not match 2 host names to 1 hostaddr values"
        );
    }

    #[test]
    fn no_host_is_a_usual_socket_directory_and_localhost_to_password_files() {
        let host = Host::list(&Conninfo::new()).unwrap().remove(0);
        assert!(host.is_socket());
        assert_eq!(host.passfile_name(), "localhost");
    }

    #[tokio::test]
    async fn messages_name_the_server_as_libpq_does() {
        assert_eq!(
            labels("host=127.0.0.1 port=1").await.unwrap(),
            ["server at \"127.0.0.1\", port 1"]
        );
        assert_eq!(
            labels("host=h hostaddr=127.0.0.1").await.unwrap(),
            ["server at \"127.0.0.1\", port 5432"]
        );
        assert_eq!(
            labels("host=/x port=1").await.unwrap(),
            ["server on socket \"/x/.s.PGSQL.1\""]
        );
        assert_eq!(
            labels("port=99999 host=h").await.unwrap_err(),
            "invalid port number: \"99999\""
        );
        assert_eq!(
            labels("port=abc host=h").await.unwrap_err(),
            "invalid integer value \"abc\" for connection option \"port\""
        );
        let long = format!("host=/{}", "x".repeat(120));
        assert!(
            labels(&long)
                .await
                .unwrap_err()
                .ends_with("is too long (maximum 107 bytes)")
        );
    }
}
