//! Archives that we write, read by the pg_restore of releases 15, 16 and 18: the same lists and the same scripts
//! as from the stock archive they were copied from, however the data is cut into segments.

use std::path::Path;
use std::process::Stdio;

use bytes::Bytes;
use rsdump::archive::{
    Archive, ArchiveVersion, ArchiveWriter, BytesSource, CustomWriter, DirectoryWriter, FileSink, Format,
    Header, LocalFolder, SegmentEncoder, VecSink,
};
use rsdump::compress::Compression;
use rsdump::{Error, Result};

use crate::support::{assert_same, fixture, normalize, run, stdout_of, tool};

/// Copies an archive, every stream cut into segments of `cut` bytes.
async fn copy<W: ArchiveWriter>(
    archive: &mut Archive,
    mut writer: W,
    format: Format,
    version: ArchiveVersion,
    compression: Compression,
    cut: usize,
) -> Result<()> {
    let mut encoder = SegmentEncoder::new(writer.framing(), &compression)?;
    let header = Header {
        version,
        compression,
        format,
        ..Header::clone(archive.header())
    };
    let toc = archive.toc().clone();
    writer.begin(&header, &toc).await?;
    for entry in toc.iter().filter(|entry| entry.had_dumper) {
        if entry.desc.is_large_objects() {
            writer.begin_large_objects(entry.dump_id).await?;
            let mut objects = archive.open_large_objects(entry.dump_id).await?;
            while let Some(oid) = objects.next_object().await? {
                writer.begin_large_object(oid).await?;
                while let Some(bytes) = objects.next().await? {
                    append(&mut writer, &mut encoder, bytes, cut).await?;
                }
                writer.end_large_object().await?;
            }
            writer.end_large_objects().await?;
        } else {
            writer.begin_data(entry.dump_id).await?;
            let mut data = archive.open_data(entry.dump_id).await?;
            while let Some(bytes) = data.next().await? {
                append(&mut writer, &mut encoder, bytes, cut).await?;
            }
            writer.end_data().await?;
        }
    }
    writer.finish().await.map(drop)
}

async fn append(
    writer: &mut impl ArchiveWriter,
    encoder: &mut SegmentEncoder,
    mut bytes: Bytes,
    cut: usize,
) -> Result<()> {
    while !bytes.is_empty() {
        encoder.push(bytes.split_to(cut.min(bytes.len())))?;
        writer.append(encoder.finish(1)?).await?;
    }
    Ok(())
}

fn block_on<T>(future: impl Future<Output = Result<T>>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime
        .map_err(|e| Error::io("starting a runtime", e))
        .and_then(|runtime| runtime.block_on(future))
        .unwrap_or_else(|e| panic!("{e}"))
}

fn list(release: u32, archive: &Path) -> String {
    let list = stdout_of(tool(release, "pg_restore").arg("-l").arg(archive));
    let list = String::from_utf8_lossy(&list);
    // The copy says its own version and compression.
    let differs =
        |line: &str| line.starts_with(";     Compression:") || line.starts_with(";     Dump Version:");
    list.lines()
        .filter(|line| !differs(line))
        .map(|line| format!("{line}\n"))
        .collect()
}

fn script(release: u32, archive: &Path) -> Vec<u8> {
    normalize(&stdout_of(
        tool(release, "pg_restore").args(["-f", "-"]).arg(archive),
    ))
}

/// What a pg_restore makes of an archive on its standard input.
fn script_of_stream(release: u32, archive: &[u8]) -> Vec<u8> {
    let mut file = tempfile::tempfile().expect("a temporary file");
    std::io::Write::write_all(&mut file, archive).expect("write the temporary file");
    std::io::Seek::rewind(&mut file).expect("rewind the temporary file");
    // `cat` makes it a pipe.
    let mut cat = std::process::Command::new("cat")
        .stdin(file)
        .stdout(Stdio::piped())
        .spawn()
        .expect("start cat");
    let pipe = cat.stdout.take().expect("a pipe");
    let output = run(tool(release, "pg_restore").args(["-f", "-"]).stdin(pipe));
    cat.wait().expect("wait for cat");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    normalize(&output.stdout)
}

#[test]
fn every_pg_restore_reads_what_we_write() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let versions = [
        (15, ArchiveVersion::V1_14),
        (16, ArchiveVersion::V1_15),
        (18, ArchiveVersion::V1_16),
    ];
    for (origin, _) in versions {
        let stock = fixture(&format!("archives/pg_dump_{origin}.gzip.dump"));
        let mut cell = 0;
        for (release, newest) in versions.into_iter().filter(|(release, _)| *release >= origin) {
            let (expected_list, expected) = (list(release, &stock), script(release, &stock));
            assert!(expected.len() > 4000);
            // Large objects in groups have no place in older archives.
            let oldest = if origin == 18 {
                ArchiveVersion::V1_16
            } else {
                ArchiveVersion::V1_14
            };
            for (_, version) in versions
                .into_iter()
                .filter(|(_, v)| (oldest..=newest).contains(v))
            {
                for compression in [Compression::NONE, Compression::GZIP] {
                    for cut in [7, 1000, usize::MAX] {
                        cell += 1;
                        let case = format!("{origin} → {version:?} {compression:?} cut at {cut} → {release}");
                        let ours = directory.path().join(format!("{origin}-{release}-{cell}"));
                        let folder = ours.with_extension("directory");
                        let piped = VecSink::new();
                        block_on(async {
                            let mut archive = Archive::open_path(&stock).await?;
                            let file = Box::new(FileSink::create(&ours, false).await?);
                            let writer = CustomWriter::new(file, &compression);
                            copy(&mut archive, writer, Format::Custom, version, compression, cut).await?;
                            let mut archive = archive.reopen().await?.unwrap_or(archive);
                            let writer = CustomWriter::new(Box::new(piped.clone()), &compression);
                            copy(&mut archive, writer, Format::Custom, version, compression, cut).await?;
                            let mut archive = archive.reopen().await?.unwrap_or(archive);
                            let folder = Box::new(LocalFolder::create(&folder, false).await?);
                            let writer = DirectoryWriter::new(folder, &compression);
                            copy(&mut archive, writer, Format::Directory, version, compression, cut).await
                        });
                        assert_eq!(
                            list(release, &folder),
                            expected_list.replace("Format: CUSTOM", "Format: DIRECTORY"),
                            "{case}"
                        );
                        assert_same(
                            &format!("{case}, directory"),
                            &expected,
                            &script(release, &folder),
                        );
                        assert_eq!(list(release, &ours), expected_list, "{case}");
                        assert_same(&case, &expected, &script(release, &ours));
                        assert_same(
                            &format!("{case}, piped"),
                            &expected,
                            &script_of_stream(release, &piped.bytes()),
                        );
                        let again = block_on(Archive::open(Box::new(BytesSource::new(piped.bytes()))));
                        assert_eq!(again.header().version, version);
                    }
                }
            }
        }
    }
}
