//! Plain dumps as input: what pg_dump, pg_dumpall and this crate write as SQL, executed without psql.
//!
//! [`Input::recognize`] tells a plain dump, compressed or not, from everything else; [`PlainDump::to_server`] executes
//! it. Where statements end is [`crate::sql::splitter`]'s business. Of psql's backslash commands those that dump tools
//! write are followed, all others are refused: nothing is passed over in silence, and nothing can reach a shell.

mod commands;
mod loads;
mod run;
mod session;
mod text;

use bstr::BString;

use self::text::Text;
use super::report::{Observer, Report};
use crate::archive::Source;
use crate::connect::ConnectParams;
use crate::error::Result;

/// How a plain dump is executed.
#[derive(Debug, Clone, Default)]
pub struct PlainOptions {
    /// Stop at the first error (`-e`).
    pub exit_on_error: bool,
    /// Execute everything in one transaction (`-1`), which implies stopping at the first error. The script's own
    /// BEGIN and COMMIT are left out.
    pub single_transaction: bool,
    /// Act as this role, in every database.
    pub role: Option<BString>,
    /// A role or a tablespace that cannot be created because it is there already is kept, and that is no error: what
    /// follows gives it its attributes.
    pub keep_roles_and_tablespaces: bool,
}

/// Something to restore from.
pub enum Input {
    /// A plain dump.
    Plain(Box<PlainDump>),
    /// Anything else, at its beginning as before.
    Other(Box<dyn Source>),
}

/// A plain dump that is ready to be executed.
pub struct PlainDump {
    text: Text,
}

impl Input {
    /// Looks at the first lines, decompressed if need be.
    ///
    /// # Errors
    /// `ErrorKind::Io` if the source cannot be read.
    pub async fn recognize(source: Box<dyn Source>) -> Result<Input> {
        let text = Text::open(source).await?;
        if is_dump(text.head()) {
            return Ok(Input::Plain(Box::new(PlainDump { text })));
        }
        text.into_source().await.map(Input::Other)
    }
}

impl PlainDump {
    /// Executes the script, beginning in the database that `params` leads to.
    ///
    /// What the server refuses is told to the observer and counted in the report; the rest is executed all the same,
    /// unless the options say to stop.
    ///
    /// # Errors
    /// A server that cannot be reached or goes away; a script that cannot be read, ends in the middle of something or
    /// has a backslash command that is not followed.
    pub async fn to_server(
        self,
        params: ConnectParams,
        options: &PlainOptions,
        observer: &mut dyn Observer,
    ) -> Result<Report> {
        run::run(self.text, params, options, observer).await
    }
}

/// Whether a text begins as dumps do. Dump tools write plain line ends; other programs may have put a mark of
/// the encoding before them, which psql passes over, too.
fn is_dump(head: &[u8]) -> bool {
    let head = head.strip_prefix(text::BYTE_ORDER_MARK).unwrap_or(head);
    ["database", "database cluster"]
        .iter()
        .any(|what| head.starts_with(format!("--\n-- PostgreSQL {what} dump\n--\n\n").as_bytes()))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::archive::BytesSource;
    use crate::compress::{Compression, FrameEncoder, Framing};

    const DUMP: &[u8] = b"--\n-- PostgreSQL database dump\n--\n\nSELECT 1;\n";

    fn compressed(compression: &Compression, framing: Framing, plain: &[u8]) -> Vec<u8> {
        let mut encoder = FrameEncoder::new(framing, compression).unwrap();
        encoder.push(Bytes::copy_from_slice(plain)).unwrap();
        encoder.finish().unwrap().stored.concat()
    }

    async fn text_of(input: Vec<u8>, pipe: bool) -> Option<Vec<u8>> {
        let source = if pipe {
            BytesSource::pipe(input)
        } else {
            BytesSource::new(input)
        };
        match Input::recognize(Box::new(source)).await.unwrap() {
            Input::Other(_) => None,
            Input::Plain(mut dump) => {
                let mut all = Vec::new();
                while let Some(bytes) = dump.text.next().await.unwrap() {
                    all.extend_from_slice(&bytes);
                }
                Some(all)
            }
        }
    }

    #[tokio::test]
    async fn dumps_are_recognised_compressed_or_not() {
        let marked = [text::BYTE_ORDER_MARK, DUMP].concat();
        let cluster = b"--\n-- PostgreSQL database cluster dump\n--\n\n".to_vec();
        for pipe in [false, true] {
            assert_eq!(text_of(DUMP.into(), pipe).await.unwrap(), DUMP);
            assert_eq!(text_of(marked.clone(), pipe).await.unwrap(), DUMP);
            assert_eq!(text_of(cluster.clone(), pipe).await.unwrap(), cluster);
            for (compression, framing) in [
                (Compression::GZIP, Framing::GzipMember),
                (Compression::ZSTD, Framing::ZstdFrame),
            ] {
                let stored = compressed(&compression, framing, DUMP);
                assert_eq!(text_of(stored, pipe).await.unwrap(), DUMP);
            }
        }
    }

    #[tokio::test]
    async fn everything_else_is_handed_back_whole() {
        let gzip = |plain: &[u8]| compressed(&Compression::GZIP, Framing::GzipMember, plain);
        let others = [
            b"PGDMP...".to_vec(),
            Vec::new(),
            b"SELECT 1;".to_vec(),
            gzip(b"SELECT 1"),
            b"\x1f\x8bbroken".to_vec(),
            b"-- PostgreSQL database dump".to_vec(),
        ];
        for input in others {
            for pipe in [false, true] {
                let source = if pipe {
                    BytesSource::pipe(input.clone())
                } else {
                    BytesSource::new(input.clone())
                };
                let Input::Other(mut source) = Input::recognize(Box::new(source)).await.unwrap() else {
                    panic!("{input:?} was taken for a dump");
                };
                let mut all = Vec::new();
                loop {
                    match source.read(5).await.unwrap() {
                        bytes if bytes.is_empty() => break,
                        bytes => all.extend_from_slice(&bytes),
                    }
                }
                assert_eq!(all, input, "from a pipe: {pipe}");
            }
        }
    }

    #[tokio::test]
    async fn text_that_stops_within_its_compression_is_an_error() {
        let mut stored = compressed(&Compression::GZIP, Framing::GzipMember, &DUMP.repeat(100_000));
        stored.truncate(stored.len() / 2);
        let Input::Plain(mut dump) = Input::recognize(Box::new(BytesSource::new(stored)))
            .await
            .unwrap()
        else {
            panic!("no dump");
        };
        let error = loop {
            match dump.text.next().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("the end was not missed"),
                Err(error) => break error.to_string(),
            }
        };
        assert!(error.contains("ends too early"), "{error}");
    }
}
