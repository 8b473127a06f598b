//! The credential by which a host reaches its member: which one it is, and what it is made of.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use kubesphere::{
    cluster_configuration::NAMESPACE,
    command::Kubectl,
    fleet_entry::Setting,
    object::{ObjectKind, ObjectRef},
    side::Side,
    versions::Version,
};
use serde_json::{Value, json};

use super::{observed::Seen, result::Effect};

/// The label that tells our objects on a member from everybody else's, with its value.
pub const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "kubectl-mc");
/// The name of the service account and of what belongs to it; those of a client certificate's user and its request begin
/// with it.
pub const ACCOUNT: &str = "kubectl-mc-host";
/// How the names of the service account's token Secrets begin; each host has its own.
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

/// The annotation in which we note for which host a token is, by the UID of its kube-system.
pub const HOST_ANNOTATION: &str = "kubectl-mc/host-uid";

const RBAC: &str = "rbac.authorization.k8s.io";

/// A host, by the UID of its kube-system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostUid(u128);

impl HostUid {
    /// Of what Kubernetes says, which is always a UUID (Kubernetes `pkg/registry/core/namespace`, `apimachinery/pkg/util/uuid`).
    pub fn new(uid: &str) -> Self {
        Self(u128::from_str_radix(&uid.replace('-', ""), 16).unwrap_or_default())
    }

    /// The name of the user of a client certificate for this host.
    pub fn user(self, random: &str) -> String {
        format!("{ACCOUNT}-{:08x}-{random}", self.0 >> 96)
    }

    /// Whether a certificate for this host has a user of this name. Before hosts were named in it, it told none.
    pub fn names(self, user: &str) -> bool {
        user.starts_with(&self.user(""))
    }
}

impl fmt::Display for HostUid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = format!("{:032x}", self.0);
        write!(formatter, "{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
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
    pub fn kind(self, host: Option<Version>) -> CredentialKind {
        let needs_certificate = host.is_some_and(|host| host.differences().needs_client_certificate);
        match self {
            Self::Context => CredentialKind::Context,
            Self::Auto if needs_certificate => CredentialKind::Certificate,
            Self::Auto | Self::ServiceAccount => CredentialKind::ServiceAccount,
        }
    }
}

/// Whose an object is that has the name of one of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ownership {
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
    /// The host that asks.
    pub host: HostUid,
    /// A token Secret of the service account for this host.
    pub token: Seen<Ownership>,
    /// The names of those for other hosts.
    pub tokens_of_others: Vec<String>,
}

impl Account {
    /// Whether a join for the host that asks has been here: its token has the host's UID.
    pub fn is_of_host(&self) -> bool {
        self.token == Seen::Present(Ownership::Ours)
    }

    /// What of it a join for this host has made that no other host uses.
    pub fn left(&self) -> Vec<CredentialObject> {
        let is_alone = self.tokens_of_others.is_empty();
        let account = if self.service_account == Seen::Absent {
            vec![(CredentialObject::UserBinding, &self.binding, is_alone)]
        } else {
            vec![
                (CredentialObject::ServiceAccount, &self.service_account, is_alone),
                (CredentialObject::Binding, &self.binding, is_alone),
            ]
        };
        let token = (CredentialObject::Token(self.host), &self.token, true);
        let left = account.into_iter().chain([token]);
        let is_left = |(_, whose, counts): &(_, &Seen<Ownership>, bool)| {
            *counts && **whose == Seen::Present(Ownership::Ours)
        };
        left.filter(is_left).map(|(piece, ..)| piece).collect()
    }
}

/// A part of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialObject {
    /// The namespace of all of them, on a cluster that has no KubeSphere yet. Helm takes one that is there (helm
    /// `pkg/action/install.go@v3.16.2`, `CreateNamespace`).
    Namespace,
    ServiceAccount,
    /// The binding of the service account.
    Binding,
    /// The Secret into which Kubernetes writes the service account's token for this host.
    Token(HostUid),
    /// Another such Secret, made at this time: a renewal leaves the one before alone until the host has the new token.
    AnotherToken(HostUid, Timestamp),
    /// The request for a client certificate; it is gone once that is there.
    Certificate,
    /// The binding of the certificate's user.
    UserBinding,
    /// The same binding, where it is there: it lets the users of earlier certificates go once the host has the new one, which no
    /// Cluster stores.
    Rebinding,
    /// The same binding, where it is there: it keeps the users of earlier certificates until the host has the new one.
    AddedUser,
}

/// A client certificate that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Its user, whom nobody can guess: only the certificate that was asked for last is bound.
    pub user: &'a str,
    /// What its holder signs, as PEM.
    pub request: &'a str,
}

impl CredentialObject {
    /// Its name; of a request, how that begins.
    pub fn name(self) -> String {
        match self {
            Self::Namespace => NAMESPACE.to_owned(),
            Self::ServiceAccount | Self::Binding | Self::Certificate => ACCOUNT.to_owned(),
            Self::Token(host) => format!("{TOKEN_SECRET}-{:08x}", host.0 >> 96),
            // Two renewals may well follow each other within a second.
            Self::AnotherToken(host, made) => {
                format!("{}-{:x}", Self::Token(host).name(), made.as_millisecond())
            }
            Self::UserBinding | Self::Rebinding | Self::AddedUser => USER_BINDING.to_owned(),
        }
    }

    /// Its name, where every member has it under the same one.
    pub fn fixed_name(self) -> Option<&'static str> {
        match self {
            Self::Namespace => Some(NAMESPACE),
            Self::ServiceAccount | Self::Binding => Some(ACCOUNT),
            Self::UserBinding | Self::Rebinding | Self::AddedUser => Some(USER_BINDING),
            Self::Token(_) | Self::AnotherToken(..) | Self::Certificate => None,
        }
    }

    /// The object that it is; a request's name only begins so.
    pub fn object(self) -> ObjectRef {
        let object = self.kind().named(self.name());
        match self.namespace() {
            Some(namespace) => object.in_namespace(namespace),
            None => object,
        }
    }

    pub fn kind(self) -> ObjectKind {
        match self {
            Self::Namespace => ObjectKind::NAMESPACE,
            Self::ServiceAccount => ObjectKind::SERVICE_ACCOUNT,
            Self::Binding | Self::UserBinding | Self::Rebinding | Self::AddedUser => {
                ObjectKind::CLUSTER_ROLE_BINDING
            }
            Self::Token(_) | Self::AnotherToken(..) => ObjectKind::SECRET,
            Self::Certificate => ObjectKind::CERTIFICATE_REQUEST,
        }
    }

    /// Its API group and plural.
    pub fn resource(self) -> (&'static str, &'static str) {
        let ObjectKind { group, plural, .. } = self.kind();
        (group, plural)
    }

    pub fn namespace(self) -> Option<&'static str> {
        matches!(self, Self::ServiceAccount | Self::Token(_) | Self::AnotherToken(..)).then_some(NAMESPACE)
    }

    /// The API version and the kind.
    pub fn type_meta(self) -> (&'static str, &'static str) {
        let ObjectKind { version, kind, .. } = self.kind();
        (version, kind)
    }

    /// The object that is created, for the certificate that is asked for, where it is one's.
    pub fn manifest(self, asked: Option<Asked<'_>>) -> Value {
        let (version, kind) = self.type_meta();
        let group = self.resource().0;
        let group = if group.is_empty() { String::new() } else { format!("{group}/") };
        let mut object = json!({
            "apiVersion": format!("{group}{version}"),
            "kind": kind,
            "metadata": {"name": self.name(), "labels": {MANAGED_BY.0: MANAGED_BY.1}},
        });
        match self {
            // It is everybody's.
            Self::Namespace => object["metadata"] = json!({"name": self.name()}),
            Self::ServiceAccount => {}
            Self::Binding => {
                object["roleRef"] = role();
                object["subjects"] = json!([account()]);
            }
            Self::UserBinding | Self::Rebinding | Self::AddedUser => {
                object["roleRef"] = role();
                object["subjects"] = json!([user(asked.map_or(ACCOUNT, |asked| asked.user))]);
            }
            Self::Token(host) | Self::AnotherToken(host, _) => {
                object["type"] = json!(TOKEN_TYPE);
                let annotations = json!({ACCOUNT_ANNOTATION: ACCOUNT, HOST_ANNOTATION: host.to_string()});
                object["metadata"]["annotations"] = annotations;
            }
            Self::Certificate => {
                object["metadata"]["name"] = json!(asked.map_or(ACCOUNT, |asked| asked.user));
                object["spec"] = json!({
                    "request": STANDARD.encode(asked.map_or("", |asked| asked.request)),
                    "signerName": SIGNER,
                    "usages": ["digital signature", "client auth"],
                });
            }
        }
        object
    }

    /// Whose `object` is, which has this piece's name.
    pub fn ownership(self, object: &Value) -> Ownership {
        if self == Self::Namespace {
            return Ownership::Ours;
        }
        let label = object.pointer("/metadata/labels").and_then(|labels| labels[MANAGED_BY.0].as_str());
        if label != Some(MANAGED_BY.1) {
            return Ownership::Foreign(format!("it has no label {}={}", MANAGED_BY.0, MANAGED_BY.1));
        }
        match self.fault(object) {
            Some(why) => Ownership::Foreign(why),
            None => Ownership::Ours,
        }
    }

    /// What somebody has changed of it.
    fn fault(self, object: &Value) -> Option<String> {
        match self {
            Self::Namespace | Self::ServiceAccount | Self::Certificate => None,
            Self::Token(host) | Self::AnotherToken(host, _) => {
                let annotations = &object["metadata"]["annotations"];
                if object["type"] != TOKEN_TYPE || annotations[ACCOUNT_ANNOTATION] != ACCOUNT {
                    return Some(format!("it is not a token of ServiceAccount {ACCOUNT}"));
                }
                let is_of_host = annotations[HOST_ANNOTATION] == host.to_string();
                (!is_of_host).then(|| format!("it is not for the host with the UID {host}"))
            }
            Self::Binding | Self::UserBinding | Self::Rebinding | Self::AddedUser => {
                let subjects = object["subjects"].as_array().map(Vec::as_slice).unwrap_or_default();
                let binds = object["roleRef"] == role() && subjects.iter().any(|one| self.binds(one));
                if !binds {
                    return Some(format!("it does not bind {ACCOUNT} to {CLUSTER_ADMIN}"));
                }
                // A renewal that was cut short leaves users of two certificates.
                let others = subjects.iter().any(|one| !self.binds(one));
                others.then(|| format!("it binds others than {ACCOUNT} to {CLUSTER_ADMIN} too"))
            }
        }
    }

    fn binds(self, subject: &Value) -> bool {
        if self == Self::Binding {
            return *subject == account();
        }
        let name = subject["name"].as_str().unwrap_or_default();
        name.starts_with(ACCOUNT) && *subject == user(name)
    }

    /// What to do where its name is taken.
    pub fn hints(self, side: &Side) -> [String; 2] {
        let (group, resource) = self.resource();
        let group = if group.is_empty() { String::new() } else { format!(".{group}") };
        let kubectl = Kubectl::on(side).namespace(self.namespace());
        let deletion = kubectl.words("delete").words(&format!("{resource}{group}")).word(&self.name());
        [
            format!("if nobody needs it: `{deletion}`"),
            format!(
                "or let the host have the context's own user: {}",
                side.setting_to(Setting::Credentials, "context")
            ),
        ]
    }

    /// What comes of it.
    pub fn effect(self) -> Effect {
        if matches!(self, Self::Rebinding | Self::AddedUser) { Effect::Patched } else { Effect::Created }
    }

    /// Whether it gives rights by itself, so that it must not be forgotten.
    pub fn is_credential(object: &ObjectRef) -> bool {
        object.kind == ObjectKind::SECRET || *object == Self::UserBinding.object()
    }

    /// Whether it stays on the member.
    pub fn stays(self) -> bool {
        self != Self::Certificate
    }
}

fn account() -> Value {
    json!({"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE})
}

/// A certificate's user, as a binding names it.
pub fn user(name: &str) -> Value {
    json!({"apiGroup": RBAC, "kind": "User", "name": name})
}

fn role() -> Value {
    json!({"apiGroup": RBAC, "kind": "ClusterRole", "name": CLUSTER_ADMIN})
}

impl Account {
    /// The pieces whose names others have taken, with what is wrong.
    pub fn foreign(&self, kind: CredentialKind) -> impl Iterator<Item = (CredentialObject, &str)> {
        let binding = if kind == CredentialKind::Certificate {
            CredentialObject::UserBinding
        } else {
            CredentialObject::Binding
        };
        let seen = [
            (CredentialObject::ServiceAccount, &self.service_account),
            (binding, &self.binding),
            (CredentialObject::Token(self.host), &self.token),
        ];
        seen.into_iter().filter_map(|(piece, seen)| match seen.present()? {
            Ownership::Ours => None,
            Ownership::Foreign(why) => Some((piece, why.as_str())),
        })
    }
}

#[cfg(test)]
#[path = "credential_tests.rs"]
mod tests;
