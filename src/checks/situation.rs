//! Everything that the checks of a join, its parts and a renewal may look at.

use kubesphere::{cluster::RegisteredCluster, side::Side};

use super::{
    Clusters, Silent, Verdict,
    rule::{UNDECIDED, Unasked, Whose, some},
};
use crate::plan::{
    intent::{ClusterIntent, Intent, MemberIntent},
    needs::{ConfigurationNeed, Unplannable},
    observed::Observed,
    operations::Decision,
    registered_name::is_members,
};

/// A join, as far as it was observed. A side that did not answer is absent.
#[derive(Clone, Debug)]
pub struct Situation<'a> {
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

/// One member, as far as it was observed.
#[derive(Clone, Copy, Debug)]
pub struct MemberSituation<'a> {
    pub intent: &'a MemberIntent,
    /// The member's cluster.
    pub observed: Option<&'a Observed>,
}

impl<'a> Situation<'a> {
    pub fn clusters(&self) -> Clusters<'a> {
        let members: Vec<_> = self.members.iter().filter_map(|member| member.observed).collect();
        let installing = self.host.into_iter().chain(members.iter().copied()).collect();
        let Self { host, silent, unplannable, .. } = *self;
        Clusters { host, members, installing, silent, unplannable }
    }

    /// Every cluster that answered, the host first.
    pub fn answering(&self) -> Result<Vec<&'a Observed>, Unasked> {
        self.clusters().answering()
    }

    pub fn answering_host(&self) -> Result<&'a Observed, Unasked> {
        self.clusters().answering_host()
    }

    /// The host, whose Clusters could be read.
    pub fn host_with_clusters(&self) -> Result<&'a Observed, Unasked> {
        let host = self.answering_host()?;
        let unreadable = host.clusters.unreadable().is_some();
        if unreadable { Err(Unasked::Because("the host's Clusters may not be read")) } else { Ok(host) }
    }

    /// Every member that answered, with what is wanted of it. One that is the host itself is left out: that it is
    /// says different-clusters, and everything else about it would follow from that.
    pub fn answering_members(&self) -> Result<Vec<(&'a MemberIntent, &'a Observed)>, Unasked> {
        let members = some(&self.members, "no member is named")?;
        let answering: Vec<_> =
            members.into_iter().filter_map(|member| Some((member.intent, member.observed?))).collect();
        if answering.is_empty() {
            return Err(Unasked::Unanswered(Whose::Members));
        }
        let others = answering.into_iter().filter(|(_, observed)| !self.is_host(observed));
        some(others, "the member is the host itself")
    }

    fn is_host(&self, member: &Observed) -> bool {
        self.host.is_some_and(|host| host.uid == member.uid)
    }

    /// Of these the ones whose Cluster is asked for.
    pub fn answering_clusters(&self) -> Result<Vec<(&'a ClusterIntent, &'a Observed)>, Unasked> {
        let members = self.answering_members()?;
        let clusters =
            members.into_iter().filter_map(|(intent, observed)| Some((intent.cluster.as_ref()?, observed)));
        some(clusters, "no Cluster is asked for")
    }

    /// Every Cluster that is asked for, with its member, whether that answered or not.
    pub fn clusters_asked_for(&self) -> impl Iterator<Item = (Side, &'a ClusterIntent)> {
        let members = self.members.iter().map(|member| member.intent);
        members.filter_map(|intent| Some((intent.side.clone(), intent.cluster.as_ref()?)))
    }

    /// Whether anything is changed at all.
    pub fn changes_clusters(&self) -> bool {
        self.intent.operation.changes_clusters()
    }

    /// What is broken, and keeps nobody from doing what was asked for, is a failure only where nothing else was asked
    /// for than to tell it.
    pub fn verdict_on_what_stands(&self) -> Verdict {
        if self.changes_clusters() { Verdict::Warning } else { Verdict::Failure }
    }

    /// What a cluster's configuration needs; `None` where that cannot be told or is not asked for.
    pub fn step(&self, side: &Side) -> Option<&'a ConfigurationNeed> {
        self.decision?.needs.of(side)
    }

    /// What the configurations need cannot be told without all that it depends on.
    pub fn undecided(&self) -> Unasked {
        if self.silent.is_empty() { Unasked::Because(UNDECIDED) } else { Unasked::Unanswered(Whose::All) }
    }

    /// Whether a run of the installer follows, or is waited for, on this cluster.
    pub fn runs_installer(&self, side: &Side) -> bool {
        self.step(side).is_some_and(ConfigurationNeed::runs_installer)
    }

    /// Whether the host is to store a credential of this member.
    pub fn stores_credential(&self, side: &Side) -> bool {
        self.decision.is_some_and(|decision| decision.plan.stores_credential(side))
    }

    /// The Cluster that the host has of this member, by its UID; the one with the wanted name where there are two. Where
    /// a Cluster's kubeconfig is replaced it is named, and the host may know no UID of it.
    pub fn registered(&self, intent: &MemberIntent, member: &'a Observed) -> Option<&'a RegisteredCluster> {
        let name = intent.cluster.as_ref().map(|cluster| cluster.name.as_str());
        if self.intent.operation.replaces_kubeconfigs() {
            let cluster = self.host?.cluster_named(name?)?;
            return cluster.member_uid().is_none_or(|uid| uid == member.uid).then_some(cluster);
        }
        let known = |host: &'a Observed| host.clusters_with_uid(&member.uid);
        let named = self.host.and_then(|host| known(host).find(|cluster| Some(cluster.name()) == name));
        named.or_else(|| self.host.and_then(|host| known(host).next()))
    }

    /// The member that the host's Cluster of this name stands for, where it is one of those that were named.
    pub fn member_of(&self, name: &str) -> Option<&'a Side> {
        let cluster = self.host?.cluster_named(name)?;
        let mut members = self.members.iter();
        let member = members.find(|member| is_members(cluster, member.intent, member.observed));
        member.map(|member| &member.intent.side)
    }

    /// The Clusters that the host does not have yet, or that get a new kubeconfig, with what was seen of their members.
    pub fn members_to_store(&self) -> Result<Vec<ToStore<'a>>, Unasked> {
        let host = self.host.filter(|_| !self.intent.operation.replaces_kubeconfigs());
        let stands = |name: &str| host.is_some_and(|host| host.cluster_named(name).is_some());
        let is_host = |member: &Observed| self.is_host(member);
        let others = self.members.iter().filter(|member| !member.observed.is_some_and(is_host));
        let new = others.filter_map(|member| {
            let cluster = member.intent.cluster.as_ref().filter(|cluster| !stands(&cluster.name))?;
            Some((member.intent.side.clone(), cluster, member.observed))
        });
        some(new, "no kubeconfig of a member is to be stored")
    }
}

/// A Cluster to be stored, of a member that may not have answered.
pub(super) type ToStore<'a> = (Side, &'a ClusterIntent, Option<&'a Observed>);
