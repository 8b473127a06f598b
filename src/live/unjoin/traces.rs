//! Looking at what a join has left on a member.

use std::collections::BTreeSet;

use kube::{api::ListParams, core::ObjectMeta};
use kubesphere::{
    cluster_configuration::NAMESPACE,
    object::{ExistingObject, ObjectKind},
};

use super::{
    federation_namespace::contents,
    namespaces::workspace_namespaces,
    reading::{Found, existing, existing_like},
};
use crate::{
    live::{
        connection::Connection,
        objects::Objects,
        observe::{as_value, joined_as as joined, kube_system_uid, observe, observe_effect},
        request_error::{RequestError, Verb},
    },
    plan::{
        credential::{
            ACCOUNT, ACCOUNT_ANNOTATION, CredentialObject, HOST_ANNOTATION, HostUid, MANAGED_BY, Ownership,
            TOKEN_TYPE,
        },
        observed::{Denied, Observed, Seen},
        unjoin::trace::{
            CredentialTrace, FEDERATION_NAMESPACE, TracedCredential, Traces, kubefed_account, kubefed_role,
        },
    },
};

/// Looks at everything at once; `name` is what the host calls the member. Where namespaces are to be released, who may
/// not list them or their workspaces lacks something that has to be known.
pub async fn traces(member: &Connection, name: &str, releases: bool) -> Result<Traces, RequestError> {
    // Boxed, because a dozen requests are more state than a stack should carry around.
    let reads = Box::pin(async {
        tokio::try_join!(
            kubefed(member, name),
            credential(member),
            workspace_namespaces(member),
            contents(member)
        )
    });
    let (kubefed, credential, (namespaces, unlisted), contents) = reads.await?;
    let unlisted = unlisted.into_iter().filter(|_| releases);
    let accounted: BTreeSet<&str> = kubefed.found.iter().map(|trace| trace.uid.as_str()).collect();
    let federation_namespace = contents.and_then(|contents| Seen::Present(contents.without(&accounted)));
    let unseen = federation_namespace.unreadable().map(|_| Denied {
        verb: Verb::Get.to_string(),
        resource: ObjectKind::NAMESPACE.qualified(),
        namespace: None,
    });
    Ok(Traces {
        kubefed: kubefed.found,
        federation_namespace: federation_namespace.present().cloned(),
        credential: credential.found,
        namespaces,
        core: None,
        denied: kubefed.denied.into_iter().chain(credential.denied).chain(unlisted).chain(unseen).collect(),
    })
}

/// A member, and what a join left there, as it is traced; of one that was looked at `before` no more than what may have changed.
pub async fn of_member(
    member: &Connection,
    name: &str,
    before: Option<&Observed>,
    tracing: impl Future<Output = Result<Traces, RequestError>>,
) -> Result<(Observed, Traces), RequestError> {
    let observed = async {
        match before {
            Some(before) => Box::pin(observe_member_again(member, before)).await,
            None => observe(member).await,
        }
    };
    let (observed, traces) = tokio::try_join!(observed, tracing)?;
    let joined_as = joined_as(name, &observed, &traces);
    Ok((Observed { denied: traces.denied.clone(), joined_as, ..observed }, traces))
}

/// A member, and what a join left there that tells whose the member is.
pub(in crate::live) async fn ownership(
    member: &Connection,
    name: &str,
    before: &Observed,
) -> Result<(Observed, Traces), RequestError> {
    let (observed, kubefed, credential) =
        tokio::try_join!(observe_member_again(member, before), kubefed(member, name), credential(member))?;
    let traces = Traces {
        kubefed: kubefed.found,
        credential: credential.found,
        federation_namespace: None,
        namespaces: Seen::Absent,
        core: None,
        denied: kubefed.denied.into_iter().chain(credential.denied).collect(),
    };
    let joined_as = joined_as(name, &observed, &traces);
    Ok((Observed { denied: traces.denied.clone(), joined_as, ..observed }, traces))
}

/// Another cluster may answer there by now.
async fn observe_member_again(member: &Connection, before: &Observed) -> Result<Observed, RequestError> {
    let (observed, uid, joined_as) =
        tokio::try_join!(observe_effect(member, before), kube_system_uid(member), async {
            Ok(joined(member).await)
        })?;
    Ok(Observed { uid, joined_as, ..observed })
}

/// Who may not list the service accounts of kubefed may still get the one that matters.
fn joined_as(name: &str, observed: &Observed, traces: &Traces) -> Seen<Vec<String>> {
    let account = kubefed_account(name);
    let is_there = traces.kubefed.iter().any(|trace| trace.object.name == account);
    match &observed.joined_as {
        Seen::Unreadable(_) if is_there => Seen::Present(vec![name.to_owned()]),
        seen => seen.clone(),
    }
}

/// What kubefed works with on a member under this name, as far as it may be seen, in the order in which it is removed.
pub(in crate::live) async fn of_kubefed(
    member: &Connection,
    name: &str,
) -> Result<Vec<ExistingObject>, RequestError> {
    Ok(Box::pin(kubefed(member, name)).await?.found)
}

/// The rights first, so that what is left of an interrupted command can do nothing; the service account last, by whose
/// name the next command knows what it is about.
async fn kubefed(member: &Connection, name: &str) -> Result<Found<ExistingObject>, RequestError> {
    let (rights, account) = (kubefed_role(name), kubefed_account(name));
    let owned = ObjectKind::SERVICE_ACCOUNT.named(&account).in_namespace(FEDERATION_NAMESPACE);
    let (bound, granted, tokens, owned) = tokio::try_join!(
        existing(member, ObjectKind::CLUSTER_ROLE_BINDING.named(&rights)),
        existing(member, ObjectKind::CLUSTER_ROLE.named(&rights)),
        tokens_of(member, &account),
        existing(member, owned),
    )?;
    Ok(Found::all([bound, granted, tokens, owned]))
}

/// The token Secrets of a service account of kubefed, without what is in them.
async fn tokens_of(member: &Connection, account: &str) -> Result<Found<ExistingObject>, RequestError> {
    let like = ObjectKind::SECRET.named("").in_namespace(FEDERATION_NAMESPACE);
    let parameters = ListParams::default().fields(&format!("type={TOKEN_TYPE}"));
    let listed = Objects::like(member, &like).list_metadata(&parameters).await;
    Found::of(listed, |secret| is_token_of(account, &secret).then(|| existing_like(&like, secret)))
}

fn is_token_of(account: &str, secret: &ObjectMeta) -> bool {
    let annotations = secret.annotations.as_ref();
    annotations.and_then(|all| all.get(ACCOUNT_ANNOTATION)).is_some_and(|of| of == account)
}

/// What has the names of the pieces of a credential that we make; tokens first, the service account after what belongs
/// to it.
pub(super) async fn credential(member: &Connection) -> Result<Found<CredentialTrace>, RequestError> {
    let (tokens, binding, account, user, asked) = tokio::try_join!(
        tokens(member),
        named(member, CredentialObject::Binding, TracedCredential::Binding),
        named(member, CredentialObject::ServiceAccount, TracedCredential::Account),
        named(member, CredentialObject::UserBinding, TracedCredential::UserBinding),
        requests(member),
    )?;
    // It needs the same right as the other binding.
    let user = Found { denied: Vec::new(), ..user };
    Ok(Found::all([tokens, binding, account, user, asked]))
}

/// What has the name of a piece, and whose it is.
async fn named(
    member: &Connection,
    piece: CredentialObject,
    part: TracedCredential,
) -> Result<Found<CredentialTrace>, RequestError> {
    let object = piece.object();
    let found = Objects::like(member, &object).get(&object.name).await;
    Found::of(found.map(|found| vec![found]), |found| {
        let whose = piece.ownership(&as_value(&found));
        Some(CredentialTrace { trace: existing_like(&object, found.metadata), part, whose })
    })
}

async fn tokens(member: &Connection) -> Result<Found<CredentialTrace>, RequestError> {
    let like = ObjectKind::SECRET.named("").in_namespace(NAMESPACE);
    let parameters = labelled().fields(&format!("type={TOKEN_TYPE}"));
    let listed = Objects::like(member, &like).list_metadata(&parameters).await;
    Found::of(listed, |secret| {
        let host = secret.annotations.as_ref()?.get(HOST_ANNOTATION).map(|uid| HostUid::new(uid));
        is_token_of(ACCOUNT, &secret)
            .then(|| ours(existing_like(&like, secret), TracedCredential::Token(host)))
    })
}

/// Those for client certificates.
async fn requests(member: &Connection) -> Result<Found<CredentialTrace>, RequestError> {
    let like = ObjectKind::CERTIFICATE_REQUEST.named("");
    let listed = Objects::like(member, &like).list_metadata(&labelled()).await;
    Found::of(listed, |request| {
        let trace = existing_like(&like, request);
        trace.object.name.starts_with(ACCOUNT).then(|| ours(trace, TracedCredential::Request))
    })
}

fn labelled() -> ListParams {
    ListParams::default().labels(&format!("{}={}", MANAGED_BY.0, MANAGED_BY.1))
}

fn ours(trace: ExistingObject, part: TracedCredential) -> CredentialTrace {
    CredentialTrace { trace, part, whose: Ownership::Ours }
}
