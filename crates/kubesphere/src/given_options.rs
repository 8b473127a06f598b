//! The options with which a person said how a cluster is reached, kept for the commands that are printed.

use std::sync::Arc;

use super::fleet_entry::FleetEntry;

/// An option that chooses a cluster, a user, or the way there. There is none for `--token`: nothing that is printed may
/// hold one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Choice {
    Kubeconfig,
    Cluster,
    User,
    Server,
    CertificateAuthority,
    ClientCertificate,
    ClientKey,
    TlsServerName,
    InsecureSkipTlsVerify,
    As,
    AsGroup,
    AsUid,
}

impl Choice {
    /// kubectl's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kubeconfig => "kubeconfig",
            Self::Cluster => "cluster",
            Self::User => "user",
            Self::Server => "server",
            Self::CertificateAuthority => "certificate-authority",
            Self::ClientCertificate => "client-certificate",
            Self::ClientKey => "client-key",
            Self::TlsServerName => "tls-server-name",
            Self::InsecureSkipTlsVerify => "insecure-skip-tls-verify",
            Self::As => "as",
            Self::AsGroup => "as-group",
            Self::AsUid => "as-uid",
        }
    }

    /// The field that says it in a fleet file.
    pub fn field(self) -> Option<&'static str> {
        match self {
            Self::Kubeconfig => Some("kubeconfig"),
            Self::TlsServerName => Some("tlsServerName"),
            _ => None,
        }
    }

    /// Whether `kubectl mc` has it once for both clusters.
    fn is_for_both(self) -> bool {
        matches!(self, Self::As | Self::AsGroup | Self::AsUid)
    }
}

/// One option as it was given.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GivenOption {
    pub choice: Choice,
    pub value: String,
    /// Whether it is the option of this name that begins with `--member-`.
    pub is_for_member: bool,
}

/// All that were given for one cluster. Where `$KUBECONFIG` or the default file is used there is nothing to say: a
/// command that is pasted finds those by itself.
///
/// It is shared, because every result and error names its cluster, and so has one of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GivenOptions(Arc<Given>);

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Given {
    /// Whether a server or cluster was given in place of a context.
    without_context: bool,
    /// Where a fleet file speaks of it.
    entry: Option<FleetEntry>,
    options: Vec<GivenOption>,
}

impl GivenOptions {
    /// The cluster was named without a context.
    #[must_use]
    pub fn without_context(mut self) -> Self {
        Arc::make_mut(&mut self.0).without_context = true;
        self
    }

    /// A fleet file speaks of the cluster there.
    #[must_use]
    pub fn in_fleet(mut self, entry: FleetEntry) -> Self {
        Arc::make_mut(&mut self.0).entry = Some(entry);
        self
    }

    /// Where a fleet file speaks of it.
    pub fn entry(&self) -> Option<&FleetEntry> {
        self.0.entry.as_ref()
    }

    /// With an option that the host's commands take.
    #[must_use]
    pub fn with(self, choice: Choice, value: impl Into<String>) -> Self {
        self.and(GivenOption { choice, value: value.into(), is_for_member: false })
    }

    /// With an option that was given for the member.
    #[must_use]
    pub fn with_member(self, choice: Choice, value: impl Into<String>) -> Self {
        self.and(GivenOption { choice, value: value.into(), is_for_member: !choice.is_for_both() })
    }

    fn and(mut self, option: GivenOption) -> Self {
        Arc::make_mut(&mut self.0).options.push(option);
        self
    }

    /// Whether a context tells which cluster it is.
    pub fn has_context(&self) -> bool {
        !self.0.without_context
    }

    /// In the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &GivenOption> {
        self.0.options.iter()
    }
}
