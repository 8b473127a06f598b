//! Whether a cluster is the member that a Cluster on the host stands for.

use kubesphere::cluster::RegisteredCluster;

use super::observed::Observed;

/// What a comparison of the two gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// It is that member.
    Same,
    /// The Cluster stands for another one, with this UID of its kube-system.
    Other(String),
    /// Nothing proves it: the Cluster has no UID, and the cluster not all traces of the join.
    Unproven,
}

/// Told by the UID of the member's kube-system, or where the host knows none (it records it from 3.3, and the stored
/// kubeconfig leads nowhere) by two traces together: the host's kubefed has joined the cluster under this name, and both
/// share a jwtSecret.
pub fn identity(cluster: &RegisteredCluster, host: &Observed, member: &Observed) -> Identity {
    match cluster.member_uid() {
        Some(uid) if uid == member.uid => Identity::Same,
        Some(uid) => Identity::Other(uid.to_owned()),
        None if bears_traces(cluster.name(), host, member) => Identity::Same,
        None => Identity::Unproven,
    }
}

/// Whether a cluster has what a join of this name to this host leaves there.
pub fn bears_traces(name: &str, host: &Observed, member: &Observed) -> bool {
    let secret = host.effective_secret();
    is_joined_as(name, member) && secret.is_some() && secret == member.effective_secret()
}

/// Whether a host's kubefed has joined it under this name.
pub fn is_joined_as(name: &str, member: &Observed) -> bool {
    member.joined_as.present().is_some_and(|names| names.iter().any(|joined| joined == name))
}

#[cfg(test)]
mod tests {
    use kubesphere::{cluster::RegisteredCluster, jwt_secret::JwtSecret};
    use serde_json::json;

    use super::{Identity, identity};
    use crate::plan::observed::{Seen, fixture};

    fn compared(uid: Option<&str>, joined_as: &str, secrets: [&str; 2]) -> Identity {
        let cluster = json!({"metadata": {"name": "edge-1"}, "status": {"uid": uid}});
        let (mut host, mut member) = (fixture("v1.27.4"), fixture("v1.27.4"));
        member.joined_as = Seen::Present(vec![joined_as.to_owned()]);
        host.secret = Seen::Present(JwtSecret::new(secrets[0]));
        member.secret = Seen::Present(JwtSecret::new(secrets[1]));
        identity(&RegisteredCluster::new(cluster), &host, &member)
    }

    #[test]
    fn the_uid_decides_where_there_is_one() {
        assert_eq!(compared(Some("u"), "other", ["a", "b"]), Identity::Same);
        assert_eq!(compared(Some("x"), "edge-1", ["a", "a"]), Identity::Other("x".to_owned()));
    }

    #[test]
    fn without_one_both_traces_are_needed() {
        assert_eq!(compared(None, "edge-1", ["a", "a"]), Identity::Same);
        assert_eq!(compared(None, "edge-1", ["a", "b"]), Identity::Unproven);
        assert_eq!(compared(None, "other", ["a", "a"]), Identity::Unproven);
    }
}
