//! How far a dump or restore has come, for whoever wants to know.
//!
//! The library only reports; bars, lines and estimates are the caller's.

/// Told what has been done. Every method does nothing unless it is implemented.
pub trait Progress: Send + Sync {
    /// The table of contents is there: so many entries have data.
    fn planned(&self, entries_with_data: usize) {
        let _ = entries_with_data;
    }

    /// The data of an entry begin; `name` is for people.
    fn entry_begun(&self, name: &str) {
        let _ = name;
    }

    /// So many more bytes, before compression, are done.
    fn bytes(&self, count: u64) {
        let _ = count;
    }

    /// The data of an entry are complete.
    fn entry_done(&self) {}
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {}
