//! No other tool takes back what a join changes.

use kubesphere::{
    cluster::RegisteredCluster, cluster_configuration::ClusterConfiguration, command::Mc, management::Tool,
    role::Role, side::Side,
};

use super::{
    Check, Report, Rule, Situation, Unjoining, Verdict,
    rule::{CONFIGURING, LOOKING, Outcome, each},
};
use crate::plan::{
    configuration_patch::{Change, ConfigurationPatch},
    intent::ClusterIntent,
    needs::ConfigurationNeed,
    observed::Observed,
    operation::Operation,
};

pub(super) const CHECK: Check = Check {
    id: "managed-elsewhere",
    title: "no other tool reverts what a join changes",
    skippable: true,
    rules: &[
        Rule::Joining(CONFIGURING, changed_configurations),
        Rule::Joining(LOOKING, outdated_configurations),
        Rule::Joining(LOOKING, clusters),
        Rule::Joining(&[Operation::Renew], renewals),
        Rule::Unjoining(unjoining),
    ],
    unasked: &[],
};

/// The field whose value is a secret.
const SECRET_FIELD: &str = "spec.authentication.jwtSecret";
/// The field that makes a host or a member.
const ROLE_FIELD: &str = "spec.multicluster.clusterRole";

/// What applies a configuration, with what is to be changed in it.
fn changed_configurations(situation: &Situation<'_>) -> Outcome {
    let of_cluster = |observed: &Observed| {
        if let Some(why) = observed.configuration.unreadable() {
            return Some(Report::unknown(
                &observed.side,
                format!("what manages its ClusterConfiguration: {why}"),
            ));
        }
        let tool = observed.configuration.present()?.tool()?;
        match situation.step(&observed.side)? {
            ConfigurationNeed::Patch(patch) => Some(reverted(situation, &observed.side, &tool, patch)),
            _ => None,
        }
    };
    each(situation.answering()?, |observed| &observed.side, of_cluster)
}

fn outdated_configurations(situation: &Situation<'_>) -> Outcome {
    let is_changed =
        |observed: &Observed| matches!(situation.step(&observed.side), Some(ConfigurationNeed::Patch(_)));
    let of_cluster = |observed: &Observed| {
        let configuration = observed.configuration.present().filter(|_| !is_changed(observed))?;
        out_of_step(situation, &observed.side, &configuration.tool()?, configuration)
    };
    each(situation.answering()?, |observed| &observed.side, of_cluster)
}

fn clusters(situation: &Situation<'_>) -> Outcome {
    let of_member = |(intent, member): (_, _)| of_cluster(situation.registered(intent, member)?, member);
    each(situation.answering_members()?, |(_, member)| &member.side, of_member)
}

fn renewals(situation: &Situation<'_>) -> Outcome {
    let (host, clusters) = (situation.answering_host()?, situation.answering_clusters()?);
    let of_member =
        |(cluster, member): (&ClusterIntent, _)| of_renewal(host.cluster_named(&cluster.name)?, member);
    each(clusters, |(_, member)| &member.side, of_member)
}

/// Who has written what is removed will write it again.
fn unjoining(unjoining: &Unjoining<'_>) -> Outcome {
    let (host, plan) = (unjoining.answering_host()?, unjoining.planned()?);
    let cluster = plan.deletion.cluster().and_then(|cluster| Some((cluster, cluster.tool()?)));
    let of_cluster = cluster.map(|(cluster, tool)| {
        Report::warning(
            &host.side,
            format!("the Cluster \"{}\" is managed by {}, and would come back", cluster.name(), tool.name),
        )
        .hint(format!("remove it from where {} has it, first", tool.name))
    });
    let patched = plan.member.as_ref().filter(|member| member.renews_secret()).zip(unjoining.member);
    let tool = patched.and_then(|(_, member)| Some((member, member.configuration.present()?.tool()?)));
    let of_member = tool.map(|(member, tool)| {
        Report::warning(
            &member.side,
            format!("its ClusterConfiguration is managed by {}, which may make it a member again", tool.name),
        )
        .hint(format!("commit `spec.multicluster.clusterRole: none` to where {} has it from", tool.name))
    });
    let clusters = unjoining.clusters();
    let holding = clusters.observed().map(|observed| Report::holds(&observed.side));
    Ok(of_cluster.into_iter().chain(of_member).chain(holding).collect())
}

/// Each taking back is a change of the spec, and so a run of the installer.
fn reverted(situation: &Situation<'_>, side: &Side, tool: &Tool, patch: &ConfigurationPatch) -> Report {
    let name = &tool.name;
    let (verdict, what) = if tool.reverts {
        (Verdict::Failure, "takes back what is changed on the cluster, and runs the installer anew each time")
    } else {
        (Verdict::Warning, "will take back what is changed on the cluster when it is next run")
    };
    let message = format!("its ClusterConfiguration is managed by {name}, which {what}");
    let report = Report::of(verdict, side, message).hint(format!(
        "commit this to where {name} has it from, and let it apply that: {}",
        lines(situation, &patch.changes)
    ));
    if tool.reverts {
        report.hint("if it does not manage these fields, pass `--skip-check managed-elsewhere`")
    } else {
        report
    }
}

fn lines(situation: &Situation<'_>, changes: &[Change]) -> String {
    let lines = changes.iter().map(|change| line(situation, &change.field, &change.new));
    lines.collect::<Vec<_>>().join("; ")
}

/// The secret's value belongs in no message: who commits it takes it from where it is shown on purpose, or makes it.
fn line(situation: &Situation<'_>, field: &str, value: &str) -> String {
    if field != SECRET_FIELD {
        return format!("`{field}: {value}`");
    }
    if makes_secret(situation) {
        return format!(
            "`{field}`: a random text of 32 letters and digits, the same for host and members, kept as your other secrets are"
        );
    }
    let reveal = Mc::new("jwt-secret").words("--reveal").host(situation.host.map(|host| &host.side));
    format!("`{field}`: what `{reveal}` prints, kept as your other secrets are")
}

fn makes_secret(situation: &Situation<'_>) -> bool {
    let fresh = situation.intent.host.rotation.as_ref().map(|rotation| &rotation.secrets.fresh);
    fresh.is_some() && fresh == situation.decision.map(|decision| &decision.needs.secret)
}

/// Nothing is to change, but what was applied last says another role.
fn out_of_step(
    situation: &Situation<'_>,
    side: &Side,
    tool: &Tool,
    configuration: &ClusterConfiguration,
) -> Option<Report> {
    let role = configuration.role();
    let applied = configuration.last_applied_role().filter(|applied| *applied != role)?;
    matches!(role, Role::Host | Role::Member).then(|| {
        let name = &tool.name;
        let message = format!(
            "its ClusterConfiguration is managed by {name}, which applied it with the role {applied} and will do so again"
        );
        let mut fields = vec![line(situation, ROLE_FIELD, role.as_str())];
        if configuration.jwt_secret().is_some() {
            fields.push(line(situation, SECRET_FIELD, ""));
        }
        Report::warning(side, message)
            .hint(format!("commit this to where {name} has it from: {}", fields.join("; ")))
    })
}

fn of_cluster(cluster: &RegisteredCluster, member: &Observed) -> Option<Report> {
    let tool = cluster.tool().filter(|tool| tool.reverts)?;
    let message = format!(
        "its Cluster \"{}\" is managed by {}: change it there, such as its kubeconfig",
        cluster.name(),
        tool.name
    );
    Some(Report::warning(&member.side, message))
}

/// The kubeconfig would be the tool's again soon, with a credential that is removed by then.
fn of_renewal(cluster: &RegisteredCluster, member: &Observed) -> Option<Report> {
    let tool = cluster.tool().filter(|tool| tool.reverts)?;
    let name = &tool.name;
    let message = format!(
        "its Cluster \"{}\" is managed by {name}, which takes back what is changed on the cluster",
        cluster.name()
    );
    Some(
        Report::failure(&member.side, message)
            .hint(format!("renew the kubeconfig where {name} has it from"))
            .hint("if it does not manage the kubeconfig, pass `--skip-check managed-elsewhere`"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::CHECK;
    use crate::{
        checks::fixture::{Case, HOST_SECRET, change_configuration, cluster},
        plan::observed::Observed,
    };

    fn marked(metadata: Value) -> impl FnOnce(&mut Observed) {
        move |observed| change_configuration(observed, &json!({ "metadata": metadata }))
    }

    fn by_argo() -> Value {
        json!({"annotations": {"argocd.argoproj.io/tracking-id": "ks:installer.kubesphere.io/ClusterConfiguration"}})
    }

    #[test]
    fn what_people_apply_is_fine_before_and_after_a_join() {
        let applied = || {
            marked(json!({"annotations": {"kubectl.kubernetes.io/last-applied-configuration":
                r#"{"spec": {"multicluster": {"clusterRole": "none"}}}"#}}))
        };
        assert_eq!(Case::new().member(applied()).says(&CHECK), Vec::<String>::new());
        assert_eq!(Case::new().joined().checking().member(applied()).says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn what_reverts_a_change_is_an_obstacle_with_the_lines_to_commit_and_no_secret() {
        let case = Case::new().member(marked(by_argo()));
        let said = case.says(&CHECK);
        assert!(said[0].starts_with(
            "failure member \"edge-1\": its ClusterConfiguration is managed by Argo CD, which takes back"
        ));
        let hints = case.hints(&CHECK);
        assert!(hints.contains("`spec.multicluster.clusterRole: member`"), "{hints}");
        assert!(hints.contains("`kubectl mc jwt-secret --reveal --context prod`"), "{hints}");
        assert!(!hints.contains(HOST_SECRET) && !hints.contains("sha256:"), "{hints}");
        assert!(hints.ends_with("pass `--skip-check managed-elsewhere`"), "{hints}");
        assert_eq!(Case::new().joined().member(marked(by_argo())).says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn what_somebody_has_to_run_is_a_warning() {
        let helm = json!({"annotations": {"meta.helm.sh/release-name": "ks-installer"}});
        let case = Case::new().host(marked(helm));
        assert!(
            case.says(&CHECK)[0]
                .starts_with("warning host \"prod\": its ClusterConfiguration is managed by Helm")
        );
        assert!(case.hints(&CHECK).contains("`spec.multicluster.clusterRole: host`"));
    }

    #[test]
    fn a_tool_that_still_has_another_role_is_told_by_a_check() {
        let mut metadata = by_argo();
        metadata["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] =
            r#"{"spec": {"multicluster": {"clusterRole": "none"}}}"#.into();
        let case = Case::new().joined().checking().member(marked(metadata));
        assert_eq!(
            case.says(&CHECK),
            [
                "warning member \"edge-1\": its ClusterConfiguration is managed by Argo CD, which applied it with the role none and will do so again"
            ]
        );
        let hints = case.hints(&CHECK);
        assert!(
            hints.contains("`spec.multicluster.clusterRole: member`; `spec.authentication.jwtSecret`: what"),
            "{hints}"
        );
    }

    #[test]
    fn a_cluster_that_a_tool_keeps_is_told_by_a_check() {
        let labelled = cluster("edge-1", "uid-of-edge-1")
            .patched(&json!({"metadata": {"labels": {"kustomize.toolkit.fluxcd.io/name": "fleet"}}}));
        let case = || Case::new().joined().registered([labelled.clone()]);
        assert_eq!(case().says(&CHECK), Vec::<String>::new());
        assert!(case().checking().says(&CHECK)[0].contains("its Cluster \"edge-1\" is managed by Flux"));
    }
}
