//! What a release is built with beside Rust, each in one version: another linker makes another program.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::Command,
};

use crate::{Failure, cargo::Cargo, environment::cache, program::run, release::workspace, with_path};

pub use crate::environment::cargo_home;

/// Writes the list of dependencies into the program.
const CARGO_AUDITABLE: &str = "0.7.7";

/// Has zig link the program, and compile what is C in it.
const CARGO_ZIGBUILD: &str = "0.24.0";

/// The compiler of C and the linker, for every platform and with every platform's libc.
const ZIG: &str = "0.17.1";

/// The checksums of the last two.
const WHEELS: &str = "xtask/tools.txt";

/// The tools, in a folder of the user's cache.
pub struct Tools {
    folder: PathBuf,
}

impl Tools {
    /// Brings those that are missing, from crates.io and PyPI.
    pub fn bring(cargo: &Cargo) -> Result<Self, Failure> {
        let versions = format!("auditable-{CARGO_AUDITABLE}-zigbuild-{CARGO_ZIGBUILD}-zig-{ZIG}");
        let tools = Self { folder: cache()?.join("kubectl-mc/release-tools").join(versions) };
        fs::create_dir_all(&tools.folder).map_err(with_path("create the folder", &tools.folder))?;
        // Two builds at a time bring them once.
        let lock = tools.folder.join("lock");
        let lock_file = File::create(&lock).map_err(with_path("write", &lock))?;
        lock_file.lock().map_err(with_path("lock", &lock))?;
        if !tools.folder.join("bin/cargo-auditable").is_file() {
            tools.install_auditable(cargo)?;
        }
        if !tools.wheels().is_dir() {
            tools.install_wheels()?;
        }
        Ok(tools)
    }

    fn install_auditable(&self, cargo: &Cargo) -> Result<(), Failure> {
        let mut install = cargo.command()?;
        install
            .args(["install", "--quiet", "--locked", "cargo-auditable", "--version", CARGO_AUDITABLE])
            .arg("--root")
            .arg(&self.folder);
        run(&mut install)
    }

    fn install_wheels(&self) -> Result<(), Failure> {
        // Under its name only once it is whole.
        let part = self.folder.join("wheels.part");
        if part.exists() {
            fs::remove_dir_all(&part).map_err(with_path("empty the folder", &part))?;
        }
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"])
            .args([
                "--root-user-action=ignore",
                "--only-binary",
                ":all:",
                "--require-hashes",
                "--requirement",
            ])
            .arg(workspace().join(WHEELS))
            .arg("--target")
            .arg(&part);
        run(&mut pip)?;
        fs::rename(&part, self.wheels()).map_err(with_path("rename", &part))
    }

    /// What is run as cargo, so that zig links.
    pub fn zigbuild(&self) -> PathBuf {
        self.wheels().join("bin/cargo-zigbuild")
    }

    /// Where zig stands.
    pub fn zig(&self) -> PathBuf {
        self.wheels().join("ziglang/zig")
    }

    /// The folder of the wrapper around the compiler.
    pub fn programs(&self) -> PathBuf {
        self.folder.join("bin")
    }

    /// Where they keep what they make of the C library and the like.
    pub fn cache() -> Result<PathBuf, Failure> {
        Ok(cache()?.join("kubectl-mc/release-cache"))
    }

    fn wheels(&self) -> PathBuf {
        self.folder.join("wheels")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read_text;

    #[test]
    fn the_checksums_are_those_of_the_versions() {
        let wheels = read_text(&workspace().join(WHEELS)).unwrap();
        let named: Vec<&str> = wheels.lines().filter_map(|line| line.strip_suffix(" \\")).collect();
        let named: Vec<&str> = named.into_iter().filter(|line| line.contains("==")).collect();
        let expected = [format!("cargo-zigbuild=={CARGO_ZIGBUILD}"), format!("ziglang=={ZIG}")];
        assert_eq!(named, expected);
        let sums = wheels.matches("--hash=sha256:").count();
        assert_eq!(sums, 2 * expected.len(), "one for each machine that builds");
    }
}
