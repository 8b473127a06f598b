//! Objects, read and written.
//!
//! Source: `staging/src/k8s.io/apiserver/pkg/endpoints/handlers`, `…/registry/generic/registry/store.go`,
//! `…/registry/rest/{create,update,delete}.go`.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::StatusCode;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    admission::Operation,
    defaults,
    identity::{self, User},
    managed_fields::{self, Manager},
    media::Form,
    patches::Patch,
    requests::{Query, ResourceRequest},
    resources::{self, Resource},
    schema,
    selection::Selection,
    server::Core,
    status::{Cause, Refusal},
    store::{GroupResource, Key, Object, Store},
};
use crate::kubesphere::{clock, secret};

/// How long a pod that runs on a node is given to end.
const GRACE: i64 = 30;

/// One request for a resource that is served, by somebody who may send it.
pub(super) struct Call {
    pub(super) request: ResourceRequest,
    pub(super) resource: Resource,
    pub(super) query: Query,
    pub(super) user: User,
    pub(super) user_agent: String,
    pub(super) media_type: String,
    pub(super) form: Form,
    pub(super) body: Bytes,
}

/// A success.
pub(super) struct Reply {
    pub(super) code: StatusCode,
    pub(super) body: Value,
}

impl Reply {
    pub(super) fn ok(body: Value) -> Self {
        Self { code: StatusCode::OK, body }
    }
}

impl Call {
    pub(super) fn group_resource(&self) -> GroupResource {
        self.resource.group_resource()
    }

    fn key(&self) -> Key {
        let namespace = if self.resource.is_namespaced { self.request.namespace.as_str() } else { "" };
        Key::new(&self.group_resource(), namespace, &self.request.name)
    }

    fn manager(&self, is_apply: bool) -> Manager {
        Manager {
            name: Manager::name_of(&self.query, &self.user_agent),
            is_apply,
            api_version: self.resource.api_version(),
            is_custom: self.resource.is_custom(),
            subresource: self.request.subresource.clone(),
        }
    }

    fn is_status(&self) -> bool {
        !self.request.subresource.is_empty()
    }

    pub(super) fn read_body(&self) -> Result<Value, Refusal> {
        let wrong = |error: &dyn std::fmt::Display| {
            Refusal::bad_request(format!(
                "the object provided is unrecognized (must be of type {}): {error}",
                self.resource.kind
            ))
        };
        if self.media_type.contains("protobuf") {
            return Err(Refusal::unsupported_media(&["application/json", "application/yaml"]));
        }
        if self.media_type.contains("yaml") {
            return serde_yaml::from_slice(&self.body).map_err(|error| wrong(&error));
        }
        serde_json::from_slice(&self.body).map_err(|error| wrong(&error))
    }

    fn reply(&self, code: StatusCode, object: &Value) -> Reply {
        Reply { code, body: self.form.one(&self.resource, self.in_version(object)) }
    }

    /// As this version shows an object; the test bed's definitions convert nothing but the version's name.
    pub(super) fn in_version(&self, object: &Value) -> Value {
        let mut shown = object.clone();
        shown["apiVersion"] = self.resource.api_version().into();
        shown["kind"] = self.resource.kind.as_str().into();
        shown
    }
}

impl Core {
    pub(super) fn get(&self, call: &Call) -> Result<Reply, Refusal> {
        let store = self.store();
        let object = store.get(&call.key()).ok_or_else(|| not_found(call))?;
        Ok(call.reply(StatusCode::OK, object))
    }

    pub(super) fn list(&self, call: &Call) -> Result<Reply, Refusal> {
        let selection = Selection::of(&call.query)?;
        let page = Page::of(&self.store(), call)?;
        let limit = call.query.number("limit").filter(|limit| *limit > 0);
        let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        let mut stored = page.objects.into_iter().filter(|(key, _)| {
            page.after.as_ref().is_none_or(|after| (&key.namespace, &key.name) > (&after.0, &after.1))
        });
        let shown: Vec<(Key, Object)> =
            stored.by_ref().filter(|(_, object)| selection.takes(object)).take(limit).collect();
        // Whether selected or not: that is found out with the next page.
        let left = stored.count();
        let mut metadata = json!({"resourceVersion": page.revision.to_string()});
        if let (1.., Some((last, _))) = (left, shown.last()) {
            metadata["continue"] = continue_token(page.revision, last).into();
            if call.query.text("labelSelector").is_empty() && call.query.text("fieldSelector").is_empty() {
                metadata["remainingItemCount"] = left.into();
            }
        }
        let items = shown.iter().map(|(_, object)| call.in_version(object)).collect();
        Ok(Reply::ok(call.form.list(&call.resource, &metadata, items)))
    }

    /// A token for a service account.
    pub(super) fn request_token(&self, call: &Call) -> Result<Reply, Refusal> {
        let store = self.store();
        let account = store.get(&call.key()).ok_or_else(|| not_found(call))?;
        Ok(Reply { code: StatusCode::CREATED, body: identity::requested_token(account, call.read_body()?) })
    }

    pub(super) async fn create(&self, call: &Call) -> Result<Reply, Refusal> {
        let object = call.read_body()?;
        self.create_object(call, object, false).await
    }

    async fn create_object(&self, call: &Call, mut object: Value, is_apply: bool) -> Result<Reply, Refusal> {
        let name = name_for(call, &mut object)?;
        let key = Key { name: name.clone(), ..call.key() };
        object["metadata"]["name"] = name.as_str().into();
        if call.resource.is_namespaced {
            check_namespace(call, &object)?;
            object["metadata"]["namespace"] = call.request.namespace.as_str().into();
        } else if let Value::Object(metadata) = &mut object["metadata"] {
            metadata.remove("namespace");
        }
        self.check_place(call, &name)?;
        self.shape(call, &mut object);
        drop_status(call, &mut object);
        object["metadata"].as_object_mut().map(|metadata| metadata.remove("managedFields"));
        managed_fields::record(None, &mut object, &call.manager(is_apply));
        born(call, &mut object);
        self.allocate(&call.resource, &mut object);
        refuse_faults(&call.resource, &object)?;
        self.admit(call, Operation::Create, None, &object).await?;
        let mut store = self.store();
        if store.get(&key).is_some() {
            return Err(Refusal::already_exists(&key.resource, &name));
        }
        if call.query.is_dry_run() {
            return Ok(call.reply(StatusCode::CREATED, &object));
        }
        let stored = store.write(key, object);
        Ok(call.reply(StatusCode::CREATED, &stored))
    }

    pub(super) async fn update(&self, call: &Call) -> Result<Reply, Refusal> {
        let sent = call.read_body()?;
        if sent["metadata"]["name"].as_str().is_some_and(|name| name != call.request.name) {
            return Err(Refusal::bad_request(format!(
                "the name of the object ({}) does not match the name on the URL ({})",
                sent["metadata"]["name"].as_str().unwrap_or_default(),
                call.request.name
            )));
        }
        let is_unconditional = sent["metadata"]["resourceVersion"].as_str().unwrap_or_default().is_empty();
        if is_unconditional && call.resource.is_custom() {
            let cause = Cause {
                field: "metadata.resourceVersion".to_owned(),
                reason: "FieldValueInvalid",
                message: "Invalid value: 0: must be specified for an update".to_owned(),
            };
            // The plural stands where other refusals have the kind.
            let named = Resource { kind: call.resource.plural.clone(), ..call.resource.clone() };
            return Err(Refusal::invalid(&named, &call.request.name, &[cause]));
        }
        let stored = self.change(call, false, |_| Ok(sent.clone())).await?;
        Ok(call.reply(StatusCode::OK, &stored))
    }

    pub(super) async fn patch(&self, call: &Call) -> Result<Reply, Refusal> {
        let patch = Patch::read(&call.media_type, &call.body, &call.resource)?;
        let is_there = self.store().get(&call.key()).is_some();
        if let (Patch::Apply(applied), false) = (&patch, is_there) {
            return self.create_object(call, applied.clone(), true).await;
        }
        let stored =
            self.change(call, patch.is_apply(), |current| patch.apply(&call.in_version(current))).await?;
        Ok(call.reply(StatusCode::OK, &stored))
    }

    /// Changes an object that is there, again where somebody else changed it meanwhile and nobody insisted otherwise.
    async fn change(
        &self,
        call: &Call,
        is_apply: bool,
        change: impl Fn(&Value) -> Result<Value, Refusal>,
    ) -> Result<Object, Refusal> {
        let key = call.key();
        loop {
            let current = self.store().get(&key).cloned().ok_or_else(|| not_found(call))?;
            let changed = change(&current)?;
            check_identity(call, &current, &changed)?;
            let mut next = self.next(call, &current, changed);
            if *current != next {
                refuse_faults(&call.resource, &next)?;
                let fixed = defaults::immutable(&call.resource, &current, &next);
                if !fixed.is_empty() {
                    return Err(Refusal::invalid(&call.resource, &call.request.name, &fixed));
                }
                managed_fields::record(Some(&current), &mut next, &call.manager(is_apply));
            }
            self.admit(call, Operation::Update, Some(&current), &next).await?;
            let mut store = self.store();
            match store.get(&key) {
                None => return Err(not_found(call)),
                Some(present)
                    if present["metadata"]["resourceVersion"] != current["metadata"]["resourceVersion"] => {}
                Some(present) if *current == next => return Ok(Arc::clone(present)),
                Some(_) if call.query.is_dry_run() => return Ok(Arc::new(next)),
                Some(_) if is_released(&next) => {
                    store.remove(&key);
                    return Ok(Arc::new(next));
                }
                Some(_) => return Ok(store.write(key, next)),
            }
        }
    }

    /// What would be stored: what its writer may not touch stays as it is.
    fn next(&self, call: &Call, current: &Value, mut changed: Value) -> Value {
        if call.is_status() {
            let part = if call.request.subresource == "finalize" { "spec" } else { "status" };
            let mut next = current.clone();
            next[part] = changed[part].take();
            if !changed["metadata"]["managedFields"].is_null() {
                next["metadata"]["managedFields"] = changed["metadata"]["managedFields"].take();
            }
            if next[part].is_null() {
                next.as_object_mut().map(|members| members.remove(part));
            }
            return next;
        }
        if call.resource.has_status() {
            keep(current, &mut changed, "status");
        }
        for name in [
            "uid",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "generation",
            "namespace",
            "resourceVersion",
        ] {
            keep(&current["metadata"], &mut changed["metadata"], name);
        }
        for name in ["labels", "annotations", "finalizers", "ownerReferences"] {
            let is_empty = |value: &Value| *value == json!({}) || *value == json!([]) || value.is_null();
            if is_empty(&changed["metadata"][name]) {
                changed["metadata"].as_object_mut().map(|members| members.remove(name));
            }
        }
        changed["apiVersion"] = current["apiVersion"].clone();
        changed["kind"] = current["kind"].clone();
        self.shape(call, &mut changed);
        if has_generation(&call.resource) && differs_in_content(call, current, &changed) {
            changed["metadata"]["generation"] =
                (current["metadata"]["generation"].as_u64().unwrap_or(0) + 1).into();
        }
        changed
    }

    /// Prunes and completes.
    fn shape(&self, call: &Call, object: &mut Value) {
        if call.resource.is_custom() {
            schema::shape(&call.resource, object);
            return;
        }
        defaults::without_nulls(object);
        defaults::complete(&call.resource, object);
        if call.resource.kind == "ValidatingWebhookConfiguration" && !self.keeps_match_conditions() {
            let webhooks = object["webhooks"].as_array_mut().into_iter().flatten();
            for members in webhooks.filter_map(Value::as_object_mut) {
                members.remove("matchConditions");
            }
        }
    }

    fn check_place(&self, call: &Call, name: &str) -> Result<(), Refusal> {
        if !call.resource.is_namespaced {
            return Ok(());
        }
        let namespaces = GroupResource::new("", "namespaces");
        let namespace = &call.request.namespace;
        let store = self.store();
        let Some(found) = store.get(&Key::new(&namespaces, "", namespace)) else {
            return Err(Refusal::not_found(&namespaces, namespace));
        };
        if found["metadata"]["deletionTimestamp"].is_null() {
            return Ok(());
        }
        Err(Refusal::terminating(&call.group_resource(), name, namespace))
    }

    pub(super) fn delete(&self, call: &Call) -> Result<Reply, Refusal> {
        let options = Options::of(call)?;
        let mut store = self.store();
        let (object, is_gone) = delete(&mut store, &call.resource, &call.key(), &options)?;
        if returns_object(&call.resource) || !is_gone {
            return Ok(call.reply(StatusCode::OK, &object));
        }
        let mut details = json!({"name": call.request.name, "kind": call.resource.plural, "uid": object["metadata"]["uid"]});
        if !call.resource.group.is_empty() {
            details["group"] = call.resource.group.as_str().into();
        }
        let body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details});
        Ok(Reply::ok(body))
    }

    pub(super) fn delete_collection(&self, call: &Call) -> Result<Reply, Refusal> {
        let selection = Selection::of(&call.query)?;
        let options = Options::of(call)?;
        let mut store = self.store();
        let found = store.list(&call.group_resource(), &call.request.namespace);
        let mut deleted = Vec::new();
        for (key, object) in found.into_iter().filter(|(_, object)| selection.takes(object)) {
            delete(&mut store, &call.resource, &key, &options)?;
            deleted.push(call.in_version(&object));
        }
        let metadata = json!({"resourceVersion": store.revision().to_string()});
        Ok(Reply::ok(call.form.list(&call.resource, &metadata, deleted)))
    }

    /// What the server itself gives a new object.
    fn allocate(&self, resource: &Resource, object: &mut Value) {
        if resource.kind == "Service"
            && object["spec"]["clusterIP"].is_null()
            && object["spec"]["type"] != "ExternalName"
        {
            let address = self.next_service_address();
            object["spec"]["clusterIPs"] = json!([address]);
            object["spec"]["clusterIP"] = address.into();
        }
    }
}

fn not_found(call: &Call) -> Refusal {
    Refusal::not_found(&call.group_resource(), &call.request.name)
}

fn name_for(call: &Call, object: &mut Value) -> Result<String, Refusal> {
    if object["metadata"].is_null() {
        object["metadata"] = json!({});
    }
    let metadata = &object["metadata"];
    let name = metadata["name"].as_str().unwrap_or_default();
    let prefix = metadata["generateName"].as_str().unwrap_or_default();
    match (name, prefix) {
        ("", "") => {
            let cause = Cause::required("metadata.name", "name or generateName is required");
            Err(Refusal::invalid(&call.resource, "", &[cause]))
        }
        ("", prefix) => Ok(format!("{prefix}{}", secret::random_secret(5).to_lowercase())),
        (name, _) => Ok(name.to_owned()),
    }
}

fn check_namespace(call: &Call, object: &Value) -> Result<(), Refusal> {
    let own = object["metadata"]["namespace"].as_str().unwrap_or_default();
    if own.is_empty() || own == call.request.namespace {
        return Ok(());
    }
    Err(Refusal::bad_request(
        "the namespace of the provided object does not match the namespace sent on the request",
    ))
}

/// What a new object gets, whatever its author wrote.
fn born(call: &Call, object: &mut Value) {
    object["apiVersion"] = call.resource.api_version().into();
    object["kind"] = call.resource.kind.as_str().into();
    let metadata = &mut object["metadata"];
    for name in
        ["resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation"]
    {
        metadata.as_object_mut().map(|members| members.remove(name));
    }
    metadata["uid"] = secret::random_uuid().into();
    metadata["creationTimestamp"] = clock::now().into();
    if has_generation(&call.resource) {
        metadata["generation"] = 1.into();
    }
    defaults::complete_new(&call.resource, object);
    match call.resource.kind.as_str() {
        "CertificateSigningRequest" => {
            object["spec"]["username"] = call.user.name.as_str().into();
            object["spec"]["groups"] = json!(call.user.groups);
            object["status"] = json!({});
        }
        "Service" => object["status"] = json!({"loadBalancer": {}}),
        "DaemonSet" | "Deployment" | "Job" | "ReplicaSet" | "StatefulSet" => object["status"] = json!({}),
        _ => {}
    }
}

/// A new object's status is its controllers', but for what is written by hand all the same.
fn drop_status(call: &Call, object: &mut Value) {
    if call.resource.has_status() && call.resource.kind != "Node" {
        object.as_object_mut().map(|members| members.remove("status"));
    }
}

fn has_generation(resource: &Resource) -> bool {
    let counted = [
        "CustomResourceDefinition",
        "DaemonSet",
        "Deployment",
        "EndpointSlice",
        "Ingress",
        "Job",
        "MutatingWebhookConfiguration",
        "NetworkPolicy",
        "Pod",
        "ReplicaSet",
        "StatefulSet",
        "ValidatingWebhookConfiguration",
    ];
    resource.is_custom() || counted.contains(&resource.kind.as_str())
}

/// Whether more than metadata, and status where that is apart, has changed.
fn differs_in_content(call: &Call, before: &Value, after: &Value) -> bool {
    let content = |object: &Value| {
        let mut object = object.clone();
        if let Value::Object(members) = &mut object {
            members.remove("metadata");
            if call.resource.has_status() {
                members.remove("status");
            }
        }
        object
    };
    content(before) != content(after)
}

fn keep(current: &Value, changed: &mut Value, name: &str) {
    match (&current[name], changed) {
        (Value::Null, Value::Object(changed)) => drop(changed.remove(name)),
        (kept, changed) => changed[name] = kept.clone(),
    }
}

fn check_identity(call: &Call, current: &Value, changed: &Value) -> Result<(), Refusal> {
    let text = |object: &Value, name: &str| object["metadata"][name].as_str().unwrap_or_default().to_owned();
    let (asked, found) = (text(changed, "uid"), text(current, "uid"));
    if !asked.is_empty() && asked != found {
        if call.request.verb == "patch" {
            let cause = Cause::invalid("metadata.uid", &changed["metadata"]["uid"], "field is immutable");
            // Told by the rules for all kinds and by those for this one.
            return Err(Refusal::invalid(&call.resource, &call.request.name, &[cause.clone(), cause]));
        }
        return Err(Refusal::other_uid(&call.key(), &asked, &found));
    }
    let (asked, found) = (text(changed, "resourceVersion"), text(current, "resourceVersion"));
    if !asked.is_empty() && asked != found {
        return Err(Refusal::modified(&call.group_resource(), &call.request.name));
    }
    Ok(())
}

fn refuse_faults(resource: &Resource, object: &Value) -> Result<(), Refusal> {
    let mut causes = defaults::metadata_faults(resource, object);
    causes.extend(defaults::faults(resource, object));
    causes.extend(schema::faults(resource, object));
    if causes.is_empty() {
        return Ok(());
    }
    Err(Refusal::invalid(resource, object["metadata"]["name"].as_str().unwrap_or_default(), &causes))
}

/// Whether nothing keeps an object that is being deleted.
fn is_released(object: &Value) -> bool {
    let is_none = |list: &Value| list.as_array().is_none_or(Vec::is_empty);
    let is_namespace = object["kind"] == "Namespace";
    let has_ended = object["metadata"]["deletionGracePeriodSeconds"].as_i64().unwrap_or(0) == 0;
    !object["metadata"]["deletionTimestamp"].is_null()
        && is_none(&object["metadata"]["finalizers"])
        && (!is_namespace || is_none(&object["spec"]["finalizers"]))
        && has_ended
}

/// How a deletion is wanted.
#[derive(Default)]
pub(super) struct Options {
    uid: Option<String>,
    resource_version: Option<String>,
    grace: Option<i64>,
    propagation: Option<String>,
    is_dry_run: bool,
}

impl Options {
    fn of(call: &Call) -> Result<Self, Refusal> {
        let body = if call.body.is_empty() { Value::Null } else { call.read_body()? };
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let propagation = text(&body["propagationPolicy"]);
        Ok(Self {
            uid: text(&body["preconditions"]["uid"]),
            resource_version: text(&body["preconditions"]["resourceVersion"]),
            grace: body["gracePeriodSeconds"]
                .as_i64()
                .or_else(|| call.query.text("gracePeriodSeconds").parse().ok()),
            propagation: propagation.or_else(|| call.query.get("propagationPolicy").map(str::to_owned)),
            is_dry_run: call.query.is_dry_run() || body["dryRun"] == json!(["All"]),
        })
    }
}

/// Deletes an object, or marks it where something keeps it; tells its last state and whether it is gone.
pub(super) fn delete(
    store: &mut Store,
    resource: &Resource,
    key: &Key,
    options: &Options,
) -> Result<(Object, bool), Refusal> {
    let object = store.get(key).cloned().ok_or_else(|| Refusal::not_found(&key.resource, &key.name))?;
    check_preconditions(resource, key, &object, options)?;
    let mut marked = Value::clone(&object);
    if let Some(finalizer) = propagation_finalizer(options) {
        let finalizers = &mut marked["metadata"]["finalizers"];
        if finalizers.is_null() {
            *finalizers = json!([]);
        }
        finalizers.as_array_mut().into_iter().for_each(|finalizers| finalizers.push(finalizer.into()));
    }
    let grace = grace(resource, &object, options);
    if object["metadata"]["deletionTimestamp"].is_null() {
        let end = Timestamp::now() + SignedDuration::from_secs(grace);
        marked["metadata"]["deletionTimestamp"] = clock::seconds(end).into();
        if let Some(generation) = object["metadata"]["generation"].as_u64() {
            marked["metadata"]["generation"] = (generation + 1).into();
        }
    }
    marked["metadata"]["deletionGracePeriodSeconds"] = grace.into();
    if resource.kind == "Namespace" {
        marked["status"]["phase"] = "Terminating".into();
        marked["metadata"].as_object_mut().map(|members| members.remove("deletionGracePeriodSeconds"));
    }
    if options.is_dry_run {
        return Ok((object, is_released(&marked)));
    }
    if is_released(&marked) {
        if resource.kind == "CustomResourceDefinition" {
            delete_all_of(store, &object);
        }
        let last = store.remove(key).unwrap_or(object);
        if resource.kind != "Pod" {
            return Ok((last, true));
        }
        // It is marked all the same.
        marked["metadata"]["resourceVersion"] = last["metadata"]["resourceVersion"].clone();
        return Ok((Arc::new(marked), true));
    }
    if marked == *object {
        return Ok((object, false));
    }
    Ok((store.write(key.clone(), marked), false))
}

/// Where it does not hold, the kind is named in the place of the resource, as `rest.BeforeDelete` does.
fn check_preconditions(
    resource: &Resource,
    key: &Key,
    object: &Value,
    options: &Options,
) -> Result<(), Refusal> {
    let kind = GroupResource::new(&resource.group, &resource.kind);
    let found = |name: &str| object["metadata"][name].as_str().unwrap_or_default().to_owned();
    let holds = |asked: &Option<String>, name: &str| asked.as_ref().is_none_or(|asked| *asked == found(name));
    if !holds(&options.uid, "uid") {
        let asked = options.uid.as_deref().unwrap_or_default();
        let why = format!(
            "the UID in the precondition ({asked}) does not match the UID in record ({}). The object might have been deleted and then recreated",
            found("uid")
        );
        return Err(Refusal::conflict(&kind, &key.name, &why));
    }
    if !holds(&options.resource_version, "resourceVersion") {
        let asked = options.resource_version.as_deref().unwrap_or_default();
        let why = format!(
            "the ResourceVersion in the precondition ({asked}) does not match the ResourceVersion in record ({}). The object might have been modified",
            found("resourceVersion")
        );
        return Err(Refusal::conflict(&kind, &key.name, &why));
    }
    Ok(())
}

fn propagation_finalizer(options: &Options) -> Option<&'static str> {
    match options.propagation.as_deref() {
        Some("Foreground") => Some("foregroundDeletion"),
        Some("Orphan") => Some("orphan"),
        _ => None,
    }
}

/// Only a pod that runs on a node is given time.
fn grace(resource: &Resource, object: &Value, options: &Options) -> i64 {
    let has_ended = matches!(object["status"]["phase"].as_str(), Some("Failed" | "Succeeded"));
    if resource.kind != "Pod" || object["spec"]["nodeName"].is_null() || has_ended {
        return 0;
    }
    options.grace.or_else(|| object["spec"]["terminationGracePeriodSeconds"].as_i64()).unwrap_or(GRACE)
}

/// A definition takes its objects with it.
fn delete_all_of(store: &mut Store, definition: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let resource = GroupResource::new(
        &text(&definition["spec"]["group"]),
        &text(&definition["spec"]["names"]["plural"]),
    );
    for (key, _) in store.list(&resource, "") {
        store.remove(&key);
    }
}

/// Source: `ReturnDeletedObject` in `pkg/registry`.
fn returns_object(resource: &Resource) -> bool {
    [
        "Pod",
        "Namespace",
        "Service",
        "ServiceAccount",
        "PersistentVolume",
        "PersistentVolumeClaim",
        "ResourceQuota",
    ]
    .contains(&resource.kind.as_str())
        && resource.group.is_empty()
}

/// A list, as it stood when its first page was read.
struct Page {
    objects: Vec<(Key, Object)>,
    revision: u64,
    /// Namespace and name of the last object of the page before.
    after: Option<(String, String)>,
}

impl Page {
    fn of(store: &Store, call: &Call) -> Result<Self, Refusal> {
        let resource = call.group_resource();
        let namespace = &call.request.namespace;
        if let Some(token) = call.query.get("continue").filter(|token| !token.is_empty()) {
            let (revision, after) =
                read_token(token).ok_or_else(|| Refusal::bad_request("continue key is not valid"))?;
            let objects = store.list_at(&resource, namespace, revision).map_err(|_| too_old(store, token))?;
            return Ok(Self { objects, revision, after: Some(after) });
        }
        let asked = call.query.number("resourceVersion").unwrap_or(0);
        if asked > store.revision() {
            return Err(too_new(asked, store.revision()));
        }
        if call.query.text("resourceVersionMatch") == "Exact" {
            let expired = |_| Refusal::expired("The resourceVersion for the provided list is too old.");
            let objects = store.list_at(&resource, namespace, asked).map_err(expired)?;
            return Ok(Self { objects, revision: asked, after: None });
        }
        Ok(Self { objects: store.list(&resource, namespace), revision: store.revision(), after: None })
    }
}

fn too_new(asked: u64, now: u64) -> Refusal {
    let message = format!("Too large resource version: {asked}, current: {now}");
    let details = json!({"causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}], "retryAfterSeconds": 1});
    Refusal { retry_after: Some(1), ..Refusal::new(StatusCode::GATEWAY_TIMEOUT, "Timeout", message, details) }
}

/// The answer carries a token for the rest as it is now.
fn too_old(store: &Store, token: &str) -> Refusal {
    let message = "The provided continue parameter is too old to display a consistent list result. You can start a new \
                   list without the continue parameter, or use the continue token in this response to retrieve the \
                   remainder of the results. Continuing with the provided token results in an inconsistent list - \
                   objects that were created, modified, or deleted between the time the first chunk was returned and \
                   now may show up in the list.";
    let mut refusal = Refusal::expired(message);
    if let (super::status::RefusalBody::Status(status), Some((_, (namespace, name)))) =
        (&mut refusal.body, read_token(token))
    {
        let last = Key::new(&GroupResource::default(), &namespace, &name);
        status["metadata"]["continue"] = continue_token(store.revision(), &last).into();
    }
    refusal
}

fn continue_token(revision: u64, last: &Key) -> String {
    let start = format!("{}/{}\u{0}", last.namespace, last.name);
    URL_SAFE_NO_PAD.encode(json!({"v": "meta.k8s.io/v1", "rv": revision, "start": start}).to_string())
}

fn read_token(token: &str) -> Option<(u64, (String, String))> {
    let token: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let (namespace, name) = token["start"].as_str()?.trim_end_matches('\u{0}').split_once('/')?;
    Some((token["rv"].as_u64()?, (namespace.to_owned(), name.to_owned())))
}

/// The resource of objects of this kind, for who follows owner references.
pub(super) fn resource_of(store: &Store, key: &Key) -> Option<Resource> {
    resources::all(store).into_iter().find(|resource| resource.group_resource() == key.resource)
}
