//! A member's context, flattened into one kubeconfig that works inside the host's pods.

use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use kubesphere::{command::Kubectl, fleet_entry::Setting, side::Side};

/// A certificate, key or token of a context, with what its file held.
#[derive(Clone, Debug)]
pub enum Material {
    /// The context has none.
    Absent,
    /// It stands in the kubeconfig itself, or was read from its file.
    Given(SecretString),
    /// It stands in a file that cannot be read.
    Unreadable {
        path: PathBuf,
        /// Why it cannot be read.
        reason: String,
    },
}

/// What a context says about a cluster and its user, with the files it names read.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub server: String,
    /// The authority that signed the server's certificate, as PEM.
    pub certificate_authority: Material,
    /// The user's certificate, as PEM.
    pub client_certificate: Material,
    /// Its key, as PEM.
    pub client_key: Material,
    /// A bearer token.
    pub token: Material,
    /// The user's name and password, which the API server has not taken since Kubernetes 1.19.
    pub has_password: bool,
    /// The command of an exec plugin.
    pub exec: Option<String>,
    /// The name of an auth-provider plugin.
    pub auth_provider: Option<String>,
    /// Whom the context impersonates.
    pub impersonates: Option<String>,
    /// Whether the server's certificate is not verified.
    pub insecure: bool,
    /// The name to expect in the server's certificate.
    pub tls_server_name: Option<String>,
    /// Whether the context reaches its server through a `proxy-url`.
    pub is_proxied: bool,
}

/// How the host reaches a member.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub server: String,
    /// The authority that signed the server's certificate, as PEM.
    pub certificate_authority: Option<SecretString>,
    /// Whether the context it was made of has a `proxy-url`, which is not stored.
    pub leaves_out_proxy: bool,
}

/// Who the host is to a member.
#[derive(Clone, Debug)]
pub enum StoredUser {
    /// The holder of a client certificate.
    Certificate {
        /// The certificate, as PEM.
        certificate: SecretString,
        /// Its key, as PEM.
        key: SecretString,
    },
    /// The bearer of a token.
    Token(SecretString),
}

impl StoredUser {
    /// Whether it has a client certificate.
    pub fn has_certificate(&self) -> bool {
        matches!(self, Self::Certificate { .. })
    }
}

/// A self-contained kubeconfig for the host's controller.
#[derive(Clone, Debug)]
pub struct StoredKubeconfig {
    /// The YAML text.
    pub text: SecretString,
}

/// Why a context cannot be stored on the host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The plugin's program is not in the controller's image.
    #[error("its user gets credentials from the program `{0}`, which the host's pods do not have")]
    Exec(String),
    /// The plugin is not in the controller.
    #[error(
        "its user gets credentials from the auth-provider `{0}`, which the host's controller does not have"
    )]
    AuthProvider(String),
    /// A file is missing or cannot be read.
    #[error("cannot read `{path}`: {reason}")]
    File { path: String, reason: String },
    /// kubefed's controller manager panics on it (kubesphere issue 4891).
    #[error("`insecure-skip-tls-verify` is set, on which the host's kubefed-controller-manager crashes")]
    Insecure,
    /// kubefed does not carry it over (kubesphere `join.go@v3.4.1`).
    #[error("`tls-server-name: {0}` is set, which KubeSphere 3 does not carry over to kubefed")]
    TlsServerName(String),
    /// No apiserver takes it.
    #[error("its user has a username and a password, which Kubernetes has not accepted since 1.19")]
    Password,
    /// The stored kubeconfig would act as somebody else.
    #[error("it impersonates `{0}`, which the stored kubeconfig would not")]
    Impersonation(String),
    /// Nothing to show to the member.
    #[error("its user has neither a client certificate nor a token")]
    NoCredential,
    /// One half of a pair.
    #[error("its user has a client {0} without the other half of the pair")]
    HalfAPair(&'static str),
}

impl Problem {
    /// What the user can do about it.
    pub fn hint(&self, side: &Side) -> String {
        let config = Kubectl::config(side);
        match self {
            Self::Exec(_)
            | Self::AuthProvider(_)
            | Self::Password
            | Self::NoCredential
            | Self::HalfAPair(_) => format!(
                "give context \"{}\" a user with a client certificate or a service account's token: \
                 `{config} set-credentials`, `{} --user=…`",
                side.context(),
                config.clone().words("set-context").word(side.context())
            ),
            Self::File { path, .. } => {
                format!("restore `{path}`, or embed it: `{config} set-credentials … --embed-certs`")
            }
            Self::Insecure => {
                let authority = side.setting_to(Setting::CertificateAuthority, "FILE");
                format!("name the authority that signed its certificate: {authority}")
            }
            Self::TlsServerName(_) => {
                let address = side.setting_to(Setting::Server, "https://ADDRESS:PORT");
                format!("store an address that the member's certificate covers: {address}")
            }
            Self::Impersonation(_) => {
                "leave out `--as`, or use a context whose own user has the rights".to_owned()
            }
        }
    }
}

/// One cluster, one user and one context in one text; nobody, where there is no user yet.
pub fn kubeconfig(name: &str, endpoint: &Endpoint, user: Option<&StoredUser>) -> StoredKubeconfig {
    let mut cluster = json!({"server": endpoint.server});
    if let Some(authority) = &endpoint.certificate_authority {
        cluster["certificate-authority-data"] = embedded(authority);
    }
    let user = match user {
        Some(StoredUser::Certificate { certificate, key }) => {
            json!({"client-certificate-data": embedded(certificate), "client-key-data": embedded(key)})
        }
        Some(StoredUser::Token(token)) => json!({"token": token.expose_secret().trim()}),
        None => json!({}),
    };
    let document = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
        "users": [{"name": name, "user": user}],
    });
    let text = serde_yaml::to_string(&document).expect("JSON is always written as YAML");
    StoredKubeconfig { text: SecretString::from(text) }
}

/// How the context reaches its cluster, as the host can too, or everything that stands against it.
///
/// What the controller evaluates of a kubeconfig: the server, embedded data and the token
/// (kubesphere `pkg/controller/cluster/join.go@v3.4.1`); a `proxy-url` is never stored.
pub fn endpoint(credentials: &Credentials) -> Result<Endpoint, Vec<Problem>> {
    let mut problems: Vec<Problem> = unreadable([&credentials.certificate_authority]).collect();
    problems.extend(credentials.tls_server_name.clone().map(Problem::TlsServerName));
    problems.extend(credentials.insecure.then_some(Problem::Insecure));
    let endpoint = || Endpoint {
        server: credentials.server.clone(),
        certificate_authority: given(&credentials.certificate_authority).cloned(),
        leaves_out_proxy: credentials.is_proxied,
    };
    if problems.is_empty() { Ok(endpoint()) } else { Err(problems) }
}

/// The context's own user, or everything that stands against storing that.
pub fn user(credentials: &Credentials) -> Result<StoredUser, Vec<Problem>> {
    let Credentials { client_certificate, client_key, token, .. } = credentials;
    let mut problems: Vec<Problem> = unreadable([client_certificate, client_key, token]).collect();
    problems.extend(credentials.exec.clone().map(Problem::Exec));
    problems.extend(credentials.auth_provider.clone().map(Problem::AuthProvider));
    problems.extend(credentials.impersonates.clone().map(Problem::Impersonation));
    problems.extend(credentials.has_password.then_some(Problem::Password));
    if !problems.is_empty() {
        return Err(problems);
    }
    match (given(client_certificate), given(client_key), given(token)) {
        // With a certificate at hand the token would only be a second credential to lose.
        (Some(certificate), Some(key), _) => {
            Ok(StoredUser::Certificate { certificate: certificate.clone(), key: key.clone() })
        }
        (Some(_), None, _) => Err(vec![Problem::HalfAPair("certificate")]),
        (None, Some(_), _) => Err(vec![Problem::HalfAPair("key")]),
        (None, None, Some(token)) => Ok(StoredUser::Token(token.clone())),
        (None, None, None) => Err(vec![Problem::NoCredential]),
    }
}

fn unreadable<'a>(materials: impl IntoIterator<Item = &'a Material>) -> impl Iterator<Item = Problem> {
    materials.into_iter().filter_map(|material| match material {
        Material::Unreadable { path, reason } => {
            Some(Problem::File { path: path.display().to_string(), reason: reason.clone() })
        }
        Material::Absent | Material::Given(_) => None,
    })
}

fn given(material: &Material) -> Option<&SecretString> {
    match material {
        Material::Given(value) => Some(value),
        Material::Absent | Material::Unreadable { .. } => None,
    }
}

fn embedded(pem: &SecretString) -> Value {
    json!(STANDARD.encode(pem.expose_secret()))
}

#[cfg(test)]
mod tests {
    use secrecy::{ExposeSecret as _, SecretString};
    use serde_json::Value;

    use super::{Credentials, Material, Problem, endpoint, kubeconfig, user};

    fn given(text: &str) -> Material {
        Material::Given(SecretString::from(text.to_owned()))
    }

    fn with_certificate() -> Credentials {
        Credentials {
            server: "https://192.0.2.7:6443".to_owned(),
            certificate_authority: given("CA"),
            client_certificate: given("CERTIFICATE"),
            client_key: given("KEY"),
            token: Material::Absent,
            has_password: false,
            exec: None,
            auth_provider: None,
            impersonates: None,
            insecure: false,
            tls_server_name: None,
            is_proxied: false,
        }
    }

    fn document(credentials: &Credentials) -> Value {
        let stored = kubeconfig("edge-1", &endpoint(credentials).unwrap(), Some(&user(credentials).unwrap()));
        serde_yaml::from_str(stored.text.expose_secret()).unwrap()
    }

    #[test]
    fn one_cluster_one_user_one_context_with_everything_embedded() {
        let document = document(&with_certificate());
        assert_eq!(document["current-context"], "edge-1");
        assert_eq!(document["clusters"][0]["cluster"]["server"], "https://192.0.2.7:6443");
        assert_eq!(document["clusters"][0]["cluster"]["certificate-authority-data"], "Q0E=");
        assert_eq!(document["users"][0]["user"]["client-key-data"], "S0VZ");
        assert_eq!(document["users"][0]["user"].get("token"), None);
    }

    #[test]
    fn a_token_stands_in_where_there_is_no_certificate() {
        let credentials = Credentials {
            client_certificate: Material::Absent,
            client_key: Material::Absent,
            token: given("abc\n"),
            ..with_certificate()
        };
        assert_eq!(document(&credentials)["users"][0]["user"]["token"], "abc");
        assert!(!user(&credentials).unwrap().has_certificate());
    }

    #[test]
    fn everything_that_stands_against_it_is_said_at_once() {
        let gone = || Material::Unreadable { path: "/gone".into(), reason: "No such file".to_owned() };
        let credentials = Credentials {
            exec: Some("aws".to_owned()),
            client_key: gone(),
            insecure: true,
            tls_server_name: Some("kube".to_owned()),
            certificate_authority: gone(),
            ..with_certificate()
        };
        let problems = endpoint(&credentials).unwrap_err();
        assert_eq!(problems.len(), 3, "{problems:?}");
        let problems = user(&credentials).unwrap_err();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems.contains(&Problem::Exec("aws".to_owned())));
    }

    #[test]
    fn a_users_plugin_says_nothing_against_the_endpoint() {
        let credentials = Credentials { exec: Some("aws".to_owned()), ..with_certificate() };
        assert!(endpoint(&credentials).is_ok() && user(&credentials).is_err());
    }

    #[test]
    fn half_a_pair_and_nothing_at_all_are_refused() {
        let half = Credentials { client_key: Material::Absent, ..with_certificate() };
        assert_eq!(user(&half).unwrap_err(), [Problem::HalfAPair("certificate")]);
        let nothing = Credentials {
            client_certificate: Material::Absent,
            client_key: Material::Absent,
            ..with_certificate()
        };
        assert_eq!(user(&nothing).unwrap_err(), [Problem::NoCredential]);
    }

    #[test]
    fn debug_shows_no_key() {
        let user = user(&with_certificate()).unwrap();
        let shown =
            format!("{user:?} {:?}", kubeconfig("a", &endpoint(&with_certificate()).unwrap(), Some(&user)));
        assert!(!shown.contains("S0VZ") && !shown.contains("KEY"), "{shown}");
    }
}
