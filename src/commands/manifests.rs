//! `--manifests-to`: a directory that nobody else reads.

use std::{
    fs::{self, DirBuilder, DirEntry},
    io::{self, Write as _},
    path::Path,
};

use tempfile::NamedTempFile;

use crate::{
    error::{Error, ErrorKind},
    output::manifests::{ManifestFile, README, is_manifest, is_readme},
};

/// Refuses a directory that holds anything but what an earlier run has written there.
pub(super) fn confirm_usable(directory: &Path) -> Result<(), Error> {
    match strangers(directory) {
        Ok(strangers) if strangers.is_empty() => Ok(()),
        Ok(strangers) => {
            let names = strangers.join(", ");
            Err(Error::usage(format!(
                "{} holds what no earlier run has written: {names}",
                directory.display()
            ))
            .hint("name a directory that does not exist yet, is empty, or was written by an earlier run"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed(directory, &error)),
    }
}

/// Writes the files in the place of an earlier run's.
pub(super) fn store(directory: &Path, files: &[ManifestFile]) -> Result<(), Error> {
    confirm_usable(directory)?;
    replace(directory, files).map_err(|error| failed(directory, &error))
}

/// The names of what is not ours. Without a README of ours nothing is.
fn strangers(directory: &Path) -> io::Result<Vec<String>> {
    let entries = fs::read_dir(directory)?.collect::<io::Result<Vec<DirEntry>>>()?;
    let readme = directory.join(README);
    let has_readme = fs::read_to_string(&readme).is_ok_and(|text| is_readme(&text));
    let is_ours = |entry: &DirEntry| {
        let name = entry.file_name();
        let is_named_so = name.to_str().is_some_and(|name| name == README || is_manifest(name));
        has_readme && is_named_so && entry.file_type().is_ok_and(|kind| kind.is_file())
    };
    let others = entries.iter().filter(|entry| !is_ours(entry));
    Ok(others.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
}

/// The README comes first: by it a later run knows the directory as ours, however this one ends.
fn replace(directory: &Path, files: &[ManifestFile]) -> io::Result<()> {
    private_directory(directory)?;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name() != README {
            fs::remove_file(entry.path())?;
        }
    }
    files.iter().try_for_each(|file| place(directory, file))
}

/// In one step, and with the mode 0600, as `tempfile` makes all files.
fn place(directory: &Path, file: &ManifestFile) -> io::Result<()> {
    let mut new = NamedTempFile::new_in(directory)?;
    new.write_all(file.text.as_bytes())?;
    new.persist(directory.join(&file.name))?;
    Ok(())
}

/// Also one that exists. Of another user's, that user could change the files.
fn private_directory(directory: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
        let made = NamedTempFile::new_in(directory)?;
        if made.as_file().metadata()?.uid() != fs::metadata(directory)?.uid() {
            return Err(io::Error::other("it belongs to another user"));
        }
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

fn failed(directory: &Path, error: &io::Error) -> Error {
    let mut failed = Error::new(ErrorKind::Error, format!("{} cannot be written", directory.display()));
    failed.causes.push(error.to_string());
    failed.hint("name another directory with `--manifests-to`")
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::output::manifests::MARK;

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
        store(&directory, &[file(README, MARK), file("01-x.json", "[]")]).unwrap();
        assert_eq!(mode(&directory), 0o700);
        assert_eq!(mode(&directory.join("01-x.json")), 0o600);
        assert_eq!(names(&directory), ["01-x.json", README]);
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
        let files = [file(README, MARK), file("01-x.json", "[]"), file("02-y.yaml", "")];
        store(place.path(), &files).unwrap();
        store(place.path(), &[file(README, MARK), file("01-z.json", "[]")]).unwrap();
        let written = ["01-z.json", README];
        assert_eq!(names(place.path()), written);
        for stranger in ["kustomization.yaml", "notes.json", ".git"] {
            let path = place.path().join(stranger);
            fs::create_dir(&path).unwrap();
            let refused = store(place.path(), &files).unwrap_err();
            assert_eq!(refused.kind, ErrorKind::Usage);
            assert!(refused.message.ends_with(&format!(": {stranger}")), "{}", refused.message);
            assert!(written.iter().all(|name| place.path().join(name).exists()), "nothing was removed");
            fs::remove_dir(&path).unwrap();
        }
        fs::write(place.path().join("mine.json"), "").unwrap();
        assert!(store(place.path(), &files).is_err());
        fs::remove_file(place.path().join("mine.json")).unwrap();
        fs::write(place.path().join(README), "mine").unwrap();
        assert!(store(place.path(), &files).is_err(), "the README is somebody else's");
    }
}
