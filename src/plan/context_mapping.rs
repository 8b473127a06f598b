//! Which context leads to which Cluster.

use crate::kubesphere::cluster::RegisteredCluster;

/// A context that leads to a Cluster's member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub context: String,
    /// The address in it.
    pub server: String,
}

/// A Cluster that is left out where all are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its name.
    pub name: String,
    /// Why.
    pub why: Why,
}

/// Why a Cluster is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// No context leads to it.
    NoContext,
    /// It stands for the same member as the Cluster of this name, which has its turn.
    SameMember(String),
}

/// What is decided about one Cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapped {
    /// The Cluster's name.
    pub cluster: String,
    /// The context that is used.
    pub context: String,
    /// The address that the host goes on using, where it is another than the context's.
    pub kept_server: Option<String>,
    /// Other contexts that lead there too.
    pub others: Vec<String>,
}

/// Chooses a context for each Cluster among those that lead to it: one that is called like the Cluster, else one with the
/// address that the host uses, else the first by name. A member that is registered twice has its turn once, as the first
/// by name.
pub fn map(mut clusters: Vec<(&RegisteredCluster, Vec<Candidate>)>) -> (Vec<Mapped>, Vec<LeftOut>) {
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
        let kept_server = cluster.endpoint().filter(|_| !cluster.leads_to(&candidates[0].server));
        let (kept_server, others) = (kept_server.map(str::to_owned), names.collect());
        mapped.push(Mapped { cluster: name, context, kept_server, others });
    }
    (mapped, left_out)
}

fn rank(cluster: &RegisteredCluster, candidate: &Candidate) -> (bool, bool, String) {
    let other_name = candidate.context != cluster.name();
    (other_name, !cluster.leads_to(&candidate.server), candidate.context.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Candidate, LeftOut, Mapped, RegisteredCluster, Why, map};

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
        let used = mapped(&[("a", "else"), ("b", "used")]);
        assert_eq!((used.context.as_str(), used.kept_server), ("b", None));
        assert_eq!(mapped(&[("b", "else"), ("a", "else")]).context, "a");
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
