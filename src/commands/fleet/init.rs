//! `kubectl mc fleet init`: what each context of a kubeconfig leads to, as a fleet file.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use kubesphere::names::{is_cluster_name, is_consoles_name, propose_cluster_name};
use tokio::time::Instant;

use crate::{
    checks::{Finding, host_role},
    cli::{FleetInit, Global},
    commands::{
        connect::connect,
        contexts::{every_member, of_one_member, open, select_host},
        look::{Look, look},
        request::{ClusterRequest, MemberRequest, Request},
        time_limit::in_time,
    },
    error::Error,
    live::{
        environment::Environment,
        observe::observe,
        places::Places,
        whereabouts::{Unanswered, Whereabouts, whereabouts},
    },
    output::{
        context_mapping, findings,
        fleet::{DraftedHost, DraftedMember, FleetDraft},
        ui::Ui,
        words::count,
    },
    plan::{
        intent::MemberIntent,
        observed::{Observed, Seen},
        operation::Operation,
    },
};

/// Many clusters are looked at, and one that is slow is no reason to lose the others.
const LOOKED_AT_WITHIN: Duration = Duration::from_secs(120);
/// The checks whose failure no option and no repair of a setting lifts: such a cluster is no member of this host.
const EXCLUDING: [&str; 4] = ["member-role", "member-versions", "kubesphere-version", "installer-present"];

/// Prints it.
pub(in crate::commands) async fn run(init: &FleetInit, global: &Global, ui: &Ui) -> Result<(), Error> {
    if let Some(option) = of_one_member(global) {
        return Err(Error::usage(format!("{option} is for one member, and every context is asked"))
            .hint("leave it out, and write it into the file"));
    }
    let deadline = Instant::now() + LOOKED_AT_WITHIN;
    let environment = Environment::of_process();
    let host = open(vec![select_host(global, &environment)?], global, &environment, ui).await?.remove(0);
    let observed = observe(&host).await?;
    confirm_host(&observed, ui)?;
    let (contexts, broken) = every_member(global, &environment)?;
    context_mapping::asking(ui, contexts.len());
    let places = Places::new(init.parallel.parallel, contexts.len());
    let (found, silent) = whereabouts(contexts, &places, &environment, global.request_timeout).await;
    let sorted = Sorted::of(&found, &observed);
    let members = MemberRequest::of_each(&sorted.members, &ClusterRequest::default(), global);
    let request = Request { parallel: init.parallel, ..Request::new(Operation::Check, members, global) };
    let clusters = connect(&request, ui).await?;
    let look = in_time(deadline, Box::pin(look(&clusters, None))).await?;
    let draft = FleetDraft {
        host: DraftedHost {
            context: host.side.context().to_owned(),
            kubeconfig: shown(global.host.kubeconfig.as_deref()),
            seen: seen(&observed),
        },
        kubeconfig: shown(global.member.member_kubeconfig.as_deref()),
        members: drafted(&look)
            .into_iter()
            .chain(sorted.others)
            .chain(silent.iter().map(unanswered))
            .chain(broken.into_iter().map(|Unanswered { context, why }| left_out(&context, why.to_string())))
            .collect(),
    };
    draft.warn_of_none(ui);
    ui.document(&draft.text())
}

/// It is refused as by a join.
fn confirm_host(host: &Observed, ui: &Ui) -> Result<(), Error> {
    let Some(obstacle) = host_role::obstacle(host) else { return Ok(()) };
    let obstacles = vec![obstacle];
    findings::show(ui, &obstacles);
    Err(Error { message: "1 check failed".to_owned(), ..Error::refused(obstacles) })
}

/// The contexts that have answered: one for each cluster that may be a member, and all others.
struct Sorted {
    members: Vec<String>,
    others: Vec<DraftedMember>,
}

impl Sorted {
    /// Of several contexts of one cluster the one that is called like its Cluster counts, else the first.
    fn of(found: &[Whereabouts], host: &Observed) -> Self {
        let is_named = |place: &Whereabouts| {
            host.clusters_with_uid(&place.uid).any(|cluster| cluster.name() == place.context)
        };
        let mut chosen: BTreeMap<&str, &Whereabouts> = BTreeMap::new();
        for place in found {
            let known = chosen.entry(&place.uid).or_insert(place);
            if is_named(place) && !is_named(known) {
                *known = place;
            }
        }
        let (mut members, mut others) = (Vec::new(), Vec::new());
        for place in found {
            let first = chosen.get(place.uid.as_str()).map_or("", |first| first.context.as_str());
            if place.uid == host.uid {
                others.push(left_out(&place.context, "it leads to the host itself".to_owned()));
            } else if first == place.context {
                members.push(place.context.clone());
            } else {
                let why = format!("it leads to the same cluster as the context {first}");
                others.push(left_out(&place.context, why));
            }
        }
        Self { members, others }
    }
}

fn left_out(context: &str, why: String) -> DraftedMember {
    DraftedMember { context: context.to_owned(), name: None, seen: Vec::new(), left_out: Some(why) }
}

fn unanswered(Unanswered { context, why }: &Unanswered) -> DraftedMember {
    left_out(context, format!("no answer: {why}"))
}

/// Names that no two members share.
fn drafted(look: &Look) -> Vec<DraftedMember> {
    let mut names = BTreeSet::new();
    let members = look.intent.members.iter().zip(&look.members);
    members.map(|(intent, observed)| member(look, intent, observed.as_ref(), &mut names)).collect()
}

fn member(
    look: &Look,
    intent: &MemberIntent,
    observed: Option<&Observed>,
    names: &mut BTreeSet<String>,
) -> DraftedMember {
    let context = intent.side.context();
    let Some(observed) = observed else { return left_out(context, "it gave no usable answer".to_owned()) };
    let registered = look.host.as_ref().and_then(|host| host.clusters_with_uid(&observed.uid).next());
    let mut said = vec![seen(observed)];
    said.extend(registered.map(|cluster| format!("registered on this host as {}", cluster.name())));
    let stopping =
        |finding: &&Finding| finding.is_obstacle() && finding.report.side.as_ref() == Some(&intent.side);
    let findings: Vec<&Finding> = look.findings.iter().filter(stopping).collect();
    let excluding = findings.iter().find(|finding| EXCLUDING.contains(&finding.id));
    let excluding = excluding.filter(|_| registered.is_none()).map(|finding| finding.report.message.clone());
    if excluding.is_none() {
        said.extend(findings.iter().map(|finding| format!("{}: {}", finding.id, finding.report.message)));
    }
    let name = registered.map_or_else(|| named(context), |cluster| Some(cluster.name().to_owned()));
    let (name, left_out) = match (name, excluding) {
        (_, Some(why)) => (None, Some(why)),
        (Some(name), None) if names.insert(name.clone()) => ((name != context).then_some(name), None),
        (_, None) => (None, Some("its Cluster needs a `name` of its own".to_owned())),
    };
    DraftedMember { context: context.to_owned(), name, seen: said, left_out }
}

/// The context's name, or the nearest one that a Cluster can have.
fn named(context: &str) -> Option<String> {
    let is_usable = is_cluster_name(context) && !is_consoles_name(context);
    if is_usable { Some(context.to_owned()) } else { propose_cluster_name(context) }
}

fn seen(observed: &Observed) -> String {
    let nodes = observed.nodes().map(|nodes| format!(", {}", count(nodes, "node"))).unwrap_or_default();
    match (observed.kubesphere_version(), &observed.configuration) {
        (Some(version), _) => format!("KubeSphere {version}, role {}{nodes}", observed.role()),
        (None, Seen::Unreadable(why)) => format!("KubeSphere unknown: {why}"),
        (None, _) => format!("no KubeSphere{nodes}"),
    }
}

/// As it was typed: the file is shared, and mostly written to the folder in which it is made.
fn shown(path: Option<&Path>) -> Option<String> {
    path.map(|path| path.display().to_string())
}
