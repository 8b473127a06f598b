//! Cargo as releases are built with it: of one version, and without the user's settings.

use std::{
    env,
    ffi::OsString,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    Failure,
    environment::{self, cargo_home},
    platform::Platform,
    program::{output_of, run},
    read_text,
    release::workspace,
    with_path, write,
};

/// The Rust that compiles what is released.
pub const RUST: &str = "1.95.0";

/// The commit that it was built from: a distribution's compiler of that version is another one.
const COMMIT: &str = "59807616e1fa2540724bfbac14d7976d7e4a3860";

/// What cargo's home holds, and what every build on the machine may share.
const SHARED: [&str; 5] = ["registry", "git", "credentials.toml", ".package-cache", ".package-cache-mutate"];

/// The tables of the user's configuration that say where crates come from, and how.
const TABLES: [&str; 6] = ["credential-alias", "http", "net", "registries", "registry", "source"];

/// Cargo, with the folder of its compiler and a home of its own.
pub struct Cargo {
    sysroot: PathBuf,
    home: PathBuf,
}

impl Cargo {
    /// Brings the compiler, with Rust's standard library for some platforms.
    pub fn bring(platforms: &[Platform]) -> Result<Self, Failure> {
        let targets: Vec<&str> = platforms.iter().map(|platform| platform.target).collect();
        let has_all = |root: &PathBuf| targets.iter().all(|target| library(root, target).is_dir());
        let sysroot = match sysroot() {
            Ok(sysroot) if has_all(&sysroot) => sysroot,
            _ => {
                install(&targets)?;
                sysroot()?
            }
        };
        let version = output_of(environment::command(sysroot.join("bin/rustc")).arg("-vV"))?;
        check_version(&version)?;
        let home = workspace().join("target/release-cargo");
        furnish(&home, &cargo_home()?)?;
        Ok(Self { sysroot, home })
    }

    /// The folder of the compiler.
    pub fn sysroot(&self) -> &Path {
        &self.sysroot
    }

    /// Cargo, where no folder above has a configuration of the user's.
    pub fn command(&self) -> Result<Command, Failure> {
        self.command_of(self.sysroot.join("bin/cargo"), &[])
    }

    /// A program that runs cargo, with folders of what both run.
    pub fn command_of(&self, program: PathBuf, folders: &[PathBuf]) -> Result<Command, Failure> {
        let mut command = environment::command(program);
        command
            .current_dir("/")
            .env("PATH", self.path(folders)?)
            // As rustup does. The compiler's own tool that strips programs for macOS does not start without, which is
            // only a warning.
            .env("LD_LIBRARY_PATH", self.sysroot.join("lib"))
            .env("RUSTUP_TOOLCHAIN", RUST)
            .env("CARGO_HOME", &self.home);
        Ok(command)
    }

    /// The folders whose names the compiler shall not tell, and the names that it tells instead.
    pub fn hidden(&self) -> Result<Vec<(PathBuf, String)>, Failure> {
        let source = self.sysroot.join("lib/rustlib/src/rust");
        Ok(vec![
            (cargo_home()?, "/cargo".to_owned()),
            (self.home.clone(), "/cargo".to_owned()),
            // As the compiler names it itself where the source is not installed.
            (source, format!("/rustc/{COMMIT}")),
        ])
    }

    fn path(&self, folders: &[PathBuf]) -> Result<OsString, Failure> {
        let users = env::var_os("PATH").unwrap_or_default();
        let ours = [self.sysroot.join("bin")].into_iter().chain(folders.iter().cloned());
        Ok(env::join_paths(ours.chain(env::split_paths(&users)))?)
    }
}

fn library(sysroot: &Path, target: &str) -> PathBuf {
    sysroot.join("lib/rustlib").join(target).join("lib")
}

/// Where the compiler lies.
fn sysroot() -> Result<PathBuf, Failure> {
    let mut rustc = environment::command("rustc");
    Ok(output_of(rustc.env("RUSTUP_TOOLCHAIN", RUST).args(["--print", "sysroot"]))?.trim().into())
}

fn install(targets: &[&str]) -> Result<(), Failure> {
    let mut rustup = environment::command("rustup");
    rustup
        .args(["toolchain", "install", RUST, "--profile", "minimal", "--no-self-update"])
        .args(targets.iter().flat_map(|target| ["--target", target]));
    run(&mut rustup).map_err(|error| format!("{error}; {}", needed()).into())
}

fn needed() -> String {
    format!("releases are built with Rust {RUST} of https://rustup.rs")
}

/// Whether `rustc -vV` speaks of the compiler of releases.
fn check_version(said: &str) -> Result<(), Failure> {
    let value = |key: &str| said.lines().find_map(|line| line.strip_prefix(key)).unwrap_or("unknown");
    let (release, commit) = (value("release: "), value("commit-hash: "));
    if (release, commit) == (RUST, COMMIT) {
        return Ok(());
    }
    Err(format!("`rustc` is {release} of commit {commit}; {}", needed()).into())
}

/// Makes a home of cargo's with what another has downloaded, and with its ways to crates, but with no setting of a
/// build.
fn furnish(home: &Path, users: &Path) -> Result<(), Failure> {
    for folder in [home, &users.join("registry"), &users.join("git")] {
        fs::create_dir_all(folder).map_err(with_path("create the folder", folder))?;
    }
    for name in SHARED {
        let link = home.join(name);
        if link.is_symlink() {
            fs::remove_file(&link).map_err(with_path("replace", &link))?;
        }
        symlink(users.join(name), &link).map_err(with_path("link", &link))?;
    }
    let configurations = ["config", "config.toml"].map(|name| users.join(name));
    let configuration = configurations.iter().find(|file| file.is_file());
    let text = configuration.map_or_else(|| Ok(String::new()), |file| read_text(file))?;
    // What the user's cargo has downloaded is the user's to clean.
    let clean = "[cache]\nauto-clean-frequency = \"never\"\n";
    write(&home.join("config.toml"), ways_to_crates(&text) + clean)
}

/// The lines of a configuration that say where crates come from.
fn ways_to_crates(configuration: &str) -> String {
    let mut table = String::new();
    let mut kept = String::new();
    for line in configuration.lines() {
        let trimmed = line.trim_start();
        if trimmed.starts_with('[') {
            trimmed.trim_start_matches('[').clone_into(&mut table);
        }
        let key = if table.is_empty() { trimmed } else { &table };
        let first = key.split(['.', ']', '=']).next().unwrap_or_default().trim_matches([' ', '"', '\'']);
        if TABLES.contains(&first) {
            kept += line;
            kept.push('\n');
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distributions_compiler_is_refused() {
        let ours = format!("rustc {RUST}\ncommit-hash: {COMMIT}\nrelease: {RUST}\n");
        check_version(&ours).unwrap();
        for other in [ours.replace(COMMIT, "unknown"), ours.replace("release: 1.95.0", "release: 1.94.1")] {
            let error = check_version(&other).unwrap_err().to_string();
            assert!(error.contains("https://rustup.rs"), "{error}");
        }
    }

    #[test]
    fn a_mirror_is_kept_and_settings_of_builds_are_not() {
        let configuration = "source.crates-io.replace-with = \"near\"\nbuild.jobs = 1\n\
                             [source.\"near\"]\nregistry = \"sparse+https://near/\"\n\n\
                             [build]\nrustc-wrapper = \"sccache\"\n[profile.release]\nlto = false\n\
                             [ env ]\nCC = \"cc\"\n [net]\nretry = 3\n[[patch]]\na = 1\n[http]\n";
        assert_eq!(
            ways_to_crates(configuration),
            "source.crates-io.replace-with = \"near\"\n[source.\"near\"]\n\
             registry = \"sparse+https://near/\"\n\n [net]\nretry = 3\n[http]\n"
        );
    }

    #[test]
    fn a_home_is_furnished_again() {
        let [home, users] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        fs::write(users.path().join("config.toml"), "[net]\noffline = true\n[env]\nCC = \"cc\"\n").unwrap();
        for _ in 0..2 {
            furnish(home.path(), users.path()).unwrap();
        }
        assert!(home.path().join("registry").is_dir());
        let configuration = fs::read_to_string(home.path().join("config.toml")).unwrap();
        assert!(configuration.starts_with("[net]\noffline = true\n[cache]\n"), "{configuration}");
    }
}
