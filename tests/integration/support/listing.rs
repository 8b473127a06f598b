//! Every object of every kind on a cluster, with what a join could leave on it.

use std::{collections::BTreeSet, time::Duration};

use kube::{
    Api, Client, Error,
    api::{DynamicObject, ListParams},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::Value;
use testbed::{bed::Cluster, block_on};

/// What comes and goes by itself, or is written anew by everybody.
const TRANSIENT: [&str; 6] = ["events", "leases", "endpointslices", "endpoints", "pods", "replicasets"];

/// Between two looks at a resource whose storage is not there yet.
const AGAIN_AFTER: Duration = Duration::from_millis(100);

/// `resource namespace/name`, and for each also its labels, annotations, owners and finalizers.
pub fn listing(cluster: &Cluster) -> BTreeSet<String> {
    let client = cluster.client();
    block_on(async move { of_client(&client).await })
}

async fn of_client(client: &Client) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    let groups = client.list_api_groups().await.unwrap().groups;
    let versions = groups.into_iter().filter_map(|group| {
        let version = group.preferred_version?;
        Some((group.name, version.version))
    });
    for (group, version) in [(String::new(), "v1".to_owned())].into_iter().chain(versions) {
        let resources = if group.is_empty() {
            client.list_core_api_resources(&version).await
        } else {
            client.list_api_group_resources(&format!("{group}/{version}")).await
        };
        for resource in resources.unwrap().resources {
            let listable = resource.verbs.iter().any(|verb| verb == "list");
            if !listable || TRANSIENT.contains(&resource.name.as_str()) {
                continue;
            }
            let kind = GroupVersionKind::gvk(&group, &version, &resource.kind);
            let kind = ApiResource::from_gvk_with_plural(&kind, &resource.name);
            let api: Api<DynamicObject> = Api::all_with(client.clone(), &kind);
            for object in listed(&api).await {
                lines.extend(lines_of(&resource.name, &serde_json::to_value(&object).unwrap()));
            }
        }
    }
    lines
}

/// A resource whose definition is new is not stored for a moment.
async fn listed(api: &Api<DynamicObject>) -> Vec<DynamicObject> {
    loop {
        match api.list(&ListParams::default()).await {
            Err(Error::Api(status)) if status.code == 429 => tokio::time::sleep(AGAIN_AFTER).await,
            answer => return answer.unwrap().items,
        }
    }
}

fn lines_of(resource: &str, object: &Value) -> Vec<String> {
    let metadata = &object["metadata"];
    let text = |key: &str| metadata[key].as_str().unwrap_or_default();
    let name = format!("{resource} {}/{}", text("namespace"), text("name"));
    let keys = |key: &str| -> Vec<String> {
        let fields = metadata[key].as_object().into_iter().flatten();
        fields.map(|(field, _)| format!("{name} {key} {field}")).collect()
    };
    let list = |key: &str| -> Vec<String> {
        metadata[key].as_array().into_iter().flatten().map(|value| format!("{name} {key} {value}")).collect()
    };
    [vec![name.clone()], keys("labels"), keys("annotations"), list("finalizers"), list("ownerReferences")]
        .concat()
}
