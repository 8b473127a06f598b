//! Reading objects of any kind.

use kube::{
    Api,
    api::{DynamicObject, ListParams},
    core::{ApiResource, GroupVersionKind, PartialObjectMeta},
};

use crate::{
    kubesphere::object::{ExistingObject, ObjectKind, ObjectRef},
    live::{
        connection::Connection,
        observe::seen,
        request_error::{Object, RequestError, Verb, request},
    },
    plan::observed::{Denied, Seen},
};

/// Objects of a kind, cluster-wide or in one namespace.
#[derive(Clone, Copy)]
pub(in crate::live) struct Place {
    pub(in crate::live) kind: ObjectKind,
    pub(in crate::live) namespace: Option<&'static str>,
}

impl Place {
    pub(in crate::live) fn of(trace: &ExistingObject) -> Self {
        Self { kind: trace.object.kind, namespace: trace.object.namespace }
    }

    pub(in crate::live) fn api(self, connection: &Connection) -> Api<DynamicObject> {
        let ObjectKind { group, version, kind, plural } = self.kind;
        let resource =
            ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural);
        match self.namespace {
            Some(namespace) => Api::namespaced_with(connection.client.clone(), namespace, &resource),
            None => Api::all_with(connection.client.clone(), &resource),
        }
    }

    /// In words.
    pub(in crate::live) fn object(self) -> Object {
        let object = Object::all(self.kind.group, self.kind.plural);
        match self.namespace {
            Some(namespace) => object.in_namespace(namespace),
            None => object,
        }
    }

    /// The object of this name.
    pub(in crate::live) async fn get(
        self,
        connection: &Connection,
        name: &str,
    ) -> Result<Seen<DynamicObject>, RequestError> {
        let (api, object) = (self.api(connection), self.object().named(name));
        seen(request(&connection.side, Verb::Get, &object, api.get(name)).await)
    }

    /// The object of this name, without what is in it.
    pub(in crate::live) async fn find(
        self,
        connection: &Connection,
        name: &str,
    ) -> Result<Seen<ExistingObject>, RequestError> {
        let (api, object) = (self.api(connection), self.object().named(name));
        let found = request(&connection.side, Verb::Get, &object, api.get_metadata(name)).await;
        Ok(seen(found)?.and_then(|found| Seen::Present(trace_of_metadata(self, &found))))
    }

    /// The metadata of all that fit.
    pub(in crate::live) async fn list(
        self,
        connection: &Connection,
        parameters: &ListParams,
    ) -> Result<Seen<Vec<PartialObjectMeta<DynamicObject>>>, RequestError> {
        let api = self.api(connection);
        let list = request(&connection.side, Verb::List, &self.object(), api.list_metadata(parameters)).await;
        seen(list.map(|list| list.items))
    }

    pub(in crate::live) fn trace(self, name: Option<&str>, uid: Option<&str>) -> ExistingObject {
        let name = name.unwrap_or_default().to_owned();
        ExistingObject {
            object: ObjectRef { kind: self.kind, namespace: self.namespace, name },
            uid: uid.unwrap_or_default().to_owned(),
        }
    }

    /// What may not be done, where that is why nothing was seen.
    pub(in crate::live) fn denied<T>(self, verb: Verb, seen: &Seen<T>) -> Option<Denied> {
        seen.unreadable().map(|_| Denied {
            verb: verb.to_string(),
            resource: self.kind.qualified(),
            namespace: self.namespace.map(str::to_owned),
        })
    }
}

/// An object that is there.
pub(in crate::live) fn trace_of(place: Place, object: &DynamicObject) -> ExistingObject {
    place.trace(object.metadata.name.as_deref(), object.metadata.uid.as_deref())
}

/// The same, of its metadata alone.
pub(in crate::live) fn trace_of_metadata(
    place: Place,
    object: &PartialObjectMeta<DynamicObject>,
) -> ExistingObject {
    place.trace(object.metadata.name.as_deref(), object.metadata.uid.as_deref())
}
