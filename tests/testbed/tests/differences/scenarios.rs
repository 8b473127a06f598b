//! What is asked.

use serde_json::{Value, json};

use super::asking::{Step, Who};

pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) steps: Vec<Step>,
}

const JSON: &str = "application/json";
const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const SECRETS: &str = "/api/v1/namespaces/default/secrets";
const PODS: &str = "/api/v1/namespaces/default/pods";
/// With a status of its own, and a schema.
const WIDGETS: &str = "/apis/test.example.org/v1/namespaces/default/widgets";
/// Whose status is an ordinary field.
const PLAIN: &str = "/apis/test.example.org/v1/plains";

fn step(method: &'static str, path: impl Into<String>, body: Value) -> Step {
    Step { method, path: path.into(), body, media_type: JSON, accept: JSON, who: Who::Admin, until: None }
}

fn get(path: impl Into<String>) -> Step {
    step("GET", path, Value::Null)
}

fn post(path: impl Into<String>, body: Value) -> Step {
    step("POST", path, body)
}

fn put(path: impl Into<String>, body: Value) -> Step {
    step("PUT", path, body)
}

fn delete(path: impl Into<String>, body: Value) -> Step {
    step("DELETE", path, body)
}

fn merge(path: impl Into<String>, body: Value) -> Step {
    Step { media_type: "application/merge-patch+json", ..step("PATCH", path, body) }
}

fn json_patch(path: impl Into<String>, body: Value) -> Step {
    Step { media_type: "application/json-patch+json", ..step("PATCH", path, body) }
}

fn strategic(path: impl Into<String>, body: Value) -> Step {
    Step { media_type: "application/strategic-merge-patch+json", ..step("PATCH", path, body) }
}

impl Step {
    fn by(self, user: &'static str) -> Self {
        Self { who: Who::As(user), ..self }
    }

    fn until(self, pointer: &'static str) -> Self {
        Self { until: Some(pointer), ..self }
    }

    fn accepting(self, accept: &'static str) -> Self {
        Self { accept, ..self }
    }
}

fn map(name: &str) -> Value {
    json!({"metadata": {"name": name}, "data": {"a": "1"}})
}

#[expect(clippy::needless_pass_by_value, reason = "it is written in place")]
fn widget(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "test.example.org/v1", "kind": "Widget", "metadata": {"name": name}, "spec": spec})
}

fn plain(name: &str) -> Value {
    json!({"apiVersion": "test.example.org/v1", "kind": "Plain", "metadata": {"name": name}, "spec": {"a": 1}, "status": {"b": 1}})
}

fn definition(kind: &str, scope: &str, version: Value) -> Value {
    let plural = format!("{}s", kind.to_lowercase());
    let mut version = version;
    version["name"] = "v1".into();
    version["served"] = true.into();
    version["storage"] = true.into();
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.test.example.org")},
        "spec": {"group": "test.example.org", "scope": scope, "versions": [version],
                 "names": {"kind": kind, "listKind": format!("{kind}List"), "plural": plural, "singular": kind.to_lowercase(),
                           "shortNames": [if kind == "Widget" { "wd" } else { "pl" }]}},
    })
}

/// Creates the resources of the scenarios, and waits for them.
pub(super) fn definitions() -> Vec<Step> {
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let schema = json!({"type": "object", "properties": {
        "spec": {"type": "object", "required": ["size"], "properties": {
            "size": {"type": "integer"}, "colour": {"type": "string", "default": "red"},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "tags": {"type": "object", "additionalProperties": {"type": "string"}},
        }},
        "status": {"type": "object", "properties": {"phase": {"type": "string"}}},
    }});
    let widgets = json!({
        "schema": {"openAPIV3Schema": schema}, "subresources": {"status": {}},
        "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}],
    });
    let open = json!({"schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}});
    vec![
        post(path, definition("Widget", "Namespaced", widgets)),
        post(path, definition("Plain", "Cluster", open)),
        get(WIDGETS).until("/items"),
        get(PLAIN).until("/items"),
    ]
}

pub(super) fn all() -> Vec<Scenario> {
    let mut all = objects();
    all.extend(patches());
    all.extend(custom_resources());
    all.extend(lists_and_watches());
    all.extend(deletions());
    all.extend(rights());
    all.extend(controllers());
    all
}

fn scenario(name: &'static str, steps: Vec<Step>) -> Scenario {
    Scenario { name, steps }
}

fn objects() -> Vec<Scenario> {
    vec![
        scenario(
            "create, read, and read what is not there",
            vec![
                post(MAPS, map("created")),
                get(format!("{MAPS}/created")),
                get(format!("{MAPS}/absent")),
                post(MAPS, map("created")),
                post("/api/v1/namespaces/absent/configmaps", map("created")),
                post(MAPS, json!({"metadata": {"name": "created", "namespace": "other"}})),
                delete(format!("{MAPS}/created"), Value::Null),
                delete(format!("{MAPS}/created"), Value::Null),
            ],
        ),
        scenario(
            "names and labels that are refused",
            vec![
                post(MAPS, map("Upper")),
                post(MAPS, json!({"metadata": {"name": "x", "labels": {"a": "not so"}}})),
                post(MAPS, json!({"metadata": {"name": "x", "labels": {"not so": "a"}}})),
                post(MAPS, json!({"metadata": {}})),
            ],
        ),
        scenario(
            "a name that the server makes",
            vec![post(MAPS, json!({"metadata": {"generateName": "made-"}}))],
        ),
        scenario(
            "a dry run stores nothing",
            vec![
                post(format!("{MAPS}?dryRun=All&fieldManager=m"), map("dry")),
                get(format!("{MAPS}/dry")),
                post(format!("{MAPS}?fieldManager=m"), map("dry")),
                merge(format!("{MAPS}/dry?dryRun=All"), json!({"data": {"a": "2"}})),
                delete(format!("{MAPS}/dry?dryRun=All"), Value::Null),
                get(format!("{MAPS}/dry")),
                delete(format!("{MAPS}/dry"), Value::Null),
            ],
        ),
        scenario(
            "update by a stale and by no version",
            vec![
                post(MAPS, map("updated")),
                put(
                    format!("{MAPS}/updated"),
                    json!({"metadata": {"name": "updated", "resourceVersion": "{0:/metadata/resourceVersion}"}, "data": {"a": "2"}}),
                ),
                put(
                    format!("{MAPS}/updated"),
                    json!({"metadata": {"name": "updated", "resourceVersion": "{0:/metadata/resourceVersion}"}, "data": {"a": "3"}}),
                ),
                put(format!("{MAPS}/updated"), json!({"metadata": {"name": "updated"}, "data": {"a": "4"}})),
                put(
                    format!("{MAPS}/updated"),
                    json!({"metadata": {"name": "updated", "uid": "00000000-0000-0000-0000-000000000000"}}),
                ),
                put(format!("{MAPS}/updated"), json!({"metadata": {"name": "other"}})),
                delete(format!("{MAPS}/updated"), Value::Null),
            ],
        ),
        scenario(
            "what is not served",
            vec![
                get("/api/v1/namespaces/default/nonsense"),
                get("/apis/nobody.example.org/v1/things"),
                get("/apis/test.example.org/v2/widgets"),
                get("/apis/apps/v1/namespaces/default/nonsense/x"),
                get("/nonsense"),
                get("/livez"),
            ],
        ),
        scenario(
            "a Secret's text and type",
            vec![
                post(SECRETS, json!({"metadata": {"name": "texts"}, "stringData": {"a": "text"}})),
                merge(format!("{SECRETS}/texts"), json!({"type": "other"})),
                delete(format!("{SECRETS}/texts"), Value::Null),
            ],
        ),
        scenario(
            "a Service and a Deployment are completed",
            vec![
                post(
                    "/api/v1/namespaces/default/services",
                    json!({"metadata": {"name": "completed"}, "spec": {"ports": [{"port": 80}]}}),
                ),
                delete("/api/v1/namespaces/default/services/completed", Value::Null),
                post(
                    "/apis/apps/v1/namespaces/default/deployments",
                    json!({
                        "metadata": {"name": "completed"},
                        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {
                            "metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "image:1"}]}}},
                    }),
                ),
                delete("/apis/apps/v1/namespaces/default/deployments/completed", Value::Null),
            ],
        ),
    ]
}

fn patches() -> Vec<Scenario> {
    vec![
        scenario(
            "a JSON patch with guards",
            vec![
                post(MAPS, map("guarded")),
                json_patch(
                    format!("{MAPS}/guarded"),
                    json!([{"op": "test", "path": "/data/a", "value": "1"}, {"op": "replace", "path": "/data/a", "value": "2"}]),
                ),
                json_patch(
                    format!("{MAPS}/guarded"),
                    json!([{"op": "test", "path": "/data/a", "value": "1"}, {"op": "replace", "path": "/data/a", "value": "3"}]),
                ),
                json_patch(
                    format!("{MAPS}/guarded"),
                    json!([{"op": "test", "path": "/data/b", "value": null}, {"op": "add", "path": "/data/b", "value": "1"}]),
                ),
                json_patch(
                    format!("{MAPS}/guarded"),
                    json!([{"op": "replace", "path": "/data/c", "value": "1"}]),
                ),
                json_patch(
                    format!("{MAPS}/guarded"),
                    json!([{"op": "add", "path": "/absent/c", "value": "1"}]),
                ),
                json_patch(format!("{MAPS}/guarded"), json!([{"op": "remove", "path": "/data/absent"}])),
                json_patch(
                    format!("{MAPS}/guarded"),
                    json!([{"op": "test", "path": "/metadata/resourceVersion", "value": "{0:/metadata/resourceVersion}"}]),
                ),
                delete(format!("{MAPS}/guarded"), Value::Null),
            ],
        ),
        scenario(
            "a merge patch, with a stale version, and one that changes nothing",
            vec![
                post(MAPS, map("merged")),
                merge(format!("{MAPS}/merged?fieldManager=one"), json!({"data": {"a": null, "b": "2"}})),
                merge(
                    format!("{MAPS}/merged"),
                    json!({"metadata": {"resourceVersion": "{0:/metadata/resourceVersion}"}, "data": {"b": "3"}}),
                ),
                merge(format!("{MAPS}/merged?fieldManager=two"), json!({"data": {"b": "2"}})),
                merge(
                    format!("{MAPS}/merged"),
                    json!({"metadata": {"uid": "00000000-0000-0000-0000-000000000000"}}),
                ),
                merge(format!("{MAPS}/absent"), json!({"data": {"b": "3"}})),
                delete(format!("{MAPS}/merged"), Value::Null),
            ],
        ),
        scenario(
            "a strategic merge patch",
            vec![
                post(
                    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
                    json!({
                        "metadata": {"name": "strategic"},
                        "webhooks": [{"name": "a.example.org", "clientConfig": {"url": "https://127.0.0.1:1/"}, "sideEffects": "None",
                                      "admissionReviewVersions": ["v1"], "rules": []}],
                    }),
                ),
                strategic(
                    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/strategic",
                    json!({
                "webhooks": [{"name": "a.example.org", "timeoutSeconds": 3}]}),
                ),
                delete(
                    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/strategic",
                    Value::Null,
                ),
                post(WIDGETS, widget("strategic", json!({"size": 1}))),
                strategic(format!("{WIDGETS}/strategic"), json!({"spec": {"size": 2}})),
                Step {
                    media_type: "application/nonsense",
                    ..merge(format!("{WIDGETS}/strategic"), json!({}))
                },
                delete(format!("{WIDGETS}/strategic"), Value::Null),
            ],
        ),
    ]
}

fn custom_resources() -> Vec<Scenario> {
    vec![
        scenario(
            "a schema prunes, completes and refuses",
            vec![
                post(
                    WIDGETS,
                    widget(
                        "shaped",
                        json!({"size": 1, "unknown": 2, "free": {"any": {"thing": 1}}, "tags": {"a": "b"}}),
                    ),
                ),
                post(WIDGETS, widget("wrong", json!({"size": "large"}))),
                post(WIDGETS, widget("wrong", json!({"colour": "blue"}))),
                post(WIDGETS, widget("wrong", json!({"size": 1, "tags": {"a": 1}}))),
                merge(format!("{WIDGETS}/shaped"), json!({"spec": {"size": "large"}})),
                delete(format!("{WIDGETS}/shaped"), Value::Null),
            ],
        ),
        scenario(
            "a status apart",
            vec![
                post(
                    WIDGETS,
                    json!({"apiVersion": "test.example.org/v1", "kind": "Widget", "metadata": {"name": "status"}, "spec": {"size": 1}, "status": {"phase": "no"}}),
                ),
                merge(
                    format!("{WIDGETS}/status/status?fieldManager=s"),
                    json!({"status": {"phase": "yes"}, "spec": {"size": 9}}),
                ),
                merge(
                    format!("{WIDGETS}/status"),
                    json!({"status": {"phase": "other"}, "spec": {"size": 2}}),
                ),
                get(format!("{WIDGETS}/status/status")),
                delete(format!("{WIDGETS}/status"), Value::Null),
            ],
        ),
        scenario(
            "a status that is an ordinary field",
            vec![
                post(PLAIN, plain("ordinary")),
                merge(format!("{PLAIN}/ordinary"), json!({"status": {"b": 2}})),
                merge(format!("{PLAIN}/ordinary/status"), json!({"status": {"b": 3}})),
                merge(format!("{PLAIN}/ordinary"), json!({"metadata": {"labels": {"a": "b"}}})),
                put(format!("{PLAIN}/ordinary"), plain("ordinary")),
                delete(format!("{PLAIN}/ordinary"), Value::Null),
            ],
        ),
        scenario(
            "discovery of custom resources",
            vec![
                get("/apis/test.example.org"),
                get("/apis/test.example.org/v1"),
                get("/api"),
                get("/apis/nobody.example.org"),
            ],
        ),
        scenario(
            "metadata alone, and a table",
            vec![
                post(WIDGETS, widget("shown", json!({"size": 1}))),
                get(WIDGETS).accepting("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"),
                get(format!("{WIDGETS}/shown"))
                    .accepting("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"),
                delete(format!("{WIDGETS}/shown"), Value::Null),
            ],
        ),
    ]
}

fn lists_and_watches() -> Vec<Scenario> {
    let labelled =
        |name: &str, value: &str| json!({"metadata": {"name": name, "labels": {"of": "lists", "l": value}}});
    vec![
        scenario(
            "selectors and pages",
            vec![
                post(MAPS, labelled("list-a", "1")),
                post(MAPS, labelled("list-b", "2")),
                post(MAPS, labelled("list-c", "3")),
                get(format!("{MAPS}?labelSelector=of=lists,l+in+(1,3)")),
                get(format!("{MAPS}?labelSelector=of=lists,l!=1&limit=1")),
                get(format!("{MAPS}?labelSelector=of=lists,l!=1&limit=1&continue={{4:/metadata/continue}}")),
                get(format!("{MAPS}?fieldSelector=metadata.name=list-b")),
                get(format!("{MAPS}?labelSelector=of=lists&resourceVersion=0")),
                get(format!(
                    "{MAPS}?labelSelector=of=lists&resourceVersion={{1:/metadata/resourceVersion}}&resourceVersionMatch=Exact"
                )),
                delete(format!("{MAPS}?labelSelector=of=lists"), Value::Null),
                get(format!("{MAPS}?labelSelector=of=lists")),
            ],
        ),
        scenario(
            "a watch from a version on, as objects enter and leave its selection",
            vec![
                post(MAPS, labelled("watch", "1")),
                merge(format!("{MAPS}/watch"), json!({"data": {"a": "b"}})),
                merge(format!("{MAPS}/watch"), json!({"metadata": {"labels": {"l": "2"}}})),
                merge(format!("{MAPS}/watch"), json!({"metadata": {"labels": {"l": "1"}}})),
                delete(format!("{MAPS}/watch"), Value::Null),
                get(format!(
                    "{MAPS}?watch=true&labelSelector=l=1,of=lists&timeoutSeconds=1&resourceVersion={{0:/metadata/resourceVersion}}"
                )),
                get(format!(
                    "{MAPS}?watch=true&fieldSelector=metadata.name=watch&timeoutSeconds=1&resourceVersion={{0:/metadata/resourceVersion}}"
                )),
            ],
        ),
        scenario(
            "a watch that begins with what is there",
            vec![
                post(MAPS, labelled("initial", "1")),
                get(format!("{MAPS}?watch=true&labelSelector=of=lists&timeoutSeconds=1")),
                get(format!("{MAPS}?watch=true&labelSelector=of=lists&timeoutSeconds=1&resourceVersion=0")),
                get(format!(
                    "{MAPS}?watch=true&labelSelector=of=lists&timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
                )),
                delete(format!("{MAPS}/initial"), Value::Null),
            ],
        ),
    ]
}

fn deletions() -> Vec<Scenario> {
    vec![
        scenario(
            "preconditions of a deletion",
            vec![
                post(MAPS, map("precious")),
                delete(
                    format!("{MAPS}/precious"),
                    json!({"preconditions": {"uid": "00000000-0000-0000-0000-000000000000"}}),
                ),
                delete(format!("{MAPS}/precious"), json!({"preconditions": {"resourceVersion": "1"}})),
                delete(format!("{MAPS}/precious"), json!({"preconditions": {"uid": "{0:/metadata/uid}"}})),
            ],
        ),
        scenario(
            "a finalizer keeps an object",
            vec![
                post(
                    PLAIN,
                    json!({"apiVersion": "test.example.org/v1", "kind": "Plain", "metadata": {"name": "kept", "finalizers": ["example.org/keep"]}}),
                ),
                delete(format!("{PLAIN}/kept"), Value::Null),
                delete(format!("{PLAIN}/kept"), Value::Null),
                merge(format!("{PLAIN}/kept"), json!({"metadata": {"labels": {"a": "b"}}})),
                merge(format!("{PLAIN}/kept"), json!({"metadata": {"finalizers": null}})),
                get(format!("{PLAIN}/kept")),
            ],
        ),
        scenario(
            "a pod that is bound is given time, another is not",
            vec![
                post(
                    PODS,
                    json!({"metadata": {"name": "bound"}, "spec": {"nodeName": "n", "tolerations": [], "containers": [{"name": "c", "image": "image"}]}}),
                ),
                delete(format!("{PODS}/bound"), Value::Null),
                delete(format!("{PODS}/bound"), json!({"gracePeriodSeconds": 0})),
                get(format!("{PODS}/bound")),
                post(
                    PODS,
                    json!({"metadata": {"name": "unbound"}, "spec": {"containers": [{"name": "c", "image": "image:1"}]}}),
                ),
                delete(format!("{PODS}/unbound"), Value::Null),
                post(PODS, json!({"metadata": {"name": "empty"}, "spec": {"containers": []}})),
            ],
        ),
    ]
}

fn rights() -> Vec<Scenario> {
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    let review = |verb: &str, group: &str, resource: &str, name: &str| {
        post(
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            json!({
                "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
                "spec": {"resourceAttributes": {"verb": verb, "group": group, "resource": resource, "name": name, "namespace": "default"}},
            }),
        )
    };
    vec![
        scenario(
            "who may nothing is told so",
            vec![
                get(MAPS).by("jane"),
                get(format!("{MAPS}/x")).by("jane"),
                post(MAPS, map("x")).by("jane"),
                get(format!("{PODS}/x/log")).by("jane"),
                get(PLAIN).by("jane"),
                delete(format!("{WIDGETS}/x"), Value::Null).by("jane"),
                get(format!("{MAPS}?watch=true")).by("jane"),
                get("/metrics").by("jane"),
                get("/version/").by("jane"),
            ],
        ),
        scenario(
            "roles give what they name",
            vec![
                post(
                    format!("{rbac}/namespaces/default/roles"),
                    json!({"metadata": {"name": "given"}, "rules": [
                {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"], "resourceNames": ["mine"]},
                {"apiGroups": ["test.example.org"], "resources": ["widgets/status"], "verbs": ["patch"]}]}),
                ),
                post(
                    format!("{rbac}/namespaces/default/rolebindings"),
                    json!({"metadata": {"name": "given"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "given"},
                "subjects": [{"kind": "User", "name": "kate"}]}),
                ),
                get(format!("{MAPS}/mine")).by("kate").until("/kind"),
                get(format!("{MAPS}/other")).by("kate"),
                get(format!("{MAPS}?fieldSelector=metadata.name=mine")).by("kate"),
                review("get", "", "configmaps", "mine").by("kate"),
                review("get", "", "configmaps", "other").by("kate"),
                review("*", "*", "*", "").by("kate"),
                review("*", "*", "*", ""),
                merge(
                    format!("{rbac}/namespaces/default/rolebindings/given"),
                    json!({"roleRef": {"name": "other"}}),
                ),
                delete(format!("{rbac}/namespaces/default/rolebindings/given"), Value::Null),
                delete(format!("{rbac}/namespaces/default/roles/given"), Value::Null),
            ],
        ),
        scenario(
            "nobody, and a token of nobody",
            vec![
                Step { who: Who::Nobody, ..get(MAPS) },
                Step { who: Who::Nobody, ..get("/version").until("/major") },
                Step { who: Who::Token("nonsense".to_owned()), ..get(MAPS) },
            ],
        ),
    ]
}

fn controllers() -> Vec<Scenario> {
    let accounts = "/api/v1/namespaces/default/serviceaccounts";
    let whoami = || json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    vec![
        scenario(
            "a service account's token, until the account is gone",
            vec![
                post(accounts, json!({"metadata": {"name": "holder"}})),
                post(
                    SECRETS,
                    json!({"type": "kubernetes.io/service-account-token",
                "metadata": {"name": "holder-token", "annotations": {"kubernetes.io/service-account.name": "holder"}}}),
                ),
                get(format!("{SECRETS}/holder-token")).until("/data/token"),
                Step { who: Who::Token("{2:/data/token}".to_owned()), ..get(MAPS) },
                delete(format!("{accounts}/holder"), Value::Null),
                get(format!("{SECRETS}/holder-token")).until("!/data"),
                post(
                    SECRETS,
                    json!({"type": "kubernetes.io/service-account-token", "metadata": {"name": "orphan-token"}}),
                ),
                post("/apis/authentication.k8s.io/v1/selfsubjectreviews", whoami()).by("jane"),
            ],
        ),
        scenario(
            "a namespace that is being emptied takes nothing new",
            vec![
                post("/api/v1/namespaces", json!({"metadata": {"name": "leaving"}})),
                get("/api/v1/namespaces/leaving/serviceaccounts/default").until("/metadata/uid"),
                post(
                    "/api/v1/namespaces/leaving/configmaps",
                    json!({"metadata": {"name": "kept", "finalizers": ["example.org/keep"]}}),
                ),
                delete("/api/v1/namespaces/leaving", Value::Null),
                post("/api/v1/namespaces/leaving/configmaps", map("late")),
                get("/api/v1/namespaces/leaving/configmaps/kept").until("/metadata/deletionTimestamp"),
                merge(
                    "/api/v1/namespaces/leaving/configmaps/kept",
                    json!({"metadata": {"finalizers": null}}),
                ),
                get("/api/v1/namespaces/leaving").until("!/metadata/uid"),
            ],
        ),
        scenario(
            "what is owned goes with its owner",
            vec![
                post(MAPS, map("owner")),
                post(
                    MAPS,
                    json!({"metadata": {"name": "owned", "ownerReferences": [
                {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": "{0:/metadata/uid}"}]}}),
                ),
                delete(format!("{MAPS}/owner"), Value::Null),
                get(format!("{MAPS}/owned")).until("!/metadata/uid"),
            ],
        ),
        scenario(
            "a webhook's configuration is completed",
            vec![
                post(
                    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
                    json!({
                        "metadata": {"name": "completed"},
                        "webhooks": [{"name": "a.example.org", "clientConfig": {"service": {"name": "s", "namespace": "default"}},
                                      "sideEffects": "None", "admissionReviewVersions": ["v1"],
                                      "rules": [{"apiGroups": ["test.example.org"], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["plains"]}],
                                      "matchConditions": [{"name": "not-one", "expression": "request.name != \"one\""}]}],
                    }),
                ),
                post(PLAIN, plain("one")),
                post(PLAIN, plain("two")),
                merge(format!("{PLAIN}/one"), json!({"spec": {"a": 2}})),
                get("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/completed"),
                delete(
                    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/completed",
                    Value::Null,
                ),
                delete(format!("{PLAIN}/one"), Value::Null),
                delete(format!("{PLAIN}/two"), Value::Null),
            ],
        ),
        scenario(
            "logs and proxies that lead nowhere",
            vec![
                get(format!("{PODS}/absent/log")),
                post(
                    PODS,
                    json!({"metadata": {"name": "logged"}, "spec": {"containers": [{"name": "c", "image": "image:1"}]}}),
                ),
                get(format!("{PODS}/logged/log?container=other")),
                delete(format!("{PODS}/logged"), Value::Null),
                get("/api/v1/namespaces/default/services/absent:80/proxy/x"),
                post(
                    "/api/v1/namespaces/default/services",
                    json!({"metadata": {"name": "nowhere"}, "spec": {"ports": [{"port": 80}]}}),
                ),
                get("/api/v1/namespaces/default/services/:nowhere:80/proxy/x"),
                delete("/api/v1/namespaces/default/services/nowhere", Value::Null),
            ],
        ),
    ]
}
