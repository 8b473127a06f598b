//! What an unjoin will do, as a person reads it before saying yes, and what it leaves.

use owo_colors::OwoColorize as _;

use super::{clusters, document::Outcome, findings, kept, ui::Ui, unjoin_document::Remain, words::harmless};
use crate::{
    checks::{Finding, cluster_webhook::narrowed, restarts::what_restarts},
    error::Error,
    kubesphere::{
        cluster::RegisteredCluster, cluster_configuration::NAMESPACE, cluster_webhook::WEBHOOK,
        command::Kubectl, object::ObjectKind, side::Side,
    },
    plan::{
        configuration_patch::Change,
        credential::{ACCOUNT, USER_BINDING},
        narrowing::Field,
        observed::{Denied, InstallerRun, Observed},
        unjoin::{
            plan::{Deletion, UnjoinPlan},
            steps::{UnjoinAction, UnjoinStep, configuration},
            trace::{FEDERATION_NAMESPACE, kubefed_account, kubefed_role},
        },
    },
};

/// What was observed and decided.
#[derive(Clone, Copy, Debug)]
pub struct UnjoinView<'a> {
    /// The host.
    pub host: &'a Observed,
    /// The member, where it is asked for.
    pub member: Option<&'a Observed>,
    /// The plan.
    pub plan: &'a UnjoinPlan,
}

/// Shows the clusters, what the checks have to say, the steps and what they mean.
pub fn show(ui: &Ui, view: UnjoinView<'_>, findings: &[Finding]) {
    let observed = [view.host].into_iter().chain(view.member);
    for (number, line) in clusters::table(observed).into_iter().enumerate() {
        if number == 0 { ui.message(&line.style(ui.styles.strong).to_string()) } else { ui.message(&line) }
    }
    if findings::are_worth_showing(findings) {
        ui.message("");
        findings::show(ui, findings);
    }
    ui.message(&format!("\n{}", "Plan".style(ui.styles.strong)));
    for (number, step) in view.plan.steps().iter().enumerate() {
        show_step(ui, number + 1, step, view);
    }
    show_kept(ui, view.plan);
    show_consequences(ui, view);
    ui.message("");
}

/// What stays as it is, and why.
pub fn show_kept(ui: &Ui, plan: &UnjoinPlan) {
    let Some(member) = plan.member.as_ref().filter(|member| !member.kept.is_empty()) else { return };
    ui.message(&format!("\n{}", format!("What stays on {}", member.side).style(ui.styles.strong)));
    for kept in &member.kept {
        ui.message(&format!("  - {}", harmless(&kept::sentence(kept))));
    }
}

fn show_step(ui: &Ui, number: usize, step: &UnjoinStep<'_>, view: UnjoinView<'_>) {
    let side = step.side.to_string();
    let say =
        |what: &str| ui.message(&format!("  {number}. {}: {}", side.style(ui.styles.name), harmless(what)));
    match &step.action {
        UnjoinAction::Restore(restoration) => {
            say(&format!(
                "restore what another command has narrowed, which is at work or was killed: {}",
                narrowed(&restoration.record)
            ));
        }
        UnjoinAction::Narrow(name, field) => say(&narrowing(name, *field)),
        UnjoinAction::Delete(name) => {
            say(&format!("delete Cluster {name}, and wait until ks-controller-manager has let it go"));
        }
        UnjoinAction::AwaitDeletion(name) => {
            say(&format!("wait until Cluster {name} is gone, which somebody has deleted"));
        }
        UnjoinAction::Remove(trace) => say(&format!("delete {}", trace.object.in_words())),
        UnjoinAction::AwaitRemoval(trace) => {
            say(&format!("wait until {} is gone, which has been deleted", trace.object.in_words()));
        }
        UnjoinAction::Release(release) => say(&format!(
            "take namespace {} from workspace {}: its label, and the workspace as its owner",
            release.namespace, release.workspace
        )),
        UnjoinAction::Patch(changes) => {
            say("patch ClusterConfiguration ks-installer");
            changes.iter().for_each(|change| show_change(ui, change));
            if let Some(InstallerRun::UnderWay(what)) = view.member.map(|member| &member.run) {
                ui.message(&format!(
                    "       after the installer's run that is under way ({})",
                    harmless(what)
                ));
            }
        }
        UnjoinAction::Await => say(
            "wait for the installer's run that is under way; where it leaves no effect, restart Deployment ks-installer",
        ),
        UnjoinAction::Restart => {
            say(
                "restart Deployment ks-installer, because an earlier run left the configuration without effect",
            );
        }
    }
}

fn narrowing(name: &str, field: Field) -> String {
    match field {
        Field::MatchConditions => format!(
            "narrow the webhook {WEBHOOK} by a match condition that leaves out Cluster {name} alone, and restore it as \
             soon as that is gone"
        ),
        Field::Rules => format!(
            "switch the webhook {WEBHOOK} off for updates of all Clusters, because this Kubernetes keeps no match \
             conditions, and restore it as soon as Cluster {name} is gone"
        ),
    }
}

fn show_change(ui: &Ui, change: &Change) {
    let old = change.old.as_deref().unwrap_or("<unset>");
    let random = if change.field.ends_with("jwtSecret") { " (random)" } else { "" };
    ui.message(&format!("       {}: {} → {}{random}", change.field, harmless(old), harmless(&change.new)));
}

fn show_consequences(ui: &Ui, view: UnjoinView<'_>) {
    let texts = consequences(view);
    if texts.is_empty() {
        return;
    }
    ui.message(&format!("\n{}", "What it means".style(ui.styles.strong)));
    for text in &texts {
        ui.message(&format!("  - {}", harmless(text)));
    }
}

/// What cannot be undone, what restarts, whose sessions end, and what somebody still knows.
fn consequences(view: UnjoinView<'_>) -> Vec<String> {
    let UnjoinView { host, plan, .. } = view;
    let mut texts = Vec::new();
    if let Some(cluster) = plan.deletion.cluster() {
        texts.extend(of_deletion(&host.side, cluster, plan));
    }
    let Some((member, observed)) = plan.member.as_ref().zip(view.member) else { return texts };
    if member.configuration.runs_installer() {
        texts.push(format!("{}: {}", member.side, what_restarts(observed.kubesphere_version())));
    }
    if member.renews_secret() {
        texts.push(format!(
            "{}: everybody who is logged in to its console is logged out, and logs in there, no longer through the host",
            member.side
        ));
        texts.push(renewal(&member.side, &host.side));
    }
    texts
}

fn of_deletion(host: &Side, cluster: &RegisteredCluster, plan: &UnjoinPlan) -> Vec<String> {
    let name = cluster.name();
    let mut texts = vec![format!(
        "{host}: the Cluster \"{name}\" cannot be brought back with what it says and stores; a join makes a new one, and \
         workspaces have to be placed on it again"
    )];
    if matches!(plan.deletion, Deletion::Delete(_)) {
        texts.push(format!("{host}: the host's users no longer reach the member through its console"));
    }
    if plan.forced.is_some() {
        texts.push(plan.admission.denial().map_or_else(
            || {
                format!(
                    "{host}: whether its webhook denies that the Cluster goes is not known yet; it is asked first, and \
                     narrowed only if it does"
                )
            },
            |denial| format!("{host}: its webhook does not let the Cluster go ({denial})"),
        ));
    }
    if plan.forced.is_some() && plan.member.is_none() {
        texts.push(
            "the member is left as it is; if it comes back, it still knows the host's jwtSecret".to_owned(),
        );
    }
    if plan.forced == Some(Field::Rules) {
        texts.push(format!(
            "{host}: for some seconds nobody is refused who gives any Cluster a kubeconfig that leads to another cluster, or \
             nowhere"
        ));
    }
    if cluster.is_proxy() {
        texts.push(
            "the member was joined by an agent, which goes on running there: Deployment cluster-agent"
                .to_owned(),
        );
    }
    texts
}

/// What those knew who could read the member's configuration, and how it becomes worthless.
fn renewal(member: &Side, host: &Side) -> String {
    format!(
        "whoever could read the configuration of {member} knew the host's jwtSecret, and can sign tokens for the host and \
         all its members until that is renewed: set another spec.authentication.jwtSecret in the host's \
         ClusterConfiguration (`{}`), wait for its installer, and run `kubectl mc prepare member` for every other member; all sessions \
         end with that",
        Kubectl::on(host)
            .namespace(NAMESPACE)
            .words("edit clusterconfigurations.installer.kubesphere.io ks-installer")
    )
}

/// A result line, as kubectl writes it.
pub fn result(ui: &Ui, outcome: &Outcome, suffix: &str) -> Result<(), Error> {
    let Outcome { side, object, verb } = outcome;
    let place = if object.starts_with("cluster.") { String::new() } else { format!(" on {side}") };
    let object = match object.split_once('/') {
        Some((kind, name)) if *verb == "deleted" => format!("{kind} \"{name}\""),
        _ => object.clone(),
    };
    ui.result(&format!("{object} {verb}{place}{suffix}"))
}

/// What of kubefed's may not be read on the host.
pub fn warn_of_untold(ui: &Ui, host: &Side, untold: &[Denied]) {
    for Denied { resource, .. } in untold {
        ui.warning(&format!(
            "{host}: whether {resource} are left in {FEDERATION_NAMESPACE} is not known: forbidden"
        ));
    }
}

/// What is left over on both sides, with the commands that remove it.
pub fn show_residue(ui: &Ui, remains: &[Remain]) {
    for remain in remains {
        let side = remain.side.as_ref().map(|side| format!("{side}: ")).unwrap_or_default();
        let left = "left over:".style(ui.styles.attention).to_string();
        ui.message(&format!("{left} {side}{}", harmless(&remain.object)));
        if let Some(removal) = &remain.removal {
            ui.hint(&format!("`{}`", harmless(removal)));
        }
    }
}

/// What remains on a member that nobody has named a context of.
pub fn show_member_remains(ui: &Ui, name: &str, is_proxy: bool, continuation: &str) {
    let heading = format!("What remains on the member \"{}\"", harmless(name));
    ui.message(&format!("{}", heading.style(ui.styles.strong)));
    for line in &member_remains(name, is_proxy) {
        ui.message(&format!("  - {}", harmless(line)));
    }
    ui.hint(&format!("to remove all of it: `{continuation}`"));
}

/// In words, by the names that everything has there.
fn member_remains(name: &str, is_proxy: bool) -> Vec<String> {
    let (account, role) = (kubefed_account(name), kubefed_role(name));
    let mut lines = vec![
        "the role member and the host's jwtSecret in its ClusterConfiguration, with which the host signs tokens".to_owned(),
        format!(
            "in {FEDERATION_NAMESPACE} the ServiceAccount {account} and its token, with the ClusterRole and \
             ClusterRoleBinding {role}: `kubectl --context CONTEXT delete clusterrole,clusterrolebinding {role}`, \
             `kubectl --context CONTEXT -n {FEDERATION_NAMESPACE} delete serviceaccount {account}`"
        ),
        format!(
            "the host's credential, where a join has made one: `kubectl --context CONTEXT delete clusterrolebinding \
             {ACCOUNT} {USER_BINDING}`, `kubectl --context CONTEXT -n {NAMESPACE} delete serviceaccount {ACCOUNT}`"
        ),
        "namespaces in workspaces of the host".to_owned(),
    ];
    if is_proxy {
        lines.push("the agent: Deployment cluster-agent".to_owned());
    }
    lines
}

/// The same as objects, for programs; the credential's are there only where a join has made one.
pub fn objects_on_member(name: &str, is_proxy: bool) -> Vec<Remain> {
    let of = |kind: ObjectKind, name: &str| format!("{}/{name}", kind.singular());
    let role = kubefed_role(name);
    let agent = is_proxy.then(|| "deployment.apps/cluster-agent".to_owned());
    let objects = [
        configuration(),
        of(ObjectKind::SERVICE_ACCOUNT, &kubefed_account(name)),
        of(ObjectKind::CLUSTER_ROLE, &role),
        of(ObjectKind::CLUSTER_ROLE_BINDING, &role),
        of(ObjectKind::SERVICE_ACCOUNT, ACCOUNT),
        of(ObjectKind::CLUSTER_ROLE_BINDING, ACCOUNT),
        of(ObjectKind::CLUSTER_ROLE_BINDING, USER_BINDING),
    ];
    let remains = objects.into_iter().chain(agent);
    remains.map(|object| Remain { side: None, object, removal: None }).collect()
}

#[cfg(test)]
mod tests {
    use super::{member_remains, objects_on_member};

    #[test]
    fn what_remains_on_a_member_is_the_same_in_words_and_for_programs() {
        let words = member_remains("edge", true).join("\n");
        let objects = objects_on_member("edge", true);
        for remain in &objects {
            let (_, name) = remain.object.split_once('/').unwrap();
            assert!(name == "ks-installer" || words.contains(name), "{name}");
            assert!(remain.side.is_none());
        }
        assert_eq!((objects.len(), objects_on_member("edge", false).len()), (8, 7));
        let commands = words.matches("`kubectl ").count();
        assert_eq!((commands, words.matches("`kubectl --context CONTEXT ").count()), (4, 4));
    }
}
