//! From what was typed to connections: contexts, credentials, and the intent.

use std::collections::BTreeSet;

use super::{
    contexts::{open, select_host, select_members},
    request::Request,
};
use crate::{
    cli::{ClusterOptions, Global},
    error::Error,
    kubesphere::names::{is_cluster_name, is_host_cluster_name, propose_cluster_name},
    live::{
        connection::Connection, credentials::credentials, environment::Environment,
        selected_context::SelectedContext,
    },
    output::ui::Ui,
    plan::{
        intent::{ClusterIntent, Description, HostChoice, HostIntent, Intent, MemberIntent},
        member_kubeconfig::flatten,
    },
};

/// The clusters of a join, and what is wanted of them.
pub(super) struct Clusters {
    /// Absent where it is not asked.
    pub(super) host: Option<Connection>,
    /// In the intent's order.
    pub(super) members: Vec<Connection>,
    pub(super) intent: Intent,
}

/// Finds the contexts, says what is wrong with them or with the names, and opens the connections. Nothing is sent.
pub(super) async fn connect(request: &Request<'_>, global: &Global, ui: &Ui) -> Result<Clusters, Error> {
    confirm_single(request, global)?;
    let environment = Environment::of_process();
    let asked = request.given_secret.is_none();
    let host = asked.then(|| select_host(global, &environment)).transpose()?;
    let contexts = select_members(request.members, global, &environment)?;
    let intent = intent(request, global, &contexts)?;
    let host = open(host.into_iter().collect(), global, &environment, ui).await?.pop();
    let members = open(contexts, global, &environment, ui).await?;
    Ok(Clusters { host, members, intent })
}

/// What names one cluster cannot be meant for several, and no MEMBER is joined twice.
fn confirm_single(request: &Request<'_>, global: &Global) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    if let Some(twice) = request.members.iter().find(|member| !seen.insert(*member)) {
        return Err(Error::usage(format!("MEMBER \"{twice}\" is named twice")).hint("name each member once"));
    }
    if request.members.len() < 2 {
        return Ok(());
    }
    let member = &global.member;
    let single = [
        ("--name", request.cluster.is_some_and(|cluster| cluster.name.is_some())),
        ("--alias", request.cluster.is_some_and(|cluster| cluster.alias.is_some())),
        ("--member-cluster", member.member_cluster.is_some()),
        ("--member-user", member.member_user.is_some()),
        ("--member-server", member.member_server.is_some()),
        ("--member-token", member.member_token.is_some()),
        ("--member-certificate-authority", member.member_certificate_authority.is_some()),
        ("--member-client-certificate", member.member_client_certificate.is_some()),
        ("--member-client-key", member.member_client_key.is_some()),
        ("--member-tls-server-name", member.member_tls_server_name.is_some()),
        ("--member-insecure-skip-tls-verify", member.member_insecure_skip_tls_verify.is_some()),
    ];
    match single.iter().find(|(_, given)| *given) {
        Some((option, _)) => {
            Err(Error::usage(format!("{option} suits one MEMBER, and {} are named", request.members.len()))
                .hint("join them one by one"))
        }
        None => Ok(()),
    }
}

fn intent(request: &Request<'_>, global: &Global, contexts: &[SelectedContext]) -> Result<Intent, Error> {
    if let Some(name) = request.host_cluster_name.filter(|name| !is_host_cluster_name(name)) {
        return Err(Error::usage(format!("\"{name}\" cannot be the name of the host's Cluster"))
            .hint("use lower case letters, digits, `-` and `.`, at most 63, beginning and ending with a letter or digit"));
    }
    let members =
        contexts.iter().map(|context| member_intent(request, context)).collect::<Result<Vec<_>, _>>()?;
    let mut names = BTreeSet::new();
    let clusters = members.iter().filter_map(|member| member.cluster.as_ref());
    if let Some(twice) = clusters.map(|cluster| &cluster.name).find(|name| !names.insert(*name)) {
        return Err(Error::usage(format!("two members would get the name \"{twice}\""))
            .hint("join them one by one with `--name`"));
    }
    let cluster_name = request.host_cluster_name.map(str::to_owned);
    Ok(Intent {
        part: request.part,
        host: HostIntent { cluster_name, chosen: chosen(request, global) },
        members,
        given_secret: request.given_secret.clone(),
    })
}

fn member_intent(request: &Request<'_>, context: &SelectedContext) -> Result<MemberIntent, Error> {
    let cluster = request.cluster.map(|options| cluster_intent(options, context)).transpose()?;
    Ok(MemberIntent { context: context.name.clone(), from_other_host: request.from_other_host, cluster })
}

fn cluster_intent(options: &ClusterOptions, context: &SelectedContext) -> Result<ClusterIntent, Error> {
    let name = cluster_name(options.name.as_deref(), &context.name)?;
    let credentials = credentials(context);
    Ok(ClusterIntent {
        kubeconfig: flatten(&name, &credentials),
        name,
        description: description(options),
        server: credentials.server,
    })
}

/// The name that was given, or the context's if it can be one; never a rewritten one.
fn cluster_name(given: Option<&str>, context: &str) -> Result<String, Error> {
    let name = given.unwrap_or(context);
    if is_cluster_name(name) {
        return Ok(name.to_owned());
    }
    let error = Error::usage(format!(
        "\"{name}\" cannot be a Cluster's name: a name has lower case letters, digits and `-`, at most 63"
    ));
    Err(match propose_cluster_name(name) {
        Some(proposal) => error.hint(format!("pass `--name {proposal}`")),
        None => error.hint("pass another one with `--name`"),
    })
}

fn description(options: &ClusterOptions) -> Description {
    Description {
        alias: options.alias.clone(),
        description: options.description.clone(),
        group: options.group.clone(),
        region: options.region.clone(),
        provider: options.provider.clone(),
        labels: options.labels.iter().cloned().collect(),
        annotations: options.annotations.iter().cloned().collect(),
    }
}

fn chosen(request: &Request<'_>, global: &Global) -> HostChoice {
    if global.host.context.is_some() {
        HostChoice::Named
    } else if request.change.yes {
        HostChoice::CurrentContextUnasked
    } else {
        HostChoice::CurrentContext
    }
}
