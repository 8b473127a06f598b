//! A join: the credential, then the Cluster, and the wait for what the host makes of it. Until the host has installed its member
//! nothing is written to the Cluster (kubesphere `cluster_controller.go@v4.1.3:391-410`).

use crate::plan::{
    configuration_patch::Change,
    core::{HostIdentity, OnMember},
    intent::{ClusterIntent, Intent, MemberIntent},
    needs::{Needs, Registration, Unplannable, registration},
    observed::{Observed, Seen},
    operations::{
        Decision,
        members::{credentials, describe, registering},
    },
    phase::{Lane, OnFailure, Phase, Plan},
    step::Step,
    steps::{describe_cluster::DescribeCluster, register::Installer},
};

pub(in crate::plan::operations) fn decide(
    intent: &Intent,
    host: &Observed,
    members: &[&Observed],
) -> Result<Decision, Unplannable> {
    let identity = HostIdentity::of(host).ok_or(Unplannable::NotObserved)?;
    let lanes = intent.members.iter().zip(members).map(|(intent, member)| {
        let known = register(intent, host, member, &identity);
        let host_writes = known.is_some();
        let described = describe(intent, host).map(|step| DescribeCluster { host_writes, ..step });
        let steps = known.into_iter().chain(described.map(Step::DescribeCluster)).collect();
        Lane { cluster: member.side.clone(), steps }
    });
    let joined = Phase::new(OnFailure::StopLane, lanes);
    let plan = Plan::of([credentials(intent, host, members), joined]);
    Ok(Decision { needs: Needs::new(identity.secret), plan })
}

/// Makes the member known to its host, where it is not, or waits for what it still lacks.
fn register(
    intent: &MemberIntent,
    host: &Observed,
    member: &Observed,
    identity: &HostIdentity,
) -> Option<Step> {
    let cluster = intent.cluster.as_ref()?;
    let creates = match registration(&cluster.name, host, &member.uid) {
        Registration::Create => true,
        Registration::Await => false,
        Registration::Joined => {
            OnMember::of(member).missing(&cluster.name, identity)?;
            false
        }
    };
    let installer = installer(cluster, identity, member, creates);
    Some(registering(cluster, (host, member), creates, Some(installer)))
}

/// Helm upgrades what it finds, whoever has installed that (kubesphere `helper.go@v4.1.3:85-103`).
fn installer(cluster: &ClusterIntent, host: &HostIdentity, member: &Observed, creates: bool) -> Installer {
    let release = member.surroundings.core.as_ref().map(|core| &core.release);
    let upgrades = matches!(release, Some(Seen::Present(_)));
    let values = cluster.values.as_ref().map(|values| Change {
        field: "spec.config".to_owned(),
        old: None,
        new: values.described(),
    });
    let own = member.config.present().and_then(|config| config.issuer_secret.as_ref());
    let secret = own.filter(|own| **own != host.secret).map(|own| Change {
        field: format!("{}: authentication.issuer.jwtSecret", member.side),
        old: Some(own.fingerprint()),
        new: host.secret.fingerprint(),
    });
    let changes = values.into_iter().chain(secret).filter(|_| creates).collect();
    Installer { host: host.clone(), upgrades, changes }
}
