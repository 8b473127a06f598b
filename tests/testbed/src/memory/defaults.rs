//! What an API server writes into an object of Kubernetes' own that its author left out, and what it refuses.
//!
//! Source: `pkg/apis/*/v1/defaults.go` and `pkg/apis/*/validation`, as far as anybody here depends on it.

use serde_json::{Map, Value, json};

use super::{resources::Resource, status::Cause};
use crate::kubesphere::clock;

/// All annotations of an object together.
const LARGEST_ANNOTATIONS: usize = 256 * 1024;

/// Sets a member that is absent.
fn set(object: &mut Value, name: &str, value: Value) {
    if object[name].is_null() {
        object[name] = value;
    }
}

fn each<'a>(object: &'a mut Value, list: &str) -> impl Iterator<Item = &'a mut Value> {
    object.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten()
}

/// Completes an object that is created or written anew.
pub(super) fn complete(resource: &Resource, object: &mut Value) {
    match resource.kind.as_str() {
        "Namespace" => namespace(object),
        "Secret" => {
            set(object, "type", "Opaque".into());
            take_in_string_data(object);
        }
        "Pod" => {
            pod(&mut object["spec"]);
            set(&mut object["spec"], "enableServiceLinks", true.into());
        }
        "Deployment" => deployment(&mut object["spec"]),
        "ReplicaSet" | "StatefulSet" => {
            set(&mut object["spec"], "replicas", 1.into());
            pod(&mut object["spec"]["template"]["spec"]);
        }
        "DaemonSet" | "Job" => pod(&mut object["spec"]["template"]["spec"]),
        "Service" => service(&mut object["spec"]),
        "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration" => webhooks(object),
        "ClusterRoleBinding" | "RoleBinding" => binding(object),
        "StorageClass" => {
            set(object, "reclaimPolicy", "Delete".into());
            set(object, "volumeBindingMode", "Immediate".into());
        }
        _ => {}
    }
}

fn namespace(object: &mut Value) {
    let name = object["metadata"]["name"].clone();
    object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
}

/// Only on creation: later nobody but `finalize` changes them.
pub(super) fn complete_new(resource: &Resource, object: &mut Value) {
    match resource.kind.as_str() {
        "Namespace" => {
            object["spec"]["finalizers"] = json!(["kubernetes"]);
            object["status"] = json!({"phase": "Active"});
        }
        "Pod" => new_pod(object),
        "CustomResourceDefinition" => definition(object),
        _ => {}
    }
}

/// What admission adds: a priority, and how long it stays on a node that is not reached.
fn new_pod(object: &mut Value) {
    object["status"] = json!({"phase": "Pending", "qosClass": "BestEffort"});
    let spec = &mut object["spec"];
    set(spec, "priority", 0.into());
    set(spec, "preemptionPolicy", "PreemptLowerPriority".into());
    set(spec, "tolerations", json!([]));
    let Some(tolerations) = spec["tolerations"].as_array_mut() else { return };
    for taint in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let is_tolerated = |own: &Value| {
            (own["key"] == taint || own["key"].is_null())
                && (own["effect"] == "NoExecute" || own["effect"].is_null())
        };
        if !tolerations.iter().any(is_tolerated) {
            let some_minutes =
                json!({"key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300});
            tolerations.push(some_minutes);
        }
    }
}

/// `stringData` is written only.
fn take_in_string_data(object: &mut Value) {
    let Some(Value::Object(texts)) = object.as_object_mut().and_then(|members| members.remove("stringData"))
    else {
        return;
    };
    for (name, text) in texts {
        let text = text.as_str().unwrap_or_default();
        object["data"][name] = crate::kubesphere::secret::base64(text.as_bytes()).into();
    }
}

fn pod(spec: &mut Value) {
    for (name, value) in [
        ("restartPolicy", json!("Always")),
        ("terminationGracePeriodSeconds", json!(30)),
        ("dnsPolicy", json!("ClusterFirst")),
        ("schedulerName", json!("default-scheduler")),
        ("securityContext", json!({})),
    ] {
        set(spec, name, value);
    }
    let is_on_host = spec["hostNetwork"] == true;
    for container in each(spec, "containers") {
        self::container(container, is_on_host);
    }
}

fn container(container: &mut Value, is_on_host: bool) {
    let image = container["image"].as_str().unwrap_or_default();
    let is_latest =
        image.ends_with(":latest") || !image.rsplit('/').next().unwrap_or_default().contains([':', '@']);
    for (name, value) in [
        ("terminationMessagePath", json!("/dev/termination-log")),
        ("terminationMessagePolicy", json!("File")),
        ("imagePullPolicy", json!(if is_latest { "Always" } else { "IfNotPresent" })),
        ("resources", json!({})),
    ] {
        set(container, name, value);
    }
    for port in each(container, "ports") {
        set(port, "protocol", "TCP".into());
        if is_on_host {
            let number = port["containerPort"].clone();
            set(port, "hostPort", number);
        }
    }
    for name in ["readinessProbe", "livenessProbe", "startupProbe"] {
        if container[name].is_object() {
            probe(&mut container[name]);
        }
        if container[name].is_null() {
            container.as_object_mut().map(|members| members.remove(name));
        }
    }
}

fn probe(probe: &mut Value) {
    for (name, value) in
        [("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)]
    {
        set(probe, name, value.into());
    }
    if probe["httpGet"].is_object() {
        set(&mut probe["httpGet"], "path", "/".into());
        set(&mut probe["httpGet"], "scheme", "HTTP".into());
    }
}

fn deployment(spec: &mut Value) {
    let rolling = json!({"maxSurge": "25%", "maxUnavailable": "25%"});
    for (name, value) in [
        ("replicas", json!(1)),
        ("revisionHistoryLimit", json!(10)),
        ("progressDeadlineSeconds", json!(600)),
        ("strategy", json!({"type": "RollingUpdate", "rollingUpdate": rolling})),
    ] {
        set(spec, name, value);
    }
    let has_none = spec["template"]["metadata"].is_null();
    if has_none {
        spec["template"]["metadata"] = json!({});
    }
    pod(&mut spec["template"]["spec"]);
}

fn service(spec: &mut Value) {
    for (name, value) in [
        ("type", "ClusterIP"),
        ("sessionAffinity", "None"),
        ("internalTrafficPolicy", "Cluster"),
        ("ipFamilyPolicy", "SingleStack"),
    ] {
        set(spec, name, value.into());
    }
    set(spec, "ipFamilies", json!(["IPv4"]));
    for port in each(spec, "ports") {
        set(port, "protocol", "TCP".into());
        let number = port["port"].clone();
        set(port, "targetPort", number);
    }
}

fn webhooks(object: &mut Value) {
    for webhook in each(object, "webhooks") {
        for (name, value) in [
            ("failurePolicy", json!("Fail")),
            ("matchPolicy", json!("Equivalent")),
            ("namespaceSelector", json!({})),
            ("objectSelector", json!({})),
            ("timeoutSeconds", json!(10)),
        ] {
            set(webhook, name, value);
        }
        if webhook["clientConfig"]["service"].is_object() {
            set(&mut webhook["clientConfig"]["service"], "port", 443.into());
        }
        for rule in each(webhook, "rules") {
            set(rule, "scope", "*".into());
        }
    }
}

fn binding(object: &mut Value) {
    set(&mut object["roleRef"], "apiGroup", "rbac.authorization.k8s.io".into());
    for subject in each(object, "subjects") {
        if subject["kind"] != "ServiceAccount" {
            set(subject, "apiGroup", "rbac.authorization.k8s.io".into());
        }
    }
}

/// Names of definitions are accepted at once, and served.
fn definition(object: &mut Value) {
    let names = object["spec"]["names"].clone();
    let plural = names["plural"].clone();
    let singular = names["kind"].as_str().unwrap_or_default().to_lowercase();
    set(&mut object["spec"]["names"], "singular", singular.into());
    set(
        &mut object["spec"]["names"],
        "listKind",
        format!("{}List", names["kind"].as_str().unwrap_or_default()).into(),
    );
    set(&mut object["spec"], "conversion", json!({"strategy": "None"}));
    let stored: Vec<Value> = object["spec"]["versions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|version| version["storage"] == true)
        .map(|version| version["name"].clone())
        .collect();
    if plural.is_null() || !object["status"]["conditions"].is_null() {
        return;
    }
    let condition = |kind: &str, reason: &str, message: &str| json!({"type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": clock::now()});
    object["status"] = json!({
        "acceptedNames": object["spec"]["names"], "storedVersions": stored,
        "conditions": [
            condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ],
    });
}

/// What is wrong with an object of Kubernetes' own.
pub(super) fn faults(resource: &Resource, object: &Value) -> Vec<Cause> {
    match resource.kind.as_str() {
        "Pod" if object["spec"]["containers"].as_array().is_none_or(Vec::is_empty) => {
            vec![Cause::required("spec.containers", "")]
        }
        "Secret" if object["type"] == "kubernetes.io/service-account-token" => {
            let annotation = "kubernetes.io/service-account.name";
            let has_one =
                object["metadata"]["annotations"][annotation].as_str().is_some_and(|name| !name.is_empty());
            let field = format!("metadata.annotations[{annotation}]");
            if has_one { Vec::new() } else { vec![Cause::required(field, "")] }
        }
        _ => Vec::new(),
    }
}

/// What may not change once it is there.
pub(super) fn immutable(resource: &Resource, before: &Value, after: &Value) -> Vec<Cause> {
    let fixed: &[&str] = match resource.kind.as_str() {
        "ClusterRoleBinding" | "RoleBinding" => &["roleRef"],
        "Secret" => &["type"],
        _ => &[],
    };
    let changed = fixed.iter().filter(|field| before[**field] != after[**field]);
    let cause = |field: &&str| match *field {
        "roleRef" => {
            let new = &after["roleRef"];
            let value = json!({"APIGroup": new["apiGroup"], "Kind": new["kind"], "Name": new["name"]});
            Cause::invalid("roleRef", &value, "cannot change roleRef")
        }
        field => Cause::invalid(field, &after[field], "field is immutable"),
    };
    changed.map(cause).collect()
}

/// The names of labels and annotations, and the object's own, by the rules for all kinds.
///
/// Source: `staging/src/k8s.io/apimachinery/pkg/api/validation`, `pkg/util/validation`.
pub(super) fn metadata_faults(resource: &Resource, object: &Value) -> Vec<Cause> {
    let metadata = &object["metadata"];
    let mut causes = Vec::new();
    let name = metadata["name"].as_str().unwrap_or_default();
    let is_path_segment = resource.group == "rbac.authorization.k8s.io";
    let holds = if is_path_segment {
        !name.contains(['/', '%']) && name != "." && name != ".."
    } else {
        name.len() <= 253 && name.split('.').all(is_dns_label)
    };
    if !holds {
        let why = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and \
                   must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
                   '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
        causes.push(Cause::invalid("metadata.name", &metadata["name"], why));
    }
    let annotations = metadata["annotations"].as_object().into_iter().flatten();
    let size: usize =
        annotations.map(|(name, value)| name.len() + value.as_str().unwrap_or_default().len()).sum();
    if size > LARGEST_ANNOTATIONS {
        causes.push(Cause {
            field: "metadata.annotations".to_owned(),
            reason: "FieldValueTooLong",
            message: format!("Too long: may not be more than {LARGEST_ANNOTATIONS} bytes"),
        });
    }
    for (name, value) in metadata["labels"].as_object().into_iter().flatten() {
        causes.extend(label_faults(name, value));
    }
    causes
}

fn is_dns_label(label: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    label.starts_with(is_inner)
        && label.ends_with(is_inner)
        && label.chars().all(|character| is_inner(character) || character == '-')
}

pub(super) fn is_name_part(text: &str) -> bool {
    let is_outer = |c: char| c.is_ascii_alphanumeric();
    text.len() <= 63
        && text.starts_with(is_outer)
        && text.ends_with(is_outer)
        && text.chars().all(|character| is_outer(character) || "-_.".contains(character))
}

fn label_faults(name: &str, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let (prefix, own) = name.rsplit_once('/').unwrap_or(("a", name));
    if !is_name_part(own) || !prefix.split('.').all(is_dns_label) {
        let why = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
                   alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
                   '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
        causes.push(Cause::invalid("metadata.labels", &name.into(), why));
    }
    let text = value.as_str().unwrap_or_default();
    if !text.is_empty() && !is_name_part(text) {
        let why = if text.len() > 63 {
            "must be no more than 63 bytes"
        } else {
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must \
             start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for \
             validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
        };
        causes.push(Cause::invalid("metadata.labels", value, why));
    }
    causes
}

/// Members that are null, and lists that are empty, are as if absent, once an object was read as its type.
pub(super) fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(without_nulls);
            let kept: Map<String, Value> = std::mem::take(members)
                .into_iter()
                .filter(|(_, member)| !member.is_null() && *member != json!([]))
                .collect();
            *members = kept;
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        _ => {}
    }
}
