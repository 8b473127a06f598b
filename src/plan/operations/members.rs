//! What several operations have in common.

use kubesphere::kubesphere_config::DEFAULT_RESYNC;

use super::Decision;
use crate::plan::{
    credential::CredentialKind,
    intent::{ClusterIntent, HostIntent, Intent, MemberIntent},
    needs::{
        ConfigurationNeed, Needs, Registration, Unplannable, credential_step, host_need, member_need,
        registration, shared_secret,
    },
    observed::Observed,
    phase::{Lane, OnFailure, Phase, Plan},
    reconciler::Goal,
    step::Step,
    steps::{
        configure::Configure,
        describe_cluster::DescribeCluster,
        make_credential::MakeCredential,
        register::{Installer, Register},
    },
};

/// The credentials, the host, then every member with its Cluster. `configures` says which needs of a configuration are seen to.
pub(super) fn joining(
    intent: &Intent,
    host: Option<&Observed>,
    members: &[&Observed],
    configures: fn(&ConfigurationNeed) -> bool,
) -> Result<Decision, Unplannable> {
    let secret = shared_secret(intent, host)?;
    let host = host.ok_or(Unplannable::NotObserved)?;
    let needs = with_members(with_host(Needs::new(secret), &intent.host, host)?, members)?;
    let sees_to = |cluster: &Observed| needs.of(&cluster.side).is_some_and(configures);
    let prepared = self::host(&intent.host, &needs, host).filter(|_| sees_to(host));
    let lanes = intent.members.iter().zip(members).map(|(intent, member)| {
        let effect = configure(&needs, member, prepared.is_some()).filter(|_| sees_to(member));
        let described = describe(intent, host).map(Step::DescribeCluster);
        let known = register(intent, host, member).into_iter().chain(described);
        Lane { cluster: member.side.clone(), steps: effect.into_iter().chain(known).collect() }
    });
    let joined = Phase::new(OnFailure::StopLane, lanes);
    let plan = Plan::of([credentials(intent, host, members), prepared, joined]);
    Ok(Decision { needs, plan })
}

/// What the members' configurations need, beside what is known.
pub(super) fn with_members(mut needs: Needs, members: &[&Observed]) -> Result<Needs, Unplannable> {
    for member in members {
        let need = member_need(member, &needs.secret)?;
        needs = needs.and(&member.side, need);
    }
    Ok(needs)
}

/// What the host's configuration needs, beside what is known.
pub(super) fn with_host(needs: Needs, intent: &HostIntent, host: &Observed) -> Result<Needs, Unplannable> {
    Ok(needs.and(&host.side, host_need(intent, host)?))
}

/// Brings the host into effect, where it is not.
pub(super) fn host(intent: &HostIntent, needs: &Needs, host: &Observed) -> Option<Phase> {
    let expected = needs.of(&host.side).filter(|need| **need != ConfigurationNeed::InEffect)?.clone();
    let cluster = host.side.clone();
    let (goal, observed) = (Goal::Host(intent.clone()), Box::new(host.clone()));
    let step = Configure { cluster, goal, expected, observed };
    let lane = Lane { cluster: host.side.clone(), steps: vec![Step::Configure(step)] };
    Phase::new(OnFailure::StopAll, [lane])
}

/// Brings a member into effect. While its host was waited for somebody may have changed it, so that it is looked at again
/// even where nothing is to be done.
fn configure(needs: &Needs, member: &Observed, host_changes: bool) -> Option<Step> {
    let expected = needs.of(&member.side)?.clone();
    if expected == ConfigurationNeed::InEffect && !host_changes {
        return None;
    }
    let (cluster, goal) = (member.side.clone(), Goal::Member(needs.secret.clone()));
    let observed = Box::new(member.clone());
    Some(Step::Configure(Configure { cluster, goal, expected, observed }))
}

/// Brings the members into effect, and does nothing else on them.
pub(super) fn configured(needs: &Needs, members: &[&Observed], host_changes: bool) -> Option<Phase> {
    let lanes = members.iter().map(|member| {
        let steps = configure(needs, member, host_changes).into_iter().collect();
        Lane { cluster: member.side.clone(), steps }
    });
    Phase::new(OnFailure::StopLane, lanes)
}

/// The credentials of the members whose Clusters are to be created. One failure ends the whole command: nothing else was begun
/// yet.
pub(super) fn credentials(intent: &Intent, host: &Observed, members: &[&Observed]) -> Option<Phase> {
    let lanes = intent.members.iter().zip(members).map(|(intent, member)| {
        let cluster = intent.cluster.as_ref();
        let created =
            cluster.filter(|cluster| registration(&cluster.name, host, &member.uid) == Registration::Create);
        let steps = created.map(|cluster| {
            let credential = credential_step(cluster, host, member);
            Step::MakeCredential(MakeCredential::new(&member.side, &member.uid, cluster, credential))
        });
        Lane { cluster: member.side.clone(), steps: steps.into_iter().collect() }
    });
    Phase::new(OnFailure::StopAll, lanes)
}

/// Makes the member known to its host, where it is not.
fn register(intent: &MemberIntent, host: &Observed, member: &Observed) -> Option<Step> {
    let cluster = intent.cluster.as_ref()?;
    let creates = match registration(&cluster.name, host, &member.uid) {
        Registration::Joined => return None,
        Registration::Await => false,
        Registration::Create => true,
    };
    Some(registering(cluster, (host, member), creates, None))
}

/// Creates the Cluster, or only waits for it; `installer` is the host where it installs the member itself.
pub(super) fn registering(
    cluster: &ClusterIntent,
    (host, member): (&Observed, &Observed),
    creates: bool,
    installer: Option<Installer>,
) -> Step {
    Step::Register(Register {
        host: host.side.clone(),
        member: member.side.clone(),
        uid: member.uid.clone(),
        name: cluster.name.clone(),
        description: cluster.description.clone(),
        values: cluster.values.clone(),
        credential: kind(cluster, host),
        creates,
        differences: host.differences(),
        resync: host.config.present().map_or(DEFAULT_RESYNC, |config| config.resync),
        installer,
    })
}

/// Has the Cluster that stands say about the member what was asked for.
pub(super) fn describe(intent: &MemberIntent, host: &Observed) -> Option<DescribeCluster> {
    let cluster = intent.cluster.as_ref()?;
    let registered = host.cluster_named(&cluster.name)?;
    DescribeCluster::between(&host.side, registered, &cluster.description)
}

pub(super) fn kind(cluster: &ClusterIntent, host: &Observed) -> CredentialKind {
    cluster.credential.kind(host.kubesphere_version())
}
