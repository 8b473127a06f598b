//! What real nodes need of the machine that they run on.

use std::{
    env, fmt, fs,
    io::{Write as _, stderr},
    path::Path,
    process::Command,
    sync::LazyLock,
};

use super::{cgroups::Cgroups, image};
use crate::bed::chain;

/// Where this is set in the environment and not empty, tests on real nodes fail that would be skipped otherwise.
pub const REQUIRE: &str = "KUBECTL_MC_REQUIRE_NODES";

/// Programs that a node runs, or that start it, with the Debian package of each.
const PROGRAMS: [(&str, &str); 9] = [
    ("containerd", "containerd"),
    ("containerd-shim-runc-v2", "containerd"),
    ("ctr", "containerd"),
    ("runc", "runc"),
    ("ip", "iproute2"),
    ("mount", "mount"),
    ("nsenter", "util-linux"),
    ("unshare", "util-linux"),
    ("sh", "dash"),
];

const KERNEL_LOG: &str = "/dev/kmsg";

/// Something that real nodes need and this machine does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lack {
    /// It runs another system than Linux.
    Linux,
    /// There is no image for its architecture.
    Architecture,
    /// This process does not run as root.
    Root,
    /// A program is not in the `PATH`.
    Program {
        /// The program.
        name: &'static str,
        /// Debian's package that has it.
        package: &'static str,
    },
    /// The kernel's log, which a kubelet reads, is not there.
    KernelLog,
    /// Cgroups may not be made.
    Cgroups(String),
    /// Namespaces or links may not be made.
    Namespaces(String),
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Linux => f.write_str("Linux"),
            Self::Architecture => f.write_str("an x86_64 or aarch64 processor"),
            Self::Root => f.write_str("root"),
            Self::Program { name, package } => write!(f, "`{name}` (Debian package {package})"),
            Self::KernelLog => f.write_str(KERNEL_LOG),
            Self::Cgroups(reason) => write!(f, "cgroups that it may make ({reason})"),
            Self::Namespaces(reason) => write!(f, "namespaces and links that it may make ({reason})"),
        }
    }
}

/// What real nodes need and this machine lacks; empty where they can run.
pub fn lacking() -> Vec<Lack> {
    let lacks = [
        (!cfg!(target_os = "linux")).then_some(Lack::Linux),
        (!image::is_possible()).then_some(Lack::Architecture),
        (!is_root()).then_some(Lack::Root),
        (!Path::new(KERNEL_LOG).exists()).then_some(Lack::KernelLog),
    ];
    let mut lacks: Vec<Lack> = lacks.into_iter().flatten().collect();
    let programs = PROGRAMS.into_iter().filter(|(name, _)| !is_installed(name));
    lacks.extend(programs.map(|(name, package)| Lack::Program { name, package }));
    if lacks.is_empty() {
        lacks.extend(Cgroups::create("trial").err().map(|error| Lack::Cgroups(chain(&error))));
        lacks.extend(try_namespaces().err().map(Lack::Namespaces));
    }
    lacks
}

/// Whether tests on real nodes can run here; where they cannot, says once on stderr that they are skipped, and why.
///
/// # Panics
/// When they cannot although [`REQUIRE`] is set.
pub fn can_run() -> bool {
    static LACKS: LazyLock<String> = LazyLock::new(|| {
        let lacks: Vec<String> = lacking().iter().map(Lack::to_string).collect();
        let lacks = lacks.join(", ");
        if !lacks.is_empty() && !is_required() {
            // Not by a macro, whose lines the test harness keeps to itself.
            let _ = writeln!(stderr(), "\nSKIPPED: tests on real nodes, which need {lacks}\n");
        }
        lacks
    });
    assert!(LACKS.is_empty() || !is_required(), "{REQUIRE} is set, but real nodes need {}", *LACKS);
    LACKS.is_empty()
}

fn is_required() -> bool {
    env::var_os(REQUIRE).is_some_and(|value| !value.is_empty())
}

fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    ids.and_then(|ids| ids.split_whitespace().nth(1)) == Some("0") // The second is the effective one.
}

fn is_installed(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn try_namespaces() -> Result<(), String> {
    let namespaces = ["--net", "--mount", "--pid", "--fork", "--mount-proc"];
    let link = ["ip", "link", "add", "trial", "type", "veth", "peer", "name", "other"];
    let output = Command::new("unshare").args(namespaces).args(link).output();
    let output = output.map_err(|error| format!("start `unshare`: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}
