//! The names under which a host knows the clusters that are looked at.

use kubesphere::cluster::RegisteredCluster;

use super::{
    intent::{Intent, MemberIntent},
    observed::Observed,
};

/// The intent with each member's Cluster under the name that it is registered with, where it is: a member is told by
/// its UID, whatever its context is called. What a fleet file calls it is meant.
pub fn with_registered_names(
    mut intent: Intent,
    host: Option<&Observed>,
    members: &[Option<Observed>],
) -> Intent {
    let Some(host) = host else { return intent };
    for (member, observed) in intent.members.iter_mut().zip(members) {
        if let Some(observed) = observed {
            rename(member, host, &observed.uid);
        }
    }
    intent
}

/// Whether it is the Cluster of this member, by its UID; by its name where one of them tells no UID.
pub fn is_members(cluster: &RegisteredCluster, intent: &MemberIntent, member: Option<&Observed>) -> bool {
    match (cluster.member_uid(), member) {
        (Some(uid), Some(member)) => member.uid == uid,
        _ => intent.cluster.as_ref().is_some_and(|wanted| wanted.name == cluster.name()),
    }
}

fn rename(member: &mut MemberIntent, host: &Observed, uid: &str) {
    let Some(cluster) = member.cluster.as_mut().filter(|cluster| !cluster.given.name) else { return };
    let names: Vec<&str> = host.clusters_with_uid(uid).map(RegisteredCluster::name).collect();
    // Where it is registered twice, the other is what member-registration tells.
    if let Some(name) = names.first().filter(|_| !names.contains(&cluster.name.as_str())) {
        cluster.name = (*name).to_owned();
    }
}

#[cfg(test)]
mod tests {
    use kubesphere::{cluster::RegisteredCluster, side::Side};
    use serde_json::json;

    use super::with_registered_names;
    use crate::plan::{
        credential::Choice,
        intent::{
            ClusterIntent, Description, HostChoice, HostIntent, Intent, MemberIntent, Reachability,
            StoredOptions,
        },
        observed::{Seen, fixture},
        operation::Operation,
        skipped::Skipped,
    };

    /// The name that a context `edge-1` with the UID `u` gets where these are registered.
    fn name_among(registered: &[(&str, &str)]) -> String {
        let mut host = fixture("v1.27.4");
        let clusters = registered.iter().map(|(name, uid)| {
            RegisteredCluster::new(json!({"metadata": {"name": name}, "status": {"uid": uid}}))
        });
        host.clusters = Seen::Present(clusters.collect());
        let cluster = ClusterIntent {
            name: "edge-1".to_owned(),
            description: Description::default(),
            server: String::new(),
            credential: Choice::Auto,
            endpoint: Err(Vec::new()),
            user: Err(Vec::new()),
            values: None,
            given: StoredOptions::default(),
        };
        let member =
            MemberIntent { side: Side::member("edge-1"), from_other_host: false, cluster: Some(cluster) };
        let intent = Intent {
            operation: Operation::Check,
            host: HostIntent { cluster_name: None, rotation: None, chosen: HostChoice::Named },
            members: vec![member],
            given_secret: None,
            reachability: Reachability::Off,
            left_out: Vec::new(),
            expected: None,
            skipped: Skipped::default(),
        };
        let named = with_registered_names(intent, Some(&host), &[Some(fixture("v1.27.4"))]);
        named.members[0].cluster.as_ref().unwrap().name.clone()
    }

    #[test]
    fn a_member_is_known_by_its_uid_else_by_its_context() {
        assert_eq!(name_among(&[("other", "x")]), "edge-1");
        assert_eq!(name_among(&[("other", "x"), ("frankfurt", "u")]), "frankfurt");
        assert_eq!(name_among(&[("frankfurt", "u"), ("edge-1", "u")]), "edge-1");
        assert_eq!(name_among(&[]), "edge-1");
    }
}
