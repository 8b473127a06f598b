//! The credentials that the host will store, made before any configuration changes.

use futures::future::join_all;

use super::{
    carry_out::{Carried, CarryOut},
    look::Settled,
};
use crate::{
    error::{Error, Kind},
    kubesphere::side::Side,
    live::{
        connection::Connection,
        member_credential::{Making, make, rehearse},
    },
    output::document::Outcome,
    plan::{
        credential::{HostUid, Piece},
        credential_step::CredentialStep,
        join::{ClusterPlan, MemberPlan},
        member_kubeconfig::{StoredKubeconfig, kubeconfig},
    },
};

impl CarryOut<'_> {
    /// The kubeconfig of each member whose Cluster is to be created. One failure ends the whole command: nothing else
    /// was begun yet.
    pub(super) async fn credentials(
        &self,
        settled: &Settled<'_>,
        carried: &mut Carried,
    ) -> Result<Vec<Option<StoredKubeconfig>>, Error> {
        let each = (0..settled.plan.members.len()).map(|number| self.credential(settled, number));
        let mut kubeconfigs = Vec::new();
        let mut errors = Vec::new();
        for (mut made, result) in join_all(each).await {
            carried.outcomes.append(&mut made.outcomes);
            match result {
                Ok(kubeconfig) => kubeconfigs.push(kubeconfig),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(kubeconfigs) } else { Err(one_of(errors)) }
    }

    pub(super) async fn credential(
        &self,
        settled: &Settled<'_>,
        number: usize,
    ) -> (Carried, Result<Option<StoredKubeconfig>, Error>) {
        let mut carried = Carried::default();
        let member = &settled.plan.members[number];
        let MemberPlan { cluster: Some(ClusterPlan { credential: Some(step), .. }), .. } = member else {
            return (carried, Ok(None));
        };
        let Some(cluster) = &self.clusters.intent.members[number].cluster else { return (carried, Ok(None)) };
        let making = Making {
            member: &self.clusters.members[number],
            cluster,
            uid: &settled.members[number].uid,
            host: HostUid::new(settled.host.map_or("", |host| host.uid.as_str())),
            step,
            deadline: self.deadline,
            report: self.report,
        };
        let mut made = Vec::new();
        let user = make(&making, &mut made).await;
        let created = made.into_iter().filter(|piece| piece.stays());
        carried.outcomes.extend(created.map(|piece| piece_made(&member.side, piece)));
        let endpoint = cluster.endpoint.as_ref().expect("the check member-credential has passed");
        let stored = user.map(|user| Some(kubeconfig(&cluster.name, endpoint, Some(&user))));
        (carried, stored.map_err(Error::from))
    }
}

/// One error for several members without a credential.
fn one_of(mut errors: Vec<Error>) -> Error {
    if errors.len() == 1 {
        return errors.remove(0);
    }
    let obstacles = errors.iter().all(|error| error.kind == Kind::Obstacle);
    let kind = if obstacles { Kind::Obstacle } else { Kind::Error };
    let message =
        format!("{} members have no credential for the host; no configuration was changed", errors.len());
    // What is a finding is told as one.
    let unfound = errors.iter().filter(|error| error.findings.is_empty());
    let causes = unfound.map(|error| [vec![error.message.clone()], error.causes.clone()].concat().join(": "));
    let findings = errors.iter().flat_map(|error| error.findings.clone()).collect();
    let mut sum = Error { causes: causes.collect(), findings, ..Error::new(kind, message) };
    for hint in errors.into_iter().flat_map(|error| error.hints) {
        if !sum.hints.contains(&hint) {
            sum.hints.push(hint);
        }
    }
    sum
}

/// Sends what is to be created for a member's credential with `dryRun=All`.
pub(super) async fn rehearse_credential(
    connection: &Connection,
    member: &MemberPlan,
) -> Result<Vec<Outcome>, Error> {
    if let Some(step) = credential(member) {
        rehearse(connection, step).await?;
    }
    Ok(foreseen_pieces(member).collect())
}

fn credential(member: &MemberPlan) -> Option<&CredentialStep> {
    member.cluster.as_ref()?.credential.as_ref()
}

pub(super) fn foreseen_pieces(member: &MemberPlan) -> impl Iterator<Item = Outcome> {
    let pieces = credential(member).into_iter().flat_map(|step| &step.missing);
    pieces.filter(|piece| piece.stays()).map(|piece| piece_made(&member.side, *piece))
}

/// What comes of a part of a credential.
fn piece_made(member: &Side, piece: Piece) -> Outcome {
    let object = format!("{}/{}", piece.kind(), piece.name());
    Outcome { side: member.clone(), object, verb: piece.outcome() }
}

#[cfg(test)]
mod tests {
    use super::{Error, Kind, one_of};

    fn failed(kind: Kind, member: &str) -> Error {
        let mut error = Error::new(kind, format!("member \"{member}\": no")).hint("try again");
        error.causes.push("why".to_owned());
        error
    }

    #[test]
    fn one_members_error_is_told_as_it_is() {
        assert_eq!(one_of(vec![failed(Kind::TimedOut, "a")]).message, "member \"a\": no");
    }

    #[test]
    fn several_are_an_obstacle_only_where_each_is_one() {
        let sum = one_of(vec![failed(Kind::Obstacle, "a"), failed(Kind::Obstacle, "b")]);
        assert_eq!(sum.kind, Kind::Obstacle);
        assert_eq!(sum.message, "2 members have no credential for the host; no configuration was changed");
        assert_eq!(sum.causes, ["member \"a\": no: why", "member \"b\": no: why"]);
        assert_eq!(sum.hints, ["try again"], "said once");
        let sum = one_of(vec![failed(Kind::Obstacle, "a"), failed(Kind::Error, "b")]);
        assert_eq!(sum.kind, Kind::Error);
    }
}
