//! The platforms that are released.

use std::env::consts;

/// A platform of krew's, and the target of Rust's that it is built as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Platform {
    /// As Go names it.
    pub os: &'static str,
    /// As Go names it.
    pub architecture: &'static str,
    /// As Rust names it.
    pub target: &'static str,
    /// How its archive is packed.
    pub packing: Packing,
}

/// How an archive is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// A tar, compressed by gzip.
    TarGz,
    Zip,
}

/// What users of krew have. On Linux without a libc of the machine's; all of them built on Linux, by one compiler and
/// one linker, so that one machine can make all archives of a release again.
pub const PLATFORMS: [Platform; 5] = [
    Platform::tar("linux", "amd64", "x86_64-unknown-linux-musl"),
    Platform::tar("linux", "arm64", "aarch64-unknown-linux-musl"),
    Platform::tar("darwin", "amd64", "x86_64-apple-darwin"),
    Platform::tar("darwin", "arm64", "aarch64-apple-darwin"),
    Platform { os: "windows", architecture: "amd64", target: "x86_64-pc-windows-gnu", packing: Packing::Zip },
];

impl Platform {
    const fn tar(os: &'static str, architecture: &'static str, target: &'static str) -> Self {
        Self { os, architecture, target, packing: Packing::TarGz }
    }

    pub fn of_target(target: &str) -> Option<Self> {
        PLATFORMS.into_iter().find(|platform| platform.target == target)
    }

    pub fn of_this_machine() -> Option<Self> {
        let os = if consts::OS == "macos" { "darwin" } else { consts::OS };
        let architecture = match consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        PLATFORMS.into_iter().find(|platform| platform.os == os && platform.architecture == architecture)
    }

    /// The file of the program.
    pub fn executable(&self) -> &'static str {
        if self.os == "windows" { "kubectl-mc.exe" } else { "kubectl-mc" }
    }
}

impl Packing {
    /// The ending of an archive's name.
    pub fn ending(self) -> &'static str {
        match self {
            Self::TarGz => "tar.gz",
            Self::Zip => "zip",
        }
    }
}
