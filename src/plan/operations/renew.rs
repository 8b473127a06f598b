//! New kubeconfigs in Clusters that stand. No ClusterConfiguration is changed.

use kubesphere::{cluster::RegisteredCluster, kubesphere_config::DEFAULT_RESYNC};

use super::{Decision, members::kind};
use crate::plan::{
    credential::{CredentialKind, HostUid},
    credential_step::CredentialStep,
    intent::{ClusterIntent, Intent},
    needs::{ConfigurationNeed, Needs, Unplannable},
    observed::Observed,
    phase::{Lane, OnFailure, Phase, Plan},
    renewal::changed_endpoint,
    step::Step,
    steps::{
        make_credential::MakeCredential,
        remove_superseded::RemoveSuperseded,
        renew::{Renew, WaitsFor},
    },
    superseded::{Superseded, superseded},
};

pub(super) fn decide(
    intent: &Intent,
    host: Option<&Observed>,
    members: &[&Observed],
) -> Result<Decision, Unplannable> {
    let host = host.ok_or(Unplannable::NotObserved)?;
    let secret = host.effective_secret().ok_or(Unplannable::NotObserved)?.clone();
    let needs = members
        .iter()
        .fold(Needs::new(secret), |needs, member| needs.and(&member.side, ConfigurationNeed::InEffect));
    Ok(Decision { needs, plan: renewing(intent, host, members, |renewal| renewal.steps([]))? })
}

/// Every member's steps, as `steps` has them of its renewal.
pub(super) fn renewing(
    intent: &Intent,
    host: &Observed,
    members: &[&Observed],
    steps: fn(Renewal) -> Vec<Step>,
) -> Result<Plan, Unplannable> {
    let lanes = intent.members.iter().zip(members).map(|(intent, member)| {
        let cluster = intent.cluster.as_ref().ok_or(Unplannable::NotObserved)?;
        let renewal = Renewal::of(cluster, host, member)?;
        Ok(Lane { cluster: member.side.clone(), steps: steps(renewal) })
    });
    let lanes: Vec<Lane> = lanes.collect::<Result<_, _>>()?;
    Ok(Plan::of([Phase::new(OnFailure::StopLane, lanes)]))
}

/// What a renewal consists of.
pub(super) struct Renewal {
    made: MakeCredential,
    pub(super) renewed: Renew,
    removed: Option<RemoveSuperseded>,
}

impl Renewal {
    fn of(intent: &ClusterIntent, host: &Observed, member: &Observed) -> Result<Self, Unplannable> {
        host.clusters.present().ok_or(Unplannable::NotObserved)?;
        let planned = host.cluster_named(&intent.name);
        let planned = planned.ok_or_else(|| Unplannable::NoCluster { name: intent.name.clone() })?;
        let kind = kind(intent, host);
        let (uid, now) = (HostUid::new(&host.uid), member.clock.now);
        let credential = CredentialStep::renewed(kind, uid, member.account.as_ref(), now);
        let renewed = Renew {
            host: host.side.clone(),
            member: member.side.clone(),
            uid: member.uid.clone(),
            planned: planned.clone(),
            server: intent.server.clone(),
            credential: kind,
            changes: changed_endpoint(planned, &intent.server).into_iter().collect(),
            differences: host.differences(),
            resync: host.config.present().map_or(DEFAULT_RESYNC, |config| config.resync),
            waits_for: WaitsFor::Joined,
        };
        let superseded = of_no_more_use(kind, host, planned, member);
        let removed = superseded.filter(|superseded| !superseded.is_empty()).map(|superseded| {
            let (host, member) = (host.side.clone(), member.side.clone());
            RemoveSuperseded { host, member, superseded }
        });
        let made = MakeCredential::new(&member.side, &member.uid, intent, credential);
        Ok(Self { made, renewed, removed })
    }

    /// The steps, with these before the earlier credential is removed.
    pub(super) fn steps(self, proof: impl IntoIterator<Item = Step>) -> Vec<Step> {
        let Self { made, renewed, removed } = self;
        let removed = removed.map(Step::RemoveSuperseded);
        [Step::MakeCredential(made), Step::Renew(renewed)].into_iter().chain(proof).chain(removed).collect()
    }
}

/// What the host does not use any more once it has the new credential.
fn of_no_more_use(
    kind: CredentialKind,
    host: &Observed,
    renewed: &RegisteredCluster,
    member: &Observed,
) -> Option<Superseded> {
    let others = host.clusters.present().into_iter().flatten();
    let others = others.filter(|other| other.name() != renewed.name());
    let earlier = member.earlier.as_ref()?;
    Some(superseded(earlier, (HostUid::new(&host.uid), renewed), others, kind == CredentialKind::Certificate))
}
