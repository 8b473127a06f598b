//! What differs between KubeSphere's versions, in one table.

use std::fmt;

/// A version such as `v3.4.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
    /// The third number, 0 where there is none.
    pub patch: u32,
}

impl Version {
    /// Reads `v3.4.1`, `3.4`, `v3.4.1-rc.0` or `v1.23.17+k3s1`; anything else is no version.
    pub fn parse(text: &str) -> Option<Self> {
        let core = text.strip_prefix('v').unwrap_or(text).split(['-', '+']).next()?;
        let mut numbers = core.split('.').map(str::parse::<u32>);
        let major = numbers.next()?.ok()?;
        let minor = numbers.next()?.ok()?;
        let patch = numbers.next().unwrap_or(Ok(0)).ok()?;
        Some(Self { major, minor, patch })
    }

    /// The tag of an image such as `kubesphere/ks-installer:v3.4.1`, as a version.
    pub fn of_image(image: &str) -> Option<Self> {
        let (_, tag) = image.split('@').next()?.rsplit_once(':')?;
        Self::parse(tag)
    }

    fn at_least(self, major: u32, minor: u32) -> bool {
        (self.major, self.minor) >= (major, minor)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "v{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// Where a version of KubeSphere stands with this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// 3.1 and later.
    Supported,
    /// Before 3.1: the host's validation and the installer's status differ.
    TooOld,
}

/// The two kinds of KubeSphere, which come to a cluster, and take in members, in ways of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// ks-installer carries out a ClusterConfiguration, and kubefed joins members that have KubeSphere already.
    Three,
    /// 4 and later: helm installs the chart ks-core, and a host's controller does so on its members
    /// (kubesphere `pkg/controller/cluster/cluster_controller.go@v4.1.3`).
    Four,
}

impl Generation {
    /// The version that is assumed where nothing names one.
    pub fn assumed(self) -> Version {
        match self {
            Self::Three => Version { major: 3, minor: 4, patch: 1 },
            Self::Four => Version { major: 4, minor: 1, patch: 3 },
        }
    }
}

/// What a version of KubeSphere does in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a table of independent yes and no")]
pub struct Differences {
    pub generation: Generation,
    /// The member's kubesphere-config names its role (`multicluster.clusterRole`).
    ///
    /// From 3.3; before, `oauthOptions.accessTokenMaxAge: 0` is the only trace
    /// (ks-installer `roles/ks-core/config/templates/kubesphere-config.yaml.j2@v3.2.1`, `@v3.3.2`).
    pub config_names_role: bool,
    /// A member's `accessTokenMaxAge: 0` is lost where `oauthOptions` are set in the ClusterConfiguration.
    ///
    /// 3.1 only, by the order of two conditions (`kubesphere-config.yaml.j2@v3.1.1:12-17`).
    pub oauth_options_hide_role: bool,
    /// `hostClusterName` is read; before 3.2 the host's Cluster is always called `host`.
    pub reads_host_cluster_name: bool,
    /// The Cluster's `status.uid` is filled (kubesphere `cluster_types.go@v3.3.0`).
    pub records_uid: bool,
    /// Credentials without an embedded client certificate never become Ready.
    ///
    /// 3.3.0 to 3.3.2: `parseKubeConfigExpirationDate … empty CertData`
    /// (kubesphere `cluster_controller.go@v3.3.2:516,772`, mended by pull request 5665).
    pub needs_client_certificate: bool,
    /// kubefed's service account must get its token without being asked.
    ///
    /// 3.1 and 3.2 rely on token Secrets that Kubernetes 1.24 and newer no longer make
    /// (kubesphere `join.go`, createServiceAccountWithSecret exists from 3.3.0 only).
    pub needs_legacy_token_secrets: bool,
    /// ks-apiserver and ks-controller-manager are restarted by each run, not reloaded in place.
    ///
    /// Up to 3.2 (ks-installer `roles/ks-core/config/tasks/ks-restart.yaml@v3.1.1`).
    pub restarts_pods: bool,
}

/// The first Kubernetes without automatic token Secrets of service accounts.
pub const WITHOUT_TOKEN_SECRETS: Version = Version { major: 1, minor: 24, patch: 0 };

impl Version {
    /// Whether this program can join clusters of this KubeSphere version.
    pub fn support(self) -> Support {
        if self.at_least(3, 1) { Support::Supported } else { Support::TooOld }
    }

    pub fn generation(self) -> Generation {
        if self.at_least(4, 0) { Generation::Four } else { Generation::Three }
    }

    /// What this KubeSphere version does in its own way.
    pub fn differences(self) -> Differences {
        Differences {
            generation: self.generation(),
            config_names_role: self.at_least(3, 3),
            oauth_options_hide_role: !self.at_least(3, 2),
            reads_host_cluster_name: self.at_least(3, 2),
            records_uid: self.at_least(3, 3),
            needs_client_certificate: (self.major, self.minor) == (3, 3),
            needs_legacy_token_secrets: !self.at_least(3, 3),
            restarts_pods: !self.at_least(3, 3),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Generation, Support, Version};

    #[test]
    fn versions_are_read_as_they_are_written() {
        assert_eq!(Version::parse("v3.4.1").unwrap().to_string(), "v3.4.1");
        assert_eq!(Version::parse("1.23.17+k3s1").unwrap().to_string(), "v1.23.17");
        assert_eq!(Version::parse("v3.3.0-rc.2").unwrap().to_string(), "v3.3.0");
        assert_eq!(Version::parse("3.2").unwrap().to_string(), "v3.2.0");
        for text in ["", "latest", "nightly-20230101", "v3", "v3.x"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_images_tag_is_its_version() {
        let tag = |image| Version::of_image(image).map(|version| version.to_string());
        assert_eq!(tag("registry.local:5000/kubesphere/ks-installer:v3.3.2").as_deref(), Some("v3.3.2"));
        assert_eq!(tag("kubesphere/ks-installer:v3.1.1@sha256:00").as_deref(), Some("v3.1.1"));
        assert_eq!(tag("registry.local:5000/kubesphere/ks-installer"), None);
    }

    #[test]
    fn support_ends_before_3_1() {
        let support = |text| Version::parse(text).unwrap().support();
        assert_eq!(support("v3.0.0"), Support::TooOld);
        assert_eq!(support("v3.1.0"), Support::Supported);
        assert_eq!(support("v3.4.1"), Support::Supported);
        assert_eq!(support("v4.1.3"), Support::Supported);
    }

    #[test]
    fn helm_comes_with_4() {
        let generation = |text| Version::parse(text).unwrap().generation();
        assert_eq!(["v3.4.1", "v4.1.1"].map(generation), [Generation::Three, Generation::Four]);
        for generation in [Generation::Three, Generation::Four] {
            assert_eq!(generation.assumed().differences().generation, generation);
        }
    }

    #[test]
    fn only_3_3_needs_a_client_certificate() {
        let needs = |text| Version::parse(text).unwrap().differences().needs_client_certificate;
        assert_eq!(["v3.2.1", "v3.3.2", "v3.4.0"].map(needs), [false, true, false]);
    }
}
