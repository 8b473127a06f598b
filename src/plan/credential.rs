//! The credential by which a host reaches its member: which one it is, and what of it still has to be made.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::observed::Seen;
use crate::kubesphere::{cluster_configuration::NAMESPACE, versions::Version};

/// The label that tells our objects on a member from everybody else's, with its value.
pub const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "kubectl-mc");
/// The name of the service account, of the user of a client certificate, and of what belongs to them.
pub const ACCOUNT: &str = "kubectl-mc-host";
/// The first token Secret of the service account; one that was renewed has another name and the same label.
pub const TOKEN_SECRET: &str = "kubectl-mc-host-token";
/// The binding of a client certificate's user.
pub const USER_BINDING: &str = "kubectl-mc-host-user";
/// What both are bound to.
pub const CLUSTER_ADMIN: &str = "cluster-admin";
/// Who signs client certificates for an API server (Kubernetes `pkg/apis/certificates/helpers.go`; it refuses the
/// group system:masters).
pub const SIGNER: &str = "kubernetes.io/kube-apiserver-client";

/// The type of a token Secret, which Kubernetes fills.
pub const TOKEN_TYPE: &str = "kubernetes.io/service-account-token";
/// The annotation that names a token Secret's service account.
pub const ACCOUNT_ANNOTATION: &str = "kubernetes.io/service-account.name";
/// The annotation in which Kubernetes notes that account's UID.
pub const ACCOUNT_UID_ANNOTATION: &str = "kubernetes.io/service-account.uid";

const RBAC: &str = "rbac.authorization.k8s.io";

/// What was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// What the host's version suits.
    #[default]
    Auto,
    /// The context's own user.
    Context,
    /// A service account of our own.
    ServiceAccount,
}

/// Which credential it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The context's own user.
    Context,
    /// The token of a service account of our own.
    ServiceAccount,
    /// A client certificate that the member's own authority signs for a user of our own.
    Certificate,
}

impl Choice {
    /// What it comes to with a host of this version: an operator's own certificate cannot be revoked and would lie
    /// where others may read it, and a host of 3.3 takes nothing but certificates.
    pub fn kind(self, host: Option<Version>) -> Kind {
        let needs_certificate = host.is_some_and(|host| host.differences().needs_client_certificate);
        match self {
            Self::Context => Kind::Context,
            Self::Auto if needs_certificate => Kind::Certificate,
            Self::Auto | Self::ServiceAccount => Kind::ServiceAccount,
        }
    }
}

/// Whose an object is that has the name of one of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// Ours, and as it has to be.
    Ours,
    /// Somebody else's, or changed by somebody: what is wrong with it.
    Foreign(String),
}

/// What a member has of our objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The service account; absent for a certificate's user.
    pub service_account: Seen<Ownership>,
    /// The binding to cluster-admin.
    pub binding: Seen<Ownership>,
    /// A token Secret of the service account.
    pub token: Seen<Ownership>,
}

/// A part of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The service account.
    ServiceAccount,
    /// The binding of the service account.
    Binding,
    /// The Secret into which Kubernetes writes the service account's token.
    Token,
    /// The request for a client certificate; it is gone once that is there.
    Certificate,
    /// The binding of the certificate's user.
    UserBinding,
}

impl Piece {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::ServiceAccount | Self::Binding | Self::Certificate => ACCOUNT,
            Self::Token => TOKEN_SECRET,
            Self::UserBinding => USER_BINDING,
        }
    }

    /// Its kind with the group, in lower case, as results name it.
    pub fn kind(self) -> &'static str {
        match self {
            Self::ServiceAccount => "serviceaccount",
            Self::Binding | Self::UserBinding => "clusterrolebinding.rbac.authorization.k8s.io",
            Self::Token => "secret",
            Self::Certificate => "certificatesigningrequest.certificates.k8s.io",
        }
    }

    /// Its API group and plural.
    pub fn resource(self) -> (&'static str, &'static str) {
        match self {
            Self::ServiceAccount => ("", "serviceaccounts"),
            Self::Binding | Self::UserBinding => ("rbac.authorization.k8s.io", "clusterrolebindings"),
            Self::Token => ("", "secrets"),
            Self::Certificate => ("certificates.k8s.io", "certificatesigningrequests"),
        }
    }

    /// Its namespace, where it has one.
    pub fn namespace(self) -> Option<&'static str> {
        matches!(self, Self::ServiceAccount | Self::Token).then_some(NAMESPACE)
    }

    /// The API version and the kind.
    pub fn type_meta(self) -> (&'static str, &'static str) {
        match self {
            Self::ServiceAccount => ("v1", "ServiceAccount"),
            Self::Binding | Self::UserBinding => ("v1", "ClusterRoleBinding"),
            Self::Token => ("v1", "Secret"),
            Self::Certificate => ("v1", "CertificateSigningRequest"),
        }
    }

    /// The object that is created. `request` is what a certificate's holder signs, as PEM.
    pub fn manifest(self, request: Option<&str>) -> Value {
        let (version, kind) = self.type_meta();
        let group = self.resource().0;
        let group = if group.is_empty() { String::new() } else { format!("{group}/") };
        let mut object = json!({
            "apiVersion": format!("{group}{version}"),
            "kind": kind,
            "metadata": {"name": self.name(), "labels": {MANAGED_BY.0: MANAGED_BY.1}},
        });
        match self {
            Self::ServiceAccount => {}
            Self::Binding | Self::UserBinding => {
                object["roleRef"] = role();
                object["subjects"] = json!([self.subject()]);
            }
            Self::Token => {
                object["type"] = json!(TOKEN_TYPE);
                object["metadata"]["annotations"] = json!({ACCOUNT_ANNOTATION: ACCOUNT});
            }
            Self::Certificate => {
                object["spec"] = json!({
                    "request": STANDARD.encode(request.unwrap_or_default()),
                    "signerName": SIGNER,
                    "usages": ["digital signature", "client auth"],
                });
            }
        }
        object
    }

    /// Whose `object` is, which has this piece's name.
    pub fn ownership(self, object: &Value) -> Ownership {
        let label = object.pointer("/metadata/labels").and_then(|labels| labels[MANAGED_BY.0].as_str());
        if label != Some(MANAGED_BY.1) {
            return Ownership::Foreign(format!("it has no label {}={}", MANAGED_BY.0, MANAGED_BY.1));
        }
        let binds = matches!(self, Self::Binding | Self::UserBinding);
        if binds && (object["roleRef"] != role() || !self.is_bound_by(object)) {
            return Ownership::Foreign(format!("it does not bind {ACCOUNT} to {CLUSTER_ADMIN}"));
        }
        Ownership::Ours
    }

    fn subject(self) -> Value {
        if self == Self::UserBinding {
            json!({"apiGroup": RBAC, "kind": "User", "name": ACCOUNT})
        } else {
            json!({"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE})
        }
    }

    fn is_bound_by(self, binding: &Value) -> bool {
        let subjects = binding["subjects"].as_array();
        subjects.is_some_and(|subjects| subjects.contains(&self.subject()))
    }

    /// What to do where its name is taken.
    pub fn cures(self, context: &str) -> [String; 2] {
        let (group, resource) = self.resource();
        let group = if group.is_empty() { String::new() } else { format!(".{group}") };
        let namespace = self.namespace().map(|namespace| format!(" -n {namespace}")).unwrap_or_default();
        [
            format!(
                "if nobody needs it: `kubectl --context {context}{namespace} delete {resource}{group} {}`",
                self.name()
            ),
            "or let the host have the context's own user: `--credentials context`".to_owned(),
        ]
    }

    /// Whether it stays on the member.
    pub fn stays(self) -> bool {
        self != Self::Certificate
    }
}

/// What it takes to have the credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialStep {
    /// Which one it is.
    pub kind: Kind,
    /// What is created for it, in this order.
    pub missing: Vec<Piece>,
}

fn role() -> Value {
    json!({"apiGroup": RBAC, "kind": "ClusterRole", "name": CLUSTER_ADMIN})
}

impl Account {
    /// The pieces whose names others have taken, with what is wrong.
    pub fn foreign(&self, kind: Kind) -> impl Iterator<Item = (Piece, &str)> {
        let binding = if kind == Kind::Certificate { Piece::UserBinding } else { Piece::Binding };
        let seen = [
            (Piece::ServiceAccount, &self.service_account),
            (binding, &self.binding),
            (Piece::Token, &self.token),
        ];
        seen.into_iter().filter_map(|(piece, seen)| match seen.present()? {
            Ownership::Ours => None,
            Ownership::Foreign(why) => Some((piece, why.as_str())),
        })
    }
}

impl CredentialStep {
    /// What is left to do for this kind, where `account` was seen.
    pub fn new(kind: Kind, account: Option<&Account>) -> Self {
        let lacks = |of: fn(&Account) -> &Seen<Ownership>| {
            account.is_none_or(|account| of(account).present() != Some(&Ownership::Ours))
        };
        let pieces = match kind {
            Kind::Context => Vec::new(),
            Kind::ServiceAccount => vec![
                (Piece::ServiceAccount, lacks(|account| &account.service_account)),
                (Piece::Binding, lacks(|account| &account.binding)),
                (Piece::Token, lacks(|account| &account.token)),
            ],
            // The certificate first: where none is issued, nothing is left behind.
            Kind::Certificate => {
                vec![(Piece::Certificate, true), (Piece::UserBinding, lacks(|account| &account.binding))]
            }
        };
        let missing = pieces.into_iter().filter_map(|(piece, is_missing)| is_missing.then_some(piece));
        Self { kind, missing: missing.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::{Account, Choice, CredentialStep, Kind, Ownership, Piece, Seen, Version};

    const S: Kind = Kind::ServiceAccount;

    fn account(token: Seen<Ownership>, binding: Seen<Ownership>) -> Account {
        Account { service_account: Seen::Present(Ownership::Ours), binding, token }
    }

    #[test]
    fn only_a_host_of_3_3_gets_a_certificate() {
        let kinds = |choice: Choice| {
            ["v3.1.1", "v3.2.1", "v3.3.0", "v3.3.2", "v3.4.1"].map(|host| choice.kind(Version::parse(host)))
        };
        assert_eq!(kinds(Choice::Auto), [S, S, Kind::Certificate, Kind::Certificate, S]);
        assert_eq!(kinds(Choice::ServiceAccount), [S; 5], "that 3.3 does not take it says member-credential");
        assert_eq!(kinds(Choice::Context), [Kind::Context; 5]);
        assert_eq!(Choice::default().kind(None), S);
    }

    #[test]
    fn what_is_ours_already_is_not_made_again() {
        let missing = |account: Option<&Account>| CredentialStep::new(Kind::ServiceAccount, account).missing;
        assert_eq!(missing(None), [Piece::ServiceAccount, Piece::Binding, Piece::Token]);
        let ours = || Seen::Present(Ownership::Ours);
        assert_eq!(missing(Some(&account(ours(), ours()))), []);
        assert_eq!(missing(Some(&account(Seen::Absent, ours()))), [Piece::Token]);
        assert_eq!(missing(Some(&account(ours(), Seen::Absent))), [Piece::Binding]);
    }

    #[test]
    fn what_is_made_is_known_as_ours_and_nothing_else_is() {
        for piece in [Piece::ServiceAccount, Piece::Binding, Piece::Token, Piece::UserBinding] {
            let mut object = piece.manifest(None);
            assert_eq!(piece.ownership(&object), Ownership::Ours, "{piece:?}");
            object["metadata"]["labels"] = serde_json::Value::Null;
            assert!(matches!(piece.ownership(&object), Ownership::Foreign(_)), "{piece:?}");
        }
        let users = Piece::UserBinding.manifest(None);
        let why = "it does not bind kubectl-mc-host to cluster-admin".to_owned();
        assert_eq!(Piece::Binding.ownership(&users), Ownership::Foreign(why));
    }

    #[test]
    fn a_certificate_is_made_each_time_and_before_its_binding() {
        let missing =
            |binding| CredentialStep::new(Kind::Certificate, Some(&account(Seen::Absent, binding))).missing;
        assert_eq!(missing(Seen::Absent), [Piece::Certificate, Piece::UserBinding]);
        assert_eq!(missing(Seen::Present(Ownership::Ours)), [Piece::Certificate]);
        assert_eq!(CredentialStep::new(Kind::Context, None).missing, []);
    }
}
