//! The controllers of kube-controller-manager without which tokens, namespaces, owners and client certificates would
//! not work; they act a moment after what they act on, as the real ones do.
//!
//! Source: `pkg/controller/serviceaccount`, `pkg/controller/namespace`, `pkg/controller/garbagecollector`,
//! `pkg/controller/certificates/signer`.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    identity,
    managed_fields::{self, Manager},
    objects::{self, Options, resource_of},
    resources,
    server::Core,
    store::{Change, GroupResource, Key, Store},
};
use crate::kubesphere::{clock, secret};

/// How much later than a write its consequences come.
const MOMENT: Duration = Duration::from_millis(5);

const ACCOUNT: &str = "kubernetes.io/service-account.name";
const ACCOUNT_UID: &str = "kubernetes.io/service-account.uid";
const TOKEN: &str = "kubernetes.io/service-account-token";

/// Follows every change, as long as the server lives.
pub(super) async fn run(core: Arc<Core>) {
    let mut news = core.store().subscribe();
    let mut seen = 0;
    loop {
        let changes = changes_since(&core.store(), seen);
        for change in changes {
            seen = change.revision;
            follow(&core, &mut core.store(), &change);
        }
        if news.changed().await.is_err() {
            return;
        }
        tokio::time::sleep(MOMENT).await;
    }
}

/// Where they are not kept any more, all that is there, as after a watch that comes too late.
fn changes_since(store: &Store, seen: u64) -> Vec<Change> {
    store.since(seen).unwrap_or_else(|_| {
        let revision = store.revision();
        let found = store.all().map(|(key, object)| (key.clone(), Arc::clone(object)));
        found.map(|(key, object)| Change { revision, key, before: None, after: Some(object) }).collect()
    })
}

fn follow(core: &Core, store: &mut Store, change: &Change) {
    match (change.key.resource.plural.as_str(), &change.after) {
        ("namespaces", Some(namespace)) if is_terminating(namespace) => empty(store, &change.key.name),
        ("namespaces", Some(_)) => ensure_default_account(store, &change.key.name),
        ("serviceaccounts", Some(_)) => fill_waiting(core, store, &change.key),
        ("serviceaccounts", None) => remove_tokens(store, change),
        ("secrets", Some(_)) => fill(core, store, &change.key),
        ("certificatesigningrequests", Some(_)) => sign(core, store, &change.key),
        _ => {}
    }
    match &change.after {
        None => collect(store, change),
        Some(object) if has_finalizer(object, "foregroundDeletion") => {
            remove_dependents(store, object);
            release(store, &change.key, "foregroundDeletion");
        }
        Some(object) if is_terminating(object) && has_finalizer(object, "orphan") => {
            orphan_dependents(store, object);
            release(store, &change.key, "orphan");
        }
        Some(_) => {}
    }
    go_on_emptying(store, change);
}

fn is_terminating(object: &Value) -> bool {
    !object["metadata"]["deletionTimestamp"].is_null()
}

fn has_finalizer(object: &Value, name: &str) -> bool {
    object["metadata"]["finalizers"].as_array().into_iter().flatten().any(|finalizer| finalizer == name)
}

fn core_key(plural: &str, namespace: &str, name: &str) -> Key {
    Key::new(&GroupResource::new("", plural), namespace, name)
}

fn ensure_default_account(store: &mut Store, namespace: &str) {
    let key = core_key("serviceaccounts", namespace, "default");
    if store.get(&key).is_none() {
        let account = json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": "default", "namespace": namespace, "uid": secret::random_uuid(), "creationTimestamp": clock::now()},
        });
        store.write(key, account);
    }
}

/// Writes the token into a Secret that is made for it; without its account the Secret is removed.
fn fill(core: &Core, store: &mut Store, key: &Key) {
    let Some(found) = store.get(key).cloned() else { return };
    let annotations = &found["metadata"]["annotations"];
    let is_filled = found["data"]["token"].is_string() && found["data"]["ca.crt"].is_string();
    if found["type"] != TOKEN || is_terminating(&found) || is_filled {
        return;
    }
    let name = annotations[ACCOUNT].as_str().unwrap_or_default();
    let account = store.get(&core_key("serviceaccounts", &key.namespace, name)).cloned();
    let account_uid = account.as_ref().and_then(|account| account["metadata"]["uid"].as_str());
    let Some(uid) = account_uid.filter(|uid| annotations[ACCOUNT_UID].as_str().is_none_or(|own| own == *uid))
    else {
        store.remove(key);
        return;
    };
    let mut filled = Value::clone(&found);
    filled["metadata"]["annotations"][ACCOUNT_UID] = uid.into();
    let token = identity::token(&found, uid);
    for (field, text) in
        [("token", token), ("ca.crt", core.authority()), ("namespace", key.namespace.clone())]
    {
        filled["data"][field] = secret::base64(text.as_bytes()).into();
    }
    let manager = Manager {
        name: "kube-controller-manager".to_owned(),
        is_apply: false,
        is_custom: false,
        api_version: "v1".to_owned(),
        subresource: String::new(),
    };
    managed_fields::record(Some(&found), &mut filled, &manager);
    store.write(key.clone(), filled);
}

fn fill_waiting(core: &Core, store: &mut Store, account: &Key) {
    for (key, _) in store.list(&GroupResource::new("", "secrets"), &account.namespace) {
        fill(core, store, &key);
    }
}

fn remove_tokens(store: &mut Store, change: &Change) {
    let Some(account) = &change.before else { return };
    let uid = &account["metadata"]["uid"];
    for (key, found) in store.list(&GroupResource::new("", "secrets"), &change.key.namespace) {
        if found["type"] == TOKEN && found["metadata"]["annotations"][ACCOUNT_UID] == *uid {
            store.remove(&key);
        }
    }
}

fn sign(core: &Core, store: &mut Store, key: &Key) {
    let Some(request) = store.get(key).cloned() else { return };
    let conditions = request["status"]["conditions"].as_array().into_iter().flatten();
    let is_approved = conditions.into_iter().any(|condition| condition["type"] == "Approved");
    if !is_approved || request["status"]["certificate"].is_string() {
        return;
    }
    if let Some(certificate) = core.sign(&request) {
        let mut signed = Value::clone(&request);
        signed["status"]["certificate"] = certificate.into();
        store.write(key.clone(), signed);
    }
}

/// Removes what the object owned.
fn collect(store: &mut Store, change: &Change) {
    if let Some(owner) = &change.before {
        remove_dependents(store, owner);
    }
}

fn remove_dependents(store: &mut Store, owner: &Value) {
    for (key, dependent) in dependents(store, owner) {
        let owners = dependent["metadata"]["ownerReferences"].as_array().into_iter().flatten();
        let has_others = owners.into_iter().any(|other| {
            other["uid"] != owner["metadata"]["uid"]
                && store.all().any(|(_, object)| object["metadata"]["uid"] == other["uid"])
        });
        if has_others {
            continue;
        }
        if let Some(resource) = resource_of(store, &key) {
            let _ = objects::delete(store, &resource, &key, &Options::default());
        }
    }
}

fn orphan_dependents(store: &mut Store, owner: &Value) {
    for (key, dependent) in dependents(store, owner) {
        let mut orphan = Value::clone(&dependent);
        if let Some(owners) = orphan["metadata"]["ownerReferences"].as_array_mut() {
            owners.retain(|other| other["uid"] != owner["metadata"]["uid"]);
        }
        store.write(key, orphan);
    }
}

fn dependents(store: &Store, owner: &Value) -> Vec<(Key, Arc<Value>)> {
    let uid = &owner["metadata"]["uid"];
    let is_owned = |object: &Value| {
        object["metadata"]["ownerReferences"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|owner| owner["uid"] == *uid)
    };
    store
        .all()
        .filter(|(_, object)| is_owned(object))
        .map(|(key, object)| (key.clone(), Arc::clone(object)))
        .collect()
}

/// Takes a finalizer away, and with the last one the object.
fn release(store: &mut Store, key: &Key, finalizer: &str) {
    let Some(object) = store.get(key).cloned() else { return };
    let mut released = Value::clone(&object);
    if let Some(finalizers) = released["metadata"]["finalizers"].as_array_mut() {
        finalizers.retain(|own| own != finalizer);
    }
    let is_last = released["metadata"]["finalizers"].as_array().is_none_or(Vec::is_empty);
    if is_last && is_terminating(&released) {
        store.remove(key);
    } else {
        store.write(key.clone(), released);
    }
}

/// Removes all that is in a namespace, and then the namespace.
fn empty(store: &mut Store, name: &str) {
    let namespaced: Vec<_> =
        resources::all(store).into_iter().filter(|resource| resource.is_namespaced).collect();
    let mut left = Vec::new();
    for resource in namespaced {
        for (key, object) in store.list(&resource.group_resource(), name) {
            if !is_terminating(&object) {
                let _ = objects::delete(store, &resource, &key, &Options::default());
            }
            if store.get(&key).is_some() {
                left.push(format!("{} has 1 resource instances", resource.group_resource().qualified()));
            }
        }
    }
    let key = core_key("namespaces", "", name);
    let Some(namespace) = store.get(&key).cloned() else { return };
    let mut next = Value::clone(&namespace);
    if left.is_empty() {
        next["spec"].as_object_mut().map(|spec| spec.remove("finalizers"));
        if next["metadata"]["finalizers"].as_array().is_none_or(Vec::is_empty) {
            store.remove(&key);
            return;
        }
    } else {
        next["status"]["conditions"] = json!([{
            "type": "NamespaceContentRemaining", "status": "True", "reason": "SomeResourcesRemain",
            "message": format!("Some resources are remaining: {}", left.join(", ")), "lastTransitionTime": namespace["metadata"]["deletionTimestamp"],
        }]);
    }
    if next != *namespace {
        store.write(key, next);
    }
}

/// What leaves a namespace that is being emptied may have been its last.
fn go_on_emptying(store: &mut Store, change: &Change) {
    let namespace = &change.key.namespace;
    let is_gone = change.after.is_none() && !namespace.is_empty();
    let terminating =
        store.get(&core_key("namespaces", "", namespace)).is_some_and(|found| is_terminating(found));
    if is_gone && terminating {
        empty(store, namespace);
    }
}
