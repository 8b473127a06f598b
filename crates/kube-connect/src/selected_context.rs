//! One context of a kubeconfig with the options of the command line applied, as client-go applies them
//! (source: client-go, `tools/clientcmd/client_config.go`).

use std::collections::HashMap;
use std::fmt;

use http::Uri;
use kube::config::{AuthInfo, Cluster, Context};
use kubesphere::side::Side;

use super::given_options::given;
use super::kubeconfig::{ConnectionOptions, Kubeconfig, KubeconfigError};
use super::kubeconfig_entry::FiledEntry;
use super::server_url;
use super::similarity::most_similar;

/// What it takes to reach one side.
#[derive(Clone)]
pub struct SelectedContext {
    pub side: Side,
    /// The context's name; of a server given on the command line without a context, its address.
    pub name: String,
    /// The name of the kubeconfig cluster.
    pub cluster_name: String,
    /// The cluster. Files are named by absolute paths, the server has its scheme.
    pub cluster: Cluster,
    /// Where that stands, in words, if it stands anywhere.
    pub cluster_place: Option<String>,
    /// The name of the kubeconfig user, if there is one.
    pub user_name: Option<String>,
    /// The user. Files are named by absolute paths.
    pub user: AuthInfo,
    /// Where that stands, in words, if it stands anywhere.
    pub user_place: Option<String>,
    /// Where its token stands, or would stand.
    pub token_place: Option<String>,
    /// The context's default namespace.
    pub namespace: Option<String>,
    /// The address of the API server.
    pub server: Uri,
}

/// Says which context it is; the user's fields hold tokens that kube does not hide.
impl fmt::Debug for SelectedContext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} at {}", self.side, self.server)
    }
}

impl SelectedContext {
    /// Whether the server's certificate is not verified.
    pub fn is_insecure(&self) -> bool {
        self.cluster.insecure_skip_tls_verify.unwrap_or(false)
    }
}

/// Takes the context that the options name, or the current one. `side` makes the side from its name.
pub fn select(
    kubeconfig: &Kubeconfig,
    side: impl FnOnce(String) -> Side,
    options: &ConnectionOptions,
) -> Result<SelectedContext, KubeconfigError> {
    let (name, context) = find_context(kubeconfig, options)?;
    let side = side(name.clone());
    let given = given(options, &side);
    let has_context = options.context.is_some() || kubeconfig.current_context.is_some();
    let side = side.reached_by(if has_context { given } else { given.without_context() });
    let (cluster_name, cluster_entry) = find_cluster(kubeconfig, &side, &context, options)?;
    let user_entry = find_user(kubeconfig, &side, &context, options)?;
    let mut cluster = cluster_entry.map(FiledEntry::cluster).transpose()?.unwrap_or_default();
    let mut user = user_entry.map(FiledEntry::user).transpose()?.unwrap_or_default();
    override_cluster(&mut cluster, options);
    override_user(&mut user, options);
    confirm_usable(&side, &cluster, &user)?;
    let server = server_of(&side, &cluster_name, &cluster, &user)?;
    cluster.server = Some(server.to_string().trim_end_matches('/').to_owned());
    let namespace = context.namespace.filter(|namespace| !namespace.is_empty());
    let cluster_place = cluster_entry.map(FiledEntry::place);
    let user_name = user_entry.map(|entry| entry.name().to_owned());
    let user_place = user_entry.map(FiledEntry::place);
    let option = options.token.as_ref().map(|_| side.option("token", ""));
    let token_place = option.or_else(|| user_place.clone());
    Ok(SelectedContext {
        side,
        name,
        cluster_name,
        cluster,
        cluster_place,
        user_name,
        user,
        user_place,
        token_place,
        namespace,
        server,
    })
}

fn find_context(
    kubeconfig: &Kubeconfig,
    options: &ConnectionOptions,
) -> Result<(String, Context), KubeconfigError> {
    let contexts = || kubeconfig.contexts().map(str::to_owned).collect::<Vec<_>>();
    let Some(name) = options.context.as_ref().or(kubeconfig.current_context.as_ref()) else {
        return match options.server.as_ref().or(options.cluster.as_ref()) {
            // As with kubectl, a server or cluster of its own needs no context.
            Some(name) => Ok((name.clone(), Context::default())),
            None => Err(KubeconfigError::NoCurrentContext { contexts: contexts() }),
        };
    };
    match kubeconfig.context(name) {
        Some(entry) => Ok((name.clone(), entry.context()?)),
        None => Err(KubeconfigError::UnknownContext {
            name: name.clone(),
            similar: most_similar(name, &contexts()).cloned(),
            contexts: contexts(),
        }),
    }
}

/// The cluster's name, and the cluster, which a server that is given does without.
fn find_cluster<'a>(
    kubeconfig: &'a Kubeconfig,
    side: &Side,
    context: &Context,
    options: &ConnectionOptions,
) -> Result<(String, Option<&'a FiledEntry>), KubeconfigError> {
    let name = options.cluster.as_ref().unwrap_or(&context.cluster);
    match kubeconfig.cluster(name) {
        Some(entry) => Ok((name.clone(), Some(entry))),
        None if options.server.is_some() && options.cluster.is_none() => {
            Ok((side.context().to_owned(), None))
        }
        None => Err(KubeconfigError::UnknownCluster { side: side.clone(), cluster: name.clone() }),
    }
}

/// The user, which not every context has.
fn find_user<'a>(
    kubeconfig: &'a Kubeconfig,
    side: &Side,
    context: &Context,
    options: &ConnectionOptions,
) -> Result<Option<&'a FiledEntry>, KubeconfigError> {
    let name = options.user.as_ref().or(context.user.as_ref()).filter(|name| !name.is_empty());
    let Some(name) = name else { return Ok(None) };
    let brings_credentials = options.token.is_some() || options.client_certificate.is_some();
    match kubeconfig.user(name) {
        Some(entry) => Ok(Some(entry)),
        None if brings_credentials && options.user.is_none() => Ok(None),
        None => Err(KubeconfigError::UnknownUser { side: side.clone(), user: name.clone() }),
    }
}

fn override_cluster(cluster: &mut Cluster, options: &ConnectionOptions) {
    let authority = options.certificate_authority.as_ref().map(|path| absolute(path));
    if options.insecure_skip_tls_verify || authority.is_some() {
        cluster.insecure_skip_tls_verify = Some(options.insecure_skip_tls_verify);
        cluster.certificate_authority = authority;
        cluster.certificate_authority_data = None;
    }
    // The name in the kubeconfig belongs to the server in the kubeconfig.
    if options.tls_server_name.is_some() || options.server.is_some() {
        cluster.tls_server_name.clone_from(&options.tls_server_name);
    }
    if options.server.is_some() {
        cluster.server.clone_from(&options.server);
    }
}

fn override_user(user: &mut AuthInfo, options: &ConnectionOptions) {
    if let Some(token) = &options.token {
        user.token = Some(token.clone());
        user.token_file = None;
        user.exec = None;
        user.auth_provider = None;
        user.username = None;
        user.password = None;
    }
    if let Some(path) = &options.client_certificate {
        user.client_certificate = Some(absolute(path));
        user.client_certificate_data = None;
    }
    if let Some(path) = &options.client_key {
        user.client_key = Some(absolute(path));
        user.client_key_data = None;
    }
    if options.impersonate.is_some() {
        user.impersonate.clone_from(&options.impersonate);
    }
    if !options.impersonate_groups.is_empty() {
        user.impersonate_groups = Some(options.impersonate_groups.clone());
    }
    if options.impersonate_uid.is_some() {
        user.impersonate_uid.clone_from(&options.impersonate_uid);
    }
    if !options.impersonate_user_extra.is_empty() {
        let mut extra: HashMap<String, Vec<String>> = HashMap::new();
        for (key, value) in &options.impersonate_user_extra {
            extra.entry(key.clone()).or_default().push(value.clone());
        }
        user.impersonate_user_extra = Some(extra);
    }
}

fn absolute(path: &std::path::Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).to_string_lossy().into_owned()
}

fn confirm_usable(side: &Side, cluster: &Cluster, user: &AuthInfo) -> Result<(), KubeconfigError> {
    let has_authority =
        cluster.certificate_authority.is_some() || cluster.certificate_authority_data.is_some();
    if has_authority && cluster.insecure_skip_tls_verify == Some(true) {
        return Err(KubeconfigError::InsecureWithAuthority);
    }
    if user.username.is_some() && (user.token.is_some() || user.token_file.is_some()) {
        return Err(KubeconfigError::TokenAndPassword { side: side.clone() });
    }
    let has_groups = user.impersonate_groups.as_ref().is_some_and(|groups| !groups.is_empty());
    let has_extra = user.impersonate_user_extra.as_ref().is_some_and(|extra| !extra.is_empty());
    if (has_groups || has_extra || user.impersonate_uid.is_some()) && user.impersonate.is_none() {
        return Err(KubeconfigError::ImpersonationWithoutUser);
    }
    Ok(())
}

fn server_of(
    side: &Side,
    cluster_name: &str,
    cluster: &Cluster,
    user: &AuthInfo,
) -> Result<Uri, KubeconfigError> {
    let Some(server) = &cluster.server else {
        return Err(KubeconfigError::NoServer { side: side.clone(), cluster: cluster_name.to_owned() });
    };
    let speaks_tls = cluster.certificate_authority.is_some()
        || cluster.certificate_authority_data.is_some()
        || cluster.insecure_skip_tls_verify == Some(true)
        || user.client_certificate.is_some()
        || user.client_certificate_data.is_some();
    server_url::normalised(server, speaks_tls).ok_or_else(|| KubeconfigError::InvalidServer {
        server: server.rsplit_once('@').map_or(server.as_str(), |(_, address)| address).to_owned(),
    })
}

#[cfg(test)]
#[path = "selected_context_tests.rs"]
mod tests;
