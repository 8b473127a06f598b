//! Namespaces of the member that the host's workspaces own.
//!
//! A federated workspace leaves its name and an owner reference on every namespace of its projects; when the workspace
//! goes, Kubernetes deletes them with it (kubesphere issues 3169, 5877).

use serde_json::{Value, json};

/// To which workspace a namespace belongs.
pub const WORKSPACE_LABEL: &str = "kubesphere.io/workspace";
/// What kubefed writes on everything that it manages on a member.
pub const MANAGED_LABEL: &str = "kubefed.io/managed";
/// The API group of workspaces.
pub const TENANT_GROUP: &str = "tenant.kubesphere.io";
/// Every KubeSphere's own workspace, never a host's.
const SYSTEM_WORKSPACE: &str = "system-workspace";

/// A namespace that belongs to a workspace.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkspaceNamespace {
    name: String,
    uid: String,
    labels: Value,
    owners: Value,
    workspace: WorkspaceSeen,
}

/// What the member has of the workspace that a namespace names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkspaceSeen {
    /// kubefed manages it for the host.
    Managed,
    /// It is there, and the member's own.
    Own,
    /// It is not there.
    Gone,
}

/// What takes a namespace from its workspace.
#[derive(Clone, Debug, PartialEq)]
pub struct Release {
    pub namespace: String,
    pub workspace: String,
    /// The guarded JSON Patch.
    pub document: Value,
}

impl WorkspaceNamespace {
    /// From a namespace's metadata; `workspace` tells what the member has of a workspace.
    pub fn of(metadata: &Value, workspace: impl Fn(&str) -> WorkspaceSeen) -> Option<Self> {
        let name = metadata["labels"][WORKSPACE_LABEL].as_str()?;
        let text = |key: &str| metadata[key].as_str().unwrap_or_default().to_owned();
        Some(Self {
            name: text("name"),
            uid: text("uid"),
            labels: metadata["labels"].clone(),
            owners: metadata["ownerReferences"].clone(),
            workspace: workspace(name),
        })
    }

    /// The namespace's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn workspace(&self) -> &str {
        self.labels[WORKSPACE_LABEL].as_str().unwrap_or_default()
    }

    /// Whether a host's workspace owns it: one that its kubefed manages, or that is gone, or of which at least the
    /// namespace came from there. A workspace of the member's own keeps its projects.
    pub fn is_of_host(&self) -> bool {
        let managed = self.labels[MANAGED_LABEL] == "true";
        let of_host = managed || self.workspace != WorkspaceSeen::Own;
        of_host && !self.workspace().is_empty() && self.workspace() != SYSTEM_WORKSPACE
    }

    /// One patch that takes it from its workspace, guarded on what it replaces. kubefed's label goes too: with it the
    /// next host's kubefed would take the namespace for its own.
    pub fn release(&self) -> Release {
        let mut guards = vec![test("/metadata/uid", &json!(self.uid))];
        let mut operations = Vec::new();
        for label in [WORKSPACE_LABEL, MANAGED_LABEL] {
            if let Some(value) = self.labels.get(label) {
                let path = format!("/metadata/labels/{}", label.replace('/', "~1"));
                guards.push(test(&path, value));
                operations.push(json!({"op": "remove", "path": path}));
            }
        }
        let owners = self.owners.as_array().map(Vec::as_slice).unwrap_or_default();
        let others: Vec<&Value> = owners.iter().filter(|owner| !is_workspace(owner)).collect();
        if others.len() < owners.len() {
            let path = "/metadata/ownerReferences";
            guards.push(test(path, &self.owners));
            operations.push(if others.is_empty() {
                json!({"op": "remove", "path": path})
            } else {
                json!({"op": "replace", "path": path, "value": others})
            });
        }
        guards.extend(operations);
        Release {
            namespace: self.name.clone(),
            workspace: self.workspace().to_owned(),
            document: json!(guards),
        }
    }
}

fn is_workspace(owner: &Value) -> bool {
    let group = owner["apiVersion"].as_str().and_then(|version| version.split('/').next());
    owner["kind"] == "Workspace" && group == Some(TENANT_GROUP)
}

fn test(path: &str, value: &Value) -> Value {
    json!({"op": "test", "path": path, "value": value})
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{WorkspaceNamespace, WorkspaceSeen};

    fn metadata(workspace: &str) -> Value {
        let owner = json!({"apiVersion": "tenant.kubesphere.io/v1alpha1", "kind": "Workspace", "name": workspace, "uid": "w"});
        json!({"name": "shop", "uid": "n", "labels": {"kubesphere.io/workspace": workspace}, "ownerReferences": [owner]})
    }

    fn seen(metadata: &Value, workspace: WorkspaceSeen) -> WorkspaceNamespace {
        WorkspaceNamespace::of(metadata, |_| workspace).unwrap()
    }

    #[test]
    fn the_members_own_workspaces_keep_their_projects() {
        assert!(seen(&metadata("team"), WorkspaceSeen::Managed).is_of_host());
        assert!(seen(&metadata("team"), WorkspaceSeen::Gone).is_of_host());
        assert!(!seen(&metadata("team"), WorkspaceSeen::Own).is_of_host());
        let mut managed = metadata("team");
        managed["labels"]["kubefed.io/managed"] = json!("true");
        assert!(seen(&managed, WorkspaceSeen::Own).is_of_host());
        for workspace in ["system-workspace", ""] {
            assert!(!seen(&metadata(workspace), WorkspaceSeen::Managed).is_of_host(), "{workspace}");
        }
        assert!(WorkspaceNamespace::of(&json!({"name": "default"}), |_| WorkspaceSeen::Gone).is_none());
    }

    #[test]
    fn a_release_is_guarded_on_everything_that_it_takes_away() {
        let mut metadata = metadata("team");
        metadata["labels"]["app"] = json!("x");
        let release = seen(&metadata, WorkspaceSeen::Managed).release();
        assert_eq!((release.namespace.as_str(), release.workspace.as_str()), ("shop", "team"));
        assert_eq!(
            release.document,
            json!([
                {"op": "test", "path": "/metadata/uid", "value": "n"},
                {"op": "test", "path": "/metadata/labels/kubesphere.io~1workspace", "value": "team"},
                {"op": "test", "path": "/metadata/ownerReferences", "value": metadata["ownerReferences"]},
                {"op": "remove", "path": "/metadata/labels/kubesphere.io~1workspace"},
                {"op": "remove", "path": "/metadata/ownerReferences"},
            ])
        );
    }

    #[test]
    fn owners_of_other_kinds_stay() {
        let mut metadata = metadata("team");
        let other = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "c"});
        let same_kind = json!({"apiVersion": "example.org/v1", "kind": "Workspace", "name": "x", "uid": "d"});
        metadata["ownerReferences"].as_array_mut().unwrap().extend([other.clone(), same_kind.clone()]);
        let document = seen(&metadata, WorkspaceSeen::Gone).release().document;
        let last = document.as_array().unwrap().last().unwrap().clone();
        assert_eq!(
            last,
            json!({"op": "replace", "path": "/metadata/ownerReferences", "value": [other, same_kind]})
        );
    }
}
