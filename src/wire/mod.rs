//! The wire protocol where tokio-postgres does not reach: start-up and authentication for every
//! connection, and a raw lane for COPY in both directions, for scripts and for the rows of a query.
//!
//! Nothing here knows hosts, passwords files or catalogs: `connect` opens the [`Stream`] and decides.
//! Messages are read into large buffers, and the rows of COPY are never looked at one by one.

mod auth;
mod cancel;
mod copy_in;
mod copy_out;
mod frame;
mod lane;
mod query;
mod select;
mod server_error;
mod startup;
mod stream;

pub use auth::{AuthMethod, AuthRules, Binding, Channel};
pub use cancel::{CancelToken, Reopen};
pub use copy_in::CopyIn;
pub use copy_out::CopyOut;
pub use lane::{Lane, LaneError, NoticeSink, TransactionStatus};
pub use query::Outcome;
pub use select::{ColumnInfo, RowText, Select};
pub use server_error::ServerError;
pub use startup::{BackendKey, Established, PROTOCOL_3_0, PROTOCOL_3_2, Startup, StartupError, start};
pub use stream::{Duplex, Stream};

/// A lane whose server is a pipe with canned answers.
#[cfg(test)]
pub(crate) mod testing {
    use std::sync::Arc;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    use super::{Lane, Startup, Stream, start};

    /// A lane that will be answered with `reply`, and the server's end of the pipe.
    pub(crate) async fn lane_against(reply: &[u8]) -> (Lane, DuplexStream) {
        let (ours, mut theirs) = tokio::io::duplex(16 << 20);
        theirs
            .write_all(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I")
            .await
            .unwrap();
        let startup = Startup::default();
        let established = start(Stream::Boxed(Box::new(ours)), &startup).await.unwrap();
        let mut packet = [0; 15];
        theirs.read_exact(&mut packet).await.unwrap();
        theirs.write_all(reply).await.unwrap();
        (Lane::new(established, Arc::new(|_| ())), theirs)
    }
}
