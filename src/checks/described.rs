//! What a join with a fleet file would have a Cluster say of its member that it does not say.

use kubesphere::command::Mc;

use super::{
    Report, Situation, Verdict,
    rule::{Outcome, each},
};
use crate::plan::{
    configuration_patch::Change,
    intent::{Expected, MemberIntent},
    observed::Observed,
    step::Step,
    steps::describe_cluster::DescribeCluster,
};

/// What differs is no obstacle, except to who expects that it does not.
pub(super) fn verdict(situation: &Situation<'_>) -> Verdict {
    if situation.intent.expected == Some(Expected::Joined) { Verdict::Failure } else { Verdict::Warning }
}

/// Words alone describe nothing in a check.
pub(super) fn differing(situation: &Situation<'_>) -> Outcome {
    let host = situation.host_with_clusters()?;
    let steps = situation.decision.into_iter().flat_map(|decision| decision.plan.steps());
    let described: Vec<&DescribeCluster> = steps
        .filter_map(|step| match step {
            Step::DescribeCluster(step) => Some(step),
            _ => None,
        })
        .collect();
    let of_member = |(intent, member): (&MemberIntent, &Observed)| {
        let name = &intent.cluster.as_ref()?.name;
        let step = described.iter().find(|step| step.name == *name)?;
        let changes: Vec<String> = step.changes.iter().map(change).collect();
        let message = format!("its Cluster \"{name}\" differs from the file: {}", changes.join("; "));
        let join = Mc::new("join").member(&member.side).host(&host.side);
        let report = Report::of(verdict(situation), &member.side, message);
        Some(report.hint(format!("to bring it to what the file says: `{join}`")))
    };
    each(situation.answering_members()?, |(_, member)| &member.side, of_member)
}

fn change(Change { field, old, new }: &Change) -> String {
    let old = old.as_ref().map_or_else(|| "not set".to_owned(), |old| format!("\"{old}\""));
    format!("{field} is {old}, and would be \"{new}\"")
}

#[cfg(test)]
mod tests {
    use crate::{
        checks::{fixture::Case, member_registration::CHECK},
        plan::intent::Expected,
    };

    fn described() -> Case {
        Case::new().joined().checking().wanting_cluster(|cluster| {
            cluster.description.alias = Some("First".to_owned());
            cluster.description.labels.insert("tier".to_owned(), "1".to_owned());
        })
    }

    #[test]
    fn what_a_join_would_change_is_told_with_the_join_and_stops_who_expects_none() {
        let said = "member \"edge-1\": its Cluster \"edge-1\" differs from the file: metadata.labels[tier] is not set, and \
                    would be \"1\"; metadata.annotations[kubesphere.io/alias-name] is not set, and would be \"First\"";
        assert_eq!(described().says(&CHECK), [format!("warning {said}")]);
        assert!(described().hints(&CHECK).ends_with("`kubectl mc join edge-1 --context prod`"));
        let expected = described().wanting(|intent| intent.expected = Some(Expected::Joined));
        assert_eq!(expected.says(&CHECK), [format!("failure {said}")]);
        assert_eq!(Case::new().joined().checking().says(&CHECK), Vec::<String>::new());
    }
}
