//! Binaries built by Go from its module proxy.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use super::{KUBERNETES, Progress};
use crate::process::{Process, Program};

const GO_MOD: &str = include_str!("../../control-planes/go.mod");
pub(super) const GO_SUM: &str = include_str!("../../control-planes/go.sum");

const PACKAGES: [&str; 3] = [
    "k8s.io/kubernetes/cmd/kube-apiserver",
    "k8s.io/kubernetes/cmd/kube-controller-manager",
    "go.etcd.io/etcd/server/v3",
];

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
        work: &Path,
        binaries: &Path,
        progress: &mut dyn Progress,
    ) -> Result<(), String> {
        let go = env::split_paths(&self.path).map(|folder| folder.join("go")).find(|go| go.is_file());
        let go = go.ok_or("Go is not installed")?;
        let module = work.join("module");
        write_module(&module, binaries).map_err(|error| format!("prepare the module: {error}"))?;
        progress.say(&format!(
            "building kube-apiserver, kube-controller-manager {KUBERNETES} and etcd with Go: about 5 minutes on two \
             idle cores, once for this user"
        ));
        let begun = Instant::now();
        let program = self.program(go, &module, binaries, work.join("build.log"));
        let build = Process::start(&program).map_err(|error| error.to_string())?;
        while build.is_running() {
            progress.still("building", begun);
            thread::sleep(Duration::from_millis(200));
        }
        judge(&build)?;
        progress.say(&format!("built in {} s", begun.elapsed().as_secs()));
        fs::rename(binaries.join(ETCD_AS_BUILT), binaries.join("etcd"))
            .map_err(|error| format!("rename etcd: {error}"))
    }

    /// A build ends with who wants it: another process that then takes its turn must not meet it in its folder.
    fn program(&self, go: PathBuf, module: &Path, binaries: &Path, log: PathBuf) -> Program {
        let (major, minor) = KUBERNETES.split_once('.').expect("a version has a minor");
        let minor = minor.split('.').next().unwrap_or(minor);
        let version = "-X k8s.io/component-base/version";
        let flags = format!(
            "-s -w {version}.gitVersion=v{KUBERNETES} {version}.gitMajor={major} {version}.gitMinor={minor} \
             {version}.gitTreeState=clean"
        );
        let mut arguments: Vec<OsString> =
            ["build", "-trimpath", "-mod=readonly", "-ldflags", &flags, "-o"].map(OsString::from).into();
        arguments.push(binaries.into());
        arguments.extend(PACKAGES.map(OsString::from));
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

fn write_module(module: &Path, binaries: &Path) -> std::io::Result<()> {
    fs::create_dir_all(module)?;
    fs::create_dir_all(binaries)?;
    fs::write(module.join("go.mod"), GO_MOD)?;
    fs::write(module.join("go.sum"), GO_SUM)
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
