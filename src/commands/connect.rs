//! From what was typed to connections: contexts, credentials, and the intent.

use std::collections::BTreeSet;

use kubesphere::{
    cluster::{HELM_ANNOTATIONS, HOST_LABEL, LABEL_IDS_ANNOTATION},
    fleet_entry::Setting,
    names::{
        HOST_CLUSTER_NAME_HINT, LABEL_HINT, is_cluster_name, is_host_cluster_name, is_key, is_label_value,
        propose_cluster_name,
    },
    side::Side,
};

use super::{
    contexts::{Kubeconfigs, confirm_members, open, open_in, select_host},
    request::{ClusterRequest, MemberRequest, Request, placed},
};
use crate::{
    error::Error,
    live::{
        connection::Connection,
        credentials::{GivenAddress, credentials},
        environment::Environment,
        places::Places,
        selected_context::SelectedContext,
    },
    output::ui::Ui,
    plan::{
        intent::{
            ClusterIntent, Description, HostChoice, HostIntent, Intent, MemberIntent, Reachability,
            StoredOptions,
        },
        member_kubeconfig::{Material, endpoint, user},
        member_server::storable,
        operation::Operation,
        skipped::Skipped,
    },
};

/// The clusters of a join, and what is wanted of them.
pub(super) struct Clusters {
    /// Absent where it is not asked.
    pub(super) host: Option<Connection>,
    /// In the intent's order.
    pub(super) members: Vec<Connection>,
    pub(super) intent: Intent,
    /// In which the members are dealt with.
    pub(super) places: Places,
}

/// Finds the contexts, says what is wrong with them or with the names, and opens the connections. Nothing is sent.
pub(super) async fn connect(request: &Request<'_>, ui: &Ui) -> Result<Clusters, Error> {
    let global = &request.global;
    confirm_words(request)?;
    let environment = Environment::of_process();
    let asked = request.given_secret.is_none();
    let host = asked.then(|| select_host(global, &environment)).transpose()?;
    let contexts = select(request, &environment)?;
    let intent = intent(request, &contexts)?;
    let places = Places::new(request.parallel.parallel, contexts.len());
    let host = open(host.into_iter().collect(), global, &environment, ui).await?.pop();
    let members = open_in(&places, contexts, global, &environment, ui).await?;
    Ok(Clusters { host, members, intent, places })
}

/// Of members that stand in a file each has options of its own, and no two are the same.
fn confirm_words(request: &Request<'_>) -> Result<(), Error> {
    let words = request.members.iter().filter(|member| member.entry().is_none());
    let cluster = words.clone().find_map(|member| member.cluster.as_ref());
    let of_one = |cluster: &ClusterRequest| {
        vec![("--name", cluster.name.is_some()), ("--alias", cluster.description.alias.is_some())]
    };
    let of_one = cluster.map(of_one).unwrap_or_default();
    let words: Vec<String> = words.filter_map(|member| member.context.clone()).collect();
    confirm_members(&words, &request.global, &of_one)
}

fn select(request: &Request<'_>, environment: &Environment) -> Result<Vec<SelectedContext>, Error> {
    let mut kubeconfigs = Kubeconfigs::new(environment);
    let members = request.members.iter();
    members.map(|member| kubeconfigs.select_member(&member.connecting(&request.global))).collect()
}

fn intent(request: &Request<'_>, contexts: &[SelectedContext]) -> Result<Intent, Error> {
    let host = request.global.host.entry.as_ref();
    placed(host, Setting::HostClusterName.field(), confirm_host_cluster_name(request))?;
    let each = || request.members.iter().zip(contexts);
    let members = each()
        .map(|(member, context)| member_intent(request.operation, member, context))
        .collect::<Result<Vec<_>, _>>()?;
    let mut names = BTreeSet::new();
    let clusters = members.iter().filter_map(|member| member.cluster.as_ref());
    if let Some(twice) = clusters.map(|cluster| &cluster.name).find(|name| !names.insert(*name)) {
        return Err(Error::usage(format!("two members would get the name \"{twice}\""))
            .hint("join them one by one with `--name`"));
    }
    Ok(Intent {
        operation: request.operation,
        host: HostIntent {
            cluster_name: request.host_cluster_name.clone(),
            rotation: None,
            chosen: chosen(request),
        },
        members,
        given_secret: request.given_secret.clone(),
        // Probing puts pods on the host, and nothing is to be changed where manifests are written.
        reachability: request.manifests_to.map_or(request.reachability, |_| Reachability::Off),
        left_out: request.left_out.clone(),
        expected: request.expected,
        skipped: each().fold(Skipped::everywhere(request.skipped), |skipped, (member, context)| {
            skipped.and_of(&context.side, &member.skipped)
        }),
    })
}

fn confirm_host_cluster_name(request: &Request<'_>) -> Result<(), Error> {
    match request.host_cluster_name.as_ref().filter(|name| !is_host_cluster_name(name)) {
        Some(name) => Err(Error::usage(format!("\"{name}\" cannot be the name of the host's Cluster"))
            .hint(HOST_CLUSTER_NAME_HINT)),
        None => Ok(()),
    }
}

fn member_intent(
    operation: Operation,
    member: &MemberRequest,
    context: &SelectedContext,
) -> Result<MemberIntent, Error> {
    let cluster = member.cluster.as_ref().map(|cluster| cluster_intent(operation, member, cluster, context));
    let cluster = cluster.transpose()?;
    Ok(MemberIntent { side: context.side.clone(), from_other_host: member.from_other_host, cluster })
}

fn cluster_intent(
    operation: Operation,
    member: &MemberRequest,
    cluster: &ClusterRequest,
    context: &SelectedContext,
) -> Result<ClusterIntent, Error> {
    let name = match operation {
        // It stands, whatever its name is.
        _ if let Some(renewed) = &member.renewed => renewed.name.clone(),
        // The check cluster-name says what is wrong with it.
        Operation::Check if cluster.name.is_none() => context.name.clone(),
        _ => cluster_name(cluster.name.as_deref(), &context.name)?,
    };
    member.placed("labels", confirm_labels(&cluster.description))?;
    member.placed("annotations", confirm_annotations(&cluster.description))?;
    let server = member.connection.member_server.as_deref();
    let server = server.map(|server| member.placed("server", stored_server(server, member))).transpose()?;
    let server = server.or_else(|| member.renewed.as_ref().and_then(|renewed| renewed.server.clone()));
    let address = GivenAddress {
        server: server.as_deref(),
        certificate_authority: member.connection.member_certificate_authority.as_deref(),
    };
    let credentials = credentials(context, address);
    if address.certificate_authority.is_some() {
        let read = confirm_readable(&credentials.certificate_authority, &context.side);
        member.placed(Setting::CertificateAuthority.field(), read)?;
    }
    Ok(ClusterIntent {
        credential: cluster.credential.unwrap_or_default(),
        endpoint: endpoint(&credentials),
        user: user(&credentials),
        name,
        description: cluster.description.clone(),
        server: credentials.server,
        values: cluster.values.clone(),
        given: given(cluster, member),
    })
}

fn given(cluster: &ClusterRequest, member: &MemberRequest) -> StoredOptions {
    let connection = &member.connection;
    let authority = connection.member_certificate_authority.as_ref();
    StoredOptions {
        name: member.entry().is_some(),
        server: connection.member_server.is_some(),
        credentials: cluster.credential,
        certificate_authority: authority.map(|path| path.display().to_string()),
        tls_server_name: connection.member_tls_server_name.clone(),
    }
}

fn refused(what: &str, text: &str) -> Result<(), Error> {
    Err(Error::usage(format!("\"{text}\" cannot be {what}")).hint(LABEL_HINT))
}

/// The key of a label or annotation.
fn confirm_keys<'a>(mut keys: impl Iterator<Item = &'a String>) -> Result<(), Error> {
    keys.find(|key| !is_key(key)).map_or(Ok(()), |key| refused("the key of a label or annotation", key))
}

fn confirm_annotations(description: &Description) -> Result<(), Error> {
    let annotations = &description.annotations;
    if let Some(key) = HELM_ANNOTATIONS.into_iter().find(|key| annotations.contains_key(*key)) {
        return Err(Error::usage(format!(
            "a member cannot be given the annotation \"{key}\": with another value than its own the host installs it again"
        ))
        .hint("leave that annotation out"));
    }
    if annotations.contains_key(LABEL_IDS_ANNOTATION) {
        return Err(Error::usage(format!(
            "a member cannot be given the annotation \"{LABEL_IDS_ANNOTATION}\": the host takes it off, and each join would set it \
             again"
        ))
        .hint("leave that annotation out, and give the member its labels in the host's console"));
    }
    confirm_keys(annotations.keys())
}

/// What the API server would refuse only when everything else is done.
fn confirm_labels(description: &Description) -> Result<(), Error> {
    let Description { labels, group, region, .. } = description;
    if labels.contains_key(HOST_LABEL) {
        return Err(Error::usage(format!(
            "a member cannot have the label \"{HOST_LABEL}\": it makes a Cluster the host's own"
        ))
        .hint("leave that label out"));
    }
    confirm_keys(labels.keys())?;
    let labels = labels.values().map(|value| ("a label's value", value));
    let tags = [("a `--group`", group), ("a `--region`", region)];
    let tags = tags.into_iter().filter_map(|(what, value)| Some((what, value.as_ref()?)));
    match labels.chain(tags).find(|(_, value)| !is_label_value(value)) {
        Some((what, value)) => refused(what, value),
        None => Ok(()),
    }
}

fn stored_server(given: &str, member: &MemberRequest) -> Result<String, Error> {
    let said = Setting::Server;
    let option = if member.entry().is_some() { said.field() } else { said.option() };
    storable(given).ok_or_else(|| {
        Error::usage(format!("the address in `{option}` cannot be stored"))
            .hint("it must be https://ADDRESS:PORT, without user and query")
    })
}

/// An authority that was named is stored now or later.
fn confirm_readable(authority: &Material, member: &Side) -> Result<(), Error> {
    let Material::Unreadable { path, reason } = authority else { return Ok(()) };
    let error = Error::usage(format!("cannot read the certificate authority `{}`: {reason}", path.display()));
    Err(error.hint(format!("name another file with {}", member.setting(Setting::CertificateAuthority))))
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

fn chosen(request: &Request<'_>) -> HostChoice {
    if request.global.host.context.is_some() {
        HostChoice::Named
    } else if request.is_confirmed {
        HostChoice::CurrentContextUnasked
    } else {
        HostChoice::CurrentContext
    }
}
