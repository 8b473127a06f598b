//! The connection from a host's controller to a member, from the kubeconfig that is stored in a Cluster.

use std::time::Duration;

use kube::{
    Client, Config,
    config::{AuthInfo, KubeConfigOptions, Kubeconfig},
};
use x509_parser::{certificate::X509Certificate, pem::parse_x509_pem};

use super::{
    go_error::{self, FailedRequest},
    pace::Pace,
    secret,
};
use crate::distance::beside;

/// How long a connection may take to come about: Go's dialer waits so long.
const DIAL: Duration = Duration::from_secs(30);

/// A member, as its stored kubeconfig reaches it from inside a pod of the host.
pub struct Member {
    client: Client,
    /// The server's URL.
    pub server: String,
    /// The embedded CA; one given as a file is not carried over to kubefed.
    pub authority: Option<Vec<u8>>,
    /// Whether the server's certificate is not verified.
    pub insecure: bool,
    certificate: Option<Vec<u8>>,
    plugin: Option<String>,
}

impl Member {
    /// Reads the kubeconfig, for a controller of an installation of this pace; an error is one that the controller only logs.
    ///
    /// Files do not exist in the controller's container, and neither do credential plugins: the former keep a client
    /// from being made, the latter fail every request.
    ///
    /// Source: kubesphere `pkg/controller/cluster/cluster_controller.go@v3.4.1` (`RESTConfigFromKubeConfig`).
    pub async fn connect(pace: Pace, kubeconfig: &[u8]) -> Result<Self, String> {
        let text = String::from_utf8_lossy(kubeconfig);
        let mut kubeconfig: Kubeconfig = serde_yaml::from_str(&text)
            .map_err(|error| format!("couldn't get version/kind; json parse error: {error}"))?;
        let plugin = forget_plugins(&mut kubeconfig);
        no_files(&kubeconfig)?;
        normalise_servers(&mut kubeconfig);
        let authority = embedded_authority(&kubeconfig);
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
            .await
            .map_err(|error| format!("invalid configuration: {error}"))?;
        config.connect_timeout = Some(pace.patience(DIAL));
        config.default_retry = false;
        config.headers.push((http::header::USER_AGENT, USER_AGENT));
        let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        config.cluster_url = beside(&server).parse().expect("what is beside a server has a URL, too");
        let certificate =
            config.auth_info.client_certificate_data.as_deref().and_then(secret::base64_decoded);
        Ok(Self {
            server,
            insecure: config.accept_invalid_certs,
            client: Client::try_from(config).map_err(|error| error.to_string())?,
            authority,
            certificate,
            plugin,
        })
    }

    /// The client, for requests whose errors are worded with [`Self::worded`].
    pub fn client(&self) -> Result<&Client, PluginMissing<'_>> {
        match &self.plugin {
            None => Ok(&self.client),
            Some(plugin) => Err(PluginMissing { member: self, plugin }),
        }
    }

    /// A request's error in client-go's words.
    pub fn worded(&self, error: &kube::Error, verb: &str, path: &str, resource: &str) -> String {
        go_error::worded(error, &FailedRequest { verb, server: &self.server, path, resource })
    }

    /// When the client certificate ends, as Go prints a time; none without a certificate, an error without a readable
    /// one.
    pub fn not_after(&self) -> Result<Option<time::OffsetDateTime>, String> {
        self.of_certificate(|certificate| certificate.validity().not_after.to_datetime())
    }

    /// The groups in the client certificate; none without one.
    pub fn organizations(&self) -> Result<Vec<String>, String> {
        let organizations = self.of_certificate(|certificate| {
            let names = certificate.subject().iter_organization();
            names.filter_map(|name| name.as_str().ok().map(str::to_owned)).collect()
        });
        Ok(organizations?.unwrap_or_default())
    }

    fn of_certificate<T>(&self, read: impl FnOnce(&X509Certificate<'_>) -> T) -> Result<Option<T>, String> {
        let Some(pem) = &self.certificate else { return Ok(None) };
        let (_, pem) =
            parse_x509_pem(pem).map_err(|_| "pem.Decode failed, got empty block data".to_owned())?;
        let certificate =
            pem.parse_x509().map_err(|error| format!("x509: malformed certificate: {error}"))?;
        Ok(Some(read(&certificate)))
    }
}

/// A request that cannot be sent because the credential plugin is not in the container.
pub struct PluginMissing<'a> {
    member: &'a Member,
    plugin: &'a str,
}

impl PluginMissing<'_> {
    /// The error of a GET in client-go's words.
    ///
    /// Source: Kubernetes `staging/src/k8s.io/client-go/plugin/pkg/client/auth/exec/exec.go` (`wrapCmdRunErrorLocked`).
    pub fn worded(&self, path: &str) -> String {
        format!(
            "Get \"{}{path}\": getting credentials: exec: executable {} not found",
            self.member.server, self.plugin
        )
    }
}

/// The embedded CA of the current context's cluster.
fn embedded_authority(kubeconfig: &Kubeconfig) -> Option<Vec<u8>> {
    let current = kubeconfig
        .contexts
        .iter()
        .find(|context| Some(&context.name) == kubeconfig.current_context.as_ref())?;
    let name = &current.context.as_ref()?.cluster;
    let cluster = kubeconfig.clusters.iter().find(|cluster| cluster.name == *name)?;
    secret::base64_decoded(cluster.cluster.as_ref()?.certificate_authority_data.as_ref()?)
}

const USER_AGENT: http::HeaderValue =
    http::HeaderValue::from_static("controller-manager/v0.0.0 (linux/amd64)");

fn forget_plugins(kubeconfig: &mut Kubeconfig) -> Option<String> {
    let mut plugin = None;
    for user in &mut kubeconfig.auth_infos {
        if let Some(exec) = user.auth_info.as_mut().and_then(|user| user.exec.take()) {
            plugin = exec.command.or(Some(String::new()));
        }
    }
    plugin
}

fn no_files(kubeconfig: &Kubeconfig) -> Result<(), String> {
    let missing = |what: &str, path: &str| {
        Err(format!("unable to read {what} {path} due to open {path}: no such file or directory"))
    };
    for cluster in kubeconfig.clusters.iter().filter_map(|cluster| cluster.cluster.as_ref()) {
        if let (Some(path), None) = (&cluster.certificate_authority, &cluster.certificate_authority_data) {
            return missing("certificate-authority", path);
        }
    }
    for user in kubeconfig.auth_infos.iter().filter_map(|user| user.auth_info.as_ref()) {
        match user {
            AuthInfo { client_certificate: Some(path), client_certificate_data: None, .. } => {
                return missing("client-cert", path);
            }
            AuthInfo { client_key: Some(path), client_key_data: None, .. } => {
                return missing("client-key", path);
            }
            AuthInfo { token_file: Some(path), token: None, .. } => return missing("token", path),
            AuthInfo { auth_provider: Some(provider), .. } => {
                return Err(format!("no Auth Provider found for name \"{}\"", provider.name));
            }
            _ => {}
        }
    }
    Ok(())
}

/// client-go assumes a scheme where the server has none.
fn normalise_servers(kubeconfig: &mut Kubeconfig) {
    for cluster in kubeconfig.clusters.iter_mut().filter_map(|cluster| cluster.cluster.as_mut()) {
        if let Some(server) = cluster.server.as_mut().filter(|server| !server.contains("://")) {
            let secure = cluster.certificate_authority_data.is_some()
                || cluster.insecure_skip_tls_verify == Some(true);
            *server = format!("{}://{server}", if secure { "https" } else { "http" });
        }
    }
}
