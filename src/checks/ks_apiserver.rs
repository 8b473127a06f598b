//! ks-apiserver answers as a host asks it.

use kubesphere::{command::Kubectl, versions::Generation};

use super::{
    Check, Report, Rule, Situation,
    rule::{Outcome, PREPARING, Reason, STORING, each, some},
};
use crate::plan::{
    observed::{Observed, Seen},
    operation::Operation,
};

pub(super) const CHECK: Check = Check {
    id: "ks-apiserver",
    title: "ks-apiserver answers through the API server",
    skippable: false,
    rules: &[Rule::Joining(STORING, run)],
    unasked: &[
        Reason::of(PREPARING, "nothing is asked of ks-apiserver"),
        Reason::of(&[Operation::Unjoin], "the host does not ask a member that leaves"),
    ],
};

/// The host asks a member by the Service proxy. Where that fails the Cluster becomes Ready all the same, without the
/// member's version, and its features count as not supported (kubesphere issues 5994, 2418).
fn run(situation: &Situation<'_>) -> Outcome {
    // That KubeSphere is not installed is kubesphere-version's.
    let installed = situation.answering()?.into_iter().filter(|observed| observed.config != Seen::Absent);
    let answers =
        installed.filter_map(|observed| Some((observed, observed.surroundings.ks_apiserver.as_ref()?)));
    let answers = some(answers, "nothing new is asked of it")?;
    let of_cluster = |(observed, answer): (_, _)| of_cluster(situation, observed, answer);
    each(answers, |(observed, _)| &observed.side, of_cluster)
}

fn of_cluster(situation: &Situation<'_>, observed: &Observed, answer: &Seen<String>) -> Option<Report> {
    let side = &observed.side;
    let why = match answer {
        Seen::Present(_) => return None,
        Seen::Unreadable(reason) => {
            return Some(Report::unknown(side, format!("whether its ks-apiserver answers: {reason}")));
        }
        Seen::Absent => "there is no Service ks-apiserver in kubesphere-system",
        Seen::Malformed(why) => why,
    };
    let verdict = situation.verdict_on_what_stands();
    let pods = Kubectl::on(side).namespace("kubesphere-system").words(pods_of(observed));
    Some(
        Report::of(verdict, side, format!("its ks-apiserver does not answer through the API server: {why}"))
            .hint(format!("look at its pods: `{pods}`")),
    )
}

/// A member of KubeSphere 4 has one process for all (kubesphere `config/ks-core/templates/ks-agent.yaml@v4.1.3`).
fn pods_of(observed: &Observed) -> &'static str {
    match observed.generation() {
        Some(Generation::Four) if observed.is_member() => "get pods -l app=ks-agent",
        _ => "get pods -l app=ks-apiserver",
    }
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::{
        checks::fixture::{Case, empty, surround},
        plan::observed::Seen,
    };

    fn answering(answer: Seen<String>) -> Case {
        Case::new().member(|member| surround(member, |around| around.ks_apiserver = Some(answer)))
    }

    #[test]
    fn an_answer_and_no_question_are_fine() {
        assert_eq!(Case::new().says(&CHECK), Vec::<String>::new());
        assert_eq!(answering(Seen::Present("v3.4.1".to_owned())).says(&CHECK), Vec::<String>::new());
        assert_eq!(answering(Seen::Absent).member(empty).says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn a_silent_one_is_a_warning_of_a_join_and_a_failure_of_a_check() {
        let silent = || answering(Seen::Malformed("no endpoints available".to_owned()));
        let said = "member \"edge-1\": its ks-apiserver does not answer through the API server: no endpoints available";
        assert_eq!(silent().says(&CHECK), [format!("warning {said}")]);
        assert_eq!(silent().checking().says(&CHECK), [format!("failure {said}")]);
        assert!(silent().hints(&CHECK).ends_with("get pods -l app=ks-apiserver`"));
        assert!(
            answering(Seen::Absent).says(&CHECK)[0]
                .ends_with("there is no Service ks-apiserver in kubesphere-system")
        );
    }

    #[test]
    fn without_the_right_to_ask_it_is_unknown() {
        let said = answering(Seen::Unreadable("forbidden".to_owned())).checking().says(&CHECK);
        assert_eq!(said, ["unknown member \"edge-1\": whether its ks-apiserver answers: forbidden"]);
    }
}
