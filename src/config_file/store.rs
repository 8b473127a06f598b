//! Reads a file, and writes it again in one step: the old one or the new one is there, never a part.

use std::{
    ffi::OsString,
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use super::permissions;

/// The longest file that is read: a hundred times what KubeKey writes.
const LONGEST: u64 = 1 << 20;

/// A file as it was read.
#[derive(Debug)]
pub struct Stored {
    /// What is in it.
    pub bytes: Vec<u8>,
    /// How it was named, for messages.
    path: PathBuf,
    /// The file itself, where a link was named.
    target: PathBuf,
    metadata: Metadata,
}

/// Who may read what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Those who could.
    Unchanged,
    /// Those who could, but not everybody.
    NotEverybody,
}

/// A file that cannot be read or written, and why.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is nothing at this path.
    #[error("{0} does not exist")]
    Missing(PathBuf),
    /// It is a directory.
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
    /// Somebody else was at work.
    #[error("{0} has changed since it was read")]
    Changed(PathBuf),
}

impl StoreError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Missing(_) => "is the path right?".to_owned(),
            Self::Directory(_) => "name the file in it".to_owned(),
            Self::NotAFile(_) => "pass `-` to read stdin and write stdout".to_owned(),
            Self::TooLong(_) => {
                "name KubeKey's config-sample.yaml or ks-installer's cluster-configuration.yaml".to_owned()
            }
            Self::Unreadable(..) => "let this user read it, or run as another".to_owned(),
            Self::ReadOnly(path) => format!("if it may be changed: `chmod u+w {}`", path.display()),
            Self::Unwritable(..) => {
                "check the permissions and the space there, or run as the file's owner".to_owned()
            }
            Self::Owner(..) => "run as the file's owner, or as root".to_owned(),
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
    let mut bytes = Vec::new();
    File::open(&target)
        .and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    if bytes.len() as u64 > LONGEST {
        return Err(StoreError::TooLong(path.to_owned()));
    }
    Ok(Stored { bytes, path: path.to_owned(), target, metadata })
}

impl Stored {
    /// Whether everybody may read it.
    pub fn is_everybodys(&self) -> bool {
        permissions::everybody_reads(&self.metadata)
    }

    /// The file beside it that keeps what it was.
    pub fn backup_path(&self) -> PathBuf {
        let mut name = OsString::from(&self.target);
        name.push(".bak");
        PathBuf::from(name)
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
        OpenOptions::new().write(true).open(&self.target).map(drop).map_err(unwritable)
    }

    /// Copies what was read to the file beside it, in place of an older copy.
    pub fn back_up(&self, readers: Readers) -> Result<(), StoreError> {
        self.put(&self.backup_path(), &self.bytes, readers)
    }

    /// Puts a text in the file's place, with its mode, owner and group.
    pub fn replace(&self, text: &str, readers: Readers) -> Result<(), StoreError> {
        if self.has_changed() {
            return Err(StoreError::Changed(self.path.clone()));
        }
        self.put(&self.target, text.as_bytes(), readers)
    }

    fn has_changed(&self) -> bool {
        let modified = |metadata: &Metadata| metadata.modified().ok();
        fs::metadata(&self.target).map_or(true, |now| {
            modified(&now) != modified(&self.metadata) || now.len() != self.metadata.len()
        })
    }

    /// Written beside it, readable by nobody else, and renamed when all of it is on the disk.
    fn put(&self, path: &Path, bytes: &[u8], readers: Readers) -> Result<(), StoreError> {
        let unwritable = |error| StoreError::Unwritable(path.to_owned(), error);
        let folder = folder(path);
        let mut new =
            tempfile::Builder::new().prefix(".kubectl-mc-").tempfile_in(folder).map_err(unwritable)?;
        new.write_all(bytes).map_err(unwritable)?;
        permissions::give_to_owner(new.as_file(), &self.metadata)
            .map_err(|error| StoreError::Owner(path.to_owned(), error))?;
        permissions::copy_mode(new.as_file(), &self.metadata, readers).map_err(unwritable)?;
        new.as_file().sync_all().map_err(unwritable)?;
        new.persist(path).map_err(|error| unwritable(error.error))?;
        permissions::sync_folder(folder);
        Ok(())
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::{
        fs::{self, Permissions},
        os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink},
        path::{Path, PathBuf},
    };

    use tempfile::TempDir;

    use super::{Readers, StoreError, read};

    fn file(mode: u32) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.yaml");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        (folder, path)
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    fn names(folder: &TempDir) -> Vec<String> {
        let entries = fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn mode_and_owner_are_kept_and_nothing_else_is_left() {
        for bits in [0o644, 0o600, 0o664, 0o755] {
            let (folder, path) = file(bits);
            // Only root can give a file away; for others it stays theirs.
            let given = chown(&path, Some(4711), Some(4712)).is_ok();
            read(&path).unwrap().replace("new", Readers::Unchanged).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), "new");
            assert_eq!(mode(&path), bits);
            if given {
                let metadata = fs::metadata(&path).unwrap();
                assert_eq!((metadata.uid(), metadata.gid()), (4711, 4712));
            }
            assert_eq!(names(&folder), ["c.yaml"]);
        }
    }

    #[test]
    fn everybody_loses_the_right_to_read_and_nobody_else_does() {
        for (bits, left) in [(0o644, 0o640), (0o646, 0o642), (0o600, 0o600), (0o664, 0o660)] {
            let (_folder, path) = file(bits);
            read(&path).unwrap().replace("new", Readers::NotEverybody).unwrap();
            assert_eq!(mode(&path), left);
        }
    }

    #[test]
    fn a_link_stays_and_its_target_is_replaced() {
        let (folder, path) = file(0o600);
        let link = folder.path().join("link.yaml");
        symlink("c.yaml", &link).unwrap();
        let stored = read(&link).unwrap();
        stored.back_up(Readers::Unchanged).unwrap();
        stored.replace("new", Readers::Unchanged).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(names(&folder), ["c.yaml", "c.yaml.bak", "link.yaml"]);
    }

    #[test]
    fn an_older_backup_is_replaced() {
        let (folder, path) = file(0o640);
        fs::write(folder.path().join("c.yaml.bak"), "older").unwrap();
        let stored = read(&path).unwrap();
        stored.back_up(Readers::Unchanged).unwrap();
        assert_eq!(fs::read_to_string(stored.backup_path()).unwrap(), "old");
        assert_eq!(mode(&stored.backup_path()), 0o640);
    }

    #[test]
    fn what_nobody_may_write_is_refused_to_root_too() {
        let (_folder, path) = file(0o444);
        assert!(matches!(read(&path).unwrap().confirm_writable(), Err(StoreError::ReadOnly(_))));
        let (folder, path) = file(0o644);
        fs::set_permissions(folder.path(), Permissions::from_mode(0o555)).unwrap();
        assert!(matches!(read(&path).unwrap().confirm_writable(), Err(StoreError::ReadOnly(_))));
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        assert!(read(&path).unwrap().confirm_writable().is_ok());
    }

    #[test]
    fn what_somebody_else_changed_is_not_overwritten() {
        let (_folder, path) = file(0o644);
        let stored = read(&path).unwrap();
        fs::write(&path, "theirs").unwrap();
        assert!(matches!(stored.replace("new", Readers::Unchanged), Err(StoreError::Changed(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
    }

    #[test]
    fn what_is_no_file_is_refused() {
        let (folder, path) = file(0o644);
        assert!(matches!(read(folder.path()), Err(StoreError::Directory(_))));
        assert!(matches!(read(Path::new("/dev/null")), Err(StoreError::NotAFile(_))));
        assert!(matches!(read(&folder.path().join("none")), Err(StoreError::Missing(_))));
        assert!(matches!(read(&path.join("none")), Err(StoreError::Missing(_))));
        fs::File::create(&path).unwrap().set_len(super::LONGEST + 1).unwrap();
        assert!(matches!(read(&path), Err(StoreError::TooLong(_))));
    }
}
