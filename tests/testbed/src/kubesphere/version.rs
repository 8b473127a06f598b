//! The KubeSphere versions that the stand-ins can play, and in what they differ.

use std::{fmt, str::FromStr};

/// A line of KubeSphere releases; each stands for its last release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// 3.0.0, which a tool has to refuse.
    V3_0,
    /// 3.1.1.
    V3_1,
    /// 3.2.1.
    V3_2,
    /// 3.3.2, whose hosts need a client certificate in a member's kubeconfig.
    V3_3,
    /// 3.4.1.
    V3_4,
    /// 4.1.1, the first of 4, which has no installer and no ClusterConfiguration.
    V4_1_1,
    /// 4.1.3.
    V4_1_3,
    /// The branch `master` after 4.1.3: what comes next.
    Master,
}

/// What versions have in common that a tool speaks to in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// An installer and a ClusterConfiguration on each cluster; kubefed.
    Three,
    /// Helm and extensions.
    Four,
}

impl Version {
    /// The versions of the third generation whose hosts and members the stand-ins play in full.
    pub const PLAYED: [Self; 4] = [Self::V3_1, Self::V3_2, Self::V3_3, Self::V3_4];

    /// Those of the fourth.
    pub const PLAYED_OF_4: [Self; 3] = [Self::V4_1_1, Self::V4_1_3, Self::Master];

    const ALL: [Self; 8] = [
        Self::V3_0,
        Self::V3_1,
        Self::V3_2,
        Self::V3_3,
        Self::V3_4,
        Self::V4_1_1,
        Self::V4_1_3,
        Self::Master,
    ];

    pub fn generation(self) -> Generation {
        if self < Self::V4_1_1 { Generation::Three } else { Generation::Four }
    }

    /// The version whose images have this tag.
    pub fn of_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.release() == tag)
    }

    /// The release as its images are tagged and as `status.core.version` tells it.
    pub fn release(self) -> &'static str {
        match self {
            Self::V3_0 => "v3.0.0",
            Self::V3_1 => "v3.1.1",
            Self::V3_2 => "v3.2.1",
            Self::V3_3 => "v3.3.2",
            Self::V3_4 => "v3.4.1",
            Self::V4_1_1 => "v4.1.1",
            Self::V4_1_3 => "v4.1.3",
            // What `git describe --tags` says of 04a29b5c6.
            Self::Master => "v4.1.1-178-g04a29b5c6",
        }
    }

    /// `metadata.labels.version` of the shipped ClusterConfiguration: 3.1.1 still says 3.1.0.
    ///
    /// Source: ks-installer `deploy/cluster-configuration.yaml@v3.1.1`.
    pub fn label(self) -> &'static str {
        if self == Self::V3_1 { "v3.1.0" } else { self.release() }
    }

    /// What `/kapis/version` answers as `gitVersion`: 3.0.0 says v0.0.0.
    ///
    /// Source: kubesphere `pkg/controller/cluster/cluster_controller.go@v3.4.1` (`tryFetchKubeSphereVersion`).
    pub fn git_version(self) -> &'static str {
        if self == Self::V3_0 { "v0.0.0" } else { self.release() }
    }

    /// The label `app` of the installer's Deployment and pods.
    ///
    /// Source: ks-installer `deploy/kubesphere-installer.yaml@v3.2.1`, `@v3.3.0`.
    pub fn installer_app(self) -> &'static str {
        if self >= Self::V3_3 { "ks-installer" } else { "ks-install" }
    }

    /// Whether the installer restarts ks-apiserver and ks-controller-manager after writing their configuration.
    /// From 3.3 both read it again by themselves.
    ///
    /// Source: ks-installer `roles/ks-core/config/tasks/ks-restart.yaml@v3.2.1`; kubesphere
    /// `cmd/controller-manager/app/server.go@v3.3.0`.
    pub fn installer_restarts_the_core(self) -> bool {
        self <= Self::V3_2
    }

    /// Whether the installer checks the ClusterConfiguration for an older format and re-creates it.
    ///
    /// Source: ks-installer `controller/installRunner.py@v3.1.0` (`generate_new_cluster_configuration`).
    pub fn migrates(self) -> bool {
        self >= Self::V3_1
    }

    /// Whether a spec without `terminal`, or with `servicemesh` but no `istio`, counts as an older format.
    ///
    /// Source: ks-installer `controller/installRunner.py@v3.3.0`.
    pub fn migrates_missing_sections(self) -> bool {
        self >= Self::V3_3
    }

    /// Whether Secret kubesphere-secret holds the administrator's first password.
    ///
    /// Source: ks-installer `roles/ks-core/init-token/tasks/main.yaml@v3.3.1`.
    pub fn keeps_initial_password(self) -> bool {
        self >= Self::V3_3
    }

    /// Whether `multicluster.clusterRole` stands in kubesphere-config for every role.
    ///
    /// Source: ks-installer `roles/ks-core/config/templates/kubesphere-config.yaml.j2@v3.3.0`.
    pub fn always_writes_the_role(self) -> bool {
        self >= Self::V3_3
    }

    /// Whether the controller creates the token Secret of the member's service account itself.
    ///
    /// Source: kubesphere `pkg/controller/cluster/join.go@v3.3.0` (`createServiceAccountWithSecret`).
    pub fn creates_token_secrets(self) -> bool {
        self >= Self::V3_3
    }

    /// Whether an expiry date that cannot be read keeps the whole status from being written (#5395, #5664).
    ///
    /// Source: kubesphere `pkg/controller/cluster/cluster_controller.go@v3.3.2`; fixed in v3.4.0.
    pub fn needs_a_client_certificate(self) -> bool {
        self == Self::V3_3
    }

    /// Whether every update of a Cluster is looked at, not only one of its spec.
    ///
    /// Source: kubesphere `pkg/controller/cluster/cluster_controller.go@v3.2.1` (`addCluster`).
    pub fn looks_at_every_update(self) -> bool {
        self <= Self::V3_2
    }

    /// Whether the controller fills `status.uid` and writes `multicluster.clusterName` to the member.
    ///
    /// Source: kubesphere `pkg/controller/cluster/cluster_controller.go@v3.3.0`.
    pub fn identifies_members(self) -> bool {
        self >= Self::V3_3
    }

    /// Whether `hostClusterName` is read from the configuration; 3.1 knows `host` only.
    ///
    /// Source: ks-installer `roles/ks-core/config/templates/kubesphere-config.yaml.j2@v3.2.1`.
    pub fn names_the_host(self) -> bool {
        self >= Self::V3_2
    }

    /// Whether every installation brings the webhook before updates of Clusters, whatever its role: it is part of the
    /// chart of ks-core.
    ///
    /// Source: ks-installer `roles/ks-core/ks-core/files/ks-core/templates/webhook.yaml@v3.4.1`.
    pub fn validates_clusters(self) -> bool {
        self == Self::V3_4
    }

    /// Whether ks-core is a release of helm's: 3 has one of that name, too.
    ///
    /// Source: ks-installer `roles/ks-core/ks-core/tasks/main.yaml@v3.2.1`.
    pub fn installs_the_core_by_helm(self) -> bool {
        self >= Self::V3_2
    }

    /// The version of the chart ks-core.
    ///
    /// Source: kubesphere `config/ks-core/Chart.yaml@v4.1.1`, `@v4.1.3`, `@04a29b5c6`; ks-installer
    /// `roles/ks-core/ks-core/files/ks-core/Chart.yaml@v3.4.1`.
    pub fn chart(self) -> &'static str {
        match self {
            Self::V4_1_1 => "1.1.0",
            Self::V4_1_3 => "1.1.4",
            Self::Master => "1.1.2",
            _ => "0.1.0",
        }
    }

    /// Whether role and name stand in the section `multicluster` of the chart's values; before they stood at the top.
    ///
    /// Source: kubesphere `config/ks-core/values.yaml@v4.1.3`, `@v4.1.2:24-27`.
    pub fn has_a_multicluster_section(self) -> bool {
        self >= Self::V4_1_3
    }

    /// Where the controller asks a member for its version.
    ///
    /// Source: kubesphere `pkg/controller/cluster/cluster_controller.go@v4.1.3:462`, `@v4.1.1:461`.
    pub fn version_path(self) -> &'static str {
        if self >= Self::V4_1_3 { "version" } else { "kapis/version" }
    }

    /// Whether `/kapis/version` is answered to everybody.
    ///
    /// Source: kubesphere `pkg/apiserver/apiserver.go@v4.1.3:271`, `@v4.1.1:264`.
    pub fn tells_everybody_its_version(self) -> bool {
        self < Self::V4_1_3
    }

    /// Whether a host installs ks-core on a member by a Job of its own, and tells in a condition when that failed.
    ///
    /// Source: kubesphere `pkg/controller/cluster/cluster_controller.go@04a29b5c6:437-485` (#6473).
    pub fn installs_by_a_job(self) -> bool {
        self == Self::Master
    }

    /// The Kubernetes version that an apiserver tells in the name of a cluster which this version can join.
    /// Hosts before 3.3 cannot join members from 1.24 on, which make no token Secrets.
    pub fn told_kubernetes(self) -> Option<&'static str> {
        (self <= Self::V3_2).then_some("v1.23.17")
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V3_0 => "3.0",
            Self::V3_1 => "3.1",
            Self::V3_2 => "3.2",
            Self::V3_3 => "3.3",
            Self::V3_4 => "3.4",
            Self::V4_1_1 => "4.1.1",
            Self::V4_1_3 => "4.1.3",
            Self::Master => "master",
        })
    }
}

impl FromStr for Version {
    type Err = String;

    /// Reads a name, a tag, or how names begin: the last of these is meant.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let begins_so = |version: &Self| {
            let name = version.to_string();
            name.strip_prefix(text).is_some_and(|rest| rest.starts_with('.'))
        };
        let found = Self::ALL.into_iter().find(|version| version.to_string() == text);
        let found = found.or_else(|| Self::of_tag(text));
        found.or_else(|| Self::ALL.into_iter().rfind(begins_so)).ok_or_else(|| {
            let known = Self::ALL.map(|version| version.to_string()).join(", ");
            format!("no KubeSphere version `{text}`; known are {known}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn a_version_is_found_by_how_it_begins() {
        for (text, version) in [
            ("3.4", Version::V3_4),
            ("3", Version::V3_4),
            ("4", Version::V4_1_3),
            ("4.1", Version::V4_1_3),
            ("4.1.1", Version::V4_1_1),
            ("v4.1.3", Version::V4_1_3),
        ] {
            assert_eq!(text.parse(), Ok(version), "{text}");
        }
        assert!("".parse::<Version>().is_err() && "4.".parse::<Version>().is_err());
        assert!("5".parse::<Version>().unwrap_err().contains("known are 3.0, 3.1"));
    }
}
