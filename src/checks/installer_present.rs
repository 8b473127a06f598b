//! The installer that brings a changed configuration into effect is there.

use kubesphere::{
    command::Kubectl,
    side::Side,
    versions::{Generation, Support},
};

use super::{
    Check, Clusters, Report, Rule,
    rule::{NO_INSTALLER, Outcome, Reason, each, some},
};
use crate::plan::{
    observed::{InstallerRun, Observed, Seen},
    operation::Operation,
};

pub(super) const CHECK: Check = Check {
    id: "installer-present",
    title: "ClusterConfiguration and Deployment ks-installer exist",
    skippable: false,
    rules: &[Rule::Clusters(
        &[
            Operation::Check,
            Operation::Join,
            Operation::PrepareHost,
            Operation::PrepareMember,
            Operation::Import,
            Operation::Rotate,
            Operation::Unjoin,
        ],
        run,
    )],
    unasked: &[NO_INSTALLER, Reason::of(&[Operation::Renew], "a renewal runs no installer")],
};

fn run(clusters: &Clusters<'_>) -> Outcome {
    let clusters = clusters.with_installer()?.iter().filter(|observed| is_kubesphere_3(observed));
    let clusters = some(clusters, "no cluster has KubeSphere 3")?;
    each(clusters, |observed| &observed.side, |observed| of_cluster(observed))
}

/// The other cases are kubesphere-version's.
fn is_kubesphere_3(observed: &Observed) -> bool {
    let is_old = observed.kubesphere_version().is_some_and(|version| version.support() == Support::TooOld);
    let something = observed.configuration != Seen::Absent || observed.config != Seen::Absent;
    observed.generation() == Some(Generation::Three) && something && !is_old
}

fn of_cluster(observed: &Observed) -> Vec<Report> {
    let side = &observed.side;
    let mut reports = Vec::new();
    if observed.configuration == Seen::Absent {
        reports.push(
            Report::failure(side, "ClusterConfiguration ks-installer is missing in kubesphere-system")
                .hint(apply("cluster-configuration.yaml", side)),
        );
    }
    match &observed.installer {
        Seen::Absent => reports.push(
            Report::failure(side, "Deployment ks-installer is missing in kubesphere-system")
                .hint(apply("kubesphere-installer.yaml", side)),
        ),
        Seen::Present(installer) if installer.replicas == 0 => reports.push(
            Report::failure(side, "Deployment ks-installer is scaled to 0 replicas")
                .hint(format!("scale it to 1: `{}`", scale(side))),
        ),
        Seen::Unreadable(reason) | Seen::Malformed(reason) => {
            reports
                .push(Report::unknown(side, format!("whether Deployment ks-installer is there: {reason}")));
        }
        Seen::Present(_) => reports.extend(without_pod(observed)),
    }
    reports
}

/// Nothing takes a change up then, however long it is waited for.
fn without_pod(observed: &Observed) -> Option<Report> {
    let InstallerRun::NoPod(why) = &observed.run else { return None };
    let why = if why.is_empty() { String::new() } else { format!(": {why}") };
    let kubectl = Kubectl::on(&observed.side).namespace("kubesphere-system");
    let message = format!("Deployment ks-installer has no pod that runs, and none is on its way{why}");
    Some(
        Report::failure(&observed.side, message)
            .hint(format!("see why: `{}`", kubectl.clone().words("describe deployment,replicaset,pods")))
            .hint(format!(
                "then have it make one: `{}`",
                kubectl.words("rollout restart deployment ks-installer")
            )),
    )
}

/// The command that switches a cluster's installer on again.
pub fn scale(side: &Side) -> Kubectl {
    Kubectl::on(side).namespace("kubesphere-system").words("scale deployment ks-installer --replicas 1")
}

fn apply(file: &str, side: &Side) -> String {
    let apply = Kubectl::on(side).words("apply -f").words(file);
    format!("apply the {file} of the installed KubeSphere version: `{apply}`")
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::{
        checks::fixture::{Case, empty},
        plan::observed::{Installer, InstallerRun, Seen},
    };

    #[test]
    fn a_complete_installation_is_fine_and_none_at_all_is_another_checks_matter() {
        assert_eq!(Case::new().says(&CHECK), Vec::<String>::new());
        assert_eq!(Case::new().member(empty).says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn what_is_missing_is_named_with_the_file_that_brings_it() {
        let case = Case::new().host(|host| host.configuration = Seen::Absent);
        assert_eq!(
            case.says(&CHECK),
            ["failure host \"prod\": ClusterConfiguration ks-installer is missing in kubesphere-system"]
        );
        assert!(case.hints(&CHECK).contains("`kubectl --context prod apply -f cluster-configuration.yaml`"));
        let case = Case::new().member(|member| member.installer = Seen::Absent);
        assert_eq!(
            case.says(&CHECK),
            ["failure member \"edge-1\": Deployment ks-installer is missing in kubesphere-system"]
        );
    }

    #[test]
    fn an_installer_that_is_switched_off_would_never_run() {
        let off = Installer::default();
        let case = Case::new().member(|member| member.installer = Seen::Present(off));
        assert_eq!(
            case.says(&CHECK),
            ["failure member \"edge-1\": Deployment ks-installer is scaled to 0 replicas"]
        );
        assert!(case.hints(&CHECK).contains("scale deployment ks-installer --replicas 1"));
    }

    #[test]
    fn an_installer_without_a_pod_would_never_run() {
        let case = Case::new().member(|member| member.run = InstallerRun::NoPod("exceeded quota".to_owned()));
        let message = "failure member \"edge-1\": Deployment ks-installer has no pod that runs, and none is on its way: \
                       exceeded quota";
        assert_eq!(case.says(&CHECK), [message]);
        assert!(
            case.hints(&CHECK).contains("`kubectl --context edge-1 -n kubesphere-system rollout restart"),
            "{}",
            case.hints(&CHECK)
        );
    }

    #[test]
    fn without_the_right_to_look_the_join_goes_on() {
        let case = Case::new().member(|member| member.installer = Seen::Unreadable("forbidden".to_owned()));
        assert_eq!(
            case.says(&CHECK),
            ["unknown member \"edge-1\": whether Deployment ks-installer is there: forbidden"]
        );
    }
}
