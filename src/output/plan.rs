//! A plan, as a person reads it before saying yes.

use owo_colors::OwoColorize as _;

use super::{
    clusters, findings,
    ui::Ui,
    words::{count, harmless},
};
use crate::{
    checks::{Finding, cluster_webhook::narrowed, restarts::what_restarts},
    kubesphere::{cluster_configuration::NAMESPACE, role::Role, side::Side},
    plan::{
        configuration_patch::Change,
        credential::{ACCOUNT, CLUSTER_ADMIN, Kind, Piece, USER_BINDING},
        credential_step::CredentialStep,
        intent::Intent,
        join::{ConfigurationStep, Plan},
        observed::{InstallerRun, Observed},
        reach::probing::Probing,
        steps::{Action, Step},
        superseded::Superseded,
    },
};

/// What was observed and decided.
#[derive(Clone, Copy, Debug)]
pub struct PlanView<'a> {
    /// What was asked for.
    pub intent: &'a Intent,
    /// The host, where it is asked.
    pub host: Option<&'a Observed>,
    /// The members, in the intent's order.
    pub members: &'a [&'a Observed],
    /// The plan.
    pub plan: &'a Plan,
}

/// Shows the clusters, what the checks have to say, the steps and what they mean.
pub fn show(ui: &Ui, view: PlanView<'_>, findings: &[Finding]) {
    show_clusters(ui, view);
    if findings::are_worth_showing(findings) {
        ui.message("");
        findings::show(ui, findings);
    }
    let steps = view.plan.steps();
    ui.message(&format!("\n{}", "Plan".style(ui.styles.strong)));
    for (number, step) in steps.iter().enumerate() {
        show_step(ui, number + 1, step, view);
    }
    let consequences = consequences(view);
    if !consequences.is_empty() {
        ui.message(&format!("\n{}", "What it means".style(ui.styles.strong)));
        for text in &consequences {
            ui.message(&format!("  - {text}"));
        }
    }
    ui.message("");
}

fn show_clusters(ui: &Ui, view: PlanView<'_>) {
    for (number, line) in clusters::table(observed(view)).into_iter().enumerate() {
        if number == 0 { ui.message(&line.style(ui.styles.strong).to_string()) } else { ui.message(&line) }
    }
}

fn show_step(ui: &Ui, number: usize, step: &Step<'_>, view: PlanView<'_>) {
    let side = step.side.to_string();
    let side = side.style(ui.styles.name);
    match &step.action {
        Action::Restore(restoration) => ui.message(&format!(
            "  {number}. {side}: restore what another command has narrowed, which is at work or was killed: {}",
            harmless(&narrowed(&restoration.record))
        )),
        Action::Sweep(pods) => {
            let pods = count(pods.len(), "probe pod");
            ui.message(&format!("  {number}. {side}: delete {pods} that an earlier command left behind"));
        }
        Action::Probe(probing) => show_probing(ui, number, probing),
        Action::Patch(changes) => {
            ui.message(&format!("  {number}. {side}: patch ClusterConfiguration ks-installer"));
            changes.iter().for_each(|change| show_change(ui, change));
            let side = observed(view).find(|observed| observed.side == step.side);
            if let Some(InstallerRun::UnderWay(what)) = side.map(|observed| &observed.run) {
                ui.message(&format!("       after the installer's run that is under way ({})", harmless(what)));
            }
        }
        Action::Await => ui.message(&format!(
            "  {number}. {side}: wait for the installer's run that is under way; where it leaves no effect, restart \
             Deployment ks-installer"
        )),
        Action::AwaitController => ui.message(&format!(
            "  {number}. {side}: wait until ks-controller-manager has registered the host's own Cluster"
        )),
        Action::Restart => ui.message(&format!(
            "  {number}. {side}: restart Deployment ks-installer, because an earlier run left the configuration \
             without effect"
        )),
        Action::MakeCredential(credential) => {
            ui.message(&format!("  {number}. {side}: {}", making(credential)));
        }
        Action::Create { name, member, credential } => {
            let credential = stored_credential(*credential, member);
            ui.message(&format!("  {number}. {side}: create Cluster {name} with {credential}"));
        }
        Action::Renew { name, member, credential, changes } => {
            let credential = stored_credential(*credential, member);
            ui.message(&format!("  {number}. {side}: patch Cluster {name}: a new kubeconfig with {credential}"));
            changes.iter().for_each(|change| show_change(ui, change));
        }
        Action::Remove(superseded) => {
            let removed = removed(superseded);
            ui.message(&format!("  {number}. {side}: once the host has taken it, {removed}, which the host used before"));
        }
        Action::AwaitCluster { name } => ui.message(&format!("  {number}. {side}: wait until Cluster {name} is ready")),
    }
}

fn making(credential: &CredentialStep) -> String {
    let account = format!("ServiceAccount {NAMESPACE}/{ACCOUNT}");
    match credential.missing.as_slice() {
        [Piece::Certificate, Piece::Rebinding] => format!(
            "have a client certificate signed for a new user {ACCOUNT}-*, who is bound to {CLUSTER_ADMIN} instead of \
             an earlier certificate's user"
        ),
        [Piece::Certificate, Piece::AddedUser] => format!(
            "have a client certificate signed for a new user {ACCOUNT}-*, who is bound to {CLUSTER_ADMIN} besides \
             an earlier certificate's user"
        ),
        [Piece::Certificate, ..] => format!(
            "have a client certificate signed for a new user {ACCOUNT}-*, who is bound to {CLUSTER_ADMIN}"
        ),
        [Piece::ServiceAccount, Piece::Binding, Piece::Token(_) | Piece::AnotherToken(..)] => {
            format!("create {account} bound to {CLUSTER_ADMIN}, and a token for it")
        }
        missing => {
            let pieces = missing.iter().map(|piece| match piece {
                Piece::ServiceAccount => account.clone(),
                Piece::Binding => format!("a binding of {account} to {CLUSTER_ADMIN}"),
                _ => format!("a token for {account}"),
            });
            format!("create {}", pieces.collect::<Vec<_>>().join(", and "))
        }
    }
}

fn removed(superseded: &Superseded) -> String {
    let secrets =
        superseded.tokens.iter().map(|token| format!("delete Secret {NAMESPACE}/{}", harmless(&token.name)));
    // Their names have a part that nobody shall guess.
    let users = superseded.users.len();
    let users = (users > 0).then(|| {
        let users = count(users, "earlier user");
        format!("take {users} {ACCOUNT}-* out of ClusterRoleBinding {USER_BINDING}")
    });
    secrets.chain(users).collect::<Vec<_>>().join(", ")
}

fn stored_credential(kind: Kind, member: &str) -> String {
    match kind {
        Kind::Context => format!("the credential of context {member}"),
        Kind::ServiceAccount => format!("the token of ServiceAccount {NAMESPACE}/{ACCOUNT} of {member}"),
        Kind::Certificate => format!("the client certificate of {member}'s user {ACCOUNT}-*"),
    }
}

fn show_probing(ui: &Ui, number: usize, probing: &Probing) {
    let side = probing.host.to_string();
    let side = side.style(ui.styles.name);
    let nodes = count(probing.nodes.len(), "node");
    let servers = probing.targets().into_iter().map(|target| harmless(&target.server));
    let servers = servers.collect::<Vec<_>>().join(", ");
    ui.message(&format!(
        "  {number}. {side}: probe {servers} from {nodes} with short-lived pods in kubesphere-system; nothing is pulled"
    ));
    if !probing.left_out.is_empty() {
        let left_out = probing.left_out.iter().map(|(node, why)| format!("{node} ({})", why.why()));
        let left_out = harmless(&left_out.collect::<Vec<_>>().join(", "));
        ui.message(&format!("       without {left_out}"));
    }
}

fn show_change(ui: &Ui, change: &Change) {
    let old = change.old.as_deref().unwrap_or("<unset>");
    ui.message(&format!("       {}: {} → {}", change.field, harmless(old), harmless(&change.new)));
}

/// Every cluster that was asked, the host first.
fn observed(view: PlanView<'_>) -> impl Iterator<Item = &Observed> {
    view.host.into_iter().chain(view.members.iter().copied())
}

/// What cannot be undone, what restarts, whose sessions end, and who may read what is stored.
fn consequences(view: PlanView<'_>) -> Vec<String> {
    let mut texts = Vec::new();
    let changing = changing(view);
    for (observed, step) in &changing {
        if let (ConfigurationStep::Patch(_), Side::Host { .. }) = (step, &observed.side)
            && observed.role() != Role::Host
        {
            texts.push(format!("{} becomes a host, which cannot be undone", observed.side));
        }
    }
    for (observed, step) in &changing {
        texts.push(format!("{}: {}", observed.side, what_restarts(observed.kubesphere_version())));
        if let (ConfigurationStep::Patch(patch), Side::Member { .. }) = (step, &observed.side)
            && patch.changes.iter().any(|change| change.field.ends_with("jwtSecret"))
        {
            texts.push(format!(
                "{}: everybody who is logged in to its console is logged out, and logs in through the host from then on",
                observed.side
            ));
        }
    }
    if let Some((_, cluster)) = view.plan.creations().next() {
        texts.push(format!(
            "{}: each new Cluster stores a credential with cluster-admin rights on its member; whoever may read \
             clusters.cluster.kubesphere.io there can use it",
            cluster.host
        ));
    }
    if let Some((_, cluster, _)) = view.plan.renewals().next() {
        texts.push(format!(
            "{}: a renewed Cluster stores a credential with cluster-admin rights on its member, as before; whoever may \
             read clusters.cluster.kubesphere.io there can use it",
            cluster.host
        ));
    }
    texts
}

fn changing(view: PlanView<'_>) -> Vec<(&Observed, &ConfigurationStep)> {
    let host = view.host.into_iter().zip(view.plan.host.iter().map(|host| &host.configuration));
    let members = view.plan.members.iter().map(|member| &member.configuration);
    let all = host.chain(view.members.iter().copied().zip(members));
    all.filter(|(_, step)| step.runs_installer()).collect()
}
