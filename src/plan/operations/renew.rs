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
    steps::{make_credential::MakeCredential, remove_superseded::RemoveSuperseded, renew::Renew},
    superseded::{Superseded, superseded},
};

pub(super) fn decide(
    intent: &Intent,
    host: Option<&Observed>,
    members: &[&Observed],
) -> Result<Decision, Unplannable> {
    let host = host.ok_or(Unplannable::NotObserved)?;
    let secret = host.effective_secret().ok_or(Unplannable::NotObserved)?.clone();
    let mut needs = Needs::new(secret);
    let mut lanes = Vec::new();
    for (intent, member) in intent.members.iter().zip(members) {
        let cluster = intent.cluster.as_ref().ok_or(Unplannable::NotObserved)?;
        lanes.push(Lane { cluster: member.side.clone(), steps: renewal(cluster, host, member)? });
        needs = needs.and(&member.side, ConfigurationNeed::InEffect);
    }
    Ok(Decision { needs, plan: Plan::of([Phase::new(OnFailure::StopLane, lanes)]) })
}

fn renewal(intent: &ClusterIntent, host: &Observed, member: &Observed) -> Result<Vec<Step>, Unplannable> {
    host.clusters.present().ok_or(Unplannable::NotObserved)?;
    let planned = host.cluster_named(&intent.name);
    let planned = planned.ok_or_else(|| Unplannable::NoCluster { name: intent.name.clone() })?;
    let kind = kind(intent, host);
    let (uid, now) = (HostUid::new(&host.uid), member.clock.now);
    let credential = CredentialStep::renewed(kind, uid, member.account.as_ref(), now);
    let made = MakeCredential::new(&member.side, &member.uid, intent, credential);
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
    };
    let superseded = of_no_more_use(kind, host, planned, member).filter(|superseded| !superseded.is_empty());
    let removed = superseded.map(|superseded| {
        let (host, member) = (host.side.clone(), member.side.clone());
        Step::RemoveSuperseded(RemoveSuperseded { host, member, superseded })
    });
    Ok([Step::MakeCredential(made), Step::Renew(renewed)].into_iter().chain(removed).collect())
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
