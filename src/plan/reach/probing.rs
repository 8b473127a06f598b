//! What is probed from where, or why nothing can be.

use kubesphere::{cluster::RegisteredCluster, missing_right, side::Side};

use super::{
    image::{ProbeImage, choose},
    node::{HostNode, LeftOut},
    target::Target,
    verdict::Reach,
};
use crate::plan::{
    intent::{ClusterIntent, Intent, Reachability},
    observed::{Denied, Observed, Seen},
    phase::Plan,
};

/// A member with the address that the host will reach it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbedMember {
    pub member: Side,
    pub target: Target,
}

/// A node with what its pod runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbedNode {
    pub name: String,
    /// An image on it that can only wait; without one the node stays unknown.
    pub image: Option<ProbeImage>,
}

/// All probes of one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probing {
    pub host: Side,
    pub members: Vec<ProbedMember>,
    /// From where.
    pub nodes: Vec<ProbedNode>,
    /// The nodes that are not probed from.
    pub left_out: Vec<(String, LeftOut)>,
    /// Whether events can be read, in which a kubelet says why a probe fails.
    pub reads_events: bool,
}

/// What can be found out about reachability.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbePlan {
    Probes(Probing),
    /// It stays unknown.
    Unknown {
        host: Side,
        why: String,
        /// What would help.
        hints: Vec<String>,
    },
}

/// What was found out about one member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    pub member: Side,
    pub target: Target,
    /// Every node with its verdict.
    pub nodes: Vec<(String, Reach)>,
}

impl Probing {
    /// The addresses, each once: two members may stand behind one.
    pub fn targets(&self) -> Vec<&Target> {
        let mut targets: Vec<&Target> = Vec::new();
        for member in &self.members {
            if !targets.contains(&&member.target) {
                targets.push(&member.target);
            }
        }
        targets
    }
}

/// The members that the host is to store a credential of, where reachability is asked for.
pub fn probed_members(intent: &Intent, plan: &Plan) -> Vec<ProbedMember> {
    if intent.reachability == Reachability::Off {
        return Vec::new();
    }
    let wanted = wanted_at(intent, |cluster| &cluster.server).into_iter();
    wanted.filter(|wanted| plan.stores_credential(&wanted.member)).collect()
}

/// Every member of which a Cluster is wanted, with the address that its host uses, where it has one already.
pub fn known_members<'a>(intent: &'a Intent, host: &'a Observed) -> Vec<ProbedMember> {
    wanted_at(intent, |cluster| {
        let registered = host.cluster_named(&cluster.name).and_then(RegisteredCluster::endpoint);
        registered.unwrap_or(&cluster.server)
    })
}

fn wanted_at<'a>(intent: &'a Intent, server: impl Fn(&'a ClusterIntent) -> &'a str) -> Vec<ProbedMember> {
    let wanted = intent.members.iter().filter_map(|member| {
        let target = Target::of(server(member.cluster.as_ref()?))?;
        Some(ProbedMember { member: member.side.clone(), target })
    });
    wanted.collect()
}

/// What can be found out, by what the host shows of its nodes and by what its user may not do.
pub fn probe_plan(
    host: &Side,
    members: Vec<ProbedMember>,
    nodes: &Seen<Vec<HostNode>>,
    denied: &[Denied],
) -> ProbePlan {
    let unknown = |why: String| ProbePlan::Unknown { host: host.clone(), why, hints: Vec::new() };
    let not_allowed = |why: String, needed: String| {
        let hints = vec![needed, missing_right::ROLES.to_owned()];
        ProbePlan::Unknown { host: host.clone(), why, hints }
    };
    let nodes = match nodes {
        Seen::Present(nodes) if !nodes.is_empty() => nodes,
        Seen::Present(_) | Seen::Absent => return unknown("it shows no nodes".to_owned()),
        Seen::Unreadable(why) | Seen::Malformed(why) => {
            let needed = missing_right::needed(None, "list", "nodes");
            return not_allowed(format!("its nodes cannot be listed: {why}"), needed);
        }
    };
    // Who may not delete pods must not create any.
    if let Some(Denied { verb, .. }) = denied.iter().find(|denied| denied.resource == "pods") {
        let why = format!("its user may not {verb} pods in kubesphere-system");
        return not_allowed(why, missing_right::needed(None, verb, "pods in kubesphere-system"));
    }
    let left_out = |node: &HostNode| Some((node.name.clone(), node.left_out()?));
    let left_out: Vec<_> = nodes.iter().filter_map(left_out).collect();
    if left_out.len() == nodes.len() {
        let nodes: Vec<String> =
            left_out.iter().map(|(name, why)| format!("{name}: {}", why.why())).collect();
        return unknown(format!("it has no ready Linux node to probe from ({})", nodes.join(", ")));
    }
    let probed = nodes.iter().filter(|node| node.left_out().is_none());
    let nodes = probed.map(|node| ProbedNode { name: node.name.clone(), image: choose(&node.images) });
    let reads_events = denied.iter().all(|denied| denied.resource != "events");
    ProbePlan::Probes(Probing { host: host.clone(), members, nodes: nodes.collect(), left_out, reads_events })
}

#[cfg(test)]
pub(crate) mod tests {
    use kubesphere::{missing_right, side::Side};

    use super::{ProbePlan, ProbedMember, Probing, probe_plan};
    use crate::plan::{
        observed::{Denied, Seen},
        reach::{
            node::{HostNode, LeftOut, fixture},
            target::Target,
        },
    };

    pub(crate) fn member(context: &str, server: &str) -> ProbedMember {
        ProbedMember { member: Side::member(context), target: Target::of(server).unwrap() }
    }

    /// One member, `edge-1`, probed from these nodes.
    pub(crate) fn probing(nodes: &[HostNode]) -> Probing {
        match looked(&Seen::Present(nodes.to_vec()), &[]) {
            ProbePlan::Probes(probing) => probing,
            unknown @ ProbePlan::Unknown { .. } => unreachable!("there are nodes: {unknown:?}"),
        }
    }

    fn looked(nodes: &Seen<Vec<HostNode>>, denied: &[Denied]) -> ProbePlan {
        probe_plan(&Side::host("prod"), vec![member("edge-1", "https://10.0.0.1:6443")], nodes, denied)
    }

    fn denied(verb: &str, resource: &str) -> Denied {
        Denied { verb: verb.to_owned(), resource: resource.to_owned(), namespace: None }
    }

    fn unknown(nodes: &Seen<Vec<HostNode>>, denied: &[Denied]) -> (String, Vec<String>) {
        match looked(nodes, denied) {
            ProbePlan::Unknown { why, hints, .. } => (why, hints),
            ProbePlan::Probes(probing) => unreachable!("nothing can be probed: {probing:?}"),
        }
    }

    #[test]
    fn every_node_but_those_left_out_is_probed_from() {
        let edge = HostNode { is_edge: true, ..fixture("edge") };
        let bare = HostNode { images: Vec::new(), ..fixture("bare") };
        let probing = probing(&[fixture("a"), edge, bare]);
        let nodes: Vec<_> =
            probing.nodes.iter().map(|node| (node.name.as_str(), node.image.is_some())).collect();
        assert_eq!(nodes, [("a", true), ("bare", false)]);
        assert_eq!(probing.left_out, [("edge".to_owned(), LeftOut::Edge)]);
    }

    #[test]
    fn two_members_behind_one_address_are_one_target() {
        let mut probing = probing(&[fixture("a")]);
        probing.members.push(member("edge-2", "https://10.0.0.1:6443"));
        probing.members.push(member("edge-3", "https://10.0.0.3:6443"));
        assert_eq!((probing.members.len(), probing.targets().len()), (3, 2));
    }

    #[test]
    fn without_nodes_it_stays_unknown() {
        assert_eq!(unknown(&Seen::Present(Vec::new()), &[]).0, "it shows no nodes");
        let (why, hints) = unknown(&Seen::Unreadable("forbidden".to_owned()), &[]);
        assert_eq!(why, "its nodes cannot be listed: forbidden");
        assert_eq!(hints, ["the user needs \"list\" on nodes", missing_right::ROLES]);
        let away = HostNode { is_ready: false, ..fixture("a") };
        assert_eq!(
            unknown(&Seen::Present(vec![away]), &[]).0,
            "it has no ready Linux node to probe from (a: not ready)"
        );
    }

    #[test]
    fn who_may_not_delete_pods_creates_none() {
        for verb in ["create", "delete", "list"] {
            let (why, hints) = unknown(&Seen::Present(vec![fixture("a")]), &[denied(verb, "pods")]);
            assert_eq!(why, format!("its user may not {verb} pods in kubesphere-system"));
            assert!(hints[0].starts_with(&format!("the user needs \"{verb}\" on pods")));
        }
    }

    #[test]
    fn without_events_it_is_probed_all_the_same() {
        let denied = [denied("list", "events")];
        let ProbePlan::Probes(probing) = looked(&Seen::Present(vec![fixture("a")]), &denied) else {
            unreachable!("events are not needed")
        };
        assert!(!probing.reads_events);
    }
}
