//! Which tool keeps an object as it stands elsewhere: what is changed on the cluster is taken back.

use serde_json::Value;

/// The manager that fields belong to after our writes.
pub const FIELD_MANAGER: &str = "kubectl-mc";

/// A tool that has written an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// Its name, as people know it.
    pub name: String,
    /// Whether it takes changes back by itself; else the next person who runs it does.
    pub reverts: bool,
}

struct Signs {
    name: &'static str,
    reverts: bool,
    /// Labels or annotations that it puts on what it manages.
    keys: &'static [&'static str],
    /// How its field managers begin.
    managers: &'static [&'static str],
}

/// As each tool documents them. `app.kubernetes.io/instance` tells nothing: Argo CD and every chart write it.
const TOOLS: [Signs; 8] = [
    Signs {
        name: "Argo CD",
        reverts: true,
        keys: &["argocd.argoproj.io/tracking-id", "argocd.argoproj.io/instance"],
        managers: &["argocd-controller", "argocd-application-controller"],
    },
    Signs {
        name: "Flux",
        reverts: true,
        keys: &["kustomize.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/name"],
        managers: &["kustomize-controller", "helm-controller"],
    },
    Signs {
        name: "Rancher (Fleet or a manifests folder)",
        reverts: true,
        keys: &["objectset.rio.cattle.io/id"],
        managers: &["fleetagent", "fleet-agent"],
    },
    Signs {
        name: "kapp-controller",
        reverts: true,
        keys: &["kapp.k14s.io/app"],
        managers: &["kapp-controller"],
    },
    Signs {
        name: "Config Sync",
        reverts: true,
        keys: &["configmanagement.gke.io/managed"],
        managers: &["configsync"],
    },
    Signs { name: "Helm", reverts: false, keys: &["meta.helm.sh/release-name"], managers: &["helm"] },
    Signs { name: "Terraform", reverts: false, keys: &[], managers: &["Terraform", "HashiCorp"] },
    Signs { name: "Pulumi", reverts: false, keys: &[], managers: &["pulumi-"] },
];

/// Who applies on the server's side without being such a tool.
const PEOPLE: [&str; 2] = ["kubectl", "before-first-apply"];

/// The tool that keeps this object, by its labels, annotations and field managers. What people apply with kubectl, as
/// the installation asks them to, is kept by nobody.
pub fn tool(object: &Value) -> Option<Tool> {
    let signs = TOOLS.iter().find(|signs| signs.are_on(object));
    signs
        .map(|signs| Tool { name: signs.name.to_owned(), reverts: signs.reverts })
        .or_else(|| applier(object))
}

/// A manager that applies on the server's side states the whole object from somewhere else.
fn applier(object: &Value) -> Option<Tool> {
    let applied = entries(object).filter(|entry| entry["operation"] == "Apply");
    let managers = applied.filter_map(|entry| entry["manager"].as_str());
    let mut tools = managers.filter(|manager| !PEOPLE.iter().any(|people| manager.starts_with(people)));
    tools.next().map(|manager| Tool { name: format!("the field manager {manager}"), reverts: false })
}

/// When we have last written an object of which this field is ours: as RFC 3339 text of the server's clock, in whole seconds.
pub(super) fn written_at<'a>(object: &'a Value, field: &str) -> Option<&'a str> {
    let is_ours =
        |entry: &&Value| entry["manager"] == FIELD_MANAGER && entry["fieldsV1"].pointer(field).is_some();
    entries(object).filter(is_ours).filter_map(|entry| entry["time"].as_str()).max()
}

/// Of what each manager owns only the topmost fields stay: which of their fields are whose nobody asks, and that is the larger
/// part of many objects.
pub(super) fn forget_owned_fields(object: &mut Value) {
    let entries = object.pointer_mut("/metadata/managedFields").and_then(Value::as_array_mut);
    let fields = entries.into_iter().flatten().filter_map(|entry| entry.get_mut("fieldsV1")?.as_object_mut());
    fields.flat_map(serde_json::Map::values_mut).for_each(|owned| *owned = Value::Object(<_>::default()));
}

fn entries(object: &Value) -> impl Iterator<Item = &Value> {
    object.pointer("/metadata/managedFields").and_then(Value::as_array).into_iter().flatten()
}

impl Signs {
    fn are_on(&self, object: &Value) -> bool {
        let has =
            |place: &str, key: &str| object.pointer(place).is_some_and(|found| found.get(key).is_some());
        let marked =
            self.keys.iter().any(|key| has("/metadata/labels", key) || has("/metadata/annotations", key));
        marked
            || entries(object).filter_map(|entry| entry["manager"].as_str()).any(|manager| self.is(manager))
    }

    fn is(&self, manager: &str) -> bool {
        self.managers.iter().any(|known| manager.starts_with(known))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{forget_owned_fields, tool};

    fn name(metadata: &Value) -> Option<(String, bool)> {
        tool(&json!({ "metadata": metadata })).map(|tool| (tool.name, tool.reverts))
    }

    #[test]
    fn of_owned_fields_the_topmost_stay() {
        let owned = |spec: &Value| json!({"metadata": {"managedFields": [{"manager": "a", "fieldsV1": {"f:spec": spec, "f:status": {}}}]}, "spec": {"a": 1}});
        let mut object = owned(&json!({"f:multicluster": {"f:clusterRole": {}}}));
        forget_owned_fields(&mut object);
        assert_eq!(object, owned(&json!({})));
    }

    #[test]
    fn a_tool_is_known_by_its_mark_or_its_manager() {
        let argo = Some(("Argo CD".to_owned(), true));
        assert_eq!(name(&json!({"annotations": {"argocd.argoproj.io/tracking-id": "a:b/c"}})), argo);
        assert_eq!(name(&json!({"labels": {"argocd.argoproj.io/instance": "a"}})), argo);
        let managed = |manager: &str, operation: &str| {
            name(&json!({"managedFields": [{"manager": manager, "operation": operation}]}))
        };
        assert_eq!(managed("argocd-controller", "Apply"), argo);
        assert_eq!(managed("kustomize-controller", "Apply"), Some(("Flux".to_owned(), true)));
        assert_eq!(managed("helm", "Update"), Some(("Helm".to_owned(), false)));
        assert_eq!(managed("acme-sync", "Apply"), Some(("the field manager acme-sync".to_owned(), false)));
    }

    #[test]
    fn what_people_and_the_installer_write_is_kept_by_nobody() {
        for manager in ["kubectl-client-side-apply", "kubectl-edit", "kubectl", "kubectl-mc", "ks-installer"]
        {
            assert_eq!(name(&json!({"managedFields": [{"manager": manager, "operation": "Update"}]})), None);
        }
        assert_eq!(name(&json!({"managedFields": [{"manager": "kubectl", "operation": "Apply"}]})), None);
        let applied = json!({"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}});
        assert_eq!(name(&applied), None);
        assert_eq!(name(&json!({"labels": {"app.kubernetes.io/instance": "a"}})), None);
    }
}
