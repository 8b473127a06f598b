//! Binaries built by Go from its module proxy.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use super::{Progress, bundle::Bundle};
use crate::process::{Process, Program};

/// etcd's module builds a program of this name.
const ETCD_AS_BUILT: &str = "server";

/// A build by the `go` that stands on this path.
pub(super) struct Build {
    /// `PATH`
    pub(super) path: OsString,
}

impl Build {
    /// Builds into `binaries`, with sources and log in `work`; the error is a reason for a person.
    pub(super) fn run(
        &self,
        bundle: &Bundle,
        work: &Path,
        binaries: &Path,
        progress: &mut dyn Progress,
    ) -> Result<(), String> {
        let go = env::split_paths(&self.path).map(|folder| folder.join("go")).find(|go| go.is_file());
        let go = go.ok_or("Go is not installed")?;
        let module = work.join("module");
        write_module(bundle, &module, binaries).map_err(|error| format!("prepare the module: {error}"))?;
        progress.say(&format!(
            "building {} (Kubernetes {}) with Go: {} on two idle cores, once for this user",
            bundle.what,
            bundle.kubernetes.release(),
            bundle.takes
        ));
        let begun = Instant::now();
        let program = self.program(bundle, go, &module, binaries, work.join("build.log"));
        let build = Process::start(&program).map_err(|error| error.to_string())?;
        while build.is_running() {
            progress.still("building", begun);
            thread::sleep(Duration::from_millis(200));
        }
        judge(&build)?;
        progress.say(&format!("built in {} s", begun.elapsed().as_secs()));
        if bundle.has("etcd") {
            fs::rename(binaries.join(ETCD_AS_BUILT), binaries.join("etcd"))
                .map_err(|error| format!("rename etcd: {error}"))?;
        }
        Ok(())
    }

    /// A build ends with who wants it: another process that then takes its turn must not meet it in its folder.
    fn program(&self, bundle: &Bundle, go: PathBuf, module: &Path, binaries: &Path, log: PathBuf) -> Program {
        let release = bundle.kubernetes.release();
        let (major, minor) = release.split_once('.').expect("a version has a minor");
        let minor = minor.split('.').next().unwrap_or(minor);
        // The second one is what an apiserver of 1.27 tells at /version.
        let flags = ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"].map(|package| {
            let version = format!("-X {package}");
            format!(
                "{version}.gitVersion=v{release} {version}.gitMajor={major} {version}.gitMinor={minor} \
                 {version}.gitTreeState=clean"
            )
        });
        let flags = format!("-s -w {}", flags.join(" "));
        let mut arguments: Vec<OsString> =
            ["build", "-trimpath", "-mod=readonly", "-ldflags", &flags, "-o"].map(OsString::from).into();
        arguments.push(binaries.into());
        arguments.extend(bundle.packages.iter().map(OsString::from));
        // No C compiler is needed, and no setting of the user's other projects applies.
        let fixed = [("CGO_ENABLED", "0"), ("GOFLAGS", "-buildvcs=false"), ("GOWORK", "off")];
        let mut environment: Vec<_> = fixed.map(|(name, value)| (name, OsString::from(value))).into();
        environment.push(("PATH", self.path.clone()));
        Program {
            binary: go,
            arguments,
            environment,
            working_folder: Some(module.to_owned()),
            log,
            ..Program::default()
        }
    }
}

fn write_module(bundle: &Bundle, module: &Path, binaries: &Path) -> std::io::Result<()> {
    fs::create_dir_all(module)?;
    fs::create_dir_all(binaries)?;
    fs::write(module.join("go.mod"), bundle.go_mod)?;
    fs::write(module.join("go.sum"), bundle.go_sum)
}

/// Go's last words, where it failed.
fn judge(build: &Process) -> Result<(), String> {
    match build.ended() {
        Ok(Some(status)) if status.success() => Ok(()),
        Ok(Some(status)) => Err(format!(
            "`go build` ended with {status}; is the Go module proxy reachable?\n{}",
            build.log_tail()
        )),
        Ok(None) => Err("`go build` was left while it ran".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
