//! Archives whose bytes follow from what is in them.

use std::io::{Cursor, Write as _};

use flate2::{Compression, GzBuilder};
use jiff::Timestamp;
use tar::{EntryType, Header};
use zip::{DateTime, ZipWriter, write::SimpleFileOptions};

use crate::{Failure, platform::Packing};

/// A file in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it lies, parted by `/`.
    pub path: String,
    /// What is in it.
    pub bytes: Vec<u8>,
    /// Whether it can be run.
    pub executable: bool,
}

impl Entry {
    /// A file that is read.
    pub fn file(path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), bytes: bytes.into(), executable: false }
    }

    /// A file that is run.
    pub fn program(path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { executable: true, ..Self::file(path, bytes) }
    }

    fn mode(&self) -> u32 {
        if self.executable { 0o755 } else { 0o644 }
    }
}

/// Packs files, in the order of their paths, all of one time and of nobody. There are no links among them, and no
/// folders of their own: krew refuses links, and makes folders as it needs them.
pub fn pack(mut entries: Vec<Entry>, packing: Packing, time: u64) -> Result<Vec<u8>, Failure> {
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    match packing {
        Packing::TarGz => tar_gz(&entries, time),
        Packing::Zip => zip(&entries, time),
    }
}

fn tar_gz(entries: &[Entry], time: u64) -> Result<Vec<u8>, Failure> {
    // No time and no name of a machine's in its header.
    let gzip = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::best());
    let mut tar = tar::Builder::new(gzip);
    for entry in entries {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_size(entry.bytes.len().try_into()?);
        header.set_mode(entry.mode());
        header.set_mtime(time);
        header.set_uid(0);
        header.set_gid(0);
        tar.append_data(&mut header, &entry.path, entry.bytes.as_slice())?;
    }
    Ok(tar.into_inner()?.finish()?)
}

fn zip(entries: &[Entry], time: u64) -> Result<Vec<u8>, Failure> {
    let time = Timestamp::from_second(time.try_into()?)?.to_zoned(jiff::tz::TimeZone::UTC).datetime();
    let [month, day, hour, minute, second] =
        [time.month(), time.day(), time.hour(), time.minute(), time.second()].map(i8::cast_unsigned);
    let time = DateTime::from_date_and_time(time.year().try_into()?, month, day, hour, minute, second)?;
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for entry in entries {
        let options = SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Deflated)
            .compression_level(Some(9))
            .last_modified_time(time)
            .unix_permissions(entry.mode());
        zip.start_file(&entry.path, options)?;
        zip.write_all(&entry.bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::*;

    const TIME: u64 = 1_700_000_000;

    fn entries() -> Vec<Entry> {
        vec![Entry::program("b", *b"run"), Entry::file("a/c", *b"read")]
    }

    #[test]
    fn the_order_of_files_does_not_matter() {
        for packing in [Packing::TarGz, Packing::Zip] {
            let backwards = entries().into_iter().rev().collect();
            assert_eq!(pack(entries(), packing, TIME).unwrap(), pack(backwards, packing, TIME).unwrap());
        }
    }

    #[test]
    fn a_tar_holds_plain_files_of_nobody() {
        let packed = pack(entries(), Packing::TarGz, TIME).unwrap();
        let mut tar = tar::Archive::new(GzDecoder::new(packed.as_slice()));
        let seen: Vec<_> = tar
            .entries()
            .unwrap()
            .map(|entry| {
                let mut entry = entry.unwrap();
                let header = entry.header().clone();
                let mut text = String::new();
                entry.read_to_string(&mut text).unwrap();
                let path = entry.path().unwrap().display().to_string();
                assert_eq!((header.uid().unwrap(), header.mtime().unwrap()), (0, TIME));
                assert_eq!(header.entry_type(), EntryType::Regular);
                (path, header.mode().unwrap(), text)
            })
            .collect();
        assert_eq!(seen, [("a/c".into(), 0o644, "read".into()), ("b".into(), 0o755, "run".into())]);
    }

    #[test]
    fn a_zip_holds_the_same() {
        let packed = pack(entries(), Packing::Zip, TIME).unwrap();
        let mut zip = zip::ZipArchive::new(Cursor::new(packed)).unwrap();
        let names: Vec<_> = zip.file_names().map(|name| name.unwrap().into_owned()).collect();
        assert_eq!(names, ["a/c", "b"]);
        let program = zip.by_name("b").unwrap();
        assert_eq!(program.unix_mode().map(|mode| mode & 0o777), Some(0o755));
        assert_eq!(program.last_modified().map(|time| time.year()), Some(2023));
    }
}
