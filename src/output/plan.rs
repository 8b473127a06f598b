//! A plan, as a person reads it before saying yes.

use kubesphere::{
    cluster_configuration::NAMESPACE, cluster_webhook::WEBHOOK, jwt_secret::JwtSecret, side::Side,
};

use super::{
    clusters,
    document::{cluster_view, plan_view},
    event::Told,
    findings, impact, kept,
    line::Line,
    style::Tone,
    ui::{Telling, Ui},
    words::count,
};
use crate::{
    checks::{Finding, cluster_webhook::narrowed},
    plan::{
        configuration_patch::Change,
        core::Claim,
        credential::{ACCOUNT, CLUSTER_ADMIN, CredentialKind, CredentialObject, USER_BINDING},
        credential_step::CredentialStep,
        narrowing::Field,
        needs::ConfigurationNeed,
        observed::{InstallerRun, Observed},
        phase::Plan,
        reach::probing::Probing,
        step::Step,
        steps::register::{Installer, Register},
        superseded::Superseded,
        unjoin::{core::Uninstallation, kept::Kept},
    },
};

/// What was observed and decided.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// The host, where it is asked.
    pub host: Option<&'a Observed>,
    /// Every cluster that was asked, the host first.
    pub observed: Vec<&'a Observed>,
    pub plan: &'a Plan,
    /// The secret that the members will share with the host, where that is what it is about.
    pub secret: Option<&'a JwtSecret>,
    /// What stays on a former member, and why.
    pub kept: Option<(&'a Side, &'a [Kept])>,
}

/// Shows the clusters, what the checks have to say, the steps and what they mean.
pub fn show(ui: &Ui, view: &View<'_>, findings: &[Finding]) {
    if ui.telling() == Telling::Events {
        findings::show(ui, findings);
        return ui.tell(&event(view));
    }
    clusters::headed_table(view.observed.iter().copied()).for_each(|line| ui.message(line));
    if findings::are_worth_showing(findings) {
        ui.message("");
        findings::show(ui, findings);
    }
    show_heading(ui, "Plan");
    for (number, step) in view.plan.shown().enumerate() {
        show_step(ui, number + 1, step, view);
    }
    show_kept(ui, view);
    let impact = impact::of_plan(view);
    if !impact.is_empty() {
        show_heading(ui, "Impact");
        for text in &impact {
            ui.message(format!("  - {text}"));
        }
    }
    ui.message("");
}

fn event(view: &View<'_>) -> Told {
    Told::Plan { clusters: view.observed.iter().copied().map(cluster_view).collect(), plan: plan_view(view) }
}

/// What stays as it is, and why.
pub fn show_kept(ui: &Ui, view: &View<'_>) {
    let Some((member, kept)) = view.kept.filter(|(_, kept)| !kept.is_empty()) else { return };
    show_heading(ui, &format!("What stays on {member}"));
    for kept in kept {
        ui.message(format!("  - {}", kept::sentence(kept)));
    }
}

fn show_heading(ui: &Ui, heading: &str) {
    ui.message("");
    ui.message(Line::toned(Tone::Strong, heading));
}

fn show_step(ui: &Ui, number: usize, step: &Step, view: &View<'_>) {
    let side = Line::toned(Tone::Name, step.cluster().to_string());
    ui.message(Line::from(format!("  {number}. ")).and(side).and(format!(": {}", sentence(step))));
    step.changes().iter().for_each(|change| show_change(ui, step, change));
    match step {
        Step::Configure(step) if matches!(step.expected, ConfigurationNeed::Patch(_)) => {
            let observed = view.observed.iter().find(|observed| observed.side == step.cluster);
            if let Some(InstallerRun::UnderWay(what)) = observed.map(|observed| &observed.run) {
                ui.message(format!("       after the installer's run that is under way ({what})"));
            }
        }
        Step::Probe(step) if !step.probing.left_out.is_empty() => {
            let left_out = step.probing.left_out.iter().map(|(node, why)| format!("{node} ({})", why.why()));
            ui.message(format!("       without {}", left_out.collect::<Vec<_>>().join(", ")));
        }
        _ => {}
    }
}

/// What a step does, as a fragment.
pub(super) fn sentence(step: &Step) -> String {
    match step {
        Step::RestoreWebhook(step) => format!(
            "restore what another command has narrowed, which is running or was killed: {}",
            narrowed(&step.restoration.record)
        ),
        Step::SweepPods(step) => {
            let pods = count(step.pods.len(), "probe pod");
            format!("delete {pods} that an earlier command left behind")
        }
        Step::Probe(step) => probing(&step.probing),
        Step::MakeCredential(step) => making(&step.credential),
        Step::Configure(step) => configuring(&step.expected).to_owned(),
        Step::Register(step) if step.creates => {
            let credential = stored_credential(step.credential, step.member.context());
            format!("create Cluster {} with {credential}{}", step.name, installation(step))
        }
        Step::DescribeCluster(step) => format!("patch Cluster {}", step.name),
        Step::Register(step) => format!("wait until Cluster {} is ready", step.name),
        Step::Renew(step) => {
            let credential = stored_credential(step.credential, step.member.context());
            format!("patch Cluster {}: a new kubeconfig with {credential}", step.planned.name())
        }
        Step::LookAgain(step) => format!(
            "annotate Cluster {} so that ks-controller-manager looks at it once more, because its first look may still use the old \
             kubeconfig, and try the new one",
            step.name
        ),
        Step::RemoveSuperseded(step) => {
            let removed = removed(&step.superseded);
            format!("once the host has taken it, {removed}, which the host used before")
        }
        Step::NarrowWebhook(step) => narrowing(step.planned.name(), step.field),
        Step::DeleteCluster(step) if step.deletes => {
            format!(
                "delete Cluster {}, and wait until ks-controller-manager removes its finalizer",
                step.planned.name()
            )
        }
        Step::DeleteCluster(step) => {
            format!("wait until Cluster {} is gone, which somebody has deleted", step.planned.name())
        }
        Step::ReleaseClaim(step) => {
            let Claim { name, host } = &step.own.claim;
            format!(
                "patch Namespace {NAMESPACE}: without the annotations that name host \"{host}\" and cluster \"{name}\""
            )
        }
        Step::Uninstall(step) => uninstalling(&step.uninstallation),
        Step::ConfirmOwnership(_) => "look again at whose it is".to_owned(),
        Step::Remove(step) => format!("delete {}", step.existing.object.in_words()),
        Step::Release(step) => format!(
            "take namespace {} from workspace {}: its label, and the workspace as its owner",
            step.release.namespace, step.release.workspace
        ),
        Step::AwaitGone(step) => {
            format!("wait until {} is gone, which has been deleted", step.existing.object.in_words())
        }
    }
}

fn uninstalling(uninstallation: &Uninstallation) -> String {
    let mut kinds: Vec<(&str, usize)> = Vec::new();
    for existing in &uninstallation.objects {
        let kind = existing.object.kind.kind;
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, number)) => *number += 1,
            None => kinds.push((kind, 1)),
        }
    }
    let kinds: Vec<String> = kinds
        .iter()
        .map(|(kind, number)| if *number == 1 { (*kind).to_owned() } else { format!("{kind} ({number})") })
        .collect();
    let kinds = if kinds.is_empty() { "nothing is left of it".to_owned() } else { kinds.join(", ") };
    let at_work = uninstallation.at_work.as_ref().map(|release| {
        format!(
            "wait until the host's helm has ended, whose release ks-core is {} now; then ",
            release.status
        )
    });
    format!(
        "{}uninstall ks-core: delete what helm's release lists ({kinds}), and then helm's records of it",
        at_work.unwrap_or_default()
    )
}

/// What a host of KubeSphere 4 makes of a new Cluster.
fn installation(step: &Register) -> String {
    let Some(Installer { host, upgrades, .. }) = &step.installer else { return String::new() };
    let version = host.version.map(|version| format!(" {version}")).unwrap_or_default();
    if *upgrades {
        format!("; its host then upgrades the KubeSphere of {} to its own{version}", step.member)
    } else {
        format!("; its host then installs KubeSphere{version} on {}", step.member)
    }
}

fn configuring(expected: &ConfigurationNeed) -> &'static str {
    match expected {
        ConfigurationNeed::InEffect => "see that the configuration is still in effect",
        ConfigurationNeed::Patch(_) => "patch ClusterConfiguration ks-installer",
        ConfigurationNeed::Await => {
            "wait for the installer's run that is under way; where it leaves no effect, restart Deployment ks-installer"
        }
        ConfigurationNeed::AwaitController => {
            "wait until ks-controller-manager has registered the host's own Cluster"
        }
        ConfigurationNeed::Restart => {
            "restart Deployment ks-installer, because an earlier run left the configuration without effect"
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

fn making(credential: &CredentialStep) -> String {
    let account = format!("ServiceAccount {NAMESPACE}/{ACCOUNT}");
    match credential.missing.as_slice() {
        [CredentialObject::Namespace, rest @ ..] => {
            let rest = CredentialStep { missing: rest.to_vec(), ..credential.clone() };
            format!("create Namespace {NAMESPACE}; {}", making(&rest))
        }
        [CredentialObject::Certificate, CredentialObject::Rebinding] => format!(
            "request a client certificate for a new user {ACCOUNT}-*, bound to {CLUSTER_ADMIN} instead of \
             an earlier certificate's user"
        ),
        [CredentialObject::Certificate, CredentialObject::AddedUser] => format!(
            "request a client certificate for a new user {ACCOUNT}-*, bound to {CLUSTER_ADMIN} besides \
             an earlier certificate's user"
        ),
        [CredentialObject::Certificate, ..] => {
            format!("request a client certificate for a new user {ACCOUNT}-*, bound to {CLUSTER_ADMIN}")
        }
        [
            CredentialObject::ServiceAccount,
            CredentialObject::Binding,
            CredentialObject::Token(_) | CredentialObject::AnotherToken(..),
        ] => {
            format!("create {account} bound to {CLUSTER_ADMIN}, and a token for it")
        }
        missing => {
            let pieces = missing.iter().map(|piece| match piece {
                CredentialObject::ServiceAccount => account.clone(),
                CredentialObject::Binding => format!("a binding of {account} to {CLUSTER_ADMIN}"),
                _ => format!("a token for {account}"),
            });
            format!("create {}", pieces.collect::<Vec<_>>().join(", and "))
        }
    }
}

fn removed(superseded: &Superseded) -> String {
    let secrets = superseded.tokens.iter().map(|token| format!("delete Secret {NAMESPACE}/{}", token.name));
    // Their names have a part that nobody shall guess.
    let users = superseded.users.len();
    let users = (users > 0).then(|| {
        let users = count(users, "earlier user");
        format!("take {users} {ACCOUNT}-* out of ClusterRoleBinding {USER_BINDING}")
    });
    secrets.chain(users).collect::<Vec<_>>().join(", ")
}

fn stored_credential(kind: CredentialKind, member: &str) -> String {
    match kind {
        CredentialKind::Context => format!("the credential of context {member}"),
        CredentialKind::ServiceAccount => {
            format!("the token of ServiceAccount {NAMESPACE}/{ACCOUNT} of {member}")
        }
        CredentialKind::Certificate => format!("the client certificate of {member}'s user {ACCOUNT}-*"),
    }
}

fn probing(probing: &Probing) -> String {
    let nodes = count(probing.nodes.len(), "node");
    let servers = probing.targets().into_iter().map(|target| target.server.as_str());
    let servers = servers.collect::<Vec<_>>().join(", ");
    format!("probe {servers} from {nodes} with short-lived pods in kubesphere-system; no image is pulled")
}

fn show_change(ui: &Ui, step: &Step, change: &Change) {
    ui.message(format!("       {}", self::change(step, change)));
}

/// A fragment: `spec.multicluster.clusterRole: none → member`.
pub(super) fn change(step: &Step, change: &Change) -> String {
    let shown = |value: &str| if value.is_empty() { "\"\"".to_owned() } else { value.to_owned() };
    let old = change.old.as_deref().map_or_else(|| "<unset>".to_owned(), shown);
    let is_random = matches!(step, Step::Configure(step) if step.goal.brings_random_secret());
    let random = if is_random && change.sets_jwt_secret() { " (random)" } else { "" };
    format!("{}: {old} → {}{random}", change.field, shown(&change.new))
}
