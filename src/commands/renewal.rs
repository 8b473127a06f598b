//! Renewing what the host stores of its members: each on its own, all at once.

use futures::future::join_all;
use serde_json::json;

use super::{
    carry_out::{Carried, CarryOut, renewed},
    look::Settled,
};
use crate::{
    error::Error,
    kubesphere::side::Side,
    live::{
        apply::{Persistence, patch_cluster},
        connection::Connection,
        renew::{New, Removed, Removing},
    },
    output::document::Outcome,
    plan::{
        credential::Piece, join::MemberPlan, member_kubeconfig::StoredKubeconfig, superseded::Superseded,
    },
};

/// It refuses every update of a Cluster whose kubeconfig does not lead to its member (kubesphere 3.4,
/// `config/webhook/ks-controller-manager.yaml@v3.4.1`).
const CLUSTER_WEBHOOK: &str = "validating-cluster.kubesphere.io";

impl CarryOut<'_> {
    /// Renews every Cluster of the plan; a member's failure is that member's alone.
    pub(super) async fn renewals(&self, settled: &Settled<'_>) -> Vec<Carried> {
        let each = (0..settled.plan.members.len()).map(|number| self.renewal(settled, number));
        std::iter::once(Carried::default()).chain(join_all(each).await).collect()
    }

    async fn renewal(&self, settled: &Settled<'_>, number: usize) -> Carried {
        let (mut carried, kubeconfig) = self.credential(settled, number).await;
        let renewed = match kubeconfig {
            Ok(Some(kubeconfig)) => self.try_renewal(settled, number, &kubeconfig, &mut carried).await,
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        carried.error = renewed.err();
        carried
    }

    async fn try_renewal(
        &self,
        settled: &Settled<'_>,
        number: usize,
        kubeconfig: &StoredKubeconfig,
        carried: &mut Carried,
    ) -> Result<(), Error> {
        let member = &self.clusters.members[number];
        let intent = &self.clusters.intent.members[number];
        let plan = settled.plan.members[number].cluster.as_ref();
        let (Some(host), Some(steering)) = (settled.host, &self.clusters.host) else { return Ok(()) };
        let (Some(cluster), Some(plan)) = (&intent.cluster, plan) else { return Ok(()) };
        let Some((planned, renewal)) = host.cluster_named(&cluster.name).zip(plan.renewal()) else {
            return Ok(());
        };
        let uid = &settled.members[number].uid;
        let mut registering = self.registering(steering, host, member, cluster, uid);
        registering.renewed = Some(New { planned, kubeconfig });
        self.register(&registering, &plan.registration, carried).await?;
        if !self.wait {
            return Ok(());
        }
        self.remove(steering, member, &renewal.superseded, carried).await
    }

    /// Only now that the host has taken the new one.
    async fn remove(
        &self,
        host: &Connection,
        member: &Connection,
        superseded: &Superseded,
        carried: &mut Carried,
    ) -> Result<(), Error> {
        let removing = Removing { host, member, superseded, deadline: self.deadline, report: self.report };
        let mut removed = Vec::new();
        let result = removing.remove(&mut removed).await;
        for outcome in removed.into_iter().map(|removed| outcome(&member.side, removed)) {
            // A binding that was patched twice is one result.
            if !carried.outcomes.contains(&outcome) {
                carried.outcomes.push(outcome);
            }
        }
        Ok(result?)
    }
}

/// Sends the patch of the Cluster with `dryRun=All`, without the kubeconfig, because the credential in it is not there yet.
pub(super) async fn rehearse_renewal(host: &Connection, member: &MemberPlan) -> Result<Vec<Outcome>, Error> {
    let outcomes = foreseen_renewal(member);
    let Some(cluster) = member.cluster.as_ref().filter(|_| !outcomes.is_empty()) else { return Ok(outcomes) };
    let changes = cluster.renewal().into_iter().flat_map(|renewal| &renewal.changes);
    let endpoint = changes.map(|change| change.new.as_str()).next();
    let connection = endpoint.map_or(json!({}), |endpoint| json!({"kubernetesAPIEndpoint": endpoint}));
    let patch = json!({"spec": {"connection": connection}});
    match patch_cluster(host, &cluster.name, &patch, Persistence::DryRun).await {
        // It asks the kubeconfig that is there, which may well have ended: that is why there shall be another.
        Err(error) if error.cause.to_string().contains(CLUSTER_WEBHOOK) => Ok(outcomes),
        answer => answer.map(|_| outcomes).map_err(Error::from),
    }
}

/// What renewing this member's Cluster comes to, its credential aside.
pub(super) fn foreseen_renewal(member: &MemberPlan) -> Vec<Outcome> {
    let Some(cluster) = &member.cluster else { return Vec::new() };
    let Some(renewal) = cluster.renewal() else { return Vec::new() };
    let mut outcomes = vec![renewed(&cluster.host, &cluster.name)];
    outcomes.extend(foreseen_removal(&member.side, &renewal.superseded));
    outcomes
}

fn foreseen_removal(member: &Side, superseded: &Superseded) -> Vec<Outcome> {
    let deleted = |name: &str| Removed { object: format!("secret/{name}"), outcome: "deleted" };
    let mut removed: Vec<Removed> = superseded.tokens.iter().map(|token| deleted(&token.name)).collect();
    // Where a user is added besides, the binding is told already.
    if superseded.empties_binding {
        let (piece, outcome) = (Piece::UserBinding, "deleted");
        removed.push(Removed { object: format!("{}/{}", piece.kind(), piece.name()), outcome });
    }
    removed.into_iter().map(|removed| outcome(member, removed)).collect()
}

fn outcome(member: &Side, removed: Removed) -> Outcome {
    Outcome { side: member.clone(), object: removed.object, verb: removed.outcome }
}
