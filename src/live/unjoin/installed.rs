//! What helm's release ks-core consists of: by its newest record, and as it stands.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, stream};
use k8s_openapi::{api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::APIResource};
use kube::{api::ListParams, core::ObjectMeta};
use kubesphere::{
    cluster_configuration::NAMESPACE,
    helm_release::{
        HelmRelease, KEEP, KEY, ListedObject, MANAGED_BY, POLICY, RELEASE_NAME, RELEASE_NAMESPACE,
    },
    object::{ExistingObject, ObjectKind, ObjectRef},
};

use super::{
    federation_namespace::resources,
    reading::{existing_like, seen_or_denied},
    record,
};
use crate::{
    live::{
        connection::Connection,
        core::{NAME, RELEASE},
        objects::Objects,
        request_error::{Cause, Object, RequestError, Verb, request},
    },
    plan::{
        observed::{Denied, Seen},
        unjoin::core::Installed,
    },
};

/// How many requests are under way at the same time.
const AT_ONCE: usize = 32;

/// What was found, and what of it may not be read.
pub(in crate::live) struct Reading {
    pub(in crate::live) found: Seen<Installed>,
    pub(super) denied: Vec<Denied>,
}

/// By helm's newest record; the others are of the past.
pub(in crate::live) async fn installed(member: &Connection) -> Result<Reading, RequestError> {
    let secrets = Objects::<Secret>::on(member).in_namespace(NAMESPACE);
    let listed = secrets.list_metadata(&ListParams::default().labels(RELEASE)).await;
    let (listed, denied) = seen_or_denied(listed)?;
    let records = match listed {
        Seen::Present(records) => records,
        other => return Ok(unread(other.and_then(|_| Seen::Absent), denied)),
    };
    let records = by_revision(records);
    let Some(newest) = records.last() else { return Ok(unread(Seen::Absent, None)) };
    let (record, denied) = seen_or_denied(secrets.get(&newest.object.name).await)?;
    let read = record.and_then(|secret| {
        let value = secret.data.and_then(|mut data| data.remove(KEY)).unwrap_or_default();
        record::read(&value.0).map_or_else(Seen::Malformed, Seen::Present)
    });
    match read {
        Seen::Present(release) => as_it_stands(member, release, records).await,
        other => Ok(unread(other.and_then(|_| Seen::Absent), denied)),
    }
}

fn unread(found: Seen<Installed>, denied: Option<Denied>) -> Reading {
    Reading { found, denied: denied.into_iter().collect() }
}

/// The newest last.
fn by_revision(records: Vec<ObjectMeta>) -> Vec<ExistingObject> {
    let revision = |record: &ObjectMeta| {
        let version = record.labels.as_ref().and_then(|labels| labels.get("version"));
        version.and_then(|version| version.parse::<u32>().ok()).unwrap_or_default()
    };
    let mut records = records;
    records.sort_by_key(revision);
    let like = ObjectKind::SECRET.named("").in_namespace(NAMESPACE);
    records.into_iter().map(|record| existing_like(&like, record)).collect()
}

async fn as_it_stands(
    member: &Connection,
    release: HelmRelease,
    records: Vec<ExistingObject>,
) -> Result<Reading, RequestError> {
    let kinds = kinds(member, release.objects.iter().chain(&release.hooks)).await?;
    let hooks = release.hooks.iter().map(|object| (object, true));
    let all = release.objects.iter().map(|object| (object, false)).chain(hooks);
    let named = all.filter_map(|(object, is_hooks)| Some((object, is_hooks, kinds.reference(object)?)));
    let looks = named.map(|(object, is_hooks, reference)| async move {
        (object.is_kept, is_hooks, look(member, reference).await)
    });
    let looks: Vec<_> = stream::iter(looks).buffered(AT_ONCE).collect().await;
    let mut found = Installed {
        secret: release.secret,
        objects: Vec::new(),
        others: Vec::new(),
        kept: Vec::new(),
        records,
    };
    let mut denied = Vec::new();
    for (is_kept, is_hooks, look) in looks {
        let (seen, missing) = look?;
        denied.extend(missing);
        let Seen::Present((existing, mark)) = seen else { continue };
        match mark {
            _ if is_hooks => found.others.push(existing),
            Mark::Foreign => found.others.push(existing),
            Mark::Keep => found.kept.push(existing),
            Mark::Helm if is_kept => found.kept.push(existing),
            Mark::Helm => found.objects.push(existing),
        }
    }
    denied.dedup();
    Ok(Reading { found: Seen::Present(found), denied })
}

/// Whose an object is.
enum Mark {
    /// Of the release.
    Helm,
    /// Of the release, and to stay.
    Keep,
    /// Somebody else's.
    Foreign,
}

impl Mark {
    fn of(metadata: &ObjectMeta) -> Self {
        let label = metadata.labels.as_ref().and_then(|labels| labels.get(MANAGED_BY.0));
        let annotation = |key: &str| Some(metadata.annotations.as_ref()?.get(key)?.as_str());
        let is_marked = label.is_some_and(|tool| tool == MANAGED_BY.1)
            && annotation(RELEASE_NAME) == Some(NAME)
            && annotation(RELEASE_NAMESPACE) == Some(NAMESPACE);
        match annotation(POLICY) {
            _ if !is_marked => Self::Foreign,
            Some(policy) if policy.trim().eq_ignore_ascii_case(KEEP) => Self::Keep,
            _ => Self::Helm,
        }
    }
}

async fn look(
    member: &Connection,
    reference: ObjectRef,
) -> Result<(Seen<(ExistingObject, Mark)>, Option<Denied>), RequestError> {
    let found = Objects::like(member, &reference).get_metadata(&reference.name).await;
    let (seen, denied) = seen_or_denied(found)?;
    let seen = seen.and_then(|metadata| {
        let mark = Mark::of(&metadata);
        Seen::Present((existing_like(&reference, metadata), mark))
    });
    Ok((seen, denied))
}

/// The kinds that a release has, as the server serves them.
struct Kinds(BTreeMap<(String, String), (ObjectKind, bool)>);

impl Kinds {
    /// Nothing where the server does not know the kind any more, so that there is none of it.
    fn reference(&self, listed: &ListedObject) -> Option<ObjectRef> {
        let (kind, is_namespaced) = self.0.get(&(listed.api_version.clone(), listed.kind.clone()))?;
        let object = kind.named(&listed.name);
        let namespace = listed.namespace.as_deref().unwrap_or(NAMESPACE);
        Some(if *is_namespaced { object.in_told_namespace(namespace) } else { object })
    }
}

async fn kinds<'a>(
    member: &Connection,
    objects: impl Iterator<Item = &'a ListedObject>,
) -> Result<Kinds, RequestError> {
    let versions: BTreeSet<&str> = objects.map(|object| object.api_version.as_str()).collect();
    let looks = versions.into_iter().map(|version| async move { (version, served(member, version).await) });
    let looks: Vec<_> = stream::iter(looks).buffered(AT_ONCE).collect().await;
    let mut kinds = BTreeMap::new();
    for (api_version, resources) in looks {
        let (group, version) = split(api_version);
        for resource in resources?.iter().filter(|resource| !resource.name.contains('/')) {
            let kind = ObjectKind::told(group, version, &resource.kind, &resource.name);
            kinds.insert((api_version.to_owned(), resource.kind.clone()), (kind, resource.namespaced));
        }
    }
    Ok(Kinds(kinds))
}

async fn served(member: &Connection, api_version: &str) -> Result<Vec<APIResource>, RequestError> {
    let (group, version) = split(api_version);
    let answer = resources(member, group, version);
    match request(&member.side, Verb::List, &Object::all("", "apis"), answer).await {
        Err(RequestError { cause: Cause::NotFound, .. }) => Ok(Vec::new()),
        answer => answer,
    }
}

/// `apps/v1` or, of the core, `v1`.
fn split(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}
