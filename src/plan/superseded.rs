//! Credentials of ours that a host does not use any more once its Cluster stores a new one.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use kubesphere::{cluster::RegisteredCluster, stored_kubeconfig};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::{
    credential::HostUid,
    lifetime::{holder, told},
    member_kubeconfig::StoredKubeconfig,
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

impl Earlier {
    /// Those of them that this kubeconfig holds.
    pub fn held_by(&self, kubeconfig: &StoredKubeconfig) -> Superseded {
        let held = InUse::of_kubeconfig(kubeconfig);
        Superseded {
            tokens: self.tokens.iter().filter(|token| held.has_token(token)).cloned().collect(),
            users: self.users.iter().filter(|user| held.users.contains(user)).cloned().collect(),
            empties_binding: false,
        }
    }
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

/// The user of a certificate for this host that this kubeconfig holds.
pub fn own_user(kubeconfig: &StoredKubeconfig, host: HostUid) -> Option<String> {
    InUse::of_kubeconfig(kubeconfig).users.into_iter().find(|user| host.names(user))
}

/// Whether this Cluster stores a certificate of this user.
pub fn stores_user(cluster: &RegisteredCluster, user: &str) -> bool {
    InUse::of(std::iter::once(cluster)).users.iter().any(|stored| stored == user)
}

/// Which of the bound users, in the order in which they were bound, are of no use once a Cluster was to store this
/// kubeconfig. Where one does, these are the earlier ones of the host that no Cluster stores: who else has made one for it does
/// not get a Cluster any more. Where none does, it is its own user. Whoever was bound later may be about to be stored.
pub fn useless_users<'a>(
    bound: &[String],
    host: HostUid,
    kubeconfig: &StoredKubeconfig,
    clusters: impl Iterator<Item = &'a RegisteredCluster>,
) -> Vec<String> {
    let in_use = InUse::of(clusters).users;
    let own = own_user(kubeconfig, host);
    let Some(place) = bound.iter().position(|user| Some(user) == own.as_ref()) else { return Vec::new() };
    let earlier = if in_use.contains(&bound[place]) { 0..place } else { place..place + 1 };
    bound[earlier].iter().filter(|user| host.names(user) && !in_use.contains(user)).cloned().collect()
}

/// The credentials of ours that Clusters store.
struct InUse {
    /// The Secret and the UID of its account, of each token.
    tokens: Vec<(String, String)>,
    users: Vec<String>,
}

impl InUse {
    fn of<'a>(clusters: impl Iterator<Item = &'a RegisteredCluster>) -> Self {
        Self::in_each(clusters.filter_map(RegisteredCluster::stored_kubeconfig))
    }

    fn of_kubeconfig(kubeconfig: &StoredKubeconfig) -> Self {
        Self::in_each(stored_kubeconfig::StoredKubeconfig::parse(kubeconfig.text.expose_secret().as_bytes()))
    }

    fn in_each(kubeconfigs: impl IntoIterator<Item = stored_kubeconfig::StoredKubeconfig>) -> Self {
        let mut in_use = Self { tokens: Vec::new(), users: Vec::new() };
        for stored in kubeconfigs {
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
