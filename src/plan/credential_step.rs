//! What of a credential still has to be made.

use jiff::Timestamp;

use super::{
    credential::{Account, HostUid, Kind, Ownership, Piece},
    observed::Seen,
};

/// What it takes to have the credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialStep {
    /// Which one it is.
    pub kind: Kind,
    /// The host that it is for.
    pub host: HostUid,
    /// What is created for it, in this order.
    pub missing: Vec<Piece>,
}

impl CredentialStep {
    /// What is left to do for this kind and host, where `account` was seen.
    pub fn new(kind: Kind, host: HostUid, account: Option<&Account>) -> Self {
        let lacks = |of: fn(&Account) -> &Seen<Ownership>| {
            account.is_none_or(|account| of(account).present() != Some(&Ownership::Ours))
        };
        let pieces = match kind {
            Kind::Context => Vec::new(),
            Kind::ServiceAccount => vec![
                (Piece::ServiceAccount, lacks(|account| &account.service_account)),
                (Piece::Binding, lacks(|account| &account.binding)),
                (Piece::Token(host), lacks(|account| &account.token)),
            ],
            // The certificate first: where none is issued, nothing is left behind.
            Kind::Certificate => {
                let is_new = lacks(|account| &account.binding);
                let binding = if is_new { Piece::UserBinding } else { Piece::Rebinding };
                vec![(Piece::Certificate, true), (binding, true)]
            }
        };
        let missing = pieces.into_iter().filter_map(|(piece, is_missing)| is_missing.then_some(piece));
        Self { kind, host, missing: missing.collect() }
    }

    /// As [`Self::new`] at this time, where a new credential is made beside what there is of earlier ones.
    pub fn renewed(kind: Kind, host: HostUid, account: Option<&Account>, now: Timestamp) -> Self {
        let mut step = Self::new(kind, host, account);
        step.missing.retain(|piece| *piece != Piece::Token(host));
        if kind == Kind::ServiceAccount {
            step.missing.push(Piece::AnotherToken(host, now));
        }
        for piece in step.missing.iter_mut().filter(|piece| **piece == Piece::Rebinding) {
            *piece = Piece::AddedUser;
        }
        step
    }
}
