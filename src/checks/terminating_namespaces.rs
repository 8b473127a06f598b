//! What a join writes to a namespace is not refused because the namespace is being deleted.

use kubesphere::command::Kubectl;

use super::{
    Check, Report, Rule, Situation,
    rule::{JOINING, Outcome, Reason, each, some},
};
use crate::plan::{
    observed::{Observed, Seen},
    operation::Operation,
    surroundings::TerminatingNamespace,
};

pub(super) const CHECK: Check = Check {
    id: "terminating-namespaces",
    title: "no namespace that is written to is being deleted",
    skippable: false,
    rules: &[Rule::Joining(JOINING, run)],
    unasked: &[Reason::of(&[Operation::Unjoin], "a removal deletes namespaces itself")],
};

fn run(situation: &Situation<'_>) -> Outcome {
    let looked_at = situation.answering()?.into_iter();
    let looked_at =
        looked_at.filter_map(|observed| Some((observed, observed.surroundings.terminating.as_ref()?)));
    let looked_at = some(looked_at, "nothing is written to a namespace")?;
    let of_cluster = |(observed, namespaces): (_, _)| of_cluster(observed, namespaces);
    each(looked_at, |(observed, _)| &observed.side, of_cluster)
}

fn of_cluster(observed: &Observed, namespaces: &Seen<Vec<TerminatingNamespace>>) -> Vec<Report> {
    match namespaces {
        Seen::Present(namespaces) => namespaces.iter().map(|one| terminating(observed, one)).collect(),
        Seen::Absent => Vec::new(),
        Seen::Unreadable(why) | Seen::Malformed(why) => {
            let message = format!("whether the namespaces that are written to are being deleted: {why}");
            vec![Report::unknown(&observed.side, message)]
        }
    }
}

/// Kubernetes refuses to create anything in it, whoever asks, the host's controller and the installer included.
fn terminating(observed: &Observed, namespace: &TerminatingNamespace) -> Report {
    let TerminatingNamespace { name, finalizers, .. } = namespace;
    let held = held_by(namespace);
    let message =
        format!("namespace {name} is being deleted (Terminating), and accepts no new objects{held}");
    let kubectl = || Kubectl::on(&observed.side);
    let look = kubectl().words("get namespace").word(name).words("-o yaml");
    let wait = kubectl().words("wait --for=delete --timeout=10m").word(&format!("namespace/{name}"));
    let mut report = Report::failure(&observed.side, message)
        .hint(format!("remove what keeps it, which its status tells: `{look}`"));
    if !finalizers.is_empty() {
        let patch = kubectl().words("patch namespace").word(name);
        let patch = patch.words("--type merge -p").word(r#"{"metadata":{"finalizers":null}}"#);
        report = report.hint(format!("if nothing will remove its finalizers: `{patch}`"));
    }
    report.hint(format!("then wait until it is gone, and run the same command again: `{wait}`"))
}

fn held_by(namespace: &TerminatingNamespace) -> String {
    let finalizers = &namespace.finalizers;
    let finalizers = (!finalizers.is_empty()).then(|| format!("its finalizers {}", finalizers.join(", ")));
    let held: Vec<String> = finalizers.into_iter().chain(namespace.remaining.iter().cloned()).collect();
    if held.is_empty() { String::new() } else { format!("; what holds it: {}", held.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::{
        checks::fixture::{Case, surround},
        plan::{observed::Seen, surroundings::TerminatingNamespace},
    };

    fn namespace(finalizers: &[&str], remaining: &[&str]) -> Seen<Vec<TerminatingNamespace>> {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let name = "kube-federation-system".to_owned();
        let (finalizers, remaining) = (owned(finalizers), owned(remaining));
        Seen::Present(vec![TerminatingNamespace { name, finalizers, remaining }])
    }

    fn with(case: Case, seen: Seen<Vec<TerminatingNamespace>>) -> Case {
        case.member(|member| surround(member, |around| around.terminating = Some(seen)))
    }

    #[test]
    fn a_namespace_that_goes_is_an_obstacle_that_tells_what_holds_it_and_the_way_out() {
        let remaining =
            "Some resources are remaining: kubefedconfigs.core.kubefed.io has 1 resource instances";
        let case = with(Case::new(), namespace(&["example.org/stuck"], &[remaining]));
        let message = format!(
            "failure member \"edge-1\": namespace kube-federation-system is being deleted (Terminating), and accepts no new objects; what holds it: its finalizers example.org/stuck; {remaining}"
        );
        assert_eq!(case.says(&CHECK), [message]);
        let hints = case.hints(&CHECK);
        for command in [
            "`kubectl --context edge-1 get namespace kube-federation-system -o yaml`",
            "`kubectl --context edge-1 patch namespace kube-federation-system --type merge -p \
             '{\"metadata\":{\"finalizers\":null}}'`",
            "`kubectl --context edge-1 wait --for=delete --timeout=10m namespace/kube-federation-system`",
        ] {
            assert!(hints.contains(command), "{command}\n{hints}");
        }
        let hints = with(Case::new(), namespace(&[], &[])).hints(&CHECK);
        assert!(!hints.contains("patch"), "{hints}");
    }

    #[test]
    fn without_one_it_holds_and_without_the_right_it_is_unknown() {
        assert_eq!(with(Case::new(), Seen::Present(Vec::new())).says(&CHECK), Vec::<String>::new());
        assert_eq!(
            with(Case::new(), Seen::Unreadable("forbidden".to_owned())).says(&CHECK),
            [
                "unknown member \"edge-1\": whether the namespaces that are written to are being deleted: forbidden"
            ]
        );
        assert_eq!(Case::new().skips(&CHECK).as_deref(), Some("nothing is written to a namespace"));
    }
}
