//! What the manifest of the workspace says of a release.

use std::{env, path::PathBuf};

use crate::{Failure, platform::Platform};

/// The time of everything in an archive, where `SOURCE_DATE_EPOCH` does not say another: the first that a zip can
/// hold. A commit's time would give every commit other archives, and the manifest of krew, which stands in a commit,
/// could never hold the checksums of its own.
const TIME: u64 = 315_532_800;

/// A version of the program, and where it is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// As tags have it: `v0.1.0`.
    pub version: String,
    /// The address of the repository.
    pub repository: String,
}

impl Release {
    pub fn of_this_source() -> Self {
        Self {
            version: concat!("v", env!("CARGO_PKG_VERSION")).to_owned(),
            repository: env!("CARGO_PKG_REPOSITORY").to_owned(),
        }
    }

    /// The name of everything that is released for a platform, without its ending.
    pub fn stem(&self, platform: &Platform) -> String {
        format!("kubectl-mc_{}_{}_{}", self.version, platform.os, platform.architecture)
    }

    /// The name of a platform's archive.
    pub fn archive(&self, platform: &Platform) -> String {
        format!("{}.{}", self.stem(platform), platform.packing.ending())
    }

    /// Where the archive is downloaded.
    pub fn address(&self, platform: &Platform) -> String {
        format!("{}/releases/download/{}/{}", self.repository, self.version, self.archive(platform))
    }
}

/// The folder of the workspace: the one that cargo runs this in, else the one that this was built in.
pub fn workspace() -> PathBuf {
    let xtask = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let xtask = PathBuf::from(xtask);
    xtask.parent().unwrap_or(&xtask).to_owned()
}

/// The manifest of the workspace, and of the program.
pub fn manifest() -> PathBuf {
    workspace().join("Cargo.toml")
}

/// The time of everything in an archive, in seconds since 1970.
pub fn time(source_date_epoch: Option<&str>) -> Result<u64, Failure> {
    let Some(text) = source_date_epoch.filter(|text| !text.is_empty()) else { return Ok(TIME) };
    let seconds = text.parse::<u64>().ok().filter(|seconds| *seconds >= TIME);
    seconds.ok_or_else(|| format!("SOURCE_DATE_EPOCH is `{text}`, not seconds from 1980 on").into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::PLATFORMS;

    #[test]
    fn archives_are_named_as_krews_users_know_it() {
        let release = Release { version: "v1.2.3".into(), repository: "https://example.org/mc".into() };
        let names = PLATFORMS.iter().map(|platform| release.archive(platform));
        assert_eq!(
            names.collect::<Vec<_>>(),
            [
                "kubectl-mc_v1.2.3_linux_amd64.tar.gz",
                "kubectl-mc_v1.2.3_linux_arm64.tar.gz",
                "kubectl-mc_v1.2.3_darwin_amd64.tar.gz",
                "kubectl-mc_v1.2.3_darwin_arm64.tar.gz",
                "kubectl-mc_v1.2.3_windows_amd64.zip",
            ]
        );
        assert_eq!(
            release.address(&PLATFORMS[0]),
            "https://example.org/mc/releases/download/v1.2.3/kubectl-mc_v1.2.3_linux_amd64.tar.gz"
        );
    }

    #[test]
    fn the_time_does_not_depend_on_the_clock() {
        assert_eq!(time(None).unwrap(), TIME);
        assert_eq!(time(Some("")).unwrap(), TIME);
        assert_eq!(time(Some("1700000000")).unwrap(), 1_700_000_000);
        assert!(time(Some("yesterday")).unwrap_err().to_string().contains("`yesterday`"));
        assert!(time(Some("0")).is_err(), "a zip cannot hold it");
    }
}
