//! `--manifests-to`: a directory that nobody else reads.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, ErrorKind, Write as _},
    path::Path,
};

use crate::{
    error::{Error, Kind},
    kubesphere::shell_word::shell_word,
    output::manifests::{MARK, ManifestFile, README},
};

/// Refuses a directory that holds anything but what an earlier run has written there.
pub(super) fn confirm_usable(directory: &Path) -> Result<(), Error> {
    let is_ours = fs::read_to_string(directory.join(README)).is_ok_and(|text| text.starts_with(MARK));
    match fs::read_dir(directory).map(|mut entries| entries.next().is_none()) {
        Ok(is_empty) if is_empty || is_ours => Ok(()),
        Ok(_) => Err(Error::usage(format!("{} is not empty", directory.display()))
            .hint("name a directory that is not there yet, or that an earlier run has written")),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed(directory, &error)),
    }
}

/// Writes the files in the place of an earlier run's.
pub(super) fn store(directory: &Path, files: &[ManifestFile]) -> Result<(), Error> {
    confirm_usable(directory)?;
    let stored = replace(directory, files);
    stored.map_err(|error| failed(directory, &error))
}

fn replace(directory: &Path, files: &[ManifestFile]) -> io::Result<()> {
    private_directory(directory)?;
    for entry in fs::read_dir(directory)? {
        fs::remove_file(entry?.path())?;
    }
    for file in files {
        private_file().open(directory.join(&file.name))?.write_all(file.text.as_bytes())?;
    }
    Ok(())
}

fn failed(directory: &Path, error: &io::Error) -> Error {
    let mut failed = Error::new(Kind::Error, format!("{} cannot be written", directory.display()));
    failed.causes.push(error.to_string());
    failed.hint(format!("see who may write there: `ls -ld {}`", shell_word(&directory.to_string_lossy())))
}

fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Also one that is there, and empty or ours.
fn private_directory(directory: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)?;
    #[cfg(unix)]
    fs::set_permissions(directory, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![cfg(unix)]

    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn file(name: &str, text: &str) -> ManifestFile {
        ManifestFile { name: name.to_owned(), text: text.to_owned() }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn nobody_else_reads_what_is_written() {
        let place = tempfile::tempdir().unwrap();
        let directory = place.path().join("a/b");
        store(&directory, &[file("01-x.json", "[]"), file(README, MARK)]).unwrap();
        assert_eq!(mode(&directory), 0o700);
        assert_eq!(mode(&directory.join("01-x.json")), 0o600);
    }

    #[test]
    fn an_empty_directory_is_closed() {
        let place = tempfile::tempdir().unwrap();
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
        store(place.path(), &[file(README, MARK)]).unwrap();
        assert_eq!(mode(place.path()), 0o700);
    }

    #[test]
    fn an_earlier_runs_files_are_replaced_and_nobody_elses() {
        let place = tempfile::tempdir().unwrap();
        store(place.path(), &[file("01-x.json", "[]"), file("02-y.yaml", ""), file(README, MARK)]).unwrap();
        store(place.path(), &[file("01-z.json", "[]"), file(README, MARK)]).unwrap();
        assert_eq!(names(place.path()), ["01-z.json", README]);
        let other = tempfile::tempdir().unwrap();
        fs::write(other.path().join("kustomization.yaml"), "").unwrap();
        let refused = store(other.path(), &[file(README, MARK)]).unwrap_err();
        assert_eq!(refused.kind, Kind::Usage);
        assert_eq!(names(other.path()), ["kustomization.yaml"]);
    }
}
