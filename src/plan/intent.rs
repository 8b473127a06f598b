//! What the user asked for, free of how it was typed.

use std::collections::BTreeMap;

use kubesphere::{core_values::CoreValues, jwt_secret::JwtSecret, side::Side};

use super::{
    context_mapping::LeftOut,
    credential::Choice,
    member_kubeconfig::{Endpoint, Problem, StoredUser},
    operation::Operation,
    rotation::Rotation,
    skipped::Skipped,
};

/// A join of one or several members to a host, or a part of it.
#[derive(Clone, Debug)]
pub struct Intent {
    pub operation: Operation,
    /// What shall become of the host.
    pub host: HostIntent,
    /// The members, in the order they were named.
    pub members: Vec<MemberIntent>,
    /// The host's jwtSecret, where it was handed over because the host is not asked.
    pub given_secret: Option<JwtSecret>,
    /// Whether new members are probed from the host's nodes.
    pub reachability: Reachability,
    /// The Clusters that were asked for with all others, and that cannot be renewed.
    pub left_out: Vec<LeftOut>,
    /// The checks that are skipped, for the commands that are to go on with it.
    pub skipped: Skipped,
    /// What the members are to be, where a check is to confirm it.
    pub expected: Option<Expected>,
}

/// What a member is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Registered on the host, and ready.
    Joined,
    /// Not registered on the host.
    Absent,
}

/// From where it is found out whether the host reaches a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reachability {
    /// From every node of the host.
    Nodes,
    /// It is not.
    #[default]
    Off,
}

/// What shall become of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostIntent {
    /// The name for the host's own Cluster.
    pub cluster_name: Option<String>,
    /// Where it is to sign with another secret.
    pub rotation: Option<Rotation>,
    /// Who said that this cluster is the host.
    pub chosen: HostChoice,
}

/// Who said which cluster is the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostChoice {
    /// The user, by `--context`.
    Named,
    /// The kubeconfig's current-context: a person will be asked, or nothing is done.
    CurrentContext,
    /// The kubeconfig's current-context, and nobody will be asked.
    CurrentContextUnasked,
}

#[derive(Clone, Debug)]
pub struct MemberIntent {
    pub side: Side,
    /// Whether it is taken over from another host that has joined it.
    pub from_other_host: bool,
    /// Its Cluster on the host, where that is asked for.
    pub cluster: Option<ClusterIntent>,
}

impl MemberIntent {
    /// What its Cluster is called, or would be where none is asked for.
    pub fn name(&self) -> &str {
        self.cluster.as_ref().map_or(self.side.context(), |cluster| &cluster.name)
    }
}

/// A member's Cluster.
#[derive(Clone, Debug)]
pub struct ClusterIntent {
    pub name: String,
    /// What it says about the member.
    pub description: Description,
    /// The address in the kubeconfig to be stored.
    pub server: String,
    /// Which credential the kubeconfig to be stored shall have.
    pub credential: Choice,
    /// How the kubeconfig to be stored reaches the cluster, or everything that stands against it.
    pub endpoint: Result<Endpoint, Vec<Problem>>,
    /// The context's own user, or everything that stands against storing that.
    pub user: Result<StoredUser, Vec<Problem>>,
    /// The values with which a host of KubeSphere 4 installs it.
    pub values: Option<CoreValues>,
    /// What of this was said, and not chosen by default.
    pub given: StoredOptions,
}

/// The options that say what the host stores of a member, as far as they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredOptions {
    /// Whether a fleet file says its name, which then is no guess from a context's.
    pub name: bool,
    /// Whether `--member-server` was.
    pub server: bool,
    /// `--credentials`
    pub credentials: Option<Choice>,
    /// The path in `--member-certificate-authority`.
    pub certificate_authority: Option<String>,
    /// `--member-tls-server-name`
    pub tls_server_name: Option<String>,
}

/// What a Cluster says about a member, as the console's form asks for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// `kubesphere.io/alias-name`.
    pub alias: Option<String>,
    /// `kubesphere.io/description`.
    pub description: Option<String>,
    /// `cluster.kubesphere.io/group`.
    pub group: Option<String>,
    /// `cluster.kubesphere.io/region`.
    pub region: Option<String>,
    /// `spec.provider`.
    pub provider: Option<String>,
    /// Further labels.
    pub labels: BTreeMap<String, String>,
    /// Further annotations.
    pub annotations: BTreeMap<String, String>,
}
