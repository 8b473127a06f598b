//! From what was typed to connections: contexts, credentials, and the intent.

use std::collections::BTreeSet;

use futures::future::try_join_all;

use crate::{
    cli::{Global, Join},
    error::Error,
    kubesphere::{
        names::{is_cluster_name, is_host_cluster_name, propose_cluster_name},
        side::Side,
    },
    live::{
        connection::Connection,
        credentials::credentials,
        environment::Environment,
        kubeconfig::{ConnectionOptions, load},
        selected_context::{SelectedContext, select},
    },
    output::ui::Ui,
    plan::{
        intent::{Description, HostChoice, HostIntent, Intent, MemberIntent},
        member_kubeconfig::flatten,
    },
};

/// The clusters of a join, and what is wanted of them.
pub(super) struct Clusters {
    pub(super) host: Connection,
    /// In the intent's order.
    pub(super) members: Vec<Connection>,
    pub(super) intent: Intent,
}

/// Finds the contexts, says what is wrong with them or with the names, and opens the connections. Nothing is sent.
pub(super) async fn connect(join: &Join, global: &Global, ui: &Ui) -> Result<Clusters, Error> {
    confirm_single(join, global)?;
    let environment = Environment::of_process();
    let host_options = host_options(global);
    let kubeconfig = load(&host_options, &environment)?;
    let host = select(&kubeconfig, |context| Side::Host { context }, &host_options)?;
    let member_options = member_options(global);
    let kubeconfig = load(&member_options, &environment)?;
    let contexts = join
        .members
        .iter()
        .map(|member| {
            let options = ConnectionOptions { context: Some(member.clone()), ..member_options.clone() };
            Ok(select(&kubeconfig, |context| Side::Member { context }, &options)?)
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let intent = intent(join, global, &contexts)?;
    let timeout = global.request_timeout;
    let host = Connection::open(host, &environment, timeout).await?;
    let members = contexts.into_iter().map(|context| Connection::open(context, &environment, timeout));
    let members = try_join_all(members).await?;
    let warnings = host.warnings.iter().chain(members.iter().flat_map(|member| &member.warnings));
    warnings.for_each(|warning| ui.warning(warning));
    Ok(Clusters { host, members, intent })
}

/// What names one cluster cannot be meant for several, and no MEMBER is joined twice.
fn confirm_single(join: &Join, global: &Global) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    if let Some(twice) = join.members.iter().find(|member| !seen.insert(*member)) {
        return Err(Error::usage(format!("MEMBER \"{twice}\" is named twice")).hint("name each member once"));
    }
    if join.members.len() < 2 {
        return Ok(());
    }
    let member = &global.member;
    let single = [
        ("--name", join.name.is_some()),
        ("--alias", join.alias.is_some()),
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
            Err(Error::usage(format!("{option} suits one MEMBER, and {} are named", join.members.len()))
                .hint("join them one by one"))
        }
        None => Ok(()),
    }
}

fn intent(join: &Join, global: &Global, contexts: &[SelectedContext]) -> Result<Intent, Error> {
    if let Some(name) = join.host_cluster_name.as_deref().filter(|name| !is_host_cluster_name(name)) {
        return Err(Error::usage(format!("\"{name}\" cannot be the name of the host's Cluster"))
            .hint("use lower case letters, digits, `-` and `.`, at most 63, beginning and ending with a letter or digit"));
    }
    let members =
        contexts.iter().map(|context| member_intent(join, context)).collect::<Result<Vec<_>, _>>()?;
    let mut names = BTreeSet::new();
    if let Some(twice) = members.iter().find(|member| !names.insert(&member.name)) {
        return Err(Error::usage(format!("two members would get the name \"{}\"", twice.name))
            .hint("join them one by one with `--name`"));
    }
    Ok(Intent {
        host: HostIntent { cluster_name: join.host_cluster_name.clone(), chosen: chosen(join, global) },
        members,
    })
}

fn member_intent(join: &Join, context: &SelectedContext) -> Result<MemberIntent, Error> {
    let name = cluster_name(join.name.as_deref(), &context.name)?;
    let credentials = credentials(context);
    Ok(MemberIntent {
        context: context.name.clone(),
        kubeconfig: flatten(&name, &credentials),
        name,
        description: description(join),
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

fn description(join: &Join) -> Description {
    Description {
        alias: join.alias.clone(),
        description: join.description.clone(),
        group: join.group.clone(),
        region: join.region.clone(),
        provider: join.provider.clone(),
        labels: join.labels.iter().cloned().collect(),
        annotations: join.annotations.iter().cloned().collect(),
    }
}

fn chosen(join: &Join, global: &Global) -> HostChoice {
    if global.host.context.is_some() {
        HostChoice::Named
    } else if join.yes {
        HostChoice::CurrentContextUnasked
    } else {
        HostChoice::CurrentContext
    }
}

fn host_options(global: &Global) -> ConnectionOptions {
    let host = global.host.clone();
    ConnectionOptions {
        kubeconfig: host.kubeconfig,
        context: host.context,
        cluster: host.cluster,
        user: host.user,
        server: host.server,
        token: host.token,
        certificate_authority: host.certificate_authority,
        client_certificate: host.client_certificate,
        client_key: host.client_key,
        tls_server_name: host.tls_server_name,
        insecure_skip_tls_verify: host.insecure_skip_tls_verify.unwrap_or(false),
        impersonate: global.impersonate.clone(),
        impersonate_groups: global.impersonate_groups.clone(),
        request_timeout: global.request_timeout,
    }
}

/// `context` is each MEMBER's.
fn member_options(global: &Global) -> ConnectionOptions {
    let member = global.member.clone();
    ConnectionOptions {
        kubeconfig: member.member_kubeconfig.or_else(|| global.host.kubeconfig.clone()),
        context: None,
        cluster: member.member_cluster,
        user: member.member_user,
        server: member.member_server,
        token: member.member_token,
        certificate_authority: member.member_certificate_authority,
        client_certificate: member.member_client_certificate,
        client_key: member.member_client_key,
        tls_server_name: member.member_tls_server_name,
        insecure_skip_tls_verify: member.member_insecure_skip_tls_verify.unwrap_or(false),
        impersonate: global.impersonate.clone(),
        impersonate_groups: global.impersonate_groups.clone(),
        request_timeout: global.request_timeout,
    }
}
