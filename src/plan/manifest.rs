//! What a step would send, as data for those who apply it by other means.

use std::collections::BTreeSet;

use kubesphere::{
    object::{ObjectKind, ObjectRef},
    side::Side,
};
use serde_json::{Value, json};

use super::{configuration_patch::Change, step::Step};

/// An object or a patch. It may hold secrets: it is for a file that nobody else reads.
#[derive(Clone)]
pub struct Manifest {
    pub cluster: Side,
    pub object: ObjectRef,
    pub form: Form,
    pub content: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// An object that is created. Applying it would keep what it holds a second time, in an annotation.
    Object,
    /// An RFC 6902 patch, with `test` operations on what it replaces.
    JsonPatch,
}

/// A step with its manifests; none where it sends nothing, or where what it sends is not known yet.
#[derive(Clone)]
pub struct Written {
    pub step: Step,
    /// The number of its phase, and its lane there: what it waits for is before it.
    pub place: (usize, Side),
    pub manifests: Vec<Manifest>,
}

impl Written {
    /// A Cluster's kubeconfig, or the jwtSecret.
    pub fn holds_secret(&self) -> bool {
        let stores = |manifest: &Manifest| {
            manifest.form == Form::Object && manifest.object.kind == ObjectKind::CLUSTER
        };
        self.step.changes().iter().any(Change::sets_jwt_secret) || self.manifests.iter().any(stores)
    }
}

/// The numbers of the steps that this one waits for: the one before it in its lane, or else the last ones of the phase before.
pub fn waits_for(written: &[Written], number: usize) -> Vec<usize> {
    let (phase, lane) = &written[number].place;
    let before = || written[..number].iter().enumerate().rev();
    if let Some((before, _)) = before().find(|(_, other)| other.place == (*phase, lane.clone())) {
        return vec![before];
    }
    let Some(last) = before().map(|(_, other)| other.place.0).find(|other| other < phase) else {
        return Vec::new();
    };
    let of_last = before().filter(|(_, other)| other.place.0 == last);
    let mut lanes = BTreeSet::new();
    let ends = of_last.filter(|(_, other)| lanes.insert(other.place.1.clone())).map(|(number, _)| number);
    let mut ends: Vec<usize> = ends.collect();
    ends.sort_unstable();
    ends
}

impl Manifest {
    /// In the object's own namespace, so that no option has to name it.
    pub fn of_object(cluster: &Side, object: ObjectRef, mut content: Value) -> Self {
        if let Some(namespace) = object.namespace {
            content["metadata"]["namespace"] = json!(namespace);
        }
        Self { cluster: cluster.clone(), object, form: Form::Object, content }
    }

    pub fn of_patch(cluster: &Side, object: ObjectRef, content: Value) -> Self {
        Self { cluster: cluster.clone(), object, form: Form::JsonPatch, content }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::steps::sweep_pods::SweepPods;

    fn written(places: &[(usize, &str)]) -> Vec<Written> {
        let written = |(phase, member): &(usize, &str)| Written {
            step: Step::SweepPods(SweepPods { host: Side::host("prod"), pods: Vec::new() }),
            place: (*phase, Side::member(*member)),
            manifests: Vec::new(),
        };
        places.iter().map(written).collect()
    }

    #[test]
    fn a_step_waits_for_its_lane_and_a_lane_for_the_phase_before() {
        let written = written(&[(0, "a"), (0, "b"), (0, "b"), (2, "a"), (2, "a"), (2, "b")]);
        let waits: Vec<Vec<usize>> = (0..6).map(|number| waits_for(&written, number)).collect();
        assert_eq!(waits, [vec![], vec![], vec![1], vec![0, 2], vec![3], vec![0, 2]]);
    }

    #[test]
    fn an_object_names_its_namespace() {
        let (member, kind) = (Side::member("a"), ObjectKind::SECRET);
        let named = kind.named("s").in_namespace("n");
        let manifest = Manifest::of_object(&member, named, json!({"metadata": {"name": "s"}}));
        assert_eq!(manifest.content["metadata"]["namespace"], "n");
        let cluster_wide = Manifest::of_object(&member, kind.named("s"), json!({"metadata": {"name": "s"}}));
        assert!(cluster_wide.content["metadata"].get("namespace").is_none());
    }
}
