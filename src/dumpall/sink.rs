//! One sink for many dumps: each writes its part, and the whole is finished once.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::Mutex;

use crate::archive::Sink;
use crate::error::Result;

/// The sink of the whole.
pub(super) struct Whole(Arc<Mutex<Box<dyn Sink>>>);

/// The sink of one dump; finishing it leaves the whole open.
struct Part(Arc<Mutex<Box<dyn Sink>>>);

impl Whole {
    pub(super) fn new(sink: Box<dyn Sink>) -> Whole {
        Whole(Arc::new(Mutex::new(sink)))
    }

    /// A sink for one dump. Only one may be in use at a time.
    pub(super) fn part(&self) -> Box<dyn Sink> {
        Box::new(Part(Arc::clone(&self.0)))
    }

    pub(super) async fn write(&self, text: impl Into<Vec<u8>>) -> Result<()> {
        self.0.lock().await.write(Bytes::from(text.into())).await
    }

    /// Makes the whole final.
    pub(super) async fn finish(self) -> Result<()> {
        match Arc::into_inner(self.0) {
            Some(sink) => sink.into_inner().finish().await,
            // A part that is still there is a dump that is not over; dropping the sink gives everything up.
            None => Err(crate::Error::new(
                crate::ErrorKind::Usage,
                "the script was ended before all its parts",
            )),
        }
    }
}

impl Sink for Part {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<()>> {
        async move { self.0.lock().await.write(bytes).await }.boxed()
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<()>> {
        async { Ok(()) }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::VecSink;

    #[tokio::test]
    async fn parts_follow_each_other_and_the_whole_is_finished_once() {
        let sink = VecSink::new();
        let all = sink.clone();
        let whole = Whole::new(Box::new(sink));
        whole.write("a").await.unwrap();
        for text in ["b", "c"] {
            let mut part = whole.part();
            part.write(Bytes::from(text)).await.unwrap();
            part.finish().await.unwrap();
        }
        let open = whole.part();
        drop(open);
        whole.finish().await.unwrap();
        assert_eq!(all.bytes(), b"abc");
    }
}
