//! Looking at what a join has left on a member.

use std::collections::BTreeSet;

use kube::api::{DynamicObject, ListParams};

use super::{
    federation_namespace::{NAMESPACE as NAMESPACE_OF_FEDERATION, federation_namespace},
    namespaces::workspace_namespaces,
    reading::{Place, trace_of, trace_of_metadata},
};
use crate::{
    kubesphere::{
        cluster_configuration::NAMESPACE,
        object::{ExistingObject, ObjectKind},
    },
    live::{
        connection::Connection,
        observe::{as_value, observe},
        request_error::{RequestError, Verb},
    },
    plan::{
        credential::{
            ACCOUNT, ACCOUNT_ANNOTATION, HOST_ANNOTATION, HostUid, MANAGED_BY, Ownership,
            Piece as CredentialPiece, TOKEN_TYPE, USER_BINDING,
        },
        observed::{Denied, Observed, Seen},
        unjoin::{
            plan::UnjoinIntent,
            trace::{FEDERATION_NAMESPACE, Part, Piece, Traces, kubefed_account, kubefed_role},
        },
    },
};

const IN_FEDERATION: Option<&str> = Some(FEDERATION_NAMESPACE);
const IN_SYSTEM: Option<&str> = Some(NAMESPACE);

/// Looks at everything at once; `name` is what the host calls the member. Where namespaces are to be released, who may
/// not list them or their workspaces lacks something that has to be known.
async fn traces(member: &Connection, name: &str, releases: bool) -> Result<Traces, RequestError> {
    // Boxed, because a dozen requests are more state than a stack should carry around.
    let reads = Box::pin(async {
        tokio::try_join!(kubefed(member, name), credential(member), workspace_namespaces(member))
    });
    let (kubefed, credential, (namespaces, unlisted)) = reads.await?;
    let unlisted = unlisted.into_iter().filter(|_| releases);
    let accounted: BTreeSet<&str> = kubefed.found.iter().map(|trace| trace.uid.as_str()).collect();
    let federation_namespace = federation_namespace(member, &accounted).await?;
    let unseen = NAMESPACE_OF_FEDERATION.denied(Verb::Get, &federation_namespace);
    Ok(Traces {
        kubefed: kubefed.found,
        federation_namespace: federation_namespace.present().cloned(),
        credential: credential.found,
        namespaces,
        denied: kubefed.denied.into_iter().chain(credential.denied).chain(unlisted).chain(unseen).collect(),
    })
}

/// A member, and what a join left there.
pub async fn of_member(
    member: &Connection,
    intent: &UnjoinIntent,
) -> Result<(Observed, Traces), RequestError> {
    let (observed, traces) =
        tokio::try_join!(observe(member), traces(member, &intent.name, intent.release_namespaces))?;
    let joined_as = joined_as(&intent.name, &observed, &traces);
    Ok((Observed { denied: traces.denied.clone(), joined_as, ..observed }, traces))
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

/// What was found, and what may not be read.
struct Found<T> {
    found: Vec<T>,
    denied: Vec<Denied>,
}

/// The rights first, so that what is left of an interrupted command can do nothing; the service account last, by whose
/// name the next command knows what it is about.
async fn kubefed(member: &Connection, name: &str) -> Result<Found<ExistingObject>, RequestError> {
    let of = |kind, namespace| Place { kind, namespace };
    let binding = of(ObjectKind::CLUSTER_ROLE_BINDING, None);
    let role = of(ObjectKind::CLUSTER_ROLE, None);
    let secrets = of(ObjectKind::SECRET, IN_FEDERATION);
    let account = of(ObjectKind::SERVICE_ACCOUNT, IN_FEDERATION);
    let (rights, of_kubefed) = (kubefed_role(name), kubefed_account(name));
    let (bound, granted, tokens, owned) = tokio::try_join!(
        binding.find(member, &rights),
        role.find(member, &rights),
        tokens_of(member, secrets, &of_kubefed),
        account.find(member, &of_kubefed),
    )?;
    let denied = [
        binding.denied(Verb::Get, &bound),
        role.denied(Verb::Get, &granted),
        secrets.denied(Verb::List, &tokens),
        account.denied(Verb::Get, &owned),
    ];
    let rights = bound.present().into_iter().chain(granted.present());
    let found = rights.chain(tokens.present().into_iter().flatten()).chain(owned.present());
    Ok(Found { found: found.cloned().collect(), denied: denied.into_iter().flatten().collect() })
}

/// The token Secrets of a service account, without what is in them.
async fn tokens_of(
    member: &Connection,
    secrets: Place,
    account: &str,
) -> Result<Seen<Vec<ExistingObject>>, RequestError> {
    let parameters = ListParams::default().fields(&format!("type={TOKEN_TYPE}"));
    let listed = secrets.list(member, &parameters).await?;
    Ok(listed.and_then(|secrets_found| {
        let theirs = secrets_found.iter().filter(|secret| {
            let annotations = secret.metadata.annotations.as_ref();
            annotations.and_then(|all| all.get(ACCOUNT_ANNOTATION)).is_some_and(|of| of == account)
        });
        Seen::Present(theirs.map(|secret| trace_of_metadata(secrets, secret)).collect())
    }))
}

/// What has the names of the pieces of a credential that we make; tokens first, the service account after what belongs
/// to it.
async fn credential(member: &Connection) -> Result<Found<Piece>, RequestError> {
    let of = |kind, namespace| Place { kind, namespace };
    let secrets = of(ObjectKind::SECRET, IN_SYSTEM);
    let bindings = of(ObjectKind::CLUSTER_ROLE_BINDING, None);
    let accounts = of(ObjectKind::SERVICE_ACCOUNT, IN_SYSTEM);
    let requests = of(ObjectKind::CERTIFICATE_REQUEST, None);
    let labelled = ListParams::default().labels(&format!("{}={}", MANAGED_BY.0, MANAGED_BY.1));
    let ours = labelled.clone().fields(&format!("type={TOKEN_TYPE}"));
    let (tokens, binding, account, user, asked) = tokio::try_join!(
        secrets.list(member, &ours),
        bindings.get(member, ACCOUNT),
        accounts.get(member, ACCOUNT),
        bindings.get(member, USER_BINDING),
        requests.list(member, &labelled),
    )?;
    let denied = [
        secrets.denied(Verb::List, &tokens),
        bindings.denied(Verb::Get, &binding),
        accounts.denied(Verb::Get, &account),
        requests.denied(Verb::List, &asked),
    ];
    let tokens = tokens.present().into_iter().flatten().filter_map(|secret| {
        let annotations = secret.metadata.annotations.as_ref()?;
        let host = annotations.get(HOST_ANNOTATION).map(|uid| HostUid::new(uid));
        let is_token = annotations.get(ACCOUNT_ANNOTATION).is_some_and(|account| account == ACCOUNT);
        is_token.then(|| ours_of(trace_of_metadata(secrets, secret), Part::Token(host)))
    });
    let named = |place, seen: &Seen<DynamicObject>, part, piece: CredentialPiece| {
        let object = seen.present()?;
        Some(Piece { trace: trace_of(place, object), part, whose: piece.ownership(&as_value(object)) })
    };
    let asked = asked.present().into_iter().flatten().filter_map(|request| {
        let trace = trace_of_metadata(requests, request);
        trace.object.name.starts_with(ACCOUNT).then(|| ours_of(trace, Part::Request))
    });
    let found = tokens
        .chain(named(bindings, &binding, Part::Binding, CredentialPiece::Binding))
        .chain(named(accounts, &account, Part::Account, CredentialPiece::ServiceAccount))
        .chain(named(bindings, &user, Part::UserBinding, CredentialPiece::UserBinding))
        .chain(asked);
    Ok(Found { found: found.collect(), denied: denied.into_iter().flatten().collect() })
}

fn ours_of(trace: ExistingObject, part: Part) -> Piece {
    Piece { trace, part, whose: Ownership::Ours }
}
