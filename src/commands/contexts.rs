//! From the contexts that were named to connections.

use futures::future::try_join_all;

use crate::{
    cli::Global,
    error::Error,
    kubesphere::side::Side,
    live::{
        connection::Connection,
        environment::Environment,
        kubeconfig::{ConnectionOptions, load},
        selected_context::{SelectedContext, select},
    },
    output::ui::Ui,
};

/// The host's context.
pub(super) fn select_host(global: &Global, environment: &Environment) -> Result<SelectedContext, Error> {
    let options = host_options(global);
    let kubeconfig = load(&options, environment)?;
    Ok(select(&kubeconfig, |context| Side::Host { context }, &options)?)
}

/// The members' contexts, in the order in which they were named.
pub(super) fn select_members(
    members: &[String],
    global: &Global,
    environment: &Environment,
) -> Result<Vec<SelectedContext>, Error> {
    let options = member_options(global);
    let kubeconfig = load(&options, environment)?;
    let selected = members.iter().map(|member| {
        let options = ConnectionOptions { context: Some(member.clone()), ..options.clone() };
        Ok(select(&kubeconfig, |context| Side::Member { context }, &options)?)
    });
    selected.collect()
}

/// Opens the connections, and says what is odd about them. Nothing is sent.
pub(super) async fn open(
    contexts: Vec<SelectedContext>,
    global: &Global,
    environment: &Environment,
    ui: &Ui,
) -> Result<Vec<Connection>, Error> {
    let timeout = global.request_timeout;
    let connections = contexts.into_iter().map(|context| Connection::open(context, environment, timeout));
    let connections = try_join_all(connections).await?;
    connections.iter().flat_map(|connection| &connection.warnings).for_each(|warning| ui.warning(warning));
    Ok(connections)
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
