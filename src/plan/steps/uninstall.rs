//! Uninstalls ks-core from a former member: deletes what helm's release lists, and then helm's records. The chart's hooks are not
//! run: after an uninstallation they delete the definitions of KubeSphere with everything of these kinds
//! (kubesphere `config/ks-core/charts/ks-crds/scripts/post-delete.sh@v4.1.3`).

use kubesphere::{
    object::{ExistingObject, ObjectRef},
    side::Side,
};

use crate::plan::{
    access::{Access, of_kind},
    result::{Effect, StepResult},
    step::Planned,
    unjoin::core::Uninstallation,
};

#[derive(Clone, Debug)]
pub struct Uninstall {
    pub cluster: Side,
    pub uninstallation: Uninstallation,
}

impl Uninstall {
    fn all(&self) -> impl Iterator<Item = &ExistingObject> {
        self.uninstallation.objects.iter().chain(&self.uninstallation.records)
    }
}

impl Planned for Uninstall {
    fn cluster(&self) -> &Side {
        &self.cluster
    }

    fn verb(&self) -> &'static str {
        "delete"
    }

    fn objects(&self) -> Vec<ObjectRef> {
        self.all().map(|existing| existing.object.clone()).collect()
    }

    fn accesses(&self) -> Vec<(Side, Access)> {
        let of = |existing: &ExistingObject| {
            let ObjectRef { kind, namespace, .. } = existing.object;
            ["get", "delete"].map(|verb| (self.cluster.clone(), of_kind(verb, kind, namespace)))
        };
        self.all().flat_map(of).collect()
    }

    fn foreseen(&self) -> Vec<StepResult> {
        let deleted = |object| StepResult::new(&self.cluster, object, Effect::Deleted);
        self.objects().into_iter().map(deleted).collect()
    }
}
