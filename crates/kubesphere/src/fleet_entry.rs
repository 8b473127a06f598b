//! Where a fleet file speaks of a cluster, and how one thing is said there and on the command line.

use std::collections::BTreeMap;

/// What is said of a cluster, in an option or in a field of a fleet file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    Name,
    Context,
    Server,
    CertificateAuthority,
    TlsServerName,
    Credentials,
    Values,
    HostClusterName,
}

impl Setting {
    pub fn option(self) -> &'static str {
        match self {
            Self::Name => "--name",
            Self::Context => "--member-context",
            Self::Server => "--member-server",
            Self::CertificateAuthority => "--member-certificate-authority",
            Self::TlsServerName => "--member-tls-server-name",
            Self::Credentials => "--credentials",
            Self::Values => "--config",
            Self::HostClusterName => "--host-cluster-name",
        }
    }

    pub fn field(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Context => "context",
            Self::Server => "server",
            Self::CertificateAuthority => "certificateAuthority",
            Self::TlsServerName => "tlsServerName",
            Self::Credentials => "credentials",
            Self::Values => "config",
            Self::HostClusterName => "clusterName",
        }
    }
}

/// The part of a fleet file that is about one cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FleetEntry {
    /// What names the file behind `-f`.
    pub file: String,
    /// Of a member, the name of its Cluster.
    pub name: Option<String>,
    /// Where it stands, as compilers say it.
    pub place: String,
    /// The same of each of its fields, and of those that the defaults have in its place.
    pub fields: BTreeMap<String, String>,
    /// The checks that are skipped there.
    pub skips: Vec<String>,
}

impl FleetEntry {
    pub fn says(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    /// Where a field stands, or would stand.
    pub fn place_of(&self, field: &str) -> &str {
        self.fields.get(field).unwrap_or(&self.place)
    }
}
