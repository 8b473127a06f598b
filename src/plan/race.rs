//! Who gives way where two operators register the same member at once.

use kubesphere::cluster::RegisteredCluster;

/// The Cluster before which `ours` has to give way: the Kubernetes API takes two Clusters of the same member,
/// and both operators must come to the same decision, so the earlier one stays, and of two in the same second
/// the one whose name comes first.
pub fn earlier_twin<'a>(
    ours: &RegisteredCluster,
    clusters: &'a [RegisteredCluster],
    uid: &str,
) -> Option<&'a RegisteredCluster> {
    let staying = twins(ours, clusters, uid).filter(|twin| !twin.is_being_deleted());
    staying.filter(|twin| order(twin) < order(ours)).min_by_key(|twin| order(twin))
}

/// Every other Cluster of the member with kube-system UID `uid`, those that are being deleted too.
pub fn twins<'a>(
    ours: &RegisteredCluster,
    clusters: &'a [RegisteredCluster],
    uid: &str,
) -> impl Iterator<Item = &'a RegisteredCluster> {
    let (name, uid) = (ours.name().to_owned(), uid.to_owned());
    clusters.iter().filter(move |cluster| cluster.name() != name && cluster.member_uid() == Some(&uid))
}

fn order(cluster: &RegisteredCluster) -> (&str, &str) {
    (cluster.created_at(), cluster.name())
}

#[cfg(test)]
mod tests {
    use kubesphere::cluster::RegisteredCluster;
    use serde_json::json;

    use super::earlier_twin;

    fn cluster(name: &str, created: &str, uid: &str) -> RegisteredCluster {
        RegisteredCluster::new(json!({
            "metadata": {"name": name, "creationTimestamp": created},
            "status": {"uid": uid},
        }))
    }

    #[test]
    fn exactly_one_of_two_gives_way() {
        let times = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"];
        for (one_at, other_at) in [(times[0], times[0]), (times[0], times[1]), (times[1], times[0])] {
            let one = cluster("a", one_at, "u");
            let other = cluster("b", other_at, "u");
            let all = [one.clone(), other.clone()];
            let yields = [&one, &other].map(|ours| earlier_twin(ours, &all, "u").is_some());
            assert_ne!(yields[0], yields[1], "{one_at} {other_at}");
        }
    }

    #[test]
    fn nobody_gives_way_to_a_cluster_that_is_being_deleted() {
        let ours = cluster("b", "2026-01-01T00:00:01Z", "u");
        let leaving = RegisteredCluster::new(json!({
            "metadata": {"name": "a", "creationTimestamp": "2026-01-01T00:00:00Z", "deletionTimestamp": "2026-01-01T00:00:02Z"},
            "status": {"uid": "u"},
        }));
        assert_eq!(earlier_twin(&ours, &[leaving, ours.clone()], "u"), None);
    }

    #[test]
    fn other_members_are_no_twins() {
        let all = [cluster("a", "2026-01-01T00:00:00Z", "u"), cluster("b", "2026-01-01T00:00:00Z", "v")];
        assert_eq!(earlier_twin(&all[1], &all, "v"), None);
    }
}
