//! Opening sockets: TCP with its options, Unix-domain by path or abstract name.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bstr::{BStr, ByteSlice};
use socket2::{SockAddr, SockRef, TcpKeepalive};
use tokio::net::{TcpStream, UnixStream};

use super::environment::path;
use crate::wire::Stream;

/// Bytes that fit into a Unix-domain socket address, the final zero aside.
const MAX_SOCKET_PATH: usize = 107;

/// An address that can be connected to, again and again.
#[derive(Debug, Clone)]
pub(super) enum Endpoint {
    Tcp(SocketAddr),
    Unix(SockAddr),
}

/// What to set on a TCP socket.
#[derive(Debug, Clone, Default)]
pub(super) struct TcpOptions {
    pub(super) keepalive: Option<TcpKeepalive>,
    pub(super) user_timeout: Option<Duration>,
}

impl Endpoint {
    /// A Unix-domain socket; a leading `@` stands for the abstract namespace.
    pub(super) fn socket(name: &BStr) -> Result<Endpoint, String> {
        let too_long =
            || format!("Unix-domain socket path \"{name}\" is too long (maximum {MAX_SOCKET_PATH} bytes)");
        if name.len() > MAX_SOCKET_PATH {
            return Err(too_long());
        }
        let address = match name.strip_prefix(b"@") {
            Some(rest) => SockAddr::unix(path([b"\0", rest].concat().as_bstr())),
            None => SockAddr::unix(path(name)),
        };
        address.map(Endpoint::Unix).map_err(|_| too_long())
    }

    /// Connects.
    pub(super) async fn open(&self, options: &TcpOptions) -> io::Result<Stream> {
        match self {
            Endpoint::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                let socket = SockRef::from(&stream);
                if let Some(keepalive) = &options.keepalive {
                    socket.set_keepalive(true)?;
                    socket.set_tcp_keepalive(keepalive)?;
                }
                #[cfg(target_os = "linux")]
                if options.user_timeout.is_some() {
                    socket.set_tcp_user_timeout(options.user_timeout)?;
                }
                Ok(Stream::Tcp(stream))
            }
            Endpoint::Unix(address) => {
                // tokio connects to paths only; a local connect does not wait for a network.
                let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)?;
                socket.connect(address)?;
                socket.set_nonblocking(true)?;
                Ok(Stream::Unix(UnixStream::from_std(socket.into())?))
            }
        }
    }
}

/// The name of the user who runs the other end of a Unix-domain socket.
pub(super) fn peer_name(stream: &Stream) -> Result<Option<String>, String> {
    let Stream::Unix(stream) = stream else {
        return Ok(None);
    };
    let peer = stream
        .peer_cred()
        .map_err(|error| format!("could not get peer credentials: {}", reason(&error)))?;
    let users = std::fs::read("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(|b| *b == b':');
        let name = fields.next()?;
        (fields.nth(1)? == peer.uid().to_string().as_bytes()).then(|| name.to_str_lossy().into_owned())
    });
    name.map(Some).ok_or_else(|| {
        format!(
            "could not look up local user ID {}: user does not exist",
            peer.uid()
        )
    })
}

/// The system's words for an error, without Rust's number behind them.
pub(super) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error") {
        Some(end) => text.get(..end).unwrap_or(&text).to_string(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_refusal_is_told_in_the_systems_words() {
        let missing = Endpoint::socket("/nonexistent/.s.PGSQL.1".into()).unwrap();
        let error = missing.open(&TcpOptions::default()).await.unwrap_err();
        assert_eq!(reason(&error), "No such file or directory");
        let missing = Endpoint::socket("@nonexistent/.s.PGSQL.1".into()).unwrap();
        let error = missing.open(&TcpOptions::default()).await.unwrap_err();
        assert_eq!(reason(&error), "Connection refused");
    }
}
