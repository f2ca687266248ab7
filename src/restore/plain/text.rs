//! The text of a script, off a source and through decompression, in portions of bounded size.

use bytes::Bytes;

use crate::archive::{ReplayedSource, Source};
use crate::compress::{Framing, StreamDecoder};
use crate::error::{Error, Result};

/// What editors put at the front of UTF-8 files.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How much is read, or decompressed, at once.
const PORTION: usize = 256 * 1024;
/// How much of the text is there to be recognised by.
const HEAD: usize = 64;
/// How much is read before that many bytes of text must have come of it.
const MOST_READ: usize = 1024 * 1024;

/// See the module's documentation.
pub(super) struct Text {
    source: Box<dyn Source>,
    /// All that has been read so far; only for handing the source back.
    read: Vec<u8>,
    /// The first portion of text, until it is taken.
    head: Option<Bytes>,
    /// Not there for text that is not compressed.
    decoder: Option<StreamDecoder>,
    /// What has been read and not been decompressed.
    stored: Bytes,
    ended: bool,
}

impl Text {
    /// Reads as much as it takes to recognise the text; compression that cannot be undone makes it empty.
    pub(super) async fn open(source: Box<dyn Source>) -> Result<Text> {
        let mut text = Text {
            source,
            read: Vec::new(),
            head: None,
            decoder: None,
            stored: Bytes::new(),
            ended: false,
        };
        while text.read.len() < HEAD && text.read_more().await? {}
        text.decoder = framing(&text.read).and_then(|framing| StreamDecoder::new(framing).ok());
        text.stored = Bytes::copy_from_slice(&text.read);
        let mut head = Vec::new();
        while head.len() < HEAD && text.read.len() < MOST_READ {
            match text.portion() {
                Ok(plain) if !plain.is_empty() => head.extend_from_slice(&plain),
                Ok(_) => {
                    let before = text.read.len();
                    if !text.read_more().await? {
                        break;
                    }
                    let new = text.read.get(before..).unwrap_or_default();
                    text.stored = Bytes::copy_from_slice(new);
                }
                Err(_) => break,
            }
        }
        text.head = Some(head.into());
        Ok(text)
    }

    /// The name of where it comes from.
    pub(super) fn name(&self) -> &str {
        self.source.name()
    }

    /// The first bytes, until [`next`](Self::next) has taken them.
    pub(super) fn head(&self) -> &[u8] {
        self.head.as_deref().unwrap_or_default()
    }

    /// The source again, as it was before.
    pub(super) async fn into_source(mut self) -> Result<Box<dyn Source>> {
        if self.source.seekable() {
            let back = self.source.seek(0).await;
            back.map_err(|error| self.unreadable(error))?;
            return Ok(self.source);
        }
        Ok(Box::new(ReplayedSource::new(self.read.into(), self.source)))
    }

    /// The next portion; nothing at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        if let Some(head) = self.head.take() {
            self.read = Vec::new();
            let mark = head.starts_with(BYTE_ORDER_MARK);
            let head = head.slice(if mark { BYTE_ORDER_MARK.len() } else { 0 }..);
            if !head.is_empty() {
                return Ok(Some(head));
            }
        }
        loop {
            let plain = self
                .portion()
                .map_err(|error| error.context(self.source.name()))?;
            if !plain.is_empty() {
                return Ok(Some(plain));
            }
            if self.ended {
                if let Some(decoder) = &self.decoder {
                    decoder
                        .finish()
                        .map_err(|error| error.context(self.source.name()))?;
                }
                return Ok(None);
            }
            self.stored = self.fetch().await?;
        }
    }

    /// Text of what has been read; none when more must be read.
    fn portion(&mut self) -> Result<Bytes> {
        let Some(decoder) = &mut self.decoder else {
            return Ok(std::mem::take(&mut self.stored));
        };
        let mut plain = vec![0; PORTION];
        let mut rest: &[u8] = &self.stored;
        let written = decoder.decode(&mut rest, &mut plain)?;
        let taken = self.stored.len() - rest.len();
        self.stored = self.stored.slice(taken..);
        plain.truncate(written);
        Ok(plain.into())
    }

    async fn read_more(&mut self) -> Result<bool> {
        let bytes = self.fetch().await?;
        self.read.extend_from_slice(&bytes);
        Ok(!bytes.is_empty())
    }

    async fn fetch(&mut self) -> Result<Bytes> {
        let bytes = self.source.read(PORTION).await;
        let bytes = bytes.map_err(|error| self.unreadable(error))?;
        self.ended = bytes.is_empty();
        Ok(bytes)
    }

    fn unreadable(&self, error: std::io::Error) -> Error {
        Error::io(
            format!("could not read from input file \"{}\"", self.source.name()),
            error,
        )
    }
}

/// The compression that a file's first bytes tell.
fn framing(head: &[u8]) -> Option<Framing> {
    const MAGIC: [(&[u8], Framing); 3] = [
        (&[0x1f, 0x8b], Framing::GzipMember),
        (&[0x28, 0xb5, 0x2f, 0xfd], Framing::ZstdFrame),
        (&[0x04, 0x22, 0x4d, 0x18], Framing::Lz4Frame),
    ];
    MAGIC
        .iter()
        .find(|(magic, _)| head.starts_with(magic))
        .map(|(_, framing)| *framing)
}
