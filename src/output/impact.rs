//! What a plan means for people: what cannot be undone, what restarts, whose sessions end, and who may read what is stored.

use kubesphere::{
    cluster::RegisteredCluster, command::Mc, fleet_entry::Setting, role::Role, side::Side,
    versions::Generation,
};

use super::plan::View;
use crate::{
    checks::restarts::what_restarts,
    plan::{
        configuration_patch::Change,
        narrowing::Field,
        needs::ConfigurationNeed,
        observed::Observed,
        reconciler::Goal,
        rotation::is_begun,
        step::{Planned as _, Step},
        steps::{
            configure::Configure,
            delete_cluster::DeleteCluster,
            register::{Installer, Register},
        },
    },
};

/// Sentences, each once, in the order of the steps.
pub(super) fn of_plan(view: &View<'_>) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for text in view.plan.shown().flat_map(|step| of_step(step, view)) {
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts
}

fn of_step(step: &Step, view: &View<'_>) -> Vec<String> {
    match step {
        Step::Configure(step) => of_configuration(step, view),
        Step::Register(step) if step.creates => of_registration(step),
        Step::Renew(step) => vec![format!(
            "{}: a renewed Cluster stores a credential with cluster-admin rights on its member, as before; whoever may \
             read clusters.cluster.kubesphere.io there can use it",
            step.host
        )],
        Step::DeleteCluster(step) => of_deletion(step, view.host),
        Step::Uninstall(step) => [vec![
            format!("{}: KubeSphere stops there, and only another join or helm brings it back", step.cluster),
            format!(
                "{}: the chart's own clean-up is not run, which deletes the definitions of KubeSphere with all that there is \
                 of these kinds; what extensions have installed stays",
                step.cluster
            ),
        ], view.host.map(|host| of_known_secret(&step.cluster, host)).into_iter().collect()].concat(),
        _ => Vec::new(),
    }
}

fn of_registration(step: &Register) -> Vec<String> {
    let stored = format!(
        "{}: each new Cluster stores a credential with cluster-admin rights on its member; whoever may read \
         clusters.cluster.kubesphere.io there can use it",
        step.host
    );
    let installed = step.installer.iter().flat_map(|installer| of_installation(installer, &step.member));
    installed.chain([stored]).collect()
}

fn of_installation(installer: &Installer, member: &Side) -> Vec<String> {
    let helm = if installer.upgrades {
        "helm upgrades release ks-core in kubesphere-system, whose pods restart,"
    } else {
        "helm installs release ks-core in kubesphere-system,"
    };
    let helm_run =
        format!("{member}: {helm} with the host's jwtSecret; both stay there when the member is removed");
    let ended = installer.replaces_secret().then(|| {
        format!(
            "{member}: its jwtSecret becomes the host's: everybody who is logged in to it is logged out, and every token that was \
             signed with its own is refused"
        )
    });
    let values = installer.changes.iter().find(|change| change.field == "spec.config").map(|change| {
        format!(
            "{member}: helm gets {} by {}, and the Cluster keeps them for each upgrade",
            change.new,
            member.setting(Setting::Values)
        )
    });
    [helm_run].into_iter().chain(ended).chain(values).collect()
}

fn of_configuration(step: &Configure, view: &View<'_>) -> Vec<String> {
    if !step.expected.runs_installer() {
        return Vec::new();
    }
    let (cluster, observed) = (&step.cluster, step.observed.as_ref());
    let becomes_host = is_patch(step) && matches!(step.goal, Goal::Host(_)) && observed.role() != Role::Host;
    let mut texts = Vec::new();
    texts.extend(becomes_host.then(|| format!("{cluster} becomes a host, which cannot be undone")));
    texts.push(format!("{cluster}: {}", what_restarts(observed.kubesphere_version())));
    match &step.goal {
        Goal::Host(_) if gets_another_secret(step) => texts.push(format!(
            "{cluster}: everybody who is logged in there, or through it to a member, is logged out, and every token that it has \
             issued is refused, those of programs too; until a member has the new jwtSecret, it answers 401 to what the host's \
             users ask of it"
        )),
        Goal::Member(_) => {
            texts.extend(becomes_member_again(step, view.host));
            texts.extend(changes_secret(step).then(|| format!(
                "{cluster}: everybody who is logged in to its console is logged out, and logs in through the host from then on"
            )));
        }
        Goal::Standalone(_) if is_patch(step) => {
            texts.push(format!(
                "{cluster}: everybody who is logged in to its console is logged out, and logs in there, no longer through the host"
            ));
            texts.extend(view.host.map(|host| of_known_secret(cluster, host)));
        }
        _ => {}
    }
    texts
}

/// Whoever has changed the role of a member may have meant it.
fn becomes_member_again(step: &Configure, host: Option<&Observed>) -> Option<String> {
    let (cluster, observed) = (&step.cluster, step.observed.as_ref());
    let is_registered = host.is_some_and(|host| host.clusters_with_uid(&observed.uid).next().is_some());
    let changes = is_patch(step) && is_registered && observed.role() != Role::Member;
    changes.then(|| {
        format!(
            "{cluster}: its role is {} by now, and it becomes a member of the host again",
            observed.role()
        )
    })
}

fn is_patch(step: &Configure) -> bool {
    matches!(step.expected, ConfigurationNeed::Patch(_))
}

/// By a patch, or by the run that an earlier one still waits for.
fn gets_another_secret(step: &Configure) -> bool {
    let is_given = is_patch(step) && step.goal.brings_random_secret();
    is_given || is_begun(step.observed.as_ref())
}

fn changes_secret(step: &Configure) -> bool {
    step.changes().iter().any(Change::sets_jwt_secret)
}

/// What those knew who could read the member's configuration, and how it becomes worthless.
fn of_known_secret(member: &Side, host: &Observed) -> String {
    let rotate = Mc::new("rotate jwt-secret").host(&host.side);
    let gives = match host.generation() {
        Some(Generation::Four) => "says how they get it by helm",
        _ => "gives it to them",
    };
    format!(
        "whoever could read the configuration of {member} knew the host's jwtSecret, and can sign tokens for the host and \
         all its members until these have another one: `{rotate}` {gives} afterwards, and ends all sessions"
    )
}

/// Under which other name the member stays with its host, where it is registered twice.
fn other_name<'a>(step: &'a DeleteCluster, host: Option<&'a Observed>) -> Option<&'a str> {
    let clusters = host?.clusters_with_uid(step.planned.member_uid()?);
    clusters.map(RegisteredCluster::name).find(|name| *name != step.planned.name())
}

fn of_deletion(step: &DeleteCluster, observed: Option<&Observed>) -> Vec<String> {
    let (host, name) = (&step.host, step.planned.name());
    let mut texts = vec![format!(
        "{host}: the Cluster \"{name}\" cannot be brought back with what it says and stores; a join makes a new one, and \
         workspaces have to be placed on it again"
    )];
    if step.deletes {
        texts.push(match other_name(step, observed) {
            None => format!("{host}: the host's users no longer reach the member through its console"),
            Some(other) => {
                format!("{host}: the host's users reach the member only as \"{other}\" from then on")
            }
        });
    }
    if !step.with_member {
        texts.push(left_as_it_is(step, observed).to_owned());
    }
    if let Some(forced) = &step.forced {
        texts.push(forced.denial.as_ref().map_or_else(
            || {
                format!(
                    "{host}: whether its webhook denies the deletion of the Cluster is not known yet; it is asked first, and \
                     narrowed only if it does"
                )
            },
            |denial| format!("{host}: its webhook denies the deletion of the Cluster ({denial})"),
        ));
        if forced.field == Field::Rules {
            texts.push(format!(
                "{host}: for some seconds nobody is refused who gives any Cluster a kubeconfig that points to another cluster, or \
                 nowhere"
            ));
        }
    }
    if step.planned.is_proxy() {
        texts.push(
            "the member was joined by an agent, which goes on running there: Deployment cluster-agent"
                .to_owned(),
        );
    }
    texts
}

fn left_as_it_is(step: &DeleteCluster, host: Option<&Observed>) -> &'static str {
    match host.and_then(Observed::generation) {
        Some(Generation::Four) if step.planned.member_uid().is_none() => {
            "the member is left as it is, which the host has never reached: a credential that a join has made for the host \
             stays there, which `--member-context` removes"
        }
        Some(Generation::Four) => {
            "the member is left as it is: ks-core, the host's jwtSecret and the host's credential stay there, which \
             `--member-context` with `--uninstall` removes"
        }
        _ => {
            "the member is left as it is: its role, the host's jwtSecret and the host's credential stay there, which \
             `--member-context` removes"
        }
    }
}
