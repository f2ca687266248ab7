//! The tar format: the files of a directory archive as the members of one POSIX tar file, never compressed, and
//! `restore.sql`, a script for whoever has unpacked them.
//!
//! `toc.dat` comes first, so that a pipe can be read. A file is read as a folder of its members ([`folder`]), with
//! the reader of directory archives; a pipe member by member ([`stream`]). Nothing is ever unpacked, so that no
//! name of a member is more than a name; those that would lead out of a directory are refused all the same.

mod aside;
mod folder;
mod member;
mod script;
mod stream;
mod write;

use crate::archive::ArchiveVersion;
use crate::toc::{DumpId, Entry};

pub(crate) use folder::TarFolder;
pub(crate) use member::is_tar_header;
pub(crate) use stream::{TarStream, missing};
pub use write::{TarOptions, TarWriter};

/// The unit of a tar file.
const BLOCK: usize = 512;

/// The list of an entry's large objects. The table of contents of a tar archive does not name it.
pub(crate) fn list_name(id: DumpId, version: ArchiveVersion) -> String {
    if version.has_relkind() {
        format!("blobs_{id}.toc")
    } else {
        "blobs.toc".into()
    }
}

/// What the table of contents says of an entry with data.
pub(crate) fn noted_name(entry: &Entry) -> String {
    format!("{}.dat", entry.dump_id)
}
