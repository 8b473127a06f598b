//! The cgroups of a node: everything that its kubelet and containers make lies below one of its own.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process,
    time::{Duration, Instant},
};

use crate::Error;

const MOUNT: &str = "/sys/fs/cgroup";

/// Of what belongs to this program, before the id of the process that made it.
const PREFIX: &str = "kubectl-mc-";

/// Controllers of cgroup v2 that a kubelet wants; not every kernel has all.
const CONTROLLERS: [&str; 5] = ["+cpu", "+cpuset", "+memory", "+pids", "+hugetlb"];

/// How long the kernel may take to let go of a cgroup whose processes have ended.
const EMPTY_WITHIN: Duration = Duration::from_secs(2);

/// A cgroup in every hierarchy; dropped, it is removed with all below it.
pub(super) struct Cgroups {
    name: String,
}

impl Cgroups {
    /// Makes it.
    pub(super) fn create(of: &str) -> Result<Self, Error> {
        let name = format!("{PREFIX}{}-{of}", process::id());
        for controller in CONTROLLERS {
            let _ = fs::write(Path::new(MOUNT).join("cgroup.subtree_control"), controller); // On v2 only.
        }
        let cgroups = Self { name };
        for folder in cgroups.folders() {
            fs::create_dir_all(&folder).map_err(Error::file("create the cgroup", &folder))?;
        }
        Ok(cgroups)
    }

    /// Its path in each hierarchy.
    pub(super) fn path(&self) -> String {
        format!("/{}", self.name)
    }

    fn folders(&self) -> Vec<PathBuf> {
        hierarchies().iter().map(|hierarchy| hierarchy.join(&self.name)).collect()
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        let begun = Instant::now();
        while self.folders().iter().any(|folder| remove(folder).is_err()) && begun.elapsed() < EMPTY_WITHIN {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Removes what processes left that were killed before they could.
pub(super) fn sweep() {
    for hierarchy in hierarchies() {
        for entry in fs::read_dir(hierarchy).into_iter().flatten().flatten() {
            if entry.file_name().to_str().and_then(owner).is_some_and(|owner| !runs(owner)) {
                let _ = remove(&entry.path());
            }
        }
    }
}

/// The process that a cgroup of this name belongs to, if it is one of ours.
fn owner(name: &str) -> Option<u32> {
    name.strip_prefix(PREFIX)?.split_once('-')?.0.parse().ok()
}

fn runs(process: u32) -> bool {
    Path::new("/proc").join(process.to_string()).exists()
}

/// Where cgroups are made: one place with cgroup v2, one for each controller with v1.
fn hierarchies() -> Vec<PathBuf> {
    let is_hierarchy = |folder: &Path| folder.join("cgroup.procs").exists();
    if is_hierarchy(Path::new(MOUNT)) {
        return vec![MOUNT.into()];
    }
    let entries = fs::read_dir(MOUNT).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.map(|entry| entry.path()).filter(|folder| is_hierarchy(folder)).collect()
}

/// Removes a cgroup and those below it; its files go with it and cannot be removed alone.
fn remove(folder: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries.flatten() {
        if entry.file_type()?.is_dir() {
            remove(&entry.path())?;
        }
    }
    fs::remove_dir(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ours_have_an_owner() {
        assert_eq!(owner("kubectl-mc-12-node-a"), Some(12));
        assert_eq!(owner("kubectl-mc-node-a"), None);
        assert_eq!(owner("user-12-x"), None);
    }
}
