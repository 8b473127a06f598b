//! Objects of one kind: the requests that read and write them, each with an error that names verb and object.

use std::marker::PhantomData;
use std::time::Duration;

use http::Request;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::{DynamicObject, GetParams, ListParams, ObjectList, PartialObjectMeta};
use kube::core::request::{Error as NotBuilt, Request as Requests};
use kube::core::{ApiResource, GroupVersionKind, Resource as _};
use kubesphere::object::{ObjectKind, ObjectRef};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::sleep;

pub use self::change::{Change, FIELD_MANAGER, Persistence};
pub use self::deletion::Deletion;
use super::connection::Connection;
use super::request_error::{Cause, Object, RequestError, Verb, request};

mod change;
mod deletion;

/// How often a deletion is tried that conflicts with somebody's change.
const CONFLICTS: u32 = 5;
const AFTER_CONFLICT: Duration = Duration::from_millis(200);

/// The objects of a kind, cluster-wide or in one namespace, read as `K`.
pub struct Objects<'a, K = DynamicObject> {
    connection: &'a Connection,
    resource: ApiResource,
    namespace: Option<String>,
    words: Option<Object>,
    read_as: PhantomData<fn() -> K>,
}

impl<'a> Objects<'a> {
    /// Cluster-wide, unless [`Objects::in_namespace`] says otherwise; so are the others.
    pub fn of(connection: &'a Connection, kind: ObjectKind) -> Self {
        let ObjectKind { group, version, kind, plural } = kind;
        let gvk = GroupVersionKind::gvk(group, version, kind);
        Self::of_resource(connection, ApiResource::from_gvk_with_plural(&gvk, plural))
    }

    /// Those of the same kind, in the same namespace.
    pub fn like(connection: &'a Connection, object: &ObjectRef) -> Self {
        let objects = Self::of(connection, object.kind);
        match object.namespace {
            Some(namespace) => objects.in_namespace(namespace),
            None => objects,
        }
    }

    /// Those of a kind that only the server knows.
    pub fn of_resource(connection: &'a Connection, resource: ApiResource) -> Self {
        Objects { connection, resource, namespace: None, words: None, read_as: PhantomData }
    }
}

impl<'a, K: k8s_openapi::Resource> Objects<'a, K> {
    /// Those that k8s-openapi has a type for.
    pub fn on(connection: &'a Connection) -> Self {
        let gvk = GroupVersionKind::gvk(K::GROUP, K::VERSION, K::KIND);
        let resource = ApiResource::from_gvk_with_plural(&gvk, K::URL_PATH_SEGMENT);
        Objects { connection, resource, namespace: None, words: None, read_as: PhantomData }
    }
}

impl<K> Objects<'_, K> {
    #[must_use]
    pub fn in_namespace(self, namespace: impl Into<String>) -> Self {
        Self { namespace: Some(namespace.into()), ..self }
    }

    /// What errors say that they are about, where that is not what was asked for.
    #[must_use]
    pub fn in_words(self, words: Object) -> Self {
        Self { words: Some(words), ..self }
    }

    /// All of them, in words.
    pub fn object(&self) -> Object {
        let object = Object::all(self.resource.group.as_str(), self.resource.plural.as_str());
        match (&self.words, &self.namespace) {
            (Some(words), _) => words.clone(),
            (None, Some(namespace)) => object.in_namespace(namespace),
            (None, None) => object,
        }
    }

    fn named(&self, name: &str) -> Object {
        self.words.clone().unwrap_or_else(|| self.object().named(name))
    }

    fn requests(&self) -> Requests {
        Requests::new(DynamicObject::url_path(&self.resource, self.namespace.as_deref()))
    }

    pub async fn get_metadata(&self, name: &str) -> Result<ObjectMeta, RequestError> {
        let ask = self.requests().get_metadata(name, &GetParams::default());
        let found: PartialObjectMeta = self.ask(Verb::Get, self.named(name), ask).await?;
        Ok(found.metadata)
    }

    /// Nothing where there is none of this name.
    pub async fn find_metadata(&self, name: &str) -> Result<Option<ObjectMeta>, RequestError> {
        if_there(self.get_metadata(name).await)
    }

    pub async fn list_metadata(&self, parameters: &ListParams) -> Result<Vec<ObjectMeta>, RequestError> {
        let ask = self.requests().list_metadata(parameters);
        let list: ObjectList<PartialObjectMeta> = self.ask(Verb::List, self.object(), ask).await?;
        Ok(list.items.into_iter().map(|item| item.metadata).collect())
    }

    /// Returns the metadata alone, of the object as it is after it. The object itself, and not a part of it.
    pub async fn patch_metadata(
        &self,
        name: &str,
        change: &Change,
        persistence: Persistence,
    ) -> Result<ObjectMeta, RequestError> {
        let send = change.request_for_metadata(&self.requests(), name, persistence);
        let patched: PartialObjectMeta = self.ask(Verb::Patch, self.named(name), send).await?;
        Ok(patched.metadata)
    }

    pub async fn delete(&self, name: &str, deletion: &Deletion) -> Result<(), RequestError> {
        self.send(Verb::Delete, self.named(name), deletion.request(&self.requests(), name)).await.map(drop)
    }

    /// Deletes it, unless it is gone already, or another object has the name; whether it was still there. A conflict may say
    /// the latter, or that somebody changes the very object at this moment: it is read, and deleted again.
    pub async fn remove(&self, name: &str, deletion: &Deletion) -> Result<bool, RequestError> {
        let mut conflicts = 0;
        loop {
            let error = match (self.delete(name, deletion).await, deletion.guarded_uid()) {
                (Ok(()), _) => return Ok(true),
                (Err(RequestError { cause: Cause::NotFound, .. }), _) => return Ok(false),
                (Err(error @ RequestError { cause: Cause::Conflict, .. }), Some(uid)) => {
                    let found = self.find_metadata(name).await?;
                    if found.is_none_or(|found| found.uid.as_deref() != Some(uid)) {
                        return Ok(false);
                    }
                    error
                }
                (Err(error), _) => return Err(error),
            };
            conflicts += 1;
            if conflicts == CONFLICTS {
                return Err(error);
            }
            sleep(AFTER_CONFLICT).await;
        }
    }

    /// Deletes all that fit.
    pub async fn delete_collection(
        &self,
        parameters: &ListParams,
        deletion: &Deletion,
    ) -> Result<(), RequestError> {
        let send = deletion.request_for_all(&self.requests(), parameters);
        self.send(Verb::Delete, self.object(), send).await.map(drop)
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        verb: Verb,
        object: Object,
        ask: Result<Request<Vec<u8>>, NotBuilt>,
    ) -> Result<T, RequestError> {
        let answer = async { self.connection.client.request(ask.map_err(kube::Error::BuildRequest)?).await };
        request(&self.connection.side, verb, &object, answer).await
    }

    /// Whatever is answered, as long as it is no error.
    async fn send(
        &self,
        verb: Verb,
        object: Object,
        send: Result<Request<Vec<u8>>, NotBuilt>,
    ) -> Result<String, RequestError> {
        let client = &self.connection.client;
        let answer = async { client.request_text(send.map_err(kube::Error::BuildRequest)?).await };
        request(&self.connection.side, verb, &object, answer).await
    }
}

impl<K: DeserializeOwned> Objects<'_, K> {
    pub async fn get(&self, name: &str) -> Result<K, RequestError> {
        let ask = self.requests().get(name, &GetParams::default());
        self.ask(Verb::Get, self.named(name), ask).await
    }

    /// Nothing where there is none of this name.
    pub async fn find(&self, name: &str) -> Result<Option<K>, RequestError> {
        if_there(self.get(name).await)
    }

    pub async fn list(&self, parameters: &ListParams) -> Result<Vec<K>, RequestError>
    where
        K: Clone,
    {
        let ask = self.requests().list(parameters);
        let list: ObjectList<K> = self.ask(Verb::List, self.object(), ask).await?;
        Ok(list.items)
    }

    pub async fn create(&self, manifest: &Value, persistence: Persistence) -> Result<K, RequestError> {
        let name = manifest["metadata"]["name"].as_str().unwrap_or_default();
        let send = self.requests().create(&persistence.of_creation(), manifest.to_string().into_bytes());
        self.ask(Verb::Create, self.named(name), send).await
    }

    /// Returns the object as it is after it.
    pub async fn patch(
        &self,
        name: &str,
        change: &Change,
        persistence: Persistence,
    ) -> Result<K, RequestError> {
        let send = change.request(&self.requests(), name, persistence);
        self.ask(Verb::Patch, change.of_part(self.named(name)), send).await
    }
}

/// To watch them.
impl From<Objects<'_>> for Api<DynamicObject> {
    fn from(objects: Objects<'_>) -> Self {
        let Objects { connection, resource, namespace, .. } = objects;
        match namespace {
            Some(namespace) => Self::namespaced_with(connection.client.clone(), &namespace, &resource),
            None => Self::all_with(connection.client.clone(), &resource),
        }
    }
}

fn if_there<T>(found: Result<T, RequestError>) -> Result<Option<T>, RequestError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(RequestError { cause: Cause::NotFound, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
#[path = "objects_tests.rs"]
mod tests;
