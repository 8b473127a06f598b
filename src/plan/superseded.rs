//! Credentials of ours that a host does not use any more once its Cluster stores a new one.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use kubesphere::cluster::RegisteredCluster;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::{
    credential::HostUid,
    lifetime::{holder, told},
};

/// What a token of a token Secret says of that Secret and of its account (Kubernetes `pkg/serviceaccount/legacy.go`); the
/// API server accepts the token as long as the Secret holds it.
const SECRET_CLAIM: &str = "kubernetes.io/serviceaccount/secret.name";
const ACCOUNT_CLAIM: &str = "kubernetes.io/serviceaccount/service-account.uid";

/// A token Secret of ours on a member, without what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierToken {
    pub name: String,
    /// Its own UID.
    pub uid: String,
    /// The UID of its service account, once Kubernetes has filled the Secret.
    pub account: Option<String>,
}

/// The credentials that were made for a host before, as its member shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Earlier {
    /// The token Secrets for this host.
    pub tokens: Vec<EarlierToken>,
    /// The users of client certificates, as the binding names them: of whatever host.
    pub users: Vec<String>,
    /// Why not all of them could be seen.
    pub unread: Option<String>,
}

/// What is removed from a member once its host has a new credential.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Superseded {
    /// The token Secrets.
    pub tokens: Vec<EarlierToken>,
    /// The users whom the binding lets go.
    pub users: Vec<String>,
    /// Whether nobody is left in the binding then.
    pub empties_binding: bool,
}

impl Superseded {
    /// Whether there is nothing to remove.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty() && self.users.is_empty()
    }

    /// Without what these Clusters store.
    #[must_use]
    pub fn without<'a>(&self, clusters: impl Iterator<Item = &'a RegisteredCluster>) -> Self {
        let in_use = InUse::of(clusters);
        Self {
            tokens: self.tokens.iter().filter(|token| !in_use.has_token(token)).cloned().collect(),
            users: self.users.iter().filter(|user| !in_use.users.contains(user)).cloned().collect(),
            empties_binding: self.empties_binding,
        }
    }
}

/// What of the earlier credentials is of no more use to the `host` that renews this Cluster, where `others` keep what they
/// store. `adds_user`: a new certificate's user is bound besides. Users of other hosts stay, and so do those whose names tell
/// no host, but for the one that the Cluster stores.
pub fn superseded<'a>(
    earlier: &Earlier,
    (host, cluster): (HostUid, &RegisteredCluster),
    others: impl Iterator<Item = &'a RegisteredCluster>,
    adds_user: bool,
) -> Superseded {
    let stored = InUse::of(std::iter::once(cluster)).users;
    let users = earlier.users.iter().filter(|user| host.names(user) || stored.contains(user)).cloned();
    let all = Superseded { tokens: earlier.tokens.clone(), users: users.collect(), empties_binding: false };
    let superseded = all.without(others);
    let empties_binding = !adds_user && superseded.users.len() == earlier.users.len();
    Superseded { empties_binding: empties_binding && !superseded.users.is_empty(), ..superseded }
}

/// The credentials of ours that Clusters store.
struct InUse {
    /// The Secret and the UID of its account, of each token.
    tokens: Vec<(String, String)>,
    users: Vec<String>,
}

impl InUse {
    fn of<'a>(clusters: impl Iterator<Item = &'a RegisteredCluster>) -> Self {
        let mut in_use = Self { tokens: Vec::new(), users: Vec::new() };
        for cluster in clusters {
            let Some(stored) = cluster.stored_kubeconfig() else { continue };
            in_use.tokens.extend(stored.of_each_user("token").filter_map(|token| token_secret(&token)));
            let certificates = stored.of_each_user("client-certificate-data");
            in_use.users.extend(certificates.filter_map(|certificate| common_name(&certificate)));
        }
        in_use
    }

    fn has_token(&self, token: &EarlierToken) -> bool {
        let is_same = |(name, account): &(String, String)| {
            *name == token.name && token.account.as_ref().is_none_or(|of| of == account)
        };
        self.tokens.iter().any(is_same)
    }
}

fn token_secret(token: &SecretString) -> Option<(String, String)> {
    let claims = URL_SAFE_NO_PAD.decode(token.expose_secret().trim().split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    Some((claims[SECRET_CLAIM].as_str()?.to_owned(), claims[ACCOUNT_CLAIM].as_str()?.to_owned()))
}

fn common_name(certificate: &SecretString) -> Option<String> {
    told(&holder(certificate)?)?.subject
}

#[cfg(test)]
#[path = "superseded_tests.rs"]
mod tests;
