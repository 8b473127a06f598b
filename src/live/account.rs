//! The account on a member whose credential its host stores: looking at what there is of it.

use kube::api::{DynamicObject, ListParams};
use kubesphere::{cluster_configuration::NAMESPACE, object::ObjectKind};
use serde_json::Value;

use super::{
    connection::Connection,
    objects::Objects,
    observe::{as_value, seen},
    request_error::RequestError,
};
use crate::plan::{
    credential::{
        ACCOUNT, ACCOUNT_ANNOTATION, ACCOUNT_UID_ANNOTATION, Account, CredentialKind, CredentialObject,
        HOST_ANNOTATION, HostUid, MANAGED_BY, Ownership, TOKEN_TYPE,
    },
    observed::Seen,
    superseded::{Earlier, EarlierToken},
};

/// What there is of the account for this kind of credential.
pub async fn account(
    connection: &Connection,
    kind: CredentialKind,
    host: HostUid,
) -> Result<Option<Account>, RequestError> {
    Ok(match kind {
        CredentialKind::Context => None,
        CredentialKind::ServiceAccount => {
            let (account, binding, tokens) = tokio::try_join!(
                get(connection, CredentialObject::ServiceAccount),
                get(connection, CredentialObject::Binding),
                async { seen(tokens(connection).await) },
            )?;
            let others = tokens.present().into_iter().flatten().filter(|token| token.host != Some(host));
            let tokens_of_others = others.map(|token| token.name.clone()).collect();
            let token = token(connection, host, &account, tokens).await?;
            Some(Account {
                service_account: owned(CredentialObject::ServiceAccount, account),
                binding: owned(CredentialObject::Binding, binding),
                host,
                token,
                tokens_of_others,
            })
        }
        CredentialKind::Certificate => Some(Account {
            service_account: Seen::Absent,
            binding: owned(
                CredentialObject::UserBinding,
                get(connection, CredentialObject::UserBinding).await?,
            ),
            host,
            token: Seen::Absent,
            tokens_of_others: Vec::new(),
        }),
    })
}

/// What there is of credentials that were made for this host before, of whatever kind.
pub async fn earlier(connection: &Connection, host: HostUid) -> Result<Earlier, RequestError> {
    let (tokens, binding) = tokio::try_join!(async { seen(tokens(connection).await) }, async {
        get(connection, CredentialObject::UserBinding).await
    })?;
    let unread = tokens.unreadable().or(binding.unreadable()).map(str::to_owned);
    let tokens = tokens.present().into_iter().flatten().filter(|token| token.host == Some(host));
    let tokens = tokens.map(|token| EarlierToken {
        name: token.name.clone(),
        uid: token.uid.clone(),
        account: token.account.clone(),
    });
    let users = binding.present().map(|binding| users_in(&as_value(binding))).unwrap_or_default();
    Ok(Earlier { tokens: tokens.collect(), users, unread })
}

/// The users in a binding of ours; none in anybody else's.
pub(super) fn users_in(binding: &Value) -> Vec<String> {
    if CredentialObject::UserBinding.ownership(binding) != Ownership::Ours {
        return Vec::new();
    }
    let subjects = binding["subjects"].as_array().into_iter().flatten();
    subjects.filter_map(|subject| subject["name"].as_str().map(str::to_owned)).collect()
}

async fn get(connection: &Connection, piece: CredentialObject) -> Result<Seen<DynamicObject>, RequestError> {
    seen(Objects::like(connection, &piece.object()).get(&piece.name()).await)
}

/// Whose the object of this name is; none where there is none.
pub(super) async fn owner(
    connection: &Connection,
    piece: CredentialObject,
) -> Result<Option<Ownership>, RequestError> {
    let found = Objects::like(connection, &piece.object()).find(&piece.name()).await?;
    Ok(found.map(|found| piece.ownership(&as_value(&found))))
}

fn owned(piece: CredentialObject, found: Seen<DynamicObject>) -> Seen<Ownership> {
    found.and_then(|found| Seen::Present(piece.ownership(&as_value(&found))))
}

pub(super) struct TokenSecret {
    pub(super) name: String,
    uid: String,
    /// The UID of the account, once Kubernetes has filled the Secret.
    account: Option<String>,
    host: Option<HostUid>,
    created: String,
}

impl TokenSecret {
    /// Whether it is, or will be, a token of the account with this UID for this host; one of an earlier account of the same name is
    /// about to be removed.
    fn is_of(&self, account: &str, host: HostUid) -> bool {
        self.host == Some(host) && self.account.as_deref().is_none_or(|of| of == account)
    }
}

/// Our token Secrets, without what is in them.
pub(super) async fn tokens(connection: &Connection) -> Result<Vec<TokenSecret>, RequestError> {
    listed(connection, &labelled().match_any()).await
}

/// Whether there is a token Secret of ours. A cache might still show one that was just removed, or not yet a colleague's.
pub(super) async fn has_tokens(connection: &Connection) -> Result<bool, RequestError> {
    Ok(!listed(connection, &labelled()).await?.is_empty())
}

/// Of another type it is none that Kubernetes fills, whatever it is labelled.
fn labelled() -> ListParams {
    let labelled = ListParams::default().labels(&format!("{}={}", MANAGED_BY.0, MANAGED_BY.1));
    labelled.fields(&format!("type={TOKEN_TYPE}"))
}

async fn listed(connection: &Connection, parameters: &ListParams) -> Result<Vec<TokenSecret>, RequestError> {
    let secrets = Objects::of(connection, ObjectKind::SECRET).in_namespace(NAMESPACE);
    let tokens = secrets.list_metadata(parameters).await?.into_iter().filter_map(|metadata| {
        let annotations = metadata.annotations.unwrap_or_default();
        let is_token = annotations.get(ACCOUNT_ANNOTATION).is_some_and(|account| account == ACCOUNT);
        is_token.then(|| TokenSecret {
            name: metadata.name.unwrap_or_default(),
            uid: metadata.uid.unwrap_or_default(),
            account: annotations.get(ACCOUNT_UID_ANNOTATION).cloned(),
            host: annotations.get(HOST_ANNOTATION).map(|uid| HostUid::new(uid)),
            created: metadata.creation_timestamp.map(|time| time.0.to_string()).unwrap_or_default(),
        })
    });
    Ok(tokens.collect())
}

/// The newest of them, because a renewal makes another one.
pub(super) fn newest(tokens: Vec<TokenSecret>, account: &str, host: HostUid) -> Option<TokenSecret> {
    tokens
        .into_iter()
        .filter(|token| token.is_of(account, host))
        .max_by(|one, other| one.created.cmp(&other.created))
}

async fn token(
    connection: &Connection,
    host: HostUid,
    account: &Seen<DynamicObject>,
    tokens: Seen<Vec<TokenSecret>>,
) -> Result<Seen<Ownership>, RequestError> {
    let tokens = match tokens {
        Seen::Present(tokens) => tokens,
        other => return Ok(other.and_then(|_| Seen::Absent)),
    };
    let account = account.present().and_then(|account| account.metadata.uid.as_deref());
    if account.and_then(|account| newest(tokens, account, host)).is_some() {
        return Ok(Seen::Present(Ownership::Ours));
    }
    // Of ours there is none yet, or only of an earlier account; the name may be somebody else's.
    let found = owned(CredentialObject::Token(host), get(connection, CredentialObject::Token(host)).await?);
    Ok(if found == Seen::Present(Ownership::Ours) { Seen::Absent } else { found })
}
