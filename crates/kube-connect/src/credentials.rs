//! Who one is to a server, as client-go chooses it: a certificate that stands in the kubeconfig, a token or a password
//! leaves a credential plugin alone, and a token file that can be read comes before a token (sources: client-go
//! `plugin/pkg/client/auth/exec/exec.go`, `UpdateTransportConfig`, and `transport/round_trippers.go`,
//! `NewBearerAuthWithRefreshRoundTripper`, both `@v0.34`).

use kube::config::{AuthInfo, ExecConfig};
use secrecy::{ExposeSecret as _, SecretString};

use super::bearer_token::BearerToken;
use super::client_identity::{ClientIdentity, client_identity};
use super::connection::ConnectionError;
use super::environment::Environment;
use super::exec_credential::{ExecError, ExecPlugin};
use super::material::{Defect, Material};
use super::selected_context::SelectedContext;
use super::shown::Shown;

/// The only auth-provider that kube knows in this build.
const OIDC: &str = "oidc";

/// What is shown to a server, but for what kube does itself.
#[derive(Default)]
pub(super) struct Credentials {
    pub(super) identity: Option<ClientIdentity>,
    pub(super) token: Option<BearerToken>,
    by_kube: bool,
}

impl Credentials {
    pub(super) fn shown(&self) -> Shown {
        Shown {
            certificate_until: self.identity.as_ref().map(|identity| identity.until),
            otherwise: self.token.is_some() || self.by_kube,
            was_asked: false,
        }
    }
}

/// What is left to kube: passwords, oidc, and whom one acts as.
pub(super) fn left_to_kube(user: &AuthInfo) -> AuthInfo {
    AuthInfo {
        client_certificate: None,
        client_certificate_data: None,
        client_key: None,
        client_key_data: None,
        token: None,
        token_file: None,
        exec: None,
        ..user.clone()
    }
}

/// The context's credentials; a plugin is run here, once.
pub(super) async fn credentials(
    context: &SelectedContext,
    environment: &Environment,
) -> Result<Credentials, ConnectionError> {
    let user = &context.user;
    if let Some(provider) = user.auth_provider.as_ref().filter(|provider| provider.name != OIDC) {
        let (side, name) = (context.side.clone(), provider.name.clone());
        return Err(ConnectionError::AuthProvider { side, name });
    }
    let identity = embedded(context)?;
    let token = token(context)?;
    let by_kube = user.username.is_some() || user.auth_provider.is_some();
    match &user.exec {
        Some(exec) if identity.is_none() && token.is_none() && !by_kube => {
            from_plugin(context, exec, environment).await
        }
        _ => Ok(Credentials { identity, token, by_kube }),
    }
}

fn material<'a>(context: &'a SelectedContext, what: &'static str, file: Option<&'a String>) -> Material<'a> {
    let (side, entry) = (&context.side, context.user_place.as_deref());
    Material { side, what, entry, file: file.map(String::as_str) }
}

/// The identity that the context brings. A key alone is none.
fn embedded(context: &SelectedContext) -> Result<Option<ClientIdentity>, ConnectionError> {
    let user = &context.user;
    let certificate = material(context, "client certificate", user.client_certificate.as_ref())
        .text(user.client_certificate_data.as_deref())?;
    let Some(certificate) = certificate else { return Ok(None) };
    let key_data = user.client_key_data.as_ref().map(SecretString::expose_secret);
    let key = material(context, "client key", user.client_key.as_ref()).text(key_data)?;
    let key = key.ok_or_else(|| ConnectionError::WithoutKey { side: context.side.clone() })?;
    client_identity(&certificate, &key).map(Some)
}

fn token(context: &SelectedContext) -> Result<Option<BearerToken>, ConnectionError> {
    let user = &context.user;
    let file = user.token_file.as_ref().map(|path| from_file(context, path)).transpose();
    match (file, &user.token) {
        (Ok(Some(token)), _) => Ok(Some(token)),
        (Ok(None) | Err(_), Some(token)) => {
            let token = BearerToken::fixed(token);
            let entry = context.token_place.as_deref();
            let material = Material { entry, ..material(context, "token", None) };
            let unsendable = |_| material.invalid(Defect::Unsendable);
            token.map(Some).map_err(unsendable)
        }
        (file, None) => file,
    }
}

fn from_file(context: &SelectedContext, path: &String) -> Result<BearerToken, ConnectionError> {
    let file = material(context, "token file", Some(path));
    let token = String::from_utf8(file.read()?).map_err(|_| file.invalid(Defect::Unsendable))?;
    if token.trim().is_empty() {
        return Err(file.invalid(Defect::Empty));
    }
    BearerToken::of_file(path.into(), &token).map_err(|_| file.invalid(Defect::Unsendable))
}

async fn from_plugin(
    context: &SelectedContext,
    exec: &ExecConfig,
    environment: &Environment,
) -> Result<Credentials, ConnectionError> {
    let failed = |source: ExecError| ConnectionError::Exec { side: context.side.clone(), source };
    let plugin = ExecPlugin::new(exec, &context.cluster, environment.stdin_is_terminal).map_err(failed)?;
    let plugin = if environment.in_passing { plugin.unheard() } else { plugin };
    let credential = plugin.run().await.map_err(failed)?;
    let identity = credential.identity.map(|(certificate, key)| {
        let material =
            |what| Material { entry: Some("the credential plugin"), ..material(context, what, None) };
        let key = (material("client key"), key.expose_secret().to_owned());
        client_identity(&(material("client certificate"), certificate), &key)
    });
    let token = credential.token.map(|token| BearerToken::of_plugin(plugin, &token, credential.expires));
    Ok(Credentials {
        identity: identity.transpose()?,
        token: token.transpose().map_err(failed)?,
        by_kube: false,
    })
}
