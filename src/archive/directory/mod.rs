//! The directory format: `toc.dat`, a file of data for each entry that has some, and lists of large objects.
//!
//! An archive of ours has one file more, [`INDEX_FILE`], which stock tools never look for. File names in a
//! table of contents come from whoever made the archive: see [`safe_name`].

mod read;
mod write;

use crate::compress::{Algorithm, Framing};

pub(crate) use read::{DirectoryReader, index_of, objects_of};
pub use write::DirectoryWriter;

/// Header and table of contents; never compressed.
pub(crate) const TOC_FILE: &str = "toc.dat";
/// The index of segments and checksums.
pub(crate) const INDEX_FILE: &str = "rsdump.index";

/// How files of this compression method are framed, and what their names end with.
const KINDS: [(Algorithm, Framing, &str); 4] = [
    (Algorithm::None, Framing::Raw, ""),
    (Algorithm::Gzip, Framing::GzipMember, ".gz"),
    (Algorithm::Lz4, Framing::Lz4Frame, ".lz4"),
    (Algorithm::Zstd, Framing::ZstdFrame, ".zst"),
];

/// Framing and ending for a method.
fn kind(algorithm: Algorithm) -> (Framing, &'static str) {
    KINDS
        .into_iter()
        .find(|(of, ..)| *of == algorithm)
        .map_or((Framing::Raw, ""), |(_, framing, ending)| (framing, ending))
}

/// Whether a file name stays in its directory.
pub(crate) fn safe_name(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\\', '\0'])
}
