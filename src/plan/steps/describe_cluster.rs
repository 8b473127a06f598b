//! Sets what a Cluster that stands says about its member, where that differs from what was asked for.

use kubesphere::{
    cluster::RegisteredCluster,
    object::{ObjectKind, ObjectRef},
    side::Side,
};
use serde_json::{Map, Value, json};

use crate::plan::{
    access::{Access, of_clusters},
    cluster_manifest::{annotations, labels},
    configuration_patch::Change,
    guarded_patch::Guarded,
    intent::Description,
    manifest::Manifest,
    member_kubeconfig::StoredKubeconfig,
    result::{Effect, StepResult},
    step::Planned,
};

#[derive(Clone, Debug)]
pub struct DescribeCluster {
    pub host: Side,
    pub name: String,
    pub wanted: Description,
    pub changes: Vec<Change>,
    pub patch: Guarded,
    /// Whether its host still writes to it, so that nobody knows yet what stands there then.
    pub host_writes: bool,
    /// The Cluster's own.
    pub uid: String,
}

impl DescribeCluster {
    /// None where the Cluster says all of it. What was not asked for is left as it is.
    pub fn between(host: &Side, cluster: &RegisteredCluster, wanted: &Description) -> Option<Self> {
        let mut step = Self {
            host: host.clone(),
            name: cluster.name().to_owned(),
            wanted: wanted.clone(),
            changes: Vec::new(),
            patch: Guarded::default(),
            host_writes: false,
            uid: cluster.object_uid().to_owned(),
        };
        step.patch.test("/metadata/uid", Some(&json!(cluster.object_uid())));
        step.compare("labels", cluster.object().pointer("/metadata/labels"), labels(wanted));
        step.compare("annotations", cluster.object().pointer("/metadata/annotations"), annotations(wanted));
        let provider = cluster.object().pointer("/spec/provider");
        if let Some(wanted) = wanted.provider.as_ref().filter(|wanted| provider != Some(&json!(wanted))) {
            step.set("/spec/provider", "spec.provider", provider, wanted);
        }
        (!step.changes.is_empty()).then_some(step)
    }

    /// Whether both change the same in the same Cluster, whatever else stands beside it.
    pub fn changes_the_same_as(&self, other: &Self) -> bool {
        (&self.uid, &self.changes) == (&other.uid, &other.changes)
    }

    fn compare(&mut self, map: &str, present: Option<&Value>, wanted: Map<String, Value>) {
        let value_of = |key: &str| present.and_then(|present| present.get(key));
        let differing: Map<String, Value> =
            wanted.into_iter().filter(|(key, value)| value_of(key) != Some(value)).collect();
        if differing.is_empty() {
            return;
        }
        let place = format!("/metadata/{map}");
        if present.is_none() {
            self.patch.test(&place, None);
            self.patch.set(&place, &json!(differing));
        }
        for (key, value) in &differing {
            let (field, text) = (format!("metadata.{map}[{key}]"), value.as_str().unwrap_or_default());
            if present.is_none() {
                self.changes.push(Change { field, old: None, new: text.to_owned() });
            } else {
                let path = format!("{place}/{}", key.replace('~', "~0").replace('/', "~1"));
                self.set(&path, &field, value_of(key), text);
            }
        }
    }

    fn set(&mut self, path: &str, field: &str, present: Option<&Value>, wanted: &str) {
        self.patch.test(path, present);
        self.patch.set(path, &json!(wanted));
        let old = present.and_then(Value::as_str).map(str::to_owned);
        self.changes.push(Change { field: field.to_owned(), old, new: wanted.to_owned() });
    }
}

impl Planned for DescribeCluster {
    fn cluster(&self) -> &Side {
        &self.host
    }

    fn verb(&self) -> &'static str {
        "patch"
    }

    fn objects(&self) -> Vec<ObjectRef> {
        vec![ObjectKind::CLUSTER.named(&self.name)]
    }

    fn changes(&self) -> &[Change] {
        &self.changes
    }

    fn manifests(&self, _: Option<&StoredKubeconfig>) -> Vec<Manifest> {
        if self.host_writes {
            return Vec::new();
        }
        let cluster = ObjectKind::CLUSTER.named(&self.name);
        vec![Manifest::of_patch(&self.host, cluster, self.patch.document())]
    }

    fn accesses(&self) -> Vec<(Side, Access)> {
        of_clusters(&self.host, &["get", "patch"])
    }

    fn foreseen(&self) -> Vec<StepResult> {
        vec![StepResult::new(&self.host, ObjectKind::CLUSTER.named(&self.name), Effect::Patched)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(metadata: &Value) -> RegisteredCluster {
        let mut object = json!({"metadata": {"name": "edge-1", "uid": "o"}, "spec": {"provider": "old"}});
        object["metadata"].as_object_mut().unwrap().extend(metadata.as_object().unwrap().clone());
        RegisteredCluster::new(object)
    }

    fn between(metadata: &Value, wanted: &Description) -> Option<DescribeCluster> {
        DescribeCluster::between(&Side::host("prod"), &cluster(metadata), wanted)
    }

    fn fields(step: &DescribeCluster) -> Vec<String> {
        let shown = |change: &Change| {
            format!("{}: {} → {}", change.field, change.old.as_deref().unwrap_or("<unset>"), change.new)
        };
        step.changes.iter().map(shown).collect()
    }

    #[test]
    fn what_the_cluster_says_already_and_what_nobody_asked_for_is_left() {
        let said = json!({"annotations": {"kubesphere.io/alias-name": "Edge", "other": "x"}});
        assert!(between(&said, &Description::default()).is_none());
        let same = Description { alias: Some("Edge".to_owned()), ..Description::default() };
        assert!(between(&said, &same).is_none());
    }

    #[test]
    fn each_value_is_guarded_on_what_stands_there() {
        let wanted = Description {
            alias: Some("Edge one".to_owned()),
            group: Some("production".to_owned()),
            provider: Some("new".to_owned()),
            ..Description::default()
        };
        let step = between(&json!({"annotations": {"kubesphere.io/alias-name": "Edge"}}), &wanted).unwrap();
        assert_eq!(
            fields(&step),
            [
                "metadata.labels[cluster.kubesphere.io/group]: <unset> → production",
                "metadata.annotations[kubesphere.io/alias-name]: Edge → Edge one",
                "spec.provider: old → new",
            ]
        );
        let document = step.patch.document();
        for operation in [
            json!({"op": "test", "path": "/metadata/uid", "value": "o"}),
            json!({"op": "test", "path": "/metadata/labels", "value": null}),
            json!({"op": "add", "path": "/metadata/labels", "value": {"cluster.kubesphere.io/group": "production"}}),
            json!({"op": "test", "path": "/metadata/annotations/kubesphere.io~1alias-name", "value": "Edge"}),
            json!({"op": "add", "path": "/metadata/annotations/kubesphere.io~1alias-name", "value": "Edge one"}),
            json!({"op": "test", "path": "/spec/provider", "value": "old"}),
        ] {
            assert!(document.as_array().unwrap().contains(&operation), "{operation} in {document}");
        }
    }
}
