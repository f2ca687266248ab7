//! An archive with its options applied: what will be restored, before anything is.

use bstr::{BStr, BString};

use crate::archive::Archive;
use crate::error::Result;
use crate::toc::{Entry, Selection, Wanted};

use super::{Observer, RestoreOptions, Verification};

/// A restore that is ready to run.
pub struct Restore {
    pub(super) archive: Archive,
    pub(super) options: RestoreOptions,
    pub(super) toc: Vec<Entry>,
    pub(super) wanted: Vec<Wanted>,
}

impl Restore {
    /// Applies the list file and the selection.
    ///
    /// # Errors
    /// A name that selects nothing, where that matters.
    pub fn new(mut archive: Archive, mut options: RestoreOptions) -> Result<Restore> {
        options.selection.create_database = options.script.create_database;
        let mut toc = match &options.list {
            Some(listed) => {
                options.selection.listed = Some(listed.order.iter().copied().collect());
                listed.reorder(archive.toc())
            }
            None => archive.toc().to_vec(),
        };
        if !options.roles.is_empty() {
            toc.iter_mut().for_each(|entry| options.roles.apply(entry));
        }
        let wanted = options.selection.select(&toc)?;
        let data = toc.iter().zip(&wanted);
        let data = data.filter(|(entry, wanted)| wanted.data && entry.had_dumper);
        archive.expect(data.map(|(entry, _)| entry.dump_id));
        Ok(Restore {
            archive,
            options,
            toc,
            wanted,
        })
    }

    /// Whether each name in the selection has matched something, as `strict_names` asks for.
    ///
    /// # Errors
    /// Names the first that has not.
    pub fn check_names(&self) -> Result<()> {
        let selection = Selection {
            strict_names: true,
            ..self.options.selection.clone()
        };
        selection.select(&self.toc).map(drop)
    }

    /// Checks all of the archive, whatever is selected; see [`verify`](super::verify()).
    pub async fn verify(&mut self) -> Verification {
        super::verify(&mut self.archive).await
    }

    /// The archive.
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    /// The entries, in the order in which they would be restored but for passes, and what is wanted of each.
    pub fn entries(&self) -> impl Iterator<Item = (&Entry, Wanted)> {
        self.toc.iter().zip(self.wanted.iter().copied())
    }

    /// Whether definitions were asked for but none is selected, so that it is a restore of data alone.
    pub fn is_implied_data_only(&self) -> bool {
        self.options.selection.definitions && !self.wanted.iter().any(|wanted| wanted.definition)
    }

    /// The program that made the archive, with its version.
    pub(super) fn dumped_by(&self) -> Option<BString> {
        let version = self.archive.header().dumper_version.as_ref()?;
        // Archives have room for the version of pg_dump alone; ours begin with their own program's name.
        Some(match version.strip_prefix(b"rsdump ") {
            Some(ours) => [b"rsdump version ", ours].concat().into(),
            None => [b"pg_dump version ", version.as_slice()].concat().into(),
        })
    }

    pub(super) fn tell_implied(&self, observer: &mut dyn Observer) {
        if self.is_implied_data_only() {
            observer.info(BStr::new("implied no-schema restore"));
        }
    }
}
