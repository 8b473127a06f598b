//! Renewing what the host stores of its members: each on its own, all at once.

use futures::future::join_all;
use serde_json::json;

use super::{
    carry_out::{Carried, CarryOut, renewed},
    look::Settled,
};
use crate::{
    error::{CONTINUES, Error},
    kubesphere::{cluster_webhook::WEBHOOK, side::Side},
    live::{
        apply::{Persistence, patch_cluster},
        connection::Connection,
        renew::{New, Removed, Removing},
    },
    output::{document::Outcome, outcomes::credential_left},
    plan::{
        credential::{Piece, USER_BINDING},
        join::MemberPlan,
        member_kubeconfig::StoredKubeconfig,
        superseded::Superseded,
    },
};

/// What helps where a renewal did not come to its end.
pub(super) const RENEW_AGAIN: &str =
    "run `kubectl mc renew NAME` for each one that failed: it makes another credential, and removes this one";

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
        carried.error = renewed.err().map(of_renewal);
        let left = left_behind(&carried.outcomes, &self.clusters.members[number].side);
        if let (Some(error), Some(left)) = (&mut carried.error, left) {
            error.hints.push(left);
        }
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

/// The credential that was made and not stored: it is a cluster-admin's.
fn left_behind(outcomes: &[Outcome], member: &Side) -> Option<String> {
    let (of_member, of_host): (Vec<_>, Vec<_>) = outcomes.iter().partition(|outcome| outcome.side == *member);
    let is_credential = |object: &str| object.starts_with("secret/") || object.ends_with(USER_BINDING);
    let left =
        of_member.into_iter().map(|outcome| outcome.object.as_str()).filter(|object| is_credential(object));
    let left: Vec<&str> = left.collect();
    (of_host.is_empty() && !left.is_empty()).then(|| credential_left(member, &left))
}

/// A second run does not go on with what the first one made.
fn of_renewal(mut error: Error) -> Error {
    for hint in error.hints.iter_mut().filter(|hint| *hint == CONTINUES) {
        RENEW_AGAIN.clone_into(hint);
    }
    error
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
        Err(error) if error.cause.to_string().contains(WEBHOOK) => Ok(outcomes),
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

#[cfg(test)]
mod tests {
    use super::{Outcome, Side, left_behind, renewed};

    #[test]
    fn a_credential_that_was_not_stored_is_named() {
        let member = Side::member("edge-1");
        let host = Side::host("prod");
        let made =
            |object: &str| Outcome { side: member.clone(), object: object.to_owned(), verb: "created" };
        assert_eq!(left_behind(&[made("serviceaccount/kubectl-mc-host")], &member), None);
        let secret = made("secret/kubectl-mc-host-token-1");
        let said = left_behind(std::slice::from_ref(&secret), &member).unwrap();
        assert!(said.starts_with("member \"edge-1\": secret/kubectl-mc-host-token-1 has"), "{said}");
        assert_eq!(left_behind(&[secret, renewed(&host, "edge-1")], &member), None, "it is in use");
    }
}
