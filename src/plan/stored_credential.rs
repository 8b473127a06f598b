//! Who a host is to its member, by the kubeconfig that it has stored: which kind of credential, whose and until when.

use kubesphere::{cluster_configuration::NAMESPACE, stored_kubeconfig::StoredKubeconfig};

use super::{
    credential::ACCOUNT,
    lifetime::{stored_user, told},
    member_kubeconfig::StoredUser,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredCredentialKind {
    /// A client certificate.
    Certificate,
    /// The token of a service account.
    ServiceAccount,
    /// Any other token.
    Token,
    /// A program that gives one; the host has no such program.
    Exec,
    /// An auth-provider, which is one built in.
    AuthProvider,
    /// A name and a password.
    Password,
    /// Files, which the host does not have.
    Files,
    /// The member's agent brings it.
    Agent,
    None,
}

impl StoredCredentialKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::ServiceAccount => "service-account",
            Self::Token => "token",
            Self::Exec => "exec",
            Self::AuthProvider => "auth-provider",
            Self::Password => "password",
            Self::Files => "files",
            Self::Agent => "agent",
            Self::None => "<none>",
        }
    }

    /// How people call it.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Certificate => "client certificate",
            Self::ServiceAccount | Self::Token => "token",
            _ => "credential",
        }
    }
}

/// When it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// In this second since 1970.
    At(i64),
    /// Not by itself.
    Never,
    /// It does not tell.
    Unknown,
    /// There is nothing that could end.
    None,
}

/// What is to be known of a stored credential; nothing of it is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCredential {
    pub kind: StoredCredentialKind,
    /// Whose it is, where it tells: a service account or the name in a certificate.
    pub user: Option<String>,
    /// Whether it is one that this program makes.
    pub is_ours: bool,
    /// When it ends.
    pub end: End,
}

/// Looks at what is stored of a member that is joined directly, or else by its agent.
pub fn stored_credential(kubeconfig: Option<&StoredKubeconfig>, is_direct: bool) -> StoredCredential {
    let user = kubeconfig.and_then(stored_user);
    let told = user.as_ref().and_then(told);
    let (subject, end) = told.map_or((None, None), |told| (told.subject, told.end));
    let name = user.as_ref().zip(subject).and_then(|(user, subject)| name(user, subject));
    let kind = match &user {
        _ if !is_direct => StoredCredentialKind::Agent,
        Some(StoredUser::Certificate { .. }) => StoredCredentialKind::Certificate,
        Some(StoredUser::Token(_)) if name.is_some() => StoredCredentialKind::ServiceAccount,
        Some(StoredUser::Token(_)) => StoredCredentialKind::Token,
        None => kubeconfig.map_or(StoredCredentialKind::None, other_kind),
    };
    let end = match (kind, end) {
        (StoredCredentialKind::None, _) => End::None,
        (_, Some(end)) => End::At(end),
        (StoredCredentialKind::ServiceAccount, None) => End::Never,
        _ => End::Unknown,
    };
    let is_ours = name.as_deref().is_some_and(|name| is_ours(kind, name));
    // The name of a certificate's user of ours has a part that nobody shall guess.
    let user = name.map(|name| {
        if is_ours && kind == StoredCredentialKind::Certificate { ACCOUNT.to_owned() } else { name }
    });
    StoredCredential { kind, user, is_ours, end }
}

fn other_kind(kubeconfig: &StoredKubeconfig) -> StoredCredentialKind {
    let kinds = [
        ("exec", StoredCredentialKind::Exec),
        ("auth-provider", StoredCredentialKind::AuthProvider),
        ("username", StoredCredentialKind::Password),
        ("client-certificate", StoredCredentialKind::Files),
        ("tokenFile", StoredCredentialKind::Files),
    ];
    kinds
        .into_iter()
        .find(|(key, _)| kubeconfig.user_has(key))
        .map_or(StoredCredentialKind::None, |(_, kind)| kind)
}

fn is_ours(kind: StoredCredentialKind, name: &str) -> bool {
    match kind {
        StoredCredentialKind::ServiceAccount => name == format!("{SERVICE_ACCOUNT}{NAMESPACE}:{ACCOUNT}"),
        StoredCredentialKind::Certificate => {
            name.strip_prefix(ACCOUNT).is_some_and(|rest| rest.starts_with('-'))
        }
        _ => false,
    }
}

/// How Kubernetes begins the names of service accounts as users (`pkg/serviceaccount/util.go@v1.34.0`).
const SERVICE_ACCOUNT: &str = "system:serviceaccount:";

/// A service account's user, or the common name of a certificate.
fn name(user: &StoredUser, subject: String) -> Option<String> {
    let is_name = matches!(user, StoredUser::Certificate { .. }) || subject.starts_with(SERVICE_ACCOUNT);
    is_name.then_some(subject)
}

#[cfg(test)]
mod tests {
    use base64::{
        Engine as _,
        engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
    };
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, date_time_ymd};

    use super::{End, StoredCredential, StoredCredentialKind, StoredKubeconfig, stored_credential};

    fn of(user: &str) -> StoredCredential {
        let kubeconfig = StoredKubeconfig::parse(format!("users: [{{name: a, user: {user}}}]").as_bytes());
        stored_credential(kubeconfig.as_ref(), true)
    }

    fn token(claims: &str) -> String {
        format!("{{token: h.{}.s}}", URL_SAFE_NO_PAD.encode(claims))
    }

    fn certificate(name: &str) -> String {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = DistinguishedName::new();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.not_after = date_time_ymd(2030, 1, 2);
        let certificate = parameters.self_signed(&KeyPair::generate().unwrap()).unwrap();
        format!("{{client-certificate-data: {}, client-key-data: QQ==}}", STANDARD.encode(certificate.pem()))
    }

    #[test]
    fn a_certificate_tells_its_user_and_its_end() {
        let jane = of(&certificate("jane"));
        assert_eq!(
            (jane.kind, jane.user.as_deref(), jane.is_ours),
            (StoredCredentialKind::Certificate, Some("jane"), false)
        );
        assert_eq!(jane.end, End::At(1_893_542_400));
        let ours = of(&certificate("kubectl-mc-host-0123456789abcdef"));
        assert_eq!((ours.user.as_deref(), ours.is_ours), (Some("kubectl-mc-host"), true));
    }

    #[test]
    fn a_service_accounts_token_never_ends_unless_it_says_when() {
        let ours = of(&token(r#"{"sub": "system:serviceaccount:kubesphere-system:kubectl-mc-host"}"#));
        assert_eq!(
            (ours.kind, ours.is_ours, ours.end),
            (StoredCredentialKind::ServiceAccount, true, End::Never)
        );
        let bound = of(&token(r#"{"sub": "system:serviceaccount:a:kubectl-mc-host", "exp": 1700000000}"#));
        assert_eq!((bound.is_ours, bound.end), (false, End::At(1_700_000_000)));
    }

    #[test]
    fn other_tokens_tell_their_end_or_nothing() {
        let oidc = of(&token(r#"{"sub": "jane", "exp": 1700000000}"#));
        assert_eq!(
            (oidc.kind, oidc.user, oidc.end),
            (StoredCredentialKind::Token, None, End::At(1_700_000_000))
        );
        let opaque = of("{token: abc}");
        assert_eq!((opaque.kind, opaque.end), (StoredCredentialKind::Token, End::Unknown));
    }

    #[test]
    fn what_holds_no_credential_says_what_it_names() {
        for (user, kind) in [
            ("{exec: {command: aws}}", StoredCredentialKind::Exec),
            ("{auth-provider: {name: oidc}}", StoredCredentialKind::AuthProvider),
            ("{username: a, password: b}", StoredCredentialKind::Password),
            ("{client-certificate: /a}", StoredCredentialKind::Files),
            ("{}", StoredCredentialKind::None),
        ] {
            assert_eq!(of(user).kind, kind, "{user}");
        }
        assert_eq!(of("{exec: {command: aws}}").end, End::Unknown);
        assert_eq!(
            (stored_credential(None, true).kind, of("{}").end),
            (StoredCredentialKind::None, End::None)
        );
        assert_eq!(stored_credential(None, false).kind, StoredCredentialKind::Agent);
    }
}
