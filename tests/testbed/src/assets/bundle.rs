//! Which binaries are brought together.

use std::path::{Path, PathBuf};

use super::{KUBERNETES, checksum};

/// Binaries that come by one download or one build, and lie in one folder of the cache.
pub(super) struct Bundle {
    /// What they are, for a person.
    pub(super) what: &'static str,
    /// The folder in the cache.
    folder: &'static str,
    /// Their names.
    pub(super) binaries: &'static [&'static str],
    /// The Go module that has them as its tools.
    pub(super) go_mod: &'static str,
    /// The sums of what it needs; the cache is keyed by them.
    pub(super) go_sum: &'static str,
    /// What Go builds of it.
    pub(super) packages: &'static [&'static str],
    /// How long a build takes.
    pub(super) takes: &'static str,
    /// Where else they are to be had.
    pub(super) elsewhere: &'static str,
}

/// What a control plane runs.
pub(super) const CONTROL_PLANES: Bundle = Bundle {
    what: "the control planes' binaries",
    folder: "control-planes",
    binaries: &["etcd", "kube-apiserver", "kube-controller-manager"],
    go_mod: include_str!("../../control-planes/go.mod"),
    go_sum: include_str!("../../control-planes/go.sum"),
    packages: &[
        "k8s.io/kubernetes/cmd/kube-apiserver",
        "k8s.io/kubernetes/cmd/kube-controller-manager",
        "go.etcd.io/etcd/server/v3",
    ],
    takes: "about 5 minutes",
    elsewhere: "`setup-envtest use -p path` brings etcd and kube-apiserver, and https://dl.k8s.io has \
                kube-controller-manager for Linux",
};

/// What a real node runs besides its container runtime. Apart, so that who starts no node does not pay for it.
pub(super) const KUBELET: Bundle = Bundle {
    what: "the kubelet",
    folder: "kubelet",
    binaries: &["kubelet"],
    go_mod: include_str!("../../kubelet/go.mod"),
    go_sum: include_str!("../../kubelet/go.sum"),
    packages: &["k8s.io/kubernetes/cmd/kubelet"],
    takes: "up to 3 minutes",
    elsewhere: "https://dl.k8s.io has it for Linux",
};

impl Bundle {
    /// Its folder below the cache, whose name tells version and sources.
    pub(super) fn folder_in(&self, cache: &Path) -> PathBuf {
        let sums = checksum::of_bytes(self.go_sum.as_bytes());
        cache.join(self.folder).join(format!("{KUBERNETES}-{}", &sums[..12]))
    }

    /// The binaries that a folder lacks.
    pub(super) fn missing_in(&self, folder: &Path) -> Vec<&'static str> {
        self.binaries.iter().copied().filter(|binary| !folder.join(binary).is_file()).collect()
    }

    /// Whether it is in a folder as a whole.
    pub(super) fn is_in(&self, folder: &Path) -> bool {
        self.missing_in(folder).is_empty()
    }

    /// Whether this is one of its binaries.
    pub(super) fn has(&self, binary: &str) -> bool {
        self.binaries.contains(&binary)
    }
}
