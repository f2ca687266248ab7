//! A proxy between a program and a server that delays both directions and counts round trips.
//!
//! A round trip begins whenever the program sends after it has heard from the server. The delay matters for
//! counting, too: what a program sends without waiting for an answer arrives before there can be one.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// A listening proxy; it ends when it is dropped.
pub(crate) struct Proxy {
    /// Where it listens, on 127.0.0.1.
    pub(crate) port: u16,
    seen: Arc<Seen>,
    _runtime: Runtime,
}

#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    round_trips: AtomicUsize,
}

impl Proxy {
    /// A proxy to the server on a port of 127.0.0.1. Each byte takes `delay` in each direction.
    ///
    /// Connections are numbered from 0; `cut` tells how many bytes of the server's may pass on each before the proxy
    /// closes it.
    pub(crate) fn start(server: u16, delay: Duration, cut: fn(usize) -> Option<usize>) -> Proxy {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let seen = Arc::new(Seen::default());
        let shared = Arc::clone(&seen);
        runtime.spawn(async move {
            while let Ok((program, _)) = listener.accept().await {
                let number = shared.connections.fetch_add(1, Ordering::Relaxed);
                let connection = connect(program, server, delay, cut(number), Arc::clone(&shared));
                tokio::spawn(connection);
            }
        });
        Proxy {
            port,
            seen,
            _runtime: runtime,
        }
    }

    /// How many connections there were so far.
    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::Relaxed)
    }

    /// The round trips of all connections together.
    pub(crate) fn round_trips(&self) -> usize {
        self.seen.round_trips.load(Ordering::Relaxed)
    }
}

async fn connect(
    program: TcpStream,
    server: u16,
    delay: Duration,
    cut: Option<usize>,
    seen: Arc<Seen>,
) -> io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", server)).await?;
    program.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_program, to_program) = program.into_split();
    let (from_server, to_server) = server.into_split();
    let heard = AtomicBool::new(true);
    let on_sent = |_| {
        if heard.swap(false, Ordering::Relaxed) {
            seen.round_trips.fetch_add(1, Ordering::Relaxed);
        }
        true
    };
    let mut left = cut.unwrap_or(usize::MAX);
    let on_heard = |bytes| {
        heard.store(true, Ordering::Relaxed);
        left = left.saturating_sub(bytes);
        left > 0
    };
    let upwards = pump(from_program, to_server, delay, on_sent, |_| true);
    let downwards = pump(from_server, to_program, delay, |_| true, on_heard);
    // Whichever side ends first, the other one has nothing left to say.
    tokio::select! {
        outcome = upwards => outcome,
        outcome = downwards => outcome,
    }
}

/// Moves bytes until the end, or until `taken` (as they come) or `delivered` (as they go) says no.
fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    delay: Duration,
    mut taken: impl FnMut(usize) -> bool,
    mut delivered: impl FnMut(usize) -> bool,
) -> impl Future<Output = io::Result<()>> {
    let (queue, mut queued) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let take = async move {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let length = from.read(&mut buffer).await?;
            let bytes = buffer.get(..length).unwrap_or_default().to_vec();
            let is_end = bytes.is_empty() || !taken(length);
            if queue.send((Instant::now() + delay, bytes)).is_err() || is_end {
                return io::Result::Ok(());
            }
        }
    };
    let deliver = async move {
        while let Some((due, bytes)) = queued.recv().await {
            sleep_until(due).await;
            if bytes.is_empty() || !delivered(bytes.len()) {
                break;
            }
            to.write_all(&bytes).await?;
        }
        to.shutdown().await
    };
    async move { tokio::try_join!(take, deliver).map(drop) }
}
