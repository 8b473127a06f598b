//! What a build knows of the user's: where things are, and how the network is reached. Everything else that is set
//! for the user's other projects would make another program of the same source.

use std::{env, ffi::OsString, path::PathBuf, process::Command};

use crate::Failure;

/// The variables that are passed on.
const NAMES: [&str; 12] = [
    "ALL_PROXY",
    "CARGO_BUILD_JOBS",
    "CURL_CA_BUNDLE",
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "PATH",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TERM",
    "TMPDIR",
];

/// The starts of those that are passed on too. Cargo's say where crates come from, never what is made of them.
const STARTS: [&str; 5] = ["CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTRIES_", "CARGO_REGISTRY_", "RUSTUP_"];

/// A command that knows nothing else.
pub fn command(program: impl Into<OsString>) -> Command {
    let mut command = Command::new(program.into());
    command.env_clear().envs(env::vars_os().filter(|(name, _)| is_passed(&name.to_string_lossy())));
    command
}

fn is_passed(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    // Proxies are written in either case.
    NAMES.iter().any(|known| name == *known || (upper == *known && upper.ends_with("_PROXY")))
        || STARTS.iter().any(|start| name.starts_with(start))
}

/// Where cargo keeps what it downloads; its path stands in every message of a dependency that panics.
pub fn cargo_home() -> Result<PathBuf, Failure> {
    absolute("CARGO_HOME").map_or_else(|| Ok(home()?.join(".cargo")), Ok)
}

/// Where programs keep what they can make again.
pub fn cache() -> Result<PathBuf, Failure> {
    absolute("XDG_CACHE_HOME").map_or_else(|| Ok(home()?.join(".cache")), Ok)
}

fn home() -> Result<PathBuf, Failure> {
    absolute("HOME").ok_or_else(|| "HOME is not set".into())
}

fn absolute(name: &str) -> Option<PathBuf> {
    env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_other_projects_do_not_reach_the_compiler() {
        for name in [
            "RUSTFLAGS",
            "CARGO",
            "CARGO_PROFILE_RELEASE_LTO",
            "CARGO_ZIGBUILD_ZIG_PATH",
            "CC_x86_64_unknown_linux_musl",
            "RUSTC_WRAPPER",
            "SDKROOT",
            "CPATH",
            "ZIG_LIB_DIR",
            "home",
        ] {
            assert!(!is_passed(name), "{name}");
        }
    }

    #[test]
    fn the_way_to_the_network_is_known() {
        for name in
            ["PATH", "HOME", "RUSTUP_HOME", "HTTPS_PROXY", "https_proxy", "no_proxy", "CARGO_HTTP_CAINFO"]
        {
            assert!(is_passed(name), "{name}");
        }
    }
}
