//! Custom resources, from their definition until they are served.

use std::time::{Duration, Instant};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, Client, api::ListParams};

use crate::Error;

/// Definitions are established in tens of milliseconds.
const SERVED_WITHIN: Duration = Duration::from_secs(10);

/// Waits until every custom resource is served: the apiserver establishes a definition some time after it accepted
/// it, and answers 429 ("storage is (re)initializing") for a moment after each change.
pub(crate) async fn wait_until_served(client: Client) -> Result<(), Error> {
    let begun = Instant::now();
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    loop {
        let listed = definitions.list(&ListParams::default()).await?;
        if all_served(&client, &listed.items).await? || begun.elapsed() > SERVED_WITHIN {
            return Ok(()); // One that is never served, as for its names, is a test's own matter.
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn all_served(client: &Client, definitions: &[CustomResourceDefinition]) -> Result<bool, Error> {
    for definition in definitions {
        if !is_established(definition) {
            return Ok(false);
        }
        for path in paths(definition) {
            let request =
                http::Request::get(path).body(Vec::new()).expect("an accepted definition's names are valid");
            match client.request_text(request).await {
                Ok(_) => {}
                Err(kube::Error::Api(status)) if matches!(status.code, 404 | 429) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(true)
}

fn is_established(definition: &CustomResourceDefinition) -> bool {
    let conditions = definition.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|condition| condition.type_ == "Established" && condition.status == "True")
}

/// A short list of each version that is served.
fn paths(definition: &CustomResourceDefinition) -> Vec<String> {
    let (group, plural) = (&definition.spec.group, &definition.spec.names.plural);
    let served = definition.spec.versions.iter().filter(|version| version.served);
    served.map(|version| format!("/apis/{group}/{}/{plural}?limit=1", version.name)).collect()
}
