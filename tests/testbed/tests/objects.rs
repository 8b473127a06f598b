//! Requests that several tests make, each in one call.

use std::fmt::Debug;

use k8s_openapi::{NamespaceResourceScope, api::core::v1::ConfigMap};
use kube::{
    Api, Client, Resource,
    api::PostParams,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use testbed::block_on;

/// Creates an object from JSON.
#[track_caller]
pub(crate) fn create<K>(api: Api<K>, object: Value) -> K
where
    K: Clone + Debug + DeserializeOwned + Resource + Serialize + Send + Sync + 'static,
{
    let object: K = serde_json::from_value(object).unwrap();
    block_on(async move { api.create(&PostParams::default(), &object).await }).unwrap()
}

/// Objects in the namespace `default`.
pub(crate) fn in_default<K>(client: &Client) -> Api<K>
where
    K: Resource<Scope = NamespaceResourceScope>,
    K::DynamicType: Default,
{
    Api::namespaced(client.clone(), "default")
}

/// Creates a ConfigMap in `default` that a finalizer holds.
#[track_caller]
pub(crate) fn create_config_map(client: &Client, name: &str) -> ConfigMap {
    let metadata = json!({ "name": name, "finalizers": ["example.com/stays"] });
    create(in_default(client), json!({ "metadata": metadata }))
}

/// Answers a GET's body, or the error.
pub(crate) fn get(client: &Client, path: &str) -> Result<String, kube::Error> {
    let request = http::Request::get(path).body(Vec::new()).unwrap();
    let client = client.clone();
    block_on(async move { client.request_text(request).await })
}

/// The status that the apiserver refused with.
#[track_caller]
pub(crate) fn refused<T: Debug>(outcome: Result<T, kube::Error>) -> u16 {
    match outcome {
        Err(kube::Error::Api(status)) => status.code,
        other => panic!("not refused: {other:?}"),
    }
}

/// A client with this kubeconfig and user agent, which does not retry.
pub(crate) fn client(kubeconfig: &str, user_agent: &'static str) -> Client {
    let kubeconfig: Kubeconfig = serde_yaml::from_str(kubeconfig).unwrap();
    block_on(async move {
        let mut config =
            kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        config.default_retry = false;
        config.headers.push((http::header::USER_AGENT, http::HeaderValue::from_static(user_agent)));
        Client::try_from(config).unwrap()
    })
}
