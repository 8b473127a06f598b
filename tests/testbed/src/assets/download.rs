//! Binaries as Kubernetes and etcd publish them, each checked against its published sum.

use std::{
    env::consts,
    ffi::OsString,
    fs,
    io::ErrorKind,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use super::{ETCD, Progress, bundle::Bundle, checksum};

/// Where nothing answers within this time, a build is the quicker way.
const CONNECT_SECONDS: &str = "4";

/// A hundred megabytes on a slow line.
const TRANSFER_SECONDS: &str = "600";

/// The official downloads, fetched by `curl`: it knows the machine's proxies and certificates, and every macOS and
/// nearly every Linux has it.
pub(super) struct Downloads {
    kubernetes: String,
    etcd: String,
    path: OsString,
    /// As in Rust: linux, macos.
    system: &'static str,
}

impl Downloads {
    /// From where the projects publish; `path` is the `PATH` on which `curl` and `tar` stand.
    pub(super) fn official(path: OsString) -> Self {
        Self {
            kubernetes: "https://dl.k8s.io/release".to_owned(),
            etcd: "https://github.com/etcd-io/etcd/releases/download".to_owned(),
            path,
            system: consts::OS,
        }
    }

    /// From a mirror, for tests.
    #[cfg(test)]
    pub(super) fn from_mirror(mirror: &str, path: OsString) -> Self {
        Self { kubernetes: mirror.to_owned(), etcd: mirror.to_owned(), path, system: "linux" }
    }

    /// Fetches all binaries of a bundle into a folder; the error is a reason for a person.
    pub(super) fn fetch(
        &self,
        bundle: &Bundle,
        binaries: &Path,
        progress: &mut dyn Progress,
    ) -> Result<(), String> {
        if self.system != "linux" {
            return Err(format!(
                "Kubernetes publishes no {} for {}",
                bundle.binaries.join(", "),
                self.system
            ));
        }
        if !bundle.published {
            return Err(format!("there is none for all of {}", bundle.binaries.join(", ")));
        }
        fs::create_dir_all(binaries).map_err(|error| format!("create a folder: {error}"))?;
        let architecture = architecture()?;
        let release = bundle.kubernetes.release();
        for binary in bundle.binaries.iter().filter(|binary| **binary != "etcd") {
            let url = format!("{}/v{release}/bin/linux/{architecture}/{binary}", self.kubernetes);
            let sum = self.text(&format!("{url}.sha256"))?;
            progress.say(&format!("downloading {url}"));
            self.file(&url, &sum, &binaries.join(binary))?;
        }
        if bundle.has("etcd") {
            self.fetch_etcd(architecture, binaries, progress)?;
        }
        for binary in bundle.binaries {
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(binaries.join(binary), mode).map_err(|error| format!("{binary}: {error}"))?;
        }
        Ok(())
    }

    fn fetch_etcd(&self, architecture: &str, into: &Path, progress: &mut dyn Progress) -> Result<(), String> {
        let name = format!("etcd-v{ETCD}-linux-{architecture}");
        let release = format!("{}/v{ETCD}", self.etcd);
        let sums = self.text(&format!("{release}/SHA256SUMS"))?;
        let archive = into.join("etcd.tar.gz");
        progress.say(&format!("downloading {release}/{name}.tar.gz"));
        let sum =
            sum_of(&sums, &format!("{name}.tar.gz")).ok_or("SHA256SUMS does not name etcd's archive")?;
        self.file(&format!("{release}/{name}.tar.gz"), sum, &archive)?;
        let mut unpack = self.command("tar");
        unpack
            .arg("-xzf")
            .arg(&archive)
            .arg("-C")
            .arg(into)
            .args(["--strip-components=1", &format!("{name}/etcd")]);
        run(unpack)?;
        fs::remove_file(&archive).map_err(|error| format!("remove etcd's archive: {error}"))
    }

    fn file(&self, url: &str, sum: &str, to: &Path) -> Result<(), String> {
        let mut curl = self.curl(url);
        curl.arg("--output").arg(to);
        run(curl)?;
        let found = checksum::of_file(to).map_err(|error| format!("read what was downloaded: {error}"))?;
        if found == sum.trim() {
            Ok(())
        } else {
            Err(format!("{url}: its SHA-256 is {found}, not {}", sum.trim()))
        }
    }

    fn text(&self, url: &str) -> Result<String, String> {
        let output = run(self.curl(url))?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn curl(&self, url: &str) -> Command {
        let mut command = self.command("curl");
        command.args(["--fail", "--silent", "--show-error", "--location"]);
        command.args(["--connect-timeout", CONNECT_SECONDS, "--max-time", TRANSFER_SECONDS, url]);
        command
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("PATH", &self.path).stdin(Stdio::null());
        command
    }
}

fn run(mut command: Command) -> Result<Output, String> {
    let program = command.get_program().display().to_string();
    let output = command.output().map_err(|error| match error.kind() {
        ErrorKind::NotFound => format!("`{program}` is not installed"),
        _ => format!("start `{program}`: {error}"),
    })?;
    if output.status.success() {
        return Ok(output);
    }
    Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

/// As Go names it.
fn architecture() -> Result<&'static str, String> {
    match consts::ARCH {
        "x86_64" => Ok("amd64"),
        "aarch64" => Ok("arm64"),
        other => Err(format!("no official binaries for {other}")),
    }
}

fn sum_of<'a>(sums: &'a str, file: &str) -> Option<&'a str> {
    sums.lines().find_map(|line| line.split_once("  ").filter(|(_, name)| *name == file).map(|(sum, _)| sum))
}
