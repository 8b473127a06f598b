//! Which binaries are brought together.

use std::path::{Path, PathBuf};

use super::{Kubernetes, checksum};

/// Binaries that come by one download or one build, and lie in one folder of the cache.
pub(super) struct Bundle {
    /// What they are, for a person.
    pub(super) what: &'static str,
    /// Of which Kubernetes they are.
    pub(super) kubernetes: Kubernetes,
    /// The folder in the cache.
    folder: &'static str,
    /// Their names.
    pub(super) binaries: &'static [&'static str],
    /// The Go module that has them as its tools.
    pub(super) go_mod: &'static str,
    /// The sums of what it needs; the cache is keyed by them.
    pub(super) go_sum: &'static str,
    /// Whether all of them are published where control planes' are.
    pub(super) published: bool,
    /// What Go builds of it.
    pub(super) packages: &'static [&'static str],
    /// How long a build takes.
    pub(super) takes: &'static str,
    /// What else can be done to have them.
    pub(super) elsewhere: &'static str,
}

/// What a control plane runs.
pub(super) const CONTROL_PLANES: Bundle = Bundle {
    what: "the control planes' binaries",
    kubernetes: Kubernetes::V1_34,
    folder: "control-planes",
    binaries: &["etcd", "kube-apiserver", "kube-controller-manager"],
    go_mod: include_str!("../../control-planes/go.mod"),
    go_sum: include_str!("../../control-planes/go.sum"),
    published: true,
    packages: &[
        "k8s.io/kubernetes/cmd/kube-apiserver",
        "k8s.io/kubernetes/cmd/kube-controller-manager",
        "go.etcd.io/etcd/server/v3",
    ],
    takes: "about 5 minutes",
    elsewhere: "or set KUBEBUILDER_ASSETS to a folder that holds all of it: `setup-envtest use -p path` brings etcd \
                and kube-apiserver, and https://dl.k8s.io has kube-controller-manager for Linux",
};

/// What a real node runs besides its container runtime. Apart, so that who starts no node does not pay for it.
pub(super) const KUBELET: Bundle = Bundle {
    what: "the kubelet",
    kubernetes: Kubernetes::V1_34,
    folder: "kubelet",
    binaries: &["kubelet"],
    go_mod: include_str!("../../kubelet/go.mod"),
    go_sum: include_str!("../../kubelet/go.sum"),
    published: true,
    packages: &["k8s.io/kubernetes/cmd/kubelet"],
    takes: "up to 3 minutes",
    elsewhere: "or set KUBEBUILDER_ASSETS to a folder that holds all of it: https://dl.k8s.io has it for Linux",
};

/// The apiserver of an older host. A module of its own: etcd's does not go with its dependencies.
pub(super) const APISERVER_1_27: Bundle = Bundle {
    what: "the apiserver of older hosts",
    kubernetes: Kubernetes::V1_27,
    folder: "control-planes",
    binaries: &["kube-apiserver"],
    go_mod: include_str!("../../control-planes-1.27/go.mod"),
    go_sum: include_str!("../../control-planes-1.27/go.sum"),
    published: true,
    packages: &["k8s.io/kubernetes/cmd/kube-apiserver"],
    takes: "about 4 minutes",
    elsewhere: "or run only tests without a host of Kubernetes 1.27",
};

/// The kubectl that calls the plugin in tests: not the machine's, which may be any or none.
pub(super) const KUBECTL: Bundle = Bundle {
    what: "kubectl",
    kubernetes: Kubernetes::V1_34,
    folder: "kubectl",
    binaries: &["kubectl"],
    go_mod: include_str!("../../kubectl/go.mod"),
    go_sum: include_str!("../../kubectl/go.sum"),
    published: true,
    packages: &["k8s.io/kubernetes/cmd/kubectl"],
    takes: "about a minute",
    elsewhere: "or set KUBEBUILDER_ASSETS to a folder that holds all of it: https://dl.k8s.io has it for Linux",
};

/// krew, and what krew's index checks a plugin with.
pub(super) const KREW: Bundle = Bundle {
    what: "krew and its validator",
    kubernetes: Kubernetes::V1_34,
    folder: "krew",
    binaries: &["krew", "validate-krew-manifest"],
    go_mod: include_str!("../../krew/go.mod"),
    go_sum: include_str!("../../krew/go.sum"),
    published: false,
    packages: &["sigs.k8s.io/krew/cmd/krew", "sigs.k8s.io/krew/cmd/validate-krew-manifest"],
    takes: "under a minute",
    elsewhere: "or set KUBEBUILDER_ASSETS to a folder that holds all of it",
};

impl Bundle {
    /// Its folder below the cache, whose name tells version and sources.
    pub(super) fn folder_in(&self, cache: &Path) -> PathBuf {
        let sums = checksum::of_bytes(self.go_sum.as_bytes());
        cache.join(self.folder).join(format!("{}-{}", self.kubernetes.release(), &sums[..12]))
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
