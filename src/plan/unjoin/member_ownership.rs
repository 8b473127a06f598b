//! Whose a cluster is that shall be a member no longer.

use kubesphere::{cluster_configuration::ClusterConfiguration, role::Role};

use super::trace::{TracedCredential, Traces};
use crate::plan::{credential::HostUid, observed::Observed};

/// Whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberOwnership {
    /// This host's alone, or nobody's with something of this host left: all of it goes.
    Ours,
    /// This host's under another name too, which it stays: only this name's own traces go.
    Twice(String),
    /// Perhaps another host's meanwhile: its role is member, its secret not this host's, and the host does not know it any
    /// more, or another host has left something there. What is surely this host's goes.
    OtherSecret,
    /// Another host's, which calls itself so, as the member says itself: KubeSphere 4.
    Claimed(String),
    /// It is a host itself.
    Host,
    /// Nobody's, and nothing of this host is there.
    Clean,
}

impl MemberOwnership {
    /// Whether what kubefed has made on the member under this name goes.
    pub fn takes_kubefeds(&self, name: &str, member: &Observed) -> bool {
        match self {
            Self::Ours | Self::Twice(_) => true,
            // Two hosts may know a member by the same name; then both use the same account.
            Self::OtherSecret => is_another_name(name, member),
            Self::Claimed(_) | Self::Host | Self::Clean => false,
        }
    }

    /// Whether kubefed's namespace goes once it is empty: no other host works in it.
    pub fn takes_namespace(&self) -> bool {
        matches!(self, Self::Ours | Self::Clean)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostEvidence {
    /// No Cluster of the name.
    Nothing,
    /// The Cluster, which does not say of which cluster it is.
    Named,
    /// The Cluster, with this very cluster's UID.
    Proven,
}

impl HostEvidence {
    /// From what stands on the host.
    pub fn of(name: &str, host: &Observed, member: &Observed) -> Self {
        match host.cluster_named(name).map(|cluster| cluster.member_uid()) {
            None => Self::Nothing,
            Some(Some(uid)) if uid == member.uid => Self::Proven,
            Some(_) => Self::Named,
        }
    }
}

/// Without the Cluster, which an earlier run has deleted, any one trace is enough: the name of kubefed's service account,
/// a token for this host, the host's secret. None of them is there by chance, and a cluster that another host has taken
/// since, that is registered here under another name, or is a host itself, was told apart before. A host that has renewed
/// its secret still has the members that it has registered.
pub fn member_ownership(
    name: &str,
    evidence: HostEvidence,
    host: &Observed,
    member: &Observed,
    traces: &Traces,
) -> MemberOwnership {
    if let Some(twice) = twice(name, host, member) {
        return twice;
    }
    if member.is_host() {
        return MemberOwnership::Host;
    }
    let is_proven =
        evidence == HostEvidence::Proven && !is_another_name(name, member) && !has_others_token(host, traces);
    if has_other_secret(host, member) && !is_proven {
        return MemberOwnership::OtherSecret;
    }
    let joined = member.joined_as.present().is_some_and(|names| names.iter().any(|joined| joined == name));
    let stands = evidence != HostEvidence::Nothing;
    let left = stands || joined || shares_secret(host, member) || !traces.kubefed.is_empty();
    if left || has_token(host, traces) { MemberOwnership::Ours } else { MemberOwnership::Clean }
}

/// Where the host has it under another name, too.
pub(super) fn twice(name: &str, host: &Observed, member: &Observed) -> Option<MemberOwnership> {
    let mut twins = host.clusters_with_uid(&member.uid).filter(|cluster| cluster.name() != name);
    twins.next().map(|twin| MemberOwnership::Twice(twin.name().to_owned()))
}

/// The same on a fresh look before its first change and after: the host's Cluster is gone by then, and what was planned
/// was planned with it, unless somebody has given the member another secret meanwhile.
pub fn tenure_now(
    name: &str,
    (planned, evidence): (&Observed, HostEvidence),
    host: &Observed,
    member: &Observed,
    traces: &Traces,
) -> MemberOwnership {
    let was_given_another = member.wanted_secret() != planned.wanted_secret();
    let evidence =
        if evidence == HostEvidence::Proven && was_given_another { HostEvidence::Named } else { evidence };
    member_ownership(name, evidence, host, member, traces)
}

/// Whether its role is member, and its secret another than the host's.
fn has_other_secret(host: &Observed, member: &Observed) -> bool {
    let asks =
        member.configuration.present().is_some_and(|configuration| configuration.role() == Role::Member);
    let knows = host.effective_secret().is_some() && member.effective_secret().is_some();
    asks && knows && !shares_secret(host, member)
}

fn has_others_token(host: &Observed, traces: &Traces) -> bool {
    let host = HostUid::new(&host.uid);
    traces
        .credential
        .iter()
        .any(|piece| matches!(piece.part, TracedCredential::Token(of) if of != Some(host)))
}

/// Whether it has this host's secret, in effect or on its way.
fn shares_secret(host: &Observed, member: &Observed) -> bool {
    let Some(secret) = host.effective_secret() else { return false };
    let asked = member.configuration.present().and_then(ClusterConfiguration::jwt_secret);
    member.effective_secret() == Some(secret) || asked.as_ref() == Some(secret)
}

pub(super) fn has_token(host: &Observed, traces: &Traces) -> bool {
    let host = HostUid::new(&host.uid);
    traces.credential.iter().any(|piece| piece.part == TracedCredential::Token(Some(host)))
}

/// Whether what kubefed left under this name is surely not the other host's, whose controller writes the name that it
/// knows the member by (from 3.3; kubesphere `cluster_controller.go@v3.4.1:548-575`).
fn is_another_name(name: &str, member: &Observed) -> bool {
    let known = member.config.present().and_then(|config| config.cluster_name.as_deref());
    known.is_some_and(|known| known != name)
}
