//! Modes and owners, where the system has them.

use std::{
    fs::{File, Metadata},
    io,
    path::Path,
};

use super::store::Readers;

/// Whether everybody may read the file.
#[cfg(unix)]
pub(super) fn everybody_reads(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    metadata.mode() & 0o004 != 0
}

/// Whether anybody but its owner has a right to the file.
#[cfg(unix)]
pub(super) fn others_have_rights(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    metadata.mode() & 0o077 != 0
}

/// Whether both give the same rights to the same people.
#[cfg(unix)]
pub(super) fn are_same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let rights = |metadata: &Metadata| (metadata.mode(), metadata.uid(), metadata.gid());
    rights(one) == rights(other)
}

/// Whether nobody may write it; root could all the same. Elsewhere the mark means nothing on folders.
pub(super) fn nobody_writes(metadata: &Metadata) -> bool {
    (cfg!(unix) || metadata.is_file()) && metadata.permissions().readonly()
}

/// Whether the file has names besides the one that it was found by.
#[cfg(unix)]
pub(super) fn has_other_names(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    metadata.nlink() > 1
}

/// Gives a new file the mode of an old one.
#[cfg(unix)]
pub(super) fn copy_mode(new: &File, old: &Metadata, readers: Readers) -> io::Result<()> {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt as _};
    let kept = match readers {
        Readers::Unchanged => 0o7777,
        Readers::Owner => 0o700,
    };
    new.set_permissions(Permissions::from_mode(old.permissions().mode() & kept))
}

/// Gives a new file to the owner and the group of an old one, unless it is theirs.
#[cfg(unix)]
pub(super) fn give_to_owner(new: &File, old: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    let now = new.metadata()?;
    let owner = (now.uid() != old.uid()).then(|| old.uid());
    let group = (now.gid() != old.gid()).then(|| old.gid());
    if owner.is_none() && group.is_none() { Ok(()) } else { fchown(new, owner, group) }
}

/// Puts a rename on the disk, where the system lets us: it has happened in any case.
#[cfg(unix)]
pub(super) fn sync_folder(folder: &Path) {
    File::open(folder).and_then(|folder| folder.sync_all()).ok();
}

/// There are no such bits; a file inherits its folder's list of readers.
#[cfg(not(unix))]
pub(super) fn everybody_reads(_: &Metadata) -> bool {
    false
}

/// There are no such bits.
#[cfg(not(unix))]
pub(super) fn others_have_rights(_: &Metadata) -> bool {
    false
}

/// There are no such bits.
#[cfg(not(unix))]
pub(super) fn are_same(_: &Metadata, _: &Metadata) -> bool {
    true
}

/// They cannot be counted.
#[cfg(not(unix))]
pub(super) fn has_other_names(_: &Metadata) -> bool {
    false
}

/// There are no such bits.
#[cfg(not(unix))]
pub(super) fn copy_mode(_: &File, _: &Metadata, _: Readers) -> io::Result<()> {
    Ok(())
}

/// A file belongs to who makes it.
#[cfg(not(unix))]
pub(super) fn give_to_owner(_: &File, _: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Folders cannot be synced.
#[cfg(not(unix))]
pub(super) fn sync_folder(_: &Path) {}
