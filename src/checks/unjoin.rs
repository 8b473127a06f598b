//! What must hold before a member is taken out: of the checks of a join those that mean something here, and under the
//! same ids what else concerns the same things.

use super::{
    Check, Finding, MemberSituation, Report, Silent, Situation, api_reachable, configuration_shape,
    default_storage_class, different_clusters, installer_present, installer_run, jwt_secret,
    jwt_secret_places,
    kubesphere_version::{self, is_version_4},
    managed_elsewhere, member_credential, member_readiness, member_registration, permissions,
    registry::run_only,
    short_name,
};
use crate::{
    kubesphere::{
        cluster::RegisteredCluster,
        command::{Kubectl, Mc},
        side::Side,
    },
    plan::{
        credential::Ownership,
        identity::{Identity, identity},
        intent::{HostChoice, HostIntent, Intent, MemberIntent, Reachability},
        needs::Unplannable,
        observed::{Observed, Seen},
        operation::Operation,
        secret_remarks::devops_cures,
        unjoin::{
            admission::{Admission, Outlook},
            plan::{UnjoinIntent, UnjoinPlan},
            tenure::Tenure,
            trace::Traces,
        },
    },
};

/// Everything that these look at. A side that did not answer is absent.
#[derive(Clone, Copy, Debug)]
pub struct Unjoining<'a> {
    /// What was asked for.
    pub intent: &'a UnjoinIntent,
    /// The host.
    pub host: Option<&'a Observed>,
    /// The member, where it is asked for.
    pub member: Option<&'a Observed>,
    /// What a join left there.
    pub traces: Option<&'a Traces>,
    /// The clusters that gave no usable answer.
    pub silent: &'a [Silent],
    /// What is to be done, where that can be told.
    pub plan: Option<&'a UnjoinPlan>,
    /// Why no plan could be made.
    pub unplannable: Option<&'a Unplannable>,
}

/// What concerns both sides.
const OF_BOTH: [&Check; 3] = [&api_reachable::CHECK, &different_clusters::CHECK, &permissions::CHECK];
/// What a run of the member's installer depends on.
const OF_RUN: [&Check; 5] = [
    &installer_present::CHECK,
    &configuration_shape::CHECK,
    &short_name::CHECK,
    &default_storage_class::CHECK,
    &installer_run::CHECK,
];

/// What they have to say.
pub fn findings(unjoining: &Unjoining<'_>) -> Vec<Finding> {
    let intent = as_preparation();
    let host = unjoining.host.map(|host| as_needed(host, unjoining.intent.with_member));
    let members = |observed| MemberSituation { intent: &intent.members[0], observed };
    let both = Situation {
        intent: &intent,
        host: host.as_ref(),
        members: unjoining.member.map(|member| members(Some(member))).into_iter().collect(),
        silent: unjoining.silent,
        decision: None,
        unplannable: unjoining.unplannable,
    };
    let runs = unjoining.runs_installer() || unjoining.unplannable.is_some();
    let run = Situation { host: None, silent: &[], ..both.clone() };
    let mut findings = run_only(&OF_BOTH, &both);
    show_a_way_without_the_member(&mut findings);
    if runs {
        findings.extend(run_only(&OF_RUN, &run));
    }
    let own: [(&Check, Vec<Report>); 8] = [
        (&kubesphere_version::CHECK, unjoining.versions()),
        (&different_clusters::CHECK, unjoining.host_itself()),
        (&member_registration::CHECK, unjoining.registration()),
        (&member_readiness::CHECK, unjoining.readiness()),
        (&managed_elsewhere::CHECK, unjoining.tools()),
        (&member_credential::CHECK, unjoining.foreign()),
        (&jwt_secret::CHECK, unjoining.secret()),
        (&jwt_secret_places::CHECK, unjoining.devops()),
    ];
    findings.extend(own.into_iter().flat_map(|(check, reports)| check.named(reports, &[])));
    findings
}

/// The intent under which the checks of a join mean what they mean here.
fn as_preparation() -> Intent {
    Intent {
        operation: Operation::Unjoin,
        host: HostIntent { cluster_name: None, chosen: HostChoice::Named },
        members: vec![MemberIntent { side: Side::member(""), from_other_host: true, cluster: None }],
        given_secret: None,
        reachability: Reachability::Off,
        left_out: Vec::new(),
    }
}

/// Without the member nothing depends on the host's configuration.
fn as_needed(host: &Observed, with_member: bool) -> Observed {
    let mut host = host.clone();
    if !with_member {
        (host.configuration, host.config) = (Seen::Absent, Seen::Absent);
    }
    host
}

/// A member that does not answer keeps nobody from doing the host's side.
fn show_a_way_without_the_member(findings: &mut [Finding]) {
    let is_of_member = |side: &Side| matches!(side, Side::Member { .. });
    for finding in findings.iter_mut().filter(|finding| finding.id == api_reachable::CHECK.id) {
        if finding.report.side.as_ref().is_some_and(is_of_member) {
            finding.report.cures.push(
                "if the member is gone for good: the same command without `--member-context`, with `--force`"
                    .to_owned(),
            );
        }
    }
}

impl Unjoining<'_> {
    fn runs_installer(&self) -> bool {
        let member = self.plan.and_then(|plan| plan.member.as_ref());
        member.is_some_and(|member| member.configuration.runs_installer())
    }

    fn cluster(&self) -> Option<&RegisteredCluster> {
        self.host?.cluster_named(&self.intent.name)
    }

    fn versions(&self) -> Vec<Report> {
        let of_4 = self.host.into_iter().chain(self.member).filter(|observed| is_version_4(observed));
        let reports = of_4.map(|observed| {
            Report::failure(
                &observed.side,
                "KubeSphere 4 is installed: its host takes a member out by itself, and leaves KubeSphere on it",
            )
            .cure("remove the cluster in the console of the KubeSphere 4 host; this command is for KubeSphere 3.1 to 3.4")
        });
        reports.collect()
    }

    fn host_itself(&self) -> Vec<Report> {
        let own = self.host.zip(self.cluster()).filter(|(_, cluster)| cluster.is_host());
        let reports = own.map(|(host, cluster)| {
            Report::failure(
                &host.side,
                format!("the Cluster \"{}\" is the host's own, and cannot be taken out", cluster.name()),
            )
            .cure(list(&host.side))
        });
        reports.into_iter().collect()
    }

    /// Whether the context leads to the member that the Cluster stands for.
    fn registration(&self) -> Vec<Report> {
        let (Some(host), Some(cluster), Some(member)) = (self.host, self.cluster(), self.member) else {
            return self.stays();
        };
        if member.uid == host.uid || cluster.is_host() {
            return Vec::new();
        }
        let (side, name) = (&member.side, cluster.name());
        match identity(cluster, host, member) {
            Identity::Same => self.stays(),
            Identity::Other(uid) => vec![
                Report::failure(
                    side,
                    format!(
                        "it is not the member \"{name}\": the UID of its kube-system is {}, and that of \"{name}\" is {uid}",
                        member.uid
                    ),
                )
                .cure(format!(
                    "name the context of that member with `--member-context`; `{} get-contexts` lists them",
                    Kubectl::config(side)
                )),
            ],
            Identity::Unproven => vec![
                Report::failure(
                    side,
                    format!(
                        "nothing proves that it is the member \"{name}\": the host does not know its UID, cannot ask it, and \
                         it has not both kubefed's service account of that name and the host's jwtSecret"
                    ),
                )
                .cure("take it out on the host first, without `--member-context`, and run this command again then"),
            ],
        }
    }

    /// What the member's tenure says of what is left undone.
    fn stays(&self) -> Vec<Report> {
        let plan = self.plan.and_then(|plan| plan.member.as_ref());
        let Some(member) = plan else { return Vec::new() };
        let message = match &member.tenure {
            Tenure::Ours | Tenure::Clean => return Vec::new(),
            Tenure::Twice(other) => {
                format!("it is registered on this host as \"{other}\" too, and stays its member")
            }
            Tenure::OtherSecret => return vec![self.drifted(&member.side)],
            Tenure::Host => "it is a host itself".to_owned(),
        };
        vec![Report::warning(&member.side, message)]
    }

    /// Whether another host has taken it or this one has renewed its secret cannot be seen.
    fn drifted(&self, member: &Side) -> Report {
        let give = Mc::new("prepare member").member(member).host(self.host.map(|host| &host.side));
        let give = give.words("--from-other-host");
        Report::warning(
            member,
            "its role is member and its jwtSecret is not this host's: another host has taken it, or this host's was renewed",
        )
        .cure(format!(
            "if no other host has it: give it this host's with `{give}`, and run the same command again"
        ))
    }

    /// Whether the Cluster would hang in its deletion.
    fn readiness(&self) -> Vec<Report> {
        let (Some(host), Some(plan)) = (self.host, self.plan) else { return Vec::new() };
        let name = &plan.name;
        match &plan.admission {
            Admission::NotAsked | Admission::Unguarded | Admission::Passes => Vec::new(),
            Admission::Denies(_) | Admission::Silent(_) if self.intent.force => Vec::new(),
            Admission::Denies(why) => vec![denial(&host.side, name, why)],
            Admission::NotCalled(why) => vec![not_called(&host.side, name, why)],
            Admission::Silent(why) => vec![silent(&host.side, name, why)],
            Admission::DeniedByOther(why) => vec![denied_by_other(&host.side, name, why)],
            Admission::Unasked(Outlook::Alive) => vec![Report::unknown(
                &host.side,
                format!(
                    "whether its webhook lets the Cluster \"{name}\" go, which a dry run on the client's side does not ask; the \
                     member answers, so it should"
                ),
            )],
            Admission::Unasked(Outlook::Doubtful(against)) => vec![
                Report::unknown(
                    &host.side,
                    format!(
                        "whether its webhook lets the Cluster \"{name}\" go, which a dry run on the client's side does not ask; \
                         probably not: {}",
                        against.join("; ")
                    ),
                )
                .cure("ask it: `--dry-run=server`"),
            ],
        }
    }

    /// Who has written it will write it again.
    fn tools(&self) -> Vec<Report> {
        let Some((host, plan)) = self.host.zip(self.plan) else { return Vec::new() };
        let cluster = plan.deletion.cluster().and_then(|cluster| Some((cluster, cluster.tool()?)));
        let of_cluster = cluster.map(|(cluster, tool)| {
            Report::warning(
                &host.side,
                format!(
                    "the Cluster \"{}\" is managed by {}, and would come back",
                    cluster.name(),
                    tool.name
                ),
            )
            .cure(format!("remove it from where {} has it, first", tool.name))
        });
        let patched = plan.member.as_ref().filter(|member| member.renews_secret()).zip(self.member);
        let tool = patched.and_then(|(_, member)| Some((member, member.configuration.present()?.tool()?)));
        let of_member = tool.map(|(member, tool)| {
            Report::warning(
                &member.side,
                format!(
                    "its ClusterConfiguration is managed by {}, which may make it a member again",
                    tool.name
                ),
            )
            .cure(format!("commit `spec.multicluster.clusterRole: none` to where {} has it from", tool.name))
        });
        of_cluster.into_iter().chain(of_member).collect()
    }

    fn foreign(&self) -> Vec<Report> {
        let Some((member, traces)) = self.member.zip(self.traces) else { return Vec::new() };
        let reports = traces.credential.iter().filter_map(|piece| match &piece.whose {
            Ownership::Ours => None,
            Ownership::Foreign(why) => Some(Report::warning(
                &member.side,
                format!("{} is not ours, and is left: {why}", piece.trace.object.in_words()),
            )),
        });
        reports.collect()
    }

    /// The installer leaves DevOps the secret of its installation.
    fn devops(&self) -> Vec<Report> {
        let (Some(host), Some(member), Some(plan)) = (self.host, self.member, self.plan) else {
            return Vec::new();
        };
        let keeps = plan.member.as_ref().is_some_and(|planned| planned.devops_keeps_secret(host, member));
        let report = keeps.then(|| {
            let message = "DevOps is installed and keeps the host's jwtSecret in ConfigMap devops-config, which this command \
                           does not change: who can read it can sign tokens for the host";
            let report = Report::warning(&member.side, message);
            devops_cures(&member.side, "").into_iter().fold(report, Report::cure)
        });
        report.into_iter().collect()
    }

    /// Without the host's secret nobody can tell whose member it is.
    fn secret(&self) -> Vec<Report> {
        let Some(host) = self.host.filter(|_| self.member.is_some()) else { return Vec::new() };
        let readable = host.config.unreadable().is_none() || host.effective_secret().is_some();
        let missing = readable && host.effective_secret().is_none() && !is_version_4(host);
        let report = missing.then(|| {
            Report::failure(
                &host.side,
                "it has no jwtSecret, so nobody can tell whose member the other cluster is",
            )
            .cure("take it out on the host alone, without `--member-context`")
        });
        report.into_iter().collect()
    }
}

/// The obstacle that the answer of the host's admission is, if any.
pub fn denied(side: &Side, name: &str, admission: &Admission) -> Option<Finding> {
    let report = match admission {
        Admission::Denies(why) => denial(side, name, why),
        Admission::NotCalled(why) => not_called(side, name, why),
        Admission::Silent(why) => silent(side, name, why),
        Admission::DeniedByOther(why) => denied_by_other(side, name, why),
        Admission::NotAsked | Admission::Unguarded | Admission::Passes | Admission::Unasked(_) => {
            return None;
        }
    };
    member_readiness::CHECK.named(vec![report], &[]).pop()
}

fn not_called(side: &Side, name: &str, why: &str) -> Report {
    let pods =
        Kubectl::on(side).namespace("kubesphere-system").words("get pods -l app=ks-controller-manager");
    Report::failure(
        side,
        format!("its webhook cannot be asked whether the Cluster \"{name}\" may go, which says nothing of the member: {why}"),
    )
    .cure(format!(
        "see that ks-controller-manager runs, and why it does not answer: `{pods}`; then run the same command again"
    ))
}

fn silent(side: &Side, name: &str, why: &str) -> Report {
    not_called(side, name, why)
        .cure("if it stays away, and the member is gone for good: the same command with `--force`")
}

fn denied_by_other(side: &Side, name: &str, why: &str) -> Report {
    Report::failure(
        side,
        format!("something else than KubeSphere's webhook keeps the Cluster \"{name}\" from being let go: {why}"),
    )
    .cure("have the policy behind that webhook let this Cluster pass, or bring that webhook back; `--force` does not touch it")
}

fn denial(side: &Side, name: &str, why: &str) -> Report {
    Report::failure(
        side,
        format!(
            "its webhook would not let the Cluster \"{name}\" go, which would hang in its deletion for ever: {why}"
        ),
    )
    .cure("bring the member back, or mend its address or credential in the Cluster, and run the same command again")
    .cure("if the member is gone for good: the same command with `--force`")
}

fn list(side: &Side) -> String {
    format!("`{}` lists the members", Kubectl::on(side).words("get clusters.cluster.kubesphere.io"))
}

#[cfg(test)]
#[path = "unjoin_tests.rs"]
mod tests;
