//! What of a credential still has to be made.

use jiff::Timestamp;

use super::{
    credential::{Account, CredentialKind, CredentialObject, HostUid, Ownership},
    observed::Seen,
};

/// What it takes to have the credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialStep {
    /// Which one it is.
    pub kind: CredentialKind,
    pub host: HostUid,
    /// What is created for it, in this order.
    pub missing: Vec<CredentialObject>,
}

impl CredentialStep {
    /// What is left to do for this kind and host, where `account` was seen.
    pub fn new(kind: CredentialKind, host: HostUid, account: Option<&Account>) -> Self {
        let lacks = |of: fn(&Account) -> &Seen<Ownership>| {
            account.is_none_or(|account| of(account).present() != Some(&Ownership::Ours))
        };
        let pieces = match kind {
            CredentialKind::Context => Vec::new(),
            CredentialKind::ServiceAccount => vec![
                (CredentialObject::ServiceAccount, lacks(|account| &account.service_account)),
                (CredentialObject::Binding, lacks(|account| &account.binding)),
                (CredentialObject::Token(host), lacks(|account| &account.token)),
            ],
            // The certificate first: where none is issued, nothing is left behind.
            CredentialKind::Certificate => {
                let is_new = lacks(|account| &account.binding);
                let binding =
                    if is_new { CredentialObject::UserBinding } else { CredentialObject::Rebinding };
                vec![(CredentialObject::Certificate, true), (binding, true)]
            }
        };
        let missing = pieces.into_iter().filter_map(|(piece, is_missing)| is_missing.then_some(piece));
        Self { kind, host, missing: missing.collect() }
    }

    /// On a cluster whose namespace kubesphere-system is not there.
    #[must_use]
    pub fn in_new_namespace(mut self) -> Self {
        if self.missing.iter().any(|piece| piece.namespace().is_some()) {
            self.missing.insert(0, CredentialObject::Namespace);
        }
        self
    }

    /// The token that a renewal makes.
    pub fn another_token(&self) -> Option<CredentialObject> {
        self.missing.iter().find(|piece| matches!(piece, CredentialObject::AnotherToken(..))).copied()
    }

    /// As [`Self::new`] at this time, where a new credential is made beside what there is of earlier ones.
    pub fn renewed(kind: CredentialKind, host: HostUid, account: Option<&Account>, now: Timestamp) -> Self {
        let mut step = Self::new(kind, host, account);
        step.missing.retain(|piece| *piece != CredentialObject::Token(host));
        if kind == CredentialKind::ServiceAccount {
            step.missing.push(CredentialObject::AnotherToken(host, now));
        }
        for piece in step.missing.iter_mut().filter(|piece| **piece == CredentialObject::Rebinding) {
            *piece = CredentialObject::AddedUser;
        }
        step
    }
}
