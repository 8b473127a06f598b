//! The binaries of control planes and nodes, and where they come from.
//!
//! Looked for in this order: `KUBEBUILDER_ASSETS`, the cache, the official downloads, a build by Go.

mod build;
mod bundle;
pub(crate) mod checksum;
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
    bundle::{APISERVER_1_27, Bundle, CONTROL_PLANES, KREW, KUBECTL, KUBELET},
    download::Downloads,
    progress::{Progress, Stderr},
};
use crate::Error;

/// A Kubernetes whose apiserver a control plane runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kubernetes {
    /// What control planes and nodes run.
    #[default]
    V1_34,
    /// What hosts of KubeSphere 3.4 run that are as old as it is: its webhooks know no `matchConditions`.
    V1_27,
}

impl Kubernetes {
    /// The release; the go.mod of its binaries names it too, and a test compares them.
    pub fn release(self) -> &'static str {
        match self {
            Self::V1_34 => "1.34.3",
            Self::V1_27 => "1.27.4",
        }
    }
}

/// The etcd under it.
pub(crate) const ETCD: &str = "3.6.4";

/// The binaries of a control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assets {
    /// Of which Kubernetes the apiserver is.
    pub kubernetes: Kubernetes,
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
            *found = Some(Sources::from_environment().control_planes(&mut Stderr::default())?);
        }
        Ok(found.clone().expect("set above"))
    }

    /// As [`Self::find`], with the apiserver of this Kubernetes: one of 1.27 takes about four minutes more when it must be
    /// built. Etcd and kube-controller-manager are the same for all.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub fn find_for(kubernetes: Kubernetes) -> Result<Self, Error> {
        static FOUND: Mutex<Option<PathBuf>> = Mutex::new(None);
        let assets = Self::find()?;
        if kubernetes == assets.kubernetes {
            return Ok(assets);
        }
        let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
        if found.is_none() {
            *found = Some(Sources::from_environment().old_apiserver(&mut Stderr::default())?);
        }
        Ok(Self { kubernetes, apiserver: found.clone().expect("set above"), ..assets })
    }

    fn in_folder(folder: &Path) -> Self {
        let [etcd, apiserver, controller_manager] =
            ["etcd", "kube-apiserver", "kube-controller-manager"].map(|binary| folder.join(binary));
        Self { kubernetes: Kubernetes::V1_34, etcd, apiserver, controller_manager }
    }
}

/// Brings the kubelet as [`Assets::find`] brings control planes, except that `KUBEBUILDER_ASSETS`, where nobody puts
/// one, need not hold it.
///
/// # Errors
/// When it cannot be brought; the text says what was tried, why it failed and what to do.
pub fn kubelet() -> Result<PathBuf, Error> {
    static FOUND: Mutex<Option<PathBuf>> = Mutex::new(None);
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    if found.is_none() {
        *found = Some(Sources::from_environment().apart(&KUBELET, &mut Stderr::default())?.join("kubelet"));
    }
    Ok(found.clone().expect("set above"))
}

/// Brings kubectl as [`kubelet`] brings the kubelet.
///
/// # Errors
/// When it cannot be brought; the text says what was tried, why it failed and what to do.
pub fn kubectl() -> Result<PathBuf, Error> {
    static FOUND: Mutex<Option<PathBuf>> = Mutex::new(None);
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    if found.is_none() {
        *found = Some(Sources::from_environment().apart(&KUBECTL, &mut Stderr::default())?.join("kubectl"));
    }
    Ok(found.clone().expect("set above"))
}

/// Brings krew and validate-krew-manifest into one folder, as [`kubelet`] brings the kubelet.
///
/// # Errors
/// When they cannot be brought; the text says what was tried, why it failed and what to do.
pub fn krew() -> Result<PathBuf, Error> {
    static FOUND: Mutex<Option<PathBuf>> = Mutex::new(None);
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    if found.is_none() {
        *found = Some(Sources::from_environment().apart(&KREW, &mut Stderr::default())?);
    }
    Ok(found.clone().expect("set above"))
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
                .map(|cache| cache.join("kubectl-mc")),
            downloads: Downloads::official(path.clone()),
            build: Build { path },
        }
    }

    fn control_planes(&self, progress: &mut dyn Progress) -> Result<Assets, Error> {
        let Some(folder) = &self.given else {
            return self.bring(&CONTROL_PLANES, progress).map(|folder| Assets::in_folder(&folder));
        };
        let missing = CONTROL_PLANES.missing_in(folder);
        if missing.is_empty() {
            return Ok(Assets::in_folder(folder));
        }
        let (folder, missing) = (folder.display(), missing.join(" and "));
        Err(Error::Assets(format!(
            "KUBEBUILDER_ASSETS is `{folder}`, which lacks {missing}\n\
             hint: put all of {} there, or unset it to have them brought",
            CONTROL_PLANES.binaries.join(", ")
        )))
    }

    fn old_apiserver(&self, progress: &mut dyn Progress) -> Result<PathBuf, Error> {
        Ok(self.bring(&APISERVER_1_27, progress)?.join("kube-apiserver"))
    }

    /// The folder of what `KUBEBUILDER_ASSETS` may hold and need not.
    fn apart(&self, bundle: &Bundle, progress: &mut dyn Progress) -> Result<PathBuf, Error> {
        let given = self.given.clone().filter(|folder| bundle.is_in(folder));
        given.map_or_else(|| self.bring(bundle, progress), Ok)
    }

    /// The folder that holds a bundle, from the cache or brought now.
    fn bring(&self, bundle: &Bundle, progress: &mut dyn Progress) -> Result<PathBuf, Error> {
        let Some(cache) = &self.cache else {
            let reason = "the cache: neither XDG_CACHE_HOME nor HOME is set".to_owned();
            return Err(unavailable(bundle, &[reason]));
        };
        let folder = bundle.folder_in(cache);
        if bundle.is_in(&folder) {
            return Ok(folder);
        }
        let beside = folder.parent().expect("a bundle's folder lies below the cache");
        fs::create_dir_all(beside).map_err(Error::file("create the folder", beside))?;
        let _lock = lock(&with_ending(&folder, ".lock"), bundle, progress)?;
        if bundle.is_in(&folder) {
            return Ok(folder); // Another process has brought it meanwhile.
        }
        let work = with_ending(&folder, ".work");
        let _ = fs::remove_dir_all(&work); // Of one that was killed at it.
        let filled = self.fill(bundle, &work, &folder, progress);
        let _ = fs::remove_dir_all(&work);
        filled?;
        match bundle.missing_in(&folder).as_slice() {
            [] => Ok(folder),
            missing => Err(unavailable(bundle, &[format!("no {} came", missing.join(", "))])),
        }
    }

    /// Downloads or builds into a folder beside, and renames it once it is complete.
    fn fill(
        &self,
        bundle: &Bundle,
        work: &Path,
        folder: &Path,
        progress: &mut dyn Progress,
    ) -> Result<(), Error> {
        let binaries = work.join("bin");
        let mut reasons = Vec::new();
        if let Err(reason) = self.downloads.fetch(bundle, &binaries, progress) {
            reasons.push(format!("download: {reason}"));
            let _ = fs::remove_dir_all(&binaries);
            if let Err(reason) = self.build.run(bundle, work, &binaries, progress) {
                reasons.push(format!("build: {reason}"));
                return Err(unavailable(bundle, &reasons));
            }
        }
        let _ = fs::remove_dir_all(folder); // What lacks a binary is of no use.
        fs::rename(&binaries, folder).map_err(Error::file("create the folder", folder))
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

/// What was tried, and what to do.
fn unavailable(bundle: &Bundle, reasons: &[String]) -> Error {
    let mut text = format!("not to be had: {}", bundle.binaries.join(", "));
    for reason in reasons {
        let _ = write!(text, "\n  {reason}");
    }
    let _ = write!(
        text,
        "\nhint: install Go 1.24 or newer (https://go.dev/dl) and run this again: it builds what is missing once\n\
         hint: {}",
        bundle.elsewhere
    );
    Error::Assets(text)
}

/// Holds the lock until the file is dropped; says it when another process has it.
fn lock(path: &Path, bundle: &Bundle, progress: &mut dyn Progress) -> Result<File, Error> {
    let file = File::create(path).map_err(Error::file("create", path))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => {
            progress.say(&format!("another process is bringing {}; waiting for it", bundle.what));
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
