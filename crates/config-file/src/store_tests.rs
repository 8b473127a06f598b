//! Files on a disk, as their owners and readers find them.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink},
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::{NewFile, Readers, StoreError, read};

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
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
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
fn a_file_that_gets_a_secret_is_its_owners_alone() {
    for (bits, left) in [
        (0o644, 0o600),
        (0o666, 0o600),
        (0o646, 0o600),
        (0o660, 0o600),
        (0o640, 0o600),
        (0o600, 0o600),
        (0o777, 0o700),
        (0o200, 0o200),
        (0o6755, 0o700),
    ] {
        let (_folder, path) = file(bits);
        let stored = read(&path).unwrap();
        assert_eq!(stored.is_shared(), bits & 0o077 != 0, "{bits:o}");
        stored.back_up(Readers::Owner).unwrap();
        stored.replace("new", Readers::Owner).unwrap();
        assert_eq!([mode(&path), mode(&stored.backup_path())], [left; 2], "{bits:o}");
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
fn a_file_with_another_name_is_refused() {
    let (folder, path) = file(0o644);
    fs::hard_link(path, folder.path().join("other name.yaml")).unwrap();
    let error = read(&folder.path().join("other name.yaml")).unwrap().confirm_writable().unwrap_err();
    assert!(matches!(error, StoreError::Linked(_)), "{error}");
    let quoted = format!("'{}/other name.yaml'", fs::canonicalize(folder.path()).unwrap().display());
    assert!(error.hint().ends_with(&format!(" {quoted}`")), "{}", error.hint());
}

#[test]
fn a_folder_in_the_backups_place_is_named() {
    let (folder, path) = file(0o644);
    fs::create_dir(folder.path().join("c.yaml.bak")).unwrap();
    let error = read(&path).unwrap().back_up(Readers::Unchanged).unwrap_err();
    assert!(error.to_string().ends_with("c.yaml.bak is a directory, so the old file cannot be kept there"));
    assert_eq!(names(&folder), ["c.yaml", "c.yaml.bak"]);
}

#[test]
fn what_was_read_is_not_debugged() {
    let (_folder, path) = file(0o644);
    assert!(format!("{:?}", read(&path).unwrap()).ends_with("c.yaml (3 bytes)"));
}

#[test]
fn what_somebody_else_changed_is_not_overwritten() {
    let (_folder, path) = file(0o644);
    let stored = read(&path).unwrap();
    fs::write(&path, "theirs").unwrap();
    assert!(matches!(stored.replace("new", Readers::Unchanged), Err(StoreError::Changed(_))));
    assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
}

/// At the last moment: the new file is written already.
#[test]
fn a_change_that_comes_while_the_new_file_is_written_is_not_overwritten() {
    let (folder, path) = file(0o644);
    let stored = read(&path).unwrap();
    let times = fs::metadata(&path).unwrap().modified().unwrap();
    let changes: [&dyn Fn(); 4] = [
        // Of the same length and, as far as can be seen, at the same time.
        &|| {
            fs::write(&path, "OLD").unwrap();
            fs::File::options().write(true).open(&path).unwrap().set_modified(times).unwrap();
        },
        &|| {
            fs::write(folder.path().join("theirs"), "theirs").unwrap();
            fs::rename(folder.path().join("theirs"), &path).unwrap();
        },
        &|| fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap(),
        &|| fs::remove_file(&path).unwrap(),
    ];
    for change in changes {
        let new = stored.written(&path, b"new", Readers::Unchanged).unwrap();
        stored.confirm_unchanged().unwrap();
        change();
        assert!(matches!(stored.confirm_unchanged(), Err(StoreError::Changed(_))));
        drop(new);
        let written = matches!(stored.replace("new", Readers::Unchanged), Ok(()));
        assert!(!written && fs::read_to_string(&path).unwrap_or_default() != "new");
        assert!(names(&folder).iter().all(|name| name == "c.yaml"));
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    }
}

#[test]
fn what_a_killed_run_left_is_swept_and_what_somebody_writes_is_not() {
    let (folder, path) = file(0o644);
    let stored = read(&path).unwrap();
    let under_way = stored.written(&path, b"new", Readers::Unchanged).unwrap();
    let [ours] = &names(&folder)[..1] else { panic!() };
    for (name, is_ours) in [(".kubectl-mc-Ab12Cd", true), (".kubectl-other", false)] {
        fs::write(folder.path().join(name), "left").unwrap();
        stored.sweep();
        assert_eq!(folder.path().join(name).exists(), !is_ours, "{name}");
    }
    symlink("c.yaml", folder.path().join(".kubectl-mc-link")).unwrap();
    stored.sweep();
    assert!(path.exists() && folder.path().join(ours).exists());
    under_way.replace(&path).unwrap();
    assert_eq!(names(&folder), [".kubectl-mc-link", ".kubectl-other", "c.yaml"]);
}

/// Not before it is whole.
#[cfg(target_os = "linux")]
#[test]
fn a_new_file_has_no_name_while_it_is_written() {
    let (folder, _path) = file(0o644);
    let new = NewFile::in_folder(folder.path()).unwrap();
    new.file().set_len(5).unwrap();
    assert_eq!(names(&folder), ["c.yaml"]);
    let named = new.named(folder.path()).unwrap();
    assert_eq!(names(&folder).len(), 2);
    drop(named);
    assert_eq!(names(&folder), ["c.yaml"]);
}

#[test]
fn what_is_no_file_is_refused() {
    let (folder, path) = file(0o644);
    assert!(matches!(read(folder.path()), Err(StoreError::Directory(_))));
    assert!(matches!(read(Path::new("/dev/null")), Err(StoreError::NotAFile(_))));
    assert!(matches!(read(&folder.path().join("none")), Err(StoreError::Missing(_))));
    assert!(matches!(read(&path.join("none")), Err(StoreError::Missing(_))));
    fs::File::create(&path).unwrap().set_len(super::LONGEST as u64 + 1).unwrap();
    assert!(matches!(read(&path), Err(StoreError::TooLong(_))));
}
