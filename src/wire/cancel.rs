//! Cancelling a running statement: CancelRequest over a connection of its own.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::frame;
use super::startup::BackendKey;
use super::stream::Stream;

/// Opens one more stream to the server of a session.
pub type Reopen = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>> + Send + Sync>;

/// Interrupts whatever a session is doing; may be kept, cloned and used from anywhere.
#[derive(Clone)]
pub struct CancelToken {
    reopen: Option<Reopen>,
    key: BackendKey,
}

impl CancelToken {
    pub(crate) fn new(reopen: Option<Reopen>, key: BackendKey) -> Self {
        CancelToken { reopen, key }
    }

    /// The process id that the server, or what stands before it, gave the session; 0 if none.
    pub fn process_id(&self) -> i32 {
        self.key.process_id
    }

    /// Asks the server to interrupt the session's statement, and waits until it has taken the request.
    ///
    /// The statement then fails with SQLSTATE 57014, unless it was done already. A session whose stream the
    /// caller opened has no way to reach its server again; cancelling it does nothing.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn cancel(&self) -> io::Result<()> {
        let Some(reopen) = &self.reopen else {
            return Ok(());
        };
        let mut stream = reopen().await?;
        let mut request = BytesMut::new();
        frame::put(&mut request, None, |out| {
            out.put_u32(80_877_102);
            out.put_i32(self.key.process_id);
            out.put_slice(&self.key.secret);
        })?;
        stream.write_all(&request).await?;
        stream.flush().await?;
        // The server closes this connection once it has sent the signal; then the session may go on.
        match stream.read(&mut [0]).await {
            Err(error) if error.kind() != io::ErrorKind::ConnectionReset => Err(error),
            _ => Ok(()),
        }
    }
}

impl std::fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CancelToken")
            .field("process_id", &self.key.process_id)
            .finish_non_exhaustive()
    }
}
