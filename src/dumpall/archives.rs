//! A cluster as a directory: an archive for each database, a script of what belongs to none, and a list of them all.
//!
//! The form is in docs/FORMAT.md; the databases' archives are those of [`crate::dump`].

use std::collections::HashSet;
use std::path::Path;

use bstr::BString;
use bytes::Bytes;

use super::options::ClusterOptions;
use super::run::{ClusterObserver, ClusterReport};
use crate::archive::{
    CLUSTER_FILE, ClusterDatabase, ClusterList, Folder, GLOBALS_FILE, LocalFolder, cluster_file_name,
};
use crate::connect::ConnectParams;
use crate::dump::{self, DumpOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::sql::text;

/// Writes the directory at `path`: `globals` is the script, `names` are the databases.
///
/// # Errors
/// If anything goes wrong: then there is no directory of that name, or it is as empty as it was.
pub(super) async fn write(
    params: &ConnectParams,
    options: &ClusterOptions,
    dump_options: &DumpOptions,
    path: &Path,
    globals: Vec<u8>,
    names: Vec<BString>,
    observer: &ClusterObserver,
) -> Result<ClusterReport> {
    let mut folder = LocalFolder::create(path, options.sync).await?;
    let format = dump_options.output.format;
    let mut list = ClusterList {
        globals_len: globals.len() as u64,
        globals_crc32c: crc32c::crc32c(&globals),
        databases: Vec::new(),
    };
    put(&mut folder, GLOBALS_FILE, globals).await?;
    let mut taken = HashSet::new();
    for (place, name) in names.into_iter().enumerate() {
        (observer.info)(&text!("dumping database \"", name, "\""));
        let file = cluster_file_name(&name, place + 1, format);
        if !taken.insert(file.clone()) {
            let message = format!("two databases would be dumped to \"{file}\"");
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        let mut one = dump_options.clone();
        one.output.file = Some(folder.place(&file));
        let params = params.for_database(name.clone());
        let dumped = dump::dump(&params, &one, &observer.database).await;
        dumped.map_err(|error| error.context(format!("dumping database \"{name}\"")))?;
        list.databases.push(ClusterDatabase { name, format, file });
    }
    put(&mut folder, CLUSTER_FILE, list.to_bytes()).await?;
    Box::new(folder).finish().await?;
    Ok(ClusterReport {
        databases: list.databases.into_iter().map(|database| database.name).collect(),
    })
}

async fn put(folder: &mut LocalFolder, name: &str, content: Vec<u8>) -> Result<()> {
    let mut sink = folder.create(name).await?;
    sink.write(Bytes::from(content)).await?;
    sink.finish().await
}
