//! The binaries of a control plane, and where they come from.
//!
//! Looked for in this order: `KUBEBUILDER_ASSETS`, the cache, the official downloads, a build by Go.

mod build;
mod checksum;
mod download;
mod progress;

use std::{
    env,
    ffi::OsString,
    fmt::Write as _,
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use self::{
    build::Build,
    download::Downloads,
    progress::{Progress, Stderr},
};
use crate::Error;

/// The Kubernetes that control planes run; control-planes/go.mod names it too, and a test compares them.
pub(crate) const KUBERNETES: &str = "1.34.3";

/// The etcd under it.
pub(crate) const ETCD: &str = "3.6.4";

const BINARIES: [&str; 3] = ["etcd", "kube-apiserver", "kube-controller-manager"];

/// The binaries of a control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assets {
    /// etcd
    pub etcd: PathBuf,
    /// kube-apiserver
    pub apiserver: PathBuf,
    /// kube-controller-manager
    pub controller_manager: PathBuf,
}

impl Assets {
    /// Brings the binaries, which takes about five minutes when they must be built; says so on stderr.
    ///
    /// Processes that look at the same time wait for the one that brings them.
    ///
    /// # Errors
    /// When they cannot be brought; the text says what was tried, why it failed and what to do.
    pub fn find() -> Result<Self, Error> {
        static FOUND: Mutex<Option<Assets>> = Mutex::new(None);
        let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
        if found.is_none() {
            *found = Some(Sources::from_environment().bring(&mut Stderr::default())?);
        }
        Ok(found.clone().expect("set above"))
    }

    /// The binaries in a folder, or the names of those that are missing.
    fn in_folder(folder: &Path) -> Result<Self, Vec<&'static str>> {
        let missing: Vec<_> = BINARIES.into_iter().filter(|binary| !folder.join(binary).is_file()).collect();
        if !missing.is_empty() {
            return Err(missing);
        }
        let [etcd, apiserver, controller_manager] = BINARIES.map(|binary| folder.join(binary));
        Ok(Self { etcd, apiserver, controller_manager })
    }
}

/// Where binaries may come from.
struct Sources {
    /// `KUBEBUILDER_ASSETS`
    given: Option<PathBuf>,
    /// The folder that keeps what was brought; none where there is no home.
    cache: Option<PathBuf>,
    downloads: Downloads,
    build: Build,
}

impl Sources {
    fn from_environment() -> Self {
        let path = env::var_os("PATH").unwrap_or_default();
        Self {
            given: env::var_os("KUBEBUILDER_ASSETS").filter(|value| !value.is_empty()).map(PathBuf::from),
            cache: user_cache(env::var_os("XDG_CACHE_HOME"), env::var_os("HOME"))
                .map(|cache| cache.join("kubectl-mc/control-planes")),
            downloads: Downloads::official(path.clone()),
            build: Build { path },
        }
    }

    fn bring(&self, progress: &mut dyn Progress) -> Result<Assets, Error> {
        if let Some(folder) = &self.given {
            return Assets::in_folder(folder).map_err(|missing| {
                let (folder, missing) = (folder.display(), missing.join(" and "));
                Error::Assets(format!(
                    "KUBEBUILDER_ASSETS is `{folder}`, which lacks {missing}\n\
                     hint: put all of {} there, or unset it to have them brought",
                    BINARIES.join(", ")
                ))
            });
        }
        let Some(cache) = &self.cache else {
            return Err(unavailable(&["the cache: neither XDG_CACHE_HOME nor HOME is set".to_owned()]));
        };
        let name = format!("{KUBERNETES}-{}", &checksum::of_bytes(build::GO_SUM.as_bytes())[..12]);
        let folder = cache.join(&name);
        if let Ok(assets) = Assets::in_folder(&folder) {
            return Ok(assets);
        }
        fs::create_dir_all(cache).map_err(Error::file("create the folder", cache))?;
        let _lock = lock(&cache.join(format!("{name}.lock")), progress)?;
        if let Ok(assets) = Assets::in_folder(&folder) {
            return Ok(assets); // Another process has brought them meanwhile.
        }
        let work = cache.join(format!("{name}.work"));
        let _ = fs::remove_dir_all(&work); // Of one that was killed at it.
        let filled = self.fill(&work, &folder, progress);
        let _ = fs::remove_dir_all(&work);
        filled?;
        Assets::in_folder(&folder)
            .map_err(|missing| unavailable(&[format!("no {} came", missing.join(", "))]))
    }

    /// Downloads or builds into a folder beside, and renames it once it is complete.
    fn fill(&self, work: &Path, folder: &Path, progress: &mut dyn Progress) -> Result<(), Error> {
        let binaries = work.join("bin");
        let mut reasons = Vec::new();
        if let Err(reason) = self.downloads.fetch(&binaries, progress) {
            reasons.push(format!("download: {reason}"));
            let _ = fs::remove_dir_all(&binaries);
            if let Err(reason) = self.build.run(work, &binaries, progress) {
                reasons.push(format!("build: {reason}"));
                return Err(unavailable(&reasons));
            }
        }
        let _ = fs::remove_dir_all(folder); // What lacks a binary is of no use.
        fs::rename(&binaries, folder).map_err(Error::file("create the folder", folder))
    }
}

/// What was tried, and what to do.
fn unavailable(reasons: &[String]) -> Error {
    let mut text = format!("{} are not to be had", BINARIES.join(", "));
    for reason in reasons {
        let _ = write!(text, "\n  {reason}");
    }
    text.push_str(
        "\nhint: install Go 1.24 or newer (https://go.dev/dl) and run this again: it builds them once\n\
         hint: or set KUBEBUILDER_ASSETS to a folder that holds them: `setup-envtest use -p path` brings etcd and \
         kube-apiserver, and https://dl.k8s.io has kube-controller-manager for Linux",
    );
    Error::Assets(text)
}

/// Holds the lock until the file is dropped; says it when another process has it.
fn lock(path: &Path, progress: &mut dyn Progress) -> Result<File, Error> {
    let file = File::create(path).map_err(Error::file("create", path))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => {
            progress.say("another process is bringing the control planes' binaries; waiting for it");
        }
        Err(TryLockError::Error(error)) => return Err(Error::file("lock", path)(error)),
    }
    file.lock().map_err(Error::file("lock", path))?;
    Ok(file)
}

fn user_cache(xdg: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let place = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
    let xdg = xdg.map(PathBuf::from).filter(|path| path.is_absolute());
    xdg.or_else(|| Some(PathBuf::from(home?).join(place)))
}

#[cfg(test)]
mod tests;
