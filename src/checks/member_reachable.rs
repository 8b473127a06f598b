//! Every node of the host reaches each member, as the nodes' kubelets found.
//!
//! What it says comes from probing, after the other checks and after the question. See [`crate::plan::reach`] for what
//! a kubelet's probe can and cannot tell.

use kubesphere::{command::Kubectl, fleet_entry::Setting, side::Side, versions::Generation};

use super::{
    Check, Finding, Report, Rule,
    rule::{NOTHING_REGISTERED, Reason, STORING},
};
use crate::plan::{
    intent::{Intent, Reachability},
    operation::Operation,
    reach::{
        probing::{ProbePlan, Probed, ProbedMember},
        target::Target,
        verdict::{Obstruction, Reach},
    },
    skipped::Skipped,
};

pub(super) const CHECK: Check = Check {
    id: "member-reachable",
    title: "every node of the host reaches the member's server",
    skippable: true,
    rules: &[Rule::Later(STORING)],
    unasked: &[
        NOTHING_REGISTERED,
        Reason::of(&[Operation::Unjoin], "a member that leaves need not be reached"),
    ],
};

/// So many nodes are named; of more the first ones.
const NAMED: usize = 10;

/// What is known before anything was probed: why nothing will be, and what a probe cannot tell.
pub fn foreseen(probe_plan: &ProbePlan) -> Vec<Finding> {
    let reports = match probe_plan {
        ProbePlan::Unknown { host, why, hints } => {
            let report =
                Report::unknown(host, format!("whether its nodes reach the members stays unknown: {why}"));
            vec![hints.iter().fold(report, Report::hint)]
        }
        ProbePlan::Probes(probing) => {
            let named = probing.members.iter().filter(|member| member.target.is_named());
            named.map(|member| named_server(member, &probing.host)).collect()
        }
    };
    CHECK.named(reports)
}

/// Why nothing is probed, where the command could.
pub fn unprobed(intent: &Intent) -> Vec<Finding> {
    let why = match intent.reachability {
        Reachability::Nodes => "the plan stores no kubeconfig of a member",
        Reachability::Off => "ask for it with `--reachability=nodes`",
    };
    let asks = CHECK.reason(intent.operation, Generation::Three).is_none();
    CHECK.named(asks.then(|| Report::skipped(why)).into_iter().collect())
}

/// What was found out. Where `skipped` names the check, a member out of reach is a warning.
pub fn probed(probed: &[Probed], skipped: &Skipped) -> Vec<Finding> {
    CHECK.skipping(probed.iter().flat_map(of_member).collect(), skipped)
}

/// A node's `/etc/hosts` may know a name that pods do not, such as KubeKey's lb.kubesphere.local (issue 2299).
fn named_server(member: &ProbedMember, host: &Side) -> Report {
    let name = &member.target.host;
    let kubectl = Kubectl::on(host).namespace("kubesphere-system");
    let lookup = kubectl.words("exec deployment/ks-controller-manager -- nslookup").word(name);
    Report::unknown(
        &member.member,
        format!("whether the host's pods can resolve its server's name {name}: a probe asks the nodes, which may know it from /etc/hosts"),
    )
    .hint(format!("`{lookup}`"))
}

fn of_member(probed: &Probed) -> Vec<Report> {
    let mut alike: Vec<(&Reach, Vec<&str>)> = Vec::new();
    for (node, reach) in &probed.nodes {
        match alike.iter_mut().find(|(one, _)| *one == reach) {
            Some((_, nodes)) => nodes.push(node),
            None => alike.push((reach, vec![node])),
        }
    }
    alike.into_iter().map(|(reach, nodes)| report(probed, reach, &nodes)).collect()
}

fn report(probed: &Probed, reach: &Reach, nodes: &[&str]) -> Report {
    let Probed { member, target, .. } = probed;
    let (server, from) = (&target.server, from(nodes));
    match reach {
        Reach::Reachable => {
            Report::told(member, format!("its server {server} can be reached from the host's {from}"))
        }
        Reach::Unknown(why) => Report::unknown(
            member,
            format!("whether its server {server} can be reached from the host's {from}: {why}"),
        ),
        Reach::Unreachable { how, detail } => {
            let how_so = said(*how);
            let address = member.setting_to(Setting::Server, "https://ADDRESS:PORT");
            let message =
                format!("its server {server} cannot be reached from the host's {from}: {how_so} ({detail})");
            Report::failure(member, message)
                .hint(hint(*how, target))
                .hint(format!("or store an address that the host's nodes reach: {address}"))
                .hint(format!("if only other nodes have to reach it, pass `--skip-check {}`", CHECK.id))
        }
    }
}

fn from(nodes: &[&str]) -> String {
    let noun = if nodes.len() == 1 { "node" } else { "nodes" };
    let named = nodes.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    match nodes.len().saturating_sub(NAMED) {
        0 => format!("{noun} {named}"),
        more => format!("{noun} {named} and {more} more"),
    }
}

fn said(how: Obstruction) -> &'static str {
    match how {
        Obstruction::Refused => "the connection is refused",
        Obstruction::TimedOut => "no answer in time",
        Obstruction::NameNotResolved => "the name cannot be resolved there",
        Obstruction::NoWay => "there is no way to it",
    }
}

fn hint(how: Obstruction, target: &Target) -> String {
    let (host, port) = (&target.host, target.port);
    match how {
        Obstruction::Refused => format!(
            "see that the API server listens at {host}, port {port}, for others than its own machine, and that no \
             firewall rejects the nodes"
        ),
        Obstruction::TimedOut => format!(
            "let the nodes through to {host}, port {port}: firewalls and security groups on both sides, and a way back"
        ),
        Obstruction::NameNotResolved => format!("make {host} known to the DNS of the host's nodes and pods"),
        Obstruction::NoWay => format!("give the nodes a route to {host}"),
    }
}

#[cfg(test)]
mod tests {
    use kubesphere::side::Side;

    use super::{Operation, Reachability, Skipped, foreseen, probed, unprobed};
    use crate::{
        checks::{Finding, Verdict, fixture::Case},
        plan::reach::{
            node::fixture,
            probing::{
                ProbePlan, Probed,
                tests::{member, probing},
            },
            target::Target,
            verdict::{Obstruction, Reach},
        },
    };

    fn said(findings: &[Finding]) -> Vec<(&str, String)> {
        assert!(findings.iter().all(|finding| finding.id == "member-reachable"));
        let said = |finding: &Finding| (finding.report.verdict.as_str(), finding.report.message.clone());
        findings.iter().map(said).collect()
    }

    fn found(nodes: &[(&str, Reach)]) -> Vec<Probed> {
        let nodes = nodes.iter().map(|(name, reach)| ((*name).to_owned(), reach.clone())).collect();
        let target = Target::of("https://10.0.0.1:6443").unwrap();
        vec![Probed { member: Side::member("edge-1"), target, nodes }]
    }

    fn refused() -> Reach {
        let detail = "dial tcp 10.0.0.1:6443: connect: connection refused".to_owned();
        Reach::Unreachable { how: Obstruction::Refused, detail }
    }

    #[test]
    fn nodes_of_one_verdict_stand_together() {
        let nodes = [("a", Reach::Reachable), ("b", refused()), ("c", Reach::Reachable)];
        assert_eq!(
            said(&probed(&found(&nodes), &Skipped::default())),
            [
                ("ok", "its server https://10.0.0.1:6443 can be reached from the host's nodes a, c".to_owned()),
                (
                    "failure",
                    "its server https://10.0.0.1:6443 cannot be reached from the host's node b: the connection is \
                     refused (dial tcp 10.0.0.1:6443: connect: connection refused)"
                        .to_owned()
                ),
            ]
        );
    }

    #[test]
    fn each_obstruction_has_a_hint_of_its_own() {
        let hints =
            [Obstruction::Refused, Obstruction::TimedOut, Obstruction::NameNotResolved, Obstruction::NoWay]
                .map(|how| {
                    let reach = Reach::Unreachable { how, detail: String::new() };
                    probed(&found(&[("a", reach)]), &Skipped::default()).remove(0).report.hints[0].clone()
                });
        let distinct: std::collections::BTreeSet<_> = hints.iter().collect();
        assert_eq!(distinct.len(), 4, "{hints:?}");
    }

    #[test]
    fn unknown_is_no_obstacle_and_a_skipped_failure_a_warning() {
        let unknown =
            probed(&found(&[("a", Reach::Unknown("no usable image".to_owned()))]), &Skipped::default());
        assert_eq!(unknown[0].report.verdict, Verdict::Unknown);
        assert!(unknown[0].report.message.ends_with("host's node a: no usable image"));
        let skipped =
            probed(&found(&[("a", refused())]), &Skipped::everywhere(&["member-reachable".to_owned()]));
        assert_eq!(skipped[0].report.verdict, Verdict::Warning);
    }

    #[test]
    fn of_many_nodes_the_first_are_named() {
        let names: Vec<String> = (1..=12).map(|number| format!("n{number}")).collect();
        let nodes: Vec<_> = names.iter().map(|name| (name.as_str(), Reach::Reachable)).collect();
        let findings = probed(&found(&nodes), &Skipped::default());
        assert!(
            findings[0].report.message.ends_with("nodes n1, n2, n3, n4, n5, n6, n7, n8, n9, n10 and 2 more")
        );
    }

    #[test]
    fn what_a_probe_cannot_tell_is_said_beforehand() {
        let mut probing = probing(&[fixture("a")]);
        assert_eq!(foreseen(&ProbePlan::Probes(probing.clone())), []);
        probing.members.push(member("edge-2", "https://lb.kubesphere.local:6443"));
        let findings = foreseen(&ProbePlan::Probes(probing));
        assert!(said(&findings)[0].1.contains("resolve its server's name lb.kubesphere.local"));
        assert!(findings[0].report.hints[0].ends_with("nslookup lb.kubesphere.local`"));
    }

    #[test]
    fn what_nobody_asks_the_nodes_is_skipped_where_the_command_could() {
        let why = |operation: Operation, reachability: Reachability| {
            let case = Case::new().wanting(|intent| {
                (intent.operation, intent.reachability) = (operation, reachability);
            });
            let found = case.with_situation(|situation| unprobed(situation.intent));
            let found = said(&found).pop();
            found.map(|(verdict, why)| (verdict.to_owned(), why))
        };
        let off = why(Operation::Check, Reachability::Off).unwrap();
        assert_eq!(off, ("skipped".to_owned(), "ask for it with `--reachability=nodes`".to_owned()));
        assert!(why(Operation::Join, Reachability::Nodes).unwrap().1.starts_with("the plan stores no"));
        assert_eq!(why(Operation::PrepareHost, Reachability::Off), None, "its rules say why");
    }

    #[test]
    fn why_nothing_is_probed_is_said_beforehand() {
        let host = Side::host("prod");
        let hints = vec!["the user needs \"list\" on nodes".to_owned()];
        let probe_plan = ProbePlan::Unknown { host, why: "it shows no nodes".to_owned(), hints };
        let findings = foreseen(&probe_plan);
        assert_eq!(
            said(&findings),
            [("unknown", "whether its nodes reach the members stays unknown: it shows no nodes".to_owned())]
        );
        assert_eq!(findings[0].report.hints, ["the user needs \"list\" on nodes"]);
    }
}
