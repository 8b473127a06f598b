//! Everything the checks may look at.

use crate::{
    kubesphere::{cluster::RegisteredCluster, side::Side},
    plan::{
        intent::{ClusterIntent, Intent, MemberIntent},
        needs::{ConfigurationStep, Unplannable},
        observed::Observed,
        operation::Operation,
        operations::Decision,
    },
};

/// A join, as far as it was observed. A side that did not answer is absent.
#[derive(Clone, Debug)]
pub struct Situation<'a> {
    /// What was asked for.
    pub intent: &'a Intent,
    /// The host; absent also where it is not asked.
    pub host: Option<&'a Observed>,
    /// The members, in the intent's order.
    pub members: Vec<MemberSituation<'a>>,
    /// The clusters that gave no usable answer.
    pub silent: &'a [Silent],
    /// What is to be done, where that can be told.
    pub decision: Option<&'a Decision>,
    /// Why no plan could be made of it.
    pub unplannable: Option<&'a Unplannable>,
}

/// A cluster that gave no usable answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silent {
    /// Which cluster.
    pub side: Side,
    /// What was asked and why it failed.
    pub message: String,
    /// What to do about it.
    pub hints: Vec<String>,
}

/// One member, as far as it was observed.
#[derive(Clone, Copy, Debug)]
pub struct MemberSituation<'a> {
    /// What was asked for.
    pub intent: &'a MemberIntent,
    /// The member's cluster.
    pub observed: Option<&'a Observed>,
}

impl<'a> Situation<'a> {
    /// Every cluster that answered, the host first.
    pub fn observed(&self) -> impl Iterator<Item = &'a Observed> {
        self.host.into_iter().chain(self.members.iter().filter_map(|member| member.observed))
    }

    /// Every member that answered, with what is wanted of it. One that is the host itself is left out: that it is
    /// says different-clusters, and everything else about it would follow from that.
    pub fn answering_members(&self) -> impl Iterator<Item = (&'a MemberIntent, &'a Observed)> {
        let host = self.host.map(|host| host.uid.as_str());
        let answering = self.members.iter().filter_map(|member| Some((member.intent, member.observed?)));
        answering.filter(move |(_, observed)| host != Some(&observed.uid))
    }

    /// Of these the ones whose Cluster is asked for.
    pub fn answering_clusters(&self) -> impl Iterator<Item = (&'a ClusterIntent, &'a Observed)> {
        self.answering_members().filter_map(|(intent, observed)| Some((intent.cluster.as_ref()?, observed)))
    }

    /// Every Cluster that is asked for, with its member, whether that answered or not.
    pub fn clusters(&self) -> impl Iterator<Item = (Side, &'a ClusterIntent)> {
        let members = self.members.iter().map(|member| member.intent);
        members.filter_map(|intent| Some((intent.side.clone(), intent.cluster.as_ref()?)))
    }

    /// Whether nothing is to be done: a join is looked at, before or after it.
    pub fn checks_only(&self) -> bool {
        self.intent.operation == Operation::Check
    }

    /// What a cluster's configuration needs; `None` where that cannot be told or is not asked for.
    pub fn step(&self, side: &Side) -> Option<&'a ConfigurationStep> {
        self.decision?.needs.of(side)
    }

    /// Whether a run of the installer follows, or is waited for, on this cluster.
    pub fn runs_installer(&self, side: &Side) -> bool {
        self.step(side).is_some_and(ConfigurationStep::runs_installer)
    }

    /// Whether Clusters that stand get a new kubeconfig, and nothing else is done.
    pub fn renews(&self) -> bool {
        self.intent.operation == Operation::Renew
    }

    /// Whether the host is to store a credential of this member.
    pub fn stores_credential(&self, side: &Side) -> bool {
        self.decision.is_some_and(|decision| decision.plan.stores_credential(side))
    }

    /// The Cluster that the host has of this member, by its UID; the one with the wanted name where there are two. A
    /// renewal names it, where the host knows no UID of it.
    pub fn registered(&self, intent: &MemberIntent, member: &'a Observed) -> Option<&'a RegisteredCluster> {
        let name = intent.cluster.as_ref().map(|cluster| cluster.name.as_str());
        if self.renews() {
            let cluster = self.host?.cluster_named(name?)?;
            return cluster.member_uid().is_none_or(|uid| uid == member.uid).then_some(cluster);
        }
        let known = |host: &'a Observed| host.clusters_with_uid(&member.uid);
        let named = self.host.and_then(|host| known(host).find(|cluster| Some(cluster.name()) == name));
        named.or_else(|| self.host.and_then(|host| known(host).next()))
    }

    /// Those of them that the host does not have yet, or that get a new kubeconfig.
    pub fn clusters_to_store(&self) -> impl Iterator<Item = (Side, &'a ClusterIntent)> {
        let host = self.host.filter(|_| !self.renews());
        let stands = move |name: &str| host.is_some_and(|host| host.cluster_named(name).is_some());
        self.clusters().filter(move |(_, cluster)| !stands(&cluster.name))
    }

    /// These, with what was seen of their members.
    pub fn members_to_store(&self) -> impl Iterator<Item = (Side, &'a ClusterIntent, Option<&'a Observed>)> {
        self.clusters_to_store().map(|(side, cluster)| {
            let members = self.members.iter().filter_map(|member| member.observed);
            let member = members.into_iter().find(|member| member.side == side);
            (side, cluster, member)
        })
    }
}
