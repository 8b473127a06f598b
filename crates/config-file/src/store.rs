//! Reads a file, and writes it again in one step: the old one or the new one is there, never a part.

use std::{
    ffi::OsString,
    fmt,
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read, Write as _},
    path::{Path, PathBuf},
};

use kubesphere::shell_word::shell_word;
use secrecy::zeroize::Zeroizing;

use super::{
    new_file::{self, NamedFile, NewFile},
    permissions,
};

/// The longest file that is read: a hundred times what KubeKey writes.
const LONGEST: usize = 1 << 20;

/// A file as it was read.
pub struct Stored {
    pub bytes: Zeroizing<Vec<u8>>,
    /// How it was named, for messages.
    path: PathBuf,
    /// The file itself, where a link was named.
    target: PathBuf,
    metadata: Metadata,
}

impl fmt::Debug for Stored {
    /// The bytes hold secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({} bytes)", self.path.display(), self.bytes.len())
    }
}

/// Who may read what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Those who could.
    Unchanged,
    /// The file's owner, and nobody else.
    Owner,
}

/// A file that cannot be read or written, and why.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is nothing at this path.
    #[error("{0} does not exist")]
    Missing(PathBuf),
    #[error("{0} is a directory")]
    Directory(PathBuf),
    /// It is a device, a pipe or a socket.
    #[error("{0} is not a regular file")]
    NotAFile(PathBuf),
    /// It is longer than any such file.
    #[error("{0} is longer than 1 MiB, which no configuration file is")]
    TooLong(PathBuf),
    /// The system refuses.
    #[error("{0} cannot be read")]
    Unreadable(PathBuf, #[source] io::Error),
    /// Nobody may write it, though root could.
    #[error("{0} is read-only")]
    ReadOnly(PathBuf),
    /// This user may not write it.
    #[error("{0} cannot be written")]
    Unwritable(PathBuf, #[source] io::Error),
    /// The new file would belong to somebody else.
    #[error("{0} cannot be replaced: the new file would not keep its owner and group")]
    Owner(PathBuf, #[source] io::Error),
    /// Its other names would keep what it was.
    #[error("{0} has other names (hard links), under which it would stay as it is")]
    Linked(PathBuf),
    /// There is no place for the old file.
    #[error("{0} is a directory, so the old file cannot be kept there")]
    BackupDirectory(PathBuf),
    /// Somebody else was at work.
    #[error("{0} has changed since it was read")]
    Changed(PathBuf),
}

impl StoreError {
    pub fn hint(&self) -> String {
        match self {
            Self::Missing(_) => "is the path right?".to_owned(),
            Self::Directory(_) => "name the file in it".to_owned(),
            Self::NotAFile(_) => "pass `-` to read stdin and write stdout".to_owned(),
            Self::TooLong(_) => {
                "name KubeKey's config-sample.yaml or ks-installer's cluster-configuration.yaml".to_owned()
            }
            Self::Unreadable(..) => "let this user read it, or run as another".to_owned(),
            Self::ReadOnly(path) => {
                format!("if it may be changed: `chmod u+w {}`", quoted(path))
            }
            Self::Unwritable(..) => {
                "check the permissions and the space there, or run as the file's owner".to_owned()
            }
            Self::Owner(..) => "run as the file's owner, or as root".to_owned(),
            Self::Linked(path) => {
                let [path, copy] = [path, &with_suffix(path, ".new")].map(quoted);
                format!("make it a file of its own: `cp -p {path} {copy} && mv {copy} {path}`")
            }
            Self::BackupDirectory(_) => "move it away, or leave out `--backup`".to_owned(),
            Self::Changed(_) => "run the same command again".to_owned(),
        }
    }
}

/// Reads a file, through a link if it is one.
pub fn read(path: &Path) -> Result<Stored, StoreError> {
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => StoreError::Missing(path.to_owned()),
        _ => StoreError::Unreadable(path.to_owned(), error),
    };
    let target = fs::canonicalize(path).map_err(unreadable)?;
    let metadata = fs::metadata(&target).map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(StoreError::Directory(path.to_owned()));
    }
    if !metadata.is_file() {
        return Err(StoreError::NotAFile(path.to_owned()));
    }
    let bytes = bytes_of(File::open(&target).map_err(unreadable)?, path)?;
    Ok(Stored { bytes, path: path.to_owned(), target, metadata })
}

/// All that comes from a file or a stream of this name, unless it is too long.
pub fn bytes_of(source: impl Read, name: &Path) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    // One that grows would leave copies of secrets behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
    let read = source.take(LONGEST as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| StoreError::Unreadable(name.to_owned(), error))?;
    if bytes.len() > LONGEST {
        return Err(StoreError::TooLong(name.to_owned()));
    }
    Ok(bytes)
}

impl Stored {
    /// Removes what runs have left beside it that were killed.
    pub fn sweep(&self) {
        new_file::sweep(folder(&self.target));
    }

    /// Whether anybody but its owner has a right to it.
    pub fn is_shared(&self) -> bool {
        permissions::others_have_rights(&self.metadata)
    }

    /// Whether everybody may read it.
    pub fn is_everybodys(&self) -> bool {
        permissions::everybody_reads(&self.metadata)
    }

    /// The file beside it that keeps what it was.
    fn backup_path(&self) -> PathBuf {
        with_suffix(&self.target, ".bak")
    }

    /// Fails where it must not or cannot be written, before anything else is.
    pub fn confirm_writable(&self) -> Result<(), StoreError> {
        let folder = folder(&self.target);
        let unwritable = |error| StoreError::Unwritable(self.path.clone(), error);
        let folders = fs::metadata(folder).map_err(unwritable)?;
        if permissions::nobody_writes(&self.metadata) {
            return Err(StoreError::ReadOnly(self.path.clone()));
        }
        if permissions::nobody_writes(&folders) {
            return Err(StoreError::ReadOnly(folder.to_owned()));
        }
        if permissions::has_other_names(&self.metadata) {
            return Err(StoreError::Linked(self.target.clone()));
        }
        OpenOptions::new().write(true).open(&self.target).map(drop).map_err(unwritable)
    }

    /// Copies what was read to the file beside it, in place of an older copy.
    pub fn back_up(&self, readers: Readers) -> Result<(), StoreError> {
        let path = self.backup_path();
        if path.is_dir() {
            return Err(StoreError::BackupDirectory(path));
        }
        self.written(&path, &self.bytes, readers)?.replace(&path).map_err(unwritable(&path))?;
        permissions::sync_folder(folder(&path));
        Ok(())
    }

    /// Puts a text in the file's place, with its mode, owner and group.
    pub fn replace(&self, text: &str, readers: Readers) -> Result<(), StoreError> {
        let new = self.written(&self.target, text.as_bytes(), readers)?;
        self.confirm_unchanged()?;
        new.replace(&self.target).map_err(unwritable(&self.target))?;
        permissions::sync_folder(folder(&self.target));
        Ok(())
    }

    /// Asked at the last moment, so that a colleague's change is not lost. What it holds counts and who may what: a time
    /// may be put back, or too coarse.
    fn confirm_unchanged(&self) -> Result<(), StoreError> {
        let now = File::open(&self.target).and_then(|file| Ok((file.metadata()?, file)));
        let is_same = now.is_ok_and(|(metadata, file)| {
            permissions::are_same(&metadata, &self.metadata)
                && bytes_of(file, &self.path).is_ok_and(|bytes| bytes == self.bytes)
        });
        if is_same { Ok(()) } else { Err(StoreError::Changed(self.path.clone())) }
    }

    /// A file that is whole and on the disk beside `path`, in whose place it will be put.
    fn written(&self, path: &Path, bytes: &[u8], readers: Readers) -> Result<NamedFile, StoreError> {
        let (folder, unwritable) = (folder(path), || unwritable(path));
        let new = NewFile::in_folder(folder).map_err(unwritable())?;
        new.file().write_all(bytes).map_err(unwritable())?;
        permissions::give_to_owner(new.file(), &self.metadata)
            .map_err(|error| StoreError::Owner(self.path.clone(), error))?;
        permissions::copy_mode(new.file(), &self.metadata, readers).map_err(unwritable())?;
        new.file().sync_all().map_err(unwritable())?;
        new.named(folder).map_err(unwritable())
    }
}

fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    |error| StoreError::Unwritable(path, error)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// The path in a command.
fn quoted(path: impl AsRef<Path>) -> String {
    shell_word(&path.as_ref().to_string_lossy()).into_owned()
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
#[cfg(unix)]
#[path = "store_tests.rs"]
mod tests;
