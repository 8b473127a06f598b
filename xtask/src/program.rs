//! The program for a platform, the same wherever it is built.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    Failure,
    cargo::Cargo,
    dependencies,
    platform::Platform,
    release::{manifest, workspace},
    tools::Tools,
};

/// The wrapper around the compiler that writes the list of dependencies into the program. As a name without a folder:
/// cargo makes it part of the names inside of the program. That is why `cargo auditable`, which gives its own path, does
/// not run the build.
const WRAPPER: &str = "cargo-auditable";

/// What `cargo auditable` would tell the wrapper: with which of these arguments cargo was run.
const WRAPPED: &str = r#"{"offline":false,"locked":true,"frozen":false,"config":[]}"#;

/// The names of what programs for macOS take from its frameworks, which zig does not bring.
const DARWIN: &str = "xtask/darwin";

/// The oldest macOS that the programs for it run on: the first on arm64.
const MACOS: &str = "11.0";

/// Builds the program and says where it lies. Its file has the list of its dependencies in it, no path of this machine,
/// and no time but the one given.
pub fn build(platform: &Platform, time: u64, cargo: &Cargo, tools: &Tools) -> Result<PathBuf, Failure> {
    let target = workspace().join("target");
    let mut zigbuild = cargo.command_of(tools.zigbuild(), &[tools.programs()])?;
    zigbuild
        .env("CARGO_ZIGBUILD_ZIG_COMMAND", tools.zig())
        .env("CARGO_ZIGBUILD_CACHE_DIR", Tools::cache()?)
        .env("ZIG_GLOBAL_CACHE_DIR", Tools::cache()?.join("zig"))
        .env("CARGO_ENCODED_RUSTFLAGS", flags(platform, cargo)?)
        .env("RUSTC_WORKSPACE_WRAPPER", WRAPPER)
        .env("CARGO_AUDITABLE_ORIG_ARGS", WRAPPED)
        .env("MACOSX_DEPLOYMENT_TARGET", MACOS)
        // The linker writes it into programs for Windows.
        .env("SOURCE_DATE_EPOCH", time.to_string())
        .args(["zigbuild", "--locked", "--release", "--target", platform.target])
        // Alone: what others in the workspace ask of a crate is not in the program.
        .args(["--package", "kubectl-mc", "--bin", "kubectl-mc", "--manifest-path"])
        .arg(manifest())
        .arg("--target-dir")
        .arg(&target);
    run(&mut zigbuild)?;
    Ok(target.join(platform.target).join("release").join(platform.executable()))
}

/// The flags of the compiler, parted as cargo wants it.
fn flags(platform: &Platform, cargo: &Cargo) -> Result<String, Failure> {
    let mut hidden = vec![(workspace(), "/kubectl-mc".to_owned())];
    hidden.extend(cargo.hidden()?);
    let crates = dependencies::folders(cargo)?.into_iter();
    hidden.extend(crates.map(|folder| (folder, "/cargo/registry".to_owned())));
    let mut flags: Vec<String> = hidden.iter().map(|(folder, name)| unnamed(folder, name)).collect();
    if platform.os == "darwin" {
        flags.push(format!("-Clink-arg=-F{}", workspace().join(DARWIN).display()));
        // The linker makes the program's identity of everything, and where objects lay is of this machine.
        flags.push("-Clink-arg=-Wl,-S".to_owned());
    }
    Ok(flags.join("\u{1f}"))
}

/// Has the compiler tell another name of a folder. Of two that hold a file, the later one counts.
fn unnamed(folder: &Path, name: &str) -> String {
    format!("--remap-path-prefix={}={name}", folder.display())
}

/// Runs a command to its end, on this terminal.
pub fn run(command: &mut Command) -> Result<(), Failure> {
    let name = command.get_program().display().to_string();
    let status = command.status().map_err(|error| format!("start `{name}`: {error}"))?;
    if status.success() {
        return Ok(());
    }
    let words = command.get_args().take(3).map(|word| word.display().to_string()).collect::<Vec<_>>();
    Err(format!("`{name} {} …` failed: {status}", words.join(" ")).into())
}

/// What a command says.
pub fn output_of(command: &mut Command) -> Result<String, Failure> {
    let name = command.get_program().display().to_string();
    let output = command.output().map_err(|error| format!("start `{name}`: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    Err(format!("`{name}` failed: {}", String::from_utf8_lossy(&output.stderr).trim()).into())
}
