//! A file that has no name until it is whole, so that who is killed leaves nothing behind.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::Path,
};

use tempfile::TempPath;

/// How a name begins that stands for a moment. Only who is killed in that moment leaves it behind.
const PREFIX: &str = ".kubectl-mc-";

/// A file that is being written, readable by nobody else. It is locked for as long as somebody writes it.
pub(super) struct NewFile {
    file: File,
    /// From the beginning on where the file system has no files without a name.
    name: Option<TempPath>,
}

impl NewFile {
    pub(super) fn in_folder(folder: &Path) -> io::Result<Self> {
        let named = || {
            let (file, name) = builder().tempfile_in(folder)?.into_parts();
            Ok::<_, io::Error>((file, Some(name)))
        };
        let (file, name) = unnamed(folder).map(|file| (file, None)).or_else(|_| named())?;
        // Where files cannot be locked, nobody sweeps.
        file.try_lock().ok();
        Ok(Self { file, name })
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Gives it a name at last, from which it can be moved.
    pub(super) fn named(self, folder: &Path) -> io::Result<NamedFile> {
        let name = match self.name {
            Some(name) => name,
            None => builder().make_in(folder, |path| link(&self.file, path))?.into_temp_path(),
        };
        Ok(NamedFile { name, _locked: self.file })
    }
}

/// A file that is whole, and goes with its name unless it gets another one.
pub(super) struct NamedFile {
    name: TempPath,
    _locked: File,
}

impl NamedFile {
    pub(super) fn replace(self, path: &Path) -> io::Result<()> {
        self.name.persist(path).map_err(|error| error.error)
    }
}

fn builder() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX);
    builder
}

#[cfg(target_os = "linux")]
fn unnamed(folder: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags, open};
    // Through it the file gets its name.
    fs::metadata("/proc/self/fd")?;
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    Ok(open(folder, flags, Mode::RUSR | Mode::WUSR)?.into())
}

/// As `open(2)` tells it under `O_TMPFILE`: otherwise it takes a capability.
#[cfg(target_os = "linux")]
fn link(file: &File, path: &Path) -> io::Result<()> {
    use std::os::fd::AsRawFd as _;

    use rustix::fs::{AtFlags, CWD, linkat};
    let open = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(linkat(CWD, open, CWD, path, AtFlags::SYMLINK_FOLLOW)?)
}

#[cfg(not(target_os = "linux"))]
fn unnamed(_: &Path) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(target_os = "linux"))]
fn link(_: &File, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Removes what those have left who were killed; what somebody still writes is locked.
pub(super) fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if is_ours && entry.file_type().is_ok_and(|kind| kind.is_file()) && is_abandoned(&entry.path()) {
            fs::remove_file(entry.path()).ok();
        }
    }
}

fn is_abandoned(path: &Path) -> bool {
    OpenOptions::new().write(true).open(path).is_ok_and(|file| file.try_lock().is_ok())
}
