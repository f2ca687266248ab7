//! Headers of a tar file's members: made, and read with whatever other tar programs put before them.

use bytes::Bytes;
use tar::{EntryType, Header};

use super::BLOCK;
use crate::archive::input::Input;
use crate::error::{Error, ErrorKind, Result};

/// The longest extended header that is read; it holds names and numbers only.
const LONGEST_EXTENSION: u64 = 1 << 20;
/// Owner and mode that pg_dump gives to members.
const MODE: u32 = 0o600;
const UID: u64 = 0o4000;
const GID: u64 = 0o2000;
const OWNER: &str = "postgres";

/// A file in a tar file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) name: String,
    /// Where its content begins.
    pub(super) start: u64,
    pub(super) size: u64,
}

/// The header of a member. Sizes of 8 GiB and more are written in base 256.
pub(super) fn header(name: &str, size: u64, modified: u64) -> Result<Bytes> {
    let mut header = Header::new_ustar();
    let told = header
        .set_path(name)
        .and_then(|()| header.set_username(OWNER))
        .and_then(|()| header.set_groupname(OWNER))
        .and_then(|()| header.set_device_major(0))
        .and_then(|()| header.set_device_minor(0));
    told.map_err(|e| Error::io(format!("\"{name}\" cannot be a member of a tar file"), e))?;
    header.set_mode(MODE);
    header.set_uid(UID);
    header.set_gid(GID);
    header.set_mtime(modified);
    header.set_size(size);
    header.set_entry_type(EntryType::Regular);
    header.set_cksum();
    Ok(Bytes::copy_from_slice(header.as_bytes()))
}

/// Zeros that fill a member's last block.
pub(super) fn padding(size: u64) -> Bytes {
    static ZEROS: [u8; BLOCK] = [0; BLOCK];
    Bytes::from_static(ZEROS.get(..to_block(size)).unwrap_or_default())
}

/// How many bytes are missing to a whole number of blocks.
fn to_block(size: u64) -> usize {
    let block = BLOCK as u64;
    // Below one block, so it fits.
    ((block - size % block) % block) as usize
}

/// Whether these bytes are the header of a tar file's member.
pub(crate) fn is_tar_header(bytes: &[u8]) -> bool {
    let Some(block) = bytes.get(..BLOCK) else {
        return false;
    };
    let magic = block.get(257..265).unwrap_or_default();
    let known = magic.starts_with(b"ustar\0") || magic == b"ustar  \0" || magic == b"ustar00\0";
    known && checksums(block).is_ok_and(|(expected, found)| expected == found)
}

/// What the header says its checksum is, and what it is.
fn checksums(block: &[u8]) -> std::io::Result<(u32, u32)> {
    let expected = Header::from_byte_slice(block).cksum()?;
    // The field itself counts as spaces.
    let sum = |bytes: &[u8]| bytes.iter().map(|b| u32::from(*b)).sum::<u32>();
    let field = sum(block.get(148..156).unwrap_or_default());
    Ok((expected, sum(block) - field + 8 * u32::from(b' ')))
}

/// What is wrong with the end of a tar file, of which no member is left.
///
/// # Errors
/// `ErrorKind::Io` if it cannot be read.
pub(super) async fn end_of(input: &mut Input) -> Result<Option<String>> {
    let end = input.peek(2 * BLOCK).await?.get(..2 * BLOCK);
    let is_end = end.is_some_and(|end| end.iter().all(|byte| *byte == 0));
    Ok((!is_end).then(|| "the tar file does not end with two empty blocks; it may have been cut off".into()))
}

/// Takes the next header of a file's member off an input that stands at one; `None` at the end of the tar file.
///
/// # Errors
/// `ErrorKind::Archive` if there is no header, or it names a file outside of a directory.
pub(super) async fn next_member(input: &mut Input) -> Result<Option<Member>> {
    let mut name = None;
    let mut size = None;
    loop {
        let block = input.peek(BLOCK).await?;
        // A tar file may end without its two empty blocks; pg_restore takes that for its end, too.
        let Some(block) = block.get(..BLOCK) else {
            return Ok(None);
        };
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let raw = Header::from_byte_slice(block).clone();
        match checksums(block) {
            Ok((expected, found)) if expected == found => {}
            sums => {
                let (expected, found) = sums.unwrap_or_default();
                let shown: String = raw.path_bytes().escape_ascii().to_string();
                return Err(input.corrupt(&format!(
                    "corrupt tar header found in {shown} (expected {expected}, computed {found})"
                )));
            }
        }
        let own_size = raw
            .entry_size()
            .map_err(|e| input.corrupt(&format!("corrupt tar header: {e}")))?;
        input.skip(BLOCK as u64).await?;
        match raw.entry_type() {
            EntryType::GNULongName => {
                let mut long = extension(input, own_size).await?;
                while long.last() == Some(&0) {
                    long.pop();
                }
                name = Some(long);
            }
            EntryType::XHeader => {
                let records = extension(input, own_size).await?;
                for (key, value) in records_of(&records) {
                    match key {
                        b"path" => name = Some(value.to_vec()),
                        b"size" => size = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()),
                        _ => {}
                    }
                }
            }
            EntryType::Regular | EntryType::Continuous => {
                let name = name.take().unwrap_or_else(|| raw.path_bytes().into_owned());
                return Ok(Some(Member {
                    name: checked(name)?,
                    start: input.position(),
                    size: size.unwrap_or(own_size),
                }));
            }
            // Directories, links, comments: nothing of ours.
            _ => {
                skip_content(input, size.take().unwrap_or(own_size)).await?;
                name = None;
            }
        }
    }
}

/// Passes over a member's content and what fills its last block.
pub(super) async fn skip_content(input: &mut Input, size: u64) -> Result<()> {
    input.skip(size.saturating_add(to_block(size) as u64)).await
}

/// Passes over what fills the last block of a member of this size.
pub(super) async fn skip_padding(input: &mut Input, size: u64) -> Result<()> {
    input.skip(to_block(size) as u64).await
}

async fn extension(input: &mut Input, size: u64) -> Result<Vec<u8>> {
    if size > LONGEST_EXTENSION {
        return Err(input.corrupt("corrupt tar header: it is too long"));
    }
    let content = content(input, size).await?;
    skip_padding(input, size).await?;
    Ok(content)
}

/// Takes so many bytes; memory grows only with what is really there.
pub(super) async fn content(input: &mut Input, size: u64) -> Result<Vec<u8>> {
    let mut content = Vec::new();
    while (content.len() as u64) < size {
        content.extend_from_slice(&input.bytes(size - content.len() as u64).await?);
    }
    Ok(content)
}

/// The records of a POSIX extended header: a decimal length that counts itself, a blank, `key=value`, newline.
fn records_of(mut bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    std::iter::from_fn(move || {
        let blank = bytes.iter().position(|byte| *byte == b' ')?;
        let length: usize = std::str::from_utf8(bytes.get(..blank)?).ok()?.parse().ok()?;
        let record = bytes.get(blank + 1..length.checked_sub(1)?)?;
        bytes = bytes.get(length..)?;
        let equals = record.iter().position(|byte| *byte == b'=')?;
        Some((record.get(..equals)?, record.get(equals + 1..)?))
    })
}

/// The name, if it stays in its directory.
fn checked(name: Vec<u8>) -> Result<String> {
    let shown = name.escape_ascii().to_string();
    let refuse = || {
        Error::new(
            ErrorKind::Archive,
            format!("the tar file has a member called \"{shown}\", which no archive has"),
        )
    };
    let name = String::from_utf8(name).map_err(|_| refuse())?;
    let name = name.strip_prefix("./").map(str::to_owned).unwrap_or(name);
    if crate::archive::directory::safe_name(&name) {
        Ok(name)
    } else {
        Err(refuse())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::source::BytesSource;

    async fn members(bytes: &[u8]) -> Result<Vec<Member>> {
        let mut input = Input::new(Box::new(BytesSource::new(bytes.to_vec())));
        let mut members = Vec::new();
        while let Some(member) = next_member(&mut input).await? {
            skip_content(&mut input, member.size).await?;
            members.push(member);
        }
        Ok(members)
    }

    /// A tar file that the `tar` crate makes.
    fn made(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, content) in files {
            let mut header = Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            header.as_mut_bytes()[..name.len().min(100)]
                .copy_from_slice(&name.as_bytes()[..name.len().min(100)]);
            if name.len() > 100 {
                builder.append_data(&mut header, name, *content).unwrap();
            } else {
                header.set_cksum();
                builder.append(&header, *content).unwrap();
            }
        }
        builder.into_inner().unwrap()
    }

    #[tokio::test]
    async fn headers_are_read_back() {
        for size in [0, 1, 511, 512, 0o77_777_777_777, 1 << 33, 1 << 40, u64::MAX >> 2] {
            let bytes = header("2591.dat", size, 1_000_000_000).unwrap();
            assert!(is_tar_header(&bytes));
            let mut input = Input::new(Box::new(BytesSource::new(bytes)));
            let member = next_member(&mut input).await.unwrap().unwrap();
            assert_eq!((member.name.as_str(), member.size), ("2591.dat", size));
        }
        assert_eq!(padding(512).len(), 0);
        assert_eq!(padding(513).len(), 511);
    }

    #[tokio::test]
    async fn long_names_and_extended_headers_are_understood() {
        let long = "x".repeat(150);
        let bytes = made(&[("./toc.dat", b"toc"), (&long, b"long"), ("1.dat", b"")]);
        let names: Vec<_> = members(&bytes)
            .await
            .unwrap()
            .into_iter()
            .map(|m| (m.name, m.size))
            .collect();
        assert_eq!(names, [("toc.dat".into(), 3), (long, 4), ("1.dat".into(), 0)]);

        let records = b"30 mtime=1350244992.023960108\n17 path=2591.dat\n9 size=5\n";
        let mut extended = Header::new_ustar();
        extended.set_entry_type(EntryType::XHeader);
        extended.set_size(records.len() as u64);
        extended.set_cksum();
        let mut bytes = extended.as_bytes().to_vec();
        bytes.extend_from_slice(records);
        bytes.extend_from_slice(&padding(records.len() as u64));
        bytes.extend_from_slice(&header("other", 0, 0).unwrap());
        bytes.extend_from_slice(&[b'x'; 5]);
        bytes.extend_from_slice(&padding(5));
        let found = members(&bytes).await.unwrap();
        assert_eq!((found[0].name.as_str(), found[0].size), ("2591.dat", 5));
    }

    #[tokio::test]
    async fn hostile_names_are_refused() {
        for name in ["../toc.dat", "/etc/passwd", "a/b", "..", ".", "a\\b"] {
            let error = members(&made(&[(name, b"x")])).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Archive);
            assert!(error.to_string().contains("which no archive has"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_damaged_header_is_an_error() {
        let bytes = header("2591.dat", 5, 0).unwrap();
        for at in (0..BLOCK).filter(|at| !(154..156).contains(at)) {
            let mut changed = bytes.to_vec();
            changed[at] ^= 1;
            let found = members(&changed).await;
            assert!(found.is_err(), "byte {at}: {found:?}");
            assert!(!is_tar_header(&changed));
        }
    }
}
