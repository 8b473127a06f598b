//! What is asked only of a cluster that is going to change: permissions, the short name `cc`, the installer.

use futures::future::join_all;
use k8s_openapi::api::{
    authentication::v1::SelfSubjectReview,
    authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec},
};
use kube::{Api, api::PostParams};
use kubesphere::cluster_configuration::{GROUP, SHORT_NAME};
use serde::Deserialize;

use super::{
    connection::Connection,
    installer_run,
    request_error::{Object, RequestError, Verb, request},
};
use crate::plan::{
    access::{Access, EVERYTHING},
    installer_run::Triggers,
    observed::{Denied, Observed, Seen},
};

/// Aggregated discovery in one answer; servers before 1.26 answer with the plain list of groups.
pub(super) const DISCOVERY: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
                         application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,\
                         application/json";

/// Adds what a run of the installer depends on.
pub async fn look_at_installer(connection: &Connection, observed: &mut Observed, is_in_effect: bool) {
    let triggers = Triggers::on(observed);
    let run = installer_run::observe(connection, observed, triggers, None, is_in_effect);
    let (clashes, ()) = tokio::join!(short_name_clashes(connection), run);
    observed.short_name_clashes = clashes;
}

/// Those that are denied of the accesses that are needed in the end.
pub fn still_needed(mut denied: Vec<Denied>, accesses: &[Access]) -> Vec<Denied> {
    denied.retain(|denied| {
        accesses.iter().any(|access| {
            denied.verb == access.verb
                && denied.resource == qualified(access)
                && denied.namespace.as_deref() == access.namespace
        })
    });
    denied
}

/// Asks already whether the user may do everything, where the rights are looked at only later. Who must know it asks
/// again where there was no answer.
pub(super) async fn foresee_rights(connection: &Connection) {
    // Boxed, because it waits beside others that are large themselves.
    let _ = Box::pin(may_everything(connection)).await;
}

/// Asked once: most users who join clusters are their administrators, and need no more reviews then.
async fn may_everything(connection: &Connection) -> Result<bool, RequestError> {
    let answer = connection.may_everything.get_or_try_init(|| may(connection, &EVERYTHING));
    answer.await.copied()
}

/// What of these the user may not do.
pub async fn denied(connection: &Connection, accesses: &[Access]) -> Result<Vec<Denied>, RequestError> {
    if accesses.len() > 1 && may_everything(connection).await? {
        return Ok(Vec::new());
    }
    let reviews = join_all(accesses.iter().map(|access| may(connection, access))).await;
    let mut denied = Vec::new();
    for (access, may) in accesses.iter().zip(reviews) {
        if !may? {
            denied.push(Denied {
                verb: access.verb.to_owned(),
                resource: qualified(access),
                namespace: access.namespace.map(str::to_owned),
            });
        }
    }
    Ok(denied)
}

/// Who the server takes the user for; from Kubernetes 1.28 on it tells (`kubectl auth whoami`).
async fn user(connection: &Connection) -> Option<String> {
    let api: Api<SelfSubjectReview> = Api::all(connection.client.clone());
    let review = api.create(&PostParams::default(), &SelfSubjectReview::default()).await.ok()?;
    review.status?.user_info?.username
}

/// Adds who the user is, where something is denied or may not be read.
pub async fn look_at_user(connection: &Connection, observed: &mut Observed) {
    let unread =
        [observed.configuration.unreadable(), observed.config.unreadable(), observed.clusters.unreadable()];
    if !observed.denied.is_empty() || unread.iter().any(Option::is_some) {
        observed.user = user(connection).await;
    }
}

fn qualified(access: &Access) -> String {
    if access.group.is_empty() {
        access.resource.to_owned()
    } else {
        format!("{}.{}", access.resource, access.group)
    }
}

pub(super) async fn may(connection: &Connection, access: &Access) -> Result<bool, RequestError> {
    let api: Api<SelfSubjectAccessReview> = Api::all(connection.client.clone());
    let (resource, subresource) = match access.resource.split_once('/') {
        Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
        None => (access.resource, None),
    };
    let attributes = ResourceAttributes {
        verb: Some(access.verb.to_owned()),
        group: Some(access.group.to_owned()),
        resource: Some(resource.to_owned()),
        subresource,
        namespace: access.namespace.map(str::to_owned),
        name: access.name.map(str::to_owned),
        ..ResourceAttributes::default()
    };
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(attributes),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let object = Object::all("authorization.k8s.io", "selfsubjectaccessreviews");
    let parameters = PostParams::default();
    let answer = api.create(&parameters, &review);
    let answer = request(&connection.side, Verb::Create, &object, answer).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

/// Other resources that are called `cc` too (clustercidrs, computeclasses, compositecontrollers, …).
async fn short_name_clashes(connection: &Connection) -> Seen<Vec<String>> {
    let ask = http::Request::get("/apis").header(http::header::ACCEPT, DISCOVERY).body(Vec::new());
    let ask = ask.expect("a path and a header make a request");
    let object = Object::all("", "apis");
    let answer = connection.client.request::<Discovery>(ask);
    match request(&connection.side, Verb::List, &object, answer).await {
        Ok(discovery) if discovery.kind == "APIGroupDiscoveryList" => Seen::Present(discovery.clashes()),
        Ok(_) => Seen::Unreadable("the API server is too old to tell all short names at once".to_owned()),
        Err(error) => Seen::Unreadable(error.cause.to_string()),
    }
}

#[derive(Debug, Deserialize)]
struct Discovery {
    kind: String,
    #[serde(default)]
    items: Vec<Group>,
}

#[derive(Debug, Deserialize)]
struct Group {
    #[serde(default)]
    metadata: GroupName,
    #[serde(default)]
    versions: Vec<GroupVersion>,
}

#[derive(Debug, Default, Deserialize)]
struct GroupName {
    #[serde(default)]
    name: String,
}

#[derive(Debug, Deserialize)]
struct GroupVersion {
    #[serde(default)]
    resources: Vec<ApiResource>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ApiResource {
    resource: String,
    #[serde(default)]
    short_names: Vec<String>,
}

impl Discovery {
    fn clashes(&self) -> Vec<String> {
        let mut found = Vec::new();
        for group in self.items.iter().filter(|group| group.metadata.name != GROUP) {
            let resources = group.versions.iter().flat_map(|version| &version.resources);
            for resource in
                resources.filter(|resource| resource.short_names.iter().any(|name| name == SHORT_NAME))
            {
                let name = format!("{}.{}", resource.resource, group.metadata.name);
                if !found.contains(&name) {
                    found.push(name);
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::Discovery;

    #[test]
    fn only_other_groups_clash_and_each_resource_once() {
        let discovery: Discovery = serde_json::from_str(
            r#"{"kind": "APIGroupDiscoveryList", "items": [
                {"metadata": {"name": "installer.kubesphere.io"}, "versions": [{"resources": [{"resource": "clusterconfigurations", "shortNames": ["cc"]}]}]},
                {"metadata": {"name": "networking.k8s.io"}, "versions": [
                    {"resources": [{"resource": "clustercidrs", "shortNames": ["cc"]}, {"resource": "ingresses", "shortNames": ["ing"]}]},
                    {"resources": [{"resource": "clustercidrs", "shortNames": ["cc"]}]}]}
            ]}"#,
        )
        .unwrap();
        assert_eq!(discovery.clashes(), ["clustercidrs.networking.k8s.io"]);
    }
}
