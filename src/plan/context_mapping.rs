//! Which context leads to which Cluster.

use kubesphere::cluster::RegisteredCluster;

use super::member_server::storable;

/// A context that leads to a Cluster's member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub context: String,
    /// The address in it.
    pub server: String,
}

/// A Cluster that is left out where all are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    pub name: String,
    pub why: Why,
}

/// Why a Cluster is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// No context leads to it.
    NoContext,
    /// The host uses two addresses for it, and no context has either.
    UnclearAddress,
    /// It stands for the same member as the Cluster of this name, which has its turn.
    SameMember(String),
}

/// What is decided about one Cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapped {
    pub cluster: String,
    /// The context that is used.
    pub context: String,
    /// The address that the host goes on using, where no context has it.
    pub kept_server: Option<String>,
    /// Other contexts that lead there too.
    pub others: Vec<String>,
}

/// Chooses a context for each Cluster among those that lead to it: one that is called like the Cluster, else one with the
/// address that the host uses, else the first by name. Which address the host uses, the stored kubeconfig tells: the recorded
/// endpoint may be an old one. A member that is registered twice has its turn once, as the first
/// by name.
pub fn map(clusters: Vec<(&RegisteredCluster, Vec<Candidate>)>) -> (Vec<Mapped>, Vec<LeftOut>) {
    map_keeping(clusters, kept_server)
}

/// The same, where it does not matter which address the host uses.
pub fn map_at_any_address(
    clusters: Vec<(&RegisteredCluster, Vec<Candidate>)>,
) -> (Vec<Mapped>, Vec<LeftOut>) {
    map_keeping(clusters, |_, _| Ok(None))
}

fn map_keeping(
    mut clusters: Vec<(&RegisteredCluster, Vec<Candidate>)>,
    kept_server: fn(&RegisteredCluster, &str) -> Result<Option<String>, ()>,
) -> (Vec<Mapped>, Vec<LeftOut>) {
    clusters.sort_by(|(one, _), (other, _)| one.name().cmp(other.name()));
    let (mut mapped, mut left_out) = (Vec::<Mapped>::new(), Vec::new());
    for (cluster, mut candidates) in clusters {
        let name = cluster.name().to_owned();
        candidates.sort_by_key(|candidate| rank(cluster, candidate));
        let mut names = candidates.iter().map(|candidate| candidate.context.clone());
        let Some(context) = names.next() else {
            left_out.push(LeftOut { name, why: Why::NoContext });
            continue;
        };
        if let Some(same) =
            mapped.iter().find(|mapped| mapped.context == context || mapped.others.contains(&context))
        {
            left_out.push(LeftOut { name, why: Why::SameMember(same.cluster.clone()) });
            continue;
        }
        let others = names.collect();
        let Ok(kept_server) = kept_server(cluster, &candidates[0].server) else {
            left_out.push(LeftOut { name, why: Why::UnclearAddress });
            continue;
        };
        mapped.push(Mapped { cluster: name, context, kept_server, others });
    }
    (mapped, left_out)
}

fn rank(cluster: &RegisteredCluster, candidate: &Candidate) -> (bool, bool, String) {
    let other_name = candidate.context != cluster.name();
    let other_address = !addresses(cluster).iter().any(|used| is_same(used, &candidate.server));
    // Where it is unclear which address is in use, one that a context has is as good as a proof.
    if addresses(cluster).len() > 1 {
        return (other_address, other_name, candidate.context.clone());
    }
    (other_name, other_address, candidate.context.clone())
}

/// What the host has: the stored kubeconfig's address, and the recorded endpoint where that is another.
fn addresses(cluster: &RegisteredCluster) -> Vec<String> {
    let stored = cluster.stored_kubeconfig().and_then(|stored| stored.server().map(str::to_owned));
    let mut addresses: Vec<String> = stored.into_iter().collect();
    let recorded = cluster.endpoint().filter(|recorded| !addresses.iter().any(|one| is_same(one, recorded)));
    addresses.extend(recorded.map(str::to_owned));
    addresses
}

fn is_same(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}

/// The address to keep where the context has another one; an error where nobody knows which that is.
fn kept_server(cluster: &RegisteredCluster, server: &str) -> Result<Option<String>, ()> {
    let addresses = addresses(cluster);
    if addresses.iter().any(|used| is_same(used, server)) {
        return Ok(None);
    }
    match addresses.as_slice() {
        [] => Ok(None),
        [used] => storable(used).map(Some).ok_or(()),
        _ => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use serde_json::json;

    use super::{Candidate, LeftOut, Mapped, RegisteredCluster, Why, map, map_at_any_address};

    fn cluster(name: &str) -> RegisteredCluster {
        let connection = json!({"kubernetesAPIEndpoint": "https://used:6443"});
        RegisteredCluster::new(json!({"metadata": {"name": name}, "spec": {"connection": connection}}))
    }

    fn candidates(of: &[(&str, &str)]) -> Vec<Candidate> {
        let candidate = |(context, server): &(&str, &str)| Candidate {
            context: (*context).to_owned(),
            server: format!("https://{server}:6443"),
        };
        of.iter().map(candidate).collect()
    }

    fn mapped(of: &[(&str, &str)]) -> Mapped {
        map(vec![(&cluster("edge-1"), candidates(of))]).0.remove(0)
    }

    #[test]
    fn its_own_name_comes_first_then_the_hosts_address_then_the_alphabet() {
        let own = mapped(&[("a", "used"), ("edge-1", "else")]);
        assert_eq!((own.context.as_str(), own.others), ("edge-1", vec!["a".to_owned()]));
        assert_eq!(own.kept_server.as_deref(), Some("https://used:6443"));
        let (at_any, _) = map_at_any_address(vec![(&cluster("edge-1"), candidates(&[("a", "else")]))]);
        assert_eq!(at_any[0].kept_server, None);
        let used = mapped(&[("a", "else"), ("b", "used")]);
        assert_eq!((used.context.as_str(), used.kept_server), ("b", None));
        assert_eq!(mapped(&[("b", "else"), ("a", "else")]).context, "a");
    }

    #[test]
    fn the_stored_address_is_kept_and_where_another_is_recorded_a_context_has_to_tell() {
        let storing = |stored: &str| {
            let text = format!(
                "clusters: [{{name: o, cluster: {{server: 'https://o:6443'}}}}, {{name: a, cluster: {{server: '{stored}'}}}}]\n\
                                contexts: [{{name: a, context: {{cluster: a}}}}]\ncurrent-context: a"
            );
            cluster("edge-1").patched(&json!({"spec": {"connection": {"kubeconfig": STANDARD.encode(text)}}}))
        };
        let map_one = |stored: &str, of: &[(&str, &str)]| map(vec![(&storing(stored), candidates(of))]);
        let (same, _) = map_one("https://used:6443", &[("edge-1", "else")]);
        assert_eq!(same[0].kept_server.as_deref(), Some("https://used:6443"));
        let (proven, _) = map_one("https://new:6443", &[("edge-1", "else"), ("z", "new")]);
        assert_eq!((proven[0].context.as_str(), &proven[0].kept_server), ("z", &None));
        let (_, unclear) = map_one("https://new:6443", &[("edge-1", "else")]);
        assert_eq!(unclear[0].why, Why::UnclearAddress);
        let password = storing("https://jane:word@used")
            .patched(&json!({"spec": {"connection": {"kubernetesAPIEndpoint": null}}}));
        let (_, unstorable) = map(vec![(&password, candidates(&[("edge-1", "else")]))]);
        assert_eq!(unstorable[0].why, Why::UnclearAddress);
    }

    #[test]
    fn a_cluster_without_a_context_and_a_second_one_of_a_member_are_left_out() {
        let (one, two, lost) = (cluster("a"), cluster("b"), cluster("c"));
        let of = |context| candidates(&[(context, "used")]);
        let (mapped, left_out) = map(vec![(&lost, Vec::new()), (&two, of("x")), (&one, of("x"))]);
        assert_eq!(mapped.iter().map(|mapped| mapped.cluster.as_str()).collect::<Vec<_>>(), ["a"]);
        let why = [("b", Why::SameMember("a".to_owned())), ("c", Why::NoContext)];
        assert_eq!(left_out, why.map(|(name, why)| LeftOut { name: name.to_owned(), why }));
    }
}
