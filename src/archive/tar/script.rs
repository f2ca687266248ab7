//! `restore.sql`: the script that restores an unpacked tar archive, with `$$PATH$$` for where that is.
//!
//! It equals pg_dump's, quirks included: an empty COPY stands before the one that names the file, and large
//! objects refer to a file that is not among the members.

use std::sync::Arc;

use bstr::ByteSlice;

use super::noted_name;
use crate::archive::spool::Spool;
use crate::archive::{Header, TarOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::script::{Drops, Origin, Plan, Script, ScriptOptions, Step};
use crate::toc::{Entry, Selection};

const NOTE: &[u8] = b"--\n-- NOTE:\n--\n-- File paths need to be edited. Search for $$PATH$$ and\n\
    -- replace it with the path to the directory containing\n-- the extracted data files.\n--\n";
/// How a COPY statement ends that takes rows from the script.
const FROM_STDIN: &[u8] = b" FROM stdin;\n";

/// Writes the script of a table of contents.
///
/// # Errors
/// An entry that cannot be made into SQL, or no room for the script.
pub(super) async fn write(
    header: &Header,
    toc: &[Entry],
    options: &TarOptions,
    spool: &mut Spool,
) -> Result<()> {
    let origin = Origin {
        server_version: header.server_version.clone(),
        dumped_by: options.dumped_by.clone(),
        started_on: None,
        creates_large_objects: false,
    };
    // The archive holds only what was wanted.
    let selection = Selection {
        create_database: true,
        sequence_values: true,
        ..Selection::default()
    };
    let wanted = selection.select(toc)?;
    let drops = match options.script.drops {
        Drops::IfExists => Drops::IfExists,
        Drops::None | Drops::Plain => Drops::Plain,
    };
    let script = ScriptOptions {
        create_database: true,
        drops,
        superuser: None,
        restrict_key: None,
        verbose: false,
        ..options.script.clone()
    };
    let plan = Arc::new(Plan::new(toc.to_vec(), wanted, script, origin)?);
    let mut script = Script::new(Arc::clone(&plan));
    spool.write(NOTE).await?;
    put(spool, &script.begin()).await?;
    for id in plan.drops() {
        put(spool, &script.drop_object(id)).await?;
    }
    script.after_drops();
    for id in plan.order() {
        let steps = script.restore(id, None)?;
        match plan.entry(id) {
            Some(entry) if entry.had_dumper => put_data(spool, entry, &steps).await?,
            _ => put(spool, &steps).await?,
        }
    }
    put(spool, &script.end(None)).await
}

async fn put(spool: &mut Spool, steps: &[Step]) -> Result<()> {
    for step in steps {
        spool.write(step.text()).await?;
    }
    Ok(())
}

/// Writes the steps of an entry whose data is a member.
async fn put_data(spool: &mut Spool, entry: &Entry, steps: &[Step]) -> Result<()> {
    let name = noted_name(entry);
    for step in steps {
        match step {
            Step::Rows(copy) if !copy.is_empty() => {
                let head = copy.strip_suffix(FROM_STDIN).ok_or_else(|| {
                    Error::new(
                        ErrorKind::Archive,
                        format!("unexpected COPY statement syntax: \"{}\"", copy.as_bstr()),
                    )
                })?;
                spool.write(copy).await?;
                spool.write(b"\\.\n").await?;
                spool.write(head).await?;
                spool
                    .write(format!(" FROM '$$PATH$$/{name}';\n\n").as_bytes())
                    .await?;
            }
            Step::Rows(_) | Step::LargeObjects => {
                spool.write(format!("\\i $$PATH$$/{name}\n\n").as_bytes()).await?;
            }
            // The transaction around large objects is one of those that read them from the script.
            Step::Statement(statement) if entry.desc.is_large_objects() && statement.purpose.is_block() => {}
            step => spool.write(step.text()).await?,
        }
    }
    Ok(())
}
