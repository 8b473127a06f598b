//! Who gives way where two operators register the same member at once.

use std::collections::HashMap;

use kubesphere::cluster::RegisteredCluster;

/// In which order the Clusters of a host came. Whoever follows them since before the own one was created sees them come in
/// the order in which they were created, as all others do; their creation times are whole seconds.
#[derive(Debug, Default)]
pub struct Arrivals {
    looks: usize,
    /// With which look each was first seen, by its own UID.
    first: HashMap<String, usize>,
}

impl Arrivals {
    /// Takes a look at all of them.
    pub fn see(&mut self, clusters: &[RegisteredCluster]) {
        self.looks += 1;
        for cluster in clusters {
            if !self.first.contains_key(cluster.object_uid()) {
                self.first.insert(cluster.object_uid().to_owned(), self.looks);
            }
        }
    }

    /// Of two that came with one look, as after an interruption, the one that was created earlier, or whose name comes first.
    fn is_before(&self, one: &RegisteredCluster, other: &RegisteredCluster) -> bool {
        let first = |cluster: &RegisteredCluster| self.first.get(cluster.object_uid());
        match (first(one), first(other)) {
            (Some(one), Some(other)) if one != other => one < other,
            _ => order(one) < order(other),
        }
    }
}

/// The Cluster before which `ours` has to give way: the Kubernetes API takes two Clusters of the same member,
/// and both operators must come to the same decision, so the earlier one stays.
pub fn earlier_twin<'a>(
    ours: &RegisteredCluster,
    clusters: &'a [RegisteredCluster],
    uid: &str,
    arrivals: &Arrivals,
) -> Option<&'a RegisteredCluster> {
    let staying = twins(ours.name(), clusters, uid).filter(|twin| !twin.is_being_deleted());
    staying.filter(|twin| arrivals.is_before(twin, ours)).min_by_key(|twin| order(twin))
}

/// Every Cluster of another name of the member with kube-system UID `uid`, those that are being deleted too.
pub fn twins<'a>(
    name: &str,
    clusters: &'a [RegisteredCluster],
    uid: &str,
) -> impl Iterator<Item = &'a RegisteredCluster> {
    let (name, uid) = (name.to_owned(), uid.to_owned());
    clusters.iter().filter(move |cluster| cluster.name() != name && cluster.member_uid() == Some(&uid))
}

fn order(cluster: &RegisteredCluster) -> (&str, &str) {
    (cluster.created_at(), cluster.name())
}

#[cfg(test)]
mod tests {
    use kubesphere::cluster::RegisteredCluster;
    use serde_json::json;

    use super::{Arrivals, earlier_twin};

    fn cluster(name: &str, created: &str, uid: &str) -> RegisteredCluster {
        RegisteredCluster::new(json!({
            "metadata": {"name": name, "uid": format!("of-{name}"), "creationTimestamp": created},
            "status": {"uid": uid},
        }))
    }

    fn at_once(clusters: &[RegisteredCluster]) -> Arrivals {
        let mut arrivals = Arrivals::default();
        arrivals.see(clusters);
        arrivals
    }

    #[test]
    fn exactly_one_of_two_gives_way() {
        let times = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"];
        for (one_at, other_at) in [(times[0], times[0]), (times[0], times[1]), (times[1], times[0])] {
            let one = cluster("a", one_at, "u");
            let other = cluster("b", other_at, "u");
            let all = [one.clone(), other.clone()];
            let arrivals = at_once(&all);
            let yields = [&one, &other].map(|ours| earlier_twin(ours, &all, "u", &arrivals).is_some());
            assert_ne!(yields[0], yields[1], "{one_at} {other_at}");
        }
    }

    /// The first one may long have ended: nobody but the later one can give way.
    #[test]
    fn of_two_of_the_same_second_the_one_that_came_later_gives_way_whatever_its_name() {
        let (first, later) =
            (cluster("b", "2026-01-01T00:00:00Z", "u"), cluster("a", "2026-01-01T00:00:00Z", "u"));
        let all = [later.clone(), first.clone()];
        let mut arrivals = at_once(std::slice::from_ref(&first));
        arrivals.see(&all);
        assert_eq!(earlier_twin(&first, &all, "u", &arrivals), None);
        assert_eq!(earlier_twin(&later, &all, "u", &arrivals), Some(&first));
    }

    #[test]
    fn nobody_gives_way_to_a_cluster_that_is_being_deleted() {
        let ours = cluster("b", "2026-01-01T00:00:01Z", "u");
        let leaving = RegisteredCluster::new(json!({
            "metadata": {"name": "a", "creationTimestamp": "2026-01-01T00:00:00Z", "deletionTimestamp": "2026-01-01T00:00:02Z"},
            "status": {"uid": "u"},
        }));
        let all = [leaving, ours.clone()];
        assert_eq!(earlier_twin(&ours, &all, "u", &at_once(&all)), None);
    }

    #[test]
    fn other_members_are_no_twins() {
        let all = [cluster("a", "2026-01-01T00:00:00Z", "u"), cluster("b", "2026-01-01T00:00:00Z", "v")];
        assert_eq!(earlier_twin(&all[1], &all, "v", &at_once(&all)), None);
    }
}
